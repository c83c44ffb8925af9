/* SPDX-License-Identifier: MIT */
/* test-ctrl.c: every operation, every status; the ring's indices; and what the next engine finds */
#include "netback/engine/ctrl.h"

#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "netback/common/util.h"
#include "netback/engine/ring.h"
#include "test/unit/test-machine.h"

/* The test is domain 0 and the guest too: a domain may grant to itself. */
enum {
	QUEUES = 3,
	PAGES = 600,
	PAGE = CTRL_PAGE_BYTES,
	RING_REF = 77,
	BAD_REF = MACHINE_GREFS - 1,
	NONE = XEN_NETIF_CTRL_HASH_ALGORITHM_NONE,
	TOEPLITZ = XEN_NETIF_CTRL_HASH_ALGORITHM_TOEPLITZ,
	OK = XEN_NETIF_CTRL_STATUS_SUCCESS,
	NOT_SUPPORTED = XEN_NETIF_CTRL_STATUS_NOT_SUPPORTED,
	INVALID = XEN_NETIF_CTRL_STATUS_INVALID_PARAMETER,
	TOO_LARGE = XEN_NETIF_CTRL_STATUS_BUFFER_OVERFLOW,
	GET_FLAGS = XEN_NETIF_CTRL_TYPE_GET_HASH_FLAGS,
	SET_FLAGS = XEN_NETIF_CTRL_TYPE_SET_HASH_FLAGS,
	SET_KEY = XEN_NETIF_CTRL_TYPE_SET_HASH_KEY,
	GET_SIZE = XEN_NETIF_CTRL_TYPE_GET_HASH_MAPPING_SIZE,
	SET_SIZE = XEN_NETIF_CTRL_TYPE_SET_HASH_MAPPING_SIZE,
	SET_MAPPING = XEN_NETIF_CTRL_TYPE_SET_HASH_MAPPING,
	SET_ALGORITHM = XEN_NETIF_CTRL_TYPE_SET_HASH_ALGORITHM,
	GREF_SIZE = XEN_NETIF_CTRL_TYPE_GET_GREF_MAPPING_SIZE,
	GREF_ADD = XEN_NETIF_CTRL_TYPE_ADD_GREF_MAPPING,
	GREF_DEL = XEN_NETIF_CTRL_TYPE_DEL_GREF_MAPPING,
};

static xengnttab_handle *gnttab;
static xengntshr_handle *shr;
static uint8_t *guest, *readonly;
static uint32_t ref[PAGES], readonly_ref;
static struct ctrl ctrl, *c = &ctrl;
static xen_netif_ctrl_sring_t *sring;
static xen_netif_ctrl_front_ring_t front;
static uint8_t memory_bytes[LINK_MEMORY_BYTES] __attribute__((aligned(64)));
static struct vif_memory *memory;
static atomic_uint guest_pages;
static bool notify;

/* An engine takes the vif over. */
static void attach(void)
{
	memset(c, 0, sizeof(*c));
	c->refs = (struct link_ctrl){.present = true, .ring_ref = RING_REF};
	c->nr_queues = QUEUES;
	c->memory = memory = memory_attach(memory_bytes);
	c->guest_pages = &guest_pages;
	ck_assert_int_eq(ctrl_attach(c, sring, gnttab), 0);
}

static void setup(void)
{
	gnttab = xengnttab_open(NULL, 0);
	shr = xengntshr_open(NULL, 0);
	guest = xengntshr_share_pages(shr, 0, PAGES, ref, 1);
	readonly = xengntshr_share_pages(shr, 0, 1, &readonly_ref, 0);
	sring = aligned_alloc(PAGE, PAGE);
	ck_assert(gnttab && guest && readonly && sring);
	memset(guest, 0xa5, (size_t)PAGES * PAGE);
	memset(sring, 0xa5, PAGE);
	SHARED_RING_INIT(sring);
	FRONT_RING_INIT(&front, sring, PAGE);
	memset(memory_bytes, 0, sizeof(memory_bytes));
	guest_pages = 0;
	attach();
}

