/* SPDX-License-Identifier: MIT */
/* store.c: consent, names, shutdown requests, states of vifs */
#include "netback/hint/store.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <xen/io/xenbus.h>
#include <xenstore.h>

#include "netback/common/log.h"
#include "netback/hint/sched.h"
#include "xenstore-schemas/keyval.h"

#define NO_DOMAIN "-" /* a watch's token; all others are numbers of domains */

enum {
	DOMID_NONE = 0x7ff4, /* DOMID_INVALID of <xen/xen.h> */
};

struct watched {
	bool used, first_event_due; /* xenstored sends one for each watch at once */
	uint32_t domid;
};

struct store {
	struct xs_handle *xs;
	struct watched watched[SCHED_MAX_DOMAINS];
};

int store_open(struct store **ret_store)
{
	struct store *s = calloc(1, sizeof(*s));

	if (!s)
		return -ENOMEM;
	s->xs = xs_open(0);
	if (!s->xs) {
		free(s);
		return errno ? -errno : -EIO;
	}
	/* Any watch will do: it starts the library's reading thread, before a sandbox that knows it. */
	if (!xs_watch(s->xs, "@releaseDomain", NO_DOMAIN))
		warn_perror("@releaseDomain: cannot be watched");
	*ret_store = s;
	return 0;
}

void store_close(struct store *s)
{
	xs_close(s->xs);
	free(s);
}

int store_fd(const struct store *s)
{
	return xs_fileno(s->xs);
}

bool store_alive(struct store *s)
{
	unsigned int nr;
	char **names = xs_directory(s->xs, XBT_NULL, "/", &nr);

	free(names);
	return names != NULL;
}

/* --- values ---------------------------------------------------------------------------------------------- */

static bool is_set(enum keyval_verdict verdict)
{
	return verdict == KEYVAL_OK;
}

/* A key of the home of `home`, about domain `domid`. The empty string if it is missing or bad; false: bad. */
static bool read_string(struct store *s, enum xs_key key, uint32_t home, uint32_t domid, char *out,
			size_t size)
{
	const struct keyval_vif vif = {.backend = home, .domid = domid};
	char path[KEYVAL_PATH_SIZE], *val;
	unsigned int len = 0;
	bool good;

	*out = '\0';
	if (!keyval_key_path(path, sizeof(path), key, &vif))
		return true;
	val = xs_read(s->xs, XBT_NULL, path, &len);
	good = is_set(keyval_string(key, val, len, out, size)) || !val;
	if (!good)
		*out = '\0';
	free(val);
	return good;
}

void store_hint(struct store *s, uint32_t domid, char word[STORE_WORD])
{
	if (!read_string(s, XSK_DOM_HINT, 0, domid, word, STORE_WORD))
		strcpy(word, "?");
}

void store_name(struct store *s, uint32_t domid, char name[STORE_NAME])
{
	read_string(s, XSK_DOM_NAME, domid, 0, name, STORE_NAME);
}

static char **list(struct store *s, const char *path, unsigned int *ret_nr)
{
	char **names = xs_directory(s->xs, XBT_NULL, path, ret_nr);

	if (!names)
		*ret_nr = 0;
	return names;
}

static bool is_there(struct store *s, const char *path)
{
	unsigned int nr;
	char **names = list(s, path, &nr);

	free(names);
	return names != NULL;
}

/*
 * libxl makes the directory "libxl" with the domain if it has driver_domain=1, and "backend" (above that of vifs) with the first
 * device that it serves. The domain itself can make neither.
 */
bool store_is_driver(struct store *s, uint32_t domid)
{
	char path[KEYVAL_PATH_SIZE];

	if (!keyval_root_path(path, sizeof(path), domid))
		return false;
	*strrchr(path, '/') = '\0';
	if (is_there(s, path))
		return true;
	strcpy(strrchr(path, '/'), "/libxl"); /* shorter than what was there */
	return is_there(s, path);
}

/* --- coming and going ------------------------------------------------------------------------------------ */

