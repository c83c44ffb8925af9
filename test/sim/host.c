/* SPDX-License-Identifier: MIT */
/* host.c: pCPUs, domains and the way from one vCPU to the next (xen/common/sched/core.c) */
#include "test/sim/host.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "netback/common/log.h"
#include "netback/common/util.h"
#include "test/sim/scheduler.h"

unsigned int mask_cycle(unsigned int n, uint32_t mask)
{
	uint32_t above = n >= 31 ? 0 : mask & ~((2u << n) - 1);

	return __builtin_ctz(above ? above : mask);
}

static void *allocate(size_t size)
{
	void *memory = calloc(1, size);

	if (!memory)
		die("no memory for the simulated host");
	return memory;
}

/* --- time in each state --- */

static void count(struct vcpu *vcpu)
{
	int64_t passed = vcpu->dom->host->clock.now - vcpu->counted_ns;

	if (vcpu->running)
		vcpu->run_ns += passed;
	else if (vcpu->blocked)
		vcpu->block_ns += passed;
	else if (!vcpu->parked)
		vcpu->wait_ns += passed;
	vcpu->counted_ns += passed;
}

static void count_cpu(struct pcpu *pcpu)
{
	int64_t now = pcpu->host->clock.now;

	if (pcpu->current)
		pcpu->busy_ns += now - pcpu->since;
	pcpu->since = now;
}

void host_count(struct host *host)
{
	struct domain *dom;
	unsigned int i;

	LIST_FOREACH (dom, &host->domains, link) {
		for (i = 0; i < dom->nr_vcpus; i++)
			count(dom->vcpu[i]);
	}
	for (i = 0; i < host->nr_cpus; i++)
		count_cpu(&host->cpu[i]);
}

/* --- the work of a vCPU that runs --- */

static void go_on(struct vcpu *vcpu)
{
	struct clock *clock = &vcpu->dom->host->clock;

	if (!vcpu->left) {
		vcpu->background = false;
		vcpu->left = vcpu->dom->ops->next(vcpu);
	}
	if (vcpu->left) {
		timer_set(clock, &vcpu->work, clock->now + vcpu->left + vcpu->overhead);
		vcpu->left = vcpu->overhead = 0;
		return;
	}
	count(vcpu);
	vcpu->blocked = true;
	vcpu->dom->pool->ops->sleep(vcpu);
}

static void work_ends(struct timer *timer)
{
	struct vcpu *vcpu = container_of(timer, struct vcpu, work);

	vcpu->dom->ops->done(vcpu);
	if (vcpu->running && !timer_is_set(&vcpu->work))
		go_on(vcpu);
}

/* Takes the item away from a vCPU that runs; background work goes back to the guest. */
static void hold(struct vcpu *vcpu)
{
	struct clock *clock = &vcpu->dom->host->clock;
	int64_t left;

	if (!timer_is_set(&vcpu->work))
		return;
	left = max(vcpu->work.when - clock->now, 1ll);
	timer_stop(clock, &vcpu->work);
	if (vcpu->background)
		vcpu->dom->ops->cut(vcpu, left);
	else
		vcpu->left = left;
}

static void wake(struct vcpu *vcpu)
{
	if (vcpu_runnable(vcpu))
		vcpu->dom->pool->ops->wake(vcpu);
}

void vcpu_kick(struct vcpu *vcpu)
{
	if (vcpu->blocked) {
		count(vcpu);
		vcpu->blocked = false;
		wake(vcpu);
	} else if (vcpu->running && vcpu->background && timer_is_set(&vcpu->work)) {
		hold(vcpu);
		go_on(vcpu);
	}
}

void vcpu_park(struct vcpu *vcpu)
{
	count(vcpu);
	vcpu->parked = true;
	vcpu->dom->pool->ops->sleep(vcpu);
}

void vcpu_unpark(struct vcpu *vcpu)
{
	count(vcpu);
	vcpu->parked = false;
	wake(vcpu);
}

/* --- schedule() --- */

/* sched_unit_migrate_finish: the flag was set while it ran, the move comes now. */
static void finish_migration(struct vcpu *vcpu)
{
	if (!vcpu->migrating)
		return;
	vcpu->cpu = vcpu->dom->pool->ops->pick(vcpu);
	vcpu->migrating = false;
	wake(vcpu);
}

static void switch_to(struct pcpu *pcpu, struct vcpu *prev, struct vcpu *next)
{
	int64_t now = pcpu->host->clock.now;

	count_cpu(pcpu);
	if (prev) {
		hold(prev);
		count(prev);
		prev->running = false;
		prev->entry = now;
	}
	pcpu->current = next;
	if (next) {
		count(next);
		next->running = true;
		next->entry = now;
		next->overhead = pcpu->host->switch_ns;
		next->switches++;
	}
	if (prev) {
		pcpu->pool->ops->context_saved(prev);
		finish_migration(prev);
	}
}

static void schedule(struct pcpu *pcpu)
{
	struct clock *clock = &pcpu->host->clock;
	struct vcpu *prev = pcpu->current, *next;
	int64_t slice_ns = -1;

	timer_stop(clock, &pcpu->slice);
	next = pcpu->pool->ops->schedule(pcpu->pool, pcpu->id, prev, &slice_ns);
	if (slice_ns >= 0)
		timer_set(clock, &pcpu->slice, clock->now + slice_ns);
	if (next != prev)
		switch_to(pcpu, prev, next);
	if (next && !timer_is_set(&next->work))
		go_on(next);
}

