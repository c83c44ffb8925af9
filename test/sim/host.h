/* SPDX-License-Identifier: MIT */
/* host.h: a machine under Xen: pCPUs in pools, domains and their vCPUs, and what xen/common/sched/core.c does */
#ifndef SIM_HOST_H
#define SIM_HOST_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

#include "test/sim/clock.h"

/*
 * A pool has a scheduler (scheduler.h); a domain is in one pool; a vCPU does the work that its domain's
 * guest_ops name. What a vCPU has in hand is an item of a known length: it ends when the vCPU has run that
 * long, and the next one is asked for. Without an item the vCPU blocks until somebody kicks it (an event
 * channel). Items marked as background (a hog's) are cut short by a kick, as an interrupt does.
 *
 * Modelled: the order of schedule(), context switch, context_saved and migration; what a switch costs
 * (assumed: switch_ns of the vCPU's own time, cold caches included) and an IPI (ipi_ns). Not modelled: SMT, NUMA,
 * soft affinity, core scheduling, tasklets, time in the hypervisor.
 */
enum {
	HOST_CPUS = 32, /* pCPUs of all pools together */
	HOST_POOLS = 4,
	HOST_NAME = 16,
	HOST_VCPUS = 16, /* of a domain */
};

struct domain;
struct pool;
struct scheduler;

struct vcpu {
	struct domain *dom;
	unsigned int id;
	unsigned int cpu; /* where it runs, ran last or is to run */
	bool blocked;	  /* waits for an event */
	bool parked;	  /* out of its cap: set by the scheduler */
	bool migrating;	  /* to be moved once it is off its pCPU: set by the scheduler */
	bool running;	  /* it is some pCPU's current */
	int64_t entry;	  /* when it began or ceased to run: state_entry_time */
	void *sched;	  /* the scheduler's */
	/* the work in hand */
	bool background;  /* set by guest_ops.next: a kick may cut it */
	int64_t left;	  /* of the item, while not running */
	int64_t overhead; /* a switch to be paid for */
	struct timer work;
	/* time in each state, counted up to counted_ns */
	int64_t counted_ns, run_ns, wait_ns, block_ns;
	uint64_t switches;
	LIST_ENTRY(vcpu) link;
};

struct guest_ops {
	/* The next item's length in ns, or 0: nothing to do. */
	int64_t (*next)(struct vcpu *vcpu);
	/* The item has been done. */
	void (*done)(struct vcpu *vcpu);
	/* A background item was cut with so much of it left. */
	void (*cut)(struct vcpu *vcpu, int64_t left);
};

struct domain {
	struct host *host;
	char name[HOST_NAME];
	unsigned int domid;
	struct pool *pool;
	unsigned int weight, cap; /* as the scheduler has them */
	uint32_t affinity;	  /* hard: pCPUs its vCPUs may use */
	const struct guest_ops *ops;
	void *guest; /* the ops' */
	void *sched; /* the scheduler's */
	unsigned int nr_vcpus;
	struct vcpu *vcpu[HOST_VCPUS];
	LIST_ENTRY(domain) link;
};

struct pcpu {
	struct host *host;
	unsigned int id;
	struct pool *pool;
	struct vcpu *current; /* NULL: idle */
	struct timer slice, softirq;
	int64_t busy_ns, since;
};

struct pool {
	struct host *host;
	unsigned int id;
	uint32_t cpus;
	unsigned int nr_cpus;
	const struct scheduler *ops;
	void *sched; /* the scheduler's */
};

struct host {
	struct clock clock;
	unsigned int nr_cpus, nr_pools, next_domid;
	int64_t switch_ns, ipi_ns;
	struct pcpu cpu[HOST_CPUS];
	struct pool pool[HOST_POOLS];
	LIST_HEAD(, domain) domains;
};

void host_init(struct host *host);
void host_free(struct host *host);

/* NULL: too many pCPUs, for the host or for that scheduler. */
struct pool *host_add_pool(struct host *host, const struct scheduler *ops, unsigned int nr_cpus);

struct domain *host_domain(const struct host *host, const char *name);

/* A domain with no vCPU and the default weight. domain_free also stops what runs. */
struct domain *domain_new(struct pool *pool, const char *name, const struct guest_ops *ops,
			  void *guest);
void domain_free(struct domain *dom);

/* As many vCPUs as that from now on; new ones are runnable. */
void domain_plug(struct domain *dom, unsigned int nr_vcpus);

/* cpupool move: the weight is the new pool's default afterwards, as in Xen. */
void domain_move(struct domain *dom, struct pool *pool);

/* XEN_DOMCTL_SCHEDOP_putinfo: 0 or -EINVAL. The scheduler's own rules for 0 and "unchanged". */
int domain_set(struct domain *dom, unsigned int weight, unsigned int cap);

/* An event for the vCPU: what it is about was noted by the caller before. */
void vcpu_kick(struct vcpu *vcpu);

static inline bool vcpu_runnable(const struct vcpu *vcpu)
{
	return !vcpu->blocked && !vcpu->parked && !vcpu->migrating;
}

/* Time in each state and busy pCPUs are brought up to now. */
void host_count(struct host *host);

/* For schedulers: SCHEDULE_SOFTIRQ on that pCPU; from itself at once, from another after an IPI. */
void host_reschedule(struct host *host, unsigned int cpu, bool self);

/* For schedulers: a parked vCPU may go on, one that runs may not (sched_unit_unpause, _pause_nosync). */
void vcpu_unpark(struct vcpu *vcpu);
void vcpu_park(struct vcpu *vcpu);

/* The first bit after n in the mask, from the beginning if there is none; the mask is not 0. */
unsigned int mask_cycle(unsigned int n, uint32_t mask);

#endif