static bool vif_is_closing(struct store *s, const struct keyval_vif *vif)
{
	char path[KEYVAL_PATH_SIZE], *val;
	unsigned int state = 0, len = 0;

	if (!keyval_key_path(path, sizeof(path), XSK_BE_STATE, vif))
		return false;
	val = xs_read(s->xs, XBT_NULL, path, &len);
	if (!is_set(keyval_state(XSK_BE_STATE, val, len, &state)))
		state = XenbusStateUnknown;
	free(val);
	return state == XenbusStateClosing || state == XenbusStateClosed;
}

bool store_is_leaving(struct store *s, uint32_t domid)
{
	struct keyval_vif vif = {.domid = domid};
	char text[KEYVAL_STRING_SIZE], path[KEYVAL_PATH_SIZE + 16], **devices;
	bool leaving = false;
	unsigned int nr;
	size_t len;

	read_string(s, XSK_DOM_CONTROL_SHUTDOWN, domid, 0, text, sizeof(text));
	if (*text)
		return true;
	if (!keyval_root_path(path, KEYVAL_PATH_SIZE, 0))
		return false;
	len = strlen(path);
	snprintf(path + len, 16, "/%u", domid);
	devices = list(s, path, &nr);
	for (unsigned int i = 0; i < nr && !leaving; i++) {
		char *end;

		vif.devid = (unsigned int)strtoul(devices[i], &end, 10);
		leaving = !*end && vif_is_closing(s, &vif);
	}
	free(devices);
	return leaving;
}

/* --- watches: the token is the domain -------------------------------------------------------------------- */

static struct watched *find_watched(struct store *s, uint32_t domid)
{
	for (unsigned int i = 0; i < SCHED_MAX_DOMAINS; i++)
		if (s->watched[i].used && s->watched[i].domid == domid)
			return &s->watched[i];
	return NULL;
}

static struct watched *free_watched(struct store *s)
{
	for (unsigned int i = 0; i < SCHED_MAX_DOMAINS; i++)
		if (!s->watched[i].used)
			return &s->watched[i];
	return NULL;
}

/* 0: the request to shut down, 1: the domain's vifs. */
static bool watched_path(uint32_t domid, unsigned int n, char path[KEYVAL_PATH_SIZE])
{
	const struct keyval_vif home = {.backend = domid};
	size_t len;

	if (n == 0)
		return keyval_key_path(path, KEYVAL_PATH_SIZE, XSK_DOM_CONTROL_SHUTDOWN, &home);
	if (!keyval_root_path(path, KEYVAL_PATH_SIZE - 16, 0))
		return false;
	len = strlen(path);
	snprintf(path + len, 16, "/%u", domid);
	return true;
}

void store_watch(struct store *s, uint32_t domid)
{
	struct watched *w = free_watched(s);
	char path[KEYVAL_PATH_SIZE], token[16];

	if (!w || find_watched(s, domid))
		return;
	*w = (struct watched){.used = true, .first_event_due = true, .domid = domid};
	snprintf(token, sizeof(token), "%u", domid);
	for (unsigned int n = 0; n < 2; n++)
		if (watched_path(domid, n, path) && !xs_watch(s->xs, path, token))
			warn_perror("%s: cannot be watched", path);
}

void store_unwatch(struct store *s, uint32_t domid)
{
	struct watched *w = find_watched(s, domid);
	char path[KEYVAL_PATH_SIZE], token[16];

	if (!w)
		return;
	w->used = false;
	snprintf(token, sizeof(token), "%u", domid);
	for (unsigned int n = 0; n < 2; n++)
		if (watched_path(domid, n, path))
			xs_unwatch(s->xs, path, token);
}

bool store_event(struct store *s, uint32_t *ret_domid, bool *ret_asked)
{
	char **event = xs_check_watch(s->xs), path[KEYVAL_PATH_SIZE];
	struct watched *w;

	if (!event)
		return false;
	*ret_asked = false;
	*ret_domid = DOMID_NONE;
	if (strcmp(event[XS_WATCH_TOKEN], NO_DOMAIN) != 0)
		*ret_domid = (uint32_t)strtoul(event[XS_WATCH_TOKEN], NULL, 10);
	w = find_watched(s, *ret_domid);
	if (w && watched_path(w->domid, 0, path) && strcmp(event[XS_WATCH_PATH], path) == 0) {
		*ret_asked = !w->first_event_due;
		w->first_event_due = false;
	}
	free(event);
	return true;
}
