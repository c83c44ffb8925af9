/* SPDX-License-Identifier: MIT */
/* test-iobatch.c: both ways of doing it give the same results */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <time.h>

#include "test/unit/iobatch-modes.h"

static int64_t now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

static void hear(int fd)
{
	char byte;

	ck_assert_int_eq(read(fd, &byte, 1), 1);
}

/* --- reads and writes --------------------------------------------------------------------------- */

START_TEST(test_results_in_order)
{
	char out[20][4], in[20][4];
	struct iovec out_iov[20];
	int32_t out_ret[20], in_ret[20];

	for (int i = 0; i < 20; i++) {
		memset(out[i], i, 4);
		out_iov[i] = (struct iovec){out[i], 1 + (size_t)i % 4};
		out_ret[i] = in_ret[i] = 12345;
		iobatch_write(b, ends[0], &out_iov[i], 1, &out_ret[i]);
		/* Behind its write in the same batch. */
		iobatch_read(b, ends[1], in[i], sizeof(in[i]), &in_ret[i]);
	}
	ck_assert_msg(read(ends[1], in[0], 4) < 0, "nothing is done before the run");
	iobatch_run(b);
	for (int i = 0; i < 20; i++) {
		ck_assert_int_eq(out_ret[i], 1 + i % 4);
		ck_assert_int_eq(in_ret[i], 1 + i % 4);
		ck_assert_int_eq(in[i][0], i);
	}
}
END_TEST

START_TEST(test_vectors)
{
	char in[9];
	struct iovec out[] = {{(void *)"abc", 3}, {(void *)"", 0}, {(void *)"defgh", 5}};
	int32_t out_ret, in_ret;

	iobatch_write(b, ends[0], out, 3, &out_ret);
	iobatch_read(b, ends[1], in, sizeof(in), &in_ret);
	iobatch_run(b);
	ck_assert_int_eq(out_ret, 8);
	ck_assert_int_eq(in_ret, 8);
	ck_assert_mem_eq(in, "abcdefgh", 8);
}
END_TEST

START_TEST(test_errors)
{
	char byte;
	struct iovec iov = {&byte, 1};
	int32_t empty = 1, bad = 1, gone = 1, after = 1;
	int pair[2], quiet[2];

	open_pair(pair);
	open_pair(quiet);
	close(pair[1]);
	iobatch_read(b, quiet[1], &byte, 1, &empty);
	iobatch_write(b, -1, &iov, 1, &bad);
	iobatch_write(b, pair[0], &iov, 1, &gone);
	iobatch_write(b, ends[0], &iov, 1, &after);
	iobatch_run(b);
	ck_assert_int_eq(empty, -EAGAIN);
	ck_assert_int_eq(bad, -EBADF);
	ck_assert_int_eq(gone, -EPIPE);
	ck_assert_int_eq(after, 1);
	close(pair[0]);
	close(quiet[0]);
	close(quiet[1]);
}
END_TEST

START_TEST(test_more_than_a_batch)
{
	enum {
		NR = 2 * IOBATCH_MAX_OPS + 7
	};
	static int32_t ret[NR];
	char byte;

	for (int i = 0; i < NR; i++) {
		ret[i] = 12345;
		iobatch_read(b, ends[1], &byte, 1, &ret[i]);
	}
	ck_assert_msg(ret[0] == -EAGAIN, "a full batch runs by itself");
	iobatch_run(b);
	for (int i = 0; i < NR; i++)
		ck_assert_int_eq(ret[i], -EAGAIN);
}
END_TEST

START_TEST(test_nothing_queued)
{
	uint64_t calls = b->nr_calls;

	iobatch_run(b);
	ck_assert_uint_eq(b->nr_calls, calls);
	ck_assert_uint_eq(b->nr_sleeps, 0);
}
END_TEST

