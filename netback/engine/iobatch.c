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

enum {
	RESULT_PENDING = INT32_MIN /* no operation returns that */
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
	*(int32_t *)(uintptr_t)cqe->user_data = cqe->res == -ECANCELED ? -EAGAIN : cqe->res;
	b->asking |= cqe->res == -EOPNOTSUPP;
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
	/*
	 * Completions are only looked for by our own calls: no interrupt of the thread for them. The
	 * kernel shows that a watch has fired (TASKRUN_FLAG), and the next submit then fetches it:
	 * without that a busy thread, which never waits, would not hear of it.
	 */
	const unsigned int deferred =
		IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN | IORING_SETUP_TASKRUN_FLAG;

	memset(b, 0, sizeof(*b));
	if (!want_uring)
		return;
	if (io_uring_queue_init(IOBATCH_MAX_OPS, &b->ring, deferred) < 0 &&
	    io_uring_queue_init(IOBATCH_MAX_OPS, &b->ring, 0) < 0)
		return;
	b->uring = b->ring.features & IORING_FEAT_EXT_ARG;
	if (!b->uring)
		io_uring_queue_exit(&b->ring);
}

void iobatch_close(struct iobatch *b)
{
	if (b->uring)
		io_uring_queue_exit(&b->ring);
	b->uring = false;
}

static enum iobatch_nowait nowait_of(const struct iobatch *b, int fd)
{
	return (unsigned int)fd < IOBATCH_MAX_FDS ? b->nowait[fd] : NOWAIT_UNKNOWN;
}

/*
 * io_uring waits for a file that can be polled in spite of O_NONBLOCK, unless RWF_NOWAIT says not to.
 * Some files refuse that flag (the event channel device): their writes never wait, and a read of theirs
 * that does is called back by iobatch_run.
 */
static int rw_flags(struct iobatch *b, const struct iobatch_op *op)
{
	enum iobatch_nowait nowait = nowait_of(b, op->fd);

	b->asking |= nowait == NOWAIT_UNKNOWN || (nowait == NOWAIT_REFUSED && !op->write);
	return nowait == NOWAIT_REFUSED ? 0 : RWF_NOWAIT;
}

static void queue_op(struct iobatch *b, struct iobatch_op op)
{
	struct io_uring_sqe *sqe;

	if (b->nr_ops == IOBATCH_MAX_OPS)
		iobatch_run(b);
	b->ops[b->nr_ops++] = op;
	if (!b->uring)
		return;

	sqe = get_sqe(b);
	if (op.write)
		io_uring_prep_writev2(sqe, op.fd, op.iov, op.nr_iov, 0, rw_flags(b, &op));
	else
		io_uring_prep_readv2(sqe, op.fd, op.iov, op.nr_iov, 0, rw_flags(b, &op));
	io_uring_sqe_set_data(sqe, op.ret);
	*op.ret = RESULT_PENDING;
	b->nr_inflight++;
}

void iobatch_read(struct iobatch *b, int fd, const struct iovec *iov, unsigned int nr, int32_t *ret)
{
	queue_op(b, (struct iobatch_op){fd, false, iov, nr, ret});
}

void iobatch_write(struct iobatch *b, int fd, const struct iovec *iov, unsigned int nr,
		   int32_t *ret)
{
	queue_op(b, (struct iobatch_op){fd, true, iov, nr, ret});
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

static void do_plain(struct iobatch *b, const struct iobatch_op *op)
{
	ssize_t n = op->write ? writev(op->fd, op->iov, (int)op->nr_iov)
			      : readv(op->fd, op->iov, (int)op->nr_iov);

	*op->ret = n < 0 ? -errno : (int32_t)n;
	b->nr_calls++;
}

static void run_plain(struct iobatch *b)
{
	for (unsigned int i = 0; i < b->nr_ops; i++)
		do_plain(b, &b->ops[i]);
	b->nr_ops = 0;
}

/* An operation that is not done by now waits for its file to become ready: what we call -EAGAIN. */
static void call_back(struct iobatch *b)
{
	for (unsigned int i = 0; i < b->nr_ops; i++) {
		struct io_uring_sqe *sqe;

		if (*b->ops[i].ret != RESULT_PENDING)
			continue;
		sqe = io_uring_get_sqe(&b->ring);
		if (!sqe)
			break; /* the rest in the next turn */
		io_uring_prep_cancel64(sqe, (uintptr_t)b->ops[i].ret, 0);
		io_uring_sqe_set_data64(sqe, 0);
	}
}

/* The first operations of an fd have told whether it knows RWF_NOWAIT; refused ones are done now. */
static void settle(struct iobatch *b)
{
	for (unsigned int i = 0; i < b->nr_ops; i++) {
		const struct iobatch_op *op = &b->ops[i];
		bool refused = *op->ret == -EOPNOTSUPP;

		if ((unsigned int)op->fd < IOBATCH_MAX_FDS &&
		    (refused || b->nowait[op->fd] == NOWAIT_UNKNOWN))
			b->nowait[op->fd] = refused ? NOWAIT_REFUSED : NOWAIT_TAKEN;
		if (refused)
			do_plain(b, op);
	}
	b->asking = false;
}

static void poll_plain(struct iobatch *b, const struct timespec *ts)
{
	struct pollfd fds[IOBATCH_MAX_WATCHES];

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

void iobatch_run(struct iobatch *b)
{
	const struct timespec now = {0};

	if (!b->uring) {
		bool busy = b->nr_ops;

		run_plain(b);
		/* Who has operations in each round never waits, and still has to hear of other fds. */
		if (busy && b->nr_watches)
			poll_plain(b, &now);
		return;
	}
	if (io_uring_sq_ready(&b->ring)) {
		io_uring_submit(&b->ring);
		b->nr_calls++;
	}
	reap(b);
	while (b->nr_inflight) {
		call_back(b);
		io_uring_submit_and_wait(&b->ring, 1);
		b->nr_calls++;
		reap(b);
	}
	if (b->asking)
		settle(b);
	b->nr_ops = 0;
}

void iobatch_wait(struct iobatch *b, int64_t timeout_ns)
{
	struct timespec ts = {timeout_ns / 1000000000, timeout_ns % 1000000000};
	struct __kernel_timespec kts = {.tv_sec = ts.tv_sec, .tv_nsec = ts.tv_nsec};
	struct io_uring_cqe *cqe;

	b->nr_sleeps++;
	if (!b->uring) {
		run_plain(b);
		poll_plain(b, timeout_ns < 0 ? NULL : &ts);
		return;
	}
	if (b->asking)
		iobatch_run(b);
	/* Operations queued with the wait are done within it, and do not end it. */
	io_uring_submit_and_wait_timeout(&b->ring, &cqe, b->nr_inflight + 1,
					 timeout_ns < 0 ? NULL : &kts, NULL);
	b->nr_calls++;
	reap(b);
	iobatch_run(b);
}
