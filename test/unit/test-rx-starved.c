/* SPDX-License-Identifier: MIT */
/* test-rx-starved.c: guests that post too few buffers, ports that have nothing or are gone */
#include "netback/engine/rx.h"

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#include "test/unit/engine-harness.h"
#include "test/unit/test-tap.h"

static struct harness harness, *h = &harness;
static struct link_features features;
static uint8_t frame[HARNESS_FRAME];
static struct harness_frame got;
static const struct virtio_net_hdr plain;

static void setup(bool uring)
{
	harness_open(h, uring);
	ck_assert_msg(h->w.io.uring == uring, "the wrong mode");
	features = harness_all_features();
	harness_reset(h, &features, 0);
	harness_make_frame(frame, 4, 1514, 7);
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
	harness_close(h);
}

static uint64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

static void send_frames(unsigned int nr)
{
	for (; nr; nr--)
		harness_send(h, &plain, frame, 60);
}

/* One of three slots. */
static void send_large(void)
{
	harness_make_frame(frame, 4, 9000, 7);
	harness_send(h, &plain, frame, 9000);
}

static void go(void)
{
	ck_assert_int_eq(harness_round(h), 0);
}

/* As if the guest had been without buffers for so much longer. */
static void pass(uint64_t ns)
{
	h->q.rx.starved_since -= ns;
	h->q.rx.stuck_since -= h->q.rx.stuck_since ? ns : 0;
	h->q.rx.quiet_until -= h->q.rx.quiet_until ? ns : 0;
}

/* What rx_idle says: the deadline from now, and what the ring is armed for. */
static int64_t idle(unsigned int *ret_need)
{
	uint64_t deadline = UINT64_MAX;

	*ret_need = rx_idle(&h->q, &deadline);
	return deadline == UINT64_MAX ? INT64_MAX : (int64_t)(deadline - now_ns());
}

static void expect_about(int64_t got_ns, uint64_t want_ns)
{
	ck_assert_int_le(got_ns, (int64_t)want_ns);
	ck_assert_int_ge(got_ns, (int64_t)want_ns - 500000000);
}

/* --- ready or not -------------------------------------------------------------------------------------- */

START_TEST(test_ready_with_the_first_buffers)
{
	go();
	ck_assert_uint_eq(h->nr_ready_calls, 0);
	harness_rx_post(h, 1);
	go();
	go();
	ck_assert_uint_eq(h->nr_ready_calls, 1);
	ck_assert(h->ready);
}
END_TEST

/* One slot short of what the frame needs is as good as none (XSA-392). */
START_TEST(test_stall)
{
	harness_rx_post(h, 2);
	go();
	send_large();
	go();
	go();
	ck_assert_uint_eq(h->stats.rx_packets, 0);
	ck_assert_uint_eq(h->stats.rx_full, 1);
	/* It is dropped in time, and the next one has no better luck: the guest takes nothing. */
	pass(RX_STALL_NS - 1000000000u);
	go();
	ck_assert_uint_eq(h->stats.drop_rx_expired, 1);
	go();
	send_large();
	go();
	go();
	ck_assert(h->ready);
	pass(1000000000u);
	go();
	ck_assert(!h->ready);
	ck_assert_uint_eq(h->nr_ready_calls, 2);

	/* Buffers again: ready again. */
	harness_rx_post(h, 1);
	go();
	ck_assert(h->ready);
	ck_assert_uint_eq(h->nr_ready_calls, 3);
	ck_assert_uint_eq(h->stats.rx_packets, 1);
	ck_assert_uint_eq(h->stats.rx_full, 2);
}
END_TEST

/* One that had stalled already, or did when this engine was not there yet: an engine before has said it is ready. */
START_TEST(test_stalled_from_the_start)
{
	unsigned int need;

	h->q.rx.quiet_until = now_ns() + 2 * RX_STALL_NS;
	go();
	pass(RX_DRAIN_NS);
	go();
	expect_about(idle(&need), RX_STALL_NS - RX_DRAIN_NS);
	ck_assert_uint_eq(h->nr_stalled_calls, 0);
	pass(RX_STALL_NS - RX_DRAIN_NS);
	go();
	go();
	ck_assert_uint_eq(h->nr_stalled_calls, 1);
	ck_assert_int_gt(idle(&need), 0);

	harness_rx_post(h, 1);
	go();
	ck_assert_uint_eq(h->nr_ready_calls, 1);
	ck_assert(h->ready);
	h->q.rx_ring.req_cons = h->rx_prod;
	h->q.rx.stuck_since = 0;
	go();
	pass(RX_STALL_NS);
	go();
	ck_assert_uint_eq(h->nr_ready_calls, 2);
	ck_assert(!h->ready);
	ck_assert_uint_eq(h->nr_stalled_calls, 1);
}
END_TEST

