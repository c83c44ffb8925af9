/* SPDX-License-Identifier: MIT */
/* test-selfgrant.c: small packets are copied by grants on both sides, or like all others where that fails */
#include "netback/engine/selfgrant.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "netback/common/util.h"
#include "netback/engine/copy.h"
#include "test/unit/test-machine.h"

/* The test is domain 0 and the guest too. */
enum {
	PAGE = SELFGRANT_PAGE_BYTES,
	BYTES = SELFGRANT_PAGES * PAGE,
};

static xengnttab_handle *gnttab;
static xengntshr_handle *guest_shr;
static struct selfgrant selfgrant;
static struct copy_batch batch;
static uint8_t *guest, *local;
static uint32_t guest_ref;

static void setup(void)
{
	gnttab = xengnttab_open(NULL, 0);
	guest_shr = xengntshr_open(NULL, 0);
	guest = xengntshr_share_pages(guest_shr, 0, 1, &guest_ref, 1);
	local = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ck_assert(gnttab && guest && local != MAP_FAILED);
	for (unsigned int i = 0; i < PAGE; i++)
		guest[i] = (uint8_t)(i * 7 + (i >> 8));
	selfgrant = (struct selfgrant){0};
	selfgrant_open(&selfgrant, NULL);
	copy_init(&batch, 0);
	batch.selfgrant = &selfgrant;
}

static void teardown(void)
{
	selfgrant_close(&selfgrant);
	xengntshr_unshare(guest_shr, guest, 1);
	xengntshr_close(guest_shr);
	xengnttab_close(gnttab);
	munmap(local, PAGE);
}

static unsigned int shared_pages(void)
{
	return machine_domain(machine_view.slot)->shared_pages;
}

/* --- the pages ----------------------------------------------------------------------------------- */

START_TEST(test_pages_come_and_go)
{
	unsigned int before = shared_pages();

	ck_assert_ptr_null(selfgrant_take(&selfgrant, 0, 1));
	selfgrant_share(&selfgrant, gnttab, 0);
	ck_assert_ptr_nonnull(selfgrant.pages);
	selfgrant_share(&selfgrant, gnttab, 0);
	ck_assert_uint_eq(shared_pages(), before + SELFGRANT_PAGES);
	selfgrant_close(&selfgrant);
	ck_assert_uint_eq(shared_pages(), before);
	ck_assert_ptr_null(selfgrant_take(&selfgrant, 0, 1));
}
END_TEST

/* Grants for another domain than ours are of no use to us: nothing is kept. */
START_TEST(test_wrong_domain)
{
	unsigned int before = shared_pages();

	selfgrant_share(&selfgrant, gnttab, 7);
	ck_assert_ptr_null(selfgrant.pages);
	ck_assert_uint_eq(shared_pages(), before);
	selfgrant_share(&selfgrant, gnttab, 0);
	ck_assert_msg(!selfgrant.pages, "it is tried once");
}
END_TEST

START_TEST(test_limit)
{
	uint32_t limit = machine_view.m->gntalloc_limit;

	machine_view.m->gntalloc_limit = shared_pages() + SELFGRANT_PAGES - 1;
	selfgrant_share(&selfgrant, gnttab, 0);
	ck_assert_ptr_null(selfgrant.pages);
	machine_view.m->gntalloc_limit = limit;
}
END_TEST

START_TEST(test_no_device)
{
	xengntshr_close(selfgrant.gntshr);
	selfgrant.gntshr = NULL;
	selfgrant_share(&selfgrant, gnttab, 0);
	ck_assert_ptr_null(selfgrant_take(&selfgrant, 0, 1));
	selfgrant_close(&selfgrant);
}
END_TEST

/* --- room ---------------------------------------------------------------------------------------- */

START_TEST(test_room_crosses_no_page)
{
	const unsigned int front = 12, len = 200;
	uint8_t *last = NULL, *p;
	unsigned int nr = 0;

	selfgrant_share(&selfgrant, gnttab, 0);
	while ((p = selfgrant_take(&selfgrant, front, len))) {
		ck_assert(p >= selfgrant.pages + front && p + len <= selfgrant.pages + BYTES);
		ck_assert_msg(!last || p - front >= last + len, "nobody else's");
		ck_assert_uint_eq((uintptr_t)(p - front) / PAGE, (uintptr_t)(p + len - 1) / PAGE);
		last = p;
		nr++;
	}
	ck_assert_uint_eq(nr, SELFGRANT_PAGES * (PAGE / 224));
	selfgrant_reset(&selfgrant);
	ck_assert_ptr_eq(selfgrant_take(&selfgrant, front, len), selfgrant.pages + front);
}
END_TEST

START_TEST(test_only_small_ones)
{
	selfgrant_share(&selfgrant, gnttab, 0);
	ck_assert_ptr_nonnull(selfgrant_take(&selfgrant, 0, SELFGRANT_MAX));
	ck_assert_ptr_null(selfgrant_take(&selfgrant, 0, SELFGRANT_MAX + 1));
	ck_assert_ptr_null(selfgrant_take(NULL, 0, 1));
}
END_TEST

