/* SPDX-License-Identifier: MIT */
/* engine-link.c: what passes between the vifs and their engines */
#include "engine-link.h"

#include <errno.h>
#include <event2/event.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "engine-process.h"
#include "link-client.h"
#include "xenbus.h"
#include "netback/common/log.h"
#include "netback/common/util.h"

/*
 * How it works: nothing is sent and nobody is called back where it is asked for. engine_attach and engine_detach
 * change a client's state and kick the engine; pump() then does, for each client, whatever the phase of the engine
 * allows. The same pump runs when the engine is ready, when its socket takes more, and when it has died.
 */
enum phase {
	ENGINE_DOWN,	 /* no process */
	ENGINE_STARTING, /* LINK_START sent */
	ENGINE_READY,
	ENGINE_ENDING, /* the socket is closed or the process is killed: wait for its end */
};

enum {
	ANSWER_SECONDS = 5,
	IDLE_SECONDS = 1,
	STOP_MS = 3000,
	BACKOFF_SECONDS = 1,
	MESSAGES_PER_TURN = 64,
};

TAILQ_HEAD(client_list, link_client);

struct engine {
	TAILQ_ENTRY(engine) entry;
	char key[ENGINE_KEY_SIZE];
	enum phase phase;
	struct engine_process process;
	struct event *kick;  /* run pump() from the loop */
	struct event *timer; /* DOWN: back-off; STARTING: it owes READY; READY: nobody needs it */
	struct event *readable, *writable;
	struct client_list clients;
	unsigned int nr_clients;
	bool stopped; /* ENDING: because it was told to */
};

static TAILQ_HEAD(, engine) engines = TAILQ_HEAD_INITIALIZER(engines);
static struct event_base *base;
static const struct config *config;
static struct event *sigchld;
static uint32_t next_serial;

static void pump(struct engine *engine);

static void set_timer(struct event *timer, int seconds)
{
	event_add(timer, &(struct timeval){.tv_sec = seconds});
}

/* --- a client leaves, with or without news ---------------------------------------------------------------- */

static void leave(struct link_client *client)
{
	struct engine *engine = client->engine;

	event_del(client->timer);
	TAILQ_REMOVE(&engine->clients, client, entry);
	engine->nr_clients--;
	client->state = LINK_IDLE;
	client->police = LINK_POLICE_DONE;
	client->engine = NULL;
	event_active(engine->kick, EV_TIMEOUT, 0);
}

static void leave_detached(struct link_client *client)
{
	leave(client);
	client->ops->detached(client->arg);
}

static void leave_refused(struct link_client *client, int error, const char *text)
{
	leave(client);
	client->ops->attached(client->arg, error, text);
}

/* --- the process ------------------------------------------------------------------------------------------ */

static void stop_events(struct engine *engine)
{
	if (engine->readable)
		event_free(engine->readable);
	if (engine->writable)
		event_free(engine->writable);
	engine->readable = engine->writable = NULL;
}

/* Not an engine any more as far as we are concerned; what is left is to wait for its end. */
static void kill_process(struct engine *engine, const char *why)
{
	if (engine->phase == ENGINE_DOWN || engine->phase == ENGINE_ENDING)
		return;
	if (why)
		err("engine %s: %s: killed", engine->key, why);
	kill(engine->process.pid, SIGKILL);
	stop_events(engine);
	engine_process_hang_up(&engine->process);
	event_del(engine->timer);
	engine->phase = ENGINE_ENDING;
}

static void on_readable(evutil_socket_t fd, short what, void *arg);

static void on_writable(evutil_socket_t fd, short what, void *arg)
{
	(void)fd, (void)what;
	pump(arg);
}

static int send_start(struct engine *engine)
{
	struct link_msg msg = {.magic = LINK_MAGIC, .type = LINK_START};

	msg.u.start.domid = (uint16_t)xenbus_domid();
	msg.u.start.nr_workers = config_workers(config);
	msg.u.start.log_level = (uint32_t)config->log_level;
	return link_send(engine->process.sock, &msg, &engine->process.stats_fd, 1);
}

