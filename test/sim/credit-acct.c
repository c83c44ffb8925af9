/* SPDX-License-Identifier: MIT */
/* credit-acct.c: ticks and accounting periods of Credit (csched_tick, csched_acct) */
#include "test/sim/credit-acct.h"

#include "netback/common/util.h"

static struct credit *credit_in(const struct credit_vcpu *svc)
{
	return svc->vcpu->dom->pool->sched;
}

int64_t credit_tick_ns(const struct credit *credit)
{
	unsigned int ticks = credit->tslice_ms < CREDIT_TICKS ? 1 : CREDIT_TICKS;

	return credit->tslice_ms * 1000 / ticks * SIM_US;
}

void credit_burn(struct credit_vcpu *svc, int64_t now)
{
	int64_t delta = now - svc->start_ns, spent;

	if (delta <= 0)
		return;
	spent = delta * CREDIT_PER_MS + svc->residual;
	svc->residual = spent % SIM_MS;
	svc->credit -= (int)(spent / SIM_MS);
	svc->start_ns += spent / SIM_MS * SIM_MS / CREDIT_PER_MS;
}

static void join(struct credit_vcpu *svc)
{
	struct credit *credit = credit_in(svc);
	struct credit_domain *sdom = svc->vcpu->dom->sched;

	svc->active = true;
	LIST_INSERT_HEAD(&sdom->active, svc, active_vcpus);
	credit->weight += sdom->dom->weight;
	if (!sdom->nr_active++)
		LIST_INSERT_HEAD(&credit->active, sdom, active_domains);
}

void credit_acct_leave(struct credit_vcpu *svc)
{
	struct credit_domain *sdom = svc->vcpu->dom->sched;

	svc->active = false;
	LIST_REMOVE(svc, active_vcpus);
	credit_in(svc)->weight -= sdom->dom->weight;
	if (!--sdom->nr_active)
		LIST_REMOVE(sdom, active_domains);
}

/* --- a tick: csched_unit_acct and the sorting of the queue --- */

static void tick_current(struct vcpu *vcpu)
{
	struct credit_vcpu *svc = credit_of(vcpu);
	struct host *host = vcpu->dom->host;

	if (svc->priority == CREDIT_BOOST)
		svc->priority = CREDIT_UNDER;
	credit_burn(svc, host->clock.now);
	if (!svc->active) {
		join(svc);
	} else if (credit_pick(vcpu) != vcpu->cpu) {
		vcpu->migrating = true;
		host_reschedule(host, vcpu->cpu, true);
	}
}

/* Those with credit before those without, the order kept otherwise. */
static void sort(struct credit_cpu *scpu, unsigned int epoch)
{
	struct credit_vcpu *svc = TAILQ_FIRST(&scpu->runq), *last_under = NULL, *after;

	if (scpu->sorted == epoch)
		return;
	scpu->sorted = epoch;
	for (; svc; svc = after) {
		after = TAILQ_NEXT(svc, runq);
		if (svc->priority < CREDIT_UNDER)
			continue;
		if (TAILQ_PREV(svc, credit_runq, runq) != last_under) {
			TAILQ_REMOVE(&scpu->runq, svc, runq);
			if (last_under)
				TAILQ_INSERT_AFTER(&scpu->runq, last_under, svc, runq);
			else
				TAILQ_INSERT_HEAD(&scpu->runq, svc, runq);
		}
		last_under = svc;
	}
}

static void tick(struct timer *timer)
{
	struct credit_cpu *scpu = container_of(timer, struct credit_cpu, tick);
	struct credit *credit = scpu->pool->sched;
	struct clock *clock = &scpu->pool->host->clock;
	struct vcpu *current = scpu->pool->host->cpu[scpu->id].current;

	if (current)
		tick_current(current);
	sort(scpu, credit->epoch);
	timer_set(clock, timer, clock->now + credit_tick_ns(credit));
}

/* --- the accounting: csched_acct --- */

/* Credit hands out a period per pCPU, and what the active ones owe. */
struct period {
	struct credit *credit;
	int64_t length; /* credits of one pCPU */
	int64_t total;	/* to hand out; grows as domains cannot use their share */
	int64_t weight, weight_left;
	int64_t balance; /* of those seen so far */
	bool extra;	 /* somebody before could have used more */
};

