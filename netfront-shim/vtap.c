/* SPDX-License-Identifier: MIT -- a tap in a network namespace, with the virtio header and offloads */
#include "vtap.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if_arp.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

static int fail(const char *what)
{
	int err = errno;

	fprintf(stderr, "netfront-shim: tap: %s: %s\n", what, strerror(err));
	return -err;
}

static int open_netns(const char *netns)
{
	char path[256];

	if (strchr(netns, '/'))
		snprintf(path, sizeof(path), "%s", netns);
	else if (netns[strspn(netns, "0123456789")] == '\0')
		snprintf(path, sizeof(path), "/proc/%s/ns/net", netns);
	else
		snprintf(path, sizeof(path), "/run/netns/%s", netns);
	return open(path, O_RDONLY | O_CLOEXEC);
}

static int open_queue(struct vtap *tap, const struct vtap_config *config)
{
	unsigned int offload = (config->offload.csum ? TUN_F_CSUM : 0) |
			       (config->offload.tso4 ? TUN_F_TSO4 : 0) |
			       (config->offload.tso6 ? TUN_F_TSO6 : 0);
	struct ifreq ifr = {.ifr_flags = IFF_TAP | IFF_NO_PI | IFF_VNET_HDR};
	int header = VTAP_HEADER;
	int fd = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);

	if (fd < 0)
		return fail("/dev/net/tun");
	tap->fd[tap->nr++] = fd; /* closed by vtap_close() */
	if (config->queues > 1)
		ifr.ifr_flags |= IFF_MULTI_QUEUE;
	memcpy(ifr.ifr_name, tap->name, IFNAMSIZ);
	if (ioctl(fd, TUNSETIFF, &ifr))
		return fail("TUNSETIFF");
	memcpy(tap->name, ifr.ifr_name, IFNAMSIZ);
	if (ioctl(fd, TUNSETVNETHDRSZ, &header))
		return fail("TUNSETVNETHDRSZ");
	if (ioctl(fd, TUNSETOFFLOAD, offload))
		return fail("TUNSETOFFLOAD");
	return 0;
}

static int set_up(const struct vtap *tap, const struct vtap_config *config)
{
	struct ifreq ifr = {0};
	int sock = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	int err = 0;

	if (sock < 0)
		return fail("socket");
	memcpy(ifr.ifr_name, tap->name, IFNAMSIZ);
	ifr.ifr_hwaddr.sa_family = ARPHRD_ETHER;
	memcpy(ifr.ifr_hwaddr.sa_data, config->mac, 6);
	if (ioctl(sock, SIOCSIFHWADDR, &ifr))
		err = fail("MAC address");
	ifr.ifr_mtu = config->mtu;
	if (!err && ioctl(sock, SIOCSIFMTU, &ifr))
		err = fail("MTU");
	if (!err && ioctl(sock, SIOCGIFFLAGS, &ifr))
		err = fail("flags");
	ifr.ifr_flags |= IFF_UP;
	if (!err && ioctl(sock, SIOCSIFFLAGS, &ifr))
		err = fail("up");
	close(sock);
	return err;
}

static int open_here(struct vtap *tap, const struct vtap_config *config)
{
	int err = 0;

	for (unsigned int i = 0; !err && i < config->queues; i++)
		err = open_queue(tap, config);
	return err ? err : set_up(tap, config);
}

/* A tap belongs to the namespace its opener was in. */
static int open_in(struct vtap *tap, const struct vtap_config *config)
{
	int theirs = open_netns(config->netns);
	int ours = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
	int err;

	if (theirs < 0 || ours < 0 || setns(theirs, CLONE_NEWNET)) {
		err = fail(config->netns);
	} else {
		err = open_here(tap, config);
		if (setns(ours, CLONE_NEWNET) && !err)
			err = fail("back to our namespace");
	}
	if (theirs >= 0)
		close(theirs);
	if (ours >= 0)
		close(ours);
	return err;
}

int vtap_open(struct vtap *tap, const struct vtap_config *config)
{
	int err;

	memset(tap, 0, sizeof(*tap));
	snprintf(tap->name, sizeof(tap->name), "%s", config->name ? config->name : "eth%d");
	err = config->netns ? open_in(tap, config) : open_here(tap, config);
	if (err)
		vtap_close(tap);
	return err;
}

void vtap_close(struct vtap *tap)
{
	for (unsigned int i = 0; i < tap->nr; i++)
		close(tap->fd[i]);
	tap->nr = 0;
}
