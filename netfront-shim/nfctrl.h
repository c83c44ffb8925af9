/* SPDX-License-Identifier: MIT -- the frontend's half of the control ring, on any memory */
#ifndef SHIM_NFCTRL_H
#define SHIM_NFCTRL_H

#include <stdbool.h>

#include "fault.h"
#include "netif-ring.h"

/*
 * One request at a time, as xenvif does: netif.h would allow responses out of
 * order, but xenvif wants the response to be the one of its request. Ids begin
 * high, so that a backend which takes them for an index is found out.
 *
 * All functions belong to the one thread that owns the vif.
 */
struct nfctrl {
	xen_netif_ctrl_front_ring_t ring;
	struct nf_faults *faults;
	uint16_t id, type; /* of the request that waits */
	bool broken;	   /* the ring is left alone */
};

/* Starts on a zeroed page at sring. */
void nfctrl_init(struct nfctrl *ctrl, void *sring, struct nf_faults *faults);

/* Publishes a request; the one before must have been answered. True: the backend wants to be notified. */
bool nfctrl_put(struct nfctrl *ctrl, uint16_t type, const uint32_t data[3]);

/* True: *rsp is the answer. False: none yet, and it will bring an event; or the ring is broken. */
bool nfctrl_take(struct nfctrl *ctrl, struct xen_netif_ctrl_response *rsp);

#endif
