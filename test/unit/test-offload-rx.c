/* SPDX-License-Identifier: MIT -- a frontend gets only what it agreed on and can find */
#include "netback/engine/offload.h"

#include <check.h>
#include <endian.h>
#include <errno.h>
#include <stdlib.h>

#include "netback/common/util.h"
#include "test/unit/frames.h"

#define TCP IPPROTO_TCP
#define UDP IPPROTO_UDP

static uint8_t buf[FRAME_MAX_BYTES];

/* --- to the guest ------------------------------------------------------------------------ */

enum {
	V4 = XEN_NETIF_GSO_TYPE_TCPV4,
	V6 = XEN_NETIF_GSO_TYPE_TCPV6
};

static const struct link_features all = {true, true, true, true, true, true};
static const struct link_features none;
static const struct link_features only4 = {
	.rx_sg = true, .rx_gso_tcpv4 = true, .rx_gso_tcpv6 = true, .rx_csum_ipv4 = true};
static const struct link_features no_gso = {
	.rx_sg = true, .rx_csum_ipv4 = true, .rx_csum_ipv6 = true};
static const struct link_features no_sg = {.rx_gso_tcpv4 = true, .rx_csum_ipv4 = true};

enum {
	BLANK = NETRXF_csum_blank | NETRXF_data_validated,
	DONE = 1,
	CUT = 2,
	BAD = -EINVAL
};

#define CSUM  VIRTIO_NET_HDR_F_NEEDS_CSUM
#define VALID VIRTIO_NET_HDR_F_DATA_VALID
#define TSO4  VIRTIO_NET_HDR_GSO_TCPV4
#define TSO6  VIRTIO_NET_HDR_GSO_TCPV6
#define ECN   VIRTIO_NET_HDR_GSO_ECN

