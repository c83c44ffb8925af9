/* SPDX-License-Identifier: MIT */
/* store.h: what xenstore says of domains; store.c is netback-hintd's only user of libxenstore */
#ifndef NETBACK_HINT_STORE_H
#define NETBACK_HINT_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Only reads and watches: everything written here by netback is control's. Keys and their rules are those of
 * xenstore-schemas. A request waits for its answer. One thread.
 */
struct store;

/* 0 or -errno. */
int store_open(struct store **ret_store);
void store_close(struct store *s);

/* Readable when store_event has something. */
int store_fd(const struct store *s);

/* False: xenstored does not answer any more, and nothing that was read can be believed. */
bool store_alive(struct store *s);

enum {
	STORE_WORD = 32,
	STORE_NAME = 64,
};

/* backend/vif/DOMID/hint; "": there is no such key, "?": it holds no word. */
void store_hint(struct store *s, uint32_t domid, char word[STORE_WORD]);

/* "" if it has none. */
void store_name(struct store *s, uint32_t domid, char name[STORE_NAME]);

/* It was made to have backends, or has some: other domains depend on it. May become true while it runs. */
bool store_is_driver(struct store *s, uint32_t domid);

/* It is asked to shut down or suspend, or one of its vifs is being closed. */
bool store_is_leaving(struct store *s, uint32_t domid);

/* Hear at once when a domain is asked to shut down or a vif closes. Twice is once. */
void store_watch(struct store *s, uint32_t domid);
void store_unwatch(struct store *s, uint32_t domid);

/*
 * Take an event: true, and the domain that something happened to. *ret_asked: somebody wrote its
 * control/shutdown since the watch was set, even if the guest was quick to empty it again.
 */
bool store_event(struct store *s, uint32_t *ret_domid, bool *ret_asked);

#endif
