/* SPDX-License-Identifier: MIT */
/* engine-process.h: one engine as a process: start, statistics file, end */
#ifndef NETBACK_CONTROL_ENGINE_PROCESS_H
#define NETBACK_CONTROL_ENGINE_PROCESS_H

#include <stdbool.h>
#include <sys/types.h>
#include <time.h>

#include "netback/common/stats.h"

/*
 * The file RUN_DIR/engine-KEY.stats tells two things: the counters, and by its flock(2) whether the process lives.
 * The lock belongs to the open file that control shares with the engine, so it is held until both are gone: a new
 * netbackd waits for it before it touches rings that an engine of the old one may still have mapped.
 */
enum {
	ENGINE_NR_DEATHS = 10, /* so many within DEATHS_SECONDS are often */
	ENGINE_DEATHS_SECONDS = 10,
};

struct engine_process {
	pid_t pid;    /* 0: not running */
	int sock;     /* -1: closed, which tells the engine to end */
	int stats_fd; /* -1: none */
	const struct stats_engine *stats;
	unsigned int restarts;		 /* deaths that engine_process_dies_often was told of */
	time_t deaths[ENGINE_NR_DEATHS]; /* a ring, the oldest at restarts % ENGINE_NR_DEATHS */
};

/* Create and lock the statistics file. 0 or -errno. */
int engine_process_open(struct engine_process *process, const char *run_dir, const char *key);

/* fork and exec path with the socket as descriptor 3. 0 or -errno. */
int engine_process_start(struct engine_process *process, const char *path, const char *key);

/* Close the socket. */
void engine_process_hang_up(struct engine_process *process);

/* Log how it ended, from a status of waitpid; it is down then. */
void engine_process_reaped(struct engine_process *process, const char *key, int status);

/* Once a death that was not ordered: is it time to wait before the next start? */
bool engine_process_dies_often(struct engine_process *process);

/* Remove the file; the process is down. */
void engine_process_close(struct engine_process *process, const char *run_dir, const char *key);

/* The page, if a reader may believe it. */
const struct stats_engine *engine_process_stats(const struct engine_process *process);

/* See engines_init. */
void engine_process_await_old(const char *run_dir);

#endif
