/* SPDX-License-Identifier: MIT -- netfront-shim's hash: the published vectors, options, queues, and wrong hashes */
#include "netfront-shim/nfhash.h"

#include <arpa/inet.h>
#include <check.h>
#include <stdlib.h>

static struct nfhash hash;
static struct nf_faults faults;
static uint8_t frame[100];
static struct frame_info info;

static void set_up(void)
{
	faults = (struct nf_faults){.quiet = true};
	ck_assert(nfhash_parse(&hash, "toeplitz"));
}

static void make(int version, int proto, const char *src, uint16_t sport, const char *dst,
		 uint16_t dport)
{
	struct frame_spec spec = {
		.version = version, .proto = proto, .sport = sport, .dport = dport};

	if (version == 4) {
		inet_pton(AF_INET, src, &spec.src4);
		inet_pton(AF_INET, dst, &spec.dst4);
	} else {
		inet_pton(AF_INET6, src, &spec.src6);
		inet_pton(AF_INET6, dst, &spec.dst6);
	}
	frame_build(&spec, frame, sizeof(frame));
	frame_parse(frame, sizeof(frame), sizeof(frame), &info);
}

/* "Verifying the RSS Hash Calculation", Windows Driver Kit */
static const struct {
	int version;
	const char *dst;
	uint16_t dport;
	const char *src;
	uint16_t sport;
	uint32_t ip, tcp;
} vectors[] = {
	{4, "161.142.100.80", 1766, "66.9.149.187", 2794, 0x323e8fc2, 0x51ccc178},
	{4, "65.69.140.83", 4739, "199.92.111.2", 14230, 0xd718262a, 0xc626b0ea},
	{4, "12.22.207.184", 38024, "24.19.198.95", 12898, 0xd2d0a5de, 0x5c2b394a},
	{4, "209.142.163.6", 2217, "38.27.205.30", 48228, 0x82989176, 0xafc7327f},
	{4, "202.188.127.2", 1303, "153.39.163.191", 44251, 0x5d1809c5, 0x10e828a2},
	{6, "3ffe:2501:200:3::1", 1766, "3ffe:2501:200:1fff::7", 2794, 0x2cc18cd5, 0x40207d3d},
	{6, "ff02::1", 4739, "3ffe:501:8::260:97ff:fe40:efab", 14230, 0x0f0c461c, 0xdde51bbf},
	{6, "fe80::200:f8ff:fe21:67cf", 38024, "3ffe:1900:4545:3:200:f8ff:fe21:67cf", 44251,
	 0x4b61e985, 0x02d1feef},
};

START_TEST(published_vectors)
{
	int shift = vectors[_i].version == 4 ? 0 : 2;
	uint32_t value;
	uint8_t type;

	make(vectors[_i].version, IPPROTO_TCP, vectors[_i].src, vectors[_i].sport, vectors[_i].dst,
	     vectors[_i].dport);
	ck_assert(nfhash_of(&hash, frame, &info, &type, &value));
	ck_assert_uint_eq(type, _XEN_NETIF_CTRL_HASH_TYPE_IPV4_TCP + shift);
	ck_assert_uint_eq(value, vectors[_i].tcp);

	hash.types = XEN_NETIF_CTRL_HASH_TYPE_IPV4 << shift;
	ck_assert(nfhash_of(&hash, frame, &info, &type, &value));
	ck_assert_uint_eq(type, _XEN_NETIF_CTRL_HASH_TYPE_IPV4 + shift);
	ck_assert_uint_eq(value, vectors[_i].ip);

	hash.types = XEN_NETIF_CTRL_HASH_TYPE_IPV6 >> shift;
	ck_assert(!nfhash_of(&hash, frame, &info, &type, &value));
}
END_TEST

START_TEST(udp_is_hashed_as_ip)
{
	uint32_t value;
	uint8_t type;

	make(4, IPPROTO_UDP, "66.9.149.187", 2794, "161.142.100.80", 1766);
	ck_assert(nfhash_of(&hash, frame, &info, &type, &value));
	ck_assert_uint_eq(type, _XEN_NETIF_CTRL_HASH_TYPE_IPV4);
	ck_assert_uint_eq(value, 0x323e8fc2);
	frame[12] = 0x88; /* not IP */
	frame_parse(frame, sizeof(frame), sizeof(frame), &info);
	ck_assert(!nfhash_of(&hash, frame, &info, &type, &value));
}
END_TEST

