/* SPDX-License-Identifier: MIT */
/* tap.c: tun(4) ioctls in the right order */
#include "tap.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if_arp.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "netback/common/log.h"

enum {
	TAP_FLAGS = IFF_TAP | IFF_NO_PI | IFF_VNET_HDR | IFF_MULTI_QUEUE,
	DRAIN_MAX_FRAMES = 8192, /* the queue of a tap has 500 to 1000 */
};

void tap_init(struct tap *tap, unsigned int domid, unsigned int handle)
{
	*tap = (struct tap){0};
	/* At most "vif32751.65535": the schema's bounds. */
	snprintf(tap->name, sizeof(tap->name), "vif%u.%u", domid % 32768, handle % 65536);
}

/* One more queue of the interface called name, which is made if it does not exist. The fd or -errno. */
static int open_queue(const char *name)
{
	struct ifreq ifr = {.ifr_flags = (short)TAP_FLAGS};
	int hdr = TAP_VNET_HDR_BYTES;
	int fd, ret;

	fd = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);
	if (fd < 0)
		return -errno;

	strcpy(ifr.ifr_name, name);
	if (ioctl(fd, TUNSETIFF, &ifr) < 0 || ioctl(fd, TUNSETVNETHDRSZ, &hdr) < 0) {
		ret = -errno;
		close(fd);
		return ret;
	}
	return fd;
}

/* As the kernel's vif: the address no bridge takes for its own, so that it never changes with its ports. */
static int set_mac(const char *name)
{
	struct ifreq ifr = {
		.ifr_hwaddr = {.sa_family = ARPHRD_ETHER,
			       .sa_data = {'\xfe', '\xff', '\xff', '\xff', '\xff', '\xff'}},
	};
	int sock, ret = 0;

	sock = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (sock < 0)
		return -errno;

	strcpy(ifr.ifr_name, name);
	if (ioctl(sock, SIOCSIFHWADDR, &ifr) < 0)
		ret = -errno;
	close(sock);
	return ret;
}

/* What a script has renamed still has its index. A name that somebody wished for is no proof: two may wish for one. */
static bool find_existing(const struct tap *tap, char name[IFNAMSIZ])
{
	if (tap->index && if_indextoname(tap->index, name))
		return true;
	strcpy(name, tap->name);
	return if_nametoindex(name) != 0;
}

void tap_current_name(const struct tap *tap, char name[IFNAMSIZ])
{
	struct ifreq ifr = {0};

	name[0] = '\0';
	if (tap->nr_queues && ioctl(tap->fds[0], TUNGETIFF, &ifr) == 0)
		memcpy(name, ifr.ifr_name, IFNAMSIZ);
}

int tap_open(struct tap *tap, bool *ret_new)
{
	char name[IFNAMSIZ];
	int fd, ret = 0;

	*ret_new = false;
	tap_current_name(tap, name);
	if (*name)
		return 0;

	tap_close(tap); /* what was open was deleted */
	*ret_new = !find_existing(tap, name);
	fd = open_queue(name);
	if (fd < 0)
		return fd;

	tap->fds[0] = fd;
	tap->nr_queues = 1;
	tap->index = if_nametoindex(name);
	if (*ret_new)
		ret = set_mac(tap->name);
	if (ret == 0 && ioctl(fd, TUNSETPERSIST, 1) < 0)
		ret = -errno;
	if (ret < 0)
		tap_close(tap);
	else
		tap_set_carrier(tap, false);
	return ret;
}

static void close_queues_above(struct tap *tap, unsigned int nr)
{
	while (tap->nr_queues > nr)
		close(tap->fds[--tap->nr_queues]);
}

/*
 * The kernel applies the offloads of one queue to all. A frontend that takes blank checksums of one IP
 * version only still gets TUN_F_CSUM: the engine completes the others.
 */
static unsigned int offload_flags(const struct link_features *f)
{
	unsigned int flags = 0;

	if (f->rx_csum_ipv4 || f->rx_csum_ipv6)
		flags |= TUN_F_CSUM;
	if (f->rx_sg && f->rx_gso_tcpv4 && f->rx_csum_ipv4)
		flags |= TUN_F_TSO4;
	if (f->rx_sg && f->rx_gso_tcpv6 && f->rx_csum_ipv6)
		flags |= TUN_F_TSO6;
	return flags;
}

int tap_set_offloads(struct tap *tap, const struct link_features *features)
{
	return ioctl(tap->fds[0], TUNSETOFFLOAD, offload_flags(features)) < 0 ? -errno : 0;
}

static void drain(struct tap *tap)
{
	static char frame[65536 + TAP_VNET_HDR_BYTES];

	for (unsigned int q = 0; q < tap->nr_queues; q++)
		for (int n = 0; n < DRAIN_MAX_FRAMES; n++)
			if (read(tap->fds[q], frame, sizeof(frame)) < 0)
				break;
}

static int open_queues_up_to(struct tap *tap, unsigned int nr)
{
	char name[IFNAMSIZ];
	int fd;

	while (tap->nr_queues < nr) {
		tap_current_name(tap, name);
		/* A name that is gone would make an interface; that of one in another namespace may be another one's here. */
		if (!tap->index || if_nametoindex(name) != tap->index)
			return -ENODEV;
		fd = open_queue(name);
		if (fd < 0)
			return fd;
		tap->fds[tap->nr_queues++] = fd;
	}
	return 0;
}

int tap_connect(struct tap *tap, unsigned int nr, const struct link_features *features, bool fresh)
{
	int ret;

	close_queues_above(tap, nr);
	ret = open_queues_up_to(tap, nr);
	if (ret == 0)
		ret = tap_set_offloads(tap, features);
	if (ret < 0) {
		tap_disconnect(tap);
		return ret;
	}

	/* Opening a queue has set the carrier; for a guest that never lost its connection that is right. */
	tap_set_carrier(tap, !fresh);
	if (fresh)
		drain(tap);
	return 0;
}

void tap_disconnect(struct tap *tap)
{
	close_queues_above(tap, 1);
	tap_set_carrier(tap, false);
}

void tap_set_carrier(struct tap *tap, bool on)
{
	int value = on;

	if (tap->nr_queues && ioctl(tap->fds[0], TUNSETCARRIER, &value) < 0)
		debug("%s: carrier %d: TUNSETCARRIER failed", tap->name, value);
}

void tap_destroy(struct tap *tap)
{
	char name[IFNAMSIZ];

	if (!tap->nr_queues && find_existing(tap, name)) {
		tap->fds[0] = open_queue(name);
		tap->nr_queues = tap->fds[0] >= 0;
	}
	if (tap->nr_queues && ioctl(tap->fds[0], TUNSETPERSIST, 0) < 0)
		warn_perror("%s: cannot be removed", tap->name);
	tap_close(tap);
	tap->index = 0;
}

void tap_close(struct tap *tap)
{
	close_queues_above(tap, 0);
}
