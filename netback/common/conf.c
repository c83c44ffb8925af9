/* SPDX-License-Identifier: MIT */
/* conf.c: lines of key = value */
#include "netback/common/conf.h"

#include <ctype.h>
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

int conf_number(const char *value, unsigned int low, unsigned int high, unsigned int *out,
		char *error)
{
	unsigned long n;
	char *end;

	errno = 0;
	n = strtoul(value, &end, 10);
	if (errno || !isdigit((unsigned char)*value) || *end || n < low || n > high) {
		snprintf(error, CONF_ERROR_SIZE, "\"%.40s\" is not a number from %u to %u", value,
			 low, high);
		return -EINVAL;
	}
	*out = (unsigned int)n;
	return 0;
}

int conf_path(const char *value, char out[PATH_MAX], char *error)
{
	if (*value != '/' || strlen(value) >= PATH_MAX) {
		snprintf(error, CONF_ERROR_SIZE, "\"%.200s\" is not an absolute path", value);
		return -EINVAL;
	}
	strcpy(out, value);
	return 0;
}

static char *skip_blanks(char *s)
{
	return s + strspn(s, " \t\r\n");
}

static bool at_end(char *s)
{
	s = skip_blanks(s);
	return !*s || *s == '#';
}

static int refuse(char *error, const char *what)
{
	snprintf(error, CONF_ERROR_SIZE, "%s", what);
	return -EINVAL;
}

/* Copy the value that begins at s without its quotes. The end of it, or NULL with the reason in error. */
static char *take_value(char *s, char value[PATH_MAX], char *error)
{
	char quote = *s == '"' || *s == '\'' ? *s++ : '\0';
	size_t n = quote ? strcspn(s, (char[]){quote, '\n', '\0'}) : strcspn(s, " \t\r\n#");

	if (quote && s[n] != quote)
		return refuse(error, "the quote is not closed"), NULL;
	if (!quote && (n == 0 || *s == '['))
		return refuse(error, n ? "no key takes a list" : "the value is missing"), NULL;
	if (n >= PATH_MAX)
		return refuse(error, "the value is too long"), NULL;
	memcpy(value, s, n);
	value[n] = '\0';
	return s + n + (quote ? 1 : 0);
}

static int parse_line(char *line,
		      int (*set)(void *arg, const char *key, const char *value, char *error),
		      void *arg, char *error)
{
	char *s = skip_blanks(line), *key = s;
	char value[PATH_MAX], *rest;

	if (at_end(s))
		return 0;

	s += strspn(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_");
	rest = skip_blanks(s);
	if (s == key || *rest != '=')
		return refuse(error, "this is not \"key = value\"");
	*s = '\0';

	rest = take_value(skip_blanks(rest + 1), value, error);
	if (!rest)
		return -EINVAL;
	if (!at_end(rest))
		return refuse(error, "something follows the value");
	return set(arg, key, value, error);
}

int conf_read(FILE *file, const char *name,
	      int (*set)(void *arg, const char *key, const char *value, char *error), void *arg,
	      char error[CONF_ERROR_SIZE])
{
	char why[CONF_ERROR_SIZE], *line = NULL;
	unsigned int nr = 0;
	size_t size = 0;
	int ret = 0;

	while (ret == 0 && getline(&line, &size, file) >= 0) {
		nr++;
		ret = parse_line(line, set, arg, why);
		if (ret < 0)
			snprintf(error, CONF_ERROR_SIZE, "%.80s:%u: %.400s", name, nr, why);
	}
	free(line);
	return ret;
}
