/* SPDX-License-Identifier: MIT */
/* libxenevtchn over the fake machine: an fd that behaves as /dev/xen/evtchn. */
#include "machine.h"

#include <errno.h>
#include <linux/futex.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <xenevtchn.h>

/*
 * The user's fd is one end of a stream socket pair, so that a read() returns as
 * many ports as are there and a write() of ports reaches us. Two threads hold
 * the other end, "back":
 *
 *   deliver   sleeps on the channel's bell, moves raised ports to the fd
 *   unmask    reads what the user wrote and unmasks these ports, but looks only
 *             when a masked port is raised: most unmasks cost no wake-up
 *
 * A sandboxed process must let them use what it uses itself on Xen: read, write,
 * futex. SIGPIPE cannot hit them, they block all signals.
 *
 * Both may write to back: the kernel keeps a write of a few words in one piece,
 * and a port is in flight at most once, so the socket's buffer bounds nothing.
 */

enum {
	BATCH = 256,
	SOCKET_BUFFER = 4 << 20,
	DRAIN_EVERY = 64, /* deliveries: unread unmasks must not pile up */
};

struct xenevtchn_handle {
	int fd, back;
	uint32_t index; /* of our channel */
	uint32_t proc;	/* proc_ref() that opened it: a forked child may only close */
	struct machine_channel *c;
	pthread_t deliver, unmask;
	_Atomic bool stop, drain;
};

static void send_ports(const xenevtchn_handle *h, const uint32_t *ports, unsigned int n)
{
	const char *p = (const char *)ports;
	size_t left = n * sizeof(*ports);

	machine_count(deliveries, n);
	while (left) {
		ssize_t done = write(h->back, p, left);

		if (done < 0 && errno != EINTR)
			return; /* the user has closed */
		if (done > 0) {
			p += done;
			left -= done;
		}
	}
}

/* Sleep by a futex nobody wakes: the one way that every sandbox must leave open. */
static void be_late(int32_t us)
{
	struct timespec t = {us / 1000000, us % 1000000 * 1000};
	uint32_t never = 0;

	syscall(SYS_futex, &never, FUTEX_WAIT, 0, &t, NULL, 0);
}

static void wait_bell(xenevtchn_handle *h)
{
	uint32_t bell = atomic_load(&h->c->bell);

	/* Pairs with ring_bell(): either we see its port or it sees us asleep. */
	atomic_store(&h->c->sleeping, 1);
	if (!atomic_load(&h->c->ready.words) && !atomic_load(&h->stop))
		syscall(SYS_futex, &h->c->bell, FUTEX_WAIT, bell, NULL, NULL, 0);
	atomic_store(&h->c->sleeping, 0);
}

static void wake(_Atomic uint32_t *bell)
{
	atomic_fetch_add(bell, 1);
	syscall(SYS_futex, bell, FUTEX_WAKE, 1, NULL, NULL, 0);
}

static void *run_deliver(void *arg)
{
	xenevtchn_handle *h = arg;
	uint32_t ports[BATCH], rounds = 0;

	while (!atomic_load(&h->stop)) {
		unsigned int n = port_take(h->c, ports, BATCH);
		int32_t delay;

		if (n == 0) {
			wait_bell(h);
			continue;
		}
		delay = machine_fault(FAULT_EVENT_DELAY);
		if (delay > 0)
			be_late(delay);
		send_ports(h, ports, n);
		if (++rounds % DRAIN_EVERY == 0) {
			atomic_store(&h->drain, true);
			wake(&h->c->late_bell);
		}
	}
	return NULL;
}

static void unmask_ports(xenevtchn_handle *h, uint32_t *ports, unsigned int n)
{
	unsigned int again = 0;

	for (unsigned int i = 0; i < n; i++)
		if (port_unmask(h->c, ports[i]))
			ports[again++] = ports[i];
	if (again)
		send_ports(h, ports, again);
}

static bool wait_late(xenevtchn_handle *h)
{
	uint32_t bell = atomic_load(&h->c->late_bell);
	bool look;

	/* As in wait_bell(), with the other bell. */
	atomic_store(&h->c->late_sleeping, 1);
	look = port_is_late(h->c) || atomic_exchange(&h->drain, false);
	if (!look && !atomic_load(&h->stop))
		syscall(SYS_futex, &h->c->late_bell, FUTEX_WAIT, bell, NULL, NULL, 0);
	atomic_store(&h->c->late_sleeping, 0);
	return look;
}

