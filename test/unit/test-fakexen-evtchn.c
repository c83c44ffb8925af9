/* SPDX-License-Identifier: MIT */
/* The fake machine's event channels behave as Xen and its Linux driver do, also when a domain dies. */
#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>
#include <xenevtchn.h>

#include "test/unit/fakexen-guest.h"

enum {
	SOON = 2000, /* ms */
	NOT_SOON = 30
};

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

static Suite *suite(void)
{
	Suite *s = suite_create("fakexen-evtchn");
	TCase *tcase = tcase_create("evtchn");

	tcase_add_checked_fixture(tcase, setup, NULL);
	tcase_add_test(tcase, raw_read_and_write_move_many_ports);
	tcase_add_test(tcase, a_port_is_bound_once_and_for_one_domain);
	tcase_add_test(tcase, unbound_handle_knows_only_its_own);
	tcase_add_test(tcase, killed_backend_leaves_the_port_to_the_next);
	tcase_add_test(tcase, dead_domain_is_gone_for_everybody);
	tcase_add_test(tcase, events_can_be_late_or_lost);
	tcase_add_test(tcase, handle_kept_over_exec_keeps_its_ports);
	suite_add_tcase(s, tcase);
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
