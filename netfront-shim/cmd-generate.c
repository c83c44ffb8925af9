/* SPDX-License-Identifier: MIT -- netfront-shim generate: packets of any size, slot shape and rate */
#include "shim.h"

#include <arpa/inet.h>
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <netinet/ether.h>
#include <stdlib.h>

#include "traffic.h"

enum {
	BUDGET = 64,
	DRAIN_MS = 2000,
	MAX_FLOWS = 32
};

struct generate {
	struct frame_spec spec;
	struct shape shape;
	size_t size;
	enum frame_csum csum;
	bool no_packets, csum_given, data_validated, has_hash;
	uint32_t hash;
	uint16_t gso_size, vlan;
	uint64_t rate, count, duration_ns, delay_ns, linger_ns;
	unsigned int nr_mcast;
	struct netif_extra_info mcast[NFTX_MAX_EXTRAS];
	/* while it runs */
	struct frame_info info;
	uint8_t frame[NFTX_MAX_SLOTS * NETIF_PAGE], tagged[NFTX_MAX_SLOTS * NETIF_PAGE];
	struct nftx_desc desc;
	uint64_t sent, start_ns, end_ns;
	unsigned int flows; /* 0: one a queue */
	uint32_t first_seq, seq[MAX_FLOWS];
	struct receiver receiver; /* of what an echo sends back */
};

static void report(FILE *to, void *ctx)
{
	const struct generate *g = ctx;
	double s = (g->end_ns - g->start_ns) / 1e9;

	fprintf(to, ",\"sent\":%" PRIu64 ",\"size\":%zu,\"seconds\":%.3f,\"pps\":%.0f", g->sent,
		g->size, s, s > 0 ? g->sent / s : 0);
	receiver_report(&g->receiver, to);
}

static void describe(struct generate *g)
{
	struct nftx_desc *desc = &g->desc;

	if (g->csum == FRAME_CSUM_BLANK)
		desc->flags = NETTXF_csum_blank | NETTXF_data_validated;
	else if (g->data_validated)
		desc->flags = NETTXF_data_validated;
	if (g->gso_size)
		desc->extra[desc->nr_extras++] = (struct netif_extra_info){
			.type = XEN_NETIF_EXTRA_TYPE_GSO,
			.u.gso = {.size = g->gso_size,
				  .type = g->spec.version == 4 ? XEN_NETIF_GSO_TYPE_TCPV4
							       : XEN_NETIF_GSO_TYPE_TCPV6},
		};
	if (g->has_hash) {
		struct netif_extra_info *extra = &desc->extra[desc->nr_extras++];
		uint32_t value = htole32(g->hash);

		*extra = (struct netif_extra_info){.type = XEN_NETIF_EXTRA_TYPE_HASH};
		extra->u.hash.type = g->spec.version == 4 ? _XEN_NETIF_CTRL_HASH_TYPE_IPV4
							  : _XEN_NETIF_CTRL_HASH_TYPE_IPV6;
		extra->u.hash.algorithm = XEN_NETIF_CTRL_HASH_ALGORITHM_TOEPLITZ;
		memcpy(extra->u.hash.value, &value, sizeof(value));
	}
}

static size_t wire_size(const struct generate *g)
{
	return g->size + (g->vlan ? FRAME_TAG : 0);
}

static void check(const struct generate *g)
{
	size_t headers = frame_header_len(&g->spec);

	if (g->size < headers)
		shim_usage("--size %zu: the headers alone take %zu", g->size, headers);
	if (g->vlan && g->csum == FRAME_CSUM_BLANK)
		shim_usage("--vlan: a backend completes no checksum behind a tag");
	if (g->size > NETFRONT_FRAME_MAX)
		shim_usage("--size %zu: netif ends at %d", g->size, NETFRONT_FRAME_MAX);
	if (!shape_slots(&g->shape, wire_size(g)))
		shim_usage("--size %zu: does not fit the slots", g->size);
}

static void prepare(const struct shim *s, struct generate *g)
{
	if (!g->flows)
		g->flows = s->nf.nr_queues;
	for (unsigned int i = 0; i < g->flows; i++)
		g->seq[i] = g->first_seq;
	memcpy(g->spec.src, s->nf.mac, 6);
	frame_build(&g->spec, g->frame, g->size);
	frame_parse(g->frame, g->size, g->size, &g->info);
	describe(g);
}

