/* SPDX-License-Identifier: MIT */
/* totals.h: counters of a domain's vifs, and the figures between two looks at them */
#ifndef NETBACK_HINT_TOTALS_H
#define NETBACK_HINT_TOTALS_H

#include <stdint.h>

#include "netback/common/stats.h"
#include "netback/hint/figures.h"

/* Pure. Sums over all vifs and queues, the counters of stats.h but for those the kernel and /proc have. */
struct totals {
	unsigned int nr_vifs, nr_queues;
	uint64_t tx_packets, tx_bytes, rx_packets, rx_bytes, gso, small, large;
	uint64_t starved_ns, looks, depth, expired;
	uint64_t kick[STATS_KICK_BUCKETS];
	uint64_t port_drops; /* of the kernel: frames the taps had no room for */
	uint64_t cpu_ns;     /* of the engine; 0: not known, or shared with other domains */
};

enum {
	TOTALS_MIN_KICKS = 4, /* fewer tell nothing */
};

/* Add one vif's page; the page's nr_queues was checked. */
void totals_add(struct totals *t, const struct stats_vif *stats);

/*
 * The traffic of the time between; f gets what this tells, the rest stays. Counters that went back (a vif came
 * or went) are no traffic: nothing is known then.
 */
void totals_figures(const struct totals *before, const struct totals *after, double seconds,
		    struct figures *f);

#endif
