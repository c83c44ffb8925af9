/* SPDX-License-Identifier: MIT */
/* coalesce.h: how long to let small frames gather before the guest hears of them */
#ifndef NETBACK_ENGINE_COALESCE_H
#define NETBACK_ENGINE_COALESCE_H

#include <stdbool.h>
#include <stdint.h>

/*
 * A frame costs a grant copy; a round costs a wake-up, two or three system calls, a hypercall and a
 * notification, for one frame as for sixteen. A flood of small frames that is served one by one spends
 * on rounds the very CPU time that the guest lacks to read or make them.
 *
 * So when a wake-up finds several small frames, which is the sign that they come faster than rounds go,
 * the thread sleeps for a while once it has done them, and that while grows until a wake-up has its
 * fill. It shrinks when there are more than that (the thread was late by itself), and faster when
 * frames come alone, after which the thread does not sleep so at all: a ping, a request, the first frame
 * after silence never wait, and segmentation offload frames, which are batches already, never do. Neither
 * criterion nor limit has an absolute rate: a thread sleeps at most COALESCE_ROUNDS times as long as it
 * worked (coalesce_limit), so that a flood takes a fraction of a CPU and a frame waits a few rounds' time,
 * whatever a round costs on this machine. What was learned in a flood may be old, so the first sleep after
 * an ordinary one, which is not measured, is COALESCE_FIRST_NS at most. (As adaptive interrupt moderation of NICs; Dong et al.,
 * CLUSTER 2011, for virtual interrupts.)
 *
 * One for each direction of a queue. Pure. Zero-initialised memory is a queue in silence.
 */
enum {
	COALESCE_FIRST_NS = 25 * 1000,
	COALESCE_MAX_NS = 2 * 1000 * 1000,
	COALESCE_ROUNDS = 4,
	COALESCE_ENOUGH = 8,	     /* frames that are worth a wake-up */
	COALESCE_MANY = 32,	     /* more than need to gather */
	COALESCE_SMALL_BYTES = 2048, /* mean size of frames that may wait */
};

struct coalesce {
	uint32_t hold_ns; /* learned */
	/* since the thread woke up, until judged */
	unsigned int frames;
	uint64_t bytes;
	bool judged;	   /* what comes later tells nothing of how fast frames come */
	bool full;	   /* the last round was */
	uint32_t sleep_ns; /* of hold_ns, for this wake-up */
};

/*
 * A round found so many frames (at least one) of so many bytes in all; full: there may be more. Returns
 * the ns to sleep after this round, 0 for none.
 */
uint32_t coalesce_frames(struct coalesce *c, unsigned int frames, uint64_t bytes, bool full);

/* The thread goes to sleep. Returns the ns it still owes, if its last round with frames was full. */
uint32_t coalesce_rest(struct coalesce *c);

/* These frames are not of a flood: unlearn all, and let nothing of this wake-up wait. */
void coalesce_forget(struct coalesce *c);

/* The hold wanted, or less if the thread has worked for busy_ns since it slept last. 0: nobody knows how long. */
static inline uint32_t coalesce_limit(uint32_t hold_ns, uint64_t busy_ns)
{
	uint64_t most = busy_ns ? COALESCE_ROUNDS * busy_ns : COALESCE_FIRST_NS;

	return hold_ns < most ? hold_ns : (uint32_t)most;
}

#endif
