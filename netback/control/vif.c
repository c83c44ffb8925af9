/* SPDX-License-Identifier: MIT */
/* vif.c: look at the store, decide, act */
#include "vif.h"

#include <errno.h>
#include <event2/event.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <xen/io/xenbus.h>

#include "backend.h"
#include "netback/common/log.h"
#include "netback/common/util.h"

enum {
	GRACE_SECONDS = 3, /* libxl waits 10 */
	LATER_SECONDS = 1,
	EVENTS_PER_SECOND = 50, /* connecting takes a frontend about five */
	STEPS_MAX = 16,		/* the longest walk, Connected to Initialising, takes six */
};

static struct event_base *base;
static const struct config *config;

void vif_init(struct event_base *loop, const struct config *settings)
{
	base = loop;
	config = settings;
}

/* --- timers and watches: they only mark ------------------------------------------------------------------- */

static void set_timer(struct event *timer, int seconds)
{
	event_add(timer, &(struct timeval){.tv_sec = seconds});
}

static void on_frontend(void *arg, const char *path);

static void watch_frontend(struct vif *vif)
{
	char path[KEYVAL_PATH_SIZE + 16];

	if (vif->fe_watch || !*vif->keys.frontend)
		return;
	snprintf(path, sizeof(path), "%s/%s", vif->keys.frontend, xsk_name(XSK_FE_STATE));
	vif->fe_watch = xenbus_watch(path, on_frontend, vif);
	if (!vif->fe_watch)
		set_timer(vif->later, LATER_SECONDS);
}

static void unwatch_frontend(struct vif *vif)
{
	xenbus_unwatch(vif->fe_watch);
	vif->fe_watch = NULL;
}

static void on_later(evutil_socket_t fd, short what, void *arg)
{
	(void)fd, (void)what;
	watch_frontend(arg);
	backend_mark(arg);
}

/* The frontend's directory belongs to the guest: it may write as often as xenstored lets it. */
static void on_frontend(void *arg, const char *path)
{
	struct vif *vif = arg;
	struct timespec now;

	(void)path;
	backend_mark(vif);

	clock_gettime(CLOCK_MONOTONIC, &now);
	if (now.tv_sec != vif->events_second) {
		vif->events_second = now.tv_sec;
		vif->events = 0;
	}
	if (++vif->events <= EVENTS_PER_SECOND)
		return;

	/* Nothing is lost: a new watch fires at once. */
	info("%s: the guest writes its state too often: not watched for a second", vif->name);
	unwatch_frontend(vif);
	set_timer(vif->later, LATER_SECONDS);
}

static void on_grace_over(evutil_socket_t fd, short what, void *arg)
{
	struct vif *vif = arg;

	(void)fd, (void)what;
	vif->facts.out_of_grace = true;
	backend_mark(vif);
}

/* --- the engine's answers --------------------------------------------------------------------------------- */

static void on_attached(void *arg, int error, const char *text)
{
	struct vif *vif = arg;

	if (error) {
		/* There is nothing left to detach. */
		if (vif->state == VIF_ATTACHING)
			vif->state = VIF_DETACHED;
		vif_fail(vif, error, "the engine cannot attach it: %s", text);
		return;
	}
	if (vif->state == VIF_ATTACHING)
		vif->state = vif->adopted ? VIF_CONNECTED : VIF_ATTACHED;
	if (vif->adopted)
		info("%s: adopted with its guest connected", vif->name);
	vif->adopted = false;
	backend_mark(vif);
}

static void on_detached(void *arg)
{
	struct vif *vif = arg;

	vif->state = VIF_DETACHED;
	backend_mark(vif);
}

static void on_failed(void *arg, const char *text)
{
	vif_fail(arg, -EPROTO, "%s", *text ? text : "the guest broke the protocol");
}

static void on_carrier(void *arg, bool on)
{
	struct vif *vif = arg;

	if (vif->carrier == on)
		return; /* an engine after another tells anew */
	vif->carrier = on;
	tap_set_carrier(&vif->tap, on);
	info(on ? "%s: Guest Rx ready" : "%s: Guest Rx stalled", vif->name);
}

static const struct link_ops link_ops = {
	.attached = on_attached,
	.detached = on_detached,
	.failed = on_failed,
	.carrier = on_carrier,
};

/* --- birth and death -------------------------------------------------------------------------------------- */

struct vif *vif_new(const struct keyval_vif *id)
{
	struct vif *vif = calloc(1, sizeof(*vif));

