/* SPDX-License-Identifier: MIT */
/* netbackctl.h: what the subcommands of netbackctl share */
#ifndef TOOLS_NETBACKCTL_H
#define TOOLS_NETBACKCTL_H

#include <json-c/json.h>
#include <stdbool.h>
#include <stdint.h>

/* A subcommand is one function in a file of its own and one line in the table of netbackctl.c. */

struct ctl_options {
	const char *run_dir;
	bool json;	    /* print the reply as it is */
	unsigned int watch; /* stats, hint: seconds between lines; 0: once */
};

/* vif, or what else a command is about, is NULL if none was named. Returns the exit status. */
int cmd_hint(const struct ctl_options *options, const char *word);
int cmd_list(const struct ctl_options *options, const char *vif);
int cmd_show(const struct ctl_options *options, const char *name);
int cmd_stats(const struct ctl_options *options, const char *vif);

/* Ask netbackd. The reply is the caller's (json_object_put). Ends the program with a sentence if there is none. */
struct json_object *ctl_request(const struct ctl_options *options, const char *command,
				const char *vif);

/* Print the reply on one line. */
void ctl_print_json(struct json_object *reply);

/* Members of an object; what is missing is "", 0, false or NULL. */
const char *ctl_text(struct json_object *object, const char *name);
int64_t ctl_number(struct json_object *object, const char *name);
bool ctl_bool(struct json_object *object, const char *name);
struct json_object *ctl_member(struct json_object *object, const char *name);

/* Length of an array member, and one element of it. */
unsigned int ctl_length(struct json_object *object, const char *name);
struct json_object *ctl_element(struct json_object *object, const char *name, unsigned int n);

/* 4 -> "4 Connected". */
const char *ctl_state_name(int64_t state);

#endif
