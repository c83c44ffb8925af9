/* SPDX-License-Identifier: MIT */
/* The fake xenstored's tree: nodes, permissions, transactions. */
#include "store.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum {
	BUCKETS = 4096,
	OWNERS = 32768
};

struct table {
	struct store_node *bucket[BUCKETS];
};

struct store_tx {
	struct table nodes; /* private copies of what was touched */
	struct store_change *changes, **last;
};

static struct table tree;
static uint64_t generation;
static uint32_t owned[OWNERS]; /* nodes of each domain */

static struct store_node **find(struct table *t, const char *path)
{
	uint32_t h = 2166136261u;
	struct store_node **p;

	for (const char *c = path; *c; c++)
		h = (h ^ (unsigned char)*c) * 16777619u;
	for (p = &t->bucket[h % BUCKETS]; *p && strcmp((*p)->path, path); p = &(*p)->next)
		;
	return p;
}

static void *must(void *p)
{
	if (!p)
		abort();
	return p;
}

static void *copy(const void *data, size_t len)
{
	return memcpy(must(malloc(len + 1)), data ? data : "", len);
}

static void free_node(struct store_node *n)
{
	free(n->path);
	free(n->value);
	free(n->children);
	free(n);
}

static struct store_node *new_node(struct store_node **at, const char *path)
{
	struct store_node *n = must(calloc(1, sizeof(*n)));

	n->path = must(strdup(path));
	n->next = *at;
	*at = n;
	return n;
}

static void copy_content(struct store_node *to, const struct store_node *from)
{
	free(to->value);
	free(to->children);
	to->value = copy(from->value, from->len);
	to->len = from->len;
	to->children = copy(from->children, from->childlen);
	to->childlen = from->childlen;
	to->perms = from->perms;
	to->generation = from->generation;
}

/* The node as the transaction sees it, or NULL if it does not exist. */
static struct store_node *look(struct store_tx *tx, const char *path)
{
	struct store_node *live = *find(&tree, path), **p;

	if (!tx)
		return live;
	p = find(&tx->nodes, path);
	if (!*p) {
		new_node(p, path);
		if (live)
			copy_content(*p, live);
		(*p)->base = (*p)->generation;
	}
	return (*p)->generation ? *p : NULL;
}

static void count_owner(const struct store_node *n, int by)
{
	if (n->perms.n && n->perms.p[0].domid < OWNERS)
		owned[n->perms.p[0].domid] += by;
}

static struct store_node *create(struct store_tx *tx, const char *path)
{
	struct store_node **p = find(tx ? &tx->nodes : &tree, path);

	if (!*p)
		new_node(p, path);
	(*p)->generation = ++generation;
	(*p)->modified = true;
	return *p;
}

static void touch(struct store_node *n)
{
	n->generation = ++generation;
	n->modified = true;
}

static void erase(struct store_tx *tx, const char *path)
{
	struct store_node **p = find(tx ? &tx->nodes : &tree, path), *n = *p;

	if (tx) {
		n->generation = 0;
		n->modified = true;
		n->len = n->childlen = 0;
		return;
	}
	count_owner(n, -1);
	*p = n->next;
	free_node(n);
}

static void free_change(struct store_change *c)
{
	free(c->path);
	free(c);
}

static void note(struct store_tx *tx, const char *path, bool exact, const struct store_perms *perms)
{
	struct store_change *c = must(calloc(1, sizeof(*c)));

	c->path = must(strdup(path));
	c->exact = exact;
	c->perms = *perms;
	if (!tx) {
		store_changed(c);
		free_change(c);
		return;
	}
	*tx->last = c;
	tx->last = &c->next;
}

unsigned int store_rights(const struct store_perms *perms, uint32_t domid)
{
	if (domid == 0 || perms->p[0].domid == domid)
		return STORE_READ | STORE_WRITE;
	for (unsigned int i = 1; i < perms->n; i++)
		if (perms->p[i].domid == domid)
			return perms->p[i].bits;
	return perms->p[0].bits;
}

