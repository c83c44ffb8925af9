/* SPDX-License-Identifier: MIT */
/* report.c: counters since the measurement began, as a line of a table */
#include "test/sim/report.h"

#include "test/sim/guest.h"
#include "test/sim/load.h"

/* What was counted before the measurement; by domid, which is never used again. */
struct begun {
	unsigned int domid;
	int64_t at_ns, run_ns, wait_ns;
	uint64_t switches;
	unsigned int changes, reversals;
};

static struct begun begun[SCHED_MAX_DOMAINS];

static struct begun sum_of(const struct domain *dom, struct hint *hint)
{
	const struct hint_domain *h = hint_of(hint, dom);
	struct begun sum = {.domid = dom->domid,
			    .at_ns = dom->host->clock.now,
			    .changes = h->changes,
			    .reversals = h->reversals};
	unsigned int i;

	for (i = 0; i < dom->nr_vcpus; i++) {
		sum.run_ns += dom->vcpu[i]->run_ns;
		sum.wait_ns += dom->vcpu[i]->wait_ns;
		sum.switches += dom->vcpu[i]->switches;
	}
	return sum;
}

void report_begin(struct host *host, struct hint *hint)
{
	struct domain *dom;

	host_count(host);
	LIST_FOREACH (dom, &host->domains, link) {
		struct guest *guest = dom->guest;

		begun[dom->domid % SCHED_MAX_DOMAINS] = sum_of(dom, hint);
		if (dom->ops != &guest_ops || !guest->netback)
			continue;
		vif_note_starved(&guest->vif, host->clock.now);
		guest->vif.total = (struct vif_stats){0};
		if (guest->load) {
			guest->load->answers = 0;
			guest->load->answer = (struct histogram){0};
		}
	}
}

void report_header(FILE *out)
{
	fputs("label\tdomain\tbase\tweight\tcpu\twait\tswitches\toffered\trx\ttx\tdrop\tstarved\tkick50\t"
	      "kick99\tsojourn50\tsojourn99\tanswers\tmean\tanswer50\tanswer99\tchanges\treversals\n",
	      out);
}

static double us(const struct histogram *h, unsigned int permille)
{
	return (double)histogram_at(h, permille) / SIM_US;
}

static void print_vif(FILE *out, struct guest *guest, double seconds)
{
	static const struct histogram none;
	const struct vif_stats *stats = &guest->vif.total;
	const struct histogram *answer = guest->load ? &guest->load->answer : &none;

	vif_note_starved(&guest->vif, guest->dom->host->clock.now);
	fprintf(out, "\t%.0f\t%.0f\t%.0f\t%.4f\t%.4f\t%.0f\t%.0f\t%.0f\t%.0f",
		(double)stats->offered / seconds, (double)stats->rx_packets / seconds,
		(double)stats->tx_packets / seconds,
		stats->offered ? (double)stats->dropped / (double)stats->offered : 0.0,
		(double)stats->starved_ns / (seconds * SIM_S), us(&stats->kick, 500),
		us(&stats->kick, 990), us(&stats->sojourn, 500), us(&stats->sojourn, 990));
	fprintf(out, "\t%.0f\t%.0f\t%.0f\t%.0f", (double)answer->count / seconds,
		answer->count ? (double)answer->sum / (double)answer->count / SIM_US : 0.0,
		us(answer, 500), us(answer, 990));
}

void report_domain(FILE *out, const char *label, struct domain *dom, struct hint *hint)
{
	const struct begun *before = &begun[dom->domid % SCHED_MAX_DOMAINS];
	struct begun zero = {.domid = dom->domid}, now;
	struct guest *guest = dom->guest;
	double seconds;

	host_count(dom->host);
	now = sum_of(dom, hint);
	if (before->domid != dom->domid)
		before = &zero;
	seconds = (double)(now.at_ns - before->at_ns) / SIM_S;
	fprintf(out, "%s\t%s\t%u\t%u\t%.4f\t%.4f\t%.0f", label, dom->name, hint_of(hint, dom)->base,
		dom->weight, (double)(now.run_ns - before->run_ns) / (seconds * SIM_S),
		(double)(now.wait_ns - before->wait_ns) / (seconds * SIM_S),
		(double)(now.switches - before->switches) / seconds);
	if (dom->ops == &guest_ops && guest->netback)
		print_vif(out, guest, seconds);
	else
		fputs("\t0\t0\t0\t0\t0\t0\t0\t0\t0\t0\t0\t0\t0", out);
	fprintf(out, "\t%u\t%u\n", now.changes - before->changes,
		now.reversals - before->reversals);
}
