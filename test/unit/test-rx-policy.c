/* SPDX-License-Identifier: MIT */
/* test-rx-policy.c: what the host's policy makes of frames for the guest */
#include "netback/engine/rx.h"

#include <check.h>
#include <endian.h>
#include <string.h>

#include "test/unit/frames.h"
#include "test/unit/rx-fixture.h"

static const struct virtio_net_hdr plain;
static const struct virtio_net_hdr gso = {
	.flags = VIRTIO_NET_HDR_F_NEEDS_CSUM,
	.gso_type = VIRTIO_NET_HDR_GSO_TCPV4,
	.gso_size = 1448,
	.csum_start = 34,
	.csum_offset = 16,
};

/* --- headroom --------------------------------------------------------------------------------------- */

static const struct {
	uint16_t headroom, want;
	size_t len;
	bool gso;
	unsigned int nr_slots;
} headrooms[] = {
	{256, 256, 60, false, 2},      {256, 256, 3840, false, 2},   {256, 256, 3841, false, 3},
	{256, 256, 9000, false, 4},    {256, 256, 9000, true, 5},    {1, 1, 4095, false, 2},
	{1, 1, 4096, false, 3},	       {2048, 2048, 1514, false, 2}, {2048, 2048, 65536, false, 18},
	{2048, 2048, 65535, true, 19}, {2049, 2048, 60, false, 2},   {32767, 2048, 60, false, 2},
	{256, 256, 4096, false, 3},    {0, 0, 4096, false, 1},
};

/* As Linux' netfront reads it: behind the headroom that the extra info tells, as long as the status says. */
START_TEST(test_headroom)
{
	size_t len = headrooms[_i].len;

	policy.xdp_headroom = headrooms[_i].headroom;
	police();
	harness_rx_post(h, 20);
	harness_make_frame(frame, 4, 65536, 5);
	harness_send(h, headrooms[_i].gso ? &gso : &plain, frame, len);
	serve();
	expect_frame(len);
	expect_nothing();
	expect_drop("", 0);
	ck_assert_uint_eq(got.headroom, headrooms[_i].want);
	ck_assert_uint_eq(got.offset, headrooms[_i].want);
	ck_assert_uint_eq(got.nr_slots, headrooms[_i].nr_slots);
	ck_assert_uint_eq(got.gso_size, headrooms[_i].gso ? 1448 : 0);
	ck_assert_uint_eq(h->stats.rx_slots, headrooms[_i].nr_slots);
	/* No copy crosses a page here that does not cross one there. */
	ck_assert_uint_eq(h->q.rx.copy.nr_pieces, DIV_ROUND_UP(got.offset + len, COPY_PAGE_SIZE));
}
END_TEST

/* What is held, and what was to be read the old way, goes the new way as well. */
START_TEST(test_headroom_changes)
{
	harness_rx_post(h, 1);
	harness_make_frame(frame, 4, 65536, 5);
	serve();
	harness_send(h, &plain, frame, 9000);
	serve();
	ck_assert_uint_eq(h->q.rx.nr_held, 1);
	ck_assert_uint_gt(h->q.rx.nr_busy, 1);

	policy.xdp_headroom = 256;
	police();
	harness_send(h, &plain, frame, 8192);
	harness_rx_post(h, 2);
	serve();
	expect_nothing();
	harness_rx_post(h, 20);
	serve();
	expect_frame(9000);
	ck_assert_uint_eq(got.headroom, 256);
	ck_assert_uint_eq(got.nr_slots, 4);
	expect_frame(8192);
	ck_assert_uint_eq(got.headroom, 256);
	ck_assert_uint_eq(got.nr_slots, 4);

	policy.xdp_headroom = 0;
	police();
	harness_send(h, &plain, frame, 4096);
	serve();
	serve();
	expect_frame(4096);
	ck_assert_uint_eq(got.headroom, 0);
	ck_assert_uint_eq(got.nr_slots, 1);
	expect_nothing();
}
END_TEST

