/* SPDX-License-Identifier: MIT */
/* hotplug.c: fork, environment, exec, and a clock beside it */
#include "hotplug.h"

#include <errno.h>
#include <event2/event.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "netback/common/log.h"

enum {
	NOT_EXECUTED = 127,
};

static LIST_HEAD(, hotplug) running = LIST_HEAD_INITIALIZER(running);
static struct event_base *base;
static struct event *sigchld;

/* --- its end ---------------------------------------------------------------------------------------------- */

static void explain(const struct hotplug *h, int status, char why[HOTPLUG_WHY_SIZE])
{
	why[0] = '\0';
	if (h->timed_out)
		snprintf(why, HOTPLUG_WHY_SIZE, "the script took longer than %u seconds",
			 h->seconds);
	else if (WIFSIGNALED(status))
		snprintf(why, HOTPLUG_WHY_SIZE, "the script was killed by signal %d (%s)",
			 WTERMSIG(status), strsignal(WTERMSIG(status)));
	else if (WEXITSTATUS(status) == NOT_EXECUTED)
		snprintf(why, HOTPLUG_WHY_SIZE, "the script cannot be executed");
	else if (WEXITSTATUS(status))
		snprintf(why, HOTPLUG_WHY_SIZE, "the script ended with status %d",
			 WEXITSTATUS(status));
}

static void forget_process(struct hotplug *h)
{
	h->pid = 0;
	event_del(h->timer);
	LIST_REMOVE(h, entry);
}

static void on_sigchld(evutil_socket_t fd, short what, void *arg)
{
	char why[HOTPLUG_WHY_SIZE];
	struct hotplug *h, *next;
	int status;

	(void)fd, (void)what, (void)arg;
	for (h = LIST_FIRST(&running); h; h = next) {
		next = LIST_NEXT(h, entry);
		if (waitpid(h->pid, &status, WNOHANG) != h->pid)
			continue;
		explain(h, status, why);
		forget_process(h);
		h->done(h->arg, why);
	}
}

static void kill_group(const struct hotplug *h)
{
	/* The child may not have made its group yet. */
	if (kill(-h->pid, SIGKILL) < 0)
		kill(h->pid, SIGKILL);
}

static void on_timer(evutil_socket_t fd, short what, void *arg)
{
	struct hotplug *h = arg;

	(void)fd, (void)what;
	h->timed_out = true;
	kill_group(h);
}

void hotplug_kill(struct hotplug *h)
{
	if (h->pid)
		kill_group(h);
}

void hotplug_forget(struct hotplug *h)
{
	if (h->pid) {
		kill_group(h);
		waitpid(h->pid, NULL, 0);
		forget_process(h);
	}
	if (h->timer)
		event_free(h->timer);
	h->timer = NULL;
}

/* --- its start -------------------------------------------------------------------------------------------- */

enum {
	NR_VARIABLES = 6,
	VARIABLE_SIZE = 1100, /* a path of xenstore and a name */
};

struct variables {
	char text[NR_VARIABLES][VARIABLE_SIZE];
	unsigned int nr;
};

static void set(struct variables *v, const char *name, const char *value)
{
	snprintf(v->text[v->nr++], VARIABLE_SIZE, "%s=%s", name, value);
}

static bool is_set(const struct variables *v, const char *entry)
{
	for (unsigned int i = 0; i < v->nr; i++) {
		size_t len = strcspn(v->text[i], "=") + 1;

		if (strncmp(entry, v->text[i], len) == 0)
			return true;
	}
	return false;
}

/* Ours over those we were started with; the array is for free(). */
static char **make_environment(struct variables *v, const struct hotplug_job *job)
{
	char parent[64], **all;
	size_t nr = 0;

	snprintf(parent, sizeof(parent), "%.*s", (int)strcspn(job->path, "/"), job->path);
	set(v, "script", job->script);
	set(v, "XENBUS_TYPE", "vif");
	set(v, "XENBUS_PATH", job->path);
	set(v, "XENBUS_BASE_PATH", parent);
	set(v, "netdev", job->gatewaydev);
	set(v, "vif", job->vif);

	while (environ[nr])
		nr++;
	all = calloc(nr + NR_VARIABLES + 1, sizeof(*all));
	if (!all)
		return NULL;
	nr = 0;
	for (char **e = environ; *e; e++)
		if (!is_set(v, *e))
			all[nr++] = *e;
	for (unsigned int i = 0; i < v->nr; i++)
		all[nr++] = v->text[i];
	return all;
}

/* Between fork and exec, with threads in the parent: async-signal-safe calls only. */
static void become_script(const struct hotplug_job *job, char **environment)
{
	char *const argv[] = {(char *)job->script, (char *)job->verb, (char *)"type_if=vif", NULL};
	struct sigaction ordinary = {.sa_handler = SIG_DFL};
	sigset_t none;
	int null;

	setpgid(0, 0);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	sigaction(SIGPIPE, &ordinary, NULL);

	null = open("/dev/null", O_RDONLY);
	if (null >= 0)
		dup2(null, STDIN_FILENO);
	dup2(STDERR_FILENO, STDOUT_FILENO);
	close_range(STDERR_FILENO + 1, ~0u, 0);
	execve(job->script, argv, environment);
	_exit(NOT_EXECUTED);
}

static int start(struct hotplug *h, const struct hotplug_job *job)
{
	struct variables v = {.nr = 0};
	char **environment = make_environment(&v, job);

	if (!environment)
		return -ENOMEM;
	h->pid = fork();
	if (h->pid == 0)
		become_script(job, environment);
	free(environment);
	if (h->pid > 0)
		return 0;
	h->pid = 0;
	return -errno;
}

int hotplug_run(struct hotplug *h, const struct hotplug_job *job)
{
	int ret;

	if (h->pid)
		return -EBUSY;
	if (!h->timer)
		h->timer = event_new(base, -1, 0, on_timer, h);
	if (!h->timer)
		return -ENOMEM;

	ret = start(h, job);
	if (ret < 0)
		return ret;
	if (!h->seconds)
		h->seconds = HOTPLUG_SECONDS;
	h->timed_out = false;
	LIST_INSERT_HEAD(&running, h, entry);
	event_add(h->timer, &(struct timeval){.tv_sec = h->seconds});
	debug("%s: %s %s: process %d", job->vif, job->script, job->verb, h->pid);
	return 0;
}

void hotplug_init(struct event_base *loop)
{
	base = loop;
	sigchld = evsignal_new(base, SIGCHLD, on_sigchld, NULL);
	if (!sigchld || event_add(sigchld, NULL) < 0)
		die("no memory");
}

void hotplug_stop(void)
{
	struct hotplug *h;

	while ((h = LIST_FIRST(&running)))
		hotplug_forget(h);
	event_free(sigchld);
}
