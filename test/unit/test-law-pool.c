/* SPDX-License-Identifier: MIT */
/* The law's second actuator: a pool's rate limit and time slice, step by step and back. */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "netback/hint/law.h"

static struct law law;
static struct law_domain *net, *hog;

/* One that acts late on events though it uses little of its share, and a hog. */
static void new_pool(enum sched_kind kind, struct sched_params base)
{
	memset(&law, 0, sizeof(law));
	law_defaults(&law.config);
	law.config.pool_tuning = true;
	law.nr_pools = 1;
	law.pool[0] = (struct law_pool){.present = true, .kind = kind, .cpus = 1, .base = base};
	law.nr_domains = 2;
	net = &law.domain[0];
	hog = &law.domain[1];
	*net = (struct law_domain){
		.present = true,
		.consent = LAW_RECIPIENT,
		.base = 256,
		.class = CLASS_LATENCY,
		.figures = {.known = FIGURES_TRAFFIC | FIGURES_KICK,
			    .cpu = 0.1,
			    .vcpus = 1,
			    .rx_packets = 500,
			    .kick_p99 = 12000},
	};
	*hog = (struct law_domain){
		.present = true,
		.base = 256,
		.class = CLASS_CPU_BOUND,
		.figures = {.cpu = 0.88, .vcpus = 1},
	};
}

static void steps(unsigned int n)
{
	while (n--)
		law_step(&law);
}

static void expect(uint32_t ratelimit_us, uint32_t tslice_ms)
{
	ck_assert_uint_eq(law.pool[0].params.ratelimit_us, ratelimit_us);
	ck_assert_uint_eq(law.pool[0].params.tslice_ms, tslice_ms);
}

START_TEST(test_credit2_goes_down_and_back)
{
	new_pool(SCHED_CREDIT2, (struct sched_params){1000, 0});
	steps(2);
	expect(1000, 0);
	steps(1);
	expect(500, 0);
	steps(3);
	expect(100, 0);
	steps(30);
	expect(100, 0);
	net->figures.kick_p99 = 100;
	steps(9);
	expect(100, 0);
	steps(1);
	expect(500, 0);
	steps(10);
	expect(1000, 0);
	ck_assert_uint_eq(net->weight, 256);
}
END_TEST

/* Slow in one window of `every`. */
static void steps_slow(unsigned int nr, unsigned int every)
{
	for (unsigned int i = 0; i < nr; i++) {
		net->figures.kick_p99 = i % every ? 100 : 12000;
		steps(1);
	}
}

START_TEST(test_now_and_then_is_enough)
{
	new_pool(SCHED_CREDIT, (struct sched_params){1000, 30});
	steps_slow(30, 3);
	ck_assert_uint_le(law.pool[0].params.ratelimit_us, 500);
	steps_slow(90, 3);
	expect(100, 5);

	new_pool(SCHED_CREDIT, (struct sched_params){1000, 30});
	steps_slow(200, 5);
	expect(1000, 30);
}
END_TEST

START_TEST(test_off_only_if_allowed)
{
	new_pool(SCHED_CREDIT2, (struct sched_params){1000, 0});
	law.config.ratelimit_off = true;
	steps(9);
	expect(0, 0);
}
END_TEST

START_TEST(test_credit_shortens_the_slice_afterwards)
{
	new_pool(SCHED_CREDIT, (struct sched_params){1000, 30});
	steps(6);
	expect(100, 30);
	steps(3);
	expect(100, 10);
	steps(3);
	expect(100, 5);
	steps(30);
	expect(100, 5);
}
END_TEST

/* What the administrator set is never made longer, and steps that change nothing are passed over. */
START_TEST(test_short_settings_stay)
{
	new_pool(SCHED_CREDIT, (struct sched_params){200, 8});
	steps(3);
	expect(100, 8);
	steps(3);
	expect(100, 5);
	new_pool(SCHED_CREDIT2, (struct sched_params){0, 0});
	steps(20);
	expect(0, 0);
}
END_TEST

START_TEST(test_harm_takes_it_back)
{
	new_pool(SCHED_CREDIT2, (struct sched_params){1000, 0});
	steps(3);
	expect(500, 0);
	hog->figures.cpu = 0.5;
	steps(1);
	expect(1000, 0);
	hog->figures.cpu = 0.88;
	steps(LAW_GUARD_WINDOWS - 1);
	expect(1000, 0);
	steps(1);
	expect(500, 0);
}
END_TEST

/* What only the second step cures comes back at each step back: those become rare, and frequent again later. */
START_TEST(test_regret)
{
	unsigned int changes = 0, slow = 0, i;
	uint32_t before;

	new_pool(SCHED_CREDIT2, (struct sched_params){1000, 0});
	for (i = 0; i < 1800; i++) {
		before = law.pool[0].params.ratelimit_us;
		net->figures.kick_p99 = before > 100 ? 12000 : 50;
		slow += before > 100;
		steps(1);
		changes += law.pool[0].params.ratelimit_us != before;
	}
	ck_assert_uint_le(changes, 2 + 2 * 6);
	ck_assert_uint_le(slow, 6 + 6);

	net->figures.kick_p99 = 50;
	steps(2 * LAW_PATIENCE_WINDOWS);
	expect(1000, 0);
	net->figures.kick_p99 = 12000;
	steps(6);
	expect(100, 0);
	net->figures.kick_p99 = 50;
	steps(LAW_PATIENCE_WINDOWS);
	expect(1000, 0);
}
END_TEST

START_TEST(test_who_has_no_say)
{
	for (int i = 0; i < 6; i++) {
		new_pool(i == 0 ? SCHED_RTDS : SCHED_CREDIT2, (struct sched_params){1000, 0});
		law.config.pool_tuning = i != 1;
		net->consent = i == 2 ? LAW_DONOR : LAW_RECIPIENT;
		net->class = i == 3 ? CLASS_THROUGHPUT : CLASS_LATENCY;
		net->fixed = i == 4 ? WHY_DOM0 : WHY_CONTENT;
		net->figures.known = i == 5 ? FIGURES_TRAFFIC : net->figures.known;
		steps(20);
		expect(1000, 0);
	}
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("law-pool");
	TCase *tcase = tcase_create("law-pool");
	SRunner *runner = srunner_create(suite);
	int failed;

	suite_add_tcase(suite, tcase);
	tcase_add_test(tcase, test_credit2_goes_down_and_back);
	tcase_add_test(tcase, test_now_and_then_is_enough);
	tcase_add_test(tcase, test_off_only_if_allowed);
	tcase_add_test(tcase, test_credit_shortens_the_slice_afterwards);
	tcase_add_test(tcase, test_short_settings_stay);
	tcase_add_test(tcase, test_harm_takes_it_back);
	tcase_add_test(tcase, test_regret);
	tcase_add_test(tcase, test_who_has_no_say);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? 1 : 0;
}
