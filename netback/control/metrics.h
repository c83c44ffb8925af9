/* SPDX-License-Identifier: MIT */
/* metrics.h: vifs and statistics pages as JSON */
#ifndef NETBACK_CONTROL_METRICS_H
#define NETBACK_CONTROL_METRICS_H

struct json_object;
struct vif;

/*
 * Each adds its members to out, an object. Names of counters and drop reasons are those of stats.h.
 *
 * metrics_list   vifs: [{vif, domid, handle, backend, frontend, queues, carrier, engine, engine_pid, error}]
 * metrics_show   the same for one, and interface, hotplug_status, online, features{}, queues[] with
 *                references, ports and ring indices, connects, failures, run files
 * metrics_stats  monotonic_ns, vifs: [{vif, queues: [{counters..., drops{}}]}],
 *                engines: [{engine, pid, vifs, restarts, workers: [{...}]}]; one vif or, with NULL, all
 *
 * Main thread only.
 */
void metrics_list(struct json_object *out);
void metrics_show(struct json_object *out, const struct vif *vif);
void metrics_stats(struct json_object *out, const struct vif *vif);

#endif
