/* SPDX-License-Identifier: MIT -- each type of value, messages and paths of keyval.c */
#include "xenstore-schemas/keyval.h"

#include <check.h>
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

/* --- each type ----------------------------------------------------------------------------- */

#define VALUE(text) text, sizeof(text) - 1

static const struct {
	enum xs_key key;
	const char *val;
	size_t len;
	bool good;
	uint32_t n;
} numbers[] = {
	{XSK_FE_FEATURE_SG, VALUE("0"), true, 0},
	{XSK_FE_FEATURE_SG, VALUE("1"), true, 1},
	{XSK_FE_FEATURE_SG, VALUE("2"), false, 0},
	{XSK_FE_FEATURE_SG, VALUE("01"), false, 0},
	{XSK_FE_FEATURE_SG, VALUE("00"), false, 0},
	{XSK_FE_FEATURE_SG, VALUE("true"), false, 0},
	{XSK_FE_XDP_HEADROOM, VALUE("256"), true, 256},
	{XSK_FE_XDP_HEADROOM, VALUE("32767"), true, 32767},
	{XSK_FE_XDP_HEADROOM, VALUE("32768"), false, 0},
	{XSK_FE_XDP_HEADROOM, VALUE("0x10"), false, 0},
	{XSK_FE_XDP_HEADROOM, VALUE("1e3"), false, 0},
	{XSK_FE_TX_RING_REF, VALUE("4294967294"), true, 4294967294U},
	{XSK_FE_TX_RING_REF, VALUE("4294967295"), false, 0},
	{XSK_FE_TX_RING_REF, VALUE("0"), false, 0},
	{XSK_FE_EVENT_CHANNEL, VALUE("131071"), true, 131071},
	{XSK_FE_EVENT_CHANNEL, VALUE("131072"), false, 0},
	{XSK_FE_STATE, VALUE("8"), true, 8},
	{XSK_FE_STATE, VALUE("9"), false, 0},
	{XSK_FE_MULTI_QUEUE_NUM_QUEUES, VALUE("256"), true, 256},
	{XSK_FE_MULTI_QUEUE_NUM_QUEUES, VALUE("0"), false, 0},
	{XSK_FE_MULTI_QUEUE_NUM_QUEUES, VALUE("257"), false, 0},
	{XSK_BE_MTU, VALUE("9000"), true, 9000},
	{XSK_BE_MTU, VALUE("67"), false, 0},
	{XSK_BE_MTU, VALUE("65518"), false, 0},
};

START_TEST(number)
{
	char *copy = block(numbers[_i].val, numbers[_i].len);
	uint32_t n = 77;

	ck_assert_int_eq(keyval_uint(numbers[_i].key, copy, numbers[_i].len, &n) == KEYVAL_OK,
			 numbers[_i].good);
	ck_assert_uint_eq(n, numbers[_i].n);
	free(copy);
}
END_TEST

static const struct {
	const char *val;
	size_t len;
	bool good;
} macs[] = {
	{VALUE("00:16:3e:12:34:56"), true},
	{VALUE("02:AB:cd:EF:00:ff"), true},
	{VALUE("00:00:00:00:00:00"), false},
	{VALUE("ff:ff:ff:ff:ff:ff"), false},
	{VALUE("01:00:5e:00:00:01"), false},
	{VALUE("00-16-3e-12-34-56"), false},
	{VALUE("0:16:3e:12:34:56"), false},
	{VALUE("00:16:3e:12:34"), false},
	{VALUE("00:16:3e:12:34:5g"), false},
	{VALUE("00:16:3e:12:34:56:"), false},
	{VALUE("00:16:3e:12:34:\x00"
	       "6"),
	 false},
	{VALUE("00163e123456"), false},
};

START_TEST(mac)
{
	char *copy = block(macs[_i].val, macs[_i].len);
	char text[KEYVAL_MAC_SIZE];
	uint8_t out[6];

	if (macs[_i].good) {
		ck_assert_int_eq(keyval_mac(XSK_BE_MAC, copy, macs[_i].len, out), KEYVAL_OK);
		keyval_format_mac(out, text);
		ck_assert_int_eq(strncasecmp(text, macs[_i].val, sizeof(text)), 0);
	} else {
		ck_assert_int_eq(keyval_mac(XSK_BE_MAC, copy, macs[_i].len, out), KEYVAL_REFUSE);
	}
	free(copy);
}
END_TEST

