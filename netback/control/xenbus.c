/* SPDX-License-Identifier: MIT */
/* xenbus.c: typed keys, transactions and watches over libxenstore */
#include "xenbus.h"

#include <errno.h>
#include <event2/event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <xenstore.h>

#include "netback/common/log.h"
#include "netback/common/util.h"

enum {
	WATCH_BUCKETS = 256, /* 200 vifs have 200 watches */
	EVENTS_PER_TURN = 1024,
	TRANSACTION_TRIES = 16,
	PULSE_SECONDS = 5,
	PATH_SIZE = KEYVAL_PATH_SIZE + 64,
};

struct xenbus_watch {
	LIST_ENTRY(xenbus_watch) entry;
	void (*fn)(void *arg, const char *path);
	void *arg;
	unsigned int id; /* the token in the store, never used twice: late events find no one */
	char path[];
};

LIST_HEAD(watch_list, xenbus_watch);

static struct {
	struct xs_handle *xs;
	struct event_base *base;
	struct event *event, *pulse;
	struct watch_list watches[WATCH_BUCKETS];
	unsigned int next_id;
	unsigned int domid;
	bool lost;
} xenbus;

/* --- the connection --------------------------------------------------------------------------------------- */

bool xenbus_alive(void)
{
	return xenbus.xs && !xenbus.lost;
}

unsigned int xenbus_domid(void)
{
	return xenbus.domid;
}

/* Any request that xenstored answers as long as it lives. 0 or what errno became. */
static int ask(void)
{
	unsigned int len;
	char *val = xs_read(xenbus.xs, XBT_NULL, xsk_name(XSK_DOM_DOMID), &len);
	int error = val ? 0 : errno;

	free(val);
	return error;
}

/* Remember from errno whether a request failed because of the request or because nobody answers. */
static void judge(int error)
{
	/*
	 * EINVAL is what xenstored says of a bad path, and what libxenstore says of the one request that was under way
	 * when the connection broke. The next one tells.
	 */
	if (error == EINVAL)
		error = ask();
	switch (error) {
	case 0:
	case ENOENT:
	case EACCES:
	case EPERM:
	case EINVAL:
	case EEXIST:
	case EAGAIN:
	case ENOSPC:
	case E2BIG:
	case EBUSY:
	case EROFS:
	case EISDIR:
	case ENOTEMPTY:
	case ENOSYS:
	case EISCONN:
	case ENOMEM:
		return;
	}
	if (xenbus.lost)
		return;
	xenbus.lost = true;
	errno = error;
	err_perror("the connection to xenstored broke");
	event_base_loopbreak(xenbus.base);
}

/* An empty directory is our own home, where relative paths start. */
static bool join(char path[PATH_SIZE], const struct xenbus_dir *dir, const char *name)
{
	const char *slash = *dir->path ? "/" : "";

	return snprintf(path, PATH_SIZE, "%s%s%s", dir->path, slash, name) < PATH_SIZE;
}

/* The raw value, for free(), or NULL. */
static char *read_raw(const struct xenbus_dir *dir, const char *name, unsigned int *ret_len)
{
	char path[PATH_SIZE];
	char *val = NULL;

	*ret_len = 0;
	if (!join(path, dir, name))
		return NULL;
	val = xs_read(xenbus.xs, dir->t, path, ret_len);
	if (!val) {
		judge(errno);
		*ret_len = 0;
	}
	return val;
}

static int read_domid(void)
{
	struct xenbus_dir home = {.path = ""};

	if (xenbus_read_uint(&home, XSK_DOM_DOMID, NULL, &xenbus.domid) == KEYVAL_REFUSE) {
		err("%s", home.why);
		return -EINVAL;
	}
	return xenbus_alive() ? 0 : -EIO;
}

static void on_readable(evutil_socket_t fd, short what, void *arg);

/* The library's reading thread ends silently when xenstored goes: only a request shows it. */
static void on_pulse(evutil_socket_t fd, short what, void *arg)
{
	(void)fd, (void)what, (void)arg;
	judge(ask());
}

int xenbus_open(struct event_base *base)
{
	xenbus.base = base;
	xenbus.xs = xs_open(0);
	if (!xenbus.xs)
		return errno ? -errno : -EIO;

	xenbus.event =
		event_new(base, xs_fileno(xenbus.xs), EV_READ | EV_PERSIST, on_readable, NULL);
	xenbus.pulse = event_new(base, -1, EV_PERSIST, on_pulse, NULL);
	if (!xenbus.event || event_add(xenbus.event, NULL) < 0 || !xenbus.pulse ||
	    event_add(xenbus.pulse, &(struct timeval){.tv_sec = PULSE_SECONDS}) < 0)
		return -ENOMEM;
	return read_domid();
}

