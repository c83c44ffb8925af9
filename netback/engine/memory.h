/* SPDX-License-Identifier: MIT */
/* memory.h: what a vif remembers beyond its engine's life */
#ifndef NETBACK_ENGINE_MEMORY_H
#define NETBACK_ENGINE_MEMORY_H

#include <stdint.h>
#include <xen/io/netif.h>

#include "netback/common/link.h"
#include "netback/engine/hash.h"
#include "netback/engine/mcast.h"
#include "netback/engine/rate.h"

/*
 * What a guest has set while it was connected (by control ring or extra info) exists nowhere else:
 * xenstore does not know it, and the guest does not say it twice. It stands behind the queues'
 * journals in the file that control owns, and an engine that takes a connected vif over goes on with it.
 * Control zeroes all of it at a fresh connect, and zero means: the guest has set nothing.
 *
 * One struct an owner, and only the owner's module reads or writes it. Each module sees to it that a
 * SIGKILL between two stores leaves what was there before or what is there after, and, as this is only a
 * file, checks whatever it reads. A change of layout needs another MEMORY_VERSION: the next engine may be
 * a newer one, and begins with nothing rather than with something else.
 */
enum {
	MEMORY_VERSION = 1,
	MEMORY_STAGED = 512, /* grants of a queue */
};

#define MEMORY_MAGIC 0x6e626d656d6f7279ull /* "nbmemory" */

/* ctrl.c: the response that is being published, as in journal.h; and the settings, of which `current` counts. */
struct memory_ctrl {
	uint32_t ring_ref;
	uint32_t is_open;
	uint32_t start; /* rsp_prod before it */
	struct xen_netif_ctrl_response rsp;
	uint32_t current; /* 0 or 1 */
	struct hash_settings hash[2];
};

/* staging.c: the pages of a queue, in no order, statuses unused. */
struct memory_staging {
	uint32_t nr;
	struct xen_netif_gref entry[MEMORY_STAGED];
};

struct vif_memory {
	uint64_t magic; /* written last */
	uint32_t version;
	uint32_t size; /* sizeof(struct vif_memory) */
	struct mcast mcast;
	struct rate_level tx_rate, rx_rate;
	struct memory_ctrl ctrl;
	struct memory_staging staging[LINK_MAX_QUEUES];
};

_Static_assert(sizeof(struct vif_memory) <= LINK_MEMORY_BYTES, "the vif's share of the file");

/*
 * bytes: LINK_MEMORY_BYTES of the mapped file, aligned to 8; they stay the caller's. Makes an empty
 * memory of anything that is not one of this layout. Main thread, before any worker has the vif.
 */
struct vif_memory *memory_attach(void *bytes);

#endif
