/* SPDX-License-Identifier: MIT */
/* coalesce.h: how long to let small frames gather before the guest hears of them */
#ifndef NETBACK_ENGINE_COALESCE_H
#define NETBACK_ENGINE_COALESCE_H

#include <stdbool.h>
#include <stdint.h>

/*
 * A frame costs a grant copy; a round costs a wake-up, two or three system calls, a hypercall and a
 * notification, for one frame as for sixteen. A flood of small frames that is served one by one spends
 * on rounds the very CPU time that the guest lacks to read them.
 *
 * So when a wake-up finds several small frames, which is the sign that they come faster than rounds go,
 * the thread sleeps for a while before the next round, and that while grows until a round has its
 * fill. It shrinks as soon as frames come alone: a ping, a request, the first frame after silence never
 * wait, and segmentation offload frames, which are batches already, never do. The criterion has no
 * absolute rate: it scales with the machine. (As adaptive interrupt moderation of NICs; Dong et al.,
 * CLUSTER 2011, for virtual interrupts.)
 *
 * Pure. Zero-initialised memory is a queue in silence.
 */
enum {
	COALESCE_FIRST_NS = 25 * 1000,
	COALESCE_MAX_NS = 400 * 1000,
	COALESCE_ENOUGH = 8,	     /* frames that are worth a round */
	COALESCE_SMALL_BYTES = 2048, /* mean size of frames that may wait */
};

struct coalesce {
	uint32_t hold_ns;
};

/*
 * A wake-up found so many frames (at least one) of so many bytes in all; full: there may be more. Returns
 * the ns to sleep after this round, 0 for none.
 */
uint32_t coalesce_frames(struct coalesce *c, unsigned int frames, uint64_t bytes, bool full);

#endif
