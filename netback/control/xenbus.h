/* SPDX-License-Identifier: MIT */
/* xenbus.h: the store as a backend uses it; the only user of libxenstore */
#ifndef NETBACK_CONTROL_XENBUS_H
#define NETBACK_CONTROL_XENBUS_H

#include <stdbool.h>
#include <stdint.h>

#include "xenstore-schemas/keyval.h"

struct event_base;

/*
 * One connection to xenstored for the whole process. Reads and writes wait for the answer; watches come through
 * the event loop. Main thread only.
 *
 * A broken connection cannot be told from an empty store by a caller that reads a key and finds nothing, and a
 * vif whose keys are gone is removed. So whoever is about to act on a missing key asks xenbus_alive() first. When
 * the connection breaks the loop is ended, netbackd exits, and the next one adopts every guest.
 */

/* 0 or -errno. Reads our own domid, too. */
int xenbus_open(struct event_base *base);
void xenbus_close(void);

bool xenbus_alive(void);
unsigned int xenbus_domid(void);

/*
 * False only if the hypervisor has no such domain any more, or the store is not told of it. Only dom0 may ask;
 * elsewhere every domain exists.
 */
bool xenbus_domain_exists(unsigned int domid);

/* --- watches ---------------------------------------------------------------------------------------------- */

/*
 * fn is called from the loop with the path that changed, at least once after the watch was set, never again
 * after xenbus_unwatch. It may set and remove watches. NULL: no memory, or refused by xenstored.
 */
struct xenbus_watch;
struct xenbus_watch *xenbus_watch(const char *path, void (*fn)(void *arg, const char *path),
				  void *arg);
void xenbus_unwatch(struct xenbus_watch *watch); /* NULL is nothing */

/* --- transactions ----------------------------------------------------------------------------------------- */

enum {
	XENBUS_NO_TRANSACTION = 0
};

/*
 * Call fn(t, arg) in a transaction, again and again until no one else has interfered. fn returns 0 to commit or
 * -errno to give up, which is then returned; -EAGAIN: others interfere all the time, try later.
 */
int xenbus_transaction(int (*fn)(uint32_t t, void *arg), void *arg);

/* --- values ----------------------------------------------------------------------------------------------- */

/* Where keys are read and written: a directory, and a transaction if there is one. */
struct xenbus_dir {
	const char *path;
	uint32_t t;
	bool quiet; /* values that are ignored are no news: log them at debug level */
	char why[KEYVAL_EXPLAIN_SIZE]; /* set with each KEYVAL_REFUSE: a sentence about the value */
};

/*
 * Read a key by its rule. The name in the directory is the key's own one, or sub if that is not NULL
 * (queue-1/tx-ring-ref). A value that is ignored because it is bad leaves a line in the log.
 */
enum keyval_verdict xenbus_read_uint(struct xenbus_dir *dir, enum xs_key key, const char *sub,
				     uint32_t *out) KEYVAL_CHECK;
enum keyval_verdict xenbus_read_bool(struct xenbus_dir *dir, enum xs_key key,
				     bool *out) KEYVAL_CHECK;
enum keyval_verdict xenbus_read_state(struct xenbus_dir *dir, enum xs_key key,
				      unsigned int *out) KEYVAL_CHECK;
enum keyval_verdict xenbus_read_string(struct xenbus_dir *dir, enum xs_key key, char *out,
				       size_t size) KEYVAL_CHECK;
enum keyval_verdict xenbus_read_mac(struct xenbus_dir *dir, enum xs_key key,
				    uint8_t out[6]) KEYVAL_CHECK;

/* usec 0: not limited. */
enum keyval_verdict xenbus_read_rate(struct xenbus_dir *dir, enum xs_key key,
				     struct keyval_rate *out) KEYVAL_CHECK;

/* 0 or -errno. */
int xenbus_write_uint(const struct xenbus_dir *dir, enum xs_key key, uint32_t value);
int xenbus_write_string(const struct xenbus_dir *dir, enum xs_key key, const char *value);

/* An absolute path that is no key of a vif's own directories; false if it was not written. */
bool xenbus_write_path(const char *path, const char *value);

/* A path and all below it; that it is not there is no error. */
void xenbus_remove(const char *path);

/* The directory, and the one above it if that is empty then: within a transaction. 0 or -errno. */
int xenbus_remove_dir(const struct xenbus_dir *dir);

/* Names below path, for free(): NULL and *ret_nr 0 if there are none. */
char **xenbus_list(const char *path, unsigned int *ret_nr);

#endif
