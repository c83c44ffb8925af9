/* SPDX-License-Identifier: MIT */
/* test-hold.c: what waits for company, frames to the guest and responses, and what never does */
#include <check.h>
#include <endian.h>
#include <string.h>

#include "netback/engine/vif.h"
#include "test/unit/engine-harness.h"

static struct harness harness, *h = &harness;
static struct link_features features;
static struct harness_frame got;
static uint8_t frame[HARNESS_FRAME];
static const struct virtio_net_hdr plain;

/* In the place of vif.c. */
void vif_fail(struct vif *vif, const char *why)
{
	((struct harness *)vif)->why = why;
}

static void setup(bool uring)
{
	harness_open(h, uring);
	ck_assert_msg(h->w.io.uring == uring, "the wrong mode");
	h->w.evtchn = xenevtchn_open(NULL, 0);
	ck_assert_ptr_nonnull(h->w.evtchn);
	features = harness_all_features();
	harness_reset(h, &features, 0);
	harness_make_frame(frame, 4, 9000, 1);
}

static void setup_plain(void)
{
	setup(false);
}

static void setup_uring(void)
{
	setup(true);
}

static void teardown(void)
{
	xenevtchn_close(h->w.evtchn);
	harness_close(h);
}

/* As the worker makes it. */
static bool serve(void)
{
	queue_begin(&h->q);
	iobatch_run(&h->w.io);
	return queue_end(&h->q);
}

/* Rounds until one found nothing; then the worker goes to sleep. Returns for how long at least. */
static uint32_t go_to_sleep(void)
{
	uint64_t deadline = UINT64_MAX;

	for (int i = 0; serve(); i++)
		ck_assert_int_lt(i, 100);
	ck_assert(!queue_arm(&h->q, &deadline));
	return queue_hold(&h->q);
}

/* Reads posted, asleep: frames have all the time to gather. */
static void fall_asleep(unsigned int nr_wanted)
{
	if (h->rx_prod - h->q.rx_ring.req_cons < 5 * RX_MAX_SLOTS)
		harness_rx_post(h, 5 * RX_MAX_SLOTS);
	h->q.rx.nr_wanted = nr_wanted;
	h->q.rx.hold_ns = 0;
	ck_assert_uint_eq(go_to_sleep(), 0);
}

static void send_frames(unsigned int nr, size_t len)
{
	for (; nr; nr--)
		harness_send(h, &plain, frame, len);
}

static void take_frames(unsigned int nr, size_t len)
{
	for (; nr; nr--) {
		const char *wrong = harness_rx_take(h, &got);

		ck_assert_msg(!wrong, "%s", wrong);
		ck_assert_uint_eq(got.len, len);
	}
}

static void put_request(uint16_t id)
{
	const netif_tx_request_t req = {.gref = h->ref[id % HARNESS_PAGES], .size = 60, .id = id};

	harness_tx_put(h, &req);
	harness_tx_push(h);
}

/* --- frames ----------------------------------------------------------------------------------------- */

START_TEST(test_small_frames_gather)
{
	fall_asleep(5);
	ck_assert_uint_eq(h->stats.port_ops, 5);
	send_frames(4, 60);
	ck_assert(serve());
	ck_assert_msg(h->rx->rsp_prod == 4, "what is there is told at once");
	take_frames(4, 60);

	/* A round that posts no reads, then the sleep. */
	ck_assert_uint_eq(go_to_sleep(), COALESCE_FIRST_NS);
	ck_assert_uint_eq(h->stats.port_ops, 5);
	ck_assert_uint_eq(h->q.rx.nr_busy, 1);
	ck_assert_uint_eq(h->stats.rx_held, 1);
	ck_assert_msg(queue_hold(&h->q) == 0, "asked once a sleep");

	/* And after it as many reads as frames are to be expected. */
	send_frames(3, 60);
	ck_assert(serve());
	ck_assert_uint_eq(h->stats.port_ops, 8);
	take_frames(3, 60);
	ck_assert_uint_eq(go_to_sleep(), 2 * COALESCE_FIRST_NS);
	ck_assert_uint_eq(h->stats.rx_held, 2);
}
END_TEST

