/* SPDX-License-Identifier: MIT */
/* Grants: what the granter's kernel, Xen and the mapper's kernel do together. */
#include "machine.h"

#include <errno.h>
#include <string.h>

/*
 * The shared entry is written here on behalf of both sides: the granter's
 * kernel (flags, domid, frame) and Xen (GTF_reading, GTF_writing). Copies look
 * at it without the lock, so an entry is published with one 64-bit store.
 *
 * A copy does not mark the entry while it runs, unlike Xen: a process killed in
 * the middle of a copy would leave the mark for ever.
 */
union entry {
	grant_entry_v1_t v1;
	uint64_t raw;
};

_Static_assert(sizeof(union entry) == 8, "a v1 entry is one word");

static _Atomic uint64_t *entry_word(uint32_t slot, uint32_t ref)
{
	return (_Atomic uint64_t *)(machine_grants(slot) + ref);
}

static union entry read_entry(uint32_t slot, uint32_t ref)
{
	return (union entry){.raw = atomic_load(entry_word(slot, ref))};
}

/* flags are the low 16 bits of the word on the little-endian machines we run on */
_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "little endian");

static void set_marks(uint32_t slot, uint32_t ref)
{
	struct machine_active *a = &machine_domain(slot)->active[ref];
	uint64_t marks =
		(a->readers || a->writers ? GTF_reading : 0) | (a->writers ? GTF_writing : 0);

	atomic_fetch_or(entry_word(slot, ref), marks);
	atomic_fetch_and(entry_word(slot, ref), ~((uint64_t)(GTF_reading | GTF_writing) & ~marks));
}

static int find_gref(struct machine_domain *d, uint32_t slot, uint32_t *ref)
{
	uint32_t i;

	for (i = d->gref_hint; i < MACHINE_GREFS; i++)
		if (!read_entry(slot, i).v1.flags && d->active[i].owner == MACHINE_NONE)
			break;
	if (i == MACHINE_GREFS)
		return -ENOSPC;
	/* The table grows by whole frames, and never shrinks. */
	while (i >= d->nr_grefs)
		d->nr_grefs += MACHINE_GREFS_FRAME;
	d->gref_hint = i + 1;
	*ref = i;
	return 0;
}

/* Round robin, so that a page just freed stays unused for long. */
static int find_frame(struct machine_domain *d, uint32_t *frame)
{
	for (uint32_t i = 0; i < MACHINE_FRAMES; i++) {
		uint32_t f = (d->frame_hint + i) % MACHINE_FRAMES;

		if (f && !d->frame_used[f]) {
			d->frame_hint = f + 1;
			*frame = f;
			return 0;
		}
	}
	return -ENOMEM;
}

int grant_share(uint32_t to_domid, bool readonly, uint32_t *ref, uint32_t *frame)
{
	struct machine_domain *d = machine_domain(machine_view.slot);
	union entry e;
	int rc;

	if (d->state != DOMAIN_LIVE)
		return -ENODEV;
	if (d->shared_pages >= machine_view.m->gntalloc_limit)
		return -ENOSPC;
	rc = find_gref(d, machine_view.slot, ref);
	if (!rc)
		rc = find_frame(d, frame);
	if (rc)
		return rc;

	memset(machine_frame(machine_view.slot, *frame), 0, MACHINE_PAGE);
	d->frame_used[*frame] = 1;
	d->shared_pages++;
	d->active[*ref].notify_offset = d->active[*ref].notify_port = MACHINE_NONE;
	d->active[*ref].owner = machine_view.proc;
	e.v1.flags = GTF_permit_access | (readonly ? GTF_readonly : 0);
	e.v1.domid = to_domid;
	e.v1.frame = *frame;
	atomic_store(entry_word(machine_view.slot, *ref), e.raw);
	machine_count(shares, 1);
	return 0;
}

static void fire_notify(uint32_t slot, uint32_t ref, uint32_t offset, uint32_t port_slot,
			uint32_t port)
{
	uint32_t frame = read_entry(slot, ref).v1.frame;

	if (offset != MACHINE_NONE && frame < MACHINE_FRAMES)
		machine_frame(slot, frame)[offset % MACHINE_PAGE] = 0;
	if (port != MACHINE_NONE)
		port_send(port_slot, port);
}

static void free_grant(uint32_t slot, uint32_t ref)
{
	struct machine_domain *d = machine_domain(slot);
	uint32_t frame = read_entry(slot, ref).v1.frame;

	atomic_store(entry_word(slot, ref), 0);
	if (frame < MACHINE_FRAMES)
		d->frame_used[frame] = 0;
	if (d->shared_pages)
		d->shared_pages--;
	d->active[ref].owner = MACHINE_NONE;
	if (ref < d->gref_hint)
		d->gref_hint = ref;
}

void grant_end(uint32_t slot, uint32_t ref)
{
	struct machine_active *a = &machine_domain(slot)->active[ref];

	machine_count(unshares, 1);
	fire_notify(slot, ref, a->notify_offset, slot, a->notify_port);
	a->notify_offset = a->notify_port = MACHINE_NONE;
	if (a->readers || a->writers)
		a->owner = MACHINE_NONE; /* as gntalloc: freed after the last unmap */
	else
		free_grant(slot, ref);
}

/* The checks Xen makes of a shared entry, with its statuses. */
static int16_t check_entry(uint32_t slot, uint32_t ref, bool write, uint32_t *frame)
{
	union entry e = read_entry(slot, ref);

	if ((e.v1.flags & GTF_type_mask) != GTF_permit_access || e.v1.domid != machine_view.domid)
		return GNTST_general_error;
	if (write && (e.v1.flags & GTF_readonly))
		return GNTST_general_error;
	if (e.v1.frame >= MACHINE_FRAMES)
		return GNTST_bad_page;
	*frame = e.v1.frame;
	return GNTST_okay;
}

