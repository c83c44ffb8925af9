/* SPDX-License-Identifier: MIT */
/* iobatch.h: many reads, writes and the wait for more in one system call */
#ifndef NETBACK_ENGINE_IOBATCH_H
#define NETBACK_ENGINE_IOBATCH_H

#include <liburing.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/uio.h>

/*
 * A tap moves one packet a call. In a PV dom0 a system call goes through the hypervisor and changes
 * page tables twice, so calls, not bytes, are what small packets cost. io_uring does a whole round's
 * reads and writes, and goes to sleep, in one call. Where the kernel has no io_uring (or forbids it)
 * each operation is a call of its own and the wait is ppoll: the same results, only slower.
 *
 * Every fd must be non-blocking: then an operation is done, in the order queued, when iobatch_run
 * returns; none stays behind in the kernel. All functions belong to the one thread that called
 * iobatch_open. An iovec must stay as it is until iobatch_run or iobatch_wait has returned.
 */
enum {
	IOBATCH_MAX_OPS = 512,
	IOBATCH_MAX_WATCHES = 2050, /* every queue of a worker, its events and its calls */
	IOBATCH_MAX_FDS = 65536,    /* beyond, each batch finds out anew what a file can do */
};

enum iobatch_nowait {
	NOWAIT_UNKNOWN,
	NOWAIT_TAKEN,
	NOWAIT_REFUSED
};

struct iobatch_op {
	int fd;
	bool write;
	const struct iovec *iov;
	unsigned int nr_iov;
	int32_t *ret;
};

/*
 * Readiness of an fd, told once each time it is armed. The owner sets fd and events (POLLIN) and
 * zeroes the rest; fired is set by iobatch_wait or iobatch_run and cleared by the owner.
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
	unsigned int nr_inflight; /* queued reads and writes without a result */
	uint64_t nr_calls;	  /* system calls made, all kinds */
	uint64_t nr_sleeps;	  /* of those: calls that were ready to wait */
	bool asking;		  /* an operation that may have to be done over is queued */
	uint8_t nowait[IOBATCH_MAX_FDS];
	struct iobatch_op ops[IOBATCH_MAX_OPS]; /* queued */
	unsigned int nr_ops;
	/* plain mode */
	struct iobatch_watch *watches[IOBATCH_MAX_WATCHES];
	unsigned int nr_watches;
};

/* want_uring false, or a kernel that refuses: plain mode. Never fails. */
void iobatch_open(struct iobatch *b, bool want_uring);
void iobatch_close(struct iobatch *b);

/*
 * Queue one operation; *ret becomes the bytes moved or -errno, and is no other operation's meanwhile.
 * When the batch is full, what is queued runs first.
 */
void iobatch_read(struct iobatch *b, int fd, const struct iovec *iov, unsigned int nr,
		  int32_t *ret);
void iobatch_write(struct iobatch *b, int fd, const struct iovec *iov, unsigned int nr,
		   int32_t *ret);

/* Arm w unless it is armed. -ENOSPC: more than IOBATCH_MAX_WATCHES (plain mode). */
int iobatch_watch(struct iobatch *b, struct iobatch_watch *w);

/* After this w is not armed, no later call touches it, and its fd may be closed. */
void iobatch_unwatch(struct iobatch *b, struct iobatch_watch *w);

/* Do what is queued. */
void iobatch_run(struct iobatch *b);

/* Do what is queued, then sleep until a watch fires or timeout_ns is over (negative: no limit). */
void iobatch_wait(struct iobatch *b, int64_t timeout_ns);

#endif
