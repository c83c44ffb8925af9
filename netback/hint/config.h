/* SPDX-License-Identifier: MIT */
/* config.h: what the administrator decides about hints, from netbackd.conf and the command line */
#ifndef NETBACK_HINT_CONFIG_H
#define NETBACK_HINT_CONFIG_H

#include <limits.h>
#include <stdio.h>

#include "netback/common/conf.h"
#include "netback/common/log.h"
#include "netback/hint/law.h"

/*
 * Our keys begin with hint_; of the others of the file only run_dir and log_level concern us, and the rest is
 * netbackd's to check. An option is a key with dashes and without hint_ (--mode, hint_mode) and overrides the file.
 */
enum hint_mode {
	HINT_OFF,     /* put back what an earlier one left, and end */
	HINT_OBSERVE, /* say what would be done, and why */
	HINT_APPLY,
};

struct hint_config {
	enum hint_mode mode;
	unsigned int consent; /* of domains without a key in xenstore: enum law_consent */
	unsigned int interval_ms;
	enum log_level log_level;
	char run_dir[PATH_MAX];
	struct law_config law;
};

void hint_config_defaults(struct hint_config *config);

/* 0, or -EINVAL with a sentence in error. */
int hint_config_set(struct hint_config *config, const char *key, const char *value,
		    char error[CONF_ERROR_SIZE]);
int hint_config_read(struct hint_config *config, FILE *file, const char *name,
		     char error[CONF_ERROR_SIZE]);

const char *hint_mode_name(enum hint_mode mode);

/* off, donor, recipient, both; false if word is none of them. hint_consent_name is the way back. */
bool hint_parse_consent(const char *word, unsigned int *ret_consent);
const char *hint_consent_name(unsigned int consent);

#endif
