/* SPDX-License-Identifier: MIT */
/* rx.c: frames from the port to the guest's rx ring */
#include "rx.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

#include "netback/engine/offload.h"
#include "netback/engine/queue.h"
#include "netback/engine/vif.h"
#include "netback/engine/worker.h"

enum {
	RX_FRAME_BYTES = RX_FRAME_PAGES * COPY_PAGE_SIZE,
	RX_ARENA_BYTES = RX_BATCH * RX_FRAME_BYTES,
};

_Static_assert((int)RX_FRAME_BYTES >= (int)PORT_MAX_FRAME, "the largest frame");

static uint64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

/* Without scatter/gather a frame is one slot, and nothing else can come with it. */
static unsigned int largest_frame(const struct link_features *f)
{
	if (!f->rx_sg)
		return 1;
	return RX_FRAME_PAGES + (f->rx_gso_tcpv4 || f->rx_gso_tcpv6);
}

int rx_init(struct rx *rx, uint16_t domid, const struct link_features *features)
{
	rx->pages = mmap(NULL, RX_ARENA_BYTES, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
	if (rx->pages == MAP_FAILED) {
		rx->pages = NULL;
		return -ENOMEM;
	}
	for (unsigned int i = 0; i < RX_BATCH; i++) {
		struct rx_frame *f = &rx->frame[i];

		f->iov[0] = (struct iovec){&f->hdr, PORT_HEADER_BYTES};
		f->iov[1] = (struct iovec){rx->pages + i * RX_FRAME_BYTES, RX_FRAME_BYTES};
	}
	rx->max_slots = largest_frame(features);
	rx->nr_wanted = RX_MIN_READS;
	copy_init(&rx->copy, domid);
	return 0;
}

void rx_release(struct rx *rx)
{
	if (rx->pages)
		munmap(rx->pages, RX_ARENA_BYTES);
	rx->pages = NULL;
}

static void set_ready(struct queue *q, bool ready)
{
	if (q->rx.ready == ready)
		return;
	q->rx.ready = ready;
	vif_ready(q->vif, ready);
}

static uint64_t drain_ns(const struct queue *q)
{
	return q->features.rx_notify ? RX_DRAIN_NS : RX_DRAIN_NO_EVENT_NS;
}

/* The guest has posted too little: its port's queue fills, and after a time is too old to keep. */
static void starve(struct queue *q)
{
	struct rx *rx = &q->rx;
	uint64_t now = now_ns(), waited;

	if (!rx->starved) {
		rx->starved = true;
		rx->starved_since = now;
		stats_inc(&q->stats->rx_full);
	}
	waited = now - rx->starved_since;
	rx->discard = waited >= drain_ns(q) && now >= rx->quiet_until;
	if (waited >= RX_STALL_NS && q->features.rx_notify)
		set_ready(q, false);
}

static void queue_reads(struct queue *q, unsigned int nr)
{
	struct rx *rx = &q->rx;

	for (unsigned int i = 0; i < nr; i++)
		port_read(&q->port, &q->worker->io, rx->frame[i].iov, 2, &rx->frame[i].length);
	rx->nr_reads = nr;
	q->port.readable.fired = false;
	stats_add(&q->stats->port_ops, nr);
}

int rx_begin(struct queue *q, bool speculate, const char **ret_why)
{
	struct rx *rx = &q->rx;
	int avail = ring_rx_unconsumed(&q->rx_ring);
	unsigned int room;

	rx->nr_reads = 0;
	rx->discard = false;
	if (avail < 0) {
		*ret_why = "rx ring: the producer index makes no sense";
		return avail;
	}

	room = (unsigned int)avail / rx->max_slots;
	if (room == 0) {
		starve(q);
		if (rx->discard)
			queue_reads(q, RX_BATCH);
		return 0;
	}
	if (rx->starved)
		rx->more = true; /* the port may have filled meanwhile */
	rx->starved = false;
	set_ready(q, true);

	if (rx->down && now_ns() < rx->quiet_until)
		return 0;
	if (q->port.readable.fired || rx->more || rx->down)
		queue_reads(q, min(room, rx->nr_wanted));
	else if (speculate)
		queue_reads(q, 1);
	return 0;
}

/* The guest's buffers for one frame, and the copies into them. */
static void fill_slots(struct queue *q, struct rx_frame *f, uint32_t len)
{
	const uint8_t *data = f->iov[1].iov_base;
	netif_rx_request_t req;

	f->first_segment = (uint16_t)q->rx.copy.nr;
	f->nr_data = (uint16_t)DIV_ROUND_UP(len, COPY_PAGE_SIZE);
	f->nr_slots = (uint16_t)(f->nr_data + (f->gso_size != 0));

	for (unsigned int i = 0; i < f->nr_slots; i++) {
		uint32_t n = min(len, COPY_PAGE_SIZE);

		ring_rx_copy(&q->rx_ring, q->rx_ring.req_cons++, &req);
		f->id[i] = req.id;
		if (i == 1 && f->gso_size)
			continue; /* the extra info's place; its buffer goes back empty */
		copy_to_guest(&q->rx.copy, req.gref, 0, data, (uint16_t)n);
		data += n;
		len -= n;
	}
}

/* Decide how a frame goes to the guest. One that cannot go leaves no trace on the ring. */
static void place(struct queue *q, struct rx_frame *f)
{
	uint32_t len = (uint32_t)f->length - PORT_HEADER_BYTES;
	struct offload_rx how;

	switch (port_result(f->length)) {
	case PORT_DONE:
		break;
	case PORT_REFUSED: /* taken off the kernel's queue, but the header cannot say what it is */
		goto drop_rx_bad_offload;
	default:
		return;
	}
	if (len == 0 || len > (q->features.rx_sg ? RX_FRAME_BYTES : COPY_PAGE_SIZE))
		goto drop_rx_too_long;
	if (offload_to_guest(&f->hdr, f->iov[1].iov_base, len, &q->features, &how) < 0)
		goto drop_rx_bad_offload;

	f->flags = how.flags;
	f->gso_type = how.gso_type;
	f->gso_size = how.gso_type == XEN_NETIF_GSO_TYPE_NONE ? 0 : how.gso_size;
	stats_add(&q->stats->rx_csum_completed, how.completed);
	fill_slots(q, f, len);
	f->placed = true;
	return;

drop_rx_too_long:
	stats_inc(&q->stats->drop_rx_too_long);
	return;
drop_rx_bad_offload:
	stats_inc(&q->stats->drop_rx_bad_offload);
}

static void note_extra(struct queue *q, const struct rx_frame *f)
{
	struct netif_extra_info extra = {
		.type = XEN_NETIF_EXTRA_TYPE_GSO,
		.u.gso = {.size = f->gso_size, .type = f->gso_type},
	};

	journal_note_extra(&q->journal->rx, &extra);
}

static void count(struct queue *q, const struct rx_frame *f)
{
	stats_inc(&q->stats->rx_packets);
	stats_add(&q->stats->rx_bytes, (uint64_t)f->length - PORT_HEADER_BYTES);
	stats_add(&q->stats->rx_gso_packets, f->gso_size != 0);
	stats_add(&q->stats->rx_csum_blank, !!(f->flags & NETRXF_csum_blank));
}

/*
 * One response a slot. If a copy failed, the guest gave a buffer we may not write: the whole frame is
 * an error, in the shape of a frame, so that the guest stays in step.
 */
static void respond(struct queue *q, const struct rx_frame *f)
{
	bool ok = copy_ok(&q->rx.copy, f->first_segment, f->nr_data);
	uint32_t left = (uint32_t)f->length - PORT_HEADER_BYTES;
	unsigned int data = 0;

	for (unsigned int i = 0; i < f->nr_slots; i++) {
		struct netif_rx_response rsp = {.id = f->id[i]};

		if (i == 1 && f->gso_size) {
			note_extra(q, f);
			continue;
		}
		if (i == 0)
			rsp.flags = f->flags | (f->gso_size ? NETRXF_extra_info : 0);
		if (++data < f->nr_data)
			rsp.flags |= NETRXF_more_data;
		rsp.status = ok ? (int16_t)min(left, COPY_PAGE_SIZE) : NETIF_RSP_ERROR;
		left -= min(left, COPY_PAGE_SIZE);
		journal_note_rx(&q->journal->rx, &rsp);
	}
	stats_add(&q->stats->rx_slots, f->nr_slots);
	if (!ok)
		goto drop_rx_copy_failed;
	count(q, f);
	return;

drop_rx_copy_failed:
	stats_inc(&q->stats->drop_rx_copy_failed);
}

/* How many frames the reads brought, and from that how many to try the next time. */
static unsigned int count_reads(struct rx *rx)
{
	unsigned int nr = 0;

	rx->down = false;
	for (unsigned int i = 0; i < rx->nr_reads; i++) {
		enum port_result result = port_result(rx->frame[i].length);

		nr += result == PORT_DONE;
		rx->down |= result == PORT_DOWN;
	}
	rx->more = nr && nr == rx->nr_reads;
	if (rx->down || (rx->discard && !rx->more))
		rx->quiet_until = now_ns() + RX_RETRY_NS;
	if (rx->more)
		rx->nr_wanted = min(rx->nr_wanted * 2, (unsigned int)RX_BATCH);
	else
		rx->nr_wanted = max(nr + 1, (unsigned int)RX_MIN_READS);
	return nr;
}

bool rx_end(struct queue *q)
{
	struct rx *rx = &q->rx;
	unsigned int nr, nr_placed = 0;

	if (rx->nr_reads == 0) {
		rx->more = false;
		return false;
	}
	nr = count_reads(rx);
	if (rx->discard)
		goto drop_rx_expired;

	copy_reset(&rx->copy);
	for (unsigned int i = 0; i < rx->nr_reads; i++) {
		rx->frame[i].placed = false;
		place(q, &rx->frame[i]);
		nr_placed += rx->frame[i].placed;
	}
	if (nr_placed == 0)
		return false;

	copy_flush(&rx->copy, q->worker->gnttab);
	for (unsigned int i = 0; i < rx->nr_reads; i++)
		if (rx->frame[i].placed)
			respond(q, &rx->frame[i]);
	return journal_publish_rx(&q->journal->rx, &q->rx_ring);

drop_rx_expired:
	stats_add(&q->stats->drop_rx_expired, nr);
	return false;
}

static void lower(uint64_t *deadline, uint64_t to)
{
	*deadline = min(*deadline, to);
}

bool rx_idle(struct queue *q, uint64_t *deadline, unsigned int *ret_need)
{
	struct rx *rx = &q->rx;

	if (rx->more)
		return true;

	*ret_need = 0;
	if (rx->down && !rx->starved) {
		lower(deadline, rx->quiet_until);
		return false;
	}
	if (!rx->starved) {
		iobatch_watch(&q->worker->io, &q->port.readable);
		return false;
	}
	*ret_need = rx->max_slots;
	if (!q->features.rx_notify)
		lower(deadline, now_ns() + RX_POLL_NS);
	else
		lower(deadline, max(rx->starved_since + drain_ns(q), rx->quiet_until));
	return false;
}
