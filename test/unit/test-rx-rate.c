/* SPDX-License-Identifier: MIT */
/* test-rx-rate.c: frames for a guest that has a rate */
#include "netback/engine/rx.h"

#include <check.h>
#include <string.h>

#include "netback/engine/clock.h"
#include "test/unit/rx-fixture.h"

static const struct virtio_net_hdr plain;

#define SECOND 1000000000ull

static int64_t idle(void)
{
	uint64_t deadline = UINT64_MAX;

	ck_assert_uint_eq(rx_idle(&h->q, &deadline), 0);
	return deadline == UINT64_MAX ? INT64_MAX : (int64_t)(deadline - clock_ns());
}

/* The bucket is empty until so many seconds from now. */
static void empty_for(int64_t seconds)
{
	h->memory.rx_rate.empty_at = (clock_ns() + (uint64_t)(seconds * (int64_t)SECOND))
				     << RATE_SHIFT;
}

static void limit(void)
{
	policy.rx_rate = (struct link_rate){62500, 50000}; /* 10 Mb/s */
	police();
	h->q.rx.nr_wanted = RX_BATCH;
}

/* Without credit nothing is read, and the worker sleeps until there is some. */
START_TEST(test_rate_leaves_frames_in_the_port)
{
	int64_t until;

	limit();
	harness_rx_post(h, 40);
	empty_for(5);
	harness_make_frame(frame, 4, 1514, 1);
	harness_send(h, &plain, frame, 1514);
	for (int i = 0; i < 3; i++)
		serve();
	expect_nothing();
	ck_assert_uint_eq(h->stats.port_ops, 0);
	ck_assert_uint_eq(h->stats.rx_limited, 1);
	until = idle();
	ck_assert_int_gt(until, 4 * (int64_t)SECOND);
	ck_assert_int_lt(until, 6 * (int64_t)SECOND);

	empty_for(-1);
	serve();
	expect_frame(1514);
	expect_drop("", 0);
	ck_assert_int_eq(idle(), INT64_MAX);
}
END_TEST

/* What has been read when the credit is used up waits here, in order, and no more is read. */
START_TEST(test_rate_holds_frames)
{
	uint64_t ops;

	harness_rx_post(h, 100);
	limit();
	serve();
	empty_for(0);
	harness_make_frame(frame, 4, 65536, 1);
	for (int i = 0; i < 30; i++)
		harness_send(h, &plain, frame, 60000);
	serve();
	/* The first one's debt is 48 ms. */
	ck_assert_uint_eq(h->stats.rx_packets, 1);
	ck_assert_uint_eq(h->q.rx.nr_held, RX_BATCH - 1);
	ops = h->stats.port_ops;
	serve();
	serve();
	ck_assert_uint_eq(h->stats.port_ops, ops);
	ck_assert_uint_eq(h->stats.rx_full, 0);
	ck_assert_int_gt(idle(), 30000000);
	expect_frame(60000);
	expect_nothing();
	for (int i = 0; i < 29; i++) {
		empty_for(0);
		harness_rx_post(h, 15);
		serve();
		serve();
		expect_frame(60000);
	}
	ck_assert_uint_eq(h->stats.rx_packets, 30);
}
END_TEST

/* Nor is a port that is down tried before. */
START_TEST(test_rate_and_a_port_that_is_down)
{
	limit();
	harness_rx_post(h, 40);
	empty_for(5);
	h->q.rx.down = true;
	h->q.rx.quiet_until = clock_ns();
	serve();
	ck_assert_uint_eq(h->stats.port_ops, 0);
	ck_assert_int_gt(idle(), 4 * (int64_t)SECOND);
}
END_TEST

/* As long as frames are held for it, a guest waits once, however many rounds others cause. */
START_TEST(test_rate_waits_once)
{
	harness_rx_post(h, 100);
	limit();
	serve();
	empty_for(5);
	harness_make_frame(frame, 4, 1514, 1);
	for (unsigned int i = 0; i < RX_BATCH; i++)
		harness_send(h, &plain, frame, 1514);
	for (int i = 0; i < 5; i++)
		serve();
	ck_assert_uint_eq(h->q.rx.nr_held, RX_BATCH);
	ck_assert_uint_eq(h->stats.rx_limited, 1);
	empty_for(-1);
	serve();
	ck_assert_uint_eq(h->stats.rx_packets, RX_BATCH);
	empty_for(5);
	serve();
	ck_assert_uint_eq(h->stats.rx_limited, 2);
}
END_TEST

/* A guest that has no buffers either is not looked at all the time because of its rate. */
START_TEST(test_rate_of_a_starved_guest)
{
	uint64_t deadline = UINT64_MAX;

	limit();
	empty_for(1);
	harness_rx_post(h, 1);
	serve();
	empty_for(-1);
	h->rx_prod = h->q.rx_ring.req_cons;
	h->rx->req_prod = h->rx_prod;
	serve();
	ck_assert_uint_eq(rx_idle(&h->q, &deadline), 1);
	ck_assert_uint_gt(deadline, clock_ns() + 5 * SECOND);
	/* And when it is drained, what is dropped is not charged. */
	h->q.rx.starved_since -= RX_DRAIN_NS;
	empty_for(1);
	harness_make_frame(frame, 4, 1514, 1);
	harness_send(h, &plain, frame, 1514);
	serve();
	expect_drop("rx_expired", 1);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("rx-rate");
	TCase *tcase = tcase_create("rx-rate");
	SRunner *runner = srunner_create(suite);
	int failed;

	suite_add_tcase(suite, tcase);
	tcase_set_timeout(tcase, 60);
	tcase_add_unchecked_fixture(tcase, harness_create, harness_remove);
	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_add_test(tcase, test_rate_leaves_frames_in_the_port);
	tcase_add_test(tcase, test_rate_holds_frames);
	tcase_add_test(tcase, test_rate_and_a_port_that_is_down);
	tcase_add_test(tcase, test_rate_waits_once);
	tcase_add_test(tcase, test_rate_of_a_starved_guest);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? 1 : 0;
}
