/* SPDX-License-Identifier: MIT */
/* staging.c: map, remember, find and unmap what the guest stages */
#include "staging.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>

#include "netback/common/util.h"

/* Stands behind each store that outlives the engine; a test puts a crash there. */
#ifndef STEP
#define STEP()
#endif

#define compiler_barrier() __atomic_signal_fence(__ATOMIC_SEQ_CST)

void staging_init(struct staging *s, xengnttab_handle *gnttab, uint16_t domid,
		  atomic_uint *guest_pages, struct memory_staging *memory)
{
	memset(s, 0, sizeof(*s));
	s->gnttab = gnttab;
	s->domid = domid;
	s->guest_pages = guest_pages;
	s->memory = memory;
}

/* --- the guest's limit, shared by the workers that serve it ----------------------------------------- */

static int charge(struct staging *s)
{
	if (s->nr == STAGING_MAX)
		return -ENOSPC;
	if (atomic_fetch_add(s->guest_pages, 1) < STAGING_GUEST_MAX)
		return 0;
	atomic_fetch_sub(s->guest_pages, 1);
	return -ENOSPC;
}

/* --- the table -------------------------------------------------------------------------------------- */

/* A free slot near the reference's home; NULL: too many others have met there. */
static struct staging_slot *free_slot(struct staging *s, uint32_t ref)
{
	unsigned int home = staging_home(ref);

	for (unsigned int i = 0; i < STAGING_PROBES; i++) {
		struct staging_slot *slot = &s->slot[(home + i) % STAGING_SLOTS];

		if (!slot->page)
			return slot;
	}
	return NULL;
}

/* Those behind it, which have passed it on their way from home, move up: look-ups end at the first hole. */
static void empty_slot(struct staging *s, unsigned int hole)
{
	for (unsigned int i = (hole + 1) % STAGING_SLOTS; s->slot[i].page;
	     i = (i + 1) % STAGING_SLOTS) {
		unsigned int home = staging_home(s->slot[i].ref);

		if ((i - home) % STAGING_SLOTS < (i - hole) % STAGING_SLOTS)
			continue;
		s->slot[hole] = s->slot[i];
		hole = i;
	}
	s->slot[hole].page = NULL;
}

/* Map one page, at the end of the list. 1: it was there. */
static int map(struct staging *s, const struct xen_netif_gref *entry)
{
	const struct staging_slot *there = staging_slot(s, entry->ref);
	bool writable = !(entry->flags & XEN_NETIF_CTRLF_GREF_readonly);
	struct staging_slot *slot;
	int ret;

	if (entry->flags & ~(unsigned int)STAGING_FLAGS)
		return -EINVAL;
	if (there)
		return there->writable == writable ? 1 : -EINVAL;
	slot = free_slot(s, entry->ref);
	ret = slot ? charge(s) : -ENOSPC;
	if (ret < 0)
		return ret;

	slot->page = xengnttab_map_grant_ref(s->gnttab, s->domid, entry->ref,
					     writable ? PROT_READ | PROT_WRITE : PROT_READ);
	if (!slot->page) {
		atomic_fetch_sub(s->guest_pages, 1);
		return -EINVAL;
	}
	slot->ref = entry->ref;
	slot->index = (uint16_t)s->nr;
	slot->writable = writable;
	s->list[s->nr++] = entry->ref;
	return 0;
}

/* The last of the list goes to the place of the one that goes. */
static void unmap(struct staging *s, const struct staging_slot *slot)
{
	uint32_t last = s->list[--s->nr];
	unsigned int index = slot->index;

	((struct staging_slot *)staging_slot(s, last))->index = (uint16_t)index;
	s->list[index] = last;
	xengnttab_unmap(s->gnttab, slot->page, 1);
	empty_slot(s, (unsigned int)(slot - s->slot));
	atomic_fetch_sub(s->guest_pages, 1);
}

void staging_release(struct staging *s)
{
	for (unsigned int i = 0; i < STAGING_SLOTS; i++) {
		struct staging_slot *slot = &s->slot[i];

		if (!slot->page)
			continue;
		xengnttab_unmap(s->gnttab, slot->page, 1);
		atomic_fetch_sub(s->guest_pages, 1);
		slot->page = NULL;
	}
	s->nr = 0;
}

/* --- the memory -------------------------------------------------------------------------------------- */

/* Entries [from, to) of the list, and its length. Killed between two stores, the memory has some twice. */
static void remember(struct staging *s, unsigned int from, unsigned int to)
{
	struct memory_staging *memory = s->memory;

	for (unsigned int i = from; i < to; i++) {
		bool writable = staging_slot(s, s->list[i])->writable;

		memory->entry[i] = (struct xen_netif_gref){
			.ref = s->list[i],
			.flags = writable ? 0 : XEN_NETIF_CTRLF_GREF_readonly,
		};
		STEP();
	}
	compiler_barrier();
	WRITE_ONCE(memory->nr, s->nr);
	compiler_barrier();
	STEP();
}

void staging_recall(struct staging *s)
{
	struct memory_staging *memory = s->memory;
	uint32_t nr = min(READ_ONCE(memory->nr), (uint32_t)STAGING_MAX);

	for (uint32_t i = 0; i < nr; i++) {
		const struct xen_netif_gref entry = memory->entry[i];

		map(s, &entry);
	}
	remember(s, 0, s->nr);
}

/* --- the guest's orders ------------------------------------------------------------------------------- */

int staging_add(struct staging *s, const struct xen_netif_gref *entry, unsigned int nr)
{
	unsigned int before = s->nr;

	for (unsigned int i = 0; i < nr; i++) {
		int ret = map(s, &entry[i]);

		if (ret >= 0)
			continue;
		while (s->nr > before)
			unmap(s, staging_slot(s, s->list[s->nr - 1]));
		return ret;
	}
	remember(s, before, s->nr);
	return 0;
}

unsigned int staging_del(struct staging *s, struct xen_netif_gref *entry, unsigned int nr)
{
	unsigned int nr_gone = 0;

	for (unsigned int i = 0; i < nr; i++) {
		const struct staging_slot *slot = staging_slot(s, entry[i].ref);
		unsigned int index;

		entry[i].status = XEN_NETIF_CTRL_STATUS_INVALID_PARAMETER;
		if (!slot)
			continue;
		index = slot->index;
		unmap(s, slot);
		remember(s, index, min(index + 1, s->nr));
		entry[i].status = XEN_NETIF_CTRL_STATUS_SUCCESS;
		nr_gone++;
	}
	return nr_gone;
}
