/* SPDX-License-Identifier: MIT */
/* vif-steps.c: what the state machine has decided, done */
#include "vif-steps.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <xen/io/xenbus.h>

#include "backend.h"
#include "netback/common/log.h"
#include "vif.h"

static const struct config *config;

void vif_steps_init(const struct config *settings)
{
	config = settings;
}

/* A step met the store's own trouble. If the directory is gone its watch tells; else look again later. */
static bool retry(struct vif *vif, int error)
{
	if (error == -ENOENT)
		return false;
	if (error != -EAGAIN)
		warn("%s: the store refuses: %s", vif->name, strerror(-error));
	vif_look_later(vif);
	return false;
}

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
	vif->published = vif->facts.backend = state;
	vif->state = next;
	return true;
}

/* Which interface was ours before we started, whatever it is called now. */
static void recall_index(struct vif *vif)
{
	if (!vif->tap.index)
		vif->tap.index = vif_files_load_index(config->run_dir, vif->name);
}

/* Tap and files, made or found. */
static int hold(struct vif *vif)
{
	bool is_new;
	int ret;

	vif->facts.held = true;
	recall_index(vif);
	ret = tap_open(&vif->tap, &is_new);
	if (ret < 0) {
		vif_fail(vif, ret, "tap %s: %s", vif->name, strerror(-ret));
		return ret;
	}
	/* Only with a new directory the script is still to come. */
	if (is_new && (vif->state != VIF_NEW || vif->facts.backend != XenbusStateInitialising))
		warn("%s: its interface was gone and is new: run the hotplug script again",
		     vif->name);

	vif_files_save_index(config->run_dir, vif->name, vif->tap.index);
	ret = vif_files_open(&vif->files, config->run_dir, vif->name);
	if (ret < 0)
		vif_fail(vif, ret, "files in %s: %s", config->run_dir, strerror(-ret));
	return ret;
}

/* --- the hotplug script, where it is ours to run ------------------------------------------------------------- */

static bool runs_scripts(const struct vif *vif)
{
	return config->run_scripts && *vif->keys.script;
}

/* The backend directory as our domain's own paths begin. */
static const char *relative_path(const struct vif *vif)
{
	char home[KEYVAL_PATH_SIZE];

	return keyval_dir_path(home, sizeof(home), XS_DIR_DOM, &vif->id)
		       ? vif->be + strlen(home) + 1
		       : vif->be;
}

static int run_script(struct vif *vif, const char *verb)
{
	struct hotplug_job job = {
		.script = vif->keys.script,
		.verb = verb,
		.path = relative_path(vif),
		.vif = vif->name,
		.gatewaydev = vif->keys.gatewaydev,
	};
	int ret = hotplug_run(&vif->hotplug, &job);

	info("%s: %s %s%s%s", vif->name, vif->keys.script, verb, ret < 0 ? ": " : "",
	     ret < 0 ? strerror(-ret) : "");
	vif->facts.busy = vif->hotplug.pid != 0;
	return ret;
}

static void report_script(struct vif *vif, const char *why)
{
	if (!vif->facts.vanished && vif->facts.online)
		vif_keys_write_hotplug_error(vif->be, vif->published, why);
}

void vif_on_script_done(void *arg, const char *why)
{
	struct vif *vif = arg;

	vif->facts.busy = false;
	/* As libxl: what fails at the end is logged and no more. */
	if (*why)
		warn("%s: %s: %s", vif->name, vif->keys.script, why);
	if (*why && vif->facts.unplug)
		report_script(vif, why);
	backend_mark(vif);
}

/* State 2 is published: the script's turn, once in the device's life. */
static void plug(struct vif *vif)
{
	int ret;

	vif->facts.unplug = runs_scripts(vif);
	if (!vif->facts.unplug || vif->has_plugged)
		return;
	vif->has_plugged = true;
	if (strcmp(vif->hotplug_status, "connected") == 0)
		return; /* by a netbackd before us */
	ret = run_script(vif, "online");
	if (ret < 0)
		report_script(vif, strerror(-ret));
}

/* A vif that is found offered: a netbackd before us may have run the script, which is to hear of the end. */
static void owe_unplug(struct vif *vif)
{
	if (vif->state == VIF_NEW && vif->facts.backend >= XenbusStateInitWait)
		vif->facts.unplug = runs_scripts(vif);
}

