/* SPDX-License-Identifier: MIT */
/* test-rx.c: what the port has is what the guest gets, in the slots it posted */
#include "netback/engine/rx.h"

#include <check.h>
#include <endian.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "test/fakexen/machine.h"
#include "test/unit/engine-harness.h"

static struct harness harness, *h = &harness;
static struct link_features features;
static struct harness_frame got;
static uint8_t frame[HARNESS_FRAME];
static const struct virtio_net_hdr plain;

static void setup(bool uring)
{
	harness_open(h, uring);
	ck_assert_msg(h->w.io.uring == uring, "the wrong mode");
	features = harness_all_features();
	harness_reset(h, &features, 0);
}

static void setup_plain(void)
{
	setup(false);
}

static void setup_uring(void)
{
	setup(true);
}

static void setup_granted(void)
{
	setup(false);
	harness_share(h);
}

static void teardown(void)
{
	harness_close(h);
}

static void serve(void)
{
	ck_assert_int_eq(harness_round(h), 0);
}

/* As after a flood: so many reads are posted at once. */
static void want_reads(unsigned int nr)
{
	h->q.rx.nr_wanted = nr;
}

static void send_plain(size_t len, uint8_t seed)
{
	harness_make_frame(frame, 4, len < 54 ? 54 : len, seed);
	harness_send(h, &plain, frame, len);
}

static void expect_frame(size_t len, const char *what)
{
	const char *wrong = harness_rx_take(h, &got);

	ck_assert_msg(!wrong, "%s: %s", what, wrong);
	ck_assert_msg(got.len == len, "%s: %zu bytes, not %zu", what, got.len, len);
	ck_assert_msg(memcmp(got.data, frame, len) == 0, "%s: other bytes", what);
	/* Windows asserts that (reference: xenvif). */
	if (got.flags & NETRXF_csum_blank)
		ck_assert(got.flags & NETRXF_data_validated);
}

static void expect_nothing(void)
{
	ck_assert_uint_eq(h->rx->rsp_prod, h->rx_cons);
}

static void expect_drop(const char *reason, uint64_t want)
{
	uint64_t count;

	ck_assert_str_eq(harness_drop(&h->stats, &count), reason);
	ck_assert_uint_eq(count, want);
}

/* --- slots ---------------------------------------------------------------------------------------- */

static const size_t sizes[] = {1,    14,   60,	  1514,	 4095,	4096,  4097, 8191,
			       8192, 8193, 12345, 61440, 61441, 65535, 65536};

START_TEST(test_sizes)
{
	size_t len = sizes[_i], nr = (len + 4095) / 4096;

	harness_rx_post(h, RING_SLOTS);
	send_plain(len, 3);
	serve();
	/* Full pages but the last, which the frame's taking to pieces shows. */
	expect_frame(len, "size");
	ck_assert_uint_eq(got.nr_slots, nr);
	ck_assert_uint_eq(got.flags, nr > 1 ? NETRXF_more_data : 0);
	for (size_t i = 0; i < nr; i++) {
		netif_rx_response_t *rsp = &h->rx->ring[i].rsp;

		ck_assert_int_eq(rsp->status, i + 1 < nr ? 4096 : len - i * 4096);
		ck_assert_uint_eq(rsp->offset, 0);
		ck_assert_uint_eq(rsp->flags, i + 1 < nr ? NETRXF_more_data : 0);
	}
	expect_nothing();
	expect_drop("", 0);
	ck_assert(h->rx_notify);
	ck_assert_uint_eq(h->stats.rx_packets, 1);
	ck_assert_uint_eq(h->stats.rx_bytes, len);
	ck_assert_uint_eq(h->stats.rx_slots, nr);
	ck_assert_uint_eq(h->q.rx_ring.req_cons, nr);
	ck_assert_uint_eq(h->q.rx.copy.nr_hypercalls, 1);
}
END_TEST

