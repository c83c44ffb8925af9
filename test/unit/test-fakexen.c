/* SPDX-License-Identifier: MIT */
/* The fake machine behaves as Xen and its Linux drivers do. */
#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <xenevtchn.h>
#include <xengnttab.h>

#include "test/fakexen/machine.h"

/*
 * Each test runs in a process of its own, which is domain 0, with a machine of
 * its own. A guest is a forked process with a socket to tell numbers through.
 */

enum {
	PAGE = MACHINE_PAGE,
	SOON = 2000,
	NOT_SOON = 30
};

static char dir[] = "/tmp/test-fakexen.XXXXXX";
struct guest {
	pid_t pid;
	int fd;
};

static void say(int fd, uint32_t value)
{
	ck_assert_int_eq(send(fd, &value, sizeof(value), MSG_NOSIGNAL), sizeof(value));
}

static uint32_t hear(int fd)
{
	uint32_t value;

	ck_assert_int_eq(recv(fd, &value, sizeof(value), MSG_WAITALL), sizeof(value));
	return value;
}

/* Before the test opens a handle: a fork that copies threads is the end of a sanitizer. */
static struct guest start_guest(uint32_t domid, void (*run)(int fd))
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

static void kill_guest(struct guest g)
{
	kill(g.pid, SIGKILL);
	ck_assert_int_eq(waitpid(g.pid, NULL, 0), g.pid);
	close(g.fd);
}

/* At exit, since a failed test runs no teardown. */
static void teardown(void)
{
	char path[64];
	const char *files[] = {"machine", "grants", "mem"};

	for (int i = 0; i < 3; i++) {
		snprintf(path, sizeof(path), "%s/%s", dir, files[i]);
		unlink(path);
	}
	rmdir(dir);
}

static void setup(void)
{
	ck_assert_ptr_nonnull(mkdtemp(dir));
	atexit(teardown);
	setenv("FAKEXEN_DIR", dir, 1);
	unsetenv("FAKEXEN_DOMID");
	ck_assert_int_eq(machine_create(dir), 0);
	ck_assert_int_eq(machine_add_domain(1), 0);
	ck_assert_int_eq(machine_add_domain(2), 0);
}

static uint64_t counted(_Atomic uint64_t *counter)
{
	return atomic_exchange(counter, 0);
}

static xengnttab_grant_copy_segment_t from_guest(uint32_t domid, uint32_t ref, unsigned int offset,
						 void *to, unsigned int len)
{
	xengnttab_grant_copy_segment_t s = {.len = len, .flags = GNTCOPY_source_gref, .status = 99};

	s.source.foreign.domid = domid;
	s.source.foreign.ref = ref;
	s.source.foreign.offset = offset;
	s.dest.virt = to;
	return s;
}

static xengnttab_grant_copy_segment_t to_guest(uint32_t domid, uint32_t ref, unsigned int offset,
					       void *from, unsigned int len)
{
	xengnttab_grant_copy_segment_t s = {.len = len, .flags = GNTCOPY_dest_gref, .status = 99};

	s.dest.foreign.domid = domid;
	s.dest.foreign.ref = ref;
	s.dest.foreign.offset = offset;
	s.source.virt = from;
	return s;
}

/* Grants a writable, a read-only and a page for domain 2; tells what arrives. */
static void share_three(int fd)
{
	xengntshr_handle *h = xengntshr_open(NULL, 0);
	uint32_t rw, ro, other;
	char *page = xengntshr_share_pages(h, 0, 1, &rw, 1);
	char *ro_page = xengntshr_share_pages(h, 0, 1, &ro, 0);

	xengntshr_share_pages(h, 2, 1, &other, 1);
	strcpy(page + 100, "from the guest");
	strcpy(ro_page, "read me");
	say(fd, rw);
	say(fd, ro);
	say(fd, other);
	hear(fd);
	say(fd, strcmp(page + PAGE - 6, "hello"));
	hear(fd);
}

