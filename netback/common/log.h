/* SPDX-License-Identifier: MIT */
/* log.h: one line a message on stderr, with the level and who speaks */
#ifndef NETBACK_COMMON_LOG_H
#define NETBACK_COMMON_LOG_H

#include <stdbool.h>

/*
 * Any thread may log; a message is one write(2). No function of the packet path
 * (tx, rx, copy, offload, ring) logs at all: it counts.
 *
 * The plain names say what happened; the _perror twins add ": " and strerror(errno).
 * die() and die_perror() end the process with status 1: only before it serves.
 */
enum log_level {
	LOG_LEVEL_ERR,
	LOG_LEVEL_WARN,
	LOG_LEVEL_INFO,
	LOG_LEVEL_DEBUG
};

/* name goes into every line ("netback-engine[d3]") and is copied (31 bytes at most). */
void log_init(const char *name, enum log_level level);
void log_set_level(enum log_level level);

/* err, warn, info, debug -> level; false if name is none of them. */
bool log_parse_level(const char *name, enum log_level *ret_level);

void log_msg(enum log_level level, bool with_errno, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

#define err(...)	 log_msg(LOG_LEVEL_ERR, false, __VA_ARGS__)
#define err_perror(...)	 log_msg(LOG_LEVEL_ERR, true, __VA_ARGS__)
#define warn(...)	 log_msg(LOG_LEVEL_WARN, false, __VA_ARGS__)
#define warn_perror(...) log_msg(LOG_LEVEL_WARN, true, __VA_ARGS__)
#define info(...)	 log_msg(LOG_LEVEL_INFO, false, __VA_ARGS__)
#define debug(...)	 log_msg(LOG_LEVEL_DEBUG, false, __VA_ARGS__)

void die(const char *fmt, ...) __attribute__((noreturn, format(printf, 1, 2)));
void die_perror(const char *fmt, ...) __attribute__((noreturn, format(printf, 1, 2)));

#endif
