/* SPDX-License-Identifier: MIT -- netfront-shim connect: every state of the frontend at the word of a script */
#include "shim.h"

#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <netinet/ether.h>
#include <stdlib.h>
#include <unistd.h>

#include "nfstore.h"

enum {
	LINE = 256,
	ALL_STATES = 0x1ff
};

/* A command of standard input; arg is what follows its name. Returns 0 or -errno. */
struct verb {
	const char *name;
	int (*run)(struct shim *s, const char *arg);
	const char *help;
};

static int do_connect(struct shim *s, const char *arg)
{
	(void)arg;
	if (s->nf.nr_queues)
		return -EISCONN;
	return netfront_connect(&s->nf);
}

static int do_disconnect(struct shim *s, const char *arg)
{
	(void)arg;
	return netfront_disconnect(&s->nf);
}

static int do_reconnect(struct shim *s, const char *arg)
{
	int err = netfront_disconnect(&s->nf);

	(void)arg;
	return err ? err : netfront_connect(&s->nf);
}

/* As a driver that goes away and forgets to say Closing. */
static int do_close(struct shim *s, const char *arg)
{
	(void)arg;
	return netfront_set_state(&s->nf, XenbusStateClosed);
}

/* A new kernel over a connected device (kexec): straight from 4 to 1, then up again. */
static int do_restart(struct shim *s, const char *arg)
{
	int err = netfront_set_state(&s->nf, XenbusStateInitialising);

	(void)arg;
	if (!err)
		err = netfront_wait(&s->nf, 1U << XenbusStateInitWait, s->config.timeout_ms);
	if (err)
		return err;
	netfront_drop_rings(&s->nf);
	return netfront_connect(&s->nf);
}

static int do_make_rings(struct shim *s, const char *arg)
{
	if (s->nf.nr_queues)
		return -EEXIST;
	s->nf.config.profile.blind |= !strcmp(arg, "blind");
	return netfront_make_rings(&s->nf);
}

static int do_drop_rings(struct shim *s, const char *arg)
{
	(void)arg;
	netfront_drop_rings(&s->nf);
	return 0;
}

static int do_publish(struct shim *s, const char *arg)
{
	(void)arg;
	return s->nf.nr_queues ? netfront_publish(&s->nf) : -ENOTCONN;
}

static int parse_state(const char *arg)
{
	char *end;
	unsigned long value = strtoul(arg, &end, 10);

	if (*arg && !*end && value <= 99)
		return value;
	for (int i = 0; ALL_STATES >> i; i++)
		if (!strcasecmp(arg, netfront_state_name(i)))
			return i;
	return -EINVAL;
}

static int do_set_state(struct shim *s, const char *arg)
{
	int state = parse_state(arg);

	return state < 0 ? state : netfront_set_state(&s->nf, state);
}

static int do_state(struct shim *s, const char *arg)
{
	(void)arg;
	netfront_store_event(&s->nf);
	printf("frontend %u %s backend %u %s queues %u\n", s->nf.fe_state,
	       netfront_state_name(s->nf.fe_state), s->nf.be_state,
	       netfront_state_name(s->nf.be_state), s->nf.nr_queues);
	return 0;
}

static int do_wait(struct shim *s, const char *arg)
{
	const char *ms = arg + strcspn(arg, " \t");
	long timeout_ms = s->config.timeout_ms;
	char name[LINE], *end;
	int state;

	snprintf(name, sizeof(name), "%.*s", (int)(ms - arg), arg);
	ms += strspn(ms, " \t");
	if (*ms) {
		timeout_ms = strtol(ms, &end, 10);
		if (*end || timeout_ms < 0 || timeout_ms > INT_MAX)
			return -EINVAL;
	}
	state = parse_state(name);
	if (state < 0 || state > XenbusStateReconfigured)
		return -EINVAL;
	return netfront_wait(&s->nf, 1U << state, timeout_ms);
}

/* Raw text into a key of ours, known to the schema: "write feature-sg 2x". */
static int do_write(struct shim *s, const char *arg)
{
	const char *value = strchr(arg, ' ');
	size_t len = value ? (size_t)(value - arg) : strlen(arg);

	value = value ? value + 1 : "";
	for (int key = 0; key < XSK_COUNT; key++) {
		const char *name = xsk_name(key);

		if ((xs_keys[key].dir == XS_DIR_FE || xs_keys[key].dir == XS_DIR_QUEUE) &&
		    strlen(name) == len && !memcmp(name, arg, len))
			return nfstore_write_text(&s->nf, key, value, strlen(value));
	}
	return -ENOENT;
}

