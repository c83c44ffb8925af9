/* SPDX-License-Identifier: MIT -- netfront-shim's rings: what is put on them, and what a backend may not do */
#include "netfront-shim/nfrx.h"
#include "netfront-shim/nftx.h"

#include <check.h>
#include <errno.h>
#include <stdlib.h>

/* A queue on plain memory; the test itself is the backend. */
static _Alignas(NETIF_PAGE) uint8_t ring_page[NETIF_PAGE];
static uint8_t memory[NETIF_RING][NETIF_PAGE];
static struct nfpages pages;
static struct nf_faults faults;
static struct nftx tx;
static struct nfrx rx;
static netif_tx_sring_t *const tx_ring = (void *)ring_page;
static netif_rx_sring_t *const rx_ring = (void *)ring_page;

static void set_up_pages(unsigned int nr)
{
	memset(ring_page, 0, sizeof(ring_page));
	memset(&faults, 0, sizeof(faults));
	faults.quiet = true;
	memset(&pages, 0, sizeof(pages));
	pages.nr = nr;
	for (unsigned int i = 0; i < nr; i++) {
		pages.addr[i] = memory[i];
		pages.gref[i] = 1000 + i;
	}
}

static void set_up_tx(void)
{
	set_up_pages(NETIF_RING);
	nftx_init(&tx, ring_page, &pages, &faults);
}

static const struct nfrx_rules all_rules = {.sg = true, .gso4 = true, .max_frame = 0};

static void set_up_rx_with(unsigned int nr, const struct nfrx_rules *rules)
{
	set_up_pages(nr);
	nfrx_init(&rx, ring_page, &pages, &faults, rules);
	nfrx_fill(&rx);
}

static void set_up_rx(void)
{
	set_up_rx_with(NETIF_RING, &all_rules);
}

static struct nftx_desc packet(unsigned int slots, unsigned int extras)
{
	struct nftx_desc desc = {.nr_slots = slots, .nr_extras = extras};

	for (unsigned int i = 0; i < slots; i++)
		desc.slot[i] = (struct nftx_slot){nftx_page(&tx, i), 10 * i, 100 + i};
	for (unsigned int i = 0; i < extras; i++)
		desc.extra[i].type = XEN_NETIF_EXTRA_TYPE_GSO + i;
	return desc;
}

static void send(unsigned int slots, unsigned int extras)
{
	struct nftx_desc desc = packet(slots, extras);

	ck_assert_int_eq(nftx_put(&tx, &desc), 0);
	nftx_push(&tx);
}

/* The answer a good backend gives at position i to a data request. */
static void answer(RING_IDX i, int16_t status)
{
	uint16_t id = tx_ring->ring[i % NETIF_RING].req.id;

	tx_ring->ring[i % NETIF_RING].rsp = (struct netif_tx_response){id, status};
}

static void only_fault(enum nf_fault kind)
{
	for (int i = 0; i < NF_FAULT_COUNT; i++)
		ck_assert_msg((faults.count[i] > 0) == (i == (int)kind), "%s: %llu", fault_name(i),
			      (unsigned long long)faults.count[i]);
}

START_TEST(tx_layout)
{
	struct nftx_desc desc = packet(3, 2);
	struct netif_extra_info extra;

	desc.flags = NETTXF_csum_blank;
	ck_assert_int_eq(nftx_put(&tx, &desc), 0);
	ck_assert_uint_eq(tx_ring->req_prod, 0);
	nftx_push(&tx);
	ck_assert_uint_eq(tx_ring->req_prod, 5);

	ck_assert_uint_eq(tx_ring->ring[0].req.size, 100 + 101 + 102);
	ck_assert_uint_eq(tx_ring->ring[0].req.flags,
			  NETTXF_csum_blank | NETTXF_extra_info | NETTXF_more_data);
	ck_assert_uint_eq(tx_ring->ring[0].req.gref, 1000 + desc.slot[0].id);
	memcpy(&extra, &tx_ring->ring[1], sizeof(extra));
	ck_assert_uint_eq(extra.type, XEN_NETIF_EXTRA_TYPE_GSO);
	ck_assert_uint_eq(extra.flags, XEN_NETIF_EXTRA_FLAG_MORE);
	memcpy(&extra, &tx_ring->ring[2], sizeof(extra));
	ck_assert_uint_eq(extra.flags, 0);
	ck_assert_uint_eq(tx_ring->ring[3].req.size, 101);
	ck_assert_uint_eq(tx_ring->ring[3].req.offset, 10);
	ck_assert_uint_eq(tx_ring->ring[3].req.flags, NETTXF_more_data);
	ck_assert_uint_eq(tx_ring->ring[4].req.flags, 0);
}
END_TEST

