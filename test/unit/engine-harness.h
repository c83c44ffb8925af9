/* SPDX-License-Identifier: MIT */
/* engine-harness.h: one queue of the engine, whose guest and whose network the test plays */
#ifndef TEST_ENGINE_HARNESS_H
#define TEST_ENGINE_HARNESS_H

#include <linux/virtio_net.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <xengnttab.h>

#include "netback/engine/queue.h"
#include "netback/engine/worker.h"

/*
 * The rings are plain memory (so ASan sees what leaves them), the guest's pages are granted in the
 * fake machine by domain 0 to itself, the port is one end of a socket pair and the test has the
 * other. Nothing is a thread or waits: a round is tx_begin, rx_begin, iobatch_run, tx_end, rx_end as
 * the worker makes it.
 *
 * harness_create makes the machine, before any test forks; harness_remove takes it away. harness_open
 * begins a process's use of it (a forked test's own), harness_reset an empty queue whose rings stand at
 * `start`. Helpers end the program if the test itself is wrong; what the engine does is
 * for the test to judge.
 */
enum {
	HARNESS_PAGES = 256,
	HARNESS_FRAME = PORT_MAX_FRAME + 4096,
};

struct harness {
	struct queue q;
	struct worker w;
	struct stats_queue stats;
	struct vif_memory memory;
	int peer; /* the network's end of the port */
	const char *why;
	bool tx_notify, rx_notify; /* what the last round asked for */

	/* the guest's */
	netif_tx_sring_t *tx;
	netif_rx_sring_t *rx;
	RING_IDX tx_prod, tx_cons, rx_prod, rx_cons;
	uint8_t *page[HARNESS_PAGES];
	uint32_t ref[HARNESS_PAGES];
	xengntshr_handle *shr;
	uint8_t *readonly;
	uint32_t readonly_ref, bad_ref;

	struct rx new_rx; /* as rx_init made it */

	/* what the engine said of the guest */
	unsigned int nr_ready_calls, nr_stalled_calls;
	bool ready;
};

void harness_create(void);
void harness_remove(void);

/* Says so on stdout if not. */
bool harness_has_uring(void);

void harness_open(struct harness *h, bool want_uring);
void harness_reset(struct harness *h, const struct link_features *features, RING_IDX start);
void harness_close(struct harness *h);

/* The worker gets pages that are granted to itself, as where gntalloc has some to spare (selfgrant.h). */
void harness_share(struct harness *h);

/* Everything the protocol can agree on. */
struct link_features harness_all_features(void);

/*
 * harness_step: one round. harness_round: and the next one, if this has held tx responses back, for the
 * worker would make it as well. 0, or what tx_begin or rx_begin said; h->why is the reason then.
 */
int harness_step(struct harness *h);
int harness_round(struct harness *h);

/* A request at the next ring position, not seen by the engine before harness_tx_push. */
void harness_tx_put(struct harness *h, const netif_tx_request_t *req);
void harness_tx_put_extra(struct harness *h, const struct netif_extra_info *extra);
void harness_tx_push(struct harness *h);
/* False: no response is there. */
bool harness_tx_take(struct harness *h, netif_tx_response_t *rsp);

/* nr buffers, each with the page of its ring position and harness_rx_id() as id. */
void harness_rx_post(struct harness *h, unsigned int nr);
uint16_t harness_rx_id(RING_IDX position);

/* A frame as a guest puts it together from its responses. */
struct harness_frame {
	unsigned int nr_slots; /* extra infos included */
	int16_t status;	       /* of the last slot with data if negative, else of the first */
	uint16_t flags;	       /* of the first */
	uint16_t gso_size;
	uint8_t gso_type, extra_flags; /* of the last extra info */
	uint16_t offset;	       /* of the first slot */
	uint16_t headroom;	       /* as the extra info says */
	bool hashed;
	uint8_t hash_type;
	uint32_t hash;
	size_t len;
	uint8_t data[HARNESS_FRAME];
};

/* NULL: got one; else none, or what is wrong with it. */
const char *harness_rx_take(struct harness *h, struct harness_frame *ret_frame);

/* The network's side. harness_recv: the frame's length without its header, -1: none. */
void harness_send(struct harness *h, const struct virtio_net_hdr *hdr, const void *frame,
		  size_t len);
ssize_t harness_recv(struct harness *h, struct virtio_net_hdr *ret_hdr, uint8_t *ret_frame);

/* An IPv4 or IPv6 TCP frame: 14 + 20 or 40 + 20 bytes of headers, then a pattern. */
void harness_make_frame(uint8_t *frame, unsigned int version, size_t len, uint8_t seed);

/* The name of the only drop reason that was counted, with its count; "" and 0: none; "several". */
const char *harness_drop(const struct stats_queue *stats, uint64_t *ret_count);

#endif
