/* SPDX-License-Identifier: MIT */
/* The fake xenstored's requests and watches. */
#include "xenstored.h"

#include "store.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* a guest's quotas, the defaults of xenstored */
enum {
	MAX_TX = 10,
	MAX_WATCHES = 128
};

/* A request while it is served. */
struct request {
	struct conn *conn;
	struct store_tx *tx;
	char *data;
	size_t len;
	bool relative; /* the path was */
	char path[XENSTORE_ABS_PATH_MAX + 1];
};

static void push(struct conn *c, uint32_t type, const struct xsd_sockmsg *req, const void *data,
		 size_t len)
{
	struct xsd_sockmsg h = {.type = type, .len = len};

	if (req) {
		h.req_id = req->req_id;
		h.tx_id = req->tx_id;
	}
	while (c->out_len + sizeof(h) + len > c->out_size) {
		c->out_size = c->out_size ? 2 * c->out_size : 8192;
		c->out = realloc(c->out, c->out_size);
		if (!c->out)
			abort();
	}
	memcpy(c->out + c->out_len, &h, sizeof(h));
	memcpy(c->out + c->out_len + sizeof(h), data, len);
	c->out_len += sizeof(h) + len;
}

static void reply(struct request *r, const void *data, size_t len)
{
	push(r->conn, r->conn->in.hdr.type, &r->conn->in.hdr, data, len);
}

static int reply_string(struct request *r, const char *s)
{
	reply(r, s, strlen(s) + 1);
	return 0;
}

static int reply_ok(struct request *r, int rc)
{
	return rc ? rc : reply_string(r, "OK");
}

static void reply_error(struct conn *c, int rc)
{
	const char *name = "EINVAL";

	for (unsigned int i = 0; i < sizeof(xsd_errors) / sizeof(xsd_errors[0]); i++)
		if (xsd_errors[i].errnum == rc)
			name = xsd_errors[i].errstring;
	push(c, XS_ERROR, &c->in.hdr, name, strlen(name) + 1);
}

/* Events wait until the request that causes them has been answered. */
static struct event {
	struct event *next;
	struct conn *conn;
	size_t len;
	char data[];
} * events, **last_event = &events;

static void send_event(struct conn *c, const struct watch *w, const char *path)
{
	char prefix[40];
	size_t plen, tlen = strlen(w->token) + 1, skip;
	struct event *e;

	skip = snprintf(prefix, sizeof(prefix), "/local/domain/%u/", c->domid);
	if (w->relative && !strncmp(path, prefix, skip))
		path += skip;
	plen = strlen(path) + 1;
	e = malloc(sizeof(*e) + plen + tlen);
	if (!e)
		abort();
	e->next = NULL;
	e->conn = c;
	e->len = plen + tlen;
	memcpy(e->data, path, plen);
	memcpy(e->data + plen, w->token, tlen);
	*last_event = e;
	last_event = &e->next;
}

static void push_events(void)
{
	struct event *e;

	while ((e = events)) {
		events = e->next;
		if (!e->conn->gone)
			push(e->conn, XS_WATCH_EVENT, NULL, e->data, e->len);
		free(e);
	}
	last_event = &events;
}

static bool below(const char *path, const char *top)
{
	size_t len = strlen(top);

	return !strcmp(top, "/") ||
	       (!strncmp(path, top, len) && (path[len] == '/' || path[len] == '\0'));
}

void store_changed(const struct store_change *change)
{
	for (struct conn *c = conns; c; c = c->next) {
		if (!(store_rights(&change->perms, c->domid) & STORE_READ))
			continue;
		for (struct watch *w = c->watches; w; w = w->next)
			if (w->path[0] == '/' && (change->exact ? !strcmp(change->path, w->path)
								: below(change->path, w->path)))
				send_event(c, w, change->path);
	}
}

/* The special nodes are dom0's, as in the store's own: a guest may watch them, but is not told of anything. */
static void fire_special(const char *name)
{
	for (struct conn *c = conns; c; c = c->next)
		for (struct watch *w = c->watches; w; w = w->next)
			if (!c->domid && !strcmp(w->path, name))
				send_event(c, w, name);
}

