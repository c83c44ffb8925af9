/* SPDX-License-Identifier: MIT */
/* law.c: need, limits, factors; transfer and addition in whole numbers */
#include "netback/hint/law.h"

#include <math.h>

#include "netback/common/util.h"

#define NAME_(name, word, what) word,
#define TEXT_(name, word, what) what,
static const char *const reason_names[] = {LAW_REASONS(NAME_)};
static const char *const reason_texts[] = {LAW_REASONS(TEXT_)};

const char *law_reason_name(enum law_reason reason)
{
	return reason_names[reason];
}

const char *law_reason_text(enum law_reason reason)
{
	return reason_texts[reason];
}

void law_defaults(struct law_config *config)
{
	*config = (struct law_config){
		.beta = 0.25,
		.rho = 0.25,
		.target_us = 5000,
		.starved = 0.02,
		.drops = 0.01,
		.packet_us = 50,
		.byte_ns = 5,
	};
}

double law_f_max(const struct law_config *config, enum sched_kind kind)
{
	if (config->f_max > 0)
		return config->f_max;
	return kind == SCHED_CREDIT ? 2 : 4;
}

static bool has_weights(const struct law_pool *p)
{
	return p->kind == SCHED_CREDIT || p->kind == SCHED_CREDIT2;
}

static bool is_free(const struct law_domain *d)
{
	return d->fixed < WHY_DOM0;
}

static bool is_in(const struct law_domain *d, unsigned int pool)
{
	return d->present && d->pool == pool;
}

/* --- who competes --------------------------------------------------------------------------------------- */

/* Both schedulers count a weight once for each vCPU that wants to run. */
static unsigned int count_active(const struct figures *f)
{
	double n = f->cpu;

	if (f->cpu <= 0.01)
		return 0;
	if (figures_know(f, FIGURES_VCPUS))
		n = fmax(n, (1 - f->blocked) * f->vcpus);
	/* One that runs a tenth of the time is not a whole one. */
	n = ceil(n - 0.1);
	return n < 1 ? 1 : (unsigned int)fmin(n, f->vcpus ? f->vcpus : 1);
}

/* A vCPU more or less is believed when it was seen for some windows: weights must not dance to noise. */
static void note_active(struct law_domain *d)
{
	unsigned int n = count_active(&d->figures);

	/* A raised one that pauses keeps its place until its factor falls. */
	if (d->factor > 1 && n == 0)
		n = d->active;
	d->active_for = n == d->active_next ? d->active_for + 1 : 1;
	d->active_next = n;
	if (d->active_for >= LAW_SLOW_WINDOWS || d->share <= 0)
		d->active = n;
}

/* The weight that Xen goes by now. */
static double weight_now(const struct law_domain *d)
{
	return d->current ? d->current : d->base;
}

/* What the domains of a pool are entitled to, and how much of the pool is idle. */
static void share_out(struct law *law, unsigned int pool)
{
	struct law_pool *p = &law->pool[pool];
	double total = 0, used = 0;

	for (unsigned int i = 0; i < law->nr_domains; i++) {
		struct law_domain *d = &law->domain[i];

		if (!is_in(d, pool))
			continue;
		note_active(d);
		total += weight_now(d) * d->active;
		used += d->figures.cpu;
	}
	p->idle = p->cpus ? fmax(0, 1 - used / p->cpus) : 0;

	for (unsigned int i = 0; i < law->nr_domains; i++) {
		struct law_domain *d = &law->domain[i];

		if (is_in(d, pool))
			d->share = total > 0 ? fmin(d->active,
						    p->cpus * weight_now(d) * d->active / total)
					     : 0;
	}
}

/* --- need and limits ------------------------------------------------------------------------------------ */

bool law_is_slow(const struct law_config *config, const struct figures *f)
{
	return figures_know(f, FIGURES_KICK) && f->kick_p99 > config->target_us;
}

/* What nobody asked for counts by its bytes alone: sending small junk is cheap for a guest, and dear for us. */
static double justified(const struct law_config *config, const struct figures *f)
{
	double asked = f->rx_packets + fmin(f->tx_packets, f->rx_packets);

	return config->packet_us * 1e-6 * asked + config->byte_ns * 1e-9 * f->bytes;
}

/*
 * It never runs out of packets, spends its time on them, and waits for more of it. A sender who goes by what is answered
 * (bulk TCP) adapts to that: nothing is lost, and a guest that polls gets no events to be late for.
 */
