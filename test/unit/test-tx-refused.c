/* SPDX-License-Identifier: MIT */
/* test-tx-refused.c: what costs a guest its packet, and what its vif */
#include "netback/engine/tx.h"

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "test/fakexen/machine.h"
#include "test/unit/engine-harness.h"

static struct harness harness, *h = &harness;
static struct link_features features;
static uint8_t frame[HARNESS_FRAME];

static void setup(void)
{
	harness_open(h, false);
	features = harness_all_features();
	harness_reset(h, &features, 0);
	for (unsigned int i = 0; i < HARNESS_PAGES; i++)
		harness_make_frame(h->page[i], 4, COPY_PAGE_SIZE, (uint8_t)i);
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

/* --- what a guest may write on its ring ------------------------------------------------------------ */

enum {
	MORE = NETTXF_more_data,
	EXTRA = NETTXF_extra_info,
	BLANK = NETTXF_csum_blank | NETTXF_data_validated,
	BAD_REF = 0x8000, /* in flags: the request's grant reference is none */
	MAX_ENTRIES = 8,
};

struct entry {
	uint16_t size, offset, flags;
	uint8_t extra,
		extra_flags; /* an extra info of this type; size and offset: gso size and type */
};

#define GSO(size, type, more)                                                                      \
	{                                                                                          \
		size, type, 0, XEN_NETIF_EXTRA_TYPE_GSO, more                                      \
	}
#define INFO(type, more)                                                                           \
	{                                                                                          \
		0, 0, 0, type, more                                                                \
	}
#define INFO_NONE 0xee /* type 0, which no extra info has */

static void put(const struct entry *e, uint16_t id)
{
	netif_tx_request_t req = {
		.gref = e->flags & BAD_REF ? h->bad_ref : h->ref[id % HARNESS_PAGES],
		.offset = e->offset,
		.size = e->size,
		.flags = e->flags & (uint16_t)~BAD_REF,
		.id = id,
	};
	struct netif_extra_info extra = {
		.type = e->extra == INFO_NONE ? 0 : e->extra,
		.flags = e->extra_flags,
		.u.gso = {.size = e->size, .type = (uint8_t)e->offset},
	};

	if (e->extra)
		harness_tx_put_extra(h, &extra);
	else
		harness_tx_put(h, &req);
}

/* Ids are ring positions. */
static void put_all(const struct entry *e, unsigned int nr)
{
	for (unsigned int i = 0; i < nr; i++)
		put(&e[i], (uint16_t)h->tx_prod);
	harness_tx_push(h);
}

static unsigned int count_entries(const struct entry *e)
{
	unsigned int nr = 0;

	while (nr < MAX_ENTRIES && (e[nr].size || e[nr].flags || e[nr].extra || e[nr].offset))
		nr++;
	return nr;
}

static void expect_responses(const struct entry *e, unsigned int nr, int16_t status)
{
	netif_tx_response_t rsp;

	for (unsigned int i = 0; i < nr; i++) {
		uint16_t id = (uint16_t)h->tx_cons;

		ck_assert_msg(harness_tx_take(h, &rsp), "no response %u", i);
		ck_assert_int_eq(rsp.status, e[i].extra ? NETIF_RSP_NULL : status);
		if (!e[i].extra)
			ck_assert_uint_eq(rsp.id, id);
	}
}

static void expect_no_response(void)
{
	netif_tx_response_t rsp;

	ck_assert_msg(!harness_tx_take(h, &rsp), "a response too many");
}

static void expect_drop(const char *reason, uint64_t want)
{
	uint64_t count;

	ck_assert_str_eq(harness_drop(&h->stats, &count), reason);
	ck_assert_uint_eq(count, want);
}

static const struct entry good = {.size = 100};

static void expect_next_is_fine(void)
{
	uint64_t packets = h->stats.tx_packets;

	put_all(&good, 1);
	ck_assert_int_eq(harness_round(h), 0);
	expect_responses(&good, 1, NETIF_RSP_OKAY);
	ck_assert_uint_eq(h->stats.tx_packets, packets + 1);
}

/* --- extra infos that are fine ------------------------------------------------------------------------ */

static const struct {
	const char *what;
	struct entry entry[MAX_ENTRIES];
	uint16_t gso_size;
} extras[] = {
	{"gso", {{1000, 0, BLANK | EXTRA, 0, 0}, GSO(200, 1, 0)}, 200},
	{"hash", {{1000, 0, EXTRA, 0, 0}, INFO(XEN_NETIF_EXTRA_TYPE_HASH, 0)}, 0},
	{"gso, hash",
	 {{1000, 0, BLANK | EXTRA, 0, 0}, GSO(200, 1, 1), INFO(XEN_NETIF_EXTRA_TYPE_HASH, 0)},
	 200},
	{"hash, gso, and more data",
	 {{1100, 0, BLANK | EXTRA | MORE, 0, 0},
	  INFO(XEN_NETIF_EXTRA_TYPE_HASH, 1),
	  GSO(200, 1, 0),
	  {100, 0, 0, 0, 0}},
	 200},
	{"the last gso counts",
	 {{1000, 0, BLANK | EXTRA, 0, 0}, GSO(200, 2, 1), GSO(100, 1, 1), GSO(300, 1, 0)},
	 300},
};

START_TEST(test_extras)
{
	const struct entry *e = extras[_i].entry;
	struct virtio_net_hdr hdr;
	unsigned int nr = count_entries(e);

	put_all(e, nr);
	ck_assert_int_eq(harness_round(h), 0);
	expect_drop("", 0);
	expect_responses(e, nr, NETIF_RSP_OKAY);
	expect_no_response();
	ck_assert_int_eq(harness_recv(h, &hdr, frame), e[0].size);
	ck_assert_uint_eq(hdr.gso_size, extras[_i].gso_size);
	expect_next_is_fine();
}
END_TEST

/* --- a packet is dropped ------------------------------------------------------------------------------- */

static const struct {
	const char *what, *reason;
	struct entry entry[MAX_ENTRIES];
} drops[] = {
	{"a byte short", "tx_runt", {{13, 0, 0, 0, 0}}},
	{"nothing at all", "tx_runt", {{0, 1, 0, 0, 0}}},
	{"nothing, at the end of a page", "tx_runt", {{0, 4096, 0, 0, 0}}},
	{"short, and beyond its page", "tx_runt", {{13, 4090, 0, 0, 0}}},
	{"too little in the first slot", "tx_runt", {{60, 0, MORE, 0, 0}, {47, 0, 0, 0, 0}}},
	{"nothing in the first slot", "tx_runt", {{60, 0, MORE, 0, 0}, {60, 0, 0, 0, 0}}},
	{"short, with an extra info",
	 "tx_runt",
	 {{13, 0, EXTRA, 0, 0}, INFO(XEN_NETIF_EXTRA_TYPE_HASH, 0)}},
	{"a longer fragment", "tx_bad_length", {{60, 0, MORE, 0, 0}, {61, 0, 0, 0, 0}}},
	{"fragments too long together",
	 "tx_bad_length",
	 {{100, 0, MORE, 0, 0}, {60, 0, MORE, 0, 0}, {41, 0, MORE, 0, 0}, {1, 0, 0, 0, 0}}},
	{"64 KiB, wrapped (old guests)",
	 "tx_bad_length",
	 {{10, 0, MORE, 0, 0}, {4096, 0, MORE, 0, 0}, {4096, 0, 0, 0, 0}}},
	{"no grant", "tx_copy_failed", {{100, 0, BAD_REF, 0, 0}}},
	{"no grant in the middle",
	 "tx_copy_failed",
	 {{100, 0, MORE, 0, 0}, {20, 0, MORE | BAD_REF, 0, 0}, {20, 0, 0, 0, 0}}},
	{"no grant at the end, gso",
	 "tx_copy_failed",
	 {{3000, 0, BLANK | EXTRA | MORE, 0, 0}, GSO(100, 1, 0), {20, 0, BAD_REF, 0, 0}}},
	{"no IP header for a checksum", "tx_bad_offload", {{33, 0, BLANK, 0, 0}}},
	{"no TCP header either", "tx_bad_offload", {{53, 0, BLANK, 0, 0}}},
	{"not an IP frame", "tx_bad_offload", {{900, 1, BLANK, 0, 0}}},
	{"gso of the other version",
	 "tx_bad_offload",
	 {{900, 0, BLANK | EXTRA, 0, 0}, GSO(100, 2, 0)}},
	{"gso of tiny pieces", "tx_bad_offload", {{900, 0, BLANK | EXTRA, 0, 0}, GSO(7, 1, 0)}},
};

START_TEST(test_drops)
{
	const struct entry *e = drops[_i].entry;
	unsigned int nr = count_entries(e);
	struct virtio_net_hdr hdr;

	/* Between good ones, in one round: they suffer nothing, and the order stays. */
	put_all(&good, 1);
	put_all(e, nr);
	put_all(&good, 1);
	ck_assert_int_eq(harness_round(h), 0);
	expect_drop(drops[_i].reason, 1);
	expect_responses(&good, 1, NETIF_RSP_OKAY);
	expect_responses(e, nr, NETIF_RSP_ERROR);
	expect_responses(&good, 1, NETIF_RSP_OKAY);
	expect_no_response();
	ck_assert_uint_eq(h->stats.tx_packets, 2);
	for (int i = 0; i < 2; i++)
		ck_assert_int_eq(harness_recv(h, &hdr, frame), good.size);
	ck_assert_int_eq(harness_recv(h, &hdr, frame), -1);
	expect_next_is_fine();
	expect_drop(drops[_i].reason, 1);
}
END_TEST

/* --- requests that are no packets ------------------------------------------------------------------------ */

/* In a request without data, from a grant reference that is none; `more` is not looked at. */
static void put_mcast(uint8_t type, uint8_t last_byte, bool more)
{
	netif_tx_request_t req = {.id = (uint16_t)h->tx_prod,
				  .gref = h->bad_ref,
				  .flags = more ? EXTRA | MORE : EXTRA};
	struct netif_extra_info extra = {.type = type};

	memcpy(extra.u.mcast.addr, "\x01\x00\x5e\x00\x00", 5);
	extra.u.mcast.addr[5] = last_byte;
	harness_tx_put(h, &req);
	harness_tx_put_extra(h, &extra);
}

static const struct entry mcast_entries[] = {{0, 0, EXTRA, 0, 0},
					     INFO(XEN_NETIF_EXTRA_TYPE_MCAST_ADD, 0)};

static bool is_listed(uint8_t last_byte)
{
	return mcast_passes(&h->memory.mcast, (uint8_t[]){1, 0, 0x5e, 0, 0, last_byte});
}

START_TEST(test_mcast)
{
	struct virtio_net_hdr hdr;

	put_all(&good, 1);
	put_mcast(XEN_NETIF_EXTRA_TYPE_MCAST_ADD, 1, false);
	put_mcast(XEN_NETIF_EXTRA_TYPE_MCAST_ADD, 2, true);
	put_mcast(XEN_NETIF_EXTRA_TYPE_MCAST_DEL, 3, false);
	put_mcast(XEN_NETIF_EXTRA_TYPE_MCAST_DEL, 1, false);
	put_all(&good, 1);
	ck_assert_int_eq(harness_round(h), 0);
	expect_responses(&good, 1, NETIF_RSP_OKAY);
	for (int i = 0; i < 4; i++)
		expect_responses(mcast_entries, 2, NETIF_RSP_OKAY);
	expect_responses(&good, 1, NETIF_RSP_OKAY);
	expect_no_response();
	expect_drop("", 0);
	ck_assert(!is_listed(1) && is_listed(2) && !is_listed(3));
	ck_assert_uint_eq(h->stats.mcast_changes, 4);
	ck_assert_uint_eq(h->stats.tx_packets, 2);
	ck_assert_uint_eq(h->q.tx.copy.nr, 0);
	for (int i = 0; i < 2; i++)
		ck_assert_int_eq(harness_recv(h, &hdr, frame), good.size);
	ck_assert_int_eq(harness_recv(h, &hdr, frame), -1);
}
END_TEST

START_TEST(test_mcast_full)
{
	for (unsigned int i = 0; i <= MCAST_MAX; i++)
		put_mcast(XEN_NETIF_EXTRA_TYPE_MCAST_ADD, (uint8_t)i, false);
	harness_tx_push(h);
	ck_assert_int_eq(harness_round(h), 0);
	ck_assert_int_eq(harness_round(h), 0);
	for (unsigned int i = 0; i < MCAST_MAX; i++)
		expect_responses(mcast_entries, 2, NETIF_RSP_OKAY);
	expect_responses(mcast_entries, 2, NETIF_RSP_ERROR);
	expect_no_response();
	ck_assert_uint_eq(h->stats.mcast_changes, MCAST_MAX + 1);
	ck_assert_uint_eq(h->stats.mcast_refused, 1);
	ck_assert(is_listed(MCAST_MAX - 1) && !is_listed(MCAST_MAX));
	expect_next_is_fine();
}
END_TEST

/* 19 and 20 slots after the first: the guest gets all its responses. */
START_TEST(test_drop_tx_too_many_slots)
{
	struct entry e[22] = {{.size = 100 + 10 * 21, .flags = MORE}};
	unsigned int nr = (unsigned int)_i;

	for (unsigned int i = 1; i < nr; i++)
		e[i] = (struct entry){.size = 10, .flags = i + 1 < nr ? MORE : 0};
	put_all(e, nr);
	ck_assert_int_eq(harness_round(h), 0);
	if (nr <= 1 + XEN_NETIF_NR_SLOTS_MIN)
		expect_drop("", 0);
	else
		expect_drop("tx_too_many_slots", 1);
	expect_responses(e, nr,
			 nr <= 1 + XEN_NETIF_NR_SLOTS_MIN ? NETIF_RSP_OKAY : NETIF_RSP_ERROR);
	expect_no_response();
	expect_next_is_fine();
}
END_TEST

/* Statuses that Xen should not give, positive ones among them, are no success (XSA-316). */
START_TEST(test_drop_tx_copy_failed_oddly)
{
	static const int statuses[] = {1, 100, GNTST_eagain, GNTST_no_device_space};

	ck_assert_int_eq(machine_arm_fault(FAULT_GRANT_COPY, 1, statuses[_i], 1), 0);
	put_all(&good, 1);
	ck_assert_int_eq(harness_round(h), 0);
	expect_drop("tx_copy_failed", 1);
	expect_responses(&good, 1, NETIF_RSP_ERROR);
	expect_next_is_fine();
}
END_TEST

/* What the port does with a packet is no fault of the guest's: it is answered as sent. */
static void expect_lost(const char *reason)
{
	put_all(&good, 1);
	ck_assert_int_eq(harness_round(h), 0);
	expect_drop(reason, 1);
	expect_responses(&good, 1, NETIF_RSP_OKAY);
	ck_assert_uint_eq(h->stats.tx_packets, 0);
	ck_assert_uint_eq(h->stats.tx_bytes, 0);
}

START_TEST(test_drop_tx_port_busy)
{
	static const char bytes[60000];
	struct virtio_net_hdr hdr;

	/* Large ones, then small ones: not even ours fits. */
	while (write(h->q.port.fd, bytes, sizeof(bytes)) > 0)
		;
	while (write(h->q.port.fd, bytes, 1) > 0)
		;
	expect_lost("tx_port_busy");
	while (harness_recv(h, &hdr, frame) >= 0 || errno != EAGAIN)
		errno = 0;
	expect_next_is_fine();
}
END_TEST

START_TEST(test_drop_tx_port_refused)
{
	close(h->peer); /* EPIPE */
	expect_lost("tx_port_refused");
}
END_TEST

START_TEST(test_drop_tx_port_down)
{
	int fd = open("/proc/self/mem", O_RDWR); /* at its start there is no memory: EIO */

	ck_assert_int_ge(fd, 0);
	ck_assert_int_ge(dup2(fd, h->q.port.fd), 0);
	expect_lost("tx_port_down");
}
END_TEST

/* --- the vif is dead --------------------------------------------------------------------------------- */

#define CROSSES "tx ring: a request crosses its page"
#define NO_LAST "tx ring: a packet's last request is missing"
#define NO_INFO "tx ring: an extra info is missing"
#define INVALID "tx ring: an invalid extra info"

static const struct {
	const char *what, *why;
	struct entry entry[MAX_ENTRIES];
} fatals[] = {
	{"one byte too far", CROSSES, {{97, 4000, 0, 0, 0}}},
	{"more than a page", CROSSES, {{4097, 0, 0, 0, 0}}},
	{"far beyond the page", CROSSES, {{60, 0xffff, 0, 0, 0}}},
	{"a rest that is too long", CROSSES, {{5000, 0, MORE, 0, 0}, {903, 0, 0, 0, 0}}},
	{"a fragment", CROSSES, {{5000, 0, MORE, 0, 0}, {4096, 1, 0, 0, 0}}},
	{"an empty fragment", CROSSES, {{60, 0, MORE, 0, 0}, {0, 4097, 0, 0, 0}}},
	{"a fragment of a packet that is dropped",
	 CROSSES,
	 {{60, 0, MORE, 0, 0}, {100, 0, MORE, 0, 0}, {100, 4000, 0, 0, 0}}},
	{"only the first request", NO_LAST, {{60, 0, MORE, 0, 0}}},
	{"the third", NO_LAST, {{60, 0, MORE, 0, 0}, {5, 0, MORE, 0, 0}}},
	{"behind the extra info", NO_LAST, {{900, 0, BLANK | MORE | EXTRA, 0, 0}, GSO(100, 1, 0)}},
	{"no extra info", NO_INFO, {{60, 0, EXTRA, 0, 0}}},
	{"no second one", NO_INFO, {{900, 0, BLANK | EXTRA, 0, 0}, GSO(100, 1, 1)}},
	{"no second one, multicast",
	 NO_INFO,
	 {{0, 0, EXTRA, 0, 0}, INFO(XEN_NETIF_EXTRA_TYPE_MCAST_ADD, 1)}},
	{"gso size 0", INVALID, {{900, 0, BLANK | EXTRA, 0, 0}, GSO(0, 1, 0)}},
	{"gso type 0", INVALID, {{900, 0, BLANK | EXTRA, 0, 0}, GSO(100, 0, 0)}},
	{"gso type 3", INVALID, {{900, 0, BLANK | EXTRA, 0, 0}, GSO(100, 3, 0)}},
	{"extra type 0", INVALID, {{900, 0, EXTRA, 0, 0}, INFO(INFO_NONE, 0)}},
	{"extra type 5", INVALID, {{900, 0, EXTRA, 0, 0}, INFO(5, 0)}},
	{"extra type 255", INVALID, {{900, 0, EXTRA, 0, 0}, INFO(255, 0)}},
	{"a bad one behind a good one",
	 INVALID,
	 {{900, 0, BLANK | EXTRA, 0, 0}, GSO(100, 1, 1), INFO(200, 0)}},
};

START_TEST(test_fatals)
{
	const struct entry *e = fatals[_i].entry;
	unsigned int nr = count_entries(e);

	put_all(&good, 1);
	ck_assert_int_eq(harness_round(h), 0);
	expect_responses(&good, 1, NETIF_RSP_OKAY);

	put_all(e, nr);
	ck_assert_int_eq(harness_round(h), -EPROTO);
	ck_assert_msg(h->why && strcmp(h->why, fatals[_i].why) == 0, "%s: %s", fatals[_i].what,
		      h->why);
	/* And nothing is told to the guest: its vif goes. */
	expect_no_response();
	ck_assert_uint_eq(h->stats.tx_packets, 1);
}
END_TEST

START_TEST(test_fatal_too_many_slots)
{
	struct entry e[22] = {{.size = 1000, .flags = MORE}};

	for (unsigned int i = 1; i < 22; i++)
		e[i] = (struct entry){.size = 10, .flags = i < 21 ? MORE : 0};
	put_all(e, 22);
	ck_assert_int_eq(harness_round(h), -EPROTO);
	ck_assert_str_eq(h->why, "tx ring: a packet of too many slots");
	expect_no_response();
}
END_TEST

/* A ring full of requests that go on and on ends at the limit, not at the ring's (XSA-39). */
START_TEST(test_fatal_endless_packet)
{
	const struct entry on_and_on = {.size = 60, .flags = MORE};

	for (unsigned int i = 0; i < RING_SLOTS; i++)
		put_all(&on_and_on, 1);
	ck_assert_int_eq(harness_round(h), -EPROTO);
	ck_assert_str_eq(h->why, "tx ring: a packet of too many slots");
}
END_TEST

/* Nothing limits extra infos but the ring. */
START_TEST(test_endless_extras)
{
	const struct entry first = {.size = 60, .flags = EXTRA};
	const struct entry info = INFO(XEN_NETIF_EXTRA_TYPE_HASH, 1);
	const struct entry last = INFO(XEN_NETIF_EXTRA_TYPE_HASH, 0);

	put_all(&first, 1);
	for (unsigned int i = 0; i < RING_SLOTS - 2; i++)
		put_all(&info, 1);
	put_all(&last, 1);
	ck_assert_int_eq(harness_round(h), 0);
	expect_responses(&first, 1, NETIF_RSP_OKAY);
	for (unsigned int i = 0; i < RING_SLOTS - 1; i++)
		expect_responses(&info, 1, NETIF_RSP_OKAY);
	ck_assert_uint_eq(h->stats.tx_packets, 1);

	put_all(&first, 1);
	for (unsigned int i = 0; i < RING_SLOTS - 1; i++)
		put_all(&info, 1);
	ck_assert_int_eq(harness_round(h), 0); /* it pays for the first */
	ck_assert_int_eq(harness_round(h), -EPROTO);
	ck_assert_str_eq(h->why, NO_INFO);
}
END_TEST

START_TEST(test_fatal_producer)
{
	/* One was consumed and answered; none of these can follow. */
	static const RING_IDX producers[] = {0, 258, 1000, 0x80000000u, 0xffffffffu};

	put_all(&good, 1);
	ck_assert_int_eq(harness_round(h), 0);
	expect_responses(&good, 1, NETIF_RSP_OKAY);
	h->tx->req_prod = producers[_i];
	ck_assert_int_eq(harness_round(h), -EPROTO);
	ck_assert_str_eq(h->why, "tx ring: the producer index makes no sense");
	ck_assert_uint_eq(h->q.tx_ring.req_cons, 1);
	expect_no_response();
}
END_TEST

static void add_tests(Suite *suite, const char *name, SFun setup_mode)
{
	TCase *tcase = tcase_create(name);

	suite_add_tcase(suite, tcase);
	tcase_add_unchecked_fixture(tcase, harness_create, harness_remove);
	tcase_add_checked_fixture(tcase, setup_mode, teardown);
	tcase_add_loop_test(tcase, test_extras, 0, ARRAY_SIZE(extras));
	tcase_add_test(tcase, test_mcast);
	tcase_add_test(tcase, test_mcast_full);
	tcase_add_loop_test(tcase, test_drops, 0, ARRAY_SIZE(drops));
	tcase_add_loop_test(tcase, test_drop_tx_too_many_slots, 18, 22);
	tcase_add_loop_test(tcase, test_drop_tx_copy_failed_oddly, 0, 4);
	tcase_add_test(tcase, test_drop_tx_port_busy);
	tcase_add_test(tcase, test_drop_tx_port_refused);
	tcase_add_test(tcase, test_drop_tx_port_down);
	tcase_add_loop_test(tcase, test_fatals, 0, ARRAY_SIZE(fatals));
	tcase_add_test(tcase, test_fatal_too_many_slots);
	tcase_add_test(tcase, test_fatal_endless_packet);
	tcase_add_test(tcase, test_endless_extras);
	tcase_add_loop_test(tcase, test_fatal_producer, 0, 5);
}

int main(void)
{
	Suite *suite = suite_create("tx-refused");
	SRunner *runner = srunner_create(suite);
	int failed;

	add_tests(suite, "pages of its own", setup);
	add_tests(suite, "granted to itself", setup_granted);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? 1 : 0;
}