START_TEST(copy_goes_both_ways_with_xens_statuses)
{
	struct guest g = start_guest(1, share_three);
	xengnttab_handle *h = xengnttab_open(NULL, 0);
	uint32_t rw = hear(g.fd), ro = hear(g.fd), other = hear(g.fd);
	char buf[32] = "", ro_buf[32] = "", hello[] = "hello";
	xengnttab_grant_copy_segment_t s[] = {
		from_guest(1, rw, 100, buf, 15),     from_guest(1, ro, 0, ro_buf, 8),
		to_guest(1, rw, PAGE - 6, hello, 6), to_guest(1, ro, 0, hello, 6), /* read-only */
		from_guest(1, other, 0, buf, 1),     /* granted to somebody else */
		from_guest(1, other + 1, 0, buf, 1), /* free entry of the table */
		from_guest(1, 512, 0, buf, 1),	     /* beyond the table */
		from_guest(9, rw, 0, buf, 1),	     /* no such domain */
		from_guest(1, other + 1, 0, buf, 0), /* empty: nobody looks */
	};
	const int16_t want[] = {0, 0, 0, -1, -1, -1, -3, -2, 0};

	ck_assert_int_eq(xengnttab_grant_copy(h, 9, s), 0);
	for (int i = 0; i < 9; i++)
		ck_assert_msg(s[i].status == want[i], "segment %d: %d", i, s[i].status);
	ck_assert_str_eq(buf, "from the guest");
	ck_assert_str_eq(ro_buf, "read me");
	say(g.fd, 0);
	ck_assert_int_eq(hear(g.fd), 0);
	kill_guest(g);
	xengnttab_close(h);
}
END_TEST

static void share_one(int fd)
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

START_TEST(copy_from_guest_to_guest)
{
	struct guest a = start_guest(1, share_one), b = start_guest(2, share_one);
	xengnttab_handle *h = xengnttab_open(NULL, 0);
	xengnttab_grant_copy_segment_t s = {.flags = GNTCOPY_source_gref | GNTCOPY_dest_gref};

	s.source.foreign.domid = 1;
	s.source.foreign.ref = hear(a.fd);
	s.dest.foreign.domid = 2;
	s.dest.foreign.ref = hear(b.fd);
	s.dest.foreign.offset = 10;
	s.len = 1;
	say(a.fd, 0);
	ck_assert_uint_eq(hear(a.fd), 0); /* byte 0 is 1 from now on */
	ck_assert_int_eq(xengnttab_grant_copy(h, 1, &s), 0);
	ck_assert_int_eq(s.status, GNTST_okay);
	say(b.fd, 10);
	ck_assert_uint_eq(hear(b.fd), 1);
	kill_guest(a);
	kill_guest(b);
	xengnttab_close(h);
}
END_TEST

START_TEST(bad_segment_fails_the_ioctl_where_it_stands)
{
	struct guest g = start_guest(1, share_one);
	xengnttab_handle *h = xengnttab_open(NULL, 0);
	uint32_t ref = hear(g.fd);
	xengnttab_grant_copy_segment_t s[20];
	char buf[20], one = 1;

	for (int i = 0; i < 20; i++)
		s[i] = to_guest(1, ref, i, &one, 1);
	s[17].dest.foreign.offset = PAGE;
	ck_assert_int_eq(xengnttab_grant_copy(h, 20, s), -1);
	ck_assert_int_eq(errno, EINVAL);
	for (int i = 0; i < 20; i++)
		buf[i] = (say(g.fd, i), hear(g.fd));
	/* the full batch was copied, the begun one only claims so */
	ck_assert_int_eq(buf[15], 1);
	ck_assert_int_eq(buf[16], 0);
	ck_assert_int_eq(s[16].status, GNTST_okay);
	ck_assert_int_eq(s[17].status, 99);
	ck_assert_int_eq(s[18].status, 99);

	s[0].flags = 0;
	s[0].dest.virt = buf;
	ck_assert_int_eq(xengnttab_grant_copy(h, 1, s), -1);
	ck_assert_int_eq(errno, EINVAL);
	kill_guest(g);
	xengnttab_close(h);
}
END_TEST

