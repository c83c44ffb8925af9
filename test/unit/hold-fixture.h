/* SPDX-License-Identifier: MIT */
/* hold-fixture.h: a queue whose rounds and sleeps the test makes as a worker does, in both modes of an iobatch */
#ifndef TEST_HOLD_FIXTURE_H
#define TEST_HOLD_FIXTURE_H

#include <check.h>

#include "netback/engine/vif.h"
#include "test/unit/engine-harness.h"

static struct harness harness, *h = &harness;
static struct link_features features;
static uint8_t frame[HARNESS_FRAME];

/* In the place of vif.c. */
void vif_fail(struct vif *vif, const char *why)
{
	((struct harness *)vif)->why = why;
}

static inline void setup(bool uring)
{
	harness_open(h, uring);
	ck_assert_msg(h->w.io.uring == uring, "the wrong mode");
	h->w.evtchn = xenevtchn_open(NULL, 0);
	ck_assert_ptr_nonnull(h->w.evtchn);
	features = harness_all_features();
	harness_reset(h, &features, 0);
	harness_make_frame(frame, 4, 9000, 1);
}

static inline void setup_plain(void)
{
	setup(false);
}

static inline void setup_uring(void)
{
	setup(true);
}

static inline void teardown(void)
{
	xenevtchn_close(h->w.evtchn);
	harness_close(h);
}

/* As the worker makes it. */
static inline bool serve(void)
{
	queue_begin(&h->q);
	iobatch_run(&h->w.io);
	return queue_end(&h->q);
}

/* Rounds until one found nothing; then the worker goes to sleep. Returns for how long at least. */
static inline uint32_t go_to_sleep(void)
{
	uint64_t deadline = UINT64_MAX;

	for (int i = 0; serve(); i++)
		ck_assert_int_lt(i, 100);
	ck_assert(!queue_arm(&h->q, &deadline));
	return queue_hold(&h->q);
}

static inline void put_request(uint16_t id)
{
	const netif_tx_request_t req = {.gref = h->ref[id % HARNESS_PAGES], .size = 60, .id = id};

	harness_tx_put(h, &req);
	harness_tx_push(h);
}

static inline int run_in_both_modes(const char *name, void (*add)(TCase *))
{
	static const struct {
		const char *name;
		SFun setup;
	} modes[] = {{"plain", setup_plain}, {"io_uring", setup_uring}};
	unsigned int nr = harness_has_uring() ? 2 : 1;
	Suite *suite = suite_create(name);
	SRunner *runner = srunner_create(suite);
	int failed;

	for (unsigned int i = 0; i < nr; i++) {
		TCase *tcase = tcase_create(modes[i].name);

		suite_add_tcase(suite, tcase);
		tcase_add_unchecked_fixture(tcase, harness_create, harness_remove);
		tcase_add_checked_fixture(tcase, modes[i].setup, teardown);
		add(tcase);
	}
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? 1 : 0;
}

#endif
