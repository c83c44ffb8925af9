/* SPDX-License-Identifier: MIT -- the simulated Credit against what Xen's rules say in closed form */
#include "test/sim/credit.h"

#include <check.h>
#include <math.h>

#include "netback/common/util.h"
#include "sim-guests.h"
#include "test/sim/credit-acct.h"

static struct host host;
static struct sim_guest hog = {.hog = true};
static struct sim_guest sleeper;

static void setup(void)
{
	host_init(&host);
	host.switch_ns = host.ipi_ns = 0;
	sleeper = (struct sim_guest){.work_ns = 100 * SIM_US};
}

static void teardown(void)
{
	host_free(&host);
}

/* Hogs of these weights on so many pCPUs get these CPUs: w / sum w, at most 1 each, the rest among the others. */
static const struct {
	unsigned int nr_cpus, nr, weight[4];
	double cpu[4];
} shares[] = {
	{1, 2, {256, 256}, {0.5, 0.5}},
	{1, 2, {256, 512}, {1.0 / 3, 2.0 / 3}},
	{1, 4, {256, 256, 256, 512}, {0.2, 0.2, 0.2, 0.4}},
	{1, 4, {100, 200, 300, 400}, {0.1, 0.2, 0.3, 0.4}},
	{1, 3, {1, 1, 2}, {0.25, 0.25, 0.5}},
	{2, 3, {256, 256, 256}, {2.0 / 3, 2.0 / 3, 2.0 / 3}},
	{2, 4, {256, 256, 512, 1024}, {0.25, 0.25, 0.5, 1.0}},
	{2, 2, {1, 65535}, {1.0, 1.0}},
};

START_TEST(test_weight_shares)
{
	struct pool *pool = host_add_pool(&host, &scheduler_credit, shares[_i].nr_cpus);
	struct domain *dom[4];
	int64_t before[4] = {0}, time = 60 * SIM_S;
	unsigned int i;

	for (i = 0; i < shares[_i].nr; i++)
		dom[i] = sim_domain(pool, &hog, 1, shares[_i].weight[i]);
	sim_run(&host, 5 * SIM_S);
	for (i = 0; i < shares[_i].nr; i++)
		before[i] = dom[i]->vcpu[0]->run_ns;
	sim_run(&host, time);
	for (i = 0; i < shares[_i].nr; i++)
		ck_assert_double_eq_tol(sim_cpu(dom[i], before[i], time), shares[_i].cpu[i], 0.01);
}
END_TEST

static const unsigned int caps[] = {5, 40, 75};

START_TEST(test_cap)
{
	struct pool *pool = host_add_pool(&host, &scheduler_credit, 1);
	struct domain *dom = sim_domain(pool, &hog, 1, 256);

	ck_assert_int_eq(domain_set(dom, 256, caps[_i]), 0);
	sim_run(&host, 60 * SIM_S);
	ck_assert_double_eq_tol(sim_cpu(dom, 0, 60 * SIM_S), caps[_i] / 100.0, 0.01);
}
END_TEST

/* 10 credits a ms, and what is less than a credit is not lost. */
START_TEST(test_burn)
{
	struct pool *pool = host_add_pool(&host, &scheduler_credit, 1);
	struct credit_vcpu *svc = credit_of(sim_domain(pool, &sleeper, 1, 256)->vcpu[0]);
	unsigned int i;

	svc->start_ns = 0;
	svc->credit = 0;
	credit_burn(svc, 30 * SIM_MS);
	ck_assert_int_eq(svc->credit, -300);
	for (i = 1; i <= 1000; i++)
		credit_burn(svc, 30 * SIM_MS + i * 15 * SIM_US);
	ck_assert_int_eq(svc->credit, -450);
}
END_TEST

