/* SPDX-License-Identifier: MIT */
/* rx.c: frames from the port to the guest's rx ring */
#include "rx.h"

#include <errno.h>
#include <sys/mman.h>

#include "netback/engine/clock.h"
#include "netback/engine/ctrl.h"
#include "netback/engine/queue.h"
#include "netback/engine/vif.h"
#include "netback/engine/vlan.h"
#include "netback/engine/worker.h"

_Static_assert((int)RX_BATCH <= 32, "a bit a frame");
_Static_assert((int)RX_HEADER_BYTES >= (int)OFFLOAD_HEADER_BYTES, "a header");
/* A copy a slot of the ring at most, and one more a segment. */
_Static_assert((int)RING_SLOTS + (int)RX_CUTS <= (int)COPY_MAX_SEGMENTS, "copies");

int rx_init(struct rx *rx, uint16_t domid)
{
	rx->pages = mmap(NULL, RX_ARENA_BYTES, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
	if (rx->pages == MAP_FAILED) {
		rx->pages = NULL;
		return -ENOMEM;
	}
	for (unsigned int i = 0; i < RX_BATCH; i++) {
		rx_frame_init(&rx->frame[i], rx->pages + i * RX_AREA_PAGES * COPY_PAGE_SIZE);
		rx->frame[i].owner = rx;
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
	struct rx *rx = &q->rx;
	bool stalled = !ready && !rx->told; /* it was not among the ready ones */

	if (rx->told && rx->ready == ready)
		return;
	rx->told = true;
	rx->ready = ready;
	if (stalled)
		vif_stalled(q->vif);
	else
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

static void release(const struct rx_frame *f)
{
	f->owner->free |= 1u << (f - f->owner->frame);
}

static struct rx_frame *take_held(struct rx *rx)
{
	struct rx_frame *f = rx->held[rx->first_held];

	rx->first_held = (rx->first_held + 1) % RX_MAX_HELD;
	rx->nr_held--;
	return f;
}

static void hold(struct rx *rx, struct rx_frame *f)
{
	rx->held[(rx->first_held + rx->nr_held++) % RX_MAX_HELD] = f;
}

static void release_held(struct rx *rx)
{
	while (rx->nr_held)
		release(take_held(rx));
}

static void drop_held(struct queue *q)
{
	struct rx *rx = &q->rx;

	if (rx->nr_held)
		goto drop_rx_expired;
	return;

drop_rx_expired:
	stats_add(&q->stats->drop_rx_expired, rx->nr_held);
	release_held(rx);
}

/* --- frames that go to another queue's ring ------------------------------------------------------- */

/* Whose ring a judged frame goes to. */
static struct queue *choose(struct queue *q, const struct rx_frame *f)
{
	const struct ctrl *c = q->ctrl;

	return ctrl_steers(c) ? c->queue[hash_queue(&c->hash, f->hash.value, c->nr_queues)] : q;
}

/* Frames that a queue without buffers may hold, all together no more than there are. */
static unsigned int share(const struct queue *q)
{
	return ctrl_steers(q->ctrl) ? RX_BATCH / q->ctrl->nr_queues : RX_BATCH;
}

/* Of the queues that frames of q's port go to: whether each one is without buffers, whether for long. */
static bool all_starved(const struct queue *q)
{
	const struct ctrl *c = q->ctrl;

	if (!ctrl_steers(c))
		return q->rx.starved;
	for (unsigned int i = 0; i < c->nr_queues; i++)
		if (!c->queue[i]->rx.starved)
			return false;
	return true;
}

static bool all_draining(const struct queue *q)
{
	const struct ctrl *c = q->ctrl;

	if (!ctrl_steers(c))
		return q->rx.draining;
	for (unsigned int i = 0; i < c->nr_queues; i++)
		if (!c->queue[i]->rx.draining)
			return false;
	return true;
}

/* The last ones beyond a queue's share, once it has been without buffers for a while. */
static void trim(struct queue *q, uint64_t now)
{
	struct rx *rx = &q->rx;

	if (rx->nr_held > share(q) && now - rx->starved_since >= RX_SHARE_NS)
		goto drop_rx_queue_full;
	return;

drop_rx_queue_full:
	stats_add(&q->stats->drop_rx_queue_full, rx->nr_held - share(q));
	while (rx->nr_held > share(q))
		release(rx->held[(rx->first_held + --rx->nr_held) % RX_MAX_HELD]);
}

void rx_part(struct queue *q)
{
	struct ctrl *c = q->ctrl;

	while (q->rx.nr_held)
		release(take_held(&q->rx));
	for (unsigned int i = 0; c && i < c->nr_queues; i++) {
		struct rx *rx = c->queue[i] ? &c->queue[i]->rx : &q->rx;

		for (unsigned int nr = rx->nr_held; nr; nr--) {
			struct rx_frame *f = take_held(rx);

			if (f->owner != &q->rx)
				hold(rx, f);
		}
	}
}

/* --- reads ------------------------------------------------------------------------------------------ */

/* Frames wait: one is held, or the last read found one and no other was posted (and this guest gets frames). */
static void count_starved(struct queue *q, uint64_t now)
{
	struct rx *rx = &q->rx;

	if (rx->nr_held || (!rx->nr_busy && q->rx_ring.rsp_prod_pvt))
		stats_add(&q->stats->rx_starved_ns, now - rx->counted_until);
	rx->counted_until = now;
}

/* The guest has posted too little: its port's queue fills, and after a time is too old to keep. */
static void starve(struct queue *q)
{
	struct rx *rx = &q->rx;
	uint64_t now = clock_ns(), waited;

	if (!rx->starved) {
		rx->starved = true;
		rx->starved_since = rx->counted_until = now;
		rx->stuck_since = rx->stuck_since ? rx->stuck_since : now;
		stats_inc(&q->stats->rx_full);
	}
	count_starved(q, now);
	waited = now - rx->starved_since;
	if (waited >= drain_ns(q)) {
		rx->draining = true;
		drop_held(q);
	}
	trim(q, now);
	if (now - rx->stuck_since >= RX_STALL_NS && q->features.rx_notify)
		set_ready(q, false);
}

static void fed(struct queue *q)
{
	if (q->rx.starved)
		count_starved(q, clock_ns());
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
		rx_frame_aim(q, &rx->frame[i]);
		iobatch_post(&q->worker->io, &q->port.frames, &rx->frame[i].read);
	}
}

/*
 * A port that is down or drained is read once a RX_RETRY_NS: what a guest that takes nothing makes us do is
 * bounded, however much is sent to it.
 */
static bool port_is_quiet(struct queue *q)
{
	struct rx *rx = &q->rx;
	uint64_t now;

	if (!rx->down && !all_draining(q))
		return false;
	now = clock_ns();
	if (now < rx->quiet_until)
		return true;
	rx->quiet_until = now + RX_RETRY_NS;
	return false;
}

/* What the rate is measured with; the clock is read only if there is one. */
static uint64_t rate_now(const struct rx *rx)
{
	return rate_limits(&rx->rate) ? clock_ns() : 0;
}

/* May a frame go? If not, no more are read than are with the port already. */
static bool has_credit(struct queue *q, uint64_t now)
{
	struct rx *rx = &q->rx;
	uint64_t until = rate_wait(&rx->rate, now);

	stats_add(&q->stats->rx_limited, until && !rx->limited);
	rx->limited = until;
	rx->wait_until = until;
	return !until;
}

/* Somebody takes the port's frames, or they are too old to keep. */
static bool may_read(const struct queue *q)
{
	return (!all_starved(q) || all_draining(q)) && (!q->ctrl || ctrl_is_complete(q->ctrl));
}

bool rx_is_behind(const struct queue *q)
{
	return q->rx.blocked && q->rx.free && may_read(q);
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
	rx->blocked = !may_read(q) || (!rx->nr_busy && !rx->free);
	if (rx->blocked || all_starved(q))
		rx->wait_until = 0;
	if (rx->blocked || (!all_starved(q) && !has_credit(q, rate_now(rx))))
		return 0;

	wanted = all_draining(q) ? RX_BATCH : rx->nr_wanted;
	wanted = min(wanted, rx->nr_busy + (unsigned int)__builtin_popcount(rx->free));
	if (rx->nr_busy < wanted && !port_is_quiet(q))
		post_reads(q, wanted - rx->nr_busy);
	return 0;
}

/* --- frames ----------------------------------------------------------------------------------------- */

/* A read is done. Whose ring it goes to; a frame that is none, or does not go to the guest, is released. */
static struct queue *accept_frame(struct queue *q, struct rx_frame *f)
{
	struct queue *to;

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
	if (all_draining(q))
		goto drop_rx_expired;
	if (!rx_frame_judge(q, f))
		goto release;
	to = choose(q, f);
	if (to->rx.draining)
		goto drop_rx_expired;
	return to;

drop_rx_expired:
	stats_inc(&q->stats->drop_rx_expired);
	goto release;
drop_rx_bad_offload:
	stats_inc(&q->stats->drop_rx_bad_offload);
release:
	release(f);
	return NULL;
}

/* From what a round brought: how many reads to post next, and whether to let frames gather first. */
static void adapt(struct rx *rx, uint64_t bytes)
{
	bool full = rx->nr_busy == 0;

	rx->hold_ns = coalesce_frames(&rx->coalesce, rx->nr_done, bytes, full);
	if (full)
		rx->nr_wanted = min(rx->nr_wanted * 2, (unsigned int)RX_BATCH);
	else if (rx->hold_ns)
		rx->nr_wanted = min(max(rx->coalesce.frames, rx->nr_done), (unsigned int)RX_BATCH);
	else
		rx->nr_wanted = rx->nr_done;
}

/* The frames the port gave go to the end of those that wait for the guest. */
static void take_frames(struct queue *q)
{
	struct rx *rx = &q->rx;
	struct iobatch_read *r;
	uint64_t bytes = 0;

	while ((r = iobatch_take(&q->port.frames))) {
		struct rx_frame *f = container_of(r, struct rx_frame, read);
		struct queue *to = accept_frame(q, f);

		rx->nr_busy--;
		rx->nr_done++;
		if (!to)
			continue;
		bytes += f->length;
		hold(&to->rx, f);
	}
	if (rx->nr_done)
		adapt(rx, bytes);
	if (rx->down && rx->nr_done)
		rx->quiet_until = clock_ns() + RX_RETRY_NS;
}

static struct rx_frame *first(const struct rx *rx)
{
	return rx->held[rx->first_held];
}

/* For the answer to what is placed next, and for its header if it is a segment. */
static bool has_place(const struct rx *rx)
{
	return rx->nr_placed < RX_PLACED && (!first(rx)->cut || rx->nr_cut < RX_CUTS);
}

/* The first held frame, or its next segment. */
static void place_next(struct queue *q, uint64_t now)
{
	struct rx *rx = &q->rx;
	struct rx_packet *p = &rx->placed[rx->nr_placed++];
	uint8_t *headers = rx->pages + RX_BATCH * RX_AREA_PAGES * COPY_PAGE_SIZE;
	struct rx_frame *f = first(rx);

	rx_frame_place(q, f, headers + rx->nr_cut * RX_HEADER_BYTES, p);
	rx->nr_cut += f->cut;
	rate_charge(&rx->rate, now, p->length);
	if (p->last)
		take_held(rx);
}

/* Those the guest has room for now, in order. */
static void place_frames(struct queue *q)
{
	struct rx *rx = &q->rx;
	uint64_t now = rate_now(rx);
	int avail;

	rx->nr_placed = rx->nr_cut = 0;
	if (rx->nr_held == 0)
		return;
	/* Negative: the next round's rx_begin says so. */
	avail = ring_rx_unconsumed(&q->rx_ring);
	copy_reset(&rx->copy);
	while (rx->nr_held && avail >= (int)need(rx) && has_place(rx) && has_credit(q, now)) {
		avail -= (int)need(rx);
		place_next(q, now);
	}
}

bool rx_end(struct queue *q)
{
	struct rx *rx = &q->rx;

	/* Before a hold even those that a read of an earlier round has brought wait: they would end it. */
	if (!rx->passed)
		take_frames(q);
	place_frames(q);
	if (rx->nr_placed == 0)
		return false;

	/* Its patience begins anew, for being short of buffers and for being stalled. */
	if (rx->starved)
		fed(q);
	rx->stuck_since = 0;
	copy_flush(&rx->copy, q->worker->gnttab);
	for (unsigned int i = 0; i < rx->nr_placed; i++) {
		rx_packet_answer(q, &rx->placed[i]);
		if (rx->placed[i].last)
			release(rx->placed[i].frame);
	}
	return journal_publish_rx(&q->journal->rx, &q->rx_ring);
}

static void drop_for_vlan(struct queue *q)
{
	struct rx *rx = &q->rx;

	if (rx->nr_held)
		goto drop_rx_vlan;
	return;

drop_rx_vlan:
	stats_add(&q->stats->drop_rx_vlan, rx->nr_held);
	release_held(rx);
}

void rx_police(struct queue *q, bool other_vlans)
{
	struct rx *rx = &q->rx;

	rate_set(&rx->rate, &q->policy.rx_rate, &q->memory->rx_rate, clock_ns());
	rx->wait_until = 0;
	rx->pulls = vlan_pulls(&q->policy.vlan);
	if (other_vlans)
		drop_for_vlan(q);
	for (unsigned int nr = rx->nr_held; nr; nr--) {
		struct rx_frame *f = take_held(rx);

		if (rx_frame_judge_again(q, f))
			hold(rx, f);
		else
			release(f);
	}
}

static void lower(uint64_t *deadline, uint64_t to)
{
	*deadline = min(*deadline, to);
}

unsigned int rx_idle(struct queue *q, uint64_t *deadline)
{
	struct rx *rx = &q->rx;

	rx->hold_ns = max(rx->hold_ns, coalesce_rest(&rx->coalesce));
	/* Unless rx_begin waits for something else first: it would not look at quiet_until. */
	if (rx->nr_busy == 0 && !rx->blocked && !rx->wait_until && (rx->down || all_draining(q)))
		lower(deadline, rx->quiet_until);
	if (rx->wait_until)
		lower(deadline, rx->wait_until);
	if (!rx->starved)
		return 0;
	if (!q->features.rx_notify)
		lower(deadline, clock_ns() + RX_POLL_NS);
	else if (!rx->draining)
		lower(deadline, rx->starved_since + drain_ns(q));
	if (rx->nr_held > share(q))
		lower(deadline, rx->starved_since + RX_SHARE_NS);
	if ((rx->ready || !rx->told) && q->features.rx_notify)
		lower(deadline, rx->stuck_since + RX_STALL_NS);
	return need(rx);
}
