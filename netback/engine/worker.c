/* SPDX-License-Identifier: MIT */
/* worker.c: rounds over the queues, events, sleep */
#include "worker.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>
#include <xentoollog.h>

#include "netback/common/util.h"
#include "netback/engine/clock.h"
#include "netback/engine/queue.h"

/* --- events ------------------------------------------------------------------------------------ */

static void queue_event_read(struct worker *w)
{
	w->events.fired = false;
	iobatch_read(&w->io, w->events.fd, w->event_ports, sizeof(w->event_ports), &w->event_ret);
	stats_inc(&w->stats->event_reads);
}

/* A delivered port stays masked until it is written back. */
static void take_events(struct worker *w)
{
	unsigned int nr = w->event_ret > 0 ? (unsigned int)w->event_ret / sizeof(uint32_t) : 0;

	for (unsigned int i = 0; i < nr; i++) {
		uint32_t port = w->event_ports[i];
		struct worker_port *p = port < w->nr_ports ? &w->ports[port] : NULL;

		if (!p || !p->queue)
			continue; /* unbound since */
		p->masked_until = 0;
		if (!p->masked)
			w->masked[w->nr_masked++] = port;
		p->masked = true;
		stats_inc(&p->queue->stats->events);
		queue_event(p->queue);
	}
	stats_add(&w->stats->event_ports, nr);
	w->event_ret = 0;
}

/*
 * When may this port speak again? Its rings are armed and empty. 0: now; else the time, ns. Only a
 * guest that sends events without work has to wait, so only for it the clock is read.
 */
static uint64_t masked_until(struct worker_port *p)
{
	struct queue *q = p->queue;
	uint64_t now, delay;

	if (q->had_work && !p->masked_until) {
		moderate_work(&q->moderate);
		return 0;
	}

	now = clock_ns();
	if (p->masked_until)
		return p->masked_until > now ? p->masked_until : 0;

	if (!q->had_work)
		stats_inc(&q->stats->events_idle);
	delay = moderate_event(&q->moderate, now, q->had_work);
	if (delay == 0)
		return 0;
	stats_inc(&q->stats->events_delayed);
	return p->masked_until = now + delay;
}

/* Unmask what may be unmasked, as part of the next call; the rest lowers the deadline. */
static void queue_unmask(struct worker *w, uint64_t *deadline)
{
	unsigned int nr = 0, kept = 0;

	for (unsigned int i = 0; i < w->nr_masked; i++) {
		uint32_t port = w->masked[i];
		uint64_t until = nr < WORKER_EVENTS ? masked_until(&w->ports[port]) : 1;

		if (until) {
			*deadline = min(*deadline, until);
			w->masked[kept++] = port;
			continue;
		}
		w->unmask_ports[nr++] = port;
	}
	w->nr_masked = kept;
	if (nr == 0)
		return;

	w->unmask_iov = (struct iovec){w->unmask_ports, nr * sizeof(uint32_t)};
	iobatch_write(&w->io, w->events.fd, &w->unmask_iov, 1, &w->unmask_ret);
	stats_inc(&w->stats->event_unmasks);
	for (unsigned int i = 0; i < nr; i++) {
		struct worker_port *p = &w->ports[w->unmask_ports[i]];

		p->masked = false;
		p->queue->had_work = false;
	}
}

/* --- rounds ------------------------------------------------------------------------------------ */

static bool run_round(struct worker *w)
{
	bool worked = false;

	selfgrant_reset(&w->selfgrant);
	for (unsigned int i = 0; i < w->nr_queues; i++)
		queue_begin(w->queues[i]);
	if (w->events.fired)
		queue_event_read(w);
	iobatch_run(&w->io);
	for (unsigned int i = 0; i < w->nr_queues; i++)
		worked |= queue_end(w->queues[i]);
	take_events(w);
	stats_inc(&w->stats->rounds);
	return worked;
}

static bool arm_all(struct worker *w, uint64_t *deadline)
{
	bool more = false;

	for (unsigned int i = 0; i < w->nr_queues; i++)
		more |= queue_arm(w->queues[i], deadline);
	return more;
}

/*
 * A worker that serves an idle queue as well must be there for its first frame. The others then have
 * no reads posted that would wake it: they want their round at once.
 */
static uint32_t hold_all(struct worker *w, uint64_t *deadline)
{
	uint32_t least = UINT32_MAX, most = 0;

	for (unsigned int i = 0; i < w->nr_queues; i++) {
		uint32_t ns = queue_hold(w->queues[i]);

		least = min(least, ns);
		most = max(most, ns);
	}
	if (most && !least)
		*deadline = 0;
	return w->nr_queues ? least : 0;
}

static void hold_for(struct worker *w, uint32_t ns)
{
	if (w->woken_ns)
		w->busy_ns = clock_ns() - w->woken_ns;
	iobatch_hold(&w->io, coalesce_limit(ns, w->busy_ns));
	w->woken_ns = w->nr_holds++ % WORKER_MEASURE == 0 ? clock_ns() : 0;
}

static void sleep_until(struct worker *w, uint64_t deadline)
{
	uint32_t hold = hold_all(w, &deadline);
	int64_t timeout = -1;

	iobatch_watch(&w->io, &w->events);
	iobatch_watch(&w->io, &w->calls);
	if (hold) {
		hold_for(w, hold);
	} else {
		w->nr_holds = 0;
		w->woken_ns = w->busy_ns = 0;
		if (deadline != UINT64_MAX)
			timeout = (int64_t)deadline - (int64_t)min(clock_ns(), deadline);
		iobatch_wait(&w->io, timeout);
	}
	stats_set(&w->stats->io_calls, w->io.nr_calls);
	stats_set(&w->stats->sleeps, w->io.nr_sleeps);
}