	if (!vif)
		return NULL;
	vif->id = *id;
	tap_init(&vif->tap, id->domid, id->devid);
	memcpy(vif->name, vif->tap.name, sizeof(vif->name));
	vif->link.id = (struct link_vif){
		.domid = (uint16_t)id->domid,
		.handle = (uint16_t)id->devid,
	};
	vif->link.ops = &link_ops;
	vif->link.arg = vif;
	vif->grace = event_new(base, -1, 0, on_grace_over, vif);
	vif->later = event_new(base, -1, 0, on_later, vif);
	if (keyval_dir_path(vif->be, sizeof(vif->be), XS_DIR_BE, id) && vif->grace && vif->later)
		return vif;
	vif_free(vif);
	return NULL;
}

void vif_free(struct vif *vif)
{
	unwatch_frontend(vif);
	engine_forget(&vif->link);
	tap_close(&vif->tap);
	vif_files_close(&vif->files);
	if (vif->grace)
		event_free(vif->grace);
	if (vif->later)
		event_free(vif->later);
	free(vif);
}

void vif_fail(struct vif *vif, int error, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(vif->error, sizeof(vif->error), fmt, ap);
	va_end(ap);

	err("%s: %s", vif->name, vif->error);
	vif->failures++;
	vif->facts.failed = true;
	vif->failed_at = vif->facts.frontend;
	vif->adopted = false;
	vif->has_error_nodes = true;
	vif_keys_write_error(vif->be, &vif->id, error, vif->error);

	engine_detach(&vif->link);
	if (vif->link.state == LINK_DETACHING)
		vif->state = VIF_DETACHING;
	else
		vif->state = VIF_DETACHED;
	backend_mark(vif);
}

/* A step met the store's own trouble. If the directory is gone its watch tells; else look again later. */
static bool retry(struct vif *vif, int error)
{
	if (error == -ENOENT)
		return false;
	if (error != -EAGAIN)
		warn("%s: the store refuses: %s", vif->name, strerror(-error));
	set_timer(vif->later, LATER_SECONDS);
	return false;
}

/* --- look ------------------------------------------------------------------------------------------------- */

static void read_backend_state(struct vif *vif, struct xenbus_dir *dir)
{
	if (xenbus_read_state(dir, XSK_BE_STATE, &vif->facts.backend) == KEYVAL_REFUSE) {
		vif->facts.backend = XenbusStateClosing;
		if (vif->state == VIF_NEW)
			vif_fail(vif, -EINVAL, "%s", dir->why);
	}
	/* Only the toolstack writes 1: it has made a new directory of the same name. */
	vif->facts.vanished = vif->facts.backend == XenbusStateUnknown ||
			      (vif->facts.backend == XenbusStateInitialising &&
			       vif->published > vif->facts.backend);
}

static void read_frontend_state(struct vif *vif)
{
	struct xenbus_dir dir = {.path = vif->keys.frontend};
	unsigned int before = vif->facts.frontend;

	if (vif->dead)
		vif->facts.frontend = XenbusStateUnknown;
	else if (!*vif->keys.frontend)
		vif->facts.frontend = XenbusStateClosing; /* nobody to follow */
	else if (xenbus_read_state(&dir, XSK_FE_STATE, &vif->facts.frontend) == KEYVAL_REFUSE)
		vif->facts.frontend = XenbusStateReconfigured + 1;

	if (vif->facts.frontend != before)
		debug("%s: frontend state %u", vif->name, vif->facts.frontend);
	if (vif->facts.frontend != vif->failed_at &&
	    (vif->facts.frontend == XenbusStateInitialising ||
	     vif->facts.frontend == XenbusStateClosing || vif->facts.frontend == XenbusStateClosed))
		vif->facts.failed = false;
}

/* An existing key that does not say "connected" means wait, even if it is empty: libxl makes it so. */
static void read_hotplug(struct vif *vif, struct xenbus_dir *dir)
{
	char status[sizeof(vif->hotplug_status)], why[KEYVAL_STRING_SIZE];
	enum keyval_verdict verdict =
		xenbus_read_string(dir, XSK_BE_HOTPLUG_STATUS, status, sizeof(status));

	vif->facts.plugged = verdict == KEYVAL_ABSENT || strcmp(status, "connected") == 0;
	if (strcmp(status, vif->hotplug_status) == 0)
		return;
	strcpy(vif->hotplug_status, status);
	if (strcmp(status, "error") != 0)
		return;
	if (xenbus_read_string(dir, XSK_BE_HOTPLUG_ERROR, why, sizeof(why)) != KEYVAL_OK)
		strcpy(why, "it gave no reason");
	warn("%s: the hotplug script failed: %s", vif->name, why);
}