/* Multicast control rides on requests that carry no packet. */
static void send_mcast(struct nfqueue *q, const struct generate *g)
{
	for (unsigned int i = 0; i < g->nr_mcast; i++) {
		struct nftx_desc desc = {.nr_extras = 1};

		desc.extra[0] = g->mcast[i];
		nftx_put(&q->tx, &desc);
	}
	nfqueue_push_tx(q);
}

static void set_port(uint8_t *at, uint16_t port)
{
	at[0] = port >> 8;
	at[1] = port;
}

static bool send_one(struct generate *g, struct nfqueue *q, unsigned int flow)
{
	unsigned int slots = shape_slots(&g->shape, wire_size(g));
	const uint8_t *frame = g->frame;

	if (!nftx_room(&q->tx, slots + g->desc.nr_extras, slots))
		return false;
	if (g->info.l4)
		set_port(g->frame + g->info.l4, g->spec.sport + flow);
	frame_fill(g->frame, &g->info, g->spec.stream + flow, g->seq[flow], shim_now_ns());
	frame_set_csum(g->frame, &g->info, g->csum);
	if (g->vlan) {
		memcpy(g->tagged, g->frame, g->size);
		frame_tag(g->tagged, g->size, g->vlan);
		frame = g->tagged;
	}
	if (traffic_send(q, frame, wire_size(g), &g->shape, &g->desc))
		return false;
	g->seq[flow] += g->spec.proto == IPPROTO_TCP ? g->info.end - g->info.payload : 1;
	g->sent++;
	return true;
}

/* How many packets are due; at most BUDGET. */
static unsigned int due(const struct generate *g, uint64_t now)
{
	uint64_t most = BUDGET, allowed;

	if (g->count && g->count - g->sent < most)
		most = g->count - g->sent;
	if (!g->rate)
		return most;
	allowed = (uint64_t)((now - g->start_ns) / 1e9 * g->rate) + 1;
	if (allowed <= g->sent)
		return 0;
	return allowed - g->sent < most ? allowed - g->sent : most;
}

/* Sends what is due, each flow by its queue; returns false if a ring was full. */
static bool send_due(struct shim *s, struct generate *g, uint64_t now)
{
	bool room = s->nf.nr_queues && g->flows; /* none: the way back up has failed */

	for (unsigned int i = 0; i < s->nf.nr_queues; i++)
		nftx_reap(&s->nf.queue[i].tx);
	for (unsigned int n = due(g, now); n && room; n--) {
		unsigned int flow = g->sent % g->flows;

		room = send_one(g, &s->nf.queue[flow % s->nf.nr_queues], flow);
	}
	for (unsigned int i = 0; i < s->nf.nr_queues; i++)
		nfqueue_push_tx(&s->nf.queue[i]);
	return room;
}

static void receive(struct shim *s, struct generate *g)
{
	struct nfrx_packet pkt;
	struct frame_info info;

	for (unsigned int i = 0; i < s->nf.nr_queues; i++) {
		while (netfront_take(&s->nf, &s->nf.queue[i], &pkt, &info))
			receiver_take(&g->receiver, &pkt, &info, shim_now_ns());
		nfqueue_fill_rx(&s->nf.queue[i]);
	}
}

static unsigned int outstanding(const struct shim *s)
{
	unsigned int sum = 0;

	for (unsigned int i = 0; i < s->nf.nr_queues; i++)
		sum += nftx_outstanding(&s->nf.queue[i].tx);
	return sum;
}

static void run(struct shim *s, struct generate *g)
{
	uint64_t now = g->start_ns = g->end_ns = shim_now_ns();

	if (g->no_packets)
		return;
	while (!s->stop && (!g->count || g->sent < g->count) &&
	       (!g->duration_ns || now - g->start_ns < g->duration_ns)) {
		bool room = send_due(s, g, now);
		/* A full ring wakes us by a response; the limit is for the duration's end. */
		int timeout = !room ? 100 : g->rate ? 1 : 0;

		receive(s, g);
		if (room && g->rate && due(g, shim_now_ns()))
			timeout = 0;
		shim_poll(s, NULL, 0, timeout);
		now = shim_now_ns();
	}
	g->end_ns = shim_now_ns();
}

/* A bridge opens the port of a vif only some time after its carrier came. */
static void hold(struct shim *s, struct generate *g)
{
	uint64_t end = shim_now_ns() + g->delay_ns, now;

	while (!s->stop && (now = shim_now_ns()) < end) {
		receive(s, g);
		shim_poll(s, NULL, 0, (end - now) / 1000000 + 1);
	}
}

