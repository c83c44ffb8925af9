/* SPDX-License-Identifier: MIT */
/* test-rx-segment.c: a large frame to a guest that cannot take it, segment by segment */
#include "netback/engine/rx.h"

#include <check.h>
#include <endian.h>
#include <string.h>

#include "netback/engine/clock.h"
#include "test/unit/frames.h"
#include "test/unit/rx-fixture.h"

enum {
	BLANK = NETRXF_csum_blank | NETRXF_data_validated,
	NEEDS = VIRTIO_NET_HDR_F_NEEDS_CSUM,
};

#define TCP4(bytes) .version = 4, .proto = IPPROTO_TCP, .payload = bytes, .transport = 34, .end = 54
#define TCP6(bytes) .version = 6, .proto = IPPROTO_TCP, .payload = bytes, .transport = 54, .end = 74

/* Puts the shape's frame on the port, as the kernel does one that is to be cut at `size`. */
static void send_gso(const struct frame_shape *shape, uint16_t size)
{
	uint32_t len = frame_build(shape, frame);
	struct virtio_net_hdr hdr = {
		.flags = NEEDS,
		.gso_type =
			shape->version == 4 ? VIRTIO_NET_HDR_GSO_TCPV4 : VIRTIO_NET_HDR_GSO_TCPV6,
		.gso_size = htole16(size),
		.csum_start = htole16(shape->transport),
		.csum_offset = htole16(16),
	};

	frame_put16(frame + shape->transport + 16, frame_pseudo_sum(shape, frame, len));
	harness_send(h, &hdr, frame, len);
}

/* The next segment, whose payload is `bytes` of the frame from `at` on, after the headers. */
static void expect_segment(const struct frame_shape *shape, uint32_t at, uint32_t bytes, bool blank)
{
	const char *wrong = harness_rx_take(h, &got);
	uint16_t pseudo;

	ck_assert_msg(!wrong, "%s at %u: %s", shape->what, at, wrong);
	ck_assert_uint_eq(got.len, shape->end + bytes);
	ck_assert_mem_eq(got.data + shape->end, frame + shape->end + at, bytes);
	ck_assert_mem_eq(got.data, frame, 14 + 4 * shape->tags);
	ck_assert_uint_eq(got.flags & BLANK, blank ? BLANK : 0);
	ck_assert_uint_eq(got.gso_type, 0);
	/* Of a sequence number that began with 0. */
	ck_assert_uint_eq((uint32_t)got.data[shape->transport + 6] << 8 |
				  got.data[shape->transport + 7],
			  at & 0xffff);
	pseudo = frame_pseudo_sum(shape, got.data, (uint32_t)got.len);
	if (blank)
		ck_assert_uint_eq(got.data[shape->transport + 16] << 8 |
					  got.data[shape->transport + 17],
				  pseudo);
	else
		ck_assert_uint_eq(
			frame_sum(got.data + shape->transport, got.len - shape->transport, pseudo),
			0xffff);
}

static void expect_all(const struct frame_shape *shape, uint32_t from, uint32_t size, bool blank)
{
	for (uint32_t at = from; at < shape->payload; at += size)
		expect_segment(shape, at, min(size, shape->payload - at), blank);
}

static void without_gso(void)
{
	features.rx_gso_tcpv4 = features.rx_gso_tcpv6 = false;
	reset();
}

/* --- which, and how ------------------------------------------------------------------------------------ */

static const struct {
	struct frame_shape shape;
	uint16_t size, want; /* a segment's payload: as asked for, and as it comes */
	bool no_gso, no_sg, no_csum, complete, blank;
	uint16_t headroom;
	unsigned int slots; /* of a full segment */
} cuts[] = {
	{{"tcp4", TCP4(9000)}, 1448, 1448, .no_gso = true, .blank = true, .slots = 1},
	{{"tcp6", TCP6(9000)}, 1428, 1428, .no_gso = true, .blank = true, .slots = 1},
	{{"without checksums", TCP4(9000)}, 1448, 1448, .no_csum = true, .slots = 1},
	{{"complete checksums", TCP4(60000)}, 1448, 1448, .complete = true, .slots = 1},
	{{"complete, of v6", TCP6(20001)}, 1000, 1000, .complete = true, .slots = 1},
	{{"jumbo segments", TCP4(60000)}, 8948, 8948, .complete = true, .slots = 3},
	{{"tagged", .tags = 1, .version = 4, .proto = IPPROTO_TCP, .payload = 20000,
	  .transport = 38, .end = 58},
	 1448,
	 1448,
	 .slots = 1},
	{{"without sg", TCP4(20000)}, 1448, 1448, .no_sg = true, .blank = true, .slots = 1},
	{{"without sg, too long", TCP4(20000)},
	 8948,
	 4042,
	 .no_sg = true,
	 .blank = true,
	 .slots = 1},
	{{"without sg, headroom", TCP4(20000)},
	 8948,
	 3786,
	 .no_sg = true,
	 .blank = true,
	 .headroom = 256,
	 .slots = 2},
	{{"headroom", TCP4(9000)}, 1448, 1448, .complete = true, .headroom = 256, .slots = 2},
	{{"one segment", TCP4(100)}, 1448, 1448, .complete = true, .slots = 1},
};

