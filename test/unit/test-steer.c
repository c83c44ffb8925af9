/* SPDX-License-Identifier: MIT */
/* test-steer.c: frames go to the ring that the guest's hash has chosen, whichever port brought them */
#include "netback/engine/ctrl.h"

#include <check.h>
#include <endian.h>
#include <stdlib.h>
#include <string.h>

#include "netback/common/util.h"
#include "netback/engine/clock.h"
#include "test/unit/engine-harness.h"

enum {
	QUEUES = 3,
	FLOWS = 40,
	SHARE = RX_BATCH / QUEUES,
};

static struct harness harness[QUEUES];
static struct ctrl ctrl;
static struct hash_settings set;
static struct harness_frame got;
static uint8_t frame[HARNESS_FRAME];
static const struct virtio_net_hdr plain;

static void setup(void)
{
	struct link_features features = harness_all_features();

	ctrl.nr_queues = ctrl.nr_open = QUEUES;
	for (unsigned int i = 0; i < QUEUES; i++) {
		struct harness *h = &harness[i];

		harness_open(h, false);
		harness_reset(h, &features, i * 1000);
		h->q.index = i;
		h->q.worker = &harness[0].w;
		h->q.ctrl = &ctrl;
		ctrl.queue[i] = &h->q;
	}
	set = (struct hash_settings){
		.algorithm = XEN_NETIF_CTRL_HASH_ALGORITHM_TOEPLITZ,
		.types = HASH_TYPES,
		.nr_mapped = 4,
		.mapping = {2, 0, 1, 2},
	};
	for (unsigned int i = 0; i < HASH_KEY_BYTES; i++)
		set.key[i] = (uint8_t)(i * 77 + 13);
	hash_load(&ctrl.hash, &set);
}

static void teardown(void)
{
	for (unsigned int i = 0; i < QUEUES; i++)
		harness_close(&harness[i]);
}

/* One round of the worker. True: it would make another one. */
static bool step(void)
{
	const char *why;
	bool more = false;

	for (unsigned int i = 0; i < QUEUES; i++)
		ck_assert_int_eq(rx_begin(&harness[i].q, &why), 0);
	iobatch_run(&harness[0].w.io);
	for (unsigned int i = 0; i < QUEUES; i++)
		rx_end(&harness[i].q);
	for (unsigned int i = 0; i < QUEUES; i++) {
		struct queue *q = &harness[i].q;

		more |= q->rx.nr_done || q->rx.nr_placed || rx_is_behind(q);
	}
	return more;
}

/* Until it would sleep. */
static void settle(void)
{
	unsigned int nr = 0;

	while (step())
		ck_assert_uint_lt(nr++, 1000);
}

/* Who is without buffers is so for so long already. */
static void age(uint64_t ns)
{
	for (unsigned int i = 0; i < QUEUES; i++)
		harness[i].q.rx.starved_since -= ns;
}

/* Each ring has nr requests. */
static void post(unsigned int nr)
{
	for (unsigned int i = 0; i < QUEUES; i++) {
		struct harness *h = &harness[i];

		harness_rx_post(h, nr - (h->rx_prod - h->rx->rsp_prod));
	}
}

/* A TCP frame of a flow; the sequence number and the length tell frames of a flow apart. */
static size_t make(unsigned int flow, uint32_t seq)
{
	size_t len = 100 + (seq * 531 + flow * 97) % 5000;

	harness_make_frame(frame, flow % 2 ? 6 : 4, len, (uint8_t)flow);
	memcpy(frame + 60 - 4 * (flow % 2 ? 0 : 5), &(uint32_t){flow * 0x9e3779b1u}, 4);
	memcpy(frame + len - 8, (uint32_t[]){flow, seq}, 8);
	return len;
}

static struct hash_result hash_of(size_t len)
{
	struct hash_result result = {0};

	ck_assert(hash_frame(&ctrl.hash, frame, (uint32_t)len, &result));
	return result;
}

/* A flow whose frames go to this queue. */
static unsigned int flow_for(unsigned int queue)
{
	for (unsigned int flow = 0; flow < FLOWS; flow++)
		if (hash_queue(&ctrl.hash, hash_of(make(flow, 0)).value, QUEUES) == queue)
			return flow;
	ck_abort_msg("no flow for queue %u", queue);
	return 0;
}

/* nr frames of a flow, by the port of a queue. */
static void send_frames(unsigned int port, unsigned int flow, unsigned int nr)
{
	for (unsigned int i = 0; i < nr; i++)
		harness_send(&harness[port], &plain, frame, make(flow, i));
}