static bool all_came_back(const struct generate *g)
{
	return g->receiver.payload_bytes >= g->sent * (g->info.end - g->info.payload);
}

/* Waits for all responses, and then as long as echoes may still come. */
static void drain(struct shim *s, struct generate *g)
{
	uint64_t start = shim_now_ns(), now = start, limit = DRAIN_MS * 1000000ull;

	while (!s->stop && now - start < limit) {
		for (unsigned int i = 0; i < s->nf.nr_queues; i++)
			nftx_reap(&s->nf.queue[i].tx);
		receive(s, g);
		if (!outstanding(s) && (now - start >= g->linger_ns || all_came_back(g)))
			break;
		if (!outstanding(s))
			limit = g->linger_ns;
		shim_poll(s, NULL, 0, (start + limit - now) / 1000000 + 1);
		now = shim_now_ns();
	}
}

static void add_mcast(struct generate *g, uint8_t type, const char *text)
{
	struct netif_extra_info *extra = &g->mcast[g->nr_mcast];
	struct ether_addr addr;

	if (g->nr_mcast == NFTX_MAX_EXTRAS)
		shim_usage("more than %d multicast commands", NFTX_MAX_EXTRAS);
	if (!ether_aton_r(text, &addr))
		shim_usage("%s is not an address", text);
	*extra = (struct netif_extra_info){.type = type};
	memcpy(extra->u.mcast.addr, &addr, 6);
	g->nr_mcast++;
}

static void take_slots(struct generate *g, const char *text)
{
	char *end;

	g->size = 0;
	for (g->shape.nr = 0;; text = end + 1) {
		unsigned long size = strtoul(text, &end, 10);

		if (end == text || (*end && *end != ',') || size > NETIF_PAGE ||
		    g->shape.nr == NFTX_MAX_SLOTS)
			shim_usage("--slots: at most %d sizes up to %d, with commas",
				   NFTX_MAX_SLOTS, NETIF_PAGE);
		g->shape.size[g->shape.nr++] = size;
		g->size += size;
		if (!*end)
			return;
	}
}

static void take_proto(struct generate *g, const char *text)
{
	if (!strcmp(text, "udp"))
		g->spec.proto = IPPROTO_UDP;
	else if (!strcmp(text, "tcp"))
		g->spec.proto = IPPROTO_TCP;
	else if (!strcmp(text, "raw"))
		g->spec.version = g->spec.proto = 0;
	else
		shim_usage("--proto: udp, tcp or raw, not %s", text);
}

static void take_csum(struct generate *g, const char *text)
{
	g->csum_given = true;
	if (!strcmp(text, "full"))
		g->csum = FRAME_CSUM_FULL;
	else if (!strcmp(text, "validated"))
		g->csum = FRAME_CSUM_FULL, g->data_validated = true;
	else if (!strcmp(text, "blank"))
		g->csum = FRAME_CSUM_BLANK;
	else if (!strcmp(text, "bad"))
		g->csum = FRAME_CSUM_BAD;
	else
		shim_usage("--csum: full, validated, blank or bad, not %s", text);
}

static void take_mac(uint8_t *mac, const char *text)
{
	struct ether_addr addr;

	if (!ether_aton_r(text, &addr))
		shim_usage("--dst-mac: %s is not an address", text);
	memcpy(mac, &addr, 6);
}

static void take_ip(const char *text, struct in_addr *v4, struct in6_addr *v6)
{
	if (inet_pton(AF_INET, text, v4) != 1 && inet_pton(AF_INET6, text, v6) != 1)
		shim_usage("%s is not an IP address", text);
}

enum option_id {
	OPT_SIZE = 256,
	OPT_SLOTS,
	OPT_OFFSET,
	OPT_RATE,
	OPT_COUNT,
	OPT_DURATION,
	OPT_DELAY,
	OPT_LINGER,
	OPT_PROTO,
	OPT_IPV6,
	OPT_GSO,
	OPT_CSUM,
	OPT_HASH,
	OPT_VLAN,
	OPT_DST_MAC,
	OPT_SRC_IP,
	OPT_DST_IP,
	OPT_SPORT,
	OPT_DPORT,
	OPT_STREAM,
	OPT_FLOWS,
	OPT_SEQ,
	OPT_MCAST_ADD,
	OPT_MCAST_DEL,
};

