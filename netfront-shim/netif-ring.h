/* SPDX-License-Identifier: MIT -- the netif protocol's types as Xen's headers define them, with the barriers they want */
#ifndef SHIM_NETIF_RING_H
#define SHIM_NETIF_RING_H

/*
 * <xen/io/ring.h> leaves the barriers to its user and, for a user that names no
 * interface version, falls back to names of 2005. Include this file before any
 * other Xen header.
 */
#ifndef __XEN_TOOLS__
#define __XEN_TOOLS__ 1
#endif

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define xen_mb()  __atomic_thread_fence(__ATOMIC_SEQ_CST)
#define xen_rmb() __atomic_thread_fence(__ATOMIC_ACQUIRE)
#define xen_wmb() __atomic_thread_fence(__ATOMIC_RELEASE)

#include <xen/xen.h>
#include <xen/io/netif.h>

enum {
	NETIF_PAGE = 4096, /* of the ring protocols, whatever the machine's is */
	NETIF_RING = 256,  /* entries of a one-page ring, tx and rx */
};

_Static_assert(__CONST_RING_SIZE(netif_tx, NETIF_PAGE) == NETIF_RING, "tx ring");
_Static_assert(__CONST_RING_SIZE(netif_rx, NETIF_PAGE) == NETIF_RING, "rx ring");

/* A field of a shared page is read once, and written once, by these. */
#define shared_read(x)	   (*(const volatile __typeof__(x) *)&(x))
#define shared_write(x, v) (*(volatile __typeof__(x) *)&(x) = (v))

#endif