/* From every position, with an extra info that may be the one that wraps. */
START_TEST(test_every_ring_position)
{
	struct virtio_net_hdr hdr = {
		.flags = VIRTIO_NET_HDR_F_NEEDS_CSUM,
		.gso_type = VIRTIO_NET_HDR_GSO_TCPV4,
		.gso_size = htole16(1448),
		.csum_start = htole16(34),
		.csum_offset = htole16(16),
	};

	for (RING_IDX start = 0; start < 2 * RING_SLOTS; start++) {
		harness_reset(h, &features, start - RING_SLOTS);
		harness_rx_post(h, 20);
		harness_make_frame(frame, 4, 9000, (uint8_t)start);
		harness_send(h, &hdr, frame, 9000);
		serve();
		expect_frame(9000, "position");
		ck_assert_uint_eq(got.nr_slots, 4);
		ck_assert_uint_eq(got.gso_size, 1448);
		expect_nothing();
	}
}
END_TEST

/* --- checksum and segmentation ---------------------------------------------------------------------- */

enum {
	BLANK = NETRXF_csum_blank | NETRXF_data_validated,
	NEEDS = VIRTIO_NET_HDR_F_NEEDS_CSUM,
	VALID = VIRTIO_NET_HDR_F_DATA_VALID,
};

static const struct offload {
	const char *what;
	unsigned int version;
	size_t len;
	uint8_t hdr_flags, hdr_gso;
	bool no_csum; /* the frontend does not take blank checksums */
	uint16_t flags;
	uint8_t gso_type;
	const char *drop;
} offloads[] = {
	{"nothing", 4, 1000, 0, 0, 0, 0, 0, ""},
	{"valid", 4, 1000, VALID, 0, 0, NETRXF_data_validated, 0, ""},
	{"blank, IPv4", 4, 1000, NEEDS, 0, 0, BLANK, 0, ""},
	{"blank, IPv6", 6, 1000, NEEDS, 0, 0, BLANK, 0, ""},
	{"blank, several slots", 6, 9000, NEEDS, 0, 0, BLANK, 0, ""},
	{"blank, not taken", 4, 1000, NEEDS, 0, 1, 0, 0, ""},
	{"gso, IPv4", 4, 60000, NEEDS, VIRTIO_NET_HDR_GSO_TCPV4, 0, BLANK, 1, ""},
	{"gso, IPv6", 6, 65536, NEEDS, VIRTIO_NET_HDR_GSO_TCPV6, 0, BLANK, 2, ""},
	{"gso, one slot", 4, 4096, NEEDS, VIRTIO_NET_HDR_GSO_TCPV4, 0, BLANK, 1, ""},
	{"gso with ECN", 4, 9000, NEEDS, VIRTIO_NET_HDR_GSO_TCPV4 | VIRTIO_NET_HDR_GSO_ECN, 0,
	 BLANK, 1, ""},
	{"gso without csum", 4, 9000, 0, VIRTIO_NET_HDR_GSO_TCPV4, 0, 0, 0, "rx_bad_offload"},
	{"gso of the other", 4, 9000, NEEDS, VIRTIO_NET_HDR_GSO_TCPV6, 0, 0, 0, "rx_bad_offload"},
	{"UDP gso", 4, 9000, NEEDS, VIRTIO_NET_HDR_GSO_UDP, 0, 0, 0, "rx_bad_offload"},
	{"no room for csum", 4, 51, NEEDS, 0, 0, 0, 0, "rx_bad_offload"},
};

