/* SPDX-License-Identifier: MIT */
/* credit2.c: the Credit2 scheduler (xen/common/sched/credit2.c) */
#include "test/sim/credit2.h"

#include <errno.h>
#include <stdlib.h>

#include "netback/common/log.h"
#include "netback/common/util.h"
#include "test/sim/credit2-budget.h"
#include "test/sim/scheduler.h"

static struct credit2 *credit2_in(const struct pool *pool)
{
	return pool->sched;
}

static int64_t ratelimit_ns(const struct credit2 *credit2)
{
	return credit2->ratelimit_us * SIM_US;
}

static struct vcpu *current_on(const struct credit2 *credit2, unsigned int cpu)
{
	return credit2->pool->host->cpu[cpu].current;
}

/* --- credit --- */

/* t2c_update: the remainder is kept, so that many short runs cost as much as a long one. */
static void burn(struct credit2_vcpu *svc, int64_t now)
{
	const struct credit2 *credit2 = credit2_in(svc->vcpu->dom->pool);
	int64_t delta = now - svc->start_ns, spent, weight = svc->vcpu->dom->weight;

	if (delta <= 0)
		return;
	spent = delta * credit2->max_weight + svc->residual;
	svc->residual = spent % weight;
	svc->credit = max(svc->credit - spent / weight, CREDIT2_MIN);
	if (svc->vcpu->dom->cap)
		svc->budget -= delta;
	svc->start_ns = now;
}

static void reset(struct credit2 *credit2, const struct credit2_vcpu *next, int64_t now)
{
	int64_t more = next->credit == CREDIT2_MIN ? 2 * CREDIT2_INIT : CREDIT2_INIT;
	struct credit2_vcpu *svc;

	LIST_FOREACH (svc, &credit2->all, all) {
		if (svc->vcpu->running) {
			burn(svc, now);
			if (svc->budget <= 0) {
				credit2->tickled |= 1u << svc->vcpu->cpu;
				host_reschedule(credit2->pool->host, svc->vcpu->cpu, false);
			}
		}
		svc->credit = min(svc->credit + more, CREDIT2_INIT + CREDIT2_CARRY);
		svc->start_ns = now;
	}
	credit2->resets++;
}

/* update_max_weight, by looking at all of them. */
static void find_max_weight(struct credit2 *credit2)
{
	struct credit2_vcpu *svc;

	credit2->max_weight = 1;
	LIST_FOREACH (svc, &credit2->all, all)
		credit2->max_weight = max(credit2->max_weight, svc->vcpu->dom->weight);
}

/* --- the queue and wake-ups --- */

static void queue(struct credit2 *credit2, struct credit2_vcpu *svc)
{
	struct credit2_vcpu *other;

	svc->queued = true;
	TAILQ_FOREACH (other, &credit2->runq, runq) {
		if (svc->credit > other->credit) {
			TAILQ_INSERT_BEFORE(other, svc, runq);
			return;
		}
	}
	TAILQ_INSERT_TAIL(&credit2->runq, svc, runq);
}

static void dequeue(struct credit2 *credit2, struct credit2_vcpu *svc)
{
	svc->queued = false;
	TAILQ_REMOVE(&credit2->runq, svc, runq);
}

static void tickle_cpu(struct credit2 *credit2, unsigned int cpu, bool self)
{
	credit2->tickled |= 1u << cpu;
	host_reschedule(credit2->pool->host, cpu, self);
}

/* tickle_score: by how much svc beats who runs there; not above 0: leave it alone. */
static int64_t score(const struct credit2 *credit2, const struct credit2_vcpu *svc,
		     unsigned int cpu)
{
	struct vcpu *current = current_on(credit2, cpu);
	int64_t now = credit2->pool->host->clock.now, limit = ratelimit_ns(credit2);

	if (!current ||
	    (limit > CREDIT2_TOLERANCE && now - current->entry <= limit - CREDIT2_TOLERANCE))
		return -1;
	burn(credit2_of(current), now);
	return svc->credit - credit2_of(current)->credit -
	       (svc->vcpu->cpu == cpu ? 0 : CREDIT2_RESIST);
}

/* runq_tickle: the pCPU that is to look at the queue, or HOST_CPUS. */
static unsigned int tickled_by(const struct credit2 *credit2, const struct credit2_vcpu *svc)
{
	uint32_t may = svc->vcpu->dom->affinity & credit2->pool->cpus & ~credit2->tickled;
	unsigned int own = svc->vcpu->cpu, best = HOST_CPUS, cpu;
	int64_t highest = 0, points;

	if (may & credit2->idle & 1u << own)
		return own;
	if (may & credit2->idle)
		return mask_cycle(own, may & credit2->idle);

	may &= ~credit2->idle;
	if (may & 1u << own && score(credit2, svc, own) > 0)
		return own;
	for (cpu = 0; cpu < HOST_CPUS; cpu++) {
		if (cpu == own || !(may & 1u << cpu))
			continue;
		points = score(credit2, svc, cpu);
		if (points > highest) {
			highest = points;
			best = cpu;
		}
	}
	return best;
}

