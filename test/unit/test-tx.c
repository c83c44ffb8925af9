/* SPDX-License-Identifier: MIT */
/* test-tx.c: what the guest sends is what the port gets, whatever shape its slots have */
#include "netback/engine/tx.h"

#include <arpa/inet.h>
#include <check.h>
#include <endian.h>
#include <stdlib.h>
#include <string.h>

#include "test/unit/engine-harness.h"

static struct harness harness, *h = &harness;
static struct link_features features;
static uint8_t frame[HARNESS_FRAME], got[HARNESS_FRAME];

static void setup(void)
{
	harness_open(h, false);
	features = harness_all_features();
	harness_reset(h, &features, 0);
}

static void setup_granted(void)
{
	setup();
	harness_share(h);
}

static void teardown(void)
{
	harness_close(h);
}

/* --- shapes ------------------------------------------------------------------------------------- */

enum {
	MAX_SLOTS = 19, /* the first and 18 more */
	SHAPE_KINDS = 6,
};

struct shape {
	const char *what;
	unsigned int nr;
	uint16_t size[MAX_SLOTS], offset[MAX_SLOTS];
};

/* The rest of a shape's frame goes to its last slot. */
static const struct shape shapes[] = {
	{"one slot", 1, {800}, {0}},
	{"one slot to the end of its page", 1, {96}, {4000}},
	{"a page", 1, {4096}, {0}},
	{"the smallest first slot", 2, {14, 400}, {0}},
	{"an odd offset", 2, {101, 999}, {3, 17}},
	{"two ends of pages", 3, {20, 1, 500}, {4076, 4095, 100}},
	{"headers in single bytes (XSA-423)",
	 19,
	 {14, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 900},
	 {4082, 4095, 4095, 4095, 4095, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 4}},
	{"the last header byte in the last slot (XSA-423)",
	 19,
	 {14, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 60},
	 {0}},
	{"18 slots of up to 127 bytes (XSA-432)",
	 19,
	 {127, 127, 126, 1, 127, 2, 127, 3, 125, 127, 64, 63, 127, 127, 1, 1, 1, 127, 1},
	 {0}},
	{"sums around 128 (XSA-432)", 4, {64, 63, 1, 128}, {0}},
	{"just under 128 (XSA-432)", 3, {126, 1, 1}, {0, 4095}},
	{"no byte in the second slot (XSA-448)", 3, {60, 0, 60}, {0}},
	{"no byte in the last (XSA-448)", 3, {60, 60, 0}, {0}},
	{"no byte at all after the first (XSA-448)", 19, {120}, {0}},
	{"no byte in every other, at the end of a page (XSA-448)",
	 8,
	 {30, 0, 30, 0, 30, 0, 30, 0},
	 {0, 4096, 0, 4096, 1, 0, 2, 4096}},
	{"64 KiB",
	 16,
	 {4096, 4096, 4096, 4096, 4096, 4096, 4096, 4096, 4096, 4096, 4096, 4096, 4096, 4096, 4096,
	  4095},
	 {0}},
	{"64 KiB in 19 slots",
	 19,
	 {14, 4096, 4096, 4096, 4096, 4096, 4096, 4096, 4096, 4096, 4096, 4096, 4096, 4096, 4096,
	  4096, 2048, 1024, 1009},
	 {0}},
};

/* What is asked of checksum and segmentation beside a shape. */
static const struct kind {
	unsigned int version;
	uint16_t flags, gso_size;
} kinds[SHAPE_KINDS] = {
	{4, 0, 0},
	{4, NETTXF_data_validated, 0},
	{4, NETTXF_csum_blank | NETTXF_data_validated, 0},
	{6, NETTXF_csum_blank | NETTXF_data_validated, 0},
	{4, NETTXF_csum_blank | NETTXF_data_validated, 100},
	{6, 0, 24}, /* we write the pseudo header's sum */
};

static size_t shape_len(const struct shape *s)
{
	size_t len = 0;

	for (unsigned int i = 0; i < s->nr; i++)
		len += s->size[i];
	return len;
}

