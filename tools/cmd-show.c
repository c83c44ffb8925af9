/* SPDX-License-Identifier: MIT */
/* cmd-show.c: netbackctl show VIF */
#include <inttypes.h>
#include <stdio.h>

#include "netbackctl.h"

static void print_features(struct json_object *features)
{
	bool any = false;

	if (!features)
		return;
	printf("%-16s", "takes");
	json_object_object_foreach(features, name, value)
	{
		if (!json_object_get_boolean(value))
			continue;
		printf(" %s", name);
		any = true;
	}
	puts(any ? "" : " nothing beyond single-slot packets with full checksums");
}

static void print_rate(const char *name, struct json_object *rate)
{
	if (rate)
		printf("%-16s %" PRId64 " bytes in %" PRId64 " us\n", name,
		       ctl_number(rate, "bytes"), ctl_number(rate, "usec"));
	else
		printf("%-16s not limited\n", name);
}

static void print_policy(struct json_object *policy)
{
	printf("%-16s %s\n", "policy",
	       ctl_bool(policy, "enforced") ? "enforced" : "not enforced now");
	print_rate("  rate tx", ctl_member(policy, "rate_tx"));
	print_rate("  rate rx", ctl_member(policy, "rate_rx"));
	if (ctl_member(policy, "mtu"))
		printf("%-16s %" PRId64 "\n", "  mtu", ctl_number(policy, "mtu"));
	else
		printf("%-16s as the interface\n", "  mtu");
	printf("%-16s %s\n", "  vlan",
	       ctl_member(policy, "vlan") ? ctl_text(policy, "vlan") : "not filtered");
	printf("%-16s %s\n", "  checksums",
	       ctl_bool(policy, "complete_checksums") ? "completed" : "as negotiated");
	printf("%-16s %s\n", "  multicast",
	       ctl_bool(policy, "multicast_filter") ? "what the guest has joined" : "all");
	printf("%-16s %" PRId64 "\n", "  headroom", ctl_number(policy, "xdp_headroom"));
}

static void print_ctrl(struct json_object *ctrl)
{
	if (ctrl)
		printf("%-16s grant %" PRId64 ", port %" PRId64 "\n", "control ring",
		       ctl_number(ctrl, "ring_ref"), ctl_number(ctrl, "event_channel"));
}

static void print_ring(unsigned int queue, const char *name, struct json_object *ring, int64_t ref,
		       int64_t port)
{
	printf("%5u  %-4s %10" PRId64 " %6" PRId64, queue, name, ref, port);
	if (ring)
		printf(" %10" PRId64 " %10" PRId64 " %10" PRId64 " %10" PRId64,
		       ctl_number(ring, "req_prod"), ctl_number(ring, "req_cons"),
		       ctl_number(ring, "rsp_prod"), ctl_number(ring, "event"));
	putchar('\n');
}

static void print_queues(struct json_object *vif)
{
	struct json_object *queue;

	if (!ctl_length(vif, "queues"))
		return;
	printf("\n%5s  %-4s %10s %6s %10s %10s %10s %10s\n", "QUEUE", "RING", "GRANT", "PORT",
	       "REQ_PROD", "REQ_CONS", "RSP_PROD", "REQ_EVENT");
	for (unsigned int i = 0; i < ctl_length(vif, "queues"); i++) {
		queue = ctl_element(vif, "queues", i);
		print_ring(i, "tx", ctl_member(queue, "tx"), ctl_number(queue, "tx_ring_ref"),
			   ctl_number(queue, "event_channel_tx"));
		print_ring(i, "rx", ctl_member(queue, "rx"), ctl_number(queue, "rx_ring_ref"),
			   ctl_number(queue, "event_channel_rx"));
	}
}

static void print_line(const char *name, const char *text)
{
	printf("%-16s %s\n", name, text);
}

static const char *or_none(const char *text)
{
	return *text ? text : "-";
}

int cmd_show(const struct ctl_options *options, const char *name)
{
	struct json_object *vif = ctl_request(options, "show", name);

	if (options->json) {
		ctl_print_json(vif);
		json_object_put(vif);
		return 0;
	}

	print_line("vif", ctl_text(vif, "vif"));
	print_line("interface", or_none(ctl_text(vif, "interface")));
	print_line("frontend path", or_none(ctl_text(vif, "frontend_path")));
	print_line("backend state", ctl_state_name(ctl_number(vif, "backend")));
	print_line("frontend state", ctl_state_name(ctl_number(vif, "frontend")));
	print_line("netbackd state", ctl_text(vif, "state"));
	print_line("online", ctl_bool(vif, "online") ? "yes" : "no");
	print_line("hotplug status", or_none(ctl_text(vif, "hotplug_status")));
	print_line("hotplug error", or_none(ctl_text(vif, "hotplug_error")));
	print_line("carrier", ctl_bool(vif, "carrier") ? "on" : "off");
	print_line("engine", or_none(ctl_text(vif, "engine")));
	printf("%-16s %" PRId64 "\n", "engine pid", ctl_number(vif, "engine_pid"));
	printf("%-16s %" PRId64 "\n", "connects", ctl_number(vif, "connects"));
	printf("%-16s %" PRId64 "\n", "failures", ctl_number(vif, "failures"));
	print_line("error", or_none(ctl_text(vif, "error")));
	print_features(ctl_member(vif, "features"));
	print_policy(ctl_member(vif, "policy"));
	print_ctrl(ctl_member(vif, "ctrl"));
	print_queues(vif);
	json_object_put(vif);
	return 0;
}
