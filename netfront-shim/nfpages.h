/* SPDX-License-Identifier: MIT -- the granted pages packets are sent from and received into */
#ifndef SHIM_NFPAGES_H
#define SHIM_NFPAGES_H

#include "netif-ring.h"

/*
 * A page is named by its index. On a machine the table is filled by nfqueue.c
 * out of the grant library; a test fills it with plain memory and invented
 * references, so that the ring logic in nftx.c and nfrx.c can run anywhere.
 *
 * renew, if set, is called when the backend has answered a page: it takes the
 * grant back, grants the page anew and so changes addr[i] and gref[i]. Linux
 * netfront grants each packet freshly in this way.
 */
struct nfpages {
	unsigned int nr;
	uint8_t *addr[NETIF_RING];
	uint32_t gref[NETIF_RING];
	void (*renew)(struct nfpages *pages, unsigned int index);
};

#endif
