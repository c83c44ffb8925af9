/* SPDX-License-Identifier: MIT */
/* test-hash.c: Microsoft's published vectors, and netif.h's rules about types, keys and mappings */
#include "netback/engine/hash.h"

#include <arpa/inet.h>
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "netback/common/util.h"

enum {
	V4 = XEN_NETIF_CTRL_HASH_TYPE_IPV4,
	V4_TCP = XEN_NETIF_CTRL_HASH_TYPE_IPV4_TCP,
	V6 = XEN_NETIF_CTRL_HASH_TYPE_IPV6,
	V6_TCP = XEN_NETIF_CTRL_HASH_TYPE_IPV6_TCP,
	QUEUES = 3,
};

/* "Verifying the RSS hash calculation", Windows driver documentation. */
static const uint8_t ms_key[HASH_KEY_BYTES] = {
	0x6d, 0x5a, 0x56, 0xda, 0x25, 0x5b, 0x0e, 0xc2, 0x41, 0x67, 0x25, 0x3d, 0x43, 0xa3,
	0x8f, 0xb0, 0xd0, 0xca, 0x2b, 0xcb, 0xae, 0x7b, 0x30, 0xb4, 0x77, 0xcb, 0x2d, 0xa3,
	0x80, 0x30, 0xf2, 0x0c, 0x6a, 0x42, 0xb7, 0x3b, 0xbe, 0xac, 0x01, 0xfa,
};

static const struct vector {
	int family;
	const char *dst, *src;
	uint16_t dst_port, src_port;
	uint32_t ip_hash, tcp_hash;
} vectors[] = {
	{AF_INET, "161.142.100.80", "66.9.149.187", 1766, 2794, 0x323e8fc2, 0x51ccc178},
	{AF_INET, "65.69.140.83", "199.92.111.2", 4739, 14230, 0xd718262a, 0xc626b0ea},
	{AF_INET, "12.22.207.184", "24.19.198.95", 38024, 12898, 0xd2d0a5de, 0x5c2b394a},
	{AF_INET, "209.142.163.6", "38.27.205.30", 2217, 48228, 0x82989176, 0xafc7327f},
	{AF_INET, "202.188.127.2", "153.39.163.191", 1303, 44251, 0x5d1809c5, 0x10e828a2},
	{AF_INET6, "3ffe:2501:200:3::1", "3ffe:2501:200:1fff::7", 1766, 2794, 0x2cc18cd5,
	 0x40207d3d},
	{AF_INET6, "ff02::1", "3ffe:501:8::260:97ff:fe40:efab", 4739, 14230, 0x0f0c461c,
	 0xdde51bbf},
	{AF_INET6, "fe80::200:f8ff:fe21:67cf", "3ffe:1900:4545:3:200:f8ff:fe21:67cf", 38024, 44251,
	 0x4b61e985, 0x02d1feef},
};

static struct hash hash;
static struct hash_settings set;
static uint8_t frame[256];
static struct hash_result got;

static void setup(void)
{
	memset(&set, 0, sizeof(set));
	set.algorithm = XEN_NETIF_CTRL_HASH_ALGORITHM_TOEPLITZ;
	set.types = HASH_TYPES;
	memcpy(set.key, ms_key, sizeof(set.key));
	hash_load(&hash, &set);
}

static void load_types(uint32_t types)
{
	set.types = types;
	hash_load(&hash, &set);
}

static void put16(uint8_t *p, uint16_t value)
{
	p[0] = (uint8_t)(value >> 8);
	p[1] = (uint8_t)value;
}

/* --- frames ------------------------------------------------------------------------------------- */

struct shape {
	unsigned int nr_tags;
	unsigned int option_bytes; /* IPv4 options, or IPv6 extension headers of 8 bytes */
	uint8_t proto;
	uint16_t fragment; /* IPv4's field, or an IPv6 fragment header if not 0 */
};

/* Returns where the ports are. */
static uint32_t make_ip(const struct vector *v, const struct shape *s, uint8_t *ip)
{
	uint32_t at = v->family == AF_INET ? 20 : 40;
	uint8_t *next = &ip[6];

	if (v->family == AF_INET) {
		ip[0] = (uint8_t)(0x45 + s->option_bytes / 4);
		put16(ip + 6, s->fragment);
		ip[9] = s->proto;
		inet_pton(AF_INET, v->src, ip + 12);
		inet_pton(AF_INET, v->dst, ip + 16);
		return at + s->option_bytes;
	}
	ip[0] = 0x60;
	inet_pton(AF_INET6, v->src, ip + 8);
	inet_pton(AF_INET6, v->dst, ip + 24);
	for (unsigned int i = 0; i < s->option_bytes / 8; i++, at += 8) {
		*next = i % 2 ? IPPROTO_DSTOPTS : IPPROTO_HOPOPTS;
		next = ip + at;
	}
	if (s->fragment) {
		*next = IPPROTO_FRAGMENT;
		next = ip + at;
		at += 8;
	}
	*next = s->proto;
	return at;
}

