/* SPDX-License-Identifier: MIT */
/* tap.h: the persistent tap device of a vif */
#ifndef NETBACK_CONTROL_TAP_H
#define NETBACK_CONTROL_TAP_H

#include <net/if.h>
#include <stdbool.h>

#include "netback/common/link.h"

/*
 * A vif's network interface, vifD.N, is a tap with one queue a ring pair. It is persistent: it keeps its
 * bridge, MTU, qdiscs and counters when netbackd or an engine dies. The hotplug script may rename it, take
 * it down, change its MAC; we go by the file descriptors, which follow it.
 *
 * A frame on the descriptors begins with a struct virtio_net_hdr of TAP_VNET_HDR_BYTES. The carrier is off until
 * tap_set_carrier: no frame is queued for a guest that has no rings.
 *
 * Needs CAP_NET_ADMIN. Control's thread only. Functions return 0 or -errno.
 */
enum {
	TAP_VNET_HDR_BYTES = 10
};

struct tap {
	char name[IFNAMSIZ];	  /* vifD.N, the name it was made with */
	int fds[LINK_MAX_QUEUES]; /* non-blocking; an engine gets copies */
	unsigned int nr_queues;	  /* open fds; 0: not ours (yet) */
	unsigned int index;	  /* of the interface; 0: not known (yet) */
};

/* Names only: domid and handle from the store. Nothing is opened. */
void tap_init(struct tap *tap, unsigned int domid, unsigned int handle);

/*
 * Make the tap, or take over the one that is there: with tap->index, if that is remembered from before; else under its
 * own name. Sets the index. A new one has the MAC fe:ff:ff:ff:ff:ff and no carrier. Does nothing if it is open and was
 * not deleted behind our back.
 * *ret_new tells which.
 */
int tap_open(struct tap *tap, bool *ret_new);

/*
 * Before a connect: nr queues with the offloads these features allow. fresh: drop the frames that wait for a
 * guest which no longer is. On failure the tap has one queue.
 */
int tap_connect(struct tap *tap, unsigned int nr, const struct link_features *features, bool fresh);

/* Other features, while connected. */
int tap_set_offloads(struct tap *tap, const struct link_features *features);

/* After it: one queue, no carrier. */
void tap_disconnect(struct tap *tap);

void tap_set_carrier(struct tap *tap, bool on);

/* What the interface is called now; "" if it is not open or was deleted behind our back. */
void tap_current_name(const struct tap *tap, char name[IFNAMSIZ]);

/* Remove the interface, opened or only left behind: found as by tap_open. Its queues may stay open in an engine for a moment. */
void tap_destroy(struct tap *tap);

/* Let go of it; the interface stays. */
void tap_close(struct tap *tap);

#endif
