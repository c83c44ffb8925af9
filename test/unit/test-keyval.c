/* SPDX-License-Identifier: MIT -- every key of the schema against every kind of value */
#include "xenstore-schemas/keyval.h"

#include <check.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/*
 * Every value is handed over in a heap block of exactly its length, so that a reader that looks behind the
 * end is seen by ASan and valgrind.
 */
static char *block(const char *val, size_t len)
{
	char *copy = malloc(len ? len : 1);

	ck_assert_ptr_nonnull(copy);
	memcpy(copy, val, len);
	return copy;
}

static enum keyval_verdict judged(enum xs_key key, const char *val, size_t len)
{
	char *copy = block(val, len);
	enum keyval_verdict verdict = keyval_check(key, copy, len);

	free(copy);
	return verdict;
}

/* --- each key of the schema ---------------------------------------------------------------- */

static bool is_number(const struct xs_key_def *def)
{
	return def->type == XS_TYPE_BOOL || def->type == XS_TYPE_UINT || def->type == XS_TYPE_STATE;
}

/* A good value, at the lower or the upper end of what the key allows; returns its length. */
static size_t good_value(const struct xs_key_def *def, bool upper, char buf[KEYVAL_STRING_SIZE])
{
	uint32_t end = upper ? def->max : def->min;

	if (is_number(def))
		return (size_t)snprintf(buf, KEYVAL_STRING_SIZE, "%" PRIu32, end);
	if (def->type == XS_TYPE_MAC)
		return (size_t)sprintf(buf, "%s",
				       upper ? "FE:FF:FF:FF:FF:FF" : "00:00:00:00:00:01");
	if (def->type == XS_TYPE_RATE)
		return (size_t)sprintf(buf, "%s",
				       upper ? "18446744073709551615,4294967295" : "1,1");

	memset(buf, 'a', end);
	if (def->type != XS_TYPE_STRING)
		buf[0] = '/';
	return end;
}

/* The reader of the key's own type gives the verdict of keyval_check(), and the default with it. */
static void read_typed(enum xs_key key, const char *val, size_t len, enum keyval_verdict want)
{
	const struct xs_key_def *def = &xs_keys[key];
	bool by_default = want == KEYVAL_DEFAULT || want == KEYVAL_IGNORED;
	char text[KEYVAL_STRING_SIZE];
	struct keyval_rate rate;
	uint8_t mac[6];
	uint32_t n;

	if (is_number(def)) {
		ck_assert_int_eq(keyval_uint(key, val, len, &n), want);
		if (want != KEYVAL_OK)
			ck_assert_uint_eq(n, by_default ? def->def : 0);
	} else if (def->type == XS_TYPE_MAC) {
		ck_assert_int_eq(keyval_mac(key, val, len, mac), want);
		if (want != KEYVAL_OK)
			ck_assert_mem_eq(mac, "\0\0\0\0\0", 6);
	} else if (def->type == XS_TYPE_RATE) {
		ck_assert_int_eq(keyval_rate(key, val, len, &rate), want);
		if (want != KEYVAL_OK)
			ck_assert(rate.bytes == UINT64_MAX && rate.usec == 0);
	} else {
		ck_assert_int_eq(keyval_string(key, val, len, text, sizeof(text)), want);
		ck_assert_uint_eq(strlen(text), want == KEYVAL_OK ? len : 0);
	}
}

static void expect_bad(enum xs_key key, const char *what, const char *val, size_t len)
{
	const struct xs_key_def *def = &xs_keys[key];
	enum keyval_verdict want = def->bad == XS_RULE_REFUSE ? KEYVAL_REFUSE : KEYVAL_IGNORED;
	char why[KEYVAL_EXPLAIN_SIZE];
	char *copy = block(val, len);

	ck_assert_msg(keyval_check(key, copy, len) == want, "%s: %s: not taken as bad", def->name,
		      what);
	read_typed(key, copy, len, want);

	keyval_explain(key, copy, len, why, sizeof(why));
	ck_assert_msg(strncmp(why, def->name, strlen(def->name)) == 0, "%s: explained as %s",
		      def->name, why);
	free(copy);
}