static uint64_t nr_mapped(void)
{
	return machine_view.m->counters.maps - machine_view.m->counters.unmaps;
}

static void teardown(void)
{
	ctrl_release(c);
	ck_assert_uint_eq(nr_mapped(), 0);
	ck_assert_uint_eq(guest_pages, 0);
	xengntshr_unshare(shr, guest, PAGES);
	xengntshr_unshare(shr, readonly, 1);
	xengntshr_close(shr);
	xengnttab_close(gnttab);
	free(sring);
}

/* --- the frontend ---------------------------------------------------------------------------------- */

static void put(uint16_t id, uint16_t type, uint32_t a, uint32_t b, uint32_t d)
{
	*RING_GET_REQUEST(&front, front.req_prod_pvt) =
		(struct xen_netif_ctrl_request){.id = id, .type = type, .data = {a, b, d}};
	front.req_prod_pvt++;
	sring->req_prod = front.req_prod_pvt;
}

static struct xen_netif_ctrl_response take(void)
{
	ck_assert_uint_ne(front.rsp_cons, sring->rsp_prod);
	return *RING_GET_RESPONSE(&front, front.rsp_cons++);
}

/* One request, one response; its status. */
static uint32_t call_for(uint32_t *ret_data, uint16_t type, uint32_t a, uint32_t b, uint32_t d)
{
	uint16_t id = (uint16_t)(0xfff0 + front.req_prod_pvt);
	struct xen_netif_ctrl_response rsp;

	put(id, type, a, b, d);
	ck_assert_int_eq(ctrl_serve(c, &notify), 1);
	ck_assert_uint_eq(sring->rsp_prod, front.req_prod_pvt);
	rsp = take();
	ck_assert_uint_eq(rsp.id, id);
	ck_assert_uint_eq(rsp.type, type);
	*ret_data = rsp.data;
	return rsp.status;
}

/* ... of an operation that has no data to answer. */
static uint32_t call(uint16_t type, uint32_t a, uint32_t b, uint32_t d)
{
	uint32_t data, status = call_for(&data, type, a, b, d);

	ck_assert_uint_eq(data, 0);
	return status;
}

/* --- hashing ---------------------------------------------------------------------------------------- */

START_TEST(test_algorithm)
{
	ck_assert_uint_eq(call(SET_ALGORITHM, TOEPLITZ, 0, 0), OK);
	ck_assert_uint_eq(c->hash.set.algorithm, TOEPLITZ);
	ck_assert_uint_eq(call(SET_ALGORITHM, 2, 0, 0), INVALID);
	ck_assert_uint_eq(call(SET_ALGORITHM, UINT32_MAX, 0, 0), INVALID);
	ck_assert_uint_eq(c->hash.set.algorithm, TOEPLITZ);
	ck_assert_uint_eq(call(SET_ALGORITHM, NONE, 0, 0), OK);
	ck_assert_uint_eq(c->hash.set.algorithm, NONE);
}
END_TEST

START_TEST(test_flags)
{
	uint32_t data;

	/* "A valid hash algorithm must be selected before this operation can succeed." */
	ck_assert_uint_eq(call(GET_FLAGS, 0, 0, 0), NOT_SUPPORTED);
	ck_assert_uint_eq(call(SET_FLAGS, HASH_TYPES, 0, 0), INVALID);
	call(SET_ALGORITHM, TOEPLITZ, 0, 0);
	ck_assert_uint_eq(call_for(&data, GET_FLAGS, 0, 0, 0), OK);
	ck_assert_uint_eq(data, 0xf);
	ck_assert(!hash_is_on(&c->hash));

	for (uint32_t flags = 0; flags <= 0xf; flags++) {
		ck_assert_uint_eq(call(SET_FLAGS, flags, 0, 0), OK);
		ck_assert_uint_eq(c->hash.set.types, flags);
		ck_assert(hash_is_on(&c->hash) == !!flags);
	}
	for (unsigned int bit = 4; bit < 32; bit++)
		ck_assert_uint_eq(call(SET_FLAGS, 1u << bit | 1, 0, 0), INVALID);
	ck_assert_uint_eq(c->hash.set.types, 0xf);
}
END_TEST

