/* SPDX-License-Identifier: MIT */
/* ring.h: the backend's half of the netif rings, with every index of the guest tested */
#ifndef NETBACK_ENGINE_RING_H
#define NETBACK_ENGINE_RING_H

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <xen/io/netif.h>

#include "netback/common/util.h"

/*
 * Thin pairs over <xen/io/ring.h>, one for each ring; X is tx or rx:
 *
 *   int  ring_X_attach(ring, sring)       map private indices onto a page that is in use (or new)
 *   int  ring_X_unconsumed(ring)          requests not consumed yet, or -EPROTO
 *   void ring_X_copy(ring, idx, &req)     one read of the request into private memory
 *   int  ring_X_arm(ring, need)           ask for an event, then look once more
 *   bool ring_X_push(ring)                publish up to rsp_prod_pvt; true: notify the frontend
 *
 * Only the thread that owns the queue calls them. The page is the guest's to write at any time
 * (XSA-155): each field is read once into a local, and each read of req_prod is tested
 * (XSA-39), because no macro of Xen's but RING_REQUEST_PROD_OVERFLOW does that. The frontend's
 * half is the same header, so barriers name the macro there that they pair with.
 *
 * Consuming is the caller's `ring->req_cons++`. Responses are written, rsp_prod_pvt moved and the
 * ring pushed by journal.h alone.
 */

/*
 * Xen's header takes the barriers from the includer (or as mb() and friends when nobody chose an
 * interface version before). Other CPUs run the guest, so they are SMP barriers even here.
 */
#undef xen_mb
#undef xen_rmb
#undef xen_wmb
#define xen_mb()  __atomic_thread_fence(__ATOMIC_SEQ_CST)
#define xen_rmb() __atomic_thread_fence(__ATOMIC_ACQUIRE)
#define xen_wmb() __atomic_thread_fence(__ATOMIC_RELEASE)

enum {
	RING_PAGE_BYTES = 4096, /* a grant is a page of 4 KiB whatever the host's own are */
	RING_SLOTS = 256,	/* requests of a netif ring: both kinds, tx (12 bytes) and rx (8) */
};

_Static_assert(__CONST_RING_SIZE(netif_tx, RING_PAGE_BYTES) == RING_SLOTS, "tx ring");
_Static_assert(__CONST_RING_SIZE(netif_rx, RING_PAGE_BYTES) == RING_SLOTS, "rx ring");

/*
 * How many requests the index prod offers beyond cons, when responses reach up to rsp, on a ring of so many
 * slots: the one test of a guest's index. It refuses an index further ahead than the ring is long
 * (RING_REQUEST_PROD_OVERFLOW) and, what that macro lets through, one that moved back behind
 * requests that we have consumed and not answered yet.
 */
static inline int ring_count_of(unsigned int slots, RING_IDX prod, RING_IDX cons, RING_IDX rsp)
{
	RING_IDX count = prod - cons;

	if (count > slots - (cons - rsp))
		return -EPROTO;

	return (int)count;
}

static inline int ring_count(RING_IDX prod, RING_IDX cons, RING_IDX rsp)
{
	return ring_count_of(RING_SLOTS, prod, cons, rsp);
}

/*
 * ring_X_attach: 0 or -EPROTO. A backend that takes a ring over goes on at the shared rsp_prod:
 * all behind it is answered, all before it is to be done (again); finish an open journal entry
 * first (journal.h). A new ring has rsp_prod 0. Leaves the ring alone if it fails.
 *
 * ring_X_unconsumed: 0..RING_SLOTS, or -EPROTO, which is fatal to the vif. The requests it counts
 * may be copied at once.
 *
 * ring_X_arm: asks for an event as soon as the frontend has `need` requests there beyond req_cons
 * (1 for tx, slots of the waiting frame for rx). Returns what is there now, counted after the
 * request for the event became visible: >= need means the event may not come, go on; -EPROTO as
 * above. Unmask the port only after this returned less than need.
 *
 * ring_X_push: call it once for a batch; a packet's responses in one push. The answer depends on
 * rsp_event, which the guest may set to anything: that costs only its own notifications.
 *
 * The barriers and their partners in the frontend's half of <xen/io/ring.h>:
 *   [take]     requests are read after req_prod; xen_wmb() in RING_PUSH_REQUESTS_AND_CHECK_NOTIFY
 *   [arm]      we see its req_prod or it sees our req_event; xen_mb() in the same macro
 *   [publish]  responses are written before rsp_prod; the xen_rmb() after it reads rsp_prod
 *   [notify]   it sees our rsp_prod or we see its rsp_event; xen_mb() in
 *              RING_FINAL_CHECK_FOR_RESPONSES
 */
#define RING_PAIR(X)                                                                               \
	static inline int ring_##X##_attach(netif_##X##_back_ring_t *ring,                         \
					    netif_##X##_sring_t *sring)                            \
	{                                                                                          \
		RING_IDX rsp_prod = READ_ONCE(sring->rsp_prod);                                    \
		RING_IDX req_prod = READ_ONCE(sring->req_prod);                                    \
                                                                                                   \
		if (ring_count(req_prod, rsp_prod, rsp_prod) < 0)                                  \
			return -EPROTO;                                                            \
                                                                                                   \
		BACK_RING_ATTACH(ring, sring, rsp_prod, RING_PAGE_BYTES);                          \
		return 0;                                                                          \
	}                                                                                          \
                                                                                                   \
	static inline int ring_##X##_unconsumed(const netif_##X##_back_ring_t *ring)               \
	{                                                                                          \
		RING_IDX prod = READ_ONCE(ring->sring->req_prod);                                  \
                                                                                                   \
		/* [take] */                                                                       \
		xen_rmb();                                                                         \
		return ring_count(prod, ring->req_cons, ring->rsp_prod_pvt);                       \
	}                                                                                          \
                                                                                                   \
	static inline void ring_##X##_copy(const netif_##X##_back_ring_t *ring, RING_IDX idx,      \
					   netif_##X##_request_t *req)                             \
	{                                                                                          \
		RING_COPY_REQUEST(ring, idx, req);                                                 \
	}                                                                                          \
                                                                                                   \
	static inline int ring_##X##_arm(netif_##X##_back_ring_t *ring, unsigned int need)         \
	{                                                                                          \
		int count = ring_##X##_unconsumed(ring);                                           \
                                                                                                   \
		if (count < 0 || (unsigned int)count >= need)                                      \
			return count;                                                              \
                                                                                                   \
		WRITE_ONCE(ring->sring->req_event, ring->req_cons + need);                         \
		/* [arm] */                                                                        \
		xen_mb();                                                                          \
		return ring_##X##_unconsumed(ring);                                                \
	}                                                                                          \
                                                                                                   \
	static inline bool ring_##X##_push(netif_##X##_back_ring_t *ring)                          \
	{                                                                                          \
		RING_IDX old = READ_ONCE(ring->sring->rsp_prod);                                   \
		RING_IDX new = ring->rsp_prod_pvt;                                                 \
                                                                                                   \
		/* [publish] */                                                                    \
		xen_wmb();                                                                         \
		WRITE_ONCE(ring->sring->rsp_prod, new);                                            \
		/* [notify] */                                                                     \
		xen_mb();                                                                          \
		return new - READ_ONCE(ring->sring->rsp_event) < new - old;                        \
	}

RING_PAIR(tx)
RING_PAIR(rx)

#endif
