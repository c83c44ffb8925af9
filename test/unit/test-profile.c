/* SPDX-License-Identifier: MIT -- netfront-shim's profiles: what each frontend's rings do, and that wrong backends are seen */
#include "netfront-shim/nfrx.h"
#include "netfront-shim/profile.h"

#include <check.h>
#include <stdlib.h>

/* A queue on plain memory; the test itself is the backend. */
static _Alignas(NETIF_PAGE) uint8_t tx_page[NETIF_PAGE], rx_page[NETIF_PAGE];
static uint8_t memory[NETIF_RING][NETIF_PAGE];
static struct nfpages pages;
static struct nf_faults faults;
static struct nftx tx;
static struct nfrx rx;
static netif_tx_sring_t *const tx_ring = (void *)tx_page;
static netif_rx_sring_t *const rx_ring = (void *)rx_page;

static void set_up(const char *name)
{
	const struct netfront_profile *profile = netfront_profile(name);
	const struct nfrx_rules rules = {
		.sg = profile->caps.sg,
		.gso4 = profile->caps.gso4,
		.ids = profile->rx_ids,
		.status_asserts = profile->status_asserts,
		.flags_confused = profile->flags_confused,
		.max_frame = profile->max_frame,
	};

	memset(tx_page, 0, sizeof(tx_page));
	memset(rx_page, 0, sizeof(rx_page));
	faults = (struct nf_faults){.quiet = true};
	pages = (struct nfpages){.nr = profile->rx_buffers};
	for (unsigned int i = 0; i < NETIF_RING; i++) {
		pages.addr[i] = memory[i];
		pages.gref[i] = 1000 + i;
	}
	nfrx_init(&rx, rx_page, &pages, &faults, &rules);
	nfrx_fill(&rx);
	nftx_init(&tx, tx_page, &pages, &faults);
	tx.ids = profile->tx_ids;
	tx.flags = profile->tx_flags;
}

static void only_fault(enum nf_fault kind)
{
	for (int i = 0; i < NF_FAULT_COUNT; i++)
		ck_assert_msg((faults.count[i] > 0) == (i == (int)kind), "%s: %llu", fault_name(i),
			      (unsigned long long)faults.count[i]);
}

static void send(unsigned int extras)
{
	struct nftx_desc desc = {.nr_slots = 1, .nr_extras = extras};

	desc.slot[0] = (struct nftx_slot){nftx_page(&tx, 0), 0, 60};
	desc.extra[0].type = XEN_NETIF_EXTRA_TYPE_HASH;
	ck_assert_int_eq(nftx_put(&tx, &desc), 0);
	nftx_push(&tx);
}

static uint16_t id_of(RING_IDX i)
{
	return tx_ring->ring[i % NETIF_RING].req.id;
}

static void answer(RING_IDX i, uint16_t id, int16_t status)
{
	tx_ring->ring[i % NETIF_RING].rsp = (struct netif_tx_response){id, status};
}

static void give(RING_IDX i, uint16_t id, uint16_t flags, int16_t status)
{
	rx_ring->ring[i % NETIF_RING].rsp =
		(struct netif_rx_response){.id = id, .flags = flags, .status = status};
	rx_ring->rsp_prod = i + 1;
}

START_TEST(rows_are_sound)
{
	const struct netfront_profile *p = &netfront_profiles[_i];

	ck_assert_ptr_eq(netfront_profile(p->name), p);
	ck_assert_uint_le(p->tx_pages, p->tx_buffers);
	ck_assert_uint_le(p->rx_buffers, p->rx_ids);
	ck_assert_uint_eq(p->rx_ids & (p->rx_ids - 1), 0);
	ck_assert_uint_ge(p->max_queues, 1);
	ck_assert(p->max_queues == 1 || p->queues_key != PROFILE_QUEUES_NEVER);
	ck_assert(!p->blind || p->early);
	ck_assert(p->tx.sg || p->tx_pages == 1);
	ck_assert(p->caps.sg || !(p->caps.gso4 || p->caps.gso6));
	ck_assert_ptr_null(netfront_profile("beos"));
}
END_TEST

