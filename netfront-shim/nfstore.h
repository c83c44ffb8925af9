/* SPDX-License-Identifier: MIT -- the keys of one vif in xenstore, read and written by their schema */
#ifndef SHIM_NFSTORE_H
#define SHIM_NFSTORE_H

#include "netfront.h"

/*
 * The only file that reads or writes the store. Functions return 0 or -errno; a
 * value of the backend's that breaks the schema is a fault.
 */

/* Domain id, backend directory, MAC and MTU of the vif; watches the backend's state. */
int nfstore_find(struct netfront *nf);

/* The backend's state; Unknown (0) when its directory is gone. */
unsigned int nfstore_backend_state(struct netfront *nf);

/* Our own state, as it stands in the store. */
unsigned int nfstore_own_state(struct netfront *nf);

int nfstore_write_state(struct netfront *nf, unsigned int state);

/* Reads a key of the backend; missing and broken ones give the schema's default. */
bool nfstore_backend_bool(struct netfront *nf, enum xs_key key);

/* *present: the key is there at all. */
uint32_t nfstore_backend_uint(struct netfront *nf, enum xs_key key, bool *present);

/* Text of any key of the backend, or NULL; the caller frees it. */
char *nfstore_backend_text(struct netfront *nf, enum xs_key key);

/*
 * Writes features, ring references and ports in one transaction, after removing
 * what an earlier connection may have left in the other (flat or queue-N) form.
 */
int nfstore_publish(struct netfront *nf);

/* Deletes features, ring references and ports, as iPXE does when it hands over. */
void nfstore_retract(struct netfront *nf);

/* Writes any text into a key of ours; ring keys: of the first queue. For hostile and connect. */
int nfstore_write_text(struct netfront *nf, enum xs_key key, const char *text, size_t len);

#endif
