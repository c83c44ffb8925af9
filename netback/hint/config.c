/* SPDX-License-Identifier: MIT */
/* config.c: the hint_ keys of netbackd.conf */
#include "netback/hint/config.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "netback/common/util.h"

static const char *const modes[] = {
	[HINT_OFF] = "off",
	[HINT_OBSERVE] = "observe",
	[HINT_APPLY] = "apply",
};

static const char *const consents[] = {
	[0] = "off",
	[LAW_DONOR] = "donor",
	[LAW_RECIPIENT] = "recipient",
	[LAW_DONOR | LAW_RECIPIENT] = "both",
};

const char *hint_mode_name(enum hint_mode mode)
{
	return modes[mode];
}

const char *hint_consent_name(unsigned int consent)
{
	return consents[consent];
}

static bool find_word(const char *const *words, unsigned int nr, const char *word,
		      unsigned int *ret_index)
{
	for (unsigned int i = 0; i < nr; i++) {
		if (strcmp(words[i], word) == 0) {
			*ret_index = i;
			return true;
		}
	}
	return false;
}

bool hint_parse_consent(const char *word, unsigned int *ret_consent)
{
	return find_word(consents, ARRAY_SIZE(consents), word, ret_consent);
}

void hint_config_defaults(struct hint_config *config)
{
	*config = (struct hint_config){
		.mode = HINT_OFF,
		.interval_ms = 1000,
		.log_level = LOG_LEVEL_INFO,
		.run_dir = "/run/netback",
	};
	law_defaults(&config->law);
}

/* --- values ---------------------------------------------------------------------------------------------- */

static int set_mode(struct hint_config *config, const char *value, char *error)
{
	unsigned int mode;

	if (!find_word(modes, ARRAY_SIZE(modes), value, &mode)) {
		snprintf(error, CONF_ERROR_SIZE, "\"%.40s\" is none of off, observe, apply", value);
		return -EINVAL;
	}
	config->mode = (enum hint_mode)mode;
	return 0;
}

static int set_default(struct hint_config *config, const char *value, char *error)
{
	if (hint_parse_consent(value, &config->consent))
		return 0;
	snprintf(error, CONF_ERROR_SIZE, "\"%.40s\" is none of off, donor, recipient, both", value);
	return -EINVAL;
}

static int set_real(const char *value, double low, double high, double *out, char *error)
{
	char *end;
	double n = strtod(value, &end);

	if (end == value || *end || !(n >= low && n <= high)) {
		snprintf(error, CONF_ERROR_SIZE, "\"%.40s\" is not a number from %g to %g", value,
			 low, high);
		return -EINVAL;
	}
	*out = n;
	return 0;
}

static int set_bool(const char *value, bool *out, char *error)
{
	*out = strcmp(value, "yes") == 0;
	if (*out || strcmp(value, "no") == 0)
		return 0;
	snprintf(error, CONF_ERROR_SIZE, "\"%.40s\" is neither yes nor no", value);
	return -EINVAL;
}

static int set_interval(struct hint_config *config, const char *value, char *error)
{
	return conf_number(value, 20, 60000, &config->interval_ms, error);
}

static int set_log_level(struct hint_config *config, const char *value, char *error)
{
	if (log_parse_level(value, &config->log_level))
		return 0;
	snprintf(error, CONF_ERROR_SIZE, "\"%.40s\" is none of err, warn, info, debug", value);
	return -EINVAL;
}

static int set_run_dir(struct hint_config *config, const char *value, char *error)
{
	return conf_path(value, config->run_dir, error);
}

#define REAL(name, field, low, high)                                                               \
	static int set_##name(struct hint_config *config, const char *value, char *error)          \
	{                                                                                          \
		return set_real(value, low, high, &config->law.field, error);                      \
	}
#define BOOL(name)                                                                                 \
	static int set_##name(struct hint_config *config, const char *value, char *error)          \
	{                                                                                          \
		return set_bool(value, &config->law.name, error);                                  \
	}

/* Four fifths of everybody's share is the promise of an addition, half of a donor's that of a transfer. */
REAL(beta, beta, 0, 0.25)
REAL(rho, rho, 0, 0.5)
REAL(fmax, f_max, 1, 16)
REAL(target_us, target_us, 50, 1e6)
REAL(starved, starved, 0.001, 1)
REAL(drops, drops, 0.0001, 1)
REAL(packet_us, packet_us, 0, 10000)
REAL(byte_ns, byte_ns, 0, 10000)
BOOL(pool_tuning)
BOOL(ratelimit_off)

static const struct {
	const char *name;
	int (*set)(struct hint_config *config, const char *value, char *error);
} keys[] = {
	{"hint_mode", set_mode},
	{"hint_default", set_default},
	{"hint_interval", set_interval},
	{"hint_beta", set_beta},
	{"hint_rho", set_rho},
	{"hint_fmax", set_fmax},
	{"hint_target_us", set_target_us},
	{"hint_starved", set_starved},
	{"hint_drops", set_drops},
	{"hint_packet_us", set_packet_us},
	{"hint_byte_ns", set_byte_ns},
	{"hint_pool_tuning", set_pool_tuning},
	{"hint_ratelimit_off", set_ratelimit_off},
	{"run_dir", set_run_dir},
	{"log_level", set_log_level},
};

int hint_config_set(struct hint_config *config, const char *key, const char *value,
		    char error[CONF_ERROR_SIZE])
{
	char why[CONF_ERROR_SIZE];

	for (size_t i = 0; i < ARRAY_SIZE(keys); i++) {
		if (strcmp(key, keys[i].name) != 0)
			continue;
		if (keys[i].set(config, value, why) == 0)
			return 0;
		snprintf(error, CONF_ERROR_SIZE, "%s: %.400s", key, why);
		return -EINVAL;
	}
	snprintf(error, CONF_ERROR_SIZE, "unknown key \"%.40s\"", key);
	return -EINVAL;
}

static bool is_ours(const char *key)
{
	return strncmp(key, "hint_", strlen("hint_")) == 0 || strcmp(key, "run_dir") == 0 ||
	       strcmp(key, "log_level") == 0;
}

static int set_line(void *config, const char *key, const char *value, char *error)
{
	return is_ours(key) ? hint_config_set(config, key, value, error) : 0;
}

int hint_config_read(struct hint_config *config, FILE *file, const char *name,
		     char error[CONF_ERROR_SIZE])
{
	return conf_read(file, name, set_line, config, error);
}
