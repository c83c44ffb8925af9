/* SPDX-License-Identifier: MIT */
/* classify.h: what kind of work a domain does, from its figures */
#ifndef NETBACK_HINT_CLASSIFY_H
#define NETBACK_HINT_CLASSIFY_H

#include "netback/hint/figures.h"

/*
 *	idle		no packets, no CPU
 *	cpu-bound	CPU without packets worth mentioning: may be a donor
 *	latency		small packets both ways, a short queue, often blocked
 *	throughput	many bytes, segmentation offload, or a full tx ring
 *	mixed		packets, and a CPU it never lets go
 *	other		none of these
 *
 * The event rate is not looked at: our own coalescing changes it, and a guest can fake it.
 *
 * Thresholds to enter a class are narrower than those to stay in it, figures are smoothed
 * (CLASSIFY_ALPHA), and a new class must hold for CLASSIFY_DWELL windows in a row. Pure: zeroed memory is
 * a new domain, one call a window.
 */
enum hint_class {
	CLASS_OTHER,
	CLASS_IDLE,
	CLASS_CPU_BOUND,
	CLASS_LATENCY,
	CLASS_THROUGHPUT,
	CLASS_MIXED,
	NR_CLASSES,
};

#define CLASSIFY_ALPHA 0.3

enum {
	CLASSIFY_DWELL = 3
};

struct classify {
	struct figures mean;
	bool started;
	enum hint_class class, candidate;
	unsigned int candidate_for; /* windows */
	unsigned int since;	    /* windows in class */
};

enum hint_class classify_step(struct classify *c, const struct figures *f);

/* "cpu-bound" */
const char *classify_name(enum hint_class class);

#endif
