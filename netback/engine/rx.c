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
_Static_assert((int)RX_BATCH <= 32, "a bit a frame");

static uint64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

int rx_init(struct rx *rx, uint16_t domid)
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
		f->read = (struct iobatch_read){.iov = f->iov, .nr_iov = ARRAY_SIZE(f->iov)};
	}
	rx->free = (1ull << RX_BATCH) - 1;
	rx->nr_wanted = 1;
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

/* Slots the guest must have posted before anything moves. */
static unsigned int need(const struct rx *rx)
{
	return rx->nr_held ? rx->held[rx->first_held]->nr_slots : 1;
}

static void release(struct rx *rx, const struct rx_frame *f)
{
	rx->free |= 1u << (f - rx->frame);
}

static struct rx_frame *take_held(struct rx *rx)
{
	struct rx_frame *f = rx->held[rx->first_held];

	rx->first_held = (rx->first_held + 1) % RX_BATCH;
	rx->nr_held--;
	return f;
}

static void drop_held(struct queue *q)
{
	struct rx *rx = &q->rx;

	if (rx->nr_held)
		goto drop_rx_expired;
	return;

drop_rx_expired:
	stats_add(&q->stats->drop_rx_expired, rx->nr_held);
	while (rx->nr_held)
		release(rx, take_held(rx));
}

/* The guest has posted too little: its port's queue fills, and after a time is too old to keep. */
static void starve(struct queue *q)
{
	struct rx *rx = &q->rx;
	uint64_t now = now_ns(), waited;

	if (!rx->starved) {
		rx->starved = true;
		rx->starved_since = now;
		rx->stuck_since = rx->stuck_since ? rx->stuck_since : now;
		stats_inc(&q->stats->rx_full);
	}
	waited = now - rx->starved_since;
	if (waited >= drain_ns(q)) {
		rx->draining = true;
		drop_held(q);
	}
	if (now - rx->stuck_since >= RX_STALL_NS && q->features.rx_notify)
		set_ready(q, false);
}

static void fed(struct queue *q)
{
	q->rx.starved = q->rx.draining = false;
	set_ready(q, true);
}

static void post_reads(struct queue *q, unsigned int nr)
{
	struct rx *rx = &q->rx;

	rx->down = false;
	stats_add(&q->stats->port_ops, nr);
	for (rx->nr_busy += nr; nr; nr--) {
		unsigned int i = (unsigned int)__builtin_ctz(rx->free);

		rx->free &= ~(1u << i);
		iobatch_post(&q->worker->io, &q->port.frames, &rx->frame[i].read);
	}
}

/*
 * A port that is down or drained is read once a RX_RETRY_NS: what a guest that takes nothing makes us do is
 * bounded, however much is sent to it.
 */
static bool port_is_quiet(struct rx *rx)
{
	uint64_t now;

	if (!rx->down && !rx->draining)
		return false;
	now = now_ns();
	if (now < rx->quiet_until)
		return true;
	rx->quiet_until = now + RX_RETRY_NS;
	return false;
}

int rx_begin(struct queue *q, const char **ret_why)
{
	struct rx *rx = &q->rx;
	unsigned int wanted;
	int avail;

	rx->nr_done = 0;
	/* One round's grace to go to sleep; if others keep the thread busy, there is nothing to wait for. */
	if (rx->hold_ns && !rx->passed) {
		rx->passed = true;
		return 0;
	}
	rx->hold_ns = 0;
	rx->passed = false;

	avail = ring_rx_unconsumed(&q->rx_ring);
	if (avail < 0) {
		*ret_why = "rx ring: the producer index makes no sense";
		return avail;
	}
	if ((unsigned int)avail < need(rx))
		starve(q);
	else
		fed(q);
	if (rx->starved && !rx->draining)
		return 0;

	wanted = min(rx->draining ? RX_BATCH : rx->nr_wanted, RX_BATCH - rx->nr_held);
	if (rx->nr_busy < wanted && !port_is_quiet(rx))
		post_reads(q, wanted - rx->nr_busy);
	return 0;
}

