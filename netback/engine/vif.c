/* SPDX-License-Identifier: MIT */
/* vif.c: spread a vif's queues over the workers, and tell control how it fares */
#include "vif.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <unistd.h>

#include "netback/common/log.h"
#include "netback/engine/ctrl.h"
#include "netback/engine/queue.h"
#include "netback/engine/worker.h"

struct call {
	struct queue *q;
	const struct link_policy *policy;
	const char *why;
};

static int open_call(struct worker *w, void *arg)
{
	struct call *call = arg;

	return queue_open(w, call->q, &call->why);
}

static int close_call(struct worker *w, void *arg)
{
	struct call *call = arg;

	queue_close(w, call->q);
	return 0;
}

static int police_call(struct worker *w, void *arg)
{
	struct call *call = arg;

	(void)w;
	queue_police(call->q, call->policy);
	return 0;
}

static void close_fds(const int *fds, unsigned int from, unsigned int to)
{
	for (unsigned int i = from; i < to; i++)
		close(fds[i]);
}

/* Open the queue on its worker; q->port is open and is closed by the caller if this fails. */
static int start_queue(struct vif *vif, struct queue *q, const char **ret_why)
{
	struct call call = {.q = q};
	int ret = worker_call(q->worker, open_call, &call);

	if (ret < 0) {
		*ret_why = call.why;
		return ret;
	}
	vif->queue[vif->nr_queues++] = q;
	return 0;
}

/* fd is taken over in any case. */
static int add_queue(struct vif *vif, const struct link_attach *a, int fd, struct worker *worker,
		     const char **ret_why)
{
	unsigned int index = vif->nr_queues;
	struct queue *q = calloc(1, sizeof(*q));
	int ret;

	*ret_why = "out of memory";
	if (!q) {
		close(fd);
		return -ENOMEM;
	}
	q->vif = vif;
	q->worker = worker;
	q->index = index;
	q->domid = vif->id.domid;
	q->features = a->features;
	q->policy = a->policy;
	q->refs = a->queue[index];
	q->ctrl = vif->ctrl;
	q->stats = &vif->stats->queue[index];
	q->memory = vif->memory;
	q->journal_bytes = (char *)vif->journal + index * JOURNAL_QUEUE_BYTES;

	ret = port_tap_open(&q->port, fd);
	if (ret < 0) {
		*ret_why = "the tap's queue is not as agreed on";
		close(fd);
		goto err_free;
	}
	ret = start_queue(vif, q, ret_why);
	if (ret < 0)
		goto err_close_port;
	return 0;

err_close_port:
	port_close(&q->port);
err_free:
	free(q);
	return ret;
}

static void *map_file(int fd, size_t len)
{
	void *p = mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

	return p == MAP_FAILED ? NULL : p;
}

/* Control made the files and keeps them; counters of an earlier engine go on. */
static int map_files(struct vif *vif, const int *fds)
{
	struct stats_vif *s;

	vif->stats = map_file(fds[LINK_FD_STATS], sizeof(*vif->stats));
	vif->journal = map_file(fds[LINK_FD_JOURNAL], LINK_JOURNAL_BYTES);
	if (!vif->stats || !vif->journal)
		return -errno;

	vif->memory = memory_attach((char *)vif->journal + LINK_MAX_QUEUES * LINK_QUEUE_BYTES);
	s = vif->stats;
	/* Counters that another release laid out otherwise cannot go on. */
	if (s->magic && (s->version != STATS_VERSION || s->size != sizeof(*s)))
		memset(s, 0, sizeof(*s));
	s->version = STATS_VERSION;
	s->size = sizeof(*s);
	s->domid = vif->id.domid;
	s->handle = vif->id.handle;
	s->engine_pid = (uint32_t)getpid();
	__atomic_store_n(&s->magic, STATS_MAGIC, __ATOMIC_RELEASE);
	return 0;
}

static int add_queues(struct vif *vif, const struct link_attach *a, const int *taps,
		      struct worker *workers, unsigned int nr_workers, const char **ret_why)
{
	/* Vifs begin at different workers, so that the first queues do not all meet in one. */
	unsigned int first = vif->id.domid + vif->id.handle;
	/* One worker for all, if there is what they share (ctrl.h). */
	unsigned int step = vif->ctrl ? 0 : 1;