/* A guest that has just got a frame is not stalled, though the round began without buffers and so does the next. */
START_TEST(test_fed_within_a_round)
{
	unsigned int need;

	harness_rx_post(h, 2);
	go();
	send_large();
	go();
	go();
	pass(RX_DRAIN_NS - 1000000000u);
	ck_assert_int_eq(rx_begin(&h->q, &h->why), 0);
	harness_rx_post(h, 1);
	iobatch_run(&h->w.io);
	rx_end(&h->q);
	ck_assert_uint_eq(h->stats.rx_packets, 1);
	go();
	ck_assert(h->ready);
	ck_assert_uint_eq(h->nr_ready_calls, 1);
	ck_assert_uint_eq(h->stats.rx_full, 2);
	expect_about(idle(&need), RX_DRAIN_NS);
}
END_TEST

/* --- frames wait, then are too old ---------------------------------------------------------------------- */

START_TEST(test_wait_for_buffers)
{
	unsigned int need;

	harness_rx_post(h, 2);
	go();
	send_large();
	go();
	send_frames(3);
	go();
	/* What has no room is not read, and does not wake us either. */
	ck_assert_uint_eq(h->stats.port_ops, 1);
	ck_assert_uint_eq(h->q.port.frames.nr_posted, 0);
	expect_about(idle(&need), RX_DRAIN_NS);
	ck_assert_uint_eq(need, 3);

	pass(RX_DRAIN_NS - 1000000000u);
	go();
	ck_assert_uint_eq(h->stats.port_ops, 1);
	expect_about(idle(&need), 1000000000u);

	/* In time: all are kept, in order, and more is waited for. */
	harness_rx_post(h, 100);
	for (int i = 0; i < 4; i++)
		go();
	ck_assert_uint_eq(h->stats.rx_packets, 4);
	ck_assert_uint_eq(h->stats.drop_rx_expired, 0);
	ck_assert_ptr_null(harness_rx_take(h, &got));
	ck_assert_uint_eq(got.len, 9000);
	ck_assert_int_eq(idle(&need), INT64_MAX);
	ck_assert_uint_eq(need, 0);
	ck_assert_uint_ge(h->q.port.frames.nr_posted, 1);

	/* And when buffers are short the next time, its patience begins anew. */
	ck_assert_uint_eq(h->stats.rx_full, 1);
	h->q.rx_ring.req_cons = h->rx_prod;
	go();
	ck_assert_uint_eq(h->stats.rx_full, 2);
	expect_about(idle(&need), RX_DRAIN_NS);
	ck_assert_uint_eq(need, 1);
}
END_TEST

START_TEST(test_drop_rx_expired)
{
	unsigned int need;
	uint64_t ops;

	go();
	send_frames(2 * RX_BATCH + 3);
	pass(RX_DRAIN_NS);
	go();
	ck_assert_uint_eq(h->stats.drop_rx_expired, RX_BATCH);
	ck_assert_msg(h->q.rx.nr_done == RX_BATCH, "there may be more to drop");

	/* However much there is to drop, the worker sleeps in between. */
	ops = h->stats.port_ops;
	go();
	ck_assert_uint_eq(h->stats.port_ops, ops);
	expect_about(idle(&need), RX_RETRY_NS);
	ck_assert_uint_eq(need, 1);
	pass(RX_RETRY_NS);
	go();
	ck_assert_uint_eq(h->stats.drop_rx_expired, 2 * RX_BATCH);
	pass(RX_RETRY_NS);
	go();
	ck_assert_uint_eq(h->stats.drop_rx_expired, 2 * RX_BATCH + 3);
	ck_assert_uint_eq(h->stats.rx_packets, 0);

	/* Buffers: what comes from now on is kept. */
	harness_rx_post(h, 100);
	go();
	send_frames(1);
	go();
	ck_assert_uint_eq(h->stats.rx_packets, 1);
	ck_assert_ptr_null(harness_rx_take(h, &got));
	ck_assert_uint_eq(got.len, 60);
}
END_TEST

/* A frontend that sends no event when it posts buffers is looked at, and never called stalled. */
START_TEST(test_without_rx_notify)
{
	unsigned int need;

	features.rx_notify = false;
	harness_reset(h, &features, 0);
	go();
	expect_about(idle(&need), RX_POLL_NS);
	send_frames(1);
	go();
	ck_assert_uint_eq(h->stats.port_ops, 0);
	pass(RX_DRAIN_NO_EVENT_NS);
	go();
	ck_assert_uint_eq(h->stats.drop_rx_expired, 1);
	expect_about(idle(&need), RX_POLL_NS);
	pass(2 * RX_STALL_NS);
	go();
	ck_assert_uint_eq(h->nr_ready_calls + h->nr_stalled_calls, 0);
	harness_rx_post(h, 1);
	go();
	pass(2 * RX_STALL_NS);
	send_frames(1);
	go();
	go();
	pass(2 * RX_STALL_NS);
	go();
	ck_assert_uint_eq(h->nr_ready_calls, 1);
	ck_assert(h->ready);
}
END_TEST

