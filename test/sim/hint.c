/* SPDX-License-Identifier: MIT */
/* hint.c: windows of figures, a step of the law, the writes */
#include "test/sim/hint.h"

#include <string.h>

#include "netback/common/util.h"
#include "test/sim/guest.h"
#include "test/sim/scheduler.h"

struct hint_domain *hint_of(struct hint *hint, const struct domain *dom)
{
	struct hint_domain *h = &hint->domain[dom->domid % SCHED_MAX_DOMAINS];

	if (!h->used || h->domid != dom->domid)
		*h = (struct hint_domain){.used = true, .domid = dom->domid, .base = dom->weight};
	return h;
}

static bool has_guest(const struct domain *dom)
{
	return dom->ops == &guest_ops;
}

/* --- figures --- */

static int64_t cpu_ns(const struct domain *dom)
{
	int64_t sum = 0;
	unsigned int i;

	for (i = 0; i < dom->nr_vcpus; i++)
		sum += dom->vcpu[i]->run_ns;
	return sum;
}

static void sample(struct hint *hint)
{
	struct domain *dom;
	unsigned int i;

	LIST_FOREACH (dom, &hint->host->domains, link) {
		struct hint_domain *h = hint_of(hint, dom);

		for (i = 0; i < dom->nr_vcpus; i++) {
			const struct vcpu *vcpu = dom->vcpu[i];

			h->sampled++;
			h->blocked += vcpu->blocked;
			h->waiting += !vcpu->blocked && !vcpu->running;
		}
	}
}

static void traffic(struct vif *vif, double seconds, struct figures *f)
{
	const struct vif_stats *stats = &vif->window;
	double packets = (double)(stats->rx_packets + stats->tx_packets);

	vif_note_starved(vif, vif->guest->dom->host->clock.now);
	f->known |= FIGURES_TRAFFIC | FIGURES_SIZES | FIGURES_STARVED | FIGURES_OCCUPANCY |
		    FIGURES_NETBACK;
	f->rx_packets = (double)stats->rx_packets / seconds;
	f->tx_packets = (double)stats->tx_packets / seconds;
	f->bytes = (double)stats->bytes / seconds;
	f->small = packets > 0 ? (double)stats->small / packets : 0;
	f->large = packets > 0 ? (double)stats->large / packets : 0;
	f->drops = stats->offered ? (double)stats->dropped / (double)stats->offered : 0;
	f->starved = (double)stats->starved_ns / (seconds * SIM_S);
	f->netback = (double)stats->netback_ns / (seconds * SIM_S);
	f->occupancy = vif->tx.count / (double)VIF_RING;
	if (stats->kick.count >= 10) {
		f->known |= FIGURES_KICK;
		f->kick_p50 = (double)histogram_at(&stats->kick, 500) / SIM_US;
		f->kick_p99 = (double)histogram_at(&stats->kick, 990) / SIM_US;
	}
}

static void measure(struct hint *hint, struct domain *dom, double seconds, struct figures *f)
{
	struct hint_domain *h = hint_of(hint, dom);
	struct guest *guest = dom->guest;
	int64_t used = cpu_ns(dom);

	*f = (struct figures){.vcpus = dom->nr_vcpus};
	f->cpu = (double)(used - h->cpu_ns) / (seconds * SIM_S);
	h->cpu_ns = used;
	if (h->sampled) {
		f->known |= FIGURES_VCPUS;
		f->blocked = (double)h->blocked / h->sampled;
		f->waiting = (double)h->waiting / h->sampled;
	}
	h->sampled = h->blocked = h->waiting = 0;
	if (has_guest(dom) && guest->netback) {
		traffic(&guest->vif, seconds, f);
		guest->vif.window = (struct vif_stats){0};
	}
}

/* --- weights --- */

static enum sched_kind kind_of(const struct pool *pool)
{
	return pool->ops == &scheduler_credit ? SCHED_CREDIT : SCHED_CREDIT2;
}