static void *run_unmask(void *arg)
{
	xenevtchn_handle *h = arg;
	uint32_t ports[BATCH];

	while (!atomic_load(&h->stop)) {
		ssize_t n;

		if (!wait_late(h))
			continue;
		n = read(h->back, ports, sizeof(ports));
		if (n > 0)
			unmask_ports(h, ports, n / sizeof(ports[0]));
		else if (n == 0 || errno != EINTR)
			break;
	}
	return NULL;
}

static void stop_deliver(xenevtchn_handle *h)
{
	atomic_store(&h->stop, true);
	wake(&h->c->bell);
	pthread_join(h->deliver, NULL);
}

static int start(xenevtchn_handle *h)
{
	int rc = machine_thread(run_deliver, h, &h->deliver);

	if (rc)
		return rc;
	rc = machine_thread(run_unmask, h, &h->unmask);
	if (rc)
		stop_deliver(h);
	return rc;
}

static uint64_t inode(int fd)
{
	struct stat st;

	return fstat(fd, &st) || !S_ISSOCK(st.st_mode) ? 0 : st.st_ino;
}

static void use_channel(xenevtchn_handle *h, uint32_t index)
{
	h->index = index;
	h->c = &machine_view.m->channels[index];
	h->proc = machine_view.proc;
	atomic_store(&h->c->proc, machine_view.proc);
}

static int take_channel(xenevtchn_handle *h, bool keep)
{
	struct machine *m = machine_view.m;
	uint32_t i;

	machine_lock();
	machine_reap_all();
	for (i = 0; i < MACHINE_CHANNELS && m->channels[i].proc != MACHINE_NONE; i++)
		;
	if (i < MACHINE_CHANNELS) {
		m->channels[i].slot = machine_view.slot;
		m->channels[i].keep = keep;
		m->channels[i].restricted = MACHINE_NONE;
		m->channels[i].back_fd = h->back;
		m->channels[i].sock_ino = inode(h->fd);
		use_channel(h, i);
	}
	machine_unlock();
	return i < MACHINE_CHANNELS ? 0 : -EMFILE;
}

/* The channel this process had opened to keep before it exec'ed. */
static int adopt_channel(xenevtchn_handle *h)
{
	struct machine *m = machine_view.m;
	uint64_t ino = inode(h->fd);
	int rc = -EINVAL;

	machine_lock();
	for (uint32_t i = 0; i < MACHINE_CHANNELS && rc && ino; i++) {
		struct machine_channel *c = &m->channels[i];

		if (c->proc == MACHINE_NONE || !c->keep || c->sock_ino != ino ||
		    m->procs[c->proc % MACHINE_PROCS].pid != getpid() || !inode(c->back_fd))
			continue;
		h->back = c->back_fd;
		use_channel(h, i);
		rc = 0;
	}
	machine_unlock();
	return rc;
}

static xenevtchn_handle *new_handle(void)
{
	xenevtchn_handle *h;
	int rc = machine_attach();

	if (rc) {
		errno = -rc;
		return NULL;
	}
	h = calloc(1, sizeof(*h));
	if (h)
		h->fd = h->back = -1;
	return h;
}

/* Neither side is to block on the other: on Xen none does. */
static void set_buffer(int fd)
{
	int size = SOCKET_BUFFER;

	if (setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &size, sizeof(size)))
		setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
}

static int open_pair(xenevtchn_handle *h, bool keep)
{
	int pair[2];

	if (socketpair(AF_UNIX, SOCK_STREAM | (keep ? 0 : SOCK_CLOEXEC), 0, pair))
		return -errno;
	h->fd = pair[0];
	h->back = pair[1];
	set_buffer(h->fd);
	set_buffer(h->back);
	return 0;
}

xenevtchn_handle *xenevtchn_open(struct xentoollog_logger *logger, unsigned int flags)
{
	bool keep = flags & XENEVTCHN_NO_CLOEXEC;
	xenevtchn_handle *h;
	int rc;

	(void)logger;
	if (flags & ~XENEVTCHN_NO_CLOEXEC) {
		errno = EINVAL;
		return NULL;
	}
	h = new_handle();
	if (!h)
		return NULL;
	rc = open_pair(h, keep);
	if (!rc)
		rc = take_channel(h, keep);
	if (!rc) {
		rc = start(h);
		if (!rc)
			return h;
		machine_lock();
		port_close_channel(h->index);
		machine_unlock();
	}
	close(h->fd);
	close(h->back);
	free(h);
	errno = -rc;
	return NULL;
}

