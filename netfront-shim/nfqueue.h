/* SPDX-License-Identifier: MIT -- one queue of a vif: its rings in granted pages, its buffers, its event channels */
#ifndef SHIM_NFQUEUE_H
#define SHIM_NFQUEUE_H

#include "nfrx.h"
#include "nftx.h"

#include <xenevtchn.h>
#include <xengnttab.h>

/*
 * The part of a queue that needs the Xen libraries; the ring logic is in nftx.h
 * and nfrx.h. One thread owns a queue and the handles it was opened with.
 */

struct nfqueue_config {
	uint32_t backend;  /* domain that gets the grants and may bind the ports */
	bool split;	   /* an event channel each for tx and rx */
	bool rx_notify;	   /* tell the backend about new buffers when it asks */
	bool guard;	   /* see struct nfrx */
	bool fresh_grants; /* take back and re-grant each page after its response */
	unsigned int tx_buffers, rx_buffers;
	enum nftx_ids tx_ids;
	uint16_t tx_flags;
	struct nfrx_rules rules;
};

/* Pages granted one by one or in one piece. */
struct nfpool {
	struct nfpages pages;
	xengntshr_handle *gntshr;
	struct nf_faults *faults;
	uint32_t domid;
	bool writable, single;
	void *block; /* all pages, unless single */
};

struct nfqueue {
	struct nftx tx;
	struct nfrx rx;
	struct nfpool tx_pool, rx_pool;
	xengntshr_handle *gntshr;
	xenevtchn_handle *evtchn;
	struct nf_faults *faults;
	void *tx_page, *rx_page; /* the rings */
	uint32_t tx_ref, rx_ref;
	int tx_port, rx_port; /* the same port unless split; -1: none */
	bool split, rx_notify;
	uint64_t tx_events, rx_events;	   /* received */
	uint64_t tx_notifies, rx_notifies; /* sent */
};

/*
 * Grants rings and buffers and allocates the ports; nothing is told to the
 * backend but what the grants and ports themselves are. Buffers may be fewer
 * than wished when grants are short (gntalloc's limit). 0 or -errno; after an
 * error nothing is left.
 */
int nfqueue_open(struct nfqueue *q, xengntshr_handle *gntshr, xenevtchn_handle *evtchn,
		 struct nf_faults *faults, const struct nfqueue_config *config);

/* Takes all grants back; a grant the backend still uses is a fault. */
void nfqueue_close(struct nfqueue *q);

/* Publish what was put or freed and notify if the backend asked for it. */
void nfqueue_push_tx(struct nfqueue *q);
void nfqueue_fill_rx(struct nfqueue *q);

#endif