static const struct {
	const char *val;
	size_t len;
	uint64_t bytes; /* 0: bad */
	uint32_t usec;
} rates[] = {
	{VALUE("625000,50000"), 625000, 50000},
	{VALUE("1,1"), 1, 1},
	{VALUE("18446744073709551615,4294967295"), UINT64_MAX, UINT32_MAX},
	{VALUE("18446744073709551616,1"), 0, 0},
	{VALUE("1,4294967296"), 0, 0},
	{VALUE("0,50000"), 0, 0},
	{VALUE("625000,0"), 0, 0},
	{VALUE("625000"), 0, 0},
	{VALUE("625000,"), 0, 0},
	{VALUE(",50000"), 0, 0},
	{VALUE(","), 0, 0},
	{VALUE("625000,50000,"), 0, 0},
	{VALUE("625000,50000 "), 0, 0},
	{VALUE("625000, 50000"), 0, 0},
	{VALUE("625000,50000\n"), 0, 0},
	{VALUE("625000,5\0000"), 0, 0},
	{VALUE("-1,50000"), 0, 0},
	{VALUE("10MB/s"), 0, 0},
};

START_TEST(rate)
{
	char *copy = block(rates[_i].val, rates[_i].len);
	bool good = rates[_i].bytes != 0;
	struct keyval_rate out;

	ck_assert_int_eq(keyval_rate(XSK_BE_RATE, copy, rates[_i].len, &out),
			 good ? KEYVAL_OK : KEYVAL_IGNORED);
	ck_assert(out.bytes == (good ? rates[_i].bytes : UINT64_MAX));
	ck_assert_uint_eq(out.usec, rates[_i].usec);
	free(copy);
}
END_TEST

static const struct {
	enum xs_key key;
	const char *val;
	size_t len;
	bool good;
} texts[] = {
	{XSK_BE_FRONTEND, VALUE("/local/domain/1/device/vif/0"), true},
	{XSK_BE_FRONTEND, VALUE("/local/domain/1/../2/device/vif/0"), false},
	{XSK_BE_FRONTEND, VALUE("local/domain/1/device/vif/0"), false},
	{XSK_BE_FRONTEND, VALUE("/local/domain/1/device/vif/0/"), false},
	{XSK_BE_FRONTEND, VALUE("/local//domain/1"), false},
	{XSK_BE_FRONTEND, VALUE("/local/domain/1/device vif"), false},
	{XSK_BE_FRONTEND, VALUE("/"), false},
	{XSK_BE_SCRIPT, VALUE("/etc/xen/scripts/vif-bridge"), true},
	{XSK_BE_SCRIPT, VALUE("/etc/xen/scripts/vif.v2..sh"), true},
	{XSK_BE_SCRIPT, VALUE("/etc/xen/../../tmp/x"), false},
	{XSK_BE_SCRIPT, VALUE("/etc/xen/.."), false},
	{XSK_BE_SCRIPT, VALUE("vif-bridge"), false},
	{XSK_BE_HOTPLUG_STATUS, VALUE(""), true},
	{XSK_BE_HOTPLUG_STATUS, VALUE("connected"), true},
	{XSK_BE_HOTPLUG_STATUS, VALUE("connected\n"), false},
	{XSK_BE_VIFNAME, VALUE("guest-lan"), true},
	{XSK_BE_VIFNAME, VALUE("sixteen-letters-"), false},
	{XSK_BE_HOTPLUG_ERROR,
	 VALUE("br\xc3\xbc"
	       "cke fehlt"),
	 true},
	{XSK_BE_HOTPLUG_ERROR, VALUE("\x7f"), false},
};

