/* SPDX-License-Identifier: MIT -- netfront-shim's control ring and headroom: what it asks, and what a backend may not answer */
#include "netfront-shim/nfctrl.h"
#include "netfront-shim/nfrx.h"

#include <check.h>
#include <stdlib.h>

/* The test itself is the backend. */
static _Alignas(NETIF_PAGE) uint8_t page[NETIF_PAGE];
static uint8_t memory[NETIF_RING][NETIF_PAGE];
static struct nfpages pages;
static struct nf_faults faults;
static struct nfctrl ctrl;
static struct nfrx rx;
static xen_netif_ctrl_sring_t *const ring = (void *)page;
static netif_rx_sring_t *const rx_ring = (void *)page;
static const uint32_t args[3] = {7, 8, 9};

static void only_fault(int kind)
{
	for (int i = 0; i < NF_FAULT_COUNT; i++)
		ck_assert_msg((faults.count[i] > 0) == (i == kind), "%s: %llu", fault_name(i),
			      (unsigned long long)faults.count[i]);
}

static void set_up(void)
{
	memset(page, 0, sizeof(page));
	faults = (struct nf_faults){.quiet = true};
	nfctrl_init(&ctrl, page, &faults);
}

static void answer(uint16_t id, uint16_t type, uint32_t status)
{
	unsigned int at = ring->rsp_prod % RING_SIZE(&ctrl.ring);

	ring->ring[at].rsp = (struct xen_netif_ctrl_response){
		.id = id, .type = type, .status = status, .data = 5};
	ring->rsp_prod++;
}

START_TEST(asks_and_takes)
{
	struct xen_netif_ctrl_response rsp;

	for (int round = 0; round < 1000; round++) {
		const struct xen_netif_ctrl_request *req =
			&ring->ring[ring->req_prod % RING_SIZE(&ctrl.ring)].req;

		ring->req_event = ring->req_prod + 1;
		ck_assert(nfctrl_put(&ctrl, 3, args));
		ck_assert_uint_eq(ring->req_prod, round + 1);
		ck_assert_uint_eq(req->type, 3);
		ck_assert_uint_eq(req->data[2], 9);
		ck_assert(!nfctrl_take(&ctrl, &rsp));
		ck_assert_uint_eq(ring->rsp_event, round + 1);
		answer(req->id, 3, 2);
		ck_assert(nfctrl_take(&ctrl, &rsp));
		ck_assert_uint_eq(rsp.status, 2);
		ck_assert_uint_eq(rsp.data, 5);
		ck_assert(!nfctrl_take(&ctrl, &rsp));
	}
	only_fault(-1);
}
END_TEST

START_TEST(wrong_answers)
{
	static const struct {
		int16_t id, type;
		uint32_t status;
		enum nf_fault fault;
	} cases[] = {
		{1, 0, 0, NF_FAULT_CTRL_ID},
		{0, 1, 0, NF_FAULT_CTRL_TYPE},
		{0, 0, 4, NF_FAULT_CTRL_STATUS},
	};
	struct xen_netif_ctrl_response rsp;

	nfctrl_put(&ctrl, 3, args);
	answer(ctrl.id + cases[_i].id, 3 + cases[_i].type, cases[_i].status);
	ck_assert(!nfctrl_take(&ctrl, &rsp));
	only_fault(cases[_i].fault);
	ck_assert(ctrl.broken);
}
END_TEST

START_TEST(too_many_answers)
{
	struct xen_netif_ctrl_response rsp;

	nfctrl_put(&ctrl, 3, args);
	answer(ctrl.id, 3, 0);
	answer(ctrl.id, 3, 0);
	ck_assert(!nfctrl_take(&ctrl, &rsp));
	only_fault(NF_FAULT_CTRL_PROD);
}
END_TEST

/* --- headroom --- */

