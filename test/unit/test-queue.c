/* SPDX-License-Identifier: MIT */
/* test-queue.c: a worker and its queues, with true events, from open to close */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>

#include "test/unit/queue-fixture.h"
#include "test/unit/test-tap.h"

/* --- what a guest does -------------------------------------------------------------------------------- */

/* A round that takes the guest's requests, and no other one before the end. */
static int round_and_close_call(struct worker *in, void *arg)
{
	queue_begin(arg);
	iobatch_run(&in->io);
	queue_end(arg);
	queue_close(in, arg);
	return 0;
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

/* In the worker: it finds them all when it wakes up. */
static int send_three_call(struct worker *in, void *arg)
{
	(void)in;
	for (int i = 0; i < 3; i++)
		send_frame(arg);
	return 0;
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
	ck_assert(g->rx_port == g->tx_port || told(g->rx_port));
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
	push_rx(fast, 40);
	for (int ms = 0; ms < SOON && !nr_ready; ms++)
		usleep(1000);
	for (unsigned int i = 3; i <= 30; i += 3) {
		worker_call(w, send_three_call, fast);
		ck_assert_msg(reaches(&fast->stats.rx_packets, i), "frames before %u are lost", i);
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

	ck_assert_int_ge(tap, 0);
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

static void add_tests(TCase *tcase)
{
	tcase_add_test(tcase, test_told_at_open);
	tcase_add_loop_test(tcase, test_refusals, 0, ARRAY_SIZE(refusals));
	tcase_add_test(tcase, test_finishes_the_journal);
	tcase_add_loop_test(tcase, test_both_ways, 0, 2);
	tcase_add_test(tcase, test_busy_neighbour);
	tcase_add_loop_test(tcase, test_gathers_beside_a_neighbour, 0, 2);
	tcase_add_test(tcase, test_answers_at_close);
	tcase_add_test(tcase, test_starved_guest);
	if (have_tap())
		tcase_add_test(tcase, test_port_gone);
	tcase_add_test(tcase, test_broken_guest);
}

int main(void)
{
	return run_modes("queue", add_tests);
}
