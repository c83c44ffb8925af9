/* SPDX-License-Identifier: MIT */
/* test-copy.c: batches of grant copies against Xen's statuses and gntdev's habits */
#include "netback/engine/copy.h"

#include <check.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "netback/common/util.h"
#include "test/unit/test-machine.h"

/* The test is domain 0 and the guest too: a domain may grant to itself. */
enum {
	GUEST_PAGES = 40,
	LOCAL_PAGES = 40,
	PAGE = COPY_PAGE_SIZE,
};

static xengnttab_handle *gnttab;
static xengntshr_handle *shr;
static struct copy_batch batch;
static uint8_t *guest, *readonly, *local;
static uint32_t ref[GUEST_PAGES], readonly_ref;

static void setup(void)
{
	gnttab = xengnttab_open(NULL, 0);
	shr = xengntshr_open(NULL, 0);
	guest = xengntshr_share_pages(shr, 0, GUEST_PAGES, ref, 1);
	readonly = xengntshr_share_pages(shr, 0, 1, &readonly_ref, 0);
	local = mmap(NULL, LOCAL_PAGES * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
		     -1, 0);
	ck_assert(gnttab && guest && readonly && local != MAP_FAILED);
	for (unsigned int i = 0; i < GUEST_PAGES * PAGE; i++)
		guest[i] = (uint8_t)(i * 7 + (i >> 8));
	copy_init(&batch, 0);
}

static void teardown(void)
{
	xengntshr_unshare(shr, guest, GUEST_PAGES);
	xengntshr_unshare(shr, readonly, 1);
	xengntshr_close(shr);
	xengnttab_close(gnttab);
	munmap(local, LOCAL_PAGES * PAGE);
}

static uint64_t counted(_Atomic uint64_t *counter)
{
	return atomic_exchange(counter, 0);
}

/* --- both directions ------------------------------------------------------------------------------ */

START_TEST(test_from_guest)
{
	memset(local, 0xee, LOCAL_PAGES * PAGE);
	ck_assert_uint_eq(copy_from_guest(&batch, ref[2], 100, local + 100, 1000), 0);
	ck_assert_uint_eq(copy_from_guest(&batch, ref[3], 4095, local + PAGE + 4095, 1), 1);
	ck_assert_uint_eq(copy_from_guest(&batch, ref[0], 0, local + 2 * PAGE, PAGE), 2);
	ck_assert_msg(local[100] == 0xee, "nothing is copied before the flush");
	copy_flush(&batch, gnttab);

	ck_assert(copy_ok(&batch, 0, 3));
	ck_assert_mem_eq(local + 100, guest + 2 * PAGE + 100, 1000);
	ck_assert_uint_eq(local[99], 0xee);
	ck_assert_uint_eq(local[1100], 0xee);
	ck_assert_uint_eq(local[PAGE + 4095], guest[3 * PAGE + 4095]);
	ck_assert_mem_eq(local + 2 * PAGE, guest, PAGE);
	ck_assert_uint_eq(local[3 * PAGE], 0xee);
}
END_TEST

START_TEST(test_to_guest)
{
	static uint8_t before[2 * PAGE];

	memcpy(before, guest, sizeof(before));
	memset(local, 0x5a, PAGE);
	ck_assert_uint_eq(copy_to_guest(&batch, ref[0], 10, local, 20), 0);
	ck_assert_uint_eq(copy_to_guest(&batch, ref[1], 4000, local + 50, 96), 1);
	copy_flush(&batch, gnttab);

	ck_assert(copy_ok(&batch, 0, 2));
	memset(before + 10, 0x5a, 20);
	memset(before + PAGE + 4000, 0x5a, 96);
	ck_assert_mem_eq(guest, before, sizeof(before));
}
END_TEST