/* Offline: the guest is told by state 5, which the toolstack writes itself, and gets some time. */
static void watch_the_clock(struct vif *vif)
{
	if (vif->facts.online) {
		event_del(vif->grace);
		vif->facts.out_of_grace = false;
		return;
	}
	if (vif->facts.out_of_grace || !vif_state_has_rings(vif->state) ||
	    evtimer_pending(vif->grace, NULL))
		return;
	set_timer(vif->grace, GRACE_SECONDS);
	if (vif->facts.backend == XenbusStateConnected)
		vif_keys_publish(vif->be, vif->published, XenbusStateClosing);
}

static void read_toolstack(struct vif *vif)
{
	char why[KEYVAL_EXPLAIN_SIZE];
	int ret = vif_keys_read_toolstack(vif->be, &vif->id, &vif->keys, why);

	if (ret < 0 && xenbus_alive())
		vif_fail(vif, ret, "%s", why);
	watch_frontend(vif);
}

/* False: nothing that was read may be believed. */
static bool look(struct vif *vif)
{
	struct xenbus_dir dir = {.path = vif->be};

	read_backend_state(vif, &dir);
	if (!vif->facts.vanished) {
		if (xenbus_read_bool(&dir, XSK_BE_ONLINE, &vif->facts.online) == KEYVAL_REFUSE)
			vif->facts.online = false;
		if (vif->state == VIF_NEW)
			read_toolstack(vif);
		read_frontend_state(vif);
		read_hotplug(vif, &dir);
		watch_the_clock(vif);
	}
	return xenbus_alive();
}

/* --- act -------------------------------------------------------------------------------------------------- */

/*
 * Each step returns true if there may be another one to take at once.
 */

static bool do_nothing(struct vif *vif)
{
	(void)vif;
	return false;
}

static bool publish(struct vif *vif, unsigned int state, enum vif_state next)
{
	int ret = vif_keys_publish(vif->be, vif->published, state);

	if (ret < 0)
		return retry(vif, ret);
	info("%s: state %u", vif->name, state);
	vif->published = state;
	vif->state = next;
	return true;
}

/* Tap and files, made or found. */
static int hold(struct vif *vif)
{
	bool is_new;
	int ret;

	ret = tap_open(&vif->tap, vif->keys.vifname, &is_new);
	if (ret < 0) {
		vif_fail(vif, ret, "tap %s: %s", vif->name, strerror(-ret));
		return ret;
	}
	if (is_new && vif->state == VIF_NEW && vif->facts.backend == XenbusStateConnected)
		warn("%s: its interface was gone and is new: run the hotplug script again",
		     vif->name);

	ret = vif_files_open(&vif->files, config->run_dir, vif->name);
	if (ret < 0)
		vif_fail(vif, ret, "files in %s: %s", config->run_dir, strerror(-ret));
	return ret;
}

static bool do_offer(struct vif *vif)
{
	int ret;

	if (hold(vif) < 0)
		return true;
	ret = vif_keys_offer(vif->be, vif->published, config->max_queues);
	if (ret < 0)
		return retry(vif, ret);
	info("%s: state %u", vif->name, XenbusStateInitWait);
	vif->published = XenbusStateInitWait;
	vif->state = VIF_WAIT;
	return true;
}

static void fill_link(struct vif *vif)
{
	vif->link.fds[LINK_FD_STATS] = vif->files.stats_fd;
	vif->link.fds[LINK_FD_JOURNAL] = vif->files.journal_fd;
	memcpy(&vif->link.fds[LINK_FD_TAP], vif->tap.fds,
	       vif->tap.nr_queues * sizeof(vif->tap.fds[0]));
	vif->link.nr_fds = LINK_FD_TAP + vif->tap.nr_queues;
}

