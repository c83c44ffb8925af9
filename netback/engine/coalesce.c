/* SPDX-License-Identifier: MIT */
/* coalesce.c: multiplicative steps between "at once" and "a full wake-up" */
#include "coalesce.h"

#include "netback/common/util.h"

/* From what the first rounds after a wake-up found. */
static void judge(struct coalesce *c)
{
	uint32_t hold = c->hold_ns;

	if (c->judged || c->frames == 0)
		return;
	c->judged = true;
	if (c->bytes > (uint64_t)c->frames * COALESCE_SMALL_BYTES)
		hold = 0;
	else if (c->frames == 1)
		hold = hold >= 4 * COALESCE_FIRST_NS ? hold / 4 : 0;
	else if (c->frames < COALESCE_ENOUGH)
		hold = max(min(hold * 2, (uint32_t)COALESCE_MAX_NS), (uint32_t)COALESCE_FIRST_NS);
	else if (c->frames > COALESCE_MANY)
		hold = hold > COALESCE_FIRST_NS ? hold - hold / 4 : 0;
	c->hold_ns = hold;
	c->sleep_ns = c->frames > 1 ? hold : 0;
}

uint32_t coalesce_frames(struct coalesce *c, unsigned int frames, uint64_t bytes, bool full)
{
	if (!c->judged) {
		c->frames += frames;
		c->bytes += bytes;
	}
	c->full = full;
	if (full)
		return 0;
	judge(c);
	return c->sleep_ns;
}

uint32_t coalesce_rest(struct coalesce *c)
{
	uint32_t owed;

	judge(c);
	owed = c->full ? c->sleep_ns : 0;
	*c = (struct coalesce){.hold_ns = c->hold_ns};
	return owed;
}

void coalesce_forget(struct coalesce *c)
{
	*c = (struct coalesce){.judged = true};
}