START_TEST(test_full_batch_and_reset)
{
	for (unsigned int i = 0; i < COPY_MAX_SEGMENTS; i++) {
		ck_assert_uint_eq(copy_room(&batch), COPY_MAX_SEGMENTS - i);
		copy_from_guest(&batch, ref[i % GUEST_PAGES], (uint16_t)i, local + i * 128, 128);
	}
	ck_assert_uint_eq(copy_room(&batch), 0);
	copy_flush(&batch, gnttab);
	ck_assert(copy_ok(&batch, 0, COPY_MAX_SEGMENTS));
	for (unsigned int i = 0; i < COPY_MAX_SEGMENTS; i++)
		ck_assert_mem_eq(local + i * 128, guest + (i % GUEST_PAGES) * PAGE + i, 128);

	copy_reset(&batch);
	ck_assert_uint_eq(copy_room(&batch), COPY_MAX_SEGMENTS);
	ck_assert_uint_eq(copy_from_guest(&batch, ref[0], 0, local, 1), 0);
	ck_assert_uint_eq(batch.nr_pieces, 1);
}
END_TEST

/* --- what it costs ------------------------------------------------------------------------------------ */

static const struct {
	const char *what;
	unsigned int nr, local_offset, len, pieces;
} costs[] = {
	{"one byte", 1, 0, 1, 1},
	{"a page, aligned", 1, 0, PAGE, 1},
	{"up to the end of a page", 1, 4000, 96, 1},
	{"one byte beyond a page", 1, 4000, 97, 2},
	{"a page, not aligned", 1, 1, PAGE, 2},
	{"a hypercall's worth", 16, 0, PAGE, 16},
	{"one more", 17, 0, PAGE, 17},
	{"as many, crossing", 16, 2048, PAGE, 32},
	{"one more, crossing", 17, 2048, PAGE, 34},
};

START_TEST(test_costs)
{
	struct machine_counters *c = &machine_view.m->counters;
	unsigned int want = (costs[_i].pieces + 15) / 16;

	counted(&c->copy_hypercalls), counted(&c->copy_ioctls), counted(&c->copy_segments);
	for (unsigned int i = 0; i < costs[_i].nr; i++)
		copy_from_guest(&batch, ref[i], 0, local + i * PAGE + costs[_i].local_offset,
				(uint16_t)costs[_i].len);
	ck_assert_uint_eq(batch.nr_pieces, costs[_i].pieces);
	copy_flush(&batch, gnttab);

	ck_assert(copy_ok(&batch, 0, costs[_i].nr));
	ck_assert_uint_eq(batch.nr_done, costs[_i].nr);
	ck_assert_uint_eq(batch.nr_ioctls, 1);
	ck_assert_uint_eq(batch.nr_hypercalls, want);
	/* What is reported is what the machine saw. */
	ck_assert_uint_eq(counted(&c->copy_segments), costs[_i].nr);
	ck_assert_uint_eq(counted(&c->copy_ioctls), 1);
	ck_assert_uint_eq(counted(&c->copy_hypercalls), want);
}
END_TEST

START_TEST(test_empty_flush_costs_nothing)
{
	struct machine_counters *c = &machine_view.m->counters;

	counted(&c->copy_ioctls);
	copy_flush(&batch, gnttab);
	ck_assert_uint_eq(counted(&c->copy_ioctls), 0);
	ck_assert_uint_eq(batch.nr_ioctls, 0);
	ck_assert_uint_eq(batch.nr_hypercalls, 0);
}
END_TEST

/* --- failures ------------------------------------------------------------------------------------------ */

/* Twenty copies, so that there is a hypercall before, with and after the bad one. */
static void flush_with_bad(unsigned int bad, uint32_t bad_ref, unsigned int bad_offset)
{
	memset(local, 0, LOCAL_PAGES * PAGE);
	for (unsigned int i = 0; i < 20; i++)
		copy_from_guest(&batch, i == bad ? bad_ref : ref[i],
				(uint16_t)(i == bad ? bad_offset : 0), local + i * PAGE, 512);
	copy_flush(&batch, gnttab);
}