static void slice_ends(struct timer *timer)
{
	schedule(container_of(timer, struct pcpu, slice));
}

static void softirq(struct timer *timer)
{
	schedule(container_of(timer, struct pcpu, softirq));
}

void host_reschedule(struct host *host, unsigned int cpu, bool self)
{
	struct timer *timer = &host->cpu[cpu].softirq;
	int64_t when = host->clock.now + (self ? 0 : host->ipi_ns);

	if (!timer_is_set(timer) || timer->when > when)
		timer_set(&host->clock, timer, when);
}

/* --- pools and domains --- */

void host_init(struct host *host)
{
	*host = (struct host){.switch_ns = 2 * SIM_US, .ipi_ns = SIM_US};
	LIST_INIT(&host->domains);
}

void host_free(struct host *host)
{
	unsigned int i;

	while (!LIST_EMPTY(&host->domains))
		domain_free(LIST_FIRST(&host->domains));
	for (i = 0; i < host->nr_pools; i++)
		host->pool[i].ops->deinit(&host->pool[i]);
	clock_free(&host->clock);
}

struct pool *host_add_pool(struct host *host, const struct scheduler *ops, unsigned int nr_cpus)
{
	struct pool *pool = &host->pool[host->nr_pools];
	unsigned int i;

	if (!nr_cpus || nr_cpus > ops->max_cpus || host->nr_cpus + nr_cpus > HOST_CPUS ||
	    host->nr_pools == HOST_POOLS)
		return NULL;

	*pool = (struct pool){.host = host, .id = host->nr_pools++, .nr_cpus = nr_cpus, .ops = ops};
	for (i = 0; i < nr_cpus; i++) {
		struct pcpu *pcpu = &host->cpu[host->nr_cpus];

		*pcpu = (struct pcpu){.host = host, .id = host->nr_cpus, .pool = pool};
		pcpu->slice.fire = slice_ends;
		pcpu->softirq.fire = softirq;
		pcpu->since = host->clock.now;
		pool->cpus |= 1u << host->nr_cpus++;
	}
	ops->init(pool);
	return pool;
}

struct domain *host_domain(const struct host *host, const char *name)
{
	struct domain *dom;

	LIST_FOREACH (dom, &host->domains, link) {
		if (!strcmp(dom->name, name))
			return dom;
	}
	return NULL;
}

struct domain *domain_new(struct pool *pool, const char *name, const struct guest_ops *ops,
			  void *guest)
{
	struct domain *dom = allocate(sizeof(*dom));

	*dom = (struct domain){.host = pool->host, .pool = pool, .ops = ops, .guest = guest};
	snprintf(dom->name, sizeof(dom->name), "%s", name);
	dom->domid = pool->host->next_domid++;
	dom->affinity = pool->cpus;
	pool->ops->add_domain(dom);
	LIST_INSERT_HEAD(&pool->host->domains, dom, link);
	return dom;
}

/* Off its pCPU and out of its pool's scheduler; what it had in hand stays in hand. */
static void take_out(struct vcpu *vcpu)
{
	struct host *host = vcpu->dom->host;
	bool was_blocked = vcpu->blocked;

	count(vcpu);
	vcpu->blocked = true;
	vcpu->dom->pool->ops->sleep(vcpu);
	if (vcpu->running)
		schedule(&host->cpu[vcpu->cpu]);
	vcpu->dom->pool->ops->remove(vcpu);
	vcpu->parked = vcpu->migrating = false;
	count(vcpu);
	vcpu->blocked = was_blocked;
}

static void plug(struct domain *dom)
{
	struct vcpu *vcpu = allocate(sizeof(*vcpu));

	vcpu->dom = dom;
	vcpu->id = dom->nr_vcpus;
	vcpu->work.fire = work_ends;
	vcpu->counted_ns = vcpu->entry = dom->host->clock.now;
	dom->vcpu[dom->nr_vcpus++] = vcpu;
	dom->pool->ops->insert(vcpu);
}

static void unplug(struct domain *dom)
{
	struct vcpu *vcpu = dom->vcpu[dom->nr_vcpus - 1];

	take_out(vcpu);
	dom->nr_vcpus--;
	free(vcpu);
}

void domain_plug(struct domain *dom, unsigned int nr_vcpus)
{
	while (dom->nr_vcpus < min(nr_vcpus, (unsigned int)HOST_VCPUS))
		plug(dom);
	while (dom->nr_vcpus > nr_vcpus)
		unplug(dom);
}

void domain_move(struct domain *dom, struct pool *pool)
{
	unsigned int i;

	for (i = 0; i < dom->nr_vcpus; i++)
		take_out(dom->vcpu[i]);
	dom->pool->ops->remove_domain(dom);
	dom->pool = pool;
	dom->affinity = pool->cpus;
	pool->ops->add_domain(dom);
	for (i = 0; i < dom->nr_vcpus; i++)
		pool->ops->insert(dom->vcpu[i]);
}

void domain_free(struct domain *dom)
{
	domain_plug(dom, 0);
	dom->pool->ops->remove_domain(dom);
	LIST_REMOVE(dom, link);
	free(dom);
}

int domain_set(struct domain *dom, unsigned int weight, unsigned int cap)
{
	return dom->pool->ops->adjust(dom, weight, cap);
}