/* One slot has less room then; the extra info takes a slot, but the frame is still in one. */
START_TEST(test_headroom_without_sg)
{
	features.rx_sg = false;
	harness_reset(h, &features, 0);
	harness_rx_post(h, 20);
	serve();
	harness_make_frame(frame, 4, 65536, 5);
	policy.xdp_headroom = 256;
	police();
	h->q.rx.nr_wanted = RX_BATCH;
	harness_send(h, &plain, frame, 3841);
	harness_send(h, &plain, frame, 3840);
	serve();
	serve();
	expect_drop("rx_too_long", 1);
	expect_frame(3840);
	ck_assert_uint_eq(got.nr_slots, 2);
	expect_nothing();
}
END_TEST

START_TEST(test_copy_fails_behind_headroom)
{
	policy.xdp_headroom = 256;
	police();
	harness_rx_post(h, 20);
	h->rx->ring[(RX_FIXTURE_START + 2) % RING_SLOTS].req.gref = h->bad_ref;
	harness_make_frame(frame, 4, 65536, 5);
	harness_send(h, &plain, frame, 5000);
	serve();
	ck_assert_ptr_null(harness_rx_take(h, &got));
	ck_assert_uint_eq(got.nr_slots, 3);
	ck_assert_int_eq(got.status, NETIF_RSP_ERROR);
	ck_assert_uint_eq(got.headroom, 256);
	expect_drop("rx_copy_failed", 1);
	expect_nothing();
}
END_TEST

/* --- checksums ---------------------------------------------------------------------------------------- */

static const struct frame_shape tcp4 = {"tcp4", .version = 4, .proto = IPPROTO_TCP, .payload = 1400,
					.transport = 34};
static const struct frame_shape udp6 = {"udp6", .version = 6, .proto = IPPROTO_UDP, .payload = 999,
					.transport = 54};

/* A frame whose checksum is blank; returns what the receiver's sum over it is to start from. */
static uint16_t send_blank(const struct frame_shape *shape, uint16_t field)
{
	size_t len = frame_build(shape, frame);
	uint16_t pseudo = frame_pseudo_sum(shape, frame, (uint32_t)len);
	struct virtio_net_hdr hdr = {
		.flags = VIRTIO_NET_HDR_F_NEEDS_CSUM,
		.csum_start = htole16(shape->transport),
		.csum_offset = htole16(field),
	};

	frame_put16(frame + shape->transport + field, pseudo);
	harness_send(h, &hdr, frame, len);
	return pseudo;
}

static void expect_complete(const struct frame_shape *shape, uint16_t pseudo)
{
	const char *wrong = harness_rx_take(h, &got);

	ck_assert_msg(!wrong, "%s", wrong);
	ck_assert_uint_eq(got.flags, 0);
	ck_assert_uint_eq(
		frame_sum(got.data + shape->transport, got.len - shape->transport, pseudo), 0xffff);
}

START_TEST(test_complete_csums)
{
	uint16_t sum4, sum6;

	policy.complete_csums = true;
	police();
	harness_rx_post(h, 20);
	sum4 = send_blank(&tcp4, 16);
	sum6 = send_blank(&udp6, 6);
	serve();
	expect_complete(&tcp4, sum4);
	expect_complete(&udp6, sum6);
	expect_nothing();
	ck_assert_uint_eq(h->stats.rx_csum_completed, 2);
	ck_assert_uint_eq(h->stats.rx_csum_blank, 0);
}
END_TEST

/* From the moment on that the policy is in force: frames that were judged before are, too. */
START_TEST(test_complete_csums_of_held)
{
	uint16_t sum4, sum6;

	serve();
	harness_rx_post(h, 1);
	serve();
	harness_make_frame(frame, 4, 9000, 1);
	harness_send(h, &plain, frame, 9000);
	sum4 = send_blank(&tcp4, 16);
	serve();
	ck_assert_uint_eq(h->q.rx.nr_held, 2);
	policy.complete_csums = true;
	police();
	police(); /* and what is complete stays so */
	harness_rx_post(h, 20);
	serve();
	sum6 = send_blank(&udp6, 6);
	serve();
	harness_make_frame(frame, 4, 9000, 1);
	expect_frame(9000);
	expect_complete(&tcp4, sum4);
	expect_complete(&udp6, sum6);
	expect_nothing();

	policy.complete_csums = false;
	police();
	send_blank(&tcp4, 16);
	serve();
	serve();
	expect_frame(1454);
	ck_assert_uint_eq(got.flags, NETRXF_csum_blank | NETRXF_data_validated);
}
END_TEST

