/* SPDX-License-Identifier: MIT -- checksums are found where they are, or the frame is refused */
#include "netback/engine/offload.h"

#include <check.h>
#include <endian.h>
#include <errno.h>
#include <stdlib.h>

#include "netback/common/util.h"
#include "test/unit/frames.h"

#define TCP IPPROTO_TCP
#define UDP IPPROTO_UDP

/* --- the Internet checksum --------------------------------------------------------------- */

START_TEST(test_sum_rfc1071)
{
	static const uint8_t bytes[] = {0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7};

	ck_assert_uint_eq(ntohs(offload_sum(bytes, sizeof(bytes), 0)), 0xddf2);
}
END_TEST

START_TEST(test_sum_lengths_and_alignments)
{
	uint8_t bytes[300];
	size_t i, at, len;

	for (i = 0; i < sizeof(bytes); i++)
		bytes[i] = random();
	for (at = 0; at < 16; at++) {
		for (len = 0; len < 270; len++) {
			uint8_t *copy = frame_exactly(bytes + at, len);

			ck_assert_uint_eq(ntohs(offload_sum(copy, len, htons(at))),
					  frame_sum(copy, len, at));
			ck_assert_uint_eq(offload_sum(bytes + at, len, 0),
					  offload_sum(copy, len, 0));
			free(copy);
		}
	}
}
END_TEST

/* Carries out of every position: the largest words, as many as a frame can have. */
START_TEST(test_sum_carries)
{
	static uint8_t bytes[FRAME_MAX_BYTES];
	size_t len;

	memset(bytes, 0xff, sizeof(bytes));
	for (len = FRAME_MAX_BYTES - 40; len <= FRAME_MAX_BYTES; len++)
		ck_assert_uint_eq(ntohs(offload_sum(bytes, len, 0xffff)),
				  frame_sum(bytes, len, 0xffff));
	ck_assert_uint_eq(offload_sum(bytes, 8, 0xffffffff), 0xffff);
	memset(bytes, 0, sizeof(bytes));
	ck_assert_uint_eq(offload_sum(bytes, sizeof(bytes), 0), 0);
}
END_TEST

START_TEST(test_sum_chained)
{
	uint8_t bytes[200];
	size_t i;

	for (i = 0; i < sizeof(bytes); i++)
		bytes[i] = random();
	for (i = 0; i <= sizeof(bytes); i += 2)
		ck_assert_uint_eq(
			offload_sum(bytes + i, sizeof(bytes) - i, offload_sum(bytes, i, 0)),
			offload_sum(bytes, sizeof(bytes), 0));
}
END_TEST

/* --- shapes of frames -------------------------------------------------------------------- */

static const struct frame_shape shapes[] = {
	{"tcp4", 0, 4, .proto = TCP, .payload = 100, .transport = 34, .end = 54},
	{"tcp4, no payload", 0, 4, .proto = TCP, .transport = 34, .end = 54},
	{"udp4", 0, 4, .proto = UDP, .payload = 101, .transport = 34, .end = 42},
	{"udp4, no payload", 0, 4, .proto = UDP, .transport = 34, .end = 42},
	{"tcp4, tcp options", 0, 4, .proto = TCP, .tcp_options = 40, .transport = 34, .end = 94},
	{"tcp4, all options", 0, 4, .options = 40, .proto = TCP, .tcp_options = 40, .payload = 9,
	 .transport = 74, .end = 134},
	{"udp4, options, tag", 1, 4, .options = 4, .proto = UDP, .transport = 42, .end = 50},
	{"tcp4, two tags", 2, 4, .proto = TCP, .payload = 9, .transport = 42, .end = 62},
	{"tcp4, three tags", 3, 4, .proto = TCP, .payload = 9},
	{"tcp4, do not fragment", 0, 4, .fragment = 0x4000, .proto = TCP, .transport = 34,
	 .end = 54},
	{"tcp4, first fragment", 0, 4, .fragment = 0x2000, .proto = TCP, .payload = 1000},
	{"tcp4, last fragment", 0, 4, .fragment = 0x0001, .proto = TCP, .payload = 1000},
	{"tcp6", 0, 6, .proto = TCP, .payload = 100, .transport = 54, .end = 74},
	{"udp6", 0, 6, .proto = UDP, .payload = 1, .transport = 54, .end = 62},
	{"tcp6, two tags, options", 2, 6, .proto = TCP, .tcp_options = 12, .transport = 62,
	 .end = 94},
	{"tcp6, hop by hop", 0, 6, .extensions = {{IPPROTO_HOPOPTS, 8}}, .proto = TCP,
	 .transport = 62, .end = 82},
	{"udp6, all we know", 0, 6,
	 .extensions = {{IPPROTO_HOPOPTS, 16},
			{IPPROTO_DSTOPTS, 8},
			{IPPROTO_ROUTING, 24},
			{IPPROTO_AH, 24}},
	 .proto = UDP, .transport = 54 + 72, .end = 54 + 80},
	{"tcp6, as long as can be", 2, 6, .extensions = {{IPPROTO_DSTOPTS, 216}}, .proto = TCP,
	 .tcp_options = 40, .payload = 3, .transport = 278, .end = 338},
	{"tcp6, longer", 0, 6, .extensions = {{IPPROTO_DSTOPTS, 224}}, .proto = TCP},
	{"tcp6, fragment", 0, 6, .extensions = {{IPPROTO_FRAGMENT, 8}}, .proto = TCP,
	 .payload = 1000},
	{"udp6, mobility", 0, 6, .extensions = {{IPPROTO_MH, 8}}, .proto = UDP},
	{"sctp4", 0, 4, .proto = IPPROTO_SCTP, .payload = 40},
	{"icmp6", 0, 6, .proto = IPPROTO_ICMPV6, .payload = 40},
	{"arp", 0, 0, .proto = UDP, .payload = 40},
};

