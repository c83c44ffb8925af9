/* SPDX-License-Identifier: MIT */
/* queue.c: connect a pair of rings, serve it for a round, let it go */
#include "queue.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <xenevtchn.h>
#include <xengnttab.h>

#include "netback/engine/clock.h"
#include "netback/engine/ctrl.h"
#include "netback/engine/vif.h"
#include "netback/engine/vlan.h"
#include "netback/engine/worker.h"

static void *map_ring(struct worker *w, struct queue *q, uint32_t ref)
{
	return xengnttab_map_grant_ref(w->gnttab, q->domid, ref, PROT_READ | PROT_WRITE);
}

static void unmap_ring(struct worker *w, void *sring)
{
	if (sring)
		xengnttab_unmap(w->gnttab, sring, 1);
}

/* Take the rings over where they stand, after what a dead engine had begun is finished. */
static int attach_rings(struct worker *w, struct queue *q, const char **ret_why)
{
	netif_tx_sring_t *tx = map_ring(w, q, q->refs.tx_ring_ref);
	netif_rx_sring_t *rx = map_ring(w, q, q->refs.rx_ring_ref);

	if (!tx || !rx) {
		*ret_why = "cannot map a ring: tx-ring-ref or rx-ring-ref is no valid grant";
		goto err_unmap;
	}
	q->journal = journal_attach(q->journal_bytes, q->refs.tx_ring_ref, q->refs.rx_ring_ref);
	if (journal_replay_tx(&q->journal->tx, tx) == JOURNAL_FINISHED)
		stats_inc(&q->stats->journal_replays);
	if (journal_replay_rx(&q->journal->rx, rx) == JOURNAL_FINISHED)
		stats_inc(&q->stats->journal_replays);

	if (ring_tx_attach(&q->tx_ring, tx) < 0 || ring_rx_attach(&q->rx_ring, rx) < 0) {
		*ret_why = "a ring's indices make no sense";
		goto err_unmap;
	}
	return 0;

err_unmap:
	unmap_ring(w, tx);
	unmap_ring(w, rx);
	return -EINVAL;
}

static int bind_port(struct worker *w, struct queue *q, uint32_t remote, uint32_t *ret_port)
{
	xenevtchn_port_or_error_t port;
	int ret;

	port = xenevtchn_bind_interdomain(w->evtchn, q->domid, remote);
	if (port < 0)
		return -errno;

	ret = worker_add_port(w, (uint32_t)port, q);
	if (ret < 0) {
		xenevtchn_unbind(w->evtchn, (uint32_t)port);
		return ret;
	}
	*ret_port = (uint32_t)port;
	return 0;
}

static void unbind_port(struct worker *w, uint32_t port)
{
	worker_remove_port(w, port);
	xenevtchn_unbind(w->evtchn, port);
}

static int bind_ports(struct worker *w, struct queue *q, const char **ret_why)
{
	int ret = bind_port(w, q, q->refs.evtchn_tx, &q->tx_port);

	*ret_why = "cannot bind an event channel";
	if (ret < 0)
		return ret;

	q->rx_port = q->tx_port;
	if (q->refs.evtchn_rx == q->refs.evtchn_tx)
		return 0;

	ret = bind_port(w, q, q->refs.evtchn_rx, &q->rx_port);
	if (ret < 0)
		unbind_port(w, q->tx_port);
	return ret;
}

static void unbind_ports(struct worker *w, struct queue *q)
{
	if (q->rx_port != q->tx_port)
		unbind_port(w, q->rx_port);
	unbind_port(w, q->tx_port);
}

/* --- how soon does the guest act? ----------------------------------------------------------------------- */

/* Changes when the guest does anything on a ring. Only figures come of it. */
static uint32_t mark(const struct queue *q)
{
	return READ_ONCE(q->tx_ring.sring->req_prod) + READ_ONCE(q->tx_ring.sring->rsp_event) +
	       READ_ONCE(q->rx_ring.sring->req_prod) + READ_ONCE(q->rx_ring.sring->rsp_event);
}

static void count_kick(struct queue *q, uint64_t ns)
{
	stats_inc(&q->stats->kick[stats_kick_bucket(ns)]);
}

/* The end of a round. What the guest had done before it was notified is an answer to an earlier kick. */
static void follow_kick(struct queue *q, bool due, uint32_t before, bool notified)
{
	uint64_t now = due ? clock_ns() : 0, ns;

	if (due && kick_look(&q->kick, before, now, &ns))
		count_kick(q, ns);
	if (notified && kick_wanted(&q->kick))
		kick_sent(&q->kick, before, due ? now : clock_ns());
}

void queue_event(struct queue *q)
{
	uint64_t ns;

	if (!q->failed && kick_pending(&q->kick) && kick_event(&q->kick, mark(q), clock_ns(), &ns))
		count_kick(q, ns);
}

/* --- the control ring -------------------------------------------------------------------------- */

static bool has_ctrl(const struct queue *q)
{
	return q->ctrl && q->index == 0;
}