static bool is_behind(const struct law_config *config, const struct figures *f)
{
	return figures_know(f, FIGURES_TRAFFIC | FIGURES_VCPUS) && f->waiting > 0.3 &&
	       f->blocked < 0.1 && justified(config, f) >= 0.5 * f->cpu;
}

static bool needs(const struct law_config *config, const struct figures *f)
{
	if (figures_know(f, FIGURES_STARVED) && f->starved > config->starved)
		return true;
	if (figures_know(f, FIGURES_TRAFFIC) && f->drops > config->drops)
		return true;
	return law_is_slow(config, f) || is_behind(config, f);
}

bool law_is_limited(const struct law *law, const struct law_domain *d)
{
	const struct figures *f = &d->figures;

	/* It has a CPU for each vCPU: no weight gives more. */
	if (d->share >= d->active || f->cpu <= 0.85 * d->share)
		return false;
	return law->pool[d->pool].idle < 0.1 ||
	       (figures_know(f, FIGURES_VCPUS) && f->waiting > 0.05);
}

/* What factor 1 is worth. */
static double plain_share(const struct law_domain *d)
{
	return d->share / fmax(weight_now(d), 1) * d->base;
}

/*
 * The factor that entitles to a quarter more than the traffic justifies: a guest cannot buy CPU with junk.
 * In a transfer the pool's sum does not change, in an addition it grows, which makes this the stricter.
 */
static double ceiling(const struct law *law, const struct law_domain *d)
{
	double one = plain_share(d);
	double cpu = fmin(d->figures.cpu, justified(&law->config, &d->figures));

	return one > 0 ? fmax(1, 1.25 * cpu / one) : 1;
}

/* --- the factor of one domain ------------------------------------------------------------------------- */

/* It was raised, its traffic does not justify that any more, and yet it uses what it was given. */
static bool burns(const struct law *law, const struct law_domain *d)
{
	return d->factor > 1.2 * ceiling(law, d) && d->figures.cpu > plain_share(d) &&
	       d->figures.cpu > 1.25 * justified(&law->config, &d->figures);
}

static void count_windows(const struct law *law, struct law_domain *d)
{
	const struct figures *f = &d->figures;

	d->needs_for = needs(&law->config, f) ? d->needs_for + 1 : 0;
	d->quiet_for = f->cpu < 0.5 * d->share ? d->quiet_for + 1 : 0;
	d->excess_for = burns(law, d) ? d->excess_for + 1 : 0;
	d->since_fall += d->since_fall != 0;
}

/* Windows without use before a factor falls. */
static unsigned int patience(const struct law_domain *d)
{
	return max(d->patience, (unsigned int)LAW_SLOW_WINDOWS);
}

static bool fell_lately(const struct law_domain *d)
{
	return d->since_fall && d->since_fall <= LAW_REGRET_WINDOWS;
}

/*
 * A load that comes and goes would have its weight dance. So a fall that has to be taken back makes the next one wait four
 * times as long, and one that has not, half.
 */
static void lower(struct law_domain *d)
{
	if (d->since_fall && !fell_lately(d))
		d->patience = patience(d) / 2;
	d->since_fall = 1;
	d->factor = 1 + (d->factor - 1) / 2;
	if (d->factor < 1.1)
		d->factor = 1;
	d->reason = WHY_FALLING;
}

static void raise_factor(const struct law *law, struct law_domain *d)
{
	double most = law_f_max(&law->config, law->pool[d->pool].kind), limit = ceiling(law, d);
	double factor = fmin(d->factor + fmax(0.25, 0.25 * d->factor), fmin(most, limit));

	d->reason = d->factor > 1 ? WHY_KEPT : WHY_UNJUSTIFIED;
	/* Changes of less than 5 % are not worth a write; but the last step to the limit is. */
	if (factor > d->factor * 1.05 || (factor > d->factor && factor >= most)) {
		d->factor = factor;
		d->reason = WHY_RAISED;
		if (fell_lately(d))
			d->patience = min(4 * patience(d), (unsigned int)LAW_QUIET_WINDOWS);
		d->since_fall = 0;
	}
	if (d->factor >= most)
		d->reason = WHY_AT_MOST;
}

static void judge_need(const struct law *law, struct law_domain *d)
{
	if (d->needs_for < LAW_NEED_WINDOWS)
		d->reason = d->factor > 1 ? WHY_KEPT : WHY_NOTICED;
	else if (!law_is_limited(law, d))
		d->reason = d->factor > 1 ? WHY_KEPT : WHY_NOT_LIMITED;
	else if (!(d->consent & LAW_RECIPIENT))
		d->reason = WHY_NO_CONSENT;
	else
		raise_factor(law, d);
}