START_TEST(sixteen_ops_make_a_hypercall)
{
	struct machine_counters *c = &machine_view.m->counters;
	struct guest g = start_guest(1, share_one);
	xengnttab_handle *h = xengnttab_open(NULL, 0);
	uint32_t ref = hear(g.fd);
	xengnttab_grant_copy_segment_t s[33];
	static _Alignas(PAGE) char buf[2 * PAGE];

	for (int i = 0; i < 33; i++)
		s[i] = from_guest(1, ref, 0, buf, 1);
	ck_assert_int_eq(xengnttab_grant_copy(h, 33, s), 0);
	ck_assert_uint_eq(counted(&c->copy_hypercalls), 3);
	ck_assert_uint_eq(counted(&c->copy_segments), 33);
	ck_assert_uint_eq(counted(&c->copy_ioctls), 1);

	/* local memory that crosses a page takes two operations */
	for (int i = 0; i < 16; i++)
		s[i] = from_guest(1, ref, 0, buf + PAGE - 1, 2);
	ck_assert_int_eq(xengnttab_grant_copy(h, 16, s), 0);
	ck_assert_uint_eq(counted(&c->copy_hypercalls), 2);
	kill_guest(g);
	xengnttab_close(h);
}
END_TEST

static uint16_t entry_flags(uint32_t slot, uint32_t ref)
{
	return machine_grants(slot)[ref].flags;
}

/* Shares a page and gives it back when told, twice, between two answers. */
static void share_and_unshare(int fd)
{
	xengntshr_handle *h = xengntshr_open(NULL, 0);
	uint32_t refs[2];
	char *pages = xengntshr_share_pages(h, 0, 2, refs, 1);

	say(fd, refs[0]);
	say(fd, refs[1]);
	hear(fd);
	say(fd, pages[0]);
	say(fd, xengntshr_unshare(h, pages, 2));
	hear(fd);
}

START_TEST(mapped_page_stays_granted_until_unmapped)
{
	struct guest g = start_guest(1, share_and_unshare);
	xengnttab_handle *h = xengnttab_open(NULL, 0);
	uint32_t refs[2] = {hear(g.fd), hear(g.fd)};
	char *page = xengnttab_map_grant_ref(h, 1, refs[0], PROT_READ | PROT_WRITE);
	char *ro = xengnttab_map_grant_ref(h, 1, refs[1], PROT_READ);

	ck_assert_ptr_nonnull(page);
	ck_assert_uint_eq(entry_flags(1, refs[0]), GTF_permit_access | GTF_reading | GTF_writing);
	ck_assert_uint_eq(entry_flags(1, refs[1]), GTF_permit_access | GTF_reading);
	page[0] = 42;
	say(g.fd, 0);
	ck_assert_uint_eq(hear(g.fd), 42);
	ck_assert_uint_eq(hear(g.fd), 0);
	ck_assert_uint_ne(entry_flags(1, refs[0]), 0);

	ck_assert_int_eq(xengnttab_unmap(h, page, 2), -1);
	ck_assert_int_eq(errno, EINVAL);
	ck_assert_int_eq(xengnttab_unmap(h, page, 1), 0);
	ck_assert_uint_eq(entry_flags(1, refs[0]), 0);
	ck_assert_uint_ne(entry_flags(1, refs[1]), 0);
	ck_assert_int_eq(xengnttab_unmap(h, ro, 1), 0);
	ck_assert_uint_eq(entry_flags(1, refs[1]), 0);
	kill_guest(g);
	xengnttab_close(h);
}
END_TEST

START_TEST(maps_are_all_or_nothing)
{
	struct guest g = start_guest(1, share_three);
	xengnttab_handle *h = xengnttab_open(NULL, 0);
	uint32_t rw = hear(g.fd), ro = hear(g.fd), other = hear(g.fd);
	uint32_t refs[] = {rw, ro, other}, domids[] = {1, 1};
	char *pages;

	ck_assert_ptr_null(xengnttab_map_domain_grant_refs(h, 3, 1, refs, PROT_READ));
	ck_assert_int_eq(errno, EINVAL);
	ck_assert_uint_eq(entry_flags(1, rw), GTF_permit_access);
	ck_assert_ptr_null(xengnttab_map_domain_grant_refs(h, 2, 1, refs, PROT_READ | PROT_WRITE));
	ck_assert_uint_eq(entry_flags(1, rw), GTF_permit_access);
	ck_assert_ptr_null(xengnttab_map_grant_ref(h, 7, rw, PROT_READ));

	pages = xengnttab_map_grant_refs(h, 2, domids, refs, PROT_READ);
	ck_assert_ptr_nonnull(pages);
	ck_assert_str_eq(pages + 100, "from the guest");
	ck_assert_str_eq(pages + PAGE, "read me");
	ck_assert_int_eq(xengnttab_unmap(h, pages, 2), 0);
	kill_guest(g);
	xengnttab_close(h);
}
END_TEST

