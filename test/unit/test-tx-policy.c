/* SPDX-License-Identifier: MIT */
/* test-tx-policy.c: what the host's policy makes of packets of the guest */
#include "netback/engine/tx.h"

#include <check.h>
#include <endian.h>
#include <stdlib.h>
#include <string.h>

#include "netback/engine/clock.h"
#include "netback/engine/vif.h"
#include "test/unit/engine-harness.h"
#include "test/unit/frames.h"

#define SECOND 1000000000ull

static struct harness harness, *h = &harness;
static struct link_features features;
static struct link_policy policy;
static uint8_t frame[HARNESS_FRAME], got[HARNESS_FRAME];
static struct virtio_net_hdr hdr;

void vif_fail(struct vif *vif, const char *why)
{
	(void)vif;
	ck_abort_msg("the vif failed: %s", why);
}

static void setup(void)
{
	harness_open(h, false);
	features = harness_all_features();
	policy = (struct link_policy){0};
	harness_reset(h, &features, 250);
	srandom(1);
}

static void teardown(void)
{
	harness_close(h);
}

static void police(void)
{
	queue_police(&h->q, &policy);
}

static void expect_drop(const char *reason, uint64_t want)
{
	uint64_t count;

	ck_assert_str_eq(harness_drop(&h->stats, &count), reason);
	ck_assert_uint_eq(count, want);
}

enum {
	BLANK = NETTXF_csum_blank | NETTXF_data_validated,
	MORE = NETTXF_more_data,
	EXTRA = NETTXF_extra_info,
};

/* `frame` on the ring: the first slot of `first` bytes, a gso extra info if there is a gso_size, then slots of `step`. */
static void put(size_t len, size_t first, size_t step, uint16_t flags, uint16_t gso_size)
{
	struct netif_extra_info extra = {.type = XEN_NETIF_EXTRA_TYPE_GSO,
					 .u.gso = {.size = gso_size, .type = 1}};

	for (size_t at = 0, n; at < len; at += n) {
		unsigned int page = h->tx_prod % HARNESS_PAGES;
		netif_tx_request_t req = {.gref = h->ref[page], .id = (uint16_t)h->tx_prod};

		n = at ? step : first;
		n = n < len - at ? n : len - at;
		req.size = (uint16_t)(at ? n : len);
		req.flags = (uint16_t)((at ? 0 : flags) | (at + n < len ? MORE : 0));
		req.offset = (uint16_t)(random() % (long)(COPY_PAGE_SIZE - n + 1));
		memcpy(h->page[page] + req.offset, frame + at, n);
		if (at == 0 && gso_size)
			req.flags |= EXTRA;
		harness_tx_put(h, &req);
		if (at == 0 && gso_size)
			harness_tx_put_extra(h, &extra);
	}
	harness_tx_push(h);
}

static void serve(void)
{
	ck_assert_int_eq(harness_round(h), 0);
}

/* All answers there are have this status, but for the NULLs of extra infos. */
static void expect_answers(int16_t status)
{
	netif_tx_response_t rsp;
	unsigned int nr = 0;

	for (; harness_tx_take(h, &rsp); nr++)
		ck_assert(rsp.status == status || rsp.status == NETIF_RSP_NULL);
	ck_assert_uint_gt(nr, 0);
}

/* --- VLANs --------------------------------------------------------------------------------------------- */

static void set(uint8_t *bits, unsigned int vid)
{
	bits[vid / 8] |= (uint8_t)(1 << vid % 8);
}

/* The guest's native VLAN is 10, and it may send to 20. */
static void give_vlans(void)
{
	policy.vlan.filter = true;
	policy.vlan.pvid = 10;
	set(policy.vlan.member, 20);
	police();
}

/* What the port is to get: the frame with a tag. */
static size_t push_tag(uint8_t *to, size_t len, unsigned int tci)
{
	memcpy(to, frame, 12);
	frame_put16(to + 12, 0x8100);
	frame_put16(to + 14, tci);
	memcpy(to + 16, frame + 12, len - 12);
	return len + 4;
}

static const struct {
	size_t first, step;
} layouts[] = {
	{4096, 4096}, {14, 4096},  {14, 1},	{16, 3},     {17, 700},	 {37, 100},
	{60, 4000},   {341, 1000}, {342, 1000}, {343, 1000}, {338, 338}, {337, 400},
};

