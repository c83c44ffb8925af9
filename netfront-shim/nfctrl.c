/* SPDX-License-Identifier: MIT -- the frontend's half of the control ring, on any memory */
#include "nfctrl.h"

enum {
	FIRST_ID = 0xfff0
};

void nfctrl_init(struct nfctrl *ctrl, void *sring, struct nf_faults *faults)
{
	memset(ctrl, 0, sizeof(*ctrl));
	ctrl->faults = faults;
	ctrl->id = FIRST_ID;
	XEN_FRONT_RING_INIT(&ctrl->ring, (xen_netif_ctrl_sring_t *)sring, NETIF_PAGE);
}

bool nfctrl_put(struct nfctrl *ctrl, uint16_t type, const uint32_t data[3])
{
	RING_IDX old = ctrl->ring.req_prod_pvt++;
	RING_IDX new = ctrl->ring.req_prod_pvt;

	ctrl->type = type;
	*RING_GET_REQUEST(&ctrl->ring, old) = (struct xen_netif_ctrl_request){
		.id = ++ctrl->id,
		.type = type,
		.data = {data[0], data[1], data[2]},
	};
	xen_wmb(); /* request before the index; pairs with the backend's read of req_prod */
	shared_write(ctrl->ring.sring->req_prod, new);
	xen_mb(); /* index before req_event; pairs with the backend's final check for requests */
	return (RING_IDX)(new - shared_read(ctrl->ring.sring->req_event)) < (RING_IDX)(new - old);
}

static void break_ring(struct nfctrl *ctrl, enum nf_fault kind, unsigned int got,
		       unsigned int wanted)
{
	fault_raise(ctrl->faults, kind, "%u instead of %u, request of type %u", got, wanted,
		    ctrl->type);
	ctrl->broken = true;
}

/* Is there a response, and no more than one? */
static bool look(struct nfctrl *ctrl)
{
	RING_IDX prod = shared_read(ctrl->ring.sring->rsp_prod);

	xen_rmb(); /* index before the response; pairs with the backend's push */
	if (prod == ctrl->ring.rsp_cons)
		return false;
	if (prod == ctrl->ring.req_prod_pvt)
		return true;
	break_ring(ctrl, NF_FAULT_CTRL_PROD, prod, ctrl->ring.req_prod_pvt);
	return false;
}

static bool look_and_arm(struct nfctrl *ctrl)
{
	if (look(ctrl))
		return true;
	shared_write(ctrl->ring.sring->rsp_event, ctrl->ring.rsp_cons + 1);
	xen_mb(); /* pairs with the backend's read of rsp_event after its push */
	return !ctrl->broken && look(ctrl);
}

bool nfctrl_take(struct nfctrl *ctrl, struct xen_netif_ctrl_response *rsp)
{
	if (ctrl->broken || !look_and_arm(ctrl))
		return false;
	memcpy(rsp, RING_GET_RESPONSE(&ctrl->ring, ctrl->ring.rsp_cons++), sizeof(*rsp));
	if (rsp->id != ctrl->id)
		break_ring(ctrl, NF_FAULT_CTRL_ID, rsp->id, ctrl->id);
	else if (rsp->type != ctrl->type)
		break_ring(ctrl, NF_FAULT_CTRL_TYPE, rsp->type, ctrl->type);
	else if (rsp->status > XEN_NETIF_CTRL_STATUS_BUFFER_OVERFLOW)
		break_ring(ctrl, NF_FAULT_CTRL_STATUS, rsp->status, 0);
	return !ctrl->broken;
}
