/* SPDX-License-Identifier: MIT */
/* credit.h: the Credit scheduler's state, for credit.c and its tests */
#ifndef SIM_CREDIT_H
#define SIM_CREDIT_H

#include "test/sim/host.h"

/*
 * After xen/common/sched/credit.c (Xen 4.17 to 4.21), rule by rule:
 *
 *  - 10 credits a ms; each accounting period (tslice, 30 ms) hands out period * pCPUs among *active* vCPUs by
 *    weight, at most a period's worth to a vCPU (csched_acct);
 *  - BOOST > UNDER > OVER. A wake-up boosts who is UNDER, unless it comes from a migration or from the end of a
 *    cap's pause (csched_unit_wake); the first tick that finds it running ends the boost (csched_unit_acct);
 *  - a vCPU with more than a period of credit leaves the active list with half of it and earns nothing until a
 *    tick finds it running; credit never falls below minus one period;
 *  - a vCPU is queued behind its equals; the queues are sorted at the first tick after an accounting
 *    (csched_runq_sort);
 *  - who ran for less than the ratelimit runs on, if it wants to (csched_schedule);
 *  - a pCPU whose next is OVER or nobody steals from its peers what is strictly better, at most once a ms
 *    (csched_load_balance); a wake-up tickles an idle pCPU if there is one, else its own if it preempts.
 */
enum credit_priority {
	CREDIT_IDLE = -64,
	CREDIT_OVER = -2,
	CREDIT_UNDER = -1,
	CREDIT_BOOST = 0
};

enum {
	CREDIT_PER_MS = 10,
	CREDIT_TSLICE_MS = 30,
	CREDIT_TSLICE_MAX_MS = 1000,
	CREDIT_TICKS = 3, /* in a tslice */
};

struct credit_vcpu {
	struct vcpu *vcpu;
	enum credit_priority priority;
	int credit;
	int64_t residual; /* of a credit, in ns * 10 */
	int64_t start_ns; /* burnt up to here while running; a remainder below 0.1 ms else */
	bool active, queued;
	bool moved;  /* CSCHED_FLAG_UNIT_MIGRATING: the next wake-up is no boost */
	bool capped; /* CSCHED_FLAG_UNIT_PARKED */
	TAILQ_ENTRY(credit_vcpu) runq;
	LIST_ENTRY(credit_vcpu) active_vcpus;
};

struct credit_domain {
	struct domain *dom;
	unsigned int nr_active;
	LIST_HEAD(, credit_vcpu) active;
	LIST_ENTRY(credit_domain) active_domains;
};

struct credit_cpu {
	struct pool *pool;
	unsigned int id;
	TAILQ_HEAD(credit_runq, credit_vcpu) runq;
	unsigned int nr_runnable; /* queued, and the one that runs */
	unsigned int sorted;	  /* epoch */
	int64_t balanced_ns;
	struct timer tick;
};

struct credit {
	struct pool *pool;
	uint32_t idlers;
	unsigned int bias;	  /* whom to steal from first */
	unsigned int last_tickle; /* in Xen: one a pCPU */
	unsigned int epoch;
	unsigned int ratelimit_us, tslice_ms;
	int64_t weight;	 /* of all active vCPUs */
	int64_t balance; /* of their credits, at the last accounting */
	LIST_HEAD(, credit_domain) active;
	struct timer master;
	struct credit_cpu cpu[HOST_CPUS];
};

static inline struct credit_vcpu *credit_of(const struct vcpu *vcpu)
{
	return vcpu->sched;
}

#endif
