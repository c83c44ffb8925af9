/* SPDX-License-Identifier: MIT */
/* test-staging.c: what is mapped, found, remembered and given back */
#include "netback/engine/staging.h"

#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "netback/common/util.h"
#include "netback/engine/copy.h"
#include "test/unit/test-machine.h"

/* The test is domain 0 and the guest too: a domain may grant to itself. */
enum {
	PAGES = 600,
	PAGE = STAGING_PAGE_BYTES,
	OK = XEN_NETIF_CTRL_STATUS_SUCCESS,
	INVALID = XEN_NETIF_CTRL_STATUS_INVALID_PARAMETER,
	READONLY = XEN_NETIF_CTRLF_GREF_readonly,
	BAD_REF = MACHINE_GREFS - 1,
};

static xengnttab_handle *gnttab;
static xengntshr_handle *shr;
static uint8_t *guest, *readonly;
static uint32_t ref[PAGES], readonly_ref;
static atomic_uint guest_pages;
static struct memory_staging memory;
static struct staging staging, *s = &staging;
static struct xen_netif_gref entry[PAGES];

static void setup(void)
{
	gnttab = xengnttab_open(NULL, 0);
	shr = xengntshr_open(NULL, 0);
	guest = xengntshr_share_pages(shr, 0, PAGES, ref, 1);
	readonly = xengntshr_share_pages(shr, 0, 1, &readonly_ref, 0);
	ck_assert(gnttab && guest && readonly);
	for (unsigned int i = 0; i < PAGES; i++) {
		memset(guest + i * PAGE, (int)(i % 251) + 1, PAGE);
		entry[i] = (struct xen_netif_gref){.ref = ref[i], .status = 99};
	}
	guest_pages = 0;
	memset(&memory, 0, sizeof(memory));
	staging_init(s, gnttab, 0, &guest_pages, &memory);
}

static uint64_t nr_mapped(void)
{
	struct machine_counters *c = &machine_view.m->counters;

	return c->maps - c->unmaps;
}

/* Each test leaves nothing mapped. */
static void teardown(void)
{
	staging_release(s);
	ck_assert_uint_eq(guest_pages, 0);
	ck_assert_uint_eq(nr_mapped(), 0);
	xengntshr_unshare(shr, guest, PAGES);
	xengntshr_unshare(shr, readonly, 1);
	xengntshr_close(shr);
	xengnttab_close(gnttab);
}

/* Pages [from, to) are found, and are the guest's; the others are not. */
static void expect_staged(unsigned int from, unsigned int to)
{
	for (unsigned int i = 0; i < PAGES; i++) {
		uint8_t *page = staging_find(s, ref[i], true);

		ck_assert_msg(!page == (i < from || i >= to), "page %u", i);
		if (page)
			ck_assert_uint_eq(page[PAGE - 1], i % 251 + 1);
	}
	ck_assert_uint_eq(s->nr, to - from);
	ck_assert_uint_eq(guest_pages, to - from);
	ck_assert_uint_eq(nr_mapped(), to - from);
	ck_assert_uint_eq(memory.nr, to - from);
}

/* --- add and del ---------------------------------------------------------------------------------- */

START_TEST(test_add_and_del)
{
	ck_assert_int_eq(staging_add(s, entry + 10, 100), 0);
	expect_staged(10, 110);
	ck_assert_int_eq(staging_add(s, entry + 110, 5), 0);
	expect_staged(10, 115);
	guest[12 * PAGE] = 200;
	ck_assert_uint_eq(*staging_find(s, ref[12], true), 200);

	ck_assert_uint_eq(staging_del(s, entry + 10, 50), 50);
	for (unsigned int i = 10; i < 60; i++)
		ck_assert_uint_eq(entry[i].status, OK);
	expect_staged(60, 115);
	ck_assert_int_eq(staging_add(s, entry + 40, 20), 0);
	expect_staged(40, 115);
	ck_assert_uint_eq(staging_del(s, entry + 40, 75), 75);
	expect_staged(0, 0);
}
END_TEST

/* Entries that are not there tell, and do no harm to the others. */
START_TEST(test_del_of_others)
{
	ck_assert_int_eq(staging_add(s, entry + 1, 2), 0);
	entry[5] = entry[1]; /* twice in one order */
	ck_assert_uint_eq(staging_del(s, entry, 6), 2);
	ck_assert_uint_eq(entry[0].status, INVALID);
	ck_assert_uint_eq(entry[1].status, OK);
	ck_assert_uint_eq(entry[2].status, OK);
	for (unsigned int i = 3; i < 6; i++)
		ck_assert_uint_eq(entry[i].status, INVALID);
	expect_staged(0, 0);
	ck_assert_uint_eq(staging_del(s, entry, 0), 0);
}
END_TEST