START_TEST(test_find)
{
	uint32_t ref = 0;
	uint16_t offset = 0;

	ck_assert(!selfgrant_find(&selfgrant, local, &ref, &offset));
	ck_assert(!selfgrant_find(NULL, local, &ref, &offset));
	selfgrant_share(&selfgrant, gnttab, 0);
	ck_assert(selfgrant_find(&selfgrant, selfgrant.pages + PAGE + 5, &ref, &offset));
	ck_assert_uint_eq(ref, selfgrant.ref[1]);
	ck_assert_uint_eq(offset, 5);
	ck_assert(selfgrant_find(&selfgrant, selfgrant.pages + BYTES - 1, &ref, &offset));
	ck_assert_uint_eq(ref, selfgrant.ref[SELFGRANT_PAGES - 1]);
	ck_assert_uint_eq(offset, PAGE - 1);
	ck_assert(!selfgrant_find(&selfgrant, selfgrant.pages + BYTES, &ref, &offset));
	ck_assert(!selfgrant_find(&selfgrant, selfgrant.pages - 1, &ref, &offset));
}
END_TEST

/* --- copies -------------------------------------------------------------------------------------- */

START_TEST(test_from_guest)
{
	uint8_t *small;

	selfgrant_share(&selfgrant, gnttab, 0);
	small = selfgrant_take(&selfgrant, 12, 60);
	memset(small - 12, 0xee, 80);
	copy_from_guest(&batch, guest_ref, 100, small, 60);
	copy_from_guest(&batch, guest_ref, 0, local, 1000);
	copy_flush(&batch, gnttab);

	ck_assert(copy_ok(&batch, 0, 2));
	ck_assert_mem_eq(small, guest + 100, 60);
	ck_assert_uint_eq(small[-1], 0xee);
	ck_assert_uint_eq(small[60], 0xee);
	ck_assert_mem_eq(local, guest, 1000);
	ck_assert_uint_eq(batch.nr_selfgrant, 1);
	ck_assert_uint_eq(batch.nr_pieces, 2);
}
END_TEST

/* What is to be copied is taken at once: its memory may be used again before the flush. */
START_TEST(test_to_guest)
{
	selfgrant_share(&selfgrant, gnttab, 0);
	memset(local, 0x5a, PAGE);
	copy_to_guest(&batch, guest_ref, 10, local + 4000, SELFGRANT_MAX - 160);
	copy_to_guest(&batch, guest_ref, 1000, local, SELFGRANT_MAX + 1);
	memset(local + 4000, 0, 96);
	copy_flush(&batch, gnttab);

	ck_assert(copy_ok(&batch, 0, 2));
	for (unsigned int i = 0; i < SELFGRANT_MAX - 160; i++)
		ck_assert_uint_eq(guest[10 + i], 0x5a);
	ck_assert_uint_eq(guest[9], (uint8_t)(9 * 7));
	ck_assert_uint_eq(guest[1000 + SELFGRANT_MAX], 0x5a);
	ck_assert_uint_eq(batch.nr_selfgrant, 1);
}
END_TEST

START_TEST(test_without_pages)
{
	memset(local, 0x5a, PAGE);
	copy_to_guest(&batch, guest_ref, 10, local, 20);
	copy_flush(&batch, gnttab);
	ck_assert(copy_ok(&batch, 0, 1));
	ck_assert_uint_eq(guest[29], 0x5a);
	ck_assert_uint_eq(batch.nr_selfgrant, 0);
}
END_TEST

/* A guest whose grant is bad fails its own segment and no other. */
START_TEST(test_bad_gref_in_the_middle)
{
	selfgrant_share(&selfgrant, gnttab, 0);
	memset(local, 0x5a, PAGE);
	copy_to_guest(&batch, guest_ref, 0, local, 20);
	copy_to_guest(&batch, MACHINE_GREFS - 1, 0, local, 20);
	copy_to_guest(&batch, guest_ref, 100, local, 20);
	copy_flush(&batch, gnttab);
	ck_assert(copy_ok(&batch, 0, 1) && !copy_ok(&batch, 1, 1) && copy_ok(&batch, 2, 1));
	ck_assert_uint_eq(guest[119], 0x5a);
	ck_assert_uint_eq(batch.nr_selfgrant, 3);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("selfgrant");
	TCase *tcase = tcase_create("selfgrant");
	SRunner *runner = srunner_create(suite);
	int failed;

	suite_add_tcase(suite, tcase);
	tcase_add_unchecked_fixture(tcase, test_machine_create, test_machine_remove);
	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_add_test(tcase, test_pages_come_and_go);
	tcase_add_test(tcase, test_wrong_domain);
	tcase_add_test(tcase, test_limit);
	tcase_add_test(tcase, test_no_device);
	tcase_add_test(tcase, test_room_crosses_no_page);
	tcase_add_test(tcase, test_only_small_ones);
	tcase_add_test(tcase, test_find);
	tcase_add_test(tcase, test_from_guest);
	tcase_add_test(tcase, test_to_guest);
	tcase_add_test(tcase, test_without_pages);
	tcase_add_test(tcase, test_bad_gref_in_the_middle);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? 1 : 0;
}
