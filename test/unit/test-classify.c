/* SPDX-License-Identifier: MIT */
/* Classes of domains: thresholds, hysteresis, smoothing, dwell. */
#include <check.h>
#include <stdlib.h>

#include "netback/common/util.h"
#include "netback/hint/classify.h"

enum {
	ALL = FIGURES_TRAFFIC | FIGURES_SIZES | FIGURES_KICK | FIGURES_STARVED | FIGURES_OCCUPANCY |
	      FIGURES_NETBACK | FIGURES_VCPUS,
};

#define LATENCY                                                                                    \
	{                                                                                          \
		.known = ALL, .cpu = 0.1, .vcpus = 1, .blocked = 0.8, .rx_packets = 1000,          \
		.tx_packets = 1000, .bytes = 2e5, .small = 0.9, .occupancy = 0.01,                 \
	}

static const struct {
	const char *name;
	enum hint_class class;
	struct figures f;
} cases[] = {
	{"nothing", CLASS_IDLE, {.known = FIGURES_VCPUS, .vcpus = 2, .blocked = 1}},
	{"no vif, half a CPU of one", CLASS_OTHER, {.cpu = 0.5, .vcpus = 1}},
	{"no vif, a whole CPU", CLASS_CPU_BOUND, {.cpu = 0.95, .vcpus = 1}},
	{"one of two vCPUs", CLASS_OTHER, {.cpu = 1, .vcpus = 2}},
	{"a hog among hogs",
	 CLASS_CPU_BOUND,
	 {.known = FIGURES_VCPUS, .cpu = 0.25, .vcpus = 1, .waiting = 0.75}},
	{"CPU, but it blocks",
	 CLASS_OTHER,
	 {.known = FIGURES_VCPUS, .cpu = 0.65, .vcpus = 1, .blocked = 0.3}},
	{"ping-pong", CLASS_LATENCY, LATENCY},
	{"bulk",
	 CLASS_THROUGHPUT,
	 {.known = ALL,
	  .cpu = 0.3,
	  .vcpus = 1,
	  .blocked = 0.5,
	  .rx_packets = 2e4,
	  .bytes = 3e7,
	  .large = 1}},
	{"few, but segmented",
	 CLASS_THROUGHPUT,
	 {.known = ALL,
	  .cpu = 0.3,
	  .vcpus = 1,
	  .blocked = 0.5,
	  .tx_packets = 100,
	  .bytes = 3e6,
	  .gso = 0.5}},
	{"a full tx ring",
	 CLASS_THROUGHPUT,
	 {.known = ALL,
	  .cpu = 0.3,
	  .vcpus = 1,
	  .blocked = 0.5,
	  .tx_packets = 5e3,
	  .bytes = 4e5,
	  .occupancy = 0.4}},
	{"packets, and never blocked",
	 CLASS_MIXED,
	 {.known = ALL,
	  .cpu = 0.9,
	  .vcpus = 1,
	  .rx_packets = 1000,
	  .tx_packets = 1000,
	  .small = 1,
	  .bytes = 2e5}},
	{"packets, never blocked, and among hogs",
	 CLASS_MIXED,
	 {.known = ALL,
	  .cpu = 0.2,
	  .vcpus = 1,
	  .waiting = 0.8,
	  .rx_packets = 1000,
	  .tx_packets = 1000,
	  .small = 1,
	  .bytes = 2e5}},
	{"ping-pong, kept waiting by a hog",
	 CLASS_LATENCY,
	 {.known = ALL,
	  .cpu = 0.02,
	  .vcpus = 1,
	  .blocked = 0.05,
	  .waiting = 0.93,
	  .rx_packets = 400,
	  .tx_packets = 400,
	  .small = 1,
	  .bytes = 8e4}},
	{"pinged, and kept waiting by hogs",
	 CLASS_LATENCY,
	 {.known = ALL,
	  .cpu = 0.05,
	  .vcpus = 1,
	  .blocked = 0.1,
	  .waiting = 0.85,
	  .rx_packets = 98,
	  .tx_packets = 98,
	  .small = 1,
	  .bytes = 2e4}},
	{"a hog among hogs that is pinged",
	 CLASS_CPU_BOUND,
	 {.known = ALL,
	  .cpu = 0.25,
	  .vcpus = 1,
	  .waiting = 0.75,
	  .rx_packets = 60,
	  .tx_packets = 60,
	  .small = 1,
	  .bytes = 2e4}},
	{"packets one way",
	 CLASS_OTHER,
	 {.known = ALL, .cpu = 0.2, .vcpus = 1, .blocked = 0.7, .rx_packets = 5000, .small = 1}},
};

