/* SPDX-License-Identifier: MIT -- a tap in a network namespace, with the virtio header and offloads */
#ifndef SHIM_VTAP_H
#define SHIM_VTAP_H

#include <linux/virtio_net.h>
#include <net/if.h>
#include <stdbool.h>
#include <stdint.h>

/*
 * The header is the one of 10 bytes: the 12-byte form adds only the number of
 * merged receive buffers, which a tap neither sets nor reads.
 */
enum {
	VTAP_MAX_QUEUES = 16,
	VTAP_HEADER = sizeof(struct virtio_net_hdr),
};

_Static_assert(VTAP_HEADER == 10, "struct virtio_net_hdr");

/* What the kernel may hand us: what the other side of our wire can carry. */
struct vtap_offload {
	bool csum, tso4, tso6;
};

struct vtap_config {
	const char *netns;  /* name, path or process id; NULL: our own */
	const char *name;   /* of the interface; may contain %d; NULL: eth%d */
	const uint8_t *mac; /* 6 bytes */
	unsigned int mtu;
	unsigned int queues;
	struct vtap_offload offload;
};

struct vtap {
	int fd[VTAP_MAX_QUEUES]; /* non-blocking */
	unsigned int nr;
	char name[IFNAMSIZ];
};

/*
 * Creates the interface in the namespace and sets it up; the interface goes
 * when the fds are closed. The caller's own namespace is the same afterwards.
 * Call before there are threads. 0 or -errno, with a message.
 */
int vtap_open(struct vtap *tap, const struct vtap_config *config);
void vtap_close(struct vtap *tap);

#endif