/* The weight is not what we wrote: somebody else's is the base from now on, and we keep off for a while. */
static void find_administrator(struct hint *hint, struct hint_domain *h, const struct domain *dom)
{
	if (dom->weight == (h->written ? h->written : h->base))
		return;
	if (h->written)
		h->hands_off = hint->host->clock.now + HINT_ADMIN_NS;
	h->base = dom->weight;
	h->written = 0;
}

static void write_weight(struct hint_domain *h, struct domain *dom, unsigned int weight)
{
	int direction = weight > dom->weight ? 1 : -1;

	domain_set(dom, weight, dom->cap);
	h->written = weight == h->base ? 0 : weight;
	h->changes++;
	h->reversals += direction == -h->direction;
	h->direction = direction;
}

/* What hintd does when it starts and when it stops: weights that are ours go back. */
static void restore(struct hint *hint)
{
	struct domain *dom;
	unsigned int i;

	LIST_FOREACH (dom, &hint->host->domains, link) {
		struct hint_domain *h = hint_of(hint, dom);

		find_administrator(hint, h, dom);
		if (h->written)
			write_weight(h, dom, h->base);
		h->direction = 0;
		memset(&h->classify, 0, sizeof(h->classify));
	}
	for (i = 0; i < hint->host->nr_pools; i++) {
		struct pool *pool = &hint->host->pool[i];
		struct sched_params now;

		pool->ops->tuned(pool, &now.ratelimit_us, &now.tslice_ms);
		if (!memcmp(&now, &hint->pool_written[i], sizeof(now)))
			pool->ops->tune(pool, hint->pool_base[i].ratelimit_us,
					hint->pool_base[i].tslice_ms);
		hint->pool_written[i] = (struct sched_params){.ratelimit_us = UINT32_MAX};
	}
	memset(hint->law.domain, 0, sizeof(hint->law.domain));
	memset(hint->law.pool, 0, sizeof(hint->law.pool));
}

/* --- a step --- */

static void fill_domain(struct hint *hint, struct domain *dom, struct law_domain *d, double seconds)
{
	struct hint_domain *h = hint_of(hint, dom);

	if (!has_guest(dom)) {
		d->fixed = WHY_DOM0;
	} else {
		struct guest *guest = dom->guest;

		d->fixed = WHY_CONTENT;
		d->consent = guest->consent;
	}
	measure(hint, dom, seconds, &d->figures);
	find_administrator(hint, h, dom);
	if (hint->host->clock.now < h->hands_off)
		d->fixed = WHY_ADMINISTRATOR;
	else if (h->base <= LAW_TINY_WEIGHT && d->fixed == WHY_CONTENT)
		d->fixed = WHY_TINY;
	d->class = classify_step(&h->classify, &d->figures);
	d->pool = dom->pool->id;
	d->base = h->base;
	d->current = dom->weight;
	d->present = true;
}

static void fill(struct hint *hint, double seconds)
{
	struct law *law = &hint->law;
	struct domain *dom;
	unsigned int i;

	for (i = 0; i < SCHED_MAX_DOMAINS; i++)
		law->domain[i].present = false;
	law->nr_domains = 0;
	LIST_FOREACH (dom, &hint->host->domains, link) {
		unsigned int at = dom->domid % SCHED_MAX_DOMAINS;

		fill_domain(hint, dom, &law->domain[at], seconds);
		law->nr_domains = max(law->nr_domains, at + 1);
	}
	/* A domain's number does not come back, so what is left there belongs to nobody. */
	for (i = 0; i < SCHED_MAX_DOMAINS; i++) {
		if (!law->domain[i].present)
			law->domain[i] = (struct law_domain){0};
	}

	law->nr_pools = hint->host->nr_pools;
	for (i = 0; i < law->nr_pools; i++) {
		struct pool *pool = &hint->host->pool[i];
		struct sched_params now = {0};

		pool->ops->tuned(pool, &now.ratelimit_us, &now.tslice_ms);
		if (memcmp(&now, &hint->pool_written[i], sizeof(now)))
			hint->pool_base[i] = now;
		law->pool[i].present = true;
		law->pool[i].kind = kind_of(pool);
		law->pool[i].cpus = pool->nr_cpus;
		law->pool[i].base = hint->pool_base[i];
	}
}