START_TEST(test_cut)
{
	const struct frame_shape *shape = &cuts[_i].shape;
	unsigned int nr = DIV_ROUND_UP(shape->payload, cuts[_i].want);

	features.rx_gso_tcpv4 = features.rx_gso_tcpv6 = !cuts[_i].no_gso;
	features.rx_csum_ipv4 = !cuts[_i].no_csum;
	features.rx_sg = !cuts[_i].no_sg;
	reset();
	policy.complete_csums = cuts[_i].complete;
	policy.xdp_headroom = cuts[_i].headroom;
	police();
	harness_rx_post(h, 200);
	send_gso(shape, cuts[_i].size);
	serve();
	for (uint32_t at = 0; at < shape->payload; at += cuts[_i].want) {
		uint32_t bytes = min((uint32_t)cuts[_i].want, shape->payload - at);

		expect_segment(shape, at, bytes, cuts[_i].blank);
		ck_assert_uint_eq(got.headroom, cuts[_i].headroom);
		if (bytes == cuts[_i].want)
			ck_assert_uint_eq(got.nr_slots, cuts[_i].slots);
	}
	expect_nothing();
	expect_drop("", 0);
	ck_assert_uint_eq(h->stats.rx_packets, nr);
	ck_assert_uint_eq(h->stats.rx_segments, nr);
	ck_assert_uint_eq(h->stats.rx_csum_completed, cuts[_i].blank ? 0 : nr);
	ck_assert_uint_eq(h->stats.rx_gso_packets, 0);
	ck_assert_uint_eq(h->q.rx.nr_held, 0);
}
END_TEST

/* What is no TCP, or would be thousands of segments. */
START_TEST(test_not_cut)
{
	struct frame_shape shape = {"tiny", TCP4(9000)};

	without_gso();
	harness_rx_post(h, 20);
	send_gso(&shape, 7);
	serve();
	expect_nothing();
	expect_drop("rx_bad_offload", 1);
	ck_assert_uint_eq(h->q.rx.nr_busy + (unsigned int)__builtin_popcount(h->q.rx.free),
			  RX_BATCH);
}
END_TEST

/* A segment is what the MTU is about. */
START_TEST(test_mtu)
{
	struct frame_shape shape = {"mtu", TCP4(9000)};

	without_gso();
	policy.mtu = 1500;
	police();
	harness_rx_post(h, 20);
	send_gso(&shape, 1461);
	send_gso(&shape, 1460);
	serve();
	expect_all(&shape, 0, 1460, true);
	expect_nothing();
	expect_drop("rx_over_mtu", 1);
}
END_TEST

/* --- by and by ------------------------------------------------------------------------------------------- */

/* As many segments go as the guest has slots for; what comes behind waits, and nothing more is kept here. */
START_TEST(test_few_slots)
{
	static const struct frame_shape shape = {"few", TCP4(20000)};
	static const struct virtio_net_hdr plain;
	uint32_t at = 0;

	without_gso();
	harness_rx_post(h, 1);
	serve();
	send_gso(&shape, 1000);
	harness_send(h, &plain, frame, 600);
	for (unsigned int nr = 0; at < shape.payload; nr = (nr + 1) % 4) {
		serve();
		serve();
		harness_rx_post(h, nr);
		serve();
		for (; h->rx_cons != h->rx->rsp_prod && at < shape.payload; at += 1000)
			expect_segment(&shape, at, 1000, true);
		ck_assert_uint_le(h->q.rx.nr_held, 2);
		ck_assert_uint_eq(h->q.rx.nr_held + h->q.rx.nr_busy +
					  (unsigned int)__builtin_popcount(h->q.rx.free),
				  RX_BATCH);
	}
	harness_rx_post(h, 2);
	serve();
	ck_assert_ptr_null(harness_rx_take(h, &got));
	ck_assert_uint_eq(got.len, 600);
	expect_nothing();
	ck_assert_uint_eq(h->stats.rx_packets, 21);
	ck_assert_uint_eq(h->stats.rx_segments, 20);
}
END_TEST

/* More segments than a round has headers for, of several frames. */
START_TEST(test_more_than_a_round)
{
	static const struct frame_shape shape = {"many", TCP4(60000)};

	without_gso();
	harness_rx_post(h, 250);
	send_gso(&shape, 600);
	send_gso(&shape, 600);
	ck_assert_int_eq(harness_step(h), 0);
	ck_assert_uint_eq(h->stats.rx_packets, RX_CUTS);
	for (int i = 0; i < 5; i++)
		serve();
	expect_all(&shape, 0, 600, true);
	expect_all(&shape, 0, 600, true);
	expect_nothing();
	ck_assert_uint_eq(h->stats.rx_packets, 200);
	ck_assert_uint_le(h->q.rx.copy.nr, COPY_MAX_SEGMENTS);
}
END_TEST

