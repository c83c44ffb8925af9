/* SPDX-License-Identifier: MIT */
/* ctl.h: the socket that netbackctl speaks to */
#ifndef NETBACK_CONTROL_CTL_H
#define NETBACK_CONTROL_CTL_H

#include "config.h"

struct event_base;

/*
 * RUN_DIR/ctl.sock, a unix stream socket for root and its group. One line of JSON, one line of JSON back, end:
 *
 *	{"command": "show", "vif": "vif3.0"}
 *	{"ok": true, "vif": "vif3.0", ...}
 *	{"ok": false, "error": "there is no vif3.0"}
 *
 * Commands: list, show VIF, stats [VIF]; what they answer is in metrics.h. A client that is slow, says too much or nothing
 * is dropped after a few seconds; there is room for a few at a time.
 */
int ctl_start(struct event_base *loop, const struct config *config); /* 0 or -errno */
void ctl_stop(void);

#endif
