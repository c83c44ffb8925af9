/* SPDX-License-Identifier: MIT */
/* From counters of statistics pages to figures. */
#include <check.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "netback/hint/totals.h"

static struct stats_vif page;
static struct totals before, after;
static struct figures f;

static void look(struct totals *t)
{
	*t = (struct totals){0};
	totals_add(t, &page);
}

/* Counters of one queue in two seconds, between two looks. */
static void go(void)
{
	f = (struct figures){0};
	look(&after);
	totals_figures(&before, &after, 2, &f);
}

static void setup(void)
{
	memset(&page, 0, sizeof(page));
	page.nr_queues = 1;
	page.queue[0].rx_packets = 1000;
	page.queue[3].tx_packets = 77; /* of an earlier connect */
	look(&before);
}

static void expect(double got, double want)
{
	ck_assert_msg(fabs(got - want) <= 1e-9 + fabs(want) * 1e-6, "%g, not %g", got, want);
}

START_TEST(test_rates_and_shares)
{
	struct stats_queue *q = &page.queue[0];

	q->rx_packets += 3000;
	q->tx_packets += 1000;
	q->rx_bytes += 4000000;
	q->tx_bytes += 100000;
	q->rx_gso_packets += 300;
	q->tx_gso_packets += 100;
	q->rx_small += 500;
	q->tx_small += 500;
	q->rx_large += 2000;
	q->drop_rx_expired += 1000;
	q->rx_starved_ns += 500000000;
	q->tx_looks += 100;
	q->tx_depth += 100 * 64;
	go();
	ck_assert(figures_know(&f, FIGURES_TRAFFIC | FIGURES_SIZES | FIGURES_STARVED |
					   FIGURES_OCCUPANCY));
	ck_assert(!figures_know(&f, FIGURES_KICK) && !figures_know(&f, FIGURES_NETBACK));
	expect(f.rx_packets, 1500);
	expect(f.tx_packets, 500);
	expect(f.bytes, 2050000);
	expect(f.gso, 0.1);
	expect(f.small, 0.25);
	expect(f.large, 0.5);
	expect(f.drops, 0.25);
	expect(f.starved, 0.25);
	expect(f.occupancy, 0.25);
}
END_TEST

START_TEST(test_several_queues_and_vifs)
{
	page.nr_queues = 2;
	page.queue[0].rx_packets += 10;
	page.queue[1].rx_packets += 20;
	page.queue[1].rx_starved_ns += 2000000000; /* one of two, all the time */
	look(&after);
	totals_add(&after, &page);
	ck_assert_uint_eq(after.nr_vifs, 2);
	ck_assert_uint_eq(after.nr_queues, 4);
	ck_assert_uint_eq(after.rx_packets, 2 * 1030);
	go();
	expect(f.rx_packets, 15);
	expect(f.starved, 0.5);
}
END_TEST

START_TEST(test_a_quiet_window)
{
	go();
	ck_assert_uint_eq(f.known, FIGURES_TRAFFIC | FIGURES_STARVED);
	expect(f.rx_packets, 0);
	expect(f.drops, 0);
}
END_TEST

/* A vif came or went, or its page is a new one: that is no traffic. */
START_TEST(test_counters_that_go_back)
{
	page.queue[0].rx_packets = 0;
	go();
	ck_assert_uint_eq(f.known, 0);
	setup();
	before.nr_vifs = 2;
	go();
	ck_assert_uint_eq(f.known, 0);
	setup();
	f = (struct figures){0};
	totals_figures(&before, &(struct totals){0}, 2, &f);
	ck_assert_uint_eq(f.known, 0);
}
END_TEST

START_TEST(test_kicks)
{
	uint64_t *kick = page.queue[0].kick;

	kick[0] += TOTALS_MIN_KICKS - 1;
	go();
	ck_assert(!figures_know(&f, FIGURES_KICK));
	kick[0] = 98;
	kick[10] = 2; /* 8192 to 16384 us */
	go();
	ck_assert(figures_know(&f, FIGURES_KICK));
	ck_assert(f.kick_p50 > 0 && f.kick_p50 < 16);
	ck_assert(f.kick_p99 > 8192 && f.kick_p99 <= 16384);
	kick[10] = 0;
	kick[0] = 99;
	go();
	ck_assert(f.kick_p99 <= 16);
}
END_TEST

START_TEST(test_drops_of_the_port)
{
	page.queue[0].rx_packets += 300;
	look(&after);
	after.port_drops = 100;
	f = (struct figures){0};
	totals_figures(&before, &after, 2, &f);
	expect(f.drops, 0.25);
}
END_TEST

START_TEST(test_cpu_of_the_engine)
{
	before.cpu_ns = 1000;
	look(&after);
	after.cpu_ns = 1000 + 1000000000;
	f = (struct figures){0};
	totals_figures(&before, &after, 2, &f);
	ck_assert(figures_know(&f, FIGURES_NETBACK));
	expect(f.netback, 0.5);
	after.cpu_ns = 0; /* shared now */
	f = (struct figures){0};
	totals_figures(&before, &after, 2, &f);
	ck_assert(!figures_know(&f, FIGURES_NETBACK));
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("totals");
	TCase *tcase = tcase_create("totals");
	SRunner *runner = srunner_create(suite);
	int failed;

	suite_add_tcase(suite, tcase);
	tcase_add_checked_fixture(tcase, setup, NULL);
	tcase_add_test(tcase, test_rates_and_shares);
	tcase_add_test(tcase, test_several_queues_and_vifs);
	tcase_add_test(tcase, test_a_quiet_window);
	tcase_add_test(tcase, test_counters_that_go_back);
	tcase_add_test(tcase, test_kicks);
	tcase_add_test(tcase, test_drops_of_the_port);
	tcase_add_test(tcase, test_cpu_of_the_engine);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? 1 : 0;
}
