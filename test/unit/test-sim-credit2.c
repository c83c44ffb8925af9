/* SPDX-License-Identifier: MIT -- the simulated Credit2 against what Xen's rules say in closed form */
#include "test/sim/credit2.h"

#include <check.h>
#include <math.h>

#include "netback/common/util.h"
#include "sim-guests.h"

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

static const struct {
	unsigned int nr_cpus, nr, weight[4];
	double cpu[4];
} shares[] = {
	{1, 2, {256, 256}, {0.5, 0.5}},
	{1, 2, {256, 512}, {1.0 / 3, 2.0 / 3}},
	{1, 4, {256, 256, 256, 512}, {0.2, 0.2, 0.2, 0.4}},
	{1, 4, {100, 200, 300, 400}, {0.1, 0.2, 0.3, 0.4}},
	{1, 3, {1, 1, 2}, {0.25, 0.25, 0.5}},
	{2, 2, {1, 65535}, {1.0, 1.0}},
};

START_TEST(test_weight_shares)
{
	struct pool *pool = host_add_pool(&host, &scheduler_credit2, shares[_i].nr_cpus);
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

/*
 * On several pCPUs shares are less exact: what a running vCPU has above 0.5 ms is lost when another pCPU ends the
 * epoch. No pCPU is ever idle, though.
 */
START_TEST(test_three_on_two)
{
	struct pool *pool = host_add_pool(&host, &scheduler_credit2, 2);
	double cpu, sum = 0;
	struct domain *dom[3];
	unsigned int i;

	for (i = 0; i < 3; i++)
		dom[i] = sim_domain(pool, &hog, 1, 256);
	sim_run(&host, 60 * SIM_S);
	for (i = 0; i < 3; i++) {
		cpu = sim_cpu(dom[i], 0, 60 * SIM_S);
		ck_assert_double_eq_tol(cpu, 2.0 / 3, 0.03);
		sum += cpu;
	}
	ck_assert_double_eq_tol(sum, 2, 1e-9);
}
END_TEST

static const struct {
	unsigned int vcpus, cap;
} caps[] = {{1, 5}, {1, 40}, {1, 75}, {2, 120}};

START_TEST(test_cap)
{
	struct pool *pool = host_add_pool(&host, &scheduler_credit2, caps[_i].vcpus);
	struct domain *dom = sim_domain(pool, &hog, caps[_i].vcpus, 256);

	ck_assert_int_eq(domain_set(dom, 256, caps[_i].cap), 0);
	sim_run(&host, 20 * SIM_S);
	ck_assert_double_eq_tol(sim_cpu(dom, 0, 20 * SIM_S), caps[_i].cap / 100.0, 0.01);
}
END_TEST

/* A credit is a ns of the heaviest, even of one that sleeps: a vCPU of a quarter of its weight burns four. */
START_TEST(test_burn_by_weight)
{
	struct pool *pool = host_add_pool(&host, &scheduler_credit2, 1);
	struct credit2 *credit2 = pool->sched;
	struct domain *dom = sim_domain(pool, &hog, 1, 256);
	struct credit2_vcpu *svc = credit2_of(dom->vcpu[0]);

	sim_domain(pool, &sleeper, 1, 1024);
	ck_assert_uint_eq(credit2->max_weight, 1024);
	sim_run(&host, SIM_MS);
	svc->credit = CREDIT2_INIT;
	svc->residual = 0;
	svc->start_ns = host.clock.now;
	sim_run(&host, 2 * SIM_MS);
	host_reschedule(&host, 0, true);
	sim_run(&host, 0);
	ck_assert_int_eq(svc->credit, CREDIT2_INIT - 4 * 2 * SIM_MS);
}
END_TEST

/* Many short runs cost as much as a long one. */
START_TEST(test_burn_in_pieces)
{
	struct pool *pool = host_add_pool(&host, &scheduler_credit2, 1);
	struct credit2_vcpu *svc = credit2_of(sim_domain(pool, &hog, 1, 300)->vcpu[0]);
	unsigned int i;

	sim_domain(pool, &sleeper, 1, 1000);
	sim_run(&host, SIM_MS);
	svc->credit = CREDIT2_INIT;
	svc->residual = 0;
	svc->start_ns = host.clock.now;
	for (i = 0; i < 1000; i++) {
		sim_run(&host, SIM_US);
		host_reschedule(&host, 0, true);
		sim_run(&host, 0);
	}
	ck_assert_int_eq(svc->credit, CREDIT2_INIT - SIM_MS * 1000 / 300);
}
END_TEST

/* What is left of a period's budget is not saved up: after a second of sleep it has 4 ms, and then 4 ms each 10. */
START_TEST(test_cap_saves_nothing)
{
	struct pool *pool = host_add_pool(&host, &scheduler_credit2, 1);
	struct domain *dom = sim_domain(pool, &sleeper, 1, 256);

	ck_assert_int_eq(domain_set(dom, 256, 40), 0);
	sleeper.work_ns = 100 * SIM_MS;
	sim_run(&host, SIM_S + 1);
	sim_kick(dom);
	sim_run(&host, 10 * SIM_MS - 2);
	ck_assert_int_eq(dom->vcpu[0]->run_ns, 4 * SIM_MS);
	sim_run(&host, 10 * SIM_MS);
	ck_assert_int_eq(dom->vcpu[0]->run_ns, 8 * SIM_MS);
}
END_TEST

/* What the top vCPU has when the epoch ends, and what a sleeper with that credit has afterwards. */
static const struct {
	int64_t top, other, top_after, other_after;
} resets[] = {
	{0, 0, 10 * SIM_MS, 10 * SIM_MS},
	{-300 * SIM_US, -SIM_MS, 9700 * SIM_US, 9 * SIM_MS},
	{-300 * SIM_US, 200 * SIM_US, 9700 * SIM_US, 10200 * SIM_US},
	{-300 * SIM_US, 3 * SIM_MS, 9700 * SIM_US, 10500 * SIM_US}, /* carried over: 0.5 ms */
	{CREDIT2_MIN, CREDIT2_MIN, 10 * SIM_MS, 10 * SIM_MS},	    /* twice as much */
};

START_TEST(test_reset)
{
	struct pool *pool = host_add_pool(&host, &scheduler_credit2, 1);
	struct credit2 *credit2 = pool->sched;
	struct domain *top = sim_domain(pool, &hog, 1, 256),
		      *other = sim_domain(pool, &sleeper, 1, 256);
	uint64_t before;

	sim_run(&host, 5500 * SIM_US);
	before = credit2->resets;
	credit2_of(top->vcpu[0])->credit = resets[_i].top;
	credit2_of(top->vcpu[0])->start_ns = host.clock.now;
	credit2_of(other->vcpu[0])->credit = resets[_i].other;
	host_reschedule(&host, 0, true);
	sim_run(&host, 0);
	ck_assert_uint_eq(credit2->resets, before + 1);
	ck_assert_int_eq(credit2_of(top->vcpu[0])->credit, resets[_i].top_after);
	ck_assert_int_eq(credit2_of(other->vcpu[0])->credit, resets[_i].other_after);
}
END_TEST

/*
 * A hog with so much credit that came on its pCPU at 0, a vCPU with 10 ms that is woken at kick_us. Within the rate
 * limit less 50 us nobody is tickled, and it waits for the hog's timer: what is left of the hog's credit, at most 10 ms.
 * In the last 50 us the hog is looked at, but still protected, and then its slice is the shortest: 0.5 ms from now.
 */
static const struct {
	unsigned int ratelimit_us;
	int64_t hog_credit_us, kick_us, begins_us;
} wakes[] = {
	{1000, 8000, 300, 8000},  {1000, 3000, 900, 3000}, {1000, 8000, 960, 1460},
	{1000, 8000, 1500, 1500}, {500, 8000, 300, 8000},  {500, 8000, 460, 960},
	{100, 8000, 40, 8000},	  {100, 8000, 300, 300},   {0, 8000, 10, 10},
	{1000, 200, 300, 1000}, /* a slice is not shorter than the limit */
	{0, 200, 10, 10},
};

START_TEST(test_wake_trap)
{
	struct pool *pool = host_add_pool(&host, &scheduler_credit2, 1);
	struct domain *dom, *other;
	int64_t zero;

	ck_assert_int_eq(pool->ops->tune(pool, wakes[_i].ratelimit_us, 0), 0);
	other = sim_domain(pool, &hog, 1, 256);
	dom = sim_domain(pool, &sleeper, 1, 256);
	sim_run(&host, 3 * SIM_MS);
	sim_kick(dom);
	while (!sleeper.nr_done)
		sim_run(&host, 10 * SIM_US);
	/* The hog comes back with what we give it. */
	credit2_of(other->vcpu[0])->credit = wakes[_i].hog_credit_us * SIM_US;
	credit2_of(other->vcpu[0])->start_ns = zero = host.clock.now;
	other->vcpu[0]->entry = zero;
	credit2_of(dom->vcpu[0])->credit = CREDIT2_INIT;
	host_reschedule(&host, 0, true);
	sim_run(&host, wakes[_i].kick_us * SIM_US);
	sim_kick(dom);
	sim_run(&host, 12 * SIM_MS);
	ck_assert_int_eq(sleeper.began_ns - zero, wakes[_i].begins_us * SIM_US);
}
END_TEST

/* With a pCPU that is idle there is no trap. */
START_TEST(test_wake_idle)
{
	struct pool *pool = host_add_pool(&host, &scheduler_credit2, 2);
	struct domain *dom;

	sim_domain(pool, &hog, 1, 256);
	dom = sim_domain(pool, &sleeper, 1, 256);
	sim_run(&host, 300 * SIM_US);
	sim_kick(dom);
	sim_run(&host, 0);
	ck_assert_int_eq(sleeper.began_ns, host.clock.now);
}
END_TEST

/* A queued vCPU of another pCPU is taken only with 0.5 ms more credit, and gets 50 us for the move. */
static const struct {
	int64_t more_us;
	bool taken;
} moves[] = {{100, false}, {499, false}, {501, true}, {2000, true}};

START_TEST(test_migrate_resist)
{
	struct pool *pool = host_add_pool(&host, &scheduler_credit2, 2);
	struct domain *dom[3];
	struct vcpu *queued = NULL, *running = NULL;
	unsigned int i, other;

	ck_assert_int_eq(pool->ops->tune(pool, 0, 0), 0);
	for (i = 0; i < 3; i++)
		dom[i] = sim_domain(pool, &hog, 1, 256);
	sim_run(&host, 1300 * SIM_US);
	for (i = 0; i < 3; i++) {
		if (!dom[i]->vcpu[0]->running)
			queued = dom[i]->vcpu[0];
	}
	ck_assert_ptr_nonnull(queued);
	other = 1 - queued->cpu;
	running = host.cpu[other].current;
	for (i = 0; i < 2; i++) {
		credit2_of(host.cpu[i].current)->credit = 5 * SIM_MS;
		credit2_of(host.cpu[i].current)->start_ns = host.clock.now;
	}
	credit2_of(queued)->credit = 5 * SIM_MS + moves[_i].more_us * SIM_US;
	host_reschedule(&host, other, true);
	sim_run(&host, 0);
	ck_assert_int_eq(host.cpu[other].current == queued, moves[_i].taken);
	ck_assert_int_eq(host.cpu[other].current == running, !moves[_i].taken);
	if (moves[_i].taken)
		ck_assert_int_eq(credit2_of(queued)->credit,
				 5 * SIM_MS + (moves[_i].more_us + 50) * SIM_US);
}
END_TEST

START_TEST(test_parameters)
{
	struct pool *pool = host_add_pool(&host, &scheduler_credit2, 1);
	struct domain *dom = sim_domain(pool, &hog, 1, 300);

	ck_assert_ptr_null(host_add_pool(&host, &scheduler_credit2, 17));
	ck_assert_int_eq(domain_set(dom, 0, 50), 0); /* weight 0: unchanged */
	ck_assert_uint_eq(dom->weight, 300);
	ck_assert_int_ne(domain_set(dom, 400, 101), 0); /* and yet the weight is set */
	ck_assert_uint_eq(dom->weight, 400);
	ck_assert_uint_eq(dom->cap, 50);
	ck_assert_int_eq(domain_set(dom, 400, 0), 0); /* cap 0: none, not "unchanged" */
	ck_assert_uint_eq(dom->cap, 0);
	sim_run(&host, SIM_S);
	ck_assert_double_gt(sim_cpu(dom, 0, SIM_S), 0.99);
	ck_assert_int_ne(pool->ops->tune(pool, 99, 0), 0);
	ck_assert_int_ne(pool->ops->tune(pool, 1000, 30), 0);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("sim-credit2");
	TCase *tcase = tcase_create("sim-credit2");
	SRunner *runner = srunner_create(suite);
	int failed;

	suite_add_tcase(suite, tcase);
	tcase_set_timeout(tcase, 60);
	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_add_loop_test(tcase, test_weight_shares, 0, ARRAY_SIZE(shares));
	tcase_add_test(tcase, test_three_on_two);
	tcase_add_loop_test(tcase, test_cap, 0, ARRAY_SIZE(caps));
	tcase_add_test(tcase, test_burn_by_weight);
	tcase_add_test(tcase, test_burn_in_pieces);
	tcase_add_test(tcase, test_cap_saves_nothing);
	tcase_add_loop_test(tcase, test_reset, 0, ARRAY_SIZE(resets));
	tcase_add_loop_test(tcase, test_wake_trap, 0, ARRAY_SIZE(wakes));
	tcase_add_test(tcase, test_wake_idle);
	tcase_add_loop_test(tcase, test_migrate_resist, 0, ARRAY_SIZE(moves));
	tcase_add_test(tcase, test_parameters);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? 1 : 0;
}
