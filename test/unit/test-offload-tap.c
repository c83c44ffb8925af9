/* SPDX-License-Identifier: MIT -- a tap takes every frame that offload_from_guest lets through */
#include "netback/engine/offload.h"

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include "netback/common/util.h"
#include "test/unit/frames.h"

/*
 * The header of the module promises it, and the kernel's rules change from version to version. So
 * the running one is asked: random frames and requests, some bytes of them spoilt, through the
 * module into a tap in a network namespace of our own.
 */
enum {
	FRAMES = 20000
};

static int tap_fd = -1;

static int open_tap(void)
{
	struct ifreq ifr = {.ifr_name = "tap0", .ifr_flags = IFF_TAP | IFF_NO_PI | IFF_VNET_HDR};
	int fd, sock, err;

	if (unshare(CLONE_NEWNET) && unshare(CLONE_NEWUSER | CLONE_NEWNET))
		return -1;
	fd = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);
	if (fd < 0 || ioctl(fd, TUNSETIFF, &ifr))
		return -1;
	sock = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	ifr.ifr_flags = IFF_UP;
	err = ioctl(sock, SIOCSIFFLAGS, &ifr);
	close(sock);
	return err ? -1 : fd;
}

static unsigned int any(unsigned int n)
{
	return (unsigned int)random() % n;
}

static struct frame_shape any_shape(void)
{
	static const uint8_t protos[] = {IPPROTO_TCP, IPPROTO_TCP, IPPROTO_TCP, IPPROTO_UDP,
					 IPPROTO_ICMP};
	static const unsigned int versions[] = {4, 4, 6, 6, 0};
	struct frame_shape shape = {
		.tags = any(4) ? 0 : any(4),
		.version = versions[any(ARRAY_SIZE(versions))],
		.options = any(4) ? 0 : any(11) * 4,
		.fragment = any(8) ? 0 : any(65536),
		.proto = protos[any(ARRAY_SIZE(protos))],
		.tcp_options = any(11) * 4,
		.payload = any(3) ? any(1500) : any(65000),
	};
	unsigned int i;

	for (i = 0; i < any(FRAME_MAX_EXTENSIONS + 1) && !any(3); i++) {
		shape.extensions[i].type = any(2) ? IPPROTO_HOPOPTS : IPPROTO_ROUTING;
		shape.extensions[i].bytes = 8 + any(12) * 8;
	}
	return shape;
}

/* -EINVAL: the module refused it; else what the tap said. */
static int send_frame(uint8_t *frame, uint32_t len)
{
	struct offload_tx tx = {
		.frame = frame,
		.linear = min(len, (uint32_t)OFFLOAD_HEADER_BYTES),
		.len = len,
		.csum_blank = any(4),
		.data_validated = any(2),
		.gso_type = any(3),
		.gso_size = any(3) ? 1 + any(1500) : 1 + any(65535),
	};
	struct virtio_net_hdr hdr;
	struct iovec iov[] = {{&hdr, sizeof(hdr)}, {frame, len}};
	int err = offload_from_guest(&tx, &hdr);

	if (err)
		return err;
	ck_assert_msg(writev(tap_fd, iov, 2) == (ssize_t)(sizeof(hdr) + len),
		      "len %u flags %u gso %u,%u start %u hdr %u: %s", len, hdr.flags, hdr.gso_type,
		      hdr.gso_size, hdr.csum_start, hdr.hdr_len, strerror(errno));
	return 0;
}

START_TEST(test_tap_takes_all)
{
	static uint8_t frame[FRAME_MAX_BYTES + 1024];
	unsigned int i, taken = 0, spoilt;

	srandom(1);
	for (i = 0; i < FRAMES; i++) {
		struct frame_shape shape = any_shape();
		uint32_t len = min(frame_build(&shape, frame), (uint32_t)FRAME_MAX_BYTES);

		for (spoilt = any(4) ? 0 : any(4); spoilt; spoilt--)
			frame[12 + any(80)] = any(256);
		if (!any(8))
			len = min(len, 14 + any(100));
		if (!send_frame(frame, len))
			taken++;
	}
	/* Both kinds there are, or this says nothing. */
	ck_assert_uint_gt(taken, FRAMES / 10);
	ck_assert_uint_lt(taken, FRAMES * 9 / 10);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("offload-tap");
	TCase *tcase = tcase_create("offload-tap");
	SRunner *runner = srunner_create(suite);
	int failed;

	tap_fd = open_tap();
	if (tap_fd < 0) {
		printf("skip: no tap here: %s\n", strerror(errno));
		srunner_free(runner);
		return 77;
	}
	tcase_set_timeout(tcase, 60);
	suite_add_tcase(suite, tcase);
	tcase_add_test(tcase, test_tap_takes_all);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? 1 : 0;
}
