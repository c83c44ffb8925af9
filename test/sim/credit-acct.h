/* SPDX-License-Identifier: MIT */
/* credit-acct.h: how Credit's credits are burnt, and handed out */
#ifndef SIM_CREDIT_ACCT_H
#define SIM_CREDIT_ACCT_H

#include "test/sim/credit.h"

/* For credit.c. The accounting timer of a new pool; ticks begin when a pCPU gets work. */
void credit_acct_start(struct credit *credit);

/* A vCPU ceases to be active: it earns no more until a tick finds it running. */
void credit_acct_leave(struct credit_vcpu *svc);

/* What a vCPU that runs has spent up to now; whole credits only, the rest is kept. */
void credit_burn(struct credit_vcpu *svc, int64_t now);

int64_t credit_tick_ns(const struct credit *credit);

/* A good pCPU for the vCPU, which is not moved by this (_csched_cpu_pick). */
unsigned int credit_pick(const struct vcpu *vcpu);

#endif