static void start_process(struct engine *engine)
{
	int ret = engine_process_start(&engine->process, config->engine, engine->key);

	if (ret < 0) {
		err("engine %s: cannot be started: %s", engine->key, strerror(-ret));
		set_timer(engine->timer, BACKOFF_SECONDS);
		return;
	}
	debug("engine %s: process %d started", engine->key, engine->process.pid);

	engine->phase = ENGINE_STARTING;
	engine->readable =
		event_new(base, engine->process.sock, EV_READ | EV_PERSIST, on_readable, engine);
	engine->writable = event_new(base, engine->process.sock, EV_WRITE, on_writable, engine);
	ret = send_start(engine);
	if (!engine->readable || !engine->writable || ret < 0) {
		kill_process(engine, "cannot be spoken to");
		return;
	}
	event_add(engine->readable, NULL);
	set_timer(engine->timer, ANSWER_SECONDS);
}

/* The process is gone, and with it every mapping: running vifs queue for the next one. */
static void requeue_clients(struct engine *engine)
{
	struct link_client *client, *next;

	for (client = TAILQ_FIRST(&engine->clients); client; client = next) {
		next = TAILQ_NEXT(client, entry);
		event_del(client->timer);
		if (client->state == LINK_DETACHING)
			leave_detached(client);
		else if (client->overdue)
			leave_refused(client, -ETIMEDOUT, "the engine did not answer");
		else
			link_client_requeue(client);
	}
}

static void bury(struct engine *engine, int status)
{
	bool expected = engine->stopped;

	stop_events(engine);
	event_del(engine->timer);
	engine_process_reaped(&engine->process, engine->key, status);
	engine->phase = ENGINE_DOWN;
	engine->stopped = false;
	requeue_clients(engine);

	if (!expected && engine_process_dies_often(&engine->process)) {
		warn("engine %s: died %d times within %d seconds, waiting", engine->key,
		     ENGINE_NR_DEATHS, ENGINE_DEATHS_SECONDS);
		set_timer(engine->timer, BACKOFF_SECONDS);
		return;
	}
	pump(engine);
}

static void on_sigchld(evutil_socket_t fd, short what, void *arg)
{
	struct engine *engine, *next;
	int status;

	(void)fd, (void)what, (void)arg;
	for (engine = TAILQ_FIRST(&engines); engine; engine = next) {
		next = TAILQ_NEXT(engine, entry);
		if (engine->process.pid &&
		    waitpid(engine->process.pid, &status, WNOHANG) == engine->process.pid)
			bury(engine, status);
	}
}

/* --- what an engine says ---------------------------------------------------------------------------------- */

static struct link_client *find_client(struct engine *engine, const struct link_vif *id)
{
	struct link_client *client;

	TAILQ_FOREACH (client, &engine->clients, entry) {
		if (client->id.domid == id->domid && client->id.handle == id->handle &&
		    client->id.serial == id->serial)
			return client;
	}
	return NULL;
}

static bool take_ready(struct engine *engine)
{
	if (engine->phase != ENGINE_STARTING)
		return false;
	engine->phase = ENGINE_READY;
	event_del(engine->timer);
	info("engine %s: process %d is ready", engine->key, engine->process.pid);
	event_active(engine->kick, EV_TIMEOUT, 0);
	return true;
}

/* It goes into the store and to terminals. */
static void make_printable(char *text, size_t size)
{
	text[size - 1] = '\0';
	for (; *text; text++)
		if (*text < ' ' || *text > '~')
			*text = '?';
}

static bool take_message(struct engine *engine, struct link_msg *msg)
{
	struct link_client *client;

	if (msg->type == LINK_READY)
		return take_ready(engine);

	client = find_client(engine, &msg->vif);
	if (!client)
		return false;

	make_printable(msg->u.answer.text, sizeof(msg->u.answer.text));
	switch (link_client_take(client, msg)) {
	case LINK_CLIENT_NONSENSE:
		return false;
	case LINK_CLIENT_OWES:
		event_active(engine->kick, EV_TIMEOUT, 0);
		break;
	case LINK_CLIENT_REFUSED:
		leave_refused(client, msg->u.answer.error, msg->u.answer.text);
		break;
	case LINK_CLIENT_DETACHED:
		leave_detached(client);
		break;
	case LINK_CLIENT_STAYS:
		break;
	}
	return true;
}

