/* SPDX-License-Identifier: MIT */
/* The law: what it does to one pool, what it never does to any of 10 000 random ones, and how it writes. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "netback/common/util.h"
#include "netback/hint/law.h"

enum {
	NET = FIGURES_TRAFFIC | FIGURES_SIZES | FIGURES_KICK | FIGURES_STARVED | FIGURES_VCPUS,
	BOTH = LAW_DONOR | LAW_RECIPIENT,
};

static struct law law;

static void new_law(enum sched_kind kind, unsigned int cpus)
{
	memset(&law, 0, sizeof(law));
	law_defaults(&law.config);
	law.nr_pools = 1;
	law.pool[0] = (struct law_pool){.present = true,
					.kind = kind,
					.cpus = cpus,
					.base = {.ratelimit_us = 1000, .tslice_ms = 30}};
}

static struct law_domain *add(unsigned int consent, enum hint_class class, struct figures f)
{
	struct law_domain *d = &law.domain[law.nr_domains++];

	*d = (struct law_domain){.present = true,
				 .consent = consent,
				 .base = 256,
				 .current = 256,
				 .class = class,
				 .figures = f};
	return d;
}

static struct law_domain *add_hog(double cpu)
{
	return add(BOTH, CLASS_CPU_BOUND,
		   (struct figures){
			   .known = FIGURES_VCPUS, .cpu = cpu, .vcpus = 1, .waiting = 1 - cpu});
}

/* Limited by its share, loses frames, and its traffic is worth all of its CPU. */
static struct law_domain *add_starved(double cpu)
{
	return add(BOTH, CLASS_OTHER,
		   (struct figures){.known = NET,
				    .cpu = cpu,
				    .vcpus = 1,
				    .waiting = 0.7,
				    .rx_packets = 8000,
				    .bytes = 8e5,
				    .drops = 0.37,
				    .starved = 0.5});
}

/* Step and do what is wanted, as Xen with the demand `cpu` of the first domain would answer. */
static void steps(unsigned int n)
{
	while (n--) {
		law_step(&law);
		for (unsigned int i = 0; i < law.nr_domains; i++)
			law.domain[i].current = law.domain[i].weight;
	}
}

/* --- one pool ------------------------------------------------------------------------------------------- */

START_TEST(test_transfer)
{
	struct law_domain *net, *hog[3], *bystander;

	new_law(SCHED_CREDIT2, 1);
	net = add_starved(0.2);
	for (int i = 0; i < 3; i++)
		hog[i] = add_hog(0.2);
	bystander = add(0, CLASS_CPU_BOUND, hog[0]->figures);
	steps(1);
	ck_assert_int_eq(net->reason, WHY_NOTICED);
	ck_assert_uint_eq(net->weight, 256);
	steps(1);
	ck_assert_int_eq(net->reason, WHY_RAISED);
	ck_assert_uint_eq(net->weight, 256 + 64);
	for (int i = 0; i < 3; i++)
		ck_assert_int_eq(hog[i]->reason, WHY_DONATES);
	ck_assert_uint_eq(hog[0]->weight + hog[1]->weight + hog[2]->weight, 3 * 256 - 64);
	net->figures.cpu = 0.25;
	steps(1);
	net->figures.cpu = 0.31;
	steps(1);
	for (int i = 0; i < 3; i++)
		ck_assert_uint_ge(hog[i]->weight, 192);
	ck_assert_uint_eq(net->weight + hog[0]->weight + hog[1]->weight + hog[2]->weight, 4 * 256);
	ck_assert_uint_eq(bystander->weight, 256);
}
END_TEST

START_TEST(test_donors_never_give_more_than_rho)
{
	struct law_domain *net, *hog;

	new_law(SCHED_CREDIT2, 1);
	net = add_starved(0.45);
	net->figures.rx_packets = 2e4;
	hog = add_hog(0.45);
	for (int i = 0; i < 20; i++) {
		steps(1);
		net->figures.cpu = 0.45 * net->weight / 256;
	}
	ck_assert_uint_eq(hog->weight, 192);
	ck_assert_uint_eq(net->weight, 320);
	ck_assert_int_eq(net->reason, WHY_RATIONED);
}
END_TEST

