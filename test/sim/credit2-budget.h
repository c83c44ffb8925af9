/* SPDX-License-Identifier: MIT */
/* credit2-budget.h: Credit2's caps: a domain's budget and who waits for it */
#ifndef SIM_CREDIT2_BUDGET_H
#define SIM_CREDIT2_BUDGET_H

#include "test/sim/credit2.h"

/* For credit2.c. A vCPU whose budget is used up takes more or is parked; true: it has some now. */
bool credit2_budget_grab(struct credit2_vcpu *svc);

/* It ceased to run: what it has left goes back, and the parked ones of its domain may have it. */
void credit2_budget_return(struct credit2_vcpu *svc);

/* The cap of XEN_DOMCTL_SCHEDOP_putinfo: 0 takes it away; -EINVAL above 100 % a vCPU, nothing done. */
int credit2_budget_cap(struct domain *dom, unsigned int cap);

/* A new vCPU of a domain. */
void credit2_budget_join(struct credit2_vcpu *svc);

#endif
