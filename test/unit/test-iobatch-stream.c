/* SPDX-License-Identifier: MIT */
/* test-iobatch-stream.c: reads that wait with the kernel, as many as there may be packets */
#include <pthread.h>
#include <stdint.h>
#include <string.h>
#include <time.h>

#include "test/unit/iobatch-modes.h"

enum {
	NR_READS = 15
};

static struct source {
	struct iobatch_stream stream;
	struct iobatch_read reads[NR_READS];
	char bytes[NR_READS][8];
} source, *src = &source;

static void make_reads(struct source *s, unsigned int nr)
{
	for (unsigned int i = 0; i < nr; i++)
		s->reads[i] = (struct iobatch_read){
			.buf = s->bytes[i], .len = sizeof(s->bytes[i]), .ret = 1234};
}

static void post_made(struct source *s, int fd, unsigned int nr)
{
	s->stream.fd = fd;
	for (unsigned int i = 0; i < nr; i++)
		ck_assert_int_eq(iobatch_post(b, &s->stream, &s->reads[i]), 0);
	ck_assert_uint_eq(s->stream.nr_posted, nr);
}

static void post_reads(struct source *s, int fd, unsigned int nr)
{
	make_reads(s, nr);
	post_made(s, fd, nr);
}

/* Packet i is 1 + i % 5 bytes, all of them i. */
static void send_packets(int fd, unsigned int from, unsigned int to)
{
	char bytes[8];

	for (unsigned int i = from; i < to; i++) {
		memset(bytes, (char)i, sizeof(bytes));
		ck_assert_int_eq(write(fd, bytes, 1 + i % 5), 1 + i % 5);
	}
}

/* By which read a packet comes is not said, only the order of packets is. */
static void expect_packets(struct source *s, unsigned int from, unsigned int to)
{
	struct iobatch_read *r;

	for (unsigned int i = from; i < to; i++) {
		r = iobatch_take(&s->stream);
		ck_assert_msg(r, "packet %u has not come", i);
		ck_assert_int_eq(r->ret, 1 + (int)i % 5);
		ck_assert_int_eq(*(char *)r->buf, (char)i);
	}
	ck_assert_ptr_null(iobatch_take(&s->stream));
}

START_TEST(test_packets_in_order)
{
	post_reads(src, ends[1], NR_READS);
	iobatch_wait(b, 1 * MS);
	expect_packets(src, 0, 0);
	send_packets(ends[0], 0, 4);
	iobatch_run(b);
	expect_packets(src, 0, 4);
	ck_assert_uint_eq(src->stream.nr_posted, NR_READS - 4);
	/* More than there are reads: they stay where they are. */
	send_packets(ends[0], 4, NR_READS + 3);
	iobatch_wait(b, FOREVER);
	iobatch_run(b);
	expect_packets(src, 4, NR_READS);
	ck_assert_uint_eq(src->stream.nr_posted, 0);
	iobatch_wait(b, 5 * MS);
	expect_packets(src, 0, 0);
	post_reads(src, ends[1], 3);
	iobatch_run(b);
	expect_packets(src, NR_READS, NR_READS + 3);
	iobatch_end_stream(b, &src->stream);
}
END_TEST

/* Nothing of the reads that a packet woke in vain is left over to wake the thread. */
START_TEST(test_sleeps_between_packets)
{
	uint64_t calls;

	post_reads(src, ends[1], NR_READS);
	iobatch_wait(b, 1 * MS);
	for (unsigned int i = 0; i < NR_READS; i++) {
		send_packets(ends[0], i, i + 1);
		for (int tries = 0; tries < 3 && !src->stream.done.head; tries++)
			iobatch_wait(b, FOREVER);
		expect_packets(src, i, i + 1);
		if (i + 1 == NR_READS)
			break;
		iobatch_run(b);
		calls = b->nr_calls;
		iobatch_wait(b, 2 * MS);
		ck_assert_uint_eq(b->nr_calls, calls + 1);
		expect_packets(src, 0, 0);
	}
	iobatch_end_stream(b, &src->stream);
}
END_TEST