static void apply(struct hint *hint)
{
	struct law *law = &hint->law;
	unsigned int index[LAW_WRITES_PER_SECOND], n, i;
	struct domain *dom;

	n = law_writes(law, (uint64_t)(hint->host->clock.now / SIM_MS), index, ARRAY_SIZE(index));
	for (i = 0; i < n; i++) {
		LIST_FOREACH (dom, &hint->host->domains, link) {
			if (dom->domid % SCHED_MAX_DOMAINS == index[i])
				write_weight(hint_of(hint, dom), dom, law->domain[index[i]].weight);
		}
	}
	for (i = 0; i < law->nr_pools; i++) {
		struct pool *pool = &hint->host->pool[i];
		struct sched_params *params = &law->pool[i].params, now = {0};

		pool->ops->tuned(pool, &now.ratelimit_us, &now.tslice_ms);
		if (!memcmp(params, &now, sizeof(now)))
			continue;
		pool->ops->tune(pool, params->ratelimit_us, params->tslice_ms);
		hint->pool_written[i] = *params;
	}
}

static void print_trace(struct hint *hint)
{
	struct domain *dom;

	LIST_FOREACH (dom, &hint->host->domains, link) {
		const struct law_domain *d = &hint->law.domain[dom->domid % SCHED_MAX_DOMAINS];
		unsigned int ratelimit_us, tslice_ms;

		dom->pool->ops->tuned(dom->pool, &ratelimit_us, &tslice_ms);
		fprintf(hint->trace,
			"%.0f\t%s\t%s\t%s\t%u\t%u\t%.3f\t%.3f\t%.0f\t%.4f\t%.4f\t%.0f\t%u\t%u\n",
			(double)hint->host->clock.now / SIM_S, dom->name, classify_name(d->class),
			law_reason_name(d->reason), d->base, dom->weight, d->share, d->figures.cpu,
			figures_packets(&d->figures), d->figures.drops, d->figures.starved,
			d->figures.kick_p99, ratelimit_us, tslice_ms);
	}
}

/*
 * A sample in each tenth of the window, by chance where: schedulers are periodic, and samples in step with them would see but
 * one state. Then the end of the window.
 */
static void set_timer(struct hint *hint)
{
	int64_t slot = HINT_WINDOW_NS / HINT_SAMPLES,
		when = hint->window_began + hint->sample * slot;

	if (hint->sample < HINT_SAMPLES)
		when += (int64_t)((double)slot * random_unit(&hint->random)) - 1;
	timer_set(&hint->host->clock, &hint->timer, when);
}

static void end_window(struct hint *hint)
{
	int64_t now = hint->host->clock.now;
	double seconds = (double)(now - hint->window_began) / SIM_S;

	hint->sample = 0;
	hint->window_began = now;
	fill(hint, seconds);
	law_step(&hint->law);
	if (hint->mode == HINT_APPLY)
		apply(hint);
	if (hint->trace)
		print_trace(hint);
}

static void tick(struct timer *timer)
{
	struct hint *hint = container_of(timer, struct hint, timer);

	host_count(hint->host);
	if (hint->sample < HINT_SAMPLES) {
		sample(hint);
		hint->sample++;
	} else {
		end_window(hint);
	}
	set_timer(hint);
}

/* --- life --- */

void hint_init(struct hint *hint, struct host *host)
{
	memset(hint, 0, sizeof(*hint));
	hint->host = host;
	law_defaults(&hint->law.config);
	hint->timer.fire = tick;
	hint_start(hint);
}

void hint_mode(struct hint *hint, enum hint_mode mode)
{
	if (mode != HINT_APPLY && hint->mode == HINT_APPLY && !hint->dead)
		restore(hint);
	hint->mode = mode;
}

void hint_kill(struct hint *hint)
{
	hint->dead = true;
	timer_stop(&hint->host->clock, &hint->timer);
}

void hint_start(struct hint *hint)
{
	hint->dead = false;
	hint->sample = 0;
	restore(hint);
	hint->window_began = hint->host->clock.now;
	set_timer(hint);
}
