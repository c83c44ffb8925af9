/* SPDX-License-Identifier: MIT */
/* pages.c: files in the run directory, engines in /proc, taps in /sys */
#include "netback/hint/pages.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "netback/common/log.h"

/* --- pages ---------------------------------------------------------------------------------------------- */

static void forget(struct page *page)
{
	munmap((void *)page->stats, page->size);
	*page = (struct page){0};
}

static struct page *find(struct pages *p, uint32_t domid, uint32_t handle)
{
	for (unsigned int i = 0; i < p->nr; i++)
		if (p->page[i].stats && p->page[i].domid == domid && p->page[i].handle == handle)
			return &p->page[i];
	return NULL;
}

static struct page *free_page(struct pages *p)
{
	for (unsigned int i = 0; i < p->nr; i++)
		if (!p->page[i].stats)
			return &p->page[i];
	return p->nr < PAGES_MAX ? &p->page[p->nr++] : NULL;
}

static void map(struct pages *p, int fd, const struct stat *st, uint32_t domid, uint32_t handle)
{
	struct page *page = free_page(p);
	void *map;

	if (!page || st->st_size < (off_t)sizeof(struct stats_vif))
		return;
	map = mmap(NULL, sizeof(struct stats_vif), PROT_READ, MAP_SHARED, fd, 0);
	if (map == MAP_FAILED)
		return;
	*page = (struct page){
		.domid = domid,
		.handle = handle,
		.ino = st->st_ino,
		.found = true,
		.stats = map,
		.size = sizeof(struct stats_vif),
	};
}

/* Strictly decimal; what follows it, or NULL. */
static const char *take_number(const char *s, uint32_t *out)
{
	char *end;
	unsigned long n;

	if (!isdigit((unsigned char)*s))
		return NULL;
	errno = 0;
	n = strtoul(s, &end, 10);
	*out = (uint32_t)n;
	return errno || n > UINT32_MAX ? NULL : end;
}

/* vifD.N.stats */
static bool parse_name(const char *name, uint32_t *domid, uint32_t *handle)
{
	const char *s = strncmp(name, "vif", 3) == 0 ? take_number(name + 3, domid) : NULL;

	s = s && *s == '.' ? take_number(s + 1, handle) : NULL;
	return s && strcmp(s, ".stats") == 0;
}

static void look_at(struct pages *p, int dir, const char *name)
{
	uint32_t domid, handle;
	struct page *page;
	struct stat st;
	int fd;

	if (!parse_name(name, &domid, &handle))
		return;
	fd = openat(dir, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0)
		return;
	if (fstat(fd, &st) == 0) {
		page = find(p, domid, handle);
		if (page && page->ino != st.st_ino) {
			forget(page);
			page = NULL;
		}
		if (page)
			page->found = true;
		else
			map(p, fd, &st, domid, handle);
	}
	close(fd);
}

/* --- engines ------------------------------------------------------------------------------------------- */

static bool is_ready(const struct stats_vif *s)
{
	return __atomic_load_n(&s->magic, __ATOMIC_ACQUIRE) == STATS_MAGIC &&
	       s->version == STATS_VERSION && s->size == sizeof(*s) &&
	       s->nr_queues <= STATS_MAX_QUEUES;
}

/* The nth of the words that blanks part, from 0; "" if there are not so many. */
static const char *word(const char *s, unsigned int n)
{
	for (; n && s; n--) {
		s = strchr(s, ' ');
		s += s != NULL;
	}
	return s ? s : "";
}

/* proc(5): the state, utime and stime, in clock ticks, are fields 3, 14 and 15; the name before may hold anything. */
static bool read_engine(uint32_t pid, uint64_t *ret_cpu_ns)
{
	char path[32], line[1024], *at;
	uint64_t ticks;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%" PRIu32 "/stat", pid);
	file = fopen(path, "re");
	if (!file)
		return false;
	at = fgets(line, sizeof(line), file) ? strrchr(line, ')') : NULL;
	fclose(file);
	if (!at || at[1] != ' ')
		return false;
	at += 2;
	ticks = strtoull(word(at, 11), NULL, 10) + strtoull(word(at, 12), NULL, 10);
	*ret_cpu_ns = ticks * (1000000000u / (uint64_t)sysconf(_SC_CLK_TCK));
	return *at != 'Z' && *at != 'X';
}

/* Does the engine serve another domain, too? */
static bool is_shared(const struct pages *p, const struct page *page)
{
	uint32_t pid = page->stats->engine_pid;

	for (unsigned int i = 0; i < p->nr; i++)
		if (p->page[i].stats && p->page[i].domid != page->domid &&
		    p->page[i].stats->engine_pid == pid)
			return true;
	return false;
}

int pages_scan(struct pages *p)
{
	DIR *dir = opendir(p->run_dir);
	struct dirent *entry;

	for (unsigned int i = 0; i < p->nr; i++)
		p->page[i].found = p->page[i].alive = false;
	if (!dir)
		return -errno;
	while ((entry = readdir(dir)))
		look_at(p, dirfd(dir), entry->d_name);
	closedir(dir);

	for (unsigned int i = 0; i < p->nr; i++) {
		struct page *page = &p->page[i];

		if (!page->stats)
			continue;
		if (!page->found) {
			forget(page);
			continue;
		}
		page->alive = is_ready(page->stats) && page->stats->engine_pid &&
			      read_engine(page->stats->engine_pid, &page->cpu_ns);
	}
	return 0;
}

/* --- sums ------------------------------------------------------------------------------------------------ */

static uint64_t port_drops(const struct page *page)
{
	char path[96], line[32];
	uint64_t n = 0;
	FILE *file;

	snprintf(path, sizeof(path),
		 "/sys/class/net/vif%" PRIu32 ".%" PRIu32 "/statistics/tx_dropped", page->domid,
		 page->handle);
	file = fopen(path, "re");
	if (!file)
		return 0;
	if (fgets(line, sizeof(line), file))
		n = strtoull(line, NULL, 10);
	fclose(file);
	return n;
}

/* One engine's time once, however many of the domain's vifs it serves. */
static bool is_counted(const struct pages *p, const struct page *page)
{
	for (const struct page *q = p->page; q < page; q++)
		if (q->stats && q->domid == page->domid &&
		    q->stats->engine_pid == page->stats->engine_pid)
			return true;
	return false;
}

bool pages_read(const struct pages *p, uint32_t domid, struct totals *ret_totals)
{
	struct totals *t = ret_totals;
	bool any = false, alive = false, shared = false;

	*t = (struct totals){0};
	for (unsigned int i = 0; i < p->nr; i++) {
		const struct page *page = &p->page[i];

		if (!page->stats || page->domid != domid)
			continue;
		any = true;
		if (!page->alive)
			continue;
		alive = true;
		totals_add(t, page->stats);
		t->port_drops += port_drops(page);
		shared |= is_shared(p, page);
		if (!is_counted(p, page))
			t->cpu_ns += page->cpu_ns;
	}
	if (shared)
		t->cpu_ns = 0;
	return alive || !any;
}