static void judge(const struct law *law, struct law_domain *d)
{
	if (d->factor < 1 || !(d->consent & LAW_RECIPIENT) || !is_free(d))
		d->factor = 1;
	d->reason = d->fixed;
	if (!is_free(d)) {
		d->needs_for = d->quiet_for = d->excess_for = 0;
		return;
	}
	count_windows(law, d);
	if (d->factor > 1 && d->excess_for >= LAW_SLOW_WINDOWS) {
		d->factor = fmax(1, fmin(d->factor, ceiling(law, d)));
		d->factor = d->factor < 1.1 ? 1 : d->factor;
		d->reason = WHY_FALLING;
	} else if (d->factor > 1 && d->quiet_for >= patience(d)) {
		/* Whatever it needs: what it has, it does not use. */
		lower(d);
		d->quiet_for = 0;
	} else if (d->needs_for) {
		judge_need(law, d);
	} else {
		d->reason = d->factor > 1 ? WHY_KEPT : WHY_CONTENT;
	}
}

/* --- weights in whole numbers --------------------------------------------------------------------------- */

static bool is_recipient(const struct law_domain *d)
{
	return is_free(d) && d->factor > 1 && d->active > 0;
}

static bool is_donor(const struct law_domain *d)
{
	return is_free(d) && d->consent & LAW_DONOR && d->class == CLASS_CPU_BOUND &&
	       d->factor <= 1 && d->needs_for == 0 && d->active > 0;
}

static uint32_t most_given(const struct law *law, const struct law_domain *d)
{
	return (uint32_t)(law->config.rho * d->base);
}

/* What the recipients wish, scaled by s; sets their weights. In units of weight times active vCPUs. */
static uint64_t grant(struct law *law, unsigned int pool, double s)
{
	double most = law_f_max(&law->config, law->pool[pool].kind);
	uint64_t sum = 0;

	for (unsigned int i = 0; i < law->nr_domains; i++) {
		struct law_domain *d = &law->domain[i];

		if (!is_in(d, pool) || !is_recipient(d))
			continue;
		d->weight = (uint32_t)(d->base * fmin(1 + (d->factor - 1) * s, most));
		d->weight = min(max(d->weight, d->base), (uint32_t)SCHED_MAX_WEIGHT);
		sum += (uint64_t)(d->weight - d->base) * d->active;
	}
	return sum;
}

/* The raised one that has most vCPUs among those with at most `over`; failing that, the fewest. */
static struct law_domain *find_odd(struct law *law, unsigned int pool, uint64_t over)
{
	struct law_domain *best = NULL;

	for (unsigned int i = 0; i < law->nr_domains; i++) {
		struct law_domain *d = &law->domain[i];

		if (!is_in(d, pool) || !is_recipient(d) || d->weight == d->base)
			continue;
		if (!best || (best->active > over ? d->active < best->active
						  : d->active <= over && d->active > best->active))
			best = d;
	}
	return best;
}

/* The recipients hand back `over`, a few units of rounding; a bit more if no vCPU fits. */
static void take_back(struct law *law, unsigned int pool, uint64_t over)
{
	struct law_domain *d;

	while (over && (d = find_odd(law, pool, over))) {
		d->weight--;
		over -= min(over, (uint64_t)d->active);
	}
}

/* Donors give in proportion to their weight, up to `sum` in all. Returns what they gave. */
static uint64_t give(struct law *law, unsigned int pool, uint64_t sum, uint64_t room)
{
	uint64_t given = 0;

	for (unsigned int i = 0; i < law->nr_domains; i++) {
		struct law_domain *d = &law->domain[i];
		uint64_t each;

		if (!is_in(d, pool) || !is_donor(d))
			continue;
		each = most_given(law, d) * sum / room;
		d->weight = d->base - (uint32_t)each;
		given += each * d->active;
	}
	/* The remainder of the divisions, less than one a donor. */
	for (unsigned int i = 0; i < law->nr_domains && given < sum; i++) {
		struct law_domain *d = &law->domain[i];

		if (!is_in(d, pool) || !is_donor(d) || d->active > sum - given ||
		    d->base - d->weight >= most_given(law, d))
			continue;
		d->weight--;
		given += d->active;
	}
	return given;
}

/* Donors get back what rounding did not let the recipients take. */
static void give_back(struct law *law, unsigned int pool, uint64_t rest)
{
	for (unsigned int i = 0; i < law->nr_domains; i++) {
		struct law_domain *d = &law->domain[i];
		uint64_t n;

		if (!is_in(d, pool) || !is_donor(d))
			continue;
		n = min(rest / d->active, (uint64_t)(d->base - d->weight));
		d->weight += (uint32_t)n;
		rest -= n * d->active;
	}
}

