/* SPDX-License-Identifier: MIT -- values of xenstore keys: one rule per key, for both sides of a vif */
#ifndef KEYVAL_H
#define KEYVAL_H

/*
 * What a vif's keys are called and what may stand in them is written once, in the *.keys files of this
 * folder; schema.awk turns those into enum xs_key and xs_keys[]. Here are the readers that apply them.
 *
 * A value is (val, len) exactly as xs_read() returns it: val NULL when the key is missing, len without the
 * terminating NUL. Values come from the guest and from scripts: nothing about them is believed, and the
 * byte val[len] is never looked at.
 *
 *	val = xs_read(xs, t, path, &len);
 *	switch (keyval_uint(XSK_FE_MULTI_QUEUE_NUM_QUEUES, val, len, &n)) { ... }
 *
 * Everything here is pure: no xenstore, no globals but constant tables, no allocation, no errno. Any thread.
 * netback/control and netfront-shim both use it and spell no key by hand.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "xs-keys.h"

/* One of these for each key of the schema; the text of each key is in netback-xenstore(7). */

enum xs_type {
	XS_TYPE_BOOL,	/* "0" or "1" */
	XS_TYPE_UINT,	/* decimal, min..max */
	XS_TYPE_STATE,	/* XenbusState, "0".."8" */
	XS_TYPE_MAC,	/* xx:xx:xx:xx:xx:xx, unicast, not zero */
	XS_TYPE_PATH,	/* absolute xenstore path, min..max bytes */
	XS_TYPE_FILE,	/* absolute file name without "..", min..max bytes */
	XS_TYPE_STRING, /* min..max bytes, no control characters */
	XS_TYPE_RATE,	/* "bytes,microseconds", both >= 1 */
};

enum xs_rule {
	XS_RULE_DEFAULT, /* take the default */
	XS_RULE_IGNORE,	 /* there is no default: do as if the key did not exist */
	XS_RULE_REFUSE,	 /* the vif cannot go on */
};

enum xs_party {
	XS_PARTY_NONE = 0,
	XS_PARTY_TOOLSTACK = 1,
	XS_PARTY_BACKEND = 2,
	XS_PARTY_FRONTEND = 4,
	XS_PARTY_SCRIPT = 8,
};

/* The state of the backend in which a key is read. */
enum xs_read_when {
	XS_READ_NEVER,
	XS_READ_INITIALISING,
	XS_READ_INITWAIT,
	XS_READ_CONNECTED,
	XS_READ_ANY, /* watched, or read again whenever something happens */
};

struct xs_key_def {
	const char *name; /* relative to its directory */
	enum xs_dir dir;
	enum xs_type type;
	uint32_t min, max; /* of the number, or of the length */
	uint32_t def;	   /* the number when missing == XS_RULE_DEFAULT */
	enum xs_rule missing;
	enum xs_rule bad;
	unsigned int writer, reader; /* bits of enum xs_party */
	enum xs_read_when read;
	bool unused; /* neither netback nor netfront-shim reads or writes it */
};

extern const struct xs_key_def xs_keys[XSK_COUNT];
extern const char *const xs_dirs[XS_DIR_COUNT]; /* patterns with $BACKEND, $DOMID, $DEVID, $QUEUE */

/*
 * What a reader returns. The caller handles the last one and logs the one before it; with the first four
 * *out always holds something to work with.
 */
enum keyval_verdict {
	KEYVAL_OK,	/* there and good */
	KEYVAL_DEFAULT, /* missing: *out is the default */
	KEYVAL_ABSENT,	/* missing and there is no default: *out is zero, or the empty string */
	KEYVAL_IGNORED, /* bad: as if missing; worth one log line, see keyval_explain() */
	KEYVAL_REFUSE,	/* bad, or missing though it must be there: fail the vif; *out is zeroed */
};

#define KEYVAL_CHECK __attribute__((warn_unused_result))

/* Sizes for callers' buffers, with the terminating NUL. */
enum {
	KEYVAL_PATH_SIZE = 1024,
	KEYVAL_STRING_SIZE = 1024,
	KEYVAL_EXPLAIN_SIZE = 256,
	KEYVAL_NUMBER_SIZE = 11,
	KEYVAL_MAC_SIZE = 18,
};

/* Readers. A key of another type than the function's is always KEYVAL_REFUSE. */

