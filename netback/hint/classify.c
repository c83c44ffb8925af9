/* SPDX-License-Identifier: MIT */
/* classify.c: thresholds with hysteresis, smoothing, dwell */
#include "netback/hint/classify.h"

#include <string.h>

#include "netback/common/util.h"

static const char *const names[] = {
	[CLASS_OTHER] = "other",	   [CLASS_IDLE] = "idle",
	[CLASS_CPU_BOUND] = "cpu-bound",   [CLASS_LATENCY] = "latency",
	[CLASS_THROUGHPUT] = "throughput", [CLASS_MIXED] = "mixed",
};

_Static_assert(ARRAY_SIZE(names) == NR_CLASSES, "a name for each class");

const char *classify_name(enum hint_class class)
{
	return names[class];
}

/* --- does a class fit? stay: by the wider thresholds of one that is in it ------------------------------- */

static double per_vcpu(const struct figures *f)
{
	return f->vcpus ? f->cpu / f->vcpus : 0;
}

static bool fits_idle(const struct figures *f, bool stay)
{
	return figures_packets(f) < (stay ? 100 : 50) && f->cpu < (stay ? 0.04 : 0.02);
}

static bool fits_latency(const struct figures *f, bool stay)
{
	double slack = stay ? 1.5 : 1, packets = figures_packets(f);
	double asymmetry = packets > 0 ? f->rx_packets / packets : 0;

	if (packets < 50 / slack || packets > 100000 * slack)
		return false;
	if (asymmetry < 0.3 / slack || asymmetry > 1 - 0.3 / slack)
		return false;
	if (!figures_know(f, FIGURES_SIZES) || f->small < 0.5 / slack)
		return false;
	if (figures_know(f, FIGURES_OCCUPANCY) && f->occupancy > 16 * slack / 256)
		return false;
	/* One that is kept waiting cannot block, and yet uses next to nothing. */
	return !figures_know(f, FIGURES_VCPUS) || f->blocked > 0.3 / slack ||
	       per_vcpu(f) < 0.1 * slack;
}

/*
 * A hog among hogs gets little CPU: it is its never blocking that tells. But who is kept waiting with its packets
 * cannot block either.
 */
static bool fits_cpu_bound(const struct figures *f, bool stay)
{
	if (figures_packets(f) >= (stay ? 400 : 200))
		return false;
	if (!figures_know(f, FIGURES_VCPUS))
		return per_vcpu(f) > (stay ? 0.4 : 0.6);
	if (per_vcpu(f) < (stay ? 0.08 : 0.1) && fits_latency(f, false))
		return false;
	return f->blocked < (stay ? 0.4 : 0.2) && f->cpu > 0.01;
}

static bool fits_throughput(const struct figures *f, bool stay)
{
	double slack = stay ? 0.5 : 1;

	if (figures_packets(f) < 50 * slack)
		return false;
	if (f->bytes * 8 > 200e6 * slack || f->gso > 0.3 * slack)
		return true;
	return figures_know(f, FIGURES_OCCUPANCY) && f->occupancy > 0.25 * slack;
}

static bool fits_mixed(const struct figures *f, bool stay)
{
	if (figures_packets(f) < (stay ? 100 : 200) || !figures_know(f, FIGURES_VCPUS))
		return false;
	/* As with hogs, its share may be small. */
	return f->blocked < (stay ? 0.2 : 0.1) && per_vcpu(f) > (stay ? 0.07 : 0.1);
}

static bool fits(enum hint_class class, const struct figures *f, bool stay)
{
	if (class != CLASS_IDLE && class != CLASS_CPU_BOUND && !figures_know(f, FIGURES_TRAFFIC))
		return class == CLASS_OTHER;
	switch (class) {
	case CLASS_IDLE:
		return fits_idle(f, stay);
	case CLASS_CPU_BOUND:
		return fits_cpu_bound(f, stay);
	case CLASS_LATENCY:
		return fits_latency(f, stay);
	case CLASS_THROUGHPUT:
		return fits_throughput(f, stay);
	case CLASS_MIXED:
		return fits_mixed(f, stay);
	default:
		return !stay; /* other is what remains, and is never stayed in */
	}
}

/* The first that fits; mixed before the others, for it is also one of them. */
static enum hint_class choose(const struct figures *f)
{
	static const enum hint_class order[] = {CLASS_IDLE, CLASS_CPU_BOUND, CLASS_MIXED,
						CLASS_LATENCY, CLASS_THROUGHPUT};

	for (unsigned int i = 0; i < ARRAY_SIZE(order); i++)
		if (fits(order[i], f, false))
			return order[i];
	return CLASS_OTHER;
}

/* --- steps ------------------------------------------------------------------------------------------------ */

static void smooth_one(double *mean, double now)
{
	*mean += CLASSIFY_ALPHA * (now - *mean);
}

/* A figure that is not known this time keeps its mean, but is not called known. */
static void smooth(struct figures *m, const struct figures *f)
{
	m->known = f->known;
	m->vcpus = f->vcpus;
	smooth_one(&m->cpu, f->cpu);
	if (figures_know(f, FIGURES_VCPUS)) {
		smooth_one(&m->blocked, f->blocked);
		smooth_one(&m->waiting, f->waiting);
	}
	if (figures_know(f, FIGURES_TRAFFIC)) {
		smooth_one(&m->rx_packets, f->rx_packets);
		smooth_one(&m->tx_packets, f->tx_packets);
		smooth_one(&m->bytes, f->bytes);
		smooth_one(&m->gso, f->gso);
	}
	if (figures_know(f, FIGURES_SIZES)) {
		smooth_one(&m->small, f->small);
		smooth_one(&m->large, f->large);
	}
	if (figures_know(f, FIGURES_OCCUPANCY))
		smooth_one(&m->occupancy, f->occupancy);
}

enum hint_class classify_step(struct classify *c, const struct figures *f)
{
	enum hint_class found;

	if (c->started)
		smooth(&c->mean, f);
	else
		c->mean = *f;
	c->started = true;
	c->since++;

	found = c->class != CLASS_OTHER && fits(c->class, &c->mean, true) ? c->class
									  : choose(&c->mean);
	if (found == c->class) {
		c->candidate_for = 0;
		return c->class;
	}
	c->candidate_for = found == c->candidate ? c->candidate_for + 1 : 1;
	c->candidate = found;
	if (c->candidate_for >= CLASSIFY_DWELL) {
		c->class = found;
		c->candidate_for = c->since = 0;
	}
	return c->class;
}
