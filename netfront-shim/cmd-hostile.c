/* SPDX-License-Identifier: MIT -- netfront-shim hostile: misbehave in a named way and say what the backend answered */
#include "hostile.h"

#include <getopt.h>
#include <inttypes.h>
#include <stdlib.h>

#include "nfstore.h"
#include "traffic.h"

struct outcome {
	const struct hostile_way *way;
	struct hostile h;
	unsigned int unanswered;
	unsigned int state; /* the backend's, after the act */
	char *error;	    /* the backend's error node, or NULL */
	bool alive;	    /* a good packet was answered afterwards */
	bool recovers;	    /* and one after a fresh connection */
};

static void observe(void *ctx, RING_IDX pos, uint16_t id, int16_t status)
{
	struct hostile *h = ctx;

	if (h->answered < HOSTILE_ANSWERS)
		h->answer[h->answered] = (struct hostile_answer){pos, id, status};
	h->answered++;
}

static void print_text(FILE *to, const char *text)
{
	fputc('"', to);
	for (; *text; text++)
		fputc(*text < ' ' || *text == '"' || *text == '\\' ? '?' : *text, to);
	fputc('"', to);
}

static void report(FILE *to, void *ctx)
{
	const struct outcome *o = ctx;
	const struct hostile *h = &o->h;

	fprintf(to, ",\"hostile\":\"%s\",\"answered\":%" PRIu64 ",\"unanswered\":%u,\"answers\":[",
		o->way->name, h->answered, o->unanswered);
	for (unsigned int i = 0; i < h->answered && i < HOSTILE_ANSWERS; i++)
		fprintf(to, "%s{\"pos\":%u,\"id\":%u,\"status\":%d}", i ? "," : "",
			h->answer[i].pos, h->answer[i].id, h->answer[i].status);
	fprintf(to, "],\"backend_after\":%u,\"backend_error\":", o->state);
	if (o->error)
		print_text(to, o->error);
	else
		fputs("null", to);
	fprintf(to, ",\"alive\":%s,\"recovers\":%s", o->alive ? "true" : "false",
		o->recovers ? "true" : "false");
}

/* Serves the rings until the backend owes nothing, at most so long. */
static unsigned int settle(struct shim *s, uint64_t limit_ns)
{
	uint64_t start = shim_now_ns();
	struct nfrx_packet pkt;
	struct frame_info info;

	for (;;) {
		struct nfqueue *q = &s->nf.queue[0];

		nftx_reap(&q->tx);
		while (netfront_take(&s->nf, q, &pkt, &info))
			;
		nfqueue_fill_rx(q);
		if (!nftx_outstanding(&q->tx) || q->tx.broken || shim_now_ns() - start > limit_ns)
			return nftx_outstanding(&q->tx);
		shim_poll(s, NULL, 0, 10);
	}
}

/* Is a good packet answered NETIF_RSP_OKAY? */
static bool is_alive(struct shim *s, uint64_t limit_ns)
{
	struct frame_spec spec = {.version = 4, .proto = IPPROTO_UDP, .sport = 9, .dport = 9};
	static const struct shape whole_pages;
	struct nftx_desc desc = {.nr_slots = 0};
	struct nfqueue *q = s->nf.queue;
	uint8_t frame[100];
	struct frame_info info;
	uint64_t okay;

	if (!s->nf.nr_queues || q->tx.broken)
		return false;
	okay = q->tx.stats.okay;
	memset(spec.dst, 0xff, 6);
	memcpy(spec.src, s->nf.mac, 6);
	frame_build(&spec, frame, sizeof(frame));
	frame_parse(frame, sizeof(frame), sizeof(frame), &info);
	frame_fill(frame, &info, 667, 0, shim_now_ns());
	frame_set_csum(frame, &info, FRAME_CSUM_FULL);
	if (traffic_send(q, frame, sizeof(frame), &whole_pages, &desc))
		return false;
	nfqueue_push_tx(q);
	return settle(s, limit_ns) == 0 && q->tx.stats.okay > okay;
}

static void run(struct shim *s, struct outcome *o, uint64_t wait_ns)
{
	struct hostile *h = &o->h;

	h->s = s;
	h->q = &s->nf.queue[0];
	h->arg = o->way->arg;
	h->q->tx.observe = observe;
	h->q->tx.observe_ctx = h;
	o->way->run(h);
	o->unanswered = settle(s, wait_ns);
	h->q->tx.observe = NULL;

	o->alive = is_alive(s, wait_ns);
	netfront_store_event(&s->nf);
	o->state = s->nf.be_state;
	o->error = nfstore_backend_text(&s->nf, XSK_BE_ERROR);
	netfront_disconnect(&s->nf);
	o->recovers = !netfront_connect(&s->nf) && is_alive(s, wait_ns);
}

static void list(void)
{
	for (unsigned int i = 0; i < hostile_nr_ways; i++)
		printf("%-22s %s\n", hostile_ways[i].name, hostile_ways[i].help);
}

static const struct option options[] = {
	{"duration", required_argument, NULL, 'd'},
	{"wait", required_argument, NULL, 'w'},
	{"help", no_argument, NULL, 'h'},
	{NULL, 0, NULL, 0},
};

static const char help_text[] =
	"usage: netfront-shim [options] hostile [--duration MS] [--wait MS] NAME | list\n"
	"\n"
	"  --duration MS   of the ways that take time (1000)\n"
	"  --wait MS       for answers (1000)\n";

static const struct hostile_way *find(const char *name)
{
	for (unsigned int i = 0; i < hostile_nr_ways; i++)
		if (!strcmp(name, hostile_ways[i].name))
			return &hostile_ways[i];
	shim_usage("hostile: no way called %s", name);
}

int cmd_hostile(struct shim *s, int argc, char **argv)
{
	static struct outcome o = {.h = {.duration_ns = 1000000000}};
	uint64_t wait_ns = 1000000000;
	int id, status;

	while ((id = getopt_long(argc, argv, "h", options, NULL)) != -1) {
		if (id == 'd')
			o.h.duration_ns = shim_number("duration", optarg, 1, 1000000) * 1000000;
		else if (id == 'w')
			wait_ns = shim_number("wait", optarg, 1, 1000000) * 1000000;
		else {
			fputs(help_text, id == 'h' ? stdout : stderr);
			return id == 'h' ? SHIM_OK : SHIM_USAGE;
		}
	}
	if (optind + 1 != argc)
		shim_usage("hostile: one name, or list");
	if (!strcmp(argv[optind], "list")) {
		list();
		return SHIM_OK;
	}
	o.way = find(argv[optind]);
	status = shim_connect(s);
	if (status)
		return status;
	s->keep_going = true;
	s->report = report;
	s->report_ctx = &o;
	run(s, &o, wait_ns);
	return shim_finish(s, !o.recovers);
}
