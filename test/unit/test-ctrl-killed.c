/* SPDX-License-Identifier: MIT */
/* test-ctrl-killed.c: an engine that serves a control ring is killed after every store; its successor goes on */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* The modules themselves, with a crash behind each store that outlives them. */
static void crash_here(void);
#define STEP() crash_here()
#include "netback/engine/ctrl.c"
#include "netback/engine/staging.c"
#include "test/unit/test-machine.h"

enum {
	QUEUES = 3,
	PAGES = 20,
	RING_REF = 5,
	MAX_CRASHES = 64,
};

/* What outlives an engine. */
struct world {
	uint8_t ring[RING_PAGE_BYTES] __attribute__((aligned(64)));
	uint8_t memory[LINK_MEMORY_BYTES];
};

static xengntshr_handle *shr;
static struct world *world, *crashes; /* crashes: NULL: nobody is interested */
static unsigned int nr_crashes;
static xengnttab_handle *gnttab;
static uint8_t *pages, *table;
static uint32_t ref[PAGES], table_ref;
static atomic_uint guest_pages;
static struct ctrl engines[3];

static void crash_here(void)
{
	if (!crashes)
		return;
	ck_assert_uint_lt(nr_crashes, MAX_CRASHES);
	crashes[nr_crashes++] = *world;
}

static xen_netif_ctrl_sring_t *ring(struct world *w)
{
	return (xen_netif_ctrl_sring_t *)w->ring;
}

static struct world *new_worlds(unsigned int nr)
{
	struct world *w = aligned_alloc(64, nr * sizeof(*w));

	ck_assert_ptr_nonnull(w);
	memset(w, 0, nr * sizeof(*w));
	return w;
}

static void setup(void)
{
	shr = xengntshr_open(NULL, 0);
	gnttab = xengnttab_open(NULL, 0);
	ck_assert(shr && gnttab);
	pages = xengntshr_share_pages(shr, 0, PAGES, ref, 1);
	table = xengntshr_share_pages(shr, 0, 1, &table_ref, 1);
	ck_assert(pages && table);
	world = new_worlds(1);
	SHARED_RING_INIT(ring(world));
}

static void teardown(void)
{
	free(world);
	xengntshr_close(shr);
	xengnttab_close(gnttab);
}

/* --- engines ----------------------------------------------------------------------------------------- */

static struct ctrl *attach(unsigned int i)
{
	struct ctrl *c = &engines[i];

	memset(c, 0, sizeof(*c));
	c->refs.ring_ref = RING_REF;
	c->nr_queues = QUEUES;
	c->memory = memory_attach(world->memory);
	c->guest_pages = &guest_pages;
	ck_assert_int_eq(ctrl_attach(c, ring(world), gnttab), 0);
	return c;
}

static void serve(struct ctrl *c)
{
	bool notify;

	while (ctrl_serve(c, &notify) > 0)
		;
	ck_assert_uint_eq(ring(world)->rsp_prod, ring(world)->req_prod);
}

/* --- requests ------------------------------------------------------------------------------------------ */

static const struct {
	const char *what;
	uint16_t type;
	uint32_t data[3];
} requests[] = {
	{"algorithm", XEN_NETIF_CTRL_TYPE_SET_HASH_ALGORITHM, {1}},
	{"flags", XEN_NETIF_CTRL_TYPE_SET_HASH_FLAGS, {5}},
	{"key", XEN_NETIF_CTRL_TYPE_SET_HASH_KEY, {1, 40}},
	{"mapping size", XEN_NETIF_CTRL_TYPE_SET_HASH_MAPPING_SIZE, {10}},
	{"mapping", XEN_NETIF_CTRL_TYPE_SET_HASH_MAPPING, {1, 3, 2}},
	{"one that is refused", XEN_NETIF_CTRL_TYPE_SET_HASH_MAPPING, {1, 3, 8}},
	{"one that only asks", XEN_NETIF_CTRL_TYPE_GET_HASH_FLAGS, {0}},
	{"stage 12", XEN_NETIF_CTRL_TYPE_ADD_GREF_MAPPING, {1, 1, 12}},
	{"take out 5", XEN_NETIF_CTRL_TYPE_DEL_GREF_MAPPING, {1, 1, 5}},
	{"stage these again", XEN_NETIF_CTRL_TYPE_ADD_GREF_MAPPING, {1, 1, 3}},
	{"algorithm none", XEN_NETIF_CTRL_TYPE_SET_HASH_ALGORITHM, {0}},
};

static bool is_staging(unsigned int i)
{
	return requests[i].type >= XEN_NETIF_CTRL_TYPE_ADD_GREF_MAPPING;
}

