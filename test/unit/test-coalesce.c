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
	uint32_t want_ns;
} steps[] = {
	{"a lone frame", 0, 1, SMALL, 0},
	{"the first several", 0, 2, 2 * SMALL, FIRST},
	{"one short of enough", 0, COALESCE_ENOUGH - 1, 7 * SMALL, FIRST},
	{"enough from the start", 0, COALESCE_ENOUGH, 8 * SMALL, 0},
	{"still too few", FIRST, 3, 3 * SMALL, 2 * FIRST},
	{"too few, less than the first step", FIRST / 4, 3, 3 * SMALL, FIRST},
	{"too few, near the limit", MAX - 1, 3, 3 * SMALL, MAX},
	{"too few, at the limit", MAX, 3, 3 * SMALL, MAX},
	{"enough", 4 * FIRST, COALESCE_ENOUGH, 8 * SMALL, 4 * FIRST},
	{"more than enough", 4 * FIRST, COALESCE_MANY, COALESCE_MANY *SMALL, 4 * FIRST},
	{"many", 4 * FIRST, COALESCE_MANY + 1, 33 * SMALL, 3 * FIRST},
	{"many at the first step", FIRST, 100, 100 * SMALL, 0},
	{"alone again", 8 * FIRST, 1, SMALL, 2 * FIRST},
	{"alone near the first step", 3 * FIRST, 1, SMALL, 0},
	{"just small", 2 * FIRST, 3, 3 * MEAN, 4 * FIRST},
	{"just large", 2 * FIRST, 3, 3 * MEAN + 1, 0},
	{"large, enough", MAX, 12, 12 * 65000, 0},
	{"one large one", MAX, 1, 65000, 0},
	{"one large one among small ones", MAX, 4, 3 * SMALL + 65000, 0},
	{"none that was worth keeping", FIRST, 2, 0, 2 * FIRST},
};

/* A lone frame does not wait, whatever was learned of others. */
static uint32_t step_sleep(int i)
{
	return steps[i].frames > 1 ? steps[i].want_ns : 0;
}

/* In one round that was not full. */
START_TEST(test_steps)
{
	struct coalesce c = {.hold_ns = steps[_i].hold_ns};
	uint32_t got = coalesce_frames(&c, steps[_i].frames, steps[_i].bytes, false);

	ck_assert_msg(c.hold_ns == steps[_i].want_ns, "%s: %u ns, not %u", steps[_i].what,
		      c.hold_ns, steps[_i].want_ns);
	ck_assert_msg(got == step_sleep(_i), "%s: sleeps %u ns", steps[_i].what, got);
}
END_TEST

/* In a full round of one frame, one with the others if there are any, and then sleep: the sum counts. */
START_TEST(test_steps_in_rounds)
{
	struct coalesce c = {.hold_ns = steps[_i].hold_ns};

	ck_assert_uint_eq(coalesce_frames(&c, 1, steps[_i].bytes, true), 0);
	if (steps[_i].frames > 1)
		ck_assert_uint_eq(coalesce_frames(&c, steps[_i].frames - 1, 0, true), 0);
	ck_assert_uint_eq(c.hold_ns, steps[_i].hold_ns);
	/* Nobody has slept for it yet. */
	ck_assert_uint_eq(coalesce_rest(&c), step_sleep(_i));
	ck_assert_msg(c.hold_ns == steps[_i].want_ns, "%s: %u ns, not %u", steps[_i].what,
		      c.hold_ns, steps[_i].want_ns);
}
END_TEST

/* After the first round that was not full a thread that stays awake learns nothing, but holds when it can. */
START_TEST(test_judged_once_a_wake)
{
	struct coalesce c = {.hold_ns = FIRST};

	ck_assert_uint_eq(coalesce_frames(&c, 3, 3 * SMALL, false), 2 * FIRST);
	ck_assert_uint_eq(coalesce_frames(&c, 1, SMALL, false), 2 * FIRST);
	ck_assert_uint_eq(coalesce_frames(&c, 16, 16 * SMALL, true), 0);
	ck_assert_uint_eq(coalesce_frames(&c, 2, 2 * SMALL, false), 2 * FIRST);
	ck_assert_uint_eq(coalesce_rest(&c), 0);
	ck_assert_uint_eq(c.hold_ns, 2 * FIRST);
	ck_assert_uint_eq(coalesce_rest(&c), 0);
	ck_assert_msg(c.hold_ns == 2 * FIRST, "a wake-up without frames tells nothing");
	ck_assert_uint_eq(coalesce_frames(&c, 3, 3 * SMALL, false), 4 * FIRST);
}
END_TEST