START_TEST(test_key)
{
	static const uint8_t zero[HASH_KEY_BYTES];

	for (uint32_t len = 0; len <= HASH_KEY_BYTES; len++) {
		memset(guest, 0x60 + (int)len, PAGE);
		ck_assert_uint_eq(call(SET_KEY, len ? ref[0] : BAD_REF, len, 0), OK);
		ck_assert_mem_eq(c->hash.set.key, guest, len);
		ck_assert_mem_eq(c->hash.set.key + len, zero, HASH_KEY_BYTES - len);
	}
	/* What is refused changes nothing; a grant may be read-only. */
	ck_assert_uint_eq(call(SET_KEY, ref[0], HASH_KEY_BYTES + 1, 0), TOO_LARGE);
	ck_assert_uint_eq(call(SET_KEY, ref[0], UINT32_MAX, 0), TOO_LARGE);
	ck_assert_uint_eq(call(SET_KEY, BAD_REF, 8, 0), INVALID);
	ck_assert_mem_eq(c->hash.set.key, guest, HASH_KEY_BYTES);
	readonly[0] = 1;
	ck_assert_uint_eq(call(SET_KEY, readonly_ref, 1, 0), OK);
	ck_assert_uint_eq(c->hash.set.key[0], 1);
	ck_assert_mem_eq(c->hash.set.key + 1, zero, HASH_KEY_BYTES - 1);
}
END_TEST

START_TEST(test_mapping_size)
{
	uint32_t data, *table = (uint32_t *)guest;

	ck_assert_uint_eq(call_for(&data, GET_SIZE, 0, 0, 0), OK);
	ck_assert_uint_eq(data, HASH_MAPPING_ENTRIES);
	ck_assert_uint_eq(call(SET_SIZE, HASH_MAPPING_ENTRIES, 0, 0), OK);
	ck_assert_uint_eq(call(SET_SIZE, HASH_MAPPING_ENTRIES + 1, 0, 0), INVALID);
	ck_assert_uint_eq(call(SET_SIZE, UINT32_MAX, 0, 0), INVALID);
	ck_assert_uint_eq(c->hash.set.nr_mapped, HASH_MAPPING_ENTRIES);

	/* "Any previous table is invalidated [...] any new table is assumed to be zero filled." */
	for (unsigned int i = 0; i < HASH_MAPPING_ENTRIES; i++)
		table[i] = 2;
	ck_assert_uint_eq(call(SET_MAPPING, ref[0], HASH_MAPPING_ENTRIES, 0), OK);
	ck_assert_uint_eq(hash_queue(&c->hash, 99, QUEUES), 2);
	ck_assert_uint_eq(call(SET_SIZE, 100, 0, 0), OK);
	for (uint32_t value = 0; value < 200; value++)
		ck_assert_uint_eq(hash_queue(&c->hash, value, QUEUES), 0);
	ck_assert_uint_eq(call(SET_SIZE, 0, 0, 0), OK);
	ck_assert_uint_eq(hash_queue(&c->hash, 101, QUEUES), 101 % QUEUES);
}
END_TEST

static const uint32_t edges[] = {
	0,	     1,		  2,	       63,	    64,		 65,
	127,	     128,	  129,	       1023,	    1024,	 1025,
	0x3fffffffu, 0x40000000u, 0x40000001u, 0x7fffffffu, 0x80000000u, 0x80000001u,
	0xffffff7fu, 0xffffff80u, 0xfffffffeu, 0xffffffffu,
};