/* Neither a busy thread nor one that waits for something else misses a packet. */
START_TEST(test_packets_while_busy)
{
	struct iobatch_watch w;
	char byte;
	int32_t ret;
	int pair[2];

	open_pair(pair);
	w = watch_of(pair[1]);
	iobatch_watch(b, &w);
	post_reads(src, ends[1], NR_READS);
	iobatch_run(b);
	send_packets(ends[0], 0, 3);
	iobatch_read(b, pair[0], &byte, 1, &ret);
	iobatch_run(b);
	ck_assert_int_eq(ret, -EAGAIN);
	expect_packets(src, 0, 3);
	send_packets(ends[0], 3, 5);
	iobatch_run(b);
	expect_packets(src, 3, 5);

	say(pair[0]);
	iobatch_wait(b, FOREVER);
	ck_assert(w.fired);
	expect_packets(src, 0, 0);
	send_packets(ends[0], 5, 6);
	iobatch_wait(b, FOREVER);
	expect_packets(src, 5, 6);
	iobatch_end_stream(b, &src->stream);
	close(pair[0]);
	close(pair[1]);
}
END_TEST

/* What fails is done, and does not take the others with it. */
START_TEST(test_failed_reads)
{
	unsigned int nr = 0, nr_bad = 0, nr_packets = 0;
	struct iobatch_read *r;

	make_reads(src, NR_READS);
	/* A page that cannot be written. */
	src->reads[2].buf = (void *)(uintptr_t)4096;
	post_made(src, ends[1], NR_READS);
	iobatch_run(b);
	send_packets(ends[0], 0, 4);
	iobatch_run(b);
	for (; (r = iobatch_take(&src->stream)); nr++) {
		nr_bad += r == &src->reads[2] && r->ret == -EFAULT;
		nr_packets += r->ret > 0;
	}
	ck_assert_uint_eq(nr_bad + nr_packets, nr);
	close(ends[0]);
	ends[0] = -1;
	iobatch_wait(b, 2000000000ll);
	iobatch_run(b);
	for (; (r = iobatch_take(&src->stream)); nr++)
		ck_assert_int_eq(r->ret, 0);
	ck_assert_uint_ge(nr_packets, 3);
	ck_assert_uint_eq(nr, NR_READS);
	ck_assert_uint_eq(src->stream.nr_posted, 0);
}
END_TEST

/* A read the kernel gives back without a packet says -EAGAIN; the others go on waiting. */
START_TEST(test_cancelled_read)
{
	struct iobatch_read *r;

	post_reads(src, ends[1], 3);
	iobatch_run(b);
	if (b->uring) {
		io_uring_prep_cancel_fd(io_uring_get_sqe(&b->ring), ends[1], 0);
		iobatch_run(b);
		r = iobatch_take(&src->stream);
		ck_assert_ptr_nonnull(r);
		ck_assert_int_eq(r->ret, -EAGAIN);
		ck_assert_uint_eq(src->stream.nr_posted, 2);
	}
	send_packets(ends[0], b->uring, 3);
	iobatch_run(b);
	expect_packets(src, b->uring, 3);
	send_packets(ends[0], 0, 2);
	post_reads(src, ends[1], 2);
	iobatch_run(b);
	expect_packets(src, 0, 2);
}
END_TEST

/* The kernel writes to nothing of it any more, and loses no packet. */
static void expect_let_go(int fd, int peer)
{
	static struct source was;

	ck_assert_uint_eq(src->stream.nr_posted, 0);
	ck_assert_ptr_null(iobatch_take(&src->stream));
	memset(src, 0x5a, sizeof(*src));
	was = *src;
	send_packets(peer, 0, 3);
	iobatch_wait(b, 3 * MS);
	iobatch_run(b);
	ck_assert_mem_eq(src, &was, sizeof(was));
	for (int i = 0; i < 3; i++) {
		char bytes[8];

		ck_assert_int_eq(read(fd, bytes, sizeof(bytes)), 1 + i);
	}
	memset(src, 0, sizeof(*src));
}