START_TEST(text)
{
	char *copy = block(texts[_i].val, texts[_i].len);
	char out[KEYVAL_STRING_SIZE];
	enum keyval_verdict verdict =
		keyval_string(texts[_i].key, copy, texts[_i].len, out, sizeof(out));

	ck_assert_int_eq(verdict == KEYVAL_OK, texts[_i].good);
	ck_assert_str_eq(out, texts[_i].good ? texts[_i].val : "");
	free(copy);
}
END_TEST

START_TEST(text_that_does_not_fit_is_bad)
{
	char out[9], tiny[1];

	ck_assert_int_eq(keyval_string(XSK_BE_HOTPLUG_STATUS, "connected", 9, out, sizeof(out)),
			 KEYVAL_IGNORED);
	ck_assert_str_eq(out, "");
	ck_assert_int_eq(keyval_string(XSK_BE_HOTPLUG_STATUS, "connecte", 8, out, sizeof(out)),
			 KEYVAL_OK);
	ck_assert_str_eq(out, "connecte");
	ck_assert_int_eq(keyval_string(XSK_BE_HOTPLUG_STATUS, "", 0, tiny, 0), KEYVAL_REFUSE);
}
END_TEST

START_TEST(reader_of_another_type_refuses)
{
	struct keyval_rate rate_out;
	uint8_t mac_out[6];
	unsigned int state;
	char out[8];
	uint32_t n;
	bool flag;

	ck_assert_int_eq(keyval_uint(XSK_BE_MAC, "1", 1, &n), KEYVAL_REFUSE);
	ck_assert_int_eq(keyval_bool(XSK_BE_MTU, "1", 1, &flag), KEYVAL_REFUSE);
	ck_assert_int_eq(keyval_state(XSK_BE_MTU, "1", 1, &state), KEYVAL_REFUSE);
	ck_assert_int_eq(keyval_mac(XSK_BE_BRIDGE, "00:16:3e:00:00:01", 17, mac_out),
			 KEYVAL_REFUSE);
	ck_assert_int_eq(keyval_rate(XSK_BE_BRIDGE, "1,1", 3, &rate_out), KEYVAL_REFUSE);
	ck_assert_int_eq(keyval_string(XSK_BE_MTU, "1500", 4, out, sizeof(out)), KEYVAL_REFUSE);
	ck_assert_int_eq(keyval_check(XSK_COUNT, "1", 1), KEYVAL_REFUSE);
}
END_TEST

START_TEST(bool_and_state_give_their_values)
{
	unsigned int state;
	bool flag;

	ck_assert_int_eq(keyval_bool(XSK_FE_FEATURE_SG, "1", 1, &flag), KEYVAL_OK);
	ck_assert(flag);
	ck_assert_int_eq(keyval_bool(XSK_FE_TRUSTED, NULL, 0, &flag), KEYVAL_DEFAULT);
	ck_assert(flag);
	ck_assert_int_eq(keyval_bool(XSK_FE_FEATURE_SG, "yes", 3, &flag), KEYVAL_IGNORED);
	ck_assert(!flag);
	ck_assert_int_eq(keyval_state(XSK_FE_STATE, "4", 1, &state), KEYVAL_OK);
	ck_assert_uint_eq(state, 4);
	ck_assert_int_eq(keyval_state(XSK_FE_STATE, NULL, 0, &state), KEYVAL_DEFAULT);
	ck_assert_uint_eq(state, 0);
}
END_TEST

/* --- messages ------------------------------------------------------------------------------ */

START_TEST(explain_escapes_and_cuts)
{
	char why[KEYVAL_EXPLAIN_SIZE], small[12], longer[100];

	keyval_explain(XSK_FE_FEATURE_SG, "2x", 2, why, sizeof(why));
	ck_assert_str_eq(why, "feature-sg: \"2x\" is not 0 or 1");
	keyval_explain(XSK_FE_STATE, "\"\n\0\xff\\", 5, why, sizeof(why));
	ck_assert_str_eq(why, "state: \"\\x22\\x0a\\x00\\xff\\x5c\" is not a number from 0 to 8");
	keyval_explain(XSK_BE_MTU, NULL, 0, why, sizeof(why));
	ck_assert_str_eq(why, "mtu is missing");

	memset(longer, '9', sizeof(longer));
	keyval_explain(XSK_BE_MTU, longer, sizeof(longer), why, sizeof(why));
	ck_assert_str_eq(
		why,
		"mtu: \"99999999999999999999999999999999...\" is not a number from 68 to 65517");
	ck_assert_ptr_eq(keyval_explain(XSK_BE_MTU, "x", 1, small, sizeof(small)), small);
	ck_assert_uint_eq(strlen(small), sizeof(small) - 1);
}
END_TEST

