/* SPDX-License-Identifier: MIT */
/* law.h: from classes, figures and consent to the weights and pool settings that are wanted */
#ifndef NETBACK_HINT_LAW_H
#define NETBACK_HINT_LAW_H

#include <stdbool.h>
#include <stdint.h>

#include "netback/hint/classify.h"
#include "netback/hint/figures.h"
#include "netback/hint/sched.h"

/*
 * How it works. A step is made once a window (1 s, far more than an accounting period of either scheduler).
 *
 * A domain that needs more (its frames wait for buffers, or are lost, or it is slow to act on an event, or it is never
 * done with its packets and waits for CPU, two windows long) is helped by weight only if it is limited by its share: it uses what its weight entitles it
 * to, and others want the CPU. Then its factor grows by a quarter a step, up to f_max, and never beyond the
 * CPU its traffic justifies; when it uses less than half of its share for three windows the factor is halved
 * towards 1, and later than that if it had to be raised again after the last time.
 *
 *   transfer   when the pool has consenting cpu-bound domains: what the recipients get is taken from those,
 *              each of which keeps 1 - rho of its weight. The sum of weight * active vCPUs stays what the
 *              administrator made it, so that nobody else's share changes.
 *   additive   when it has none: the sum grows by beta at most, so that everybody keeps 1/(1 + beta) of his share.
 *
 * Both in whole numbers, rounded towards the administrator's: in a transfer recipients never get more than
 * donors give, and less only if no participant has an odd vCPU to round with.
 *
 * Whom weight cannot help, because it does not use its share, may be helped by the settings of its pool: a
 * shorter rate limit, then (Credit) a shorter time slice. They concern every domain of the pool, so this wants
 * pool_tuning, and is taken back when it costs the pool's cpu-bound domains more than rho.
 *
 * Pure: no clock, no library, no globals, no allocation; struct law is the whole world and large (static or
 * heap). The same code runs over Xen, its fake and the simulator. Reference: the workload-aware and adjustable
 * credit scheduling of Guan, Ma, Li (IEEE TCC 2014), whose two ideas these are, outside the hypervisor.
 */
enum law_consent {
	LAW_DONOR = 1 << 0,
	LAW_RECIPIENT = 1 << 1,
};

/* R(name, its word, what it means to an administrator) */
#define LAW_REASONS(R)                                                                             \
	R(CONTENT, "content", "needs nothing")                                                     \
	R(NOTICED, "noticed", "needs more; wait for a second window of it")                        \
	R(NO_CONSENT, "no-consent", "needs more, but may not be raised")                           \
	R(NOT_LIMITED, "not-limited", "needs to run sooner, not longer: weight cannot help")       \
	R(UNJUSTIFIED, "unjustified", "its traffic does not justify more CPU than it gets")        \
	R(NO_ROOM, "no-room", "needs more, but nobody may give it")                                \
	R(RAISED, "raised", "raised: it is limited by its share")                                  \
	R(RATIONED, "rationed", "raised by less than it needs: nobody gives more")                 \
	R(AT_MOST, "at-most", "raised as far as allowed")                                          \
	R(KEPT, "kept", "stays raised: its share is in use")                                       \
	R(FALLING, "falling", "taken back: it uses less than half of its share")                   \
	R(DONOR, "donor", "would give, nobody needs it")                                           \
	R(DONATES, "donates", "gives: it is cpu-bound and consents")                               \
	/* the rest is said by the caller, in fixed */                                             \
	R(DOM0, "dom0", "domain 0 is never touched")                                               \
	R(DRIVER, "driver", "a driver domain is never touched")                                    \
	R(TINY, "tiny", "its weight is too small to be moved")                                     \
	R(SCHEDULER, "scheduler", "its scheduler has no weights")                                  \
	R(RTDS, "rtds", "RTDS: never touched")                                                     \
	R(RTDS_BUDGET, "rtds-budget", "RTDS: it uses up its budget and needs more: give it some")  \
	R(RTDS_PERIOD, "rtds-period", "RTDS: it acts late: a shorter period lets it run sooner")   \
	R(LEAVING, "leaving", "it is shut down, suspended, migrated or detached")                  \
	R(ADMINISTRATOR, "administrator", "its weight was changed by somebody else")               \
	R(REFUSED, "refused", "Xen refused to set its weight")                                     \
	R(STALE, "stale", "its statistics do not move: is its engine alive?")

