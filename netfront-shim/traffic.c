/* SPDX-License-Identifier: MIT -- sending flat frames in any slot shape, verifying and counting received ones */
#include "traffic.h"

#include <errno.h>
#include <inttypes.h>

static unsigned int page_slots(const struct shape *shape, size_t len)
{
	size_t room = NETIF_PAGE - shape->offset;

	return (len + room - 1) / room;
}

unsigned int shape_slots(const struct shape *shape, size_t len)
{
	size_t total = 0;

	if (!shape->nr) {
		unsigned int slots = page_slots(shape, len);

		return slots <= NFTX_MAX_SLOTS ? slots : 0;
	}
	for (unsigned int i = 0; i < shape->nr; i++)
		total += shape->size[i];
	return total == len ? shape->nr : 0;
}

int traffic_send(struct nfqueue *q, const uint8_t *frame, size_t len, const struct shape *shape,
		 struct nftx_desc *desc)
{
	unsigned int slots = shape_slots(shape, len);

	if (!slots)
		return -EINVAL;
	if (!nftx_room(&q->tx, slots + desc->nr_extras, slots))
		return -ENOSPC;
	desc->nr_slots = slots;
	for (unsigned int i = 0; i < slots; i++) {
		size_t room = NETIF_PAGE - shape->offset;
		size_t part = shape->nr ? shape->size[i] : len < room ? len : room;
		uint16_t page = nftx_page(&q->tx, i);

		memcpy(q->tx_pool.pages.addr[page] + shape->offset, frame, part);
		desc->slot[i] = (struct nftx_slot){page, shape->offset, part};
		frame += part;
		len -= part;
	}
	return nftx_put(&q->tx, desc);
}

static void flatten(struct receiver *r, const struct nfrx_packet *pkt)
{
	r->len = 0;
	for (unsigned int i = 0; i < pkt->nr_frags; i++) {
		memcpy(r->frame + r->len, pkt->frag[i].data, pkt->frag[i].len);
		r->len += pkt->frag[i].len;
	}
}

static void follow(struct receiver *r, const struct frame_stamp *stamp, bool tcp)
{
	struct receiver_stream *st = &r->stream[stamp->stream % RECEIVER_STREAMS];
	int32_t ahead = stamp->seq - st->next;

	if (st->seen && ahead < 0) {
		r->late++;
		return;
	}
	if (st->seen)
		r->lost += ahead;
	st->seen = true;
	st->tcp = tcp;
	st->next = stamp->seq + (tcp ? stamp->len : 1);
}

static void count_good(struct receiver *r, const struct frame_stamp *stamp, bool tcp,
		       uint64_t now_ns)
{
	r->good++;
	r->payload_bytes += stamp->len;
	r->first_ns = r->first_ns ? r->first_ns : now_ns;
	r->last_ns = now_ns;
	if (!stamp->has_time)
		return;
	histogram_add(&r->latency, stamp->age_ns);
	follow(r, stamp, tcp);
}

static bool strip_tag(struct receiver *r)
{
	if (!frame_untag(r->frame, r->len, r->vlan))
		return false;
	r->len -= FRAME_TAG;
	frame_parse(r->frame, r->len, r->len, &r->info);
	return true;
}

enum frame_verdict receiver_take(struct receiver *r, const struct nfrx_packet *pkt,
				 const struct frame_info *info, uint64_t now_ns)
{
	struct frame_stamp stamp;
	enum frame_verdict verdict;

	flatten(r, pkt);
	r->info = *info;
	if (r->vlan && !strip_tag(r)) {
		r->foreign++;
		return FRAME_FOREIGN;
	}
	info = &r->info;
	verdict = frame_verify(r->frame, info, now_ns, &stamp);
	if (verdict == FRAME_FOREIGN) {
		r->foreign++;
		return verdict;
	}
	if (!frame_csum_ok(r->frame, info, pkt->flags & NETRXF_csum_blank)) {
		r->bad_csum++;
		return FRAME_CORRUPT;
	}
	if (verdict == FRAME_CORRUPT)
		r->corrupt++;
	else
		count_good(r, &stamp, info->proto == IPPROTO_TCP, now_ns);
	return verdict;
}

static double seconds(const struct receiver *r)
{
	return (r->last_ns - r->first_ns) / 1e9;
}

void receiver_report(const struct receiver *r, FILE *to)
{
	fprintf(to,
		",\"received\":{\"good\":%" PRIu64 ",\"corrupt\":%" PRIu64 ",\"foreign\":%" PRIu64
		",\"bad_csum\":%" PRIu64 ",\"lost\":%" PRIu64 ",\"late\":%" PRIu64
		",\"payload_bytes\":%" PRIu64 ",\"seconds\":%.3f",
		r->good, r->corrupt, r->foreign, r->bad_csum, r->lost, r->late, r->payload_bytes,
		seconds(r));
	fprintf(to,
		",\"latency_ns\":{\"count\":%" PRIu64 ",\"min\":%" PRIu64 ",\"p50\":%" PRIu64
		",\"p90\":%" PRIu64 ",\"p99\":%" PRIu64 ",\"p999\":%" PRIu64 ",\"max\":%" PRIu64
		"}}",
		r->latency.count, r->latency.min, histogram_at(&r->latency, 500),
		histogram_at(&r->latency, 900), histogram_at(&r->latency, 990),
		histogram_at(&r->latency, 999), r->latency.max);
}

void receiver_print(const struct receiver *r, FILE *to)
{
	double s = seconds(r);

	fprintf(to,
		"received %" PRIu64 " good, %" PRIu64 " corrupt, %" PRIu64 " bad checksum, %" PRIu64
		" foreign, %" PRIu64 " lost, %" PRIu64 " late",
		r->good, r->corrupt, r->bad_csum, r->foreign, r->lost, r->late);
	if (s > 0)
		fprintf(to, "; %.0f packets/s, %.1f Mbit/s", r->good / s,
			r->payload_bytes * 8 / s / 1e6);
	fputc('\n', to);
	if (!r->latency.count)
		return;
	fputs("latency µs:", to);
	for (const unsigned int *p = (const unsigned int[]){500, 900, 990, 999, 0}; *p; p++)
		fprintf(to, "  p%g %.1f", *p / 10.0, histogram_at(&r->latency, *p) / 1e3);
	fprintf(to, "  max %.1f\n", r->latency.max / 1e3);
}
