/* SPDX-License-Identifier: MIT */
/* rate.c: a token bucket whose level is a time */
#include "netback/engine/rate.h"

#include "netback/common/util.h"

/*
 * 1/64 ns is fine enough for a small packet at 100 Gb/s, and wide enough for four years between two looks at
 * a bucket (differences are signed).
 */
enum {
	COST_SHIFT = 16,
	MAX_DEBT = LINK_MAX_QUEUES * RATE_MAX_PACKET, /* every queue's last packet */
};

/* 52 days: no sum of debts overflows. */
#define FOREVER (1ull << 58)

static uint64_t duration(const struct rate *rate, uint64_t bytes)
{
	unsigned __int128 t = (unsigned __int128)rate->cost * bytes >> COST_SHIFT;

	return t < FOREVER ? (uint64_t)t : FOREVER;
}

static bool is_later(uint64_t a, uint64_t b)
{
	return (int64_t)(a - b) > 0;
}

static uint64_t latest(uint64_t a, uint64_t b)
{
	return is_later(a, b) ? a : b;
}

static uint64_t level(const struct rate *rate)
{
	return atomic_load_explicit(&rate->level->empty_at, memory_order_relaxed);
}

static void forgive(const struct rate *rate, uint64_t now)
{
	uint64_t at = level(rate), limit = (now << RATE_SHIFT) + duration(rate, MAX_DEBT);

	while (is_later(at, limit) &&
	       !atomic_compare_exchange_weak(&rate->level->empty_at, &at, limit))
		;
}

void rate_set(struct rate *rate, const struct link_rate *limit, struct rate_level *kept,
	      uint64_t now)
{
	unsigned __int128 cost;

	*rate = (struct rate){.level = kept};
	if (!limit->usec || !limit->bytes)
		return;
	cost = ((unsigned __int128)limit->usec * 1000 << (RATE_SHIFT + COST_SHIFT)) / limit->bytes;
	/* At least 1: a limit that is none in our units is no reason to forget that there is one. */
	rate->cost = max((uint64_t)min(cost, (unsigned __int128)FOREVER), (uint64_t)1);
	rate->burst = duration(rate, max(limit->bytes, (uint64_t)RATE_MIN_BURST));
	rate->wait_ns = min((uint64_t)RATE_WAIT_NS, rate->burst >> (RATE_SHIFT + 2));
	forgive(rate, now);
}

uint64_t rate_wait(const struct rate *rate, uint64_t now)
{
	uint64_t at;

	if (!rate->cost)
		return 0;
	at = level(rate);
	if (!is_later(at, now << RATE_SHIFT))
		return 0;
	return (at >> RATE_SHIFT) + rate->wait_ns;
}

void rate_charge(const struct rate *rate, uint64_t now, uint32_t bytes)
{
	uint64_t full, at, next;

	if (!rate->cost)
		return;
	full = (now << RATE_SHIFT) - rate->burst;
	at = level(rate);
	do
		next = latest(at, full) + duration(rate, bytes);
	while (!atomic_compare_exchange_weak(&rate->level->empty_at, &at, next));
}
