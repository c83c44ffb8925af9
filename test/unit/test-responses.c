/* SPDX-License-Identifier: MIT */
/* test-responses.c: responses that wait for more, and when they go */
#include <check.h>

#include "test/unit/hold-fixture.h"

static void expect_responses(uint16_t from, uint16_t to)
{
	netif_tx_response_t rsp;

	for (uint16_t id = from; id < to; id++) {
		ck_assert_msg(harness_tx_take(h, &rsp), "no response for %u", id);
		ck_assert_uint_eq(rsp.id, id);
		ck_assert_int_eq(rsp.status, NETIF_RSP_OKAY);
	}
	ck_assert_msg(!harness_tx_take(h, &rsp), "a response too many");
}

/* One request a round: nothing is told before there are enough, and then all by one move. */
START_TEST(test_enough_responses)
{
	for (uint16_t i = 0; i < 2 * TX_HOLD_SLOTS; i++) {
		uint16_t held = (uint16_t)(i % TX_HOLD_SLOTS + 1);

		put_request(i);
		ck_assert_int_eq(harness_step(h), 0);
		ck_assert_uint_eq(h->stats.tx_packets, i + 1u);
		ck_assert_msg(h->tx_notify == (held == TX_HOLD_SLOTS), "notify at %u", i);
		ck_assert_uint_eq(h->tx->rsp_prod, i + 1u - held % TX_HOLD_SLOTS);
		if (held < TX_HOLD_SLOTS)
			continue;
		expect_responses((uint16_t)(i + 1 - TX_HOLD_SLOTS), (uint16_t)(i + 1));
		h->tx->rsp_event = h->tx_cons + 1;
	}
	ck_assert_int_eq(harness_step(h), 0);
	ck_assert(!h->tx_notify);
}
END_TEST

START_TEST(test_first_round_without_requests)
{
	for (uint16_t nr = 1; nr < TX_HOLD_SLOTS; nr++) {
		harness_reset(h, &features, 0);
		for (uint16_t i = 0; i < nr; i++) {
			put_request(i);
			ck_assert_int_eq(harness_step(h), 0);
			ck_assert_uint_eq(h->tx->rsp_prod, 0);
		}
		ck_assert_int_eq(harness_step(h), 0);
		ck_assert(h->tx_notify);
		ck_assert_uint_eq(h->tx->rsp_prod, nr);
		expect_responses(0, nr);
		ck_assert_uint_eq(h->q.tx.nr_held, 0);
	}
}
END_TEST

/* A queue in debt takes no requests either. */
START_TEST(test_round_in_debt)
{
	put_request(0);
	ck_assert_int_eq(harness_step(h), 0);
	put_request(1);
	h->q.tx.deficit = -2 * TX_QUANTUM;
	ck_assert_int_eq(harness_step(h), 0);
	expect_responses(0, 1);
}
END_TEST

/* A worker sleeps only after a round that found nothing, so never on responses. */
START_TEST(test_no_sleep_on_responses)
{
	put_request(0);
	ck_assert(serve());
	ck_assert_uint_eq(h->tx->rsp_prod, 0);
	ck_assert_uint_eq(go_to_sleep(), 0);
	expect_responses(0, 1);
}
END_TEST

/* A packet's responses go together, its NULLs among them. */
START_TEST(test_whole_packets)
{
	const struct netif_extra_info hash = {.type = XEN_NETIF_EXTRA_TYPE_HASH};

	for (unsigned int i = 0; i < 22; i++) {
		netif_tx_request_t req = {
			.gref = h->ref[0],
			.size = 120,
			.flags = NETTXF_more_data | NETTXF_extra_info,
		};

		ck_assert_uint_eq(h->tx->rsp_prod, 0);
		harness_tx_put(h, &req);
		harness_tx_put_extra(h, &hash);
		req.size = 60;
		req.flags = 0;
		harness_tx_put(h, &req);
		harness_tx_push(h);
		ck_assert_int_eq(harness_step(h), 0);
	}
	ck_assert_uint_eq(h->tx->rsp_prod, 22 * 3);
	for (unsigned int i = 0; i < 22 * 3; i++) {
		netif_tx_response_t rsp;

		ck_assert(harness_tx_take(h, &rsp));
		ck_assert_int_eq(rsp.status, i % 3 == 1 ? NETIF_RSP_NULL : NETIF_RSP_OKAY);
	}
}
END_TEST

/* A guest that fills its ring meanwhile takes nothing from those that are held. */
START_TEST(test_full_ring_behind_held_ones)
{
	uint16_t i = 0;

	for (; i < TX_HOLD_SLOTS - 1; i++) {
		put_request(i);
		ck_assert_int_eq(harness_step(h), 0);
	}
	for (; i < RING_SLOTS; i++)
		put_request(i);
	ck_assert_int_eq(harness_step(h), 0);
	ck_assert_uint_eq(h->tx->rsp_prod, TX_HOLD_SLOTS - 1 + TX_QUANTUM);
	ck_assert_int_eq(harness_step(h), 0);
	ck_assert_int_eq(harness_step(h), 0);
	expect_responses(0, RING_SLOTS);

	/* One more than there can be, while some are held, is still seen. */
	put_request(0);
	ck_assert_int_eq(harness_step(h), 0);
	h->tx->req_prod = h->tx->rsp_prod + RING_SLOTS + 1;
	ck_assert_int_lt(harness_step(h), 0);
	ck_assert_str_eq(h->why, "tx ring: the producer index makes no sense");
}
END_TEST

/* An engine that dies leaves those it held back as requests: intact, to be done again. */
START_TEST(test_killed_while_holding)
{
	netif_tx_back_ring_t successor;
	struct journal *journal;

	for (uint16_t i = 0; i < 10; i++) {
		put_request((uint16_t)(100 + i));
		ck_assert_int_eq(harness_step(h), 0);
	}
	ck_assert_uint_eq(h->q.tx.nr_held, 10);
	journal = journal_attach(h->q.journal_bytes, 1, 2);
	ck_assert_int_eq(journal_replay_tx(&journal->tx, h->tx), JOURNAL_CLEAN);
	ck_assert_uint_eq(h->tx->rsp_prod, 0);
	ck_assert_int_eq(ring_tx_attach(&successor, h->tx), 0);
	ck_assert_int_eq(ring_tx_unconsumed(&successor), 10);
	for (uint16_t i = 0; i < 10; i++) {
		netif_tx_request_t req;

		ring_tx_copy(&successor, i, &req);
		ck_assert_uint_eq(req.id, 100u + i);
		ck_assert_uint_eq(req.size, 60);
	}
}
END_TEST

static void add_tests(TCase *tcase)
{
	tcase_add_test(tcase, test_enough_responses);
	tcase_add_test(tcase, test_first_round_without_requests);
	tcase_add_test(tcase, test_round_in_debt);
	tcase_add_test(tcase, test_no_sleep_on_responses);
	tcase_add_test(tcase, test_whole_packets);
	tcase_add_test(tcase, test_full_ring_behind_held_ones);
	tcase_add_test(tcase, test_killed_while_holding);
}

int main(void)
{
	return run_in_both_modes("responses", add_tests);
}
