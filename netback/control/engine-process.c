/* SPDX-License-Identifier: MIT */
/* engine-process.c: fork, exec, lock and bury */
#include "engine-process.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "netback/common/log.h"
#include "netback/common/util.h"
#include "vif-files.h"

enum {
	ENGINE_SOCK_FD = 3,  /* what the engine expects */
	AWAIT_END_MS = 5000, /* an engine ends by itself within milliseconds */
	AWAIT_KILLED_MS = 2000,
	AWAIT_STEP_MS = 10,
};

static int open_stats(const char *run_dir, const char *key, int flags)
{
	char path[PATH_MAX];
	int fd;

	if (snprintf(path, sizeof(path), "%s/engine-%s.stats", run_dir, key) >= PATH_MAX)
		return -ENAMETOOLONG;
	fd = open(path, O_RDWR | O_CLOEXEC | O_NOFOLLOW | flags, 0640);
	return fd < 0 ? -errno : fd;
}

static void remove_stats(const char *run_dir, const char *key)
{
	char path[PATH_MAX];

	if (snprintf(path, sizeof(path), "%s/engine-%s.stats", run_dir, key) < PATH_MAX)
		unlink(path);
}

int engine_process_open(struct engine_process *process, const char *run_dir, const char *key)
{
	void *map;
	int ret;

	*process = (struct engine_process){.sock = -1};
	ret = process->stats_fd = open_stats(run_dir, key, O_CREAT);
	if (ret < 0)
		return ret;

	ret = vif_files_set_size(process->stats_fd, sizeof(struct stats_engine));
	if (ret < 0)
		goto err;
	if (flock(process->stats_fd, LOCK_EX | LOCK_NB) < 0)
		goto err_errno;

	map = mmap(NULL, sizeof(struct stats_engine), PROT_READ, MAP_SHARED, process->stats_fd, 0);
	if (map == MAP_FAILED)
		goto err_errno;
	process->stats = map;
	return 0;

err_errno:
	ret = -errno;
err:
	close(process->stats_fd);
	process->stats_fd = -1;
	return ret;
}

/* Between fork and exec, with threads in the parent: async-signal-safe calls only. */
static void become_engine(int sock, const char *path, const char *key)
{
	char *const argv[] = {(char *)"netback-engine", (char *)"--key", (char *)key, NULL};
	sigset_t none;

	/* A ^C on the terminal is for netbackd alone. */
	setpgid(0, 0);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);

	if (sock != ENGINE_SOCK_FD)
		dup2(sock, ENGINE_SOCK_FD);
	else
		fcntl(sock, F_SETFD, 0);
	close_range(ENGINE_SOCK_FD + 1, ~0u, 0);
	execv(path, argv);
	_exit(127);
}

int engine_process_start(struct engine_process *process, const char *path, const char *key)
{
	int pair[2], ret;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		return -errno;

	process->pid = fork();
	if (process->pid < 0) {
		ret = -errno;
		process->pid = 0;
		close(pair[0]);
		close(pair[1]);
		return ret;
	}
	if (process->pid == 0)
		become_engine(pair[1], path, key);

	close(pair[1]);
	fcntl(pair[0], F_SETFL, O_NONBLOCK);
	process->sock = pair[0];
	return 0;
}

void engine_process_hang_up(struct engine_process *process)
{
	if (process->sock >= 0)
		close(process->sock);
	process->sock = -1;
}

void engine_process_reaped(struct engine_process *process, const char *key, int status)
{
	engine_process_hang_up(process);
	if (WIFSIGNALED(status))
		warn("engine %s: process %d was killed by signal %d (%s)%s", key, process->pid,
		     WTERMSIG(status), strsignal(WTERMSIG(status)),
		     WCOREDUMP(status) ? ", core dumped" : "");
	else if (WEXITSTATUS(status) == 127)
		warn("engine %s: could not be executed", key);
	else if (WEXITSTATUS(status))
		warn("engine %s: process %d ended with status %d", key, process->pid,
		     WEXITSTATUS(status));
	else
		debug("engine %s: process %d ended", key, process->pid);
	process->pid = 0;
}

bool engine_process_dies_often(struct engine_process *process)
{
	time_t *oldest = &process->deaths[process->restarts % ENGINE_NR_DEATHS];
	struct timespec now;
	bool often;

	clock_gettime(CLOCK_MONOTONIC, &now);
	often = *oldest && now.tv_sec - *oldest < ENGINE_DEATHS_SECONDS;
	*oldest = now.tv_sec;
	process->restarts++;
	return often;
}

void engine_process_close(struct engine_process *process, const char *run_dir, const char *key)
{
	engine_process_hang_up(process);
	if (process->stats)
		munmap((void *)process->stats, sizeof(*process->stats));
	if (process->stats_fd >= 0)
		close(process->stats_fd);
	process->stats = NULL;
	process->stats_fd = -1;
	remove_stats(run_dir, key);
}

const struct stats_engine *engine_process_stats(const struct engine_process *process)
{
	const struct stats_engine *stats = process->stats;

	if (!stats || __atomic_load_n(&stats->magic, __ATOMIC_ACQUIRE) != STATS_MAGIC ||
	    stats->version != STATS_VERSION || stats->size != sizeof(*stats) ||
	    stats->nr_workers > STATS_MAX_WORKERS)
		return NULL;
	return stats;
}

/* --- engines of a netbackd before us ---------------------------------------------------------------------- */

static bool lock_within(int fd, int ms)
{
	const struct timespec step = {.tv_nsec = AWAIT_STEP_MS * 1000000L};

	for (; ms > 0; ms -= AWAIT_STEP_MS) {
		if (flock(fd, LOCK_EX | LOCK_NB) == 0)
			return true;
		nanosleep(&step, NULL);
	}
	return false;
}

/* The page was written by that engine: look twice before a pid in it is believed. */
static void kill_engine(int stats_fd, const char *key)
{
	char path[64], comm[32] = "";
	uint32_t pid = 0;
	FILE *file;

	if (pread(stats_fd, &pid, sizeof(pid), offsetof(struct stats_engine, pid)) != sizeof(pid))
		return;
	snprintf(path, sizeof(path), "/proc/%u/comm", pid);
	file = fopen(path, "re");
	if (!file)
		return;
	if (fgets(comm, sizeof(comm), file) && strcmp(comm, "netback-engine\n") == 0) {
		warn("engine %s: process %u outlived its netbackd: killed", key, pid);
		kill((pid_t)pid, SIGKILL);
	}
	fclose(file);
}

static void await_old(const char *run_dir, const char *key)
{
	int fd = open_stats(run_dir, key, 0);

	if (fd < 0)
		return;
	if (!lock_within(fd, AWAIT_END_MS)) {
		kill_engine(fd, key);
		if (!lock_within(fd, AWAIT_KILLED_MS))
			die("an engine of the netbackd before this one (%s/engine-%s.stats) does not "
			    "end: kill the netback-engine processes",
			    run_dir, key);
	}
	remove_stats(run_dir, key);
	close(fd);
}

void engine_process_await_old(const char *run_dir)
{
	struct dirent *entry;
	DIR *dir = opendir(run_dir);
	char key[NAME_MAX + 1];
	size_t len;

	if (!dir)
		return;
	while ((entry = readdir(dir))) {
		if (sscanf(entry->d_name, "engine-%255s", key) != 1)
			continue;
		len = strlen(key);
		if (len > 6 && strcmp(key + len - 6, ".stats") == 0) {
			key[len - 6] = '\0';
			await_old(run_dir, key);
		}
	}
	closedir(dir);
}
