/* SPDX-License-Identifier: MIT */
/* test-queue.c: a worker and its queues, with true events, from open to close */
#include "netback/engine/queue.h"

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "netback/engine/vif.h"
#include "netback/engine/worker.h"
#include "test/unit/test-machine.h"
#include "test/unit/test-tap.h"

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

void vif_fail(struct vif *vif, const char *why)
{
	(void)vif;
	fail_why = why;
	nr_fails++;
}

static void make_guest(struct guest *g, bool split)
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

static void forget_guest(struct guest *g)
{
	xengntshr_unshare(shr, g->tx, 1);
	xengntshr_unshare(shr, g->rx, 1);
	xengntshr_unshare(shr, g->data, 1);
	close(g->peer);
	port_close(&g->q.port);
	free(g->q.journal_bytes);
}

static void setup(bool want_uring)
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

static void setup_plain(void)
{
	setup(false);
}

static void setup_uring(void)
{
	setup(true);
}

static void teardown(void)
{
	worker_stop(w);
	forget_guest(&guests[0]);
	forget_guest(&guests[1]);
	xengntshr_close(shr);
	xenevtchn_close(evtchn);
}

/* --- what a guest does -------------------------------------------------------------------------------- */

struct call {
	struct queue *q;
	const char *why;
	uint64_t ns;
};

static int open_call(struct worker *in, void *arg)
{
	struct call *call = arg;

	return queue_open(in, call->q, &call->why);
}

static int close_call(struct worker *in, void *arg)
{
	queue_close(in, arg);
	return 0;
}

/* A round that takes the guest's requests, and no other one before the end. */
static int round_and_close_call(struct worker *in, void *arg)
{
	queue_begin(arg);
	iobatch_run(&in->io);
	queue_end(arg);
	queue_close(in, arg);
	return 0;
}

/* As if frames had come fast so far. */
static int coalesce_call(struct worker *in, void *arg)
{
	struct queue *q = arg;

	(void)in;
	q->rx.coalesce.hold_ns = COALESCE_MAX_NS;
	return 0;
}

static void open_guest(struct guest *g)
{
	struct call call = {.q = &g->q};

	ck_assert_int_eq(worker_call(w, open_call, &call), 0);
}

static void close_guest(struct guest *g)
{
	worker_call(w, close_call, &g->q);
}

/* True once `counter` is at least `want`. */
static bool reaches(const uint64_t *counter, uint64_t want)
{
	for (int ms = 0; ms < SOON && stats_read(counter) < want; ms++)
		usleep(1000);
	return stats_read(counter) >= want;
}

static bool told(uint32_t port)
{
	struct pollfd fd = {.fd = xenevtchn_fd(evtchn), .events = POLLIN};
	bool mine = false;

	while (!mine && poll(&fd, 1, SOON) == 1) {
		uint32_t got = (uint32_t)xenevtchn_pending(evtchn);

		mine = got == port;
		xenevtchn_unmask(evtchn, got);
	}
	return mine;
}

static void push_tx(struct guest *g, uint16_t size)
{
	g->tx->ring[g->tx->req_prod % RING_SLOTS].req =
		(netif_tx_request_t){.gref = g->data_ref, .size = size};
	__atomic_store_n(&g->tx->req_prod, g->tx->req_prod + 1, __ATOMIC_RELEASE);
	ck_assert_int_eq(xenevtchn_notify(evtchn, g->tx_port), 0);
}

static void push_rx(struct guest *g, unsigned int nr)
{
	for (unsigned int i = 0; i < nr; i++)
		g->rx->ring[(g->rx->req_prod + i) % RING_SLOTS].req =
			(netif_rx_request_t){.gref = g->data_ref};
	__atomic_store_n(&g->rx->req_prod, g->rx->req_prod + nr, __ATOMIC_RELEASE);
	ck_assert_int_eq(xenevtchn_notify(evtchn, g->rx_port), 0);
}

static void send_frame(struct guest *g)
{
	char frame[PORT_HEADER_BYTES + 60] = {0};

	ck_assert_int_eq(write(g->peer, frame, sizeof(frame)), sizeof(frame));
}