static bool path_valid(const char *p)
{
	size_t len = strlen(p);

	if (p[0] != '/' || len > XENSTORE_ABS_PATH_MAX || (len > 1 && p[len - 1] == '/') ||
	    strstr(p, "//"))
		return false;
	for (; *p; p++)
		if (!isalnum((unsigned char)*p) && !strchr("-/_@", *p))
			return false;
	return true;
}

/* The n-th NUL-terminated string of the payload, or NULL. */
static char *string(struct request *r, unsigned int n)
{
	char *s = r->data, *end = r->data + r->len, *nul;

	for (;; s = nul + 1) {
		nul = memchr(s, '\0', end - s);
		if (!nul)
			return NULL;
		if (n-- == 0)
			return s;
	}
}

/* The first string as an absolute path, in r->path. */
static int take_path(struct request *r, bool special)
{
	const char *s = string(r, 0);

	if (!s)
		return EINVAL;
	r->relative = s[0] != '/' && s[0] != '@';
	if (r->relative) {
		if (strlen(s) > XENSTORE_REL_PATH_MAX)
			return EINVAL;
		snprintf(r->path, sizeof(r->path), "/local/domain/%u/%s", r->conn->domid, s);
	} else {
		if (strlen(s) > XENSTORE_ABS_PATH_MAX)
			return EINVAL;
		strcpy(r->path, s);
	}
	if (r->path[0] == '@')
		return special ? 0 : EINVAL;
	return path_valid(r->path) ? 0 : EINVAL;
}

static int take_node(struct request *r, const struct store_node **n)
{
	int rc = take_path(r, false);

	return rc ? rc : store_get(r->tx, r->conn->domid, r->path, STORE_READ, n);
}

static int do_directory(struct request *r)
{
	const struct store_node *n;
	int rc = take_node(r, &n);

	if (rc)
		return rc;
	if (n->childlen > XENSTORE_PAYLOAD_MAX)
		return E2BIG;
	reply(r, n->children ? n->children : "", n->childlen);
	return 0;
}

/* The generation, then as many names as fit, then an empty one at the end. */
static int do_directory_part(struct request *r)
{
	const char *from = string(r, 1);
	char buf[XENSTORE_PAYLOAD_MAX];
	const struct store_node *n;
	int rc = take_node(r, &n);
	size_t off, len;

	if (rc || !from)
		return rc ? rc : EINVAL;
	off = strtoul(from, NULL, 10);
	len = sprintf(buf, "%llu", (unsigned long long)n->generation) + 1;
	while (off < n->childlen) {
		size_t name = strlen(n->children + off) + 1;

		if (len + name + 1 > sizeof(buf))
			break;
		memcpy(buf + len, n->children + off, name);
		len += name;
		off += name;
	}
	if (off >= n->childlen)
		buf[len++] = '\0';
	reply(r, buf, len);
	return 0;
}

static int do_read(struct request *r)
{
	const struct store_node *n;
	int rc = take_node(r, &n);

	if (!rc)
		reply(r, n->len ? n->value : "", n->len);
	return rc;
}

static int do_get_perms(struct request *r)
{
	char buf[STORE_MAX_PERMS * 12];
	const struct store_node *n;
	int rc = take_node(r, &n);
	size_t len = 0;

	if (rc)
		return rc;
	for (unsigned int i = 0; i < n->perms.n; i++)
		len += sprintf(buf + len, "%c%u", "nrwb"[n->perms.p[i].bits & 3],
			       n -> perms.p[i].domid) +
		       1;
	reply(r, buf, len);
	return 0;
}

static int do_write(struct request *r)
{
	int rc = take_path(r, false);
	size_t skip = rc ? 0 : strlen(r->data) + 1;

	if (!rc)
		rc = store_write(r->tx, r->conn->domid, r->path, r->data + skip, r->len - skip);
	return reply_ok(r, rc);
}

static int do_mkdir(struct request *r)
{
	int rc = take_path(r, false);

	return reply_ok(r, rc ? rc : store_mkdir(r->tx, r->conn->domid, r->path));
}

static int do_rm(struct request *r)
{
	int rc = take_path(r, false);

	return reply_ok(r, rc ? rc : store_rm(r->tx, r->conn->domid, r->path));
}