static void transfer(struct law *law, unsigned int pool, uint64_t room)
{
	uint64_t wish = grant(law, pool, 1), given, sum;

	if (wish == 0)
		return;
	sum = wish > room ? grant(law, pool, (double)room / (double)wish) : wish;
	/* Wishes are rounded before they are summed, so that scaled ones may come to a bit too much. */
	given = give(law, pool, min(sum, room), room);
	take_back(law, pool, sum - given);

	sum = 0;
	for (unsigned int i = 0; i < law->nr_domains; i++) {
		const struct law_domain *d = &law->domain[i];

		if (is_in(d, pool) && is_recipient(d))
			sum += (uint64_t)(d->weight - d->base) * d->active;
	}
	give_back(law, pool, given - min(sum, given));
}

static void add(struct law *law, unsigned int pool, double total)
{
	uint64_t room = (uint64_t)(law->config.beta * total), wish = grant(law, pool, 1), sum;

	if (wish <= room)
		return;
	sum = grant(law, pool, (double)room / (double)wish);
	take_back(law, pool, sum - min(sum, room));
}

/* Say what became of a wish, and of an offer. */
static void explain(struct law_domain *d)
{
	if (is_recipient(d) && d->weight <= d->base)
		d->reason = WHY_NO_ROOM;
	else if (is_recipient(d) && d->weight < (uint32_t)(d->base * d->factor * 0.95) &&
		 d->reason != WHY_FALLING)
		d->reason = WHY_RATIONED;
	else if (is_donor(d))
		d->reason = d->weight < d->base ? WHY_DONATES : WHY_DONOR;
}

static void settle(struct law *law, unsigned int pool)
{
	uint64_t room = 0;
	double total = 0;

	for (unsigned int i = 0; i < law->nr_domains; i++) {
		struct law_domain *d = &law->domain[i];

		if (!is_in(d, pool))
			continue;
		d->weight = d->base;
		total += (double)d->base * d->active;
		if (is_donor(d))
			room += (uint64_t)most_given(law, d) * d->active;
	}
	if (!has_weights(&law->pool[pool]))
		return;
	if (room)
		transfer(law, pool, room);
	else
		add(law, pool, total);
	for (unsigned int i = 0; i < law->nr_domains; i++)
		if (is_in(&law->domain[i], pool) && is_free(&law->domain[i]))
			explain(&law->domain[i]);
}

void law_step(struct law *law)
{
	for (unsigned int pool = 0; pool < law->nr_pools; pool++) {
		if (!law->pool[pool].present)
			continue;
		share_out(law, pool);
		for (unsigned int i = 0; i < law->nr_domains; i++)
			if (is_in(&law->domain[i], pool))
				judge(law, &law->domain[i]);
		settle(law, pool);
		law_tune_pool(law, pool);
	}
}

enum law_reason law_advise(const struct law_config *config, const struct figures *f, double cpus)
{
	if (!needs(config, f))
		return WHY_RTDS;
	if (f->cpu > 0.85 * cpus)
		return WHY_RTDS_BUDGET;
	return law_is_slow(config, f) ? WHY_RTDS_PERIOD : WHY_RTDS;
}

/* --- writes --------------------------------------------------------------------------------------------- */

static bool may_write(const struct law *law, const struct law_domain *d, uint64_t now_ms)
{
	return law->nr_writes < LAW_WRITES_PER_SECOND &&
	       (!d->written_ms || now_ms - d->written_ms >= LAW_WRITE_MS);
}

static bool is_due(const struct law_domain *d, bool down)
{
	return d->present && is_free(d) && (down ? d->weight < d->current : d->weight > d->current);
}

unsigned int law_writes(struct law *law, uint64_t now_ms, unsigned int *index, unsigned int max)
{
	bool held[SCHED_MAX_POOLS] = {0};
	unsigned int n = 0;

	if (now_ms - law->second_ms >= 1000) {
		law->second_ms = now_ms;
		law->nr_writes = 0;
	}
	for (int down = 1; down >= 0; down--) {
		for (unsigned int i = 0; i < law->nr_domains; i++) {
			struct law_domain *d = &law->domain[i];

			if (!is_due(d, down) || (!down && held[d->pool]))
				continue;
			if (n == max || !may_write(law, d, now_ms)) {
				held[d->pool] = true;
				continue;
			}
			index[n++] = i;
			law->nr_writes++;
			d->written_ms = now_ms ? now_ms : 1;
		}
	}
	return n;
}