#define LAW_REASON_ENUM_(name, word, what) WHY_##name,
enum law_reason {
	LAW_REASONS(LAW_REASON_ENUM_) WHY_NR
};

enum {
	LAW_NEED_WINDOWS = 2,
	LAW_SLOW_WINDOWS = 3,
	LAW_QUIET_WINDOWS = 60,	 /* the most that an unused factor is kept */
	LAW_CLEAN_WINDOWS = 10,	 /* before a pool's setting goes back by a step */
	LAW_REGRET_WINDOWS = 20, /* a step back was wrong if it is undone within these ... */
	LAW_PATIENCE_WINDOWS =
		640, /* ... and the next one waits for four times as many clean ones, up to this */
	LAW_GUARD_WINDOWS = 60,	    /* no pool tuning after it did harm */
	LAW_TINY_WEIGHT = 16,	    /* whole numbers are too coarse up to here */
	LAW_WRITE_MS = 1000,	    /* between two writes to one domain */
	LAW_WRITES_PER_SECOND = 10, /* on the host */
};

struct law_config {
	double beta, rho;
	double f_max;	       /* 0: 4 on Credit2 and 2 on Credit, where more was seen to do harm */
	double target_us;      /* kick_p99 beyond it is need */
	double starved, drops; /* likewise, shares */
	double packet_us,
		byte_ns; /* CPU that a packet (received, or sent for one received) and a byte justify */
	bool pool_tuning;
	bool ratelimit_off; /* it may become 0 */
};

struct law_domain {
	/* the caller's, before each step */
	bool present;
	enum law_reason fixed; /* WHY_DOM0 and below: not to be touched; else WHY_CONTENT */
	uint32_t pool;	       /* index in struct law */
	unsigned int consent;  /* enum law_consent */
	uint32_t base;	       /* the administrator's weight */
	uint32_t current;      /* what Xen has */
	enum hint_class class;
	struct figures figures;

	/* results */
	uint32_t weight; /* wanted */
	enum law_reason reason;

	/* the law's own; zeroed memory is a new domain */
	double factor; /* wished, before rationing; 0 is 1 */
	double share;  /* CPUs that its current weight entitles it to */
	unsigned int active, active_next, active_for; /* vCPUs that compete */
	unsigned int needs_for, quiet_for, excess_for;
	unsigned int patience, since_fall;
	uint64_t written_ms;
};

struct law_pool {
	/* the caller's */
	bool present;
	enum sched_kind kind;
	unsigned int cpus;
	struct sched_params base; /* the administrator's */

	/* result: equal to base if nothing is to be changed */
	struct sched_params params;

	/* the law's own */
	unsigned int level; /* of tuning, 0: none */
	unsigned int slow_points, clean_for, guard;
	unsigned int patience, since_back;
	double hogs; /* CPU of the cpu-bound domains when the level last rose */
	double idle; /* share of its CPUs */
};

struct law {
	struct law_config config;
	struct law_domain domain[SCHED_MAX_DOMAINS];
	struct law_pool pool[SCHED_MAX_POOLS];
	unsigned int nr_domains, nr_pools; /* entries in use, or free between those */

	/* the law's own */
	uint64_t second_ms; /* writes of this second */
	unsigned int nr_writes;
};

void law_defaults(struct law_config *config);

/* Fills in the results. */
void law_step(struct law *law);

/*
 * Which domains' weights (indices of law->domain) are to be written now, those that fall before those that
 * rise; counts them as written. Bounded by LAW_WRITE_MS and LAW_WRITES_PER_SECOND: ask again at the next step.
 * While a weight of a pool cannot fall yet, none there rises. Returns how many. now_ms: any monotonic clock.
 */
unsigned int law_writes(struct law *law, uint64_t now_ms, unsigned int *index, unsigned int max);

double law_f_max(const struct law_config *config, enum sched_kind kind);

/* "raised", and its sentence. */
const char *law_reason_name(enum law_reason reason);
const char *law_reason_text(enum law_reason reason);

/* What to advise about a domain whose RTDS budgets come to so many CPUs: WHY_RTDS or one of its kind. */
enum law_reason law_advise(const struct law_config *config, const struct figures *f, double cpus);

/* law-pool.c, for law_step: the settings of one pool. */
void law_tune_pool(struct law *law, unsigned int pool);

/* For both: does the domain act later on an event than it should? Could weight help it? */
bool law_is_slow(const struct law_config *config, const struct figures *f);
bool law_is_limited(const struct law *law, const struct law_domain *d);

#endif
