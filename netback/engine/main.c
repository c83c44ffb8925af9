/* SPDX-License-Identifier: MIT */
/* main.c: netback-engine, the process that moves packets; started by netbackd, never by hand */
#include <errno.h>
#include <getopt.h>
#include <malloc.h>
#include <poll.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <unistd.h>

#include "netback/common/link.h"
#include "netback/common/log.h"
#include "netback/common/stats.h"
#include "netback/common/util.h"
#include "netback/engine/sandbox.h"
#include "netback/engine/vif.h"
#include "netback/engine/worker.h"

enum {
	LINK_FD = 3, /* where netbackd puts the socket */
	MAX_VIFS = 4096,
};

static struct worker workers[STATS_MAX_WORKERS];
static unsigned int nr_workers;
static uint16_t domid; /* the backend domain */
static struct stats_engine *stats;
static struct vif *vifs[MAX_VIFS];
static atomic_uint guest_pages[UINT16_MAX + 1]; /* by domain id: what it has staged */
static unsigned int nr_vifs;
static int wake_fd;

/* --- answers ----------------------------------------------------------------------------------- */

static void answer(enum link_type type, const struct link_vif *vif, int error, const char *text)
{
	struct link_msg msg = {.magic = LINK_MAGIC, .type = type};

	if (vif)
		msg.vif = *vif;
	msg.u.answer.error = error;
	snprintf(msg.u.answer.text, sizeof(msg.u.answer.text), "%s", text);
	if (link_send(LINK_FD, &msg, NULL, 0) < 0)
		debug("control is gone");
}

/* --- vifs -------------------------------------------------------------------------------------- */

static unsigned int find_vif(const struct link_vif *id)
{
	unsigned int i = 0;

	while (i < nr_vifs && (vifs[i]->id.domid != id->domid || vifs[i]->id.handle != id->handle))
		i++;
	return i;
}

static void remove_vif(unsigned int i)
{
	vif_detach(vifs[i]);
	vifs[i] = vifs[--nr_vifs];
}

static void attach(const struct link_msg *msg, const int *fds, unsigned int nr_fds)
{
	unsigned int old = find_vif(&msg->vif);
	struct vif *vif;
	const char *why;

	if (old < nr_vifs)
		remove_vif(old);
	if (nr_vifs == MAX_VIFS) {
		for (unsigned int i = 0; i < nr_fds; i++)
			close(fds[i]);
		answer(LINK_ATTACHED, &msg->vif, -ENOSPC, "too many vifs for an engine");
		return;
	}
	vif = vif_attach(msg, fds, nr_fds, LINK_FD, wake_fd, workers, nr_workers,
			 &guest_pages[msg->vif.domid], &why);
	if (!vif) {
		answer(LINK_ATTACHED, &msg->vif, -errno, why);
		return;
	}
	vifs[nr_vifs++] = vif;
	answer(LINK_ATTACHED, &msg->vif, 0, "");
}

static void detach(const struct link_msg *msg)
{
	unsigned int i = find_vif(&msg->vif);

	if (i < nr_vifs)
		remove_vif(i);
	answer(LINK_DETACHED, &msg->vif, 0, "");
}

static void police(const struct link_msg *msg)
{
	unsigned int i = find_vif(&msg->vif);

	if (i < nr_vifs)
		vif_police(vifs[i], &msg->u.policy);
	answer(LINK_POLICED, &msg->vif, 0, "");
}

/* Guests that broke the protocol: their rings are let go before control hears of it. */
static void reap_failed(void)
{
	eventfd_t count;
	unsigned int i = 0;

	eventfd_read(wake_fd, &count);
	while (i < nr_vifs) {
		const char *why = atomic_load(&vifs[i]->failure);
		struct link_vif id = vifs[i]->id;

		if (!why) {
			i++;
			continue;
		}
		remove_vif(i);
		answer(LINK_FAILED, &id, -EPROTO, why);
	}
}

/* --- life -------------------------------------------------------------------------------------- */