START_TEST(test_offloads)
{
	const struct offload *o = &offloads[_i];
	size_t transport = o->version == 4 ? 34 : 54;
	struct virtio_net_hdr hdr = {
		.flags = o->hdr_flags,
		.gso_type = o->hdr_gso,
		.gso_size = htole16(o->hdr_gso ? 1400 : 0),
		.csum_start = htole16(o->hdr_flags & NEEDS ? transport : 0),
		.csum_offset = htole16(o->hdr_flags & NEEDS ? 16 : 0),
	};
	bool drops = *o->drop;

	if (o->no_csum)
		features.rx_csum_ipv4 = false;
	harness_reset(h, &features, 0);
	harness_rx_post(h, 100);
	harness_make_frame(frame, o->version, 65536, 1);
	harness_send(h, &hdr, frame, o->len);
	serve();
	expect_drop(o->drop, drops);
	/* A frame that cannot go leaves its buffers to the next. */
	ck_assert_uint_eq(h->q.rx_ring.req_cons,
			  drops ? 0 : (o->len + 4095) / 4096 + !!o->gso_type);
	if (drops) {
		expect_nothing();
		return;
	}
	if (o->no_csum) { /* completed: see the offload tests for its value */
		ck_assert_ptr_null(harness_rx_take(h, &got));
		ck_assert_uint_eq(h->stats.rx_csum_completed, 1);
		ck_assert_mem_eq(got.data, frame, transport + 16);
		ck_assert_mem_eq(got.data + transport + 18, frame + transport + 18,
				 o->len - transport - 18);
	} else {
		expect_frame(o->len, o->what);
	}
	ck_assert_uint_eq(got.flags & BLANK, o->flags);
	ck_assert_uint_eq(!!(got.flags & NETRXF_extra_info), !!o->gso_type);
	ck_assert_uint_eq(got.gso_type, o->gso_type);
	ck_assert_uint_eq(got.gso_size, o->gso_type ? 1400 : 0);
	ck_assert_uint_eq(got.extra_flags, 0);
	ck_assert_uint_eq(h->stats.rx_gso_packets, !!o->gso_type);
	ck_assert_uint_eq(h->stats.rx_csum_blank, o->flags == BLANK);
}
END_TEST

/* --- many frames -------------------------------------------------------------------------------------- */

START_TEST(test_one_push_for_many)
{
	want_reads(RX_BATCH);
	harness_rx_post(h, RING_SLOTS);
	for (unsigned int i = 0; i < 8; i++)
		send_plain(100 + i * 1500, (uint8_t)i);
	h->rx->rsp_event = 5;

	ck_assert_int_eq(rx_begin(&h->q, &h->why), 0);
	iobatch_run(&h->w.io);
	ck_assert_uint_eq(h->rx->rsp_prod, 0);
	ck_assert_msg(rx_end(&h->q), "the guest asked for an event at 5");
	for (unsigned int i = 0; i < 8; i++) {
		harness_make_frame(frame, 4, 100 + i * 1500, (uint8_t)i);
		expect_frame(100 + i * 1500, "many");
	}
	expect_nothing();
	ck_assert_uint_eq(h->q.rx.copy.nr_ioctls, 1);
	ck_assert_uint_eq(h->stats.rx_packets, 8);
}
END_TEST

/* As many reads as there are frames to expect: one for lone ones, twice as many when all are used. */
START_TEST(test_reads_for_frames)
{
	features.rx_sg = features.rx_gso_tcpv4 = features.rx_gso_tcpv6 = false;
	harness_reset(h, &features, 0);
	harness_rx_post(h, RING_SLOTS);
	serve();
	ck_assert_uint_eq(h->q.rx.nr_busy, 1);
	serve();
	ck_assert_uint_eq(h->stats.port_ops, 1);

	for (unsigned int i = 0; i < 40; i++)
		send_plain(60 + i, (uint8_t)i);
	for (unsigned int want = 1, got_all = 1; got_all < 1 + 2 + 4 + 8 + 16; got_all += want) {
		serve();
		ck_assert_uint_eq(h->stats.rx_packets, got_all);
		want *= 2;
	}
	serve();
	ck_assert_uint_eq(h->q.rx.nr_done, RX_BATCH);
	serve();
	ck_assert_uint_eq(h->stats.rx_packets, 40);
	for (unsigned int i = 0; i < 40; i++) {
		harness_make_frame(frame, 4, 60 + i, (uint8_t)i);
		expect_frame(60 + i, "flood");
	}

	/* What is posted stays until it is used up, and is not added to. */
	ck_assert_uint_eq(h->q.rx.nr_wanted, 9);
	ck_assert_uint_eq(h->q.rx.nr_busy, RX_BATCH - 9);
	for (unsigned int i = 0; i < 30; i++) {
		serve();
		serve();
		ck_assert_uint_ge(h->q.rx.nr_busy, 1);
		ck_assert_uint_eq(h->q.port.frames.nr_posted, h->q.rx.nr_busy);
		ck_assert_uint_eq(h->q.rx.nr_busy + (unsigned int)__builtin_popcount(h->q.rx.free),
				  RX_BATCH);
		send_plain(60 + i, (uint8_t)i);
		serve();
		expect_frame(60 + i, "alone");
	}
	ck_assert_uint_le(h->q.rx.nr_busy, 1);
	ck_assert_uint_le(h->q.rx.nr_wanted, 2);
	expect_nothing();
}
END_TEST

