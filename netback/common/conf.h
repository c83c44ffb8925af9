/* SPDX-License-Identifier: MIT */
/* conf.h: the parser of netbackd.conf, for the programs that read it */
#ifndef NETBACK_COMMON_CONF_H
#define NETBACK_COMMON_CONF_H

#include <limits.h>
#include <stdio.h>

/*
 * The file has the syntax of xl.conf, without lists:
 *
 *	# a comment
 *	isolation = "vif"	# quotes are optional around a word
 *	max_queues = 4
 *
 * The parser is our own 60 lines: libxlutil's is tied to libxl (its header includes libxl.h, its library
 * links libxenlight, whose ABI changes with every release of Xen), and netbackd must not depend on that.
 *
 * All return 0, or -EINVAL with a sentence in error, CONF_ERROR_SIZE bytes. While starting; no globals.
 */
#define CONF_FILE "/etc/xen/netbackd.conf"

enum {
	CONF_ERROR_SIZE = 512
};

/* Calls set(arg, key, value, error) for each line, until it fails. The error is "NAME:LINE: what is wrong"; name is only for that message. */
int conf_read(FILE *file, const char *name,
	      int (*set)(void *arg, const char *key, const char *value, char *error), void *arg,
	      char error[CONF_ERROR_SIZE]);

/* Values. */
int conf_number(const char *value, unsigned int low, unsigned int high, unsigned int *out,
		char *error);
int conf_path(const char *value, char out[PATH_MAX], char *error);

#endif