/* Sizes and offsets whose sum wraps (XSA-270), with tables of several sizes. */
START_TEST(test_mapping_matrix)
{
	uint32_t size = (uint32_t[]){0, 1, 64, 127, 128}[_i], len = 0, off = 0;

	memset(guest, 0, PAGE);
	call(SET_SIZE, size, 0, 0);
	for (size_t i = 0; i < ARRAY_SIZE(edges) * ARRAY_SIZE(edges); i++) {
		uint64_t sum;
		uint32_t want;

		len = edges[i / ARRAY_SIZE(edges)];
		off = edges[i % ARRAY_SIZE(edges)];
		sum = (uint64_t)len + off;
		want = sum > HASH_MAPPING_ENTRIES ? TOO_LARGE : sum > size ? INVALID : OK;
		ck_assert_msg(call(SET_MAPPING, ref[0], len, off) == want, "len %u off %u", len,
			      off);
	}
}
END_TEST

START_TEST(test_mapping)
{
	uint32_t *table = (uint32_t *)guest;
	static const uint8_t want[8] = {0, 0, 1, 2, 0, 2, 1, 0};

	call(SET_SIZE, 8, 0, 0);
	memcpy(table, (uint32_t[]){1, 2, 0, 2, 1}, 20);
	ck_assert_uint_eq(call(SET_MAPPING, ref[0], 5, 2), OK);
	ck_assert_mem_eq(c->hash.set.mapping, want, sizeof(want));
	/* "Specifying a new sub-table does not invalidate any table data outside that range." */
	ck_assert_uint_eq(call(SET_MAPPING, ref[0], 1, 0), OK);
	ck_assert_uint_eq(c->hash.set.mapping[0], 1);
	ck_assert_mem_eq(c->hash.set.mapping + 1, want + 1, 7);

	/* A queue that there is not: nothing of the table counts. */
	for (unsigned int i = 0; i < 4; i++) {
		memset(guest, 0, 32);
		table[7] = (uint32_t[]){QUEUES, 256, 0x80000000u, UINT32_MAX}[i];
		ck_assert_uint_eq(call(SET_MAPPING, ref[0], 8, 0), INVALID);
	}
	ck_assert_uint_eq(call(SET_MAPPING, BAD_REF, 8, 0), INVALID);
	ck_assert_mem_eq(c->hash.set.mapping + 1, want + 1, 7);
	memset(readonly, 0, 32);
	ck_assert_uint_eq(call(SET_MAPPING, readonly_ref, 8, 0), OK);
	ck_assert_uint_eq(c->hash.set.mapping[3], 0);
}
END_TEST

/* --- staging ------------------------------------------------------------------------------------------ */

/* Entries of the table page, which is the last one, for pages from `first` on. */
static struct xen_netif_gref *fill_table(unsigned int first, unsigned int nr)
{
	struct xen_netif_gref *entry = (struct xen_netif_gref *)(guest + (PAGES - 1) * PAGE);

	for (unsigned int i = 0; i < nr; i++)
		entry[i] = (struct xen_netif_gref){.ref = ref[first + i], .status = 0xbeef};
	return entry;
}

START_TEST(test_gref_size)
{
	uint32_t data;

	for (uint32_t queue = 0; queue < QUEUES; queue++) {
		ck_assert_uint_eq(call_for(&data, GREF_SIZE, queue, 0, 0), OK);
		ck_assert_uint_eq(data, STAGING_MAX);
	}
	ck_assert_uint_eq(call(GREF_SIZE, QUEUES, 0, 0), INVALID);
	ck_assert_uint_eq(call(GREF_SIZE, UINT32_MAX, 0, 0), INVALID);
}
END_TEST

