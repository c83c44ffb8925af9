/* SPDX-License-Identifier: MIT */
/* credit2-budget.c: caps of Credit2 (unit_grab_budget, unit_return_budget, replenish_domain_budget) */
#include "test/sim/credit2-budget.h"

#include <errno.h>

#include "netback/common/util.h"

static void unpark_all(struct domain *dom)
{
	unsigned int i;

	for (i = 0; i < dom->nr_vcpus; i++) {
		struct credit2_vcpu *svc = credit2_of(dom->vcpu[i]);

		if (!svc->waits_for_budget)
			continue;
		svc->waits_for_budget = false;
		vcpu_unpark(svc->vcpu);
	}
}

bool credit2_budget_grab(struct credit2_vcpu *svc)
{
	struct credit2_domain *sdom = svc->vcpu->dom->sched;

	if (svc->budget > 0)
		return true;

	sdom->budget += svc->budget; /* an overrun is the domain's */
	svc->budget = 0;
	if (sdom->budget <= 0) {
		svc->waits_for_budget = true;
		vcpu_park(svc->vcpu);
		return false;
	}
	svc->budget = min(sdom->budget, sdom->quota);
	sdom->budget -= svc->budget;
	return true;
}

void credit2_budget_return(struct credit2_vcpu *svc)
{
	struct credit2_domain *sdom = svc->vcpu->dom->sched;

	if (!svc->vcpu->dom->cap || svc->budget <= 0)
		return;
	sdom->budget += svc->budget;
	svc->budget = 0;
	if (sdom->budget > 0)
		unpark_all(svc->vcpu->dom);
}

static void refill(struct timer *timer)
{
	struct credit2_domain *sdom = container_of(timer, struct credit2_domain, refill);
	struct clock *clock = &sdom->dom->host->clock;

	timer_set(clock, timer, clock->now + CREDIT2_INIT);
	sdom->budget += sdom->total;
	if (sdom->budget <= 0)
		return;
	sdom->budget = min(sdom->budget, sdom->total);
	unpark_all(sdom->dom);
}

void credit2_budget_join(struct credit2_vcpu *svc)
{
	svc->budget = svc->vcpu->dom->cap ? 0 : CREDIT2_NO_BUDGET;
}

static void uncap(struct domain *dom)
{
	struct credit2_domain *sdom = dom->sched;
	unsigned int i;

	timer_stop(&dom->host->clock, &sdom->refill);
	for (i = 0; i < dom->nr_vcpus; i++)
		credit2_of(dom->vcpu[i])->budget = CREDIT2_NO_BUDGET;
	dom->cap = 0;
	unpark_all(dom);
}

int credit2_budget_cap(struct domain *dom, unsigned int cap)
{
	struct credit2_domain *sdom = dom->sched;
	struct clock *clock = &dom->host->clock;
	unsigned int i;

	if (!cap) {
		if (dom->cap)
			uncap(dom);
		return 0;
	}
	if (cap > 100 * dom->nr_vcpus)
		return -EINVAL;

	sdom->total = CREDIT2_INIT * cap / 100;
	sdom->quota = max(sdom->total / dom->nr_vcpus, CREDIT2_MIN_TIMER);
	if (!dom->cap) {
		sdom->budget = sdom->total;
		sdom->refill.fire = refill;
		timer_set(clock, &sdom->refill, clock->now + CREDIT2_INIT);
		for (i = 0; i < dom->nr_vcpus; i++) {
			credit2_of(dom->vcpu[i])->budget = 0;
			if (dom->vcpu[i]->running)
				host_reschedule(dom->host, dom->vcpu[i]->cpu, false);
		}
	}
	dom->cap = cap;
	return 0;
}
