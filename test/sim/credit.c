/* SPDX-License-Identifier: MIT */
/* credit.c: the Credit scheduler (xen/common/sched/credit.c): queues, wake-ups, choice of the next */
#include "test/sim/credit.h"

#include <errno.h>
#include <stdlib.h>

#include "netback/common/log.h"
#include "netback/common/util.h"
#include "test/sim/credit-acct.h"
#include "test/sim/scheduler.h"

static const int64_t BALANCE_NS = SIM_MS; /* CSCHED_DEFAULT_LOAD_BALANCE_RATELIMIT_US */

static struct credit *credit_in(const struct pool *pool)
{
	return pool->sched;
}

static enum credit_priority priority_on(const struct pool *pool, unsigned int cpu)
{
	const struct vcpu *current = pool->host->cpu[cpu].current;

	return current ? credit_of(current)->priority : CREDIT_IDLE;
}

/* --- queues --- */

static void queue(struct credit_vcpu *svc)
{
	struct credit_cpu *scpu = &credit_in(svc->vcpu->dom->pool)->cpu[svc->vcpu->cpu];
	struct credit_vcpu *other;

	svc->queued = true;
	TAILQ_FOREACH (other, &scpu->runq, runq) {
		if (svc->priority > other->priority) {
			TAILQ_INSERT_BEFORE(other, svc, runq);
			return;
		}
	}
	TAILQ_INSERT_TAIL(&scpu->runq, svc, runq);
}

static void dequeue(struct credit_vcpu *svc)
{
	struct credit_cpu *scpu = &credit_in(svc->vcpu->dom->pool)->cpu[svc->vcpu->cpu];

	svc->queued = false;
	TAILQ_REMOVE(&scpu->runq, svc, runq);
}

/* --- wake-ups --- */

/* __runq_tickle: the pCPU that is to look for the vCPU, or HOST_CPUS. */
static unsigned int tickled_by(struct credit *credit, struct credit_vcpu *svc)
{
	const struct vcpu *vcpu = svc->vcpu;
	struct vcpu *current = credit->pool->host->cpu[vcpu->cpu].current;
	enum credit_priority priority = priority_on(credit->pool, vcpu->cpu);
	uint32_t fit = credit->idlers & vcpu->dom->affinity;

	if (priority == CREDIT_IDLE || (!credit->idlers && svc->priority > priority))
		return vcpu->cpu;
	if (!credit->idlers)
		return HOST_CPUS;
	if (fit)
		return credit->last_tickle = mask_cycle(credit->last_tickle, fit);
	if (svc->priority <= priority)
		return HOST_CPUS;

	/* Nobody idle for this one, but perhaps for the one it preempts. */
	if (current->dom->affinity & credit->idlers)
		current->migrating = true;
	return vcpu->cpu;
}

static void tickle(struct credit *credit, struct credit_vcpu *svc)
{
	unsigned int cpu = tickled_by(credit, svc);

	if (cpu == HOST_CPUS)
		return;
	credit->idlers &= ~(1u << cpu);
	host_reschedule(credit->pool->host, cpu, false);
}

static void wake(struct vcpu *vcpu)
{
	struct credit *credit = credit_in(vcpu->dom->pool);
	struct credit_vcpu *svc = credit_of(vcpu);

	if (vcpu->running || svc->queued)
		return;
	if (!svc->moved && !svc->capped && svc->priority == CREDIT_UNDER)
		svc->priority = CREDIT_BOOST;
	svc->moved = false;

	queue(svc);
	credit->cpu[vcpu->cpu].nr_runnable++;
	tickle(credit, svc);
}

static void leave(struct vcpu *vcpu)
{
	struct credit *credit = credit_in(vcpu->dom->pool);
	struct credit_vcpu *svc = credit_of(vcpu);

	if (vcpu->running) {
		host_reschedule(credit->pool->host, vcpu->cpu, true);
	} else if (svc->queued) {
		dequeue(svc);
		credit->cpu[vcpu->cpu].nr_runnable--;
	}
}

/*
 * _csched_cpu_pick without SMT: stay where it is good, or go to the next idle pCPU. A pCPU with an empty queue counts
 * as idle for the vCPU that is on it.
 */
