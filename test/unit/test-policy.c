/* SPDX-License-Identifier: MIT */
/* test-policy.c: which of key, setting and wish is the policy */
#include "netback/control/policy.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "netback/common/util.h"

static const struct config settings = {.enforce_vlan = true};

static struct link_policy make(const struct policy_keys *keys, const struct policy_wishes *wishes,
			       bool rx_sg, const struct config *config)
{
	static const struct policy_keys no_keys;
	static const struct policy_wishes no_wishes;
	struct link_policy out;

	memset(&out, 0xff, sizeof(out));
	policy_make(keys ? keys : &no_keys, wishes ? wishes : &no_wishes, rx_sg, config, &out);
	return out;
}

START_TEST(nothing_said_is_nothing_limited)
{
	static const struct link_policy none;
	struct link_policy out = make(NULL, NULL, true, &settings);

	ck_assert(policy_equal(&out, &none));
}
END_TEST

START_TEST(keys_win_over_settings)
{
	struct config config = {.rate_rx = {.bytes = 10, .usec = 20}, .complete_checksums = true};
	struct policy_keys keys = {.rx_rate = {.bytes = 1, .usec = 2}, .has_complete_csums = true};
	struct link_policy out = make(NULL, NULL, true, &config);

	ck_assert_uint_eq(out.rx_rate.bytes, 10);
	ck_assert_uint_eq(out.rx_rate.usec, 20);
	ck_assert_uint_eq(out.tx_rate.usec, 0);
	ck_assert(out.complete_csums);

	out = make(&keys, NULL, true, &config);
	ck_assert_uint_eq(out.rx_rate.bytes, 1);
	ck_assert_uint_eq(out.rx_rate.usec, 2);
	ck_assert(!out.complete_csums);
}
END_TEST

START_TEST(tx_rate_and_wishes_are_passed_on)
{
	struct policy_keys keys = {.tx_rate = {.bytes = 62500, .usec = 50000}};
	struct policy_wishes wishes = {.mcast_filter = true, .xdp_headroom = 256};
	struct link_policy out = make(&keys, &wishes, true, &settings);

	ck_assert_uint_eq(out.tx_rate.bytes, 62500);
	ck_assert_uint_eq(out.tx_rate.usec, 50000);
	ck_assert(out.mcast_filter);
	ck_assert_uint_eq(out.xdp_headroom, 256);
}
END_TEST

static const struct {
	uint32_t key;
	uint16_t headroom;
	bool sg;
	uint32_t mtu;
} mtus[] = {
	{0, 0, true, 0},	  {9000, 0, true, 9000},    {9000, 256, true, 9000},
	{0, 0, false, 4078},	  {9000, 0, false, 4078},   {1500, 0, false, 1500},
	{1500, 256, false, 1500}, {4000, 256, false, 3822}, {0, 32767, false, 1},
	{0, 4078, false, 1},	  {0, 4077, false, 1},
};

START_TEST(a_guest_without_scatter_gather_is_held_to_a_page)
{
	struct policy_keys keys = {.mtu = mtus[_i].key};
	struct policy_wishes wishes = {.xdp_headroom = mtus[_i].headroom};

	ck_assert_uint_eq(make(&keys, &wishes, mtus[_i].sg, &settings).mtu, mtus[_i].mtu);
}
END_TEST

START_TEST(vlans_are_left_to_the_script_where_it_is_told_so)
{
	struct policy_keys keys = {.vlan = {.filter = true, .pvid = 10}};
	struct config config = settings;

	ck_assert(make(&keys, NULL, true, &config).vlan.filter);
	ck_assert_uint_eq(make(&keys, NULL, true, &config).vlan.pvid, 10);
	config.enforce_vlan = false;
	ck_assert(!make(&keys, NULL, true, &config).vlan.filter);
	ck_assert_uint_eq(make(&keys, NULL, true, &config).vlan.pvid, 0);
}
END_TEST

/* Every byte that means something makes a difference. */
START_TEST(equal_looks_at_every_field)
{
	struct link_policy changes[] = {
		{.tx_rate.bytes = 1}, {.tx_rate.usec = 1},    {.rx_rate.bytes = 1},
		{.rx_rate.usec = 1},  {.vlan.filter = true},  {.vlan.pvid = 1},
		{.vlan.member = {1}}, {.vlan.untagged = {1}}, {.mtu = 1},
		{.xdp_headroom = 1},  {.mcast_filter = true}, {.complete_csums = true},
	};
	struct link_policy none = {0};

	ck_assert(policy_equal(&none, &none));
	for (size_t i = 0; i < ARRAY_SIZE(changes); i++) {
		ck_assert_msg(!policy_equal(&changes[i], &none), "change %zu", i);
		ck_assert_msg(policy_equal(&changes[i], &changes[i]), "change %zu", i);
	}
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("policy");
	TCase *tcase = tcase_create("all");
	SRunner *runner;
	int failed;

	tcase_add_test(tcase, nothing_said_is_nothing_limited);
	tcase_add_test(tcase, keys_win_over_settings);
	tcase_add_test(tcase, tx_rate_and_wishes_are_passed_on);
	tcase_add_loop_test(tcase, a_guest_without_scatter_gather_is_held_to_a_page, 0,
			    (int)ARRAY_SIZE(mtus));
	tcase_add_test(tcase, vlans_are_left_to_the_script_where_it_is_told_so);
	tcase_add_test(tcase, equal_looks_at_every_field);
	suite_add_tcase(suite, tcase);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? 1 : 0;
}
