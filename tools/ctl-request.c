/* SPDX-License-Identifier: MIT */
/* ctl-request.c: ask netbackd over its socket, read its JSON */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include "netback/common/util.h"
#include "netbackctl.h"

enum {
	REPLY_MAX_BYTES = 16 << 20,
	REPLY_TIMEOUT_SECONDS = 10,
};

static void fail(const char *run_dir, const char *what) __attribute__((noreturn));

static void fail(const char *run_dir, const char *what)
{
	switch (errno) {
	case ENOENT:
	case ECONNREFUSED:
	case ECONNRESET:
	case EPIPE:
		fprintf(stderr,
			"netbackctl: netbackd does not run here: %s/ctl.sock: %s: %s\n"
			"(start it, or name its run directory with --run-dir)\n",
			run_dir, what, strerror(errno));
		break;
	case EACCES:
	case EPERM:
		fprintf(stderr, "netbackctl: %s/ctl.sock: %s: only root may ask netbackd\n",
			run_dir, strerror(errno));
		break;
	default:
		fprintf(stderr, "netbackctl: %s/ctl.sock: %s: %s\n", run_dir, what,
			strerror(errno));
	}
	exit(1);
}

static int open_socket(const char *run_dir)
{
	const struct timeval limit = {.tv_sec = REPLY_TIMEOUT_SECONDS};
	struct sockaddr_un addr = {.sun_family = AF_UNIX};
	int sock;

	errno = ENAMETOOLONG;
	if (snprintf(addr.sun_path, sizeof(addr.sun_path), "%s/ctl.sock", run_dir) >=
	    (int)sizeof(addr.sun_path))
		fail(run_dir, "path");
	sock = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (sock < 0 || setsockopt(sock, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit)) < 0)
		fail(run_dir, "socket");
	if (connect(sock, (struct sockaddr *)&addr, sizeof(addr)) < 0)
		fail(run_dir, "connect");
	return sock;
}

static void send_request(int sock, const struct ctl_options *options, const char *command,
			 const char *vif)
{
	struct json_object *request = json_object_new_object();
	char line[512];
	int len;

	json_object_object_add(request, "command", json_object_new_string(command));
	if (vif)
		json_object_object_add(request, "vif", json_object_new_string(vif));
	len = snprintf(line, sizeof(line), "%.500s\n",
		       json_object_to_json_string_ext(request, JSON_C_TO_STRING_PLAIN));
	json_object_put(request);
	if (send(sock, line, (size_t)len, MSG_NOSIGNAL) != len)
		fail(options->run_dir, "request");
}

/* Until the end of file; for free(). */
static char *read_reply(int sock, const char *run_dir)
{
	size_t size = 65536, used = 0;
	char *text = malloc(size);
	ssize_t n;

	while (text) {
		n = recv(sock, text + used, size - used - 1, 0);
		if (n < 0)
			fail(run_dir, "reply");
		if (n == 0)
			break;
		used += (size_t)n;
		if (size - used > 1)
			continue;
		size *= 2;
		text = size > REPLY_MAX_BYTES ? NULL : realloc(text, size);
	}
	errno = ENOMEM;
	if (!text)
		fail(run_dir, "reply");
	text[used] = '\0';
	return text;
}

struct json_object *ctl_request(const struct ctl_options *options, const char *command,
				const char *vif)
{
	struct json_object *reply;
	int sock = open_socket(options->run_dir);
	char *text;

	send_request(sock, options, command, vif);
	text = read_reply(sock, options->run_dir);
	close(sock);

	reply = json_tokener_parse(text);
	free(text);
	if (!reply) {
		fprintf(stderr,
			"netbackctl: netbackd gave no answer (too many clients at once?)\n");
		exit(1);
	}
	if (!ctl_bool(reply, "ok")) {
		fprintf(stderr, "netbackctl: %s\n", ctl_text(reply, "error"));
		exit(1);
	}
	return reply;
}

void ctl_print_json(struct json_object *reply)
{
	puts(json_object_to_json_string_ext(reply, JSON_C_TO_STRING_PLAIN));
	fflush(stdout);
}

struct json_object *ctl_member(struct json_object *object, const char *name)
{
	struct json_object *member;

	return json_object_object_get_ex(object, name, &member) ? member : NULL;
}

const char *ctl_text(struct json_object *object, const char *name)
{
	const char *text = json_object_get_string(ctl_member(object, name));

	return text ? text : "";
}

int64_t ctl_number(struct json_object *object, const char *name)
{
	return json_object_get_int64(ctl_member(object, name));
}

bool ctl_bool(struct json_object *object, const char *name)
{
	return json_object_get_boolean(ctl_member(object, name));
}

unsigned int ctl_length(struct json_object *object, const char *name)
{
	struct json_object *array = ctl_member(object, name);

	if (!json_object_is_type(array, json_type_array))
		return 0;
	return (unsigned int)json_object_array_length(array);
}

struct json_object *ctl_element(struct json_object *object, const char *name, unsigned int n)
{
	return json_object_array_get_idx(ctl_member(object, name), n);
}

const char *ctl_state_name(int64_t state)
{
	static const char *const names[] = {
		"0 Unknown", "1 Initialising", "2 InitWait",	  "3 Initialised",  "4 Connected",
		"5 Closing", "6 Closed",       "7 Reconfiguring", "8 Reconfigured",
	};

	return state >= 0 && state < (int64_t)ARRAY_SIZE(names) ? names[state] : "? (bad value)";
}