static unsigned int take_all(unsigned int queue)
{
	unsigned int nr = 0;

	for (; !harness_rx_take(&harness[queue], &got); nr++)
		ck_assert_int_gt(got.status, 0);
	return nr;
}

static void expect_all_free(void)
{
	for (unsigned int i = 0; i < QUEUES; i++) {
		struct rx *rx = &harness[i].q.rx;

		ck_assert_uint_eq(rx->nr_held, 0);
		ck_assert_uint_eq(rx->nr_busy + (unsigned int)__builtin_popcount(rx->free),
				  RX_BATCH);
	}
}

/* --- where frames go -------------------------------------------------------------------------------- */

/* Many flows by all ports: whole, with their hash, on the right ring, and each flow in its order. */
START_TEST(test_flows)
{
	uint32_t next[FLOWS] = {0};
	unsigned int nr = 0, on[QUEUES] = {0};
	uint64_t steered = 0;

	for (uint32_t seq = 0; seq < 12; seq++) {
		post(250);
		for (unsigned int flow = 0; flow < FLOWS; flow++)
			harness_send(&harness[flow % QUEUES], &plain, frame, make(flow, seq));
		settle();
		for (unsigned int i = 0; i < QUEUES; i++) {
			while (!harness_rx_take(&harness[i], &got)) {
				struct hash_result want;
				uint32_t tag[2];
				size_t len;

				memcpy(tag, got.data + got.len - 8, 8);
				ck_assert_uint_lt(tag[0], FLOWS);
				ck_assert_uint_eq(tag[1], next[tag[0]]++);
				len = make(tag[0], tag[1]);
				ck_assert_uint_eq(got.len, len);
				ck_assert_mem_eq(got.data, frame, len);
				want = hash_of(len);
				ck_assert(got.hashed);
				ck_assert_uint_eq(got.hash, want.value);
				ck_assert_uint_eq(got.hash_type, want.type);
				ck_assert_uint_eq(got.nr_slots, (len + 4095) / 4096 + 1);
				ck_assert_uint_eq(hash_queue(&ctrl.hash, want.value, QUEUES), i);
				on[i]++;
				nr++;
			}
		}
	}
	ck_assert_uint_eq(nr, 12 * FLOWS);
	for (unsigned int i = 0; i < QUEUES; i++) {
		ck_assert_uint_gt(on[i], 0);
		ck_assert_uint_eq(harness[i].stats.rx_hashed, on[i]);
		steered += harness[i].stats.rx_steered;
	}
	ck_assert_uint_gt(steered, 12 * FLOWS / 3);
	expect_all_free();
}
END_TEST

/* What has no hash goes to the queue of hash 0, without an extra info. */
START_TEST(test_no_hash)
{
	post(10);
	memset(frame, 0, 60);
	frame[12] = 0x08, frame[13] = 0x06;
	harness_send(&harness[1], &plain, frame, 60);
	settle();
	ck_assert_ptr_null(harness_rx_take(&harness[2], &got));
	ck_assert(!got.hashed && !got.flags);
	ck_assert_uint_eq(got.nr_slots, 1);
	ck_assert_uint_eq(harness[2].stats.rx_hashed, 0);
	ck_assert_uint_eq(harness[2].stats.rx_steered, 1);
}
END_TEST

/* Nothing to hash by, or not all queues there yet: a port's frames go to its own queue's ring. */
START_TEST(test_off)
{
	unsigned int flow = flow_for(1), port = 0;

	if (_i == 0)
		set.algorithm = XEN_NETIF_CTRL_HASH_ALGORITHM_NONE;
	if (_i == 1)
		set.types = 0;
	hash_load(&ctrl.hash, &set);
	post(10);
	send_frames(port, flow, 1);
	settle();
	ck_assert_ptr_null(harness_rx_take(&harness[port], &got));
	ck_assert(!got.hashed);
	ck_assert_uint_eq(harness[port].stats.rx_steered, 0);
}
END_TEST

START_TEST(test_not_complete)
{
	ctrl.nr_open = QUEUES - 1;
	post(10);
	send_frames(0, 0, 1);
	settle();
	for (unsigned int i = 0; i < QUEUES; i++)
		ck_assert_uint_eq(harness[i].q.rx.nr_busy, 0);
	ctrl.nr_open = QUEUES;
	settle();
	ck_assert_uint_eq(take_all(0) + take_all(1) + take_all(2), 1);
}
END_TEST

