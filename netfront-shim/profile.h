/* SPDX-License-Identifier: MIT -- how each frontend in the field behaves: features, order of states, quirks */
#ifndef SHIM_PROFILE_H
#define SHIM_PROFILE_H

#include <stdbool.h>
#include <stdint.h>

#include "nftx.h"

/*
 * A profile is data: what netfront.c, nfstore.c, nftx.c and nfrx.c do differently for
 * a frontend stands here as a field, and they never ask for a profile's name. Where
 * the frontend would panic, assert or hang, a fault is raised instead (fault.h).
 *
 * Each row was read from the frontend's source: Linux 6.1 xen-netfront.c, xcp-ng
 * win-xenvif 9.1, FreeBSD 14 and NetBSD 10 netfront, OpenBSD if_xnf.c, Mini-OS and
 * Unikraft netfront.c, iPXE netfront.c, mirage-net-xen 2.1.
 */

/* What a direction can carry. */
struct netfront_caps {
	bool sg, gso4, gso6, csum4, csum6;
};

/* How a driver goes down. */
enum profile_close {
	PROFILE_CLOSES,		/* Closing, Closed */
	PROFILE_CLOSES_TO_INIT, /* Closing, Closed, Initialising: the device is left ready */
	PROFILE_RESETS,		/* Closed, keys deleted, Initialising */
	PROFILE_NEVER_CLOSES,	/* nothing is said */
};

/* When multi-queue-num-queues is written. */
enum profile_queues_key {
	PROFILE_QUEUES_NEVER, /* the frontend knows one queue */
	PROFILE_QUEUES_IF_OFFERED,
	PROFILE_QUEUES_ALWAYS,
};

/* What a backend's Closed is to a connected frontend of a device that is wanted. */
enum profile_lost {
	PROFILE_STAYS_DOWN,
	PROFILE_RECOVERS, /* begins again by itself */
	PROFILE_PANICS,
};

struct netfront_profile {
	const char *name;
	const char *help;
	struct netfront_caps caps; /* announced for what is received */
	struct netfront_caps tx;   /* used for what is sent, if the backend offers it */
	bool rx_notify, split;
	bool sg_if_offered, csum6_if_offered; /* announced only if the backend does, too */
	bool needs_rx_copy;		      /* refuses a backend that does not offer it */
	bool ctrl;			      /* makes a control ring if it is offered */
	bool explicit_zero;		      /* writes 0 for what it lacks */
	bool base2;	      /* reads the backend's booleans as numbers of base 2 */
	bool early;	      /* Connected without waiting for InitWait */
	bool blind;	      /* and without a look at what the backend offers */
	bool mac_from_be;     /* not from its own directory */
	bool reads_ip;	      /* its own address from the backend's directory */
	bool fresh_grants;    /* each page granted anew */
	bool counts_tx;	      /* down waits, without a limit, until each request was answered */
	bool status_asserts;  /* a received status of 1 or less aborts it */
	bool flags_confused;  /* takes received flags for transmitted ones */
	uint16_t tx_flags;    /* set in each packet it sends */
	enum nftx_ids tx_ids; /* of requests */
	unsigned int max_queues;
	unsigned int rx_buffers, tx_buffers;
	unsigned int rx_ids;	/* ids of receive requests are below this; a power of two */
	unsigned int tx_pages;	/* most pages of a packet it sends */
	unsigned int max_frame; /* a longer one, without GSO, is cut; 0: none is */
	enum profile_queues_key queues_key;
	enum profile_close close;
	enum profile_lost lost;
};

extern const struct netfront_profile netfront_profiles[];
extern const unsigned int netfront_nr_profiles;

/* NULL if there is no such profile. */
const struct netfront_profile *netfront_profile(const char *name);

#endif
