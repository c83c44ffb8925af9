/* SPDX-License-Identifier: MIT -- netfront-shim's frames: headers found, checksums, content that can be verified */
#include "netfront-shim/frame.h"
#include "netfront-shim/histogram.h"

#include <arpa/inet.h>
#include <check.h>
#include <stdlib.h>
#include <string.h>

static uint8_t frame[65536];

static struct frame_spec spec_of(int version, int proto)
{
	struct frame_spec spec = {
		.version = version, .proto = proto, .stream = 3, .sport = 1000, .dport = 2000};

	inet_pton(AF_INET, "198.18.0.1", &spec.src4);
	inet_pton(AF_INET, "198.18.0.2", &spec.dst4);
	inet_pton(AF_INET6, "2001:2::1", &spec.src6);
	inet_pton(AF_INET6, "2001:2::2", &spec.dst6);
	memset(spec.dst, 0x22, 6);
	memset(spec.src, 0x44, 6);
	return spec;
}

static const struct {
	int version, proto;
} kinds[] = {{4, IPPROTO_UDP}, {4, IPPROTO_TCP}, {6, IPPROTO_UDP}, {6, IPPROTO_TCP}, {0, 0}};

static void make(int kind, size_t len, uint32_t seq, struct frame_info *info)
{
	struct frame_spec spec = spec_of(kinds[kind].version, kinds[kind].proto);

	memset(frame, 0xaa, sizeof(frame));
	frame_build(&spec, frame, len);
	frame_parse(frame, len, len, info);
	frame_fill(frame, info, spec.stream, seq, 5000000);
	frame_set_csum(frame, info, FRAME_CSUM_FULL);
}

START_TEST(round_trip)
{
	static const size_t sizes[] = {86, 87, 90, 1514, 4097, 65535};
	struct frame_spec spec = spec_of(kinds[_i].version, kinds[_i].proto);
	struct frame_stamp stamp;
	struct frame_info info;

	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		make(_i, sizes[i], 77, &info);
		ck_assert_uint_eq(info.version, kinds[_i].version);
		ck_assert_uint_eq(info.payload, frame_header_len(&spec));
		ck_assert_uint_eq(info.end, sizes[i]);
		ck_assert(frame_csum_ok(frame, &info, false));
		ck_assert_int_eq(frame_verify(frame, &info, 6000000, &stamp), FRAME_GOOD);
		ck_assert_uint_eq(stamp.seq, 77);
		ck_assert_uint_eq(stamp.stream, 3);
		ck_assert_uint_eq(stamp.age_ns, 1000000);
	}
}
END_TEST

START_TEST(each_byte_counts)
{
	struct frame_stamp stamp;
	struct frame_info info;

	make(_i, 150, 5, &info);
	for (size_t at = info.payload + (kinds[_i].proto == IPPROTO_TCP ? 0 : 16); at < 150; at++) {
		frame[at] ^= 0x10;
		ck_assert_int_eq(frame_verify(frame, &info, 0, &stamp), FRAME_CORRUPT);
		if (kinds[_i].version)
			ck_assert(!frame_csum_ok(frame, &info, false));
		frame[at] ^= 0x10;
	}
}
END_TEST

START_TEST(tcp_segments_verify)
{
	static uint8_t whole[9000];
	struct frame_stamp stamp;
	struct frame_info info;
	const size_t mss = 1001, headers = 66;

	/* Cut a large packet as a segmenter would; each piece must stand alone. */
	make(1, sizeof(whole), 12345, &info);
	memcpy(whole, frame, sizeof(whole));
	for (size_t at = headers; at + mss <= sizeof(whole); at += mss) {
		uint32_t seq = htonl(12345 + at - headers);

		make(1, headers + mss, 0, &info);
		memcpy(frame + headers, whole + at, mss);
		memcpy(frame + info.l4 + 4, &seq, 4);
		ck_assert_int_eq(frame_verify(frame, &info, 0, &stamp), FRAME_GOOD);
		ck_assert_uint_eq(stamp.len, mss);
	}
}
END_TEST