/* A read that brought nothing gives its place back. */
START_TEST(test_read_that_found_nothing)
{
	struct iobatch_read *r;

	want_reads(2);
	harness_rx_post(h, 34);
	send_plain(60, 1);
	send_plain(61, 2);
	ck_assert_int_eq(rx_begin(&h->q, &h->why), 0);
	iobatch_run(&h->w.io);
	ck_assert_uint_eq(h->q.rx.nr_busy, 2);
	r = h->q.port.frames.done.head;
	r->ret = -EAGAIN;
	rx_end(&h->q);
	ck_assert_uint_eq(h->stats.rx_packets, 1);
	ck_assert_uint_eq(h->q.rx.nr_busy, 0);
	expect_drop("", 0);
	send_plain(62, 3);
	serve();
	ck_assert_uint_eq(h->stats.rx_packets, 2);
	ck_assert_uint_eq(h->stats.port_ops, 2 + 4);
	harness_make_frame(frame, 4, 61, 2);
	expect_frame(61, "the other");
	harness_make_frame(frame, 4, 62, 3);
	expect_frame(62, "posted again");
	expect_nothing();
}
END_TEST

/* --- room -------------------------------------------------------------------------------------------- */

static const struct room {
	unsigned int len, posted, placed;
} rooms[] = {
	{60, 0, 0},	{60, 1, 1},	{60, 5, 5},	{60, 18, 6},	{9000, 2, 0},
	{9000, 3, 1},	{9000, 5, 1},	{9000, 6, 2},	{65535, 15, 0}, {65535, 16, 1},
	{65535, 31, 1}, {65535, 32, 2}, {65535, 96, 6},
};

/* A frame goes when there are the slots it needs; until then it and all behind it wait, in order. */
START_TEST(test_room)
{
	const struct room *r = &rooms[_i];
	unsigned int slots = DIV_ROUND_UP(r->len, COPY_PAGE_SIZE);
	unsigned int left = r->posted - r->placed * slots;

	harness_reset(h, &features, 77);
	want_reads(RX_BATCH);
	harness_rx_post(h, r->posted ? 1 : 0);
	serve();
	harness_rx_post(h, r->posted ? r->posted - 1 : 0);
	for (unsigned int i = 0; i < 6; i++)
		send_plain(r->len, (uint8_t)i);
	serve();
	ck_assert_uint_eq(h->stats.rx_packets, r->placed);
	serve(); /* perhaps not done: frames were to gather */
	serve();
	ck_assert_uint_eq(h->stats.rx_packets, r->placed);
	ck_assert_uint_eq(h->q.rx.nr_held, r->posted ? 6 - r->placed : 0);
	ck_assert_uint_eq(h->stats.rx_full, left < (r->placed < 6 ? slots : 1));

	harness_rx_post(h, 6 * slots);
	serve();
	serve();
	ck_assert_uint_eq(h->stats.rx_packets, 6);
	ck_assert_uint_eq(h->q.rx.nr_held, 0);
	for (unsigned int i = 0; i < 6; i++) {
		harness_make_frame(frame, 4, r->len, (uint8_t)i);
		expect_frame(r->len, "in order");
	}
	expect_nothing();
}
END_TEST

