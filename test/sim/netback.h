/* SPDX-License-Identifier: MIT */
/* netback.h: dom0's part: workers that move frames between taps and rings, in dom0's own CPU time */
#ifndef SIM_NETBACK_H
#define SIM_NETBACK_H

#include "test/sim/host.h"
#include "test/sim/vif.h"

enum {
	NETBACK_VIFS = 64,
	NETBACK_RX_BATCH = 16, /* as netback/engine/rx.c */
	NETBACK_TX_BATCH = 64,
};

/*
 * A worker is a vCPU of dom0 and serves the vifs given to it in turn: of one vif as many tx requests and rx frames
 * as a round takes, then one notification if the guest armed the ring, then the next vif. It sleeps when no ring and no
 * tap has anything it can move; frames for which the guest has posted no buffer wait in the tap.
 */
struct netback_worker {
	struct vif *in_hand;
	unsigned int nr_rx, nr_tx; /* of this round */
	unsigned int turn;
	int64_t hog_left;
};

struct netback {
	struct domain *dom;
	int64_t round_ns, rx_ns, tx_ns; /* a round, and each packet of it */
	bool hog;			/* dom0 has other work without end */
	unsigned int nr_vifs;
	struct vif *vif[NETBACK_VIFS];
	struct netback_worker worker[HOST_VCPUS];
	void (*deliver)(struct packet packet, int64_t now); /* to the world: load.c */
};

extern const struct guest_ops netback_ops;

/* The vif gets the worker with the fewest; die()s beyond NETBACK_VIFS. */
void netback_add(struct netback *netback, struct vif *vif, struct guest *guest);
void netback_remove(struct netback *netback, struct vif *vif);

#endif
