/* SPDX-License-Identifier: MIT */
/* rx-frame.c: judge a frame, lay it out in slots, answer them */
#include "rx-frame.h"

#include <endian.h>
#include <string.h>

#include "netback/engine/ctrl.h"
#include "netback/engine/offload.h"
#include "netback/engine/queue.h"
#include "netback/engine/vlan.h"

_Static_assert((RX_AREA_PAGES - 1) * COPY_PAGE_SIZE >= RX_MAX_HEADROOM + PORT_MAX_FRAME, "area");

void rx_frame_init(struct rx_frame *f, uint8_t *area)
{
	f->area = area;
	f->read = (struct iobatch_read){.len = PORT_HEADER_BYTES + PORT_MAX_FRAME};
}

static uint16_t headroom_of(const struct queue *q)
{
	return min(q->policy.xdp_headroom, (uint16_t)RX_MAX_HEADROOM);
}

void rx_frame_aim(const struct queue *q, struct rx_frame *f)
{
	unsigned int tag = q->rx.pulls ? VLAN_TAG_BYTES : 0;

	f->data = f->area + COPY_PAGE_SIZE + headroom_of(q) - tag;
	f->read.buf = f->data - PORT_HEADER_BYTES;
}

/* --- what it becomes ------------------------------------------------------------------------------ */

/* What the frontend takes, less what the host does not want it to. */
static struct link_features takes(const struct queue *q)
{
	struct link_features features = q->features;

	if (q->policy.complete_csums)
		features.rx_csum_ipv4 = features.rx_csum_ipv6 = false;
	return features;
}

/* A checksum that is to come is as far behind the addresses as it was. */
static void pull_tag(struct rx_frame *f)
{
	f->data = vlan_pull(f->data);
	f->length -= VLAN_TAG_BYTES;
	if (f->hdr.flags & VIRTIO_NET_HDR_F_NEEDS_CSUM)
		f->hdr.csum_start = htole16(le16toh(f->hdr.csum_start) - VLAN_TAG_BYTES);
}

/* False: not a VLAN the guest is in. */
static bool set_vlan(const struct queue *q, struct rx_frame *f)
{
	enum vlan_verdict verdict = vlan_to_guest(&q->policy.vlan, f->data, f->length);

	if (verdict == VLAN_UNTAG)
		pull_tag(f);
	return verdict != VLAN_DROP;
}

/* Of the next packet. */
static uint32_t next_length(const struct rx_frame *f)
{
	return f->cut ? segment_length(&f->segment) : f->length;
}

/* Without scatter/gather a segment is one slot, whatever its sender thought. */
static uint32_t segment_size(const struct queue *q, uint32_t size, uint32_t header)
{
	return q->features.rx_sg ? size : min(size, COPY_PAGE_SIZE - headroom_of(q) - header);
}

/* The rest of a frame whose first segments are gone. */
static bool translate_rest(const struct queue *q, struct rx_frame *f)
{
	struct segment *s = &f->segment;

	s->size = segment_size(q, s->size, s->h.end);
	if (q->policy.complete_csums) {
		s->blank = false;
		f->flags = 0;
	}
	return true;
}

static bool translate(struct queue *q, struct rx_frame *f)
{
	struct link_features features = takes(q);
	struct offload_rx how;

	if (f->cut && f->segment.nr)
		return translate_rest(q, f);
	if (offload_to_guest(&f->hdr, f->data, f->length, &features, &how) < 0)
		return false;
	if (how.completed)
		f->hdr.flags = 0;
	stats_add(&q->stats->rx_csum_completed, how.completed);
	f->flags = how.flags;
	f->gso_type = how.gso_type;
	f->gso_size = how.gso_size;
	f->header = how.header;
	f->cut = how.segment;
	if (!f->cut)
		return true;
	f->gso_size = (uint16_t)segment_size(q, f->gso_size, f->header);
	return segment_begin(&f->segment, f->data, f->length, f->gso_size,
			     f->flags & NETRXF_csum_blank) == 0;
}

static void hash(const struct queue *q, struct rx_frame *f)
{
	f->hash = (struct hash_result){0};
	f->hashed =
		ctrl_steers(q->ctrl) && hash_frame(&q->ctrl->hash, f->data, f->length, &f->hash);
}

/* Segments count, not what they are cut from. */
static bool fits_mtu(const struct queue *q, const struct rx_frame *f)
{
	uint32_t length = f->gso_size ? (uint32_t)f->header + f->gso_size : f->length;

	return !q->policy.mtu || vlan_payload(f->data, f->length, length) <= q->policy.mtu;
}

