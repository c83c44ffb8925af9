/* SPDX-License-Identifier: MIT -- the frontend of one vif: xenbus states, negotiation, connect and disconnect */
#include "netfront.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <time.h>

#include "nfstore.h"

enum {
	FRAME_EXTRAS = 2 /* GSO, hash */
};

#define STATE_BIT(state) (1U << (state))

const char *netfront_state_name(unsigned int state)
{
	static const char *const names[] = {
		"Unknown", "Initialising", "InitWait",	    "Initialised",  "Connected",
		"Closing", "Closed",	   "Reconfiguring", "Reconfigured",
	};

	return state < sizeof(names) / sizeof(names[0]) ? names[state] : "invalid";
}

static int set_nonblocking(int fd)
{
	int flags = fcntl(fd, F_GETFL);

	return flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) < 0 ? -errno : 0;
}

int netfront_open(struct netfront *nf, const struct netfront_config *config)
{
	int err;

	memset(nf, 0, sizeof(*nf));
	nf->config = *config;
	nf->xs = xs_open(0);
	nf->gntshr = nf->xs ? xengntshr_open(NULL, 0) : NULL;
	nf->evtchn = nf->gntshr ? xenevtchn_open(NULL, 0) : NULL;
	if (!nf->evtchn) {
		err = errno ? -errno : -ENODEV;
		netfront_close(nf);
		return err;
	}
	err = set_nonblocking(xenevtchn_fd(nf->evtchn));
	if (!err)
		err = nfstore_find(nf);
	if (err)
		netfront_close(nf);
	return err;
}

void netfront_close(struct netfront *nf)
{
	if (nf->evtchn)
		xenevtchn_close(nf->evtchn);
	if (nf->gntshr)
		xengntshr_close(nf->gntshr);
	if (nf->xs)
		xs_close(nf->xs);
	nf->evtchn = NULL;
	nf->gntshr = NULL;
	nf->xs = NULL;
	free(nf->queue);
	nf->queue = NULL;
	nf->nr_queues = 0;
}

int netfront_set_state(struct netfront *nf, unsigned int state)
{
	int err = nfstore_write_state(nf, state);

	if (!err)
		nf->fe_state = state;
	return err;
}

/* A backend walks 1-2-4-5-6 and from 6 back to 2; 8 is the answer to our 7; 3 and 7
 * need something of us that we never do. */
static void check_backend_state(struct netfront *nf, unsigned int state)
{
	if (state == XenbusStateInitialised || state == XenbusStateReconfiguring ||
	    (state == XenbusStateReconfigured && !nf->setup.reconfigured))
		fault_raise(&nf->faults, NF_FAULT_STATE, "%s", netfront_state_name(state));
}

static bool is_wanted(struct netfront *nf)
{
	return nfstore_backend_bool(nf, XSK_BE_ONLINE);
}

/* NetBSD's driver panics on what it does not expect of a device that is wanted. */
static void check_panic(struct netfront *nf)
{
	if (nf->config.profile.lost != PROFILE_PANICS || nf->fe_state != XenbusStateConnected)
		return;
	if (nf->be_state != XenbusStateUnknown && nf->be_state != XenbusStateClosed)
		return;
	if (is_wanted(nf))
		fault_raise(&nf->faults, NF_FAULT_STATE, "%s while we are connected: panic",
			    netfront_state_name(nf->be_state));
}

bool netfront_store_event(struct netfront *nf)
{
	unsigned int before = nf->be_state;
	char **event;

	while ((event = xs_check_watch(nf->xs)))
		free(event);
	nf->be_state = nfstore_backend_state(nf);
	if (nf->be_state == before)
		return false;
	check_backend_state(nf, nf->be_state);
	check_panic(nf);
	return true;
}

static int64_t now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

int netfront_wait(struct netfront *nf, unsigned int mask, int timeout_ms)
{
	struct pollfd pfd = {.fd = xs_fileno(nf->xs), .events = POLLIN};
	int64_t end = now_ms() + timeout_ms;

	for (;;) {
		int64_t left = end - now_ms();

		netfront_store_event(nf);
		if (mask & STATE_BIT(nf->be_state))
			return 0;
		if (left <= 0)
			return -ETIMEDOUT;
		if (poll(&pfd, 1, left) < 0 && errno != EINTR)
			return -errno;
	}
}

static int step(struct netfront *nf, unsigned int state, unsigned int wanted)
{
	int err = netfront_set_state(nf, state);

	return err ? err : netfront_wait(nf, wanted, nf->config.timeout_ms);
}

/* iPXE makes the backend forget whoever was there before, by Closed alone. */
static int reset_by_closed(struct netfront *nf)
{
	if (nf->be_state == XenbusStateInitWait)
		return 0;
	return step(nf, XenbusStateClosed, STATE_BIT(XenbusStateClosed));
}