/* --- reads that wait ------------------------------------------------------------------------------------- */

START_TEST(test_wakes_with_the_frame)
{
	unsigned int need = 99;
	uint64_t calls, sleeps;

	harness_rx_post(h, 100);
	go();
	ck_assert_uint_eq(h->stats.port_ops, 1);
	ck_assert_int_eq(idle(&need), INT64_MAX);
	ck_assert_uint_eq(need, 0);
	for (unsigned int i = 1; i <= 20; i++) {
		calls = h->w.io.nr_calls;
		sleeps = h->w.io.nr_sleeps;
		send_frames(1);
		iobatch_wait(&h->w.io, -1);
		go();
		ck_assert_uint_eq(h->stats.rx_packets, i);
		/* Told once; a newer kernel begins the next read in a call of its own. */
		ck_assert_uint_eq(h->w.io.nr_sleeps, sleeps + 1);
		ck_assert_uint_le(h->w.io.nr_calls, calls + (h->w.io.uring ? 2 : 4));
		go();
		/* Frames that come alone have a read, and now and then another one, to see if they do. */
		ck_assert_uint_ge(h->q.rx.nr_busy, 1);
		ck_assert_uint_le(h->q.rx.nr_busy, 2);
		ck_assert_uint_le(h->stats.port_ops, i + 2);
		ck_assert_int_eq(idle(&need), INT64_MAX);
		ck_assert_uint_eq(need, 0);
		harness_rx_post(h, 1);
	}
}
END_TEST

/* One call does what a guest sends and what it gets. */
START_TEST(test_both_directions_in_a_round)
{
	const netif_tx_request_t req = {.gref = h->ref[0], .size = 60};
	struct virtio_net_hdr hdr;
	uint64_t calls;

	harness_rx_post(h, 1);
	go();
	send_frames(1);
	harness_tx_put(h, &req);
	harness_tx_push(h);
	calls = h->w.io.nr_calls;
	go();
	ck_assert_uint_eq(h->stats.tx_packets, 1);
	ck_assert_uint_eq(h->stats.rx_packets, 1);
	ck_assert_int_eq(harness_recv(h, &hdr, frame), 60);
	if (h->w.io.uring)
		ck_assert_uint_eq(h->w.io.nr_calls, calls + 1);
}
END_TEST

/* A read that was to end has not stayed behind, to lose the next frame. */
static void expect_untouched(void)
{
	uint8_t header[PORT_HEADER_BYTES];

	iobatch_wait(&h->w.io, 2000000);
	iobatch_run(&h->w.io);
	ck_assert_int_eq(recv(h->q.port.fd, header, sizeof(header), MSG_PEEK), sizeof(header));
	ck_assert_uint_eq(h->w.io.nr_inflight, 0);
}

/* A queue that is closed while it waits: its memory and its port's frames are others'. */
START_TEST(test_end_while_waiting)
{
	static uint8_t pattern[RX_ARENA_BYTES];
	static struct rx was;

	h->q.rx.nr_wanted = RX_BATCH;
	harness_rx_post(h, RING_SLOTS);
	send_frames(2);
	go();
	ck_assert_uint_eq(h->q.rx.nr_busy, RX_BATCH - 2);
	iobatch_end_stream(&h->w.io, &h->q.port.frames);
	ck_assert_uint_eq(h->q.port.frames.nr_posted, 0);
	ck_assert_ptr_null(iobatch_take(&h->q.port.frames));

	was = h->q.rx;
	memset(pattern, 0x5a, sizeof(pattern));
	memcpy(h->q.rx.pages, pattern, sizeof(pattern));
	send_frames(2);
	expect_untouched();
	ck_assert_mem_eq(&h->q.rx, &was, sizeof(was));
	ck_assert(memcmp(h->q.rx.pages, pattern, sizeof(pattern)) == 0);
}
END_TEST

/* --- ports that are gone --------------------------------------------------------------------------------- */

