/* SPDX-License-Identifier: MIT */
/* test-config.c: settings files that are right, and what is said about those that are not */
#include "netback/control/config.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "netback/common/util.h"

static int read_text(struct config *config, const char *text, char error[CONFIG_ERROR_SIZE])
{
	FILE *file = fmemopen((void *)text, strlen(text), "r");
	int ret;

	ck_assert_ptr_nonnull(file);
	config_defaults(config);
	error[0] = '\0';
	ret = config_read(config, file, "a.conf", error);
	fclose(file);
	return ret;
}

START_TEST(good_file)
{
	char error[CONFIG_ERROR_SIZE];
	struct config config;

	ck_assert_int_eq(read_text(&config,
				   "# comment\n"
				   "\n"
				   "  isolation = \"vif\"   # after a value\n"
				   "workers=3\n"
				   "max_queues = 5 # five\n"
				   "log_level\t=\tdebug\n"
				   "rate_rx = 10Mb/s\n"
				   "complete_checksums = yes\n"
				   "enforce_vlan = no\n"
				   "run_scripts = 'yes'\n"
				   "run_dir = '/run/a b#c'\r\n"
				   "engine = \"/usr/libexec/netback/netback-engine\"",
				   error),
			 0);
	ck_assert_int_eq(config.isolation, ISOLATION_VIF);
	ck_assert_uint_eq(config.workers, 3);
	ck_assert_uint_eq(config_workers(&config), 3);
	ck_assert_uint_eq(config.max_queues, 5);
	ck_assert_int_eq(config.log_level, LOG_LEVEL_DEBUG);
	ck_assert_uint_eq(config.rate_rx.bytes, 62500);
	ck_assert(config.complete_checksums && config.run_scripts && !config.enforce_vlan);
	ck_assert_str_eq(config.run_dir, "/run/a b#c");
	ck_assert_str_eq(config.engine, "/usr/libexec/netback/netback-engine");
}
END_TEST

START_TEST(defaults)
{
	char error[CONFIG_ERROR_SIZE];
	struct config config;

	ck_assert_int_eq(read_text(&config, "\n", error), 0);
	ck_assert_int_eq(config.isolation, ISOLATION_DOMAIN);
	ck_assert_uint_ge(config.max_queues, 1);
	ck_assert_uint_le(config.max_queues, 8);
	ck_assert_uint_ge(config_workers(&config), 1);
	ck_assert_uint_le(config_workers(&config), 4);
	ck_assert_str_eq(config.run_dir, "/run/netback");
	ck_assert_str_eq(config.engine, "");
	ck_assert_uint_eq(config.rate_rx.usec, 0);
	ck_assert(!config.complete_checksums && !config.run_scripts && config.enforce_vlan);
}
END_TEST

static const struct {
	const char *text;
	uint64_t bytes;
	uint32_t usec;
} rates[] = {
	{"unlimited", 0, 0},
	{"10Mb/s", 62500, 50000},
	{"250KB/s", 12500, 50000},
	{"1MB/s@20ms", 20000, 20000},
	{"1MB/s@20000us", 20000, 20000},
	{"8Gb/s@1s", 1000000000, 1000000},
	{"8b/s@2", 2, 2000000},
	{"160B/s", 8, 50000},
	{"2GB/s@1us", 2000, 1},
};

START_TEST(rate_rx)
{
	struct config config;
	char error[CONFIG_ERROR_SIZE];

	config_defaults(&config);
	ck_assert_int_eq(config_set(&config, "rate_rx", rates[_i].text, error), 0);
	ck_assert(config.rate_rx.bytes == rates[_i].bytes);
	ck_assert_uint_eq(config.rate_rx.usec, rates[_i].usec);
}
END_TEST

static const char *const bad_rates[] = {
	"",
	"10",
	"10Mb",
	"Mb/s",
	"-10Mb/s",
	"0Mb/s",
	"1b/s",
	"10mb/s",
	"10Mb/s@",
	"10Mb/s@0ms",
	"10Mb/s@1m",
	"10Mb/s@1sx",
	"10Mb/s 20ms",
	"10 Mb/s",
	"99999999999999999999Gb/s",
	"18446744073709551615GB/s",
	"10Mb/s@4294967296us",
	"2305843009213693951B/s@4000s",
};

