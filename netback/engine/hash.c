/* SPDX-License-Identifier: MIT */
/* hash.c: find addresses and ports in a frame, hash them */
#include "hash.h"

#include <net/ethernet.h>
#include <netinet/in.h>
#include <string.h>

#include "netback/common/util.h"

enum {
	VLAN_TAGS = 2,
	VLAN_BYTES = 4,
	ETHERTYPE_STAG = 0x88a8, /* 802.1ad */
	IPV4_BYTES = 20,
	IPV4_ADDRESSES = 12,
	IPV4_FRAGMENT = 0x3fff, /* more-fragments bit and offset */
	IPV6_BYTES = 40,
	IPV6_ADDRESSES = 8,
	IPV6_EXTENSIONS = 8, /* so many are walked */
	PORT_BYTES = 4,	     /* both */
};

/* What a frame has to hash. */
struct flow {
	const uint8_t *addresses;
	const uint8_t *ports; /* NULL: not TCP, or a fragment, or cut off */
	uint8_t version;
};

static uint16_t get16(const uint8_t *p)
{
	return (uint16_t)(p[0] << 8 | p[1]);
}

static uint32_t get32(const uint8_t *p)
{
	return (uint32_t)get16(p) << 16 | get16(p + 2);
}

/* --- settings ----------------------------------------------------------------------------------- */

bool hash_settings_valid(const struct hash_settings *set, unsigned int nr_queues)
{
	if (set->algorithm > XEN_NETIF_CTRL_HASH_ALGORITHM_TOEPLITZ ||
	    set->types & ~(uint32_t)HASH_TYPES || set->nr_mapped > HASH_MAPPING_ENTRIES)
		return false;
	for (unsigned int i = 0; i < HASH_MAPPING_ENTRIES; i++)
		if (set->mapping[i] >= nr_queues)
			return false;
	return true;
}

/* The 32 bits of the key from its bit `at` on; beyond its end it is zero. */
static uint32_t window(const uint8_t key[HASH_KEY_BYTES], unsigned int at)
{
	uint8_t bytes[8] = {0};
	unsigned int first = at / 8;

	if (first < HASH_KEY_BYTES)
		memcpy(bytes, key + first, min((size_t)HASH_KEY_BYTES - first, sizeof(bytes)));
	return (uint32_t)(((uint64_t)get32(bytes) << 32 | get32(bytes + 4)) >> (32 - at % 8));
}

void hash_load(struct hash *hash, const struct hash_settings *set)
{
	hash->set = *set;
	for (unsigned int i = 0; i < ARRAY_SIZE(hash->sum); i++) {
		for (unsigned int value = 0; value < 16; value++) {
			uint32_t sum = 0;

			for (unsigned int bit = 0; bit < 4; bit++)
				if (value & 8u >> bit)
					sum ^= window(set->key, 4 * i + bit);
			hash->sum[i][value] = sum;
		}
	}
}

/* --- frames ------------------------------------------------------------------------------------- */

/* Where the network header is, 0: nowhere. */
static uint32_t find_network(const uint8_t *frame, uint32_t len, uint16_t *ret_type)
{
	uint32_t at = ETHER_HDR_LEN - ETHER_TYPE_LEN;

	for (unsigned int tags = 0; at + ETHER_TYPE_LEN <= len; tags++, at += VLAN_BYTES) {
		*ret_type = get16(frame + at);
		if (*ret_type != ETHERTYPE_VLAN && *ret_type != ETHERTYPE_STAG)
			return at + ETHER_TYPE_LEN;
		if (tags == VLAN_TAGS)
			break;
	}
	return 0;
}

static bool find_ipv4(const uint8_t *ip, uint32_t len, struct flow *flow)
{
	uint32_t bytes;

	if (len < IPV4_BYTES || ip[0] >> 4 != 4)
		return false;
	bytes = (ip[0] & 0xfu) * 4;
	if (bytes < IPV4_BYTES)
		return false;

	*flow = (struct flow){.version = 4, .addresses = ip + IPV4_ADDRESSES};
	if (ip[9] == IPPROTO_TCP && !(get16(ip + 6) & IPV4_FRAGMENT) && bytes + PORT_BYTES <= len)
		flow->ports = ip + bytes;
	return true;
}

static bool is_extension(uint8_t next)
{
	return next == IPPROTO_HOPOPTS || next == IPPROTO_ROUTING || next == IPPROTO_DSTOPTS;
}

static bool find_ipv6(const uint8_t *ip, uint32_t len, struct flow *flow)
{
	uint32_t at = IPV6_BYTES;
	uint8_t next;

	if (len < IPV6_BYTES || ip[0] >> 4 != 6)
		return false;

	*flow = (struct flow){.version = 6, .addresses = ip + IPV6_ADDRESSES};
	next = ip[6];
	for (unsigned int i = 0; is_extension(next) && i < IPV6_EXTENSIONS; i++) {
		if (at + 2 > len)
			return true;
		next = ip[at];
		at += (ip[at + 1] + 1u) * 8;
	}
	if (next == IPPROTO_TCP && at + PORT_BYTES <= len)
		flow->ports = ip + at;
	return true;
}

static bool find_flow(const uint8_t *frame, uint32_t len, struct flow *flow)
{
	uint16_t type = 0;
	uint32_t at = find_network(frame, len, &type);

	if (at && type == ETHERTYPE_IP)
		return find_ipv4(frame + at, len - at, flow);
	if (at && type == ETHERTYPE_IPV6)
		return find_ipv6(frame + at, len - at, flow);
	return false;
}

uint32_t hash_toeplitz(const struct hash *hash, const uint8_t *input, unsigned int bytes)
{
	uint32_t value = 0;

	for (unsigned int i = 0; i < bytes; i++)
		value ^= hash->sum[2 * i][input[i] >> 4] ^ hash->sum[2 * i + 1][input[i] & 0xf];
	return value;
}

/* Types of TCP stand one above those of their IP version. */
static uint8_t ip_type(const struct flow *flow)
{
	return flow->version == 4 ? _XEN_NETIF_CTRL_HASH_TYPE_IPV4 : _XEN_NETIF_CTRL_HASH_TYPE_IPV6;
}

_Static_assert(_XEN_NETIF_CTRL_HASH_TYPE_IPV4_TCP == _XEN_NETIF_CTRL_HASH_TYPE_IPV4 + 1, "types");
_Static_assert(_XEN_NETIF_CTRL_HASH_TYPE_IPV6_TCP == _XEN_NETIF_CTRL_HASH_TYPE_IPV6 + 1, "types");

bool hash_frame(const struct hash *hash, const uint8_t *frame, uint32_t len,
		struct hash_result *ret_result)
{
	uint8_t input[HASH_INPUT_BYTES], type;
	unsigned int bytes;
	struct flow flow;

	if (!find_flow(frame, len, &flow))
		return false;

	type = ip_type(&flow);
	bytes = flow.version == 4 ? 8 : 32;
	memcpy(input, flow.addresses, bytes);
	if (flow.ports && hash->set.types & 2u << type) {
		memcpy(input + bytes, flow.ports, PORT_BYTES);
		bytes += PORT_BYTES;
		type++;
	} else if (!(hash->set.types & 1u << type)) {
		return false;
	}
	*ret_result = (struct hash_result){type, hash_toeplitz(hash, input, bytes)};
	return true;
}

unsigned int hash_queue(const struct hash *hash, uint32_t value, unsigned int nr_queues)
{
	const struct hash_settings *set = &hash->set;

	return set->nr_mapped ? set->mapping[value % set->nr_mapped] : value % nr_queues;
}
