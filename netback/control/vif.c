/* SPDX-License-Identifier: MIT */
/* vif.c: look at the store, decide, have it done */
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
#include "vif-steps.h"

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
	vif_steps_init(settings);
}

/* --- timers and watches: they only mark ------------------------------------------------------------------- */

static void set_timer(struct event *timer, int seconds)
{
	event_add(timer, &(struct timeval){.tv_sec = seconds});
}

void vif_look_later(struct vif *vif)
{
	set_timer(vif->later, LATER_SECONDS);
}

static void on_frontend(void *arg, const char *path);

static struct xenbus_watch *watch_key(struct vif *vif, enum xs_key key)
{
	char path[KEYVAL_PATH_SIZE + 32];

	snprintf(path, sizeof(path), "%s/%s", vif->keys.frontend, xsk_name(key));
	return xenbus_watch(path, on_frontend, vif);
}

static void watch_frontend(struct vif *vif)
{
	if (vif->fe_watch || !*vif->keys.frontend)
		return;
	vif->fe_watch = watch_key(vif, XSK_FE_STATE);
	if (!vif->fe_watch)
		vif_look_later(vif);
}

/*
 * A wish may change while the rings run. A driver domain may have no watch left for it (the store limits them):
 * then the wish is only seen together with a change of the state.
 */
static void watch_wishes(struct vif *vif)
{
	if (!vif_state_has_rings(vif->state)) {
		xenbus_unwatch(vif->wish_watch);
		vif->wish_watch = NULL;
	} else if (!vif->wish_watch && vif->fe_watch) {
		vif->wish_watch = watch_key(vif, XSK_FE_REQUEST_MULTICAST_CONTROL);
	}
}

static void unwatch_frontend(struct vif *vif)
{
	xenbus_unwatch(vif->fe_watch);
	xenbus_unwatch(vif->wish_watch);
	vif->fe_watch = vif->wish_watch = NULL;
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
	vif_look_later(vif);
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

/* A guest cannot change it that often; an engine that was taken over can. */
static enum log_level carrier_log_level(struct vif *vif)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	if (now.tv_sec == vif->carrier_second)
		return LOG_LEVEL_DEBUG;
	vif->carrier_second = now.tv_sec;
	return LOG_LEVEL_INFO;
}

static void on_carrier(void *arg, bool on)
{
	struct vif *vif = arg;

	if (vif->carrier == on)
		return; /* an engine after another tells anew */
	vif->carrier = on;
	tap_set_carrier(&vif->tap, on);
	log_msg(carrier_log_level(vif), false, on ? "%s: Guest Rx ready" : "%s: Guest Rx stalled",
		vif->name);
}

static void on_policed(void *arg)
{
	struct vif *vif = arg;

	vif->facts.policed = true;
	backend_mark(vif);
}

