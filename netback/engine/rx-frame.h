/* SPDX-License-Identifier: MIT */
/* rx-frame.h: a frame of the port, and what it becomes on the guest's rx ring */
#ifndef NETBACK_ENGINE_RX_FRAME_H
#define NETBACK_ENGINE_RX_FRAME_H

#include <linux/virtio_net.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/uio.h>
#include <xen/io/netif.h>

#include "netback/engine/copy.h"
#include "netback/engine/hash.h"
#include "netback/engine/iobatch.h"
#include "netback/engine/port.h"
#include "netback/engine/segment.h"

/*
 * A frame is read into its own memory, judged once (may it pass? how does the guest take it? which slots
 * does it need?), waits until the guest has these, and goes to the ring as a packet, or as one for each
 * segment if the guest cannot take it whole (segment.h).
 *
 *   rx_frame_aim     before its read is posted
 *   rx_frame_judge   after
 *   rx_frame_place   the guest has frame->nr_slots requests: take them, add the copies
 *   rx_packet_answer after the copies are done
 *
 * XDP headroom is Linux' extension (feature-xdp-headroom; Xen's header lacks it): the frame begins so many
 * bytes into its first page, and an extra info of type 5 says so. The response tells offset and size of
 * the frame itself, as netif.h has it. Linux' backend answers offset 0 and a size that includes the
 * headroom, though its frontend takes the size for that of the frame behind it (xennet_get_responses) and
 * so finds stale bytes behind each frame, and an error when both together exceed the page.
 */
struct queue;
struct rx;

enum {
	RX_MAX_HEADROOM = 2048, /* more is taken for so much: a full Ethernet frame still fits */
	RX_MAX_EXTRAS = 3,	/* GSO, hash, XDP */
	/* The largest frame behind the largest headroom, and a page before for the port's header and a tag. */
	RX_AREA_PAGES = 18,
	RX_MAX_SLOTS = RX_AREA_PAGES - 1 + RX_MAX_EXTRAS,
	RX_EXTRA_TYPE_XDP = 5, /* u.pad[0]: the headroom */
};

struct rx_frame {
	struct virtio_net_hdr hdr;
	struct iobatch_read read; /* of hdr and data; its ret: see port_result */
	uint8_t *area;		  /* RX_AREA_PAGES */
	struct rx *owner;	  /* of the area; the frame may wait with another queue */
	/* since it was judged: */
	uint8_t *data;
	uint32_t length;
	uint16_t
		nr_slots; /* of its next packet: one with data, the extra infos, the others with data */
	uint16_t headroom;
	uint16_t flags; /* NETRXF_* */
	uint16_t gso_size;
	uint16_t header;  /* bytes of headers, if there is a gso_size */
	uint8_t gso_type; /* XEN_NETIF_GSO_TYPE_*, NONE: no GSO extra info */
	bool cut;	  /* goes as several packets, by and by */
	struct segment segment;
	bool hashed;
	struct hash_result hash; /* zero unless hashed */
};

/* On the ring, and not answered yet. */
struct rx_packet {
	struct rx_frame *frame;
	bool last; /* the frame's only or last one */
	bool segment;
	uint32_t length;
	uint16_t headroom;
	uint16_t nr_slots;
	uint16_t nr_extras;
	uint16_t first_segment; /* in the copy batch */
	uint16_t nr_segments;
	uint16_t flags; /* NETRXF_* of the first response */
	struct netif_extra_info extra[RX_MAX_EXTRAS];
	uint16_t id[RX_MAX_SLOTS];
};

/* area: RX_AREA_PAGES, aligned to a page, which stay the caller's. */
void rx_frame_init(struct rx_frame *f, uint8_t *area);

/* The read is to put the frame where its copies will not cross more pages than they must. */
void rx_frame_aim(const struct queue *q, struct rx_frame *f);

/* A frame was read (PORT_DONE). False: it is dropped, and counted. */
bool rx_frame_judge(struct queue *q, struct rx_frame *f);

/* The policy has changed since. False: it is dropped, and counted. */
bool rx_frame_judge_again(struct queue *q, struct rx_frame *f);

/*
 * The guest has f->nr_slots requests for it, and the copy batch has room; if it is cut, header is where its
 * next segment's header goes (OFFLOAD_HEADER_BYTES) and stays until the copies are done. Fills in *p. Unless
 * p->last, the frame is to be placed again, for f->nr_slots anew.
 */
void rx_frame_place(struct queue *q, struct rx_frame *f, uint8_t *header, struct rx_packet *p);

/* Notes the responses, one a slot, and counts. */
void rx_packet_answer(struct queue *q, const struct rx_packet *p);

#endif