START_TEST(test_longer_and_shorter)
{
	uint32_t was = 0, ns = 0;

	for (int i = 0; i < 8; i++, was = ns) {
		fall_asleep(5);
		send_frames(3, 60);
		ns = go_to_sleep();
		ck_assert(ns > was || ns == COALESCE_MAX_NS);
		take_frames(3, 60);
	}
	ck_assert_uint_eq(ns, COALESCE_MAX_NS);
	/* The flood is over: what comes alone does not wait, and soon several wait as at first. */
	for (int i = 0; i < 5; i++) {
		fall_asleep(5);
		send_frames(1, 60);
		ck_assert_uint_eq(go_to_sleep(), 0);
		take_frames(1, 60);
	}
	ck_assert_uint_eq(h->q.rx.coalesce.hold_ns, 0);
	ck_assert_uint_ge(h->q.rx.nr_busy, 1);
}
END_TEST

/* Others keep the thread awake: there is nothing to wait for. */
START_TEST(test_no_sleep_no_wait)
{
	fall_asleep(5);
	send_frames(4, 60);
	ck_assert(serve());
	ck_assert(!serve());
	ck_assert_uint_eq(h->stats.port_ops, 5);
	send_frames(2, 60);
	ck_assert(serve());
	ck_assert_uint_eq(h->stats.port_ops, 8);
	take_frames(6, 60);
}
END_TEST

/* What full rounds bring one after the other counts as one wake-up, and nothing waits between them. */
START_TEST(test_rounds_of_a_wake_add_up)
{
	fall_asleep(1);
	send_frames(5, 60);
	ck_assert(serve());
	ck_assert(serve());
	ck_assert_uint_eq(h->stats.rx_packets, 3);
	ck_assert_uint_eq(h->q.rx.hold_ns, 0);
	ck_assert(serve());
	ck_assert_uint_eq(h->stats.rx_packets, 5);
	ck_assert_uint_eq(go_to_sleep(), COALESCE_FIRST_NS);
	take_frames(5, 60);
	ck_assert_msg(h->q.rx.nr_wanted == 5, "as many reads as the wake-up had frames");
}
END_TEST

/* If the last of them leaves nothing to a round that is not full, the wake-up has its hold nevertheless. */
START_TEST(test_full_rounds_only)
{
	fall_asleep(1);
	send_frames(3, 60);
	ck_assert(serve());
	ck_assert(serve());
	ck_assert_uint_eq(h->stats.rx_packets, 3);
	ck_assert_uint_eq(go_to_sleep(), COALESCE_FIRST_NS);
	ck_assert_uint_eq(h->stats.rx_held, 1);
	take_frames(3, 60);

	send_frames(1, 60);
	ck_assert_msg(go_to_sleep() == 0, "one alone does not wait");
	take_frames(1, 60);
}
END_TEST

/* What a thread that stays awake finds afterwards tells nothing of how fast frames come. */
START_TEST(test_only_what_had_time_counts)
{
	fall_asleep(5);
	send_frames(3, 60);
	ck_assert(serve());
	ck_assert_uint_eq(h->q.rx.hold_ns, COALESCE_FIRST_NS);
	ck_assert(!serve());
	send_frames(2, 60);
	ck_assert(serve());
	ck_assert_uint_eq(h->q.rx.coalesce.hold_ns, COALESCE_FIRST_NS);
	ck_assert_uint_eq(go_to_sleep(), COALESCE_FIRST_NS);
	take_frames(5, 60);
}
END_TEST

/* Nor of how many come in a hold: a thread that others keep awake posts as many reads as are of use. */
START_TEST(test_reads_of_a_thread_that_stays_awake)
{
	fall_asleep(5);
	send_frames(3, 60);
	ck_assert(serve());
	ck_assert_uint_eq(h->q.rx.nr_wanted, 3);
	for (int i = 0; i < 20; i++) {
		ck_assert(!serve());
		send_frames(1, 60);
		ck_assert(serve());
		ck_assert_uint_eq(h->q.rx.coalesce.frames, 3);
		ck_assert_uint_eq(h->q.rx.nr_wanted, 3);
	}
	take_frames(23, 60);
}
END_TEST