START_TEST(every_key_takes_both_ends)
{
	const struct xs_key_def *def = &xs_keys[_i];
	char val[KEYVAL_STRING_SIZE];
	char *copy;
	size_t len;
	int upper;

	for (upper = 0; upper < 2; upper++) {
		len = good_value(def, upper, val);
		copy = block(val, len);
		ck_assert_msg(keyval_check(_i, copy, len) == KEYVAL_OK, "%s: \"%.*s\" is good",
			      def->name, (int)len, val);
		read_typed(_i, copy, len, KEYVAL_OK);
		free(copy);
	}
}
END_TEST

START_TEST(every_key_missing)
{
	static const enum keyval_verdict want[] = {
		[XS_RULE_DEFAULT] = KEYVAL_DEFAULT,
		[XS_RULE_IGNORE] = KEYVAL_ABSENT,
		[XS_RULE_REFUSE] = KEYVAL_REFUSE,
	};
	char why[KEYVAL_EXPLAIN_SIZE];

	ck_assert_int_eq(keyval_check(_i, NULL, 0), want[xs_keys[_i].missing]);
	read_typed(_i, NULL, 0, want[xs_keys[_i].missing]);
	ck_assert_ptr_nonnull(strstr(keyval_explain(_i, NULL, 0, why, sizeof(why)), " is missing"));
}
END_TEST

START_TEST(every_key_empty)
{
	const struct xs_key_def *def = &xs_keys[_i];

	if (def->type == XS_TYPE_STRING && def->min == 0)
		ck_assert_int_eq(judged(_i, "", 0), KEYVAL_OK);
	else
		expect_bad(_i, "empty", "", 0);
}
END_TEST

START_TEST(every_key_unparseable)
{
	const struct xs_key_def *def = &xs_keys[_i];

	expect_bad(_i, "control characters", "\x01\x02\x1b[31m", 7);
	if (def->type == XS_TYPE_STRING)
		return;

	expect_bad(_i, "letters", "abc", 3);
	expect_bad(_i, "a blank", " ", 1);
	expect_bad(_i, "a half", "1.5", 3);
	expect_bad(_i, "not ASCII", "\xc3\xa4", 2);
}
END_TEST

/* What is wrong around a value that would be good without it. */
START_TEST(every_key_surrounded)
{
	const struct xs_key_def *def = &xs_keys[_i];
	char val[KEYVAL_STRING_SIZE * 2 + 1];
	size_t len = good_value(def, false, val);
	static const char head[] = {' ', '+', '-', '0', '\t'};
	size_t i;

	val[len] = '\n';
	expect_bad(_i, "a newline at the end", val, len + 1);
	val[len] = '\0';
	expect_bad(_i, "a NUL at the end", val, len + 1);
	good_value(def, false, val + len + 1);
	expect_bad(_i, "a NUL inside", val, 2 * len + 1);
	expect_bad(_i, "a NUL alone", "", 1);

	memmove(val + 1, val, len);
	for (i = 0; i < sizeof(head) && def->type != XS_TYPE_STRING; i++) {
		/* "0" in front of "1" is a leading zero; in front of "0" too. */
		val[0] = head[i];
		expect_bad(_i, "something in front", val, len + 1);
	}
}
END_TEST

START_TEST(every_key_out_of_bounds)
{
	const struct xs_key_def *def = &xs_keys[_i];
	char val[KEYVAL_STRING_SIZE + 1];
	size_t len;

	if (is_number(def)) {
		len = (size_t)sprintf(val, "%" PRIu64, (uint64_t)def->max + 1);
		expect_bad(_i, "above its bounds", val, len);
		if (def->min > 0)
			expect_bad(_i, "below its bounds", val,
				   (size_t)sprintf(val, "%" PRIu32, def->min - 1));
		expect_bad(_i, "below zero", "-1", 2);
		expect_bad(_i, "2^32", "4294967296", 10);
		expect_bad(_i, "2^64", "18446744073709551616", 20);
		return;
	}

	len = good_value(def, true, val);
	val[len] = def->type == XS_TYPE_RATE ? '9' : 'a';
	expect_bad(_i, "one too long", val, len + 1);
	len = good_value(def, false, val);
	if (len > 0)
		expect_bad(_i, "one too short", val, len - 1);
}
END_TEST