START_TEST(forked_child_cannot_unmap)
{
	struct guest g = start_guest(1, share_one);
	xengnttab_handle *h = xengnttab_open(NULL, 0);
	uint32_t ref = hear(g.fd);
	char *page = xengnttab_map_grant_ref(h, 1, ref, PROT_READ | PROT_WRITE);
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		int refused = xengnttab_unmap(h, page, 1) == -1 && xengnttab_close(h) == 0;

		_exit(refused ? 0 : 1);
	}
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert_int_eq(status, 0);
	ck_assert_uint_eq(entry_flags(1, ref), GTF_permit_access | GTF_reading | GTF_writing);
	page[3] = 7;
	say(g.fd, 3);
	ck_assert_uint_eq(hear(g.fd), 7);
	ck_assert_int_eq(xengnttab_unmap(h, page, 1), 0);
	kill_guest(g);
	xengnttab_close(h);
}
END_TEST

START_TEST(killed_granter_takes_its_grants_along)
{
	struct guest g = start_guest(1, share_and_unshare);
	xengnttab_handle *h = xengnttab_open(NULL, 0);
	uint32_t mapped = hear(g.fd), ref = hear(g.fd);
	char *page = xengnttab_map_grant_ref(h, 1, mapped, PROT_READ), c;
	xengnttab_grant_copy_segment_t s = from_guest(1, ref, 0, &c, 1);

	ck_assert_int_eq(xengnttab_grant_copy(h, 1, &s), 0);
	ck_assert_int_eq(s.status, GNTST_okay);
	kill_guest(g);
	ck_assert_int_eq(xengnttab_grant_copy(h, 1, &s), 0);
	ck_assert_int_eq(s.status, GNTST_general_error);
	ck_assert_int_eq(page[0], 0); /* still there */
	ck_assert_uint_ne(entry_flags(1, mapped), 0);
	ck_assert_int_eq(xengnttab_unmap(h, page, 1), 0);
	ck_assert_uint_eq(entry_flags(1, mapped), 0);
	xengnttab_close(h);
}
END_TEST

static void map_for_ever(int fd)
{
	xengnttab_handle *h = xengnttab_open(NULL, 0);
	uint32_t ref = hear(fd);

	say(fd, xengnttab_map_grant_ref_notify(h, 0, ref, PROT_READ | PROT_WRITE, 9, -1) != NULL);
	hear(fd);
}

START_TEST(killed_mapper_lets_go)
{
	struct guest g = start_guest(1, map_for_ever);
	xengntshr_handle *h = xengntshr_open(NULL, 0);
	uint32_t ref, other;
	char *page = xengntshr_share_pages(h, 1, 1, &ref, 1);

	page[9] = 1;
	say(g.fd, ref);
	ck_assert_uint_eq(hear(g.fd), 1);
	ck_assert_uint_eq(entry_flags(0, ref), GTF_permit_access | GTF_reading | GTF_writing);
	kill_guest(g);
	ck_assert_ptr_nonnull(xengntshr_share_pages(h, 1, 1, &other, 1));
	ck_assert_uint_eq(entry_flags(0, ref), GTF_permit_access);
	ck_assert_int_eq(page[9], 0); /* the unmap notification */
	xengntshr_close(h);
}
END_TEST

START_TEST(shares_are_limited)
{
	xengntshr_handle *h = xengntshr_open(NULL, 0);
	uint32_t refs[5];
	void *pages;

	machine_view.m->gntalloc_limit = 4;
	ck_assert_ptr_null(xengntshr_share_pages(h, 1, 5, refs, 1));
	ck_assert_int_eq(errno, ENOSPC);
	pages = xengntshr_share_pages(h, 1, 4, refs, 1);
	ck_assert_ptr_nonnull(pages);
	ck_assert_int_eq(xengntshr_unshare(h, pages, 4), 0);
	ck_assert_ptr_nonnull(xengntshr_share_pages(h, 1, 4, refs, 1));
	/* closing the handle leaves what is mapped alone */
	xengntshr_close(h);
	ck_assert_uint_eq(entry_flags(0, refs[3]), GTF_permit_access);
}
END_TEST

