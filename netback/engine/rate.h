/* SPDX-License-Identifier: MIT */
/* rate.h: how fast a vif may send or receive */
#ifndef NETBACK_ENGINE_RATE_H
#define NETBACK_ENGINE_RATE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "netback/common/link.h"

/*
 * One token bucket a vif and direction, however many queues and threads draw from it (Linux has one a
 * queue, which multiplies the rate). It holds max(RATE_MIN_BURST, the bytes of an interval), as Linux'.
 *
 * The level of the bucket is one word, a time: when it was, or will be, empty. It fills by time passing and
 * a packet of n bytes moves it on by the time that n bytes take, so that no one has to fill it and two
 * threads need no lock. A packet goes when there is any credit at all and is charged whole: a GSO frame
 * needs not wait until the level reaches its size, while small packets of another queue eat what gathers;
 * the debt is paid before the next packet. The mean rate is exact.
 *
 * A queue without credit leaves requests on the ring, or frames in the port, and comes back when
 * RATE_WAIT_NS worth of credit have gathered (a quarter of the burst, if that is less), not for each packet.
 *
 * struct rate_level lies in the vif's memory (memory.h) and goes on over an engine's death; zero is a full
 * bucket. struct rate is a queue's own. Times are CLOCK_MONOTONIC, ns. Pure; any worker.
 */
enum {
	RATE_MIN_BURST = 128 * 1024,
	RATE_MAX_PACKET = 65536,
	RATE_WAIT_NS = 1000 * 1000,
	RATE_SHIFT = 6, /* of a level: 1/64 ns */
};

struct rate_level {
	_Atomic uint64_t empty_at; /* ns << RATE_SHIFT */
};

struct rate {
	uint64_t cost; /* of a byte; 0: no limit */
	uint64_t burst;
	uint64_t wait_ns;
	struct rate_level *level;
};

/*
 * From now on the queue works by limit (usec or bytes 0: none). The level, which is kept in the vif's memory, stays what it was, but for
 * nonsense and debts that take long at the new rate.
 */
void rate_set(struct rate *rate, const struct link_rate *limit, struct rate_level *kept,
	      uint64_t now);

static inline bool rate_limits(const struct rate *rate)
{
	return rate->cost != 0;
}

/* 0: a packet may go; else when to come back, ns. */
uint64_t rate_wait(const struct rate *rate, uint64_t now);

/* It goes. bytes <= RATE_MAX_PACKET. */
void rate_charge(const struct rate *rate, uint64_t now, uint32_t bytes);

#endif
