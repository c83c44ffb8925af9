/* SPDX-License-Identifier: MIT */
/* What the fake xenstored's sockets and its requests share. */
#ifndef FAKEXEN_XENSTORED_H
#define FAKEXEN_XENSTORED_H

/*
 * xenstored.c owns the sockets and the loop, request.c answers what came in.
 * One thread; a connection lives until xenstored.c sweeps it after gone is set.
 */

#include <errno.h> /* before xs_wire.h, whose table of errors needs it */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <xen/io/xs_wire.h>

struct store_tx;

struct watch {
	struct watch *next;
	char *path, *token;
	bool relative;
};

struct open_tx {
	struct open_tx *next;
	uint32_t id;
	struct store_tx *tx;
};

struct conn {
	struct conn *next;
	int fd;
	uint32_t domid;
	bool gone;
	struct watch *watches;
	struct open_tx *txs;
	unsigned int nr_watches, nr_txs;
	size_t have; /* of in */
	union {
		struct xsd_sockmsg hdr;
		char bytes[sizeof(struct xsd_sockmsg) + XENSTORE_PAYLOAD_MAX];
	} in;
	char *out;
	size_t out_len, out_size, out_done;
};

extern struct conn *conns;

/* request.c: answer the request in c->in, and send the events it causes. */
void request_serve(struct conn *c, FILE *trace);
/* Give back watches and transactions of a connection that ends. */
void request_forget(struct conn *c);

/* xenstored.c: a domain's socket. listen_for returns 0 or a positive errno. */
int listen_for(uint32_t domid);
bool listens_for(uint32_t domid);
void listen_end(uint32_t domid);
void stop(void);

#endif
