/* SPDX-License-Identifier: MIT -- what a frontend asks for beyond its rings: hash, staging, multicast filter, headroom */
#include "nfsetup.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "nfstore.h"

enum {
	CTRL_PATIENCE_MS = 5000, /* xenvif's */
	TABLE_GREFS = NETIF_PAGE / sizeof(struct xen_netif_gref),
};

static const struct nfsetup_config *config_of(const struct netfront *nf)
{
	return &nf->config.setup;
}

static void *share_page(struct netfront *nf, uint32_t *ref)
{
	void *page = xengntshr_share_pages(nf->gntshr, nf->vif.backend, 1, ref, true);

	if (page)
		memset(page, 0, NETIF_PAGE);
	return page;
}

static int open_ring(struct netfront *nf)
{
	struct nfsetup *setup = &nf->setup;

	setup->ring_page = share_page(nf, &setup->ring_ref);
	setup->table_page = setup->ring_page ? share_page(nf, &setup->table_ref) : NULL;
	setup->port =
		setup->table_page ? xenevtchn_bind_unbound_port(nf->evtchn, nf->vif.backend) : -1;
	if (setup->port < 0) {
		int err = errno ? -errno : -EIO;

		nfsetup_close(nf);
		return err;
	}
	nfctrl_init(&setup->ctrl, setup->ring_page, &nf->faults);
	setup->open = true;
	return 0;
}

static int refuse(const char *what)
{
	fprintf(stderr, "netfront-shim: the backend does not offer %s\n", what);
	return -EOPNOTSUPP;
}

int nfsetup_open(struct netfront *nf)
{
	const struct nfsetup_config *config = config_of(nf);
	bool must = config->hash.on || config->staging;

	nf->setup = (struct nfsetup){.port = -1, .stats = nf->setup.stats};
	if (config->mcast == NFSETUP_MCAST_STATIC &&
	    !nfstore_backend_bool(nf, XSK_BE_FEATURE_MULTICAST_CONTROL))
		return refuse(xsk_name(XSK_BE_FEATURE_MULTICAST_CONTROL));
	if (config->mcast == NFSETUP_MCAST_DYNAMIC &&
	    !nfstore_backend_bool(nf, XSK_BE_FEATURE_DYNAMIC_MULTICAST_CONTROL))
		return refuse(xsk_name(XSK_BE_FEATURE_DYNAMIC_MULTICAST_CONTROL));
	if (config->headroom && !nfstore_backend_bool(nf, XSK_BE_FEATURE_XDP_HEADROOM))
		return refuse(xsk_name(XSK_BE_FEATURE_XDP_HEADROOM));
	if (!must && !config->ctrl)
		return 0;
	if (!nfstore_backend_bool(nf, XSK_BE_FEATURE_CTRL_RING))
		return must ? refuse(xsk_name(XSK_BE_FEATURE_CTRL_RING)) : 0;
	nf->setup.nr_staged = calloc(nf->nr_queues, 2 * sizeof(*nf->setup.nr_staged));
	return nf->setup.nr_staged ? open_ring(nf) : -ENOMEM;
}

void nfsetup_close(struct netfront *nf)
{
	struct nfsetup *setup = &nf->setup;

	if (setup->port >= 0)
		xenevtchn_unbind(nf->evtchn, setup->port);
	if (setup->table_page)
		xengntshr_unshare(nf->gntshr, setup->table_page, 1);
	if (setup->ring_page)
		xengntshr_unshare(nf->gntshr, setup->ring_page, 1);
	free(setup->nr_staged);
	*setup = (struct nfsetup){.port = -1, .stats = setup->stats};
}

static int64_t now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

int nfsetup_request(struct netfront *nf, uint16_t type, const uint32_t args[3], uint32_t *data)
{
	struct nfsetup *setup = &nf->setup;
	struct pollfd pfd = {.fd = xenevtchn_fd(nf->evtchn), .events = POLLIN};
	struct xen_netif_ctrl_response rsp;
	int64_t end = now_ms() + CTRL_PATIENCE_MS, left;

	if (!setup->open || setup->ctrl.broken)
		return -ENOTCONN;
	setup->stats.ctrl_requests++;
	if (nfctrl_put(&setup->ctrl, type, args))
		xenevtchn_notify(nf->evtchn, setup->port);
	while (!nfctrl_take(&setup->ctrl, &rsp)) {
		left = end - now_ms();
		if (setup->ctrl.broken)
			return -EPROTO;
		if (left <= 0) {
			fault_raise(&nf->faults, NF_FAULT_CTRL_SILENT, "request of type %u", type);
			setup->ctrl.broken = true;
			return -ETIMEDOUT;
		}
		poll(&pfd, 1, left);
		netfront_port_event(nf);
	}
	setup->stats.ctrl_refused += rsp.status != XEN_NETIF_CTRL_STATUS_SUCCESS;
	if (data)
		*data = rsp.data;
	return rsp.status;
}

