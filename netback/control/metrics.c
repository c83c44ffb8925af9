/* SPDX-License-Identifier: MIT */
/* metrics.c: vifs and statistics pages as JSON */
#include "metrics.h"

#include <json-c/json.h>
#include <string.h>
#include <time.h>

#include "backend.h"
#include "netback/common/util.h"
#include "vif.h"

static void add_text(struct json_object *out, const char *name, const char *text)
{
	json_object_object_add(out, name, json_object_new_string(text));
}

static void add_number(struct json_object *out, const char *name, uint64_t n)
{
	json_object_object_add(out, name, json_object_new_int64((int64_t)n));
}

static void add_bool(struct json_object *out, const char *name, bool value)
{
	json_object_object_add(out, name, json_object_new_boolean(value));
}

static struct json_object *add_array(struct json_object *out, const char *name)
{
	struct json_object *array = json_object_new_array();

	json_object_object_add(out, name, array);
	return array;
}

static struct json_object *add_object(struct json_object *out, const char *name)
{
	json_object_object_add(out, name, json_object_new_object());
	return json_object_object_get(out, name);
}

static struct json_object *append_object(struct json_object *array)
{
	struct json_object *element = json_object_new_object();

	json_object_array_add(array, element);
	return element;
}

/* --- list and show ---------------------------------------------------------------------------------------- */

static unsigned int nr_queues(const struct vif *vif)
{
	return vif->link.state == LINK_IDLE ? 0 : vif->link.attach.nr_queues;
}

static void add_summary(struct json_object *out, const struct vif *vif)
{
	add_text(out, "vif", vif->name);
	add_number(out, "domid", vif->id.domid);
	add_number(out, "handle", vif->id.devid);
	add_text(out, "state", vif_state_name(vif->state));
	add_number(out, "backend", vif->published);
	add_number(out, "frontend", vif->facts.frontend);
	add_number(out, "nr_queues", nr_queues(vif));
	add_bool(out, "carrier", vif->carrier);
	add_text(out, "engine", engine_key(vif->link.engine));
	add_number(out, "engine_pid", (uint64_t)engine_pid(vif->link.engine));
	add_text(out, "hotplug_status", vif->hotplug_status);
	add_text(out, "hotplug_error", vif->hotplug_error);
	add_text(out, "error", vif->error);
}

static void list_one(const struct vif *vif, void *arg)
{
	add_summary(append_object(arg), vif);
}

void metrics_list(struct json_object *out)
{
	backend_each(list_one, add_array(out, "vifs"));
}

static void add_features(struct json_object *out, const struct link_features *f)
{
	add_bool(out, "rx_sg", f->rx_sg);
	add_bool(out, "rx_gso_tcpv4", f->rx_gso_tcpv4);
	add_bool(out, "rx_gso_tcpv6", f->rx_gso_tcpv6);
	add_bool(out, "rx_csum_ipv4", f->rx_csum_ipv4);
	add_bool(out, "rx_csum_ipv6", f->rx_csum_ipv6);
	add_bool(out, "rx_notify", f->rx_notify);
}

static void add_rate(struct json_object *out, const char *name, const struct link_rate *rate)
{
	struct json_object *object;

	if (!rate->usec)
		return; /* not limited */
	object = add_object(out, name);
	add_number(object, "bytes", rate->bytes);
	add_number(object, "usec", rate->usec);
}

static void add_policy(struct json_object *out, const struct vif *vif)
{
	struct link_policy policy;

	vif_make_policy(vif, !nr_queues(vif) || vif->link.attach.features.rx_sg, &policy);
	add_rate(out, "rate_tx", &policy.tx_rate);
	add_rate(out, "rate_rx", &policy.rx_rate);
	if (policy.mtu)
		add_number(out, "mtu", policy.mtu);
	if (policy.vlan.filter)
		add_text(out, "vlan", vif->policy_keys.vlan_text);
	add_bool(out, "complete_checksums", policy.complete_csums);
	add_bool(out, "multicast_filter", policy.mcast_filter);
	add_number(out, "xdp_headroom", policy.xdp_headroom);
	add_bool(out, "enforced",
		 vif->link.state == LINK_RUNNING && vif->link.police == LINK_POLICE_DONE);
}

static void add_ctrl(struct json_object *out, const struct link_ctrl *ctrl)
{
	add_number(out, "ring_ref", ctrl->ring_ref);
	add_number(out, "event_channel", ctrl->evtchn);
}

static void add_ring(struct json_object *out, const char *name, const struct stats_ring *ring)
{
	struct json_object *object = add_object(out, name);

	add_number(object, "req_prod", READ_ONCE(ring->req_prod));
	add_number(object, "req_cons", READ_ONCE(ring->req_cons));
	add_number(object, "rsp_prod", READ_ONCE(ring->rsp_prod));
	add_number(object, "event", READ_ONCE(ring->event));
}

