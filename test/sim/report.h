/* SPDX-License-Identifier: MIT */
/* report.h: what a measurement of netback-sim found, a line a domain */
#ifndef SIM_REPORT_H
#define SIM_REPORT_H

#include <stdio.h>

#include "test/sim/hint.h"
#include "test/sim/host.h"

/* Tab-separated. Columns: report.c has their names in one place. Times in us, cpu in CPUs, rates per second. */
void report_header(FILE *out);

/* Since the measurement began. */
void report_domain(FILE *out, const char *label, struct domain *dom, struct hint *hint);

/* A measurement begins. */
void report_begin(struct host *host, struct hint *hint);

#endif