START_TEST(test_addition_where_nobody_gives)
{
	struct law_domain *net, *other;

	new_law(SCHED_CREDIT2, 1);
	net = add_starved(0.48);
	net->figures.rx_packets = 2e4;
	other = add(
		0, CLASS_CPU_BOUND,
		(struct figures){.known = FIGURES_VCPUS, .cpu = 0.5, .vcpus = 1, .waiting = 0.5});
	for (int i = 0; i < 20; i++) {
		steps(1);
		net->figures.cpu = (double)net->weight / (net->weight + 256);
	}
	ck_assert_uint_eq(net->weight, 256 + 128);
	ck_assert_uint_eq(other->weight, 256);

	law.config.beta = 0;
	steps(3);
	ck_assert_uint_eq(net->weight, 256);
	ck_assert_int_eq(net->reason, WHY_NO_ROOM);
}
END_TEST

START_TEST(test_weight_is_not_for_those_below_their_share)
{
	struct law_domain *net;

	new_law(SCHED_CREDIT2, 1);
	net = add_starved(0.1);
	add_hog(0.45);
	add_hog(0.45);
	net->figures.kick_p99 = 20000;
	steps(10);
	ck_assert_uint_eq(net->weight, 256);
	ck_assert_int_eq(net->reason, WHY_NOT_LIMITED);
}
END_TEST

START_TEST(test_weight_is_not_for_who_has_a_whole_cpu)
{
	struct law_domain *net;

	new_law(SCHED_CREDIT2, 4);
	net = add_starved(1.0);
	add_hog(1.0);
	steps(10);
	ck_assert_int_eq(net->reason, WHY_NOT_LIMITED);
	ck_assert_uint_eq(net->weight, 256);
}
END_TEST

/* Bulk TCP loses nothing, and a guest that polls is late for nothing. */
static const struct {
	double blocked, rx_packets, tx_packets;
	bool raised;
} bulk[] = {
	{0, 4000, 4000, true},	  {0.05, 4000, 4000, true},
	{0.3, 4000, 4000, false}, /* it is done with its packets now and then */
	{0, 1000, 1000, false},	  /* it computes */
	{0, 200, 40000, false},	  /* nobody asked */
};

START_TEST(test_behind)
{
	struct law_domain *net;

	new_law(SCHED_CREDIT2, 1);
	net = add_starved(0.25);
	net->figures.drops = net->figures.starved = 0;
	net->figures.rx_packets = bulk[_i].rx_packets;
	net->figures.tx_packets = bulk[_i].tx_packets;
	net->figures.blocked = bulk[_i].blocked;
	net->figures.waiting = 0.75 - bulk[_i].blocked;
	net->figures.bytes = 64 * (bulk[_i].rx_packets + bulk[_i].tx_packets);
	for (int i = 0; i < 3; i++)
		add_hog(0.25);
	steps(6);
	ck_assert_int_eq(net->weight > 256, bulk[_i].raised);
}
END_TEST

START_TEST(test_junk_buys_nothing)
{
	struct law_domain *net;

	new_law(SCHED_CREDIT2, 1);
	net = add_starved(0.25);
	net->figures.rx_packets = 1000; /* worth 5 % of a CPU */
	net->figures.bytes = 1e5;
	for (int i = 0; i < 3; i++)
		add_hog(0.25);
	steps(20);
	ck_assert_uint_eq(net->weight, 256);
	/* Nobody asked for these. */
	net->figures.tx_packets = 40000;
	net->figures.bytes = 41000 * 64;
	steps(20);
	ck_assert_uint_eq(net->weight, 256);
	ck_assert_int_eq(net->reason, WHY_UNJUSTIFIED);
}
END_TEST

/* Who was raised for his traffic and now only burns CPU loses it. */
START_TEST(test_what_is_no_longer_justified_goes)
{
	struct law_domain *net;

	new_law(SCHED_CREDIT2, 1);
	net = add_starved(0.25);
	for (int i = 0; i < 3; i++)
		add_hog(0.25);
	for (int i = 0; i < 10; i++) {
		steps(1);
		net->figures.cpu = 0.25 * net->weight / 256;
	}
	ck_assert_uint_gt(net->weight, 400);
	net->figures.rx_packets = 10;
	net->figures.bytes = 1000;
	steps(3);
	ck_assert_uint_eq(net->weight, 256);
}
END_TEST

START_TEST(test_falls_when_the_load_ends)
{
	struct law_domain *net, *hog;
	unsigned int n = 0;

	new_law(SCHED_CREDIT2, 1);
	net = add_starved(0.25);
	hog = add_hog(0.25);
	add_hog(0.25);
	add_hog(0.25);
	for (int i = 0; i < 6; i++) {
		steps(1);
		net->figures.cpu = 0.25 * net->weight / 256;
	}
	ck_assert_uint_gt(net->weight, 400);
	net->figures = (struct figures){.known = NET,
					.cpu = 0.015,
					.vcpus = 1,
					.blocked = 0.98,
					.bytes = 1e4,
					.starved = _i}; /* need, but not of CPU */
	while (net->weight > 256 && n++ < 20)
		steps(1);
	ck_assert_uint_le(n, 12); /* 1.75, 1.4, 1.2, 1.1, 1 */
	ck_assert_uint_eq(hog->weight, 256);
}
END_TEST

