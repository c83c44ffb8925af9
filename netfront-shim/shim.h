/* SPDX-License-Identifier: MIT -- what all subcommands of netfront-shim share: set-up, event loop, final report */
#ifndef SHIM_SHIM_H
#define SHIM_SHIM_H

#include <poll.h>
#include <stdio.h>

#include "netfront.h"

enum {
	SHIM_MAX_FDS = NETFRONT_MAX_QUEUES + 1,

	/* exit statuses */
	SHIM_OK = 0,
	SHIM_FAILED = 1, /* the system or the operator; no connection */
	SHIM_USAGE = 2,
	SHIM_UNMET = 3, /* what the command was to reach was not reached */
	SHIM_FAULT = 4, /* the backend broke the protocol */
};

struct shim {
	struct netfront nf;
	struct netfront_config config;
	const char *command;
	int verbose;
	int signal_fd;
	bool stop;	 /* SIGTERM, SIGINT, or the backend closes */
	bool keep_going; /* a closing backend or a broken ring does not stop us */
	/* If set, adds its own members to the JSON report, each with a comma before it. */
	void (*report)(FILE *to, void *ctx);
	void *report_ctx;
};

/* A subcommand: gets its own name as argv[0], returns an exit status. */
struct command {
	const char *name;
	int (*run)(struct shim *s, int argc, char **argv);
	const char *help;
};

int cmd_tap(struct shim *s, int argc, char **argv);
int cmd_generate(struct shim *s, int argc, char **argv);
int cmd_sink(struct shim *s, int argc, char **argv);
int cmd_echo(struct shim *s, int argc, char **argv);
int cmd_connect(struct shim *s, int argc, char **argv);
int cmd_hostile(struct shim *s, int argc, char **argv);

/* Opens libraries and store, and takes over the signals. 0 or an exit status, with a message. */
int shim_open(struct shim *s);

/* shim_open() and the way to Connected. */
int shim_connect(struct shim *s);

/*
 * Waits for the vif, the store, a signal or one of the nr caller's fds, and deals
 * with the first three. timeout_ms 0: only looks; -1: no limit. SIGUSR1 prints the
 * report as it stands.
 */
void shim_poll(struct shim *s, struct pollfd *fds, unsigned int nr, int timeout_ms);

/* Disconnects, prints the report, closes. Returns the exit status; unmet is the command's own. */
int shim_finish(struct shim *s, bool unmet);

/* One JSON line on standard output. */
void shim_report(struct shim *s);

uint64_t shim_now_ns(void);

/* Options: a number within bounds, or a message and exit. */
unsigned long long shim_number(const char *option, const char *text, unsigned long long min,
			       unsigned long long max);
/* A usage error: message and exit. */
void shim_usage(const char *format, ...) __attribute__((noreturn, format(printf, 1, 2)));

#endif
