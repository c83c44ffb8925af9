/* SPDX-License-Identifier: MIT */
/* policy.c: keys over settings, and the limit of a page */
#include "policy.h"

#include <string.h>

#include "netback/common/util.h"

/* A headroom that leaves no room for data is the guest's own loss, not an overflow of ours. */
static uint32_t page_mtu(uint16_t headroom)
{
	return headroom < POLICY_PAGE_MTU ? POLICY_PAGE_MTU - headroom : 1;
}

static uint32_t find_mtu(const struct policy_keys *keys, const struct policy_wishes *wishes,
			 bool rx_sg)
{
	uint32_t limit = page_mtu(wishes->xdp_headroom);

	if (rx_sg)
		return keys->mtu;
	return keys->mtu ? min(keys->mtu, limit) : limit;
}

void policy_make(const struct policy_keys *keys, const struct policy_wishes *wishes, bool rx_sg,
		 const struct config *config, struct link_policy *out)
{
	*out = (struct link_policy){
		.tx_rate = keys->tx_rate,
		.rx_rate = keys->rx_rate.usec ? keys->rx_rate : config->rate_rx,
		.mtu = find_mtu(keys, wishes, rx_sg),
		.xdp_headroom = wishes->xdp_headroom,
		.mcast_filter = wishes->mcast_filter,
		.complete_csums = keys->has_complete_csums ? keys->complete_csums
							   : config->complete_checksums,
	};
	if (config->enforce_vlan)
		out->vlan = keys->vlan;
}

static bool rate_equal(const struct link_rate *a, const struct link_rate *b)
{
	return a->bytes == b->bytes && a->usec == b->usec;
}

static bool vlan_equal(const struct link_vlan *a, const struct link_vlan *b)
{
	return a->filter == b->filter && a->pvid == b->pvid &&
	       memcmp(a->member, b->member, sizeof(a->member)) == 0 &&
	       memcmp(a->untagged, b->untagged, sizeof(a->untagged)) == 0;
}

bool policy_equal(const struct link_policy *a, const struct link_policy *b)
{
	return rate_equal(&a->tx_rate, &b->tx_rate) && rate_equal(&a->rx_rate, &b->rx_rate) &&
	       vlan_equal(&a->vlan, &b->vlan) && a->mtu == b->mtu &&
	       a->xdp_headroom == b->xdp_headroom && a->mcast_filter == b->mcast_filter &&
	       a->complete_csums == b->complete_csums;
}
