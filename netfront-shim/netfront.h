/* SPDX-License-Identifier: MIT -- the frontend of one vif: xenbus states, negotiation, connect and disconnect */
#ifndef SHIM_NETFRONT_H
#define SHIM_NETFRONT_H

#include "frame.h"
#include "nfqueue.h"
#include "nfsetup.h"
#include "profile.h"

#include <xen/io/xenbus.h>
#include <xenstore.h>

#include "xenstore-schemas/keyval.h"

/*
 * How it works
 *
 * The order is Linux netfront's unless the profile has another: wait for the
 * backend's InitWait, read what it offers, grant rings and buffers, write all keys
 * in one transaction, post the receive buffers, write Connected. The way back is
 * Closing, Closed, and only when the backend is Closed too are the grants taken
 * back.
 *
 * One thread uses a struct netfront. Functions return 0 or -errno.
 */

enum {
	NETFRONT_MAX_QUEUES = 16,
	NETFRONT_FRAME_MAX = XEN_NETIF_MAX_TX_SIZE,
};

struct netfront_config {
	struct netfront_profile profile; /* the options may change it */
	struct nfsetup_config setup;
	int domid;	   /* -1: our own, as the store tells */
	int backend_domid; /* -1: follow the key "backend" */
	unsigned int devid;
	unsigned int queues; /* at most; the backend may allow fewer */
	bool guard;	     /* see struct nfqueue_config */
	int timeout_ms;	     /* for each state of the backend we wait for */
};

/* Counters of all queues, those of earlier connections included. */
struct netfront_totals {
	struct nftx_stats tx;
	struct nfrx_stats rx;
	uint64_t tx_events, rx_events, tx_notifies, rx_notifies;
};

struct netfront {
	struct netfront_config config;
	struct xs_handle *xs;
	xengntshr_handle *gntshr;
	xenevtchn_handle *evtchn;
	struct keyval_vif vif;
	char be_dir[KEYVAL_PATH_SIZE];
	uint8_t mac[6];
	unsigned int mtu;
	char ip[KEYVAL_STRING_SIZE]; /* as the toolstack gave it, for profiles that read it */
	enum xenbus_state fe_state;  /* as we wrote it last */
	enum xenbus_state be_state;  /* as we read it last */
	/* agreed at connect; tx: what the backend takes, rx: what we take */
	struct netfront_caps tx_caps, rx_caps;
	bool split;
	unsigned int nr_queues;	     /* 0: no rings */
	struct nfqueue *queue;	     /* nr_queues of them */
	struct netfront_totals past; /* of queues that are gone */
	struct nfsetup setup;
	uint64_t spurious_events; /* of ports we do not have */
	uint64_t generation;	  /* times the rings were made */
	struct nf_faults faults;
};

/* Opens the libraries, finds the vif in the store and watches its backend. */
int netfront_open(struct netfront *nf, const struct netfront_config *config);

/* Closes all handles; grants and ports go with them, the store is left alone. */
void netfront_close(struct netfront *nf);

/* The whole way up to both sides Connected, also from what a crashed frontend left. */
int netfront_connect(struct netfront *nf);

/*
 * The whole way down, as the profile goes it. A driver that never closes leaves
 * rings and store as they are: netfront_close() takes them with it. -ETIMEDOUT:
 * the backend did not follow.
 */
int netfront_disconnect(struct netfront *nf);

/*
 * To be called when the backend's state has changed: does what the profile's driver
 * does when it is Closed although the device is wanted. True: the rings are new.
 */
bool netfront_recover(struct netfront *nf);

/* Single steps of the two, for those who want them in another order. */
int netfront_reset(struct netfront *nf);      /* to Initialising, backend InitWait */
int netfront_make_rings(struct netfront *nf); /* negotiate, grant, post buffers */
int netfront_publish(struct netfront *nf);    /* the keys, without the state */
void netfront_drop_rings(struct netfront *nf);
int netfront_set_state(struct netfront *nf, unsigned int state);

/* Waits until the backend's state is one of the bits of mask (1 << state), at most so long. */
int netfront_wait(struct netfront *nf, unsigned int mask, int timeout_ms);

/* After xs_fileno() became readable: true if the backend's state has changed. */
bool netfront_store_event(struct netfront *nf);

/* After xenevtchn_fd() became readable: takes, counts and unmasks all pending ports. */
void netfront_port_event(struct netfront *nf);

/*
 * Takes the next packet of a queue, with the checks that need its headers.
 * True: *pkt and *info are filled; see nfrx_take() for how long. Packets that no
 * frontend could use are counted as faults and passed over.
 */
bool netfront_take(struct netfront *nf, struct nfqueue *q, struct nfrx_packet *pkt,
		   struct frame_info *info);

/* Room for the largest packet the profile sends, with all extras it may have? */
bool netfront_room(const struct netfront *nf, const struct nfqueue *q);

void netfront_totals(const struct netfront *nf, struct netfront_totals *totals);

const char *netfront_state_name(unsigned int state);

#endif
