/* SPDX-License-Identifier: MIT */
/* credit2.h: the Credit2 scheduler's state, for credit2.c and its tests */
#ifndef SIM_CREDIT2_H
#define SIM_CREDIT2_H

#include "test/sim/host.h"

/*
 * After xen/common/sched/credit2.c (Xen 4.17 to 4.21), rule by rule:
 *
 *  - a credit is a ns of the heaviest vCPU of the runqueue; others burn max_weight / weight as fast (t2c_update);
 *    the heaviest counts even if it sleeps (update_max_weight);
 *  - the queue is sorted by credit, equals behind each other; when the best has none left, everybody gets 10 ms,
 *    and nobody keeps more than 0.5 ms of what was left (reset_credit); nobody falls below -10 ms;
 *  - a slice lasts until the credit is down to that of the next in the queue, at least 0.5 ms or the ratelimit,
 *    at most 10 ms (csched2_runtime);
 *  - a wake-up looks for an idle pCPU that was not tickled yet, else for the pCPU where it beats the current one
 *    by most, but only among those whose current has run for the ratelimit less 50 us; if there is none, nobody is
 *    tickled and it waits for the next timer (runq_tickle, tickle_score, is_preemptable);
 *  - another pCPU's vCPU is taken only with 0.5 ms more credit, and gets 50 us for the move (MIGRATE_RESIST,
 *    MIGRATE_COMPENSATION);
 *  - a cap is a budget each 10 ms, taken by vCPUs in shares; without it they are parked.
 *
 * One runqueue: pools of up to 16 pCPUs of one socket have just that, so load balancing between runqueues is
 * not modelled, and larger pools are refused.
 */
#define CREDIT2_INIT	  (10 * SIM_MS) /* CSCHED2_CREDIT_INIT, _MAX_TIMER, cap period */
#define CREDIT2_MIN	  (-CREDIT2_INIT)
#define CREDIT2_NOBODY	  (CREDIT2_MIN - 1) /* the credit of an idle pCPU */
#define CREDIT2_MIN_TIMER (500 * SIM_US)
#define CREDIT2_CARRY	  CREDIT2_MIN_TIMER
#define CREDIT2_RESIST	  (500 * SIM_US)
#define CREDIT2_MOVE	  (50 * SIM_US)
#define CREDIT2_TOLERANCE (50 * SIM_US)
#define CREDIT2_NO_BUDGET INT64_MAX /* not capped */
#define CREDIT2_MAX_CPUS  16	    /* opt_max_cpus_runqueue */

struct credit2_vcpu {
	struct vcpu *vcpu;
	int64_t credit, residual;
	int64_t start_ns; /* burnt up to here while running */
	bool queued;
	bool requeue;	 /* CSFLAG_delayed_runq_add */
	int tickled_cpu; /* it is meant to be picked up there; -1: nowhere */
	int64_t budget;	 /* left of what it took, CREDIT2_NO_BUDGET: not capped */
	bool waits_for_budget;
	TAILQ_ENTRY(credit2_vcpu) runq;
	LIST_ENTRY(credit2_vcpu) all;
};

struct credit2_domain {
	struct domain *dom;
	int64_t budget, total, quota; /* in the pool; a period's; a vCPU's share at a time */
	struct timer refill;
};

struct credit2 {
	struct pool *pool;
	unsigned int max_weight;
	uint32_t idle, tickled;
	unsigned int bias; /* which pCPU a new vCPU starts on */
	unsigned int ratelimit_us;
	uint64_t resets;
	TAILQ_HEAD(, credit2_vcpu) runq;
	LIST_HEAD(, credit2_vcpu) all;
};

static inline struct credit2_vcpu *credit2_of(const struct vcpu *vcpu)
{
	return vcpu->sched;
}

#endif
