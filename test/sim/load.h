/* SPDX-License-Identifier: MIT */
/* load.h: what the world sends to a guest */
#ifndef SIM_LOAD_H
#define SIM_LOAD_H

#include "netfront-shim/histogram.h"
#include "test/sim/clock.h"
#include "test/sim/random.h"
#include "test/sim/vif.h"

/*
 * An open load sends packets by a Poisson process, bursts of `burst` at a time, and may be on and off in turn
 * (square). A closed one has clients that send a request, wait for the answer, think, and send the next; without
 * thinking, so many clients are a window of so many packets, which is what bulk TCP does to a backend. A packet
 * that is lost is sent again after LOAD_RETRY_NS, and its answer's time counts from the first sending.
 */
#define LOAD_RETRY_NS (200 * SIM_MS)

enum {
	LOAD_CLIENTS = 256,
};

struct client {
	struct load *load;
	int64_t sent;
	struct timer timer;
};

struct load {
	struct clock *clock;
	struct guest *guest;
	struct random random;
	/* open */
	double pps; /* 0: none */
	unsigned int burst, size;
	int64_t on_ns, off_ns; /* 0: always on */
	bool off;
	struct timer arrival, phase;
	/* closed */
	unsigned int nr_clients;
	int64_t think_ns, wire_ns; /* a mean, exponential; one way */
	struct client client[LOAD_CLIENTS];
	uint64_t answers;
	struct histogram answer; /* ns */
};

/* Zeroed but for clock, guest and random. What is to change is changed first, then load_start() called again. */
void load_start(struct load *load);
void load_stop(struct load *load);

/* netback.deliver: an answer has reached the world, or a packet on its way was lost. */
void load_deliver(struct packet packet, int64_t now);

#endif