int netfront_reset(struct netfront *nf)
{
	const unsigned int closed = STATE_BIT(XenbusStateClosed);
	const unsigned int init_wait = STATE_BIT(XenbusStateInitWait);
	int err = 0;

	nf->be_state = nfstore_backend_state(nf);
	if (nf->config.profile.close == PROFILE_RESETS && nf->be_state > XenbusStateInitWait)
		err = reset_by_closed(nf);
	/* A frontend before us went without a word: kexec, crash. Walk the backend
	 * down as Linux's xenbus does in a new kernel. */
	if (!err &&
	    (nf->be_state == XenbusStateConnected || nf->be_state == XenbusStateReconfigured)) {
		err = step(nf, XenbusStateClosing,
			   STATE_BIT(XenbusStateClosing) | closed | init_wait);
		if (!err)
			err = step(nf, XenbusStateClosed, closed | init_wait);
	}
	if (!err && nf->fe_state != XenbusStateInitialising)
		err = netfront_set_state(nf, XenbusStateInitialising);
	return err ? err : netfront_wait(nf, init_wait, nf->config.timeout_ms);
}

static void offered(struct netfront *nf, struct netfront_caps *caps)
{
	*caps = (struct netfront_caps){
		.sg = nfstore_backend_bool(nf, XSK_BE_FEATURE_SG),
		.gso4 = nfstore_backend_bool(nf, XSK_BE_FEATURE_GSO_TCPV4),
		.gso6 = nfstore_backend_bool(nf, XSK_BE_FEATURE_GSO_TCPV6),
		.csum4 = !nfstore_backend_bool(nf, XSK_BE_FEATURE_NO_CSUM_OFFLOAD),
		.csum6 = nfstore_backend_bool(nf, XSK_BE_FEATURE_IPV6_CSUM_OFFLOAD),
	};
}

static void keep_common(struct netfront_caps *caps, const struct netfront_caps *own)
{
	caps->sg &= own->sg;
	caps->gso4 &= own->gso4;
	caps->gso6 &= own->gso6;
	caps->csum4 &= own->csum4;
	caps->csum6 &= own->csum6;
}

static int negotiate(struct netfront *nf, unsigned int *queues)
{
	const struct netfront_profile *profile = &nf->config.profile;
	bool known;
	uint32_t most;

	nf->rx_caps = profile->caps;
	if (profile->blind) {
		nf->tx_caps = (struct netfront_caps){.csum4 = profile->tx.csum4};
		nf->split = false;
		*queues = 1;
		return 0;
	}
	if (!nfstore_backend_bool(nf, XSK_BE_FEATURE_RX_COPY) && profile->needs_rx_copy) {
		fault_raise(&nf->faults, NF_FAULT_KEYS, "no %s", xsk_name(XSK_BE_FEATURE_RX_COPY));
		return -ENODEV;
	}
	offered(nf, &nf->tx_caps);
	nf->rx_caps.sg &= !profile->sg_if_offered || nf->tx_caps.sg;
	nf->rx_caps.csum6 &= !profile->csum6_if_offered || nf->tx_caps.csum6;
	keep_common(&nf->tx_caps, &profile->tx);
	nf->split = profile->split && nfstore_backend_bool(nf, XSK_BE_FEATURE_SPLIT_EVENT_CHANNELS);
	most = nfstore_backend_uint(nf, XSK_BE_MULTI_QUEUE_MAX_QUEUES, &known);
	if (!known || most < 1)
		most = 1;
	*queues = nf->config.queues < most ? nf->config.queues : most;
	if (*queues > profile->max_queues)
		*queues = profile->max_queues;
	return 0;
}

static void queue_config(const struct netfront *nf, struct nfqueue_config *config)
{
	const struct netfront_profile *profile = &nf->config.profile;

	*config = (struct nfqueue_config){
		.backend = nf->vif.backend,
		.split = nf->split,
		.rx_notify = profile->rx_notify,
		.guard = nf->config.guard,
		.fresh_grants = profile->fresh_grants,
		.tx_buffers = profile->tx_buffers,
		.rx_buffers = profile->rx_buffers,
		.tx_ids = profile->tx_ids,
		.tx_flags = profile->tx_flags,
		.rules =
			{
				.ids = profile->rx_ids,
				.status_asserts = profile->status_asserts,
				.flags_confused = profile->flags_confused,
				.max_frame = profile->max_frame,
				.hash = nf->config.setup.hash.on,
				.sg = nf->rx_caps.sg,
				.gso4 = nf->rx_caps.gso4,
				.gso6 = nf->rx_caps.gso6,
			},
	};
}

