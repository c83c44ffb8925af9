/* SPDX-License-Identifier: MIT */
/* What the fakexen program's files share. */
#ifndef FAKEXEN_FAKEXEN_H
#define FAKEXEN_FAKEXEN_H

/*
 * Each verb is a function that gets the machine's directory and its own
 * arguments, and returns the exit status. The machine is mapped (machine_view)
 * and its store can be opened with store_open() before a verb runs, except
 * that create makes them first.
 */

#include <stdbool.h>
#include <stdint.h>

struct xs_handle;

struct verb {
	const char *name, *usage;
	int min_args;
	int (*run)(const char *dir, int argc, char **argv);
};

/* Dies if the store does not answer. */
struct xs_handle *store_open(const char *dir);
_Noreturn void die(const char *format, ...) __attribute__((format(printf, 1, 2)));
uint32_t parse_number(const char *s);

/* A path made by printf, in memory that the program never frees. */
char *format(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* toolstack.c: what libxl writes and waits for. */
void toolstack_add_domain(const char *dir, uint32_t domid, const char *name, bool driver);
int verb_vif_add(const char *dir, int argc, char **argv);
int verb_vif_remove(const char *dir, int argc, char **argv);

/* inspect.c: what is going on in a machine. */
int verb_counters(const char *dir, int argc, char **argv);
int verb_grants(const char *dir, int argc, char **argv);
int verb_ports(const char *dir, int argc, char **argv);
int verb_processes(const char *dir, int argc, char **argv);
int verb_sched(const char *dir, int argc, char **argv);

#endif