START_TEST(tx_dummy_has_no_page)
{
	unsigned int pages_before = tx.nr_free;

	send(0, 1);
	ck_assert_uint_eq(tx_ring->req_prod, 2);
	ck_assert_uint_eq(tx_ring->ring[0].req.gref, 0);
	ck_assert_uint_eq(tx_ring->ring[0].req.size, 0);
	ck_assert_uint_eq(tx.nr_free, pages_before);
	answer(0, NETIF_RSP_ERROR);
	tx_ring->ring[1].rsp.status = NETIF_RSP_NULL;
	tx_ring->rsp_prod = 2;
	ck_assert_uint_eq(nftx_reap(&tx), 2);
	ck_assert_uint_eq(fault_total(&faults), 0);
	ck_assert_uint_eq(tx.stats.errored_packets, 1);
}
END_TEST

START_TEST(tx_pages_come_back)
{
	/* Several times round the ring, in packets that do not divide it. */
	for (int round = 0; round < 1000; round++) {
		RING_IDX at = tx_ring->req_prod;

		send(3, 1);
		answer(at, NETIF_RSP_OKAY);
		tx_ring->ring[(at + 1) % NETIF_RING].rsp.status = NETIF_RSP_NULL;
		answer(at + 2, NETIF_RSP_OKAY);
		answer(at + 3, NETIF_RSP_OKAY);
		tx_ring->rsp_prod = at + 4;
		ck_assert_uint_eq(nftx_reap(&tx), 4);
		ck_assert_uint_eq(tx.nr_free, NETIF_RING);
		ck_assert_uint_eq(tx_ring->rsp_event, at + 5);
	}
	ck_assert_uint_eq(fault_total(&faults), 0);
	ck_assert_uint_eq(tx.stats.okay, 3000);
}
END_TEST

START_TEST(tx_full_ring)
{
	struct nftx_desc desc;

	for (int i = 0; i < NETIF_RING / 2; i++)
		send(2, 0);
	desc = packet(1, 0);
	ck_assert(!nftx_room(&tx, 1, 0));
	ck_assert_int_eq(nftx_put(&tx, &desc), -ENOSPC);
	ck_assert_uint_eq(tx.ring.req_prod_pvt, NETIF_RING);
}
END_TEST

START_TEST(tx_notify_only_when_asked)
{
	struct nftx_desc desc = packet(1, 0);

	tx_ring->req_event = 2;
	nftx_put(&tx, &desc);
	ck_assert(!nftx_push(&tx));
	desc = packet(1, 0);
	nftx_put(&tx, &desc);
	ck_assert(nftx_push(&tx));
	ck_assert(!nftx_push(&tx));
}
END_TEST

START_TEST(tx_status_breaches)
{
	static const struct {
		int16_t first, extra, last;
		enum nf_fault fault;
	} cases[] = {
		{NETIF_RSP_OKAY, NETIF_RSP_OKAY, NETIF_RSP_OKAY, NF_FAULT_TX_NOT_NULL},
		{NETIF_RSP_NULL, NETIF_RSP_NULL, NETIF_RSP_NULL, NF_FAULT_TX_NULL},
		{NETIF_RSP_OKAY, NETIF_RSP_NULL, NETIF_RSP_ERROR, NF_FAULT_TX_MIXED},
		{-77, NETIF_RSP_NULL, -77, NF_FAULT_TX_STATUS},
	};

	send(2, 1);
	answer(0, cases[_i].first);
	tx_ring->ring[1].rsp.status = cases[_i].extra;
	answer(2, cases[_i].last);
	tx_ring->rsp_prod = 3;
	ck_assert_uint_eq(nftx_reap(&tx), 3);
	only_fault(cases[_i].fault);
	ck_assert(!tx.broken);
}
END_TEST