static const struct option options[] = {
	{"size", required_argument, NULL, OPT_SIZE},
	{"slots", required_argument, NULL, OPT_SLOTS},
	{"offset", required_argument, NULL, OPT_OFFSET},
	{"rate", required_argument, NULL, OPT_RATE},
	{"count", required_argument, NULL, OPT_COUNT},
	{"duration", required_argument, NULL, OPT_DURATION},
	{"delay", required_argument, NULL, OPT_DELAY},
	{"linger", required_argument, NULL, OPT_LINGER},
	{"proto", required_argument, NULL, OPT_PROTO},
	{"ipv6", no_argument, NULL, OPT_IPV6},
	{"gso", required_argument, NULL, OPT_GSO},
	{"csum", required_argument, NULL, OPT_CSUM},
	{"hash", required_argument, NULL, OPT_HASH},
	{"vlan", required_argument, NULL, OPT_VLAN},
	{"dst-mac", required_argument, NULL, OPT_DST_MAC},
	{"src-ip", required_argument, NULL, OPT_SRC_IP},
	{"dst-ip", required_argument, NULL, OPT_DST_IP},
	{"sport", required_argument, NULL, OPT_SPORT},
	{"dport", required_argument, NULL, OPT_DPORT},
	{"stream", required_argument, NULL, OPT_STREAM},
	{"flows", required_argument, NULL, OPT_FLOWS},
	{"seq", required_argument, NULL, OPT_SEQ},
	{"mcast-add", required_argument, NULL, OPT_MCAST_ADD},
	{"mcast-del", required_argument, NULL, OPT_MCAST_DEL},
	{"help", no_argument, NULL, 'h'},
	{NULL, 0, NULL, 0},
};

static const char help_text[] =
	"usage: netfront-shim [options] generate [its options]\n"
	"\n"
	"  --size N          bytes of a frame, without FCS (60)\n"
	"  --slots A,B,...   bytes in each slot; their sum is the size\n"
	"  --offset N        of the data in each page (0)\n"
	"  --rate N          packets a second (as fast as they are taken)\n"
	"  --count N         packets; 0: none, only multicast commands\n"
	"  --duration S      seconds\n"
	"  --delay MS        between Connected and the first packet (0)\n"
	"  --linger MS       to wait for echoes at the end (0)\n"
	"  --proto P         udp, tcp or raw (udp)\n"
	"  --ipv6            instead of IPv4\n"
	"  --gso MSS         one big TCP packet with a GSO extra; implies --csum blank\n"
	"  --csum C          full, validated, blank or bad (full)\n"
	"  --hash VALUE      with a hash extra\n"
	"  --vlan ID         with a tag, which the size does not count\n"
	"  --dst-mac M --src-ip I --dst-ip I --sport N --dport N\n"
	"  --stream N        number in the packets that tells generators apart (1)\n"
	"  --flows N         so many in turn, of ports and streams that follow (one a queue)\n"
	"  --seq N           first sequence number (0)\n"
	"  --mcast-add M --mcast-del M\n"
	"                    multicast control before the packets\n";

static void take_traffic(struct generate *g, int id, const char *text)
{
	switch (id) {
	case OPT_SIZE:
		g->size = shim_number("size", text, 1, NFTX_MAX_SLOTS * NETIF_PAGE);
		break;
	case OPT_SLOTS:
		take_slots(g, text);
		break;
	case OPT_OFFSET:
		g->shape.offset = shim_number("offset", text, 0, NETIF_PAGE - 1);
		break;
	case OPT_RATE:
		g->rate = shim_number("rate", text, 1, 100000000);
		break;
	case OPT_COUNT:
		g->count = shim_number("count", text, 0, UINT64_MAX);
		g->no_packets = !g->count;
		break;
	case OPT_DURATION:
		g->duration_ns = shim_number("duration", text, 1, 1000000) * 1000000000u;
		break;
	case OPT_DELAY:
		g->delay_ns = shim_number("delay", text, 0, 1000000) * 1000000u;
		break;
	case OPT_LINGER:
		g->linger_ns = shim_number("linger", text, 0, 1000000) * 1000000u;
		break;
	case OPT_STREAM:
		g->spec.stream = shim_number("stream", text, 0, 65535);
		break;
	case OPT_FLOWS:
		g->flows = shim_number("flows", text, 1, MAX_FLOWS);
		break;
	case OPT_SEQ:
		g->first_seq = shim_number("seq", text, 0, UINT32_MAX);
		break;
	}
}