/* A load that is on and off for so many windows in turn moves the weight down once or twice, not each time. */
static const unsigned int squares[] = {1, 3, 5, 10, 15};

START_TEST(test_square_wave)
{
	static const struct figures off = {.known = NET, .vcpus = 1, .blocked = 1};
	struct figures on;
	struct law_domain *net;
	unsigned int falls = 0;
	uint32_t before;

	new_law(SCHED_CREDIT2, 1);
	net = add_starved(0.25);
	add_hog(0.25);
	add_hog(0.25);
	add_hog(0.25);
	on = net->figures;
	for (unsigned int i = 0; i < 600; i++) {
		before = net->weight;
		net->figures = i / squares[_i] % 2 ? off : on;
		if (!(i / squares[_i] % 2))
			net->figures.cpu = 0.25 * net->current / 256;
		steps(1);
		falls += i && net->weight < before;
	}
	ck_assert_uint_le(falls, squares[_i] < 15 ? 3 : 8);
}
END_TEST

START_TEST(test_consent_and_the_untouchable)
{
	struct law_domain *net, *dom0, *hog;

	new_law(SCHED_CREDIT2, 1);
	net = add_starved(0.3);
	net->consent = LAW_DONOR;
	dom0 = add_starved(0.3);
	dom0->fixed = WHY_DOM0;
	hog = add_hog(0.3);
	hog->consent = LAW_RECIPIENT;
	steps(5);
	ck_assert_int_eq(net->reason, WHY_NO_CONSENT);
	ck_assert_int_eq(dom0->reason, WHY_DOM0);
	for (unsigned int i = 0; i < law.nr_domains; i++)
		ck_assert_uint_eq(law.domain[i].weight, 256);
}
END_TEST

START_TEST(test_bounds_of_the_factor)
{
	struct law_domain *net;

	new_law(SCHED_CREDIT, 1);
	law.config.beta = 10;
	net = add_starved(0.1);
	net->figures.rx_packets = 1e6;
	for (int i = 0; i < 9; i++)
		add(0, CLASS_CPU_BOUND,
		    (struct figures){
			    .known = FIGURES_VCPUS, .cpu = 0.1, .vcpus = 1, .waiting = 0.9});
	for (int i = 0; i < 20; i++) {
		steps(1);
		net->figures.cpu = (double)net->weight / (net->weight + 9 * 256);
	}
	ck_assert_uint_eq(net->weight, 512); /* Credit */
	ck_assert_int_eq(net->reason, WHY_AT_MOST);
	law.pool[0].kind = SCHED_CREDIT2;
	for (int i = 0; i < 20; i++) {
		steps(1);
		net->figures.cpu = (double)net->weight / (net->weight + 9 * 256);
	}
	ck_assert_uint_eq(net->weight, 1024);
	law.pool[0].kind = SCHED_NONE;
	steps(1);
	ck_assert_uint_eq(net->weight, 256);
}
END_TEST

/* A figure that is missing is no need: an engine that lacks it must not mislead us. */
START_TEST(test_unknown_is_no_need)
{
	struct law_domain *net;

	new_law(SCHED_CREDIT2, 1);
	net = add_starved(0.25);
	net->figures.known = FIGURES_VCPUS;
	net->figures.kick_p99 = 1e6;
	for (int i = 0; i < 3; i++)
		add_hog(0.25);
	steps(5);
	ck_assert_int_eq(net->reason, WHY_CONTENT);
}
END_TEST

START_TEST(test_advice)
{
	const struct law_config config = {.target_us = 5000, .starved = 0.02, .drops = 0.01};
	struct figures figures = {.known = NET, .cpu = 0.39, .vcpus = 1, .rx_packets = 500};

	ck_assert_int_eq(law_advise(&config, &figures, 0.4), WHY_RTDS);
	figures.kick_p99 = 8000;
	ck_assert_int_eq(law_advise(&config, &figures, 0.4), WHY_RTDS_BUDGET);
	ck_assert_int_eq(law_advise(&config, &figures, 0.8), WHY_RTDS_PERIOD);
	figures.kick_p99 = 0;
	figures.starved = 0.1;
	ck_assert_int_eq(law_advise(&config, &figures, 0.8), WHY_RTDS);
}
END_TEST

