/* SPDX-License-Identifier: MIT */
/* clock.c: a binary heap of timers */
#include "test/sim/clock.h"

#include <stdlib.h>

#include "netback/common/log.h"

static bool earlier(const struct timer *a, const struct timer *b)
{
	return a->when < b->when || (a->when == b->when && a->order < b->order);
}

static void put(struct clock *clock, struct timer *timer, unsigned int place)
{
	clock->heap[place - 1] = timer;
	timer->place = place;
}

static void up(struct clock *clock, struct timer *timer, unsigned int place)
{
	while (place > 1 && earlier(timer, clock->heap[place / 2 - 1])) {
		put(clock, clock->heap[place / 2 - 1], place);
		place /= 2;
	}
	put(clock, timer, place);
}

static void down(struct clock *clock, struct timer *timer, unsigned int place)
{
	for (;;) {
		unsigned int child = 2 * place;

		if (child < clock->nr && earlier(clock->heap[child], clock->heap[child - 1]))
			child++;
		if (child > clock->nr || !earlier(clock->heap[child - 1], timer))
			break;
		put(clock, clock->heap[child - 1], place);
		place = child;
	}
	put(clock, timer, place);
}

void timer_stop(struct clock *clock, struct timer *timer)
{
	unsigned int place = timer->place;
	struct timer *last;

	if (!place)
		return;
	timer->place = 0;
	last = clock->heap[--clock->nr];
	if (last == timer)
		return;
	if (place > 1 && earlier(last, clock->heap[place / 2 - 1]))
		up(clock, last, place);
	else
		down(clock, last, place);
}

void timer_set(struct clock *clock, struct timer *timer, int64_t when)
{
	timer_stop(clock, timer);
	if (clock->nr == clock->room) {
		clock->room = clock->room ? 2 * clock->room : 64;
		clock->heap = reallocarray(clock->heap, clock->room, sizeof(*clock->heap));
		if (!clock->heap)
			die("no memory for timers");
	}
	timer->when = when > clock->now ? when : clock->now;
	timer->order = clock->order++;
	up(clock, timer, ++clock->nr);
}

void clock_run(struct clock *clock, int64_t until)
{
	while (clock->nr && clock->heap[0]->when <= until) {
		struct timer *timer = clock->heap[0];

		clock->now = timer->when;
		timer_stop(clock, timer);
		timer->fire(timer);
	}
	if (until > clock->now)
		clock->now = until;
}

void clock_free(struct clock *clock)
{
	while (clock->nr)
		timer_stop(clock, clock->heap[0]);
	free(clock->heap);
	*clock = (struct clock){0};
}
