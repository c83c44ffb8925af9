/* SPDX-License-Identifier: MIT */
/* kick.h: how long a guest takes to act on a notification */
#ifndef NETBACK_ENGINE_KICK_H
#define NETBACK_ENGINE_KICK_H

#include <stdbool.h>
#include <stdint.h>

/*
 * From a notification that the guest had asked for to the first thing it does on either ring: how long it
 * waited for a CPU, as far as a backend can see. No one tells us when it does something, we see it when we
 * look; so a sample counts only if the look was prompt: the guest's own event made us look, or the look
 * before, at which nothing had been done yet, is not long ago compared with the whole.
 *
 * One kick at a time is followed, and while rounds follow each other one of KICK_EVERY, in looks that come
 * more rounds apart the more of them were in vain: the clock is read for those only. Pure: the worker's thread, its clock (CLOCK_MONOTONIC, ns). Zeroed memory follows nothing.
 *
 * mark is the sum of all indices the guest writes to the two rings: it changes when it does anything. What
 * a guest makes of it is its own figures.
 */
enum {
	KICK_EVERY = 8,
	KICK_PROMPT_NS = 50000, /* a look so soon after the last one is always prompt */
};

struct kick {
	bool out;		  /* sent, and nothing seen yet */
	bool seen;		  /* done, but nobody knows when; an event may still say */
	unsigned int skip;	  /* kicks not to follow */
	unsigned int looks, rest; /* made in vain; rounds without one from now on */
	uint32_t mark;
	uint64_t sent_ns, looked_ns;
};

/* A notification was sent: is it to be followed? Then kick_sent with the time. */
static inline bool kick_wanted(struct kick *k)
{
	if (k->out || k->seen)
		return false;
	if (k->skip) {
		k->skip--;
		return false;
	}
	return true;
}

static inline void kick_sent(struct kick *k, uint32_t mark, uint64_t now)
{
	*k = (struct kick){.out = true,
			   .skip = KICK_EVERY - 1,
			   .mark = mark,
			   .sent_ns = now,
			   .looked_ns = now};
}

/* The worker is about to sleep: kicks are rare, the next one is worth a look at the clock. */
static inline void kick_rest(struct kick *k)
{
	k->skip = 0;
}

/* Is there something to look at? Only then the two below are called, with the time. */
static inline bool kick_pending(const struct kick *k)
{
	return k->out || k->seen;
}

/* The same in a round, for kick_look: not in each one. */
static inline bool kick_due(struct kick *k)
{
	if (!kick_pending(k))
		return false;
	if (k->seen || k->rest == 0)
		return true;
	k->rest--;
	return false;
}

/* A round looks at the rings. True: a sample, of *ret_ns. */
static inline bool kick_look(struct kick *k, uint32_t mark, uint64_t now, uint64_t *ret_ns)
{
	uint64_t gap = now - k->looked_ns;

	*ret_ns = now - k->sent_ns;
	if (k->seen) { /* and no event came with it */
		k->seen = false;
		return false;
	}
	if (mark == k->mark) {
		k->looked_ns = now;
		k->rest = k->looks++ / 3;
		return false;
	}
	k->out = false;
	k->seen = gap > KICK_PROMPT_NS && gap > *ret_ns / 2;
	return !k->seen;
}

/* An event of the guest was received, in this round or the one before it. */
static inline bool kick_event(struct kick *k, uint32_t mark, uint64_t now, uint64_t *ret_ns)
{
	*ret_ns = now - k->sent_ns;
	if (!k->seen && mark == k->mark)
		return false;
	k->out = k->seen = false;
	return true;
}

#endif