/* Without scatter/gather a frame is one slot, and nothing else but headroom's extra info can come with it. */
static bool lay_out(const struct queue *q, struct rx_frame *f)
{
	unsigned int nr_data;

	f->headroom = headroom_of(q);
	nr_data = DIV_ROUND_UP(f->headroom + next_length(f), COPY_PAGE_SIZE);
	f->nr_slots = (uint16_t)(nr_data + (f->gso_type != XEN_NETIF_GSO_TYPE_NONE) + f->hashed +
				 (f->headroom != 0));
	return nr_data == 1 || q->features.rx_sg;
}

bool rx_frame_judge(struct queue *q, struct rx_frame *f)
{
	f->cut = false;
	memcpy(&f->hdr, f->read.buf, PORT_HEADER_BYTES);
	f->length = (uint32_t)f->read.ret - PORT_HEADER_BYTES;
	if (f->length == 0 || f->length > PORT_MAX_FRAME)
		goto drop_rx_too_long;
	if (!set_vlan(q, f))
		goto drop_rx_vlan;
	return rx_frame_judge_again(q, f);

drop_rx_vlan:
	stats_inc(&q->stats->drop_rx_vlan);
	return false;
drop_rx_too_long:
	stats_inc(&q->stats->drop_rx_too_long);
	return false;
}

bool rx_frame_judge_again(struct queue *q, struct rx_frame *f)
{
	if (q->policy.mcast_filter && f->length >= MCAST_ADDR_BYTES &&
	    !mcast_passes(&q->memory->mcast, f->data))
		goto drop_rx_mcast;
	if (!translate(q, f))
		goto drop_rx_bad_offload;
	if (!fits_mtu(q, f))
		goto drop_rx_over_mtu;
	hash(q, f);
	if (!lay_out(q, f))
		goto drop_rx_too_long;
	return true;

drop_rx_over_mtu:
	stats_inc(&q->stats->drop_rx_over_mtu);
	return false;
drop_rx_mcast:
	stats_inc(&q->stats->drop_rx_mcast);
	return false;
drop_rx_bad_offload:
	stats_inc(&q->stats->drop_rx_bad_offload);
	return false;
drop_rx_too_long:
	stats_inc(&q->stats->drop_rx_too_long);
	return false;
}

/* --- on the ring ------------------------------------------------------------------------------------ */

/* Linux gives them in the order of their types (xenvif_rx_next_skb); so do our callers. */
static void add_extra(struct rx_packet *p, const struct netif_extra_info *extra)
{
	if (p->nr_extras)
		p->extra[p->nr_extras - 1].flags = XEN_NETIF_EXTRA_FLAG_MORE;
	p->extra[p->nr_extras++] = *extra;
}

/* The value in the host's byte order, as Linux has it (xenvif_rx_next_skb). */
static void add_hash(const struct rx_frame *f, struct rx_packet *p)
{
	struct netif_extra_info extra = {
		.type = XEN_NETIF_EXTRA_TYPE_HASH,
		.u.hash = {.type = f->hash.type,
			   .algorithm = XEN_NETIF_CTRL_HASH_ALGORITHM_TOEPLITZ},
	};

	memcpy(extra.u.hash.value, &f->hash.value, sizeof(extra.u.hash.value));
	add_extra(p, &extra);
}

static void add_extras(const struct rx_frame *f, struct rx_packet *p)
{
	if (f->gso_type != XEN_NETIF_GSO_TYPE_NONE)
		add_extra(p, &(struct netif_extra_info){
				     .type = XEN_NETIF_EXTRA_TYPE_GSO,
				     .u.gso = {.size = f->gso_size, .type = f->gso_type},
			     });
	if (f->hashed)
		add_hash(f, p);
	if (f->headroom)
		add_extra(p, &(struct netif_extra_info){
				     .type = RX_EXTRA_TYPE_XDP,
				     .u.pad = {f->headroom},
			     });
}

/* Extra infos stand between the first slot and the others with data. */
static bool is_extra(const struct rx_packet *p, unsigned int slot)
{
	return slot - 1 < p->nr_extras;
}

static uint16_t slot_offset(const struct rx_packet *p, unsigned int slot)
{
	return slot == 0 ? p->headroom : 0;
}

struct piece {
	const uint8_t *data;
	uint32_t len;
};