/* A buffer that may not be written costs the segment that it was for. */
START_TEST(test_copy_fails)
{
	static const struct frame_shape shape = {"bad buffer", TCP4(3000)};

	without_gso();
	harness_rx_post(h, 20);
	h->rx->ring[(240 + 1) % RING_SLOTS].req.gref = h->bad_ref;
	send_gso(&shape, 1000);
	serve();
	expect_segment(&shape, 0, 1000, true);
	ck_assert_ptr_null(harness_rx_take(h, &got));
	ck_assert_int_eq(got.status, NETIF_RSP_ERROR);
	expect_segment(&shape, 2000, 1000, true);
	expect_nothing();
	expect_drop("rx_copy_failed", 1);
	ck_assert_uint_eq(h->stats.rx_segments, 2);
}
END_TEST

/* The policy changes when the first segments are gone: the rest goes by the new one. */
START_TEST(test_policy_changes)
{
	static const struct frame_shape shape = {"changes", TCP4(9000)};

	features.rx_sg = false;
	reset();
	harness_rx_post(h, 2);
	serve();
	send_gso(&shape, 4042);
	serve();
	policy.complete_csums = true;
	policy.xdp_headroom = 256;
	expect_segment(&shape, 0, 4042, true);
	expect_segment(&shape, 4042, 4042, true);
	police();
	harness_rx_post(h, 20);
	serve();
	expect_segment(&shape, 8084, 916, false);
	ck_assert_uint_eq(got.headroom, 256);
	expect_nothing();

	/* And one that is larger than a page has room for now is cut again. */
	h->rx->req_prod = h->rx_prod = h->q.rx_ring.req_cons;
	policy = (struct link_policy){0};
	police();
	harness_rx_post(h, 1);
	serve();
	send_gso(&shape, 4042);
	serve();
	expect_segment(&shape, 0, 4042, true);
	policy.xdp_headroom = 2048;
	police();
	harness_rx_post(h, 20);
	serve();
	expect_segment(&shape, 4042, 1994, true);
	expect_segment(&shape, 6036, 1994, true);
	expect_segment(&shape, 8030, 970, true);
	expect_nothing();
	expect_drop("", 0);
}
END_TEST

/* Half gone when the guest stops: the rest is one frame that is too old, and its memory is free again. */
START_TEST(test_expires)
{
	static const struct frame_shape shape = {"expires", TCP4(9000)};

	without_gso();
	harness_rx_post(h, 3);
	serve();
	send_gso(&shape, 1000);
	serve();
	ck_assert_uint_eq(h->q.rx.nr_held, 1);
	serve();
	h->q.rx.starved_since -= RX_DRAIN_NS;
	serve();
	expect_drop("rx_expired", 1);
	ck_assert_uint_eq(h->q.rx.nr_held, 0);
	ck_assert_uint_eq(h->q.rx.nr_busy + (unsigned int)__builtin_popcount(h->q.rx.free),
			  RX_BATCH);
	ck_assert_uint_eq(h->stats.rx_segments, 3);
}
END_TEST

/* Segments are charged as what they are on the guest's wire. */
START_TEST(test_rate)
{
	static const struct frame_shape shape = {"rate", TCP4(50000)};
	uint64_t before;

	without_gso();
	policy.rx_rate = (struct link_rate){1000000, 1000000};
	police();
	h->memory.rx_rate.empty_at = before = (clock_ns() - 45000000) << RATE_SHIFT;
	harness_rx_post(h, 100);
	send_gso(&shape, 1000);
	serve();
	/* 45 ms of credit and those that passed meanwhile, each segment 1.054 ms. */
	ck_assert_uint_ge(h->stats.rx_segments, 43);
	ck_assert_uint_eq(h->memory.rx_rate.empty_at - before,
			  h->stats.rx_segments * (1054000ull << RATE_SHIFT));
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("rx-segment");
	TCase *tcase = tcase_create("rx-segment");
	SRunner *runner = srunner_create(suite);
	int failed;

	suite_add_tcase(suite, tcase);
	tcase_set_timeout(tcase, 60);
	tcase_add_unchecked_fixture(tcase, harness_create, harness_remove);
	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_add_loop_test(tcase, test_cut, 0, ARRAY_SIZE(cuts));
	tcase_add_test(tcase, test_not_cut);
	tcase_add_test(tcase, test_mtu);
	tcase_add_test(tcase, test_few_slots);
	tcase_add_test(tcase, test_more_than_a_round);
	tcase_add_test(tcase, test_copy_fails);
	tcase_add_test(tcase, test_policy_changes);
	tcase_add_test(tcase, test_expires);
	tcase_add_test(tcase, test_rate);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? 1 : 0;
}
