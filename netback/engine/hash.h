/* SPDX-License-Identifier: MIT */
/* hash.h: the Toeplitz hash of a frame, and the queue that the guest wants it on */
#ifndef NETBACK_ENGINE_HASH_H
#define NETBACK_ENGINE_HASH_H

#include <stdbool.h>
#include <stdint.h>
#include <xen/io/netif.h>

/*
 * netif.h, "Hash types" and "Hash algorithms"; the operations on the settings are the control ring's
 * (ctrl.c). The hash is that of receive side scaling. Set bits of the input select 32-bit windows of the
 * key, whose sum (exclusive or) is the hash; as the key seldom changes, the sum for each value of each
 * half byte of the input is computed beforehand, in a table that the first-level cache has room for.
 *
 * Pure: private memory only, any thread, no state of its own.
 */
enum {
	HASH_KEY_BYTES = 40,
	HASH_MAPPING_ENTRIES = 128,
	HASH_INPUT_BYTES = 36, /* two IPv6 addresses, two ports */
	HASH_TYPES = XEN_NETIF_CTRL_HASH_TYPE_IPV4 | XEN_NETIF_CTRL_HASH_TYPE_IPV4_TCP |
		     XEN_NETIF_CTRL_HASH_TYPE_IPV6 | XEN_NETIF_CTRL_HASH_TYPE_IPV6_TCP,
};

/* What a guest can set. All zero: nothing set. */
struct hash_settings {
	uint32_t algorithm; /* XEN_NETIF_CTRL_HASH_ALGORITHM_* */
	uint32_t types;	    /* of HASH_TYPES; 0: no hashing */
	uint32_t nr_mapped; /* entries of the mapping in use; 0: queue = hash modulo queues */
	uint8_t key[HASH_KEY_BYTES];
	uint8_t mapping[HASH_MAPPING_ENTRIES]; /* queue numbers */
};

struct hash {
	struct hash_settings set;
	uint32_t sum[2 * HASH_INPUT_BYTES][16]; /* by half byte of the input, and its value */
};

struct hash_result {
	uint8_t type; /* _XEN_NETIF_CTRL_HASH_TYPE_*, a bit's number */
	uint32_t value;
};

/* Settings from elsewhere: false if a guest of nr_queues queues cannot have made them. */
bool hash_settings_valid(const struct hash_settings *set, unsigned int nr_queues);

/* Work by *set, which is valid, from now on. */
void hash_load(struct hash *hash, const struct hash_settings *set);

/* Whether frames are to be hashed at all. If not, the backend is free to choose queues. */
static inline bool hash_is_on(const struct hash *hash)
{
	return hash->set.algorithm == XEN_NETIF_CTRL_HASH_ALGORITHM_TOEPLITZ && hash->set.types;
}

/*
 * The frame's hash by the largest type that was set and applies: that of a TCP segment over the other.
 * VLAN tags, IPv4 options and IPv6 extension headers are passed over; a fragment has no ports. False: it
 * has none. Reads nothing beyond len, whatever the packet says.
 */
bool hash_frame(const struct hash *hash, const uint8_t *frame, uint32_t len,
		struct hash_result *ret_result);

/* The queue for a hash value; a frame without one counts as 0 (Linux xenvif_select_queue). */
unsigned int hash_queue(const struct hash *hash, uint32_t value, unsigned int nr_queues);

/* bytes: at most HASH_INPUT_BYTES. */
uint32_t hash_toeplitz(const struct hash *hash, const uint8_t *input, unsigned int bytes);

#endif