/* xenvif: an array of 256 indexed by its ids would not do. */
START_TEST(windows_ids_are_wide)
{
	unsigned int most = 0;

	set_up("windows");
	for (RING_IDX i = 0; i < 3000; i++) {
		send(0);
		most = id_of(i) > most ? id_of(i) : most;
		answer(i, id_of(i), NETIF_RSP_OKAY);
		tx_ring->rsp_prod = i + 1;
		ck_assert_uint_eq(nftx_reap(&tx), 1);
	}
	ck_assert_uint_eq(most, NFTX_WIDE_IDS - 1);
	ck_assert_uint_eq(fault_total(&faults), 0);
	ck_assert_uint_eq(tx.nr_free, NETIF_RING);
}
END_TEST

START_TEST(windows_sees_cut_ids)
{
	set_up("windows");
	for (RING_IDX i = 0; i <= NETIF_RING; i++) {
		send(0);
		answer(i, id_of(i) & 255, NETIF_RSP_OKAY);
		tx_ring->rsp_prod = i + 1;
		nftx_reap(&tx);
	}
	only_fault(NF_FAULT_TX_ID);
	ck_assert(tx.broken);
}
END_TEST

/* xenvif wants the answer to an extra in the push of its packet. */
START_TEST(windows_sees_late_null)
{
	set_up("windows");
	send(1);
	answer(0, id_of(0), NETIF_RSP_OKAY);
	tx_ring->rsp_prod = 1;
	nftx_reap(&tx);
	only_fault(NF_FAULT_TX_PARTIAL);
}
END_TEST

START_TEST(openbsd_ids_are_positions)
{
	set_up("openbsd");
	for (RING_IDX i = 0; i < 1000; i += 2) {
		send(0);
		send(0);
		ck_assert_uint_eq(id_of(i), i % NETIF_RING);
		answer(i, id_of(i), NETIF_RSP_OKAY);
		answer(i + 1, id_of(i + 1), NETIF_RSP_OKAY);
		tx_ring->rsp_prod = i + 2;
		ck_assert_uint_eq(nftx_reap(&tx), 2);
	}
	ck_assert_uint_eq(fault_total(&faults), 0);
}
END_TEST

/* It would free, and hand on, a buffer the backend still reads. */
START_TEST(openbsd_sees_disorder)
{
	set_up("openbsd");
	send(0);
	send(0);
	answer(0, 1, NETIF_RSP_OKAY);
	tx_ring->rsp_prod = 1;
	nftx_reap(&tx);
	only_fault(NF_FAULT_TX_ID);
}
END_TEST

START_TEST(ipxe_ids_are_below_32)
{
	struct nfrx_packet pkt;

	set_up("ipxe");
	ck_assert_uint_eq(rx_ring->req_prod, 18);
	for (RING_IDX i = 0; i < 600; i++) {
		ck_assert_uint_eq(rx_ring->ring[i % NETIF_RING].req.id, i % 32);
		give(i, i % 32, 0, 60);
		ck_assert(nfrx_take(&rx, &pkt));
		nfrx_fill(&rx);
		ck_assert_uint_eq(rx_ring->req_prod, i + 1 + 18);
	}
	ck_assert_uint_eq(fault_total(&faults), 0);
}
END_TEST

START_TEST(ipxe_sees_foreign_id)
{
	struct nfrx_packet pkt;

	set_up("ipxe");
	for (RING_IDX i = 0; i < 33; i++) {
		give(i, i, 0, 60); /* the position is the id: right for Linux only */
		nfrx_take(&rx, &pkt);
		nfrx_fill(&rx);
	}
	only_fault(NF_FAULT_RX_ID);
	ck_assert_uint_eq(rx.stats.packets, 32);
}
END_TEST