START_TEST(tx_out_of_order)
{
	struct netif_tx_response rsp;

	send(1, 0);
	send(1, 0);
	answer(0, NETIF_RSP_OKAY);
	answer(1, NETIF_RSP_OKAY);
	rsp = tx_ring->ring[0].rsp;
	tx_ring->ring[0].rsp = tx_ring->ring[1].rsp;
	tx_ring->ring[1].rsp = rsp;
	tx_ring->rsp_prod = 2;
	nftx_reap(&tx);
	only_fault(NF_FAULT_TX_ID);
	ck_assert(tx.broken);
	ck_assert_uint_eq(tx.nr_free, NETIF_RING - 2);
}
END_TEST

START_TEST(tx_answered_in_parts)
{
	send(2, 0);
	answer(0, NETIF_RSP_OKAY);
	tx_ring->rsp_prod = 1;
	nftx_reap(&tx);
	only_fault(NF_FAULT_TX_PARTIAL);
}
END_TEST

START_TEST(tx_producer_breaches)
{
	send(2, 0);
	answer(0, NETIF_RSP_OKAY);
	answer(1, NETIF_RSP_OKAY);
	tx_ring->rsp_prod = 2;
	nftx_reap(&tx);
	tx_ring->rsp_prod = _i ? 1 : 3;
	ck_assert_uint_eq(nftx_reap(&tx), 0);
	only_fault(_i ? NF_FAULT_TX_PROD_BACKWARDS : NF_FAULT_TX_PROD_OVERRUN);
	ck_assert(tx.broken);
	ck_assert(!nftx_room(&tx, 1, 1));
}
END_TEST

/* A response of the backend at position i. */
static void give(RING_IDX i, uint16_t offset, uint16_t flags, int16_t status)
{
	rx_ring->ring[i % NETIF_RING].rsp = (struct netif_rx_response){
		.id = i % NETIF_RING, .offset = offset, .flags = flags, .status = status};
}

static void give_extra(RING_IDX i, struct netif_extra_info extra)
{
	memcpy(&rx_ring->ring[i % NETIF_RING], &extra, sizeof(extra));
}

static const struct netif_extra_info gso4 = {
	.type = XEN_NETIF_EXTRA_TYPE_GSO,
	.u.gso = {.size = 1448, .type = XEN_NETIF_GSO_TYPE_TCPV4},
};

enum {
	BOTH = NETRXF_csum_blank | NETRXF_data_validated
};

START_TEST(rx_posts_by_position)
{
	ck_assert_uint_eq(rx_ring->req_prod, NETIF_RING);
	for (unsigned int i = 0; i < NETIF_RING; i++) {
		ck_assert_uint_eq(rx_ring->ring[i].req.id, i);
		ck_assert_uint_eq(rx_ring->ring[i].req.gref, 1000 + i);
	}
}
END_TEST

START_TEST(rx_reassembles)
{
	struct nfrx_packet pkt;

	give(0, 2, NETRXF_extra_info | NETRXF_more_data | BOTH, 4000);
	give_extra(1, gso4);
	give(2, 0, NETRXF_more_data, 4096);
	give(3, 100, 0, 7);
	give(4, 0, 0, 60);
	rx_ring->rsp_prod = 5;

	ck_assert(nfrx_take(&rx, &pkt));
	ck_assert_uint_eq(pkt.nr_frags, 3);
	ck_assert_uint_eq(pkt.len, 4000 + 4096 + 7);
	ck_assert_ptr_eq(pkt.frag[0].data, memory[0] + 2);
	ck_assert_ptr_eq(pkt.frag[1].data, memory[2]);
	ck_assert_ptr_eq(pkt.frag[2].data, memory[3] + 100);
	ck_assert_uint_eq(pkt.flags, BOTH);
	ck_assert_uint_eq(pkt.gso_size, 1448);
	ck_assert_uint_eq(pkt.gso_type, XEN_NETIF_GSO_TYPE_TCPV4);

	ck_assert(nfrx_take(&rx, &pkt));
	ck_assert_uint_eq(pkt.len, 60);
	ck_assert_uint_eq(pkt.gso_type, XEN_NETIF_GSO_TYPE_NONE);
	ck_assert(!nfrx_take(&rx, &pkt));
	ck_assert_uint_eq(rx_ring->rsp_event, 6);
	ck_assert_uint_eq(fault_total(&faults), 0);
}
END_TEST