/* An idle worker sleeps. */
static void expect_sleep(const char *when)
{
	uint64_t before;

	usleep(20000); /* what it has begun */
	before = stats_read(&worker_stats.rounds);
	usleep(A_WHILE * 1000);
	ck_assert_msg(stats_read(&worker_stats.rounds) - before <= IDLE_ROUNDS, "%s: %lu rounds",
		      when, stats_read(&worker_stats.rounds) - before);
}

/* No grant of the guest's is mapped, and no event channel bound but its own. */
static void expect_nothing_held(void)
{
	struct machine_counters *c = &machine_view.m->counters;

	ck_assert_uint_eq(c->maps - c->unmaps, 0);
	ck_assert_uint_eq(c->binds - c->unbinds, 3);
}

/* --- open and close ------------------------------------------------------------------------------------ */

START_TEST(test_told_at_open)
{
	open_guest(&guests[0]);
	/* Requests may have waited, and a dead engine may not have told of its responses. */
	ck_assert(told(guests[0].tx_port));
	expect_sleep("opened");
	close_guest(&guests[0]);
	expect_nothing_held();
	expect_sleep("closed");
}
END_TEST

static const struct {
	const char *why;
	uint32_t tx_ref, evtchn_tx, evtchn_rx, tx_ahead;
} refusals[] = {
	{"cannot map a ring: tx-ring-ref or rx-ring-ref is no valid grant", 30000, 0, 0, 0},
	{"a ring's indices make no sense", 0, 0, 0, 257},
	{"cannot bind an event channel", 0, 4000, 0, 0},
	{"cannot bind an event channel", 0, 0, 4000, 0},
};

/* Whatever is refused leaves nothing behind: the same guest, mended, can be opened. */
START_TEST(test_refusals)
{
	struct guest *g = &guests[0];
	struct link_queue good = g->q.refs;
	struct call call = {.q = &g->q};

	if (refusals[_i].tx_ref)
		g->q.refs.tx_ring_ref = refusals[_i].tx_ref;
	if (refusals[_i].evtchn_tx)
		g->q.refs.evtchn_tx = refusals[_i].evtchn_tx;
	if (refusals[_i].evtchn_rx)
		g->q.refs.evtchn_rx = refusals[_i].evtchn_rx;
	g->tx->req_prod = refusals[_i].tx_ahead;
	ck_assert_int_lt(worker_call(w, open_call, &call), 0);
	ck_assert_str_eq(call.why, refusals[_i].why);
	expect_nothing_held();

	g->q.refs = good;
	g->tx->req_prod = 0;
	open_guest(g);
	push_tx(g, 60);
	ck_assert(reaches(&g->stats.tx_packets, 1));
	close_guest(g);
}
END_TEST

/* An engine died with two responses noted: they are given, and only the third request is served. */
START_TEST(test_finishes_the_journal)
{
	struct guest *g = &guests[0];
	struct journal *journal = journal_attach(g->q.journal_bytes, g->tx_ref, g->rx_ref);
	char frame[100];

	for (unsigned int i = 0; i < 3; i++)
		g->tx->ring[i].req =
			(netif_tx_request_t){.gref = g->data_ref, .size = 60, .id = (uint16_t)i};
	g->tx->req_prod = 3;
	journal->tx.count = 2;
	journal->tx.rsp[0] = (struct netif_tx_response){.id = 1, .status = NETIF_RSP_OKAY};
	journal->tx.rsp[1] = (struct netif_tx_response){.id = 0, .status = NETIF_RSP_ERROR};

	open_guest(g);
	ck_assert_uint_eq(stats_read(&g->stats.journal_replays), 1);
	ck_assert(reaches(&g->stats.tx_packets, 1));
	close_guest(g);
	ck_assert_uint_eq(journal->tx.count, 0);
	ck_assert_uint_eq(g->tx->rsp_prod, 3);
	ck_assert_uint_eq(g->tx->ring[0].rsp.id, 1);
	ck_assert_int_eq(g->tx->ring[0].rsp.status, NETIF_RSP_OKAY);
	ck_assert_uint_eq(g->tx->ring[1].rsp.id, 0);
	ck_assert_int_eq(g->tx->ring[1].rsp.status, NETIF_RSP_ERROR);
	ck_assert_int_eq(read(g->peer, frame, sizeof(frame)), PORT_HEADER_BYTES + 60);
	ck_assert_int_lt(read(g->peer, frame, sizeof(frame)), 0);
}
END_TEST