static void take_headers(struct generate *g, int id, const char *text)
{
	switch (id) {
	case OPT_PROTO:
		take_proto(g, text);
		break;
	case OPT_IPV6:
		g->spec.version = 6;
		break;
	case OPT_GSO:
		g->gso_size = shim_number("gso", text, 1, 65535);
		g->spec.proto = IPPROTO_TCP;
		break;
	case OPT_CSUM:
		take_csum(g, text);
		break;
	case OPT_HASH:
		g->has_hash = true;
		g->hash = shim_number("hash", text, 0, UINT32_MAX);
		break;
	case OPT_VLAN:
		g->vlan = g->receiver.vlan = shim_number("vlan", text, 1, 4094);
		break;
	case OPT_DST_MAC:
		take_mac(g->spec.dst, text);
		break;
	case OPT_SRC_IP:
		take_ip(text, &g->spec.src4, &g->spec.src6);
		break;
	case OPT_DST_IP:
		take_ip(text, &g->spec.dst4, &g->spec.dst6);
		break;
	case OPT_SPORT:
		g->spec.sport = shim_number("sport", text, 0, 65535);
		break;
	case OPT_DPORT:
		g->spec.dport = shim_number("dport", text, 0, 65535);
		break;
	case OPT_MCAST_ADD:
		add_mcast(g, XEN_NETIF_EXTRA_TYPE_MCAST_ADD, text);
		break;
	case OPT_MCAST_DEL:
		add_mcast(g, XEN_NETIF_EXTRA_TYPE_MCAST_DEL, text);
		break;
	}
}

static void set_defaults(struct generate *g)
{
	*g = (struct generate){
		.size = 60,
		.spec = {.version = 4, .proto = IPPROTO_UDP, .stream = 1, .sport = 9, .dport = 9},
	};
	memset(g->spec.dst, 0xff, 6);
	take_ip("198.18.0.1", &g->spec.src4, &g->spec.src6); /* RFC 2544's network */
	take_ip("198.18.0.2", &g->spec.dst4, &g->spec.dst6);
	take_ip("2001:2::1", &g->spec.src4, &g->spec.src6);
	take_ip("2001:2::2", &g->spec.dst4, &g->spec.dst6);
}

static void parse(int argc, char **argv, struct generate *g)
{
	int id;

	set_defaults(g);
	while ((id = getopt_long(argc, argv, "h", options, NULL)) != -1) {
		if (id == '?')
			exit(SHIM_USAGE);
		if (id == 'h') {
			fputs(help_text, stdout);
			exit(SHIM_OK);
		}
		take_traffic(g, id, optarg);
		take_headers(g, id, optarg);
	}
	if (g->gso_size && !g->csum_given)
		g->csum = FRAME_CSUM_BLANK;
	check(g);
}

/* Would the profile's driver send this to this backend? */
static bool may_send(const struct shim *s, const struct generate *g)
{
	const struct netfront_caps *caps = &s->nf.tx_caps;
	bool v6 = g->spec.version == 6;
	const char *what = NULL;

	if (shape_slots(&g->shape, wire_size(g)) > 1 && !caps->sg)
		what = "several slots";
	else if (g->gso_size && !(v6 ? caps->gso6 : caps->gso4))
		what = "GSO";
	else if (g->csum == FRAME_CSUM_BLANK && !(v6 ? caps->csum6 : caps->csum4))
		what = "blank checksums";
	if (what)
		fprintf(stderr, "netfront-shim: no %s between this frontend and this backend\n",
			what);
	return !what;
}

int cmd_generate(struct shim *s, int argc, char **argv)
{
	static struct generate g;
	int status;
	bool unanswered;

	parse(argc, argv, &g);
	status = shim_connect(s);
	if (status)
		return status;
	prepare(s, &g);
	s->report = report;
	s->report_ctx = &g;
	if (!may_send(s, &g))
		return shim_finish(s, true);
	hold(s, &g);
	send_mcast(&s->nf.queue[0], &g);
	run(s, &g);
	drain(s, &g);
	unanswered = outstanding(s) != 0;
	if (unanswered)
		fprintf(stderr, "netfront-shim: %u requests were not answered\n", outstanding(s));
	if (s->verbose)
		receiver_print(&g.receiver, stderr);
	return shim_finish(s, unanswered);
}
