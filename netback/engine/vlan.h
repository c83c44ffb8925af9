/* SPDX-License-Identifier: MIT */
/* vlan.h: the VLANs that a guest may send to and hear of */
#ifndef NETBACK_ENGINE_VLAN_H
#define NETBACK_ENGINE_VLAN_H

#include <stdbool.h>
#include <stdint.h>

#include "netback/common/link.h"

/*
 * A vif with struct link_vlan is to its guest what a port of a VLAN-aware bridge is to a host, and what
 * passes it is tagged on the port's side:
 *
 *   from the guest   without a tag (or with VLAN 0, which is only a priority): goes to pvid, or is dropped
 *                    if there is none; with a tag: dropped unless it is a member
 *   to the guest     dropped unless it has the tag of a member; the tag comes off if the guest is not to
 *                    see it. Frames without a VLAN belong to none
 *
 * Only 802.1Q tags count: behind another outer tag (802.1ad) a frame is one without, as in Linux' bridge.
 * pvid is a member, whatever the bit says.
 *
 * Pure: all of it works on the caller's private memory.
 */
enum {
	VLAN_TAG_BYTES = 4,
	VLAN_LOOK_BYTES =
		16, /* of a frame, or the whole of a shorter one, is all that is looked at */
};

enum vlan_verdict {
	VLAN_PASS,  /* as it is */
	VLAN_TAG,   /* vlan_push the tci that came with the verdict */
	VLAN_RETAG, /* vlan_set that tci in the place of its own */
	VLAN_UNTAG, /* vlan_pull */
	VLAN_DROP,
};

/* frame: its first min(len, VLAN_LOOK_BYTES) bytes. *ret_tci is set for VLAN_TAG and VLAN_RETAG. */
enum vlan_verdict vlan_from_guest(const struct link_vlan *vlan, const uint8_t *frame, uint32_t len,
				  uint16_t *ret_tci);
enum vlan_verdict vlan_to_guest(const struct link_vlan *vlan, const uint8_t *frame, uint32_t len);

/* VLAN_TAG_BYTES before frame are free and become part of it. Returns where it begins now. */
uint8_t *vlan_push(uint8_t *frame, uint16_t tci);
uint8_t *vlan_pull(uint8_t *frame);
void vlan_set(uint8_t *frame, uint16_t tci);

/*
 * What a frame of so many bytes carries: without the Ethernet header and up to two tags, of either kind.
 * frame: its first `linear` bytes.
 */
uint32_t vlan_payload(const uint8_t *frame, uint32_t linear, uint32_t length);

/* Whether a frame can come that vlan_pull is for. */
bool vlan_pulls(const struct link_vlan *vlan);

/* Whether both let the same frames by. */
bool vlan_same(const struct link_vlan *a, const struct link_vlan *b);

#endif
