/* SPDX-License-Identifier: MIT */
/* rx-fixture.h: a queue under a policy, and what its guest is expected to get: for suites of rx without io_uring */
#ifndef TEST_RX_FIXTURE_H
#define TEST_RX_FIXTURE_H

#include <check.h>

#include "netback/engine/rx.h"
#include "netback/engine/vif.h"
#include "test/unit/engine-harness.h"

enum {
	RX_FIXTURE_START = 240, /* of the rings */
};

static struct harness harness, *h = &harness;
static struct link_features features;
static struct link_policy policy;
static struct harness_frame got;
static uint8_t frame[HARNESS_FRAME]; /* the one sent */

void vif_fail(struct vif *vif, const char *why)
{
	(void)vif;
	ck_abort_msg("the vif failed: %s", why);
}

/* An empty queue for a guest of these features. */
static inline void reset(void)
{
	harness_reset(h, &features, RX_FIXTURE_START);
	h->q.rx.nr_wanted = RX_BATCH;
}

static inline void setup(void)
{
	harness_open(h, false);
	features = harness_all_features();
	policy = (struct link_policy){0};
	reset();
}

static inline void teardown(void)
{
	harness_close(h);
}

static inline void serve(void)
{
	ck_assert_int_eq(harness_round(h), 0);
}

static inline void police(void)
{
	queue_police(&h->q, &policy);
}

/* The first len bytes of the frame. */
static inline void expect_frame(size_t len)
{
	const char *wrong = harness_rx_take(h, &got);

	ck_assert_msg(!wrong, "%s", wrong);
	ck_assert_uint_eq(got.len, len);
	ck_assert_mem_eq(got.data, frame, len);
}

static inline void expect_nothing(void)
{
	ck_assert_uint_eq(h->rx->rsp_prod, h->rx_cons);
}

static inline void expect_drop(const char *reason, uint64_t want)
{
	uint64_t count;

	ck_assert_str_eq(harness_drop(&h->stats, &count), reason);
	ck_assert_uint_eq(count, want);
}

#endif