/* Returns its length, which ends with the ports. */
static uint32_t make_frame(const struct vector *v, const struct shape *s)
{
	uint32_t at = 12;

	memset(frame, 0, sizeof(frame));
	for (unsigned int i = 0; i < s->nr_tags; i++, at += 4)
		put16(frame + at, i ? 0x8100 : 0x88a8);
	put16(frame + at, v->family == AF_INET ? 0x0800 : 0x86dd);
	at += 2;
	at += make_ip(v, s, frame + at);
	put16(frame + at, v->src_port);
	put16(frame + at + 2, v->dst_port);
	return at + 4;
}

static bool is_v4(const struct vector *v)
{
	return v->family == AF_INET;
}

static const struct shape tcp = {.proto = IPPROTO_TCP};

static const struct shape tcp_shapes[] = {
	{.proto = IPPROTO_TCP},
	{.proto = IPPROTO_TCP, .nr_tags = 1},
	{.proto = IPPROTO_TCP, .nr_tags = 2},
	{.proto = IPPROTO_TCP, .option_bytes = 8},
	{.proto = IPPROTO_TCP, .option_bytes = 40, .nr_tags = 1},
};

static const struct shape other_shapes[] = {
	{.proto = IPPROTO_UDP},
	{.proto = IPPROTO_TCP, .fragment = 0x2000},
	{.proto = IPPROTO_TCP, .fragment = 0x0010},
	{.proto = IPPROTO_ICMP, .option_bytes = 8},
};

static void expect(uint32_t len, int type, uint32_t value)
{
	memset(&got, 0x55, sizeof(got));
	ck_assert(hash_frame(&hash, frame, len, &got));
	ck_assert_int_eq(got.type, type);
	ck_assert_msg(got.value == value, "0x%08x, not 0x%08x", got.value, value);
}

START_TEST(test_vectors)
{
	const struct vector *v = &vectors[_i];
	int type = is_v4(v) ? _XEN_NETIF_CTRL_HASH_TYPE_IPV4 : _XEN_NETIF_CTRL_HASH_TYPE_IPV6;

	for (size_t i = 0; i < ARRAY_SIZE(tcp_shapes); i++)
		expect(make_frame(v, &tcp_shapes[i]), type + 1, v->tcp_hash);
	for (size_t i = 0; i < ARRAY_SIZE(other_shapes); i++)
		expect(make_frame(v, &other_shapes[i]), type, v->ip_hash);
}
END_TEST

/* The largest type that was set and applies. */
START_TEST(test_types)
{
	const struct vector *v = &vectors[_i];
	uint32_t ip = is_v4(v) ? V4 : V6, with_ports = is_v4(v) ? V4_TCP : V6_TCP;
	uint32_t others = HASH_TYPES & ~(ip | with_ports);
	int type = is_v4(v) ? _XEN_NETIF_CTRL_HASH_TYPE_IPV4 : _XEN_NETIF_CTRL_HASH_TYPE_IPV6;

	load_types(ip | others);
	expect(make_frame(v, &tcp), type, v->ip_hash);
	load_types(with_ports | others);
	expect(make_frame(v, &tcp), type + 1, v->tcp_hash);
	ck_assert(!hash_frame(&hash, frame, make_frame(v, &other_shapes[0]), &got));
	load_types(others);
	ck_assert(!hash_frame(&hash, frame, make_frame(v, &tcp), &got));
}
END_TEST

/* No byte beyond the frame is read: the copy ends where the heap block does. */
START_TEST(test_cut_off)
{
	const struct vector *v = &vectors[_i];

	for (size_t s = 0; s < ARRAY_SIZE(tcp_shapes); s++) {
		uint32_t len = make_frame(v, &tcp_shapes[s]);

		for (uint32_t cut = 0; cut < len; cut++) {
			uint8_t *copy = malloc(cut + !cut);

			memcpy(copy, frame, cut);
			if (hash_frame(&hash, copy, cut, &got))
				ck_assert_msg(got.value == v->ip_hash, "0x%08x of %u bytes",
					      got.value, cut);
			free(copy);
		}
	}
}
END_TEST

START_TEST(test_not_ip)
{
	uint32_t len = make_frame(&vectors[0], &tcp);

	put16(frame + 12, 0x0806); /* ARP */
	ck_assert(!hash_frame(&hash, frame, len, &got));
	put16(frame + 12, 0x86dd); /* IPv4 as IPv6 */
	ck_assert(!hash_frame(&hash, frame, len, &got));
	put16(frame + 12, 0x0800);
	frame[14] = 0x44; /* a header of 16 bytes */
	ck_assert(!hash_frame(&hash, frame, len, &got));
	len = make_frame(&vectors[0], &(struct shape){.proto = IPPROTO_TCP, .nr_tags = 3});
	ck_assert(!hash_frame(&hash, frame, len, &got));
}
END_TEST