/* --- both ways -------------------------------------------------------------------------------------------- */

START_TEST(test_both_ways)
{
	struct guest *g = &guests[_i];
	char frame[100];

	open_guest(g);
	ck_assert(told(g->tx_port));
	push_rx(g, 10);
	for (unsigned int i = 0; i < 5; i++) {
		g->tx->rsp_event = i + 1;
		push_tx(g, 60);
		ck_assert_msg(told(g->tx_port), "tx %u", i);
		ck_assert_uint_eq(g->tx->rsp_prod, i + 1);
		ck_assert_int_eq(read(g->peer, frame, sizeof(frame)), PORT_HEADER_BYTES + 60);

		g->rx->rsp_event = i + 1;
		send_frame(g);
		ck_assert_msg(told(g->rx_port), "rx %u", i);
		ck_assert_uint_eq(g->rx->rsp_prod, i + 1);
		ck_assert_int_eq(g->rx->ring[i].rsp.status, 60);
	}
	ck_assert_uint_eq(nr_ready, 1);
	ck_assert(reaches(&g->stats.copy_segments, 10));
	ck_assert_uint_eq(stats_read(&g->stats.copy_ioctls), 10);
	expect_sleep("served");
	close_guest(g);
	ck_assert_uint_eq(nr_fails, 0);
}
END_TEST

/* While one guest keeps the worker from ever sleeping, the other's port and ring are still heard. */
START_TEST(test_busy_neighbour)
{
	struct guest *busy = &guests[0], *quiet = &guests[1];
	char frame[100];
	bool heard = false;

	open_guest(busy);
	open_guest(quiet);
	push_rx(quiet, 1);
	for (int ms = 0; ms < SOON && !nr_ready; ms++)
		usleep(1000);
	ck_assert_uint_eq(nr_ready, 1);
	for (int i = 0; i < 20000 && !heard; i++) {
		push_tx(busy, 60);
		while (read(busy->peer, frame, sizeof(frame)) < 0 && errno == EAGAIN)
			;
		if (i == 100)
			send_frame(quiet);
		heard = stats_read(&quiet->stats.rx_packets) == 1;
	}
	ck_assert(heard);
	close_guest(quiet);
	close_guest(busy);
}
END_TEST

/*
 * Small frames may gather while nothing else needs the worker. If an idle neighbour does, for its first
 * frame, the reads that were put off are posted nevertheless.
 */
START_TEST(test_gathers_beside_a_neighbour)
{
	struct guest *fast = &guests[0], *idle = &guests[1];
	bool alone = _i == 0;

	open_guest(fast);
	if (!alone)
		open_guest(idle);
	push_rx(fast, 20);
	for (int ms = 0; ms < SOON && !nr_ready; ms++)
		usleep(1000);
	worker_call(w, coalesce_call, &fast->q);
	for (unsigned int i = 1; i <= 10; i++) {
		send_frame(fast);
		ck_assert_msg(reaches(&fast->stats.rx_packets, i), "frame %u is lost", i);
	}
	ck_assert(reaches(&fast->stats.rx_held, 1));
	expect_sleep("gathered");
	if (!alone)
		close_guest(idle);
	close_guest(fast);
}
END_TEST

