/* SPDX-License-Identifier: MIT */
/* backend.c: the table of vifs and the watch on their directories */
#include "backend.h"

#include <errno.h>
#include <event2/event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "hotplug.h"
#include "netback/common/log.h"
#include "vif.h"

enum {
	UPDATES_PER_TURN = 16
};

TAILQ_HEAD(vif_list, vif);

static struct vif_list vifs = TAILQ_HEAD_INITIALIZER(vifs);
static struct vif_list marked_vifs = TAILQ_HEAD_INITIALIZER(marked_vifs);
static struct event *work;
static struct xenbus_watch *root_watch, *release_watch;
static char root[KEYVAL_PATH_SIZE];
static const struct config *config;

void backend_mark(struct vif *vif)
{
	if (vif->is_marked)
		return;
	vif->is_marked = true;
	TAILQ_INSERT_TAIL(&marked_vifs, vif, marked);
	event_active(work, EV_TIMEOUT, 0);
}

static void unmark(struct vif *vif)
{
	TAILQ_REMOVE(&marked_vifs, vif, marked);
	vif->is_marked = false;
}

static void remove_vif(struct vif *vif)
{
	if (vif->is_marked)
		unmark(vif);
	TAILQ_REMOVE(&vifs, vif, entry);
	vif_free(vif);
}

/* One round: a vif that is marked again while it is updated waits for the next one. */
static void on_work(evutil_socket_t fd, short what, void *arg)
{
	struct vif *vif;

	(void)fd, (void)what, (void)arg;
	for (int n = 0; n < UPDATES_PER_TURN && (vif = TAILQ_FIRST(&marked_vifs)); n++) {
		unmark(vif);
		if (!vif_update(vif))
			remove_vif(vif);
		if (!xenbus_alive())
			return;
	}
	if (!TAILQ_EMPTY(&marked_vifs))
		event_active(work, EV_TIMEOUT, 0);
}

/* --- the table -------------------------------------------------------------------------------------------- */

static struct vif *find(unsigned int domid, unsigned int devid)
{
	struct vif *vif;

	TAILQ_FOREACH (vif, &vifs, entry) {
		if (vif->id.domid == domid && vif->id.devid == devid)
			return vif;
	}
	return NULL;
}

const struct vif *backend_find(const char *name)
{
	struct vif *vif;

	TAILQ_FOREACH (vif, &vifs, entry) {
		if (strcmp(vif->name, name) == 0)
			return vif;
	}
	return NULL;
}

void backend_each(void (*fn)(const struct vif *vif, void *arg), void *arg)
{
	struct vif *vif;

	TAILQ_FOREACH (vif, &vifs, entry)
		fn(vif, arg);
}

/* Whatever is in a directory of that name, its first update finds out. */
static void mark_id(const struct keyval_vif *id)
{
	struct vif *vif = find(id->domid, id->devid);

	if (!vif) {
		vif = vif_new(id);
		if (!vif) {
			err("vif%u.%u: no memory", id->domid, id->devid);
			return;
		}
		TAILQ_INSERT_TAIL(&vifs, vif, entry);
	}
	vif->policy_stale = true;
	backend_mark(vif);
}

/* --- the store -------------------------------------------------------------------------------------------- */

/* Names that are not numbers are nobody's business here. */
static void scan_domain(const char *domain)
{
	char path[KEYVAL_PATH_SIZE];
	struct keyval_vif id = {0};
	unsigned int nr;
	char **devices;
	int len;

	len = snprintf(path, sizeof(path), "%s/%s", root, domain);
	if (len >= (int)sizeof(path))
		return;
	devices = xenbus_list(path, &nr);
	for (unsigned int i = 0; i < nr; i++) {
		snprintf(path + len, sizeof(path) - (size_t)len, "/%s", devices[i]);
		if (keyval_split_path(path, &id, NULL) == 2)
			mark_id(&id);
	}
	free(devices);
}

static void scan(void)
{
	unsigned int nr;
	char **domains = xenbus_list(root, &nr);
	struct vif *vif;

	for (unsigned int i = 0; i < nr; i++)
		scan_domain(domains[i]);
	free(domains);

	TAILQ_FOREACH (vif, &vifs, entry)
		backend_mark(vif);
}

static void on_backend(void *arg, const char *path)
{
	struct keyval_vif id = {0};
	char domain[16];
	struct vif *vif;

	(void)arg;
	switch (keyval_split_path(path, &id, NULL)) {
	case 2:
		mark_id(&id);
		break;
	case 1:
		snprintf(domain, sizeof(domain), "%u", id.domid);
		scan_domain(domain);
		TAILQ_FOREACH (vif, &vifs, entry) {
			if (vif->id.domid == id.domid)
				backend_mark(vif);
		}
		break;
	case 0:
		scan();
		break;
	}
}

/*
 * Some domain has shut down or is gone: which one is not said. A guest that has rings has lived; one that has
 * none may not have been introduced to the store yet.
 */
static void on_release(void *arg, const char *path)
{
	struct vif *vif;

	(void)arg, (void)path;
	TAILQ_FOREACH (vif, &vifs, entry) {
		if (vif_state_has_rings(vif->state) && !vif->dead &&
		    !xenbus_domain_exists(vif->id.domid)) {
			debug("%s: its guest is gone", vif->name);
			vif->dead = true;
			backend_mark(vif);
		}
	}
}

/* --- start and stop --------------------------------------------------------------------------------------- */

/* A vif that went while no netbackd ran: its files tell of it, and its tap would stay for ever. */
static void sweep(unsigned int domid, unsigned int handle)
{
	struct vif_files files = {0};
	struct tap tap;

	if (find(domid, handle))
		return;
	tap_init(&tap, domid, handle);
	tap.index = vif_files_load_index(config->run_dir, tap.name);
	info("%s: left behind, removed", tap.name);
	tap_destroy(&tap);
	vif_files_remove(&files, config->run_dir, tap.name);
}

int backend_start(struct event_base *base, const struct config *settings)
{
	config = settings;
	work = event_new(base, -1, 0, on_work, NULL);
	if (!work || !keyval_root_path(root, sizeof(root), xenbus_domid()))
		return -ENOMEM;

	hotplug_init(base);
	vif_init(base, config);
	scan();
	if (!xenbus_alive())
		return -EIO; /* all would seem left behind */
	vif_files_each(config->run_dir, sweep);

	root_watch = xenbus_watch(root, on_backend, NULL);
	if (!root_watch)
		return -EIO;

	/*
	 * A driver domain may set it, and hears of it this once: the toolstack's own writes say there that a guest
	 * has gone.
	 */
	release_watch = xenbus_watch("@releaseDomain", on_release, NULL);
	return xenbus_alive() ? 0 : -EIO;
}

void backend_stop(void)
{
	struct vif *vif;

	xenbus_unwatch(root_watch);
	xenbus_unwatch(release_watch);
	while ((vif = TAILQ_FIRST(&vifs)))
		remove_vif(vif);
	hotplug_stop();
	event_free(work);
}