START_TEST(test_bad_gref_in_the_middle)
{
	flush_with_bad(9, MACHINE_GREFS - 1, 0);
	ck_assert(copy_ok(&batch, 0, 9));
	ck_assert(!copy_ok(&batch, 9, 1));
	ck_assert(copy_ok(&batch, 10, 10));
	ck_assert(!copy_ok(&batch, 0, 20));
	ck_assert(!copy_ok(&batch, 8, 2));
	ck_assert(copy_ok(&batch, 9, 0));
	ck_assert_mem_eq(local + 10 * PAGE, guest + 10 * PAGE, 512);
	ck_assert_uint_eq(local[9 * PAGE + 1], 0);
}
END_TEST

START_TEST(test_readonly_grant)
{
	readonly[0] = 'r';
	copy_to_guest(&batch, readonly_ref, 0, local, 1);
	copy_flush(&batch, gnttab);
	ck_assert(!copy_ok(&batch, 0, 1));
	ck_assert_uint_eq(readonly[0], 'r');

	copy_reset(&batch);
	copy_from_guest(&batch, readonly_ref, 0, local, 1);
	copy_flush(&batch, gnttab);
	ck_assert(copy_ok(&batch, 0, 1));
	ck_assert_uint_eq(local[0], 'r');
}
END_TEST

/*
 * gntdev refuses the whole call at the segment that crosses its foreign page. What waits for the
 * next hypercall then was never copied, though its status says okay: nothing of such a call counts.
 */
START_TEST(test_refused_call)
{
	unsigned int bad = (unsigned int)_i;

	flush_with_bad(bad, ref[bad], PAGE - 511);
	for (unsigned int i = 0; i < 20; i++) {
		bool there = memcmp(local + i * PAGE, guest + i * PAGE, 512) == 0;

		ck_assert_msg(!copy_ok(&batch, i, 1), "segment %u, copied %d", i, there);
	}
}
END_TEST

START_TEST(test_odd_statuses)
{
	static const int statuses[] = {GNTST_general_error,
				       GNTST_bad_gntref,
				       GNTST_eagain,
				       GNTST_address_too_big,
				       1,
				       2,
				       32767};

	ck_assert_int_eq(machine_arm_fault(FAULT_GRANT_COPY, 3, statuses[_i], 1), 0);
	for (unsigned int i = 0; i < 4; i++)
		copy_from_guest(&batch, ref[i], 0, local, 8);
	copy_flush(&batch, gnttab);
	ck_assert(copy_ok(&batch, 0, 2));
	ck_assert_int_eq(batch.segment[2].status, statuses[_i]);
	ck_assert(!copy_ok(&batch, 2, 1));
	ck_assert(copy_ok(&batch, 3, 1));
}
END_TEST

/* The second of the two pieces of one segment fails: the segment has failed. */
START_TEST(test_half_a_segment)
{
	copy_to_guest(&batch, ref[0], 0, local + 4000, 200);
	copy_to_guest(&batch, MACHINE_GREFS - 1, 0, local + 4000, 200);
	copy_flush(&batch, gnttab);
	ck_assert(copy_ok(&batch, 0, 1));
	ck_assert(!copy_ok(&batch, 1, 1));
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("copy");
	TCase *tcase = tcase_create("copy");
	SRunner *runner = srunner_create(suite);
	int failed;

	suite_add_tcase(suite, tcase);
	tcase_add_unchecked_fixture(tcase, test_machine_create, test_machine_remove);
	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_add_test(tcase, test_from_guest);
	tcase_add_test(tcase, test_to_guest);
	tcase_add_test(tcase, test_full_batch_and_reset);
	tcase_add_loop_test(tcase, test_costs, 0, ARRAY_SIZE(costs));
	tcase_add_test(tcase, test_empty_flush_costs_nothing);
	tcase_add_test(tcase, test_bad_gref_in_the_middle);
	tcase_add_test(tcase, test_readonly_grant);
	tcase_add_loop_test(tcase, test_refused_call, 0, 20);
	tcase_add_loop_test(tcase, test_odd_statuses, 0, 7);
	tcase_add_test(tcase, test_half_a_segment);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? 1 : 0;
}