/* The frame in the guest's pages, a page a slot from first_page on, and its requests on the ring. */
static void put(const struct shape *s, const struct kind *k, unsigned int first_page, uint16_t id)
{
	struct netif_extra_info gso = {
		.type = XEN_NETIF_EXTRA_TYPE_GSO,
		.u.gso = {.size = k->gso_size,
			  .type = k->version == 4 ? XEN_NETIF_GSO_TYPE_TCPV4
						  : XEN_NETIF_GSO_TYPE_TCPV6},
	};
	const uint8_t *data = frame;

	for (unsigned int i = 0; i < s->nr; i++) {
		unsigned int page = (first_page + i) % HARNESS_PAGES;
		netif_tx_request_t req = {
			.gref = h->ref[page],
			.offset = s->offset[i],
			.size = i ? s->size[i] : (uint16_t)shape_len(s),
			.flags = i ? 0 : k->flags,
			.id = (uint16_t)(id + i),
		};

		memcpy(h->page[page] + s->offset[i], data, s->size[i]);
		data += s->size[i];
		req.flags |= i + 1 < s->nr ? NETTXF_more_data : 0;
		req.flags |= !i && k->gso_size ? NETTXF_extra_info : 0;
		harness_tx_put(h, &req);
		if (!i && k->gso_size)
			harness_tx_put_extra(h, &gso);
	}
}

static void expect_response(uint16_t id, int16_t status)
{
	netif_tx_response_t rsp;

	ck_assert_msg(harness_tx_take(h, &rsp), "no response for id %u", id);
	ck_assert_int_eq(rsp.status, status);
	if (status != NETIF_RSP_NULL)
		ck_assert_uint_eq(rsp.id, id);
}

static void expect_responses(const struct shape *s, bool extra, uint16_t id, int16_t status)
{
	for (unsigned int i = 0; i < s->nr; i++) {
		expect_response((uint16_t)(id + i), status);
		if (!i && extra)
			expect_response(0, NETIF_RSP_NULL);
	}
}

static void expect_no_response(void)
{
	netif_tx_response_t rsp;

	ck_assert_msg(!harness_tx_take(h, &rsp), "a response too many");
}

static void expect_no_drop(void)
{
	uint64_t count;

	ck_assert_str_eq(harness_drop(&h->stats, &count), "");
}

/* What the port must get: a sum over a header that the test wrote itself. */
static void write_pseudo_sum(unsigned int version, size_t len)
{
	size_t transport = version == 4 ? 34 : 54;
	size_t from = version == 4 ? 26 : 22, to = transport;
	uint32_t sum = (uint32_t)(len - transport) + IPPROTO_TCP;

	for (size_t i = from; i < to; i += 2)
		sum += (uint32_t)(frame[i] << 8 | frame[i + 1]);
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	frame[transport + 16] = (uint8_t)(sum >> 8);
	frame[transport + 17] = (uint8_t)sum;
}

static void expect_frame(const struct kind *k, size_t len, const char *what)
{
	size_t transport = k->version == 4 ? 34 : 54;
	bool csum = k->flags & NETTXF_csum_blank || k->gso_size;
	bool gso = k->gso_size && len - transport - 20 > k->gso_size;
	struct virtio_net_hdr hdr;
	ssize_t n = harness_recv(h, &hdr, got);
	size_t same = 0;

	ck_assert_msg(n == (ssize_t)len, "%s: %zd bytes, not %zu", what, n, len);
	if (k->gso_size && !(k->flags & NETTXF_csum_blank))
		write_pseudo_sum(k->version, len);
	while (same < len && got[same] == frame[same])
		same++;
	ck_assert_msg(same == len, "%s: byte %zu", what, same);

	if (csum)
		ck_assert_uint_eq(hdr.flags, VIRTIO_NET_HDR_F_NEEDS_CSUM);
	else
		ck_assert_uint_eq(hdr.flags, k->flags ? VIRTIO_NET_HDR_F_DATA_VALID : 0);
	ck_assert_uint_eq(le16toh(hdr.csum_start), csum ? transport : 0);
	ck_assert_uint_eq(le16toh(hdr.csum_offset), csum ? 16 : 0);
	ck_assert_uint_eq(le16toh(hdr.hdr_len), csum ? transport + 20 : 0);
	ck_assert_uint_eq(le16toh(hdr.gso_size), gso ? k->gso_size : 0);
	ck_assert_uint_eq(hdr.gso_type, !gso		  ? VIRTIO_NET_HDR_GSO_NONE
					: k->version == 4 ? VIRTIO_NET_HDR_GSO_TCPV4
							  : VIRTIO_NET_HDR_GSO_TCPV6);
}