/* --- random worlds --------------------------------------------------------------------------------------- */

static double chance(void)
{
	return (double)rand() / RAND_MAX;
}

static unsigned int pick(unsigned int n)
{
	return (unsigned int)rand() % n;
}

static void random_domain(struct law_domain *d, unsigned int pools)
{
	unsigned int vcpus = pick(3) ? 1 : 1 + pick(8);
	bool net = pick(2);

	*d = (struct law_domain){
		.present = pick(20),
		.fixed = pick(8) ? WHY_CONTENT : WHY_DOM0 + pick(WHY_NR - WHY_DOM0),
		.pool = pick(pools),
		.consent = pick(4),
		.base = pick(4) ? 256 : 17 + pick(65535 - 17),
		.class = pick(NR_CLASSES),
		.figures = {.known = pick(128), .cpu = chance() * vcpus, .vcpus = vcpus},
	};
	d->current = pick(8) ? d->base : 1 + pick(65535);
	if (!net)
		return;
	d->figures.blocked = chance() * chance();
	d->figures.waiting = (1 - d->figures.blocked) * chance();
	d->figures.rx_packets = chance() * 1e5;
	d->figures.tx_packets = chance() * 1e5;
	d->figures.bytes = chance() * 1e8;
	d->figures.drops = chance() * 0.1;
	d->figures.starved = chance() * 0.1;
	d->figures.kick_p99 = chance() * 20000;
}

enum {
	MOST = 24, /* domains */
};

static void random_world(void)
{
	static const enum sched_kind kinds[] = {SCHED_CREDIT, SCHED_CREDIT2, SCHED_CREDIT2,
						SCHED_RTDS, SCHED_NONE};

	memset(law.domain, 0, MOST * sizeof(law.domain[0])); /* the rest was never used */
	memset(law.pool, 0, sizeof(law.pool));
	law.nr_writes = 0;
	law_defaults(&law.config);
	law.config.beta = pick(3) ? 0.25 : chance() * 0.25;
	law.config.rho = pick(3) ? 0.25 : chance();
	law.config.f_max = pick(3) ? 0 : 1 + 7 * chance();
	law.config.pool_tuning = pick(2);
	law.nr_pools = 1 + pick(3);
	for (unsigned int i = 0; i < law.nr_pools; i++)
		law.pool[i] = (struct law_pool){.present = pick(10),
						.kind = kinds[pick(5)],
						.cpus = 1 + pick(8),
						.base = {1000, 30}};
	law.nr_domains = 1 + pick(MOST);
	for (unsigned int i = 0; i < law.nr_domains; i++)
		random_domain(&law.domain[i], law.nr_pools);
}

/* What the administrator's weights and ours come to in a pool. */
static void check_pool(unsigned int pool)
{
	const struct law_pool *p = &law.pool[pool];
	double before = 0, after = 0, most = law_f_max(&law.config, p->kind);
	unsigned int odd = UINT32_MAX;
	bool gives = false;

	for (unsigned int i = 0; i < law.nr_domains; i++) {
		const struct law_domain *d = &law.domain[i];

		if (!d->present || d->pool != pool)
			continue;
		before += (double)d->base * d->active;
		after += (double)d->weight * d->active;
		gives |= d->weight < d->base;
		if (d->weight != d->base) {
			ck_assert_uint_lt(d->fixed, WHY_DOM0);
			ck_assert(p->kind == SCHED_CREDIT || p->kind == SCHED_CREDIT2);
			ck_assert(d->consent & (d->weight < d->base ? LAW_DONOR : LAW_RECIPIENT));
			odd = min(odd, d->active);
		}
		ck_assert_uint_ge(d->weight, (uint32_t)((1 - law.config.rho) * d->base));
		ck_assert_uint_ge(d->weight, 1);
		ck_assert(d->weight <= d->base * most + 1e-6);
		ck_assert_uint_le(d->weight, SCHED_MAX_WEIGHT);
	}
	if (gives) { /* a transfer: nothing made, and nothing lost but a rounding */
		ck_assert_msg(after <= before && before - after < odd, "%f -> %f, %u", before,
			      after, odd);
	} else { /* everybody else keeps 1 / (1 + beta) of his share, four fifths at least */
		ck_assert_msg(after <= before * (1 + law.config.beta) + 1e-6, "%f -> %f", before,
			      after);
		ck_assert(before == 0 || before / after >= 0.8 - 1e-9);
	}
}

