/* SPDX-License-Identifier: MIT -- ways for a guest to misbehave, by name */
#ifndef SHIM_HOSTILE_H
#define SHIM_HOSTILE_H

#include "shim.h"

enum {
	HOSTILE_ANSWERS = 64
};

struct hostile_answer {
	RING_IDX pos;
	uint16_t id;
	int16_t status;
};

/* One run: made by cmd-hostile.c, on a connected vif. */
struct hostile {
	struct shim *s;
	struct nfqueue *q;    /* the first queue */
	uint64_t duration_ns; /* of the ways that take time */
	int arg;	      /* of the table's entry */
	struct hostile_answer answer[HOSTILE_ANSWERS];
	uint64_t answered;
};

struct hostile_way {
	const char *name;
	void (*run)(struct hostile *h);
	int arg;
	const char *help;
};

extern const struct hostile_way hostile_ways[];
extern const unsigned int hostile_nr_ways;

/* Leave the rings alone for 100 ms: our next push puts a wrong index right, and the backend is to see it. */
void hostile_linger(struct hostile *h);

/* hostile-tx.c */
void hostile_tx_gref(struct hostile *h); /* arg: the reference */
void hostile_tx_stale_gref(struct hostile *h);
void hostile_tx_single(struct hostile *h); /* arg: offset << 16 | size */
void hostile_tx_flags(struct hostile *h);  /* arg: flags */
void hostile_tx_id(struct hostile *h);	   /* arg: id of two requests */
void hostile_tx_slots(struct hostile *h);  /* arg: number of slots */
void hostile_tx_zero_slot(struct hostile *h);
void hostile_tx_first_crosses(struct hostile *h);
void hostile_tx_fragment_too_big(struct hostile *h);
void hostile_tx_more_data_alone(struct hostile *h);
void hostile_tx_extra_missing(struct hostile *h);
void hostile_tx_gso(struct hostile *h);		/* arg: flags << 24 | type << 16 | size */
void hostile_tx_extra_type(struct hostile *h);	/* arg: type */
void hostile_tx_extra_chain(struct hostile *h); /* arg: number of extras */
void hostile_tx_blank_unknown(struct hostile *h);
void hostile_tx_headers_lie(struct hostile *h); /* arg: which */
void hostile_tx_index(struct hostile *h);	/* arg: added to req_prod */
void hostile_tx_rsp_prod(struct hostile *h);	/* arg: added to rsp_prod */
void hostile_tx_page_changes(struct hostile *h);
void hostile_tx_ring_changes(struct hostile *h);

/* hostile-rx.c */
void hostile_rx_gref(struct hostile *h); /* arg: the reference */
void hostile_rx_readonly(struct hostile *h);
void hostile_rx_index(struct hostile *h);
void hostile_rx_rsp_prod(struct hostile *h);
void hostile_rx_starve(struct hostile *h);    /* arg: buffers to leave */
void hostile_notify_storm(struct hostile *h); /* arg: 0 tx, 1 rx */
void hostile_ports_gone(struct hostile *h);
void hostile_state_flood(struct hostile *h);
void hostile_state_text(struct hostile *h); /* arg: which text */
void hostile_key_flood(struct hostile *h);

#endif
