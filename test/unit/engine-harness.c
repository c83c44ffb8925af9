/* SPDX-License-Identifier: MIT */
/* engine-harness.c: the guest's and the network's side of one queue */
#include "engine-harness.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "netback/common/util.h"
#include "netback/engine/vif.h"
#include "test/unit/test-machine.h"

#define must(condition)                                                                            \
	do {                                                                                       \
		if (!(condition)) {                                                                \
			fprintf(stderr, "harness: line %d: %s: %s\n", __LINE__, #condition,        \
				strerror(errno));                                                  \
			exit(1);                                                                   \
		}                                                                                  \
	} while (0)

/* --- life --------------------------------------------------------------------------------------- */

void harness_create(void)
{
	test_machine_create();
	/* A write to a port that is gone is to be an error here, as it is with a tap. */
	signal(SIGPIPE, SIG_IGN);
}

void harness_remove(void)
{
	test_machine_remove();
}

bool harness_has_uring(void)
{
	static struct iobatch io;
	bool has;

	iobatch_open(&io, true);
	has = io.uring;
	iobatch_close(&io);
	if (!has)
		printf("io_uring is not allowed here: only the plain mode is tested\n");
	return has;
}

static void *new_page(void)
{
	void *page = aligned_alloc(RING_PAGE_BYTES, RING_PAGE_BYTES);

	must(page);
	return page;
}

static void open_port(struct harness *h)
{
	int fds[2], size = 4 << 20;

	must(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds) == 0);
	for (int i = 0; i < 2; i++)
		setsockopt(fds[i], SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
	h->q.port = (struct port){.fd = fds[0], .frames = {.fd = fds[0]}};
	h->peer = fds[1];
}

static void close_port(struct harness *h)
{
	iobatch_end_stream(&h->w.io, &h->q.port.frames);
	port_close(&h->q.port);
	close(h->peer);
}

static void share_pages(struct harness *h)
{
	uint8_t *pages;

	h->shr = xengntshr_open(NULL, 0);
	must(h->shr);
	pages = xengntshr_share_pages(h->shr, 0, HARNESS_PAGES, h->ref, 1);
	h->readonly = xengntshr_share_pages(h->shr, 0, 1, &h->readonly_ref, 0);
	must(pages && h->readonly);
	for (unsigned int i = 0; i < HARNESS_PAGES; i++)
		h->page[i] = pages + i * COPY_PAGE_SIZE;
	h->bad_ref = MACHINE_GREFS - 1;
}

void harness_open(struct harness *h, bool want_uring)
{
	struct link_features features = harness_all_features();

	memset(h, 0, sizeof(*h));
	h->w.gnttab = xengnttab_open(NULL, 0);
	must(h->w.gnttab);
	share_pages(h);
	iobatch_open(&h->w.io, want_uring);
	h->tx = new_page();
	h->rx = new_page();
	h->q.journal_bytes = aligned_alloc(64, JOURNAL_QUEUE_BYTES);
	must(h->q.journal_bytes);
	h->q.worker = &h->w;
	h->q.stats = &h->stats;
	h->q.memory = &h->memory;
	h->q.vif = (struct vif *)h; /* only ever handed to vif_ready */
	open_port(h);
	must(tx_init(&h->q.tx, 0) == 0);
	must(rx_init(&h->q.rx, 0) == 0);
	h->new_rx = h->q.rx;
	h->q.features = features;
}

void harness_close(struct harness *h)
{
	close_port(h);
	iobatch_close(&h->w.io);
	tx_release(&h->q.tx);
	rx_release(&h->q.rx);
	free(h->q.journal_bytes);
	free(h->tx);
	free(h->rx);
	xengntshr_unshare(h->shr, h->page[0], HARNESS_PAGES);
	xengntshr_unshare(h->shr, h->readonly, 1);
	xengntshr_close(h->shr);
	selfgrant_close(&h->w.selfgrant);
	xengnttab_close(h->w.gnttab);
}

void harness_share(struct harness *h)
{
	selfgrant_open(&h->w.selfgrant, NULL);
	selfgrant_share(&h->w.selfgrant, h->w.gnttab, 0);
	must(h->w.selfgrant.pages);
}

/* As tx_init and rx_init leave them, but in the memory that is there: a reset costs microseconds. */
static void reset_buffers(struct harness *h, const struct link_features *features)
{
	uint8_t *pages = h->q.tx.pages;

	memset(&h->q.tx, 0, sizeof(h->q.tx));
	h->q.tx.pages = pages;
	copy_init(&h->q.tx.copy, 0);
	if (memcmp(features, &h->q.features, sizeof(*features)) != 0) {
		rx_release(&h->q.rx);
		memset(&h->q.rx, 0, sizeof(h->q.rx));
		must(rx_init(&h->q.rx, 0) == 0);
		h->new_rx = h->q.rx;
		h->q.features = *features;
	}
	h->q.rx = h->new_rx;
	h->q.tx.copy.selfgrant = h->q.rx.copy.selfgrant = &h->w.selfgrant;
}

