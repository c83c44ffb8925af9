/* SPDX-License-Identifier: MIT */
/* worker.h: a thread that serves queues */
#ifndef NETBACK_ENGINE_WORKER_H
#define NETBACK_ENGINE_WORKER_H

#include <pthread.h>
#include <semaphore.h>
#include <stdint.h>
#include <xenevtchn.h>
#include <xengnttab.h>

#include "netback/common/stats.h"
#include "netback/engine/iobatch.h"
#include "netback/engine/selfgrant.h"

/*
 * How it works. A worker owns some queues, its own event channel and grant handles, and shares
 * nothing with other workers. While there is traffic it goes in rounds over all its queues; any
 * wake-up, whoever sent it, looks at every ring (sEBP, CLUSTER 2012: existing events trigger
 * polls). A round has one system call for all the ports:
 *
 *   each queue: queue_begin   take requests, grant copy, queue the port's writes and reads
 *   iobatch_run               do them, all queues in one call
 *   each queue: queue_end     grant copy to the guest, responses, one notify a direction
 *
 * The event channels that woke us stay masked and req_event unarmed meanwhile, so a busy guest
 * sends no event at all. When a round found nothing, each ring is armed and looked at once more
 * (queue_arm), the ports are unmasked, and the thread sleeps: both in one call again.
 *
 * The main thread speaks to a worker only through worker_call.
 */
struct queue;

enum {
	WORKER_EVENTS = 64, /* event channels one read or write of the device moves */
	WORKER_MAX_QUEUES = 2048,
	WORKER_MEASURE = 8, /* one hold of so many */
};

struct worker_port {
	struct queue *queue;
	uint64_t masked_until; /* ns; 0: as soon as the rings are idle */
	/*
	 * It is in the worker's list, once, however often it is read: the kernel's ring keeps an
	 * event when its port is unbound, and the number may be bound again.
	 */
	bool masked;
};

struct worker {
	/* set before the thread starts */
	unsigned int index;
	uint16_t domid; /* we are */
	bool want_uring;
	struct stats_worker *stats;
	pthread_t thread;

	/* this thread only */
	bool stop;
	xenevtchn_handle *evtchn;
	xengnttab_handle *gnttab;
	struct selfgrant selfgrant;
	struct iobatch io;
	struct iobatch_watch events, calls;
	struct queue *queues[WORKER_MAX_QUEUES];
	unsigned int nr_queues;
	struct worker_port *ports; /* by local event channel */
	uint32_t *masked;	   /* ports that were delivered and not unmasked yet */
	unsigned int nr_ports, nr_masked;
	/* what a wake-up by the end of a hold works; measured now and then, for a clock can be a system call */
	unsigned int nr_holds; /* one after the other */
	uint64_t woken_ns;     /* of the one that is measured, else 0 */
	uint64_t busy_ns;      /* of the last one that was; 0: none of these */
	uint32_t event_ports[WORKER_EVENTS], unmask_ports[WORKER_EVENTS];
	struct iovec unmask_iov;
	int32_t event_ret, unmask_ret;

	/* a call of the main thread: written by it before call_fd, read after; back by call_done */
	int call_fd;
	int (*call_fn)(struct worker *w, void *arg);
	void *call_arg;
	int call_ret;
	sem_t call_done;
};

/*
 * Main thread. worker_open opens the device handles, while that is still allowed; worker_start makes
 * the thread. Both 0 or -errno. worker_stop ends and joins it; its queues must be closed.
 */
int worker_open(struct worker *w);
int worker_start(struct worker *w);
void worker_stop(struct worker *w);

/* Main thread: run fn in w's thread between two rounds; returns what fn returned. */
int worker_call(struct worker *w, int (*fn)(struct worker *w, void *arg), void *arg);

/* Only within a worker_call: which queue an event channel belongs to, and that a queue is served. */
int worker_add_port(struct worker *w, uint32_t port, struct queue *q);
void worker_remove_port(struct worker *w, uint32_t port);
int worker_add_queue(struct worker *w, struct queue *q);
void worker_remove_queue(struct worker *w, struct queue *q);

#endif