static uint8_t buf[FRAME_MAX_BYTES];

START_TEST(test_finds_checksum)
{
	const struct frame_shape *shape = &shapes[_i];
	uint32_t len = frame_build(shape, buf);
	uint8_t *frame = frame_exactly(buf, len);
	struct offload_tx tx = {.frame = frame, .linear = len, .len = len, .csum_blank = true};
	struct virtio_net_hdr hdr = {.flags = 0xee};

	ck_assert_msg(offload_from_guest(&tx, &hdr) == (shape->end ? 0 : -EINVAL), "%s",
		      shape->what);
	ck_assert_mem_eq(frame, buf, len);
	if (!shape->end) {
		ck_assert_uint_eq(hdr.flags, 0xee);
	} else {
		ck_assert_uint_eq(hdr.flags, VIRTIO_NET_HDR_F_NEEDS_CSUM);
		ck_assert_uint_eq(hdr.gso_type, VIRTIO_NET_HDR_GSO_NONE);
		ck_assert_uint_eq(hdr.gso_size, 0);
		ck_assert_uint_eq(le16toh(hdr.csum_start), shape->transport);
		ck_assert_uint_eq(le16toh(hdr.csum_offset), shape->proto == TCP ? 16 : 6);
		ck_assert_uint_eq(le16toh(hdr.hdr_len), shape->end);
	}
	free(frame);
}
END_TEST

/* Headers may end anywhere: nothing behind `linear` is read, nothing short of them is taken. */
START_TEST(test_every_truncation)
{
	const struct frame_shape *shape = &shapes[_i];
	uint32_t len = frame_build(shape, buf), cut;
	struct virtio_net_hdr hdr;

	for (cut = 0; cut <= len; cut++) {
		uint8_t *frame = frame_exactly(buf, cut);
		struct offload_tx tx = {
			.frame = frame, .linear = cut, .len = len, .csum_blank = true};
		bool whole = shape->end && cut >= shape->end;

		ck_assert_msg(offload_from_guest(&tx, &hdr) == (whole ? 0 : -EINVAL), "%s at %u",
			      shape->what, cut);
		tx.len = cut;
		ck_assert_int_eq(offload_from_guest(&tx, &hdr), whole ? 0 : -EINVAL);
		free(frame);
	}
}
END_TEST

/* Bytes of a header that lie about the rest. */
static const struct {
	const char *what;
	unsigned int shape, at;
	uint8_t value;
} lies[] = {
	{"IPv4 version", 0, 14, 0x65},
	{"IPv4 header too short", 2, 14, 0x44},
	{"IPv4 header beyond frame", 1, 14, 0x4f},
	{"TCP header too short", 0, 34 + 12, 0x40},
	{"TCP header beyond frame", 1, 34 + 12, 0x60},
	{"IPv6 version", 12, 14, 0x45},
	{"extension beyond frame", 15, 55, 20},
	{"extension into the TCP header", 15, 55, 1},
};

