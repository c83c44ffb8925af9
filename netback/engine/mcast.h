/* SPDX-License-Identifier: MIT */
/* mcast.h: which multicast addresses a guest wants frames for */
#ifndef NETBACK_ENGINE_MCAST_H
#define NETBACK_ENGINE_MCAST_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

/*
 * The list of netif.h's multicast control: the guest amends it by extra infos in tx requests of any queue,
 * and it may do so whether or not the filter is in force. All queues of the vif share it and none waits for
 * another: an entry is one word. It lies in the vif's memory (memory.h), where zero is an empty list.
 *
 * A set, where Linux keeps duplicates: a request that is done again after an engine's death adds nothing.
 * Any worker, any time; pure.
 */
enum {
	MCAST_MAX = 64, /* as Linux (XEN_NETBK_MCAST_MAX) */
	MCAST_ADDR_BYTES = 6,
};

struct mcast {
	_Atomic uint64_t entry[MCAST_MAX]; /* 0: free */
};

/* False: the list is full, answer the request with an error. Adding what is there changes nothing. */
bool mcast_add(struct mcast *mcast, const uint8_t addr[MCAST_ADDR_BYTES]);

/* Removing what is not there changes nothing. */
void mcast_del(struct mcast *mcast, const uint8_t addr[MCAST_ADDR_BYTES]);

/* Whether a frame to dest passes the filter: any but multicast, broadcast, and what is on the list. */
bool mcast_passes(const struct mcast *mcast, const uint8_t dest[MCAST_ADDR_BYTES]);

#endif
