/* SPDX-License-Identifier: MIT -- storms are slowed down, guests in order are not */
#include "netback/engine/moderate.h"

#include <check.h>

#include "netback/common/util.h"

static const uint64_t MS = 1000 * 1000;
static const uint64_t NOW = 1000ull * 1000 * 1000 * 3600;

/* A storm: an idle event as soon as the port is unmasked again. Returns the time after n of them. */
static uint64_t storm(struct moderate *port, uint64_t now, unsigned int n)
{
	while (n--)
		now += moderate_event(port, now, false);
	return now;
}

START_TEST(test_budget_is_free)
{
	struct moderate port = {0};

	ck_assert_uint_eq(storm(&port, NOW, MODERATE_BUDGET), NOW);
	ck_assert_uint_eq(moderate_event(&port, NOW, false), MODERATE_FIRST_NS);
}
END_TEST

START_TEST(test_delay_doubles_to_the_limit)
{
	struct moderate port = {0};
	uint64_t now = storm(&port, NOW, MODERATE_BUDGET), want = MODERATE_FIRST_NS;
	unsigned int i;

	for (i = 0; i < 20; i++) {
		uint64_t delay = moderate_event(&port, now, false);

		ck_assert_uint_eq(delay, want);
		now += delay;
		want = min(want * 2, (uint64_t)MODERATE_MAX_NS);
	}
	ck_assert_uint_eq(want, MODERATE_MAX_NS);
}
END_TEST

/* A minute of storm costs the budget, the doublings and then an event a second. */
START_TEST(test_storm_is_bounded)
{
	struct moderate port = {0};
	uint64_t now = NOW;
	unsigned int events;

	for (events = 0; now < NOW + 60 * 1000 * MS; events++)
		now += moderate_event(&port, now, false);
	ck_assert_uint_le(events, MODERATE_BUDGET + 10 + 60);
	ck_assert_uint_ge(events, MODERATE_BUDGET + 60);
}
END_TEST

START_TEST(test_events_during_a_delay_earn_nothing)
{
	struct moderate port = {0};
	uint64_t now = storm(&port, NOW, MODERATE_BUDGET + 5);

	ck_assert_uint_eq(moderate_event(&port, now - 8 * MS, false), 32 * MODERATE_FIRST_NS);
	ck_assert_uint_eq(moderate_event(&port, now - 8 * MS, false), 64 * MODERATE_FIRST_NS);
}
END_TEST

START_TEST(test_work_is_never_delayed)
{
	struct moderate port = {0};
	uint64_t now = storm(&port, NOW, MODERATE_BUDGET + 30);
	unsigned int i;

	for (i = 0; i < 200; i++)
		ck_assert_uint_eq(moderate_event(&port, now, true), 0);
	ck_assert_uint_eq(storm(&port, now, MODERATE_BUDGET), now);
	ck_assert_uint_eq(moderate_event(&port, now, false), MODERATE_FIRST_NS);
}
END_TEST

/* One packet among many idle events does not buy a storm free. */
START_TEST(test_work_within_a_storm)
{
	struct moderate port = {0};
	uint64_t now = NOW;
	unsigned int events;

	for (events = 0; now < NOW + 60 * 1000 * MS; events++)
		now += moderate_event(&port, now, events % 10 == 0);
	ck_assert_uint_le(events, 250);
}
END_TEST

/* Half of the events idle is what a busy guest with two queues looks like. */
START_TEST(test_every_other_event_idle)
{
	struct moderate port = {0};
	unsigned int i;

	for (i = 0; i < 100000; i++)
		ck_assert_uint_eq(moderate_event(&port, NOW + i * MS / 100, i & 1), 0);
}
END_TEST

/* The same by the short way; the clock stands still, so only the work pays. */
START_TEST(test_work_without_a_clock)
{
	struct moderate port = {0};
	unsigned int i;

	for (i = 0; i < 1000; i++) {
		moderate_work(&port);
		ck_assert_uint_eq(moderate_event(&port, NOW, false), 0);
	}
	storm(&port, NOW, MODERATE_BUDGET + 3);
	moderate_work(&port);
	ck_assert_uint_eq(port.spent, MODERATE_BUDGET - 1);
	ck_assert_uint_lt(port.delay_ns, 8 * MODERATE_FIRST_NS);
}
END_TEST

static const struct {
	uint64_t silence_ms;
	unsigned int free_events;
	uint32_t next_delay; /* the one after the free events */
} silences[] = {
	{0, 0, 512 * MODERATE_FIRST_NS},    {1, 1, 512 * MODERATE_FIRST_NS},
	{10, 10, 512 * MODERATE_FIRST_NS},  {64, 64, 512 * MODERATE_FIRST_NS},
	{128, 64, 256 * MODERATE_FIRST_NS}, {64 * 4, 64, 64 * MODERATE_FIRST_NS},
	{64 * 60, 64, MODERATE_FIRST_NS},   {1000 * 1000 * 1000, 64, MODERATE_FIRST_NS},
};

START_TEST(test_silence_decays)
{
	struct moderate port = {0};
	uint64_t now = storm(&port, NOW, MODERATE_BUDGET + 9);
	unsigned int i;

	now += silences[_i].silence_ms * MS;
	for (i = 0; i < silences[_i].free_events; i++)
		ck_assert_uint_eq(moderate_event(&port, now, false), 0);
	ck_assert_uint_eq(moderate_event(&port, now, false), silences[_i].next_delay);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("moderate");
	TCase *tcase = tcase_create("moderate");
	SRunner *runner = srunner_create(suite);
	int failed;

	suite_add_tcase(suite, tcase);
	tcase_add_test(tcase, test_budget_is_free);
	tcase_add_test(tcase, test_delay_doubles_to_the_limit);
	tcase_add_test(tcase, test_storm_is_bounded);
	tcase_add_test(tcase, test_events_during_a_delay_earn_nothing);
	tcase_add_test(tcase, test_work_is_never_delayed);
	tcase_add_test(tcase, test_work_within_a_storm);
	tcase_add_test(tcase, test_every_other_event_idle);
	tcase_add_test(tcase, test_work_without_a_clock);
	tcase_add_loop_test(tcase, test_silence_decays, 0, ARRAY_SIZE(silences));
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? 1 : 0;
}
