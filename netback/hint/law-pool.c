/* SPDX-License-Identifier: MIT */
/* law-pool.c: rate limit and time slice of a pool, step by step and back */
#include <math.h>

#include "netback/common/util.h"
#include "netback/hint/law.h"

/*
 * A vCPU that wakes up waits until the running one has run for the rate limit; on Credit2 this also decides
 * whether anybody is interrupted at all, or the waking one waits for a timer of up to 10 ms. On Credit a domain
 * that has used its credit waits for a time slice of each other. Slices of 10 and 5 ms are what Xen's own
 * documentation calls worth a try.
 */
static const uint32_t ratelimits[] = {500, 100, 0};
static const uint32_t tslices[] = {10, 5};

static unsigned int nr_ratelimits(const struct law_config *config)
{
	return ARRAY_SIZE(ratelimits) - !config->ratelimit_off;
}

static unsigned int nr_levels(const struct law_config *config, enum sched_kind kind)
{
	switch (kind) {
	case SCHED_CREDIT:
		return nr_ratelimits(config) + ARRAY_SIZE(tslices);
	case SCHED_CREDIT2:
		return nr_ratelimits(config);
	default:
		return 0;
	}
}

/* Never longer than the administrator's, and only what is valid: Credit wants ratelimit <= tslice. */
static void apply_level(const struct law_config *config, struct law_pool *p)
{
	unsigned int n = min(p->level, nr_ratelimits(config));

	p->params = p->base;
	if (n)
		p->params.ratelimit_us = min(p->base.ratelimit_us, ratelimits[n - 1]);
	n = p->level - n;
	if (n)
		p->params.tslice_ms = min(p->base.tslice_ms, tslices[n - 1]);
}

static bool same(const struct sched_params *a, const struct sched_params *b)
{
	return a->ratelimit_us == b->ratelimit_us && a->tslice_ms == b->tslice_ms;
}

/* The next step that changes anything; an administrator may have gone there already. */
static void raise_level(const struct law_config *config, struct law_pool *p)
{
	struct sched_params before = p->params;
	unsigned int level = p->level;

	while (p->level < nr_levels(config, p->kind)) {
		p->level++;
		apply_level(config, p);
		if (!same(&before, &p->params))
			return;
	}
	p->level = level;
	apply_level(config, p);
}

static void lower_level(const struct law_config *config, struct law_pool *p)
{
	struct sched_params before = p->params;

	while (p->level && same(&before, &p->params)) {
		p->level--;
		apply_level(config, p);
	}
}

/* Is there a domain that only a setting can help, and what do the cpu-bound ones get? */
static bool look(struct law *law, unsigned int pool, double *hogs)
{
	bool slow = false;

	*hogs = 0;
	for (unsigned int i = 0; i < law->nr_domains; i++) {
		struct law_domain *d = &law->domain[i];

		if (!d->present || d->pool != pool)
			continue;
		if (d->class == CLASS_CPU_BOUND)
			*hogs += d->figures.cpu;
		if (d->fixed >= WHY_DOM0 || !(d->consent & LAW_RECIPIENT) ||
		    d->class != CLASS_LATENCY)
			continue;
		slow |= law_is_slow(&law->config, &d->figures) && !law_is_limited(law, d);
	}
	return slow;
}

/*
 * In points: each slow window gives SLOW_POINTS, each other one takes one. Three in a row are enough, and so is,
 * by and by, more than one in four: a p99 missed that often is missed in the long run. On Credit a domain waits
 * for slices of others once in a few seconds, and for many packets' time.
 */
enum {
	SLOW_POINTS = 3,
	SLOW_ENOUGH = SLOW_POINTS * LAW_SLOW_WINDOWS,
};

static unsigned int count_slow(unsigned int points, bool slow)
{
	return slow ? min(points + SLOW_POINTS, (unsigned int)SLOW_ENOUGH) : points - (points != 0);
}

/* A step back was taken lately: if it was wrong, there is no need to wait for certainty. */
static bool is_fresh(const struct law_pool *p)
{
	return p->since_back && p->since_back <= LAW_REGRET_WINDOWS;
}

/* A step back that is regretted makes the next one wait four times as long, one that is not half as long. */
static void learn(struct law_pool *p, bool back)
{
	unsigned int patience = max(p->patience, (unsigned int)LAW_CLEAN_WINDOWS);

	if (!back)
		patience *= is_fresh(p) ? 4 : 1;
	else if (p->since_back)
		patience /= 2;
	p->patience = min(max(patience, (unsigned int)LAW_CLEAN_WINDOWS),
			  (unsigned int)LAW_PATIENCE_WINDOWS);
	p->since_back = back;
}

static void guard(struct law_pool *p, unsigned int windows)
{
	p->level = p->slow_points = p->clean_for = p->patience = p->since_back = 0;
	p->guard = windows;
	p->params = p->base;
}

void law_tune_pool(struct law *law, unsigned int pool)
{
	struct law_pool *p = &law->pool[pool];
	double hogs;
	bool slow;

	if (!law->config.pool_tuning || !nr_levels(&law->config, p->kind)) {
		guard(p, 0);
		return;
	}
	slow = look(law, pool, &hogs);
	p->guard -= p->guard != 0;
	if (p->level && hogs < (1 - law->config.rho) * p->hogs) {
		guard(p, LAW_GUARD_WINDOWS);
		return;
	}
	p->slow_points = count_slow(p->slow_points, slow);
	p->clean_for = slow ? 0 : p->clean_for + 1;
	p->since_back += p->since_back != 0;
	apply_level(&law->config, p);
	if (slow && (is_fresh(p) || p->slow_points >= SLOW_ENOUGH) && !p->guard) {
		p->hogs = p->level ? p->hogs : hogs;
		learn(p, false);
		raise_level(&law->config, p);
		p->slow_points = 0;
	} else if (p->level && p->clean_for >= max(p->patience, (unsigned int)LAW_CLEAN_WINDOWS)) {
		learn(p, true);
		lower_level(&law->config, p);
		p->clean_for = 0;
	}
}