unsigned int credit_pick(const struct vcpu *vcpu)
{
	const struct credit *credit = credit_in(vcpu->dom->pool);
	uint32_t may = vcpu->dom->affinity & credit->pool->cpus, idle = credit->idlers;
	unsigned int cpu = vcpu->cpu;

	if (!(may & 1u << cpu))
		cpu = mask_cycle(cpu, may);
	if (cpu == vcpu->cpu && TAILQ_EMPTY(&credit->cpu[cpu].runq))
		idle |= 1u << cpu;
	if (!(idle & may & 1u << cpu) && (idle & may))
		cpu = mask_cycle(cpu, idle & may);
	return cpu;
}

static unsigned int pick(struct vcpu *vcpu)
{
	credit_of(vcpu)->moved = true;
	return credit_pick(vcpu);
}

/* --- the next one --- */

/* csched_runq_steal: the first of the peer's queue that is better and may run here. */
static struct credit_vcpu *steal_from(struct credit *credit, unsigned int peer, unsigned int cpu,
				      enum credit_priority than)
{
	struct credit_vcpu *svc;

	if (!credit->pool->host->cpu[peer].current)
		return NULL;
	TAILQ_FOREACH (svc, &credit->cpu[peer].runq, runq) {
		if (svc->priority <= than)
			return NULL;
		if (svc->vcpu->dom->affinity & 1u << cpu)
			return svc;
	}
	return NULL;
}

static struct credit_vcpu *steal(struct credit *credit, unsigned int cpu, enum credit_priority than)
{
	uint32_t workers = credit->pool->cpus & ~credit->idlers & ~(1u << cpu);
	unsigned int first, peer;

	if (!workers)
		return NULL;
	first = peer = mask_cycle(credit->bias, workers);
	do {
		struct credit_vcpu *svc = NULL;

		if (credit->cpu[peer].nr_runnable > 1)
			svc = steal_from(credit, peer, cpu, than);
		if (svc) {
			dequeue(svc);
			credit->cpu[peer].nr_runnable--;
			svc->vcpu->cpu = cpu;
			credit->cpu[cpu].nr_runnable++;
			credit->bias = peer;
			return svc;
		}
		peer = mask_cycle(peer, workers);
	} while (peer != first);
	return NULL;
}

static struct credit_vcpu *choose(struct credit *credit, unsigned int cpu)
{
	struct credit_cpu *scpu = &credit->cpu[cpu];
	struct credit_vcpu *next = TAILQ_FIRST(&scpu->runq), *stolen = NULL;
	int64_t now = credit->pool->host->clock.now;

	if ((!next || next->priority <= CREDIT_OVER) && now - scpu->balanced_ns > BALANCE_NS) {
		scpu->balanced_ns = now;
		stolen = steal(credit, cpu, next ? next->priority : CREDIT_IDLE);
	}
	if (stolen)
		return stolen;
	if (next)
		dequeue(next);
	return next;
}

/* The tick stops while a pCPU is idle; after that it keeps to multiples of its period. */
static void set_tick(struct credit *credit, unsigned int cpu, bool was_idle, bool is_idle)
{
	struct clock *clock = &credit->pool->host->clock;
	int64_t period = credit_tick_ns(credit);

	if (!was_idle && is_idle)
		timer_stop(clock, &credit->cpu[cpu].tick);
	if (was_idle && !is_idle)
		timer_set(clock, &credit->cpu[cpu].tick, clock->now + period - clock->now % period);
}

static struct vcpu *schedule(struct pool *pool, unsigned int cpu, struct vcpu *prev,
			     int64_t *slice_ns)
{
	struct credit *credit = credit_in(pool);
	int64_t now = pool->host->clock.now, ratelimit = credit->ratelimit_us * SIM_US;
	struct credit_vcpu *next;

	if (prev) {
		int64_t ran = now - prev->entry;

		credit_burn(credit_of(prev), now);
		if (vcpu_runnable(prev) && ran < ratelimit) {
			*slice_ns = ran < SCHEDULER_RATELIMIT_MIN * SIM_US
					    ? SCHEDULER_RATELIMIT_MIN * SIM_US
					    : ratelimit - ran;
			return prev;
		}
		credit_of(prev)->start_ns -= now;
		if (vcpu_runnable(prev))
			queue(credit_of(prev));
		else
			credit->cpu[cpu].nr_runnable--;
	}

	next = choose(credit, cpu);
	set_tick(credit, cpu, !prev, !next);
	if (!next) {
		credit->idlers |= 1u << cpu;
		*slice_ns = -1;
		return NULL;
	}
	credit->idlers &= ~(1u << cpu);
	next->start_ns += now;
	*slice_ns = credit->tslice_ms * SIM_MS;
	return next->vcpu;
}