/* The first message, before anything is opened. */
static void wait_start(void)
{
	struct link_msg msg;
	unsigned int nr_fds;
	int fds[LINK_MAX_FDS];
	int ret = link_recv(LINK_FD, &msg, fds, &nr_fds);

	if (ret == 0)
		exit(0);
	if (ret < 0 || msg.type != LINK_START || nr_fds != 1)
		die("fd %d is not a link to netbackd, which is to start this program", LINK_FD);

	log_set_level((enum log_level)msg.u.start.log_level);
	domid = msg.u.start.domid;
	nr_workers = max(1u, min(msg.u.start.nr_workers, (uint32_t)STATS_MAX_WORKERS));
	stats = mmap(NULL, sizeof(*stats), PROT_READ | PROT_WRITE, MAP_SHARED, fds[0], 0);
	if (stats == MAP_FAILED)
		die_perror("cannot map the engine's stats page");
	close(fds[0]);
}

static void open_workers(void)
{
	for (unsigned int i = 0; i < nr_workers; i++) {
		int ret;

		workers[i].index = i;
		workers[i].domid = domid;
		workers[i].want_uring = true;
		workers[i].stats = &stats->worker[i];
		ret = worker_open(&workers[i]);
		if (ret < 0)
			die("cannot open the event channel and grant devices: %s", strerror(-ret));
	}
}

static void start_workers(void)
{
	/*
	 * One heap for all: they seldom allocate. Making another, libc would first ask how many CPUs there
	 * are, by calls that sandbox.c does not list.
	 */
	mallopt(M_ARENA_MAX, 1);
	for (unsigned int i = 0; i < nr_workers; i++) {
		int ret = worker_start(&workers[i]);

		if (ret < 0)
			die("cannot start a thread: %s", strerror(-ret));
	}
	if (stats->magic && (stats->version != STATS_VERSION || stats->size != sizeof(*stats)))
		memset(stats, 0, sizeof(*stats));
	stats->version = STATS_VERSION;
	stats->size = sizeof(*stats);
	stats->pid = (uint32_t)getpid();
	stats->nr_workers = nr_workers;
	__atomic_store_n(&stats->magic, STATS_MAGIC, __ATOMIC_RELEASE);
}

/* 0: control is gone or talks nonsense, stop. */
static int take_message(void)
{
	struct link_msg msg;
	unsigned int nr_fds;
	int fds[LINK_MAX_FDS];
	int ret = link_recv(LINK_FD, &msg, fds, &nr_fds);

	if (ret <= 0) {
		if (ret < 0)
			err("link: %s", strerror(-ret));
		return 0;
	}
	switch (msg.type) {
	case LINK_ATTACH:
		attach(&msg, fds, nr_fds);
		return 1;
	case LINK_DETACH:
		detach(&msg);
		return 1;
	case LINK_POLICY:
		police(&msg);
		return 1;
	default:
		err("link: unexpected message %u", msg.type);
		return 0;
	}
}

static void serve(void)
{
	struct pollfd pfd[] = {
		{.fd = LINK_FD, .events = POLLIN},
		{.fd = wake_fd, .events = POLLIN},
	};

	for (;;) {
		if (poll(pfd, ARRAY_SIZE(pfd), -1) < 0 && errno != EINTR)
			break;
		if (pfd[1].revents)
			reap_failed();
		if (pfd[0].revents && !take_message())
			break;
	}
}

static void stop(void)
{
	while (nr_vifs)
		remove_vif(0);
	for (unsigned int i = 0; i < nr_workers; i++)
		worker_stop(&workers[i]);
}

static enum sandbox_level parse_sandbox(const char *word)
{
	if (strcmp(word, "full") == 0)
		return SANDBOX_FULL;
	if (strcmp(word, "caps") == 0)
		return SANDBOX_CAPS;
	die("--sandbox: \"%s\" is neither full nor caps", word);
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{"key", required_argument, NULL, 'k'},
		{"sandbox", required_argument, NULL, 's'},
		{0},
	};
	enum sandbox_level level = SANDBOX_FULL;
	char name[32] = "netback-engine";
	int c;

	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (c == 'k')
			snprintf(name, sizeof(name), "netback-engine[%s]", optarg);
		else if (c == 's')
			level = parse_sandbox(optarg);
		else
			return 1;
	}
	log_init(name, LOG_LEVEL_INFO);
	/* Whoever stops netbackd by ^C does not stop the engines with it: the link's end does. */
	signal(SIGINT, SIG_IGN);

	sandbox_begin();
	wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (wake_fd < 0)
		die_perror("cannot make an eventfd");
	wait_start();
	open_workers();
	sandbox_privileges(level);
	start_workers();
	sandbox_syscalls(level);
	answer(LINK_READY, NULL, 0, "");
	serve();
	stop();
	return 0;
}
