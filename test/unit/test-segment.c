/* SPDX-License-Identifier: MIT */
/* test-segment.c: what is cut comes together again, and each piece is a frame of its own */
#include "netback/engine/segment.h"

#include <check.h>
#include <errno.h>

#include "netback/common/util.h"
#include "test/unit/frames.h"

enum {
	FIN = 0x01,
	PSH = 0x08,
	ACK = 0x10,
	CWR = 0x80,
};

static uint8_t buf[FRAME_MAX_BYTES + 1], joined[FRAME_MAX_BYTES + 1];
static uint8_t header[OFFLOAD_HEADER_BYTES];

#define TCP4(bytes) .version = 4, .proto = IPPROTO_TCP, .payload = bytes, .transport = 34, .end = 54
#define TCP6(bytes) .version = 6, .proto = IPPROTO_TCP, .payload = bytes, .transport = 54, .end = 74

static const struct {
	struct frame_shape shape;
	uint32_t size, nr;
	uint8_t flags;
} cuts[] = {
	{{"even", TCP4(2896)}, 1448, 2, ACK},
	{{"and a byte", TCP4(2897)}, 1448, 3, ACK | PSH},
	{{"less than a segment", TCP4(100)}, 1448, 1, ACK | PSH | FIN | CWR},
	{{"odd size", TCP4(10000)}, 333, 31, ACK | FIN},
	{{"the smallest", TCP4(8000)}, 8, 1000, ACK | PSH | CWR},
	{{"the largest", TCP4(65481)}, 1448, 46, ACK | PSH | CWR},
	{{"jumbo segments", TCP4(60000)}, 8948, 7, ACK | PSH},
	{{"tcp6", TCP6(20000)}, 1428, 15, ACK | PSH | FIN | CWR},
	{{"tagged", .tags = 1, .version = 4, .proto = IPPROTO_TCP, .payload = 9000, .transport = 38,
	  .end = 58},
	 1448,
	 7,
	 ACK | PSH},
	{{"tagged twice", .tags = 2, .version = 6, .proto = IPPROTO_TCP, .payload = 9000,
	  .transport = 62, .end = 82},
	 1420,
	 7,
	 ACK},
	{{"options", .version = 4, .options = 12, .proto = IPPROTO_TCP, .tcp_options = 12,
	  .payload = 30000, .transport = 46, .end = 78},
	 1400,
	 22,
	 ACK | CWR},
	{{"extension headers", .version = 6,
	  .extensions = {{IPPROTO_HOPOPTS, 8}, {IPPROTO_DSTOPTS, 16}}, .proto = IPPROTO_TCP,
	  .tcp_options = 40, .payload = 3000, .transport = 78, .end = 138},
	 1000,
	 3,
	 ACK | PSH},
};