/* want: 0, DONE (completed), CUT (the caller is to segment it) or BAD */
static const struct {
	const char *what;
	struct frame_shape shape;
	const struct link_features *features;
	uint8_t flags, gso_type;
	uint16_t gso_size, start, offset;
	int want;
	uint16_t rx_flags;
	uint8_t rx_gso;
} deliveries[] = {
	{"nothing to do", {.version = 4, .proto = TCP, .transport = 34}, &all, .want = 0},
	{"known good",
	 {.version = 4, .proto = TCP},
	 &all,
	 VALID,
	 .rx_flags = NETRXF_data_validated},
	{"arp", {.proto = UDP}, &all, .want = 0},
	{"tcp4",
	 {.version = 4, .proto = TCP, .payload = 9, .transport = 34},
	 &all,
	 CSUM,
	 .start = 34,
	 .offset = 16,
	 .rx_flags = BLANK},
	{"tcp4, flags of both",
	 {.version = 4, .proto = TCP, .payload = 9, .transport = 34},
	 &all,
	 CSUM | VALID,
	 .start = 34,
	 .offset = 16,
	 .rx_flags = BLANK},
	{"udp4",
	 {.version = 4, .proto = UDP, .payload = 9, .transport = 34},
	 &all,
	 CSUM,
	 .start = 34,
	 .offset = 6,
	 .rx_flags = BLANK},
	{"tcp6",
	 {.version = 6, .proto = TCP, .payload = 9, .transport = 54},
	 &all,
	 CSUM,
	 .start = 54,
	 .offset = 16,
	 .rx_flags = BLANK},
	{"tcp6, hop by hop",
	 {.version = 6,
	  .extensions = {{IPPROTO_HOPOPTS, 8}},
	  .proto = TCP,
	  .payload = 9,
	  .transport = 62},
	 &all,
	 CSUM,
	 .start = 62,
	 .offset = 16,
	 .rx_flags = BLANK},

	{"tcp4, not agreed",
	 {.version = 4, .proto = TCP, .payload = 9, .transport = 34},
	 &none,
	 CSUM,
	 .start = 34,
	 .offset = 16,
	 .want = DONE},
	{"udp4, not agreed",
	 {.version = 4, .proto = UDP, .payload = 1000, .transport = 34},
	 &none,
	 CSUM,
	 .start = 34,
	 .offset = 6,
	 .want = DONE},
	{"tcp6, only 4 agreed",
	 {.version = 6, .proto = TCP, .payload = 9, .transport = 54},
	 &only4,
	 CSUM,
	 .start = 54,
	 .offset = 16,
	 .want = DONE},
	{"udp6, only 4 agreed",
	 {.version = 6, .proto = UDP, .payload = 1453, .transport = 54},
	 &only4,
	 CSUM,
	 .start = 54,
	 .offset = 6,
	 .want = DONE},
	{"tagged",
	 {.tags = 1, .version = 4, .proto = TCP, .payload = 9, .transport = 38},
	 &all,
	 CSUM,
	 .start = 38,
	 .offset = 16,
	 .want = DONE},
	{"tagged twice",
	 {.tags = 2, .version = 6, .proto = UDP, .payload = 8, .transport = 62},
	 &all,
	 CSUM,
	 .start = 62,
	 .offset = 6,
	 .want = DONE},
	{"tagged too often to parse",
	 {.tags = 3, .version = 4, .proto = UDP, .payload = 8, .transport = 46},
	 &all,
	 CSUM,
	 .start = 46,
	 .offset = 6,
	 .want = DONE},

	{"csum before ip",
	 {.version = 4, .proto = TCP, .payload = 9},
	 &all,
	 CSUM,
	 .start = 13,
	 .offset = 16,
	 .want = BAD},
	{"csum beyond frame",
	 {.version = 4, .proto = UDP},
	 &all,
	 CSUM,
	 .start = 34,
	 .offset = 7,
	 .want = BAD},
	{"csum far beyond",
	 {.version = 4, .proto = UDP},
	 &all,
	 CSUM,
	 .start = 65535,
	 .offset = 65535,
	 .want = BAD},

	{"tso4",
	 {.version = 4, .proto = TCP, .payload = 9000, .transport = 34},
	 &all,
	 CSUM,
	 TSO4,
	 1448,
	 34,
	 16,
	 .rx_flags = BLANK,
	 .rx_gso = V4},
	{"tso6",
	 {.version = 6, .proto = TCP, .payload = 9000, .transport = 54},
	 &all,
	 CSUM,
	 TSO6,
	 1440,
	 54,
	 16,
	 .rx_flags = BLANK,
	 .rx_gso = V6},
	{"tso4 with ecn",
	 {.version = 4, .proto = TCP, .payload = 9000, .transport = 34},
	 &all,
	 CSUM,
	 TSO4 | ECN,
	 1448,
	 34,
	 16,
	 .rx_flags = BLANK,
	 .rx_gso = V4},
	{"tso4 not agreed",
	 {.version = 4, .proto = TCP, .payload = 9000, .transport = 34},
	 &no_gso,
	 CSUM,
	 TSO4,
	 1448,
	 34,
	 16,
	 .rx_flags = BLANK,
	 .want = CUT},
	{"tso4 without sg",
	 {.version = 4, .proto = TCP, .payload = 9000, .transport = 34},
	 &no_sg,
	 CSUM,
	 TSO4,
	 1448,
	 34,
	 16,
	 .rx_flags = BLANK,
	 .want = CUT},
	{"tso6 without csum",
	 {.version = 6, .proto = TCP, .payload = 9000, .transport = 54},
	 &only4,
	 CSUM,
	 TSO6,
	 1440,
	 54,
	 16,
	 .want = CUT},
	{"tso4 tagged",
	 {.tags = 1, .version = 4, .proto = TCP, .payload = 9000, .transport = 38},
	 &all,
	 CSUM,
	 TSO4,
	 1448,
	 38,
	 16,
	 .want = CUT},
	{"tso without csum",
	 {.version = 4, .proto = TCP, .payload = 9000},
	 &all,
	 0,
	 TSO4,
	 1448,
	 .want = BAD},
	{"tso of nothing",
	 {.version = 4, .proto = TCP, .payload = 9000, .transport = 34},
	 &all,
	 CSUM,
	 TSO4,
	 0,
	 34,
	 16,
	 .want = BAD},
	{"tso4 of tcp6",
	 {.version = 6, .proto = TCP, .payload = 9000, .transport = 54},
	 &all,
	 CSUM,
	 TSO4,
	 1448,
	 54,
	 16,
	 .want = BAD},
	{"udp segmentation",
	 {.version = 4, .proto = UDP, .payload = 9000, .transport = 34},
	 &all,
	 CSUM,
	 5,
	 1448,
	 34,
	 6,
	 .want = BAD},
	{"tso of a tunnel",
	 {.version = 4, .proto = UDP, .payload = 9000, .transport = 34},
	 &all,
	 CSUM,
	 TSO4,
	 1448,
	 84,
	 16,
	 .want = BAD},
};

