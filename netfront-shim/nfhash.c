/* SPDX-License-Identifier: MIT -- which hash a received frame must carry, and on which queue it must come */
#define XEN_NETIF_DEFINE_TOEPLITZ
#include "nfhash.h"

#include <stdlib.h>

/* "Verifying the RSS Hash Calculation", Windows Driver Kit */
static const uint8_t microsoft_key[NFHASH_KEY] = {
	0x6d, 0x5a, 0x56, 0xda, 0x25, 0x5b, 0x0e, 0xc2, 0x41, 0x67, 0x25, 0x3d, 0x43, 0xa3,
	0x8f, 0xb0, 0xd0, 0xca, 0x2b, 0xcb, 0xae, 0x7b, 0x30, 0xb4, 0x77, 0xcb, 0x2d, 0xa3,
	0x80, 0x30, 0xf2, 0x0c, 0x6a, 0x42, 0xb7, 0x3b, 0xbe, 0xac, 0x01, 0xfa,
};

static bool parse_key(struct nfhash *hash, const char *text, size_t len)
{
	char byte[3] = {0}, *end;

	if (len % 2 || len / 2 > NFHASH_KEY)
		return false;
	memset(hash->key, 0, sizeof(hash->key));
	for (hash->key_len = 0; hash->key_len < len / 2; hash->key_len++) {
		memcpy(byte, text + 2 * hash->key_len, 2);
		hash->key[hash->key_len] = strtoul(byte, &end, 16);
		if (*end)
			return false;
	}
	return true;
}

static bool parse_mapping(struct nfhash *hash, const char *text, const char *stop)
{
	char *end;

	for (hash->size = 0; hash->size < NFHASH_MAPPING; text = end + 1) {
		hash->mapping[hash->size++] = strtoul(text, &end, 10);
		if (end == text || end > stop)
			return false;
		if (end == stop)
			return true;
		if (*end != ',')
			return false;
	}
	return false;
}

static bool parse_part(struct nfhash *hash, const char *text, size_t len)
{
	char *end;

	if (!strncmp(text, "key=", 4))
		return parse_key(hash, text + 4, len - 4);
	if (!strncmp(text, "mapping=", 8))
		return parse_mapping(hash, text + 8, text + len);
	if (strncmp(text, "types=", 6) != 0)
		return false;
	hash->types = strtoul(text + 6, &end, 0);
	return end == text + len && end != text + 6;
}

bool nfhash_parse(struct nfhash *hash, const char *text)
{
	size_t len = strcspn(text, ":");

	if (len != strlen("toeplitz") || strncmp(text, "toeplitz", len) != 0)
		return false;
	*hash = (struct nfhash){
		.on = true,
		.types = XEN_NETIF_CTRL_HASH_TYPE_IPV4 | XEN_NETIF_CTRL_HASH_TYPE_IPV4_TCP |
			 XEN_NETIF_CTRL_HASH_TYPE_IPV6 | XEN_NETIF_CTRL_HASH_TYPE_IPV6_TCP,
		.key_len = NFHASH_KEY,
	};
	memcpy(hash->key, microsoft_key, sizeof(hash->key));
	for (text += len; *text; text += len) {
		len = strcspn(++text, ":");
		if (!parse_part(hash, text, len))
			return false;
	}
	return true;
}

bool nfhash_of(const struct nfhash *hash, const uint8_t *data, const struct frame_info *info,
	       uint8_t *type, uint32_t *value)
{
	bool v6 = info->version == 6, tcp = info->l4 && info->proto == IPPROTO_TCP;
	unsigned int len = v6 ? 32 : 8;
	uint8_t buf[36];

	if (!info->version)
		return false;
	memcpy(buf, data + info->l3 + (v6 ? 8 : 12), len);
	*type = v6 ? _XEN_NETIF_CTRL_HASH_TYPE_IPV6_TCP : _XEN_NETIF_CTRL_HASH_TYPE_IPV4_TCP;
	if (tcp && hash->types & 1U << *type) {
		memcpy(buf + len, data + info->l4, 4);
		len += 4;
	} else {
		*type = v6 ? _XEN_NETIF_CTRL_HASH_TYPE_IPV6 : _XEN_NETIF_CTRL_HASH_TYPE_IPV4;
	}
	if (!(hash->types & 1U << *type))
		return false;
	*value = xen_netif_toeplitz_hash(hash->key, hash->key_len, buf, len);
	return true;
}

unsigned int nfhash_queue(const struct nfhash *hash, uint32_t value, unsigned int queues)
{
	return hash->size ? hash->mapping[value % hash->size] : value % queues;
}

void nfhash_check(const struct nfhash *hash, const uint8_t *data, const struct frame_info *info,
		  const struct nfrx_packet *pkt, unsigned int queue, unsigned int queues,
		  struct nf_faults *faults)
{
	uint32_t value;
	uint8_t type;

	if (!nfhash_of(hash, data, info, &type, &value)) {
		if (pkt->has_hash)
			fault_raise(faults, NF_FAULT_RX_HASH, "of type %u, but none applies",
				    pkt->hash_type);
		return;
	}
	if (pkt->has_hash && (pkt->hash != value || pkt->hash_type != type ||
			      pkt->hash_algorithm != XEN_NETIF_CTRL_HASH_ALGORITHM_TOEPLITZ))
		fault_raise(faults, NF_FAULT_RX_HASH, "%#x of type %u, not %#x of type %u",
			    pkt->hash, pkt->hash_type, value, type);
	if (nfhash_queue(hash, value, queues) != queue)
		fault_raise(faults, NF_FAULT_RX_HASH_QUEUE, "hash %#x came on queue %u", value,
			    queue);
}
