/* SPDX-License-Identifier: MIT */
/* report.h: what netback-hintd sees and does, for netbackctl and for plots */
#ifndef NETBACK_HINT_REPORT_H
#define NETBACK_HINT_REPORT_H

#include "netback/hint/host.h"

/*
 * RUN_DIR/hint.json, replaced whole once a window: a reader sees one window, never a part. It is gone when no
 * netback-hintd runs (an old one after a crash tells its time and pid). 0 or -errno.
 */
int report_write(const struct host *host);
void report_remove(const struct host *host);

#endif