static int open_ctrl(struct worker *w, struct queue *q, const char **ret_why)
{
	struct ctrl *c = q->ctrl;
	xen_netif_ctrl_sring_t *sring;
	int ret;

	if (!has_ctrl(q))
		return 0;
	*ret_why = "cannot map the control ring: ctrl-ring-ref is no valid grant";
	sring = map_ring(w, q, c->refs.ring_ref);
	if (!sring)
		return -EINVAL;

	*ret_why = "the control ring's indices make no sense";
	ret = ctrl_attach(c, sring, w->gnttab);
	if (ret < 0)
		goto err_unmap;

	*ret_why = "cannot bind event-channel-ctrl";
	ret = bind_port(w, q, c->refs.evtchn, &c->port);
	if (ret < 0)
		goto err_release;
	return 0;

err_release:
	ctrl_release(c);
err_unmap:
	unmap_ring(w, sring);
	return ret;
}

static void close_ctrl(struct worker *w, struct queue *q)
{
	if (!has_ctrl(q))
		return;
	unbind_port(w, q->ctrl->port);
	ctrl_release(q->ctrl);
	unmap_ring(w, q->ctrl->ring.sring);
}

static void join_ctrl(struct queue *q)
{
	struct ctrl *c = q->ctrl;

	if (!c)
		return;
	q->tx.copy.staging = q->rx.copy.staging = &c->staging[q->index];
	c->queue[q->index] = q;
	c->nr_open++;
}

static void leave_ctrl(struct queue *q)
{
	if (!q->ctrl)
		return;
	q->ctrl->queue[q->index] = NULL;
	q->ctrl->nr_open--;
}

static int serve_ctrl(struct queue *q, const char **ret_why)
{
	int ret;

	q->ctrl_served = q->ctrl_notify = false;
	if (!has_ctrl(q) || !ctrl_is_complete(q->ctrl))
		return 0;
	ret = ctrl_serve(q->ctrl, &q->ctrl_notify);
	if (ret < 0)
		*ret_why = "control ring: the producer index makes no sense";
	q->ctrl_served = ret > 0;
	stats_add(&q->stats->ctrl_requests, q->ctrl_served);
	return ret;
}

/* --- notifications, life ---------------------------------------------------------------------------------- */

static void notify(struct queue *q, bool tx, bool rx)
{
	if (tx) {
		stats_inc(&q->stats->tx_notified);
		xenevtchn_notify(q->worker->evtchn, q->tx_port);
	}
	if (rx) {
		stats_inc(&q->stats->rx_notified);
		/* A shared event channel has already told the frontend to look at both rings. */
		if (!tx || q->rx_port != q->tx_port)
			xenevtchn_notify(q->worker->evtchn, q->rx_port);
	}
}

static int alloc_buffers(struct queue *q)
{
	int ret = tx_init(&q->tx, q->domid);

	if (ret < 0)
		return ret;
	ret = rx_init(&q->rx, q->domid);
	if (ret < 0)
		tx_release(&q->tx);
	return ret;
}

int queue_open(struct worker *w, struct queue *q, const char **ret_why)
{
	int ret;

	*ret_why = "out of memory";
	ret = alloc_buffers(q);
	if (ret < 0)
		return ret;

	selfgrant_share(&w->selfgrant, w->gnttab, w->domid);
	q->tx.copy.selfgrant = q->rx.copy.selfgrant = &w->selfgrant;
	ret = attach_rings(w, q, ret_why);
	if (ret < 0)
		goto err_release_buffers;

	ret = bind_ports(w, q, ret_why);
	if (ret < 0)
		goto err_unmap_rings;

	tx_police(q);
	rx_police(q, false);
	ret = open_ctrl(w, q, ret_why);
	if (ret < 0)
		goto err_unbind_ports;

	*ret_why = "too many queues for a worker";
	ret = worker_add_queue(w, q);
	if (ret < 0)
		goto err_close_ctrl;
	join_ctrl(q);

	/* A dead engine may have moved rsp_prod and not told; and requests may have waited for us. */
	notify(q, true, true);
	if (has_ctrl(q))
		xenevtchn_notify(w->evtchn, q->ctrl->port);
	return 0;

err_close_ctrl:
	close_ctrl(w, q);
err_unbind_ports:
	unbind_ports(w, q);
err_unmap_rings:
	unmap_ring(w, q->tx_ring.sring);
	unmap_ring(w, q->rx_ring.sring);
err_release_buffers:
	rx_release(&q->rx);
	tx_release(&q->tx);
	return ret;
}

void queue_close(struct worker *w, struct queue *q)
{
	worker_remove_queue(w, q);
	iobatch_end_stream(&w->io, &q->port.frames);
	rx_part(q);
	leave_ctrl(q);
	/* What has been sent is not to be sent again by the next engine, which also notifies. */
	if (!q->failed)
		tx_publish(q);
	close_ctrl(w, q);
	unbind_ports(w, q);
	unmap_ring(w, q->tx_ring.sring);
	unmap_ring(w, q->rx_ring.sring);
	rx_release(&q->rx);
	tx_release(&q->tx);
}