START_TEST(rx_few_buffers_rotate)
{
	struct nfrx_packet pkt;

	set_up_rx_with(5, &all_rules);
	for (RING_IDX at = 0; at < 1000; at += 2) {
		uint32_t gref = rx_ring->ring[at % NETIF_RING].req.gref;

		ck_assert_uint_eq(rx_ring->req_prod - at, 5);
		give(at, 0, NETRXF_more_data, 4096);
		give(at + 1, 0, 0, 1);
		rx_ring->rsp_prod = at + 2;
		ck_assert(nfrx_take(&rx, &pkt));
		ck_assert_ptr_eq(pkt.frag[0].data, memory[gref - 1000]);
		nfrx_fill(&rx);
	}
	ck_assert_uint_eq(fault_total(&faults), 0);
}
END_TEST

START_TEST(rx_error_is_passed_over)
{
	struct nfrx_packet pkt;

	give(0, 0, NETRXF_more_data, 4096);
	give(1, 0, 0, NETIF_RSP_ERROR);
	give(2, 0, 0, 60);
	rx_ring->rsp_prod = 3;
	ck_assert(nfrx_take(&rx, &pkt));
	ck_assert_uint_eq(pkt.len, 60);
	ck_assert_uint_eq(rx.stats.error_packets, 1);
	ck_assert_uint_eq(fault_total(&faults), 0);
}
END_TEST

START_TEST(rx_slot_breaches)
{
	static const struct {
		uint16_t offset, flags;
		int16_t status;
		enum nf_fault fault;
	} cases[] = {
		{4000, 0, 200, NF_FAULT_RX_EXTENT},
		{0, 0, 0, NF_FAULT_RX_EMPTY},
		{0, 1 << 7, 60, NF_FAULT_RX_FLAGS},
		{0, NETRXF_gso_prefix, 60, NF_FAULT_RX_FLAGS},
		{0, NETRXF_csum_blank, 60, NF_FAULT_RX_BLANK},
	};
	struct nfrx_packet pkt;

	give(0, cases[_i].offset, cases[_i].flags, cases[_i].status);
	rx_ring->rsp_prod = 1;
	nfrx_take(&rx, &pkt);
	only_fault(cases[_i].fault);
	ck_assert_uint_eq(rx.ring.rsp_cons, 1);
}
END_TEST

START_TEST(rx_extra_breaches)
{
	const uint8_t gso = XEN_NETIF_EXTRA_TYPE_GSO;
	const struct {
		struct netif_extra_info extra;
		uint16_t flags;
		enum nf_fault fault;
	} cases[] = {
		{{.type = gso, .u.gso = {1448, XEN_NETIF_GSO_TYPE_TCPV6, 0, 0}},
		 BOTH,
		 NF_FAULT_RX_GSO_TYPE},
		{{.type = gso, .u.gso = {0, XEN_NETIF_GSO_TYPE_TCPV4, 0, 0}},
		 BOTH,
		 NF_FAULT_RX_GSO_SIZE},
		{gso4, NETRXF_data_validated, NF_FAULT_RX_GSO_BLANK},
		{{.type = gso, .flags = 2, .u.gso = {1448, XEN_NETIF_GSO_TYPE_TCPV4, 0, 0}},
		 BOTH,
		 NF_FAULT_RX_EXTRA_FLAGS},
		{{.type = XEN_NETIF_EXTRA_TYPE_HASH}, 0, NF_FAULT_RX_EXTRA_TYPE},
		{{.type = XEN_NETIF_EXTRA_TYPE_MCAST_ADD}, 0, NF_FAULT_RX_EXTRA_TYPE},
		{{.type = 0}, 0, NF_FAULT_RX_EXTRA_TYPE},
		{{.type = 5}, 0, NF_FAULT_RX_EXTRA_TYPE},
	};
	struct nfrx_packet pkt;

	give(0, 0, NETRXF_extra_info | cases[_i].flags, 60);
	give_extra(1, cases[_i].extra);
	rx_ring->rsp_prod = 2;
	nfrx_take(&rx, &pkt);
	only_fault(cases[_i].fault);
	ck_assert_uint_eq(rx.ring.rsp_cons, 2);
}
END_TEST

