/* SPDX-License-Identifier: MIT */
/* pages.h: the statistics that netback's engines write, found and read */
#ifndef NETBACK_HINT_PAGES_H
#define NETBACK_HINT_PAGES_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "netback/common/stats.h"
#include "netback/hint/totals.h"

/*
 * RUN_DIR/vifD.N.stats, mapped read-only (stats.h). What else there is to know about a vif: the frames its
 * tap had no room for, from /sys, by the name vifD.N (a tap that a script has renamed tells nothing), and the
 * CPU time of its engine, from /proc. An engine that serves several domains (isolation = "host") is nobody's,
 * because the pages do not tell whose work it did.
 *
 * A page is fresh while its engine lives. One thread.
 */
enum {
	PAGES_MAX = 2048,
};

struct page {
	uint32_t domid, handle;
	uint64_t ino;
	bool found; /* by the last scan */
	bool alive; /* its engine, at the last scan */
	const struct stats_vif *stats;
	size_t size;
	uint64_t cpu_ns; /* of its engine */
};

struct pages {
	char run_dir[PATH_MAX];
	unsigned int nr;
	struct page page[PAGES_MAX];
};

/* Look for pages that came and went, and for live engines. 0 or -errno: the directory cannot be read. */
int pages_scan(struct pages *p);

/* The sums over a domain's pages with live engines; false if it has vifs of ours and none is alive. */
bool pages_read(const struct pages *p, uint32_t domid, struct totals *ret_totals);

#endif