void harness_reset(struct harness *h, const struct link_features *features, RING_IDX start)
{
	close_port(h);
	open_port(h);
	reset_buffers(h, features);
	memset(h->tx, 0xa5, RING_PAGE_BYTES);
	memset(h->rx, 0xa5, RING_PAGE_BYTES);
	h->tx->req_prod = h->tx->rsp_prod = h->rx->req_prod = h->rx->rsp_prod = start;
	h->tx->req_event = h->tx->rsp_event = h->rx->req_event = h->rx->rsp_event = start + 1;
	h->tx_prod = h->tx_cons = h->rx_prod = h->rx_cons = start;
	must(ring_tx_attach(&h->q.tx_ring, h->tx) == 0);
	must(ring_rx_attach(&h->q.rx_ring, h->rx) == 0);
	memset(h->q.journal_bytes, 0, JOURNAL_QUEUE_BYTES);
	h->q.journal = journal_attach(h->q.journal_bytes, 1, 2);
	memset(&h->stats, 0, sizeof(h->stats));
	memset(&h->q.policy, 0, sizeof(h->q.policy));
	memset(&h->memory, 0, sizeof(h->memory));
	tx_police(&h->q);
	rx_police(&h->q, false);
	h->nr_ready_calls = h->nr_stalled_calls = 0;
	h->ready = false;
}

struct link_features harness_all_features(void)
{
	return (struct link_features){
		.rx_sg = true,
		.rx_gso_tcpv4 = true,
		.rx_gso_tcpv6 = true,
		.rx_csum_ipv4 = true,
		.rx_csum_ipv6 = true,
		.rx_notify = true,
	};
}

/* In the place of vif.c. */
void vif_ready(struct vif *vif, bool ready)
{
	struct harness *h = (struct harness *)vif;

	h->nr_ready_calls++;
	h->ready = ready;
}

void vif_stalled(struct vif *vif)
{
	((struct harness *)vif)->nr_stalled_calls++;
}

int harness_step(struct harness *h)
{
	int ret;

	h->why = NULL;
	selfgrant_reset(&h->w.selfgrant);
	ret = tx_begin(&h->q, &h->why);
	if (ret >= 0)
		ret = rx_begin(&h->q, &h->why);
	if (ret < 0)
		return ret;
	iobatch_run(&h->w.io);
	h->tx_notify = tx_end(&h->q);
	h->rx_notify = rx_end(&h->q);
	return 0;
}

int harness_round(struct harness *h)
{
	bool tx_notify, rx_notify;
	int ret = harness_step(h);

	if (ret < 0 || h->q.tx.nr_held == 0)
		return ret;
	tx_notify = h->tx_notify;
	rx_notify = h->rx_notify;
	ret = harness_step(h);
	h->tx_notify |= tx_notify;
	h->rx_notify |= rx_notify;
	return ret;
}

/* --- the guest ------------------------------------------------------------------------------------ */

void harness_tx_put(struct harness *h, const netif_tx_request_t *req)
{
	h->tx->ring[h->tx_prod++ % RING_SLOTS].req = *req;
}

void harness_tx_put_extra(struct harness *h, const struct netif_extra_info *extra)
{
	memcpy(&h->tx->ring[h->tx_prod++ % RING_SLOTS], extra, sizeof(*extra));
}

void harness_tx_push(struct harness *h)
{
	h->tx->req_prod = h->tx_prod;
}

bool harness_tx_take(struct harness *h, netif_tx_response_t *rsp)
{
	if (h->tx_cons == h->tx->rsp_prod)
		return false;
	*rsp = h->tx->ring[h->tx_cons++ % RING_SLOTS].rsp;
	return true;
}

uint16_t harness_rx_id(RING_IDX position)
{
	return (uint16_t)(position * 40503u + 7);
}

void harness_rx_post(struct harness *h, unsigned int nr)
{
	for (; nr; nr--, h->rx_prod++) {
		unsigned int slot = h->rx_prod % RING_SLOTS;

		h->rx->ring[slot].req = (netif_rx_request_t){
			.id = harness_rx_id(h->rx_prod),
			.gref = h->ref[slot],
		};
	}
	h->rx->req_prod = h->rx_prod;
}

/* The slot at h->rx_cons, whose responses to data the guest reads at their offset. */
static const char *take_data(struct harness *h, struct harness_frame *f, uint16_t *ret_flags)
{
	unsigned int slot = h->rx_cons % RING_SLOTS;
	netif_rx_response_t rsp = h->rx->ring[slot].rsp;

	if (h->rx_cons == h->rx->rsp_prod)
		return "no response";
	if (rsp.id != harness_rx_id(h->rx_cons))
		return "an id that is not its position's";
	if (rsp.status > 0 && rsp.offset + rsp.status > (int)COPY_PAGE_SIZE)
		return "beyond the page";
	if (f->nr_slots == 0)
		f->offset = rsp.offset;
	else if (rsp.offset)
		return "an offset on a slot that is not the first";
	if (rsp.status <= 0)
		f->status = rsp.status;
	else if (f->len + (size_t)rsp.status > sizeof(f->data))
		return "too long";
	else
		memcpy(f->data + f->len, h->page[slot] + rsp.offset, (size_t)rsp.status);
	f->len += rsp.status > 0 ? (size_t)rsp.status : 0;
	h->rx_cons++;
	f->nr_slots++;
	*ret_flags = rsp.flags;
	return NULL;
}

