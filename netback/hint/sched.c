/* SPDX-License-Identifier: MIT */
/* sched.c: domains, pools, weights and pool settings over libxenctrl, its only user */
#include <xenctrl.h> /* first: it asks the other Xen headers for the tools' view */

#include "netback/hint/sched.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "netback/common/util.h"

enum {
	LIST_STEP = 64,
};

struct sched {
	xc_interface *xc;
	struct sched_pool pools[SCHED_MAX_POOLS]; /* as last read: a domain's kind is its pool's */
	unsigned int nr_pools;
};

static const char *const names[] = {
	[SCHED_NONE] = "none",
	[SCHED_CREDIT] = "credit",
	[SCHED_CREDIT2] = "credit2",
	[SCHED_RTDS] = "rtds",
};

const char *sched_kind_name(enum sched_kind kind)
{
	return names[kind];
}

static enum sched_kind kind_of(uint32_t sched_id)
{
	switch (sched_id) {
	case XEN_SCHEDULER_CREDIT:
		return SCHED_CREDIT;
	case XEN_SCHEDULER_CREDIT2:
		return SCHED_CREDIT2;
	case XEN_SCHEDULER_RTDS:
		return SCHED_RTDS;
	default:
		return SCHED_NONE;
	}
}

/* libxenctrl leaves the reason in errno, and not always one. */
static int result(int ret)
{
	return ret >= 0 ? ret : errno ? -errno : -EIO;
}

int sched_open(struct sched **ret_sched)
{
	struct sched *s = calloc(1, sizeof(*s));

	if (!s)
		return -ENOMEM;
	errno = 0;
	s->xc = xc_interface_open(NULL, NULL, 0);
	if (!s->xc) {
		free(s);
		return errno ? -errno : -ENODEV;
	}
	*ret_sched = s;
	return 0;
}

void sched_close(struct sched *s)
{
	xc_interface_close(s->xc);
	free(s);
}

/* --- what there is -------------------------------------------------------------------------------------- */

static unsigned int count_cpus(struct sched *s, xc_cpumap_t map)
{
	int bytes = xc_get_cpumap_size(s->xc);
	unsigned int n = 0;

	for (int i = 0; i < bytes; i++)
		n += (unsigned int)__builtin_popcount(map[i]);
	return n;
}

int sched_pools(struct sched *s, struct sched_pool *pools, unsigned int max)
{
	xc_cpupoolinfo_t *info;
	uint32_t next = 0;

	s->nr_pools = 0;
	errno = 0;
	while (s->nr_pools < SCHED_MAX_POOLS && (info = xc_cpupool_getinfo(s->xc, next))) {
		s->pools[s->nr_pools++] = (struct sched_pool){
			.id = info->cpupool_id,
			.kind = kind_of(info->sched_id),
			.cpus = count_cpus(s, info->cpumap),
		};
		next = info->cpupool_id + 1;
		xc_cpupool_infofree(s->xc, info);
	}
	if (s->nr_pools == 0)
		return errno ? -errno : -EIO;
	memcpy(pools, s->pools, min(max, s->nr_pools) * sizeof(*pools));
	return (int)min(max, s->nr_pools);
}

static enum sched_kind pool_kind(const struct sched *s, uint32_t pool)
{
	for (unsigned int i = 0; i < s->nr_pools; i++)
		if (s->pools[i].id == pool)
			return s->pools[i].kind;
	return SCHED_NONE;
}

static void describe(const struct sched *s, const xc_domaininfo_t *info, struct sched_domain *d)
{
	*d = (struct sched_domain){
		.domid = info->domain,
		.pool = info->cpupool,
		.kind = pool_kind(s, info->cpupool),
		.vcpus = info->nr_online_vcpus,
		.max_vcpu_id = info->max_vcpu_id,
		.cpu_ns = info->cpu_time,
		.leaving = info->flags & (XEN_DOMINF_dying | XEN_DOMINF_shutdown),
	};
	memcpy(d->uuid, info->handle, sizeof(d->uuid));
}

int sched_domains(struct sched *s, struct sched_domain *domains, unsigned int max)
{
	xc_domaininfo_t info[LIST_STEP];
	uint32_t next = 0;
	unsigned int nr = 0;

	while (nr < max) {
		int n;

		errno = 0;
		n = result(xc_domain_getinfolist(s->xc, next,
						 min(max - nr, (unsigned int)LIST_STEP), info));
		if (n <= 0)
			return n < 0 ? n : (int)nr;
		for (int i = 0; i < n; i++)
			describe(s, &info[i], &domains[nr++]);
		next = info[n - 1].domain + 1;
	}
	return (int)nr;
}

int sched_sample(struct sched *s, const struct sched_domain *d, struct sched_vcpus *vcpus)
{
	unsigned int nr = min(d->max_vcpu_id + 1, (unsigned int)SCHED_MAX_VCPUS);

	*vcpus = (struct sched_vcpus){0};
	for (unsigned int i = 0; i < nr; i++) {
		xc_vcpuinfo_t info;

		errno = 0;
		if (xc_vcpu_getinfo(s->xc, d->domid, i, &info) < 0)
			return result(-1);
		if (!info.online)
			continue;
		vcpus->online++;
		vcpus->blocked += info.blocked;
		vcpus->running += info.running;
	}
	return 0;
}