static const struct {
	const char *what;
	uint32_t ref;
	uint16_t flags;
	int ret;
} refusals[] = {
	{"no grant", BAD_REF, 0, -EINVAL},
	{"a reference beyond any table", UINT32_MAX, 0, -EINVAL},
	{"an unknown flag", 0, 2, -EINVAL},
	{"all flags", 0, 0xffff, -EINVAL},
	{"there, but writable", 5, READONLY, -EINVAL},
};

/* All or nothing: what was there stays, what came before the bad entry goes again. */
START_TEST(test_add_is_all_or_nothing)
{
	unsigned int bad = 20 + (unsigned int)_i % 3 * 9;

	ck_assert_int_eq(staging_add(s, entry, 10), 0);
	entry[bad].flags = refusals[_i].flags;
	if (refusals[_i].ref == 5)
		entry[bad].ref = ref[5];
	else if (refusals[_i].ref)
		entry[bad].ref = refusals[_i].ref;
	ck_assert_int_eq(staging_add(s, entry + 5, 40), refusals[_i].ret);
	expect_staged(0, 10);
}
END_TEST

START_TEST(test_map_fails)
{
	ck_assert_int_eq(machine_arm_fault(FAULT_MAP, 7, -1, 1), 0);
	ck_assert_int_eq(staging_add(s, entry, 10), -EINVAL);
	expect_staged(0, 0);
	ck_assert_int_eq(staging_add(s, entry, 10), 0);
	expect_staged(0, 10);
}
END_TEST

/* An engine that died before it answered is asked again. */
START_TEST(test_add_twice)
{
	ck_assert_int_eq(staging_add(s, entry, 10), 0);
	ck_assert_int_eq(staging_add(s, entry + 5, 10), 0);
	expect_staged(0, 15);
	entry[20] = entry[21] = entry[15];
	ck_assert_int_eq(staging_add(s, entry + 20, 2), 0);
	expect_staged(0, 16);
}
END_TEST

START_TEST(test_access)
{
	struct xen_netif_gref e = {.ref = readonly_ref};

	ck_assert_int_eq(staging_add(s, &e, 1), -EINVAL);
	e.flags = READONLY;
	ck_assert_int_eq(staging_add(s, &e, 1), 0);
	ck_assert_ptr_null(staging_find(s, readonly_ref, true));
	readonly[7] = 'r';
	ck_assert_uint_eq(staging_find(s, readonly_ref, false)[7], 'r');
	ck_assert_ptr_null(staging_find(NULL, readonly_ref, false));
}
END_TEST

/* --- limits (XSA-300) ------------------------------------------------------------------------------ */

START_TEST(test_queue_limit)
{
	ck_assert_int_eq(staging_add(s, entry, STAGING_MAX + 1), -ENOSPC);
	expect_staged(0, 0);
	ck_assert_int_eq(staging_add(s, entry, STAGING_MAX), 0);
	expect_staged(0, STAGING_MAX);
	ck_assert_int_eq(staging_add(s, entry + STAGING_MAX, 1), -ENOSPC);
	ck_assert_int_eq(staging_add(s, entry, STAGING_MAX), 0);
	expect_staged(0, STAGING_MAX);
}
END_TEST

START_TEST(test_guest_limit)
{
	guest_pages = STAGING_GUEST_MAX - 5;
	ck_assert_int_eq(staging_add(s, entry, 6), -ENOSPC);
	ck_assert_uint_eq(guest_pages, STAGING_GUEST_MAX - 5);
	ck_assert_uint_eq(nr_mapped(), 0);
	ck_assert_int_eq(staging_add(s, entry, 5), 0);
	guest_pages -= STAGING_GUEST_MAX - 5;
	expect_staged(0, 5);
}
END_TEST

/* A guest that picks its references so that they meet gets no long look-ups. */
START_TEST(test_references_that_meet)
{
	struct staging_slot *slot = &s->slot[staging_home(ref[0])];

	for (unsigned int i = 0; i < STAGING_PROBES; i++)
		s->slot[(staging_home(ref[0]) + i) % STAGING_SLOTS] =
			(struct staging_slot){.page = guest, .ref = 0x80000000u + i};
	ck_assert_int_eq(staging_add(s, entry, 1), -ENOSPC);
	for (unsigned int i = 0; i < STAGING_PROBES; i++)
		s->slot[(staging_home(ref[0]) + i) % STAGING_SLOTS].page = NULL;
	ck_assert_int_eq(staging_add(s, entry, 1), 0);
	ck_assert_ptr_nonnull(slot->page);
}
END_TEST

