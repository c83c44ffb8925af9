/* SPDX-License-Identifier: MIT */
/* test-load.c: figures of a guest's load: sizes, tx depth, starvation, how soon it acts on a notification */
#include <check.h>
#include <stdlib.h>
#include <time.h>

#include "netback/engine/kick.h"
#include "test/unit/engine-harness.h"

static struct harness harness, *h = &harness;
static struct link_features features;
static uint8_t frame[HARNESS_FRAME];
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

static void go(void)
{
	ck_assert_int_eq(harness_round(h), 0);
}

static void put(uint16_t size, uint16_t id)
{
	const netif_tx_request_t req = {.gref = h->ref[id], .size = size, .id = id};

	harness_tx_put(h, &req);
}

START_TEST(test_sizes)
{
	static const uint16_t sizes[] = {60, 128, 129, 1023, 1024, 1514};

	harness_rx_post(h, 100);
	for (uint16_t i = 0; i < 6; i++) {
		put(sizes[i], i);
		harness_send(h, &plain, frame, sizes[i]);
	}
	harness_tx_push(h);
	for (int i = 0; i < 8; i++)
		go();
	ck_assert_uint_eq(h->stats.tx_packets, 6);
	ck_assert_uint_eq(h->stats.tx_small, 2);
	ck_assert_uint_eq(h->stats.tx_large, 2);
	ck_assert_uint_eq(h->stats.rx_packets, 6);
	ck_assert_uint_eq(h->stats.rx_small, 2);
	ck_assert_uint_eq(h->stats.rx_large, 2);
}
END_TEST

START_TEST(test_tx_depth)
{
	go();
	ck_assert_uint_eq(h->stats.tx_looks, 0);
	for (uint16_t i = 0; i < 7; i++)
		put(60, i);
	harness_tx_push(h);
	ck_assert_int_eq(harness_step(h), 0);
	ck_assert_uint_eq(h->stats.tx_looks, 1);
	ck_assert_uint_eq(h->stats.tx_depth, 7);
	/* What is not answered yet is still on the ring. */
	h->q.tx.hold_ns = 0;
	put(60, 7);
	harness_tx_push(h);
	ck_assert_int_eq(harness_step(h), 0);
	ck_assert_uint_eq(h->stats.tx_looks, 2);
	ck_assert_uint_eq(h->stats.tx_depth, 7 + 8);
}
END_TEST

static void nap(void)
{
	nanosleep(&(struct timespec){.tv_nsec = 20000000}, NULL);
}

START_TEST(test_starved)
{
	/* No frame ever went to this guest: nothing waits, as far as we know. */
	go();
	nap();
	go();
	ck_assert_uint_eq(h->stats.rx_starved_ns, 0);

	harness_rx_post(h, 1);
	harness_send(h, &plain, frame, 60);
	harness_send(h, &plain, frame, 60);
	go();
	go();
	ck_assert_uint_eq(h->stats.rx_packets, 1);
	go();
	nap();
	harness_rx_post(h, 2);
	go();
	ck_assert_uint_ge(h->stats.rx_starved_ns, 20000000);
	ck_assert_uint_lt(h->stats.rx_starved_ns, 60000000000ull);
	h->stats.rx_starved_ns = 0;
	go();
	nap();
	go();
	ck_assert_uint_eq(h->stats.rx_starved_ns, 0);
}
END_TEST

/* --- kicks ------------------------------------------------------------------------------------------------ */

enum {
	US = 1000,
	MS = 1000 * US,
};

START_TEST(test_an_event_tells)
{
	struct kick k = {0};
	uint64_t ns;

	ck_assert(!kick_pending(&k));
	ck_assert(kick_wanted(&k));
	kick_sent(&k, 5, 100 * MS);
	ck_assert(!kick_wanted(&k));
	ck_assert(!kick_event(&k, 5, 101 * MS, &ns)); /* it did nothing */
	ck_assert(kick_pending(&k));
	ck_assert(kick_event(&k, 6, 107 * MS, &ns));
	ck_assert_uint_eq(ns, 7 * MS);
	ck_assert(!kick_pending(&k));
}
END_TEST