START_TEST(test_lies)
{
	uint32_t len = frame_build(&shapes[lies[_i].shape], buf);
	uint8_t *frame = frame_exactly(buf, len);
	struct offload_tx tx = {.frame = frame, .linear = len, .len = len, .csum_blank = true};
	struct virtio_net_hdr hdr;

	ck_assert_int_eq(offload_from_guest(&tx, &hdr), 0);
	frame[lies[_i].at] = lies[_i].value;
	ck_assert_msg(offload_from_guest(&tx, &hdr) == -EINVAL, "%s", lies[_i].what);
	free(frame);
}
END_TEST

/* --- from the guest ---------------------------------------------------------------------- */

enum {
	NONE = XEN_NETIF_GSO_TYPE_NONE,
	V4 = XEN_NETIF_GSO_TYPE_TCPV4,
	V6 = XEN_NETIF_GSO_TYPE_TCPV6
};

static const struct frame_shape big4 = {
	"big tcp4", .version = 4, .proto = TCP, .tcp_options = 12, .payload = 65535 - 66,
};
static const struct frame_shape big6 = {"big tcp6", .version = 6, .proto = TCP, .payload = 9000};
static const struct frame_shape big_udp = {"big udp", .version = 4, .proto = UDP, .payload = 9000};
static const struct frame_shape big_tag = {
	"tagged tcp4", .tags = 1, .version = 4, .proto = TCP, .payload = 9000,
};
static const struct frame_shape big_arp = {"arp", .proto = UDP, .payload = 40};

static const struct {
	const char *what;
	const struct frame_shape *shape;
	bool blank, validated;
	uint8_t gso;
	uint16_t size;
	int want;
	uint8_t flags, gso_type;
} requests[] = {
	{"plain", &big4, 0, 0, NONE, 0, 0, 0, 0},
	{"validated", &big4, 0, 1, NONE, 0, 0, VIRTIO_NET_HDR_F_DATA_VALID, 0},
	{"validated arp", &big_arp, 0, 1, NONE, 0, 0, VIRTIO_NET_HDR_F_DATA_VALID, 0},
	{"blank", &big4, 1, 0, NONE, 0, 0, VIRTIO_NET_HDR_F_NEEDS_CSUM, 0},
	{"blank and validated", &big4, 1, 1, NONE, 0, 0, VIRTIO_NET_HDR_F_NEEDS_CSUM, 0},
	{"blank arp", &big_arp, 1, 1, NONE, 0, -EINVAL, 0, 0},
	{"gso 4", &big4, 1, 1, V4, 1448, 0, VIRTIO_NET_HDR_F_NEEDS_CSUM, VIRTIO_NET_HDR_GSO_TCPV4},
	{"gso 6", &big6, 1, 1, V6, 1440, 0, VIRTIO_NET_HDR_F_NEEDS_CSUM, VIRTIO_NET_HDR_GSO_TCPV6},
	{"gso tagged", &big_tag, 1, 1, V4, 1448, 0, VIRTIO_NET_HDR_F_NEEDS_CSUM,
	 VIRTIO_NET_HDR_GSO_TCPV4},
	{"gso, not blank", &big4, 0, 0, V4, 1448, 0, VIRTIO_NET_HDR_F_NEEDS_CSUM,
	 VIRTIO_NET_HDR_GSO_TCPV4},
	{"gso 4 of tcp6", &big6, 1, 1, V4, 1448, -EINVAL, 0, 0},
	{"gso 6 of tcp4", &big4, 1, 1, V6, 1448, -EINVAL, 0, 0},
	{"gso of udp", &big_udp, 1, 1, V4, 1448, -EINVAL, 0, 0},
	{"gso of arp", &big_arp, 0, 0, V4, 1448, -EINVAL, 0, 0},
	{"smallest gso", &big4, 1, 1, V4, 8, 0, VIRTIO_NET_HDR_F_NEEDS_CSUM,
	 VIRTIO_NET_HDR_GSO_TCPV4},
	{"gso too small", &big4, 1, 1, V4, 7, -EINVAL, 0, 0},
	{"one byte over", &big6, 1, 1, V6, 8999, 0, VIRTIO_NET_HDR_F_NEEDS_CSUM,
	 VIRTIO_NET_HDR_GSO_TCPV6},
	{"gso of one segment", &big6, 1, 1, V6, 9000, 0, VIRTIO_NET_HDR_F_NEEDS_CSUM, 0},
	{"largest gso", &big4, 1, 1, V4, 65535, 0, VIRTIO_NET_HDR_F_NEEDS_CSUM, 0},
};

