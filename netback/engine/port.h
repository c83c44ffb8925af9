/* SPDX-License-Identifier: MIT */
/* port.h: where a queue's packets come from and go to; today a queue of a tap */
#ifndef NETBACK_ENGINE_PORT_H
#define NETBACK_ENGINE_PORT_H

#include <stdint.h>

#include "netback/engine/iobatch.h"

/*
 * A port moves whole Ethernet frames, each behind a struct virtio_net_hdr of 10 bytes, through a
 * non-blocking fd. Its kernel side is the only packet buffer of a vif: the engine reads from it no
 * more than the guest has room for.
 *
 * Used by the one worker that owns the queue.
 */
enum {
	PORT_HEADER_BYTES = 10,
	PORT_MAX_FRAME = 65536
};

struct port {
	int fd;
	struct iobatch_stream frames; /* its posted reads */
};

/* What the result of a read or write means. */
enum port_result {
	PORT_DONE,
	PORT_AGAIN,  /* read: no frame there; write: no room */
	PORT_DOWN,   /* the interface is down or gone */
	PORT_REFUSED /* this frame is not one for it */
};

/*
 * Take over fd, a queue of a tap in IFF_VNET_HDR mode, as it comes from control. 0, or -errno with
 * fd still the caller's: not a tap, or another header size than PORT_HEADER_BYTES.
 */
int port_tap_open(struct port *port, int fd);
void port_close(struct port *port);

/*
 * The first bytes are the header. *ret: see port_result; bytes include the header. Frames are read by reads
 * posted to `frames`, into buffers that the header begins.
 */
static inline void port_write(struct port *port, struct iobatch *b, const struct iovec *iov,
			      unsigned int nr, int32_t *ret)
{
	iobatch_write(b, port->fd, iov, nr, ret);
}

enum port_result port_result(int32_t ret);

#endif
