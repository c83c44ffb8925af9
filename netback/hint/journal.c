/* SPDX-License-Identifier: MIT */
/* journal.c: entries at their places in a file */
#include "netback/hint/journal.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <time.h>
#include <unistd.h>

#include "netback/common/log.h"
#include "netback/common/util.h"

_Static_assert(sizeof(struct journal_entry) == 128, "no holes, and never over two pages");

/* FNV-1a, over all behind the checksum. */
static uint32_t sum(const struct journal_entry *e)
{
	const uint8_t *p = (const uint8_t *)e;
	uint32_t h = 2166136261u;

	for (size_t i = offsetof(struct journal_entry, state); i < sizeof(*e); i++)
		h = (h ^ p[i]) * 16777619u;
	return h;
}

static bool is_free(const struct journal_entry *e)
{
	return e->state == JOURNAL_FREE;
}

static bool is_good(const struct journal_entry *e)
{
	return e->checksum == sum(e) && e->state <= JOURNAL_PAST && e->kind <= SCHED_RTDS;
}

static int read_all(struct journal *j)
{
	static const struct journal_entry none;
	ssize_t n = pread(j->fd, j->entry, sizeof(j->entry), 0);

	if (n < 0)
		return -errno;
	memset((char *)j->entry + n, 0, sizeof(j->entry) - (size_t)n);
	for (unsigned int i = 0; i < JOURNAL_MAX; i++) {
		if (memcmp(&j->entry[i], &none, sizeof(none)) == 0 || is_good(&j->entry[i]))
			continue;
		warn("hint.journal: entry %u is damaged and ignored", i);
		j->entry[i] = none;
	}
	return 0;
}

int journal_open(struct journal *j, const char *run_dir)
{
	char path[PATH_MAX];
	int ret;

	if (snprintf(path, sizeof(path), "%s/hint.journal", run_dir) >= PATH_MAX)
		return -ENAMETOOLONG;
	j->fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0640);
	if (j->fd < 0)
		return -errno;
	ret = flock(j->fd, LOCK_EX | LOCK_NB) < 0 ? -errno : read_all(j);
	if (ret < 0)
		close(j->fd);
	return ret;
}

void journal_close(struct journal *j)
{
	close(j->fd);
	j->fd = -1;
}

bool journal_is_pool(const struct journal_entry *e)
{
	static const uint8_t none[16];

	return memcmp(e->uuid, none, sizeof(none)) == 0;
}

struct journal_entry *journal_find(struct journal *j, const uint8_t uuid[16], uint32_t domid,
				   uint32_t pool)
{
	for (unsigned int i = 0; i < JOURNAL_MAX; i++) {
		struct journal_entry *e = &j->entry[i];

		if (is_free(e) || memcmp(e->uuid, uuid, sizeof(e->uuid)) != 0)
			continue;
		if (journal_is_pool(e) ? e->pool == pool : domid == UINT32_MAX || e->domid == domid)
			return e;
	}
	return NULL;
}

struct journal_entry *journal_make(struct journal *j)
{
	struct journal_entry *oldest = NULL;

	for (unsigned int i = 0; i < JOURNAL_MAX; i++) {
		struct journal_entry *e = &j->entry[i];

		if (is_free(e))
			return e;
		if (e->state == JOURNAL_PAST && (!oldest || e->seconds < oldest->seconds))
			oldest = e;
	}
	if (oldest)
		memset(oldest, 0, sizeof(*oldest));
	return oldest;
}

int journal_write(struct journal *j, struct journal_entry *e)
{
	struct timespec now;
	ssize_t n;

	clock_gettime(CLOCK_REALTIME, &now);
	e->seconds = (uint64_t)now.tv_sec;
	e->checksum = sum(e);
	n = pwrite(j->fd, e, sizeof(*e), (char *)e - (char *)j->entry);
	if (n != sizeof(*e))
		return n < 0 ? -errno : -EIO;
	return fdatasync(j->fd) < 0 ? -errno : 0;
}

void journal_note(struct journal_entry *e, uint32_t first, uint32_t second)
{
	memmove(e->wrote[1], e->wrote[0], sizeof(e->wrote) - sizeof(e->wrote[0]));
	e->wrote[0][0] = first;
	e->wrote[0][1] = second;
}
