/* SPDX-License-Identifier: MIT */
/* ctl.c: a request line in, a reply line out */
#include "ctl.h"

#include <errno.h>
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <event2/listener.h>
#include <json-c/json.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "backend.h"
#include "metrics.h"
#include "netback/common/log.h"
#include "netback/common/util.h"

enum {
	REQUEST_MAX_BYTES = 1024,
	CLIENTS_MAX = 16,
	IDLE_SECONDS = 5,
};

static struct event_base *base;
static struct evconnlistener *listener;
static struct bufferevent *clients[CLIENTS_MAX];
static struct sockaddr_un address = {.sun_family = AF_UNIX};

/* --- requests --------------------------------------------------------------------------------------------- */

static int do_list(struct json_object *reply, const struct vif *vif)
{
	(void)vif;
	metrics_list(reply);
	return 0;
}

static int do_show(struct json_object *reply, const struct vif *vif)
{
	if (!vif)
		return -EINVAL;
	metrics_show(reply, vif);
	return 0;
}

static int do_stats(struct json_object *reply, const struct vif *vif)
{
	metrics_stats(reply, vif);
	return 0;
}

static const struct {
	const char *name;
	int (*run)(struct json_object *reply, const struct vif *vif);
} commands[] = {
	{"list", do_list},
	{"show", do_show},
	{"stats", do_stats},
};

static const char *get_text(struct json_object *object, const char *name)
{
	struct json_object *value;

	if (!json_object_object_get_ex(object, name, &value) ||
	    !json_object_is_type(value, json_type_string))
		return NULL;
	return json_object_get_string(value);
}

static void set_error(struct json_object *reply, const char *what, const char *name)
{
	char text[128];

	snprintf(text, sizeof(text), "%s%.40s", what, name);
	json_object_object_add(reply, "ok", json_object_new_boolean(false));
	json_object_object_add(reply, "error", json_object_new_string(text));
}

static void answer(struct json_object *request, struct json_object *reply)
{
	const char *command = get_text(request, "command");
	const char *name = get_text(request, "vif");
	const struct vif *vif = name ? backend_find(name) : NULL;

	if (!command)
		return set_error(reply, "the request has no command", "");
	if (name && !vif)
		return set_error(reply, "there is no ", name);
	for (size_t i = 0; i < ARRAY_SIZE(commands); i++) {
		if (strcmp(command, commands[i].name) != 0)
			continue;
		json_object_object_add(reply, "ok", json_object_new_boolean(true));
		if (commands[i].run(reply, vif) < 0)
			set_error(reply, "which vif? Needed by ", command);
		return;
	}
	set_error(reply, "there is no command ", command);
}

/* --- clients ---------------------------------------------------------------------------------------------- */

static void drop(struct bufferevent *client)
{
	for (size_t i = 0; i < CLIENTS_MAX; i++)
		if (clients[i] == client)
			clients[i] = NULL;
	bufferevent_free(client);
}

static void on_event(struct bufferevent *client, short what, void *arg)
{
	(void)what, (void)arg;
	drop(client);
}

static void on_written(struct bufferevent *client, void *arg)
{
	(void)arg;
	drop(client);
}

static void on_request(struct bufferevent *client, void *arg)
{
	struct evbuffer *in = bufferevent_get_input(client);
	struct json_object *request, *reply;
	const char *text;
	char *line;

	(void)arg;
	line = evbuffer_readln(in, NULL, EVBUFFER_EOL_LF);
	if (!line) {
		if (evbuffer_get_length(in) >= REQUEST_MAX_BYTES)
			drop(client);
		return;
	}
	bufferevent_disable(client, EV_READ);

	request = json_tokener_parse(line);
	reply = json_object_new_object();
	answer(request, reply);
	text = json_object_to_json_string_ext(reply, JSON_C_TO_STRING_PLAIN);
	bufferevent_setcb(client, NULL, on_written, on_event, NULL);
	bufferevent_write(client, text, strlen(text));
	bufferevent_write(client, "\n", 1);

	json_object_put(reply);
	json_object_put(request);
	free(line);
}

static void on_client(struct evconnlistener *from, evutil_socket_t fd, struct sockaddr *addr,
		      int len, void *arg)
{
	const struct timeval idle = {.tv_sec = IDLE_SECONDS};
	struct bufferevent **slot = clients;

	(void)from, (void)addr, (void)len, (void)arg;
	while (slot < clients + CLIENTS_MAX && *slot)
		slot++;
	if (slot == clients + CLIENTS_MAX) {
		close(fd);
		return;
	}

	*slot = bufferevent_socket_new(base, fd, BEV_OPT_CLOSE_ON_FREE);
	if (!*slot) {
		close(fd);
		return;
	}
	bufferevent_setcb(*slot, on_request, NULL, on_event, NULL);
	bufferevent_setwatermark(*slot, EV_READ, 0, REQUEST_MAX_BYTES);
	bufferevent_set_timeouts(*slot, &idle, &idle);
	bufferevent_enable(*slot, EV_READ | EV_WRITE);
}

/* --- start and stop --------------------------------------------------------------------------------------- */

int ctl_start(struct event_base *loop, const struct config *config)
{
	mode_t mask;

	base = loop;
	if (snprintf(address.sun_path, sizeof(address.sun_path), "%s/ctl.sock", config->run_dir) >=
	    (int)sizeof(address.sun_path))
		return -ENAMETOOLONG;

	/* The lock of the run directory is ours: a socket that is there has no listener. */
	unlink(address.sun_path);
	mask = umask(0117);
	listener = evconnlistener_new_bind(base, on_client, NULL,
					   LEV_OPT_CLOSE_ON_FREE | LEV_OPT_CLOSE_ON_EXEC, -1,
					   (struct sockaddr *)&address, sizeof(address));
	umask(mask);
	return listener ? 0 : -errno;
}

void ctl_stop(void)
{
	for (size_t i = 0; i < CLIENTS_MAX; i++)
		if (clients[i])
			drop(clients[i]);
	if (listener)
		evconnlistener_free(listener);
	unlink(address.sun_path);
}