static const struct {
	size_t len;
	uint16_t flags, gso_size;
} packets[] = {
	{14, 0, 0},	  {60, 0, 0},	      {60, BLANK, 0},	   {1514, 0, 0},
	{1514, BLANK, 0}, {4000, BLANK, 500}, {9014, BLANK, 1448}, {9014, 0, 1448},
};

/* Wherever the guest's slots begin and end, the tag is behind the addresses, and offloads know of it. */
START_TEST(test_tag)
{
	static uint8_t want[HARNESS_FRAME];
	unsigned int tried = 0;

	give_vlans();
	for (size_t i = 0; i < ARRAY_SIZE(packets); i++) {
		size_t len = packets[i].len, first = layouts[_i].first, step = layouts[_i].step;
		bool offload = packets[i].flags || packets[i].gso_size;

		if (len > first && (len - first + step - 1) / step >= 18)
			continue;
		harness_reset(h, &features, (RING_IDX)i * 31);
		police();
		harness_make_frame(frame, 4, len < 54 ? 54 : len, (uint8_t)i);
		len = push_tag(want, len, 10);
		put(len - 4, first, step, packets[i].flags, packets[i].gso_size);
		serve();
		expect_answers(NETIF_RSP_OKAY);
		ck_assert_int_eq(harness_recv(h, &hdr, got), (ssize_t)len);
		if (packets[i].gso_size && !packets[i].flags)
			memcpy(want + 54, got + 54,
			       2); /* the pseudo header's sum: see the offload tests */
		ck_assert_mem_eq(got, want, len);
		ck_assert_uint_eq(hdr.flags, offload ? VIRTIO_NET_HDR_F_NEEDS_CSUM : 0);
		ck_assert_uint_eq(le16toh(hdr.csum_start), offload ? 38 : 0);
		ck_assert_uint_eq(le16toh(hdr.gso_size), packets[i].gso_size);
		ck_assert_uint_eq(h->stats.tx_bytes, len - 4);
		expect_drop("", 0);
		tried++;
	}
	ck_assert_uint_gt(tried, 0);
}
END_TEST

static const struct {
	unsigned int tci, want; /* want 0: dropped */
} tags[] = {
	{20, 20},  {3 << 13 | 20, 3 << 13 | 20}, {10, 10},
	{0, 10},   {6 << 13, 6 << 13 | 10},	 {11, 0},
	{4095, 0},
};

START_TEST(test_tagged)
{
	for (size_t i = 0; i < ARRAY_SIZE(layouts); i++) {
		size_t len = 400;

		if (layouts[i].step < 30 && len > layouts[i].first)
			len = layouts[i].first + 16;
		harness_reset(h, &features, 5);
		give_vlans();
		harness_make_frame(frame, 4, 400, 7);
		frame_put16(frame + 12, 0x8100);
		frame_put16(frame + 14, tags[_i].tci);
		put(len, layouts[i].first, layouts[i].step, 0, 0);
		serve();
		expect_answers(tags[_i].want ? NETIF_RSP_OKAY : NETIF_RSP_ERROR);
		expect_drop(tags[_i].want ? "" : "tx_vlan", !tags[_i].want);
		frame_put16(frame + 14, tags[_i].want);
		if (tags[_i].want) {
			ck_assert_int_eq(harness_recv(h, &hdr, got), (ssize_t)len);
			ck_assert_mem_eq(got, frame, len);
		}
		ck_assert_int_eq(harness_recv(h, &hdr, got), -1);
	}
}
END_TEST

START_TEST(test_no_native_vlan)
{
	give_vlans();
	policy.vlan.pvid = 0;
	police();
	harness_make_frame(frame, 4, 60, 7);
	put(60, 60, 60, 0, 0);
	serve();
	expect_answers(NETIF_RSP_ERROR);
	expect_drop("tx_vlan", 1);
}
END_TEST

/* --- MTU ------------------------------------------------------------------------------------------------ */