static void context_saved(struct vcpu *prev)
{
	(void)prev;
}

/* --- pools and domains --- */

static void init(struct pool *pool)
{
	struct credit *credit = calloc(1, sizeof(*credit));
	unsigned int i;

	if (!credit)
		die("no memory for Credit");
	pool->sched = credit;
	credit->pool = pool;
	credit->idlers = pool->cpus;
	credit->ratelimit_us = SCHEDULER_RATELIMIT_US;
	credit->tslice_ms = CREDIT_TSLICE_MS;
	LIST_INIT(&credit->active);
	for (i = 0; i < HOST_CPUS; i++) {
		credit->cpu[i].pool = pool;
		credit->cpu[i].id = i;
		credit->cpu[i].balanced_ns = pool->host->clock.now;
		TAILQ_INIT(&credit->cpu[i].runq);
	}
	credit_acct_start(credit);
}

static void deinit(struct pool *pool)
{
	struct credit *credit = credit_in(pool);
	unsigned int i;

	for (i = 0; i < HOST_CPUS; i++)
		timer_stop(&pool->host->clock, &credit->cpu[i].tick);
	timer_stop(&pool->host->clock, &credit->master);
	free(credit);
}

static void add_domain(struct domain *dom)
{
	struct credit_domain *sdom = calloc(1, sizeof(*sdom));

	if (!sdom)
		die("no memory for a domain of Credit");
	sdom->dom = dom;
	LIST_INIT(&sdom->active);
	dom->sched = sdom;
	dom->weight = SCHEDULER_WEIGHT;
	dom->cap = 0;
}

static void remove_domain(struct domain *dom)
{
	free(dom->sched);
}

static void insert(struct vcpu *vcpu)
{
	struct credit_vcpu *svc = calloc(1, sizeof(*svc));

	if (!svc)
		die("no memory for a vCPU of Credit");
	svc->vcpu = vcpu;
	svc->priority = CREDIT_UNDER;
	vcpu->sched = svc;
	vcpu->cpu = mask_cycle(vcpu->cpu, vcpu->dom->affinity);
	vcpu->cpu = pick(vcpu);
	if (vcpu_runnable(vcpu))
		wake(vcpu);
}

static void remove_vcpu(struct vcpu *vcpu)
{
	struct credit_vcpu *svc = credit_of(vcpu);

	if (svc->active)
		credit_acct_leave(svc);
	free(svc);
}

static int adjust(struct domain *dom, unsigned int weight, unsigned int cap)
{
	struct credit *credit = credit_in(dom->pool);
	const struct credit_domain *sdom = dom->sched;

	if (weight > UINT16_MAX || cap > UINT16_MAX)
		return -EINVAL;
	if (weight) {
		credit->weight += ((int64_t)weight - dom->weight) * sdom->nr_active;
		dom->weight = weight;
	}
	if (cap != UINT16_MAX)
		dom->cap = cap;
	return 0;
}

static int tune(struct pool *pool, unsigned int ratelimit_us, unsigned int tslice_ms)
{
	struct credit *credit = credit_in(pool);

	if (!tslice_ms || tslice_ms > CREDIT_TSLICE_MAX_MS || ratelimit_us > tslice_ms * 1000 ||
	    ratelimit_us > SCHEDULER_RATELIMIT_MAX ||
	    (ratelimit_us && ratelimit_us < SCHEDULER_RATELIMIT_MIN))
		return -EINVAL;
	credit->ratelimit_us = ratelimit_us;
	credit->tslice_ms = tslice_ms;
	return 0;
}

static void tuned(const struct pool *pool, unsigned int *ratelimit_us, unsigned int *tslice_ms)
{
	*ratelimit_us = credit_in(pool)->ratelimit_us;
	*tslice_ms = credit_in(pool)->tslice_ms;
}

const struct scheduler scheduler_credit = {
	.name = "credit",
	.max_cpus = HOST_CPUS,
	.max_weight = UINT16_MAX,
	.init = init,
	.deinit = deinit,
	.add_domain = add_domain,
	.remove_domain = remove_domain,
	.insert = insert,
	.remove = remove_vcpu,
	.wake = wake,
	.sleep = leave,
	.schedule = schedule,
	.context_saved = context_saved,
	.pick = pick,
	.adjust = adjust,
	.tune = tune,
	.tuned = tuned,
};