static bool do_unplug(struct vif *vif)
{
	if (vif->facts.busy) {
		hotplug_kill(&vif->hotplug);
		return false;
	}
	vif->facts.unplug = false;
	return run_script(vif, "offline") < 0;
}

/* --- the steps -------------------------------------------------------------------------------------------- */

static bool do_offer(struct vif *vif)
{
	int ret;

	if (hold(vif) < 0)
		return true;
	ret = vif_keys_offer(vif->be, vif->published, config->max_queues);
	if (ret < 0)
		return retry(vif, ret);
	info("%s: state %u", vif->name, XenbusStateInitWait);
	vif->published = vif->facts.backend = XenbusStateInitWait;
	vif->state = VIF_WAIT;
	plug(vif);
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
	struct link_attach *attach = &vif->link.attach;
	struct link_features features;
	char why[KEYVAL_EXPLAIN_SIZE];
	int ret;

	ret = vif_keys_read_frontend(vif->keys.frontend, max_queues, attach, &vif->wishes, why);
	if (!xenbus_alive() || ret == -EAGAIN || ret == -EBUSY)
		return retry(vif, ret);
	if (ret < 0) {
		vif_fail(vif, ret, "%s", *why ? why : strerror(-ret));
		return true;
	}

	vif_make_policy(vif, attach->features.rx_sg, &attach->policy);
	vif->facts.policed = true;
	features = vif_tap_features(vif);
	ret = tap_connect(&vif->tap, attach->nr_queues, &features, !vif->adopted);
	vif->carrier = ret == 0 && vif->adopted; /* as tap_connect leaves it */
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
	owe_unplug(vif);
	if (hold(vif) < 0)
		return true;
	vif->adopted = vif->has_plugged = true;
	vif->published = vif->facts.backend;
	return do_attach(vif);
}

/* Rings are not mapped. A vif that was given up stays so: its error node tells. */
static bool do_resume(struct vif *vif)
{
	struct xenbus_dir dir = {.path = vif->be};

	owe_unplug(vif);
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

static bool do_reconfigured(struct vif *vif)
{
	return publish(vif, XenbusStateReconfigured, VIF_CONNECTED);
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
	owe_unplug(vif);
	tap_disconnect(&vif->tap);
	vif->carrier = vif->adopted = false;
	return publish(vif, XenbusStateClosing, VIF_CLOSING);
}

static bool do_finish(struct vif *vif)
{
	owe_unplug(vif);
	return publish(vif, XenbusStateClosed, VIF_CLOSED);
}

/* Where no toolstack runs that would: a driver domain removes the directory itself, as xl devd does. */
static void remove_directory(struct vif *vif)
{
	int ret;

	if (!runs_scripts(vif) || !xenbus_domid() || vif->facts.vanished || vif->facts.online)
		return;
	ret = vif_keys_remove(vif->be, vif->published);
	if (ret < 0)
		warn("%s: %s cannot be removed: %s", vif->name, vif->be, strerror(-ret));
}

static bool do_destroy(struct vif *vif)
{
	recall_index(vif);
	tap_destroy(&vif->tap);
	vif_files_remove(&vif->files, config->run_dir, vif->name);
	if (vif->has_error_nodes)
		vif_keys_clear_error(vif->be, &vif->id);
	vif->has_error_nodes = false;
	vif->facts.held = false;
	vif->state = VIF_OVER;
	remove_directory(vif);
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
	return vif->facts.backend != XenbusStateUnknown && vif_begin_anew(vif);
}

static bool (*const steps[VIF_ACTION_COUNT])(struct vif *vif) = {
	[VIF_NOTHING] = do_nothing, [VIF_OFFER] = do_offer,
	[VIF_ADOPT] = do_adopt,	    [VIF_RESUME] = do_resume,
	[VIF_ATTACH] = do_attach,   [VIF_PUBLISH] = do_publish,
	[VIF_DETACH] = do_detach,   [VIF_CLOSE] = do_close,
	[VIF_FINISH] = do_finish,   [VIF_RECONFIGURED] = do_reconfigured,
	[VIF_UNPLUG] = do_unplug,   [VIF_DESTROY] = do_destroy,
	[VIF_FAIL] = do_fail,	    [VIF_RESET] = do_reset,
};

bool vif_step(struct vif *vif, enum vif_action action)
{
	return steps[action](vif);
}