/* One accounting hands out 300 credits a pCPU, by weight, rounded up. */
START_TEST(test_accounting)
{
	struct pool *pool = host_add_pool(&host, &scheduler_credit, 1);
	struct domain *a = sim_domain(pool, &hog, 1, 256), *b = sim_domain(pool, &hog, 1, 512);
	struct credit_vcpu *sa = credit_of(a->vcpu[0]), *sb = credit_of(b->vcpu[0]);
	int before_a, before_b;

	sim_run(&host, 3 * SIM_S - 1);
	ck_assert(sa->active && sb->active);
	/* What has been run is burnt up to the moment before. */
	credit_burn(a->vcpu[0]->running ? sa : sb, host.clock.now);
	before_a = sa->credit;
	before_b = sb->credit;
	sim_run(&host, 1);
	ck_assert_int_ge(sa->credit - before_a, 100 - 1);
	ck_assert_int_le(sa->credit - before_a, 100 + 2);
	ck_assert_int_ge(sb->credit - before_b, 200 - 1);
	ck_assert_int_le(sb->credit - before_b, 200 + 2);
}
END_TEST

START_TEST(test_floor)
{
	struct pool *pool = host_add_pool(&host, &scheduler_credit, 1);
	struct credit_vcpu *svc;

	sim_domain(pool, &hog, 1, 65535);
	svc = credit_of(sim_domain(pool, &hog, 1, 256)->vcpu[0]);
	svc->credit = -100000;
	sim_run(&host, SIM_S);
	ck_assert_int_ge(svc->credit, -300 - 300);
}
END_TEST

/* Woken while UNDER: BOOST, and in front of the hog at once. The tick that finds it running ends that. */
START_TEST(test_boost)
{
	struct pool *pool = host_add_pool(&host, &scheduler_credit, 1);
	struct domain *dom;
	struct credit_vcpu *svc;

	sim_domain(pool, &hog, 1, 256);
	sleeper.work_ns = 25 * SIM_MS;
	dom = sim_domain(pool, &sleeper, 1, 256);
	svc = credit_of(dom->vcpu[0]);
	sim_run(&host, 1005 * SIM_MS);
	ck_assert_int_eq(svc->priority, CREDIT_UNDER);
	sim_kick(dom);
	ck_assert_int_eq(svc->priority, CREDIT_BOOST);
	sim_run(&host, SIM_MS);
	ck_assert(dom->vcpu[0]->running);
	ck_assert_int_eq(svc->priority, CREDIT_BOOST);
	sim_run(&host, 10 * SIM_MS);
	ck_assert_int_eq(svc->priority, CREDIT_UNDER);
}
END_TEST

START_TEST(test_no_boost)
{
	struct pool *pool = host_add_pool(&host, &scheduler_credit, 1);
	struct domain *dom = sim_domain(pool, &sleeper, 1, 256);
	struct credit_vcpu *svc = credit_of(dom->vcpu[0]);

	sim_run(&host, SIM_MS);
	svc->priority = CREDIT_OVER; /* without credit */
	sim_kick(dom);
	ck_assert_int_eq(svc->priority, CREDIT_OVER);
	sim_run(&host, SIM_MS);

	svc->priority = CREDIT_UNDER;
	svc->moved = true; /* from a migration, once */
	sim_kick(dom);
	ck_assert_int_eq(svc->priority, CREDIT_UNDER);
	sim_run(&host, SIM_MS);

	svc->capped = true; /* from the end of a cap's pause */
	sim_kick(dom);
	ck_assert_int_eq(svc->priority, CREDIT_UNDER);
	sim_run(&host, SIM_MS);
	svc->capped = false;
	sim_kick(dom);
	ck_assert_int_eq(svc->priority, CREDIT_BOOST);
}
END_TEST

/* More than a period of credit: off the active list with half of it, back at the next tick that finds it running. */
START_TEST(test_inactive)
{
	struct pool *pool = host_add_pool(&host, &scheduler_credit, 1);
	struct credit *credit = pool->sched;
	struct domain *dom;
	struct credit_vcpu *svc;

	sim_domain(pool, &hog, 1, 256);
	sleeper.work_ns = 25 * SIM_MS;
	dom = sim_domain(pool, &sleeper, 1, 256);
	svc = credit_of(dom->vcpu[0]);
	sim_kick(dom);
	sim_run(&host, 100 * SIM_MS);
	ck_assert(svc->active);
	ck_assert_int_eq(credit->weight, 512);
	sim_run(&host, 900 * SIM_MS);
	ck_assert(!svc->active);
	ck_assert_int_eq(credit->weight, 256);
	ck_assert_int_gt(svc->credit, 300 / 2);
	ck_assert_int_le(svc->credit, (300 + 150 + 1) / 2);
	sim_kick(dom);
	sim_run(&host, 15 * SIM_MS);
	ck_assert(svc->active);
}
END_TEST