/* What is here is bounded, however much the port has and however little the guest takes. */
START_TEST(test_held_frames_are_bounded)
{
	want_reads(RX_BATCH);
	harness_rx_post(h, 1);
	for (unsigned int i = 0; i < 40; i++)
		send_plain(9000, (uint8_t)i);
	for (unsigned int i = 0; i < 5; i++) {
		serve();
		ck_assert_uint_eq(h->q.rx.nr_held + h->q.rx.nr_busy, RX_BATCH);
	}
	ck_assert_uint_eq(h->stats.rx_packets, 0);
	ck_assert_uint_eq(h->stats.port_ops, RX_BATCH);

	for (unsigned int i = 0; i < 40; i++) {
		harness_rx_post(h, i ? 3 : 2);
		serve();
		serve();
		harness_make_frame(frame, 4, 9000, (uint8_t)i);
		expect_frame(9000, "one by one");
	}
	expect_nothing();
}
END_TEST

START_TEST(test_a_guest_without_sg)
{
	features.rx_sg = false;
	harness_reset(h, &features, 0);
	want_reads(RX_BATCH);
	harness_rx_post(h, 18);
	send_plain(4097, 1);
	send_plain(4096, 2);
	serve();
	ck_assert_uint_eq(h->stats.drop_rx_too_long, 1);
	expect_frame(4096, "a whole page");
	ck_assert_uint_eq(got.nr_slots, 1);
	ck_assert_uint_eq(got.flags, 0);
	expect_nothing();
}
END_TEST

/* --- what goes wrong ------------------------------------------------------------------------------------ */

/* A tap cuts a frame that is too long for the buffer, and returns its true length. */
START_TEST(test_drop_rx_too_long)
{
	harness_rx_post(h, RING_SLOTS);
	send_plain(65536, 1);
	ck_assert_int_eq(rx_begin(&h->q, &h->why), 0);
	iobatch_run(&h->w.io);
	ck_assert_int_eq(h->q.rx.frame[0].read.ret, 65546);
	h->q.rx.frame[0].read.ret = 65547;
	ck_assert(!rx_end(&h->q));
	expect_drop("rx_too_long", 1);
	expect_nothing();
	ck_assert_uint_eq(h->q.rx_ring.req_cons, 0);
}
END_TEST

/* A buffer that may not be written costs the frame, which keeps its shape. */
START_TEST(test_drop_rx_copy_failed)
{
	unsigned int bad = (unsigned int)_i / 2;

	want_reads(RX_BATCH);
	harness_rx_post(h, 60);
	h->rx->ring[bad].req.gref = _i % 2 ? h->bad_ref : h->readonly_ref;
	send_plain(10000, 1);
	send_plain(5000, 2);
	serve();
	expect_drop("rx_copy_failed", 1);
	for (unsigned int i = 0; i < 3; i++) {
		netif_rx_response_t *rsp = &h->rx->ring[i].rsp;

		ck_assert_int_eq(rsp->status, NETIF_RSP_ERROR);
		ck_assert_uint_eq(rsp->id, harness_rx_id(i));
		ck_assert_uint_eq(rsp->flags, i < 2 ? NETRXF_more_data : 0);
	}
	ck_assert_ptr_null(harness_rx_take(h, &got));
	ck_assert_uint_eq(got.nr_slots, 3);
	ck_assert_uint_eq(got.len, 0);
	expect_frame(5000, "the next");
	expect_nothing();
	ck_assert_uint_eq(h->stats.rx_packets, 1);
	ck_assert_uint_eq(h->stats.rx_bytes, 5000);
	ck_assert_uint_eq(h->stats.rx_slots, 5);
}
END_TEST

START_TEST(test_drop_rx_copy_failed_gso)
{
	struct virtio_net_hdr gso = {
		.flags = NEEDS,
		.gso_type = VIRTIO_NET_HDR_GSO_TCPV4,
		.gso_size = htole16(1000),
		.csum_start = htole16(34),
		.csum_offset = htole16(16),
	};

	/* A status that Xen should not give is no success either (XSA-316). */
	ck_assert_int_eq(machine_arm_fault(FAULT_GRANT_COPY, 2, 1, 1), 0);
	harness_rx_post(h, 60);
	harness_make_frame(frame, 4, 9000, 1);
	harness_send(h, &gso, frame, 9000);
	serve();
	expect_drop("rx_copy_failed", 1);
	ck_assert_ptr_null(harness_rx_take(h, &got));
	ck_assert_uint_eq(got.nr_slots, 4);
	ck_assert_uint_eq(got.gso_size, 1000);
	ck_assert_int_eq(got.status, NETIF_RSP_ERROR);
	ck_assert_uint_eq(got.len, 0);
	expect_nothing();
}
END_TEST