static void add_queue(struct json_object *out, const struct vif *vif, unsigned int n)
{
	const struct link_queue *queue = &vif->link.attach.queue[n];

	add_number(out, "tx_ring_ref", queue->tx_ring_ref);
	add_number(out, "rx_ring_ref", queue->rx_ring_ref);
	add_number(out, "event_channel_tx", queue->evtchn_tx);
	add_number(out, "event_channel_rx", queue->evtchn_rx);
	if (vif_files_stats_ready(&vif->files)) {
		add_ring(out, "tx", &vif->files.stats->queue[n].tx);
		add_ring(out, "rx", &vif->files.stats->queue[n].rx);
	}
}

void metrics_show(struct json_object *out, const struct vif *vif)
{
	char interface[IFNAMSIZ];
	struct json_object *queues;
	bool ready = vif_files_stats_ready(&vif->files);

	tap_current_name(&vif->tap, interface);
	add_summary(out, vif);
	add_text(out, "interface", interface);
	add_text(out, "frontend_path", vif->keys.frontend);
	add_bool(out, "online", vif->facts.online);
	add_number(out, "failures", vif->failures);
	add_number(out, "connects", ready ? vif->files.stats->connects : 0);
	if (nr_queues(vif))
		add_features(add_object(out, "features"), &vif->link.attach.features);
	add_policy(add_object(out, "policy"), vif);
	if (nr_queues(vif) && vif->link.attach.ctrl.present)
		add_ctrl(add_object(out, "ctrl"), &vif->link.attach.ctrl);
	queues = add_array(out, "queues");
	for (unsigned int i = 0; i < nr_queues(vif); i++)
		add_queue(append_object(queues), vif, i);
}

/* --- statistics ------------------------------------------------------------------------------------------- */

#define ADD_COUNTER(name, what) add_number(out, #name, stats_read(&stats->name));
#define ADD_DROP(name, what)	add_number(drops, #name, stats_read(&stats->drop_##name));

static void add_queue_stats(struct json_object *out, const struct stats_queue *stats)
{
	struct json_object *drops, *kick;

	STATS_QUEUE_COUNTERS(ADD_COUNTER)
	kick = add_array(out, "kick");
	for (unsigned int i = 0; i < STATS_KICK_BUCKETS; i++)
		json_object_array_add(kick,
				      json_object_new_int64((int64_t)stats_read(&stats->kick[i])));
	drops = add_object(out, "drops");
	STATS_DROP_REASONS(ADD_DROP)
}

static void add_worker_stats(struct json_object *out, const struct stats_worker *stats)
{
	STATS_WORKER_COUNTERS(ADD_COUNTER)
}

/*
 * Queues of an earlier connect keep what they counted: all are shown that ever did anything. The page belongs to the
 * engine: what was found right a moment ago may have changed.
 */
static unsigned int nr_counted_queues(const struct stats_vif *stats)
{
	unsigned int n = min(READ_ONCE(stats->nr_queues), (uint32_t)STATS_MAX_QUEUES);

	for (unsigned int i = n; i < STATS_MAX_QUEUES; i++)
		if (stats_read(&stats->queue[i].events) || stats_read(&stats->queue[i].tx_slots))
			n = i + 1;
	return n;
}

static void stats_one(const struct vif *vif, void *arg)
{
	struct json_object *out = append_object(arg), *queues;
	unsigned int nr;

	add_text(out, "vif", vif->name);
	queues = add_array(out, "queues");
	if (!vif_files_stats_ready(&vif->files))
		return;
	nr = nr_counted_queues(vif->files.stats);
	for (unsigned int i = 0; i < nr; i++)
		add_queue_stats(append_object(queues), &vif->files.stats->queue[i]);
}

struct engine_list {
	struct json_object *array;
	const char *key; /* of the one that is asked for; NULL: all */
};

static void engine_one(const struct engine_report *report, void *arg)
{
	const struct engine_list *list = arg;
	struct json_object *out, *workers;
	unsigned int nr;

	if (list->key && strcmp(list->key, report->key) != 0)
		return;
	out = append_object(list->array);
	add_text(out, "engine", report->key);
	add_number(out, "pid", (uint64_t)report->pid);
	add_number(out, "vifs", report->nr_vifs);
	add_number(out, "restarts", report->restarts);
	workers = add_array(out, "workers");
	if (!report->stats)
		return;
	nr = min(READ_ONCE(report->stats->nr_workers), (uint32_t)STATS_MAX_WORKERS);
	for (unsigned int i = 0; i < nr; i++)
		add_worker_stats(append_object(workers), &report->stats->worker[i]);
}

void metrics_stats(struct json_object *out, const struct vif *vif)
{
	struct engine_list engines = {.key = vif ? engine_key(vif->link.engine) : NULL};
	struct json_object *vifs = add_array(out, "vifs");
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	add_number(out, "monotonic_ns", (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec);
	if (vif)
		stats_one(vif, vifs);
	else
		backend_each(stats_one, vifs);
	engines.array = add_array(out, "engines");
	engines_each(engine_one, &engines);
}