int netfront_make_rings(struct netfront *nf)
{
	struct nfqueue_config config;
	unsigned int queues;
	int err = negotiate(nf, &queues);

	if (err)
		return err;
	nf->queue = calloc(queues, sizeof(*nf->queue));
	if (!nf->queue)
		return -ENOMEM;
	queue_config(nf, &config);
	for (nf->nr_queues = 0; nf->nr_queues < queues; nf->nr_queues++) {
		err = nfqueue_open(&nf->queue[nf->nr_queues], nf->gntshr, nf->evtchn, &nf->faults,
				   &config);
		if (err) {
			netfront_drop_rings(nf);
			return err;
		}
		if (nf->config.setup.headroom && !nf->config.setup.headroom_late)
			nfrx_headroom(&nf->queue[nf->nr_queues].rx, nf->config.setup.headroom,
				      true);
		/* Nobody listens yet: the backend looks at the ring when it connects. */
		nfrx_fill(&nf->queue[nf->nr_queues].rx);
	}
	nf->generation++;
	err = nfsetup_open(nf);
	if (err)
		netfront_drop_rings(nf);
	return err;
}

static void add_queue(struct netfront_totals *totals, const struct nfqueue *q)
{
	const struct netfront_totals one = {
		.tx = q->tx.stats,
		.rx = q->rx.stats,
		.tx_events = q->tx_events,
		.rx_events = q->rx_events,
		.tx_notifies = q->tx_notifies,
		.rx_notifies = q->rx_notifies,
	};
	const uint64_t *from = (const uint64_t *)&one;
	uint64_t *to = (uint64_t *)totals;

	_Static_assert(sizeof(one) == (sizeof(struct nftx_stats) + sizeof(struct nfrx_stats)) +
					      4 * sizeof(uint64_t),
		       "nothing but counters");
	for (size_t i = 0; i < sizeof(one) / sizeof(*from); i++)
		to[i] += from[i];
}

void netfront_totals(const struct netfront *nf, struct netfront_totals *totals)
{
	*totals = nf->past;
	for (unsigned int i = 0; i < nf->nr_queues; i++)
		add_queue(totals, &nf->queue[i]);
}

bool netfront_room(const struct netfront *nf, const struct nfqueue *q)
{
	unsigned int pages = nf->config.profile.tx_pages;

	return nftx_room(&q->tx, pages + FRAME_EXTRAS, pages);
}

void netfront_drop_rings(struct netfront *nf)
{
	for (unsigned int i = 0; i < nf->nr_queues; i++) {
		struct nfqueue *q = &nf->queue[i];

		if (q->tx_page)
			nftx_reap(&q->tx); /* what was answered while we closed */
		add_queue(&nf->past, q);
		nfqueue_close(q);
	}
	nfsetup_close(nf);
	free(nf->queue);
	nf->queue = NULL;
	nf->nr_queues = 0;
}

int netfront_publish(struct netfront *nf)
{
	return nfstore_publish(nf);
}

int netfront_connect(struct netfront *nf)
{
	int err = 0;

	/* Mini-OS and its heirs look at the backend's state no sooner than they wait for 4. */
	if (!nf->config.profile.early)
		err = netfront_reset(nf);
	if (!err)
		err = netfront_make_rings(nf);
	if (err)
		return err;
	err = netfront_publish(nf);
	if (!err)
		err = step(nf, XenbusStateConnected, STATE_BIT(XenbusStateConnected));
	if (err) {
		netfront_drop_rings(nf);
		return err;
	}
	err = nfsetup_run(nf);
	if (err)
		netfront_disconnect(nf);
	return err;
}

/* Mini-OS takes its transmit semaphore once for each request: one without an answer hangs it. */
static void await_answers(struct netfront *nf)
{
	int64_t end = now_ms() + nf->config.timeout_ms;
	struct pollfd pfd = {.fd = xenevtchn_fd(nf->evtchn), .events = POLLIN};

	for (unsigned int i = 0; i < nf->nr_queues; i++) {
		struct nftx *tx = &nf->queue[i].tx;

		for (nftx_reap(tx); nftx_outstanding(tx) && !tx->broken; nftx_reap(tx)) {
			int64_t left = end - now_ms();

			if (left <= 0) {
				fault_raise(&nf->faults, NF_FAULT_TX_UNANSWERED, "%u requests",
					    nftx_outstanding(tx));
				return;
			}
			poll(&pfd, 1, left);
			netfront_port_event(nf);
		}
	}
}

static int close_down(struct netfront *nf)
{
	const unsigned int closed = STATE_BIT(XenbusStateClosed) | STATE_BIT(XenbusStateUnknown);
	int err = 0, late;

	if (nf->config.profile.close != PROFILE_RESETS)
		err = step(nf, XenbusStateClosing,
			   closed | STATE_BIT(XenbusStateClosing) | STATE_BIT(XenbusStateInitWait));
	if (err && err != -ETIMEDOUT)
		return err;
	late = step(nf, XenbusStateClosed, closed);
	return late ? late : err;
}