/* Numbers of files are used again: what was known of the old file is not true of the new one. */
START_TEST(test_file_changes_under_its_number)
{
	char bytes[512];
	int notify = inotify_init1(IN_NONBLOCK | IN_CLOEXEC), fd = dup(ends[1]);
	int32_t ret;

	ck_assert(notify >= 0 && fd >= 0);
	for (int round = 0; round < 4; round++) {
		ck_assert_int_eq(dup2(round % 2 ? notify : ends[1], fd), fd);
		for (int i = 0; i < 3; i++) {
			ret = 1;
			iobatch_read(b, fd, bytes, sizeof(bytes), &ret);
			iobatch_run(b);
			ck_assert_int_eq(ret, -EAGAIN);
		}
	}
	close(fd);
}
END_TEST

/* io_uring waits in spite of O_NONBLOCK; an operation that is not done is called back, of any file. */
START_TEST(test_files_of_other_kinds)
{
	char dir[] = "/tmp/test-iobatch.XXXXXX", path[64], event[512], byte;
	int fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
	int32_t ret, other;
	int pair[2];

	ck_assert(fd >= 0 && mkdtemp(dir));
	ck_assert_int_ge(inotify_add_watch(fd, dir, IN_CREATE), 0);
	for (int round = 0; round < 3; round++) {
		ret = other = 1;
		iobatch_read(b, fd, event, sizeof(event), &ret);
		iobatch_read(b, ends[1], &byte, 1, &other);
		if (round == 1)
			iobatch_wait(b, 1 * MS);
		else
			iobatch_run(b);
		ck_assert_int_eq(ret, -EAGAIN);
		ck_assert_int_eq(other, -EAGAIN);
	}
	/* What is known of one file is not forgotten when another is new. */
	open_pair(pair);
	iobatch_read(b, pair[0], &byte, 1, &other);
	iobatch_read(b, fd, event, sizeof(event), &ret);
	iobatch_run(b);
	ck_assert_int_eq(ret, -EAGAIN);
	ck_assert_int_eq(other, -EAGAIN);

	snprintf(path, sizeof(path), "%s/file", dir);
	close(open(path, O_CREAT | O_WRONLY, 0600));
	iobatch_read(b, fd, event, sizeof(event), &ret);
	iobatch_run(b);
	ck_assert_int_gt(ret, 0);
	unlink(path);
	rmdir(dir);
	close(fd);
}
END_TEST

/* What it is for: a call a round, not an operation. */
START_TEST(test_one_call)
{
	char byte = 'x';
	struct iovec iov = {&byte, 1};
	int32_t ret[100];

	for (int i = 0; i < 100; i += 2) {
		iobatch_write(b, ends[0], &iov, 1, &ret[i]);
		iobatch_read(b, ends[1], &byte, 1, &ret[i + 1]);
	}
	iobatch_run(b);
	for (int i = 0; i < 100; i++)
		ck_assert_int_eq(ret[i], 1);
	ck_assert_uint_eq(b->nr_calls, b->uring ? 1 : 100);
}
END_TEST

/* --- watches --------------------------------------------------------------------------------------- */

START_TEST(test_fires_once)
{
	struct iobatch_watch w = watch_of(ends[1]);

	ck_assert_int_eq(iobatch_watch(b, &w), 0);
	ck_assert(w.armed && !w.fired);
	say(ends[0]);
	iobatch_wait(b, FOREVER);
	ck_assert(!w.armed && w.fired);

	/* Still readable, but not armed: it does not wake anybody. */
	w.fired = false;
	iobatch_wait(b, 5 * MS);
	ck_assert(!w.fired);

	ck_assert_int_eq(iobatch_watch(b, &w), 0);
	iobatch_wait(b, FOREVER);
	ck_assert(w.fired);
	w.fired = false;
	hear(ends[1]);
	ck_assert_int_eq(iobatch_watch(b, &w), 0);
	ck_assert_int_eq(iobatch_watch(b, &w), 0);
	iobatch_wait(b, 5 * MS);
	ck_assert(w.armed && !w.fired);
	iobatch_unwatch(b, &w);
}
END_TEST

START_TEST(test_unwatch_while_armed)
{
	struct iobatch_watch w = watch_of(ends[1]);

	iobatch_watch(b, &w);
	iobatch_wait(b, 1 * MS);
	iobatch_unwatch(b, &w);
	ck_assert(!w.armed && !w.fired);
	say(ends[0]);
	memset(&w, 0x5a, sizeof(w)); /* its memory is somebody else's now */
	iobatch_wait(b, 5 * MS);
	iobatch_run(b);
	for (size_t i = 0; i < sizeof(w); i++)
		ck_assert_uint_eq(((unsigned char *)&w)[i], 0x5a);
}
END_TEST