START_TEST(blank_is_pseudo_sum)
{
	struct frame_info info;

	make(_i, 1000, 5, &info);
	frame_set_csum(frame, &info, FRAME_CSUM_BLANK);
	ck_assert(frame_csum_ok(frame, &info, true));
	ck_assert(!frame_csum_ok(frame, &info, false));
	/* Completing a blank field is summing from the transport header on. */
	uint16_t sum = ~frame_fold(frame_sum(0, frame + info.l4, info.end - info.l4));

	memcpy(frame + info.csum, &sum, 2);
	ck_assert(frame_csum_ok(frame, &info, false));
	frame_set_csum(frame, &info, FRAME_CSUM_BAD);
	ck_assert(!frame_csum_ok(frame, &info, false));
}
END_TEST

/* RFC 1071's own example, and an odd length. */
START_TEST(internet_checksum)
{
	const uint8_t data[] = {0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7, 0x01};

	ck_assert_uint_eq(ntohs(frame_fold(frame_sum(0, data, 8))), 0xddf2);
	ck_assert_uint_eq(ntohs(frame_fold(frame_sum(0, data, 9))), 0xdef2);
}
END_TEST

START_TEST(swap_keeps_checksums)
{
	struct frame_info info;

	make(_i, 300, 9, &info);
	frame_swap(frame, &info);
	ck_assert_uint_eq(frame[0], 0x44);
	ck_assert_uint_eq(frame[6], 0x22);
	ck_assert(frame_csum_ok(frame, &info, false));
	if (info.l4)
		ck_assert_uint_eq(frame[info.l4] << 8 | frame[info.l4 + 1], 2000);
}
END_TEST

/* Every offset stays inside whatever the headers claim. */
START_TEST(parse_survives_anything)
{
	struct frame_info info;

	srand(1);
	for (int i = 0; i < 100000; i++) {
		size_t len = 1 + rand() % 120;

		make(rand() % 5, 120, i, &info);
		for (int n = rand() % 4; n >= 0; n--)
			frame[12 + rand() % 60] = rand();
		frame_parse(frame, len, len, &info);
		/* One message a failure: Check takes note of every ck_assert that holds as well. */
		if (info.end > len || info.payload > info.end ||
		    (info.csum && info.csum + 2u > info.end) ||
		    (info.l4 && info.l4 >= info.payload))
			ck_abort_msg("frame %d of %zu bytes: csum %u l4 %u payload %u end %u", i,
				     len, (unsigned int)info.csum, (unsigned int)info.l4,
				     (unsigned int)info.payload, (unsigned int)info.end);
	}
}
END_TEST

START_TEST(fragments_have_no_transport)
{
	struct frame_info info;

	make(0, 200, 1, &info);
	frame[FRAME_ETH + 6] = 0x20; /* more fragments */
	frame_parse(frame, 200, 200, &info);
	ck_assert_uint_eq(info.version, 4);
	ck_assert_uint_eq(info.l4, 0);
	ck_assert_uint_eq(info.csum, 0);
}
END_TEST

START_TEST(histogram_percentiles)
{
	static struct histogram h;

	for (uint64_t v = 1; v <= 100000; v++)
		histogram_add(&h, v * 1000);
	ck_assert_uint_eq(h.count, 100000);
	ck_assert_uint_eq(h.min, 1000);
	ck_assert_uint_eq(h.max, 100000000);
	for (unsigned int permille = 10; permille <= 1000; permille += 10) {
		double wanted = permille * 1e5, got = histogram_at(&h, permille);

		ck_assert_msg(got >= wanted && got <= wanted * 1.04, "%u: %g", permille, got);
	}
	histogram_add(&h, UINT64_MAX);
	ck_assert_uint_eq(histogram_at(&h, 1000), UINT64_MAX);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("frame");
	TCase *t = tcase_create("frame");
	SRunner *runner;
	int failed;

	tcase_add_loop_test(t, round_trip, 0, 5);
	tcase_add_loop_test(t, each_byte_counts, 0, 5);
	tcase_add_test(t, tcp_segments_verify);
	tcase_add_loop_test(t, blank_is_pseudo_sum, 0, 4);
	tcase_add_test(t, internet_checksum);
	tcase_add_loop_test(t, swap_keeps_checksums, 0, 5);
	tcase_add_test(t, parse_survives_anything);
	tcase_add_test(t, fragments_have_no_transport);
	tcase_add_test(t, histogram_percentiles);
	suite_add_tcase(s, t);
	runner = srunner_create(s);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