static void parent_path(char *path)
{
	char *slash = strrchr(path, '/');

	slash[slash == path] = '\0';
}

/* The nearest existing ancestor; the root always is. */
static struct store_node *ancestor(struct store_tx *tx, const char *path)
{
	char *p = must(strdup(path));
	struct store_node *n;

	do {
		parent_path(p);
		n = look(tx, p);
	} while (!n);
	free(p);
	return n;
}

static int require(struct store_tx *tx, uint32_t domid, const char *path, unsigned int need,
		   struct store_node **node)
{
	*node = look(tx, path);
	if (*node)
		return (store_rights(&(*node)->perms, domid) & need) == need ? 0 : EACCES;
	if (strcmp(path, "/") && !(store_rights(&ancestor(tx, path)->perms, domid) & need))
		return EACCES;
	return ENOENT;
}

int store_get(struct store_tx *tx, uint32_t domid, const char *path, unsigned int need,
	      const struct store_node **node)
{
	struct store_node *n;
	int rc = require(tx, domid, path, need, &n);

	*node = n;
	return rc;
}

static void add_child(struct store_node *parent, const char *name)
{
	size_t len = strlen(name) + 1;

	parent->children = must(realloc(parent->children, parent->childlen + len));
	memcpy(parent->children + parent->childlen, name, len);
	parent->childlen += len;
	touch(parent);
}

static void remove_child(struct store_node *parent, const char *name)
{
	size_t len = strlen(name) + 1, off = 0;

	while (off < parent->childlen && strcmp(parent->children + off, name))
		off += strlen(parent->children + off) + 1;
	if (off < parent->childlen) {
		parent->childlen -= len;
		memmove(parent->children + off, parent->children + off + len,
			parent->childlen - off);
	}
	touch(parent);
}

/* Make the node and the missing ones above it, with inherited permissions. */
static struct store_node *construct(struct store_tx *tx, uint32_t domid, const char *path)
{
	char *up = must(strdup(path));
	struct store_node *parent, *n;
	struct store_perms perms;

	parent_path(up);
	parent = look(tx, up);
	if (!parent)
		parent = construct(tx, domid, up);
	perms = parent->perms;
	if (domid)
		perms.p[0].domid = domid;
	add_child(parent, strrchr(path, '/') + 1);
	n = create(tx, path);
	n->perms = perms;
	if (!tx)
		count_owner(n, 1);
	free(up);
	return n;
}

static int may_create(struct store_tx *tx, uint32_t domid, const char *path)
{
	if (!(store_rights(&ancestor(tx, path)->perms, domid) & STORE_WRITE))
		return EACCES;
	if (domid && domid < OWNERS && owned[domid] >= STORE_GUEST_NODES)
		return ENOSPC;
	return 0;
}

int store_write(struct store_tx *tx, uint32_t domid, const char *path, const char *value,
		size_t len)
{
	struct store_node *n;
	int rc = require(tx, domid, path, STORE_WRITE, &n);

	if (rc == ENOENT)
		rc = may_create(tx, domid, path);
	if (rc)
		return rc;
	if (domid && len + strlen(path) + (n ? n->childlen : 0) > STORE_GUEST_NODE_SIZE)
		return ENOSPC;
	if (!n)
		n = construct(tx, domid, path);
	free(n->value);
	n->value = copy(value, len);
	n->len = len;
	touch(n);
	note(tx, path, false, &n->perms);
	return 0;
}

int store_mkdir(struct store_tx *tx, uint32_t domid, const char *path)
{
	struct store_node *n;
	int rc = require(tx, domid, path, STORE_WRITE, &n);

	if (rc == ENOENT)
		rc = may_create(tx, domid, path);
	if (rc || n)
		return rc;
	n = construct(tx, domid, path);
	note(tx, path, false, &n->perms);
	return 0;
}

