/* SPDX-License-Identifier: MIT */
/* test-queue-ctrl.c: a worker, a vif's queues and their control ring, with true events */
#include "netback/engine/ctrl.h"

#include <check.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "netback/engine/queue.h"
#include "netback/engine/vif.h"
#include "netback/engine/worker.h"
#include "test/unit/test-machine.h"

enum {
	QUEUES = 2,
	SOON = 2000,	 /* ms */
	A_WHILE = 60,	 /* ms in which an idle worker does next to nothing */
	IDLE_ROUNDS = 6, /* which is at most this many rounds */
	OK = XEN_NETIF_CTRL_STATUS_SUCCESS,
};

static struct worker worker, *w = &worker;
static struct stats_worker worker_stats;
static atomic_uint nr_fails, guest_pages;
static _Atomic(const char *) fail_why;

/* The guest's half; it is domain 0 too. */
static struct queue queues[QUEUES];
static struct stats_queue stats[QUEUES];
static netif_tx_sring_t *tx[QUEUES];
static int peer[QUEUES];
static struct ctrl ctrl;
static xen_netif_ctrl_sring_t *sring;
static uint8_t *page; /* for data and tables */
static uint32_t page_ref, ctrl_ref, ctrl_port;
static uint8_t memory[LINK_MEMORY_BYTES] __attribute__((aligned(64)));
static xenevtchn_handle *evtchn;
static xengntshr_handle *shr;

/* In the place of vif.c; from the worker's thread. */
void vif_ready(struct vif *vif, bool ready)
{
	(void)vif, (void)ready;
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

static void make_queue(unsigned int i)
{
	struct queue *q = &queues[i];
	netif_rx_sring_t *rx;
	int pair[2];

	tx[i] = xengntshr_share_pages(shr, 0, 1, &q->refs.tx_ring_ref, 1);
	rx = xengntshr_share_pages(shr, 0, 1, &q->refs.rx_ring_ref, 1);
	ck_assert(tx[i] && rx);
	SHARED_RING_INIT(tx[i]);
	SHARED_RING_INIT(rx);
	q->refs.evtchn_tx = (uint32_t)xenevtchn_bind_unbound_port(evtchn, 0);
	q->refs.evtchn_rx = q->refs.evtchn_tx;
	ck_assert_int_eq(
		socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, pair), 0);
	peer[i] = pair[1];
	q->port = (struct port){.fd = pair[0], .frames = {.fd = pair[0]}};
	q->worker = w;
	q->index = i;
	q->ctrl = &ctrl;
	q->stats = &stats[i];
	q->features = (struct link_features){.rx_csum_ipv4 = true, .rx_notify = true};
	q->journal_bytes = aligned_alloc(64, JOURNAL_QUEUE_BYTES);
	memset(q->journal_bytes, 0, JOURNAL_QUEUE_BYTES);
}

static void setup(void)
{
	signal(SIGPIPE, SIG_IGN);
	evtchn = xenevtchn_open(NULL, 0);
	shr = xengntshr_open(NULL, 0);
	ck_assert(evtchn && shr);
	w->stats = &worker_stats;
	ck_assert_int_eq(worker_open(w), 0);
	ck_assert_int_eq(worker_start(w), 0);
	sring = xengntshr_share_pages(shr, 0, 1, &ctrl_ref, 1);
	page = xengntshr_share_pages(shr, 0, 1, &page_ref, 1);
	ck_assert(sring && page);
	SHARED_RING_INIT(sring);
	ctrl_port = (uint32_t)xenevtchn_bind_unbound_port(evtchn, 0);
	ctrl.refs = (struct link_ctrl){true, ctrl_ref, ctrl_port};
	ctrl.nr_queues = QUEUES;
	ctrl.memory = memory_attach(memory);
	ctrl.guest_pages = &guest_pages;
	for (unsigned int i = 0; i < QUEUES; i++) {
		make_queue(i);
		queues[i].memory = ctrl.memory;
	}
}

