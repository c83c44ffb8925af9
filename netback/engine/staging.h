/* SPDX-License-Identifier: MIT */
/* staging.h: guest pages that stay mapped because the guest asked for it */
#ifndef NETBACK_ENGINE_STAGING_H
#define NETBACK_ENGINE_STAGING_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <xen/io/netif.h>
#include <xengnttab.h>

#include "netback/engine/memory.h"

/*
 * Staging grants (Xen's docs/misc/netif-staging-grants, netif.h GREF_MAPPING): a frontend names pages that
 * it will use again and again, and the backend keeps them mapped. The rings do not change; a request
 * whose grant is in the table is served by a memcpy, any other one by a grant copy. That spares the
 * hypercall, the lock on the guest's grant table, and Xen's mapping of two pages for each copy.
 *
 * A mapped page is the guest's to change at any time, like a ring: nobody looks at it, everything is
 * copied out first and checked in private memory (XSA-155). A page is mapped until the guest takes it
 * out (DEL) or the queue is closed, so no grant that the guest has taken back is in use (XSA-396).
 *
 * Each page is a mapping of its own, because gntdev unmaps nothing but whole mappings. Mapping may wait
 * without a limit for a guest whose page is paged out (libxengnttab retries every millisecond); only
 * that guest's own engine waits, if isolation is by domain. What a guest can map is bounded by queue and by
 * guest (XSA-300), counted over all its vifs of an engine; each page is one of the mappings that the kernel
 * lets a process have (65530), which is another reason not to serve many guests by one engine.
 *
 * The table is found by hashing; no look-up takes more than STAGING_PROBES steps, even if a guest picks
 * its references so that they meet. It also stands in the vif's memory, from which an engine that takes a
 * connected vif over maps the pages again.
 *
 * A table belongs to the worker that serves its queue. Nothing here allocates.
 */
enum {
	STAGING_MAX = MEMORY_STAGED, /* pages of a queue: a buffer for each slot of both rings */
	STAGING_GUEST_MAX = 4096,    /* pages of a guest: 16 MiB */
	STAGING_SLOTS = 2048,
	STAGING_PROBES = 32,
	STAGING_PAGE_BYTES = 4096,
	STAGING_FLAGS = XEN_NETIF_CTRLF_GREF_readonly, /* the flags there are */
};

_Static_assert((STAGING_SLOTS & (STAGING_SLOTS - 1)) == 0, "a power of 2");

struct staging_slot {
	uint8_t *page; /* NULL: free */
	uint32_t ref;
	uint16_t index; /* in the list */
	bool writable;
};

struct staging {
	xengnttab_handle *gnttab; /* the worker's */
	atomic_uint *guest_pages; /* pages that all queues of the guest have mapped */
	struct memory_staging *memory;
	uint16_t domid;
	unsigned int nr;
	uint32_t list
		[STAGING_MAX]; /* references in the memory's order; the memory is read once only */
	struct staging_slot slot[STAGING_SLOTS];
};

/* An empty table; the pointers stay the caller's and outlive it. */
void staging_init(struct staging *s, xengnttab_handle *gnttab, uint16_t domid,
		  atomic_uint *guest_pages, struct memory_staging *memory);

/*
 * Map what the memory lists. Whatever is no grant any more is left out silently: a miss only costs
 * speed.
 */
void staging_recall(struct staging *s);

/* Unmap all. The memory keeps its list. */
void staging_release(struct staging *s);

/*
 * All entries, or none: -EINVAL: an unknown flag, a reference that is there with the other access, or
 * no grant of that kind; -ENOSPC: a limit. What is there already as it is wanted stays as it is: an engine may
 * have died between doing this and saying so.
 */
int staging_add(struct staging *s, const struct xen_netif_gref *entry, unsigned int nr);

/* Each entry that is in the table goes. Returns how many did, and sets each entry's status. */
unsigned int staging_del(struct staging *s, struct xen_netif_gref *entry, unsigned int nr);

/* Fibonacci hashing: references in sequence lie apart. */
static inline unsigned int staging_home(uint32_t ref)
{
	return ref * 0x9e3779b1u >> 21;
}

_Static_assert(1u << (32 - 21) == STAGING_SLOTS, "bits of a hash");

/* None is further from home than it was put, less than STAGING_PROBES: others go only towards it. */
static inline const struct staging_slot *staging_slot(const struct staging *s, uint32_t ref)
{
	unsigned int home = staging_home(ref);

	for (unsigned int i = 0; i < STAGING_PROBES; i++) {
		const struct staging_slot *slot = &s->slot[(home + i) % STAGING_SLOTS];

		if (!slot->page)
			return NULL;
		if (slot->ref == ref)
			return slot;
	}
	return NULL;
}

/* The page behind a grant, mapped for what is to be done; NULL: not staged. s may be NULL. */
static inline uint8_t *staging_find(const struct staging *s, uint32_t ref, bool write)
{
	const struct staging_slot *slot;

	if (!s || !s->nr)
		return NULL;
	slot = staging_slot(s, ref);
	return slot && (slot->writable || !write) ? slot->page : NULL;
}

#endif