/* In the round that brings the frames, or in the one before the sleep. */
START_TEST(test_who_sends_does_not_wait)
{
	fall_asleep(5);
	send_frames(4, 60);
	if (_i == 1)
		ck_assert(serve());
	put_request(1);
	ck_assert(serve());
	ck_assert_uint_eq(h->stats.tx_packets, 1);
	ck_assert_uint_eq(go_to_sleep(), 0);
	ck_assert_uint_eq(h->stats.rx_held, 0);
	ck_assert_uint_eq(h->stats.port_ops, 5 + 1 + 3);
	ck_assert_uint_eq(h->q.rx.nr_busy, 4);
	take_frames(4, 60);
}
END_TEST

/* Nor if its frames had come in full rounds, of which nothing was made yet. */
START_TEST(test_who_sends_after_full_rounds)
{
	fall_asleep(1);
	send_frames(3, 60);
	ck_assert(serve());
	ck_assert(serve());
	put_request(1);
	ck_assert(serve());
	ck_assert_uint_eq(go_to_sleep(), 0);
	ck_assert_uint_eq(h->q.rx.coalesce.hold_ns, 0);
	take_frames(3, 60);
}
END_TEST

START_TEST(test_large_frames_do_not_wait)
{
	struct virtio_net_hdr gso = {
		.flags = VIRTIO_NET_HDR_F_NEEDS_CSUM,
		.gso_type = VIRTIO_NET_HDR_GSO_TCPV4,
		.gso_size = htole16(1448),
		.csum_start = htole16(34),
		.csum_offset = htole16(16),
	};

	h->q.rx.coalesce.hold_ns = COALESCE_MAX_NS;
	fall_asleep(5);
	for (int i = 0; i < 3; i++)
		harness_send(h, _i ? &gso : &plain, frame, 9000);
	ck_assert(serve());
	take_frames(3, 9000);
	ck_assert_uint_eq(h->stats.rx_gso_packets, _i ? 3 : 0);
	ck_assert_uint_eq(go_to_sleep(), 0);
	ck_assert_uint_eq(h->q.rx.nr_busy, 3);
}
END_TEST

START_TEST(test_broken_guest_does_not_wait)
{
	fall_asleep(5);
	send_frames(4, 60);
	ck_assert(serve());
	h->tx->req_prod = 1000;
	ck_assert(!serve());
	ck_assert(h->q.failed);
	ck_assert_uint_eq(queue_hold(&h->q), 0);
}
END_TEST

/* --- packets ------------------------------------------------------------------------------------------ */

static void put_requests(uint16_t nr)
{
	for (uint16_t i = 0; i < nr; i++)
		put_request(i);
	ck_assert(serve());
}

static unsigned int take_responses(void)
{
	netif_tx_response_t rsp;
	unsigned int nr = 0;

	for (; harness_tx_take(h, &rsp); nr++)
		ck_assert_int_eq(rsp.status, NETIF_RSP_OKAY);
	return nr;
}

/* The ring is not armed for a hold: the guest spares its events, and the end of the hold looks at it. */
START_TEST(test_small_packets_gather)
{
	RING_IDX event;

	fall_asleep(5);
	event = h->tx->req_event;
	put_requests(3);
	ck_assert_uint_eq(go_to_sleep(), COALESCE_FIRST_NS);
	ck_assert_msg(take_responses() == 3, "what was sent is answered before the hold");
	ck_assert_uint_eq(h->stats.tx_held, 1);
	ck_assert_uint_eq(h->stats.rx_held, 0);
	ck_assert_uint_eq(h->tx->req_event, event);

	put_requests(2);
	ck_assert_uint_eq(go_to_sleep(), 2 * COALESCE_FIRST_NS);
	ck_assert_uint_eq(take_responses(), 2);
	/* Nothing came: an event is asked for again. */
	ck_assert_uint_eq(go_to_sleep(), 0);
	ck_assert_uint_eq(h->tx->req_event, h->tx_prod + 1);
}
END_TEST

/* A full round is not waited after, unless no other one follows. */
START_TEST(test_full_ring_gathers)
{
	uint32_t ns;

	fall_asleep(5);
	h->q.tx.coalesce.hold_ns = 8 * COALESCE_FIRST_NS;
	put_requests(TX_FULL_PACKETS);
	ck_assert_uint_eq(h->stats.tx_packets, TX_FULL_PACKETS);
	ck_assert_uint_eq(h->q.tx.hold_ns, 0);
	ns = go_to_sleep();
	ck_assert_uint_eq(ns, 8 * COALESCE_FIRST_NS);
	ck_assert_uint_eq(h->stats.tx_held, 1);
	ck_assert_uint_eq(take_responses(), TX_FULL_PACKETS);
	put_requests(1);
	ck_assert_uint_eq(h->stats.tx_packets, TX_FULL_PACKETS + 1);
}
END_TEST