void queue_police(struct queue *q, const struct link_policy *policy)
{
	bool other_vlans = !vlan_same(&q->policy.vlan, &policy->vlan);

	q->policy = *policy;
	tx_police(q);
	rx_police(q, other_vlans);
	/* What q has read may wait with another queue. */
	for (unsigned int i = 0; q->ctrl && i < q->ctrl->nr_queues; i++)
		if (q->ctrl->queue[i])
			rx_police(q->ctrl->queue[i], other_vlans);
}

static void fail(struct queue *q, const char *why)
{
	q->failed = true;
	vif_fail(q->vif, why);
}

void queue_begin(struct queue *q)
{
	const char *why = NULL;
	int ret;

	if (q->failed)
		return;

	ret = serve_ctrl(q, &why);
	if (ret >= 0)
		ret = tx_begin(q, &why);
	if (ret >= 0)
		ret = rx_begin(q, &why);
	if (ret < 0)
		fail(q, why);
}

static void count_copies(struct queue *q, struct copy_batch *batch)
{
	stats_add(&q->stats->copy_segments, batch->nr_done);
	stats_add(&q->stats->copy_ioctls, batch->nr_ioctls);
	stats_add(&q->stats->copy_hypercalls, batch->nr_hypercalls);
	stats_add(&q->stats->copy_staged, batch->nr_staged);
	stats_add(&q->stats->copy_selfgrant, batch->nr_selfgrant);
	batch->nr_selfgrant = batch->nr_staged = batch->nr_done = batch->nr_ioctls =
		batch->nr_hypercalls = 0;
}

/* For people only: what the guest wrote is shown, never used. */
static void show_rings(struct queue *q)
{
	struct stats_queue *s = q->stats;

	s->tx = (struct stats_ring){
		.req_prod = READ_ONCE(q->tx_ring.sring->req_prod),
		.req_cons = q->tx_ring.req_cons,
		.rsp_prod = q->tx_ring.rsp_prod_pvt,
		.event = READ_ONCE(q->tx_ring.sring->req_event),
	};
	s->rx = (struct stats_ring){
		.req_prod = READ_ONCE(q->rx_ring.sring->req_prod),
		.req_cons = q->rx_ring.req_cons,
		.rsp_prod = q->rx_ring.rsp_prod_pvt,
		.event = READ_ONCE(q->rx_ring.sring->req_event),
	};
}

bool queue_end(struct queue *q)
{
	bool tx, rx, due, worked;
	uint32_t before;

	if (q->failed)
		return false;

	tx = tx_end(q);
	rx = rx_end(q);
	worked = q->tx.nr_packets || q->rx.nr_done || q->rx.nr_placed || q->ctrl_served;
	due = kick_due(&q->kick);
	before = due || tx || rx ? mark(q) : 0;
	notify(q, tx, rx);
	/* Only now, because the clock may be a system call, for which no frame is to wait. */
	follow_kick(q, due, before, tx || rx);
	if (q->ctrl_notify)
		xenevtchn_notify(q->worker->evtchn, q->ctrl->port);
	count_copies(q, &q->tx.copy);
	count_copies(q, &q->rx.copy);
	/* Who sends as well is answering, or waits for the answer. */
	if (q->tx.nr_packets) {
		coalesce_forget(&q->rx.coalesce);
		q->rx.hold_ns = 0;
	}
	if (q->rx.nr_done) {
		coalesce_forget(&q->tx.coalesce);
		q->tx.hold_ns = 0;
	}
	q->had_work |= worked;
	return worked;
}

bool queue_arm(struct queue *q, uint64_t *deadline)
{
	unsigned int need;
	int n;

	if (q->failed)
		return false;
	need = rx_idle(q, deadline);
	n = tx_idle(q, deadline);
	if (n < 0) {
		fail(q, "tx ring: the producer index makes no sense");
		return false;
	}
	if (n > 0 || rx_is_behind(q))
		return true;

	kick_rest(&q->kick);
	if (has_ctrl(q) && ctrl_is_complete(q->ctrl)) {
		n = ctrl_arm(q->ctrl);
		if (n < 0) {
			fail(q, "control ring: the producer index makes no sense");
			return false;
		}
		if (n > 0)
			return true;
	}
	show_rings(q);
	if (need == 0)
		return false;

	n = ring_rx_arm(&q->rx_ring, need);
	if (n < 0)
		fail(q, "rx ring: the producer index makes no sense");
	return n >= (int)need;
}

uint32_t queue_hold(struct queue *q)
{
	uint32_t rx = q->rx.hold_ns, tx = q->tx.hold_ns;

	q->rx.hold_ns = q->tx.hold_ns = 0;
	if (q->failed)
		return 0;
	stats_add(&q->stats->rx_held, rx != 0);
	stats_add(&q->stats->tx_held, tx != 0);
	return max(rx, tx);
}