START_TEST(test_unwatch_after_it_fired)
{
	struct iobatch_watch w = watch_of(ends[1]), other = watch_of(ends[0]);

	/* Ready, but not told yet; not even given to the kernel yet; told; never armed. */
	say(ends[0]);
	iobatch_watch(b, &w);
	iobatch_unwatch(b, &w);
	ck_assert(!w.armed && !w.fired);
	iobatch_watch(b, &w);
	iobatch_wait(b, FOREVER);
	ck_assert(w.fired);
	iobatch_unwatch(b, &w);
	ck_assert(!w.armed);
	iobatch_unwatch(b, &other);
	ck_assert(!other.armed && !other.fired);
}
END_TEST

START_TEST(test_many_watches)
{
	struct iobatch_watch w[20];
	int pair[20][2];

	for (int i = 0; i < 20; i++) {
		open_pair(pair[i]);
		w[i] = watch_of(pair[i][1]);
		ck_assert_int_eq(iobatch_watch(b, &w[i]), 0);
	}
	iobatch_unwatch(b, &w[4]);
	iobatch_unwatch(b, &w[19]);
	for (int i = 4; i < 20; i += 5)
		say(pair[i][0]);
	iobatch_wait(b, FOREVER);
	iobatch_wait(b, 1 * MS); /* those that came a moment later */
	for (int i = 0; i < 20; i++)
		ck_assert_msg(w[i].fired == (i == 9 || i == 14), "watch %d", i);
	for (int i = 0; i < 20; i++)
		iobatch_unwatch(b, &w[i]);
}
END_TEST

START_TEST(test_timeouts)
{
	struct iobatch_watch w = watch_of(ends[1]);
	int64_t start = now_ms();

	iobatch_watch(b, &w);
	iobatch_wait(b, 0);
	ck_assert_int_lt(now_ms() - start, 15);
	iobatch_wait(b, 30 * MS);
	ck_assert_int_ge(now_ms() - start, 29);
	ck_assert(!w.fired);
	ck_assert_uint_eq(b->nr_sleeps, 2);

	/* More than a second is as many seconds; what is ready ends it. */
	say(ends[0]);
	start = now_ms();
	iobatch_wait(b, 2000000000ll);
	ck_assert_int_lt(now_ms() - start, 500);
	ck_assert(w.fired);
}
END_TEST

/* The operations queued with a wait are done by it and do not end it. */
START_TEST(test_operations_with_a_wait)
{
	struct iobatch_watch w = watch_of(ends[0]);
	char in[4];
	struct iovec out = {(void *)"abc", 3};
	int32_t out_ret = 1234, in_ret = 1234;
	int64_t start = now_ms();

	iobatch_watch(b, &w);
	iobatch_write(b, ends[0], &out, 1, &out_ret);
	iobatch_read(b, ends[1], in, sizeof(in), &in_ret);
	iobatch_wait(b, 30 * MS);
	ck_assert_int_ge(now_ms() - start, 29);
	ck_assert_int_eq(out_ret, 3);
	ck_assert_int_eq(in_ret, 3);
	ck_assert(!w.fired);
	iobatch_unwatch(b, &w);
}
END_TEST

/* Whoever has operations in each round never waits; a watch of another queue must be told still. */
START_TEST(test_fires_while_busy)
{
	struct iobatch_watch w = watch_of(ends[1]);
	char byte;
	int32_t ret;
	int pair[2];

	open_pair(pair);
	iobatch_watch(b, &w);
	iobatch_wait(b, 1 * MS); /* the kernel has it */
	say(ends[0]);
	for (int round = 0; round < 2; round++) {
		iobatch_read(b, pair[0], &byte, 1, &ret);
		iobatch_run(b);
		ck_assert_int_eq(ret, -EAGAIN);
	}
	ck_assert(w.fired && !w.armed);
	close(pair[0]);
	close(pair[1]);
}
END_TEST

