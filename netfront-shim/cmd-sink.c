/* SPDX-License-Identifier: MIT -- netfront-shim sink: receive, verify and count */
#include "shim.h"

#include <getopt.h>
#include <stdlib.h>

#include "traffic.h"

enum {
	BUDGET = 256
};

struct sink {
	struct receiver receiver;
	uint64_t count;	      /* good frames to stop after; 0: no limit */
	uint64_t duration_ns; /* 0: no limit */
	bool strict;	      /* nothing lost, nothing late */
};

static void report(FILE *to, void *ctx)
{
	receiver_report(&((struct sink *)ctx)->receiver, to);
}

static bool receive_some(struct shim *s, struct sink *k, struct nfqueue *q)
{
	struct nfrx_packet pkt;
	struct frame_info info;
	int left = BUDGET;

	for (; left && netfront_take(&s->nf, q, &pkt, &info); left--)
		receiver_take(&k->receiver, &pkt, &info, shim_now_ns());
	if (left < BUDGET)
		nfqueue_fill_rx(q);
	return !left;
}

static void run(struct shim *s, struct sink *k)
{
	uint64_t end = k->duration_ns ? shim_now_ns() + k->duration_ns : 0, now;

	while (!s->stop) {
		bool more = false;
		int timeout = -1;

		for (unsigned int i = 0; i < s->nf.nr_queues; i++)
			more |= receive_some(s, k, &s->nf.queue[i]);
		now = shim_now_ns();
		if ((k->count && k->receiver.good >= k->count) || (end && now >= end))
			break;
		if (end)
			timeout = (end - now) / 1000000 + 1;
		shim_poll(s, NULL, 0, more ? 0 : timeout);
	}
}

static bool unmet(const struct sink *k)
{
	const struct receiver *r = &k->receiver;

	if (r->corrupt || r->bad_csum || r->good < k->count)
		return true;
	return k->strict && (r->lost || r->late);
}

static const struct option options[] = {
	{"count", required_argument, NULL, 'c'}, {"duration", required_argument, NULL, 'd'},
	{"strict", no_argument, NULL, 's'},	 {"vlan", required_argument, NULL, 'v'},
	{"help", no_argument, NULL, 'h'},	 {NULL, 0, NULL, 0},
};

static const char help_text[] =
	"usage: netfront-shim [options] sink [--count N] [--duration S] [--strict]\n"
	"                                    [--vlan ID]\n"
	"\n"
	"  --count N      stop after so many good frames; fail if there are fewer\n"
	"  --duration S   stop after so many seconds\n"
	"  --strict       fail if frames are lost or out of order, too\n"
	"  --vlan ID      count frames with this tag, not those without\n";

static void parse(int argc, char **argv, struct sink *k)
{
	int id;

	while ((id = getopt_long(argc, argv, "h", options, NULL)) != -1) {
		switch (id) {
		case 'c':
			k->count = shim_number("count", optarg, 1, UINT64_MAX);
			break;
		case 'd':
			k->duration_ns = shim_number("duration", optarg, 1, 1000000) * 1000000000u;
			break;
		case 's':
			k->strict = true;
			break;
		case 'v':
			k->receiver.vlan = shim_number("vlan", optarg, 1, 4094);
			break;
		case 'h':
			fputs(help_text, stdout);
			exit(SHIM_OK);
		default:
			exit(SHIM_USAGE);
		}
	}
}

int cmd_sink(struct shim *s, int argc, char **argv)
{
	static struct sink k;
	int status;

	parse(argc, argv, &k);
	status = shim_connect(s);
	if (status)
		return status;
	s->report = report;
	s->report_ctx = &k;
	run(s, &k);
	if (s->verbose)
		receiver_print(&k.receiver, stderr);
	return shim_finish(s, unmet(&k));
}