static uint32_t get32(const uint8_t *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

/* A frame that has an id, a sequence number and flags. */
static uint32_t build(const struct frame_shape *shape, uint8_t flags)
{
	uint32_t len = frame_build(shape, buf);

	if (shape->version == 4) {
		uint8_t *ip = buf + 14 + 4 * shape->tags;

		frame_put16(ip + 4, 0xfffe);
		frame_put16(ip + 10, (uint16_t)~frame_sum(ip, 20 + shape->options, 0));
	}
	memcpy(buf + shape->transport + 4, "\xff\xff\xf0\x01", 4);
	buf[shape->transport + 13] = flags;
	ck_assert_uint_eq(len, shape->end + shape->payload);
	return len;
}

/* --- one segment, as a receiver reads it ----------------------------------------------------------------- */

static void check_ip(const struct frame_shape *shape, const uint8_t *frame, uint32_t len,
		     uint32_t n)
{
	unsigned int at = 14 + 4 * shape->tags;
	const uint8_t *ip = frame + at, *was = buf + at;

	if (shape->version == 4) {
		ck_assert_uint_eq(ip[2] << 8 | ip[3], len - at);
		ck_assert_uint_eq(ip[4] << 8 | ip[5], (0xfffe + n) & 0xffff);
		ck_assert_uint_eq(frame_sum(ip, 20 + shape->options, 0), 0xffff);
		ck_assert_mem_eq(ip + 6, was + 6, 4);
		ck_assert_mem_eq(ip + 12, was + 12, shape->transport - at - 12);
	} else {
		ck_assert_uint_eq(ip[4] << 8 | ip[5], len - at - 40);
		ck_assert_mem_eq(ip, was, 4);
		ck_assert_mem_eq(ip + 6, was + 6, shape->transport - at - 6);
	}
	ck_assert_mem_eq(frame, buf, at);
}

static void check_tcp(const struct frame_shape *shape, const uint8_t *frame, uint32_t len,
		      uint32_t offset, uint8_t flags, bool blank)
{
	const uint8_t *tcp = frame + shape->transport, *was = buf + shape->transport;
	uint16_t pseudo = frame_pseudo_sum(shape, frame, len);

	ck_assert_mem_eq(tcp, was, 4);
	ck_assert_uint_eq(get32(tcp + 4), 0xfffff001u + offset);
	ck_assert_mem_eq(tcp + 8, was + 8, 5);
	ck_assert_uint_eq(tcp[13], flags);
	ck_assert_mem_eq(tcp + 14, was + 14, 2);
	ck_assert_mem_eq(tcp + 18, was + 18, shape->end - shape->transport - 18);
	if (blank)
		ck_assert_uint_eq(tcp[16] << 8 | tcp[17], pseudo);
	else
		ck_assert_uint_eq(frame_sum(tcp, len - shape->transport, pseudo), 0xffff);
}

/* --- all of them -------------------------------------------------------------------------------------------- */

static void cut(const struct frame_shape *shape, uint32_t size, uint32_t nr, uint8_t flags,
		bool blank)
{
	uint32_t len = build(shape, flags), at = shape->end;
	uint8_t *frame = frame_exactly(buf, len);
	struct segment s;

	ck_assert_int_eq(segment_begin(&s, frame, len, size, blank), 0);
	for (uint32_t n = 0; n < nr; n++) {
		uint32_t want = segment_length(&s);
		struct segment_piece piece = segment_next(&s, frame, header);
		bool last = n + 1 == nr;
		uint8_t now = flags;

		if (!last)
			now &= (uint8_t) ~(FIN | PSH);
		if (n)
			now &= (uint8_t)~CWR;
		ck_assert_uint_eq(want, piece.header + piece.payload);
		ck_assert_uint_eq(piece.header, shape->end);
		ck_assert_uint_eq(piece.at, at);
		ck_assert_uint_eq(piece.payload, last ? len - at : size);
		memcpy(joined, header, piece.header);
		memcpy(joined + piece.header, frame + piece.at, piece.payload);
		check_ip(shape, joined, want, n);
		check_tcp(shape, joined, want, at - shape->end, now, blank);
		at += piece.payload;
	}
	ck_assert_uint_eq(at, len);
	ck_assert_uint_eq(segment_length(&s), 0);
	ck_assert_mem_eq(frame, buf, len);
	free(frame);
}

START_TEST(test_cut)
{
	cut(&cuts[_i].shape, cuts[_i].size, cuts[_i].nr, cuts[_i].flags, false);
	cut(&cuts[_i].shape, cuts[_i].size, cuts[_i].nr, cuts[_i].flags, true);
}
END_TEST

START_TEST(test_any_sizes)
{
	srandom(1);
	for (int n = 0; n < 200; n++) {
		uint32_t payload = 1 + (uint32_t)random() % 20000,
			 size = 8 + (uint32_t)random() % 3000;
		struct frame_shape shape = {"any", TCP4(payload)};

		cut(&shape, size, DIV_ROUND_UP(payload, size), (uint8_t)random(), n % 2);
	}
}
END_TEST

/* --- what is not cut ---------------------------------------------------------------------------------------- */

static const struct {
	struct frame_shape shape;
	uint32_t size;
} refused[] = {
	{{"too small pieces", TCP4(1000)}, 7},
	{{"no pieces", TCP4(1000)}, 0},
	{{"nothing to cut", TCP4(0)}, 1448},
	{{"udp", .version = 4, .proto = IPPROTO_UDP, .payload = 3000}, 1448},
	{{"a fragment", .version = 4, .fragment = 0x2000, .proto = IPPROTO_TCP, .payload = 3000},
	 1448},
	{{"arp", .version = 0, .payload = 3000}, 1448},
	{{"tagged thrice", .tags = 3, .version = 4, .proto = IPPROTO_TCP, .payload = 3000}, 1448},
};

START_TEST(test_refused)
{
	uint32_t len = frame_build(&refused[_i].shape, buf);
	uint8_t *frame = frame_exactly(buf, len);
	struct segment s = {.nr = 77};

	ck_assert_int_eq(segment_begin(&s, frame, len, refused[_i].size, false), -EINVAL);
	ck_assert_uint_eq(s.nr, 77);
	free(frame);
}
END_TEST

/* A frame that ends anywhere in its headers. */
START_TEST(test_short)
{
	static const struct frame_shape shape = {"short", .version = 4, .proto = IPPROTO_TCP,
						 .tcp_options = 20, .payload = 1};
	uint32_t len = frame_build(&shape, buf);
	struct segment s;

	for (uint32_t cut_at = 0; cut_at <= len; cut_at++) {
		uint8_t *frame = frame_exactly(buf, cut_at);

		ck_assert_int_eq(segment_begin(&s, frame, cut_at, 8, false),
				 cut_at == len ? 0 : -EINVAL);
		free(frame);
	}
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("segment");
	TCase *tcase = tcase_create("segment");
	SRunner *runner = srunner_create(suite);
	int failed;

	suite_add_tcase(suite, tcase);
	tcase_set_timeout(tcase, 60);
	tcase_add_loop_test(tcase, test_cut, 0, ARRAY_SIZE(cuts));
	tcase_add_test(tcase, test_any_sizes);
	tcase_add_loop_test(tcase, test_refused, 0, ARRAY_SIZE(refused));
	tcase_add_test(tcase, test_short);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? 1 : 0;
}
