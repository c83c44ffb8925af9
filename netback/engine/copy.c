/* SPDX-License-Identifier: MIT */
/* copy.c: add grant copies, flush them, tell their statuses */
#include "copy.h"

#include <string.h>
#include <xen/grant_table.h>
#include <xen/xen.h>

#include "netback/common/util.h"

enum {
	GNTDEV_COPY_BATCH = 16
}; /* pieces a hypercall: Linux drivers/xen/gntdev.c */

void copy_init(struct copy_batch *batch, uint16_t domid)
{
	batch->domid = domid;
	batch->nr_done = 0;
	batch->nr_ioctls = 0;
	batch->nr_hypercalls = 0;
	batch->nr_selfgrant = 0;
	batch->nr_staged = 0;
	batch->staging = NULL;
	batch->selfgrant = NULL;
	copy_reset(batch);
}

void copy_reset(struct copy_batch *batch)
{
	batch->nr = 0;
	batch->nr_pieces = 0;
}

static xengnttab_grant_copy_segment_t *add(struct copy_batch *batch, const void *local,
					   uint16_t len)
{
	uintptr_t first = (uintptr_t)local / COPY_PAGE_SIZE;
	uintptr_t last = ((uintptr_t)local + len - 1) / COPY_PAGE_SIZE;
	xengnttab_grant_copy_segment_t *s = &batch->segment[batch->nr++];

	batch->nr_pieces += (unsigned int)(last - first) + 1;
	s->len = len;
	s->status = GNTST_general_error;
	return s;
}

/* Our side of a segment: a grant, and then flag says so, if it lies on a page that has one. */
static void set_local(struct copy_batch *batch, xengnttab_grant_copy_segment_t *s,
		      union xengnttab_copy_ptr *side, const void *local, uint16_t flag)
{
	uint32_t ref;
	uint16_t offset;

	if (!selfgrant_find(batch->selfgrant, local, &ref, &offset)) {
		side->virt = (void *)local;
		return;
	}
	s->flags |= flag;
	side->foreign.ref = ref;
	side->foreign.offset = offset;
	side->foreign.domid = DOMID_SELF;
	batch->nr_selfgrant++;
}

/* Small packets go to where their page need not be looked up. */
static const void *gather(struct copy_batch *batch, const void *local, uint16_t len)
{
	uint8_t *room = selfgrant_take(batch->selfgrant, 0, len);

	return room ? memcpy(room, local, len) : local;
}

/* Where in our memory the guest's bytes are, NULL: nowhere. Never beyond the page, whoever forgot to check. */
static uint8_t *staged(const struct copy_batch *batch, uint32_t ref, uint16_t offset, uint16_t len,
		       bool write)
{
	uint8_t *page = staging_find(batch->staging, ref, write);

	return page && offset + len <= STAGING_PAGE_BYTES ? page + offset : NULL;
}

unsigned int copy_from_guest(struct copy_batch *batch, uint32_t ref, uint16_t offset, void *local,
			     uint16_t len)
{
	const uint8_t *page = staged(batch, ref, offset, len, false);
	xengnttab_grant_copy_segment_t *s;

	if (page) {
		memcpy(local, page, len);
		batch->nr_staged++;
		return batch->nr;
	}
	s = add(batch, local, len);
	s->flags = GNTCOPY_source_gref;
	s->source.foreign.ref = ref;
	s->source.foreign.offset = offset;
	s->source.foreign.domid = batch->domid;
	set_local(batch, s, &s->dest, local, GNTCOPY_dest_gref);
	return batch->nr - 1;
}

unsigned int copy_to_guest(struct copy_batch *batch, uint32_t ref, uint16_t offset,
			   const void *local, uint16_t len)
{
	uint8_t *page = staged(batch, ref, offset, len, true);
	xengnttab_grant_copy_segment_t *s;

	if (page) {
		memcpy(page, local, len);
		batch->nr_staged++;
		return batch->nr;
	}
	local = gather(batch, local, len);
	s = add(batch, local, len);
	s->flags = GNTCOPY_dest_gref;
	set_local(batch, s, &s->source, local, GNTCOPY_source_gref);
	s->dest.foreign.ref = ref;
	s->dest.foreign.offset = offset;
	s->dest.foreign.domid = batch->domid;
	return batch->nr - 1;
}

void copy_flush(struct copy_batch *batch, xengnttab_handle *gnttab)
{
	if (batch->nr == 0)
		return;

	/*
	 * 0 does not mean that the segments went well: their statuses tell. But on -1 these lie: gntdev
	 * says okay as it takes a segment up and leaves at once, so up to a hypercall's worth of what
	 * it took up was never copied.
	 */
	if (xengnttab_grant_copy(gnttab, batch->nr, batch->segment) < 0)
		for (unsigned int i = 0; i < batch->nr; i++)
			batch->segment[i].status = GNTST_general_error;
	batch->nr_done += batch->nr;
	batch->nr_ioctls++;
	batch->nr_hypercalls += DIV_ROUND_UP(batch->nr_pieces, GNTDEV_COPY_BATCH);
}

bool copy_ok(const struct copy_batch *batch, unsigned int first, unsigned int nr)
{
	for (unsigned int i = first; i < first + nr; i++)
		if (batch->segment[i].status != GNTST_okay)
			return false;
	return true;
}
