/* SPDX-License-Identifier: MIT */
/* mcast.c: a set of up to 64 addresses, a word each */
#include "netback/engine/mcast.h"

#define USED	  (1ull << 48)
#define BROADCAST (USED | 0xffffffffffffull)

static uint64_t word(const uint8_t addr[MCAST_ADDR_BYTES])
{
	uint64_t w = 1;

	for (unsigned int i = 0; i < MCAST_ADDR_BYTES; i++)
		w = w << 8 | addr[i];
	return w;
}

static bool is_listed(const struct mcast *mcast, uint64_t w)
{
	for (unsigned int i = 0; i < MCAST_MAX; i++)
		if (atomic_load_explicit(&mcast->entry[i], memory_order_relaxed) == w)
			return true;
	return false;
}

bool mcast_add(struct mcast *mcast, const uint8_t addr[MCAST_ADDR_BYTES])
{
	uint64_t w = word(addr);

	if (is_listed(mcast, w))
		return true;
	/* Two queues that add the same at once may both find a place: mcast_del frees both. */
	for (unsigned int i = 0; i < MCAST_MAX; i++) {
		uint64_t unused = 0;

		if (atomic_compare_exchange_strong(&mcast->entry[i], &unused, w))
			return true;
	}
	return false;
}

void mcast_del(struct mcast *mcast, const uint8_t addr[MCAST_ADDR_BYTES])
{
	for (unsigned int i = 0; i < MCAST_MAX; i++) {
		uint64_t w = word(addr);

		atomic_compare_exchange_strong(&mcast->entry[i], &w, 0);
	}
}

bool mcast_passes(const struct mcast *mcast, const uint8_t dest[MCAST_ADDR_BYTES])
{
	uint64_t w;

	if (!(dest[0] & 1))
		return true;
	w = word(dest);
	return w == BROADCAST || is_listed(mcast, w);
}