/* A round may work without an operation, as when all its packets are dropped. */
START_TEST(test_fires_without_operations)
{
	struct iobatch_watch w = watch_of(ends[1]);

	iobatch_watch(b, &w);
	iobatch_run(b);
	ck_assert(w.armed && !w.fired);
	say(ends[0]);
	iobatch_run(b);
	ck_assert(w.fired && !w.armed);
}
END_TEST

START_TEST(test_too_many_watches)
{
	static struct iobatch_watch w[IOBATCH_MAX_WAITS + 1];

	for (int i = 0; i < IOBATCH_MAX_WAITS; i++) {
		w[i] = watch_of(ends[1]);
		ck_assert_int_eq(iobatch_watch(b, &w[i]), 0);
	}
	w[IOBATCH_MAX_WAITS] = watch_of(ends[1]);
	ck_assert_int_eq(iobatch_watch(b, &w[IOBATCH_MAX_WAITS]), b->uring ? 0 : -ENOSPC);
	ck_assert(w[IOBATCH_MAX_WAITS].armed == b->uring);
	/* None is lost, however many fire at once. */
	say(ends[0]);
	for (int round = 0; round < 200 && !w[0].fired; round++)
		iobatch_wait(b, 1 * MS);
	for (int i = 0; i < IOBATCH_MAX_WAITS; i++)
		ck_assert_msg(w[i].fired, "watch %d", i);
}
END_TEST

/* --- the ring's restrictions -------------------------------------------------------------------------- */

static int result_of(const struct io_uring_sqe *want)
{
	struct io_uring_sqe *sqe = io_uring_get_sqe(&b->ring);
	struct io_uring_cqe *cqe;
	int ret;

	*sqe = *want;
	ck_assert_int_ge(io_uring_submit_and_wait(&b->ring, 1), 0);
	ck_assert_int_eq(io_uring_peek_cqe(&b->ring, &cqe), 0);
	ret = cqe->res;
	io_uring_cqe_seen(&b->ring, cqe);
	return ret;
}

/* What a filter of system calls does not see, the ring itself refuses. */
START_TEST(test_other_operations)
{
	struct io_uring_sqe sqe;
	char byte;

	if (!b->uring)
		return;
	io_uring_prep_openat(&sqe, AT_FDCWD, "/dev/null", O_RDONLY, 0);
	ck_assert_int_eq(result_of(&sqe), -EACCES);
	io_uring_prep_socket(&sqe, AF_INET, SOCK_DGRAM, 0, 0);
	ck_assert_int_eq(result_of(&sqe), -EACCES);
	io_uring_prep_nop(&sqe);
	ck_assert_int_eq(result_of(&sqe), -EACCES);
	io_uring_prep_read(&sqe, -1, &byte, 1, 0);
	ck_assert_int_eq(result_of(&sqe), -EBADF);
	sqe.flags = IOSQE_ASYNC;
	ck_assert_int_eq(result_of(&sqe), -EACCES);
	ck_assert_int_eq(io_uring_register_files(&b->ring, ends, 2), -EACCES);
}
END_TEST

static void add_tests(TCase *tcase)
{
	tcase_add_test(tcase, test_results_in_order);
	tcase_add_test(tcase, test_vectors);
	tcase_add_test(tcase, test_errors);
	tcase_add_test(tcase, test_more_than_a_batch);
	tcase_add_test(tcase, test_nothing_queued);
	tcase_add_test(tcase, test_files_of_other_kinds);
	tcase_add_test(tcase, test_file_changes_under_its_number);
	tcase_add_test(tcase, test_one_call);
	tcase_add_test(tcase, test_fires_once);
	tcase_add_test(tcase, test_unwatch_while_armed);
	tcase_add_test(tcase, test_unwatch_after_it_fired);
	tcase_add_test(tcase, test_many_watches);
	tcase_add_test(tcase, test_timeouts);
	tcase_add_test(tcase, test_operations_with_a_wait);
	tcase_add_test(tcase, test_fires_while_busy);
	tcase_add_test(tcase, test_fires_without_operations);
	tcase_add_test(tcase, test_too_many_watches);
	tcase_add_test(tcase, test_other_operations);
}

int main(void)
{
	return run_modes("iobatch", add_tests);
}
