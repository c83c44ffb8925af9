/* SPDX-License-Identifier: MIT */
/* config.h: what the administrator decides, from netbackd.conf and the command line */
#ifndef NETBACK_CONTROL_CONFIG_H
#define NETBACK_CONTROL_CONFIG_H

#include <limits.h>
#include <stdbool.h>
#include <stdio.h>

#include "netback/common/link.h"
#include "netback/common/conf.h"
#include "netback/common/log.h"

/*
 * The file is read by conf.h, and shared with netback-hintd: keys that begin with hint_ are its own.
 *
 * An option of the command line is the same key with dashes (--run-dir, run_dir) and overrides the file.
 * Everything here runs before netbackd serves; main thread only.
 */
#define CONFIG_FILE CONF_FILE

enum {
	CONFIG_ERROR_SIZE = CONF_ERROR_SIZE
};

/* How many engine processes there are: one a vif, one a guest, one in all. */
enum isolation {
	ISOLATION_VIF,
	ISOLATION_DOMAIN,
	ISOLATION_HOST,
};

struct config {
	enum isolation isolation;
	enum log_level log_level;
	unsigned int workers;	  /* threads an engine */
	unsigned int max_queues;  /* offered to a frontend, 1..LINK_MAX_QUEUES */
	struct link_rate rate_rx; /* to a guest whose directory has no rate-rx */
	bool complete_checksums;  /* for a guest whose directory does not say */
	bool enforce_vlan;	  /* by us; else the key vlan is left to the hotplug script */
	bool run_scripts;	  /* hotplug scripts are run by us, not by the toolstack */
	char run_dir[PATH_MAX];
	char engine[PATH_MAX]; /* empty: look for it, see main.c */
};

void config_defaults(struct config *config);

/* 0, or -EINVAL with a sentence in error. */
int config_set(struct config *config, const char *key, const char *value,
	       char error[CONFIG_ERROR_SIZE]);

/* 0, or -EINVAL with "NAME:LINE: what is wrong" in error; name is only for that message. */
int config_read(struct config *config, FILE *file, const char *name, char error[CONFIG_ERROR_SIZE]);

/* What workers means: 0 stands for one a CPU, up to 4. */
unsigned int config_workers(const struct config *config);

/* Which engine serves a vif: "v3.0", "d3" or "host". */
void config_engine_key(const struct config *config, unsigned int domid, unsigned int handle,
		       char *key, size_t size);

const char *isolation_name(enum isolation isolation);

#endif