START_TEST(options)
{
	static const char *const bad[] = {"",
					  "toeplit",
					  "toeplitzz",
					  "toeplitz:",
					  "toeplitz:color=red",
					  "toeplitz:types=",
					  "toeplitz:types=1x",
					  "toeplitz:key=123",
					  "toeplitz:key=xy",
					  "toeplitz:mapping=",
					  "toeplitz:mapping=0;1",
					  "toeplitz:mapping=0,1,"};
	uint32_t value = 1;
	uint8_t type;

	ck_assert(nfhash_parse(&hash, "toeplitz:types=0x3:key=0102ff:mapping=0,1,1,0"));
	ck_assert_uint_eq(hash.types, 3);
	ck_assert_uint_eq(hash.key_len, 3);
	ck_assert_uint_eq(hash.key[2], 0xff);
	ck_assert_uint_eq(hash.size, 4);
	ck_assert_uint_eq(nfhash_queue(&hash, 6, 2), 1);
	ck_assert_uint_eq(nfhash_queue(&hash, 7, 2), 0);
	ck_assert(nfhash_parse(&hash, "toeplitz:key="));
	ck_assert_uint_eq(nfhash_queue(&hash, 7, 4), 3);
	make(4, IPPROTO_UDP, "66.9.149.187", 2794, "161.142.100.80", 1766);
	ck_assert(nfhash_of(&hash, frame, &info, &type, &value));
	ck_assert_uint_eq(value, 0);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		ck_assert_msg(!nfhash_parse(&hash, bad[i]), "%s", bad[i]);
}
END_TEST

static void only_fault(int kind)
{
	for (int i = 0; i < NF_FAULT_COUNT; i++)
		ck_assert_msg((faults.count[i] > 0) == (i == kind), "%s: %llu", fault_name(i),
			      (unsigned long long)faults.count[i]);
}

START_TEST(wrong_backends)
{
	const struct nfrx_packet good = {
		.has_hash = true,
		.hash = 0x51ccc178,
		.hash_type = _XEN_NETIF_CTRL_HASH_TYPE_IPV4_TCP,
		.hash_algorithm = XEN_NETIF_CTRL_HASH_ALGORITHM_TOEPLITZ,
	};
	struct nfrx_packet pkt = good;

	make(4, IPPROTO_TCP, "66.9.149.187", 2794, "161.142.100.80", 1766);
	hash.size = 2;
	hash.mapping[0] = 1;
	nfhash_check(&hash, frame, &info, &pkt, 1, 2, &faults);
	only_fault(-1);
	switch (_i) {
	case 0:
		pkt.hash++;
		break;
	case 1:
		pkt.hash_type = _XEN_NETIF_CTRL_HASH_TYPE_IPV4;
		break;
	case 2:
		pkt.hash_algorithm = 0;
		break;
	case 3:
		hash.types = XEN_NETIF_CTRL_HASH_TYPE_IPV6;
		break;
	}
	nfhash_check(&hash, frame, &info, &pkt, _i == 4 ? 0 : 1, 2, &faults);
	only_fault(_i == 4 ? NF_FAULT_RX_HASH_QUEUE : NF_FAULT_RX_HASH);
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("nfhash");
	TCase *t = tcase_create("nfhash");

	tcase_add_checked_fixture(t, set_up, NULL);
	tcase_add_loop_test(t, published_vectors, 0, sizeof(vectors) / sizeof(vectors[0]));
	tcase_add_test(t, udp_is_hashed_as_ip);
	tcase_add_test(t, options);
	tcase_add_loop_test(t, wrong_backends, 0, 5);
	suite_add_tcase(s, t);
	return s;
}

int main(void)
{
	SRunner *runner = srunner_create(suite());
	int failed;

	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
