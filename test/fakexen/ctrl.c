/* SPDX-License-Identifier: MIT */
/* The part of libxenctrl that a scheduler hint needs, over the fake machine. */
#include <xenctrl.h> /* first: it asks the other Xen headers for the tools' view */

#include "machine.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/*
 * What Xen 4.17 does with these calls (common/sched/): a call for another
 * scheduler than that of the domain's cpupool is EINVAL; a weight of 0 leaves
 * the weight; in Credit a cap of 65535 leaves the cap, in Credit2 a cap of 0
 * takes it away and more than 100 per vCPU is EINVAL, the weight then being set
 * already. Only domain 0 may call.
 */

struct xc_interface_core {
	int unused;
};

enum {
	CREDIT_CAP_KEEP = UINT16_MAX,
	RTDS_MIN_US = 10,
};

static int fail(int error)
{
	errno = error;
	return -1;
}

/* What every hypercall begins with. */
static int enter(bool set)
{
	int32_t fault = machine_fault(FAULT_SCHED);

	if (set)
		machine_count(sched_sets, 1);
	else
		machine_count(sched_gets, 1);
	if (fault)
		return fail(abs(fault));
	return machine_view.domid ? fail(EPERM) : 0;
}

xc_interface *xc_interface_open(xentoollog_logger *logger, xentoollog_logger *dombuild_logger,
				unsigned flags)
{
	int rc = machine_attach();

	(void)logger;
	(void)dombuild_logger;
	(void)flags;
	if (rc) {
		errno = -rc;
		return NULL;
	}
	return calloc(1, sizeof(struct xc_interface_core));
}

int xc_interface_close(xc_interface *xch)
{
	free(xch);
	return 0;
}

static struct machine_pool *find_pool(uint32_t id)
{
	struct machine_pool *p = &machine_view.m->pools[id % MACHINE_POOLS];

	return id < MACHINE_POOLS && p->used ? p : NULL;
}

/* The settings of a domain whose pool runs the scheduler, or NULL and errno. */
static struct machine_sched *find_domain(uint32_t domid, uint32_t sched_id, bool set)
{
	struct machine_sched *s;
	uint32_t slot;

	if (enter(set))
		return NULL;
	slot = machine_find_domain(domid);
	if (slot == MACHINE_NONE) {
		errno = ESRCH;
		return NULL;
	}
	s = &machine_domain(slot)->sched;
	if (find_pool(s->cpupool)->sched_id != sched_id) {
		errno = EINVAL;
		return NULL;
	}
	return s;
}

int xc_sched_credit_domain_set(xc_interface *xch, uint32_t domid,
			       struct xen_domctl_sched_credit *sdom)
{
	struct machine_sched *s = find_domain(domid, XEN_SCHEDULER_CREDIT, true);

	(void)xch;
	if (!s)
		return -1;
	if (sdom->weight)
		s->credit_weight = sdom->weight;
	if (sdom->cap != CREDIT_CAP_KEEP)
		s->credit_cap = sdom->cap;
	return 0;
}

int xc_sched_credit_domain_get(xc_interface *xch, uint32_t domid,
			       struct xen_domctl_sched_credit *sdom)
{
	struct machine_sched *s = find_domain(domid, XEN_SCHEDULER_CREDIT, false);

	(void)xch;
	if (!s)
		return -1;
	sdom->weight = s->credit_weight;
	sdom->cap = s->credit_cap;
	return 0;
}

int xc_sched_credit2_domain_set(xc_interface *xch, uint32_t domid,
				struct xen_domctl_sched_credit2 *sdom)
{
	struct machine_sched *s = find_domain(domid, XEN_SCHEDULER_CREDIT2, true);

	(void)xch;
	if (!s)
		return -1;
	if (sdom->weight)
		s->credit2_weight = sdom->weight;
	if (sdom->cap > 100 * s->vcpus)
		return fail(EINVAL);
	s->credit2_cap = sdom->cap;
	return 0;
}

int xc_sched_credit2_domain_get(xc_interface *xch, uint32_t domid,
				struct xen_domctl_sched_credit2 *sdom)
{
	struct machine_sched *s = find_domain(domid, XEN_SCHEDULER_CREDIT2, false);