START_TEST(every_key_overlong)
{
	static char val[1 << 16];

	memset(val, '1', sizeof(val));
	expect_bad(_i, "64 KiB of digits", val, sizeof(val));
	val[0] = '/';
	expect_bad(_i, "64 KiB of path", val, sizeof(val));
}
END_TEST

START_TEST(every_key_has_a_place)
{
	struct keyval_vif vif = {.backend = 3, .domid = 4, .devid = 5, .queue = 6};
	const struct xs_key_def *def = &xs_keys[_i];
	char path[KEYVAL_PATH_SIZE], small[8];

	ck_assert(keyval_key_path(path, sizeof(path), _i, &vif));
	ck_assert_ptr_null(strchr(path, '$'));
	ck_assert_int_eq(strncmp(path, "/local/domain/", 14), 0);
	ck_assert_str_eq(xsk_name(_i), def->name);
	ck_assert(!keyval_key_path(small, sizeof(small), _i, &vif));
	ck_assert_str_eq(small, "");
}
END_TEST

/* --- what the keys must say, written a second time ----------------------------------------- */

static const struct {
	enum xs_key key;
	const char *name;
	enum keyval_verdict missing, bad;
	uint32_t def;
} rules[] = {
	{XSK_BE_FRONTEND, "frontend", KEYVAL_REFUSE, KEYVAL_REFUSE, 0},
	{XSK_BE_FRONTEND_ID, "frontend-id", KEYVAL_REFUSE, KEYVAL_REFUSE, 0},
	{XSK_BE_HANDLE, "handle", KEYVAL_REFUSE, KEYVAL_REFUSE, 0},
	{XSK_BE_ONLINE, "online", KEYVAL_DEFAULT, KEYVAL_IGNORED, 0},
	{XSK_BE_MAC, "mac", KEYVAL_REFUSE, KEYVAL_REFUSE, 0},
	{XSK_BE_SCRIPT, "script", KEYVAL_ABSENT, KEYVAL_IGNORED, 0},
	{XSK_BE_RATE, "rate", KEYVAL_DEFAULT, KEYVAL_IGNORED, 0},
	{XSK_BE_RATE_RX, "rate-rx", KEYVAL_ABSENT, KEYVAL_IGNORED, 0},
	{XSK_BE_COMPLETE_CHECKSUMS, "complete-checksums", KEYVAL_ABSENT, KEYVAL_IGNORED, 0},
	{XSK_BE_VLAN, "vlan", KEYVAL_ABSENT, KEYVAL_REFUSE, 0},
	{XSK_BE_MTU, "mtu", KEYVAL_ABSENT, KEYVAL_IGNORED, 0},
	{XSK_BE_STATE, "state", KEYVAL_DEFAULT, KEYVAL_REFUSE, 0},
	{XSK_BE_HOTPLUG_STATUS, "hotplug-status", KEYVAL_ABSENT, KEYVAL_IGNORED, 0},
	{XSK_BE_MULTI_QUEUE_MAX_QUEUES, "multi-queue-max-queues", KEYVAL_DEFAULT, KEYVAL_IGNORED,
	 1},
	{XSK_FE_STATE, "state", KEYVAL_DEFAULT, KEYVAL_REFUSE, 0},
	{XSK_FE_REQUEST_RX_COPY, "request-rx-copy", KEYVAL_DEFAULT, KEYVAL_REFUSE, 0},
	{XSK_FE_FEATURE_RX_NOTIFY, "feature-rx-notify", KEYVAL_DEFAULT, KEYVAL_IGNORED, 0},
	{XSK_FE_FEATURE_SG, "feature-sg", KEYVAL_DEFAULT, KEYVAL_IGNORED, 0},
	{XSK_FE_FEATURE_GSO_TCPV4, "feature-gso-tcpv4", KEYVAL_DEFAULT, KEYVAL_IGNORED, 0},
	{XSK_FE_FEATURE_GSO_TCPV6, "feature-gso-tcpv6", KEYVAL_DEFAULT, KEYVAL_IGNORED, 0},
	{XSK_FE_FEATURE_NO_CSUM_OFFLOAD, "feature-no-csum-offload", KEYVAL_DEFAULT, KEYVAL_IGNORED,
	 0},
	{XSK_FE_FEATURE_IPV6_CSUM_OFFLOAD, "feature-ipv6-csum-offload", KEYVAL_DEFAULT,
	 KEYVAL_IGNORED, 0},
	{XSK_FE_MULTI_QUEUE_NUM_QUEUES, "multi-queue-num-queues", KEYVAL_DEFAULT, KEYVAL_REFUSE, 1},
	{XSK_FE_TX_RING_REF, "tx-ring-ref", KEYVAL_REFUSE, KEYVAL_REFUSE, 0},
	{XSK_FE_RX_RING_REF, "rx-ring-ref", KEYVAL_REFUSE, KEYVAL_REFUSE, 0},
	{XSK_FE_EVENT_CHANNEL, "event-channel", KEYVAL_ABSENT, KEYVAL_REFUSE, 0},
	{XSK_FE_EVENT_CHANNEL_TX, "event-channel-tx", KEYVAL_ABSENT, KEYVAL_REFUSE, 0},
	{XSK_FE_EVENT_CHANNEL_RX, "event-channel-rx", KEYVAL_ABSENT, KEYVAL_REFUSE, 0},
	{XSK_FE_CTRL_RING_REF, "ctrl-ring-ref", KEYVAL_ABSENT, KEYVAL_REFUSE, 0},
	{XSK_FE_EVENT_CHANNEL_CTRL, "event-channel-ctrl", KEYVAL_ABSENT, KEYVAL_REFUSE, 0},
	{XSK_FE_TRUSTED, "trusted", KEYVAL_DEFAULT, KEYVAL_IGNORED, 1},
	{XSK_FE_XDP_HEADROOM, "xdp-headroom", KEYVAL_DEFAULT, KEYVAL_IGNORED, 0},
	{XSK_FE_REQUEST_MULTICAST_CONTROL, "request-multicast-control", KEYVAL_DEFAULT,
	 KEYVAL_IGNORED, 0},
};