static void tickle(struct credit2 *credit2, struct credit2_vcpu *svc)
{
	unsigned int cpu = tickled_by(credit2, svc);

	if (cpu == HOST_CPUS)
		return;
	tickle_cpu(credit2, cpu, false);
	svc->tickled_cpu = (int)cpu;
}

static void wake(struct vcpu *vcpu)
{
	struct credit2 *credit2 = credit2_in(vcpu->dom->pool);
	struct credit2_vcpu *svc = credit2_of(vcpu);

	if (vcpu->running || svc->queued)
		return;
	queue(credit2, svc);
	tickle(credit2, svc);
}

static void leave(struct vcpu *vcpu)
{
	struct credit2 *credit2 = credit2_in(vcpu->dom->pool);
	struct credit2_vcpu *svc = credit2_of(vcpu);

	if (vcpu->running)
		tickle_cpu(credit2, vcpu->cpu, true);
	else if (svc->queued)
		dequeue(credit2, svc);
	else
		svc->requeue = false;
}

static unsigned int pick(struct vcpu *vcpu)
{
	struct credit2 *credit2 = credit2_in(vcpu->dom->pool);

	credit2->bias = mask_cycle(credit2->bias, vcpu->dom->affinity & credit2->pool->cpus);
	return credit2->bias;
}

static void context_saved(struct vcpu *prev)
{
	struct credit2 *credit2 = credit2_in(prev->dom->pool);
	struct credit2_vcpu *svc = credit2_of(prev);

	credit2_budget_return(svc);
	if (!svc->requeue)
		return;
	svc->requeue = false;
	if (vcpu_runnable(prev) && !svc->queued) {
		queue(credit2, svc);
		tickle(credit2, svc);
	}
}

/* --- the next one --- */

/* Whether the pCPU may take the queued vCPU instead of one with so much credit. */
static bool may_take(const struct credit2 *credit2, struct credit2_vcpu *svc, unsigned int cpu,
		     int64_t instead_of)
{
	if (!(svc->vcpu->dom->affinity & 1u << cpu))
		return false;
	if (svc->tickled_cpu >= 0 && svc->tickled_cpu != (int)cpu &&
	    credit2->tickled & 1u << svc->tickled_cpu)
		return false;
	if (svc->vcpu->cpu != cpu && instead_of + CREDIT2_RESIST > svc->credit)
		return false;
	return true;
}

/* runq_candidate; a vCPU that is out of its cap is parked on the way. */
static struct credit2_vcpu *candidate(struct credit2 *credit2, struct vcpu *prev, unsigned int cpu)
{
	struct credit2_vcpu *svc, *after, *next = NULL;
	int64_t now = credit2->pool->host->clock.now, least = CREDIT2_NOBODY;

	if (prev && vcpu_runnable(prev)) {
		if (now - prev->entry < ratelimit_ns(credit2))
			return credit2_of(prev);
		next = credit2_of(prev);
		least = next->credit;
	}
	for (svc = TAILQ_FIRST(&credit2->runq); svc; svc = after) {
		after = TAILQ_NEXT(svc, runq);
		if (svc->credit <= least)
			break;
		if (!may_take(credit2, svc, cpu, least))
			continue;
		if (svc->vcpu->dom->cap && !credit2_budget_grab(svc))
			continue;
		return svc;
	}
	return next;
}

/* csched2_runtime; waiting: the credit of the one who has just been put off his pCPU. */
static int64_t runtime(const struct credit2 *credit2, const struct credit2_vcpu *next,
		       int64_t waiting)
{
	const struct credit2_vcpu *first = TAILQ_FIRST(&credit2->runq);
	int64_t now = credit2->pool->host->clock.now, least = CREDIT2_MIN_TIMER, time, credit;

	if (credit2->ratelimit_us) {
		int64_t limit = ratelimit_ns(credit2);

		if (next->vcpu->running)
			limit += next->vcpu->entry - now;
		least = max(least, limit);
	}
	if (first)
		waiting = max(waiting, first->credit);
	credit = next->credit - max(waiting, 0ll);
	time = max(credit, 0ll) * next->vcpu->dom->weight / credit2->max_weight;
	if (next->vcpu->dom->cap)
		time = min(time, next->budget);
	return min(max(time, least), CREDIT2_INIT);
}

/* The next one leaves the queue; an epoch ends when the best one has no credit left. */
static void begin(struct credit2 *credit2, unsigned int cpu, const struct vcpu *prev,
		  struct credit2_vcpu *next)
{
	const struct credit2_vcpu *first;
	int64_t now = credit2->pool->host->clock.now, top = next->credit;

