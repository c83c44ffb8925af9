/* SPDX-License-Identifier: MIT -- what all subcommands of netfront-shim share: set-up, event loop, final report */
#include "shim.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/signalfd.h>
#include <time.h>
#include <unistd.h>

uint64_t shim_now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000u + ts.tv_nsec;
}

void shim_usage(const char *format, ...)
{
	va_list ap;

	fputs("netfront-shim: ", stderr);
	va_start(ap, format);
	vfprintf(stderr, format, ap);
	va_end(ap);
	fputs("\nTry netfront-shim --help.\n", stderr);
	exit(SHIM_USAGE);
}

unsigned long long shim_number(const char *option, const char *text, unsigned long long min,
			       unsigned long long max)
{
	unsigned long long value;
	char *end;

	errno = 0;
	value = strtoull(text, &end, 0);
	if (errno || end == text || *end || *text == '-' || value < min || value > max)
		shim_usage("--%s: %s is not a number from %llu to %llu", option, text, min, max);
	return value;
}

static int take_signals(struct shim *s)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGUSR1);
	if (sigprocmask(SIG_BLOCK, &set, NULL))
		return -errno;
	s->signal_fd = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
	signal(SIGPIPE, SIG_IGN);
	return s->signal_fd < 0 ? -errno : 0;
}

int shim_open(struct shim *s)
{
	int err = take_signals(s);

	if (!err)
		err = netfront_open(&s->nf, &s->config);
	if (!err)
		return SHIM_OK;
	fprintf(stderr, "netfront-shim: cannot open vif %u: %s\n", s->config.devid, strerror(-err));
	return SHIM_FAILED;
}

int shim_connect(struct shim *s)
{
	int status = shim_open(s), err;

	if (status)
		return status;
	err = netfront_connect(&s->nf);
	if (err) {
		fprintf(stderr, "netfront-shim: cannot connect: %s (backend is %s)\n",
			strerror(-err), netfront_state_name(s->nf.be_state));
		netfront_close(&s->nf);
		return fault_total(&s->nf.faults) ? SHIM_FAULT : SHIM_FAILED;
	}
	fprintf(stderr, "netfront-shim: connected vif%u.%u, %u queue%s\n", s->nf.vif.domid,
		s->nf.vif.devid, s->nf.nr_queues, s->nf.nr_queues == 1 ? "" : "s");
	return SHIM_OK;
}

static void signal_event(struct shim *s)
{
	struct signalfd_siginfo info;

	while (read(s->signal_fd, &info, sizeof(info)) == sizeof(info)) {
		if (info.ssi_signo == SIGUSR1)
			shim_report(s);
		else
			s->stop = true;
	}
}

static void store_event(struct shim *s)
{
	if (!netfront_store_event(&s->nf))
		return;
	if (s->verbose)
		fprintf(stderr, "netfront-shim: backend is %s\n",
			netfront_state_name(s->nf.be_state));
	if (netfront_recover(&s->nf)) {
		fprintf(stderr, "netfront-shim: connected again\n");
		return;
	}
	if (s->keep_going)
		return;
	if (!s->nf.nr_queues) /* it has tried, and failed */
		s->stop = true;
	if (s->nf.be_state == XenbusStateClosing || s->nf.be_state == XenbusStateClosed ||
	    s->nf.be_state == XenbusStateUnknown)
		s->stop = true;
}

/* Linux netfront gives up a device whose backend broke the rings; so do we. */
static void stop_if_broken(struct shim *s)
{
	for (unsigned int i = 0; !s->keep_going && i < s->nf.nr_queues; i++)
		if (s->nf.queue[i].tx.broken || s->nf.queue[i].rx.broken)
			s->stop = true;
}

void shim_poll(struct shim *s, struct pollfd *fds, unsigned int nr, int timeout_ms)
{
	struct pollfd all[3 + SHIM_MAX_FDS] = {
		{.fd = s->signal_fd, .events = POLLIN},
		{.fd = xs_fileno(s->nf.xs), .events = POLLIN},
		{.fd = xenevtchn_fd(s->nf.evtchn), .events = POLLIN},
	};

	stop_if_broken(s);
	if (s->stop)
		timeout_ms = 0;
	if (nr)
		memcpy(all + 3, fds, nr * sizeof(*fds));
	if (poll(all, 3 + nr, timeout_ms) <= 0) {
		for (unsigned int i = 0; i < nr; i++)
			fds[i].revents = 0;
		return;
	}
	if (nr)
		memcpy(fds, all + 3, nr * sizeof(*fds));
	if (all[0].revents)
		signal_event(s);
	if (all[1].revents)
		store_event(s);
	if (all[2].revents)
		netfront_port_event(&s->nf);
}

static void report_caps(FILE *to, const char *name, const struct netfront_caps *caps)
{
	fprintf(to, ",\"%s\":{\"sg\":%d,\"gso4\":%d,\"gso6\":%d,\"csum4\":%d,\"csum6\":%d}", name,
		caps->sg, caps->gso4, caps->gso6, caps->csum4, caps->csum6);
}

