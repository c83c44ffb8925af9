/* SPDX-License-Identifier: MIT */
/* policy.h: what the engine is to enforce, from the toolstack's keys, our settings and the frontend's wishes */
#ifndef NETBACK_CONTROL_POLICY_H
#define NETBACK_CONTROL_POLICY_H

#include <stdbool.h>

#include "config.h"
#include "netback/common/link.h"

enum {
	POLICY_VLAN_SIZE = 256,		 /* the key's bounds */
	POLICY_PAGE_MTU = 4096 - 14 - 4, /* a page less the Ethernet header and one VLAN tag */
};

/* Keys of the backend directory. What is not set there is settled by the configuration, or not limited. */
struct policy_keys {
	struct link_rate tx_rate; /* usec 0: not set */
	struct link_rate rx_rate;
	uint32_t mtu; /* 0: not set */
	bool has_complete_csums, complete_csums;
	char vlan_text[POLICY_VLAN_SIZE]; /* as it was read, for people; "" if not set */
	struct link_vlan vlan;		  /* the same, understood */
};

/* What the frontend asks for and may ask for anew while it is connected. */
struct policy_wishes {
	bool mcast_filter;
	uint16_t xdp_headroom;
};

/*
 * Pure. rx_sg is what the frontend negotiated: without scatter/gather a frame has one page, less what the
 * headroom takes of it, and no key makes that longer.
 */
void policy_make(const struct policy_keys *keys, const struct policy_wishes *wishes, bool rx_sg,
		 const struct config *config, struct link_policy *out);

/* The same policy, however it came about? */
bool policy_equal(const struct link_policy *a, const struct link_policy *b);

#endif
