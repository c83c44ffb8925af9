/* SPDX-License-Identifier: MIT */
/* config.c: the keys of netbackd.conf, and its parser */
#include "config.h"

#include <ctype.h>
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "netback/common/conf.h"
#include "netback/common/link.h"
#include "netback/common/stats.h"
#include "netback/common/util.h"

enum {
	RATE_DEFAULT_USEC = 50000, /* xl's */
};

/* A word behind a number, and what it makes of it. */
struct unit {
	const char *word;
	uint64_t factor;
};

static const char *const isolation_names[] = {
	[ISOLATION_VIF] = "vif",
	[ISOLATION_DOMAIN] = "domain",
	[ISOLATION_HOST] = "host",
};

const char *isolation_name(enum isolation isolation)
{
	return isolation_names[isolation];
}

static unsigned int online_cpus(void)
{
	long n = sysconf(_SC_NPROCESSORS_ONLN);

	return n > 0 ? (unsigned int)n : 1;
}

void config_defaults(struct config *config)
{
	unsigned int cpus = online_cpus();

	*config = (struct config){
		.isolation = ISOLATION_DOMAIN,
		.log_level = LOG_LEVEL_INFO,
		.max_queues = cpus < LINK_MAX_QUEUES ? cpus : LINK_MAX_QUEUES,
		.enforce_vlan = true,
		.run_dir = "/run/netback",
	};
}

unsigned int config_workers(const struct config *config)
{
	return config->workers ? config->workers : min(online_cpus(), 4u);
}

void config_engine_key(const struct config *config, unsigned int domid, unsigned int handle,
		       char *key, size_t size)
{
	switch (config->isolation) {
	case ISOLATION_VIF:
		snprintf(key, size, "v%u.%u", domid, handle);
		break;
	case ISOLATION_DOMAIN:
		snprintf(key, size, "d%u", domid);
		break;
	case ISOLATION_HOST:
		snprintf(key, size, "host");
		break;
	}
}

static int set_isolation(struct config *config, const char *value, char *error)
{
	for (size_t i = 0; i < ARRAY_SIZE(isolation_names); i++) {
		if (strcmp(value, isolation_names[i]) == 0) {
			config->isolation = (enum isolation)i;
			return 0;
		}
	}
	snprintf(error, CONFIG_ERROR_SIZE, "\"%.40s\" is none of vif, domain, host", value);
	return -EINVAL;
}

static int set_log_level(struct config *config, const char *value, char *error)
{
	if (log_parse_level(value, &config->log_level))
		return 0;
	snprintf(error, CONFIG_ERROR_SIZE, "\"%.40s\" is none of err, warn, info, debug", value);
	return -EINVAL;
}

static int set_workers(struct config *config, const char *value, char *error)
{
	return conf_number(value, 0, STATS_MAX_WORKERS, &config->workers, error);
}

static int set_max_queues(struct config *config, const char *value, char *error)
{
	return conf_number(value, 1, LINK_MAX_QUEUES, &config->max_queues, error);
}

static int set_bool(const char *value, bool *out, char *error)
{
	*out = strcmp(value, "yes") == 0;
	if (*out || strcmp(value, "no") == 0)
		return 0;
	snprintf(error, CONFIG_ERROR_SIZE, "\"%.40s\" is neither yes nor no", value);
	return -EINVAL;
}

static int set_complete_checksums(struct config *config, const char *value, char *error)
{
	return set_bool(value, &config->complete_checksums, error);
}

static int set_enforce_vlan(struct config *config, const char *value, char *error)
{
	return set_bool(value, &config->enforce_vlan, error);
}

static int set_run_scripts(struct config *config, const char *value, char *error)
{
	return set_bool(value, &config->run_scripts, error);
}