START_TEST(faults_fail_the_nth)
{
	struct guest g = start_guest(1, share_one);
	xengnttab_handle *h = xengnttab_open(NULL, 0);
	uint32_t ref = hear(g.fd);
	xengnttab_grant_copy_segment_t s[5];
	char c;

	for (int i = 0; i < 5; i++)
		s[i] = from_guest(1, ref, 0, &c, 1);
	ck_assert_int_eq(machine_arm_fault(FAULT_GRANT_COPY, 3, GNTST_eagain, 2), 0);
	ck_assert_int_eq(xengnttab_grant_copy(h, 5, s), 0);
	ck_assert_int_eq(s[1].status, GNTST_okay);
	ck_assert_int_eq(s[2].status, GNTST_eagain);
	ck_assert_int_eq(s[3].status, GNTST_eagain);
	ck_assert_int_eq(s[4].status, GNTST_okay);
	ck_assert_int_eq(machine_arm_fault(FAULT_MAP, 1, GNTST_bad_page, 1), 0);
	ck_assert_ptr_null(xengnttab_map_grant_ref(h, 1, ref, PROT_READ));
	ck_assert_ptr_nonnull(xengnttab_map_grant_ref(h, 1, ref, PROT_READ));
	ck_assert_uint_eq(machine_view.m->faults_armed, 0);
	kill_guest(g);
	xengnttab_close(h);
}
END_TEST

static int wait_read(int fd, int ms)
{
	struct pollfd p = {.fd = fd, .events = POLLIN};

	return poll(&p, 1, ms);
}

/* Opens n unbound ports for domain 0, then notifies the one it hears of. */
static void offer_ports(int fd)
{
	xenevtchn_handle *h = xenevtchn_open(NULL, 0);
	uint32_t n = hear(fd);

	while (n--)
		say(fd, xenevtchn_bind_unbound_port(h, 0));
	for (;;)
		say(fd, xenevtchn_notify(h, hear(fd)));
}

static void notify_from(struct guest g, uint32_t port)
{
	say(g.fd, port);
	ck_assert_int_eq(hear(g.fd), 0);
}

static uint32_t offer(struct guest g)
{
	say(g.fd, 1);
	return hear(g.fd);
}

/* Bind and take the event every new binding is born with. */
static uint32_t bind_quiet(xenevtchn_handle *h, uint32_t remote)
{
	int port = xenevtchn_bind_interdomain(h, 1, remote);

	ck_assert_int_gt(port, 0);
	ck_assert_int_eq(wait_read(xenevtchn_fd(h), SOON), 1);
	ck_assert_int_eq(xenevtchn_pending(h), port);
	ck_assert_int_eq(xenevtchn_unmask(h, port), 0);
	return port;
}

START_TEST(raw_read_and_write_move_many_ports)
{
	enum {
		N = 6
	};
	struct guest g = start_guest(1, offer_ports);
	xenevtchn_handle *h = xenevtchn_open(NULL, 0);
	uint32_t remote[N], port[N], got[64], n = 0;
	int fd = xenevtchn_fd(h);

	fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
	say(g.fd, N);
	for (int i = 0; i < N; i++)
		remote[i] = hear(g.fd);
	for (int i = 0; i < N; i++)
		port[i] = xenevtchn_bind_interdomain(h, 1, remote[i]);
	usleep(20000); /* all are born pending: one read has them all */
	ck_assert_int_eq(read(fd, got, sizeof(got)), N * 4);
	ck_assert_int_eq(read(fd, got + N, 4), -1);
	ck_assert_int_eq(errno, EAGAIN);

	/* masked: events wait, and several of one port become one */
	for (int i = 0; i < 3; i++) {
		notify_from(g, remote[1]);
		notify_from(g, remote[4]);
	}
	ck_assert_int_eq(wait_read(fd, NOT_SOON), 0);
	ck_assert_int_eq(write(fd, port, sizeof(port)), sizeof(port));
	while (n < 2 && wait_read(fd, SOON) == 1)
		n += read(fd, got + n, sizeof(got)) / 4;
	ck_assert_uint_eq(n, 2);
	ck_assert_uint_eq(got[0] + got[1], port[1] + port[4]);
	ck_assert_int_eq(wait_read(fd, NOT_SOON), 0);

	/* unmasked: at once */
	notify_from(g, remote[0]);
	ck_assert_int_eq(wait_read(fd, SOON), 1);
	ck_assert_uint_eq(xenevtchn_pending(h), port[0]);
	kill_guest(g);
	xenevtchn_close(h);
}
END_TEST

