/* SPDX-License-Identifier: MIT */
/* coalesce.c: multiplicative steps between "at once" and "a full round" */
#include "coalesce.h"

#include "netback/common/util.h"

uint32_t coalesce_frames(struct coalesce *c, unsigned int frames, uint64_t bytes, bool full)
{
	if (bytes > (uint64_t)frames * COALESCE_SMALL_BYTES)
		c->hold_ns = 0;
	else if (frames == 1)
		c->hold_ns = c->hold_ns >= 4 * COALESCE_FIRST_NS ? c->hold_ns / 4 : 0;
	else if (full)
		c->hold_ns = c->hold_ns > COALESCE_FIRST_NS ? c->hold_ns / 2 : 0;
	else if (frames < COALESCE_ENOUGH)
		c->hold_ns = max(min(c->hold_ns * 2, (uint32_t)COALESCE_MAX_NS),
				 (uint32_t)COALESCE_FIRST_NS);
	return c->hold_ns;
}
