/* SPDX-License-Identifier: MIT */
/* iobatch-modes.h: run a program's tests in both modes of an iobatch */
#ifndef TEST_IOBATCH_MODES_H
#define TEST_IOBATCH_MODES_H

#include <check.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "netback/common/util.h"
#include "netback/engine/iobatch.h"

/* Each test finds an open batch and a pair of packet sockets. */
static struct iobatch batch, *b = &batch;
static int ends[2];

enum {
	MS = 1000000,
	FOREVER = -1
};

static void open_pair(int pair[2])
{
	ck_assert_int_eq(
		socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, pair), 0);
}

static void setup(bool uring)
{
	signal(SIGPIPE, SIG_IGN);
	iobatch_open(b, uring);
	ck_assert_msg(b->uring == uring, "the wrong mode");
	open_pair(ends);
}

static void setup_plain(void)
{
	setup(false);
}

static void setup_uring(void)
{
	setup(true);
}

static void teardown(void)
{
	iobatch_close(b);
	close(ends[0]);
	close(ends[1]);
}

static struct iobatch_watch watch_of(int fd)
{
	return (struct iobatch_watch){.fd = fd, .events = POLLIN};
}

static void say(int fd)
{
	ck_assert_int_eq(write(fd, "x", 1), 1);
}

/* Call add for each mode there is, run all, return main's result. */
static int run_modes(const char *name, void (*add)(TCase *tcase))
{
	Suite *suite = suite_create(name);
	SRunner *runner = srunner_create(suite);
	TCase *tcase = tcase_create("plain");
	int failed;

	tcase_add_checked_fixture(tcase, setup_plain, teardown);
	add(tcase);
	suite_add_tcase(suite, tcase);
	iobatch_open(b, true);
	if (b->uring) {
		tcase = tcase_create("io_uring");
		tcase_add_checked_fixture(tcase, setup_uring, teardown);
		add(tcase);
		suite_add_tcase(suite, tcase);
	} else {
		printf("io_uring is not allowed here: only the plain mode is tested\n");
	}
	iobatch_close(b);

	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? 1 : 0;
}

#endif
