/* SPDX-License-Identifier: MIT */
/* test-link.c: messages between control and engine, and what a broken peer can send */
#include "netback/common/link.h"

#include <check.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "netback/common/util.h"

static int ends[2];
static struct link_msg msg, got;
static int fds[LINK_MAX_FDS];
static unsigned int nr_fds;

static void setup(void)
{
	ck_assert_int_eq(
		socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends), 0);
	memset(&msg, 0, sizeof(msg));
	msg.magic = LINK_MAGIC;
	msg.type = LINK_ATTACH;
	msg.vif = (struct link_vif){.domid = 7, .handle = 3, .serial = 99};
}

static unsigned int count_fds(void)
{
	DIR *d = opendir("/proc/self/fd");
	unsigned int nr = 0;

	ck_assert_ptr_nonnull(d);
	while (readdir(d))
		nr++;
	closedir(d);
	return nr;
}

/* A message as a broken peer makes it, past link_send. */
static void send_raw(const void *data, size_t len, unsigned int nr)
{
	union {
		char buf[CMSG_SPACE(64 * sizeof(int))];
		struct cmsghdr align;
	} space = {0};
	struct iovec iov = {(void *)data, len};
	struct msghdr hdr = {.msg_iov = &iov, .msg_iovlen = 1};
	struct cmsghdr *c;

	if (nr) {
		hdr.msg_control = space.buf;
		hdr.msg_controllen = CMSG_SPACE(nr * sizeof(int));
		c = CMSG_FIRSTHDR(&hdr);
		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		c->cmsg_len = CMSG_LEN(nr * sizeof(int));
		for (unsigned int i = 0; i < nr; i++)
			memcpy(CMSG_DATA(c) + i * sizeof(int), &ends[0], sizeof(int));
	}
	ck_assert_int_eq(sendmsg(ends[0], &hdr, 0), (ssize_t)len);
}

START_TEST(test_round_trip)
{
	msg.u.attach.nr_queues = 2;
	msg.u.attach.queue[1].evtchn_rx = 0xdeadbeef;
	ck_assert_int_eq(link_send(ends[0], &msg, NULL, 0), 0);
	ck_assert_int_eq(link_recv(ends[1], &got, fds, &nr_fds), 1);
	ck_assert_mem_eq(&got, &msg, sizeof(msg));
	ck_assert_uint_eq(nr_fds, 0);
	ck_assert_int_eq(link_recv(ends[1], &got, fds, &nr_fds), -EAGAIN);
}
END_TEST

START_TEST(test_fds)
{
	unsigned int nr = (unsigned int)_i;
	int sent[LINK_MAX_FDS] = {0}, end[2];
	char byte;

	for (unsigned int i = 0; i < nr; i++) {
		ck_assert_int_eq(pipe(end), 0);
		byte = (char)('a' + i);
		ck_assert_int_eq(write(end[1], &byte, 1), 1);
		close(end[1]);
		sent[i] = end[0];
	}
	ck_assert_int_eq(link_send(ends[0], &msg, sent, nr), 0);
	for (unsigned int i = 0; i < nr; i++)
		ck_assert_int_eq(close(sent[i]), 0); /* they stayed the caller's */

	ck_assert_int_eq(link_recv(ends[1], &got, fds, &nr_fds), 1);
	ck_assert_uint_eq(nr_fds, nr);
	for (unsigned int i = 0; i < nr; i++) {
		ck_assert_int_eq(read(fds[i], &byte, 1), 1);
		ck_assert_int_eq(byte, 'a' + (int)i);
		ck_assert(fcntl(fds[i], F_GETFD) & FD_CLOEXEC);
		close(fds[i]);
	}
}
END_TEST

START_TEST(test_order)
{
	for (uint32_t i = 0; i < 8; i++) {
		msg.vif.serial = i;
		ck_assert_int_eq(link_send(ends[i % 2], &msg, NULL, 0), 0);
	}
	for (uint32_t i = 0; i < 8; i++) {
		ck_assert_int_eq(link_recv(ends[1 - i % 2], &got, fds, &nr_fds), 1);
		ck_assert_uint_eq(got.vif.serial, i);
	}
}
END_TEST

START_TEST(test_too_many_to_send)
{
	int many[LINK_MAX_FDS + 1] = {0};

	ck_assert_int_eq(link_send(ends[0], &msg, many, LINK_MAX_FDS + 1), -EINVAL);
	ck_assert_int_eq(link_recv(ends[1], &got, fds, &nr_fds), -EAGAIN);
}
END_TEST

