/* SPDX-License-Identifier: MIT */
/* test-vlan-spec.c: xl's vlan= texts, each as the set of VLANs it means */
#include "netback/control/vlan-spec.h"

#include <check.h>
#include <stdlib.h>
#include <stdio.h>
#include <string.h>

#include "netback/common/util.h"

static bool has(const uint8_t *bits, unsigned int n)
{
	return bits[n / 8] >> n % 8 & 1;
}

/* "10u 20 100-102" written out: every member in order, u after those that are untagged. */
static const char *spell(const struct link_vlan *vlan)
{
	static char text[LINK_VLANS * 8];
	char *at = text;

	*at = '\0';
	for (unsigned int n = 0; n < LINK_VLANS; n++) {
		ck_assert(has(vlan->member, n) || !has(vlan->untagged, n));
		if (has(vlan->member, n))
			at += sprintf(at, "%s%u%s", at > text ? " " : "", n,
				      has(vlan->untagged, n) ? "u" : "");
	}
	return text;
}

static const struct {
	const char *text;
	unsigned int pvid;
	const char *members;
} good[] = {
	{"10", 10, "10u"},
	{"1", 1, "1u"},
	{"4094", 4094, "4094u"},
	{"10p", 10, "10u"},
	{"10u", 0, "10u"},
	{"10p/20", 10, "10u 20"},
	{"20/10p", 10, "10u 20"},
	{"20/30", 0, "20 30"},
	{"10p/20u", 10, "10u 20u"},
	{"10p/100+10x4", 10, "10u 100 110 120 130 140"},
	{"10p/20/100+10x4", 10, "10u 20 100 110 120 130 140"},
	{"100-103", 0, "100 101 102 103"},
	{"100-101u/5p", 5, "5u 100u 101u"},
	{"7-7", 0, "7"},
	{"1+1x2u", 0, "1u 2u 3u"},
	{"4090+2x2", 0, "4090 4092 4094"},
	{"10/10u", 0, "10u"},
};

START_TEST(good_text)
{
	struct link_vlan vlan;
	char why[128] = "";

	ck_assert_int_eq(vlan_spec_parse(good[_i].text, &vlan, why, sizeof(why)), 0);
	ck_assert(vlan.filter);
	ck_assert_uint_eq(vlan.pvid, good[_i].pvid);
	ck_assert_str_eq(spell(&vlan), good[_i].members);
}
END_TEST

static const struct {
	const char *text, *why;
} bad[] = {
	{"", "vlan: not understood from here on: \"\""},
	{"0", "vlan: not understood from here on: \"0\""},
	{"4095", NULL},
	{"010", "vlan: not understood from here on: \"010\""},
	{"12345", NULL},
	{"10p/20p", "vlan: two PVIDs in \"10p/20p\""},
	{"10/", "vlan: not understood from here on: \"\""},
	{"/10", "vlan: not understood from here on: \"/10\""},
	{"10//20", "vlan: not understood from here on: \"/20\""},
	{"10 /20", NULL},
	{"10,20", "vlan: not understood from here on: \",20\""},
	{"10t", "vlan: not understood from here on: \"t\""},
	{"10pu", NULL},
	{"20-10", NULL},
	{"10-", NULL},
	{"10-4095", NULL},
	{"10-20p", "vlan: not understood from here on: \"p\""},
	{"10+5", NULL},
	{"10+0x3", NULL},
	{"10+5x0", NULL},
	{"10+x4", NULL},
	{"10+1000x5", NULL},
	{"4094+9999x9999", NULL},
	{"-10", NULL},
	{"ten", "vlan: not understood from here on: \"ten\""},
};

START_TEST(bad_text)
{
	static const struct link_vlan none;
	struct link_vlan vlan;
	char why[128] = "";

	ck_assert_int_lt(vlan_spec_parse(bad[_i].text, &vlan, why, sizeof(why)), 0);
	ck_assert_mem_eq(&vlan, &none, sizeof(vlan));
	if (bad[_i].why)
		ck_assert_str_eq(why, bad[_i].why);
	ck_assert_int_gt(strlen(why), 0);
}
END_TEST

START_TEST(a_long_text_is_cut_in_the_sentence)
{
	struct link_vlan vlan;
	char text[256], why[40];

	memset(text, 'x', sizeof(text));
	text[sizeof(text) - 1] = '\0';
	ck_assert_int_lt(vlan_spec_parse(text, &vlan, why, sizeof(why)), 0);
	ck_assert_uint_eq(strlen(why), sizeof(why) - 1);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("vlan-spec");
	TCase *tcase = tcase_create("all");
	SRunner *runner;
	int failed;

	tcase_add_loop_test(tcase, good_text, 0, (int)ARRAY_SIZE(good));
	tcase_add_loop_test(tcase, bad_text, 0, (int)ARRAY_SIZE(bad));
	tcase_add_test(tcase, a_long_text_is_cut_in_the_sentence);
	suite_add_tcase(suite, tcase);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? 1 : 0;
}
