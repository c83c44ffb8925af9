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
				   "run_dir = '/run/a b#c'\r\n"
				   "engine = \"/usr/libexec/netback/netback-engine\"",
				   error),
			 0);
	ck_assert_int_eq(config.isolation, ISOLATION_VIF);
	ck_assert_uint_eq(config.workers, 3);
	ck_assert_uint_eq(config_workers(&config), 3);
	ck_assert_uint_eq(config.max_queues, 5);
	ck_assert_int_eq(config.log_level, LOG_LEVEL_DEBUG);
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
	suite_add_tcase(suite, tcase);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? 1 : 0;
}