START_TEST(test_each_class)
{
	struct classify c = {0};

	for (int i = 0; i < CLASSIFY_DWELL; i++)
		classify_step(&c, &cases[_i].f);
	ck_assert_msg(c.class == cases[_i].class, "%s: %s", cases[_i].name, classify_name(c.class));
}
END_TEST

static const struct figures latency = LATENCY;

/* A hog that has ended its work, and is pinged among other hogs, is none any more. */
START_TEST(test_no_hog_any_more)
{
	const struct figures hog = {
		.known = FIGURES_VCPUS, .cpu = 0.25, .vcpus = 1, .waiting = 0.75};
	struct figures pinged = latency;
	struct classify c = {0};

	for (int i = 0; i < CLASSIFY_DWELL; i++)
		classify_step(&c, &hog);
	ck_assert_int_eq(c.class, CLASS_CPU_BOUND);

	pinged.cpu = 0.05;
	pinged.blocked = 0.1;
	pinged.rx_packets = pinged.tx_packets = 98;
	for (int i = 0; i < 30; i++)
		classify_step(&c, &pinged);
	ck_assert_int_eq(c.class, CLASS_LATENCY);
}
END_TEST

START_TEST(test_a_class_has_to_last)
{
	const struct figures hog = {.cpu = 1, .vcpus = 1};
	struct classify c = {0};

	for (int i = 0; i < CLASSIFY_DWELL - 1; i++)
		ck_assert_int_eq(classify_step(&c, &hog), CLASS_OTHER);
	ck_assert_int_eq(classify_step(&c, &hog), CLASS_CPU_BOUND);
	ck_assert_uint_eq(c.since, 0);
	classify_step(&c, &hog);
	ck_assert_uint_eq(c.since, 1);
}
END_TEST

START_TEST(test_one_window_changes_nothing)
{
	struct classify c = {0};
	struct figures burst = latency;

	for (int i = 0; i < 10; i++)
		classify_step(&c, &latency);
	burst.blocked = 0;
	burst.cpu = 1;
	ck_assert_int_eq(classify_step(&c, &burst), CLASS_LATENCY);
	for (int i = 0; i < 10; i++)
		ck_assert_int_eq(classify_step(&c, &latency), CLASS_LATENCY);
}
END_TEST

/* Between the two thresholds a domain stays what it was. */
START_TEST(test_hysteresis)
{
	struct figures f = {.cpu = 0.5, .vcpus = 1};
	struct classify was_hog = {0}, was_not = {0};

	f.cpu = 0.9;
	for (int i = 0; i < 5; i++)
		classify_step(&was_hog, &f);
	f.cpu = 0.5;
	for (int i = 0; i < 50; i++) {
		ck_assert_int_eq(classify_step(&was_hog, &f), CLASS_CPU_BOUND);
		ck_assert_int_eq(classify_step(&was_not, &f), CLASS_OTHER);
	}
	f.cpu = 0.3;
	for (int i = 0; i < 10; i++)
		classify_step(&was_hog, &f);
	ck_assert_int_eq(was_hog.class, CLASS_OTHER);
}
END_TEST

/* What is not measured must not make a domain anything. */
START_TEST(test_unknown_figures)
{
	struct figures f = latency;
	struct classify c = {0};

	f.known = FIGURES_TRAFFIC | FIGURES_VCPUS;
	for (int i = 0; i < 10; i++)
		classify_step(&c, &f);
	ck_assert_int_eq(c.class, CLASS_OTHER);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("classify");
	TCase *tcase = tcase_create("classify");
	SRunner *runner = srunner_create(suite);
	int failed;

	suite_add_tcase(suite, tcase);
	tcase_add_loop_test(tcase, test_each_class, 0, ARRAY_SIZE(cases));
	tcase_add_test(tcase, test_no_hog_any_more);
	tcase_add_test(tcase, test_a_class_has_to_last);
	tcase_add_test(tcase, test_one_window_changes_nothing);
	tcase_add_test(tcase, test_hysteresis);
	tcase_add_test(tcase, test_unknown_figures);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? 1 : 0;
}
