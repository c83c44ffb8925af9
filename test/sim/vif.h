/* SPDX-License-Identifier: MIT */
/* vif.h: a virtual interface: the tap's queue, the two rings, who is waited for, and what is counted */
#ifndef SIM_VIF_H
#define SIM_VIF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "netfront-shim/histogram.h"
#include "test/sim/host.h"

/*
 * The backend's side is in netback.c, the frontend's in guest.c. Both work in vCPU time and touch a ring at the end of
 * an item. Events are as in netif.h: a side that found its ring empty arms it and is notified once.
 */
enum {
	VIF_RING = 256,
	VIF_TAP = 500, /* frames in the tap's queue: TUN_READQ_SIZE of drivers/net/tun.c */
};

struct client;
struct guest;

enum packet_kind {
	PACKET_DATA,	/* one way, from the world */
	PACKET_REQUEST, /* from a client in the world */
	PACKET_FORWARD, /* ... on its way from the first tier to the second */
	PACKET_RETURN,	/* ... and back */
	PACKET_ANSWER,	/* to the client */
	PACKET_JUNK,	/* one way, to the world */
};

struct packet {
	enum packet_kind kind;
	unsigned int size;
	int64_t came;	       /* into the tap's queue */
	struct client *client; /* of a request and what follows from it */
	struct guest *via;     /* PACKET_FORWARD, _RETURN: the first tier */
};

struct fifo {
	struct packet slot[VIF_TAP];
	unsigned int head, count;
};

struct vif_stats {
	uint64_t offered, dropped; /* at the tap's queue */
	uint64_t rx_packets, tx_packets, bytes, small, large;
	uint64_t tx_dropped; /* the guest's ring was full */
	uint64_t events;     /* from us to the guest */
	int64_t starved_ns;  /* a frame waited, and the guest had posted no buffer */
	int64_t netback_ns;
	struct histogram kick;	  /* an event to the first packet taken, ns */
	struct histogram sojourn; /* the tap's queue to the end of the guest's work on it */
};

struct vif {
	struct guest *guest;
	struct vcpu *worker; /* dom0's vCPU that serves it */
	struct fifo tap;
	struct fifo rx;		 /* responses the guest has not taken */
	struct fifo tx;		 /* requests we have not taken */
	unsigned int rx_free;	 /* buffers posted and not used */
	unsigned int rx_spent;	 /* taken by the guest and not posted again */
	bool rx_armed;		 /* the guest wants an event for the next response */
	bool tx_full;		 /* the guest waits for room in the tx ring */
	int64_t kicked_ns;	 /* an event is on its way since; 0: none */
	int64_t starved_since;	 /* 0: it is not */
	struct vif_stats total;	 /* since the measurement began */
	struct vif_stats window; /* since the hint looked */
};

void vif_init(struct vif *vif, struct guest *guest, struct vcpu *worker);

/* A frame for the guest; false: the tap's queue is full. */
bool vif_receive(struct vif *vif, struct packet packet, int64_t now);

/* After anything that changes the tap's queue or the guest's buffers. */
void vif_note_starved(struct vif *vif, int64_t now);

/* Both sets of statistics. */
#define vif_add(vif, field, n) ((vif)->total.field += (n), (vif)->window.field += (n))

static inline void vif_time(struct vif *vif, size_t histogram, int64_t value)
{
	histogram_add((struct histogram *)((char *)&vif->total + histogram), (uint64_t)value);
	histogram_add((struct histogram *)((char *)&vif->window + histogram), (uint64_t)value);
}

/* The fifo is not full, not empty. */
void fifo_push(struct fifo *fifo, struct packet packet);
struct packet fifo_pop(struct fifo *fifo);

#endif
