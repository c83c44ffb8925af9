/* SPDX-License-Identifier: MIT -- simulated time: timers in order, none lost */
#include "test/sim/clock.h"

#include <check.h>
#include <stdlib.h>

#include "netback/common/util.h"

struct entry {
	struct timer timer;
	unsigned int id;
};

static struct clock the_clock;
static unsigned int fired[4096], nr_fired;

static void note(struct timer *timer)
{
	ck_assert_int_eq(the_clock.now, timer->when);
	fired[nr_fired++] = container_of(timer, struct entry, timer)->id;
}

static void setup(void)
{
	the_clock = (struct clock){0};
	nr_fired = 0;
}

static void teardown(void)
{
	clock_free(&the_clock);
}

START_TEST(test_same_time_in_order_of_setting)
{
	struct entry entry[3] = {{{.fire = note}, 0}, {{.fire = note}, 1}, {{.fire = note}, 2}};

	timer_set(&the_clock, &entry[2].timer, 5);
	timer_set(&the_clock, &entry[0].timer, 5);
	timer_set(&the_clock, &entry[1].timer, 4);
	timer_set(&the_clock, &entry[2].timer, 5); /* again: now it is last */
	clock_run(&the_clock, 5);
	ck_assert_uint_eq(nr_fired, 3);
	ck_assert_uint_eq(fired[0], 1);
	ck_assert_uint_eq(fired[1], 0);
	ck_assert_uint_eq(fired[2], 2);
}
END_TEST

START_TEST(test_stopped_and_past)
{
	struct entry a = {{.fire = note}, 1}, b = {{.fire = note}, 2};

	timer_set(&the_clock, &a.timer, 10);
	timer_set(&the_clock, &b.timer, 20);
	timer_stop(&the_clock, &a.timer);
	timer_stop(&the_clock, &a.timer);
	clock_run(&the_clock, 19);
	ck_assert_uint_eq(nr_fired, 0);
	ck_assert_int_eq(the_clock.now, 19);
	clock_run(&the_clock, 30);
	ck_assert_uint_eq(nr_fired, 1);
	timer_set(&the_clock, &a.timer, 3);
	ck_assert_int_eq(a.timer.when, 30);
	ck_assert(timer_is_set(&a.timer) && !timer_is_set(&b.timer));
	clock_run(&the_clock, 7);
	ck_assert_int_eq(the_clock.now, 30);
	timer_stop(&the_clock, &a.timer);
}
END_TEST

/* A thousand timers, some set again, some stopped: the rest fires once, by time. */
START_TEST(test_heap)
{
	static struct entry entry[1000];
	static int64_t when[1000];
	unsigned int i, wanted = 0;

	srand(1);
	for (i = 0; i < ARRAY_SIZE(entry); i++) {
		entry[i] = (struct entry){{.fire = note}, i};
		when[i] = rand() % 500;
		timer_set(&the_clock, &entry[i].timer, when[i]);
	}
	for (i = 0; i < ARRAY_SIZE(entry); i += 3)
		timer_set(&the_clock, &entry[i].timer, when[i] = rand() % 500);
	for (i = 0; i < ARRAY_SIZE(entry); i += 7)
		timer_stop(&the_clock, &entry[i].timer);
	for (i = 0; i < ARRAY_SIZE(entry); i++)
		wanted += i % 7 != 0;
	clock_run(&the_clock, 500);
	ck_assert_uint_eq(nr_fired, wanted);
	for (i = 1; i < nr_fired; i++)
		ck_assert_int_le(when[fired[i - 1]], when[fired[i]]);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("sim-clock");
	TCase *tcase = tcase_create("sim-clock");
	SRunner *runner = srunner_create(suite);
	int failed;

	suite_add_tcase(suite, tcase);
	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_add_test(tcase, test_same_time_in_order_of_setting);
	tcase_add_test(tcase, test_stopped_and_past);
	tcase_add_test(tcase, test_heap);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? 1 : 0;
}