static const struct {
	const char *what;
	size_t len;
	uint32_t magic;
	unsigned int nr_fds;
	int want;
} broken[] = {
	{"short", sizeof(struct link_msg) - 1, LINK_MAGIC, 0, -EPROTO},
	{"one byte", 1, LINK_MAGIC, 0, -EPROTO},
	{"short with fds", sizeof(struct link_msg) - 1, LINK_MAGIC, 3, -EPROTO},
	{"long", sizeof(struct link_msg) + 1, LINK_MAGIC, 0, -EPROTO},
	{"long with fds", sizeof(struct link_msg) + 1, LINK_MAGIC, LINK_MAX_FDS, -EPROTO},
	{"other magic", sizeof(struct link_msg), LINK_MAGIC + 1, 0, -EPROTO},
	{"other magic with fds", sizeof(struct link_msg), LINK_MAGIC + 1, 2, -EPROTO},
	{"too many fds", sizeof(struct link_msg), LINK_MAGIC, LINK_MAX_FDS + 1, -EPROTO},
	{"far too many fds", sizeof(struct link_msg), LINK_MAGIC, 64, -EPROTO},
	{"empty", 0, LINK_MAGIC, 0, 0},
	{"empty with fds", 0, LINK_MAGIC, LINK_MAX_FDS, 0},
};

/* None of them leaves a file descriptor behind: the peer must not use up ours. */
START_TEST(test_broken)
{
	char data[sizeof(struct link_msg) + 1] = {0};
	unsigned int before = count_fds();

	msg.magic = broken[_i].magic;
	memcpy(data, &msg, sizeof(msg));
	send_raw(data, broken[_i].len, broken[_i].nr_fds);
	ck_assert_msg(link_recv(ends[1], &got, fds, &nr_fds) == broken[_i].want, "%s",
		      broken[_i].what);
	ck_assert_uint_eq(nr_fds, 0);
	ck_assert_msg(count_fds() == before, "%s: fds leaked", broken[_i].what);
	/* The next message is whole again. */
	msg.magic = LINK_MAGIC;
	ck_assert_int_eq(link_send(ends[0], &msg, NULL, 0), 0);
	ck_assert_int_eq(link_recv(ends[1], &got, fds, &nr_fds), 1);
}
END_TEST

START_TEST(test_peer_gone)
{
	ck_assert_int_eq(link_send(ends[0], &msg, NULL, 0), 0);
	close(ends[0]);
	/* What it said last still counts; then it is the end of file, and stays it. */
	ck_assert_int_eq(link_recv(ends[1], &got, fds, &nr_fds), 1);
	ck_assert_int_eq(link_recv(ends[1], &got, fds, &nr_fds), 0);
	ck_assert_int_eq(link_recv(ends[1], &got, fds, &nr_fds), 0);
	/* No SIGPIPE. */
	ck_assert_int_eq(link_send(ends[1], &msg, NULL, 0), -EPIPE);
}
END_TEST

/* A peer that dies with our message unread resets the connection. */
START_TEST(test_peer_gone_with_unread)
{
	ck_assert_int_eq(link_send(ends[1], &msg, NULL, 0), 0);
	close(ends[0]);
	ck_assert_int_eq(link_recv(ends[1], &got, fds, &nr_fds), 0);
}
END_TEST

START_TEST(test_full_socket)
{
	unsigned int nr = 0;
	int ret;

	while ((ret = link_send(ends[0], &msg, NULL, 0)) == 0 && nr < 100000)
		nr++;
	ck_assert_int_eq(ret, -EAGAIN);
	for (; nr; nr--)
		ck_assert_int_eq(link_recv(ends[1], &got, fds, &nr_fds), 1);
	ck_assert_int_eq(link_recv(ends[1], &got, fds, &nr_fds), -EAGAIN);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("link");
	TCase *tcase = tcase_create("link");
	SRunner *runner = srunner_create(suite);
	int failed;

	suite_add_tcase(suite, tcase);
	tcase_add_checked_fixture(tcase, setup, NULL);
	tcase_add_test(tcase, test_round_trip);
	tcase_add_loop_test(tcase, test_fds, 0, LINK_MAX_FDS + 1);
	tcase_add_test(tcase, test_order);
	tcase_add_test(tcase, test_too_many_to_send);
	tcase_add_loop_test(tcase, test_broken, 0, ARRAY_SIZE(broken));
	tcase_add_test(tcase, test_peer_gone);
	tcase_add_test(tcase, test_peer_gone_with_unread);
	tcase_add_test(tcase, test_full_socket);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? 1 : 0;
}
