/* SPDX-License-Identifier: MIT */
/* queue-fixture.h: a worker's thread, and two guests whose queues it can open, with true events */
#ifndef TEST_QUEUE_FIXTURE_H
#define TEST_QUEUE_FIXTURE_H

#include <check.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "netback/engine/queue.h"
#include "netback/engine/vif.h"
#include "netback/engine/worker.h"
#include "test/unit/test-machine.h"

enum {
	SOON = 2000,	 /* ms */
	A_WHILE = 60,	 /* ms in which an idle worker does next to nothing */
	IDLE_ROUNDS = 6, /* which is at most this many rounds */
};

static struct worker worker, *w = &worker;
static struct stats_worker worker_stats;
static atomic_uint nr_fails, nr_ready;
static _Atomic(const char *) fail_why;

/* The guest's half of one queue; it is domain 0 too. */
struct guest {
	struct queue q;
	struct stats_queue stats;
	netif_tx_sring_t *tx;
	netif_rx_sring_t *rx;
	uint8_t *data;
	uint32_t tx_ref, rx_ref, data_ref;
	uint32_t tx_port, rx_port;
	int peer;
};

static struct guest guests[2];
static struct vif_memory memory;
static xenevtchn_handle *evtchn;
static xengntshr_handle *shr;

/* In the place of vif.c; from the worker's thread. */
void vif_ready(struct vif *vif, bool ready)
{
	(void)vif;
	nr_ready += ready;
}

void vif_stalled(struct vif *vif)
{
	(void)vif;
}

void vif_fail(struct vif *vif, const char *why)
{
	(void)vif;
	fail_why = why;
	nr_fails++;
}

static inline void make_guest(struct guest *g, bool split)
{
	int pair[2];

	g->tx = xengntshr_share_pages(shr, 0, 1, &g->tx_ref, 1);
	g->rx = xengntshr_share_pages(shr, 0, 1, &g->rx_ref, 1);
	g->data = xengntshr_share_pages(shr, 0, 1, &g->data_ref, 1);
	ck_assert(g->tx && g->rx && g->data);
	SHARED_RING_INIT(g->tx);
	SHARED_RING_INIT(g->rx);
	g->tx_port = g->rx_port = (uint32_t)xenevtchn_bind_unbound_port(evtchn, 0);
	if (split)
		g->rx_port = (uint32_t)xenevtchn_bind_unbound_port(evtchn, 0);

	ck_assert_int_eq(
		socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, pair), 0);
	g->peer = pair[1];
	g->q.port = (struct port){.fd = pair[0], .frames = {.fd = pair[0]}};
	g->q.worker = w;
	g->q.stats = &g->stats;
	g->q.features = (struct link_features){.rx_csum_ipv4 = true, .rx_notify = true};
	g->q.refs = (struct link_queue){g->tx_ref, g->rx_ref, g->tx_port, g->rx_port};
	g->q.memory = &memory;
	g->q.journal_bytes = aligned_alloc(64, JOURNAL_QUEUE_BYTES);
	memset(g->q.journal_bytes, 0, JOURNAL_QUEUE_BYTES);
}

static inline void forget_guest(struct guest *g)
{
	xengntshr_unshare(shr, g->tx, 1);
	xengntshr_unshare(shr, g->rx, 1);
	xengntshr_unshare(shr, g->data, 1);
	close(g->peer);
	port_close(&g->q.port);
	free(g->q.journal_bytes);
}

static inline void setup(bool want_uring)
{
	signal(SIGPIPE, SIG_IGN);
	evtchn = xenevtchn_open(NULL, 0);
	shr = xengntshr_open(NULL, 0);
	ck_assert(evtchn && shr);
	w->want_uring = want_uring;
	w->stats = &worker_stats;
	ck_assert_int_eq(worker_open(w), 0);
	ck_assert_int_eq(worker_start(w), 0);
	make_guest(&guests[0], true);
	make_guest(&guests[1], false);
}

static inline void setup_plain(void)
{
	setup(false);
}

static inline void setup_uring(void)
{
	setup(true);
}

static inline void teardown(void)
{
	worker_stop(w);
	forget_guest(&guests[0]);
	forget_guest(&guests[1]);
	xengntshr_close(shr);
	xenevtchn_close(evtchn);
}

struct call {
	struct queue *q;
	const char *why;
	uint64_t ns;
};

static inline int open_call(struct worker *in, void *arg)
{
	struct call *call = arg;

	return queue_open(in, call->q, &call->why);
}

static inline int close_call(struct worker *in, void *arg)
{
	queue_close(in, arg);
	return 0;
}

static inline void open_guest(struct guest *g)
{
	struct call call = {.q = &g->q};

	ck_assert_int_eq(worker_call(w, open_call, &call), 0);
}

static inline void close_guest(struct guest *g)
{
	worker_call(w, close_call, &g->q);
}

/* True once `counter` is at least `want`. */
static inline bool reaches(const uint64_t *counter, uint64_t want)
{
	for (int ms = 0; ms < SOON && stats_read(counter) < want; ms++)
		usleep(1000);
	return stats_read(counter) >= want;
}

/* An idle worker sleeps. */
static inline void expect_sleep(const char *when)
{
	uint64_t before;

	usleep(20000); /* what it has begun */
	before = stats_read(&worker_stats.rounds);
	usleep(A_WHILE * 1000);
	ck_assert_msg(stats_read(&worker_stats.rounds) - before <= IDLE_ROUNDS, "%s: %lu rounds",
		      when, stats_read(&worker_stats.rounds) - before);
}

static inline void add_mode(Suite *suite, const char *name, SFun setup_mode,
			    void (*add)(TCase *tcase))
{
	TCase *tcase = tcase_create(name);

	suite_add_tcase(suite, tcase);
	tcase_set_timeout(tcase, 20);
	tcase_add_unchecked_fixture(tcase, test_machine_create, test_machine_remove);
	tcase_add_checked_fixture(tcase, setup_mode, teardown);
	add(tcase);
}

/* Call add for each mode of the worker's iobatch there is, run all, return main's result. */
static inline int run_modes(const char *name, void (*add)(TCase *tcase))
{
	Suite *suite = suite_create(name);
	SRunner *runner = srunner_create(suite);
	struct iobatch *io = &w->io;
	int failed;

	add_mode(suite, "plain", setup_plain, add);
	iobatch_open(io, true);
	if (io->uring)
		add_mode(suite, "io_uring", setup_uring, add);
	else
		printf("io_uring is not allowed here: only the plain mode is tested\n");
	iobatch_close(io);

	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? 1 : 0;
}

#endif
