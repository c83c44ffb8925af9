/* SPDX-License-Identifier: MIT */
/* test-tap.h: a tap in a network namespace of the test's own, which can be deleted */
#ifndef TEST_TAP_H
#define TEST_TAP_H

#include <fcntl.h>
#include <linux/if_tun.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

/* -1: there can be none here. */
static inline int open_tap(unsigned int *ret_index)
{
	struct ifreq ifr = {.ifr_name = "tap0", .ifr_flags = IFF_TAP | IFF_NO_PI | IFF_VNET_HDR};
	int fd;

	if (unshare(CLONE_NEWNET) && unshare(CLONE_NEWUSER | CLONE_NEWNET))
		return -1;
	fd = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);
	if (fd < 0 || ioctl(fd, TUNSETIFF, &ifr))
		return -1;
	*ret_index = if_nametoindex("tap0");
	return fd;
}

/* Says so on stdout if not. The caller's namespaces stay what they are. */
static inline bool have_tap(void)
{
	unsigned int index;
	pid_t pid = fork();
	int status = -1;

	if (pid == 0)
		_exit(open_tap(&index) < 0);
	if (pid < 0 || waitpid(pid, &status, 0) != pid || status) {
		printf("no tap here: what needs one is not tested\n");
		return false;
	}
	return true;
}

/* The fd stays open: it is readable for ever, and each read and write fails with -EBADFD. */
static inline bool delete_tap(unsigned int index)
{
	struct {
		struct nlmsghdr nl;
		struct ifinfomsg link;
	} msg = {
		.nl = {sizeof(msg), RTM_DELLINK, NLM_F_REQUEST, 0, 0},
		.link = {.ifi_index = (int)index},
	};
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
	bool ok = send(fd, &msg, sizeof(msg), 0) == sizeof(msg);

	close(fd);
	return ok;
}

#endif