static bool do_attach(struct vif *vif)
{
	/* Who was connected before we started was offered what was right then. */
	unsigned int max_queues = vif->adopted ? LINK_MAX_QUEUES : config->max_queues;
	char why[KEYVAL_EXPLAIN_SIZE];
	int ret;

	ret = vif_keys_read_frontend(vif->keys.frontend, max_queues, &vif->link.attach, why);
	if (!xenbus_alive() || ret == -EAGAIN || ret == -EBUSY)
		return retry(vif, ret);
	if (ret < 0) {
		vif_fail(vif, ret, "%s", *why ? why : strerror(-ret));
		return true;
	}

	ret = tap_connect(&vif->tap, vif->link.attach.nr_queues, &vif->link.attach.features,
			  !vif->adopted);
	if (ret == 0 && !vif->adopted)
		ret = vif_files_forget_journal(&vif->files);
	if (ret == 0) {
		fill_link(vif);
		ret = engine_attach(&vif->link);
	}
	if (ret < 0) {
		vif_fail(vif, ret, "cannot be handed to an engine: %s", strerror(-ret));
		return true;
	}
	vif->state = VIF_ATTACHING;
	return false;
}

static bool do_adopt(struct vif *vif)
{
	if (hold(vif) < 0)
		return true;
	vif->adopted = true;
	vif->published = XenbusStateConnected;
	return do_attach(vif);
}

/* Rings are not mapped. A vif that was given up stays so: its error node tells. */
static bool do_resume(struct vif *vif)
{
	struct xenbus_dir dir = {.path = vif->be};

	vif->published = vif->facts.backend;
	vif->state = vif->published == XenbusStateClosed ? VIF_CLOSED : VIF_CLOSING;
	if (xenbus_read_string(&dir, XSK_BE_ERROR, vif->error, sizeof(vif->error)) == KEYVAL_OK) {
		vif->has_error_nodes = vif->facts.failed = true;
		vif->failed_at = vif->facts.frontend;
	}
	return true;
}

static bool do_publish(struct vif *vif)
{
	if (!publish(vif, XenbusStateConnected, VIF_CONNECTED))
		return false;
	vif->error[0] = '\0';
	if (vif->has_error_nodes)
		vif_keys_clear_error(vif->be, &vif->id);
	vif->has_error_nodes = false;
	return true;
}

static bool do_detach(struct vif *vif)
{
	engine_detach(&vif->link);
	vif->state = vif->link.state == LINK_DETACHING ? VIF_DETACHING : VIF_DETACHED;
	vif->adopted = false;
	return true;
}

static bool do_close(struct vif *vif)
{
	tap_disconnect(&vif->tap);
	vif->carrier = false;
	return publish(vif, XenbusStateClosing, VIF_CLOSING);
}

static bool do_finish(struct vif *vif)
{
	return publish(vif, XenbusStateClosed, VIF_CLOSED);
}

static bool do_destroy(struct vif *vif)
{
	unwatch_frontend(vif);
	tap_destroy(&vif->tap, vif->keys.vifname);
	vif_files_remove(&vif->files, config->run_dir, vif->name);
	if (vif->has_error_nodes)
		vif_keys_clear_error(vif->be, &vif->id);
	vif->has_error_nodes = false;
	vif->state = VIF_OVER;
	info("%s: removed", vif->name);
	return true;
}

static bool do_fail(struct vif *vif)
{
	vif_fail(vif, -EPROTO, "the frontend is in state %u, which no frontend has",
		 vif->facts.frontend);
	return true;
}

/* The directory that bears our name now is another device. */
static bool do_reset(struct vif *vif)
{
	if (vif->facts.backend == XenbusStateUnknown)
		return false;
	event_del(vif->grace);
	vif->facts = (struct vif_facts){0};
	vif->state = VIF_NEW;
	vif->published = XenbusStateUnknown;
	vif->hotplug_status[0] = '\0';
	vif->error[0] = '\0';
	vif->dead = false;
	return look(vif);
}

static bool (*const steps[VIF_ACTION_COUNT])(struct vif *vif) = {
	[VIF_NOTHING] = do_nothing, [VIF_OFFER] = do_offer,   [VIF_ADOPT] = do_adopt,
	[VIF_RESUME] = do_resume,   [VIF_ATTACH] = do_attach, [VIF_PUBLISH] = do_publish,
	[VIF_DETACH] = do_detach,   [VIF_CLOSE] = do_close,   [VIF_FINISH] = do_finish,
	[VIF_DESTROY] = do_destroy, [VIF_FAIL] = do_fail,     [VIF_RESET] = do_reset,
};

bool vif_update(struct vif *vif)
{
	enum vif_action action;

	if (!look(vif))
		return true;

	for (int n = 0; n < STEPS_MAX; n++) {
		action = vif_state_next(vif->state, &vif->facts);
		if (!steps[action](vif))
			break;
	}
	return vif->facts.backend != XenbusStateUnknown ||
	       (vif->state != VIF_OVER && vif->state != VIF_NEW);
}