/* One that was taken over may talk without end: what is left wakes us again, after the others. */
static void on_readable(evutil_socket_t fd, short what, void *arg)
{
	struct engine *engine = arg;
	int fds[LINK_MAX_FDS], ret = 1;
	struct link_msg msg;
	unsigned int nr_fds;

	(void)fd, (void)what;
	for (int n = 0; n < MESSAGES_PER_TURN; n++) {
		ret = link_recv(engine->process.sock, &msg, fds, &nr_fds);
		if (ret != 1)
			break;
		for (unsigned int i = 0; i < nr_fds; i++)
			close(fds[i]);
		if (nr_fds || !take_message(engine, &msg)) {
			kill_process(engine, "said what makes no sense");
			return;
		}
	}
	if (ret == 1)
		return;
	if (ret == 0)
		kill_process(engine, NULL); /* it is dying; SIGCHLD tells how */
	else if (ret != -EAGAIN)
		kill_process(engine, "cannot be understood");
}

/* --- what it is told -------------------------------------------------------------------------------------- */

static void serve_all(struct engine *engine)
{
	struct link_client *client;
	int ret = 0;

	TAILQ_FOREACH (client, &engine->clients, entry) {
		ret = link_client_serve(client, engine->process.sock);
		if (ret < 0)
			break;
	}
	if (ret == -EAGAIN)
		event_add(engine->writable, NULL);
	else if (ret < 0)
		kill_process(engine, strerror(-ret));
}

/* No process has heard of them: they are detached as they are. */
static void release_unheard(struct engine *engine)
{
	struct link_client *client, *next;

	for (client = TAILQ_FIRST(&engine->clients); client; client = next) {
		next = TAILQ_NEXT(client, entry);
		if (client->state == LINK_DETACHING)
			leave_detached(client);
	}
}

static void free_engine(struct engine *engine)
{
	engine_process_close(&engine->process, config->run_dir, engine->key);
	TAILQ_REMOVE(&engines, engine, entry);
	event_free(engine->kick);
	event_free(engine->timer);
	free(engine);
}

static void pump(struct engine *engine)
{
	if (engine->phase == ENGINE_ENDING)
		return;
	if (engine->phase == ENGINE_READY)
		serve_all(engine);
	else
		release_unheard(engine);

	if (engine->phase == ENGINE_DOWN && !engine->nr_clients)
		free_engine(engine);
	else if (engine->phase == ENGINE_DOWN && !evtimer_pending(engine->timer, NULL))
		start_process(engine);
	else if (engine->phase == ENGINE_READY && !engine->nr_clients)
		set_timer(engine->timer, IDLE_SECONDS);
	else if (engine->phase == ENGINE_READY)
		event_del(engine->timer);
}

static void on_kick(evutil_socket_t fd, short what, void *arg)
{
	(void)fd, (void)what;
	pump(arg);
}

static void hang_up(struct engine *engine)
{
	stop_events(engine);
	engine_process_hang_up(&engine->process);
	engine->phase = ENGINE_ENDING;
	engine->stopped = true;
	set_timer(engine->timer, ANSWER_SECONDS);
}

static void on_timer(evutil_socket_t fd, short what, void *arg)
{
	struct engine *engine = arg;

	(void)fd, (void)what;
	switch (engine->phase) {
	case ENGINE_DOWN:
		pump(engine);
		break;
	case ENGINE_STARTING:
		kill_process(engine, "did not start in time");
		break;
	case ENGINE_READY:
		hang_up(engine);
		break;
	case ENGINE_ENDING:
		err("engine %s: does not end: killed", engine->key);
		kill(engine->process.pid, SIGKILL);
		break;
	}
}

/*
 * An engine works in order: who was first is to blame, all others wait behind it. Orders of one turn have the same
 * deadline, and the loop may tell of a later one first.
 */
static struct link_client *find_culprit(struct link_client *overdue)
{
	struct link_client *client, *culprit = overdue;

	TAILQ_FOREACH (client, &overdue->engine->clients, entry) {
		if (evtimer_pending(client->timer, NULL) && client->order < culprit->order)
			culprit = client;
	}
	return culprit;
}

static void on_overdue(evutil_socket_t fd, short what, void *arg)
{
	struct link_client *client = arg;

	(void)fd, (void)what;
	if (client->engine->phase == ENGINE_ENDING)
		return; /* of another one's silence */
	client = find_culprit(client);
	err("vif%u.%u: the engine owes an answer to %s", client->id.domid, client->id.handle,
	    link_client_awaits(client));
	client->overdue = true;
	kill_process(client->engine, "does not answer");
}

/* --- for the vifs ----------------------------------------------------------------------------------------- */

static struct engine *find_engine(const char *key)
{
	struct engine *engine;

	TAILQ_FOREACH (engine, &engines, entry) {
		if (strcmp(engine->key, key) == 0)
			return engine;
	}
	return NULL;
}