/* What has been sent is answered before the queue goes, else the next engine would send it again. */
START_TEST(test_answers_at_close)
{
	struct guest *g = &guests[0];
	char frame[100];

	open_guest(g);
	for (unsigned int i = 0; i < 3; i++)
		g->tx->ring[i].req =
			(netif_tx_request_t){.gref = g->data_ref, .size = 60, .id = (uint16_t)i};
	expect_sleep("opened");
	__atomic_store_n(&g->tx->req_prod, 3, __ATOMIC_RELEASE);
	worker_call(w, round_and_close_call, &g->q);
	ck_assert_uint_eq(g->stats.tx_packets, 3);
	ck_assert_uint_eq(g->tx->rsp_prod, 3);
	for (unsigned int i = 0; i < 3; i++) {
		ck_assert_int_eq(read(g->peer, frame, sizeof(frame)), PORT_HEADER_BYTES + 60);
		ck_assert_uint_eq(g->tx->ring[i].rsp.id, i);
		ck_assert_int_eq(g->tx->ring[i].rsp.status, NETIF_RSP_OKAY);
	}
	ck_assert_int_lt(read(g->peer, frame, sizeof(frame)), 0);
}
END_TEST

/* --- calls ------------------------------------------------------------------------------------------------- */

enum {
	CALLS = 50,
};

struct calls {
	struct guest *g;
	unsigned int nr;
	uint64_t sleeps[CALLS];
};

/* Leaves work for the next round, and the next call to be heard in it, as a busy guest and main would. */
static int next_call(struct worker *in, void *arg)
{
	struct calls *calls = arg;
	netif_tx_sring_t *tx = calls->g->tx;

	calls->sleeps[calls->nr++] = in->io.nr_sleeps;
	tx->ring[tx->req_prod % RING_SLOTS].req =
		(netif_tx_request_t){.gref = calls->g->data_ref, .size = 60};
	__atomic_store_n(&tx->req_prod, tx->req_prod + 1, __ATOMIC_RELEASE);
	if (calls->nr < CALLS)
		eventfd_write(in->call_fd, 1);
	return 0;
}

/* A worker that never sleeps hears each call, whether its packets come to the port or are dropped. */
START_TEST(test_calls_while_busy)
{
	struct calls calls = {.g = &guests[0]};

	open_guest(calls.g);
	if (_i)
		calls.g->data_ref = 30000; /* no grant: nothing for the port */
	w->call_fn = next_call;
	w->call_arg = &calls;
	eventfd_write(w->call_fd, 1);
	for (unsigned int i = 0; i < CALLS; i++)
		sem_wait(&w->call_done);
	ck_assert_uint_eq(calls.sleeps[CALLS - 1], calls.sleeps[0]);
	close_guest(calls.g);
}
END_TEST

/* --- event channels ------------------------------------------------------------------------------------ */

static int replace_device_call(struct worker *in, void *arg)
{
	iobatch_unwatch(&in->io, &in->events);
	in->events.fd = *(int *)arg;
	return 0;
}

/*
 * The kernel's ring of events keeps those of a port that was unbound, and the number may be bound again
 * before they are read: a port can be read twice while it is masked. It is unmasked once.
 */
START_TEST(test_port_is_read_twice)
{
	struct guest *g = &guests[0];
	uint32_t ports[8];
	int pair[2];

	ck_assert_int_eq(
		socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, pair), 0);
	open_guest(g);
	expect_sleep("opened");
	worker_call(w, replace_device_call, &pair[0]);
	ports[0] = ports[1] = ports[2] = g->q.tx_port;
	ck_assert_int_eq(write(pair[1], ports, 3 * sizeof(*ports)), 3 * sizeof(*ports));
	ck_assert_int_eq(poll(&(struct pollfd){.fd = pair[1], .events = POLLIN}, 1, SOON), 1);
	ck_assert_int_eq(read(pair[1], ports, sizeof(ports)), sizeof(*ports));
	ck_assert_uint_eq(ports[0], g->q.tx_port);
	close_guest(g);
}
END_TEST

/* What was delivered for a port that has gone is read while nobody has its number. */
START_TEST(test_events_are_read_after_a_call)
{
	uint64_t before;

	open_guest(&guests[0]);
	expect_sleep("opened");
	before = stats_read(&worker_stats.event_reads);
	close_guest(&guests[0]);
	ck_assert(reaches(&worker_stats.event_reads, before + 1));
}
END_TEST

/* --- what must not keep a worker awake ------------------------------------------------------------------- */

static int age_call(struct worker *in, void *arg)
{
	struct call *call = arg;

	(void)in;
	call->q->rx.starved_since -= call->ns;
	return 0;
}