/* A number, "page", or "tx:N" and "rx:N" for the reference of a buffer of the first queue. */
static bool take_word(const struct netfront *nf, const char **text, uint32_t *word)
{
	const struct nfpool *pool;
	unsigned long value;
	bool buffer;
	char *end;

	*text += strspn(*text, " \t,");
	pool = **text == 't' ? &nf->queue[0].tx_pool : &nf->queue[0].rx_pool;
	buffer = !strncmp(*text, "tx:", 3) || !strncmp(*text, "rx:", 3);
	if (!strncmp(*text, "page", 4)) {
		*text += 4;
		*word = nf->setup.table_ref;
		return true;
	}
	value = strtoul(*text + (buffer ? 3 : 0), &end, 0);
	if (end == *text || (buffer && value >= pool->pages.nr))
		return false;
	*text = end;
	*word = buffer ? pool->pages.gref[value] : value;
	return true;
}

static int do_page(struct shim *s, const char *arg)
{
	uint32_t *page = s->nf.setup.table_page, word;

	if (!s->nf.setup.open)
		return -ENOTCONN;
	memset(page, 0, NETIF_PAGE);
	for (size_t i = 0; *arg && i < NETIF_PAGE / sizeof(*page); i++) {
		if (!take_word(&s->nf, &arg, &word))
			return -EINVAL;
		page[i] = word;
	}
	return 0;
}

static int do_ctrl(struct shim *s, const char *arg)
{
	const uint32_t *page = s->nf.setup.table_page;
	uint32_t word[4] = {0}, data = 0;
	int status;

	if (!s->nf.setup.open)
		return -ENOTCONN;
	for (int i = 0; *arg && i < 4; i++)
		if (!take_word(&s->nf, &arg, &word[i]))
			return -EINVAL;
	status = nfsetup_request(&s->nf, word[0], word + 1, &data);
	if (status < 0)
		return status;
	printf("status %d data %u page %#x %#x %#x %#x\n", status, data, page[0], page[1], page[2],
	       page[3]);
	return 0;
}

static int do_headroom(struct shim *s, const char *arg)
{
	uint32_t bytes;

	if (!s->nf.nr_queues || !take_word(&s->nf, &arg, &bytes))
		return -EINVAL;
	return nfsetup_headroom(&s->nf, bytes);
}

static int do_mcast(struct shim *s, const char *arg)
{
	struct nftx_desc desc = {.nr_extras = 1};
	struct nfqueue *q = s->nf.queue;
	struct ether_addr addr;

	if (!s->nf.nr_queues || !ether_aton_r(arg + 4, &addr))
		return -EINVAL;
	desc.extra[0].type = !strncmp(arg, "del ", 4) ? XEN_NETIF_EXTRA_TYPE_MCAST_DEL
						      : XEN_NETIF_EXTRA_TYPE_MCAST_ADD;
	memcpy(desc.extra[0].u.mcast.addr, &addr, 6);
	if (nftx_put(&q->tx, &desc))
		return -ENOSPC;
	nfqueue_push_tx(q);
	return 0;
}

static int do_stats(struct shim *s, const char *arg)
{
	(void)arg;
	shim_report(s);
	return 0;
}

static int do_quit(struct shim *s, const char *arg)
{
	(void)arg;
	s->stop = true;
	return 0;
}