/*
 * The next call is to be heard even if there is no sleep before it. And if this one unbinds a port, its
 * events stay in the kernel's ring: read before the next call, they cannot fill it (it has room for
 * the ports that are bound, and an overflow ends all reading).
 */
static void take_call(struct worker *w)
{
	uint64_t count;

	w->calls.fired = false;
	iobatch_watch(&w->io, &w->calls);
	if (read(w->call_fd, &count, sizeof(count)) < 0)
		return;
	w->call_ret = w->call_fn(w, w->call_arg);
	w->events.fired = true;
	sem_post(&w->call_done);
}

static void serve(struct worker *w)
{
	uint64_t deadline;

	while (!w->stop) {
		if (w->calls.fired) {
			take_call(w); /* which may be the order to stop */
			continue;
		}
		if (run_round(w) || w->events.fired)
			continue;
		deadline = UINT64_MAX;
		if (arm_all(w, &deadline))
			continue;
		queue_unmask(w, &deadline);
		sleep_until(w, deadline);
	}
}

/* --- life -------------------------------------------------------------------------------------- */

static void say_nothing(struct xentoollog_logger *logger, xentoollog_level level, int errnum,
			const char *context, const char *format, va_list ap)
{
	(void)logger, (void)level, (void)errnum, (void)context, (void)format, (void)ap;
}

/*
 * By default libxengnttab writes a line to stderr for each grant that cannot be mapped: a guest could log without
 * limit by references that are none (ctrl.c). Whatever matters comes back as an error.
 */
static struct xentoollog_logger silent = {.vmessage = say_nothing};

int worker_open(struct worker *w)
{
	int fd;

	w->evtchn = xenevtchn_open(&silent, 0);
	if (!w->evtchn)
		return -errno;
	w->gnttab = xengnttab_open(&silent, 0);
	if (!w->gnttab)
		return -errno;
	selfgrant_open(&w->selfgrant, &silent);
	w->call_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (w->call_fd < 0)
		return -errno;

	fd = xenevtchn_fd(w->evtchn);
	if (fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK) < 0)
		return -errno;
	w->events = (struct iobatch_watch){.fd = fd, .events = POLLIN};
	w->calls = (struct iobatch_watch){.fd = w->call_fd, .events = POLLIN};
	return 0;
}

static void *run(void *arg)
{
	struct worker *w = arg;

	/* In this thread, because an io_uring may belong to one thread only. */
	iobatch_open(&w->io, w->want_uring);
	/* An engine goes on counting where the one that died has stopped. */
	w->io.nr_calls = stats_read(&w->stats->io_calls);
	w->io.nr_sleeps = stats_read(&w->stats->sleeps);
	sem_post(&w->call_done);
	serve(w);
	iobatch_close(&w->io);
	return NULL;
}

static void wait_done(struct worker *w)
{
	while (sem_wait(&w->call_done) < 0)
		; /* EINTR */
}

int worker_start(struct worker *w)
{
	int ret;

	sem_init(&w->call_done, 0, 0);
	ret = pthread_create(&w->thread, NULL, run, w);
	if (ret)
		return -ret;
	wait_done(w);
	return 0;
}

int worker_call(struct worker *w, int (*fn)(struct worker *w, void *arg), void *arg)
{
	w->call_fn = fn;
	w->call_arg = arg;
	eventfd_write(w->call_fd, 1);
	wait_done(w);
	return w->call_ret;
}

static int stop(struct worker *w, void *arg)
{
	(void)arg;
	w->stop = true;
	return 0;
}

void worker_stop(struct worker *w)
{
	worker_call(w, stop, NULL);
	pthread_join(w->thread, NULL);
	sem_destroy(&w->call_done);
	close(w->call_fd);
	selfgrant_close(&w->selfgrant);
	xengnttab_close(w->gnttab);
	xenevtchn_close(w->evtchn);
	free(w->ports);
	free(w->masked);
}

/* --- what it serves ------------------------------------------------------------------------------ */

static int grow_ports(struct worker *w, uint32_t port)
{
	unsigned int nr = max(w->nr_ports * 2, port + 1);
	struct worker_port *ports;
	uint32_t *masked;

	if (port < w->nr_ports)
		return 0;
	ports = realloc(w->ports, nr * sizeof(*ports));
	if (!ports)
		return -ENOMEM;
	w->ports = ports;
	masked = realloc(w->masked, nr * sizeof(*masked));
	if (!masked)
		return -ENOMEM;
	w->masked = masked;

	memset(&ports[w->nr_ports], 0, (nr - w->nr_ports) * sizeof(*ports));
	w->nr_ports = nr;
	return 0;
}

int worker_add_port(struct worker *w, uint32_t port, struct queue *q)
{
	int ret = grow_ports(w, port);

	if (ret < 0)
		return ret;
	w->ports[port] = (struct worker_port){.queue = q};
	return 0;
}

void worker_remove_port(struct worker *w, uint32_t port)
{
	w->ports[port] = (struct worker_port){0};
	for (unsigned int i = 0; i < w->nr_masked; i++) {
		if (w->masked[i] == port) {
			w->masked[i] = w->masked[--w->nr_masked];
			break;
		}
	}
}

int worker_add_queue(struct worker *w, struct queue *q)
{
	if (w->nr_queues == WORKER_MAX_QUEUES)
		return -ENOSPC;
	w->queues[w->nr_queues++] = q;
	return 0;
}

void worker_remove_queue(struct worker *w, struct queue *q)
{
	for (unsigned int i = 0; i < w->nr_queues; i++) {
		if (w->queues[i] == q) {
			w->queues[i] = w->queues[--w->nr_queues];
			break;
		}
	}
}
