/* SPDX-License-Identifier: MIT -- which hash a received frame must carry, and on which queue it must come */
#ifndef SHIM_NFHASH_H
#define SHIM_NFHASH_H

#include "frame.h"
#include "nfrx.h"

/* What the frontend has set through the control ring. Pure: no state, any thread. */

enum {
	NFHASH_KEY = 40,
	NFHASH_MAPPING = 128, /* entries: what Linux' backend takes */
};

struct nfhash {
	bool on;	/* algorithm Toeplitz */
	uint32_t types; /* XEN_NETIF_CTRL_HASH_TYPE_* */
	unsigned int key_len;
	uint8_t key[NFHASH_KEY];
	unsigned int size; /* of the mapping; 0: the hash modulo the number of queues */
	uint32_t mapping[NFHASH_MAPPING];
};

/*
 * Reads "toeplitz[:types=N][:key=HEX][:mapping=A,B,...]" over the defaults: all
 * types, the key of Microsoft's verification suite, no mapping. False: nonsense.
 */
bool nfhash_parse(struct nfhash *hash, const char *text);

/*
 * The hash of a frame whose headers lie in data, by the most specific type that
 * is set and applies; *type is its number. False: no type applies.
 */
bool nfhash_of(const struct nfhash *hash, const uint8_t *data, const struct frame_info *info,
	       uint8_t *type, uint32_t *value);

/* The queue a hash belongs to. */
unsigned int nfhash_queue(const struct nfhash *hash, uint32_t value, unsigned int queues);

/* Is the packet's extra right, and the queue? A missing extra is for the caller to judge. */
void nfhash_check(const struct nfhash *hash, const uint8_t *data, const struct frame_info *info,
		  const struct nfrx_packet *pkt, unsigned int queue, unsigned int queues,
		  struct nf_faults *faults);

#endif