/* A request that must succeed. */
static int demand(struct netfront *nf, uint16_t type, uint32_t a, uint32_t b, uint32_t c)
{
	int status = nfsetup_request(nf, type, (const uint32_t[]){a, b, c}, NULL);

	if (status > 0)
		fprintf(stderr, "netfront-shim: control request of type %u: status %d\n", type,
			status);
	return status > 0 ? -EOPNOTSUPP : status;
}

static int set_hash(struct netfront *nf)
{
	const struct nfhash *hash = &config_of(nf)->hash;
	struct nfsetup *setup = &nf->setup;
	uint32_t supported = 0;
	int err = demand(nf, XEN_NETIF_CTRL_TYPE_SET_HASH_ALGORITHM,
			 XEN_NETIF_CTRL_HASH_ALGORITHM_TOEPLITZ, 0, 0);

	if (!err)
		err = nfsetup_request(nf, XEN_NETIF_CTRL_TYPE_GET_HASH_FLAGS,
				      (const uint32_t[3]){0}, &supported);
	if (!err && hash->types & ~supported)
		return refuse("these hash types");
	if (!err)
		err = demand(nf, XEN_NETIF_CTRL_TYPE_SET_HASH_FLAGS, hash->types, 0, 0);
	memcpy(setup->table_page, hash->key, hash->key_len);
	if (!err)
		err = demand(nf, XEN_NETIF_CTRL_TYPE_SET_HASH_KEY, setup->table_ref, hash->key_len,
			     0);
	if (!err)
		err = demand(nf, XEN_NETIF_CTRL_TYPE_SET_HASH_MAPPING_SIZE, hash->size, 0, 0);
	memcpy(setup->table_page, hash->mapping, hash->size * sizeof(hash->mapping[0]));
	if (!err && hash->size)
		err = demand(nf, XEN_NETIF_CTRL_TYPE_SET_HASH_MAPPING, setup->table_ref, hash->size,
			     0);
	return err;
}

static void write_table(struct nfsetup *setup, const struct nfpool *pool, unsigned int nr)
{
	struct xen_netif_gref *table = setup->table_page;

	for (unsigned int i = 0; i < nr; i++)
		table[i] = (struct xen_netif_gref){
			.ref = pool->pages.gref[i],
			.flags = pool->writable ? 0 : XEN_NETIF_CTRLF_GREF_readonly,
			.status = 0xffff,
		};
}

/* Adds pages of one pool, as many as wished and allowed; returns how many, or -errno. */
static int stage_pool(struct netfront *nf, unsigned int queue, const struct nfpool *pool,
		      unsigned int most)
{
	unsigned int nr = config_of(nf)->staging;
	int err;

	nr = nr < pool->pages.nr ? nr : pool->pages.nr;
	nr = nr < most ? nr : most;
	nr = nr < TABLE_GREFS ? nr : TABLE_GREFS;
	if (!nr)
		return 0;
	write_table(&nf->setup, pool, nr);
	err = demand(nf, XEN_NETIF_CTRL_TYPE_ADD_GREF_MAPPING, queue, nf->setup.table_ref, nr);
	nf->setup.stats.staged += err ? 0 : nr;
	return err ? err : (int)nr;
}

static int stage_queue(struct netfront *nf, unsigned int queue)
{
	const uint32_t args[3] = {queue};
	const struct nfqueue *q = &nf->queue[queue];
	unsigned int *staged = &nf->setup.nr_staged[2 * queue];
	uint32_t size = 0;
	int nr = nfsetup_request(nf, XEN_NETIF_CTRL_TYPE_GET_GREF_MAPPING_SIZE, args, &size);

	/* The document's fallback: what is not there is not used. */
	if (nr != XEN_NETIF_CTRL_STATUS_SUCCESS || !size)
		return nr < 0 ? nr : 0;
	if (!queue)
		nf->setup.stats.staging_size = size;
	nr = stage_pool(nf, queue, &q->tx_pool, size / 2);
	if (nr < 0)
		return nr;
	staged[0] = nr;
	nr = stage_pool(nf, queue, &q->rx_pool, size - nr);
	staged[1] = nr < 0 ? 0 : nr;
	return nr < 0 ? nr : 0;
}

static void unstage_pool(struct netfront *nf, unsigned int queue, const struct nfpool *pool,
			 unsigned int nr)
{
	const uint32_t args[3] = {queue, nf->setup.table_ref, nr};
	const struct xen_netif_gref *table = nf->setup.table_page;
	uint32_t count = 0;
	int status;

	if (!nr)
		return;
	write_table(&nf->setup, pool, nr);
	status = nfsetup_request(nf, XEN_NETIF_CTRL_TYPE_DEL_GREF_MAPPING, args, &count);
	if (status != XEN_NETIF_CTRL_STATUS_SUCCESS || count != nr)
		fault_raise(&nf->faults, NF_FAULT_CTRL_UNSTAGE, "status %d, %u of %u unmapped",
			    status, count, nr);
	for (unsigned int i = 0; i < nr; i++)
		if (shared_read(table[i].status) != XEN_NETIF_CTRL_STATUS_SUCCESS) {
			fault_raise(&nf->faults, NF_FAULT_CTRL_UNSTAGE, "entry %u: status %u", i,
				    table[i].status);
			break;
		}
	nf->setup.stats.unstaged += count;
}