static const struct {
	uint32_t mtu;
	size_t len, first;
	unsigned int tags;
	uint16_t gso_size;
	bool passes;
} mtus[] = {
	{1500, 1514, 4096, 0, 0, true},	    {1500, 1515, 4096, 0, 0, false},
	{1500, 1518, 14, 1, 0, true},	    {1500, 1519, 14, 1, 0, false},
	{1500, 1522, 14, 2, 0, true},	    {1500, 1523, 14, 2, 0, false},
	{9000, 9014, 100, 0, 0, true},	    {9000, 9015, 100, 0, 0, false},
	{1500, 60000, 4096, 0, 1460, true}, {1500, 60000, 4096, 0, 1461, false},
	{1500, 60000, 60, 1, 1460, true},   {1500, 60000, 60, 1, 1461, false},
	{9000, 60000, 60, 0, 8960, true},   {9000, 60000, 60, 0, 8961, false},
	{0, 65535, 4096, 0, 0, true},	    {1500, 1454, 60, 0, 1400, true},
};

START_TEST(test_mtu)
{
	size_t len = mtus[_i].len;

	policy.mtu = mtus[_i].mtu;
	police();
	harness_make_frame(frame, 4, 65535, 1);
	if (mtus[_i].tags) {
		size_t tag_bytes = 4 * mtus[_i].tags;

		memmove(frame + 12 + tag_bytes, frame + 12, 60000);
		for (unsigned int i = 0; i < mtus[_i].tags; i++)
			memcpy(frame + 12 + 4 * i, i ? "\x81\x00\x00\x05" : "\x88\xa8\x00\x06", 4);
	}
	put(len, mtus[_i].first, 4096, mtus[_i].gso_size ? BLANK : 0, mtus[_i].gso_size);
	serve();
	expect_answers(mtus[_i].passes ? NETIF_RSP_OKAY : NETIF_RSP_ERROR);
	expect_drop(mtus[_i].passes ? "" : "tx_over_mtu", !mtus[_i].passes);
	ck_assert_int_eq(harness_recv(h, &hdr, got), mtus[_i].passes ? (ssize_t)len : -1);
}
END_TEST

/* The tag that the host adds is not the guest's. */
START_TEST(test_mtu_with_vlan)
{
	give_vlans();
	policy.mtu = 1500;
	police();
	harness_make_frame(frame, 4, 1515, 1);
	put(1514, 1514, 4096, 0, 0);
	put(1515, 1515, 4096, 0, 0);
	serve();
	expect_drop("tx_over_mtu", 1);
	ck_assert_int_eq(harness_recv(h, &hdr, got), 1518);
	ck_assert_int_eq(harness_recv(h, &hdr, got), -1);
}
END_TEST

/* --- rate ------------------------------------------------------------------------------------------------ */

static int64_t idle(void)
{
	uint64_t deadline = UINT64_MAX;

	ck_assert_int_eq(tx_idle(&h->q, &deadline), 0);
	return deadline == UINT64_MAX ? 0 : (int64_t)(deadline - clock_ns());
}

static void empty_for(int64_t seconds)
{
	h->memory.tx_rate.empty_at = (clock_ns() + (uint64_t)(seconds * (int64_t)SECOND))
				     << RATE_SHIFT;
}

/* Without credit requests stay on the ring, and the worker is told when to come back. */
START_TEST(test_rate_leaves_requests)
{
	policy.tx_rate = (struct link_rate){62500, 50000}; /* 10 Mb/s */
	police();
	empty_for(5);
	harness_make_frame(frame, 4, 1514, 1);
	put(1514, 1514, 4096, 0, 0);
	for (int i = 0; i < 3; i++)
		serve();
	ck_assert_uint_eq(h->q.tx_ring.req_cons, 250);
	ck_assert_uint_eq(h->stats.tx_limited, 1);
	ck_assert_int_gt(idle(), 4 * (int64_t)SECOND);
	ck_assert_int_lt(idle(), 6 * (int64_t)SECOND);

	empty_for(-1);
	serve();
	expect_answers(NETIF_RSP_OKAY);
	ck_assert_int_eq(harness_recv(h, &hdr, got), 1514);
	ck_assert_int_eq(idle(), 0);
	expect_drop("", 0);
}
END_TEST