	(void)xch;
	if (!s)
		return -1;
	sdom->weight = s->credit2_weight;
	sdom->cap = s->credit2_cap;
	return 0;
}

static bool rtds_valid(const struct xen_domctl_sched_rtds *r)
{
	return r->period >= RTDS_MIN_US && r->budget >= RTDS_MIN_US && r->budget <= r->period;
}

int xc_sched_rtds_domain_set(xc_interface *xch, uint32_t domid, struct xen_domctl_sched_rtds *sdom)
{
	struct machine_sched *s = find_domain(domid, XEN_SCHEDULER_RTDS, true);

	(void)xch;
	if (!s)
		return -1;
	if (!sdom->period || !sdom->budget)
		return fail(EINVAL);
	for (uint32_t i = 0; i < s->vcpus; i++) {
		s->rtds[i].period = sdom->period;
		s->rtds[i].budget = sdom->budget;
	}
	return 0;
}

/* Xen tells the defaults here, whatever is set. */
int xc_sched_rtds_domain_get(xc_interface *xch, uint32_t domid, struct xen_domctl_sched_rtds *sdom)
{
	struct machine_sched *s = find_domain(domid, XEN_SCHEDULER_RTDS, false);

	(void)xch;
	if (!s)
		return -1;
	sdom->period = 10000;
	sdom->budget = 4000;
	return 0;
}

int xc_sched_rtds_vcpu_set(xc_interface *xch, uint32_t domid,
			   struct xen_domctl_schedparam_vcpu *vcpus, uint32_t num_vcpus)
{
	struct machine_sched *s = find_domain(domid, XEN_SCHEDULER_RTDS, true);

	(void)xch;
	if (!s)
		return -1;
	for (uint32_t i = 0; i < num_vcpus; i++) {
		const struct xen_domctl_sched_rtds *r = &vcpus[i].u.rtds;

		if (vcpus[i].vcpuid >= s->vcpus || !rtds_valid(r))
			return fail(EINVAL);
		s->rtds[vcpus[i].vcpuid] = (struct machine_rtds){
			r->period, r->budget, r->flags & XEN_DOMCTL_SCHEDRT_extra};
	}
	return 0;
}

int xc_sched_rtds_vcpu_get(xc_interface *xch, uint32_t domid,
			   struct xen_domctl_schedparam_vcpu *vcpus, uint32_t num_vcpus)
{
	struct machine_sched *s = find_domain(domid, XEN_SCHEDULER_RTDS, false);

	(void)xch;
	if (!s)
		return -1;
	for (uint32_t i = 0; i < num_vcpus; i++) {
		if (vcpus[i].vcpuid >= s->vcpus)
			return fail(EINVAL);
		vcpus[i].u.rtds.period = s->rtds[vcpus[i].vcpuid].period;
		vcpus[i].u.rtds.budget = s->rtds[vcpus[i].vcpuid].budget;
		vcpus[i].u.rtds.flags = s->rtds[vcpus[i].vcpuid].flags;
	}
	return 0;
}

static struct machine_pool *find_pool_of(uint32_t id, uint32_t sched_id, bool set)
{
	struct machine_pool *p;

	if (enter(set))
		return NULL;
	p = find_pool(id);
	if (!p || p->sched_id != sched_id) {
		errno = p ? EINVAL : ESRCH;
		return NULL;
	}
	return p;
}

/* 0 switches the rate limit off. */
static bool ratelimit_valid(uint32_t us)
{
	return us == 0 ||
	       (us >= XEN_SYSCTL_SCHED_RATELIMIT_MIN && us <= XEN_SYSCTL_SCHED_RATELIMIT_MAX);
}

int xc_sched_credit_params_set(xc_interface *xch, uint32_t cpupool_id,
			       struct xen_sysctl_credit_schedule *p)
{
	struct machine_pool *pool = find_pool_of(cpupool_id, XEN_SCHEDULER_CREDIT, true);