static struct engine *new_engine(const char *key)
{
	struct engine *engine = calloc(1, sizeof(*engine));

	if (!engine)
		return NULL;
	snprintf(engine->key, sizeof(engine->key), "%s", key);
	TAILQ_INIT(&engine->clients);
	engine->kick = event_new(base, -1, 0, on_kick, engine);
	engine->timer = event_new(base, -1, 0, on_timer, engine);
	if (!engine->kick || !engine->timer ||
	    engine_process_open(&engine->process, config->run_dir, key) < 0)
		goto err;
	TAILQ_INSERT_TAIL(&engines, engine, entry);
	return engine;

err:
	if (engine->kick)
		event_free(engine->kick);
	if (engine->timer)
		event_free(engine->timer);
	free(engine);
	return NULL;
}

int engine_attach(struct link_client *client)
{
	char key[ENGINE_KEY_SIZE];
	struct engine *engine;

	if (client->state != LINK_IDLE)
		return -EBUSY;
	if (!client->timer)
		client->timer = event_new(base, -1, 0, on_overdue, client);
	config_engine_key(config, client->id.domid, client->id.handle, key, sizeof(key));
	engine = find_engine(key);
	if (!engine)
		engine = new_engine(key);
	if (!engine || !client->timer)
		return -ENOMEM;

	client->id.serial = ++next_serial;
	client->state = LINK_QUEUED;
	client->overdue = client->unsent = false;
	client->engine = engine;
	TAILQ_INSERT_TAIL(&engine->clients, client, entry);
	engine->nr_clients++;
	event_active(engine->kick, EV_TIMEOUT, 0);
	return 0;
}

bool engine_police(struct link_client *client)
{
	if (!link_client_police(client))
		return false;
	event_active(client->engine->kick, EV_TIMEOUT, 0);
	return true;
}

void engine_detach(struct link_client *client)
{
	if (client->state == LINK_IDLE || client->state == LINK_DETACHING)
		return;
	link_client_detach(client);
	event_active(client->engine->kick, EV_TIMEOUT, 0);
}

void engine_forget(struct link_client *client)
{
	if (client->timer)
		event_free(client->timer);
	client->timer = NULL;
}

/* --- start, stop, reports --------------------------------------------------------------------------------- */

void engines_init(struct event_base *loop, const struct config *settings)
{
	base = loop;
	config = settings;
	engine_process_await_old(config->run_dir);
	sigchld = evsignal_new(base, SIGCHLD, on_sigchld, NULL);
	if (!sigchld || event_add(sigchld, NULL) < 0)
		die("no memory");
}

static bool all_ended(void)
{
	struct engine *engine;
	bool all = true;

	TAILQ_FOREACH (engine, &engines, entry) {
		if (engine->process.pid && waitpid(engine->process.pid, NULL, WNOHANG) != 0)
			engine->process.pid = 0;
		all = all && !engine->process.pid;
	}
	return all;
}

void engines_stop(void)
{
	const struct timespec step = {.tv_nsec = 10 * 1000000L};
	struct engine *engine;

	TAILQ_FOREACH (engine, &engines, entry)
		engine_process_hang_up(&engine->process);
	for (int ms = 0; ms < STOP_MS && !all_ended(); ms += 10)
		nanosleep(&step, NULL);

	TAILQ_FOREACH (engine, &engines, entry) {
		if (!engine->process.pid)
			continue;
		warn("engine %s: does not end: killed", engine->key);
		kill(engine->process.pid, SIGKILL);
		waitpid(engine->process.pid, NULL, 0);
	}

	while ((engine = TAILQ_FIRST(&engines))) {
		stop_events(engine);
		free_engine(engine);
	}
	event_free(sigchld);
}

const char *engine_key(const struct engine *engine)
{
	return engine ? engine->key : "";
}

pid_t engine_pid(const struct engine *engine)
{
	return engine && engine->phase == ENGINE_READY ? engine->process.pid : 0;
}

void engines_each(void (*fn)(const struct engine_report *report, void *arg), void *arg)
{
	struct engine *engine;

	TAILQ_FOREACH (engine, &engines, entry) {
		struct engine_report report = {
			.key = engine->key,
			.pid = engine_pid(engine),
			.nr_vifs = engine->nr_clients,
			.restarts = engine->process.restarts,
			.stats = engine_process_stats(&engine->process),
		};
		fn(&report, arg);
	}
}