void xenbus_close(void)
{
	if (xenbus.event)
		event_free(xenbus.event);
	if (xenbus.pulse)
		event_free(xenbus.pulse);
	if (xenbus.xs)
		xs_close(xenbus.xs);
	xenbus.event = NULL;
	xenbus.xs = NULL;
}

bool xenbus_domain_exists(unsigned int domid)
{
	errno = 0;
	if (xs_is_domain_introduced(xenbus.xs, domid) || errno == EACCES)
		return true;
	judge(ask()); /* no answer is not told from "no" */
	return !xenbus_alive();
}

/* --- watches ---------------------------------------------------------------------------------------------- */

static struct xenbus_watch *find_watch(const char *token)
{
	unsigned int id = (unsigned int)strtoul(token, NULL, 10);
	struct xenbus_watch *watch;

	LIST_FOREACH (watch, &xenbus.watches[id % WATCH_BUCKETS], entry) {
		if (watch->id == id)
			return watch;
	}
	return NULL;
}

static void on_readable(evutil_socket_t fd, short what, void *arg)
{
	struct xenbus_watch *watch;
	char **event;

	(void)fd, (void)what, (void)arg;
	for (int n = 0; n < EVENTS_PER_TURN; n++) {
		event = xs_check_watch(xenbus.xs);
		if (!event) {
			judge(errno);
			return;
		}
		watch = find_watch(event[XS_WATCH_TOKEN]);
		if (watch)
			watch->fn(watch->arg, event[XS_WATCH_PATH]);
		free(event);
	}
	/* The library may have emptied the pipe already while events remain. */
	event_active(xenbus.event, EV_READ, 0);
}

struct xenbus_watch *xenbus_watch(const char *path, void (*fn)(void *arg, const char *path),
				  void *arg)
{
	struct xenbus_watch *watch;
	char token[16];

	watch = calloc(1, sizeof(*watch) + strlen(path) + 1);
	if (!watch)
		return NULL;

	watch->fn = fn;
	watch->arg = arg;
	watch->id = xenbus.next_id++;
	strcpy(watch->path, path);
	snprintf(token, sizeof(token), "%u", watch->id);
	LIST_INSERT_HEAD(&xenbus.watches[watch->id % WATCH_BUCKETS], watch, entry);

	if (!xs_watch(xenbus.xs, path, token)) {
		judge(errno);
		LIST_REMOVE(watch, entry);
		free(watch);
		return NULL;
	}
	return watch;
}

void xenbus_unwatch(struct xenbus_watch *watch)
{
	char token[16];

	if (!watch)
		return;
	snprintf(token, sizeof(token), "%u", watch->id);
	if (!xs_unwatch(xenbus.xs, watch->path, token))
		judge(errno);
	LIST_REMOVE(watch, entry);
	free(watch);
}

/* --- transactions ----------------------------------------------------------------------------------------- */

static int try_transaction(int (*fn)(uint32_t t, void *arg), void *arg)
{
	xs_transaction_t t = xs_transaction_start(xenbus.xs);
	int ret;

	if (t == XBT_NULL) {
		ret = errno ? -errno : -EIO;
		judge(-ret);
		/* Too many transactions at once, ours or others': nothing to retry at once. */
		return ret == -EAGAIN ? -EBUSY : ret;
	}

	ret = fn(t, arg);
	if (!xs_transaction_end(xenbus.xs, t, ret != 0) && ret == 0) {
		ret = -errno;
		judge(-ret);
	}
	return ret;
}

int xenbus_transaction(int (*fn)(uint32_t t, void *arg), void *arg)
{
	int ret = -EAGAIN;

	for (int n = 0; ret == -EAGAIN && n < TRANSACTION_TRIES; n++)
		ret = try_transaction(fn, arg);
	return ret;
}

/* --- values ----------------------------------------------------------------------------------------------- */

static enum keyval_verdict report(struct xenbus_dir *dir, enum xs_key key,
				  enum keyval_verdict verdict, const char *val, size_t len)
{
	if (verdict == KEYVAL_REFUSE || verdict == KEYVAL_IGNORED)
		keyval_explain(key, val, len, dir->why, sizeof(dir->why));
	if (verdict == KEYVAL_IGNORED)
		log_msg(dir->quiet ? LOG_LEVEL_DEBUG : LOG_LEVEL_INFO, false, "%s: %s: ignored",
			dir->path, dir->why);
	return verdict;
}