START_TEST(a_port_is_bound_once_and_for_one_domain)
{
	struct guest g = start_guest(1, offer_ports);
	xenevtchn_handle *h = xenevtchn_open(NULL, 0);
	uint32_t remote = offer(g);

	bind_quiet(h, remote);
	ck_assert_int_eq(xenevtchn_bind_interdomain(h, 1, remote), -1);
	ck_assert_int_eq(errno, EINVAL);
	ck_assert_int_eq(xenevtchn_bind_interdomain(h, 1, remote + 1), -1);
	ck_assert_int_eq(errno, EINVAL);
	ck_assert_int_eq(xenevtchn_bind_interdomain(h, 1, MACHINE_PORTS), -1);
	ck_assert_int_eq(xenevtchn_bind_interdomain(h, 9, remote), -1);
	ck_assert_int_eq(errno, ESRCH);
	kill_guest(g);
	xenevtchn_close(h);
}
END_TEST

START_TEST(unbound_handle_knows_only_its_own)
{
	struct guest g = start_guest(1, offer_ports);
	xenevtchn_handle *h = xenevtchn_open(NULL, 0), *h2 = xenevtchn_open(NULL, 0);
	uint32_t remote = offer(g), port = bind_quiet(h, remote);

	ck_assert_int_eq(xenevtchn_notify(h2, port), -1);
	ck_assert_int_eq(errno, ENOTCONN);
	ck_assert_int_eq(xenevtchn_unbind(h2, port), -1);
	ck_assert_int_eq(errno, ENOTCONN);
	ck_assert_int_eq(xenevtchn_unbind(h, port), 0);
	ck_assert_int_eq(xenevtchn_notify(h, port), -1);
	notify_from(g, remote); /* dropped, not refused */
	ck_assert_uint_eq(counted(&machine_view.m->counters.notify_dropped), 1);

	ck_assert_int_eq(xenevtchn_restrict(h2, 0), -1);
	ck_assert_int_eq(xenevtchn_restrict(h2, 2), 0);
	ck_assert_int_eq(xenevtchn_restrict(h2, 1), -1);
	ck_assert_int_eq(errno, EACCES);
	ck_assert_int_eq(xenevtchn_bind_interdomain(h2, 1, remote), -1);
	ck_assert_int_eq(errno, EACCES);
	ck_assert_int_eq(xenevtchn_bind_virq(h2, 0), -1);
	ck_assert_int_gt(xenevtchn_bind_unbound_port(h2, 2), 0);
	kill_guest(g);
	xenevtchn_close(h2);
	xenevtchn_close(h);
}
END_TEST

static void bind_and_wait(int fd)
{
	xenevtchn_handle *h = xenevtchn_open(NULL, 0);
	int port = xenevtchn_bind_interdomain(h, 0, hear(fd));

	say(fd, port);
	say(fd, xenevtchn_pending(h));
	xenevtchn_unmask(h, port);
	say(fd, xenevtchn_pending(h));
	hear(fd);
}

START_TEST(killed_backend_leaves_the_port_to_the_next)
{
	struct guest lives[3] = {start_guest(1, bind_and_wait), start_guest(1, bind_and_wait),
				 start_guest(1, bind_and_wait)};
	xenevtchn_handle *h = xenevtchn_open(NULL, 0);
	int port = xenevtchn_bind_unbound_port(h, 1);

	for (int life = 0; life < 3; life++) {
		struct guest g = lives[life];
		uint32_t theirs;

		say(g.fd, port);
		theirs = hear(g.fd);
		ck_assert_int_gt((int)theirs, 0);
		ck_assert_uint_eq(hear(g.fd), theirs); /* born pending */
		ck_assert_int_eq(xenevtchn_notify(h, port), 0);
		ck_assert_uint_eq(hear(g.fd), theirs);
		kill_guest(g);
		ck_assert_int_eq(xenevtchn_notify(h, port), 0);
	}
	xenevtchn_close(h);
}
END_TEST