/* Digits, then one of the words; their end or NULL. *out is the number times what the word stands for. */
static const char *take_quantity(const char *s, const struct unit *units, size_t nr, uint64_t *out)
{
	unsigned long long n;
	char *end;

	errno = 0;
	n = strtoull(s, &end, 10);
	if (errno || !isdigit((unsigned char)*s))
		return NULL;
	for (size_t i = 0; i < nr; i++) {
		size_t len = strlen(units[i].word);

		if (strncmp(end, units[i].word, len) == 0 &&
		    !__builtin_mul_overflow(n, units[i].factor, out))
			return end + len;
	}
	return NULL;
}

/* As xl's rate=: "10Mb/s", "1MB/s@20ms". Bits count for their eighth. */
static bool parse_rate(const char *value, struct link_rate *out)
{
	static const struct unit rates[] = {
		{"b/s", 1}, {"Kb/s", 1000}, {"Mb/s", 1000000}, {"Gb/s", 1000000000},
		{"B/s", 8}, {"KB/s", 8000}, {"MB/s", 8000000}, {"GB/s", 8000000000},
	};
	static const struct unit times[] = {{"us", 1}, {"ms", 1000}, {"s", 1000000}, {"", 1000000}};
	uint64_t bits, usec = RATE_DEFAULT_USEC;
	const char *at = take_quantity(value, rates, ARRAY_SIZE(rates), &bits);
	unsigned __int128 bytes;

	if (at && *at == '@')
		at = take_quantity(at + 1, times, ARRAY_SIZE(times), &usec);
	if (!at || *at || usec < 1 || usec > UINT32_MAX)
		return false;
	bytes = (unsigned __int128)(bits / 8) * usec / 1000000;
	if (bytes < 1 || bytes > INT64_MAX)
		return false;
	*out = (struct link_rate){.bytes = (uint64_t)bytes, .usec = (uint32_t)usec};
	return true;
}

static int set_rate_rx(struct config *config, const char *value, char *error)
{
	config->rate_rx = (struct link_rate){0};
	if (strcmp(value, "unlimited") == 0 || parse_rate(value, &config->rate_rx))
		return 0;
	snprintf(error, CONFIG_ERROR_SIZE,
		 "\"%.40s\" is neither unlimited nor a rate like 10Mb/s or 1MB/s@20ms", value);
	return -EINVAL;
}

static int set_run_dir(struct config *config, const char *value, char *error)
{
	return conf_path(value, config->run_dir, error);
}

static int set_engine(struct config *config, const char *value, char *error)
{
	return conf_path(value, config->engine, error);
}

static const struct {
	const char *name;
	int (*set)(struct config *config, const char *value, char *error);
} keys[] = {
	{"isolation", set_isolation},	    {"workers", set_workers},
	{"max_queues", set_max_queues},	    {"log_level", set_log_level},
	{"run_dir", set_run_dir},	    {"engine", set_engine},
	{"rate_rx", set_rate_rx},	    {"complete_checksums", set_complete_checksums},
	{"enforce_vlan", set_enforce_vlan}, {"run_scripts", set_run_scripts},
};

int config_set(struct config *config, const char *key, const char *value,
	       char error[CONFIG_ERROR_SIZE])
{
	char why[CONFIG_ERROR_SIZE];

	for (size_t i = 0; i < ARRAY_SIZE(keys); i++) {
		if (strcmp(key, keys[i].name) != 0)
			continue;
		if (keys[i].set(config, value, why) == 0)
			return 0;
		snprintf(error, CONFIG_ERROR_SIZE, "%s: %.400s", key, why);
		return -EINVAL;
	}
	snprintf(error, CONFIG_ERROR_SIZE, "unknown key \"%.40s\"", key);
	return -EINVAL;
}

static int set_line(void *config, const char *key, const char *value, char *error)
{
	/* The file is netback-hintd's as well, which checks its own keys. */
	if (strncmp(key, "hint_", strlen("hint_")) == 0)
		return 0;
	return config_set(config, key, value, error);
}

int config_read(struct config *config, FILE *file, const char *name, char error[CONFIG_ERROR_SIZE])
{
	return conf_read(file, name, set_line, config, error);
}
