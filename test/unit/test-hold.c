/* SPDX-License-Identifier: MIT */
/* test-hold.c: what waits for company, frames to the guest and packets of it, and what never does */
#include <check.h>
#include <endian.h>

#include "test/unit/hold-fixture.h"

static struct harness_frame got;
static const struct virtio_net_hdr plain;

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

static void add_tests(TCase *tcase)
{
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
}

int main(void)
{
	return run_in_both_modes("hold", add_tests);
}