START_TEST(killed_lock_holder_hangs_nobody)
{
	struct guest g = start_guest(1, map_for_ever);
	uint32_t ref;
	xengntshr_handle *h;
	pid_t pid = fork();

	if (pid == 0) {
		machine_lock();
		raise(SIGKILL);
	}
	ck_assert_int_eq(waitpid(pid, NULL, 0), pid);
	h = xengntshr_open(NULL, 0);
	ck_assert_ptr_nonnull(xengntshr_share_pages(h, 1, 1, &ref, 1));
	say(g.fd, ref);
	ck_assert_uint_eq(hear(g.fd), 1);
	kill_guest(g);
	xengntshr_close(h);
}
END_TEST

START_TEST(dead_domain_is_gone_for_everybody)
{
	struct guest g = start_guest(1, share_one), p = start_guest(1, offer_ports);
	xengnttab_handle *h = xengnttab_open(NULL, 0);
	xenevtchn_handle *e = xenevtchn_open(NULL, 0);
	uint32_t ref = hear(g.fd), port = bind_quiet(e, offer(p));
	char *page = xengnttab_map_grant_ref(h, 1, ref, PROT_READ), c;
	xengnttab_grant_copy_segment_t s = from_guest(1, ref, 0, &c, 1);
	int status;

	ck_assert_int_eq(machine_kill_domain(1, true), 0);
	ck_assert_int_eq(waitpid(g.pid, &status, 0), g.pid);
	ck_assert_int_eq(WTERMSIG(status), SIGKILL);
	waitpid(p.pid, NULL, 0);
	ck_assert_int_eq(xengnttab_grant_copy(h, 1, &s), 0);
	ck_assert_int_eq(s.status, GNTST_bad_domain);
	ck_assert_ptr_null(xengnttab_map_grant_ref(h, 1, ref, PROT_READ));
	ck_assert_int_eq(page[0], 0);
	ck_assert_int_eq(xengnttab_unmap(h, page, 1), 0);
	ck_assert_int_eq(xenevtchn_notify(e, port), 0);
	ck_assert_int_eq(xenevtchn_unbind(e, port), 0);
	ck_assert_int_eq(machine_add_domain(1), 0); /* same number, another domain */
	ck_assert_int_eq(xengnttab_grant_copy(h, 1, &s), 0);
	ck_assert_int_eq(s.status, GNTST_general_error);
	xenevtchn_close(e);
	xengnttab_close(h);
}
END_TEST

START_TEST(events_can_be_late_or_lost)
{
	struct guest g = start_guest(1, offer_ports);
	xenevtchn_handle *h = xenevtchn_open(NULL, 0);
	uint32_t remote = offer(g), port = bind_quiet(h, remote);

	machine_arm_fault(FAULT_EVENT_DELAY, 1, 80000, 1);
	notify_from(g, remote);
	ck_assert_int_eq(wait_read(xenevtchn_fd(h), NOT_SOON), 0);
	ck_assert_int_eq(wait_read(xenevtchn_fd(h), SOON), 1);
	ck_assert_int_eq(xenevtchn_pending(h), port);
	xenevtchn_unmask(h, port);
	machine_arm_fault(FAULT_NOTIFY, 1, 1, 1);
	notify_from(g, remote);
	ck_assert_int_eq(wait_read(xenevtchn_fd(h), NOT_SOON), 0);
	kill_guest(g);
	xenevtchn_close(h);
}
END_TEST

/* After exec: the kept fd still has the port, and its events. */
static int adopt(const char *fd, const char *port)
{
	xenevtchn_handle *h = xenevtchn_fdopen(NULL, atoi(fd), 0);

	if (!h || wait_read(atoi(fd), SOON) != 1 || xenevtchn_pending(h) != atoi(port))
		return 1;
	xenevtchn_unmask(h, atoi(port));
	if (xenevtchn_notify(h, atoi(port)))
		return 2;
	return wait_read(atoi(fd), SOON) == 1 ? 0 : 3;
}