static void teardown(void)
{
	worker_stop(w);
}

/* --- the worker's calls ----------------------------------------------------------------------------- */

struct call {
	struct queue *q;
	const char *why;
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

static int open_queue(unsigned int i, const char **ret_why)
{
	struct call call = {.q = &queues[i]};
	int ret = worker_call(w, open_call, &call);

	*ret_why = call.why;
	return ret;
}

static void open_all(void)
{
	const char *why;

	for (unsigned int i = 0; i < QUEUES; i++)
		ck_assert_int_eq(open_queue(i, &why), 0);
}

static void expect_nothing_held(void)
{
	struct machine_counters *c = &machine_view.m->counters;

	ck_assert_uint_eq(c->maps - c->unmaps, 0);
	ck_assert_uint_eq(c->binds - c->unbinds, QUEUES + 1);
	ck_assert_uint_eq(guest_pages, 0);
}

static void close_all(void)
{
	for (unsigned int i = 0; i < QUEUES; i++)
		worker_call(w, close_call, &queues[i]);
	expect_nothing_held();
}

/* --- the guest ---------------------------------------------------------------------------------------- */

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

static void put(uint16_t type, uint32_t a, uint32_t b, uint32_t c)
{
	sring->ring[sring->req_prod % CTRL_RING_SLOTS].req =
		(struct xen_netif_ctrl_request){.type = type, .data = {a, b, c}};
	__atomic_store_n(&sring->req_prod, sring->req_prod + 1, __ATOMIC_RELEASE);
	ck_assert_int_eq(xenevtchn_notify(evtchn, ctrl_port), 0);
}

/* The status of the response to the last request, of which we are told. */
static uint32_t answer(void)
{
	unsigned int last = sring->req_prod - 1;

	sring->rsp_event = last + 1;
	for (int ms = 0; ms < SOON && sring->rsp_prod != last + 1; ms++)
		usleep(1000);
	ck_assert_uint_eq(sring->rsp_prod, last + 1);
	return sring->ring[last % CTRL_RING_SLOTS].rsp.status;
}

static bool reaches(const uint64_t *counter, uint64_t want)
{
	for (int ms = 0; ms < SOON && stats_read(counter) < want; ms++)
		usleep(1000);
	return stats_read(counter) >= want;
}

static void push_tx(unsigned int i)
{
	tx[i]->ring[tx[i]->req_prod % RING_SLOTS].req =
		(netif_tx_request_t){.gref = page_ref, .size = 60};
	__atomic_store_n(&tx[i]->req_prod, tx[i]->req_prod + 1, __ATOMIC_RELEASE);
	ck_assert_int_eq(xenevtchn_notify(evtchn, queues[i].refs.evtchn_tx), 0);
}

static void expect_sleep(void)
{
	uint64_t before;

	usleep(20000); /* what it has begun */
	before = stats_read(&worker_stats.rounds);
	usleep(A_WHILE * 1000);
	ck_assert_uint_le(stats_read(&worker_stats.rounds) - before, IDLE_ROUNDS);
}

/* --- tests ---------------------------------------------------------------------------------------------- */

START_TEST(test_served_by_events)
{
	open_all();
	/* Requests may have waited for us. */
	ck_assert(told(ctrl_port));
	for (unsigned int i = 0; i < 20; i++) {
		sring->rsp_event = sring->rsp_prod + 1;
		put(XEN_NETIF_CTRL_TYPE_SET_HASH_ALGORITHM, i % 2, 0, 0);
		ck_assert(told(ctrl_port));
		ck_assert_uint_eq(answer(), OK);
	}
	ck_assert(reaches(&stats[0].ctrl_requests, 20));
	ck_assert_uint_eq(stats_read(&stats[1].ctrl_requests), 0);
	expect_sleep();
	close_all();
	ck_assert_uint_eq(nr_fails, 0);
}
END_TEST

/* A request of before is served as soon as all queues are there, and not earlier. */
START_TEST(test_waits_for_all_queues)
{
	const char *why;

	put(XEN_NETIF_CTRL_TYPE_GET_GREF_MAPPING_SIZE, 1, 0, 0);
	ck_assert_int_eq(open_queue(0, &why), 0);
	expect_sleep();
	ck_assert_uint_eq(sring->rsp_prod, 0);
	ck_assert_int_eq(open_queue(1, &why), 0);
	ck_assert_uint_eq(answer(), OK);
	close_all();
}
END_TEST

/* A staged page is served without a grant copy, is unmapped with the queues, and mapped by the next engine. */
START_TEST(test_staged)
{
	struct xen_netif_gref entry = {.ref = page_ref};

	open_all();
	memcpy(page, &entry, sizeof(entry));
	put(XEN_NETIF_CTRL_TYPE_ADD_GREF_MAPPING, 1, page_ref, 1);
	ck_assert_uint_eq(answer(), OK);
	for (unsigned int i = 0; i < QUEUES; i++) {
		push_tx(i);
		ck_assert(reaches(&stats[i].tx_packets, 1));
	}
	ck_assert(reaches(&stats[1].copy_staged, 1));
	ck_assert(reaches(&stats[0].copy_segments, 1));
	ck_assert_uint_eq(stats_read(&stats[1].copy_segments), 0);
	close_all();

	open_all();
	ck_assert_uint_eq(guest_pages, 1);
	push_tx(1);
	ck_assert(reaches(&stats[1].copy_staged, 2));
	close_all();
}
END_TEST

static const struct {
	const char *why;
	bool bad_ref, bad_port, bad_index;
} refusals[] = {
	{"cannot map the control ring: ctrl-ring-ref is no valid grant", true, false, false},
	{"cannot bind event-channel-ctrl", false, true, false},
	{"the control ring's indices make no sense", false, false, true},
};

/* Whatever is refused leaves nothing behind. */
START_TEST(test_refusals)
{
	const char *why;

	if (refusals[_i].bad_ref)
		ctrl.refs.ring_ref = MACHINE_GREFS - 1;
	if (refusals[_i].bad_port)
		ctrl.refs.evtchn = 4000;
	if (refusals[_i].bad_index)
		sring->req_prod = CTRL_RING_SLOTS + 1;
	memory_attach(memory)->staging[0].nr = 1;
	memory_attach(memory)->staging[0].entry[0].ref = page_ref;
	ck_assert_int_lt(open_queue(0, &why), 0);
	ck_assert_str_eq(why, refusals[_i].why);
	expect_nothing_held();
}
END_TEST

START_TEST(test_broken_ring)
{
	open_all();
	sring->req_prod += CTRL_RING_SLOTS + 1;
	xenevtchn_notify(evtchn, ctrl_port);
	for (int ms = 0; ms < SOON && !nr_fails; ms++)
		usleep(1000);
	ck_assert_uint_eq(nr_fails, 1);
	ck_assert_str_eq(fail_why, "control ring: the producer index makes no sense");
	expect_sleep();
	close_all();
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("queue-ctrl");
	TCase *tcase = tcase_create("queue-ctrl");
	SRunner *runner = srunner_create(suite);
	int failed;

	suite_add_tcase(suite, tcase);
	tcase_set_timeout(tcase, 20);
	tcase_add_unchecked_fixture(tcase, test_machine_create, test_machine_remove);
	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_add_test(tcase, test_served_by_events);
	tcase_add_test(tcase, test_waits_for_all_queues);
	tcase_add_test(tcase, test_staged);
	tcase_add_loop_test(tcase, test_refusals, 0, ARRAY_SIZE(refusals));
	tcase_add_test(tcase, test_broken_ring);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? 1 : 0;
}