START_TEST(test_gref_add_and_del)
{
	uint32_t table = ref[PAGES - 1], data;
	struct xen_netif_gref *entry = fill_table(0, 512);

	ck_assert_uint_eq(call(GREF_ADD, 1, table, 512), OK);
	ck_assert_uint_eq(c->staging[1].nr, 512);
	ck_assert_uint_eq(c->staging[0].nr + c->staging[2].nr, 0);
	ck_assert_uint_eq(nr_mapped(), 512);
	ck_assert_uint_eq(entry[0].status, 0xbeef);
	ck_assert_ptr_nonnull(staging_find(&c->staging[1], ref[511], true));

	/* Each queue has its own: the same page may be in two. */
	ck_assert_uint_eq(call(GREF_ADD, 2, table, 1), OK);
	ck_assert_uint_eq(nr_mapped(), 513);
	ck_assert_uint_eq(call_for(&data, GREF_DEL, 2, table, 1), OK);
	ck_assert_uint_eq(data, 1);

	entry[3].ref = ref[550];
	ck_assert_uint_eq(call_for(&data, GREF_DEL, 1, table, 100), OK);
	ck_assert_uint_eq(data, 99);
	for (unsigned int i = 0; i < 100; i++)
		ck_assert_uint_eq(entry[i].status, i == 3 ? INVALID : OK);
	ck_assert_uint_eq(entry[100].status, 0xbeef);
	ck_assert_ptr_null(staging_find(&c->staging[1], ref[0], false));
	ck_assert_ptr_nonnull(staging_find(&c->staging[1], ref[3], false));
	ck_assert_uint_eq(nr_mapped(), 413);
}
END_TEST

START_TEST(test_gref_refusals)
{
	uint32_t table = ref[PAGES - 1];
	struct xen_netif_gref *entry = fill_table(0, 512);

	for (int i = 0; i < 2; i++) {
		uint16_t type = i ? GREF_DEL : GREF_ADD;

		ck_assert_uint_eq(call(type, QUEUES, table, 1), INVALID);
		ck_assert_uint_eq(call(type, UINT32_MAX, table, 1), INVALID);
		ck_assert_uint_eq(call(type, 0, table, 513), INVALID);
		ck_assert_uint_eq(call(type, 0, table, 0x20000001), INVALID);
		ck_assert_uint_eq(call(type, 0, table, UINT32_MAX), INVALID);
		ck_assert_uint_eq(call(type, 0, BAD_REF, 1), INVALID);
		ck_assert_uint_eq(call(type, 0, BAD_REF, 0), OK);
	}
	entry[10].flags = 2;
	ck_assert_uint_eq(call(GREF_ADD, 0, table, 20), INVALID);
	entry[10].flags = 0;
	entry[19].ref = BAD_REF;
	ck_assert_uint_eq(call(GREF_ADD, 0, table, 20), INVALID);
	ck_assert_uint_eq(nr_mapped(), 0);
	ck_assert_uint_eq(call(GREF_ADD, 0, table, 19), OK);

	/* A table that cannot tell what became of its entries. */
	memcpy(readonly, entry, 19 * sizeof(*entry));
	ck_assert_uint_eq(call(GREF_DEL, 0, readonly_ref, 19), INVALID);
	ck_assert_uint_eq(nr_mapped(), 19);
}
END_TEST

/* --- the ring ------------------------------------------------------------------------------------------- */

START_TEST(test_unknown_types)
{
	for (unsigned int type = 0; type <= 0xffff; type += type < 20 ? 1 : 101)
		if (type < GET_FLAGS || type > GREF_DEL)
			ck_assert_uint_eq(call((uint16_t)type, 1, 2, 3), NOT_SUPPORTED);
	ck_assert_uint_eq(call(0xffff, 1, 2, 3), NOT_SUPPORTED);
}
END_TEST

