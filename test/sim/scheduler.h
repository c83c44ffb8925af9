/* SPDX-License-Identifier: MIT */
/* scheduler.h: what a scheduler of the simulated Xen does; credit.c and credit2.c are two */
#ifndef SIM_SCHEDULER_H
#define SIM_SCHEDULER_H

#include <stdint.h>

struct domain;
struct pool;
struct vcpu;

/*
 * The hooks of xen/common/sched/private.h that matter here, under its names. now is the host's clock. All are
 * called by host.c with the pool's state consistent; none calls back into a guest.
 */
struct scheduler {
	const char *name;
	unsigned int max_cpus;	 /* of a pool */
	unsigned int max_weight; /* what libxl lets pass */
	void (*init)(struct pool *pool);
	void (*deinit)(struct pool *pool);
	void (*add_domain)(struct domain *dom); /* sets the default weight */
	void (*remove_domain)(struct domain *dom);
	void (*insert)(struct vcpu *vcpu); /* chooses a pCPU; queues it if it is runnable */
	void (*remove)(struct vcpu *vcpu); /* neither queued nor running */
	void (*wake)(struct vcpu *vcpu);
	void (*sleep)(struct vcpu *vcpu);
	/* Who is next on that pCPU (NULL: nobody) and for how long (below 0: until something happens). */
	struct vcpu *(*schedule)(struct pool *pool, unsigned int cpu, struct vcpu *prev,
				 int64_t *slice_ns);
	void (*context_saved)(struct vcpu *prev);
	unsigned int (*pick)(struct vcpu *vcpu); /* a pCPU for one that is not running */
	int (*adjust)(struct domain *dom, unsigned int weight, unsigned int cap);
	/* XEN_SYSCTL_SCHEDOP_putinfo, 0 or -EINVAL; tslice_ms is Credit's alone */
	int (*tune)(struct pool *pool, unsigned int ratelimit_us, unsigned int tslice_ms);
	void (*tuned)(const struct pool *pool, unsigned int *ratelimit_us, unsigned int *tslice_ms);
};

extern const struct scheduler scheduler_credit, scheduler_credit2;

enum {
	SCHEDULER_WEIGHT = 256,	       /* CSCHED_DEFAULT_WEIGHT, CSCHED2_DEFAULT_WEIGHT */
	SCHEDULER_RATELIMIT_US = 1000, /* SCHED_DEFAULT_RATELIMIT_US */
	SCHEDULER_RATELIMIT_MIN = 100, /* XEN_SYSCTL_SCHED_RATELIMIT_MIN, or 0: none */
	SCHEDULER_RATELIMIT_MAX = 500000,
};

#endif