START_TEST(rules_are_as_agreed)
{
	ck_assert_str_eq(xsk_name(rules[_i].key), rules[_i].name);
	ck_assert_int_eq(keyval_check(rules[_i].key, NULL, 0), rules[_i].missing);
	ck_assert_int_eq(judged(rules[_i].key, "\n", 1), rules[_i].bad);
	ck_assert_uint_eq(xs_keys[rules[_i].key].def, rules[_i].def);
}
END_TEST

#define COUNT(array) ((int)(sizeof(array) / sizeof((array)[0])))

static TCase *every_key_case(void)
{
	TCase *tc = tcase_create("every key");

	tcase_add_loop_test(tc, every_key_takes_both_ends, 0, XSK_COUNT);
	tcase_add_loop_test(tc, every_key_missing, 0, XSK_COUNT);
	tcase_add_loop_test(tc, every_key_empty, 0, XSK_COUNT);
	tcase_add_loop_test(tc, every_key_unparseable, 0, XSK_COUNT);
	tcase_add_loop_test(tc, every_key_surrounded, 0, XSK_COUNT);
	tcase_add_loop_test(tc, every_key_out_of_bounds, 0, XSK_COUNT);
	tcase_add_loop_test(tc, every_key_overlong, 0, XSK_COUNT);
	tcase_add_loop_test(tc, every_key_has_a_place, 0, XSK_COUNT);
	tcase_add_loop_test(tc, rules_are_as_agreed, 0, COUNT(rules));
	return tc;
}

int main(void)
{
	Suite *suite = suite_create("keyval");
	SRunner *runner;
	int failed;

	suite_add_tcase(suite, every_key_case());
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
