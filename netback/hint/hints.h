/* SPDX-License-Identifier: MIT */
/* hints.h: change a weight or a pool's settings so that the administrator's value always comes back */
#ifndef NETBACK_HINT_HINTS_H
#define NETBACK_HINT_HINTS_H

#include <stdbool.h>
#include <stdint.h>

#include "netback/hint/journal.h"
#include "netback/hint/sched.h"

/*
 * Every change is read, journalled, written and read back. What Xen then has is ours only as long as it is what
 * we wrote last: any other value is somebody's decision, becomes the new base, and is not written over. Between
 * the look and the write are some microseconds in which a change of somebody else would be lost; Xen has no
 * compare-and-set.
 *
 * A value is a pair: weight and 0 of a domain, rate limit (us) and time slice (ms) of a pool. One thread.
 */
struct hint_target {
	bool is_pool;
	uint8_t uuid[16]; /* of a domain; zeros, as dom0's: it can be looked at, not set */
	uint32_t domid, pool;
	enum sched_kind kind;
};

struct hints {
	struct sched *sched;
	struct journal journal;
};

enum hints_verdict {
	HINTS_OK = 0,
	HINTS_CHANGED = 1, /* by somebody else: hands off for a while */
};

/* 0 or -errno, see journal_open. hints_close changes nothing in Xen. */
int hints_open(struct hints *h, struct sched *sched, const char *run_dir);
void hints_close(struct hints *h);

/* Put back what a process that died has left. How many values, or -errno. Before anything else. */
int hints_recover(struct hints *h);

/*
 * A domain is seen for the first time, or has not run yet: if it is one that was saved with our weight, put its
 * own back. 1: done, 0: nothing to do, or -errno. hints_recover does so for all that are there.
 */
int hints_welcome(struct hints *h, const struct hint_target *t);

/* enum hints_verdict or -errno; base: the administrator's value, now: what Xen has. */
int hints_look(struct hints *h, const struct hint_target *t, uint32_t base[2], uint32_t now[2]);

/* The same verdicts; -EINVAL: a domain without a UUID. To set the base is to drop the hint. */
int hints_set(struct hints *h, const struct hint_target *t, const uint32_t value[2]);
int hints_drop(struct hints *h, const struct hint_target *t);

/* The domain is gone. */
void hints_forget(struct hints *h, const struct hint_target *t);

/* Everything; how many could not be put back. */
unsigned int hints_drop_all(struct hints *h);

#endif