/* --- keys ---------------------------------------------------------------------------------------- */

/* The definition, bit by bit. */
static uint32_t naive(const uint8_t *key, const uint8_t *input, unsigned int bytes)
{
	uint32_t value = 0;

	for (unsigned int bit = 0; bit < 8 * bytes; bit++) {
		uint32_t window = 0;

		if (!(input[bit / 8] & 0x80 >> bit % 8))
			continue;
		for (unsigned int k = bit; k < bit + 32; k++) {
			bool one = k / 8 < HASH_KEY_BYTES && key[k / 8] & 0x80 >> k % 8;

			window = window << 1 | one;
		}
		value ^= window;
	}
	return value;
}

START_TEST(test_any_key)
{
	uint8_t input[HASH_INPUT_BYTES];

	srand(1);
	for (unsigned int i = 0; i < 500; i++) {
		for (size_t k = 0; k < sizeof(set.key); k++)
			set.key[k] = (uint8_t)rand();
		for (size_t k = 0; k < sizeof(input); k++)
			input[k] = (uint8_t)rand();
		hash_load(&hash, &set);
		ck_assert_uint_eq(hash_toeplitz(&hash, input, i % 37),
				  naive(set.key, input, i % 37));
	}
}
END_TEST

/* A cleared key: the hash of everything is zero, and still a hash. */
START_TEST(test_zero_key)
{
	memset(set.key, 0, sizeof(set.key));
	hash_load(&hash, &set);
	for (size_t i = 0; i < ARRAY_SIZE(vectors); i++) {
		ck_assert(hash_frame(&hash, frame, make_frame(&vectors[i], &tcp), &got));
		ck_assert_uint_eq(got.value, 0);
	}
}
END_TEST

/* --- queues ---------------------------------------------------------------------------------------- */

START_TEST(test_queue)
{
	for (uint32_t value = 0; value < 1000; value++)
		ck_assert_uint_eq(hash_queue(&hash, value, QUEUES), value % QUEUES);

	set.nr_mapped = 5;
	memcpy(set.mapping, (uint8_t[]){2, 0, 0, 1, 2}, 5);
	hash_load(&hash, &set);
	for (uint32_t value = 0; value < 1000; value++)
		ck_assert_uint_eq(hash_queue(&hash, value, QUEUES), set.mapping[value % 5]);
	ck_assert_uint_eq(hash_queue(&hash, UINT32_MAX, QUEUES), set.mapping[UINT32_MAX % 5]);
}
END_TEST

START_TEST(test_is_on)
{
	ck_assert(hash_is_on(&hash));
	load_types(0);
	ck_assert(!hash_is_on(&hash));
	set.types = HASH_TYPES;
	set.algorithm = XEN_NETIF_CTRL_HASH_ALGORITHM_NONE;
	hash_load(&hash, &set);
	ck_assert(!hash_is_on(&hash));
}
END_TEST

START_TEST(test_valid)
{
	struct hash_settings bad;

	ck_assert(hash_settings_valid(&(struct hash_settings){0}, 1));
	set.nr_mapped = HASH_MAPPING_ENTRIES;
	set.mapping[HASH_MAPPING_ENTRIES - 1] = QUEUES - 1;
	ck_assert(hash_settings_valid(&set, QUEUES));
	ck_assert(!hash_settings_valid(&set, QUEUES - 1));
	bad = set;
	bad.algorithm = 2;
	ck_assert(!hash_settings_valid(&bad, QUEUES));
	bad = set;
	bad.types = HASH_TYPES + 1;
	ck_assert(!hash_settings_valid(&bad, QUEUES));
	bad = set;
	bad.nr_mapped++;
	ck_assert(!hash_settings_valid(&bad, QUEUES));
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("hash");
	TCase *tcase = tcase_create("hash");
	SRunner *runner = srunner_create(suite);
	int failed;

	suite_add_tcase(suite, tcase);
	tcase_add_checked_fixture(tcase, setup, NULL);
	tcase_add_loop_test(tcase, test_vectors, 0, ARRAY_SIZE(vectors));
	tcase_add_loop_test(tcase, test_types, 0, ARRAY_SIZE(vectors));
	tcase_add_loop_test(tcase, test_cut_off, 0, ARRAY_SIZE(vectors));
	tcase_add_test(tcase, test_not_ip);
	tcase_add_test(tcase, test_any_key);
	tcase_add_test(tcase, test_zero_key);
	tcase_add_test(tcase, test_queue);
	tcase_add_test(tcase, test_is_on);
	tcase_add_test(tcase, test_valid);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? 1 : 0;
}