xenevtchn_handle *xenevtchn_fdopen(struct xentoollog_logger *logger, int fd, unsigned flags)
{
	xenevtchn_handle *h;
	int rc;

	(void)logger;
	if (flags) {
		errno = EINVAL;
		return NULL;
	}
	h = new_handle();
	if (!h)
		return NULL;
	h->fd = fd;
	rc = adopt_channel(h);
	if (!rc)
		rc = start(h);
	if (rc) {
		free(h);
		errno = -rc;
		return NULL;
	}
	return h;
}

/* A port that nobody has ends the thread's read; shutdown() is not for a sandbox. */
static void wake_unmask(xenevtchn_handle *h)
{
	uint32_t none = MACHINE_NONE;
	struct iovec iov = {&none, sizeof(none)};
	struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1};

	sendmsg(h->fd, &msg, MSG_DONTWAIT | MSG_NOSIGNAL);
}

int xenevtchn_close(xenevtchn_handle *h)
{
	if (!h)
		return 0;
	if (h->proc == machine_view.proc) {
		stop_deliver(h);
		wake_unmask(h);
		wake(&h->c->late_bell);
		pthread_join(h->unmask, NULL);
		machine_lock();
		port_close_channel(h->index);
		machine_unlock();
	}
	close(h->back);
	close(h->fd);
	free(h);
	return 0;
}

int xenevtchn_fd(xenevtchn_handle *h)
{
	return h->fd;
}

static int fail(int error)
{
	errno = error;
	return -1;
}

static bool owns(const xenevtchn_handle *h, evtchn_port_t port)
{
	return port < MACHINE_PORTS &&
	       atomic_load(&machine_domain(h->c->slot)->ports[port].owner) == h->index;
}

int xenevtchn_notify(xenevtchn_handle *h, evtchn_port_t port)
{
	if (!owns(h, port))
		return fail(ENOTCONN);
	port_send(h->c->slot, port);
	return 0;
}

static bool allowed(const xenevtchn_handle *h, uint32_t domid)
{
	return h->c->restricted == MACHINE_NONE || h->c->restricted == domid;
}

xenevtchn_port_or_error_t xenevtchn_bind_unbound_port(xenevtchn_handle *h, uint32_t domid)
{
	int port;

	if (!allowed(h, domid))
		return fail(EACCES);
	machine_lock();
	port = port_alloc_unbound(h->c->slot, h->index, domid);
	machine_unlock();
	return port < 0 ? fail(-port) : port;
}

xenevtchn_port_or_error_t xenevtchn_bind_interdomain(xenevtchn_handle *h, uint32_t domid,
						     evtchn_port_t remote_port)
{
	int port;

	if (!allowed(h, domid))
		return fail(EACCES);
	machine_lock();
	port = port_bind_interdomain(h->c->slot, h->index, domid, remote_port);
	machine_unlock();
	return port < 0 ? fail(-port) : port;
}

xenevtchn_port_or_error_t xenevtchn_bind_virq(xenevtchn_handle *h, unsigned int virq)
{
	int port;

	if (!allowed(h, MACHINE_NONE))
		return fail(EACCES);
	machine_lock();
	port = port_bind_virq(h->c->slot, h->index, virq);
	machine_unlock();
	return port < 0 ? fail(-port) : port;
}

int xenevtchn_unbind(xenevtchn_handle *h, evtchn_port_t port)
{
	if (port >= MACHINE_PORTS)
		return fail(EINVAL);
	machine_lock();
	if (!owns(h, port)) {
		machine_unlock();
		return fail(ENOTCONN);
	}
	port_end(h->c->slot, port);
	machine_unlock();
	return 0;
}

xenevtchn_port_or_error_t xenevtchn_pending(xenevtchn_handle *h)
{
	evtchn_port_t port;
	ssize_t n = read(h->fd, &port, sizeof(port));

	return n == sizeof(port) ? (xenevtchn_port_or_error_t)port : -1;
}

/* Here and now, without the detour of a write() through the unmask thread. */
int xenevtchn_unmask(xenevtchn_handle *h, evtchn_port_t port)
{
	unmask_ports(h, &port, 1);
	return 0;
}

int xenevtchn_restrict(xenevtchn_handle *h, domid_t domid)
{
	if (h->c->restricted != MACHINE_NONE)
		return fail(EACCES);
	if (domid == 0 || domid >= DOMID_FIRST_RESERVED)
		return fail(EINVAL);
	h->c->restricted = domid;
	return 0;
}
