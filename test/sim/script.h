/* SPDX-License-Identifier: MIT */
/* script.h: the commands of netback-sim, line by line */
#ifndef SIM_SCRIPT_H
#define SIM_SCRIPT_H

#include <stdio.h>

/*
 * A line is a command, its words, and KEY=VALUE settings; # begins a comment. Only `run` moves the time, so what
 * stands after it happens after it. README.md lists the commands.
 *
 * die()s on a line that it does not understand, with its number; -1 on a failed write.
 */
int script_run(FILE *in, const char *name, FILE *out);

#endif
