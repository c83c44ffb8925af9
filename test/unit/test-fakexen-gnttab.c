/* SPDX-License-Identifier: MIT */
/* The fake machine's grants behave as Xen, gntdev and gntalloc do. */
#include <check.h>
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "test/unit/fakexen-guest.h"

enum {
	PAGE = MACHINE_PAGE
};

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
	Suite *s = suite_create("fakexen-gnttab");
	TCase *tcase = tcase_create("gnttab");

	tcase_add_checked_fixture(tcase, setup, NULL);
	tcase_add_test(tcase, copy_goes_both_ways_with_xens_statuses);
	tcase_add_test(tcase, copy_from_guest_to_guest);
	tcase_add_test(tcase, bad_segment_fails_the_ioctl_where_it_stands);
	tcase_add_test(tcase, sixteen_ops_make_a_hypercall);
	tcase_add_test(tcase, mapped_page_stays_granted_until_unmapped);
	tcase_add_test(tcase, maps_are_all_or_nothing);
	tcase_add_test(tcase, forked_child_cannot_unmap);
	tcase_add_test(tcase, killed_granter_takes_its_grants_along);
	tcase_add_test(tcase, killed_mapper_lets_go);
	tcase_add_test(tcase, shares_are_limited);
	tcase_add_test(tcase, faults_fail_the_nth);
	tcase_add_test(tcase, killed_lock_holder_hangs_nobody);
	tcase_add_test(tcase, without_a_machine_nothing_opens);
	suite_add_tcase(s, tcase);
	return s;
}

int main(void)
{
	SRunner *r = srunner_create(suite());
	int failed;

	srunner_run_all(r, CK_ENV);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed ? 1 : 0;
}