/* --- multicast ---------------------------------------------------------------------------------------- */

static void send_to(const char *dest, uint8_t seed)
{
	harness_make_frame(frame, 4, 60, seed);
	memcpy(frame, dest, 6);
	harness_send(h, &plain, frame, 60);
}

static void expect_to(const char *dest, uint8_t seed)
{
	harness_make_frame(frame, 4, 60, seed);
	memcpy(frame, dest, 6);
	expect_frame(60);
}

START_TEST(test_mcast_filter)
{
	static const char wanted[] = "\x33\x33\x00\x00\x00\x01",
			  other[] = "\x33\x33\x00\x00\x00\x02";
	static const char broadcast[] = "\xff\xff\xff\xff\xff\xff",
			  own[] = "\x00\x16\x3e\x01\x02\x03";

	ck_assert(mcast_add(&h->memory.mcast, (const uint8_t *)wanted));
	harness_rx_post(h, 20);
	/* The list may be there before anybody asks for the filter. */
	send_to(other, 1);
	serve();
	expect_to(other, 1);

	policy.mcast_filter = true;
	police();
	serve();
	send_to(wanted, 2);
	send_to(other, 3);
	send_to(broadcast, 4);
	send_to(own, 5);
	serve();
	serve();
	expect_to(wanted, 2);
	expect_to(broadcast, 4);
	expect_to(own, 5);
	expect_nothing();
	expect_drop("rx_mcast", 1);
	ck_assert_uint_eq(h->stats.rx_slots, 4);
}
END_TEST

/* A frame that was held before the filter came is as unwanted. */
START_TEST(test_mcast_filter_of_held)
{
	harness_rx_post(h, 1);
	serve();
	harness_make_frame(frame, 4, 9000, 1);
	frame[0] = 3;
	harness_send(h, &plain, frame, 9000);
	frame[0] = 2;
	harness_send(h, &plain, frame, 9000);
	serve();
	ck_assert_uint_eq(h->q.rx.nr_held, 2);
	policy.mcast_filter = true;
	police();
	harness_rx_post(h, 20);
	serve();
	expect_frame(9000);
	expect_nothing();
	expect_drop("rx_mcast", 1);
}
END_TEST

/* --- VLANs --------------------------------------------------------------------------------------------- */

static void set(uint8_t *bits, unsigned int vid)
{
	bits[vid / 8] |= (uint8_t)(1 << vid % 8);
}

/* The guest's native VLAN is 10, and it sees the tags of 20. */
static void give_vlans(void)
{
	policy.vlan.filter = true;
	policy.vlan.pvid = 10;
	set(policy.vlan.untagged, 10);
	set(policy.vlan.member, 20);
	police();
	serve();
}

static const struct frame_shape native = {
	"native", .tags = 1, .version = 4, .proto = IPPROTO_TCP, .payload = 9000, .transport = 38};

static void set_vid(unsigned int vid)
{
	frame_put16(frame + 12, 0x8100);
	frame_put16(frame + 14, vid);
}

START_TEST(test_vlan)
{
	static uint8_t tagged[100];
	size_t len = 62;

	give_vlans();
	harness_rx_post(h, 40);
	for (unsigned int vid = 0; vid < 30; vid++) {
		harness_make_frame(frame, 4, len, (uint8_t)vid);
		set_vid(vid);
		harness_send(h, &plain, frame, len);
		memcpy(tagged, frame, len);
		serve();
		serve();
		if (vid == 10) {
			memmove(frame + 12, frame + 16, len - 16);
			expect_frame(len - 4);
			ck_assert_uint_eq(got.offset, 0);
		} else if (vid == 20) {
			expect_frame(len);
		}
		expect_nothing();
	}
	harness_make_frame(frame, 4, 60, 1);
	harness_send(h, &plain, frame, 60);
	serve();
	expect_nothing();
	expect_drop("rx_vlan", 29);
	ck_assert_uint_eq(h->stats.rx_bytes, 2 * len - 4);
}
END_TEST