/* Extra infos stand between the first slot and the others with data. */
static bool is_extra(const struct rx_frame *f, unsigned int slot)
{
	return slot - 1 < f->nr_extras;
}

/* The guest's buffers for one frame, and the copies into them. */
static void fill_slots(struct queue *q, struct rx_frame *f)
{
	const uint8_t *data = f->iov[1].iov_base;
	uint32_t len = f->length;
	netif_rx_request_t req;

	f->first_segment = (uint16_t)q->rx.copy.nr;
	for (unsigned int i = 0; i < f->nr_slots; i++) {
		uint32_t n = min(len, COPY_PAGE_SIZE);

		ring_rx_copy(&q->rx_ring, q->rx_ring.req_cons++, &req);
		f->id[i] = req.id;
		if (is_extra(f, i))
			continue; /* its buffer goes back empty */
		copy_to_guest(&q->rx.copy, req.gref, 0, data, (uint16_t)n);
		data += n;
		len -= n;
	}
	f->nr_segments = (uint16_t)(q->rx.copy.nr - f->first_segment);
}

/* Linux gives them in the order of their types (xenvif_rx_next_skb); so do our callers. */
static void add_extra(struct rx_frame *f, const struct netif_extra_info *extra)
{
	if (f->nr_extras)
		f->extra[f->nr_extras - 1].flags = XEN_NETIF_EXTRA_FLAG_MORE;
	f->extra[f->nr_extras++] = *extra;
}

static void add_gso(struct rx_frame *f, const struct offload_rx *how)
{
	f->gso = how->gso_type != XEN_NETIF_GSO_TYPE_NONE;
	if (f->gso)
		add_extra(f, &(struct netif_extra_info){
				     .type = XEN_NETIF_EXTRA_TYPE_GSO,
				     .u.gso = {.size = how->gso_size, .type = how->gso_type},
			     });
}

/* Decide how a frame goes to the guest, and which slots it needs. One that cannot go is released. */
static bool accept_frame(struct queue *q, struct rx_frame *f)
{
	uint32_t len = (uint32_t)f->read.ret - PORT_HEADER_BYTES;
	struct offload_rx how;

	switch (port_result(f->read.ret)) {
	case PORT_DONE:
		break;
	case PORT_AGAIN:
		goto release;
	case PORT_DOWN:
		q->rx.down = true;
		goto release;
	case PORT_REFUSED: /* taken off the kernel's queue, but the header cannot say what it is */
		goto drop_rx_bad_offload;
	}
	if (q->rx.draining)
		goto drop_rx_expired;
	if (len == 0 || len > (q->features.rx_sg ? RX_FRAME_BYTES : COPY_PAGE_SIZE))
		goto drop_rx_too_long;
	if (offload_to_guest(&f->hdr, f->iov[1].iov_base, len, &q->features, &how) < 0)
		goto drop_rx_bad_offload;

	f->flags = how.flags;
	f->nr_extras = 0;
	add_gso(f, &how);
	stats_add(&q->stats->rx_csum_completed, how.completed);
	f->length = len;
	f->nr_data = (uint16_t)DIV_ROUND_UP(len, COPY_PAGE_SIZE);
	f->nr_slots = f->nr_data + f->nr_extras;
	return true;

drop_rx_expired:
	stats_inc(&q->stats->drop_rx_expired);
	goto release;
drop_rx_too_long:
	stats_inc(&q->stats->drop_rx_too_long);
	goto release;
drop_rx_bad_offload:
	stats_inc(&q->stats->drop_rx_bad_offload);
release:
	release(&q->rx, f);
	return false;
}

static void count(struct queue *q, const struct rx_frame *f)
{
	stats_inc(&q->stats->rx_packets);
	stats_add(&q->stats->rx_bytes, f->length);
	stats_add(&q->stats->rx_gso_packets, f->gso);
	stats_add(&q->stats->rx_csum_blank, !!(f->flags & NETRXF_csum_blank));
}

/*
 * One response a slot. If a copy failed, the guest gave a buffer we may not write: the whole frame is
 * an error, in the shape of a frame, so that the guest stays in step.
 */