	vif->stats->nr_queues = vif->nr_expected = a->nr_queues;
	for (unsigned int i = 0; i < a->nr_queues; i++) {
		struct worker *w = &workers[(first + i * step) % nr_workers];
		int ret = add_queue(vif, a, taps[i], w, ret_why);

		if (ret < 0) {
			close_fds(taps, i + 1, a->nr_queues);
			return ret;
		}
	}
	vif->stats->connects++;
	return 0;
}

static int add_ctrl(struct vif *vif, const struct link_attach *a, atomic_uint *guest_pages)
{
	if (!a->ctrl.present)
		return 0;
	vif->ctrl = aligned_alloc(_Alignof(struct ctrl), sizeof(*vif->ctrl));
	if (!vif->ctrl)
		return -ENOMEM;
	memset(vif->ctrl, 0, sizeof(*vif->ctrl));
	vif->ctrl->refs = a->ctrl;
	vif->ctrl->domid = vif->id.domid;
	vif->ctrl->nr_queues = a->nr_queues;
	vif->ctrl->memory = vif->memory;
	vif->ctrl->guest_pages = guest_pages;
	return 0;
}

struct vif *vif_attach(const struct link_msg *msg, const int *fds, unsigned int nr_fds, int link,
		       int wake_fd, struct worker *workers, unsigned int nr_workers,
		       atomic_uint *guest_pages, const char **ret_why)
{
	const struct link_attach *a = &msg->u.attach;
	struct vif *vif = calloc(1, sizeof(*vif));
	int ret = -EPROTO;

	*ret_why = "control and engine disagree about the number of queues";
	if (!vif || a->nr_queues == 0 || a->nr_queues > LINK_MAX_QUEUES ||
	    nr_fds != LINK_FD_TAP + a->nr_queues) {
		close_fds(fds, 0, nr_fds);
		goto err_free;
	}
	vif->id = msg->vif;
	vif->link = link;
	vif->wake_fd = wake_fd;

	ret = map_files(vif, fds);
	close_fds(fds, 0, LINK_FD_TAP);
	if (ret < 0) {
		*ret_why = "cannot map the stats page or the journal";
		close_fds(fds, LINK_FD_TAP, nr_fds);
		goto err_detach;
	}
	ret = add_ctrl(vif, a, guest_pages);
	if (ret < 0) {
		*ret_why = "out of memory";
		close_fds(fds, LINK_FD_TAP, nr_fds);
		goto err_detach;
	}
	ret = add_queues(vif, a, &fds[LINK_FD_TAP], workers, nr_workers, ret_why);
	if (ret < 0)
		goto err_detach;
	return vif;

err_detach:
	vif_detach(vif);
	errno = -ret;
	return NULL;
err_free:
	free(vif);
	errno = -ret;
	return NULL;
}

void vif_detach(struct vif *vif)
{
	for (unsigned int i = 0; i < vif->nr_queues; i++) {
		struct call call = {.q = vif->queue[i]};

		worker_call(call.q->worker, close_call, &call);
		port_close(&call.q->port);
		free(call.q);
	}
	free(vif->ctrl);
	if (vif->stats)
		munmap(vif->stats, sizeof(*vif->stats));
	if (vif->journal)
		munmap(vif->journal, LINK_JOURNAL_BYTES);
	free(vif);
}

void vif_police(struct vif *vif, const struct link_policy *policy)
{
	for (unsigned int i = 0; i < vif->nr_queues; i++) {
		struct call call = {.q = vif->queue[i], .policy = policy};

		worker_call(call.q->worker, police_call, &call);
	}
}

static void tell_carrier(struct vif *vif, bool on)
{
	struct link_msg msg = {
		.magic = LINK_MAGIC,
		.type = LINK_CARRIER,
		.vif = vif->id,
		.u.carrier.on = on,
	};

	link_send(vif->link, &msg, NULL, 0);
}

void vif_ready(struct vif *vif, bool ready)
{
	unsigned int all = vif->nr_expected;

	if (ready && atomic_fetch_add(&vif->nr_ready, 1) + 1 == all)
		tell_carrier(vif, true);
	else if (!ready && atomic_fetch_sub(&vif->nr_ready, 1) == all)
		tell_carrier(vif, false);
}

void vif_stalled(struct vif *vif)
{
	tell_carrier(vif, false);
}

void vif_fail(struct vif *vif, const char *why)
{
	const char *none = NULL;

	if (atomic_compare_exchange_strong(&vif->failure, &none, why))
		eventfd_write(vif->wake_fd, 1);
}