START_TEST(test_to_guest)
{
	const struct frame_shape *shape = &deliveries[_i].shape;
	uint32_t len = frame_build(shape, buf);
	uint8_t *frame = frame_exactly(buf, len);
	struct virtio_net_hdr hdr = {
		.flags = deliveries[_i].flags,
		.gso_type = deliveries[_i].gso_type,
		.gso_size = htole16(deliveries[_i].gso_size),
		.csum_start = htole16(deliveries[_i].start),
		.csum_offset = htole16(deliveries[_i].offset),
	};
	struct offload_rx rx = {.flags = 0xeeee};
	int want = deliveries[_i].want;

	ck_assert_msg(offload_to_guest(&hdr, frame, len, deliveries[_i].features, &rx) ==
			      (want == BAD ? BAD : 0),
		      "%s", deliveries[_i].what);
	if (want == BAD) {
		ck_assert_uint_eq(rx.flags, 0xeeee);
	} else {
		ck_assert_msg(rx.flags == deliveries[_i].rx_flags, "%s", deliveries[_i].what);
		ck_assert_uint_eq(rx.gso_type, deliveries[_i].rx_gso);
		ck_assert_uint_eq(rx.gso_size, deliveries[_i].gso_size);
		ck_assert_uint_eq(rx.header, deliveries[_i].gso_size ? shape->transport + 20 : 0);
		ck_assert_int_eq(rx.segment, want == CUT);
		ck_assert_int_eq(rx.completed, want == DONE);
	}
	if (want != DONE)
		ck_assert_mem_eq(frame, buf, len);
	free(frame);
}
END_TEST

/* What a receiver computes over a completed frame; everything but the field is as it was. */
START_TEST(test_completed_checksum)
{
	const struct frame_shape *shape = &deliveries[_i].shape;
	uint32_t len = frame_build(shape, buf), field = shape->transport + deliveries[_i].offset;
	struct virtio_net_hdr hdr = {.flags = CSUM,
				     .csum_start = htole16(shape->transport),
				     .csum_offset = htole16(deliveries[_i].offset)};
	uint16_t pseudo = frame_pseudo_sum(shape, buf, len);
	struct offload_rx rx;
	uint8_t *frame;

	if (deliveries[_i].want != DONE)
		return;
	frame_put16(buf + field, pseudo);
	frame = frame_exactly(buf, len);
	ck_assert_int_eq(offload_to_guest(&hdr, frame, len, deliveries[_i].features, &rx), 0);
	ck_assert_uint_eq(frame_sum(frame + shape->transport, len - shape->transport, pseudo),
			  0xffff);
	memcpy(frame + field, buf + field, 2);
	ck_assert_mem_eq(frame, buf, len);
	free(frame);
}
END_TEST

/* The inner checksum of a tunnel: not where the outer headers say, so completed. */
START_TEST(test_tunnel)
{
	static const struct frame_shape vxlan = {"vxlan", .version = 4, .proto = UDP,
						 .payload = 200};
	uint32_t len = frame_build(&vxlan, buf);
	struct virtio_net_hdr hdr = {
		.flags = CSUM, .csum_start = htole16(84), .csum_offset = htole16(16)};
	uint16_t before = frame_sum(buf + 84, len - 84, 0), field;
	struct offload_rx rx;

	ck_assert_int_eq(offload_to_guest(&hdr, buf, len, &all, &rx), 0);
	ck_assert(rx.completed);
	ck_assert_uint_eq(rx.flags, 0);
	memcpy(&field, buf + 100, sizeof(field));
	ck_assert_uint_eq(ntohs(field), (uint16_t)~before);
}
END_TEST

/* A sum that comes out as 0 is sent as 0xffff: 0 would say "no checksum" to UDP. */
START_TEST(test_zero_checksum)
{
	static const struct frame_shape udp = {"udp", .version = 4, .proto = UDP, .payload = 2};
	uint32_t len = frame_build(&udp, buf);
	struct virtio_net_hdr hdr = {
		.flags = CSUM, .csum_start = htole16(34), .csum_offset = htole16(6)};
	struct offload_rx rx;

	frame_put16(buf + len - 2, 0);
	frame_put16(buf + len - 2, (uint16_t)~frame_sum(buf + 34, len - 34, 0));
	ck_assert_int_eq(offload_to_guest(&hdr, buf, len, &none, &rx), 0);
	ck_assert_uint_eq(buf[40] << 8 | buf[41], 0xffff);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("offload-rx");
	TCase *tcase = tcase_create("to guest");
	SRunner *runner = srunner_create(suite);
	int failed;

	suite_add_tcase(suite, tcase);
	tcase_add_loop_test(tcase, test_to_guest, 0, ARRAY_SIZE(deliveries));
	tcase_add_loop_test(tcase, test_completed_checksum, 0, ARRAY_SIZE(deliveries));
	tcase_add_test(tcase, test_tunnel);
	tcase_add_test(tcase, test_zero_checksum);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? 1 : 0;
}
