/* SPDX-License-Identifier: MIT */
/* figures.c: writes a statistics page as an engine would, with the counters growing as told */
#include <fcntl.h>
#include <poll.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "netback/common/stats.h"

/*
 * figures RUN_DIR DOMID HANDLE [NAME=RATE...], and further NAME=RATE words on stdin. NAME is a counter of the first
 * queue, RATE what it grows by a second; kick_us=N: a hundred kicks a second, of N us. It lives until it is killed:
 * the page's engine is this process.
 */
enum {
	PERIOD_MS = 5,
	KICKS = 100, /* a second */
};

#define NAME_(name, what)      #name,
#define DROP_NAME_(name, what) "drop_" #name,
static const char *const names[] = {STATS_QUEUE_COUNTERS(NAME_) STATS_DROP_REASONS(DROP_NAME_)};

enum {
	NR_COUNTERS = sizeof(names) / sizeof(names[0])
};

#define OFFSET_(name, what)	 offsetof(struct stats_queue, name),
#define DROP_OFFSET_(name, what) offsetof(struct stats_queue, drop_##name),
static const size_t offsets[] = {STATS_QUEUE_COUNTERS(OFFSET_) STATS_DROP_REASONS(DROP_OFFSET_)};

static double rate[NR_COUNTERS], count[NR_COUNTERS], kicks;
static unsigned long kick_us;

static void set(const char *word)
{
	const char *value = strchr(word, '=');
	size_t len = value ? (size_t)(value - word) : 0;

	if (value && strncmp(word, "kick_us=", 8) == 0) {
		kick_us = strtoul(value + 1, NULL, 10);
		return;
	}
	for (unsigned int i = 0; value && i < NR_COUNTERS; i++) {
		if (strlen(names[i]) == len && strncmp(names[i], word, len) == 0) {
			rate[i] = strtod(value + 1, NULL);
			return;
		}
	}
	fprintf(stderr, "figures: %s: no such counter\n", word);
	exit(2);
}

static struct stats_vif *make_page(const char *dir, const char *domid, const char *handle)
{
	struct stats_vif *page;
	char path[4096];
	int fd;

	snprintf(path, sizeof(path), "%s/vif%s.%s.stats", dir, domid, handle);
	fd = open(path, O_RDWR | O_CREAT, 0640);
	if (fd < 0 || ftruncate(fd, sizeof(*page)) < 0) {
		perror(path);
		exit(2);
	}
	page = mmap(NULL, sizeof(*page), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (page == MAP_FAILED) {
		perror(path);
		exit(2);
	}
	page->version = STATS_VERSION;
	page->size = sizeof(*page);
	page->domid = (uint32_t)strtoul(domid, NULL, 10);
	page->handle = (uint32_t)strtoul(handle, NULL, 10);
	page->nr_queues = 1;
	page->engine_pid = (uint32_t)getpid();
	__atomic_store_n(&page->magic, STATS_MAGIC, __ATOMIC_RELEASE);
	return page;
}

static double now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

static void grow(struct stats_queue *q, double seconds)
{
	for (unsigned int i = 0; i < NR_COUNTERS; i++) {
		count[i] += rate[i] * seconds;
		stats_set((uint64_t *)((char *)q + offsets[i]), (uint64_t)count[i]);
	}
	for (kicks += kick_us ? KICKS * seconds : 0; kicks >= 1; kicks--)
		stats_inc(&q->kick[stats_kick_bucket(kick_us * 1000)]);
}

int main(int argc, char **argv)
{
	struct pollfd fd = {.fd = 0, .events = POLLIN};
	struct stats_vif *page;
	double last = now(), t;
	char word[128];

	if (argc < 4)
		return 2;
	page = make_page(argv[1], argv[2], argv[3]);
	for (int i = 4; i < argc; i++)
		set(argv[i]);
	puts("ok");
	fflush(stdout);
	setvbuf(stdin, NULL, _IONBF, 0);
	for (;;) {
		if (poll(&fd, 1, PERIOD_MS) > 0) {
			if (scanf("%127s", word) == 1)
				set(word);
			else
				fd.fd = -1;
		}
		t = now();
		grow(&page->queue[0], t - last);
		last = t;
	}
}
