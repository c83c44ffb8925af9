/* SPDX-License-Identifier: MIT */
/* vif-files.c: stats and journal files */
#include "vif-files.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "netback/common/link.h"
#include "netback/common/log.h"

enum {
	BOOT_SIZE = 64, /* a UUID */
};

static int make_path(char path[PATH_MAX], const char *run_dir, const char *name, const char *suffix)
{
	return snprintf(path, PATH_MAX, "%s/%s.%s", run_dir, name, suffix) < PATH_MAX
		       ? 0
		       : -ENAMETOOLONG;
}

int vif_files_set_size(int fd, off_t size)
{
	int error;

	if (ftruncate(fd, size) < 0)
		return -errno;
	do
		error = posix_fallocate(fd, 0, size);
	while (error == EINTR); /* a child's end is enough for tmpfs */
	return -error;
}

static int open_sized(const char *run_dir, const char *name, const char *suffix, off_t size)
{
	char path[PATH_MAX];
	int fd, ret;

	ret = make_path(path, run_dir, name, suffix);
	if (ret < 0)
		return ret;

	fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0640);
	if (fd < 0)
		return -errno;
	ret = vif_files_set_size(fd, size);
	if (ret == 0)
		return fd;
	close(fd);
	return ret;
}

int vif_files_open(struct vif_files *files, const char *run_dir, const char *name)
{
	void *map;
	int ret;

	if (files->open)
		return 0;

	ret = files->stats_fd = open_sized(run_dir, name, "stats", (off_t)sizeof(struct stats_vif));
	if (ret < 0)
		return ret;

	ret = files->journal_fd = open_sized(run_dir, name, "journal", LINK_JOURNAL_BYTES);
	if (ret < 0)
		goto err_stats;

	map = mmap(NULL, sizeof(struct stats_vif), PROT_READ, MAP_SHARED, files->stats_fd, 0);
	if (map == MAP_FAILED) {
		ret = -errno;
		goto err_journal;
	}
	files->stats = map;
	files->open = true;
	return 0;

err_journal:
	close(files->journal_fd);
err_stats:
	close(files->stats_fd);
	return ret;
}

int vif_files_forget_journal(const struct vif_files *files)
{
	/* Cut to nothing and grown again a file is all zeros. */
	if (ftruncate(files->journal_fd, 0) < 0)
		return -errno;
	return vif_files_set_size(files->journal_fd, LINK_JOURNAL_BYTES);
}

/* Numbers of interfaces are not used twice before the next boot. */
static void read_boot(char boot[BOOT_SIZE])
{
	FILE *file = fopen("/proc/sys/kernel/random/boot_id", "re");

	boot[0] = '\0';
	if (!file)
		return;
	if (fgets(boot, BOOT_SIZE, file))
		boot[strcspn(boot, "\n")] = '\0';
	fclose(file);
}

unsigned int vif_files_load_index(const char *run_dir, const char *name)
{
	char path[PATH_MAX], boot[BOOT_SIZE], line[BOOT_SIZE + 16], *end;
	unsigned long index = 0;
	FILE *file;

	if (make_path(path, run_dir, name, "tap") < 0)
		return 0;
	file = fopen(path, "re");
	if (!file)
		return 0;
	read_boot(boot);
	if (fgets(line, sizeof(line), file)) {
		line[strcspn(line, "\n")] = '\0';
		index = strtoul(line, &end, 10);
		if (*end != ' ' || strcmp(end + 1, boot) != 0 || index > UINT_MAX)
			index = 0;
	}
	fclose(file);
	return (unsigned int)index;
}

void vif_files_save_index(const char *run_dir, const char *name, unsigned int index)
{
	char path[PATH_MAX], boot[BOOT_SIZE];
	FILE *file;

	read_boot(boot);
	file = make_path(path, run_dir, name, "tap") < 0 ? NULL : fopen(path, "we");
	if (!file) {
		warn_perror("%s.tap", name);
		return;
	}
	fprintf(file, "%u %s\n", index, boot);
	fclose(file);
}

void vif_files_close(struct vif_files *files)
{
	if (!files->open)
		return;
	munmap((void *)files->stats, sizeof(struct stats_vif));
	close(files->journal_fd);
	close(files->stats_fd);
	files->open = false;
	files->stats = NULL;
}

static void remove_file(const char *run_dir, const char *name, const char *suffix)
{
	char path[PATH_MAX];

	if (make_path(path, run_dir, name, suffix) == 0 && unlink(path) < 0 && errno != ENOENT)
		warn_perror("%s", path);
}

void vif_files_remove(struct vif_files *files, const char *run_dir, const char *name)
{
	vif_files_close(files);
	remove_file(run_dir, name, "stats");
	remove_file(run_dir, name, "journal");
	remove_file(run_dir, name, "tap");
}

/* A decimal number and the dot after it; NULL if there is none. */
static const char *take_number(const char *text, unsigned int *out)
{
	char *end;

	*out = (unsigned int)strtoul(text, &end, 10);
	return end > text && *end == '.' ? end + 1 : NULL;
}

void vif_files_each(const char *run_dir, void (*fn)(unsigned int domid, unsigned int handle))
{
	unsigned int domid, handle;
	struct dirent *entry;
	DIR *dir = opendir(run_dir);
	const char *rest;

	if (!dir)
		return;
	while ((entry = readdir(dir))) {
		if (strncmp(entry->d_name, "vif", 3) != 0)
			continue;
		rest = take_number(entry->d_name + 3, &domid);
		if (rest && take_number(rest, &handle) && domid < 32768 && handle < 65536)
			fn(domid, handle);
	}
	closedir(dir);
}

bool vif_files_stats_ready(const struct vif_files *files)
{
	const struct stats_vif *stats = files->stats;

	return files->open && __atomic_load_n(&stats->magic, __ATOMIC_ACQUIRE) == STATS_MAGIC &&
	       stats->version == STATS_VERSION && stats->size == sizeof(*stats) &&
	       stats->nr_queues <= STATS_MAX_QUEUES;
}
