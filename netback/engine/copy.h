/* SPDX-License-Identifier: MIT */
/* copy.h: a batch of grant copies */
#ifndef NETBACK_ENGINE_COPY_H
#define NETBACK_ENGINE_COPY_H

#include <stdbool.h>
#include <stdint.h>
#include <xengnttab.h>

#include "netback/engine/selfgrant.h"
#include "netback/engine/staging.h"

/*
 * Copies between our memory and a guest's pages are added to a batch and done together: one ioctl
 * for all, and in the kernel one hypercall for each 16 page-bound pieces (gntdev.c,
 * GNTDEV_COPY_BATCH). A local side that crosses a page is two pieces, so callers lay out local
 * buffers with the page offsets of the guest's. Small ones lie on pages of ours that have grants (selfgrant.h):
 * copy_to_guest puts them there, for copy_from_guest the caller has taken the room.
 *
 * Guest pages are mapped only if the guest has staged them (staging.h): then the copy is done at once, in
 * place of a segment. Either way nothing is ever looked at in the guest's page: with a copy it cannot change
 * what was checked (XSA-155), and but for what it staged no grant is in use any more when the response is
 * seen (XSA-396).
 *
 * A batch belongs to one worker thread and one direction. Nothing here allocates or blocks on the
 * guest.
 */
#define COPY_PAGE_SIZE	  4096u
#define COPY_MAX_SEGMENTS 512u

struct copy_batch {
	unsigned int nr;
	unsigned int nr_pieces; /* page-bound copies the kernel will make of them */
	uint16_t domid;
	const struct staging *staging; /* the queue's, NULL: none */
	struct selfgrant *selfgrant;   /* the worker's, NULL: none */
	/* done so far, for the counters; the owner may zero them */
	unsigned int nr_done;
	unsigned int nr_ioctls;
	unsigned int nr_hypercalls;
	unsigned int nr_selfgrant; /* of nr_done: our side is a grant, too */
	unsigned int nr_staged;	   /* copies that needed no segment */
	xengnttab_grant_copy_segment_t segment[COPY_MAX_SEGMENTS];
};

/* Without staging and selfgrant; the owner may set them afterwards. */
void copy_init(struct copy_batch *batch, uint16_t domid);

/* Room for so many more segments. */
static inline unsigned int copy_room(const struct copy_batch *batch)
{
	return COPY_MAX_SEGMENTS - batch->nr;
}

/*
 * Add one copy out of, or into, the guest's page. offset + len <= COPY_PAGE_SIZE and copy_room > 0
 * are the caller's business. Returns the segment's number, valid until copy_reset; a copy from or to a
 * staged page takes none, so that a number of copies may be fewer segments: those between batch->nr before
 * and after.
 */
unsigned int copy_from_guest(struct copy_batch *batch, uint32_t ref, uint16_t offset, void *local,
			     uint16_t len);
unsigned int copy_to_guest(struct copy_batch *batch, uint32_t ref, uint16_t offset,
			   const void *local, uint16_t len);

/*
 * Do them. Afterwards copy_ok tells for each segment whether it was done; if the kernel refused the
 * call, none counts as done, whatever did get through.
 */
void copy_flush(struct copy_batch *batch, xengnttab_handle *gnttab);

/* True if all segments of [first, first + nr) arrived. Any status but GNTST_okay is a failure (XSA-316). */
bool copy_ok(const struct copy_batch *batch, unsigned int first, unsigned int nr);

/* Empty the batch. */
void copy_reset(struct copy_batch *batch);

#endif
