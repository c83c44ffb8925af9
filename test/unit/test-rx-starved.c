/* SPDX-License-Identifier: MIT */
/* test-rx-starved.c: guests that post too few buffers, ports that have nothing or are gone */
#include "netback/engine/rx.h"

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "test/unit/engine-harness.h"

static struct harness harness, *h = &harness;
static struct link_features features;
static uint8_t frame[HARNESS_FRAME];
static struct harness_frame got;
static const struct virtio_net_hdr plain;

static void setup(void)
{
	harness_open(h, false);
	features = harness_all_features();
	harness_reset(h, &features, 0);
	harness_make_frame(frame, 4, 1514, 7);
}

static void teardown(void)
{
	harness_close(h);
}

static uint64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

static void send_frames(unsigned int nr)
{
	for (; nr; nr--)
		harness_send(h, &plain, frame, 60);
}

static void go(void)
{
	ck_assert_int_eq(harness_round(h), 0);
}

/* As if the guest had been without buffers for so much longer. */
static void pass(uint64_t ns)
{
	h->q.rx.starved_since -= ns;
	h->q.rx.quiet_until -= h->q.rx.quiet_until ? ns : 0;
}

/* What rx_idle says: the deadline from now, and what the ring is armed for. */
static int64_t idle(unsigned int *ret_need)
{
	uint64_t deadline = UINT64_MAX;

	ck_assert(!rx_idle(&h->q, &deadline, ret_need));
	return deadline == UINT64_MAX ? INT64_MAX : (int64_t)(deadline - now_ns());
}

static void expect_about(int64_t got_ns, uint64_t want_ns)
{
	ck_assert_int_le(got_ns, (int64_t)want_ns);
	ck_assert_int_ge(got_ns, (int64_t)want_ns - 500000000);
}

/* --- ready or not -------------------------------------------------------------------------------------- */

START_TEST(test_ready_with_the_first_buffers)
{
	go();
	ck_assert_uint_eq(h->nr_ready_calls, 0);
	/* One short of the largest frame is as good as none (XSA-392). */
	harness_rx_post(h, 16);
	go();
	ck_assert_uint_eq(h->nr_ready_calls, 0);
	harness_rx_post(h, 1);
	go();
	go();
	ck_assert_uint_eq(h->nr_ready_calls, 1);
	ck_assert(h->ready);
}
END_TEST

START_TEST(test_stall)
{
	harness_rx_post(h, 17);
	go();
	h->q.port.readable.fired = true;
	send_frames(1);
	go();
	ck_assert_uint_eq(h->stats.rx_packets, 1);
	go(); /* 16 are left */
	ck_assert_uint_eq(h->stats.rx_full, 1);
	pass(RX_STALL_NS - 1000000000u);
	go();
	ck_assert(h->ready);
	pass(1000000000u);
	go();
	go();
	ck_assert(!h->ready);
	ck_assert_uint_eq(h->nr_ready_calls, 2);

	/* Buffers again: ready again. */
	harness_rx_post(h, 1);
	go();
	ck_assert(h->ready);
	ck_assert_uint_eq(h->nr_ready_calls, 3);
	ck_assert_uint_eq(h->stats.rx_full, 1);
}
END_TEST

/* --- frames wait, then are too old ---------------------------------------------------------------------- */

START_TEST(test_wait_for_buffers)
{
	unsigned int need;

	harness_rx_post(h, 16);
	send_frames(3);
	h->q.port.readable.fired = true;
	go();
	ck_assert_uint_eq(h->stats.port_ops, 0);
	expect_about(idle(&need), RX_DRAIN_NS);
	ck_assert_uint_eq(need, 17);
	ck_assert_msg(!h->q.port.readable.armed, "frames that have no room would wake us for ever");

	pass(RX_DRAIN_NS - 1000000000u);
	go();
	ck_assert_uint_eq(h->stats.port_ops, 0);
	expect_about(idle(&need), 1000000000u);

	/* In time: all are kept, without a new word of the port. */
	h->q.port.readable.fired = false;
	harness_rx_post(h, 100);
	go();
	go();
	ck_assert_uint_eq(h->stats.rx_packets, 3);
	ck_assert_uint_eq(h->stats.drop_rx_expired, 0);
	ck_assert_int_eq(idle(&need), INT64_MAX);
	ck_assert(h->q.port.readable.armed);

	/* And when buffers are short the next time, its patience begins anew. */
	ck_assert_uint_eq(h->stats.rx_full, 1);
	h->q.rx_ring.req_cons = h->rx_prod;
	go();
	ck_assert_uint_eq(h->stats.rx_full, 2);
	expect_about(idle(&need), RX_DRAIN_NS);
}
END_TEST

START_TEST(test_drop_rx_expired)
{
	unsigned int need;
	uint64_t ops, deadline = 0;

	go();
	send_frames(2 * RX_BATCH + 3);
	pass(RX_DRAIN_NS);
	go();
	ck_assert_uint_eq(h->stats.drop_rx_expired, RX_BATCH);
	ck_assert_msg(rx_idle(&h->q, &deadline, &need), "there is more to drop");
	go();
	go();
	ck_assert_uint_eq(h->stats.drop_rx_expired, 2 * RX_BATCH + 3);
	ck_assert_uint_eq(h->stats.rx_packets, 0);

	/* Empty: the port is left alone for a while, else the worker would never sleep. */
	ops = h->stats.port_ops;
	go();
	ck_assert_uint_eq(h->stats.port_ops, ops);
	expect_about(idle(&need), RX_RETRY_NS);
	ck_assert_uint_eq(need, 17);
	send_frames(1);
	pass(RX_RETRY_NS);
	go();
	ck_assert_uint_eq(h->stats.drop_rx_expired, 2 * RX_BATCH + 4);

	/* Buffers: what comes from now on is kept. */
	harness_rx_post(h, 100);
	send_frames(1);
	go();
	ck_assert_uint_eq(h->stats.rx_packets, 1);
	ck_assert_ptr_null(harness_rx_take(h, &got));
	ck_assert_uint_eq(got.len, 60);
}
END_TEST