static const struct link_ops link_ops = {
	.attached = on_attached,
	.detached = on_detached,
	.failed = on_failed,
	.carrier = on_carrier,
	.policed = on_policed,
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
	vif->hotplug.done = vif_on_script_done;
	vif->hotplug.arg = vif;
	vif->policy_stale = true;
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
	hotplug_forget(&vif->hotplug);
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

static void read_hotplug_error(struct vif *vif, struct xenbus_dir *dir)
{
	char why[KEYVAL_STRING_SIZE];

	if (strcmp(vif->hotplug_status, "error") != 0) {
		vif->hotplug_error[0] = '\0';
		return;
	}
	if (xenbus_read_string(dir, XSK_BE_HOTPLUG_ERROR, why, sizeof(why)) != KEYVAL_OK)
		strcpy(why, "it gave no reason");
	snprintf(vif->hotplug_error, sizeof(vif->hotplug_error), "%.250s", why);
	warn("%s: the hotplug script failed: %s", vif->name, why);
}

/*
 * An existing key that does not say "connected" means wait, even if it is empty: libxl makes it so. Where a toolstack
 * makes none, there may still be a script of ours to wait for.
 */
static void read_hotplug(struct vif *vif, struct xenbus_dir *dir)
{
	char status[sizeof(vif->hotplug_status)];
	enum keyval_verdict verdict =
		xenbus_read_string(dir, XSK_BE_HOTPLUG_STATUS, status, sizeof(status));

	vif->facts.plugged =
		(verdict == KEYVAL_ABSENT && !vif->facts.busy) || strcmp(status, "connected") == 0;
	if (strcmp(status, vif->hotplug_status) == 0)
		return;
	strcpy(vif->hotplug_status, status);
	read_hotplug_error(vif, dir);
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

/* --- the policy ------------------------------------------------------------------------------------------- */

struct link_features vif_tap_features(const struct vif *vif)
{
	struct link_features features = vif->link.attach.features;

	/* The kernel completes what it may not leave blank, and cuts what is too long. */
	if (vif->link.attach.policy.complete_csums)
		features = (struct link_features){.rx_sg = features.rx_sg};
	return features;
}

void vif_make_policy(const struct vif *vif, bool rx_sg, struct link_policy *out)
{
	policy_make(&vif->policy_keys, &vif->wishes, rx_sg, config, out);
}

/* A vif that was given up for its keys stays so until its frontend moves, and then they are read again. */
static void read_policy(struct vif *vif)
{
	char why[KEYVAL_EXPLAIN_SIZE];
	int ret;

	if (!vif->policy_stale || vif->facts.failed || vif->state == VIF_OVER)
		return;
	ret = vif_keys_read_policy(vif->be, config->enforce_vlan, &vif->policy_keys, why);
	vif->policy_stale = ret < 0;
	if (ret < 0 && xenbus_alive())
		vif_fail(vif, ret, "%s", why);
}

/* The headroom counts when the frontend asks for it by state 7; it may write the key long before. */
static void read_wishes(struct vif *vif)
{
	struct policy_wishes wishes;

	vif_keys_read_wishes(vif->keys.frontend, &wishes);
	vif->wishes.mcast_filter = wishes.mcast_filter;
	if (vif->facts.frontend == XenbusStateReconfiguring)
		vif->wishes.xdp_headroom = wishes.xdp_headroom;
}

/* Tell a running engine, and the tap, of what has changed. */
static void police(struct vif *vif)
{
	struct link_policy *policy = &vif->link.attach.policy, now;
	struct link_features features;
	bool other_tap;

	if (vif->link.state == LINK_IDLE || vif->link.state == LINK_DETACHING)
		return;
	read_wishes(vif);
	vif_make_policy(vif, vif->link.attach.features.rx_sg, &now);
	if (policy_equal(policy, &now))
		return;

	debug("%s: another policy", vif->name); /* the guest has a say in it */
	other_tap = policy->complete_csums != now.complete_csums;
	*policy = now;
	features = vif_tap_features(vif);
	if (other_tap && tap_set_offloads(&vif->tap, &features) < 0)
		warn_perror("%s: offloads", vif->name);
	vif->facts.policed = !engine_police(&vif->link);
}

/* --- all together ----------------------------------------------------------------------------------------- */

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
		read_policy(vif);
		police(vif);
		watch_wishes(vif);
		watch_the_clock(vif);
	}
	return xenbus_alive();
}

bool vif_begin_anew(struct vif *vif)
{
	event_del(vif->grace);
	unwatch_frontend(vif);
	vif->facts = (struct vif_facts){0};
	vif->state = VIF_NEW;
	vif->published = XenbusStateUnknown;
	vif->hotplug_status[0] = vif->hotplug_error[0] = '\0';
	vif->error[0] = '\0';
	vif->dead = vif->has_plugged = vif->adopted = false;
	vif->policy_stale = true;
	return look(vif);
}

bool vif_update(struct vif *vif)
{
	enum vif_action action;

	if (!look(vif))
		return true;

	for (int n = 0; n < STEPS_MAX; n++) {
		action = vif_state_next(vif->state, &vif->facts);
		if (!vif_step(vif, action))
			break;
	}
	return vif->facts.backend != XenbusStateUnknown ||
	       (vif->state != VIF_OVER && vif->state != VIF_NEW);
}