START_TEST(bad_rate_rx)
{
	struct config config;
	char error[CONFIG_ERROR_SIZE];

	config_defaults(&config);
	ck_assert_int_lt(config_set(&config, "rate_rx", bad_rates[_i], error), 0);
	ck_assert_ptr_nonnull(strstr(error, "is neither unlimited nor a rate like"));
}
END_TEST

static const struct {
	const char *text, *error;
} bad[] = {
	{"isolation = guest", "a.conf:1: isolation: \"guest\" is none of vif, domain, host"},
	{"\n# x\nisolatoin = vif\n", "a.conf:3: unknown key \"isolatoin\""},
	{"workers = -1", "a.conf:1: workers: \"-1\" is not a number from 0 to 16"},
	{"workers = 17", "a.conf:1: workers: \"17\" is not a number from 0 to 16"},
	{"workers = 1k", "a.conf:1: workers: \"1k\" is not a number from 0 to 16"},
	{"workers = ''", "a.conf:1: workers: \"\" is not a number from 0 to 16"},
	{"workers = 99999999999999999999",
	 "a.conf:1: workers: \"99999999999999999999\" is not a number from 0 to 16"},
	{"max_queues = 0", "a.conf:1: max_queues: \"0\" is not a number from 1 to 8"},
	{"max_queues = 9", "a.conf:1: max_queues: \"9\" is not a number from 1 to 8"},
	{"log_level = loud", "a.conf:1: log_level: \"loud\" is none of err, warn, info, debug"},
	{"run_dir = run", "a.conf:1: run_dir: \"run\" is not an absolute path"},
	{"engine =", "a.conf:1: the value is missing"},
	{"engine = # none", "a.conf:1: the value is missing"},
	{"engine", "a.conf:1: this is not \"key = value\""},
	{"= vif", "a.conf:1: this is not \"key = value\""},
	{"isolation vif", "a.conf:1: this is not \"key = value\""},
	{"isolation = \"vif", "a.conf:1: the quote is not closed"},
	{"isolation = \"vif'\n", "a.conf:1: the quote is not closed"},
	{"isolation = vif host", "a.conf:1: something follows the value"},
	{"isolation = \"vif\"host", "a.conf:1: something follows the value"},
	{"run_scripts = true", "a.conf:1: run_scripts: \"true\" is neither yes nor no"},
	{"complete_checksums = 1", "a.conf:1: complete_checksums: \"1\" is neither yes nor no"},
	{"enforce_vlan = \"\"", "a.conf:1: enforce_vlan: \"\" is neither yes nor no"},
	{"isolation = [ 'vif' ]", "a.conf:1: no key takes a list"},
};

START_TEST(bad_file)
{
	char error[CONFIG_ERROR_SIZE];
	struct config config;

	ck_assert_int_lt(read_text(&config, bad[_i].text, error), 0);
	ck_assert_str_eq(error, bad[_i].error);
}
END_TEST

START_TEST(very_long_value)
{
	static char text[PATH_MAX + 100] = "run_dir = /";
	char error[CONFIG_ERROR_SIZE];
	struct config config;

	memset(text + strlen(text), 'x', sizeof(text) - strlen(text) - 1);
	ck_assert_int_lt(read_text(&config, text, error), 0);
	ck_assert_str_eq(error, "a.conf:1: the value is too long");
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("config");
	TCase *tcase = tcase_create("all");
	SRunner *runner;
	int failed;

	tcase_add_test(tcase, good_file);
	tcase_add_test(tcase, defaults);
	tcase_add_loop_test(tcase, bad_file, 0, (int)ARRAY_SIZE(bad));
	tcase_add_test(tcase, very_long_value);
	tcase_add_loop_test(tcase, rate_rx, 0, (int)ARRAY_SIZE(rates));
	tcase_add_loop_test(tcase, bad_rate_rx, 0, (int)ARRAY_SIZE(bad_rates));
	suite_add_tcase(suite, tcase);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? 1 : 0;
}
