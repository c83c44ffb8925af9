/* SPDX-License-Identifier: MIT */
/* fakexen-guest.h: a machine for each test, and guests on it that are processes */
#ifndef TEST_UNIT_FAKEXEN_GUEST_H
#define TEST_UNIT_FAKEXEN_GUEST_H

#include <check.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>
#include <xengnttab.h>

#include "test/fakexen/machine.h"

/*
 * Each test runs in a process of its own, which is domain 0, with a machine of
 * its own. A guest is a forked process with a socket to tell numbers through.
 */

static char dir[] = "/tmp/test-fakexen.XXXXXX";

struct guest {
	pid_t pid;
	int fd;
};

static inline void say(int fd, uint32_t value)
{
	ck_assert_int_eq(send(fd, &value, sizeof(value), MSG_NOSIGNAL), sizeof(value));
}

static inline uint32_t hear(int fd)
{
	uint32_t value;

	ck_assert_int_eq(recv(fd, &value, sizeof(value), MSG_WAITALL), sizeof(value));
	return value;
}

/* Before the test opens a handle: a fork that copies threads is the end of a sanitizer. */
static inline struct guest start_guest(uint32_t domid, void (*run)(int fd))
{
	struct guest g;
	char id[12];
	int pair[2];

	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
	g.fd = pair[0];
	g.pid = fork();
	if (g.pid == 0) {
		close(pair[0]);
		snprintf(id, sizeof(id), "%u", domid);
		setenv("FAKEXEN_DOMID", id, 1);
		run(pair[1]);
		_exit(0);
	}
	close(pair[1]);
	return g;
}

static inline void kill_guest(struct guest g)
{
	kill(g.pid, SIGKILL);
	ck_assert_int_eq(waitpid(g.pid, NULL, 0), g.pid);
	close(g.fd);
}

/* At exit, since a failed test runs no teardown. */
static inline void teardown(void)
{
	char path[64];
	const char *files[] = {"machine", "grants", "mem"};

	for (int i = 0; i < 3; i++) {
		snprintf(path, sizeof(path), "%s/%s", dir, files[i]);
		unlink(path);
	}
	rmdir(dir);
}

static inline void setup(void)
{
	ck_assert_ptr_nonnull(mkdtemp(dir));
	atexit(teardown);
	setenv("FAKEXEN_DIR", dir, 1);
	unsetenv("FAKEXEN_DOMID");
	ck_assert_int_eq(machine_create(dir), 0);
	ck_assert_int_eq(machine_add_domain(1), 0);
	ck_assert_int_eq(machine_add_domain(2), 0);
}

static inline uint64_t counted(_Atomic uint64_t *counter)
{
	return atomic_exchange(counter, 0);
}

static inline xengnttab_grant_copy_segment_t from_guest(uint32_t domid, uint32_t ref,
							unsigned int offset, void *to,
							unsigned int len)
{
	xengnttab_grant_copy_segment_t s = {.len = len, .flags = GNTCOPY_source_gref, .status = 99};

	s.source.foreign.domid = domid;
	s.source.foreign.ref = ref;
	s.source.foreign.offset = offset;
	s.dest.virt = to;
	return s;
}

/* Grants a page; told an offset, it answers with the byte there and adds one to it. */
static inline void share_one(int fd)
{
	xengntshr_handle *h = xengntshr_open(NULL, 0);
	uint32_t ref;
	char *page = xengntshr_share_pages(h, 0, 1, &ref, 1);

	say(fd, ref);
	for (;;) {
		uint32_t offset = hear(fd);

		say(fd, (unsigned char)page[offset]++);
	}
}

#endif
