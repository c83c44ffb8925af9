/* SPDX-License-Identifier: MIT */
/* hint.h: netback/hint's classifier and law over the simulated Xen, once a window, as hintd does it */
#ifndef SIM_HINT_H
#define SIM_HINT_H

#include <stdio.h>

#include "netback/hint/law.h"
#include "test/sim/host.h"
#include "test/sim/random.h"

/*
 * The law is the one that ships; what surrounds it is a small model of the daemon: figures of a window, vCPU states
 * sampled ten times in it, a journal that outlives it, and the administrator's changes, which win (ADMIN_NS of silence
 * for that domain). A dead daemon writes nothing; the next one first gives back what the journal says.
 */
#define HINT_WINDOW_NS (1 * SIM_S)
#define HINT_SAMPLES   10
#define HINT_ADMIN_NS  (60 * SIM_S)

enum hint_mode {
	HINT_OFF,
	HINT_OBSERVE,
	HINT_APPLY,
};

/* One domain, by its number, which is never used again. */
struct hint_domain {
	bool used, admin;
	unsigned int domid;
	struct classify classify;
	int64_t cpu_ns; /* at the last window */
	unsigned int blocked, waiting, sampled;
	int64_t hands_off;	/* until then: the administrator has changed it */
	uint32_t written;	/* what we wrote last; 0: nothing that is not undone */
	uint32_t base;		/* what to go back to */
	unsigned int changes;	/* weights written */
	unsigned int reversals; /* of those: in the other direction than the one before */
	int direction;
};

struct hint {
	struct host *host;
	bool dead;
	enum hint_mode mode;
	struct law law;
	struct hint_domain domain[SCHED_MAX_DOMAINS];
	struct sched_params pool_base[HOST_POOLS], pool_written[HOST_POOLS];
	int64_t window_began;
	struct timer timer;
	struct random random;
	unsigned int sample;
	FILE *trace; /* NULL: none; a line a domain and window */
};

void hint_init(struct hint *hint, struct host *host);
void hint_mode(struct hint *hint, enum hint_mode mode);

/* kill -9, and a new one. */
void hint_kill(struct hint *hint);
void hint_start(struct hint *hint);

struct hint_domain *hint_of(struct hint *hint, const struct domain *dom);

#endif
