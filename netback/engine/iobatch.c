/* SPDX-License-Identifier: MIT */
/* iobatch.c: reads, writes and waits by io_uring, or one by one where there is none */
#include "iobatch.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "netback/common/util.h"

/* What a completion's user_data points to; 0 for what nobody waits for. */
enum {
	USER_DATA_RESULT = 0,
	USER_DATA_WATCH = 1,
	USER_DATA_READ = 2,
	USER_DATA_KIND = 3,
};

/* No result of a read or write. */
#define RESULT_PENDING INT32_MIN

static void append(struct iobatch_list *list, struct iobatch_read *r)
{
	r->next = NULL;
	if (list->head)
		list->tail->next = r;
	else
		list->head = r;
	list->tail = r;
}

static struct iobatch_read *take(struct iobatch_list *list)
{
	struct iobatch_read *r = list->head;

	if (r)
		list->head = r->next;
	return r;
}

/* Any posted read may be the one that gets the next packet. */
static void take_out(struct iobatch_list *list, struct iobatch_read *r)
{
	struct iobatch_read **p = &list->head, *before = NULL;

	for (; *p != r; p = &before->next)
		before = *p;
	*p = r->next;
	if (list->tail == r)
		list->tail = before;
}

static void complete(struct iobatch_read *r, int32_t ret)
{
	r->ret = ret == -ECANCELED ? -EAGAIN : ret;
	r->stream->nr_posted--;
	take_out(&r->stream->posted, r);
	append(&r->stream->done, r);
}

/* --- io_uring ----------------------------------------------------------------------------------- */