/* Leaves a device that is wanted as it was before the first connect. */
static int reopen(struct netfront *nf)
{
	int err = 0;

	if (nf->config.profile.close == PROFILE_RESETS)
		nfstore_retract(nf);
	if (nf->be_state == XenbusStateUnknown || !is_wanted(nf))
		return 0;
	err = step(nf, XenbusStateInitialising,
		   STATE_BIT(XenbusStateInitWait) | STATE_BIT(XenbusStateUnknown));
	/* It may have been detached meanwhile. */
	return err == -ETIMEDOUT && !is_wanted(nf) ? 0 : err;
}

static bool is_down(const struct netfront *nf)
{
	if (nf->nr_queues)
		return false;
	return nf->fe_state == XenbusStateClosed ||
	       (nf->generation && nf->fe_state == XenbusStateInitialising);
}

int netfront_disconnect(struct netfront *nf)
{
	enum profile_close how = nf->config.profile.close;
	int err;

	nf->be_state = nfstore_backend_state(nf);
	if (is_down(nf) || how == PROFILE_NEVER_CLOSES)
		return 0;
	nfsetup_undo(nf);
	if (nf->config.profile.counts_tx)
		await_answers(nf);
	err = close_down(nf);
	netfront_drop_rings(nf);
	if (!err && how != PROFILE_CLOSES)
		err = reopen(nf);
	/* A toolstack that detaches takes our directory away once the backend is closed, whatever we had left to write. */
	return err == -EACCES && !is_wanted(nf) ? 0 : err;
}

bool netfront_recover(struct netfront *nf)
{
	if (nf->config.profile.lost != PROFILE_RECOVERS || !nf->nr_queues ||
	    nf->fe_state != XenbusStateConnected || nf->be_state != XenbusStateClosed ||
	    !is_wanted(nf))
		return false;
	netfront_drop_rings(nf);
	return !netfront_connect(nf);
}

static bool count_event(struct netfront *nf, int port)
{
	if (nf->setup.open && port == nf->setup.port)
		return true;
	for (unsigned int i = 0; i < nf->nr_queues; i++) {
		struct nfqueue *q = &nf->queue[i];

		if (port != q->tx_port && port != q->rx_port)
			continue;
		if (port == q->tx_port)
			q->tx_events++;
		if (port == q->rx_port)
			q->rx_events++;
		return true;
	}
	return false;
}

void netfront_port_event(struct netfront *nf)
{
	int port;

	/* Unmasked at once: whoever calls this looks at all rings afterwards. */
	while ((port = xenevtchn_pending(nf->evtchn)) >= 0) {
		if (!count_event(nf, port))
			nf->spurious_events++;
		xenevtchn_unmask(nf->evtchn, port);
	}
}

/* The first bytes of a packet in one piece; *linear of them. */
static const uint8_t *headers(const struct nfrx_packet *pkt, uint8_t *buf, size_t *linear)
{
	size_t have = 0;

	if (pkt->nr_frags == 1 || pkt->frag[0].len >= FRAME_HEADERS) {
		*linear = pkt->frag[0].len;
		return pkt->frag[0].data;
	}
	for (unsigned int i = 0; i < pkt->nr_frags && have < FRAME_HEADERS; i++) {
		size_t n = FRAME_HEADERS - have;

		if (n > pkt->frag[i].len)
			n = pkt->frag[i].len;
		memcpy(buf + have, pkt->frag[i].data, n);
		have += n;
	}
	*linear = have;
	return buf;
}

static bool blank_is_usable(struct netfront *nf, const struct frame_info *info)
{
	if (!info->csum) {
		fault_raise(&nf->faults, NF_FAULT_RX_BLANK_UNPARSED, "IP version %u, protocol %u",
			    info->version, info->proto);
		return false;
	}
	if (info->version == 4 ? !nf->rx_caps.csum4 : !nf->rx_caps.csum6)
		fault_raise(&nf->faults, NF_FAULT_RX_BLANK_REFUSED, "IP version %u", info->version);
	return true;
}

bool netfront_take(struct netfront *nf, struct nfqueue *q, struct nfrx_packet *pkt,
		   struct frame_info *info)
{
	uint8_t buf[FRAME_HEADERS];
	const uint8_t *head;
	size_t linear;

	while (nfrx_take(&q->rx, pkt)) {
		if (!pkt->nr_frags)
			continue;
		head = headers(pkt, buf, &linear);
		frame_parse(head, linear, pkt->len, info);
		if (linear >= FRAME_ETH)
			nfsetup_check(nf, q - nf->queue, head, info, pkt);
		if (!(pkt->flags & NETRXF_csum_blank) || blank_is_usable(nf, info))
			return true;
	}
	return false;
}
