/* SPDX-License-Identifier: MIT */
/* vif-files.h: the files of the run directory that outlive an engine */
#ifndef NETBACK_CONTROL_VIF_FILES_H
#define NETBACK_CONTROL_VIF_FILES_H

#include <stdbool.h>
#include <sys/types.h>

#include "netback/common/stats.h"

/*
 *   RUN_DIR/vifD.N.stats     struct stats_vif (stats.h), removed with the vif
 *   RUN_DIR/vifD.N.journal   LINK_JOURNAL_BYTES, zeroed at each connect that is not a re-attach
 *   RUN_DIR/vifD.N.tap       the index of the interface and the boot it is of, for the next netbackd
 *
 * Control creates them and hands the descriptors of the first two to an engine, which alone writes the contents. Main thread
 * only. Functions return 0 or -errno.
 */
struct vif_files {
	int stats_fd, journal_fd;
	const struct stats_vif *stats; /* mapped read-only */
	bool open;
};

/* Open or create both, for the vif called name. Does nothing if they are open. */
int vif_files_open(struct vif_files *files, const char *run_dir, const char *name);

/*
 * Give a file its size and all its memory, for mappings: an engine that met a full file system there would die of it,
 * and the next one, too. Some 140 KiB a vif.
 */
int vif_files_set_size(int fd, off_t size);

/* A new connection has nothing to finish. */
int vif_files_forget_journal(const struct vif_files *files);

/* The interface's index; load gives 0 if none was saved since the host was booted. */
unsigned int vif_files_load_index(const char *run_dir, const char *name);
void vif_files_save_index(const char *run_dir, const char *name, unsigned int index);

void vif_files_close(struct vif_files *files);
void vif_files_remove(struct vif_files *files, const char *run_dir, const char *name);

/* Whose files lie in the directory, known or left behind. fn may remove them. */
void vif_files_each(const char *run_dir, void (*fn)(unsigned int domid, unsigned int handle));

/* A page that a reader may believe: magic, version, size and nr_queues are right. The engine may change them any time. */
bool vif_files_stats_ready(const struct vif_files *files);

#endif
