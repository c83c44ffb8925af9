/* SPDX-License-Identifier: MIT */
/* test-rate.c: the rate holds, in simulated time, for any number of queues that share a bucket */
#include "netback/engine/rate.h"

#include <check.h>
#include <pthread.h>
#include <stdlib.h>

#include "netback/common/util.h"

#define SECOND 1000000000ull

static struct rate_level level;
static struct rate rate;

static void setup(void)
{
	level = (struct rate_level){0};
	srandom(1);
}

/* --- the rate ------------------------------------------------------------------------------------------- */

static const struct {
	struct link_rate limit;
	unsigned int queues, size; /* size 0: any */
	double bytes_per_second;
} rates[] = {
	{{62500, 50000}, 1, 1514, 1.25e6}, /* 10Mb/s */
	{{62500, 50000}, 2, 1514, 1.25e6},     {{62500, 50000}, 8, 0, 1.25e6},
	{{62500, 50000}, 2, 60, 1.25e6},       {{62500, 50000}, 2, 65536, 1.25e6},
	{{62500000, 50000}, 2, 0, 1.25e9}, /* 10Gb/s */
	{{12500, 10}, 2, 1514, 1.25e9},	   /* the same, in tiny intervals */
	{{1250000000, 1000000}, 1, 0, 1.25e9}, {{1, 1000}, 1, 60, 1e3},
	{{625000000, 50000}, 4, 60, 1.25e10}, /* 100Gb/s */
};

static uint32_t any_size(unsigned int size)
{
	if (size)
		return size;
	return random() % 4 ? 60 + (uint32_t)random() % 1455 : 60 + (uint32_t)random() % 65000;
}

/*
 * Queues that always have something to send: each sends while it may, and comes back when it was told to,
 * a little late. Returns the bytes that went until `end`.
 */
static uint64_t simulate(unsigned int queues, unsigned int size, uint64_t start, uint64_t end)
{
	uint64_t wake[8], sent = 0, now = start;

	for (unsigned int i = 0; i < queues; i++)
		wake[i] = start;
	while (now < end) {
		unsigned int next = 0;

		for (unsigned int i = 1; i < queues; i++)
			next = wake[i] < wake[next] ? i : next;
		now = max(now, wake[next]);
		for (int n = 0; n < 256 && !rate_wait(&rate, now); n++) {
			uint32_t bytes = any_size(size);

			rate_charge(&rate, now, bytes);
			sent += bytes;
		}
		wake[next] = max(rate_wait(&rate, now), now + 1 + (uint64_t)random() % 2000);
	}
	return sent;
}

START_TEST(test_rate)
{
	const struct link_rate *limit = &rates[_i].limit;
	uint64_t start = 1000 * SECOND, burst = max(limit->bytes, (uint64_t)RATE_MIN_BURST);
	uint64_t length = rates[_i].bytes_per_second < 1e9 ? 20 * SECOND : SECOND / 5;
	double want, sent;

	if (rates[_i].bytes_per_second < 1e6)
		length = 2000 * SECOND;
	rate_set(&rate, limit, &level, start);
	ck_assert(rate_limits(&rate));
	/* The bucket was full: what it held is beside the rate. */
	sent = (double)simulate(rates[_i].queues, rates[_i].size, start, start + length);
	want = rates[_i].bytes_per_second * (double)length / 1e9 + (double)burst;
	ck_assert_msg(sent < want * 1.005 + 8 * 65536, "%.0f bytes of %.0f", sent, want);
	ck_assert_msg(sent > want * 0.99 - 65536, "%.0f bytes of %.0f", sent, want);
}
END_TEST

START_TEST(test_burst)
{
	const struct link_rate limit = {10000000, 50000};
	uint64_t now = 500 * SECOND, sent = 0;

	rate_set(&rate, &limit, &level, now);
	for (; !rate_wait(&rate, now); sent += 1000)
		rate_charge(&rate, now, 1000);
	ck_assert_uint_le(sent, limit.bytes + 1000);
	ck_assert_uint_ge(sent, limit.bytes - 1000);
	/* After long silence it is no more. */
	now += 3600 * SECOND;
	for (sent = 0; !rate_wait(&rate, now); sent += 1000)
		rate_charge(&rate, now, 1000);
	ck_assert_uint_le(sent, limit.bytes + 1000);
	ck_assert_uint_ge(sent, limit.bytes - 1000);
}
END_TEST

/* Who has no credit is told when it is worth to come back, and not before. */
START_TEST(test_wait)
{
	const struct link_rate limit = {62500, 50000};
	uint64_t now = 500 * SECOND, until;

	rate_set(&rate, &limit, &level, now);
	while (!rate_wait(&rate, now))
		rate_charge(&rate, now, 1250);
	until = rate_wait(&rate, now);
	ck_assert_uint_gt(until, now);
	ck_assert_uint_le(until, now + 2 * RATE_WAIT_NS);
	ck_assert_uint_eq(rate_wait(&rate, until), 0);
	/* A large frame goes with what there is, and is paid for. */
	rate_charge(&rate, until, 62500);
	until = rate_wait(&rate, until) - until;
	ck_assert_uint_ge(until, 49 * RATE_WAIT_NS);
	ck_assert_uint_le(until, 51 * RATE_WAIT_NS);
}
END_TEST