/* Who takes its requests back while they wait leaves nothing to come back for. */
START_TEST(test_rate_of_requests_taken_back)
{
	policy.tx_rate = (struct link_rate){62500, 50000};
	police();
	empty_for(5);
	harness_make_frame(frame, 4, 1514, 1);
	put(1514, 1514, 4096, 0, 0);
	serve();
	ck_assert_int_gt(idle(), 4 * (int64_t)SECOND);
	h->tx->req_prod = h->q.tx_ring.req_cons;
	serve();
	ck_assert_int_eq(idle(), 0);
	ck_assert_uint_eq(h->tx->req_event, h->q.tx_ring.req_cons + 1);
}
END_TEST

/* The worker sleeps meanwhile, although there is something on the ring. */
START_TEST(test_rate_lets_the_worker_sleep)
{
	uint64_t deadline = UINT64_MAX;

	harness_make_frame(frame, 4, 1514, 1);
	put(1514, 1514, 4096, 0, 0);
	ck_assert(queue_arm(&h->q, &deadline));
	ck_assert_uint_eq(deadline, UINT64_MAX);

	policy.tx_rate = (struct link_rate){62500, 50000};
	police();
	empty_for(5);
	serve();
	ck_assert(!queue_arm(&h->q, &deadline));
	ck_assert_uint_gt(deadline, clock_ns() + 4 * SECOND);
	ck_assert_uint_lt(deadline, clock_ns() + 6 * SECOND);
}
END_TEST

/* A packet goes whole with what credit there is, and those behind it pay for it. */
START_TEST(test_rate_charges_whole_packets)
{
	policy.tx_rate = (struct link_rate){62500, 50000};
	police();
	empty_for(0);
	harness_make_frame(frame, 4, 65535, 1);
	put(60054, 4096, 4096, BLANK, 1400);
	put(60, 60, 60, 0, 0);
	serve();
	ck_assert_uint_eq(h->stats.tx_packets, 1);
	ck_assert_int_gt(idle(), 30000000);
	ck_assert_int_lt(idle(), 60000000);
	/* Answers are not held back for a packet that has to wait. */
	expect_answers(NETIF_RSP_OKAY);

	/* The limit goes: so does what waited. */
	policy.tx_rate.usec = 0;
	police();
	serve();
	ck_assert_uint_eq(h->stats.tx_packets, 2);
}
END_TEST

/* What is dropped is charged, and multicast requests cost nothing. */
START_TEST(test_rate_of_others)
{
	uint64_t before;

	policy.tx_rate = (struct link_rate){62500, 50000};
	police();
	empty_for(0);
	before = h->memory.tx_rate.empty_at;
	harness_tx_put(h, &(netif_tx_request_t){.flags = EXTRA});
	harness_tx_put_extra(h, &(struct netif_extra_info){.type = XEN_NETIF_EXTRA_TYPE_MCAST_DEL});
	harness_tx_push(h);
	serve();
	ck_assert_uint_eq(h->memory.tx_rate.empty_at, before);
	harness_tx_put(h, &(netif_tx_request_t){.gref = h->bad_ref, .size = 1250});
	harness_tx_push(h);
	serve();
	expect_drop("tx_copy_failed", 1);
	ck_assert_uint_ge(h->memory.tx_rate.empty_at - before, 999000ull << RATE_SHIFT);
	ck_assert_uint_le(h->memory.tx_rate.empty_at - before, 1000000ull << RATE_SHIFT);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("tx-policy");
	TCase *tcase = tcase_create("tx-policy");
	SRunner *runner = srunner_create(suite);
	int failed;

	suite_add_tcase(suite, tcase);
	tcase_set_timeout(tcase, 60);
	tcase_add_unchecked_fixture(tcase, harness_create, harness_remove);
	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_add_loop_test(tcase, test_tag, 0, ARRAY_SIZE(layouts));
	tcase_add_loop_test(tcase, test_tagged, 0, ARRAY_SIZE(tags));
	tcase_add_test(tcase, test_no_native_vlan);
	tcase_add_loop_test(tcase, test_mtu, 0, ARRAY_SIZE(mtus));
	tcase_add_test(tcase, test_mtu_with_vlan);
	tcase_add_test(tcase, test_rate_leaves_requests);
	tcase_add_test(tcase, test_rate_of_requests_taken_back);
	tcase_add_test(tcase, test_rate_lets_the_worker_sleep);
	tcase_add_test(tcase, test_rate_charges_whole_packets);
	tcase_add_test(tcase, test_rate_of_others);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? 1 : 0;
}