static void set_up_rx(void)
{
	const struct nfrx_rules rules = {.sg = true};

	set_up();
	pages = (struct nfpages){.nr = NETIF_RING};
	for (unsigned int i = 0; i < NETIF_RING; i++)
		pages.addr[i] = memory[i];
	nfrx_init(&rx, page, &pages, &faults, &rules);
	nfrx_fill(&rx);
}

/* A packet of 100 bytes behind a headroom. */
static bool take(RING_IDX at, uint16_t headroom, struct nfrx_packet *pkt)
{
	const struct netif_extra_info extra = {.type = NFRX_EXTRA_XDP, .u.pad = {headroom}};

	rx_ring->ring[at].rsp =
		(struct netif_rx_response){.id = at,
					   .offset = headroom,
					   .status = 100,
					   .flags = headroom ? NETRXF_extra_info : 0};
	if (headroom)
		memcpy(&rx_ring->ring[at + 1], &extra, sizeof(extra));
	rx_ring->rsp_prod = at + (headroom ? 2 : 1);
	return nfrx_take(&rx, pkt);
}

START_TEST(headroom_is_skipped)
{
	struct nfrx_packet pkt;

	nfrx_headroom(&rx, 256, true);
	ck_assert(take(0, 256, &pkt));
	ck_assert_uint_eq(pkt.len, 100);
	ck_assert_uint_eq(pkt.frag[0].len, 100);
	ck_assert_ptr_eq(pkt.frag[0].data, memory[0] + 256);
	nfrx_headroom(&rx, 128, false); /* asked for: both are right */
	ck_assert(take(2, 256, &pkt));
	ck_assert(take(4, 128, &pkt));
	nfrx_headroom(&rx, 0, true);
	ck_assert(take(6, 0, &pkt));
	only_fault(-1);
	ck_assert_uint_eq(rx.stats.headroom, 3);
}
END_TEST

START_TEST(wrong_headroom)
{
	static const struct {
		uint16_t asked, given;
	} cases[] = {{256, 0}, {256, 128}, {0, 256}};
	struct nfrx_packet pkt;

	nfrx_headroom(&rx, cases[_i].asked, true);
	take(0, cases[_i].given, &pkt);
	only_fault(NF_FAULT_RX_HEADROOM);
}
END_TEST

START_TEST(headroom_not_asked_for)
{
	struct nfrx_packet pkt;

	take(0, 256, &pkt);
	only_fault(NF_FAULT_RX_EXTRA_TYPE);
}
END_TEST

/* Linux' backend says offset 0 and counts the headroom: what netfront makes of it must be in the page. */
START_TEST(headroom_beyond_the_page)
{
	const struct netif_extra_info extra = {.type = NFRX_EXTRA_XDP, .u.pad = {256}};
	struct nfrx_packet pkt;

	nfrx_headroom(&rx, 256, true);
	rx_ring->ring[0].rsp =
		(struct netif_rx_response){.status = 3841, .flags = NETRXF_extra_info};
	memcpy(&rx_ring->ring[1], &extra, sizeof(extra));
	rx_ring->rsp_prod = 2;
	ck_assert(!nfrx_take(&rx, &pkt));
	only_fault(NF_FAULT_RX_EXTENT);
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("nfctrl");
	TCase *c = tcase_create("ring"), *h = tcase_create("headroom");

	tcase_add_checked_fixture(c, set_up, NULL);
	tcase_add_test(c, asks_and_takes);
	tcase_add_loop_test(c, wrong_answers, 0, 3);
	tcase_add_test(c, too_many_answers);
	suite_add_tcase(s, c);
	tcase_add_checked_fixture(h, set_up_rx, NULL);
	tcase_add_test(h, headroom_is_skipped);
	tcase_add_loop_test(h, wrong_headroom, 0, 3);
	tcase_add_test(h, headroom_not_asked_for);
	tcase_add_test(h, headroom_beyond_the_page);
	suite_add_tcase(s, h);
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
