/* SPDX-License-Identifier: MIT */
/* journal.h: what was changed in Xen, on disk before it is */
#ifndef NETBACK_HINT_JOURNAL_H
#define NETBACK_HINT_JOURNAL_H

#include <stdbool.h>
#include <stdint.h>

#include "netback/hint/sched.h"

/*
 * RUN_DIR/hint.journal is an array of entries, one for each domain and pool that was ever changed. An entry is
 * written and synced before the change it tells of, so that whoever comes after a crash, at whatever point,
 * finds the administrator's value and the only two that we can have left in its place.
 *
 * An entry is one write of less than a page to a file, which no SIGKILL can tear. A power cut can, but takes
 * Xen's weights with it, and /run as well; a checksum tells such an entry from a good one.
 *
 * An entry outlives the change (JOURNAL_PAST). libxl reads the weight of a domain that it saves or migrates
 * before anybody can know of it, and gives it to the domain that comes back, whose UUID is the same: then the
 * entry tells what the administrator had wanted (hints.h).
 *
 * One process at a time: the file is locked. One thread. 0 or -errno.
 */
enum {
	JOURNAL_MAX = 1024,
	JOURNAL_WROTE = 10, /* values remembered */
};

enum journal_state {
	JOURNAL_FREE,
	JOURNAL_OPEN, /* Xen has, or may have, one of wrote[0] and wrote[1] */
	JOURNAL_PAST, /* Xen has what the administrator set */
};

struct journal_entry {
	uint32_t checksum;
	uint16_t state;	  /* enum journal_state */
	uint16_t kind;	  /* enum sched_kind */
	uint8_t uuid[16]; /* of a domain; zeros: this is a pool */
	uint32_t domid, pool;
	uint64_t seconds; /* CLOCK_REALTIME of the last change */
	uint32_t base[2]; /* the administrator's weight, or rate limit and time slice */
	/* the last values that we wrote, the newest first, which may not have come to pass */
	uint32_t wrote[JOURNAL_WROTE][2];
};

struct journal {
	int fd;
	struct journal_entry entry[JOURNAL_MAX];
};

/* Reads what an earlier process left. -EWOULDBLOCK: another one is at work. */
int journal_open(struct journal *j, const char *run_dir);
void journal_close(struct journal *j);

/*
 * The entry of a domain or pool, or NULL. journal_make returns a free one, or the oldest past one, or NULL.
 */
struct journal_entry *journal_find(struct journal *j, const uint8_t uuid[16], uint32_t domid,
				   uint32_t pool);
struct journal_entry *journal_make(struct journal *j);

/* Put the entry on disk. */
int journal_write(struct journal *j, struct journal_entry *e);

/* Note a value that is about to be written. */
void journal_note(struct journal_entry *e, uint32_t first, uint32_t second);

bool journal_is_pool(const struct journal_entry *e);

#endif