static void expect_retry_in_a_second(uint64_t ops)
{
	const netif_tx_request_t req = {.gref = h->ref[0], .size = 60};
	unsigned int need = 99;
	uint64_t until = h->q.rx.quiet_until;

	expect_about(idle(&need), RX_RETRY_NS);
	ck_assert_uint_eq(need, 0);
	ck_assert_uint_eq(h->q.port.frames.nr_posted, 0);
	/* A guest that sends does not put it off. */
	for (int i = 0; i < 3; i++) {
		harness_tx_put(h, &req);
		harness_tx_push(h);
		go();
		ck_assert_uint_eq(h->q.rx.nr_done, 0);
	}
	ck_assert_uint_eq(h->q.rx.quiet_until, until);
	ck_assert_uint_eq(h->stats.port_ops, ops);
}

/* With reads posted. Returns the port that was. */
static int replace_port(int fd)
{
	int real = dup(h->q.port.fd);

	ck_assert_int_ge(dup3(fd, h->q.port.fd, O_CLOEXEC), 0);
	close(fd);
	h->q.rx.nr_wanted = 5;
	harness_rx_post(h, 100);
	go();
	ck_assert_uint_eq(h->q.rx.nr_busy, 5);
	return real;
}

/* Each read fails with error, until the real port is back. */
static void expect_down(int error, int real)
{
	unsigned int need;

	iobatch_wait(&h->w.io, 2000000000);
	go();
	ck_assert_uint_eq(h->q.rx.nr_busy, 0);
	ck_assert_int_eq(h->q.rx.frame[0].read.ret, error);
	ck_assert(h->q.rx.down);
	expect_retry_in_a_second(5 + 3);

	pass(RX_RETRY_NS);
	go();
	ck_assert(h->q.rx.down);
	expect_retry_in_a_second(5 + 10 + 6);

	ck_assert_int_ge(dup2(real, h->q.port.fd), 0);
	send_frames(1);
	go();
	ck_assert_uint_eq(h->stats.rx_packets, 0);
	pass(RX_RETRY_NS);
	go();
	ck_assert_uint_eq(h->stats.rx_packets, 1);
	ck_assert(!h->q.rx.down);
	ck_assert_int_eq(idle(&need), INT64_MAX);
	close(real);
}

START_TEST(test_port_deleted)
{
	unsigned int index;
	int tap = open_tap(&index), real;

	ck_assert_int_ge(tap, 0);
	real = replace_port(tap);
	ck_assert(delete_tap(index));
	expect_down(-EBADFD, real);
}
END_TEST

/* The same where there can be no tap: a terminal fails so once nobody has its other end. */
START_TEST(test_port_hung_up)
{
	int port = posix_openpt(O_RDWR | O_NONBLOCK | O_NOCTTY), other, real;
	struct termios raw = {0};

	ck_assert(port >= 0 && grantpt(port) == 0 && unlockpt(port) == 0);
	other = open(ptsname(port), O_RDWR | O_NOCTTY);
	ck_assert_int_ge(other, 0);
	ck_assert_int_eq(tcsetattr(other, TCSANOW, &raw), 0); /* no echo */
	real = replace_port(port);
	close(other);
	expect_down(-EIO, real);
}
END_TEST

/* It is time to try it, but not for this guest: the worker sleeps until that has buffers, or for too long none. */
START_TEST(test_port_down_of_a_starved_guest)
{
	unsigned int need;

	h->q.rx.down = true;
	h->q.rx.quiet_until = now_ns();
	go();
	expect_about(idle(&need), RX_DRAIN_NS);
	ck_assert_uint_eq(need, 1);
	ck_assert_uint_eq(h->stats.port_ops, 0);
	pass(RX_DRAIN_NS);
	go();
	ck_assert_uint_eq(h->stats.port_ops, RX_BATCH);
}
END_TEST

static void add_tests(Suite *suite, const char *name, SFun setup_mode)
{
	TCase *tcase = tcase_create(name);

	suite_add_tcase(suite, tcase);
	tcase_add_unchecked_fixture(tcase, harness_create, harness_remove);
	tcase_add_checked_fixture(tcase, setup_mode, teardown);
	tcase_add_test(tcase, test_ready_with_the_first_buffers);
	tcase_add_test(tcase, test_stall);
	tcase_add_test(tcase, test_stalled_from_the_start);
	tcase_add_test(tcase, test_fed_within_a_round);
	tcase_add_test(tcase, test_wait_for_buffers);
	tcase_add_test(tcase, test_drop_rx_expired);
	tcase_add_test(tcase, test_without_rx_notify);
	tcase_add_test(tcase, test_wakes_with_the_frame);
	tcase_add_test(tcase, test_both_directions_in_a_round);
	tcase_add_test(tcase, test_end_while_waiting);
	if (have_tap())
		tcase_add_test(tcase, test_port_deleted);
	tcase_add_test(tcase, test_port_hung_up);
	tcase_add_test(tcase, test_port_down_of_a_starved_guest);
}

int main(void)
{
	Suite *suite = suite_create("rx-starved");
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