/* Without its tag a segmentation frame of the native VLAN is one that any guest takes, and in whole pages. */
START_TEST(test_vlan_gso)
{
	size_t len = frame_build(&native, frame);
	struct virtio_net_hdr hdr = gso;

	give_vlans();
	harness_rx_post(h, 20);
	set_vid(10);
	hdr.csum_start = htole16(38);
	harness_send(h, &hdr, frame, len);
	serve();
	serve();
	memmove(frame + 12, frame + 16, len - 16);
	expect_frame(len - 4);
	expect_drop("", 0);
	ck_assert_uint_eq(got.gso_size, 1448);
	ck_assert_uint_eq(got.flags & NETRXF_csum_blank, NETRXF_csum_blank);
	ck_assert_uint_eq(h->q.rx.copy.nr_pieces, 3);
}
END_TEST

/* What was read before the change has no tag any more that could tell whether it may still pass. */
START_TEST(test_vlan_changes)
{
	size_t len = frame_build(&native, frame);

	give_vlans();
	harness_rx_post(h, 1);
	serve();
	set_vid(10);
	harness_send(h, &plain, frame, len);
	serve();
	ck_assert_uint_eq(h->q.rx.nr_held, 1);
	police(); /* the same */
	ck_assert_uint_eq(h->q.rx.nr_held, 1);
	policy.vlan.pvid = 20;
	police();
	ck_assert_uint_eq(h->q.rx.nr_held, 0);
	expect_drop("rx_vlan", 1);
	ck_assert_uint_eq(h->q.rx.nr_busy + (unsigned int)__builtin_popcount(h->q.rx.free),
			  RX_BATCH);
}
END_TEST

/* --- MTU ------------------------------------------------------------------------------------------------ */

static const struct {
	uint32_t mtu;
	size_t len;
	unsigned int tags, segment;
	bool passes;
} mtus[] = {
	{1500, 1514, 0, 0, true},     {1500, 1515, 0, 0, false},     {1500, 1518, 1, 0, true},
	{1500, 1519, 1, 0, false},    {1500, 1522, 2, 0, true},	     {9000, 9014, 0, 0, true},
	{9000, 9015, 0, 0, false},    {1500, 9000, 0, 1460, true},   {1500, 9000, 0, 1461, false},
	{9000, 60000, 0, 8960, true}, {9000, 60000, 0, 8961, false}, {0, 65536, 0, 0, true},
	{68, 60, 0, 0, true},
};

START_TEST(test_mtu)
{
	size_t len = mtus[_i].len;
	struct virtio_net_hdr hdr = gso;

	policy.mtu = mtus[_i].mtu;
	police();
	harness_rx_post(h, 20);
	harness_make_frame(frame, 4, 65536, 1);
	for (unsigned int i = 0; i < mtus[_i].tags; i++)
		frame_put16(frame + 12 + 4 * i, i ? 0x8100 : 0x88a8);
	hdr.gso_size = htole16(mtus[_i].segment);
	harness_send(h, mtus[_i].segment ? &hdr : &plain, frame, len);
	serve();
	if (mtus[_i].passes)
		expect_frame(len);
	expect_nothing();
	expect_drop(mtus[_i].passes ? "" : "rx_over_mtu", !mtus[_i].passes);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("rx-policy");
	TCase *tcase = tcase_create("rx-policy");
	SRunner *runner = srunner_create(suite);
	int failed;

	suite_add_tcase(suite, tcase);
	tcase_set_timeout(tcase, 60);
	tcase_add_unchecked_fixture(tcase, harness_create, harness_remove);
	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_add_loop_test(tcase, test_headroom, 0, ARRAY_SIZE(headrooms));
	tcase_add_test(tcase, test_headroom_changes);
	tcase_add_test(tcase, test_headroom_without_sg);
	tcase_add_test(tcase, test_copy_fails_behind_headroom);
	tcase_add_test(tcase, test_complete_csums);
	tcase_add_test(tcase, test_complete_csums_of_held);
	tcase_add_test(tcase, test_vlan);
	tcase_add_test(tcase, test_vlan_gso);
	tcase_add_test(tcase, test_vlan_changes);
	tcase_add_loop_test(tcase, test_mtu, 0, ARRAY_SIZE(mtus));
	tcase_add_test(tcase, test_mcast_filter);
	tcase_add_test(tcase, test_mcast_filter_of_held);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? 1 : 0;
}
