/* SPDX-License-Identifier: MIT */
/* vlan.c: membership, and tags in and out */
#include "netback/engine/vlan.h"

#include <net/ethernet.h>
#include <string.h>

enum {
	ADDRESS_BYTES = 2 * ETHER_ADDR_LEN,
	VID_MASK = 0xfff,
	ETHERTYPE_STAG = 0x88a8, /* 802.1ad */
};

static uint16_t get16(const uint8_t *p)
{
	return (uint16_t)(p[0] << 8 | p[1]);
}

static bool has_bit(const uint8_t bits[LINK_VLANS / 8], uint16_t vid)
{
	return bits[vid / 8] >> vid % 8 & 1;
}

static bool is_member(const struct link_vlan *vlan, uint16_t vid)
{
	return has_bit(vlan->member, vid) || vid == vlan->pvid;
}

static bool is_tagged(const uint8_t *frame, uint32_t len)
{
	return len >= ADDRESS_BYTES + ETHER_TYPE_LEN &&
	       get16(frame + ADDRESS_BYTES) == ETHERTYPE_VLAN;
}

/* A tag that the frame ends in is none. */
static bool is_cut(uint32_t len)
{
	return len < ETHER_HDR_LEN + VLAN_TAG_BYTES;
}

enum vlan_verdict vlan_from_guest(const struct link_vlan *vlan, const uint8_t *frame, uint32_t len,
				  uint16_t *ret_tci)
{
	bool tagged = is_tagged(frame, len);
	uint16_t tci = 0;

	if (!vlan->filter)
		return VLAN_PASS;
	if (tagged && is_cut(len))
		return VLAN_DROP;
	if (tagged)
		tci = get16(frame + ETHER_HDR_LEN);
	if (tci & VID_MASK)
		return is_member(vlan, tci & VID_MASK) ? VLAN_PASS : VLAN_DROP;
	if (!vlan->pvid)
		return VLAN_DROP;

	*ret_tci = tci | (vlan->pvid & VID_MASK);
	return tagged ? VLAN_RETAG : VLAN_TAG;
}

enum vlan_verdict vlan_to_guest(const struct link_vlan *vlan, const uint8_t *frame, uint32_t len)
{
	uint16_t vid;

	if (!vlan->filter)
		return VLAN_PASS;
	if (!is_tagged(frame, len) || is_cut(len))
		return VLAN_DROP;
	vid = get16(frame + ETHER_HDR_LEN) & VID_MASK;
	if (!vid || !is_member(vlan, vid))
		return VLAN_DROP;
	return has_bit(vlan->untagged, vid) ? VLAN_UNTAG : VLAN_PASS;
}

uint8_t *vlan_push(uint8_t *frame, uint16_t tci)
{
	uint8_t *start = frame - VLAN_TAG_BYTES;

	memmove(start, frame, ADDRESS_BYTES);
	start[ADDRESS_BYTES] = ETHERTYPE_VLAN >> 8;
	start[ADDRESS_BYTES + 1] = ETHERTYPE_VLAN & 0xff;
	vlan_set(start, tci);
	return start;
}

uint8_t *vlan_pull(uint8_t *frame)
{
	uint8_t *start = frame + VLAN_TAG_BYTES;

	memmove(start, frame, ADDRESS_BYTES);
	return start;
}

void vlan_set(uint8_t *frame, uint16_t tci)
{
	frame[ETHER_HDR_LEN] = (uint8_t)(tci >> 8);
	frame[ETHER_HDR_LEN + 1] = (uint8_t)tci;
}

uint32_t vlan_payload(const uint8_t *frame, uint32_t linear, uint32_t length)
{
	uint32_t header = ETHER_HDR_LEN;

	for (int tags = 0; tags < 2 && header <= linear; tags++, header += VLAN_TAG_BYTES) {
		uint16_t type = get16(frame + header - ETHER_TYPE_LEN);

		if (type != ETHERTYPE_VLAN && type != ETHERTYPE_STAG)
			break;
	}
	return length > header ? length - header : 0;
}

bool vlan_pulls(const struct link_vlan *vlan)
{
	if (!vlan->filter)
		return false;
	for (unsigned int i = 0; i < LINK_VLANS / 8; i++)
		if (vlan->untagged[i])
			return true;
	return false;
}

bool vlan_same(const struct link_vlan *a, const struct link_vlan *b)
{
	return a->filter == b->filter && a->pvid == b->pvid &&
	       memcmp(a->member, b->member, sizeof(a->member)) == 0 &&
	       memcmp(a->untagged, b->untagged, sizeof(a->untagged)) == 0;
}
