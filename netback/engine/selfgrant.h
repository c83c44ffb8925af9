/* SPDX-License-Identifier: MIT */
/* selfgrant.h: pages of ours that Xen knows by a grant, for small packets */
#ifndef NETBACK_ENGINE_SELFGRANT_H
#define NETBACK_ENGINE_SELFGRANT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <xengnttab.h>

/*
 * For each segment of a grant copy the kernel pins the page of our side (gntdev.c, gntdev_get_page), and Xen
 * looks it up and maps it. For a packet of 60 bytes that is most of what its copy costs. But both sides of a
 * segment may be grants. So each worker has a few pages that its domain grants to itself, where small packets
 * lie side by side: the kernel has nothing to pin, and Xen goes on with the page of the segment before
 * (its common/grant_table.c, gnttab_copy_buf_valid).
 *
 * They are few, because all that a domain shares by gntalloc counts against one limit (1024 pages, the module's
 * parameter), and belong to workers and not to queues, so that they are as many as threads that have work.
 * Where there are none, because the device is missing or the limit is reached, small packets are copied
 * like all others.
 *
 * What is taken is good until selfgrant_reset, which a worker calls between two rounds. Nothing of it is a
 * guest's to see: the grants name our own domain.
 */
enum {
	SELFGRANT_PAGES = 4, /* a round's full share of one queue, of 60 bytes each, both ways */
	SELFGRANT_PAGE_BYTES = 4096,
	SELFGRANT_MAX = 256, /* bytes of a packet that is small */
	SELFGRANT_ALIGN = 16,
};

struct selfgrant {
	xengntshr_handle *gntshr; /* NULL: no device */
	bool tried;
	uint8_t *pages;	   /* NULL: none */
	unsigned int used; /* bytes, in this round */
	uint32_t ref[SELFGRANT_PAGES];
};

/* Main thread, while devices may be opened. */
void selfgrant_open(struct selfgrant *s, struct xentoollog_logger *logger);

/*
 * Its worker, when it gets a queue; only the first call does anything. self is the domain we are. Whether
 * both sides of a copy may be grants of ours is tried, by a copy.
 */
void selfgrant_share(struct selfgrant *s, xengnttab_handle *gnttab, uint16_t self);

/* Main thread, when the worker has ended. */
void selfgrant_close(struct selfgrant *s);

static inline void selfgrant_reset(struct selfgrant *s)
{
	s->used = 0;
}

/*
 * Room for len bytes, within one page and with front more before them that are the caller's, too. NULL: not
 * small, or no room left. s may be NULL.
 */
static inline uint8_t *selfgrant_take(struct selfgrant *s, unsigned int front, unsigned int len)
{
	unsigned int size = (front + len + SELFGRANT_ALIGN - 1) / SELFGRANT_ALIGN * SELFGRANT_ALIGN;
	unsigned int at;

	if (!s || !s->pages || len > SELFGRANT_MAX)
		return NULL;
	at = s->used;
	if (at / SELFGRANT_PAGE_BYTES != (at + size - 1) / SELFGRANT_PAGE_BYTES)
		at = (at / SELFGRANT_PAGE_BYTES + 1) * SELFGRANT_PAGE_BYTES;
	if (at + size > SELFGRANT_PAGES * SELFGRANT_PAGE_BYTES)
		return NULL;
	s->used = at + size;
	return s->pages + at + front;
}

/* True if p points into the pages: the grant of its page, and where it is there. s may be NULL. */
static inline bool selfgrant_find(const struct selfgrant *s, const void *p, uint32_t *ret_ref,
				  uint16_t *ret_offset)
{
	uintptr_t at;

	if (!s || !s->pages)
		return false;
	at = (uintptr_t)p - (uintptr_t)s->pages;
	if (at >= SELFGRANT_PAGES * SELFGRANT_PAGE_BYTES)
		return false;
	*ret_ref = s->ref[at / SELFGRANT_PAGE_BYTES];
	*ret_offset = at % SELFGRANT_PAGE_BYTES;
	return true;
}

#endif