static int do_set_perms(struct request *r)
{
	struct store_perms perms = {.n = 0};
	int rc = take_path(r, false);
	const char *s;

	if (rc)
		return rc;
	while ((s = string(r, perms.n + 1))) {
		const char *kind = strchr("nrwb", s[0]);

		if (perms.n == STORE_MAX_PERMS || !s[0] || !kind)
			return EINVAL;
		perms.p[perms.n].bits = kind - strchr("nrwb", 'n');
		perms.p[perms.n++].domid = strtoul(s + 1, NULL, 10);
	}
	if (perms.n == 0)
		return EINVAL;
	return reply_ok(r, store_set_perms(r->tx, r->conn->domid, r->path, &perms));
}

static struct watch **find_watch(struct conn *c, const char *path, const char *token)
{
	struct watch **p;

	for (p = &c->watches; *p; p = &(*p)->next)
		if (!strcmp((*p)->path, path) && !strcmp((*p)->token, token))
			break;
	return p;
}

static int do_watch(struct request *r)
{
	const char *token = string(r, 1);
	struct conn *c = r->conn;
	struct watch **p, *w;
	int rc = take_path(r, true);

	if (rc || !token)
		return rc ? rc : EINVAL;
	p = find_watch(c, r->path, token);
	if (*p)
		return EEXIST;
	if (c->domid && c->nr_watches >= MAX_WATCHES)
		return E2BIG;
	w = calloc(1, sizeof(*w));
	if (!w || !(w->path = strdup(r->path)) || !(w->token = strdup(token)))
		abort();
	w->relative = r->relative;
	*p = w;
	c->nr_watches++;
	send_event(c, w, r->path); /* every watch fires once when it is set */
	return reply_ok(r, 0);
}

static void drop_watch(struct conn *c, struct watch **p)
{
	struct watch *w = *p;

	*p = w->next;
	free(w->path);
	free(w->token);
	free(w);
	c->nr_watches--;
}

static int do_unwatch(struct request *r)
{
	const char *token = string(r, 1);
	int rc = take_path(r, true);
	struct watch **p;

	if (rc || !token)
		return rc ? rc : EINVAL;
	p = find_watch(r->conn, r->path, token);
	if (!*p)
		return ENOENT;
	drop_watch(r->conn, p);
	return reply_ok(r, 0);
}

static void drop_all_txs(struct conn *c)
{
	struct open_tx *t;

	while ((t = c->txs)) {
		c->txs = t->next;
		store_tx_end(t->tx, false);
		free(t);
	}
	c->nr_txs = 0;
}

static int do_reset_watches(struct request *r)
{
	while (r->conn->watches)
		drop_watch(r->conn, &r->conn->watches);
	drop_all_txs(r->conn);
	return reply_ok(r, 0);
}

static struct open_tx **find_tx(struct conn *c, uint32_t id)
{
	struct open_tx **p;

	for (p = &c->txs; *p && (*p)->id != id; p = &(*p)->next)
		;
	return p;
}

static int do_tx_start(struct request *r)
{
	static uint32_t next;
	struct open_tx *t;
	char id[12];

	if (r->tx)
		return EBUSY;
	if (r->conn->domid && r->conn->nr_txs >= MAX_TX)
		return ENOSPC;
	t = calloc(1, sizeof(*t));
	if (!t)
		abort();
	do
		t->id = ++next;
	while (t->id == 0 || *find_tx(r->conn, t->id));
	t->tx = store_tx_start();
	t->next = r->conn->txs;
	r->conn->txs = t;
	r->conn->nr_txs++;
	sprintf(id, "%u", t->id);
	return reply_string(r, id);
}

static int do_tx_end(struct request *r)
{
	const char *how = string(r, 0);
	struct open_tx **p, *t;

	if (!how || (strcmp(how, "T") && strcmp(how, "F")))
		return EINVAL;
	if (!r->tx)
		return ENOENT;
	p = find_tx(r->conn, r->conn->in.hdr.tx_id);
	t = *p;
	*p = t->next;
	free(t);
	r->conn->nr_txs--;
	return reply_ok(r, store_tx_end(r->tx, how[0] == 'T'));
}

static int number(struct request *r, unsigned int n, uint32_t *value)
{
	const char *s = string(r, n);

	if (!s || !isdigit((unsigned char)s[0]))
		return EINVAL;
	*value = strtoul(s, NULL, 10);
	return 0;
}

