/* SPDX-License-Identifier: MIT */
/* iobatch.c: reads, writes and waits by io_uring, or one by one where there is none */
#include "iobatch.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "netback/common/util.h"

/* user_data is a result's address, or a watch's with this bit set; 0 for what nobody waits for. */
enum {
	USER_DATA_WATCH = 1
};

static void apply(struct iobatch *b, const struct io_uring_cqe *cqe)
{
	struct iobatch_watch *w;

	if (!cqe->user_data)
		return;
	if (cqe->user_data & USER_DATA_WATCH) {
		w = (struct iobatch_watch *)(uintptr_t)(cqe->user_data &
							~(uint64_t)USER_DATA_WATCH);
		w->armed = false;
		w->fired = true;
		return;
	}
	*(int32_t *)(uintptr_t)cqe->user_data = cqe->res;
	b->nr_inflight--;
}

static void reap(struct iobatch *b)
{
	struct io_uring_cqe *cqe;
	unsigned int head, nr = 0;

	io_uring_for_each_cqe(&b->ring, head, cqe)
	{
		apply(b, cqe);
		nr++;
	}
	io_uring_cq_advance(&b->ring, nr);
}

static struct io_uring_sqe *get_sqe(struct iobatch *b)
{
	struct io_uring_sqe *sqe = io_uring_get_sqe(&b->ring);

	while (!sqe) {
		iobatch_run(b);
		sqe = io_uring_get_sqe(&b->ring);
	}
	return sqe;
}

void iobatch_open(struct iobatch *b, bool want_uring)
{
	/* Completions are only looked for by our own calls: no interrupt of the thread for them. */
	unsigned int flags[] = {IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN, 0};

	memset(b, 0, sizeof(*b));
	for (size_t i = 0; want_uring && !b->uring && i < ARRAY_SIZE(flags); i++)
		b->uring = io_uring_queue_init(IOBATCH_MAX_OPS, &b->ring, flags[i]) == 0 &&
			   (b->ring.features & IORING_FEAT_EXT_ARG);
}

void iobatch_close(struct iobatch *b)
{
	if (b->uring)
		io_uring_queue_exit(&b->ring);
	b->uring = false;
}

static void queue_op(struct iobatch *b, bool write, int fd, const struct iovec *iov,
		     unsigned int nr, int32_t *ret)
{
	struct io_uring_sqe *sqe;

	if (!b->uring) {
		if (b->nr_ops == IOBATCH_MAX_OPS)
			iobatch_run(b);
		b->ops[b->nr_ops++] = (struct iobatch_op){fd, write, iov, nr, ret};
		return;
	}

	sqe = get_sqe(b);
	if (write)
		io_uring_prep_writev(sqe, fd, iov, nr, 0);
	else
		io_uring_prep_readv(sqe, fd, iov, nr, 0);
	io_uring_sqe_set_data(sqe, ret);
	b->nr_inflight++;
}

void iobatch_read(struct iobatch *b, int fd, const struct iovec *iov, unsigned int nr, int32_t *ret)
{
	queue_op(b, false, fd, iov, nr, ret);
}

void iobatch_write(struct iobatch *b, int fd, const struct iovec *iov, unsigned int nr,
		   int32_t *ret)
{
	queue_op(b, true, fd, iov, nr, ret);
}

int iobatch_watch(struct iobatch *b, struct iobatch_watch *w)
{
	struct io_uring_sqe *sqe;

	if (w->armed)
		return 0;
	if (b->uring) {
		sqe = get_sqe(b);
		io_uring_prep_poll_add(sqe, w->fd, (unsigned int)w->events);
		io_uring_sqe_set_data64(sqe, (uintptr_t)w | USER_DATA_WATCH);
	} else if (!w->known) {
		if (b->nr_watches == IOBATCH_MAX_WATCHES)
			return -ENOSPC;
		b->watches[b->nr_watches++] = w;
		w->known = true;
	}
	w->armed = true;
	return 0;
}

static void forget(struct iobatch *b, struct iobatch_watch *w)
{
	for (unsigned int i = 0; i < b->nr_watches; i++) {
		if (b->watches[i] == w) {
			b->watches[i] = b->watches[--b->nr_watches];
			break;
		}
	}
	w->known = false;
	w->armed = false;
}

void iobatch_unwatch(struct iobatch *b, struct iobatch_watch *w)
{
	struct io_uring_sqe *sqe;

	if (!b->uring) {
		forget(b, w);
		return;
	}
	if (!w->armed)
		return;
	sqe = get_sqe(b);
	io_uring_prep_poll_remove(sqe, (uintptr_t)w | USER_DATA_WATCH);
	io_uring_sqe_set_data64(sqe, 0);
	/* The watch's own completion, cancelled or fired, is the last time the kernel names it. */
	while (w->armed) {
		io_uring_submit_and_wait(&b->ring, 1);
		reap(b);
	}
	w->fired = false;
}

static void run_plain(struct iobatch *b)
{
	for (unsigned int i = 0; i < b->nr_ops; i++) {
		struct iobatch_op *op = &b->ops[i];
		ssize_t n = op->write ? writev(op->fd, op->iov, (int)op->nr_iov)
				      : readv(op->fd, op->iov, (int)op->nr_iov);

		*op->ret = n < 0 ? -errno : (int32_t)n;
		b->nr_calls++;
	}
	b->nr_ops = 0;
}

void iobatch_run(struct iobatch *b)
{
	if (!b->uring) {
		run_plain(b);
		return;
	}
	if (io_uring_sq_ready(&b->ring)) {
		io_uring_submit(&b->ring);
		b->nr_calls++;
	}
	reap(b);
	while (b->nr_inflight) {
		io_uring_submit_and_wait(&b->ring, 1);
		b->nr_calls++;
		reap(b);
	}
}

static void wait_plain(struct iobatch *b, const struct timespec *ts)
{
	struct pollfd fds[IOBATCH_MAX_WATCHES];

	run_plain(b);
	for (unsigned int i = 0; i < b->nr_watches; i++) {
		struct iobatch_watch *w = b->watches[i];

		fds[i] = (struct pollfd){.fd = w->armed ? w->fd : -1, .events = w->events};
	}
	b->nr_calls++;
	if (ppoll(fds, b->nr_watches, ts, NULL) <= 0)
		return;
	for (unsigned int i = 0; i < b->nr_watches; i++) {
		if (fds[i].revents) {
			b->watches[i]->armed = false;
			b->watches[i]->fired = true;
		}
	}
}

void iobatch_wait(struct iobatch *b, int64_t timeout_ns)
{
	struct timespec ts = {timeout_ns / 1000000000, timeout_ns % 1000000000};
	struct __kernel_timespec kts = {.tv_sec = ts.tv_sec, .tv_nsec = ts.tv_nsec};
	struct io_uring_cqe *cqe;

	b->nr_sleeps++;
	if (!b->uring) {
		wait_plain(b, timeout_ns < 0 ? NULL : &ts);
		return;
	}
	/* A read or write queued with the wait would end it as well; they are few and never alone. */
	io_uring_submit_and_wait_timeout(&b->ring, &cqe, b->nr_inflight + 1,
					 timeout_ns < 0 ? NULL : &kts, NULL);
	b->nr_calls++;
	reap(b);
}
