/* SPDX-License-Identifier: MIT */
/* A small xenstored for the fake machine: sockets and the loop. */
#include "xenstored.h"

#include "machine.h"
#include "store.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

/*
 * One socket a domain: xenstored.sock is domain 0's, xenstored-N.sock that of
 * domain N once it is introduced. Debian's libxenstore reaches either through
 * XENSTORED_PATH. The daemon lives until it is told to stop or its directory
 * goes away, and now and then lets the machine reap dead processes.
 */

enum {
	TICK_MS = 100
};

struct listener {
	struct listener *next;
	int fd;
	uint32_t domid;
};

struct conn *conns;
static struct listener *listeners;
static const char *dir;
static FILE *trace;
static bool stopping;

void stop(void)
{
	stopping = true;
}

static void socket_name(uint32_t domid, struct sockaddr_un *sun)
{
	int n;

	sun->sun_family = AF_UNIX;
	if (domid)
		n = snprintf(sun->sun_path, sizeof(sun->sun_path), "%s/xenstored-%u.sock", dir,
			     domid);
	else
		n = snprintf(sun->sun_path, sizeof(sun->sun_path), "%s/xenstored.sock", dir);
	if (n >= (int)sizeof(sun->sun_path)) {
		fprintf(stderr, "xenstored: %s: too long for a socket's name\n", dir);
		exit(1);
	}
}

static struct listener **find_listener(uint32_t domid)
{
	struct listener **p;

	for (p = &listeners; *p && (*p)->domid != domid; p = &(*p)->next)
		;
	return p;
}

int listen_for(uint32_t domid)
{
	struct listener *l = calloc(1, sizeof(*l));
	struct sockaddr_un sun;

	socket_name(domid, &sun);
	unlink(sun.sun_path);
	if (!l)
		return ENOMEM;
	l->domid = domid;
	l->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (l->fd < 0 || bind(l->fd, (struct sockaddr *)&sun, sizeof(sun)) || listen(l->fd, 64)) {
		close(l->fd);
		free(l);
		return errno;
	}
	chmod(sun.sun_path, 0666);
	l->next = listeners;
	listeners = l;
	return 0;
}

bool listens_for(uint32_t domid)
{
	return *find_listener(domid) != NULL;
}

void listen_end(uint32_t domid)
{
	struct listener **p = find_listener(domid), *l = *p;
	struct sockaddr_un sun;

	*p = l->next;
	close(l->fd);
	free(l);
	socket_name(domid, &sun);
	unlink(sun.sun_path);
}

static void receive(struct conn *c)
{
	for (;;) {
		size_t want = sizeof(c->in.hdr);
		ssize_t n;

		if (c->have >= want)
			want += c->in.hdr.len;
		if (want > sizeof(c->in)) {
			c->gone = true; /* a breach of the protocol ends the connection */
			return;
		}
		if (c->have == want && want > 0) {
			c->have = 0;
			request_serve(c, trace);
			continue;
		}
		n = recv(c->fd, c->in.bytes + c->have, want - c->have, 0);
		if (n <= 0) {
			c->gone |= n == 0 || (errno != EAGAIN && errno != EINTR);
			return;
		}
		c->have += n;
	}
}

static void transmit(struct conn *c)
{
	while (c->out_done < c->out_len) {
		ssize_t n =
			send(c->fd, c->out + c->out_done, c->out_len - c->out_done, MSG_NOSIGNAL);

		if (n < 0) {
			c->gone |= errno != EAGAIN && errno != EINTR;
			return;
		}
		c->out_done += n;
	}
	c->out_len = c->out_done = 0;
}

static void welcome(struct listener *l)
{
	int fd = accept4(l->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	struct conn *c, **p;

	if (fd < 0)
		return;
	c = calloc(1, sizeof(*c));
	if (!c) {
		close(fd);
		return;
	}
	c->fd = fd;
	c->domid = l->domid;
	for (p = &conns; *p; p = &(*p)->next)
		; /* events go out in the order of arrival */
	*p = c;
}

static void sweep(void)
{
	struct conn **p = &conns, *c;

	while ((c = *p)) {
		if (!c->gone) {
			p = &c->next;
			continue;
		}
		*p = c->next;
		request_forget(c);
		close(c->fd);
		free(c->out);
		free(c);
	}
}

/* Look after the machine; false when its directory has gone. */
static bool tick(void)
{
	struct sockaddr_un sun;
	bool dead = false;

	for (uint32_t i = 0; i < MACHINE_PROCS && !dead; i++) {
		struct machine_proc *p = &machine_view.m->procs[i];

		dead = p->state == PROC_LIVE && !machine_proc_alive(proc_ref(i, p->serial));
	}
	if (dead) {
		machine_lock();
		machine_reap_all();
		machine_unlock();
	}
	socket_name(0, &sun);
	return access(sun.sun_path, F_OK) == 0;
}

static unsigned int gather(struct pollfd *fds, unsigned int max)
{
	unsigned int n = 0;

	for (struct listener *l = listeners; l && n < max; l = l->next)
		fds[n++] = (struct pollfd){.fd = l->fd, .events = POLLIN};
	for (struct conn *c = conns; c && n < max; c = c->next)
		fds[n++] =
			(struct pollfd){.fd = c->fd, .events = POLLIN | (c->out_len ? POLLOUT : 0)};
	return n;
}

static int64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * INT64_C(1000) + t.tv_nsec / 1000000;
}

static void run(void)
{
	static struct pollfd fds[4096];
	int64_t last = now_ms();

	while (!stopping) {
		unsigned int n = gather(fds, 4096), i = 0;
		struct listener *l = listeners;
		struct conn *c = conns;

		poll(fds, n, TICK_MS);
		if (now_ms() - last >= TICK_MS) {
			last = now_ms();
			if (!tick())
				return;
		}
		/* The lists only grow at places that this round does not visit. */
		for (; l && i < n; i++) {
			struct listener *next = l->next;

			if (fds[i].revents)
				welcome(l);
			l = next;
		}
		for (; c && i < n; c = c->next, i++)
			if (fds[i].revents & ~POLLOUT && !c->gone)
				receive(c);
		for (c = conns; c; c = c->next)
			if (c->out_len)
				transmit(c);
		sweep();
	}
}

int main(int argc, char **argv)
{
	int null, rc;

	if (argc < 2) {
		fprintf(stderr, "usage: xenstored DIR [TRACE]\n");
		return 2;
	}
	dir = argv[1];
	if (argc > 2)
		trace = fopen(argv[2], "ae");
	if (trace)
		setlinebuf(trace);
	signal(SIGPIPE, SIG_IGN);
	rc = -machine_open(dir);
	store_init();
	if (!rc)
		rc = listen_for(0);
	if (rc) {
		fprintf(stderr, "xenstored: %s: %s\n", dir, strerror(rc));
		return 1;
	}
	/* Whoever started us may connect as soon as we return. */
	rc = fork();
	if (rc)
		return rc < 0;
	setsid();
	null = open("/dev/null", O_RDWR | O_CLOEXEC);
	for (int fd = 0; fd < 3; fd++)
		dup2(null, fd);
	run();
	return 0;
}