/* One slot's copies; what is left of the pieces is for the next. */
static void fill_slot(struct queue *q, uint32_t ref, uint16_t offset, struct piece **piece)
{
	while (offset < COPY_PAGE_SIZE && (*piece)->len) {
		uint16_t n = (uint16_t)min((*piece)->len, COPY_PAGE_SIZE - offset);

		copy_to_guest(&q->rx.copy, ref, offset, (*piece)->data, n);
		offset += n;
		(*piece)->data += n;
		(*piece)->len -= n;
		if ((*piece)->len == 0)
			(*piece)++;
	}
}

/* The guest's buffers, and the copies into them. An empty piece is the end. */
static void fill_slots(struct queue *q, struct rx_packet *p, struct piece *piece)
{
	netif_rx_request_t req;

	p->first_segment = (uint16_t)q->rx.copy.nr;
	for (unsigned int i = 0; i < p->nr_slots; i++) {
		ring_rx_copy(&q->rx_ring, q->rx_ring.req_cons++, &req);
		p->id[i] = req.id;
		if (!is_extra(p, i)) /* its buffer goes back empty */
			fill_slot(q, req.gref, slot_offset(p, i), &piece);
	}
	p->nr_segments = (uint16_t)(q->rx.copy.nr - p->first_segment);
}

static void find_pieces(struct rx_frame *f, uint8_t *header, struct piece pieces[3])
{
	struct segment_piece s;

	pieces[0] = (struct piece){f->data, f->length};
	pieces[1] = pieces[2] = (struct piece){0};
	if (!f->cut)
		return;
	s = segment_next(&f->segment, f->data, header);
	pieces[0] = (struct piece){header, s.header};
	pieces[1] = (struct piece){f->data + s.at, s.payload};
}

void rx_frame_place(struct queue *q, struct rx_frame *f, uint8_t *header, struct rx_packet *p)
{
	struct piece pieces[3];

	*p = (struct rx_packet){
		.frame = f,
		.segment = f->cut,
		.length = next_length(f),
		.headroom = f->headroom,
		.nr_slots = f->nr_slots,
		.flags = f->flags,
	};
	add_extras(f, p);
	if (p->nr_extras)
		p->flags |= NETRXF_extra_info;
	find_pieces(f, header, pieces);
	fill_slots(q, p, pieces);
	p->last = !f->cut || segment_length(&f->segment) == 0;
	if (!p->last)
		lay_out(q, f);
}

static void count(struct queue *q, const struct rx_packet *p)
{
	stats_inc(&q->stats->rx_packets);
	stats_add(&q->stats->rx_bytes, p->length);
	stats_add(&q->stats->rx_small, p->length <= STATS_SMALL_BYTES);
	stats_add(&q->stats->rx_large, p->length >= STATS_LARGE_BYTES);
	stats_add(&q->stats->rx_gso_packets,
		  p->nr_extras && p->extra[0].type == XEN_NETIF_EXTRA_TYPE_GSO);
	stats_add(&q->stats->rx_segments, p->segment);
	stats_add(&q->stats->rx_csum_completed, p->segment && !(p->flags & NETRXF_csum_blank));
	stats_add(&q->stats->rx_hashed, p->frame->hashed);
	stats_add(&q->stats->rx_steered, p->frame->owner != &q->rx);
	stats_add(&q->stats->rx_csum_blank, !!(p->flags & NETRXF_csum_blank));
}

/*
 * If a copy failed, the guest gave a buffer we may not write: the whole frame is an error, in the shape of
 * a frame, so that the guest stays in step.
 */
void rx_packet_answer(struct queue *q, const struct rx_packet *p)
{
	bool ok = copy_ok(&q->rx.copy, p->first_segment, p->nr_segments);
	uint32_t left = p->length;

	for (unsigned int i = 0; i < p->nr_slots; i++) {
		uint16_t offset = slot_offset(p, i);
		uint32_t n = min(left, COPY_PAGE_SIZE - offset);
		struct netif_rx_response rsp = {.id = p->id[i], .offset = offset};

		if (is_extra(p, i)) {
			journal_note_extra(&q->journal->rx, &p->extra[i - 1]);
			continue;
		}
		left -= n;
		rsp.flags = (uint16_t)((i == 0 ? p->flags : 0) | (left ? NETRXF_more_data : 0));
		rsp.status = ok ? (int16_t)n : NETIF_RSP_ERROR;
		journal_note_rx(&q->journal->rx, &rsp);
	}
	stats_add(&q->stats->rx_slots, p->nr_slots);
	if (!ok)
		goto drop_rx_copy_failed;
	count(q, p);
	return;

drop_rx_copy_failed:
	stats_inc(&q->stats->drop_rx_copy_failed);
}
