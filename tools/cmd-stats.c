/* SPDX-License-Identifier: MIT */
/* cmd-stats.c: netbackctl stats [VIF] [--watch SECONDS] */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "netback/common/util.h"
#include "netbackctl.h"

enum {
	HEADER_EVERY = 20
};

/* --- once: tables ----------------------------------------------------------------------------------------- */

/* One counter over all objects of an array: a column each and the sum. */
static void print_row(const char *prefix, const char *name, struct json_object *parent,
		      const char *array, const char *inner, bool only_if_any)
{
	unsigned int nr = ctl_length(parent, array);
	struct json_object *one;
	int64_t values[64], sum = 0;

	for (unsigned int i = 0; i < nr && i < ARRAY_SIZE(values); i++) {
		one = ctl_element(parent, array, i);
		values[i] = ctl_number(inner ? ctl_member(one, inner) : one, name);
		sum += values[i];
	}
	if (only_if_any && !sum)
		return;
	printf("  %s%-*s %14" PRId64, prefix, 20 - (int)strlen(prefix), name, sum);
	for (unsigned int i = 0; nr > 1 && i < nr && i < ARRAY_SIZE(values); i++)
		printf(" %14" PRId64, values[i]);
	putchar('\n');
}

static void print_table(struct json_object *parent, const char *array, const char *what)
{
	unsigned int nr = ctl_length(parent, array);
	struct json_object *first = nr ? ctl_element(parent, array, 0) : NULL;

	if (!first) {
		puts("  nothing counted yet");
		return;
	}
	printf("  %-20s %14s", "", "ALL");
	for (unsigned int i = 0; nr > 1 && i < nr; i++)
		printf(" %12s %u", what, i);
	putchar('\n');

	json_object_object_foreach(first, name, value)
	{
		if (json_object_is_type(value, json_type_int))
			print_row("", name, parent, array, NULL, false);
	}
	if (!ctl_member(first, "drops"))
		return;
	json_object_object_foreach(ctl_member(first, "drops"), reason, count)
	{
		(void)count;
		print_row("drop ", reason, parent, array, "drops", true);
	}
}

static void print_tables(struct json_object *reply)
{
	struct json_object *one;

	for (unsigned int i = 0; i < ctl_length(reply, "vifs"); i++) {
		one = ctl_element(reply, "vifs", i);
		puts(ctl_text(one, "vif"));
		print_table(one, "queues", "queue");
	}
	for (unsigned int i = 0; i < ctl_length(reply, "engines"); i++) {
		one = ctl_element(reply, "engines", i);
		printf("engine %s: pid %" PRId64 ", %" PRId64 " vifs, %" PRId64 " restarts\n",
		       ctl_text(one, "engine"), ctl_number(one, "pid"), ctl_number(one, "vifs"),
		       ctl_number(one, "restarts"));
		print_table(one, "workers", "worker");
	}
}

/* --- watch: a line of rates ------------------------------------------------------------------------------- */

struct totals {
	int64_t ns;
	int64_t tx_packets, tx_bytes, rx_packets, rx_bytes;
	int64_t hypercalls, ioctls, io_calls, notified, drops, restarts;
};

static void add_queue(struct totals *t, struct json_object *queue)
{
	struct json_object *drops = ctl_member(queue, "drops");

	t->tx_packets += ctl_number(queue, "tx_packets");
	t->tx_bytes += ctl_number(queue, "tx_bytes");
	t->rx_packets += ctl_number(queue, "rx_packets");
	t->rx_bytes += ctl_number(queue, "rx_bytes");
	t->hypercalls += ctl_number(queue, "copy_hypercalls");
	t->ioctls += ctl_number(queue, "copy_ioctls");
	t->notified += ctl_number(queue, "tx_notified") + ctl_number(queue, "rx_notified");
	if (!drops)
		return;
	json_object_object_foreach(drops, reason, count)
	{
		(void)reason;
		t->drops += json_object_get_int64(count);
	}
}

static void add_engine(struct totals *t, struct json_object *engine)
{
	t->restarts += ctl_number(engine, "restarts");
	for (unsigned int i = 0; i < ctl_length(engine, "workers"); i++)
		t->io_calls += ctl_number(ctl_element(engine, "workers", i), "io_calls");
}

static struct totals add_up(struct json_object *reply)
{
	struct totals t = {.ns = ctl_number(reply, "monotonic_ns")};
	struct json_object *vif;

	for (unsigned int i = 0; i < ctl_length(reply, "vifs"); i++) {
		vif = ctl_element(reply, "vifs", i);
		for (unsigned int q = 0; q < ctl_length(vif, "queues"); q++)
			add_queue(&t, ctl_element(vif, "queues", q));
	}
	for (unsigned int i = 0; i < ctl_length(reply, "engines"); i++)
		add_engine(&t, ctl_element(reply, "engines", i));
	return t;
}

static void print_rates(const struct totals *a, const struct totals *b)
{
	double s = (double)(b->ns - a->ns) / 1e9;

#define RATE(field) ((double)(b->field - a->field) / s)
	printf("%9.0f %9.1f %9.0f %9.1f %9.0f %9.0f %9.0f %9.0f %7" PRId64 " %7" PRId64 "\n",
	       RATE(tx_packets), RATE(tx_bytes) * 8 / 1e6, RATE(rx_packets),
	       RATE(rx_bytes) * 8 / 1e6, RATE(hypercalls), RATE(ioctls), RATE(io_calls),
	       RATE(notified), b->drops - a->drops, b->restarts);
#undef RATE
	fflush(stdout);
}

static void watch(const struct ctl_options *options, const char *vif)
{
	struct totals before = {0}, now;
	struct json_object *reply;

	for (unsigned int n = 0;; n++) {
		reply = ctl_request(options, "stats", vif);
		now = add_up(reply);
		if (options->json)
			ctl_print_json(reply);
		json_object_put(reply);

		if (!options->json && n % HEADER_EVERY == 0)
			printf("%9s %9s %9s %9s %9s %9s %9s %9s %7s %7s\n", "tx pkt/s", "tx Mb/s",
			       "rx pkt/s", "rx Mb/s", "hyperc/s", "copy/s", "io/s", "notify/s",
			       "drops", "deaths");
		if (!options->json && n > 0)
			print_rates(&before, &now);
		before = now;
		sleep(options->watch);
	}
}

int cmd_stats(const struct ctl_options *options, const char *vif)
{
	struct json_object *reply;

	if (options->watch)
		watch(options, vif);

	reply = ctl_request(options, "stats", vif);
	if (options->json)
		ctl_print_json(reply);
	else
		print_tables(reply);
	json_object_put(reply);
	return 0;
}