static const char *take_extra(struct harness *h, struct harness_frame *f, uint8_t *last_type)
{
	struct netif_extra_info extra;

	if (h->rx_cons == h->rx->rsp_prod)
		return "no extra info";
	memcpy(&extra, &h->rx->ring[h->rx_cons++ % RING_SLOTS], sizeof(extra));
	if (extra.type <= *last_type)
		return "extra infos that are not in the order of their types";
	*last_type = extra.type;
	f->extra_flags = extra.flags;
	f->nr_slots++;
	switch (extra.type) {
	case XEN_NETIF_EXTRA_TYPE_GSO:
		f->gso_size = extra.u.gso.size;
		f->gso_type = extra.u.gso.type;
		return extra.u.gso.pad || extra.u.gso.features ? "no clean gso info" : NULL;
	case XEN_NETIF_EXTRA_TYPE_HASH:
		f->hashed = true;
		f->hash_type = extra.u.hash.type;
		memcpy(&f->hash, extra.u.hash.value, sizeof(f->hash));
		return extra.u.hash.algorithm == XEN_NETIF_CTRL_HASH_ALGORITHM_TOEPLITZ
			       ? NULL
			       : "a hash of another algorithm";
	case RX_EXTRA_TYPE_XDP:
		f->headroom = extra.u.pad[0];
		return extra.u.pad[1] || extra.u.pad[2] ? "no clean headroom info" : NULL;
	default:
		return "an extra info of another type";
	}
}

static const char *take_extras(struct harness *h, struct harness_frame *f)
{
	const char *wrong;
	uint8_t type = 0;

	do
		wrong = take_extra(h, f, &type);
	while (!wrong && f->extra_flags & XEN_NETIF_EXTRA_FLAG_MORE);
	return wrong;
}

const char *harness_rx_take(struct harness *h, struct harness_frame *f)
{
	const char *wrong;
	uint16_t flags;

	memset(f, 0, offsetof(struct harness_frame, data));
	f->status = 1;
	wrong = take_data(h, f, &flags);
	if (wrong)
		return wrong;
	f->flags = flags;
	if (flags & NETRXF_extra_info)
		wrong = take_extras(h, f);
	while (!wrong && flags & NETRXF_more_data) {
		wrong = take_data(h, f, &flags);
		if (!wrong && flags & (uint16_t)~NETRXF_more_data)
			return "flags on a slot that is not the first";
	}
	return wrong;
}

/* --- the network ------------------------------------------------------------------------------------ */

void harness_send(struct harness *h, const struct virtio_net_hdr *hdr, const void *frame,
		  size_t len)
{
	struct iovec iov[] = {{(void *)hdr, PORT_HEADER_BYTES}, {(void *)frame, len}};

	must(writev(h->peer, iov, 2) == (ssize_t)(PORT_HEADER_BYTES + len));
}

ssize_t harness_recv(struct harness *h, struct virtio_net_hdr *ret_hdr, uint8_t *ret_frame)
{
	struct iovec iov[] = {{ret_hdr, PORT_HEADER_BYTES}, {ret_frame, HARNESS_FRAME}};
	ssize_t n = readv(h->peer, iov, 2);

	return n < PORT_HEADER_BYTES ? -1 : n - PORT_HEADER_BYTES;
}

void harness_make_frame(uint8_t *frame, unsigned int version, size_t len, uint8_t seed)
{
	size_t ip = 14, tcp = version == 4 ? 34 : 54;
	uint16_t bytes = htons((uint16_t)(len - (version == 4 ? ip : tcp)));

	for (size_t i = 0; i < len; i++)
		frame[i] = (uint8_t)(i * 31 + (i >> 8) * 7 + seed);
	frame[12] = version == 4 ? 0x08 : 0x86;
	frame[13] = version == 4 ? 0x00 : 0xdd;
	if (version == 4) {
		frame[ip] = 0x45;
		memcpy(frame + ip + 2, &bytes, 2);
		frame[ip + 6] = frame[ip + 7] = 0;
		frame[ip + 9] = IPPROTO_TCP;
	} else {
		frame[ip] = 0x60;
		memcpy(frame + ip + 4, &bytes, 2);
		frame[ip + 6] = IPPROTO_TCP;
	}
	frame[tcp + 12] = 0x50;
	frame[tcp + 13] = 0x10;
}

const char *harness_drop(const struct stats_queue *stats, uint64_t *ret_count)
{
	const char *name = "";

	*ret_count = 0;
#define LOOK(reason, what)                                                                         \
	if (stats->drop_##reason) {                                                                \
		name = *ret_count ? "several" : #reason;                                           \
		*ret_count += stats->drop_##reason;                                                \
	}
	STATS_DROP_REASONS(LOOK)
#undef LOOK
	return name;
}