START_TEST(test_a_prompt_look_tells)
{
	struct kick k = {0};
	uint64_t ns;

	kick_sent(&k, 5, 100 * MS);
	ck_assert(!kick_look(&k, 5, 104 * MS, &ns));
	ck_assert(!kick_look(&k, 5, 109 * MS, &ns));
	ck_assert(kick_look(&k, 9, 110 * MS, &ns));
	ck_assert_uint_eq(ns, 10 * MS);
	kick_sent(&k, 5, 200 * MS);
	ck_assert(kick_look(&k, 9, 200 * MS + KICK_PROMPT_NS, &ns));
}
END_TEST

/* Round after round, and the guest is slow: few looks, and yet the time is known to a part of itself. */
START_TEST(test_looks_grow_apart)
{
	const uint64_t round_ns = 200 * US;
	struct kick k = {0};
	uint64_t ns = 0;
	int looks = 0;

	kick_sent(&k, 5, 0);
	for (uint64_t i = 1; i <= 1000; i++) {
		if (!kick_due(&k))
			continue;
		looks++;
		ck_assert(!kick_look(&k, 5, i * round_ns, &ns));
	}
	ck_assert_int_lt(looks, 100);

	for (uint64_t acts = 3; acts < 300; acts++) {
		k = (struct kick){0};
		kick_sent(&k, 5, 0);
		for (uint64_t i = 1; kick_pending(&k); i++)
			if (kick_due(&k))
				ck_assert(kick_look(&k, i < acts ? 5 : 9, i * round_ns, &ns) ==
					  (i >= acts));
		ck_assert_uint_ge(ns, acts * round_ns);
		ck_assert_uint_le(ns, (acts + 1 + acts / 3) * round_ns);
	}
}
END_TEST

/* We slept: it may have been at any time. */
START_TEST(test_a_late_look_does_not)
{
	struct kick k = {0};
	uint64_t ns;

	kick_sent(&k, 5, 100 * MS);
	ck_assert(!kick_look(&k, 9, 150 * MS, &ns));
	ck_assert_msg(kick_event(&k, 9, 150 * MS + 5 * US, &ns),
		      "the event that woke us comes a bit later");
	ck_assert_uint_eq(ns, 50 * MS + 5 * US);

	kick_sent(&k, 5, 200 * MS);
	ck_assert(!kick_look(&k, 9, 250 * MS, &ns));
	ck_assert(!kick_look(&k, 9, 250 * MS + 10 * US, &ns));
	ck_assert(!kick_pending(&k));
}
END_TEST

START_TEST(test_one_of_many_is_followed)
{
	struct kick k = {0};
	uint64_t ns;

	kick_sent(&k, 5, 100);
	ck_assert(kick_event(&k, 6, 200, &ns));
	for (int i = 0; i < KICK_EVERY - 1; i++)
		ck_assert(!kick_wanted(&k));
	ck_assert(kick_wanted(&k));
	kick_sent(&k, 5, 100);
	ck_assert(kick_event(&k, 6, 200, &ns));
	kick_rest(&k);
	ck_assert(kick_wanted(&k));
}
END_TEST

START_TEST(test_buckets)
{
	ck_assert_uint_eq(stats_kick_bucket(0), 0);
	ck_assert_uint_eq(stats_kick_bucket(15999), 0);
	ck_assert_uint_eq(stats_kick_bucket(16000), 1);
	ck_assert_uint_eq(stats_kick_bucket(31999), 1);
	ck_assert_uint_eq(stats_kick_bucket(10 * MS), 10); /* 8.192 to 16.384 ms */
	ck_assert_uint_eq(stats_kick_bucket(UINT64_MAX), STATS_KICK_BUCKETS - 1);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("load");
	TCase *counters = tcase_create("counters"), *kicks = tcase_create("kicks");
	SRunner *runner = srunner_create(suite);
	int failed;

	suite_add_tcase(suite, counters);
	tcase_add_unchecked_fixture(counters, harness_create, harness_remove);
	tcase_add_checked_fixture(counters, setup, teardown);
	tcase_add_test(counters, test_sizes);
	tcase_add_test(counters, test_tx_depth);
	tcase_add_test(counters, test_starved);
	suite_add_tcase(suite, kicks);
	tcase_add_test(kicks, test_an_event_tells);
	tcase_add_test(kicks, test_a_prompt_look_tells);
	tcase_add_test(kicks, test_looks_grow_apart);
	tcase_add_test(kicks, test_a_late_look_does_not);
	tcase_add_test(kicks, test_one_of_many_is_followed);
	tcase_add_test(kicks, test_buckets);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? 1 : 0;
}