/* GSO, hash and headroom, in the order of their types; and not one slot less than these need. */
START_TEST(test_all_extras)
{
	struct virtio_net_hdr hdr = {
		.flags = VIRTIO_NET_HDR_F_NEEDS_CSUM,
		.gso_type = VIRTIO_NET_HDR_GSO_TCPV4,
		.gso_size = htole16(1448),
		.csum_start = htole16(34),
		.csum_offset = htole16(16),
		.hdr_len = htole16(54),
	};
	unsigned int queue, flow = 2, slots = 3 + 3;
	struct hash_result want;
	size_t len;

	for (unsigned int i = 0; i < QUEUES; i++)
		harness[i].q.policy.xdp_headroom = 256;
	harness_make_frame(frame, 4, 9000, (uint8_t)flow);
	len = 9000;
	want = hash_of(len);
	queue = hash_queue(&ctrl.hash, want.value, QUEUES);
	post(slots - 1);
	step(); /* a read that is aimed at headroom */
	harness_send(&harness[(queue + 1) % QUEUES], &hdr, frame, len);
	settle();
	ck_assert_ptr_nonnull(harness_rx_take(&harness[queue], &got));
	harness_rx_post(&harness[queue], 1);
	settle();
	ck_assert_ptr_null(harness_rx_take(&harness[queue], &got));
	ck_assert_uint_eq(got.nr_slots, slots);
	ck_assert_uint_eq(got.gso_size, 1448);
	ck_assert_uint_eq(got.hash, want.value);
	ck_assert_uint_eq(got.headroom, 256);
	ck_assert_uint_eq(got.len, len);
	ck_assert_uint_eq(harness[queue].stats.rx_gso_packets, 1);
}
END_TEST

/* --- a queue without buffers ------------------------------------------------------------------------- */

/* Not at once: a guest may be slow for a moment. */
START_TEST(test_one_waits)
{
	uint64_t begin = clock_ns();

	harness_rx_post(&harness[1], 50);
	harness[2].q.rx.nr_wanted = RX_BATCH;
	send_frames(2, flow_for(0), RX_BATCH);
	settle();
	if (clock_ns() - begin >= RX_SHARE_NS)
		return; /* too slow for this test */
	ck_assert_uint_eq(harness[0].q.rx.nr_held, RX_BATCH);
	harness_rx_post(&harness[0], 50);
	settle();
	ck_assert_uint_eq(take_all(0), RX_BATCH);
	ck_assert_uint_eq(harness[0].stats.drop_rx_queue_full, 0);
}
END_TEST

/* Then it holds its share, and the flows beside it go on. */
START_TEST(test_one_starves)
{
	unsigned int p = (unsigned int)_i / 2, r = (p + 1 + (unsigned int)_i % 2) % QUEUES;
	unsigned int poor = flow_for(p), rich = flow_for(r), port = QUEUES - p - r, nr = 0;

	harness_rx_post(&harness[r], 250);
	harness_rx_post(&harness[port], 10);
	for (unsigned int round = 0; round < 10; round++) {
		send_frames(port, poor, 20);
		send_frames(port, rich, 4);
		settle();
		age(RX_SHARE_NS);
		settle();
		nr += take_all(r);
	}
	ck_assert_uint_eq(nr, 40);
	ck_assert_uint_eq(harness[p].q.rx.nr_held, SHARE);
	ck_assert_uint_eq(harness[p].stats.drop_rx_queue_full, 200 - SHARE);

	/* What it holds, it gets as soon as it posts. */
	harness_rx_post(&harness[p], 30);
	settle();
	ck_assert_uint_eq(take_all(p), SHARE);
	expect_all_free();
}
END_TEST

/* One buffer, and a frame that needs more: the queue counts as starved only once it holds that. */
START_TEST(test_one_buffer)
{
	unsigned int poor = flow_for(0), rich = flow_for(1), port = 2, nr = 0;

	harness_rx_post(&harness[0], 1);
	harness_rx_post(&harness[1], 250);
	for (unsigned int round = 0; round < 20; round++) {
		send_frames(port, poor, 16);
		send_frames(port, rich, 2);
		settle();
		age(RX_SHARE_NS);
		settle();
		nr += take_all(1);
		ck_assert_uint_le(harness[0].q.rx.nr_held, SHARE);
	}
	ck_assert_uint_eq(nr, 40);
}
END_TEST

/* Nobody takes anything: the frames stay in the port, but for one, before that was known. */
START_TEST(test_all_starve)
{
	settle();
	send_frames(0, 1, 5);
	settle();
	for (unsigned int i = 0; i < QUEUES; i++)
		ck_assert_int_ge(__builtin_popcount(harness[i].q.rx.free), RX_BATCH - 1);
	post(100);
	settle();
	ck_assert_uint_eq(take_all(0) + take_all(1) + take_all(2), 5);
}
END_TEST