/* --- weights ------------------------------------------------------------------------------------------ */

static int read_credit(struct sched *s, uint32_t domid, struct sched_weight *w)
{
	struct xen_domctl_sched_credit c = {0};
	int ret = xc_sched_credit_domain_get(s->xc, domid, &c);

	*w = (struct sched_weight){c.weight, c.cap};
	return ret;
}

static int read_credit2(struct sched *s, uint32_t domid, struct sched_weight *w)
{
	struct xen_domctl_sched_credit2 c = {0};
	int ret = xc_sched_credit2_domain_get(s->xc, domid, &c);

	*w = (struct sched_weight){c.weight, c.cap};
	return ret;
}

int sched_read(struct sched *s, uint32_t domid, enum sched_kind kind, struct sched_weight *weight)
{
	errno = 0;
	switch (kind) {
	case SCHED_CREDIT:
		return result(read_credit(s, domid, weight));
	case SCHED_CREDIT2:
		return result(read_credit2(s, domid, weight));
	default:
		return -EOPNOTSUPP;
	}
}

static int write_credit(struct sched *s, uint32_t domid, uint32_t weight, uint32_t cap)
{
	struct xen_domctl_sched_credit c = {.weight = (uint16_t)weight, .cap = (uint16_t)cap};

	return xc_sched_credit_domain_set(s->xc, domid, &c);
}

static int write_credit2(struct sched *s, uint32_t domid, uint32_t weight, uint32_t cap)
{
	struct xen_domctl_sched_credit2 c = {.weight = (uint16_t)weight, .cap = (uint16_t)cap};

	return xc_sched_credit2_domain_set(s->xc, domid, &c);
}

int sched_write(struct sched *s, uint32_t domid, enum sched_kind kind, uint32_t weight)
{
	struct sched_weight now;
	int ret = sched_read(s, domid, kind, &now);

	if (ret < 0)
		return ret;
	if (weight == 0 || weight > SCHED_MAX_WEIGHT)
		return -ERANGE;
	errno = 0;
	return result(kind == SCHED_CREDIT ? write_credit(s, domid, weight, now.cap)
					   : write_credit2(s, domid, weight, now.cap));
}

int sched_read_rtds(struct sched *s, const struct sched_domain *d, double *ret_cpus)
{
	unsigned int nr = min(d->max_vcpu_id + 1, (unsigned int)SCHED_MAX_VCPUS);
	struct xen_domctl_schedparam_vcpu vcpu[SCHED_MAX_VCPUS] = {0};

	*ret_cpus = 0;
	for (unsigned int i = 0; i < nr; i++)
		vcpu[i].vcpuid = i;
	errno = 0;
	if (xc_sched_rtds_vcpu_get(s->xc, d->domid, vcpu, nr) < 0)
		return result(-1);
	for (unsigned int i = 0; i < nr; i++)
		if (vcpu[i].u.rtds.period)
			*ret_cpus += (double)vcpu[i].u.rtds.budget / vcpu[i].u.rtds.period;
	return 0;
}

/* --- settings of a pool ------------------------------------------------------------------------------- */

int sched_read_params(struct sched *s, uint32_t pool, enum sched_kind kind,
		      struct sched_params *params)
{
	struct xen_sysctl_credit2_schedule c2 = {0};
	struct xen_sysctl_credit_schedule c = {0};
	int ret = -EOPNOTSUPP;

	errno = 0;
	if (kind == SCHED_CREDIT)
		ret = result(xc_sched_credit_params_get(s->xc, pool, &c));
	else if (kind == SCHED_CREDIT2)
		ret = result(xc_sched_credit2_params_get(s->xc, pool, &c2));
	*params = (struct sched_params){
		.ratelimit_us = kind == SCHED_CREDIT ? c.ratelimit_us : c2.ratelimit_us,
		.tslice_ms = c.tslice_ms,
	};
	return ret;
}

static int write_credit_params(struct sched *s, uint32_t pool, const struct sched_params *params)
{
	struct xen_sysctl_credit_schedule c = {0};

	if (xc_sched_credit_params_get(s->xc, pool, &c) < 0)
		return -1;
	c.ratelimit_us = params->ratelimit_us;
	c.tslice_ms = params->tslice_ms;
	return xc_sched_credit_params_set(s->xc, pool, &c);
}

static int write_credit2_params(struct sched *s, uint32_t pool, const struct sched_params *params)
{
	struct xen_sysctl_credit2_schedule c = {0};

	if (xc_sched_credit2_params_get(s->xc, pool, &c) < 0)
		return -1;
	c.ratelimit_us = params->ratelimit_us;
	return xc_sched_credit2_params_set(s->xc, pool, &c);
}

int sched_write_params(struct sched *s, uint32_t pool, enum sched_kind kind,
		       const struct sched_params *params)
{
	errno = 0;
	switch (kind) {
	case SCHED_CREDIT:
		return result(write_credit_params(s, pool, params));
	case SCHED_CREDIT2:
		return result(write_credit2_params(s, pool, params));
	default:
		return -EOPNOTSUPP;
	}
}
