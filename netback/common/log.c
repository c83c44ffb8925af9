/* SPDX-License-Identifier: MIT */
/* log.c: messages to stderr, one write each so that lines of threads do not mix */
#include "log.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "util.h"

enum {
	LINE_MAX_BYTES = 1024
};

static char log_name[32] = "netback";
static enum log_level log_threshold = LOG_LEVEL_INFO;

static const char *const level_names[] = {
	[LOG_LEVEL_ERR] = "err",
	[LOG_LEVEL_WARN] = "warn",
	[LOG_LEVEL_INFO] = "info",
	[LOG_LEVEL_DEBUG] = "debug",
};

void log_init(const char *name, enum log_level level)
{
	snprintf(log_name, sizeof(log_name), "%s", name);
	log_threshold = level;
}

void log_set_level(enum log_level level)
{
	log_threshold = level;
}

bool log_parse_level(const char *name, enum log_level *ret_level)
{
	for (size_t i = 0; i < ARRAY_SIZE(level_names); i++) {
		if (strcmp(name, level_names[i]) == 0) {
			*ret_level = (enum log_level)i;
			return true;
		}
	}
	return false;
}

/* A guest's words can reach a message (xenstore values): keep them on one line. */
static void tame(char *s)
{
	for (; *s; s++)
		if ((unsigned char)*s < ' ' || *s == 0x7f)
			*s = '?';
}

static void emit(enum log_level level, int errnum, const char *fmt, va_list ap)
{
	char line[LINE_MAX_BYTES], text[LINE_MAX_BYTES - 128];
	int n;

	vsnprintf(text, sizeof(text), fmt, ap);
	tame(text);
	n = snprintf(line, sizeof(line), "%s: %s: %s%s%s\n", log_name, level_names[level], text,
		     errnum ? ": " : "", errnum ? strerror(errnum) : "");
	n = min(n, (int)sizeof(line) - 1);
	if (write(STDERR_FILENO, line, (size_t)n) < 0)
		return; /* nobody is left to tell */
}

void log_msg(enum log_level level, bool with_errno, const char *fmt, ...)
{
	int saved = errno;
	va_list ap;

	if (level > log_threshold)
		return;

	va_start(ap, fmt);
	emit(level, with_errno ? saved : 0, fmt, ap);
	va_end(ap);
	errno = saved;
}

void die(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	emit(LOG_LEVEL_ERR, 0, fmt, ap);
	va_end(ap);
	exit(1);
}

void die_perror(const char *fmt, ...)
{
	int saved = errno;
	va_list ap;

	va_start(ap, fmt);
	emit(LOG_LEVEL_ERR, saved, fmt, ap);
	va_end(ap);
	exit(1);
}
