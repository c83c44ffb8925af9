/* SPDX-License-Identifier: MIT */
/* vif-keys.h: what backend and frontend tell each other in the store before they share a ring */
#ifndef NETBACK_CONTROL_VIF_KEYS_H
#define NETBACK_CONTROL_VIF_KEYS_H

#include <stdbool.h>

#include "netback/common/link.h"
#include "policy.h"
#include "xenbus.h"

/*
 * Functions return 0 or -errno. With an error that is the fault of what stands in the store, why holds a sentence
 * about it; -ENOENT without a sentence: the directory has vanished or is no longer the one we know;
 * -EAGAIN: the store is too busy, try again.
 */

/* What the toolstack has written; read once, when the vif is new. */
struct vif_toolstack_keys {
	char frontend[KEYVAL_PATH_SIZE]; /* lies below the guest's home, whatever the store says */
	char script[KEYVAL_PATH_SIZE];	 /* the hotplug script; "" if none */
	char gatewaydev[64];		 /* for it */
};

int vif_keys_read_toolstack(const char *be, const struct keyval_vif *id,
			    struct vif_toolstack_keys *keys, char why[KEYVAL_EXPLAIN_SIZE]);

/* The part that may change at any time; with_vlan: what somebody else enforces may say what it likes. */
int vif_keys_read_policy(const char *be, bool with_vlan, struct policy_keys *keys,
			 char why[KEYVAL_EXPLAIN_SIZE]);

/*
 * Writers. Only into a directory that is ours: deleting it and writing a state into it would leave a directory of
 * one key behind for ever. published is the state we wrote last, 0 if none.
 */

/* Write what we offer, and state 2, in one transaction. */
int vif_keys_offer(const char *be, unsigned int published, unsigned int max_queues);

int vif_keys_publish(const char *be, unsigned int published, unsigned int state);

/* hotplug-status "error" and the reason, unless the script has said so itself. */
int vif_keys_write_hotplug_error(const char *be, unsigned int published, const char *text);

/* Remove the directory of a device that is closed and not wanted, and its parent if it is the last one. */
int vif_keys_remove(const char *be, unsigned int published);

/* What the frontend wants, all of one moment; attach->policy is not touched. */
int vif_keys_read_frontend(const char *fe, unsigned int max_queues, struct link_attach *attach,
			   struct policy_wishes *wishes, char why[KEYVAL_EXPLAIN_SIZE]);

/* What it may wish anew while connected; bad values count as none. */
void vif_keys_read_wishes(const char *fe, struct policy_wishes *wishes);

/* Leave "ERRNO TEXT" where people look: the backend directory, and where Linux puts it. */
void vif_keys_write_error(const char *be, const struct keyval_vif *id, int error, const char *text);
void vif_keys_clear_error(const char *be, const struct keyval_vif *id);

#endif