/*
 * A boosted vCPU waits until the hog, which came back on its pCPU at 0, has run for the rate limit; a hog younger than
 * 100 us gets another 100.
 */
static const struct {
	unsigned int ratelimit_us;
	int64_t kick_us, begins_us;
} limits[] = {
	{1000, 300, 1000}, {1000, 999, 1000}, {1000, 1500, 1500},
	{500, 300, 500},   {100, 50, 150},    {0, 10, 10},
};

START_TEST(test_ratelimit)
{
	struct pool *pool = host_add_pool(&host, &scheduler_credit, 1);
	struct domain *dom;
	int64_t zero;

	ck_assert_int_eq(pool->ops->tune(pool, limits[_i].ratelimit_us, 30), 0);
	sim_domain(pool, &hog, 1, 256);
	dom = sim_domain(pool, &sleeper, 1, 256);
	sim_run(&host, 105 * SIM_MS);
	sim_kick(dom);
	while (!sleeper.nr_done)
		sim_run(&host, 10 * SIM_US);
	zero = host.cpu[0].current->entry;
	ck_assert_int_eq(zero, sleeper.began_ns + sleeper.work_ns);
	sim_run(&host, zero + limits[_i].kick_us * SIM_US - host.clock.now);
	sim_kick(dom);
	sim_run(&host, 2 * SIM_MS);
	ck_assert_int_eq(sleeper.began_ns - zero, limits[_i].begins_us * SIM_US);
}
END_TEST

/* No pCPU is idle while another has a queue: two hogs that began on one pCPU are on two soon. */
START_TEST(test_steal)
{
	struct pool *pool = host_add_pool(&host, &scheduler_credit, 2);
	struct domain *a = sim_domain(pool, &hog, 1, 256), *b = sim_domain(pool, &hog, 1, 256);

	sim_run(&host, SIM_S);
	ck_assert(a->vcpu[0]->running && b->vcpu[0]->running);
	ck_assert_double_gt(sim_cpu(a, 0, SIM_S), 0.98);
	ck_assert_double_gt(sim_cpu(b, 0, SIM_S), 0.98);
}
END_TEST

START_TEST(test_parameters)
{
	struct pool *pool = host_add_pool(&host, &scheduler_credit, 1);
	struct domain *dom = sim_domain(pool, &hog, 1, 300);

	ck_assert_int_eq(domain_set(dom, 0, 50), 0); /* weight 0: unchanged */
	ck_assert_uint_eq(dom->weight, 300);
	ck_assert_int_eq(domain_set(dom, 400, UINT16_MAX), 0); /* cap ~0: unchanged */
	ck_assert_uint_eq(dom->cap, 50);
	ck_assert_int_ne(pool->ops->tune(pool, 50, 30), 0);
	ck_assert_int_ne(pool->ops->tune(pool, 2000, 1), 0); /* longer than the slice */
	ck_assert_int_ne(pool->ops->tune(pool, 1000, 1001), 0);
	ck_assert_int_ne(pool->ops->tune(pool, 1000, 0), 0);
	ck_assert_int_eq(pool->ops->tune(pool, 0, 1), 0);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("sim-credit");
	TCase *tcase = tcase_create("sim-credit");
	SRunner *runner = srunner_create(suite);
	int failed;

	suite_add_tcase(suite, tcase);
	tcase_set_timeout(tcase, 60);
	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_add_loop_test(tcase, test_weight_shares, 0, ARRAY_SIZE(shares));
	tcase_add_loop_test(tcase, test_cap, 0, ARRAY_SIZE(caps));
	tcase_add_test(tcase, test_burn);
	tcase_add_test(tcase, test_accounting);
	tcase_add_test(tcase, test_floor);
	tcase_add_test(tcase, test_boost);
	tcase_add_test(tcase, test_no_boost);
	tcase_add_test(tcase, test_inactive);
	tcase_add_loop_test(tcase, test_ratelimit, 0, ARRAY_SIZE(limits));
	tcase_add_test(tcase, test_steal);
	tcase_add_test(tcase, test_parameters);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? 1 : 0;
}