static void apply(struct iobatch *b, const struct io_uring_cqe *cqe)
{
	void *p = (void *)(uintptr_t)(cqe->user_data & ~(uint64_t)USER_DATA_KIND);
	struct iobatch_watch *w = p;

	if (!p)
		return;
	switch (cqe->user_data & USER_DATA_KIND) {
	case USER_DATA_WATCH:
		w->armed = false;
		w->fired = true;
		break;
	case USER_DATA_READ:
		complete(p, cqe->res);
		break;
	case USER_DATA_RESULT:
		*(int32_t *)p = cqe->res == -ECANCELED ? -EAGAIN : cqe->res;
		b->nr_inflight--;
		break;
	}
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

/* Deferred work is done within the call, so what a write of ours sets off is seen at once. */
static void submit(struct iobatch *b)
{
	io_uring_submit_and_get_events(&b->ring);
	b->nr_calls++;
	reap(b);
}

static struct io_uring_sqe *get_sqe(struct iobatch *b)
{
	struct io_uring_sqe *sqe = io_uring_get_sqe(&b->ring);

	while (!sqe) {
		submit(b);
		sqe = io_uring_get_sqe(&b->ring);
	}
	return sqe;
}

static void set_user_data(struct io_uring_sqe *sqe, const void *p, unsigned int kind)
{
	io_uring_sqe_set_data64(sqe, (uintptr_t)p | kind);
}

static void cancel(struct iobatch *b, const void *p, unsigned int kind)
{
	struct io_uring_sqe *sqe = get_sqe(b);

	io_uring_prep_cancel64(sqe, (uintptr_t)p | kind, 0);
	io_uring_sqe_set_data64(sqe, 0);
}

static void wait_for_one(struct iobatch *b)
{
	io_uring_submit_and_wait(&b->ring, 1);
	b->nr_calls++;
	reap(b);
}

/* The kernel has results that only a call of ours brings. */
static bool has_results(const struct iobatch *b)
{
	return IO_URING_READ_ONCE(*b->ring.sq.kflags) & (IORING_SQ_TASKRUN | IORING_SQ_CQ_OVERFLOW);
}

/*
 * In spite of O_NONBLOCK io_uring waits for a file that can be polled (RWF_NOWAIT is no way out: not all
 * drivers know it, nor a tap before Linux 6.3). For a posted read that is what we want. An
 * operation that is not done after its submission is called back.
 */
static void run_uring(struct iobatch *b)
{
	if (io_uring_sq_ready(&b->ring))
		submit(b);
	else
		reap(b); /* without deferred work results come with any system call */
	if (has_results(b))
		submit(b);
	for (unsigned int i = 0; b->nr_inflight && i < b->nr_ops; i++)
		if (*b->ops[i].ret == RESULT_PENDING)
			cancel(b, b->ops[i].ret, USER_DATA_RESULT);
	while (b->nr_inflight)
		wait_for_one(b);
	b->nr_ops = 0;
}

static void wait_uring(struct iobatch *b, int64_t timeout_ns)
{
	struct __kernel_timespec ts = {timeout_ns / 1000000000, timeout_ns % 1000000000};
	struct io_uring_cqe *cqe;

	/* Operations queued with the wait (an unmask) are done at once and do not count. */
	io_uring_submit_and_wait_timeout(&b->ring, &cqe, b->nr_inflight + 1,
					 timeout_ns < 0 ? NULL : &ts, NULL);
	b->nr_calls++;
	reap(b);
	run_uring(b);
}

/* liburing 2.3 declares the functions for this and does not have them. */
static int register_with(const struct io_uring *ring, unsigned int what, const void *arg,
			 unsigned int nr)
{
	return (int)syscall(SYS_io_uring_register, ring->ring_fd, what, arg, nr);
}

/*
 * A ring does whatever its entries say, past the system call filter (sandbox.c): open, connect, send
 * descriptors. So it is told to do what is done here and nothing else, for good, before it begins.
 */
static bool restrict_and_enable(struct io_uring *ring)
{
	static const uint8_t operations[] = {
		IORING_OP_READ,	    IORING_OP_WRITE,	   IORING_OP_WRITEV,
		IORING_OP_POLL_ADD, IORING_OP_POLL_REMOVE, IORING_OP_ASYNC_CANCEL,
	};
	struct io_uring_restriction r[ARRAY_SIZE(operations)] = {0};

	for (size_t i = 0; i < ARRAY_SIZE(operations); i++) {
		r[i].opcode = IORING_RESTRICTION_SQE_OP;
		r[i].sqe_op = operations[i];
	}
	return register_with(ring, IORING_REGISTER_RESTRICTIONS, r, ARRAY_SIZE(r)) == 0 &&
	       register_with(ring, IORING_REGISTER_ENABLE_RINGS, NULL, 0) == 0;
}

static void open_uring(struct iobatch *b)
{
	/*
	 * Completions are only looked for by our own calls: no interrupt of the thread for them. The
	 * kernel shows that there are some (TASKRUN_FLAG), so that a busy thread, which never waits,
	 * hears of them.
	 */
	const unsigned int deferred = IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN |
				      IORING_SETUP_TASKRUN_FLAG | IORING_SETUP_R_DISABLED;

	if (io_uring_queue_init(IOBATCH_MAX_OPS, &b->ring, deferred) < 0 &&
	    io_uring_queue_init(IOBATCH_MAX_OPS, &b->ring, IORING_SETUP_R_DISABLED) < 0)
		return;
	b->uring = b->ring.features & IORING_FEAT_EXT_ARG && restrict_and_enable(&b->ring);
	if (!b->uring)
		io_uring_queue_exit(&b->ring);
}

/* --- plain system calls ------------------------------------------------------------------------- */

static int32_t do_read(struct iobatch *b, int fd, void *buf, uint32_t len)
{
	ssize_t n = read(fd, buf, len);

	b->nr_calls++;
	return n < 0 ? -errno : (int32_t)n;
}

static int32_t do_write(struct iobatch *b, int fd, const struct iovec *iov, unsigned int nr)
{
	ssize_t n = writev(fd, iov, (int)nr);

	b->nr_calls++;
	return n < 0 ? -errno : (int32_t)n;
}

static void run_ops(struct iobatch *b)
{
	for (unsigned int i = 0; i < b->nr_ops; i++) {
		struct iobatch_op *op = &b->ops[i];

		*op->ret = op->iov ? do_write(b, op->fd, op->iov, op->nr_iov)
				   : do_read(b, op->fd, op->buf, op->len);
	}
	b->nr_ops = 0;
}

/* Posted reads are tried whenever there is a chance, and stay posted when they find nothing. */
static void run_stream(struct iobatch *b, struct iobatch_stream *s)
{
	int32_t ret;

	while (s->posted.head) {
		ret = do_read(b, s->fd, s->posted.head->buf, s->posted.head->len);
		if (ret == -EAGAIN)
			break;
		complete(s->posted.head, ret);
	}
}

static void run_streams(struct iobatch *b)
{
	for (unsigned int i = 0; i < b->nr_streams; i++)
		run_stream(b, b->streams[i]);
}

static void poll_plain(struct iobatch *b, const struct timespec *ts)
{
	struct pollfd fds[2 * IOBATCH_MAX_WAITS];
	unsigned int nr = 0;

	for (unsigned int i = 0; i < b->nr_watches; i++) {
		struct iobatch_watch *w = b->watches[i];

		fds[nr++] = (struct pollfd){.fd = w->armed ? w->fd : -1, .events = w->events};
	}
	for (unsigned int i = 0; i < b->nr_streams; i++) {
		struct iobatch_stream *s = b->streams[i];

		fds[nr++] = (struct pollfd){.fd = s->nr_posted ? s->fd : -1, .events = POLLIN};
	}
	b->nr_calls++;
	if (ppoll(fds, nr, ts, NULL) <= 0)
		return;
	for (unsigned int i = 0; i < b->nr_watches; i++) {
		if (fds[i].revents) {
			b->watches[i]->armed = false;
			b->watches[i]->fired = true;
		}
	}
	for (unsigned int i = 0; i < b->nr_streams; i++)
		if (fds[b->nr_watches + i].revents)
			run_stream(b, b->streams[i]);
}

static void run_plain(struct iobatch *b)
{
	const struct timespec now = {0};

	run_ops(b);
	run_streams(b);
	/* Who works in each round, with operations or without, never waits, and has to hear of watches. */
	if (b->nr_watches)
		poll_plain(b, &now);
}

static void wait_plain(struct iobatch *b, int64_t timeout_ns)
{
	struct timespec ts = {timeout_ns / 1000000000, timeout_ns % 1000000000};

	run_ops(b);
	poll_plain(b, timeout_ns < 0 ? NULL : &ts);
}

static void forget_watch(struct iobatch *b, struct iobatch_watch *w)
{
	for (unsigned int i = 0; w->known && i < b->nr_watches; i++) {
		if (b->watches[i] == w) {
			b->watches[i] = b->watches[--b->nr_watches];
			w->known = false;
		}
	}
	w->armed = false;
}

static void forget_stream(struct iobatch *b, struct iobatch_stream *s)
{
	for (unsigned int i = 0; s->known && i < b->nr_streams; i++) {
		if (b->streams[i] == s) {
			b->streams[i] = b->streams[--b->nr_streams];
			s->known = false;
		}
	}
	s->nr_posted = 0;
	s->posted.head = NULL;
}

/* --- both --------------------------------------------------------------------------------------- */

void iobatch_open(struct iobatch *b, bool want_uring)
{
	memset(b, 0, sizeof(*b));
	if (want_uring)
		open_uring(b);
}

void iobatch_close(struct iobatch *b)
{
	if (b->uring)
		io_uring_queue_exit(&b->ring);
	b->uring = false;
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
	if (!op.iov)
		io_uring_prep_read(sqe, op.fd, op.buf, op.len, 0);
	else if (op.nr_iov == 1)
		io_uring_prep_write(sqe, op.fd, op.iov->iov_base, (uint32_t)op.iov->iov_len, 0);
	else
		io_uring_prep_writev(sqe, op.fd, op.iov, op.nr_iov, 0);
	set_user_data(sqe, op.ret, USER_DATA_RESULT);
	*op.ret = RESULT_PENDING;
	b->nr_inflight++;
}

void iobatch_read(struct iobatch *b, int fd, void *buf, uint32_t len, int32_t *ret)
{
	queue_op(b, (struct iobatch_op){.fd = fd, .buf = buf, .len = len, .ret = ret});
}

void iobatch_write(struct iobatch *b, int fd, const struct iovec *iov, unsigned int nr,
		   int32_t *ret)
{
	queue_op(b, (struct iobatch_op){.fd = fd, .iov = iov, .nr_iov = nr, .ret = ret});
}

int iobatch_post(struct iobatch *b, struct iobatch_stream *s, struct iobatch_read *r)
{
	struct io_uring_sqe *sqe;

	if (b->uring) {
		sqe = get_sqe(b);
		io_uring_prep_read(sqe, s->fd, r->buf, r->len, 0);
		set_user_data(sqe, r, USER_DATA_READ);
	} else if (!s->known) {
		if (b->nr_streams == IOBATCH_MAX_WAITS)
			return -ENOSPC;
		b->streams[b->nr_streams++] = s;
		s->known = true;
	}
	r->stream = s;
	append(&s->posted, r);
	s->nr_posted++;
	return 0;
}

struct iobatch_read *iobatch_take(struct iobatch_stream *s)
{
	return take(&s->done);
}

void iobatch_end_stream(struct iobatch *b, struct iobatch_stream *s)
{
	if (!b->uring)
		forget_stream(b, s);
	while (s->posted.head) {
		cancel(b, s->posted.head, USER_DATA_READ);
		wait_for_one(b);
	}
	s->done.head = NULL;
}

int iobatch_watch(struct iobatch *b, struct iobatch_watch *w)
{
	struct io_uring_sqe *sqe;

	if (w->armed)
		return 0;
	if (b->uring) {
		sqe = get_sqe(b);
		io_uring_prep_poll_add(sqe, w->fd, (unsigned int)w->events);
		set_user_data(sqe, w, USER_DATA_WATCH);
	} else if (!w->known) {
		if (b->nr_watches == IOBATCH_MAX_WAITS)
			return -ENOSPC;
		b->watches[b->nr_watches++] = w;
		w->known = true;
	}
	w->armed = true;
	return 0;
}

void iobatch_unwatch(struct iobatch *b, struct iobatch_watch *w)
{
	struct io_uring_sqe *sqe;

	if (!b->uring) {
		forget_watch(b, w);
		return;
	}
	if (!w->armed)
		return;
	sqe = get_sqe(b);
	io_uring_prep_poll_remove(sqe, (uintptr_t)w | USER_DATA_WATCH);
	io_uring_sqe_set_data64(sqe, 0);
	/* The watch's own completion, cancelled or fired, is the last time the kernel names it. */
	while (w->armed)
		wait_for_one(b);
	w->fired = false;
}

void iobatch_run(struct iobatch *b)
{
	if (b->uring)
		run_uring(b);
	else
		run_plain(b);
}

void iobatch_hold(struct iobatch *b, uint32_t ns)
{
	struct __kernel_timespec ts = {.tv_nsec = ns};
	const struct timespec plain = {.tv_nsec = ns}, now = {0};
	struct io_uring_cqe *cqe;

	b->nr_sleeps++;
	b->nr_calls++;
	if (!b->uring) {
		run_ops(b);
		clock_nanosleep(CLOCK_MONOTONIC, 0, &plain, NULL);
		poll_plain(b, &now);
		return;
	}
	/* More results than there can be: only the time ends it. */
	io_uring_submit_and_wait_timeout(&b->ring, &cqe, b->ring.cq.ring_entries, &ts, NULL);
	reap(b);
	run_uring(b);
}

void iobatch_wait(struct iobatch *b, int64_t timeout_ns)
{
	b->nr_sleeps++;
	if (b->uring)
		wait_uring(b, timeout_ns);
	else
		wait_plain(b, timeout_ns);
}