START_TEST(ipxe_validates_all)
{
	set_up("ipxe");
	send(0);
	ck_assert_uint_eq(tx_ring->ring[0].req.flags, NETTXF_data_validated);
}
END_TEST

START_TEST(one_slot_frontends)
{
	static const char *const names[] = {"minios", "unikraft"};
	struct nfrx_packet pkt;

	set_up(names[_i]);
	give(0, 0, NETRXF_more_data, 1000);
	give(1, 1, 0, 100);
	nfrx_take(&rx, &pkt);
	only_fault(NF_FAULT_RX_SG);
}
END_TEST

START_TEST(extras_nobody_asked_for)
{
	static const char *const names[] = {"minios", "unikraft", "ipxe", "netbsd", "openbsd"};
	const struct netif_extra_info extra = {.type = XEN_NETIF_EXTRA_TYPE_HASH};
	struct nfrx_packet pkt;

	set_up(names[_i]);
	give(0, 0, NETRXF_extra_info, 100);
	memcpy(&rx_ring->ring[1], &extra, sizeof(extra));
	rx_ring->rsp_prod = 2;
	nfrx_take(&rx, &pkt);
	only_fault(NF_FAULT_RX_EXTRA_TYPE);
}
END_TEST

START_TEST(unikraft_aborts_on_status)
{
	static const int16_t status[] = {NETIF_RSP_ERROR, NETIF_RSP_DROPPED, NETIF_RSP_NULL};
	struct nfrx_packet pkt;

	set_up("unikraft");
	give(0, 0, 0, status[_i]);
	nfrx_take(&rx, &pkt);
	only_fault(NF_FAULT_RX_STATUS);
	set_up("linux");
	give(0, 0, 0, status[_i]);
	nfrx_take(&rx, &pkt);
	ck_assert_uint_eq(fault_total(&faults), 0);
}
END_TEST

START_TEST(unikraft_misreads_flags)
{
	const uint16_t both = NETRXF_csum_blank | NETRXF_data_validated;
	struct nfrx_packet pkt;

	set_up("unikraft");
	give(0, 0, 0, 60);
	ck_assert(nfrx_take(&rx, &pkt));
	give(1, 1, both, 60);
	ck_assert(nfrx_take(&rx, &pkt));
	ck_assert_uint_eq(rx.stats.misread, 0);
	give(2, 2, NETRXF_data_validated, 60);
	ck_assert(nfrx_take(&rx, &pkt));
	ck_assert_uint_eq(rx.stats.misread, 1);
	ck_assert_uint_eq(fault_total(&faults), 0);
}
END_TEST

START_TEST(unikraft_cuts_long_frames)
{
	struct nfrx_packet pkt;

	set_up("unikraft");
	give(0, 0, 0, 1514);
	ck_assert(nfrx_take(&rx, &pkt));
	ck_assert_uint_eq(fault_total(&faults), 0);
	give(1, 1, 0, 1515);
	nfrx_take(&rx, &pkt);
	only_fault(NF_FAULT_RX_OVERSIZE);
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("profile");
	TCase *t = tcase_create("profile");

	tcase_add_loop_test(t, rows_are_sound, 0, netfront_nr_profiles);
	tcase_add_test(t, windows_ids_are_wide);
	tcase_add_test(t, windows_sees_cut_ids);
	tcase_add_test(t, windows_sees_late_null);
	tcase_add_test(t, openbsd_ids_are_positions);
	tcase_add_test(t, openbsd_sees_disorder);
	tcase_add_test(t, ipxe_ids_are_below_32);
	tcase_add_test(t, ipxe_sees_foreign_id);
	tcase_add_test(t, ipxe_validates_all);
	tcase_add_loop_test(t, one_slot_frontends, 0, 2);
	tcase_add_loop_test(t, extras_nobody_asked_for, 0, 5);
	tcase_add_loop_test(t, unikraft_aborts_on_status, 0, 3);
	tcase_add_test(t, unikraft_misreads_flags);
	tcase_add_test(t, unikraft_cuts_long_frames);
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