static void keep_and_exec(int sock)
{
	xenevtchn_handle *h = xenevtchn_open(NULL, XENEVTCHN_NO_CLOEXEC);
	char fd[12], port[12];

	snprintf(fd, sizeof(fd), "%d", xenevtchn_fd(h));
	snprintf(port, sizeof(port), "%d", xenevtchn_bind_interdomain(h, 0, hear(sock)));
	xenevtchn_pending(h);
	xenevtchn_unmask(h, atoi(port));
	say(sock, 0);
	execl("/proc/self/exe", "test-fakexen", "--adopt", fd, port, NULL);
}

START_TEST(handle_kept_over_exec_keeps_its_ports)
{
	struct guest g = start_guest(2, keep_and_exec);
	xenevtchn_handle *h = xenevtchn_open(NULL, 0);
	int port = xenevtchn_bind_unbound_port(h, 2), status;

	say(g.fd, port);
	ck_assert_uint_eq(hear(g.fd), 0);
	machine_lock();
	machine_reap_all(); /* must not take the port away, before or after the exec */
	machine_unlock();
	ck_assert_int_eq(xenevtchn_notify(h, port), 0);
	ck_assert_int_eq(wait_read(xenevtchn_fd(h), SOON), 1);
	xenevtchn_pending(h);
	xenevtchn_unmask(h, port);
	ck_assert_int_eq(xenevtchn_notify(h, port), 0);
	ck_assert_int_eq(waitpid(g.pid, &status, 0), g.pid);
	ck_assert_int_eq(status, 0);
	xenevtchn_close(h);
}
END_TEST

START_TEST(without_a_machine_nothing_opens)
{
	pid_t pid = fork();
	int status;

	if (pid == 0) {
		setenv("FAKEXEN_DOMID", "77", 1);
		_exit(xengnttab_open(NULL, 0) == NULL && errno == ENOENT ? 0 : 1);
	}
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert_int_eq(status, 0);
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("fakexen");
	TCase *gnttab = tcase_create("gnttab"), *evtchn = tcase_create("evtchn");

	tcase_add_checked_fixture(gnttab, setup, NULL);
	tcase_add_test(gnttab, copy_goes_both_ways_with_xens_statuses);
	tcase_add_test(gnttab, copy_from_guest_to_guest);
	tcase_add_test(gnttab, bad_segment_fails_the_ioctl_where_it_stands);
	tcase_add_test(gnttab, sixteen_ops_make_a_hypercall);
	tcase_add_test(gnttab, mapped_page_stays_granted_until_unmapped);
	tcase_add_test(gnttab, maps_are_all_or_nothing);
	tcase_add_test(gnttab, forked_child_cannot_unmap);
	tcase_add_test(gnttab, killed_granter_takes_its_grants_along);
	tcase_add_test(gnttab, killed_mapper_lets_go);
	tcase_add_test(gnttab, shares_are_limited);
	tcase_add_test(gnttab, faults_fail_the_nth);
	suite_add_tcase(s, gnttab);
	tcase_add_checked_fixture(evtchn, setup, NULL);
	tcase_add_test(evtchn, raw_read_and_write_move_many_ports);
	tcase_add_test(evtchn, a_port_is_bound_once_and_for_one_domain);
	tcase_add_test(evtchn, unbound_handle_knows_only_its_own);
	tcase_add_test(evtchn, killed_backend_leaves_the_port_to_the_next);
	tcase_add_test(evtchn, killed_lock_holder_hangs_nobody);
	tcase_add_test(evtchn, dead_domain_is_gone_for_everybody);
	tcase_add_test(evtchn, events_can_be_late_or_lost);
	tcase_add_test(evtchn, handle_kept_over_exec_keeps_its_ports);
	tcase_add_test(evtchn, without_a_machine_nothing_opens);
	suite_add_tcase(s, evtchn);
	return s;
}

int main(int argc, char **argv)
{
	SRunner *r;
	int failed;

	if (argc == 4 && !strcmp(argv[1], "--adopt"))
		return adopt(argv[2], argv[3]);
	r = srunner_create(suite());
	srunner_run_all(r, CK_ENV);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed ? 1 : 0;
}