static int find_track(void)
{
	struct machine *m = machine_view.m;

	for (uint32_t i = 0; i < MACHINE_MAPTRACK; i++) {
		uint32_t t = (m->maptrack_hint + i) % MACHINE_MAPTRACK;

		if (m->maptrack[t].proc == MACHINE_NONE) {
			m->maptrack_hint = t + 1;
			return t;
		}
	}
	return GNTST_no_space;
}

static void drop_dead_owner(uint32_t slot, uint32_t ref)
{
	uint32_t owner = machine_domain(slot)->active[ref].owner;

	if (owner != MACHINE_NONE && !machine_proc_alive(owner))
		machine_reap_all();
}

int grant_map(uint32_t domid, uint32_t ref, bool write, uint32_t *slot, uint32_t *frame)
{
	struct machine *m = machine_view.m;
	struct machine_active *a;
	int32_t fault = machine_fault(FAULT_MAP);
	int track, rc;

	*slot = machine_find_domain(domid);
	if (fault)
		return fault;
	if (*slot == MACHINE_NONE)
		return GNTST_bad_domain;
	if (ref >= machine_domain(*slot)->nr_grefs)
		return GNTST_bad_gntref;
	drop_dead_owner(*slot, ref);
	rc = check_entry(*slot, ref, write, frame);
	if (rc)
		return rc;
	track = find_track();
	if (track < 0)
		return track;

	m->maptrack[track] = (struct machine_maptrack){
		.proc = machine_view.proc,
		.slot = *slot,
		.ref = ref,
		.write = write,
		.notify_port = MACHINE_NONE,
		.notify_offset = MACHINE_NONE,
	};
	a = &machine_domain(*slot)->active[ref];
	if (write)
		a->writers++;
	else
		a->readers++;
	set_marks(*slot, ref);
	machine_count(maps, 1);
	return track;
}

void grant_unmap(uint32_t track)
{
	struct machine_maptrack *t = &machine_view.m->maptrack[track];
	struct machine_domain *d = machine_domain(t->slot);
	struct machine_active *a = &d->active[t->ref];

	fire_notify(t->slot, t->ref, t->notify_offset, t->notify_slot, t->notify_port);
	if (t->write)
		a->writers--;
	else
		a->readers--;
	t->proc = MACHINE_NONE;
	set_marks(t->slot, t->ref);
	if (!a->readers && !a->writers && a->owner == MACHINE_NONE)
		free_grant(t->slot, t->ref);
	machine_count(unmaps, 1);
}

void grant_reap(uint32_t proc)
{
	struct machine *m = machine_view.m;
	uint32_t i, ref;

	for (i = 0; i < MACHINE_MAPTRACK; i++)
		if (m->maptrack[i].proc == proc)
			grant_unmap(i);
	for (i = 0; i < m->nr_domains; i++)
		for (ref = 0; ref < m->domains[i].nr_grefs; ref++)
			if (m->domains[i].active[ref].owner == proc)
				grant_end(i, ref);
}

void grant_kill(uint32_t slot)
{
	struct machine *m = machine_view.m;
	struct machine_domain *d = machine_domain(slot);
	uint32_t i;

	for (i = 0; i < MACHINE_MAPTRACK; i++)
		if (m->maptrack[i].proc != MACHINE_NONE &&
		    m->procs[m->maptrack[i].proc % MACHINE_PROCS].domid == d->domid)
			grant_unmap(i);
	/* Pages that others map stay readable to them; the slot is not used again. */
	for (i = 0; i < d->nr_grefs; i++)
		atomic_fetch_and(entry_word(slot, i), ~(uint64_t)GTF_type_mask);
}

void grant_repair(void)
{
	struct machine *m = machine_view.m;
	uint32_t i, ref;

	for (i = 0; i < m->nr_domains; i++)
		for (ref = 0; ref < m->domains[i].nr_grefs; ref++) {
			m->domains[i].active[ref].readers = 0;
			m->domains[i].active[ref].writers = 0;
		}
	for (i = 0; i < MACHINE_MAPTRACK; i++) {
		struct machine_maptrack *t = &m->maptrack[i];

		if (t->proc == MACHINE_NONE)
			continue;
		if (t->write)
			m->domains[t->slot].active[t->ref].writers++;
		else
			m->domains[t->slot].active[t->ref].readers++;
	}
	for (i = 0; i < m->nr_domains; i++)
		for (ref = 0; ref < m->domains[i].nr_grefs; ref++)
			set_marks(i, ref);
}

int16_t grant_access(uint32_t domid, uint32_t ref, bool write, uint32_t *seen, uint8_t **page)
{
	uint32_t slot, owner, frame;
	struct machine_domain *d;
	int16_t rc;

	/* Unlike a map, which takes numbers only (rcu_lock_domain_by_any_id). */
	slot = domid == DOMID_SELF ? machine_view.slot : machine_find_domain(domid);
	if (slot == MACHINE_NONE)
		return GNTST_bad_domain;
	d = machine_domain(slot);
	if (ref >= d->nr_grefs)
		return GNTST_bad_gntref;

	owner = d->active[ref].owner;
	if (owner != MACHINE_NONE && owner != *seen) {
		if (!machine_proc_alive(owner)) {
			machine_lock();
			machine_reap_all();
			machine_unlock();
		} else {
			*seen = owner;
		}
	}

	rc = check_entry(slot, ref, write, &frame);
	if (rc == GNTST_okay)
		*page = machine_frame(slot, frame);
	return rc;
}