void nfsetup_undo(struct netfront *nf)
{
	if (!nf->setup.running || !nf->setup.open || nf->be_state != XenbusStateConnected ||
	    !nf->setup.nr_staged)
		return;
	for (unsigned int i = 0; i < nf->nr_queues; i++) {
		unstage_pool(nf, i, &nf->queue[i].tx_pool, nf->setup.nr_staged[2 * i]);
		unstage_pool(nf, i, &nf->queue[i].rx_pool, nf->setup.nr_staged[2 * i + 1]);
	}
	memset(nf->setup.nr_staged, 0, 2 * nf->nr_queues * sizeof(*nf->setup.nr_staged));
}

/* Multicast control rides on requests that carry no packet. */
static int set_mcast(struct netfront *nf)
{
	const struct nfsetup_config *config = config_of(nf);
	struct nfqueue *q = &nf->queue[0];

	if (config->mcast == NFSETUP_MCAST_DYNAMIC) {
		int err = nfstore_write_text(nf, XSK_FE_REQUEST_MULTICAST_CONTROL, "1", 1);

		if (err)
			return err;
	}
	for (unsigned int i = 0; i < config->nr_mcast; i++) {
		struct nftx_desc desc = {.nr_extras = 1};

		desc.extra[0].type = XEN_NETIF_EXTRA_TYPE_MCAST_ADD;
		memcpy(desc.extra[0].u.mcast.addr, config->mcast_addr[i], 6);
		if (nftx_put(&q->tx, &desc))
			return -ENOSPC;
	}
	nfqueue_push_tx(q);
	return 0;
}

int nfsetup_headroom(struct netfront *nf, uint16_t headroom)
{
	char text[KEYVAL_NUMBER_SIZE];
	int err;

	nf->setup.reconfigured = true;
	for (unsigned int i = 0; i < nf->nr_queues; i++)
		nfrx_headroom(&nf->queue[i].rx, headroom, false);
	snprintf(text, sizeof(text), "%u", headroom);
	err = nfstore_write_text(nf, XSK_FE_XDP_HEADROOM, text, strlen(text));
	if (!err)
		err = netfront_set_state(nf, XenbusStateReconfiguring);
	if (!err)
		err = netfront_wait(nf, 1U << XenbusStateReconfigured, nf->config.timeout_ms);
	/* From its word on every packet has the new headroom. */
	for (unsigned int i = 0; !err && i < nf->nr_queues; i++)
		nfrx_headroom(&nf->queue[i].rx, headroom, true);
	if (!err)
		err = netfront_set_state(nf, XenbusStateConnected);
	return err;
}

int nfsetup_run(struct netfront *nf)
{
	const struct nfsetup_config *config = config_of(nf);
	int err = 0;

	if (nf->setup.open && config->hash.on)
		err = set_hash(nf);
	for (unsigned int i = 0; !err && config->staging && i < nf->nr_queues; i++)
		err = stage_queue(nf, i);
	if (!err && config->mcast != NFSETUP_MCAST_OFF)
		err = set_mcast(nf);
	if (!err && config->headroom_late)
		err = nfsetup_headroom(nf, config->headroom);
	for (unsigned int i = 0; !err && config->hash.on && i < nf->nr_queues; i++)
		nfrx_expect_hash(&nf->queue[i].rx);
	nf->setup.running = !err;
	return err;
}

static bool is_asked_for(const struct nfsetup_config *config, const uint8_t *dst)
{
	static const uint8_t broadcast[6] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff};

	if (!(dst[0] & 1) || !memcmp(dst, broadcast, 6))
		return true;
	for (unsigned int i = 0; i < config->nr_mcast; i++)
		if (!memcmp(dst, config->mcast_addr[i], 6))
			return true;
	return false;
}

void nfsetup_check(struct netfront *nf, unsigned int queue, const uint8_t *data,
		   const struct frame_info *info, const struct nfrx_packet *pkt)
{
	const struct nfsetup_config *config = config_of(nf);
	uint32_t value;
	uint8_t type;

	if (config->mcast != NFSETUP_MCAST_OFF && !is_asked_for(config, data)) {
		nf->setup.stats.mcast_unasked++;
		/* Asked for while connected it begins some time later. */
		if (config->mcast == NFSETUP_MCAST_STATIC)
			fault_raise(&nf->faults, NF_FAULT_RX_MCAST, "%02x:%02x:%02x:%02x:%02x:%02x",
				    data[0], data[1], data[2], data[3], data[4], data[5]);
	}
	if (!pkt->hash_due)
		return;
	nf->setup.stats.hashed += pkt->has_hash;
	nf->setup.stats.unhashed +=
		!pkt->has_hash && nfhash_of(&config->hash, data, info, &type, &value);
	nfhash_check(&config->hash, data, info, pkt, queue, nf->nr_queues, &nf->faults);
}
