/* SPDX-License-Identifier: MIT */
/* memory.c: find a vif's memory, or begin an empty one */
#include "memory.h"

#include <string.h>

#include "netback/common/util.h"

static int is_ours(const struct vif_memory *memory)
{
	return memory->magic == MEMORY_MAGIC && memory->version == MEMORY_VERSION &&
	       memory->size == sizeof(*memory);
}

struct vif_memory *memory_attach(void *bytes)
{
	struct vif_memory *memory = bytes;

	if (is_ours(memory))
		return memory;

	/* Killed halfway, it is no memory to the next engine either. */
	WRITE_ONCE(memory->magic, 0);
	__atomic_signal_fence(__ATOMIC_SEQ_CST);
	memset((char *)memory + sizeof(memory->magic), 0,
	       LINK_MEMORY_BYTES - sizeof(memory->magic));
	memory->version = MEMORY_VERSION;
	memory->size = sizeof(*memory);
	__atomic_signal_fence(__ATOMIC_SEQ_CST);
	WRITE_ONCE(memory->magic, MEMORY_MAGIC);
	return memory;
}
