/* SPDX-License-Identifier: MIT -- one queue of a vif: its rings in granted pages, its buffers, its event channels */
#include "nfqueue.h"

#include <errno.h>

enum {
	FEWEST_BUFFERS = 32
};

static int last_error(void)
{
	return errno ? -errno : -EIO;
}

static void *share(xengntshr_handle *gntshr, uint32_t domid, int count, uint32_t *refs,
		   bool writable)
{
	void *block = xengntshr_share_pages(gntshr, domid, count, refs, writable);

	if (block)
		memset(block, 0, (size_t)count * NETIF_PAGE);
	return block;
}

static void unshare(xengntshr_handle *gntshr, struct nf_faults *faults, void *block, uint32_t count,
		    const char *what)
{
	if (block && xengntshr_unshare(gntshr, block, count))
		fault_raise(faults, NF_FAULT_GRANT_IN_USE, "%s: %s", what, strerror(errno));
}

/* nfpages.renew of a pool of single pages. */
static void renew(struct nfpages *pages, unsigned int index)
{
	struct nfpool *pool = (struct nfpool *)((char *)pages - offsetof(struct nfpool, pages));
	uint32_t ref;
	void *page;

	unshare(pool->gntshr, pool->faults, pages->addr[index], 1, "answered page");
	page = share(pool->gntshr, pool->domid, 1, &ref, pool->writable);
	if (!page) {
		/* Leave an address that can be written and a reference that cannot be used. */
		fault_raise(pool->faults, NF_FAULT_GRANT_IN_USE, "no new grant: %s",
			    strerror(errno));
		pages->gref[index] = 0;
		return;
	}
	pages->addr[index] = page;
	pages->gref[index] = ref;
}

static int pool_open_single(struct nfpool *pool, unsigned int wanted)
{
	struct nfpages *pages = &pool->pages;

	for (pages->nr = 0; pages->nr < wanted; pages->nr++) {
		pages->addr[pages->nr] = share(pool->gntshr, pool->domid, 1,
					       &pages->gref[pages->nr], pool->writable);
		if (!pages->addr[pages->nr])
			break;
	}
	pages->renew = renew;
	return pages->nr == wanted || pages->nr >= FEWEST_BUFFERS ? 0 : last_error();
}

static int pool_open_block(struct nfpool *pool, unsigned int wanted)
{
	struct nfpages *pages = &pool->pages;

	for (pages->nr = wanted; pages->nr; pages->nr /= 2) {
		pool->block =
			share(pool->gntshr, pool->domid, pages->nr, pages->gref, pool->writable);
		if (pool->block || pages->nr / 2 < FEWEST_BUFFERS)
			break;
	}
	if (!pool->block) {
		pages->nr = 0;
		return last_error();
	}
	for (unsigned int i = 0; i < pages->nr; i++)
		pages->addr[i] = (uint8_t *)pool->block + (size_t)i * NETIF_PAGE;
	return 0;
}

static int pool_open(struct nfpool *pool, struct nfqueue *q, const struct nfqueue_config *config,
		     unsigned int wanted, bool writable)
{
	*pool = (struct nfpool){
		.gntshr = q->gntshr,
		.faults = q->faults,
		.domid = config->backend,
		.writable = writable,
		.single = config->fresh_grants,
	};
	if (pool->single)
		return pool_open_single(pool, wanted);
	return pool_open_block(pool, wanted);
}

static void pool_close(struct nfpool *pool, const char *what)
{
	if (pool->single)
		for (unsigned int i = 0; i < pool->pages.nr; i++)
			unshare(pool->gntshr, pool->faults, pool->pages.addr[i], 1, what);
	else
		unshare(pool->gntshr, pool->faults, pool->block, pool->pages.nr, what);
	pool->pages.nr = 0;
	pool->block = NULL;
}

static int open_ports(struct nfqueue *q, const struct nfqueue_config *config)
{
	q->tx_port = xenevtchn_bind_unbound_port(q->evtchn, config->backend);
	if (q->tx_port < 0)
		return last_error();
	q->rx_port = q->tx_port;
	if (!config->split)
		return 0;
	q->rx_port = xenevtchn_bind_unbound_port(q->evtchn, config->backend);
	return q->rx_port < 0 ? last_error() : 0;
}

static int open_pages(struct nfqueue *q, const struct nfqueue_config *config)
{
	int err;

	q->tx_page = share(q->gntshr, config->backend, 1, &q->tx_ref, true);
	if (!q->tx_page)
		return last_error();
	q->rx_page = share(q->gntshr, config->backend, 1, &q->rx_ref, true);
	if (!q->rx_page)
		return last_error();
	err = pool_open(&q->tx_pool, q, config, config->tx_buffers, false);
	if (err)
		return err;
	return pool_open(&q->rx_pool, q, config, config->rx_buffers, true);
}

int nfqueue_open(struct nfqueue *q, xengntshr_handle *gntshr, xenevtchn_handle *evtchn,
		 struct nf_faults *faults, const struct nfqueue_config *config)
{
	int err;

	memset(q, 0, sizeof(*q));
	q->gntshr = gntshr;
	q->evtchn = evtchn;
	q->faults = faults;
	q->split = config->split;
	q->rx_notify = config->rx_notify;
	q->tx_port = q->rx_port = -1;

	err = open_pages(q, config);
	if (!err)
		err = open_ports(q, config);
	if (err) {
		nfqueue_close(q);
		return err;
	}
	nftx_init(&q->tx, q->tx_page, &q->tx_pool.pages, faults);
	nfrx_init(&q->rx, q->rx_page, &q->rx_pool.pages, faults, &config->rules);
	q->tx.ids = config->tx_ids;
	q->tx.flags = config->tx_flags;
	q->rx.guard = config->guard;
	return 0;
}

void nfqueue_close(struct nfqueue *q)
{
	if (q->rx_port >= 0 && q->rx_port != q->tx_port)
		xenevtchn_unbind(q->evtchn, q->rx_port);
	if (q->tx_port >= 0)
		xenevtchn_unbind(q->evtchn, q->tx_port);
	q->tx_port = q->rx_port = -1;
	pool_close(&q->tx_pool, "tx buffer at close");
	pool_close(&q->rx_pool, "rx buffer at close");
	unshare(q->gntshr, q->faults, q->tx_page, 1, "tx ring at close");
	unshare(q->gntshr, q->faults, q->rx_page, 1, "rx ring at close");
	q->tx_page = q->rx_page = NULL;
}

void nfqueue_push_tx(struct nfqueue *q)
{
	if (!nftx_push(&q->tx))
		return;
	q->tx_notifies++;
	xenevtchn_notify(q->evtchn, q->tx_port);
}

void nfqueue_fill_rx(struct nfqueue *q)
{
	if (!nfrx_fill(&q->rx) || !q->rx_notify)
		return;
	q->rx_notifies++;
	xenevtchn_notify(q->evtchn, q->rx_port);
}