/*
 * A table as full as it gets, in one run of slots, each entry at its home: a look-up of what is not there
 * ends in time. What it can see shows how far it went.
 */
START_TEST(test_no_long_look_up)
{
	unsigned int home = STAGING_SLOTS - 100; /* around the table's end */
	uint32_t missed = 0;

	while (staging_home(missed) != home)
		missed++;
	for (unsigned int i = 0; i < STAGING_MAX; i++) {
		uint32_t r = missed + 1;

		while (staging_home(r) != (home + i) % STAGING_SLOTS)
			r++;
		s->slot[(home + i) % STAGING_SLOTS] =
			(struct staging_slot){.page = guest, .ref = r};
	}
	ck_assert_ptr_null(staging_slot(s, missed));
	for (unsigned int i = 0; i < STAGING_MAX; i++) {
		struct staging_slot *slot = &s->slot[(home + i) % STAGING_SLOTS];
		uint32_t own = slot->ref;

		ck_assert_ptr_eq(staging_slot(s, own), slot);
		slot->ref = missed;
		ck_assert(!staging_slot(s, missed) == (i >= STAGING_PROBES));
		slot->ref = own;
	}
	memset(s->slot, 0, sizeof(s->slot));
}
END_TEST

/* Pages whose references meet: each is found whichever goes first, the last one around the table's end. */
START_TEST(test_neighbours_move_up)
{
	uint32_t meets[3];
	unsigned int home = _i ? STAGING_SLOTS - 2 : 100;

	for (uint32_t r = 0, n = 0; n < 3; r++)
		if (staging_home(r) == home)
			meets[n++] = r;
	/* The grants there are do not meet: others' names for them. */
	ck_assert_int_eq(staging_add(s, entry, 3), 0);
	for (unsigned int i = 0; i < 3; i++) {
		struct staging_slot *from = &s->slot[staging_home(ref[i])];
		struct staging_slot *to = &s->slot[(home + i) % STAGING_SLOTS];

		ck_assert_uint_eq(from->ref, ref[i]);
		*to = *from;
		from->page = NULL;
		s->list[i] = to->ref = meets[i];
	}
	for (unsigned int gone = 0; gone < 3; gone++) {
		struct xen_netif_gref e = {.ref = meets[gone]};

		ck_assert_uint_eq(staging_del(s, &e, 1), 1);
		for (unsigned int i = 0; i < 3; i++) {
			const uint8_t *page = staging_find(s, meets[i], true);

			ck_assert(!page == (i <= gone));
			ck_assert(!page || *page == i + 1);
		}
	}
	ck_assert_uint_eq(nr_mapped(), 0);
}
END_TEST

/* --- any order of any orders ------------------------------------------------------------------------- */

/* Against a table that only knows which pages are in it. */
START_TEST(test_any_orders)
{
	static struct xen_netif_gref order[64];
	bool in[PAGES] = {false};
	unsigned int nr_in = 0;

	srand((unsigned int)_i + 1);
	for (unsigned int round = 0; round < 100; round++) {
		unsigned int nr = 1 + (unsigned int)rand() % ARRAY_SIZE(order), gone = 0, want = 0;
		bool add = rand() % 2;
		unsigned int page[ARRAY_SIZE(order)];

		for (unsigned int i = 0; i < nr; i++) {
			page[i] = (unsigned int)rand() % PAGES;
			order[i] = (struct xen_netif_gref){.ref = ref[page[i]]};
		}
		if (add && staging_add(s, order, nr) == 0)
			for (unsigned int i = 0; i < nr; i++) {
				nr_in += !in[page[i]];
				in[page[i]] = true;
			}
		if (!add) {
			gone = staging_del(s, order, nr);
			for (unsigned int i = 0; i < nr; i++) {
				ck_assert_uint_eq(order[i].status, in[page[i]] ? OK : INVALID);
				want += in[page[i]];
				in[page[i]] = false;
			}
			ck_assert_uint_eq(gone, want);
			nr_in -= gone;
		}
		ck_assert_uint_eq(s->nr, nr_in);
		ck_assert_uint_eq(memory.nr, nr_in);
		for (unsigned int i = 0; i < PAGES; i++) {
			const uint8_t *found = staging_find(s, ref[i], true);

			ck_assert(in[i] == !!found);
			ck_assert(!found || found[1] == i % 251 + 1);
		}
	}
	ck_assert_uint_gt(nr_in, 0);
}
END_TEST