static int do_introduce(struct request *r)
{
	uint32_t domid;
	int rc = number(r, 0, &domid);

	if (rc || r->conn->domid || domid == 0)
		return rc ? rc : r->conn->domid ? EACCES : EINVAL;
	if (!listens_for(domid)) {
		rc = listen_for(domid);
		if (rc)
			return rc;
		fire_special("@introduceDomain");
	}
	return reply_ok(r, 0);
}

static int do_release(struct request *r)
{
	uint32_t domid;
	int rc = number(r, 0, &domid);

	if (rc || r->conn->domid || domid == 0)
		return rc ? rc : r->conn->domid ? EACCES : EINVAL;
	if (!listens_for(domid))
		return ENOENT;
	listen_end(domid);
	for (struct conn *c = conns; c; c = c->next)
		c->gone |= c->domid == domid;
	fire_special("@releaseDomain");
	return reply_ok(r, 0);
}

static int do_is_introduced(struct request *r)
{
	uint32_t domid;
	int rc = r->conn->domid ? EACCES : number(r, 0, &domid);

	return rc ? rc : reply_string(r, listens_for(domid) ? "T" : "F");
}

static int do_domain_path(struct request *r)
{
	char path[40];
	uint32_t domid;
	int rc = number(r, 0, &domid);

	snprintf(path, sizeof(path), "/local/domain/%u", domid);
	return rc ? rc : reply_string(r, path);
}

static int do_nothing(struct request *r)
{
	return r->conn->domid ? EACCES : reply_ok(r, 0);
}

/* "stop" ends the daemon; the true one's commands are not there. */
static int do_control(struct request *r)
{
	const char *what = string(r, 0);

	if (r->conn->domid)
		return EACCES;
	if (!what || strcmp(what, "stop"))
		return EINVAL;
	stop();
	return reply_ok(r, 0);
}

static const struct {
	const char *name;
	int (*serve)(struct request *r);
} requests[XS_TYPE_COUNT] = {
	[XS_CONTROL] = {"control", do_control},
	[XS_DIRECTORY] = {"directory", do_directory},
	[XS_READ] = {"read", do_read},
	[XS_GET_PERMS] = {"get_perms", do_get_perms},
	[XS_WATCH] = {"watch", do_watch},
	[XS_UNWATCH] = {"unwatch", do_unwatch},
	[XS_TRANSACTION_START] = {"transaction_start", do_tx_start},
	[XS_TRANSACTION_END] = {"transaction_end", do_tx_end},
	[XS_INTRODUCE] = {"introduce", do_introduce},
	[XS_RELEASE] = {"release", do_release},
	[XS_GET_DOMAIN_PATH] = {"get_domain_path", do_domain_path},
	[XS_WRITE] = {"write", do_write},
	[XS_MKDIR] = {"mkdir", do_mkdir},
	[XS_RM] = {"rm", do_rm},
	[XS_SET_PERMS] = {"set_perms", do_set_perms},
	[XS_IS_DOMAIN_INTRODUCED] = {"is_domain_introduced", do_is_introduced},
	[XS_RESUME] = {"resume", do_nothing},
	[XS_SET_TARGET] = {"set_target", do_nothing},
	[XS_RESET_WATCHES] = {"reset_watches", do_reset_watches},
	[XS_DIRECTORY_PART] = {"directory_part", do_directory_part},
};

void request_serve(struct conn *c, FILE *trace)
{
	struct request r = {
		.conn = c, .data = c->in.bytes + sizeof(c->in.hdr), .len = c->in.hdr.len};
	uint32_t type = c->in.hdr.type;
	struct open_tx *t = NULL;
	int rc = ENOSYS;

	if (c->in.hdr.tx_id)
		t = *find_tx(c, c->in.hdr.tx_id);
	r.tx = t ? t->tx : NULL;
	if (c->in.hdr.tx_id && !t)
		rc = ENOENT;
	else if (type < XS_TYPE_COUNT && requests[type].serve)
		rc = requests[type].serve(&r);
	if (rc)
		reply_error(c, rc);
	if (trace)
		fprintf(trace, "%u %u %s %s %s\n", c->domid, c->in.hdr.tx_id,
			type < XS_TYPE_COUNT && requests[type].name ? requests[type].name : "?",
			r.path, rc ? strerrorname_np(rc) : "OK");
	push_events();
}

void request_forget(struct conn *c)
{
	while (c->watches)
		drop_watch(c, &c->watches);
	drop_all_txs(c);
}