START_TEST(format_stays_in_bounds)
{
	char buf[KEYVAL_NUMBER_SIZE];

	ck_assert_uint_eq(keyval_format_uint(XSK_FE_TX_RING_REF, 4294967294U, buf), 10);
	ck_assert_str_eq(buf, "4294967294");
	ck_assert_uint_eq(keyval_format_uint(XSK_BE_FEATURE_SG, 1, buf), 1);
	ck_assert_str_eq(buf, "1");
	ck_assert_uint_eq(keyval_format_uint(XSK_BE_FEATURE_SG, 2, buf), 0);
	ck_assert_str_eq(buf, "");
	ck_assert_uint_eq(keyval_format_uint(XSK_BE_MULTI_QUEUE_MAX_QUEUES, 0, buf), 0);
	ck_assert_uint_eq(keyval_format_uint(XSK_BE_MAC, 1, buf), 0);
}
END_TEST

/* --- paths --------------------------------------------------------------------------------- */

START_TEST(paths_are_built)
{
	struct keyval_vif vif = {.backend = 2, .domid = 17, .devid = 1, .queue = 3};
	char path[KEYVAL_PATH_SIZE];

	ck_assert(keyval_dir_path(path, sizeof(path), XS_DIR_BE, &vif));
	ck_assert_str_eq(path, "/local/domain/2/backend/vif/17/1");
	ck_assert(keyval_dir_path(path, sizeof(path), XS_DIR_FE, &vif));
	ck_assert_str_eq(path, "/local/domain/17/device/vif/1");
	ck_assert(keyval_key_path(path, sizeof(path), XSK_FE_TX_RING_REF, &vif));
	ck_assert_str_eq(path, "/local/domain/17/device/vif/1/queue-3/tx-ring-ref");
	ck_assert(keyval_key_path(path, sizeof(path), XSK_DOM_ERROR, &vif));
	ck_assert_str_eq(path, "/local/domain/2/error/backend/vif/17/1/error");
	ck_assert(keyval_root_path(path, sizeof(path), 0));
	ck_assert_str_eq(path, "/local/domain/0/backend/vif");
}
END_TEST

START_TEST(path_fits_exactly_or_not)
{
	char path[28];

	ck_assert(keyval_root_path(path, 28, 0));
	ck_assert(!keyval_root_path(path, 27, 0));
	ck_assert_str_eq(path, "");
	ck_assert(!keyval_root_path(path, 0, 0));
}
END_TEST

START_TEST(queue_keys_are_flat_with_one_queue)
{
	char path[KEYVAL_PATH_SIZE];

	ck_assert(keyval_queue_path(path, sizeof(path), 1, 0, XSK_FE_EVENT_CHANNEL_TX));
	ck_assert_str_eq(path, "event-channel-tx");
	ck_assert(keyval_queue_path(path, sizeof(path), 2, 0, XSK_FE_TX_RING_REF));
	ck_assert_str_eq(path, "queue-0/tx-ring-ref");
	ck_assert(keyval_queue_path(path, sizeof(path), 256, 255, XSK_FE_RX_RING_REF));
	ck_assert_str_eq(path, "queue-255/rx-ring-ref");
	ck_assert(!keyval_queue_path(path, 8, 1, 0, XSK_FE_TX_RING_REF));
}
END_TEST