START_TEST(test_from_guest)
{
	uint32_t len = frame_build(requests[_i].shape, buf);
	uint32_t linear = min(len, (uint32_t)OFFLOAD_HEADER_BYTES);
	uint8_t *frame = frame_exactly(buf, linear);
	struct offload_tx tx = {frame,
				linear,
				len,
				requests[_i].blank,
				requests[_i].validated,
				requests[_i].gso,
				requests[_i].size};
	struct virtio_net_hdr hdr;

	memset(&hdr, 0xee, sizeof(hdr));
	ck_assert_msg(offload_from_guest(&tx, &hdr) == requests[_i].want, "%s", requests[_i].what);
	if (!requests[_i].want) {
		ck_assert_uint_eq(hdr.flags, requests[_i].flags);
		ck_assert_uint_eq(hdr.gso_type, requests[_i].gso_type);
		ck_assert_uint_eq(le16toh(hdr.gso_size),
				  requests[_i].gso_type ? requests[_i].size : 0);
	}
	free(frame);
}
END_TEST

START_TEST(test_gso_with_cwr)
{
	uint32_t len = frame_build(&big6, buf);
	struct offload_tx tx = {buf, len, len, true, true, V6, 1440};
	struct virtio_net_hdr hdr;

	buf[54 + 13] |= 0x80;
	ck_assert_int_eq(offload_from_guest(&tx, &hdr), 0);
	ck_assert_uint_eq(hdr.gso_type, VIRTIO_NET_HDR_GSO_TCPV6 | VIRTIO_NET_HDR_GSO_ECN);
	tx.gso_size = 9000;
	ck_assert_int_eq(offload_from_guest(&tx, &hdr), 0);
	ck_assert_uint_eq(hdr.gso_type, VIRTIO_NET_HDR_GSO_NONE);
}
END_TEST

/* A frontend that forgets csum_blank on a gso frame, with rubbish in the field. */
START_TEST(test_gso_repair)
{
	const struct frame_shape *shape = &shapes[_i];
	uint32_t len = frame_build(shape, buf);
	uint8_t type = shape->version == 4 ? V4 : V6;
	struct offload_tx tx = {buf, len, len, false, true, type, 1448};
	struct virtio_net_hdr hdr;
	uint16_t sum;

	if (!shape->end || shape->proto != TCP)
		return;
	memset(buf + shape->transport + 16, 0xcc, 2);
	ck_assert_int_eq(offload_from_guest(&tx, &hdr), 0);
	ck_assert_uint_eq(hdr.flags, VIRTIO_NET_HDR_F_NEEDS_CSUM);
	memcpy(&sum, buf + shape->transport + 16, sizeof(sum));
	ck_assert_msg(ntohs(sum) == frame_pseudo_sum(shape, buf, len), "%s", shape->what);
}
END_TEST

static const struct {
	uint8_t type;
	uint16_t size, features;
	bool want;
} extras[] = {
	{V4, 1448, 0, true}, {V6, 1, 0, true},	     {V4, 65535, 1, true}, {V4, 0, 0, false},
	{V6, 0, 0, false},   {NONE, 1448, 0, false}, {3, 1448, 0, false},  {255, 1448, 0, false},
};

START_TEST(test_gso_valid)
{
	struct netif_extra_info extra = {.type = XEN_NETIF_EXTRA_TYPE_GSO};

	extra.u.gso.type = extras[_i].type;
	extra.u.gso.size = extras[_i].size;
	extra.u.gso.features = extras[_i].features;
	ck_assert_int_eq(offload_gso_valid(&extra), extras[_i].want);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("offload");
	TCase *tcase = tcase_create("sum and tx");
	SRunner *runner = srunner_create(suite);
	int failed;

	suite_add_tcase(suite, tcase);
	tcase_add_test(tcase, test_sum_rfc1071);
	tcase_add_test(tcase, test_sum_lengths_and_alignments);
	tcase_add_test(tcase, test_sum_carries);
	tcase_add_test(tcase, test_sum_chained);
	tcase_add_loop_test(tcase, test_finds_checksum, 0, ARRAY_SIZE(shapes));
	tcase_add_loop_test(tcase, test_every_truncation, 0, ARRAY_SIZE(shapes));
	tcase_add_loop_test(tcase, test_lies, 0, ARRAY_SIZE(lies));
	tcase_add_loop_test(tcase, test_from_guest, 0, ARRAY_SIZE(requests));
	tcase_add_test(tcase, test_gso_with_cwr);
	tcase_add_loop_test(tcase, test_gso_repair, 0, ARRAY_SIZE(shapes));
	tcase_add_loop_test(tcase, test_gso_valid, 0, ARRAY_SIZE(extras));
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? 1 : 0;
}