static const struct verb verbs[] = {
	{"connect", do_connect, "the whole way to Connected"},
	{"disconnect", do_disconnect, "Closing, Closed, grants taken back"},
	{"reconnect", do_reconnect, "both"},
	{"restart", do_restart, "Initialising straight from Connected, then connect"},
	{"close", do_close, "write Closed without Closing; rings stay"},
	{"make-rings", do_make_rings,
	 "[blind]: negotiate (or do not even look), grant rings and buffers"},
	{"publish", do_publish, "write all keys but the state"},
	{"drop-rings", do_drop_rings, "take grants and ports back, whatever the state"},
	{"set-state", do_set_state, "N or NAME: write the state as it is"},
	{"write", do_write, "KEY TEXT: write any text into a key of ours"},
	{"page", do_page, "WORD,...: write 32-bit words into the page for control requests"},
	{"ctrl", do_ctrl, "TYPE [A B C]: a control request; a word may be page, tx:N or rx:N"},
	{"headroom", do_headroom, "N: through Reconfiguring and Reconfigured, as Linux' XDP"},
	{"mcast", do_mcast, "add|del MAC: multicast control"},
	{"state", do_state, "print both states"},
	{"wait", do_wait, "STATE [MS]: until the backend is in it"},
	{"stats", do_stats, "print the JSON report"},
	{"quit", do_quit, "disconnect and end"},
};

static void obey(struct shim *s, char *line)
{
	char *arg = line + strcspn(line, " \t");
	int err;

	if (*arg)
		*arg++ = '\0';
	arg += strspn(arg, " \t");
	if (!*line)
		return;
	for (size_t i = 0; i < sizeof(verbs) / sizeof(verbs[0]); i++) {
		if (strcmp(line, verbs[i].name) != 0)
			continue;
		err = verbs[i].run(s, arg);
		if (err)
			printf("error %s: %s (backend %u)\n", line, strerror(-err), s->nf.be_state);
		else
			printf("ok %s\n", line);
		fflush(stdout);
		return;
	}
	printf("error %s: no such command\n", line);
	fflush(stdout);
}

struct input {
	char buf[LINE];
	size_t len;
	bool end;
};

/* Reads what is there and obeys each whole line. */
static void read_lines(struct shim *s, struct input *in)
{
	ssize_t n = read(STDIN_FILENO, in->buf + in->len, sizeof(in->buf) - 1 - in->len);
	char *line = in->buf, *newline;

	if (n <= 0) {
		in->end = true;
		return;
	}
	in->len += n;
	in->buf[in->len] = '\0';
	while (!s->stop && (newline = strchr(line, '\n'))) {
		*newline = '\0';
		obey(s, line);
		line = newline + 1;
	}
	in->len -= line - in->buf;
	memmove(in->buf, line, in->len);
	if (in->len == sizeof(in->buf) - 1)
		in->len = 0; /* a line that long is none of ours */
}

/* Keeps the rings alive without looking at what is received. */
static void serve(struct shim *s)
{
	struct nfrx_packet pkt;
	struct frame_info info;

	for (unsigned int i = 0; i < s->nf.nr_queues; i++) {
		struct nfqueue *q = &s->nf.queue[i];

		nftx_reap(&q->tx);
		while (netfront_take(&s->nf, q, &pkt, &info))
			;
		nfqueue_fill_rx(q);
	}
}

static void run(struct shim *s)
{
	struct input in = {.len = 0};

	while (!s->stop) {
		struct pollfd pfd = {.fd = in.end ? -1 : STDIN_FILENO, .events = POLLIN};

		serve(s);
		shim_poll(s, &pfd, 1, -1);
		if (pfd.revents)
			read_lines(s, &in);
	}
}

static const struct option options[] = {
	{"hold", no_argument, NULL, 'H'},
	{"help", no_argument, NULL, 'h'},
	{NULL, 0, NULL, 0},
};

static void print_help(void)
{
	puts("usage: netfront-shim [options] connect [--hold]\n"
	     "\n"
	     "  --hold   do not connect at the start\n"
	     "\n"
	     "Lines of standard input; each is answered by \"ok NAME\" or \"error NAME: why\":");
	for (size_t i = 0; i < sizeof(verbs) / sizeof(verbs[0]); i++)
		printf("  %-11s %s\n", verbs[i].name, verbs[i].help);
}

int cmd_connect(struct shim *s, int argc, char **argv)
{
	bool hold = false;
	int id, status;

	while ((id = getopt_long(argc, argv, "h", options, NULL)) != -1) {
		if (id == 'h') {
			print_help();
			return SHIM_OK;
		}
		if (id != 'H')
			return SHIM_USAGE;
		hold = true;
	}
	status = hold ? shim_open(s) : shim_connect(s);
	if (status)
		return status;
	s->keep_going = true;
	puts("ok start");
	fflush(stdout);
	run(s);
	return shim_finish(s, false);
}