START_TEST(frontend_path_must_be_the_guests)
{
	ck_assert(keyval_path_is_of("/local/domain/5/device/vif/0", 5));
	ck_assert(!keyval_path_is_of("/local/domain/5/device/vif/0", 6));
	ck_assert(!keyval_path_is_of("/local/domain/55/device/vif/0", 5));
	ck_assert(!keyval_path_is_of("/local/domain/5", 5));
	ck_assert(!keyval_path_is_of("/local/domain/5/", 5));
	ck_assert(!keyval_path_is_of("/local/domain/05/device/vif/0", 5));
	ck_assert(!keyval_path_is_of("/local/domain/5/../6/device/vif/0", 5));
	ck_assert(!keyval_path_is_of("device/vif/0", 5));
	ck_assert(!keyval_path_is_of("/vm/5/device", 5));
	ck_assert(!keyval_path_is_of("", 5));
}
END_TEST

static const struct {
	const char *path;
	int found;
	unsigned int backend, domid, devid;
	const char *leaf;
} events[] = {
	{"backend/vif", 0, 99, 99, 99, ""},
	{"backend/vif/3", 1, 99, 3, 99, ""},
	{"backend/vif/3/1", 2, 99, 3, 1, ""},
	{"backend/vif/3/1/state", 2, 99, 3, 1, "state"},
	{"/local/domain/7/backend/vif/3/1/queue-0/x", 2, 7, 3, 1, "queue-0/x"},
	{"/local/domain/7/backend/vif", 0, 7, 99, 99, ""},
	{"/local/domain/7/backend/vifx/3", -1, 0, 0, 0, NULL},
	{"/local/domain/x/backend/vif/3", -1, 0, 0, 0, NULL},
	{"/local/domain/7", -1, 0, 0, 0, NULL},
	{"/backend/vif/3/1", -1, 0, 0, 0, NULL},
	{"backend/vbd/3/1", -1, 0, 0, 0, NULL},
	{"backend/vif/03/1", -1, 0, 0, 0, NULL},
	{"backend/vif/3/-1", -1, 0, 0, 0, NULL},
	{"backend/vif/4294967296/1", -1, 0, 0, 0, NULL},
	{"backend/vif//1", -1, 0, 0, 0, NULL},
	{"@releaseDomain", -1, 0, 0, 0, NULL},
	{"", -1, 0, 0, 0, NULL},
};

START_TEST(watch_event_is_taken_apart)
{
	struct keyval_vif vif = {99, 99, 99, 99};
	const char *leaf = NULL;

	ck_assert_int_eq(keyval_split_path(events[_i].path, &vif, &leaf), events[_i].found);
	if (events[_i].found < 0)
		return;

	ck_assert_uint_eq(vif.backend, events[_i].backend);
	ck_assert_uint_eq(vif.domid, events[_i].domid);
	ck_assert_uint_eq(vif.devid, events[_i].devid);
	ck_assert_str_eq(leaf, events[_i].leaf);
}
END_TEST

#define COUNT(array) ((int)(sizeof(array) / sizeof((array)[0])))

static TCase *types_case(void)
{
	TCase *tc = tcase_create("types");

	tcase_add_loop_test(tc, number, 0, COUNT(numbers));
	tcase_add_loop_test(tc, mac, 0, COUNT(macs));
	tcase_add_loop_test(tc, rate, 0, COUNT(rates));
	tcase_add_loop_test(tc, text, 0, COUNT(texts));
	tcase_add_test(tc, text_that_does_not_fit_is_bad);
	tcase_add_test(tc, reader_of_another_type_refuses);
	tcase_add_test(tc, bool_and_state_give_their_values);
	tcase_add_test(tc, explain_escapes_and_cuts);
	tcase_add_test(tc, format_stays_in_bounds);
	return tc;
}

static TCase *paths_case(void)
{
	TCase *tc = tcase_create("paths");

	tcase_add_test(tc, paths_are_built);
	tcase_add_test(tc, path_fits_exactly_or_not);
	tcase_add_test(tc, queue_keys_are_flat_with_one_queue);
	tcase_add_test(tc, frontend_path_must_be_the_guests);
	tcase_add_loop_test(tc, watch_event_is_taken_apart, 0, COUNT(events));
	return tc;
}

int main(void)
{
	Suite *suite = suite_create("keyval-types");
	SRunner *runner;
	int failed;

	suite_add_tcase(suite, types_case());
	suite_add_tcase(suite, paths_case());
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
