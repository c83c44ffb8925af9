/* SPDX-License-Identifier: MIT */
/* iobatch.h: packet reads and writes, and the wait for more, in one system call */
#ifndef NETBACK_ENGINE_IOBATCH_H
#define NETBACK_ENGINE_IOBATCH_H

#include <liburing.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/uio.h>

/*
 * A tap moves one packet a call. In a PV dom0 a system call goes through the hypervisor and changes
 * page tables twice, so calls, not bytes, are what small packets cost. io_uring does a whole round's
 * reads and writes, and goes to sleep, in one call; the ring is restricted to these operations, because
 * no system call filter sees them. Where the kernel has no io_uring (or forbids it, or cannot restrict it)
 * each operation is a call of its own and the wait is ppoll: the same results, only slower.
 *
 *   operation  is done when iobatch_run returns, in the order queued; -EAGAIN if it could not be.
 *   posted     a read that stays with the kernel until there is something to read: the thread wakes
 *              up with the packet in its hands. A stream's reads complete in the order of packets.
 *   watch      readiness of an fd, told once each time it is armed.
 *
 * Every fd must be non-blocking. All functions belong to the one thread that called iobatch_open. An
 * iovec must stay as it is until its operation is done.
 */
enum {
	IOBATCH_MAX_OPS = 512,
	IOBATCH_MAX_WAITS = 2050, /* plain mode: streams and watches */
};

struct iobatch_op {
	int fd;
	const struct iovec *iov; /* of a write; NULL: a read */
	unsigned int nr_iov;
	void *buf; /* of a read */
	uint32_t len;
	int32_t *ret;
};

/* The owner sets buf and len; ret (bytes or -errno) is for it once iobatch_take gave the read back. */
struct iobatch_read {
	void *buf;
	uint32_t len;
	int32_t ret;
	struct iobatch_stream *stream;
	struct iobatch_read *next;
};

struct iobatch_list {
	struct iobatch_read *head, *tail;
};

/* An fd and its posted reads. The owner sets fd and zeroes the rest. */
struct iobatch_stream {
	int fd;
	unsigned int nr_posted;	    /* with the kernel */
	struct iobatch_list posted; /* these, the next one to be done first */
	struct iobatch_list done;   /* for iobatch_take */
	bool known;		    /* plain mode: is in the table */
};

/*
 * The owner sets fd and events (POLLIN) and zeroes the rest; fired is set by iobatch_wait or
 * iobatch_run and cleared by the owner.
 */
struct iobatch_watch {
	int fd;
	short events;
	bool armed;
	bool fired;
	bool known; /* plain mode: is in the table */
};

struct iobatch {
	bool uring;
	struct io_uring ring;
	unsigned int nr_inflight;		/* queued operations without a result */
	uint64_t nr_calls;			/* system calls made, all kinds */
	uint64_t nr_sleeps;			/* of those: calls that were ready to wait */
	struct iobatch_op ops[IOBATCH_MAX_OPS]; /* queued */
	unsigned int nr_ops;
	/* plain mode */
	struct iobatch_watch *watches[IOBATCH_MAX_WAITS];
	struct iobatch_stream *streams[IOBATCH_MAX_WAITS];
	unsigned int nr_watches, nr_streams;
};

/* want_uring false, or a kernel that refuses: plain mode. Never fails. */
void iobatch_open(struct iobatch *b, bool want_uring);
void iobatch_close(struct iobatch *b);

/*
 * Queue one operation; *ret becomes the bytes moved or -errno, and is no other operation's meanwhile.
 * When the batch is full, what is queued runs first.
 */
void iobatch_read(struct iobatch *b, int fd, void *buf, uint32_t len, int32_t *ret);
void iobatch_write(struct iobatch *b, int fd, const struct iovec *iov, unsigned int nr,
		   int32_t *ret);

/*
 * Post a read. Whichever of a stream's posted reads runs first gets the first packet, and each packet
 * wakes all that wait: post as many as there are packets to expect. -ENOSPC: more than
 * IOBATCH_MAX_WAITS streams (plain mode).
 */
int iobatch_post(struct iobatch *b, struct iobatch_stream *s, struct iobatch_read *r);

/* The next read of s that is done, or NULL. -EAGAIN in its ret: it found nothing, post it again. */
struct iobatch_read *iobatch_take(struct iobatch_stream *s);

/*
 * Call back what is posted, and forget what is done: afterwards nothing of s is touched, and its fd may
 * be closed.
 */
void iobatch_end_stream(struct iobatch *b, struct iobatch_stream *s);

/* Arm w unless it is armed. -ENOSPC: more than IOBATCH_MAX_WAITS (plain mode). */
int iobatch_watch(struct iobatch *b, struct iobatch_watch *w);

/* After this w is not armed, no later call touches it, and its fd may be closed. */
void iobatch_unwatch(struct iobatch *b, struct iobatch_watch *w);

/* Do what is queued; watches and posted reads that are due are seen to as well. */
void iobatch_run(struct iobatch *b);

/*
 * Do what is queued, then sleep until a watch fires, a posted read is done or timeout_ns is over
 * (negative: no limit).
 */
void iobatch_wait(struct iobatch *b, int64_t timeout_ns);

/*
 * Do what is queued, then sleep for ns (under a second) whatever happens: posted reads gather results,
 * watches fire, and the thread hears of both at the end.
 */
void iobatch_hold(struct iobatch *b, uint32_t ns);

#endif