/* The last round before the sleep was full, so that it could not hold. */
START_TEST(test_owed_after_a_full_round)
{
	struct coalesce c = {.hold_ns = FIRST};

	ck_assert_uint_eq(coalesce_frames(&c, 3, 3 * SMALL, false), 2 * FIRST);
	ck_assert_uint_eq(coalesce_frames(&c, 16, 16 * SMALL, true), 0);
	ck_assert_uint_eq(coalesce_rest(&c), 2 * FIRST);
	ck_assert_uint_eq(coalesce_rest(&c), 0);
	ck_assert_uint_eq(c.hold_ns, 2 * FIRST);
}
END_TEST

/* Whatever was counted or judged: nothing is owed, learned, or held for until the next wake-up. */
START_TEST(test_forget)
{
	for (int judged = 0; judged < 2; judged++) {
		struct coalesce c = {.hold_ns = MAX};

		coalesce_frames(&c, 3, 3 * SMALL, !judged);
		coalesce_forget(&c);
		ck_assert_uint_eq(coalesce_frames(&c, 3, 3 * SMALL, false), 0);
		coalesce_frames(&c, 3, 3 * SMALL, true);
		ck_assert_uint_eq(coalesce_rest(&c), 0);
		ck_assert_uint_eq(c.hold_ns, 0);
		ck_assert_uint_eq(coalesce_frames(&c, 3, 3 * SMALL, false), FIRST);
	}
}
END_TEST

START_TEST(test_lone_frames_never_wait)
{
	struct coalesce c = {0};

	for (int i = 0; i < 1000; i++) {
		ck_assert_uint_eq(coalesce_frames(&c, 1, SMALL, i % 2), 0);
		coalesce_rest(&c);
	}
	/* Nor after a flood, nor what comes next to a thread that stays awake. */
	c.hold_ns = MAX;
	for (int i = 0; i < 3; i++)
		ck_assert_uint_eq(coalesce_frames(&c, 1, SMALL, false), 0);
	ck_assert_uint_eq(c.hold_ns, MAX / 4);
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
		coalesce_rest(&c);
	}
	ck_assert_int_le(rounds, 8);
	for (int i = 0; i < 100; i++) {
		ck_assert_uint_eq(coalesce_frames(&c, 4, 4 * SMALL, false), MAX);
		coalesce_rest(&c);
	}
}
END_TEST

/* When the flood ends it is forgotten in few steps, and by and by if wake-ups find more than enough. */
START_TEST(test_back_to_nothing)
{
	for (uint32_t from = 1; from <= MAX; from += 997) {
		struct coalesce alone = {.hold_ns = from}, many = {.hold_ns = from};

		for (int i = 0; i < 4; i++) {
			coalesce_frames(&alone, 1, SMALL, false);
			coalesce_rest(&alone);
		}
		for (int i = 0; i < 20; i++) {
			coalesce_frames(&many, 100, 100 * SMALL, false);
			coalesce_rest(&many);
		}
		ck_assert_uint_eq(alone.hold_ns, 0);
		ck_assert_uint_eq(many.hold_ns, 0);
	}
}
END_TEST

/* A hold is worth what the thread has worked, so many times; a long one is never made longer. */
START_TEST(test_limit)
{
	ck_assert_uint_eq(coalesce_limit(FIRST, 1), COALESCE_ROUNDS);
	ck_assert_uint_eq(coalesce_limit(FIRST, 1000), COALESCE_ROUNDS * 1000);
	ck_assert_uint_eq(coalesce_limit(FIRST, FIRST), FIRST);
	ck_assert_uint_eq(coalesce_limit(MAX, MAX / COALESCE_ROUNDS - 1), MAX - COALESCE_ROUNDS);
	ck_assert_uint_eq(coalesce_limit(MAX, UINT32_MAX), MAX);
	ck_assert_uint_eq(coalesce_limit(MAX, 1ull << 40), MAX);
	/* Not known: the first step. */
	ck_assert_uint_eq(coalesce_limit(MAX, 0), FIRST);
	ck_assert_uint_eq(coalesce_limit(FIRST / 2, 0), FIRST / 2);
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
	tcase_add_loop_test(tcase, test_steps_in_rounds, 0, ARRAY_SIZE(steps));
	tcase_add_test(tcase, test_judged_once_a_wake);
	tcase_add_test(tcase, test_owed_after_a_full_round);
	tcase_add_test(tcase, test_forget);
	tcase_add_test(tcase, test_lone_frames_never_wait);
	tcase_add_test(tcase, test_grows_to_its_limit);
	tcase_add_test(tcase, test_back_to_nothing);
	tcase_add_test(tcase, test_limit);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? 1 : 0;
}
