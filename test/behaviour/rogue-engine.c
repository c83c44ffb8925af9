/* SPDX-License-Identifier: MIT */
/* rogue-engine.c: an engine that a guest has taken over, as netbackd sees it */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "netback/common/link.h"
#include "netback/common/stats.h"

/*
 * rogue-engine --key KEY, started by netbackd; $ROGUE tells what it does:
 *
 *   flood   says over and over that the guest takes packets, and that it does not
 *   pages   changes the numbers of queues and workers in its pages all the time
 *   text    refuses to attach, with a reason that no terminal should see
 *   hang    stops in the middle of attaching a vif with handle 0, when all orders are there; serves others
 *
 * No ring is ever looked at.
 */
enum {
	SOCK = 3,
	HUGE_COUNT = 1 << 24,
};

static const char *mode;
static struct stats_engine *engine_page;
static struct stats_vif *vif_page;

static void say(enum link_type type, const struct link_vif *vif, int error, const char *text)
{
	struct link_msg msg = {.magic = LINK_MAGIC, .type = type};

	if (vif)
		msg.vif = *vif;
	msg.u.answer.error = error;
	strncpy(msg.u.answer.text, text, sizeof(msg.u.answer.text) - 1);
	link_send(SOCK, &msg, NULL, 0);
}

static void *map(int fd, size_t size)
{
	void *page = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

	if (page == MAP_FAILED)
		exit(1);
	return page;
}

static void start(const int *fds)
{
	engine_page = map(fds[0], sizeof(*engine_page));
	*engine_page = (struct stats_engine){
		.version = STATS_VERSION,
		.size = sizeof(*engine_page),
		.pid = (uint32_t)getpid(),
		.nr_workers = 1,
	};
	__atomic_store_n(&engine_page->magic, STATS_MAGIC, __ATOMIC_RELEASE);
	say(LINK_READY, NULL, 0, "");
}

static void attach(const struct link_msg *msg, const int *fds)
{
	if (strcmp(mode, "text") == 0) {
		say(LINK_ATTACHED, &msg->vif, -EINVAL, "red \033[31m and \xff\r\nmore");
		return;
	}
	if (strcmp(mode, "hang") == 0 && msg->vif.handle == 0)
		pause();
	vif_page = map(fds[LINK_FD_STATS], sizeof(*vif_page));
	*vif_page = (struct stats_vif){
		.version = STATS_VERSION,
		.size = sizeof(*vif_page),
		.nr_queues = 1,
	};
	__atomic_store_n(&vif_page->magic, STATS_MAGIC, __ATOMIC_RELEASE);
	say(LINK_ATTACHED, &msg->vif, 0, "");
}

static void change_pages(void)
{
	for (unsigned int i = 0; i < 100000; i++) {
		uint32_t count = i % 8 ? HUGE_COUNT
				       : 1; /* mostly wrong: readers look once right, then again */

		__atomic_store_n(&vif_page->nr_queues, count, __ATOMIC_RELAXED);
		__atomic_store_n(&engine_page->nr_workers, count, __ATOMIC_RELAXED);
	}
}

/* Never more than the socket takes: netbackd's orders come in between. */
static void misbehave(const struct link_vif *vif)
{
	struct link_msg msg = {.magic = LINK_MAGIC, .type = LINK_CARRIER, .vif = *vif};

	if (strcmp(mode, "pages") == 0)
		change_pages();
	if (strcmp(mode, "flood") != 0)
		return;
	for (unsigned int i = 0; i < 1000; i++) {
		msg.u.carrier.on = i % 2;
		link_send(SOCK, &msg, NULL, 0);
	}
}

int main(void)
{
	struct pollfd sock = {.fd = SOCK, .events = POLLIN};
	int fds[LINK_MAX_FDS];
	struct link_vif vif = {0};
	struct link_msg msg;
	unsigned int nr;

	mode = getenv("ROGUE");
	if (!mode)
		return 2;
	for (;;) {
		if (poll(&sock, 1, vif.serial ? 0 : -1) == 0) {
			misbehave(&vif);
			continue;
		}
		if (link_recv(SOCK, &msg, fds, &nr) != 1)
			return 0;
		if (msg.type == LINK_START) {
			start(fds);
			sleep(strcmp(mode, "hang") == 0);
		} else if (msg.type == LINK_ATTACH) {
			attach(&msg, fds);
			vif = vif_page ? msg.vif : vif;
		} else if (msg.type == LINK_POLICY) {
			say(LINK_POLICED, &msg.vif, 0, "");
		} else if (msg.type == LINK_DETACH) {
			say(LINK_DETACHED, &msg.vif, 0, "");
			vif = (struct link_vif){0};
		}
	}
}