START_TEST(rx_extra_twice)
{
	struct netif_extra_info more = gso4;
	struct nfrx_packet pkt;

	more.flags = XEN_NETIF_EXTRA_FLAG_MORE;
	give(0, 0, NETRXF_extra_info | BOTH, 60);
	give_extra(1, more);
	give_extra(2, gso4);
	rx_ring->rsp_prod = 3;
	nfrx_take(&rx, &pkt);
	only_fault(NF_FAULT_RX_EXTRA_TWICE);
}
END_TEST

START_TEST(rx_hash_when_agreed)
{
	struct netif_extra_info extra = {.type = XEN_NETIF_EXTRA_TYPE_HASH};
	struct nfrx_packet pkt;

	rx.rules.hash = true;
	extra.u.hash.value[0] = 0x78;
	extra.u.hash.value[3] = 0x12;
	give(0, 0, NETRXF_extra_info, 60);
	give_extra(1, extra);
	rx_ring->rsp_prod = 2;
	ck_assert(nfrx_take(&rx, &pkt));
	ck_assert(pkt.has_hash);
	ck_assert_uint_eq(pkt.hash, 0x12000078);
	ck_assert_uint_eq(fault_total(&faults), 0);
}
END_TEST

START_TEST(rx_later_slot_has_no_flags)
{
	struct nfrx_packet pkt;

	give(0, 0, NETRXF_more_data | BOTH, 60);
	give(1, 0, BOTH, 60);
	rx_ring->rsp_prod = 2;
	nfrx_take(&rx, &pkt);
	only_fault(NF_FAULT_RX_LATE_FLAGS);
}
END_TEST

START_TEST(rx_slot_limit)
{
	/* 18 slots, or 19 after a short first one: what Linux netfront takes. */
	int slots = _i / 2 + 18, first = _i % 2 ? NFRX_COPY_THRESHOLD : 4096;
	bool fine = slots == 18 || (slots == 19 && _i % 2);
	struct nfrx_packet pkt;

	for (int i = 0; i < slots; i++)
		give(i, 0, i + 1 < slots ? NETRXF_more_data : 0, i ? 100 : first);
	rx_ring->rsp_prod = slots;
	ck_assert(nfrx_take(&rx, &pkt) == fine);
	if (fine)
		ck_assert_uint_eq(fault_total(&faults), 0);
	else
		only_fault(NF_FAULT_RX_SLOTS);
	ck_assert_uint_eq(rx.ring.rsp_cons, slots);
}
END_TEST

START_TEST(rx_rules)
{
	const struct nfrx_rules no_sg = {.gso4 = true}, small = {.sg = true, .max_frame = 1518};
	struct nfrx_packet pkt;

	set_up_rx_with(NETIF_RING, _i ? &small : &no_sg);
	give(0, 0, NETRXF_more_data, 1500);
	give(1, 0, 0, 19);
	rx_ring->rsp_prod = 2;
	nfrx_take(&rx, &pkt);
	only_fault(_i ? NF_FAULT_RX_OVERSIZE : NF_FAULT_RX_SG);
}
END_TEST