START_TEST(test_lone_packets_do_not_wait)
{
	for (int i = 0; i < 10; i++) {
		fall_asleep(5);
		put_requests(1);
		ck_assert_uint_eq(go_to_sleep(), 0);
		ck_assert_uint_eq(h->tx->req_event, h->tx_prod + 1);
	}
	ck_assert_uint_eq(h->stats.tx_held, 0);
}
END_TEST

/* Nor who has frames coming, in the same round or after it: it answers, or is answered. */
START_TEST(test_who_receives_does_not_wait)
{
	fall_asleep(5);
	h->q.tx.coalesce.hold_ns = COALESCE_MAX_NS;
	if (_i == 1) {
		put_requests(3);
		send_frames(1, 60);
	} else {
		send_frames(1, 60);
		put_requests(3);
	}
	ck_assert_uint_eq(go_to_sleep(), 0);
	ck_assert_uint_eq(h->stats.tx_held, 0);
	take_frames(1, 60);
}
END_TEST

/* In a flood something comes between the last look and the hold: it does not put it off. */
START_TEST(test_packet_before_the_hold)
{
	fall_asleep(5);
	put_requests(3);
	put_request(3);
	ck_assert_uint_eq(go_to_sleep(), COALESCE_FIRST_NS);
	ck_assert_uint_eq(take_responses(), 3);
	ck_assert_uint_eq(h->stats.tx_packets, 3);
	ck_assert(serve());
	ck_assert_uint_eq(h->stats.tx_packets, 4);
}
END_TEST

START_TEST(test_frame_before_the_hold)
{
	fall_asleep(5);
	send_frames(3, 60);
	ck_assert(serve());
	send_frames(2, 60);
	ck_assert_uint_eq(go_to_sleep(), COALESCE_FIRST_NS);
	ck_assert_uint_eq(h->stats.rx_packets, 3);
	ck_assert(serve());
	ck_assert_uint_eq(h->stats.rx_packets, 5);
	take_frames(5, 60);
}
END_TEST

/* --- responses ---------------------------------------------------------------------------------------- */

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

static void add_tests(Suite *suite, const char *name, SFun setup_mode)
{
	TCase *tcase = tcase_create(name);

	suite_add_tcase(suite, tcase);
	tcase_add_unchecked_fixture(tcase, harness_create, harness_remove);
	tcase_add_checked_fixture(tcase, setup_mode, teardown);
	tcase_add_test(tcase, test_small_frames_gather);
	tcase_add_test(tcase, test_longer_and_shorter);
	tcase_add_test(tcase, test_no_sleep_no_wait);
	tcase_add_test(tcase, test_rounds_of_a_wake_add_up);
	tcase_add_test(tcase, test_full_rounds_only);
	tcase_add_test(tcase, test_only_what_had_time_counts);
	tcase_add_test(tcase, test_reads_of_a_thread_that_stays_awake);
	tcase_add_loop_test(tcase, test_who_sends_does_not_wait, 0, 2);
	tcase_add_test(tcase, test_who_sends_after_full_rounds);
	tcase_add_loop_test(tcase, test_large_frames_do_not_wait, 0, 2);
	tcase_add_test(tcase, test_broken_guest_does_not_wait);
	tcase_add_test(tcase, test_small_packets_gather);
	tcase_add_test(tcase, test_full_ring_gathers);
	tcase_add_test(tcase, test_lone_packets_do_not_wait);
	tcase_add_loop_test(tcase, test_who_receives_does_not_wait, 0, 2);
	tcase_add_test(tcase, test_packet_before_the_hold);
	tcase_add_test(tcase, test_frame_before_the_hold);
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
	Suite *suite = suite_create("hold");
	SRunner *runner = srunner_create(suite);
	int failed;

	add_tests(suite, "plain", setup_plain);
	if (harness_has_uring())
		add_tests(suite, "io_uring", setup_uring);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? 1 : 0;
}