START_TEST(test_random_worlds)
{
	unsigned int transfers = 0, additions = 0;

	srand(20260101);
	for (int n = 0; n < 10000; n++) {
		random_world();
		for (int step = 0; step < 8; step++) {
			law_step(&law);
			for (unsigned int i = 0; i < law.nr_pools; i++)
				if (law.pool[i].present)
					check_pool(i);
			for (unsigned int i = 0; i < law.nr_domains; i++) {
				struct law_domain *d = &law.domain[i];

				transfers += d->present && law.pool[d->pool].present &&
					     d->weight < d->base;
				additions += d->present && law.pool[d->pool].present &&
					     d->weight > d->base;
				if (pick(3) == 0)
					d->current = d->weight;
				if (pick(6) == 0)
					random_domain(d, law.nr_pools);
			}
		}
	}
	ck_assert_uint_gt(transfers, 5000); /* else nothing was tested */
	ck_assert_uint_gt(additions, 5000);
}
END_TEST

START_TEST(test_fixed_point)
{
	static struct law before;

	srand(20260102);
	for (int n = 0; n < 2000; n++) {
		random_world();
		law.config.pool_tuning = false;
		steps(120);
		before = law;
		steps(5);
		for (unsigned int i = 0; i < law.nr_domains; i++)
			ck_assert_uint_eq(law.domain[i].weight, before.domain[i].weight);
	}
}
END_TEST

START_TEST(test_writes_fall_before_they_rise)
{
	unsigned int index[SCHED_MAX_DOMAINS], n;

	new_law(SCHED_CREDIT2, 1);
	for (int i = 0; i < 15; i++)
		add_hog(0.1)->weight = i == 0 ? 600 : 230;
	n = law_writes(&law, 5000, index, SCHED_MAX_DOMAINS);
	ck_assert_uint_eq(n, LAW_WRITES_PER_SECOND);
	for (unsigned int i = 0; i < n; i++) {
		ck_assert_uint_ne(index[i], 0);
		law.domain[index[i]].current = 230;
	}
	ck_assert_uint_eq(law_writes(&law, 5500, index, SCHED_MAX_DOMAINS), 0);
	n = law_writes(&law, 6000, index, SCHED_MAX_DOMAINS);
	ck_assert_uint_eq(n, 5); /* four that fall, then the one that rises */
	ck_assert_uint_eq(index[4], 0);
}
END_TEST

START_TEST(test_a_domain_is_written_once_a_second)
{
	unsigned int index[4];

	new_law(SCHED_CREDIT2, 1);
	add_hog(0.1)->weight = 200;
	ck_assert_uint_eq(law_writes(&law, 5000, index, 4), 1);
	ck_assert_uint_eq(law_writes(&law, 5900, index, 4), 0);
	ck_assert_uint_eq(law_writes(&law, 6000, index, 4), 1);
	law.domain[0].fixed = WHY_LEAVING;
	ck_assert_uint_eq(law_writes(&law, 9000, index, 4), 0);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("law");
	TCase *tcase = tcase_create("law");
	SRunner *runner = srunner_create(suite);
	int failed;

	suite_add_tcase(suite, tcase);
	tcase_set_timeout(tcase, 120);
	tcase_add_test(tcase, test_transfer);
	tcase_add_test(tcase, test_donors_never_give_more_than_rho);
	tcase_add_test(tcase, test_addition_where_nobody_gives);
	tcase_add_test(tcase, test_weight_is_not_for_those_below_their_share);
	tcase_add_test(tcase, test_weight_is_not_for_who_has_a_whole_cpu);
	tcase_add_loop_test(tcase, test_behind, 0, ARRAY_SIZE(bulk));
	tcase_add_test(tcase, test_junk_buys_nothing);
	tcase_add_test(tcase, test_what_is_no_longer_justified_goes);
	tcase_add_loop_test(tcase, test_falls_when_the_load_ends, 0, 2);
	tcase_add_loop_test(tcase, test_square_wave, 0, ARRAY_SIZE(squares));
	tcase_add_test(tcase, test_consent_and_the_untouchable);
	tcase_add_test(tcase, test_bounds_of_the_factor);
	tcase_add_test(tcase, test_unknown_is_no_need);
	tcase_add_test(tcase, test_advice);
	tcase_add_test(tcase, test_random_worlds);
	tcase_add_test(tcase, test_fixed_point);
	tcase_add_test(tcase, test_writes_fall_before_they_rise);
	tcase_add_test(tcase, test_a_domain_is_written_once_a_second);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? 1 : 0;
}