START_TEST(rx_partial_breaks)
{
	struct nfrx_packet pkt;

	/* more_data, or an extra, that is not there yet */
	give(0, 0, _i ? NETRXF_extra_info | BOTH : NETRXF_more_data, 60);
	rx_ring->rsp_prod = 1;
	ck_assert(!nfrx_take(&rx, &pkt));
	only_fault(NF_FAULT_RX_PARTIAL);
	ck_assert(rx.broken);
}
END_TEST

START_TEST(rx_id_breaks)
{
	struct nfrx_packet pkt;

	give(0, 0, 0, 60);
	rx_ring->ring[0].rsp.id = 1;
	rx_ring->rsp_prod = 1;
	ck_assert(!nfrx_take(&rx, &pkt));
	only_fault(NF_FAULT_RX_ID);
	ck_assert(rx.broken);
}
END_TEST

START_TEST(rx_producer_breaches)
{
	struct nfrx_packet pkt;

	set_up_rx_with(8, &all_rules);
	give(0, 0, 0, 60);
	rx_ring->rsp_prod = 1;
	ck_assert(nfrx_take(&rx, &pkt));
	rx_ring->rsp_prod = _i ? 0 : 9;
	ck_assert(!nfrx_take(&rx, &pkt));
	only_fault(_i ? NF_FAULT_RX_PROD_BACKWARDS : NF_FAULT_RX_PROD_OVERRUN);
	ck_assert(!nfrx_fill(&rx));
}
END_TEST

START_TEST(rx_guard)
{
	struct nfrx_packet pkt;

	set_up_pages(NETIF_RING);
	nfrx_init(&rx, ring_page, &pages, &faults, &all_rules);
	rx.guard = true;
	nfrx_fill(&rx);
	memset(memory[0] + 8, 0, 100);
	give(0, 8, 0, 100);
	memset(memory[1] + 8, 0, 100);
	give(1, 8, 0, 99);
	rx_ring->rsp_prod = 1;
	ck_assert(nfrx_take(&rx, &pkt));
	ck_assert_uint_eq(fault_total(&faults), 0);
	rx_ring->rsp_prod = 2;
	ck_assert(nfrx_take(&rx, &pkt));
	only_fault(NF_FAULT_RX_OUTSIDE);
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("nfqueue");
	TCase *t = tcase_create("tx"), *r = tcase_create("rx");

	tcase_add_checked_fixture(t, set_up_tx, NULL);
	tcase_add_test(t, tx_layout);
	tcase_add_test(t, tx_dummy_has_no_page);
	tcase_add_test(t, tx_pages_come_back);
	tcase_add_test(t, tx_full_ring);
	tcase_add_test(t, tx_notify_only_when_asked);
	tcase_add_loop_test(t, tx_status_breaches, 0, 4);
	tcase_add_test(t, tx_out_of_order);
	tcase_add_test(t, tx_answered_in_parts);
	tcase_add_loop_test(t, tx_producer_breaches, 0, 2);
	suite_add_tcase(s, t);

	tcase_add_checked_fixture(r, set_up_rx, NULL);
	tcase_add_test(r, rx_posts_by_position);
	tcase_add_test(r, rx_reassembles);
	tcase_add_test(r, rx_few_buffers_rotate);
	tcase_add_test(r, rx_error_is_passed_over);
	tcase_add_loop_test(r, rx_slot_breaches, 0, 5);
	tcase_add_loop_test(r, rx_extra_breaches, 0, 8);
	tcase_add_test(r, rx_extra_twice);
	tcase_add_test(r, rx_hash_when_agreed);
	tcase_add_test(r, rx_later_slot_has_no_flags);
	tcase_add_loop_test(r, rx_slot_limit, 0, 6);
	tcase_add_loop_test(r, rx_rules, 0, 2);
	tcase_add_loop_test(r, rx_partial_breaks, 0, 2);
	tcase_add_test(r, rx_guard);
	tcase_add_test(r, rx_id_breaks);
	tcase_add_loop_test(r, rx_producer_breaches, 0, 2);
	suite_add_tcase(s, r);
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
