/* SPDX-License-Identifier: MIT */
/* selfgrant.c: share pages with ourselves, and see whether that works here */
#include "selfgrant.h"

#include <string.h>
#include <xen/grant_table.h>
#include <xen/xen.h>

void selfgrant_open(struct selfgrant *s, struct xentoollog_logger *logger)
{
	s->gntshr = xengntshr_open(logger, 0);
}

/* From the first page to the last one, both by grant. */
static bool copies(struct selfgrant *s, xengnttab_handle *gnttab)
{
	uint8_t *last = s->pages + (SELFGRANT_PAGES - 1) * SELFGRANT_PAGE_BYTES;
	xengnttab_grant_copy_segment_t segment = {
		.source.foreign = {.ref = s->ref[0], .domid = DOMID_SELF},
		.dest.foreign = {.ref = s->ref[SELFGRANT_PAGES - 1], .domid = DOMID_SELF},
		.len = SELFGRANT_MAX,
		.flags = GNTCOPY_source_gref | GNTCOPY_dest_gref,
		.status = GNTST_general_error,
	};

	memset(s->pages, 0xa5, SELFGRANT_MAX);
	memset(last, 0, SELFGRANT_MAX);
	return xengnttab_grant_copy(gnttab, 1, &segment) == 0 && segment.status == GNTST_okay &&
	       memcmp(s->pages, last, SELFGRANT_MAX) == 0;
}

static void unshare(struct selfgrant *s)
{
	if (s->pages)
		xengntshr_unshare(s->gntshr, s->pages, SELFGRANT_PAGES);
	s->pages = NULL;
}

void selfgrant_share(struct selfgrant *s, xengnttab_handle *gnttab, uint16_t self)
{
	if (!s->gntshr || s->tried)
		return;
	s->tried = true;
	s->used = 0;
	s->pages = xengntshr_share_pages(s->gntshr, self, SELFGRANT_PAGES, s->ref, 1);
	if (s->pages && !copies(s, gnttab))
		unshare(s);
}

void selfgrant_close(struct selfgrant *s)
{
	unshare(s);
	if (s->gntshr)
		xengntshr_close(s->gntshr);
	s->gntshr = NULL;
}
