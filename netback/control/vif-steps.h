/* SPDX-License-Identifier: MIT */
/* vif-steps.h: each action of vif-state.h, done */
#ifndef NETBACK_CONTROL_VIF_STEPS_H
#define NETBACK_CONTROL_VIF_STEPS_H

#include <stdbool.h>

#include "vif-state.h"

struct config;
struct vif;

/* Once, before the first vif. */
void vif_steps_init(const struct config *settings);

/* True if there may be another one to take at once; vif->state is where this one has led. */
bool vif_step(struct vif *vif, enum vif_action action);

/* For vif->hotplug. */
void vif_on_script_done(void *arg, const char *why);

#endif