/* The page that the request names, too. */
static void post(unsigned int i)
{
	xen_netif_ctrl_sring_t *sring = ring(world);
	struct xen_netif_ctrl_request req = {.id = (uint16_t)(0x100 + i), .type = requests[i].type};
	unsigned int names = is_staging(i) ? 1 : 0;

	memcpy(req.data, requests[i].data, sizeof(req.data));
	if (req.type == XEN_NETIF_CTRL_TYPE_SET_HASH_KEY ||
	    req.type == XEN_NETIF_CTRL_TYPE_SET_HASH_MAPPING || is_staging(i))
		req.data[names] = table_ref;
	for (unsigned int k = 0; k < PAGES; k++)
		if (is_staging(i))
			((struct xen_netif_gref *)table)[k] =
				(struct xen_netif_gref){.ref = ref[k]};
		else
			((uint32_t *)table)[k] = (i + k) % QUEUES;
	sring->ring[sring->req_prod++ % CTRL_RING_SLOTS].req = req;
}

/* --- what the guest sees ---------------------------------------------------------------------------------- */

/*
 * As if nothing had happened. Only the number that a DEL tells may be smaller: what had gone already, when it
 * is done again, is not there.
 */
static void expect_same(unsigned int i, unsigned int k, const struct ctrl *c,
			const struct ctrl *good, const struct xen_netif_ctrl_response *want)
{
	RING_IDX at = ring(world)->rsp_prod - 1;
	const struct xen_netif_ctrl_response *rsp = &ring(world)->ring[at % CTRL_RING_SLOTS].rsp;

	ck_assert_msg(rsp->id == want->id && rsp->type == want->type && rsp->status == want->status,
		      "%s, store %u: id %x type %u status %u", requests[i].what, k, rsp->id,
		      rsp->type, rsp->status);
	if (requests[i].type == XEN_NETIF_CTRL_TYPE_DEL_GREF_MAPPING)
		ck_assert_uint_le(rsp->data, want->data);
	else
		ck_assert_uint_eq(rsp->data, want->data);
	ck_assert_msg(!memcmp(&c->hash.set, &good->hash.set, sizeof(c->hash.set)),
		      "%s, store %u: other settings", requests[i].what, k);
	ck_assert_uint_eq(c->staging[1].nr, good->staging[1].nr);
	for (unsigned int p = 0; p < PAGES; p++)
		ck_assert_msg(!staging_find(&c->staging[1], ref[p], true) ==
				      !staging_find(&good->staging[1], ref[p], true),
			      "%s, store %u: page %u", requests[i].what, k, p);
}

static const struct memory_ctrl *memory_of(const struct world *w)
{
	return &((const struct vif_memory *)w->memory)->ctrl;
}

/* The copy of the settings that counts is not written to: a crash may leave half of what is. */
static void expect_copy_untouched(const struct world *before, const struct world *after)
{
	uint32_t current = memory_of(before)->current;

	if (memory_of(after)->current == current)
		ck_assert_mem_eq(&memory_of(after)->hash[current],
				 &memory_of(before)->hash[current], sizeof(struct hash_settings));
}

/* Each world that an engine may leave behind, and each that its successor may leave behind of that. */
static void succeed(unsigned int i, struct world *left, unsigned int nr, const struct ctrl *good,
		    const struct xen_netif_ctrl_response *want, unsigned int depth)
{
	struct world *next = depth ? new_worlds(MAX_CRASHES) : NULL;

	for (unsigned int k = 0; k < nr; k++) {
		struct ctrl *c;

		*world = left[k];
		crashes = next;
		nr_crashes = 0;
		c = attach(1 + depth);
		serve(c);
		crashes = NULL;
		expect_same(i, k, c, good, want);
		ctrl_release(c);
		if (depth)
			succeed(i, next, nr_crashes, good, want, depth - 1);
	}
	free(next);
}

START_TEST(test_killed_anywhere)
{
	struct world *left = new_worlds(MAX_CRASHES), *before = new_worlds(1),
		     *after = new_worlds(1);
	struct ctrl *good = attach(0);

	for (unsigned int i = 0; i < ARRAY_SIZE(requests); i++) {
		struct xen_netif_ctrl_response want;
		unsigned int nr;

		post(i);
		*before = *world;
		crashes = left;
		nr_crashes = 0;
		serve(good);
		crashes = NULL;
		nr = nr_crashes;
		ck_assert_uint_ge(nr, 5);
		for (unsigned int k = 0; k < nr; k++)
			expect_copy_untouched(k ? &left[k - 1] : before, &left[k]);
		*after = *world;
		want = ring(world)->ring[(ring(world)->rsp_prod - 1) % CTRL_RING_SLOTS].rsp;
		ck_assert_uint_eq(want.id, 0x100 + i);
		succeed(i, left, nr, good, &want, 1);
		*world = *after;
	}
	ck_assert_uint_eq(good->staging[1].nr, 10);
	ctrl_release(good);
	free(left);
	free(before);
	free(after);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("ctrl-killed");
	TCase *tcase = tcase_create("ctrl-killed");
	SRunner *runner = srunner_create(suite);
	int failed;

	suite_add_tcase(suite, tcase);
	tcase_set_timeout(tcase, 90);
	tcase_add_unchecked_fixture(tcase, test_machine_create, test_machine_remove);
	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_add_test(tcase, test_killed_anywhere);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? 1 : 0;
}
