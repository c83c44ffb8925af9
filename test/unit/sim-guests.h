/* SPDX-License-Identifier: MIT -- two kinds of vCPU for tests of the simulated schedulers */
#ifndef TEST_SIM_GUESTS_H
#define TEST_SIM_GUESTS_H

#include "test/sim/host.h"
#include "test/sim/scheduler.h"

/* A hog always wants to run; a sleeper runs for work_ns each time it is kicked. began_ns: its last item did. */
struct sim_guest {
	bool hog;
	int64_t work_ns;
	bool kicked;
	int64_t began_ns;
	unsigned int nr_done;
};

static int64_t sim_guest_next(struct vcpu *vcpu)
{
	struct sim_guest *guest = vcpu->dom->guest;
	int64_t work_ns = guest->kicked ? guest->work_ns : 0;

	if (guest->hog) {
		vcpu->background = true;
		return SIM_S;
	}
	if (work_ns)
		guest->began_ns = vcpu->dom->host->clock.now;
	guest->kicked = false;
	return work_ns;
}

static void sim_guest_done(struct vcpu *vcpu)
{
	struct sim_guest *guest = vcpu->dom->guest;

	guest->nr_done++;
}

static void sim_guest_cut(struct vcpu *vcpu, int64_t left)
{
	(void)vcpu;
	(void)left;
}

static const struct guest_ops sim_guest_ops = {
	.next = sim_guest_next, .done = sim_guest_done, .cut = sim_guest_cut};

static inline struct domain *sim_domain(struct pool *pool, struct sim_guest *guest,
					unsigned int vcpus, unsigned int weight)
{
	struct domain *dom = domain_new(pool, "d", &sim_guest_ops, guest);

	domain_plug(dom, vcpus);
	domain_set(dom, weight, 0);
	return dom;
}

static inline void sim_kick(struct domain *dom)
{
	struct sim_guest *guest = dom->guest;

	guest->kicked = true;
	vcpu_kick(dom->vcpu[0]);
}

static inline void sim_run(struct host *host, int64_t ns)
{
	clock_run(&host->clock, host->clock.now + ns);
	host_count(host);
}

/* CPUs used since before_ns was noted. */
static inline double sim_cpu(const struct domain *dom, int64_t before_ns, int64_t time_ns)
{
	int64_t sum = -before_ns;
	unsigned int i;

	for (i = 0; i < dom->nr_vcpus; i++)
		sum += dom->vcpu[i]->run_ns;
	return (double)sum / (double)time_ns;
}

#endif