	(void)xch;
	if (!pool)
		return -1;
	if (p->tslice_ms > XEN_SYSCTL_CSCHED_TSLICE_MAX ||
	    p->tslice_ms < XEN_SYSCTL_CSCHED_TSLICE_MIN || !ratelimit_valid(p->ratelimit_us) ||
	    p->ratelimit_us > p->tslice_ms * 1000 ||
	    p->vcpu_migr_delay_us > XEN_SYSCTL_CSCHED_MGR_DLY_MAX_US)
		return fail(EINVAL);
	pool->tslice_ms = p->tslice_ms;
	pool->ratelimit_us = p->ratelimit_us;
	pool->migr_delay_us = p->vcpu_migr_delay_us;
	return 0;
}

int xc_sched_credit_params_get(xc_interface *xch, uint32_t cpupool_id,
			       struct xen_sysctl_credit_schedule *p)
{
	struct machine_pool *pool = find_pool_of(cpupool_id, XEN_SCHEDULER_CREDIT, false);

	(void)xch;
	if (!pool)
		return -1;
	p->tslice_ms = pool->tslice_ms;
	p->ratelimit_us = pool->ratelimit_us;
	p->vcpu_migr_delay_us = pool->migr_delay_us;
	return 0;
}

int xc_sched_credit2_params_set(xc_interface *xch, uint32_t cpupool_id,
				struct xen_sysctl_credit2_schedule *p)
{
	struct machine_pool *pool = find_pool_of(cpupool_id, XEN_SCHEDULER_CREDIT2, true);

	(void)xch;
	if (!pool)
		return -1;
	if (!ratelimit_valid(p->ratelimit_us))
		return fail(EINVAL);
	pool->credit2_ratelimit_us = p->ratelimit_us;
	return 0;
}

int xc_sched_credit2_params_get(xc_interface *xch, uint32_t cpupool_id,
				struct xen_sysctl_credit2_schedule *p)
{
	struct machine_pool *pool = find_pool_of(cpupool_id, XEN_SCHEDULER_CREDIT2, false);

	(void)xch;
	if (!pool)
		return -1;
	p->ratelimit_us = pool->credit2_ratelimit_us;
	return 0;
}

/* The scheduler Xen was booted with: that of Pool-0. */
int xc_sched_id(xc_interface *xch, int *sched_id)
{
	(void)xch;
	if (enter(false))
		return -1;
	*sched_id = machine_view.m->pools[0].sched_id;
	return 0;
}

int xc_get_max_cpus(xc_interface *xch)
{
	(void)xch;
	return machine_view.m->nr_cpus;
}

int xc_get_cpumap_size(xc_interface *xch)
{
	return (xc_get_max_cpus(xch) + 7) / 8;
}

xc_cpumap_t xc_cpumap_alloc(xc_interface *xch)
{
	return calloc(1, xc_get_cpumap_size(xch));
}

static uint32_t count_domains(uint32_t pool)
{
	struct machine *m = machine_view.m;
	uint32_t n = 0;

	for (uint32_t i = 0; i < m->nr_domains; i++)
		n += m->domains[i].state == DOMAIN_LIVE && m->domains[i].sched.cpupool == pool;
	return n;
}

/* The pool with this id or the next higher one. */
xc_cpupoolinfo_t *xc_cpupool_getinfo(xc_interface *xch, uint32_t poolid)
{
	xc_cpupoolinfo_t *info;
	uint32_t id = poolid;

	if (enter(false))
		return NULL;
	while (id < MACHINE_POOLS && !find_pool(id))
		id++;
	if (id >= MACHINE_POOLS) {
		errno = ENOENT;
		return NULL;
	}
	info = calloc(1, sizeof(*info));
	if (!info || !(info->cpumap = xc_cpumap_alloc(xch))) {
		free(info);
		return NULL;
	}
	info->cpupool_id = id;
	info->sched_id = find_pool(id)->sched_id;
	info->n_dom = count_domains(id);
	for (uint32_t i = 0; i < find_pool(id)->cpus && i < machine_view.m->nr_cpus; i++)
		info->cpumap[i / 8] |= 1 << i % 8;
	return info;
}

void xc_cpupool_infofree(xc_interface *xch, xc_cpupoolinfo_t *info)
{
	(void)xch;
	free(info->cpumap);
	free(info);
}