/* Types UINT (grant references and ports too), BOOL and STATE. */
enum keyval_verdict keyval_uint(enum xs_key key, const char *val, size_t len,
				uint32_t *out) KEYVAL_CHECK;

enum keyval_verdict keyval_bool(enum xs_key key, const char *val, size_t len,
				bool *out) KEYVAL_CHECK;

/* *out is an enum xenbus_state of <xen/io/xenbus.h>; a missing state is 0, Unknown: the directory is gone. */
enum keyval_verdict keyval_state(enum xs_key key, const char *val, size_t len,
				 unsigned int *out) KEYVAL_CHECK;

enum keyval_verdict keyval_mac(enum xs_key key, const char *val, size_t len,
			       uint8_t out[6]) KEYVAL_CHECK;

/* The guest may send bytes every usec microseconds. Unlimited: bytes UINT64_MAX, usec 0. */
struct keyval_rate {
	uint64_t bytes;
	uint32_t usec;
};

enum keyval_verdict keyval_rate(enum xs_key key, const char *val, size_t len,
				struct keyval_rate *out) KEYVAL_CHECK;

/*
 * Types STRING, PATH and FILE: a copy with a NUL at its end. A value that does not fit into size bytes is
 * bad; with KEYVAL_STRING_SIZE every value the schema allows does fit.
 */
enum keyval_verdict keyval_string(enum xs_key key, const char *val, size_t len, char *out,
				  size_t size) KEYVAL_CHECK;

/* Any type: the verdict alone. */
enum keyval_verdict keyval_check(enum xs_key key, const char *val, size_t len) KEYVAL_CHECK;

/*
 * True if path, already read as PATH, lies below /local/domain/<domid>/: what be/frontend must do for
 * be/frontend-id before the backend reads from it or watches it (XSA-175, XSA-178).
 */
bool keyval_path_is_of(const char *path, unsigned int domid) KEYVAL_CHECK;

/*
 * One sentence about why a value is bad, for a log line or an error node, as
 *	feature-sg: "2x" is not 0 or 1
 * The value's bytes are escaped and cut; buf always ends with NUL. Returns buf.
 */
const char *keyval_explain(enum xs_key key, const char *val, size_t len, char *buf, size_t size);

/* Writers. */

/* The key's name relative to its directory; a constant. */
const char *xsk_name(enum xs_key key);

/* The number as it goes into the store; returns its length, or 0 if it is outside the key's bounds. */
size_t keyval_format_uint(enum xs_key key, uint32_t number,
			  char buf[KEYVAL_NUMBER_SIZE]) KEYVAL_CHECK;

void keyval_format_mac(const uint8_t mac[6], char buf[KEYVAL_MAC_SIZE]);

/* Paths. All return false, and leave an empty string, if buf is too small. */

/* Which vif, and which of its queues, a path is about. */
struct keyval_vif {
	unsigned int backend; /* the backend's domain */
	unsigned int domid;   /* the guest */
	unsigned int devid;   /* the handle */
	unsigned int queue;
};

/* Absolute path of a directory, or of a key in it. */
bool keyval_dir_path(char *buf, size_t size, enum xs_dir dir,
		     const struct keyval_vif *vif) KEYVAL_CHECK;
bool keyval_key_path(char *buf, size_t size, enum xs_key key,
		     const struct keyval_vif *vif) KEYVAL_CHECK;

/* .../backend/vif: where a backend finds its vifs, as <domid>/<devid>, and what it watches. */
bool keyval_root_path(char *buf, size_t size, unsigned int backend) KEYVAL_CHECK;

/*
 * Path of a ring key relative to the frontend directory: "queue-2/tx-ring-ref", or "tx-ring-ref" when the
 * vif has one queue.
 */
bool keyval_queue_path(char *buf, size_t size, unsigned int queues, unsigned int queue,
		       enum xs_key key) KEYVAL_CHECK;

/*
 * Take apart the path of a watch event, absolute or relative, in or below .../backend/vif. Returns how many
 * of domid and devid the path holds (0, 1 or 2), or -1 if it is not such a path; *leaf, if not NULL, is what
 * comes after them ("" if nothing). Only strict decimal numbers count.
 */
int keyval_split_path(const char *path, struct keyval_vif *vif, const char **leaf) KEYVAL_CHECK;

#endif
