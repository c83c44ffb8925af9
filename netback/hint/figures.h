/* SPDX-License-Identifier: MIT */
/* figures.h: what is known about one domain in one window of time */
#ifndef NETBACK_HINT_FIGURES_H
#define NETBACK_HINT_FIGURES_H

#include <stdbool.h>
#include <stdint.h>

/*
 * The classifier and the law see nothing else of a domain. Rates are per second; CPU is in CPUs (1.0: one
 * CPU all the time); shares are 0..1. tx is guest -> world.
 *
 * Not every source has every figure: a bit in known says that the group next to it is there. What is not
 * known is 0 and decides nothing, for or against.
 */
enum figures_known {
	FIGURES_TRAFFIC = 1 << 0, /* the domain has a vif of ours, and it was read */
	FIGURES_SIZES = 1 << 1,
	FIGURES_KICK = 1 << 2, /* and there were enough kicks in this window */
	FIGURES_STARVED = 1 << 3,
	FIGURES_OCCUPANCY = 1 << 4,
	FIGURES_NETBACK = 1 << 5,
	FIGURES_VCPUS = 1 << 6, /* the vCPUs' states were sampled */
};

struct figures {
	unsigned int known; /* enum figures_known */

	/* from Xen, always */
	double cpu;
	unsigned int vcpus; /* online */

	/* FIGURES_VCPUS: shares of the samples of online vCPUs; the rest was running */
	double blocked, waiting;

	/* FIGURES_TRAFFIC, both directions unless it says otherwise */
	double rx_packets, tx_packets, bytes;
	double gso;   /* share of packets */
	double drops; /* lost for want of the guest, of all rx packets */

	/* FIGURES_SIZES: shares of packets: at most 128 bytes, at least 1024 */
	double small, large;

	/* FIGURES_KICK, us: from a notification to the first thing the guest did then */
	double kick_p50, kick_p99;

	/* FIGURES_STARVED: share of the window in which a frame waited for buffers of the guest */
	double starved;

	/* FIGURES_OCCUPANCY: of the tx ring, when we looked, 0..1 */
	double occupancy;

	/* FIGURES_NETBACK: CPU that the domain's engine used, in CPUs */
	double netback;
};

static inline double figures_packets(const struct figures *f)
{
	return f->rx_packets + f->tx_packets;
}

static inline bool figures_know(const struct figures *f, unsigned int what)
{
	return (f->known & what) == what;
}

#endif