START_TEST(test_order_and_wrap)
{
	for (unsigned int round = 0; round < 5; round++) {
		for (unsigned int i = 0; i < CTRL_RING_SLOTS; i++)
			put((uint16_t)(i * 7), GREF_SIZE, i % 5, 0, 0);
		for (unsigned int i = 0; i < CTRL_RING_SLOTS; i++)
			ck_assert_int_eq(ctrl_serve(c, &notify), 1);
		ck_assert_int_eq(ctrl_serve(c, &notify), 0);
		for (unsigned int i = 0; i < CTRL_RING_SLOTS; i++) {
			struct xen_netif_ctrl_response rsp = take();

			ck_assert_uint_eq(rsp.id, (uint16_t)(i * 7));
			ck_assert_uint_eq(rsp.status, i % 5 < QUEUES ? OK : INVALID);
		}
	}
}
END_TEST

/* The pointer must be at most a ring ahead, and not behind (XSA-39). */
START_TEST(test_producer)
{
	static const uint32_t bad[] = {129, 200, 0x7fffffff, 0x80000000, 0xffffffff, 0xffffff80};

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		sring->req_prod = front.req_prod_pvt + bad[i];
		ck_assert_int_eq(ctrl_serve(c, &notify), -EPROTO);
		ck_assert_int_eq(ctrl_arm(c), -EPROTO);
		ck_assert_int_eq(ctrl_attach(c, sring, gnttab), -EPROTO);
	}
	sring->req_prod = front.req_prod_pvt;
	ck_assert_int_eq(ctrl_serve(c, &notify), 0);
}
END_TEST

START_TEST(test_arm_and_notify)
{
	ck_assert_int_eq(ctrl_arm(c), 0);
	ck_assert_uint_eq(sring->req_event, 1);
	put(1, GET_SIZE, 0, 0, 0);
	put(2, GET_SIZE, 0, 0, 0);
	ck_assert_int_eq(ctrl_arm(c), 1);
	sring->rsp_event = 2;
	ck_assert_int_eq(ctrl_serve(c, &notify), 1);
	ck_assert(!notify);
	ck_assert_int_eq(ctrl_serve(c, &notify), 1);
	ck_assert(notify);
	ck_assert_int_eq(ctrl_arm(c), 0);
	ck_assert_uint_eq(sring->req_event, 3);
}
END_TEST

/* --- the next engine -------------------------------------------------------------------------------------- */

/* As a process's end does it. */
static void die(void)
{
	ctrl_release(c);
	memset(c, 0x5a, sizeof(*c));
}

START_TEST(test_settings_are_kept)
{
	struct hash_settings set;

	memset(guest, 1, 40);
	call(SET_ALGORITHM, TOEPLITZ, 0, 0);
	call(SET_FLAGS, 5, 0, 0);
	call(SET_KEY, ref[0], 40, 0);
	call(SET_SIZE, 4, 0, 0);
	memcpy(guest, (uint32_t[]){2, 1, 0, 1}, 16);
	call(SET_MAPPING, ref[0], 4, 0);
	fill_table(0, 9);
	call(GREF_ADD, 2, ref[PAGES - 1], 9);
	set = c->hash.set;

	die();
	attach();
	ck_assert_mem_eq(&c->hash.set, &set, sizeof(set));
	ck_assert_uint_eq(hash_queue(&c->hash, 4, QUEUES), 2);
	ck_assert_uint_eq(c->staging[2].nr, 9);

	/* The file is only a file. */
	die();
	memory->ctrl.hash[memory->ctrl.current].mapping[1] = QUEUES;
	attach();
	ck_assert(!hash_is_on(&c->hash));

	die();
	memory->ctrl.current = UINT32_MAX;
	memory->ctrl.hash[1].nr_mapped = UINT32_MAX;
	attach();
	ck_assert_uint_eq(c->hash.set.nr_mapped, 0);
}
END_TEST