/* --- limits that are none ----------------------------------------------------------------------------------- */

START_TEST(test_no_limit)
{
	static const struct link_rate none[] = {{0, 0}, {1000, 0}, {0, 1000}};

	for (size_t i = 0; i < ARRAY_SIZE(none); i++) {
		rate_set(&rate, &none[i], &level, 5 * SECOND);
		ck_assert(!rate_limits(&rate));
		ck_assert_uint_eq(rate_wait(&rate, 5 * SECOND), 0);
		rate_charge(&rate, 5 * SECOND, 1000);
		ck_assert_uint_eq(level.empty_at, 0);
	}
}
END_TEST

/* Numbers without sense, which a toolstack may write all the same: no overflow lets packets through. */
START_TEST(test_extremes)
{
	static const struct link_rate odd[] = {
		{1, UINT32_MAX}, {1, 1}, {UINT64_MAX, 1}, {UINT64_MAX, UINT32_MAX}};
	uint64_t now = 1000 * SECOND;

	for (size_t i = 0; i < ARRAY_SIZE(odd); i++) {
		uint64_t sent = 0;

		setup();
		rate_set(&rate, &odd[i], &level, now);
		for (int n = 0; n < 1000 && !rate_wait(&rate, now); n++, sent += 65536)
			rate_charge(&rate, now, 65536);
		if (odd[i].bytes == 1)
			ck_assert_uint_le(sent, RATE_MIN_BURST + 65536);
		else
			ck_assert_uint_eq(sent, 65536000);
	}
}
END_TEST

/* --- changes, and another engine ------------------------------------------------------------------------------- */

START_TEST(test_live_change)
{
	const struct link_rate slow = {1000, 1000000}, fast = {62500, 50000};
	uint64_t now = 500 * SECOND, sent;

	rate_set(&rate, &slow, &level, now);
	while (!rate_wait(&rate, now))
		rate_charge(&rate, now, 65536);
	ck_assert_uint_gt(rate_wait(&rate, now), now + 10 * SECOND);
	/* A debt of the slow rate is no reason to wait at the fast one. */
	rate_set(&rate, &fast, &level, now);
	ck_assert_uint_lt(rate_wait(&rate, now), now + SECOND);
	sent = simulate(2, 1514, now + SECOND, now + 11 * SECOND);
	ck_assert_uint_gt(sent, 12400000);
	ck_assert_uint_lt(sent, 12800000);
}
END_TEST

/* The next engine goes on with the level; what is no level is none. */
START_TEST(test_level_is_kept)
{
	const struct link_rate limit = {62500, 50000};
	uint64_t now = 500 * SECOND, until;

	rate_set(&rate, &limit, &level, now);
	while (!rate_wait(&rate, now))
		rate_charge(&rate, now, 1514);
	until = rate_wait(&rate, now);
	rate = (struct rate){0};
	rate_set(&rate, &limit, &level, now + 10);
	ck_assert_uint_eq(rate_wait(&rate, now + 10), until);

	for (int n = 0; n < 10000; n++) {
		level.empty_at =
			(uint64_t)random() << 40 ^ (uint64_t)random() << 20 ^ (uint64_t)random();
		rate_set(&rate, &limit, &level, now);
		ck_assert_uint_le(rate_wait(&rate, now), now + SECOND);
		ck_assert_uint_gt(simulate(1, 1514, now + SECOND, now + 2 * SECOND), 1100000);
	}
}
END_TEST

static void *charge(void *arg)
{
	for (int n = 0; n < 100000; n++)
		rate_charge(arg, 500 * SECOND, 1250);
	return NULL;
}

/* No charge is lost between threads. */
START_TEST(test_threads)
{
	const struct link_rate limit = {62500, 50000};
	struct rate mine[2];
	pthread_t thread[2];
	uint64_t until;

	/* Both before either thread begins: it forgives the other's debt. */
	for (int i = 0; i < 2; i++)
		rate_set(&mine[i], &limit, &level, 500 * SECOND);
	for (int i = 0; i < 2; i++)
		ck_assert_int_eq(pthread_create(&thread[i], NULL, charge, &mine[i]), 0);
	for (int i = 0; i < 2; i++)
		pthread_join(thread[i], NULL);
	/* 250 MB at 1.25 MB/s, less a full bucket. */
	until = rate_wait(&mine[0], 500 * SECOND) - 500 * SECOND;
	ck_assert_uint_ge(until, 199 * SECOND);
	ck_assert_uint_le(until, 200 * SECOND);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("rate");
	TCase *tcase = tcase_create("rate");
	SRunner *runner = srunner_create(suite);
	int failed;

	suite_add_tcase(suite, tcase);
	tcase_set_timeout(tcase, 60);
	tcase_add_checked_fixture(tcase, setup, NULL);
	tcase_add_loop_test(tcase, test_rate, 0, ARRAY_SIZE(rates));
	tcase_add_test(tcase, test_burst);
	tcase_add_test(tcase, test_wait);
	tcase_add_test(tcase, test_no_limit);
	tcase_add_test(tcase, test_extremes);
	tcase_add_test(tcase, test_live_change);
	tcase_add_test(tcase, test_level_is_kept);
	tcase_add_test(tcase, test_threads);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? 1 : 0;
}