/* --- the next engine ---------------------------------------------------------------------------------- */

/* As a process's end does it. */
static void die(void)
{
	staging_release(s);
	staging_init(s, gnttab, 0, &guest_pages, &memory);
}

START_TEST(test_recall)
{
	entry[30].flags = READONLY;
	ck_assert_int_eq(staging_add(s, entry, 40), 0);
	ck_assert_uint_eq(staging_del(s, entry, 10), 10);
	die();
	ck_assert_uint_eq(nr_mapped(), 0);
	staging_recall(s);
	ck_assert_ptr_null(staging_find(s, ref[30], true));
	ck_assert_ptr_nonnull(staging_find(s, ref[30], false));
	ck_assert_uint_eq(staging_del(s, entry + 30, 1), 1);
	entry[30].flags = 0;
	ck_assert_int_eq(staging_add(s, entry + 30, 1), 0);
	expect_staged(10, 40);
}
END_TEST

/* It is only a file: what makes no sense is left out, and the rest is served. */
START_TEST(test_recall_nonsense)
{
	ck_assert_int_eq(staging_add(s, entry, 10), 0);
	die();
	memory.entry[10] = memory.entry[3];
	memory.entry[11] = (struct xen_netif_gref){.ref = BAD_REF};
	memory.entry[12] = (struct xen_netif_gref){.ref = ref[10], .flags = 0x80};
	memory.entry[13] = (struct xen_netif_gref){.ref = ref[10]};
	memory.nr = 14;
	staging_recall(s);
	expect_staged(0, 11);

	die();
	memory.nr = UINT32_MAX; /* the rest is zero: no grants */
	staging_recall(s);
	expect_staged(0, 11);
}
END_TEST

/* --- copies -------------------------------------------------------------------------------------------- */

static struct copy_batch batch;

START_TEST(test_copies)
{
	static uint8_t local[PAGE];

	copy_init(&batch, 0);
	batch.staging = s;
	entry[1].flags = READONLY;
	ck_assert_int_eq(staging_add(s, entry, 2), 0);

	memset(guest + 100, 0x77, 50);
	copy_from_guest(&batch, ref[0], 100, local, 50);
	ck_assert_uint_eq(batch.nr, 0);
	ck_assert_uint_eq(local[49], 0x77);
	copy_to_guest(&batch, ref[0], PAGE - 2, (uint8_t[]){1, 2}, 2);
	ck_assert_uint_eq(batch.nr, 0);
	ck_assert_uint_eq(guest[PAGE - 1], 2);
	ck_assert_uint_eq(batch.nr_staged, 2);

	/* A miss: another page; one that is not to be written; what would reach beyond its page. */
	ck_assert_uint_eq(copy_from_guest(&batch, ref[2], 0, local, 8), 0);
	ck_assert_uint_eq(copy_to_guest(&batch, ref[1], 0, local, 8), 1);
	ck_assert_uint_eq(copy_to_guest(&batch, ref[0], PAGE - 1, local, 2), 2);
	ck_assert_uint_eq(copy_from_guest(&batch, ref[1], 1, local, PAGE), 3);
	ck_assert_uint_eq(batch.nr_staged, 2);
	copy_from_guest(&batch, ref[1], 0, local, 8);
	ck_assert_uint_eq(batch.nr_staged, 3);
	ck_assert_uint_eq(local[7], 2);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("staging");
	TCase *tcase = tcase_create("staging");
	SRunner *runner = srunner_create(suite);
	int failed;

	suite_add_tcase(suite, tcase);
	tcase_set_timeout(tcase, 30);
	tcase_add_unchecked_fixture(tcase, test_machine_create, test_machine_remove);
	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_add_test(tcase, test_add_and_del);
	tcase_add_test(tcase, test_del_of_others);
	tcase_add_loop_test(tcase, test_add_is_all_or_nothing, 0, ARRAY_SIZE(refusals));
	tcase_add_test(tcase, test_map_fails);
	tcase_add_test(tcase, test_add_twice);
	tcase_add_test(tcase, test_access);
	tcase_add_test(tcase, test_queue_limit);
	tcase_add_test(tcase, test_guest_limit);
	tcase_add_test(tcase, test_references_that_meet);
	tcase_add_test(tcase, test_no_long_look_up);
	tcase_add_loop_test(tcase, test_neighbours_move_up, 0, 2);
	tcase_add_loop_test(tcase, test_any_orders, 0, 5);
	tcase_add_test(tcase, test_recall);
	tcase_add_test(tcase, test_recall_nonsense);
	tcase_add_test(tcase, test_copies);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? 1 : 0;
}