START_TEST(test_starved_guest)
{
	struct guest *g = &guests[0];
	struct call age = {.q = &g->q, .ns = RX_DRAIN_NS};

	open_guest(g);
	ck_assert(reaches(&g->stats.rx_full, 1));
	for (int i = 0; i < 40; i++)
		send_frame(g);
	expect_sleep("no buffers");
	worker_call(w, age_call, &age);
	ck_assert(reaches(&g->stats.drop_rx_expired, 40));
	expect_sleep("drained");

	push_rx(g, 5);
	send_frame(g);
	ck_assert(reaches(&g->stats.rx_packets, 1));
	close_guest(g);
}
END_TEST

START_TEST(test_port_gone)
{
	struct guest *g = &guests[0];
	unsigned int index;
	int tap = open_tap(&index);

	if (tap < 0) {
		printf("no tap here: test_port_gone has tested nothing\n");
		return;
	}
	ck_assert_int_ge(dup3(tap, g->q.port.fd, O_CLOEXEC), 0);
	ck_assert(delete_tap(index));
	open_guest(g);
	push_rx(g, 5);
	push_tx(g, 60);
	ck_assert(reaches(&g->stats.drop_tx_port_down, 1));
	expect_sleep("port gone");
	close_guest(g);
	close(tap);
}
END_TEST

START_TEST(test_broken_guest)
{
	struct guest *bad = &guests[0], *good = &guests[1];

	open_guest(bad);
	open_guest(good);
	bad->tx->req_prod = 1000;
	xenevtchn_notify(evtchn, bad->tx_port);
	for (int ms = 0; ms < SOON && !nr_fails; ms++)
		usleep(1000);
	ck_assert_uint_eq(nr_fails, 1);
	ck_assert_str_eq(fail_why, "tx ring: the producer index makes no sense");

	/* It is served no more, whatever it does, and the other is. */
	bad->tx->req_prod = 0;
	push_tx(bad, 60);
	push_tx(good, 60);
	ck_assert(reaches(&good->stats.tx_packets, 1));
	expect_sleep("broken");
	ck_assert_uint_eq(stats_read(&bad->stats.tx_packets), 0);
	ck_assert_uint_eq(nr_fails, 1);
	close_guest(bad);
	close_guest(good);
}
END_TEST

static void add_tests(Suite *suite, const char *name, SFun setup_mode)
{
	TCase *tcase = tcase_create(name);

	suite_add_tcase(suite, tcase);
	tcase_set_timeout(tcase, 20);
	tcase_add_unchecked_fixture(tcase, test_machine_create, test_machine_remove);
	tcase_add_checked_fixture(tcase, setup_mode, teardown);
	tcase_add_test(tcase, test_told_at_open);
	tcase_add_loop_test(tcase, test_refusals, 0, ARRAY_SIZE(refusals));
	tcase_add_test(tcase, test_finishes_the_journal);
	tcase_add_loop_test(tcase, test_both_ways, 0, 2);
	tcase_add_test(tcase, test_busy_neighbour);
	tcase_add_loop_test(tcase, test_gathers_beside_a_neighbour, 0, 2);
	tcase_add_test(tcase, test_answers_at_close);
	tcase_add_loop_test(tcase, test_calls_while_busy, 0, 2);
	tcase_add_test(tcase, test_port_is_read_twice);
	tcase_add_test(tcase, test_events_are_read_after_a_call);
	tcase_add_test(tcase, test_starved_guest);
	tcase_add_test(tcase, test_port_gone);
	tcase_add_test(tcase, test_broken_guest);
}

int main(void)
{
	Suite *suite = suite_create("queue");
	SRunner *runner = srunner_create(suite);
	struct iobatch *io = &w->io;
	int failed;

	add_tests(suite, "plain", setup_plain);
	iobatch_open(io, true);
	if (io->uring)
		add_tests(suite, "io_uring", setup_uring);
	else
		printf("io_uring is not allowed here: only the plain mode is tested\n");
	iobatch_close(io);

	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? 1 : 0;
}