START_TEST(test_shapes)
{
	const struct shape *s = &shapes[_i / SHAPE_KINDS];
	const struct kind *k = &kinds[_i % SHAPE_KINDS];
	size_t len = shape_len(s);
	struct virtio_net_hdr hdr;

	if (k->version == 6 && len < 54 + 20)
		return; /* not an IPv6 TCP frame */
	harness_make_frame(frame, k->version, len, (uint8_t)_i);
	put(s, k, 0, 0x3f0);
	harness_tx_push(h);
	ck_assert_int_eq(harness_round(h), 0);

	expect_no_drop();
	expect_frame(k, len, s->what);
	ck_assert_int_eq(harness_recv(h, &hdr, got), -1);
	expect_responses(s, k->gso_size, 0x3f0, NETIF_RSP_OKAY);
	expect_no_response();
	ck_assert(h->tx_notify);
	ck_assert_uint_eq(h->stats.tx_packets, 1);
	ck_assert_uint_eq(h->stats.tx_bytes, len);
	ck_assert_uint_eq(h->stats.tx_slots, s->nr + (k->gso_size != 0));
	ck_assert_uint_eq(h->stats.tx_gso_packets, k->gso_size != 0);
	ck_assert_uint_eq(h->stats.tx_csum_blank, (k->flags & NETTXF_csum_blank) || k->gso_size);
	ck_assert_uint_eq(h->stats.port_ops, 1);
}
END_TEST

/* Every number of slots, with the empty one at every position. */
START_TEST(test_every_number_of_slots)
{
	static const struct kind *k = &kinds[2];
	struct shape s = {.what = "slots", .nr = (unsigned int)_i};

	for (unsigned int empty = 0; empty < s.nr; empty++) {
		harness_reset(h, &features, empty * 11);
		for (unsigned int i = 0; i < s.nr; i++)
			s.size[i] = (uint16_t)(i && i == empty ? 0 : 61 + 7 * i);
		harness_make_frame(frame, k->version, shape_len(&s), (uint8_t)empty);
		put(&s, k, empty, 5);
		harness_tx_push(h);
		ck_assert_int_eq(harness_round(h), 0);
		expect_no_drop();
		expect_frame(k, shape_len(&s), "slots");
		expect_responses(&s, false, 5, NETIF_RSP_OKAY);
		expect_no_response();
		ck_assert_uint_eq(h->q.tx.copy.nr_done, s.nr - (empty > 0));
	}
}
END_TEST

/* --- the ring ------------------------------------------------------------------------------------- */

/* A packet over the end of the ring, and of 32 bits, from every position. */
START_TEST(test_every_ring_position)
{
	const struct shape s = {"wrap", 5, {70, 100, 0, 4000, 9}, {0}};

	for (RING_IDX start = 0; start < 2 * RING_SLOTS; start++) {
		harness_reset(h, &features, start - RING_SLOTS);
		for (unsigned int i = 0; i < 2; i++) {
			harness_make_frame(frame, 4, shape_len(&s), (uint8_t)(start + i));
			put(&s, &kinds[4], i * 8, (uint16_t)(i * 100));
			harness_tx_push(h);
			ck_assert_int_eq(harness_round(h), 0);
			expect_frame(&kinds[4], shape_len(&s), "wrap");
			expect_responses(&s, true, (uint16_t)(i * 100), NETIF_RSP_OKAY);
		}
		expect_no_response();
		expect_no_drop();
	}
}
END_TEST

