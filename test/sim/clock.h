/* SPDX-License-Identifier: MIT */
/* clock.h: simulated time and its timers */
#ifndef SIM_CLOCK_H
#define SIM_CLOCK_H

#include <stdbool.h>
#include <stdint.h>

/*
 * Time is in ns and moves only from one timer to the next. Timers of the same time fire in the order in
 * which they were set, so a run with the same seed is the same run. A timer lies within what it belongs
 * to and is told apart by its address; setting one that is set moves it. Zero-initialised memory is a
 * clock at 0 and a timer that is not set.
 */
#define SIM_US 1000ll
#define SIM_MS (1000 * SIM_US)
#define SIM_S  (1000 * SIM_MS)

struct timer {
	void (*fire)(struct timer *timer); /* set by the owner */
	int64_t when;
	uint64_t order;
	unsigned int place; /* in the heap, from 1; 0: not set */
};

struct clock {
	int64_t now;
	uint64_t order;
	struct timer **heap;
	unsigned int nr, room;
};

/* A time that has passed already is now. */
void timer_set(struct clock *clock, struct timer *timer, int64_t when);
void timer_stop(struct clock *clock, struct timer *timer);

static inline bool timer_is_set(const struct timer *timer)
{
	return timer->place != 0;
}

/* Fires all timers up to and including that time, which is now afterwards; a time that has passed does nothing. */
void clock_run(struct clock *clock, int64_t until);

/* Timers that are still set are forgotten. */
void clock_free(struct clock *clock);

#endif
