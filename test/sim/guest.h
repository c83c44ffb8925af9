/* SPDX-License-Identifier: MIT */
/* guest.h: what runs in a guest: a network driver with NAPI, a service behind it, hogs */
#ifndef SIM_GUEST_H
#define SIM_GUEST_H

#include "test/sim/host.h"
#include "test/sim/vif.h"

struct load;
struct netback;

enum {
	GUEST_BUDGET = 64, /* packets between two looks at the ring's buffers: NAPI_POLL_WEIGHT */
};

/*
 * vCPU 0 takes packets while there are any (polling), cost_ns each, and posts buffers again when its budget is used
 * or the ring is empty (xennet_poll of drivers/net/xen-netfront.c); then it arms the ring. An event costs irq_ns. A
 * request is answered, or forwarded to a second tier. A hog runs on all vCPUs below all that, and may send junk.
 */
struct guest {
	struct domain *dom;
	struct netback *netback; /* NULL: no vif */
	struct vif vif;
	struct load *load;  /* what comes from the world, or NULL */
	struct guest *peer; /* the second tier, or NULL */
	int64_t cost_ns, irq_ns;
	bool hog;
	int64_t junk_ns; /* of the hog's time between two packets it sends; 0: none */
	/* vCPU 0 */
	struct packet in_hand;
	unsigned int polled; /* of the budget */
	int64_t hog_left[HOST_VCPUS];
	/* of the hint: what the administrator consents to (enum law_consent) */
	unsigned int consent;
};

extern const struct guest_ops guest_ops;

#endif
