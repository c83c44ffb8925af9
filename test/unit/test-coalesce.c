/* SPDX-License-Identifier: MIT -- frames that come fast gather, others never wait */
#include "netback/engine/coalesce.h"

#include <check.h>

#include "netback/common/util.h"

enum {
	FIRST = COALESCE_FIRST_NS,
	MAX = COALESCE_MAX_NS,
	SMALL = 60, /* bytes of a frame */
	MEAN = COALESCE_SMALL_BYTES,
};

static const struct {
	const char *what;
	uint32_t hold_ns;
	unsigned int frames;
	uint64_t bytes;
	bool full;
	uint32_t want_ns;
} steps[] = {
	{"a lone frame", 0, 1, SMALL, false, 0},
	{"a lone frame, all that was asked for", 0, 1, SMALL, true, 0},
	{"the first several", 0, 2, 2 * SMALL, false, FIRST},
	{"the first several, all that was asked for", 0, 2, 2 * SMALL, true, 0},
	{"one short of enough", 0, COALESCE_ENOUGH - 1, 7 * SMALL, false, FIRST},
	{"enough from the start", 0, COALESCE_ENOUGH, 8 * SMALL, false, 0},
	{"still too few", FIRST, 3, 3 * SMALL, false, 2 * FIRST},
	{"too few, less than the first step", FIRST / 4, 3, 3 * SMALL, false, FIRST},
	{"too few, near the limit", MAX - 1, 3, 3 * SMALL, false, MAX},
	{"too few, at the limit", MAX, 3, 3 * SMALL, false, MAX},
	{"enough", 4 * FIRST, COALESCE_ENOUGH, 8 * SMALL, false, 4 * FIRST},
	{"more than enough", 4 * FIRST, 15, 15 * SMALL, false, 4 * FIRST},
	{"full", 4 * FIRST, 16, 16 * SMALL, true, 2 * FIRST},
	{"full with few", 4 * FIRST, 3, 3 * SMALL, true, 2 * FIRST},
	{"alone again", 8 * FIRST, 1, SMALL, false, 2 * FIRST},
	{"alone again, all that was asked for", 8 * FIRST, 1, SMALL, true, 2 * FIRST},
	{"alone near the first step", 3 * FIRST, 1, SMALL, false, 0},
	{"full at the first step", FIRST, 16, 16 * SMALL, true, 0},
	{"just small", 2 * FIRST, 3, 3 * MEAN, false, 4 * FIRST},
	{"just large", 2 * FIRST, 3, 3 * MEAN + 1, false, 0},
	{"large, enough", MAX, 12, 12 * 65000, false, 0},
	{"large, full", MAX, 16, 16 * 65000, true, 0},
	{"one large one", MAX, 1, 65000, false, 0},
	{"one large one among small ones", MAX, 4, 3 * SMALL + 65000, false, 0},
	{"none that was worth keeping", FIRST, 2, 0, false, 2 * FIRST},
};

START_TEST(test_steps)
{
	struct coalesce c = {steps[_i].hold_ns};
	uint32_t got = coalesce_frames(&c, steps[_i].frames, steps[_i].bytes, steps[_i].full);

	ck_assert_msg(got == steps[_i].want_ns, "%s: %u ns, not %u", steps[_i].what, got,
		      steps[_i].want_ns);
	ck_assert_uint_eq(c.hold_ns, got);
}
END_TEST

START_TEST(test_lone_frames_never_wait)
{
	struct coalesce c = {0};

	for (int i = 0; i < 1000; i++)
		ck_assert_uint_eq(coalesce_frames(&c, 1, SMALL, i % 2), 0);
}
END_TEST

/* A flood has its full wait after few rounds, and no longer one whatever comes. */
START_TEST(test_grows_to_its_limit)
{
	struct coalesce c = {0};
	uint32_t was = 0;
	int rounds = 0;

	for (; c.hold_ns < MAX; was = c.hold_ns, rounds++) {
		coalesce_frames(&c, 4, 4 * SMALL, false);
		ck_assert_uint_gt(c.hold_ns, was);
	}
	ck_assert_int_le(rounds, 8);
	for (int i = 0; i < 100; i++)
		ck_assert_uint_eq(coalesce_frames(&c, 4, 4 * SMALL, false), MAX);
}
END_TEST

/* When the flood ends or rounds are full, it is forgotten in few steps, from wherever it stands. */
START_TEST(test_back_to_nothing)
{
	for (uint32_t from = 1; from <= MAX; from += 997) {
		struct coalesce alone = {from}, full = {from};

		for (int i = 0; i < 4; i++) {
			uint32_t was = alone.hold_ns;

			ck_assert(coalesce_frames(&alone, 1, SMALL, false) < was || was == 0);
		}
		for (int i = 0; i < 8; i++)
			coalesce_frames(&full, 16, 16 * SMALL, true);
		ck_assert_uint_eq(alone.hold_ns, 0);
		ck_assert_uint_eq(full.hold_ns, 0);
	}
}
END_TEST

/* A hold is worth what the thread has worked, so many times; a long one is never made longer. */
START_TEST(test_limit)
{
	ck_assert_uint_eq(coalesce_limit(FIRST, 0), 0);
	ck_assert_uint_eq(coalesce_limit(FIRST, 1000), COALESCE_ROUNDS * 1000);
	ck_assert_uint_eq(coalesce_limit(FIRST, FIRST), FIRST);
	ck_assert_uint_eq(coalesce_limit(MAX, MAX / COALESCE_ROUNDS - 1), MAX - COALESCE_ROUNDS);
	ck_assert_uint_eq(coalesce_limit(MAX, UINT32_MAX), MAX);
	ck_assert_uint_eq(coalesce_limit(MAX, 1ull << 40), MAX);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("coalesce");
	TCase *tcase = tcase_create("coalesce");
	SRunner *runner = srunner_create(suite);
	int failed;

	suite_add_tcase(suite, tcase);
	tcase_add_loop_test(tcase, test_steps, 0, ARRAY_SIZE(steps));
	tcase_add_test(tcase, test_lone_frames_never_wait);
	tcase_add_test(tcase, test_grows_to_its_limit);
	tcase_add_test(tcase, test_back_to_nothing);
	tcase_add_test(tcase, test_limit);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? 1 : 0;
}