/* One holds all frames of a port, which is read again as soon as it gives some back. */
START_TEST(test_gives_back)
{
	unsigned int p = (unsigned int)_i / 2, port = (p + 1 + (unsigned int)_i % 2) % QUEUES;
	unsigned int rich = QUEUES - p - port;
	uint64_t deadline = UINT64_MAX;

	harness_rx_post(&harness[rich], 50);
	harness[port].q.rx.nr_wanted = RX_BATCH;
	send_frames(port, flow_for(p), RX_BATCH);
	send_frames(port, flow_for(rich), 3);
	settle();
	rx_idle(&harness[p].q, &deadline);
	if (harness[p].q.rx.nr_held > SHARE) /* else we were slow */
		ck_assert_uint_eq(deadline, harness[p].q.rx.starved_since + RX_SHARE_NS);
	age(RX_SHARE_NS);
	settle();
	ck_assert_uint_eq(take_all(rich), 3);
}
END_TEST

/* Nobody takes anything, then one does: it gets what ports have for it that were looked at before it in the round. */
START_TEST(test_one_begins_to_take)
{
	unsigned int to = (unsigned int)_i, flow = flow_for(to);

	for (unsigned int i = 0; i < QUEUES; i++) {
		struct rx *rx = &harness[i].q.rx;

		rx->starved = true;
		rx->starved_since = rx->counted_until = rx->stuck_since = clock_ns();
	}
	settle();
	for (unsigned int port = 0; port < QUEUES; port++)
		if (port != to)
			send_frames(port, flow, 3);
	settle();
	harness_rx_post(&harness[to], 200);
	settle();
	ck_assert_uint_eq(take_all(to), 3 * (QUEUES - 1));
	expect_all_free();
}
END_TEST

/* --- the end ------------------------------------------------------------------------------------------- */

/* Whichever queue goes first: no frame stays where its memory goes, and the others' come back. */
START_TEST(test_part)
{
	unsigned int gone = (unsigned int)_i, flow = flow_for(0);
	struct queue *q = &harness[gone].q;

	harness_rx_post(&harness[1], 100);
	harness_rx_post(&harness[2], 100);
	step();
	for (unsigned int port = 0; port < QUEUES; port++)
		send_frames(port, flow, 2);
	settle();
	ck_assert_uint_ge(harness[0].q.rx.nr_held, SHARE);

	iobatch_end_stream(&harness[0].w.io, &q->port.frames);
	q->rx.nr_busy = 0;
	rx_part(q);
	ctrl.queue[gone] = NULL;
	ctrl.nr_open--;
	for (unsigned int i = 0; i < QUEUES; i++) {
		struct rx *rx = &harness[i].q.rx;

		for (unsigned int k = 0; k < rx->nr_held; k++)
			ck_assert_ptr_ne(rx->held[(rx->first_held + k) % RX_MAX_HELD]->owner,
					 &q->rx);
	}
	ck_assert_uint_eq(q->rx.nr_held, 0);
	if (gone == 0)
		for (unsigned int i = 1; i < QUEUES; i++)
			ck_assert_uint_eq((unsigned int)__builtin_popcount(harness[i].q.rx.free) +
						  harness[i].q.rx.nr_busy,
					  RX_BATCH);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("steer");
	TCase *tcase = tcase_create("steer");
	SRunner *runner = srunner_create(suite);
	int failed;

	suite_add_tcase(suite, tcase);
	tcase_set_timeout(tcase, 30);
	tcase_add_unchecked_fixture(tcase, harness_create, harness_remove);
	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_add_test(tcase, test_flows);
	tcase_add_test(tcase, test_no_hash);
	tcase_add_loop_test(tcase, test_off, 0, 2);
	tcase_add_test(tcase, test_not_complete);
	tcase_add_test(tcase, test_all_extras);
	tcase_add_test(tcase, test_one_waits);
	tcase_add_loop_test(tcase, test_one_starves, 0, 2 * QUEUES);
	tcase_add_loop_test(tcase, test_gives_back, 0, 2 * QUEUES);
	tcase_add_loop_test(tcase, test_one_begins_to_take, 0, QUEUES);
	tcase_add_test(tcase, test_one_buffer);
	tcase_add_test(tcase, test_all_starve);
	tcase_add_loop_test(tcase, test_part, 0, QUEUES);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? 1 : 0;
}
