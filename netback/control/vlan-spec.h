/* SPDX-License-Identifier: MIT */
/* vlan-spec.h: the VLANs of a vif, from xl's text */
#ifndef NETBACK_CONTROL_VLAN_SPEC_H
#define NETBACK_CONTROL_VLAN_SPEC_H

#include <stddef.h>

#include "netback/common/link.h"

/*
 * The text of xl's vlan= (xl-network-configuration(5) since Xen 4.19), terms with '/' between them:
 *
 *	10		a VLAN; its frames are tagged for the guest
 *	10u		... untagged
 *	10p		... untagged, and what the guest sends without a tag is of it: the PVID, one at most
 *	100-120		all from 100 to 120; 100-120u: untagged
 *	100+10x4	100 and 4 more, 10 apart; 100+10x4u: untagged
 *
 * A text of one plain number means its PVID: an access port. A list without a PVID is a trunk that takes no
 * untagged frame; Xen's own vif-bridge refuses such a list. Numbers are 1 to 4094.
 *
 * Pure. 0, or -EINVAL with a sentence in why; *out holds no VLAN then.
 */
int vlan_spec_parse(const char *text, struct link_vlan *out, char *why, size_t size);

#endif