	if (next->vcpu != prev)
		dequeue(credit2, next);
	credit2->idle &= ~(1u << cpu);
	first = TAILQ_FIRST(&credit2->runq);
	if (first)
		top = max(top, first->credit);
	if (top <= 0)
		reset(credit2, next, now);
	next->start_ns = now;
	next->tickled_cpu = -1;
	if (next->vcpu->cpu != cpu) {
		next->credit += CREDIT2_MOVE;
		next->vcpu->cpu = cpu;
	}
}

static struct vcpu *schedule(struct pool *pool, unsigned int cpu, struct vcpu *prev,
			     int64_t *slice_ns)
{
	struct credit2 *credit2 = credit2_in(pool);
	struct credit2_vcpu *next;
	int64_t waiting = 0;

	credit2->tickled &= ~(1u << cpu);
	if (prev) {
		burn(credit2_of(prev), pool->host->clock.now);
		if (credit2_of(prev)->budget <= 0 && vcpu_runnable(prev))
			credit2_budget_grab(credit2_of(prev));
		credit2->tickled &=
			~(1u << cpu); /* being parked tickles us, who are here already */
	}
	next = candidate(credit2, prev, cpu);
	if (prev && vcpu_runnable(prev) && (!next || next->vcpu != prev))
		credit2_of(prev)->requeue = true;
	if (!next) {
		credit2->idle |= 1u << cpu;
		*slice_ns = -1;
		return NULL;
	}
	begin(credit2, cpu, prev, next);
	if (prev && credit2_of(prev)->requeue)
		waiting = credit2_of(prev)->credit;
	*slice_ns = runtime(credit2, next, waiting);
	return next->vcpu;
}

/* --- pools and domains --- */

static void init(struct pool *pool)
{
	struct credit2 *credit2 = calloc(1, sizeof(*credit2));

	if (!credit2)
		die("no memory for Credit2");
	credit2->pool = pool;
	credit2->max_weight = 1;
	credit2->idle = pool->cpus;
	credit2->ratelimit_us = SCHEDULER_RATELIMIT_US;
	TAILQ_INIT(&credit2->runq);
	LIST_INIT(&credit2->all);
	pool->sched = credit2;
}

static void deinit(struct pool *pool)
{
	free(pool->sched);
}

static void add_domain(struct domain *dom)
{
	struct credit2_domain *sdom = calloc(1, sizeof(*sdom));

	if (!sdom)
		die("no memory for a domain of Credit2");
	sdom->dom = dom;
	dom->sched = sdom;
	dom->weight = SCHEDULER_WEIGHT;
	dom->cap = 0;
}

static void remove_domain(struct domain *dom)
{
	struct credit2_domain *sdom = dom->sched;

	timer_stop(&dom->host->clock, &sdom->refill);
	free(sdom);
}

static void insert(struct vcpu *vcpu)
{
	struct credit2 *credit2 = credit2_in(vcpu->dom->pool);
	struct credit2_vcpu *svc = calloc(1, sizeof(*svc));

	if (!svc)
		die("no memory for a vCPU of Credit2");
	svc->vcpu = vcpu;
	svc->credit = CREDIT2_INIT;
	svc->tickled_cpu = -1;
	credit2_budget_join(svc);
	vcpu->sched = svc;
	vcpu->cpu = pick(vcpu);
	LIST_INSERT_HEAD(&credit2->all, svc, all);
	find_max_weight(credit2);
	if (vcpu_runnable(vcpu))
		wake(vcpu);
}

static void remove_vcpu(struct vcpu *vcpu)
{
	struct credit2 *credit2 = credit2_in(vcpu->dom->pool);

	LIST_REMOVE(credit2_of(vcpu), all);
	free(credit2_of(vcpu));
	find_max_weight(credit2);
}

/* csched2_dom_cntl: weight 0 is "unchanged", cap 0 is "none", and the weight is set before a bad cap is refused. */
static int adjust(struct domain *dom, unsigned int weight, unsigned int cap)
{
	if (weight > UINT16_MAX || cap > UINT16_MAX)
		return -EINVAL;
	if (weight) {
		dom->weight = weight;
		find_max_weight(credit2_in(dom->pool));
	}
	return credit2_budget_cap(dom, cap);
}

static int tune(struct pool *pool, unsigned int ratelimit_us, unsigned int tslice_ms)
{
	if (tslice_ms || ratelimit_us > SCHEDULER_RATELIMIT_MAX ||
	    (ratelimit_us && ratelimit_us < SCHEDULER_RATELIMIT_MIN))
		return -EINVAL;
	credit2_in(pool)->ratelimit_us = ratelimit_us;
	return 0;
}

static void tuned(const struct pool *pool, unsigned int *ratelimit_us, unsigned int *tslice_ms)
{
	*ratelimit_us = credit2_in(pool)->ratelimit_us;
	*tslice_ms = 0;
}

const struct scheduler scheduler_credit2 = {
	.name = "credit2",
	.max_cpus = CREDIT2_MAX_CPUS,
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
