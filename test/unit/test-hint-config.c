/* SPDX-License-Identifier: MIT */
/* The hint_ keys of netbackd.conf. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "netback/common/util.h"
#include "netback/hint/config.h"

static struct hint_config config;
static char error[CONF_ERROR_SIZE];

static int read_text(const char *text)
{
	FILE *file = fmemopen((void *)text, strlen(text), "r");
	int ret;

	hint_config_defaults(&config);
	*error = '\0';
	ret = hint_config_read(&config, file, "test.conf", error);
	fclose(file);
	return ret;
}

START_TEST(test_defaults_do_nothing)
{
	hint_config_defaults(&config);
	ck_assert_int_eq(config.mode, HINT_OFF);
	ck_assert_uint_eq(config.consent, 0);
	ck_assert(!config.law.pool_tuning && !config.law.ratelimit_off);
	ck_assert_str_eq(config.run_dir, "/run/netback");
}
END_TEST

START_TEST(test_keys)
{
	ck_assert_msg(
		read_text(
			"hint_mode = apply\nhint_default = 'both' # all\nhint_interval=250\n"
			"hint_beta = 0.1\nhint_rho = 0.5\nhint_fmax = 3\nhint_target_us = 2000\n"
			"hint_starved = 0.1\nhint_drops = 0.5\nhint_packet_us = 200\nhint_byte_ns = 20\n"
			"hint_pool_tuning = yes\nhint_ratelimit_off = yes\nrun_dir = /tmp/x\n"
			"log_level = debug\n"
			"isolation = \"netbackd's own\"\n") == 0,
		"%s", error);
	ck_assert_int_eq(config.mode, HINT_APPLY);
	ck_assert_uint_eq(config.consent, LAW_DONOR | LAW_RECIPIENT);
	ck_assert_uint_eq(config.interval_ms, 250);
	ck_assert(config.law.beta == 0.1 && config.law.rho == 0.5 && config.law.f_max == 3);
	ck_assert(config.law.target_us == 2000 && config.law.starved == 0.1 &&
		  config.law.drops == 0.5);
	ck_assert(config.law.packet_us == 200 && config.law.byte_ns == 20);
	ck_assert(config.law.pool_tuning && config.law.ratelimit_off);
	ck_assert_str_eq(config.run_dir, "/tmp/x");
	ck_assert_int_eq(config.log_level, LOG_LEVEL_DEBUG);
}
END_TEST

static const struct {
	const char *line, *message;
} wrong[] = {
	{"hint_mode = on", "none of off, observe, apply"},
	{"hint_default = all", "none of off, donor, recipient, both"},
	{"hint_mod = apply", "unknown key \"hint_mod\""},
	{"hint_beta = 0.26", "not a number from 0 to 0.25"},
	{"hint_rho = -1", "not a number from 0 to 0.5"},
	{"hint_rho = nan", "not a number from 0 to 0.5"},
	{"hint_fmax = 0.5", "not a number from 1 to 16"},
	{"hint_fmax = 2x", "not a number"},
	{"hint_interval = 5", "not a number from 20 to 60000"},
	{"hint_pool_tuning = 1", "neither yes nor no"},
	{"run_dir = here", "not an absolute path"},
	{"log_level = loud", "none of err"},
};

START_TEST(test_wrong_values)
{
	char text[128];

	snprintf(text, sizeof(text), "\n%s\n", wrong[_i].line);
	ck_assert_int_lt(read_text(text), 0);
	ck_assert_msg(strstr(error, wrong[_i].message) && strstr(error, "test.conf:2: "), "%s: %s",
		      wrong[_i].line, error);
}
END_TEST

START_TEST(test_words_of_consent)
{
	static const char *const words[] = {"off", "donor", "recipient", "both"};
	unsigned int consent;

	for (unsigned int i = 0; i < ARRAY_SIZE(words); i++) {
		ck_assert(hint_parse_consent(words[i], &consent));
		ck_assert_str_eq(hint_consent_name(consent), words[i]);
	}
	ck_assert(!hint_parse_consent("", &consent));
	ck_assert(!hint_parse_consent("Both", &consent));
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("hint-config");
	TCase *tcase = tcase_create("hint-config");
	SRunner *runner = srunner_create(suite);
	int failed;

	suite_add_tcase(suite, tcase);
	tcase_add_test(tcase, test_defaults_do_nothing);
	tcase_add_test(tcase, test_keys);
	tcase_add_loop_test(tcase, test_wrong_values, 0, ARRAY_SIZE(wrong));
	tcase_add_test(tcase, test_words_of_consent);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? 1 : 0;
}