/* Killed while it published: before the ring moved, after, or on another ring. */
START_TEST(test_open_response)
{
	struct xen_netif_ctrl_response rsp = {
		.id = 0x1234, .type = SET_ALGORITHM, .status = OK, .data = 0};
	bool moved = _i == 1, other = _i == 2;

	call(SET_ALGORITHM, TOEPLITZ, 0, 0);
	put(0x1234, SET_ALGORITHM, TOEPLITZ, 0, 0);
	memory->ctrl.start = sring->rsp_prod;
	memory->ctrl.rsp = rsp;
	memory->ctrl.is_open = 1;
	/* The half that has overwritten the request: it says "algorithm 0" now. */
	memcpy(&sring->ring[1].rsp, &rsp, sizeof(rsp));
	sring->rsp_prod += moved;
	if (other)
		memory->ctrl.ring_ref = RING_REF + 1;

	die();
	attach();
	ck_assert_uint_eq(memory->ctrl.is_open, 0);
	if (other) {
		ck_assert_uint_eq(sring->rsp_prod, 1);
		return;
	}
	ck_assert_int_eq(ctrl_serve(c, &notify), 0);
	ck_assert_uint_eq(c->hash.set.algorithm, TOEPLITZ);
	rsp = take();
	ck_assert_uint_eq(rsp.id, 0x1234);
	ck_assert_uint_eq(rsp.status, OK);
	/* And only once. */
	ck_assert_uint_eq(sring->rsp_prod, 2);
	ck_assert_uint_eq(call(SET_ALGORITHM, NONE, 0, 0), OK);
}
END_TEST

/* Killed after the ring had moved, and the guest has filled it with other requests since. */
START_TEST(test_ring_has_moved_on)
{
	call(SET_ALGORITHM, TOEPLITZ, 0, 0);
	for (unsigned int i = 0; i < CTRL_RING_SLOTS; i++)
		put((uint16_t)(i + 5), GET_SIZE, 0, 0, 0);
	memory->ctrl.start = 0;
	memory->ctrl.rsp = (struct xen_netif_ctrl_response){.id = 0x666};
	memory->ctrl.is_open = 1;
	die();
	attach();
	for (unsigned int i = 0; i < CTRL_RING_SLOTS; i++) {
		ck_assert_int_eq(ctrl_serve(c, &notify), 1);
		ck_assert_uint_eq(take().id, i + 5);
	}
}
END_TEST

/* Killed before anything was noted: the request is done again, and nobody can tell. */
START_TEST(test_done_again)
{
	struct xen_netif_gref *entry = fill_table(5, 10);

	ck_assert_int_eq(staging_add(&c->staging[0], entry, 10), 0);
	put(7, GREF_ADD, 0, ref[PAGES - 1], 10);
	die();
	attach();
	ck_assert_int_eq(ctrl_serve(c, &notify), 1);
	ck_assert_uint_eq(take().status, OK);
	ck_assert_uint_eq(c->staging[0].nr, 10);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("ctrl");
	TCase *tcase = tcase_create("ctrl");
	SRunner *runner = srunner_create(suite);
	int failed;

	suite_add_tcase(suite, tcase);
	tcase_set_timeout(tcase, 20);
	tcase_add_unchecked_fixture(tcase, test_machine_create, test_machine_remove);
	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_add_test(tcase, test_algorithm);
	tcase_add_test(tcase, test_flags);
	tcase_add_test(tcase, test_key);
	tcase_add_test(tcase, test_mapping_size);
	tcase_add_loop_test(tcase, test_mapping_matrix, 0, 5);
	tcase_add_test(tcase, test_mapping);
	tcase_add_test(tcase, test_gref_size);
	tcase_add_test(tcase, test_gref_add_and_del);
	tcase_add_test(tcase, test_gref_refusals);
	tcase_add_test(tcase, test_unknown_types);
	tcase_add_test(tcase, test_order_and_wrap);
	tcase_add_test(tcase, test_producer);
	tcase_add_test(tcase, test_arm_and_notify);
	tcase_add_test(tcase, test_settings_are_kept);
	tcase_add_loop_test(tcase, test_open_response, 0, 3);
	tcase_add_test(tcase, test_ring_has_moved_on);
	tcase_add_test(tcase, test_done_again);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? 1 : 0;
}