/* The live domain with the lowest domid from first on, or NULL. */
static struct machine_domain *next_domain(uint32_t first)
{
	struct machine *m = machine_view.m;
	struct machine_domain *best = NULL;

	for (uint32_t i = 0; i < m->nr_domains; i++) {
		struct machine_domain *d = &m->domains[i];

		if (d->state == DOMAIN_LIVE && d->domid >= first &&
		    (!best || d->domid < best->domid))
			best = d;
	}
	return best;
}

static void describe(const struct machine_domain *d, xc_domaininfo_t *info)
{
	uint32_t uuid;

	memset(info, 0, sizeof(*info));
	info->domain = d->domid;
	info->flags = d->domid == machine_view.domid ? XEN_DOMINF_running : XEN_DOMINF_blocked;
	info->tot_pages = info->max_pages = MACHINE_FRAMES;
	info->cpu_time = machine_cpu_time(&d->sched);
	info->nr_online_vcpus = d->sched.vcpus;
	info->max_vcpu_id = d->sched.vcpus - 1;
	uuid = d->sched.uuid ? d->sched.uuid : d->domid;
	info->handle[15] = uuid;
	info->handle[14] = uuid >> 8;
	info->cpupool = d->sched.cpupool;
}

int xc_domain_getinfolist(xc_interface *xch, uint32_t first_domain, unsigned int max_domains,
			  xc_domaininfo_t *info)
{
	struct machine_domain *d;
	unsigned int n = 0;

	(void)xch;
	if (enter(false))
		return -1;
	for (d = next_domain(first_domain); d && n < max_domains; d = next_domain(d->domid + 1))
		describe(d, &info[n++]);
	return n;
}

int xc_domain_getinfo(xc_interface *xch, uint32_t first_domid, unsigned int max_doms,
		      xc_dominfo_t *info)
{
	xc_domaininfo_t one;
	unsigned int n = 0;

	memset(info, 0, max_doms * sizeof(*info));
	for (; n < max_doms; n++) {
		int rc = xc_domain_getinfolist(xch, first_domid, 1, &one);

		if (rc <= 0)
			return n ? (int)n : rc < 0 ? rc : fail(ESRCH);
		info[n].domid = one.domain;
		info[n].blocked = !!(one.flags & XEN_DOMINF_blocked);
		info[n].running = !!(one.flags & XEN_DOMINF_running);
		info[n].nr_pages = one.tot_pages;
		info[n].max_memkb = one.max_pages * (MACHINE_PAGE / 1024);
		info[n].cpu_time = one.cpu_time;
		info[n].nr_online_vcpus = one.nr_online_vcpus;
		info[n].max_vcpu_id = one.max_vcpu_id;
		info[n].cpupool = one.cpupool;
		memcpy(info[n].handle, one.handle, sizeof(one.handle));
		first_domid = one.domain + 1;
	}
	return n;
}

/* In turn blocked, waiting and running, as often as the test has said; spread over the looks. */
int xc_vcpu_getinfo(xc_interface *xch, uint32_t domid, uint32_t vcpu, xc_vcpuinfo_t *info)
{
	uint32_t slot, phase;
	struct machine_sched *s;

	(void)xch;
	if (enter(false))
		return -1;
	slot = machine_find_domain(domid);
	if (slot == MACHINE_NONE || vcpu >= machine_domain(slot)->sched.vcpus)
		return fail(ESRCH);
	s = &machine_domain(slot)->sched;
	phase = s->looks++ * 617 % 1000;
	memset(info, 0, sizeof(*info));
	info->vcpu = vcpu;
	info->online = 1;
	info->blocked = phase < s->blocked;
	info->running = phase >= s->blocked + s->waiting;
	info->cpu_time = machine_cpu_time(s) / s->vcpus;
	return 0;
}

int xc_physinfo(xc_interface *xch, xc_physinfo_t *info)
{
	(void)xch;
	if (enter(false))
		return -1;
	memset(info, 0, sizeof(*info));
	info->threads_per_core = info->cores_per_socket = info->nr_nodes = 1;
	info->nr_cpus = machine_view.m->nr_cpus;
	info->max_cpu_id = info->nr_cpus - 1;
	info->cpu_khz = 2000000;
	return 0;
}