static int64_t at_most(const struct period *period, const struct credit_domain *sdom,
		       int64_t *per_vcpu_cap)
{
	int64_t peak = sdom->nr_active * period->length, cap;

	if (period->credit->balance < 0)
		peak += DIV_ROUND_UP(-period->credit->balance * sdom->dom->weight * sdom->nr_active,
				     period->weight);
	*per_vcpu_cap = 0;
	if (!sdom->dom->cap)
		return peak;
	cap = DIV_ROUND_UP(sdom->dom->cap * period->length, 100);
	*per_vcpu_cap = DIV_ROUND_UP(cap, (int64_t)sdom->nr_active);
	return min(cap, peak);
}

/* What each active vCPU of the domain gets. */
static int64_t share_of(struct period *period, struct credit_domain *sdom, int64_t peak)
{
	struct credit *credit = period->credit;
	int64_t fair =
		DIV_ROUND_UP(period->total * sdom->dom->weight * sdom->nr_active, period->weight);

	if (fair < peak) {
		period->extra = true;
	} else {
		if (period->weight_left)
			period->total +=
				DIV_ROUND_UP((fair - peak) * period->weight, period->weight_left);
		if (period->extra) {
			LIST_REMOVE(sdom, active_domains);
			LIST_INSERT_HEAD(&credit->active, sdom, active_domains);
		}
		fair = peak;
	}
	return DIV_ROUND_UP(fair, (int64_t)sdom->nr_active);
}

static void pay(struct period *period, struct credit_vcpu *svc, int64_t share, int64_t cap)
{
	int length = (int)period->length;

	svc->credit += (int)share;
	if (svc->credit < 0) {
		svc->priority = CREDIT_OVER;
		if (svc->vcpu->dom->cap && svc->credit < -cap && !svc->capped) {
			svc->capped = true;
			vcpu_park(svc->vcpu);
		}
		svc->credit = max(svc->credit, -length);
	} else {
		svc->priority = CREDIT_UNDER;
		if (svc->capped) {
			vcpu_unpark(svc->vcpu); /* before the flag goes: no boost */
			svc->capped = false;
		}
		if (svc->credit > length) {
			credit_acct_leave(svc);
			svc->credit /= 2;
		}
	}
	period->balance += svc->credit;
}

static void account(struct period *period, struct credit_domain *sdom)
{
	struct credit_vcpu *svc, *after;
	int64_t peak, cap, share;

	period->weight_left -= sdom->dom->weight * sdom->nr_active;
	peak = at_most(period, sdom, &cap);
	share = share_of(period, sdom, peak);
	for (svc = LIST_FIRST(&sdom->active); svc; svc = after) {
		after = LIST_NEXT(svc, active_vcpus);
		pay(period, svc, share, cap);
	}
}

static void period_ends(struct timer *timer)
{
	struct credit *credit = container_of(timer, struct credit, master);
	struct clock *clock = &credit->pool->host->clock;
	struct credit_domain *sdom, *after;
	struct period period = {.credit = credit, .length = CREDIT_PER_MS * credit->tslice_ms};

	timer_set(clock, timer, clock->now + credit->tslice_ms * SIM_MS);
	period.weight = period.weight_left = credit->weight;
	period.total = period.length * credit->pool->nr_cpus - min(credit->balance, (int64_t)0);
	if (!period.weight) {
		credit->balance = 0;
		return;
	}
	for (sdom = LIST_FIRST(&credit->active); sdom; sdom = after) {
		after = LIST_NEXT(sdom, active_domains);
		account(&period, sdom);
	}
	credit->balance = period.balance;
	credit->epoch++;
}

void credit_acct_start(struct credit *credit)
{
	struct clock *clock = &credit->pool->host->clock;
	unsigned int i;

	for (i = 0; i < HOST_CPUS; i++)
		credit->cpu[i].tick.fire = tick;
	credit->master.fire = period_ends;
	timer_set(clock, &credit->master, clock->now + credit->tslice_ms * SIM_MS);
}