/* One read that failed says nothing about those behind it. */
START_TEST(test_refused_read_between_frames)
{
	want_reads(RX_BATCH);
	harness_rx_post(h, RING_SLOTS);
	send_plain(60, 1);
	ck_assert_int_eq(write(h->peer, "short", 5), 5);
	send_plain(70, 2);
	serve();
	expect_drop("rx_bad_offload", 1);
	harness_make_frame(frame, 4, 60, 1);
	expect_frame(60, "before");
	harness_make_frame(frame, 4, 70, 2);
	expect_frame(70, "behind");
	expect_nothing();
}
END_TEST

START_TEST(test_fatal_producer)
{
	static const RING_IDX producers[] = {0, 258, 1000, 0x80000000u, 0xffffffffu};

	features.rx_sg = features.rx_gso_tcpv4 = features.rx_gso_tcpv6 = false;
	harness_reset(h, &features, 0);
	harness_rx_post(h, 1);
	send_plain(60, 1);
	serve();
	expect_frame(60, "fine");
	h->rx->req_prod = producers[_i];
	ck_assert_int_eq(harness_round(h), -EPROTO);
	ck_assert_str_eq(h->why, "rx ring: the producer index makes no sense");
	expect_nothing();
}
END_TEST

/* The producer index is tested each time it is read. */
START_TEST(test_ring_may_change_afterwards)
{
	harness_rx_post(h, 40);
	send_plain(9000, 1);
	ck_assert_int_eq(rx_begin(&h->q, &h->why), 0);
	iobatch_run(&h->w.io);
	h->rx->req_prod = 0x80000000u; /* nothing is taken, and the next round says why */
	ck_assert(!rx_end(&h->q));
	expect_nothing();
	ck_assert_int_eq(harness_round(h), -EPROTO);
}
END_TEST

static void add_tests(Suite *suite, const char *name, SFun setup_mode)
{
	TCase *tcase = tcase_create(name);

	suite_add_tcase(suite, tcase);
	tcase_add_unchecked_fixture(tcase, harness_create, harness_remove);
	tcase_add_checked_fixture(tcase, setup_mode, teardown);
	tcase_add_loop_test(tcase, test_sizes, 0, ARRAY_SIZE(sizes));
	tcase_add_test(tcase, test_every_ring_position);
	tcase_add_loop_test(tcase, test_offloads, 0, ARRAY_SIZE(offloads));
	tcase_add_test(tcase, test_one_push_for_many);
	tcase_add_test(tcase, test_reads_for_frames);
	tcase_add_test(tcase, test_read_that_found_nothing);
	tcase_add_loop_test(tcase, test_room, 0, ARRAY_SIZE(rooms));
	tcase_add_test(tcase, test_held_frames_are_bounded);
	tcase_add_test(tcase, test_a_guest_without_sg);
	tcase_add_test(tcase, test_drop_rx_too_long);
	tcase_add_loop_test(tcase, test_drop_rx_copy_failed, 0, 6);
	tcase_add_test(tcase, test_drop_rx_copy_failed_gso);
	tcase_add_test(tcase, test_refused_read_between_frames);
	tcase_add_loop_test(tcase, test_fatal_producer, 0, 5);
	tcase_add_test(tcase, test_ring_may_change_afterwards);
}

int main(void)
{
	Suite *suite = suite_create("rx");
	SRunner *runner = srunner_create(suite);
	int failed;

	add_tests(suite, "plain", setup_plain);
	add_tests(suite, "granted to itself", setup_granted);
	if (harness_has_uring())
		add_tests(suite, "io_uring", setup_uring);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? 1 : 0;
}