enum keyval_verdict xenbus_read_uint(struct xenbus_dir *dir, enum xs_key key, const char *sub,
				     uint32_t *out)
{
	unsigned int len;
	char *val = read_raw(dir, sub ? sub : xsk_name(key), &len);
	enum keyval_verdict verdict = report(dir, key, keyval_uint(key, val, len, out), val, len);

	free(val);
	return verdict;
}

enum keyval_verdict xenbus_read_bool(struct xenbus_dir *dir, enum xs_key key, bool *out)
{
	unsigned int len;
	char *val = read_raw(dir, xsk_name(key), &len);
	enum keyval_verdict verdict = report(dir, key, keyval_bool(key, val, len, out), val, len);

	free(val);
	return verdict;
}

enum keyval_verdict xenbus_read_state(struct xenbus_dir *dir, enum xs_key key, unsigned int *out)
{
	unsigned int len;
	char *val = read_raw(dir, xsk_name(key), &len);
	enum keyval_verdict verdict = report(dir, key, keyval_state(key, val, len, out), val, len);

	free(val);
	return verdict;
}

enum keyval_verdict xenbus_read_string(struct xenbus_dir *dir, enum xs_key key, char *out,
				       size_t size)
{
	unsigned int len;
	char *val = read_raw(dir, xsk_name(key), &len);
	enum keyval_verdict verdict =
		report(dir, key, keyval_string(key, val, len, out, size), val, len);

	free(val);
	return verdict;
}

enum keyval_verdict xenbus_read_mac(struct xenbus_dir *dir, enum xs_key key, uint8_t out[6])
{
	unsigned int len;
	char *val = read_raw(dir, xsk_name(key), &len);
	enum keyval_verdict verdict = report(dir, key, keyval_mac(key, val, len, out), val, len);

	free(val);
	return verdict;
}

enum keyval_verdict xenbus_read_rate(struct xenbus_dir *dir, enum xs_key key,
				     struct keyval_rate *out)
{
	unsigned int len;
	char *val = read_raw(dir, xsk_name(key), &len);
	enum keyval_verdict verdict = report(dir, key, keyval_rate(key, val, len, out), val, len);

	free(val);
	return verdict;
}

int xenbus_write_string(const struct xenbus_dir *dir, enum xs_key key, const char *value)
{
	char path[PATH_SIZE];
	int ret;

	if (!join(path, dir, xsk_name(key)))
		return -ENAMETOOLONG;
	if (xs_write(xenbus.xs, dir->t, path, value, (unsigned int)strlen(value)))
		return 0;
	ret = errno ? -errno : -EIO;
	judge(-ret);
	return ret;
}

bool xenbus_write_path(const char *path, const char *value)
{
	if (xs_write(xenbus.xs, XBT_NULL, path, value, (unsigned int)strlen(value)))
		return true;
	judge(errno);
	return false;
}

int xenbus_write_uint(const struct xenbus_dir *dir, enum xs_key key, uint32_t value)
{
	char text[KEYVAL_NUMBER_SIZE];

	if (!keyval_format_uint(key, value, text))
		return -ERANGE;
	return xenbus_write_string(dir, key, text);
}

void xenbus_remove(const char *path)
{
	if (!xs_rm(xenbus.xs, XBT_NULL, path))
		judge(errno);
}

static int remove_path(const char *path, uint32_t t)
{
	int ret;

	if (xs_rm(xenbus.xs, t, path))
		return 0;
	ret = errno ? -errno : -EIO;
	judge(-ret);
	return ret;
}

int xenbus_remove_dir(const struct xenbus_dir *dir)
{
	char parent[KEYVAL_PATH_SIZE], **names;
	unsigned int nr = 0;
	int ret = remove_path(dir->path, dir->t);

	if (ret < 0 || snprintf(parent, sizeof(parent), "%s", dir->path) >= (int)sizeof(parent))
		return ret;
	*strrchr(parent, '/') = '\0';
	names = xs_directory(xenbus.xs, dir->t, parent, &nr);
	free(names);
	/* A parent that is not ours to remove stays. */
	if (names && !nr)
		remove_path(parent, dir->t);
	return 0;
}

char **xenbus_list(const char *path, unsigned int *ret_nr)
{
	char **names = xs_directory(xenbus.xs, XBT_NULL, path, ret_nr);

	if (!names) {
		judge(errno);
		*ret_nr = 0;
	}
	return names;
}
