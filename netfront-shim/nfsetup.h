/* SPDX-License-Identifier: MIT -- what a frontend asks for beyond its rings: hash, staging, multicast filter, headroom */
#ifndef SHIM_NFSETUP_H
#define SHIM_NFSETUP_H

#include "nfctrl.h"
#include "nfhash.h"

#include <xengnttab.h>

/*
 * How it works
 *
 * nfsetup_open() makes what has to be in the store when the frontend writes
 * Connected, that is the control ring. nfsetup_run() asks for the rest once the
 * backend is Connected, in the order xenvif has: algorithm, types, key, mapping;
 * then the staging grants of each queue, the multicast list, the headroom.
 *
 * Staged are the first pages of each queue's pools, and their references stay the
 * same: what is on the rings does not change. nfsetup_undo() takes them back
 * before the frontend closes.
 *
 * One thread, the one of the struct netfront. Functions return 0 or -errno.
 */

struct netfront;

enum nfsetup_mcast {
	NFSETUP_MCAST_OFF,
	NFSETUP_MCAST_STATIC,  /* requested before Connected */
	NFSETUP_MCAST_DYNAMIC, /* and after */
};

enum {
	NFSETUP_MCAST_ADDRESSES = 64,
	NFSETUP_STAGE_ALL = NETIF_RING,
};

struct nfsetup_config {
	bool ctrl; /* make a control ring if there is one to be had */
	struct nfhash hash;
	unsigned int staging; /* pages of each pool; 0: none */
	enum nfsetup_mcast mcast;
	unsigned int nr_mcast;
	uint8_t mcast_addr[NFSETUP_MCAST_ADDRESSES][6];
	uint16_t headroom;  /* of received data: Linux' xdp-headroom */
	bool headroom_late; /* asked for when Connected, through Reconfiguring */
};

struct nfsetup_stats {
	uint64_t hashed, unhashed; /* packets with a hash; without, though a type applies */
	uint64_t mcast_unasked;	   /* multicast frames that are not on the list */
	uint64_t staging_size;	   /* the backend's limit for the first queue */
	uint64_t staged, unstaged; /* grants */
	uint64_t ctrl_requests, ctrl_refused; /* refused: any status but success */
};

struct nfsetup {
	bool open; /* there is a control ring */
	struct nfctrl ctrl;
	void *ring_page, *table_page; /* table: keys, mappings, lists of grants */
	uint32_t ring_ref, table_ref;
	int port;
	bool running;		 /* nfsetup_run() is through */
	bool reconfigured;	 /* the backend may be Reconfigured */
	unsigned int *nr_staged; /* of each queue, tx and rx in turn */
	struct nfsetup_stats stats;
};

/* Before the keys are written. -EOPNOTSUPP: the backend does not offer what the configuration asks for. */
int nfsetup_open(struct netfront *nf);

/* After both sides are Connected. */
int nfsetup_run(struct netfront *nf);

/* Before Closing: takes the staged grants back. */
void nfsetup_undo(struct netfront *nf);

/* With the rings. */
void nfsetup_close(struct netfront *nf);

/*
 * One control request: its status, or -errno; *data is what came with it, unless
 * NULL. No answer within 5 s, xenvif's patience, is a fault.
 */
int nfsetup_request(struct netfront *nf, uint16_t type, const uint32_t args[3], uint32_t *data);

/* Another headroom by way of Reconfiguring, Reconfigured and Connected, as Linux does. */
int nfsetup_headroom(struct netfront *nf, uint16_t headroom);

/* Checks of a received packet; data holds its headers. */
void nfsetup_check(struct netfront *nf, unsigned int queue, const uint8_t *data,
		   const struct frame_info *info, const struct nfrx_packet *pkt);

#endif