static void report_tx(FILE *to, const struct netfront_totals *t)
{
	fprintf(to,
		",\"tx\":{\"packets\":%" PRIu64 ",\"bytes\":%" PRIu64 ",\"slots\":%" PRIu64
		",\"okay\":%" PRIu64 ",\"error\":%" PRIu64 ",\"dropped\":%" PRIu64
		",\"null\":%" PRIu64 ",\"errored_packets\":%" PRIu64 ",\"events\":%" PRIu64
		",\"notifies\":%" PRIu64 "}",
		t->tx.packets, t->tx.bytes, t->tx.slots, t->tx.okay, t->tx.error, t->tx.dropped,
		t->tx.null, t->tx.errored_packets, t->tx_events, t->tx_notifies);
}

static void report_rx(FILE *to, const struct netfront_totals *t)
{
	fprintf(to,
		",\"rx\":{\"packets\":%" PRIu64 ",\"bytes\":%" PRIu64 ",\"slots\":%" PRIu64
		",\"error_packets\":%" PRIu64 ",\"gso\":%" PRIu64 ",\"csum_blank\":%" PRIu64
		",\"data_validated\":%" PRIu64 ",\"hash\":%" PRIu64 ",\"multi_slot\":%" PRIu64
		",\"misread\":%" PRIu64 ",\"headroom\":%" PRIu64 ",\"events\":%" PRIu64
		",\"notifies\":%" PRIu64 "}",
		t->rx.packets, t->rx.bytes, t->rx.slots, t->rx.error_packets, t->rx.gso,
		t->rx.csum_blank, t->rx.data_validated, t->rx.hash, t->rx.multi_slot, t->rx.misread,
		t->rx.headroom, t->rx_events, t->rx_notifies);
}

static void report_queues(FILE *to, const struct netfront *nf)
{
	fputs(",\"per_queue\":[", to);
	for (unsigned int i = 0; i < nf->nr_queues; i++)
		fprintf(to,
			"%s{\"tx_packets\":%" PRIu64 ",\"rx_packets\":%" PRIu64
			",\"tx_outstanding\":%u,\"tx_buffers\":%u,\"rx_buffers\":%u}",
			i ? "," : "", nf->queue[i].tx.stats.packets, nf->queue[i].rx.stats.packets,
			nftx_outstanding(&nf->queue[i].tx), nf->queue[i].tx_pool.pages.nr,
			nf->queue[i].rx_pool.pages.nr);
	fputc(']', to);
}

static void report_setup(FILE *to, const struct nfsetup_stats *stats)
{
	fprintf(to,
		",\"setup\":{\"hashed\":%" PRIu64 ",\"unhashed\":%" PRIu64
		",\"mcast_unasked\":%" PRIu64 ",\"staging_size\":%" PRIu64 ",\"staged\":%" PRIu64
		",\"unstaged\":%" PRIu64 ",\"ctrl_requests\":%" PRIu64 ",\"ctrl_refused\":%" PRIu64
		"}",
		stats->hashed, stats->unhashed, stats->mcast_unasked, stats->staging_size,
		stats->staged, stats->unstaged, stats->ctrl_requests, stats->ctrl_refused);
}

static void report_faults(FILE *to, const struct nf_faults *faults)
{
	const char *comma = "";

	fprintf(to, ",\"fault_total\":%" PRIu64 ",\"faults\":{", fault_total(faults));
	for (int i = 0; i < NF_FAULT_COUNT; i++) {
		if (!faults->count[i])
			continue;
		fprintf(to, "%s\"%s\":%" PRIu64, comma, fault_name(i), faults->count[i]);
		comma = ",";
	}
	fputc('}', to);
}

/* The toolstack's words: what would have to be escaped is no address. */
static void report_ip(FILE *to, const char *ip)
{
	fprintf(to, ",\"ip\":\"%.*s\"", (int)strcspn(ip, "\"\\"), ip);
}

void shim_report(struct shim *s)
{
	const struct netfront *nf = &s->nf;
	struct netfront_totals totals;

	netfront_totals(nf, &totals);
	printf("{\"command\":\"%s\",\"profile\":\"%s\",\"vif\":\"%u.%u\",\"queues\":%u,\"split\":%d,"
	       "\"frontend\":%u,\"backend\":%u,\"connects\":%" PRIu64,
	       s->command, nf->config.profile.name, nf->vif.domid, nf->vif.devid, nf->nr_queues,
	       nf->split, nf->fe_state, nf->be_state, nf->generation);
	if (nf->config.profile.reads_ip)
		report_ip(stdout, nf->ip);
	report_caps(stdout, "tx_caps", &nf->tx_caps);
	report_caps(stdout, "rx_caps", &nf->rx_caps);
	report_tx(stdout, &totals);
	report_rx(stdout, &totals);
	report_queues(stdout, nf);
	report_setup(stdout, &nf->setup.stats);
	printf(",\"spurious_events\":%" PRIu64, nf->spurious_events);
	report_faults(stdout, &nf->faults);
	if (s->report)
		s->report(stdout, s->report_ctx);
	puts("}");
	fflush(stdout);
}

int shim_finish(struct shim *s, bool unmet)
{
	int err = netfront_disconnect(&s->nf);

	if (err)
		fprintf(stderr, "netfront-shim: disconnect: %s (backend is %s)\n", strerror(-err),
			netfront_state_name(s->nf.be_state));
	shim_report(s);
	netfront_close(&s->nf);
	if (fault_total(&s->nf.faults))
		return SHIM_FAULT;
	if (unmet)
		return SHIM_UNMET;
	return err ? SHIM_FAILED : SHIM_OK;
}
