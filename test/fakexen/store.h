/* SPDX-License-Identifier: MIT */
/* The fake xenstored's tree: nodes, permissions, transactions. */
#ifndef FAKEXEN_STORE_H
#define FAKEXEN_STORE_H

/*
 * The rules are those of C xenstored 4.17: docs/misc/xenstore.txt for the
 * protocol, and its habits where the text is silent:
 *
 * - A transaction copies each node when it first touches it. At its end it
 *   fails with EAGAIN if any node it has touched, read or written, exists or
 *   not, has changed meanwhile. A new child changes its parent.
 * - Domain 0 may do all. Others need the owner's or a listed right; a missing
 *   node is reported as EACCES to whoever may not use its nearest parent.
 * - A node made by a guest is its own, with the parent's other permissions.
 *
 * One thread. Paths are absolute and valid (see path_valid). Functions return 0
 * or a positive errno, as the protocol reports it.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	STORE_MAX_PERMS = 16,
	STORE_READ = 1,
	STORE_WRITE = 2,
	/* quotas of a guest, the defaults of xenstored */
	STORE_GUEST_NODES = 1000,
	STORE_GUEST_NODE_SIZE = 2048,
	STORE_GUEST_PERMS = 5,
};

struct store_perms {
	unsigned int n; /* the first is the owner, with everybody else's rights */
	struct {
		uint32_t domid;
		uint8_t bits;
	} p[STORE_MAX_PERMS];
};

struct store_node {
	struct store_node *next; /* in its hash bucket */
	char *path;
	char *value;
	size_t len;
	char *children; /* names, each with its NUL */
	size_t childlen;
	struct store_perms perms;
	uint64_t generation; /* 0: there is no such node */
	bool modified;	     /* by the transaction that owns this copy */
	uint64_t base;	     /* generation when the transaction first touched it */
};

/* A change that watchers hear of: the node, or for exact only that very path. */
struct store_change {
	struct store_change *next;
	char *path;
	bool exact;
	struct store_perms perms;
};

struct store_tx;

void store_init(void);

struct store_tx *store_tx_start(void);
/* 0, or EAGAIN on a conflict; frees tx, and with commit passes its changes on. */
int store_tx_end(struct store_tx *tx, bool commit);

/* tx is NULL outside of a transaction. The node belongs to the store. */
int store_get(struct store_tx *tx, uint32_t domid, const char *path, unsigned int need,
	      const struct store_node **node);
int store_write(struct store_tx *tx, uint32_t domid, const char *path, const char *value,
		size_t len);
int store_mkdir(struct store_tx *tx, uint32_t domid, const char *path);
int store_rm(struct store_tx *tx, uint32_t domid, const char *path);
int store_set_perms(struct store_tx *tx, uint32_t domid, const char *path,
		    const struct store_perms *perms);

unsigned int store_rights(const struct store_perms *perms, uint32_t domid);

/* Defined by the user of the store: called in order for each committed change. */
void store_changed(const struct store_change *change);

#endif
