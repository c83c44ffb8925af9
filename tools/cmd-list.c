/* SPDX-License-Identifier: MIT */
/* cmd-list.c: netbackctl list */
#include <inttypes.h>
#include <stdio.h>

#include "netbackctl.h"

/* Ours, or else what the hotplug script has said. */
static const char *find_error(struct json_object *vif)
{
	const char *error = ctl_text(vif, "error");

	return *error ? error : ctl_text(vif, "hotplug_error");
}

int cmd_list(const struct ctl_options *options, const char *vif)
{
	struct json_object *reply = ctl_request(options, "list", vif), *one;

	if (options->json) {
		ctl_print_json(reply);
		json_object_put(reply);
		return 0;
	}

	printf("%-14s %-15s %-15s %6s %-7s %-8s %8s  %s\n", "VIF", "BACKEND", "FRONTEND", "QUEUES",
	       "CARRIER", "ENGINE", "PID", "ERROR");
	for (unsigned int i = 0; i < ctl_length(reply, "vifs"); i++) {
		one = ctl_element(reply, "vifs", i);
		printf("%-14s %-15s %-15s %6" PRId64 " %-7s %-8s %8" PRId64 "  %s\n",
		       ctl_text(one, "vif"), ctl_state_name(ctl_number(one, "backend")),
		       ctl_state_name(ctl_number(one, "frontend")), ctl_number(one, "nr_queues"),
		       ctl_bool(one, "carrier") ? "on" : "off", ctl_text(one, "engine"),
		       ctl_number(one, "engine_pid"), find_error(one));
	}
	json_object_put(reply);
	return 0;
}
