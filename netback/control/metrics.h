/* SPDX-License-Identifier: MIT */
/* metrics.h: vifs and statistics pages as JSON */
#ifndef NETBACK_CONTROL_METRICS_H
#define NETBACK_CONTROL_METRICS_H

struct json_object;
struct vif;

/*
 * Each adds its members to out, an object. Names of counters and drop reasons are those of stats.h.
 *
 * metrics_list   vifs: [{vif, domid, handle, state, backend, frontend, nr_queues, carrier, engine, engine_pid,
 *                hotplug_status, hotplug_error, error}]
 * metrics_show   the same for one, and interface, frontend_path, online, failures, connects, features{}, policy{},
 *                ctrl{}, queues[] with references, ports and ring indices
 * metrics_stats  monotonic_ns, vifs: [{vif, queues: [{counters..., kick[], drops{}}]}],
 *                engines: [{engine, pid, vifs, restarts, workers: [{...}]}]; one vif and its engine or, with NULL, all
 *
 * Main thread only.
 */
void metrics_list(struct json_object *out);
void metrics_show(struct json_object *out, const struct vif *vif);
void metrics_stats(struct json_object *out, const struct vif *vif);

#endif