START_TEST(test_end_stream)
{
	/* Never begun; not submitted; waiting; ready, but not told; some done and not taken. */
	for (int round = 0; round < 5; round++) {
		if (round > 0)
			post_reads(src, ends[1], NR_READS);
		if (round == 3)
			send_packets(ends[0], 0, NR_READS);
		if (round == 2 || round == 4)
			iobatch_wait(b, 1 * MS);
		if (round == 4) {
			send_packets(ends[0], 0, 4);
			iobatch_run(b);
			ck_assert_ptr_nonnull(src->stream.done.head);
		}
		iobatch_end_stream(b, &src->stream);
		iobatch_end_stream(b, &src->stream);
		if (round == 3) {
			char bytes[8];

			while (read(ends[1], bytes, sizeof(bytes)) > 0)
				;
		}
		expect_let_go(ends[1], ends[0]);
	}
	/* The fd is still as good as new. */
	post_reads(src, ends[1], NR_READS);
	iobatch_run(b);
	send_packets(ends[0], 0, NR_READS);
	iobatch_run(b);
	expect_packets(src, 0, NR_READS);
}
END_TEST

/* Reads belong to the file they were posted for, whoever has its number now. */
START_TEST(test_end_stream_of_another_file)
{
	int pair[2], fd = dup(ends[1]);

	open_pair(pair);
	post_reads(src, fd, NR_READS);
	iobatch_wait(b, 1 * MS);
	ck_assert_int_eq(dup2(pair[1], fd), fd);
	iobatch_end_stream(b, &src->stream);
	expect_let_go(ends[1], ends[0]);
	expect_let_go(fd, pair[0]);
	close(fd);
	close(pair[0]);
	close(pair[1]);
}
END_TEST

/* A kernel may do some of what is due in a call, and the rest in the next one. */
static void run_often(void)
{
	for (int i = 0; i < 2 * IOBATCH_MAX_OPS; i++)
		iobatch_run(b);
}

/* More at once than a submission holds. */
START_TEST(test_many_streams)
{
	enum {
		NR = 2 * IOBATCH_MAX_OPS / NR_READS
	};
	static struct source many[NR];
	int pair[NR][2];

	for (int i = 0; i < NR; i++) {
		open_pair(pair[i]);
		post_reads(&many[i], pair[i][1], NR_READS);
	}
	iobatch_run(b);
	for (int i = 0; i < NR; i++)
		send_packets(pair[i][0], 0, (unsigned int)i % (NR_READS + 1));
	run_often();
	for (int i = 0; i < NR; i++) {
		expect_packets(&many[i], 0, (unsigned int)i % (NR_READS + 1));
		send_packets(pair[i][0], (unsigned int)i % (NR_READS + 1), NR_READS);
	}
	iobatch_wait(b, 10 * MS);
	run_often();
	for (int i = 0; i < NR; i++) {
		expect_packets(&many[i], (unsigned int)i % (NR_READS + 1), NR_READS);
		close(pair[i][0]);
		close(pair[i][1]);
	}
}
END_TEST