/* 256 packets, one after the other's id, and nothing of a round is told before all of it is done. */
START_TEST(test_a_full_ring)
{
	const struct shape s = {"full", 1, {60}, {0}};

	harness_make_frame(frame, 4, 60, 1);
	for (unsigned int i = 0; i < RING_SLOTS; i++)
		put(&s, &kinds[0], i, (uint16_t)(0x3ff - i));
	harness_tx_push(h);
	h->tx->rsp_event = 200;

	for (unsigned int done = 0; done < RING_SLOTS; done += TX_QUANTUM) {
		ck_assert_int_eq(tx_begin(&h->q, &h->why), TX_QUANTUM);
		ck_assert_uint_eq(h->tx->rsp_prod, done);
		iobatch_run(&h->w.io);
		ck_assert_uint_eq(h->tx->rsp_prod, done);
		/* The guest asked for an event at 200. */
		ck_assert_int_eq(tx_end(&h->q), done > 0);
		ck_assert_uint_eq(h->tx->rsp_prod, done + TX_QUANTUM);
	}
	for (unsigned int i = 0; i < RING_SLOTS; i++)
		expect_response((uint16_t)(0x3ff - i), NETIF_RSP_OKAY);

	ck_assert_uint_eq(h->stats.tx_packets, RING_SLOTS);
	ck_assert_uint_eq(h->q.tx.copy.nr_ioctls, RING_SLOTS / TX_QUANTUM);
	ck_assert_uint_eq(h->q.tx.copy.nr_hypercalls, RING_SLOTS / 16);
	for (unsigned int i = 0; i < RING_SLOTS; i++)
		expect_frame(&kinds[0], 60, "full");
}
END_TEST

START_TEST(test_no_event_asked_for)
{
	const struct shape s = {"quiet", 1, {60}, {0}};

	harness_make_frame(frame, 4, 60, 1);
	put(&s, &kinds[0], 0, 1);
	harness_tx_push(h);
	h->tx->rsp_event = 2;
	ck_assert_int_eq(harness_round(h), 0);
	ck_assert(!h->tx_notify);
	expect_response(1, NETIF_RSP_OKAY);

	/* Nor when there was nothing to do. */
	h->tx->rsp_event = 2;
	ck_assert_int_eq(harness_round(h), 0);
	ck_assert(!h->tx_notify);
	expect_no_response();
}
END_TEST

/* Requests behind req_prod are not there yet, and what they hold now is nobody's business. */
START_TEST(test_unpushed_requests_stay)
{
	const struct shape s = {"three", 3, {60, 1, 1}, {0}};

	harness_make_frame(frame, 4, 62, 1);
	put(&s, &kinds[0], 0, 1);
	ck_assert_int_eq(harness_round(h), 0);
	expect_no_response();
	ck_assert_uint_eq(h->q.tx_ring.req_cons, 0);
	harness_tx_push(h);
	ck_assert_int_eq(harness_round(h), 0);
	expect_frame(&kinds[0], 62, "three");
	expect_responses(&s, false, 1, NETIF_RSP_OKAY);
}
END_TEST

/* A guest writes its next packet into the page as soon as it may: not before the response. */
START_TEST(test_data_is_the_guests_until_copied)
{
	const struct shape s = {"early", 2, {60, 900}, {0}};

	harness_make_frame(frame, 4, 960, 9);
	put(&s, &kinds[2], 0, 1);
	harness_tx_push(h);
	ck_assert_int_gt(tx_begin(&h->q, &h->why), 0);
	/* After the copy neither ring nor pages are looked at again (XSA-155). */
	memset(h->page[0], 0xff, COPY_PAGE_SIZE);
	memset(h->page[1], 0xff, COPY_PAGE_SIZE);
	memset(h->tx->ring, 0xff, 24);
	iobatch_run(&h->w.io);
	tx_end(&h->q);
	tx_publish(&h->q);
	expect_frame(&kinds[2], 960, "early");
	expect_responses(&s, false, 1, NETIF_RSP_OKAY);
}
END_TEST

/* --- fairness ---------------------------------------------------------------------------------------- */

