/* SPDX-License-Identifier: MIT */
/* backend.h: which vifs there are, and which of them need a look */
#ifndef NETBACK_CONTROL_BACKEND_H
#define NETBACK_CONTROL_BACKEND_H

struct config;
struct event_base;
struct vif;

/*
 * Watches backend/vif below our own domain's home, which covers every key of every backend directory, and
 * @releaseDomain. What changed is only marked; the marked vifs are updated once a turn of the loop, some at a time, so
 * that one guest cannot keep the others waiting. Main thread only.
 */

/* Find and take over what is there. 0 or -errno. */
int backend_start(struct event_base *base, const struct config *settings);

/* Forget all vifs; nothing is changed in the store or the kernel. */
void backend_stop(void);

/* Have the vif updated soon. */
void backend_mark(struct vif *vif);

void backend_each(void (*fn)(const struct vif *vif, void *arg), void *arg);

/* By name, "vif3.0"; NULL if there is none. */
const struct vif *backend_find(const char *name);

#endif