START_TEST(test_too_many_streams)
{
	static struct iobatch_stream streams[IOBATCH_MAX_WAITS + 1];
	static struct iobatch_read reads[IOBATCH_MAX_WAITS + 1];
	int ret;

	for (int i = 0; i <= IOBATCH_MAX_WAITS; i++) {
		streams[i].fd = ends[1];
		reads[i] = (struct iobatch_read){.buf = src->bytes, .len = 8};
		ret = iobatch_post(b, &streams[i], &reads[i]);
		ck_assert_int_eq(ret, i < IOBATCH_MAX_WAITS || b->uring ? 0 : -ENOSPC);
	}
	/* One that ends makes room. */
	iobatch_end_stream(b, &streams[7]);
	ck_assert_int_eq(iobatch_post(b, &streams[7], &reads[7]), 0);
	iobatch_run(b);
	for (int i = 0; i <= IOBATCH_MAX_WAITS; i++)
		iobatch_end_stream(b, &streams[i]);
	ck_assert_uint_eq(b->nr_streams, 0);
}
END_TEST

/* --- holds ------------------------------------------------------------------------------------------ */

static int64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000000000ll + ts.tv_nsec;
}

static void *send_soon(void *arg)
{
	(void)arg;
	usleep(5000);
	send_packets(ends[0], 2, 5);
	return NULL;
}

/* Neither what is there nor what comes ends it; afterwards all is known. */
START_TEST(test_hold)
{
	struct iobatch_watch w;
	int64_t start = now_ns();
	int pair[2];
	pthread_t other;

	open_pair(pair);
	w = watch_of(pair[1]);
	iobatch_watch(b, &w);
	post_reads(src, ends[1], NR_READS);
	say(pair[0]);
	send_packets(ends[0], 0, 2);
	pthread_create(&other, NULL, send_soon, NULL);
	iobatch_hold(b, 300 * MS);
	ck_assert_int_ge(now_ns() - start, 299 * MS);
	pthread_join(other, NULL);

	ck_assert(w.fired && !w.armed);
	expect_packets(src, 0, 5);
	ck_assert_uint_eq(src->stream.nr_posted, NR_READS - 5);
	ck_assert_uint_eq(b->nr_sleeps, 1);
	ck_assert_msg(!b->uring || b->nr_calls <= 2, "%lu calls", b->nr_calls);
	iobatch_end_stream(b, &src->stream);
	close(pair[0]);
	close(pair[1]);
}
END_TEST

/* Operations queued with it are done (an unmask), and a read that finds nothing is called back. */
START_TEST(test_operations_with_a_hold)
{
	struct iovec out = {(void *)"abc", 3};
	int32_t out_ret = 1234, in_ret = 1234, none_ret = 1234;
	int64_t start = now_ns();

	iobatch_write(b, ends[0], &out, 1, &out_ret);
	iobatch_read(b, ends[1], src->bytes, 8, &in_ret);
	iobatch_read(b, ends[0], src->bytes, 8, &none_ret);
	iobatch_hold(b, 10 * MS);
	ck_assert_int_ge(now_ns() - start, 9 * MS);
	ck_assert_int_eq(out_ret, 3);
	ck_assert_int_eq(in_ret, 3);
	ck_assert_int_eq(none_ret, -EAGAIN);

	/* Nothing to do, and nothing left of it for the next wait. */
	start = now_ns();
	iobatch_hold(b, 100000);
	ck_assert_int_ge(now_ns() - start, 100000);
	iobatch_wait(b, 10 * MS);
	ck_assert_int_ge(now_ns() - start, 9 * MS);
}
END_TEST

static void add_tests(TCase *tcase)
{
	tcase_add_test(tcase, test_packets_in_order);
	tcase_add_test(tcase, test_sleeps_between_packets);
	tcase_add_test(tcase, test_packets_while_busy);
	tcase_add_test(tcase, test_failed_reads);
	tcase_add_test(tcase, test_cancelled_read);
	tcase_add_test(tcase, test_end_stream);
	tcase_add_test(tcase, test_end_stream_of_another_file);
	tcase_add_test(tcase, test_many_streams);
	tcase_add_test(tcase, test_too_many_streams);
	tcase_add_test(tcase, test_hold);
	tcase_add_test(tcase, test_operations_with_a_hold);
}

int main(void)
{
	return run_modes("iobatch-stream", add_tests);
}