/* A queue in debt pays first, and a packet that goes over the quantum is whole. */
START_TEST(test_deficit)
{
	const struct shape s = {"debt", 5, {60, 10, 10, 10, 10}, {0}};

	harness_make_frame(frame, 4, 100, 1);
	for (unsigned int i = 0; i < 10; i++)
		put(&s, &kinds[0], i * 5, (uint16_t)(i * 5));
	harness_tx_push(h);
	h->q.tx.deficit = 12 - TX_QUANTUM; /* 12 requests in this round: two packets and a part */

	ck_assert_int_eq(harness_step(h), 0);
	ck_assert_uint_eq(h->stats.tx_packets, 3);
	ck_assert_int_eq(h->q.tx.deficit, 12 - 15);
	for (unsigned int i = 0; i < 3; i++)
		expect_frame(&kinds[0], 100, "debt");

	ck_assert_int_eq(harness_step(h), 0);
	ck_assert_uint_eq(h->stats.tx_packets, 10);
	ck_assert_int_eq(h->q.tx.deficit, TX_QUANTUM - 3 - 35);
	ck_assert_int_eq(harness_step(h), 0);
	for (unsigned int i = 0; i < 10; i++)
		expect_responses(&s, false, (uint16_t)(i * 5), NETIF_RSP_OKAY);
	expect_no_response();
}
END_TEST

/* Who was silent for long has no more than one quantum. */
START_TEST(test_no_savings)
{
	for (int i = 0; i < 5; i++)
		ck_assert_int_eq(harness_round(h), 0);
	ck_assert_int_eq(h->q.tx.deficit, TX_QUANTUM);

	/* And deep debt is paid round by round, without a look at the ring's contents. */
	h->q.tx.deficit = -2 * TX_QUANTUM;
	harness_make_frame(frame, 4, 60, 1);
	put(&(struct shape){"debt", 1, {60}, {0}}, &kinds[0], 0, 1);
	harness_tx_push(h);
	ck_assert_int_eq(harness_round(h), 0);
	ck_assert_int_eq(harness_round(h), 0);
	expect_no_response();
	ck_assert_int_eq(harness_round(h), 0);
	expect_response(1, NETIF_RSP_OKAY);
}
END_TEST

/* Of a packet's slots only the small ones are copied to where our side has a grant, too. */
START_TEST(test_small_slots)
{
	const struct shape s = {
		.what = "small and large",
		.nr = 4,
		.size = {SELFGRANT_MAX, SELFGRANT_MAX + 1, 1, 60},
		.offset = {0, 8, 4095, 0},
	};
	const size_t len = shape_len(&s);

	harness_make_frame(frame, 4, len, 1);
	put(&s, &kinds[0], 0, 1);
	harness_tx_push(h);
	ck_assert_int_eq(harness_round(h), 0);
	ck_assert_uint_eq(h->q.tx.copy.nr_done, 4);
	ck_assert_uint_eq(h->q.tx.copy.nr_selfgrant, h->w.selfgrant.pages ? 3 : 0);
	expect_frame(&kinds[0], len, s.what);
	expect_responses(&s, false, 1, NETIF_RSP_OKAY);
}
END_TEST

static void add_tests(Suite *suite, const char *name, SFun setup_mode)
{
	TCase *tcase = tcase_create(name);

	suite_add_tcase(suite, tcase);
	tcase_add_unchecked_fixture(tcase, harness_create, harness_remove);
	tcase_add_checked_fixture(tcase, setup_mode, teardown);
	tcase_add_loop_test(tcase, test_shapes, 0, ARRAY_SIZE(shapes) * SHAPE_KINDS);
	tcase_add_loop_test(tcase, test_every_number_of_slots, 1, MAX_SLOTS + 1);
	tcase_add_test(tcase, test_every_ring_position);
	tcase_add_test(tcase, test_a_full_ring);
	tcase_add_test(tcase, test_no_event_asked_for);
	tcase_add_test(tcase, test_unpushed_requests_stay);
	tcase_add_test(tcase, test_data_is_the_guests_until_copied);
	tcase_add_test(tcase, test_deficit);
	tcase_add_test(tcase, test_no_savings);
	tcase_add_test(tcase, test_small_slots);
}

int main(void)
{
	Suite *suite = suite_create("tx");
	SRunner *runner = srunner_create(suite);
	int failed;

	add_tests(suite, "pages of its own", setup);
	add_tests(suite, "granted to itself", setup_granted);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? 1 : 0;
}