/* A frontend that sends no event when it posts buffers is looked at, and never called stalled. */
START_TEST(test_without_rx_notify)
{
	unsigned int need;

	features.rx_notify = false;
	harness_reset(h, &features, 0);
	go();
	expect_about(idle(&need), RX_POLL_NS);
	send_frames(1);
	go();
	ck_assert_uint_eq(h->stats.port_ops, 0);
	pass(RX_DRAIN_NO_EVENT_NS);
	go();
	ck_assert_uint_eq(h->stats.drop_rx_expired, 1);
	pass(2 * RX_STALL_NS);
	go();
	ck_assert_uint_eq(h->nr_ready_calls, 0);
	harness_rx_post(h, 17);
	go();
	pass(2 * RX_STALL_NS);
	send_frames(1);
	h->q.port.readable.fired = true;
	go();
	go();
	pass(2 * RX_STALL_NS);
	go();
	ck_assert_uint_eq(h->nr_ready_calls, 1);
	ck_assert(h->ready);
}
END_TEST

/* --- the port's word --------------------------------------------------------------------------------------- */

START_TEST(test_idle_arms_the_watch)
{
	unsigned int need = 99;

	harness_rx_post(h, 100);
	go();
	ck_assert_uint_eq(h->stats.port_ops, 0);
	ck_assert_int_eq(idle(&need), INT64_MAX);
	ck_assert_uint_eq(need, 0);
	ck_assert(h->q.port.readable.armed);

	send_frames(1);
	iobatch_wait(&h->w.io, -1);
	ck_assert(h->q.port.readable.fired);
	go();
	ck_assert_uint_eq(h->stats.rx_packets, 1);
	ck_assert(!h->q.port.readable.fired);
	go();
	ck_assert_int_eq(idle(&need), INT64_MAX);
	ck_assert(h->q.port.readable.armed);
}
END_TEST

START_TEST(test_more_is_not_idle)
{
	uint64_t deadline = UINT64_MAX;
	unsigned int need;

	harness_rx_post(h, 100);
	send_frames(RX_MIN_READS);
	h->q.port.readable.fired = true;
	go();
	ck_assert_uint_eq(h->stats.rx_packets, RX_MIN_READS);
	ck_assert(rx_idle(&h->q, &deadline, &need));
	go();
	ck_assert(!rx_idle(&h->q, &deadline, &need));
}
END_TEST

/* Who has just sent gets one look at the port, unasked. */
START_TEST(test_speculation)
{
	const netif_tx_request_t req = {.gref = h->ref[0], .size = 60};

	harness_rx_post(h, 100);
	go();
	ck_assert_uint_eq(h->stats.port_ops, 0);
	send_frames(1);
	go();
	ck_assert_uint_eq(h->stats.port_ops, 0);
	harness_tx_put(h, &req);
	harness_tx_push(h);
	go();
	ck_assert_uint_eq(h->stats.tx_packets, 1);
	ck_assert_uint_eq(h->stats.rx_packets, 1);
	ck_assert_uint_eq(h->stats.port_ops, 2);
}
END_TEST

/* A tap that is deleted is readable for ever, and each read fails. */
START_TEST(test_port_down)
{
	int real = dup(h->q.port.fd), mem = open("/proc/self/mem", O_RDWR); /* EIO at its start */
	unsigned int need = 99;
	uint64_t ops;

	ck_assert(real >= 0 && mem >= 0);
	harness_rx_post(h, 100);
	ck_assert_int_ge(dup2(mem, h->q.port.fd), 0);
	h->q.port.readable.fired = true;
	go();
	ck_assert_uint_eq(h->stats.port_ops, RX_MIN_READS);
	expect_about(idle(&need), RX_RETRY_NS);
	ck_assert_uint_eq(need, 0);
	ck_assert(!h->q.port.readable.armed);

	ops = h->stats.port_ops;
	go();
	go();
	ck_assert_uint_eq(h->stats.port_ops, ops);

	/* It is back. */
	ck_assert_int_ge(dup2(real, h->q.port.fd), 0);
	send_frames(1);
	go();
	ck_assert_uint_eq(h->stats.rx_packets, 0);
	pass(RX_RETRY_NS);
	go();
	ck_assert_uint_eq(h->stats.rx_packets, 1);
	ck_assert_int_eq(idle(&need), INT64_MAX);
	ck_assert(h->q.port.readable.armed);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("rx-starved");
	TCase *tcase = tcase_create("rx-starved");
	SRunner *runner = srunner_create(suite);
	int failed;

	suite_add_tcase(suite, tcase);
	tcase_add_unchecked_fixture(tcase, harness_create, harness_remove);
	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_add_test(tcase, test_ready_with_the_first_buffers);
	tcase_add_test(tcase, test_stall);
	tcase_add_test(tcase, test_wait_for_buffers);
	tcase_add_test(tcase, test_drop_rx_expired);
	tcase_add_test(tcase, test_without_rx_notify);
	tcase_add_test(tcase, test_idle_arms_the_watch);
	tcase_add_test(tcase, test_more_is_not_idle);
	tcase_add_test(tcase, test_speculation);
	tcase_add_test(tcase, test_port_down);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? 1 : 0;
}