/* The node's children and itself, from the bottom up; changes are noted first. */
static void rm_tree(struct store_tx *tx, struct store_node *n, bool exact)
{
	note(tx, n->path, exact, &n->perms);
	for (size_t off = 0; off < n->childlen; off += strlen(n->children + off) + 1) {
		const char *name = n->children + off;
		char *path = must(malloc(strlen(n->path) + strlen(name) + 2));
		struct store_node *child;

		strcpy(path, n->path);
		strcat(strcat(path, "/"), name);
		child = look(tx, path);
		if (child)
			rm_tree(tx, child, true);
		free(path);
	}
	erase(tx, n->path);
}

int store_rm(struct store_tx *tx, uint32_t domid, const char *path)
{
	char *up = must(strdup(path));
	struct store_node *n, *parent;
	int rc = require(tx, domid, path, STORE_WRITE, &n);

	parent_path(up);
	parent = look(tx, up);
	if (rc == ENOENT && parent)
		rc = 0; /* what is not there is removed */
	else if (!rc && (!parent || !strcmp(path, "/")))
		rc = EINVAL;
	if (!rc && n) {
		remove_child(parent, strrchr(path, '/') + 1);
		rm_tree(tx, n, false);
	}
	free(up);
	return rc;
}

int store_set_perms(struct store_tx *tx, uint32_t domid, const char *path,
		    const struct store_perms *perms)
{
	struct store_node *n;
	int rc = require(tx, domid, path, STORE_WRITE, &n);

	if (rc)
		return rc;
	if (domid && n->perms.p[0].domid != domid)
		return EACCES;
	if (domid && perms->p[0].domid != domid)
		return EPERM;
	if (domid && perms->n > STORE_GUEST_PERMS)
		return ENOSPC;
	if (!tx)
		count_owner(n, -1);
	n->perms = *perms;
	if (!tx)
		count_owner(n, 1);
	touch(n);
	note(tx, path, false, &n->perms);
	return 0;
}

struct store_tx *store_tx_start(void)
{
	struct store_tx *tx = must(calloc(1, sizeof(*tx)));

	tx->last = &tx->changes;
	return tx;
}

static bool conflicts(struct store_tx *tx)
{
	for (int i = 0; i < BUCKETS; i++)
		for (struct store_node *n = tx->nodes.bucket[i]; n; n = n->next) {
			struct store_node *live = *find(&tree, n->path);

			if ((live ? live->generation : 0) != n->base)
				return true;
		}
	return false;
}

static void apply(const struct store_node *n)
{
	struct store_node **p = find(&tree, n->path);

	if (*p && !n->generation) {
		erase(NULL, n->path);
		return;
	}
	if (!n->generation)
		return;
	if (!*p)
		new_node(p, n->path);
	else
		count_owner(*p, -1);
	copy_content(*p, n);
	(*p)->generation = ++generation;
	count_owner(*p, 1);
}

int store_tx_end(struct store_tx *tx, bool commit)
{
	bool lost = commit && conflicts(tx);
	struct store_change *c;

	for (int i = 0; i < BUCKETS; i++) {
		struct store_node *n, *next;

		for (n = tx->nodes.bucket[i]; n; n = next) {
			next = n->next;
			if (commit && !lost && n->modified)
				apply(n);
			free_node(n);
		}
	}
	while ((c = tx->changes)) {
		tx->changes = c->next;
		if (commit && !lost)
			store_changed(c);
		free_change(c);
	}
	free(tx);
	return lost ? EAGAIN : 0;
}

void store_init(void)
{
	const char *dirs[] = {"/tool/xenstored", "/local/domain", "/libxl", "/vm"};
	struct store_node *root = create(NULL, "/");

	root->perms.n = 1;
	for (unsigned int i = 0; i < sizeof(dirs) / sizeof(dirs[0]); i++)
		store_mkdir(NULL, 0, dirs[i]);
}