static void respond(struct queue *q, const struct rx_frame *f)
{
	bool ok = copy_ok(&q->rx.copy, f->first_segment, f->nr_segments);
	uint32_t left = f->length;
	unsigned int data = 0;

	for (unsigned int i = 0; i < f->nr_slots; i++) {
		struct netif_rx_response rsp = {.id = f->id[i]};

		if (is_extra(f, i)) {
			journal_note_extra(&q->journal->rx, &f->extra[i - 1]);
			continue;
		}
		if (i == 0)
			rsp.flags = f->flags | (f->nr_extras ? NETRXF_extra_info : 0);
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

/* From what a round brought: how many reads to post next, and whether to let frames gather first. */
static void adapt(struct rx *rx, uint64_t bytes)
{
	bool full = rx->nr_busy == 0;

	if (full)
		rx->nr_wanted = min(rx->nr_wanted * 2, (unsigned int)RX_BATCH);
	else
		rx->nr_wanted = rx->nr_done;

	/* Only what had the time to gather tells how fast frames come. */
	if (!rx->awake)
		coalesce_frames(&rx->coalesce, rx->nr_done, bytes, full);
	rx->awake = true;
	rx->hold_ns = rx->coalesce.hold_ns;
}

/* The frames the port gave go to the end of those that wait for the guest. */
static void take_frames(struct queue *q)
{
	struct rx *rx = &q->rx;
	struct iobatch_read *r;
	uint64_t bytes = 0;

	while ((r = iobatch_take(&q->port.frames))) {
		struct rx_frame *f = container_of(r, struct rx_frame, read);

		rx->nr_busy--;
		rx->nr_done++;
		if (!accept_frame(q, f))
			continue;
		bytes += f->length;
		rx->held[(rx->first_held + rx->nr_held++) % RX_BATCH] = f;
	}
	if (rx->nr_done)
		adapt(rx, bytes);
	if (rx->down && rx->nr_done)
		rx->quiet_until = now_ns() + RX_RETRY_NS;
}

/* Those the guest has room for now, in order. */
static unsigned int place_frames(struct queue *q, struct rx_frame *placed[RX_BATCH])
{
	struct rx *rx = &q->rx;
	unsigned int nr = 0;
	int avail;

	if (rx->nr_held == 0)
		return 0;
	/* Negative: the next round's rx_begin says so. */
	avail = ring_rx_unconsumed(&q->rx_ring);
	copy_reset(&rx->copy);
	while (rx->nr_held && avail >= (int)need(rx)) {
		struct rx_frame *f = take_held(rx);

		fill_slots(q, f);
		avail -= f->nr_slots;
		placed[nr++] = f;
	}
	return nr;
}

bool rx_end(struct queue *q)
{
	struct rx_frame *placed[RX_BATCH];
	struct rx *rx = &q->rx;
	unsigned int nr_placed;

	take_frames(q);
	rx->nr_placed = nr_placed = place_frames(q, placed);
	if (nr_placed == 0)
		return false;

	rx->stuck_since = 0;
	copy_flush(&rx->copy, q->worker->gnttab);
	for (unsigned int i = 0; i < nr_placed; i++) {
		respond(q, placed[i]);
		release(rx, placed[i]);
	}
	return journal_publish_rx(&q->journal->rx, &q->rx_ring);
}

static void lower(uint64_t *deadline, uint64_t to)
{
	*deadline = min(*deadline, to);
}

unsigned int rx_idle(struct queue *q, uint64_t *deadline)
{
	struct rx *rx = &q->rx;

	rx->awake = false;
	if (rx->nr_busy == 0 && (rx->down || rx->draining))
		lower(deadline, rx->quiet_until);
	if (!rx->starved)
		return 0;
	if (!q->features.rx_notify)
		lower(deadline, now_ns() + RX_POLL_NS);
	else if (!rx->draining)
		lower(deadline, rx->starved_since + drain_ns(q));
	if (rx->ready && q->features.rx_notify)
		lower(deadline, rx->stuck_since + RX_STALL_NS);
	return need(rx);
}
