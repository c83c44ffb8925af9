/* SPDX-License-Identifier: MIT */
/* sched.h: the door to Xen's schedulers; sched.c is the only user of libxenctrl */
#ifndef NETBACK_HINT_SCHED_H
#define NETBACK_HINT_SCHED_H

#include <stdbool.h>
#include <stdint.h>

/*
 * sched.c is the body over libxenctrl; the simulator brings another one. Functions return 0 or -errno unless
 * they say otherwise; -EPERM: this is not the control domain. One thread.
 *
 * A domain's scheduler is that of its cpupool, not that Xen was booted with (sched_adjust in Xen refuses
 * another one), so the calls take the kind that sched_domains told.
 */
enum sched_kind {
	SCHED_NONE, /* null, arinc653, or one we do not know: nothing to set */
	SCHED_CREDIT,
	SCHED_CREDIT2,
	SCHED_RTDS,
};

enum {
	SCHED_MAX_DOMAINS = 1024,
	SCHED_MAX_POOLS = 16,
	SCHED_MAX_VCPUS = 128,
	SCHED_MAX_WEIGHT = 65535,
};

struct sched_domain {
	uint32_t domid;
	uint8_t uuid[16]; /* the handle: tells a domain from an earlier one with its number */
	uint32_t pool;
	enum sched_kind kind;
	unsigned int vcpus; /* online */
	unsigned int max_vcpu_id;
	uint64_t cpu_ns; /* used by all its vCPUs, only grows */
	bool leaving;	 /* dying, or shut down (which a suspended one is, too) */
};

struct sched_pool {
	uint32_t id;
	enum sched_kind kind;
	unsigned int cpus;
};

struct sched_weight {
	uint32_t weight, cap;
};

struct sched_params {
	uint32_t ratelimit_us; /* 0: off */
	uint32_t tslice_ms;    /* Credit only, else 0 */
};

/* How many of a domain's online vCPUs were found in each state. */
struct sched_vcpus {
	unsigned int online, blocked, running;
};

struct sched;

int sched_open(struct sched **ret_sched);
void sched_close(struct sched *s);

/* All domains, by domid: how many, or -errno. */
int sched_domains(struct sched *s, struct sched_domain *domains, unsigned int max);
int sched_pools(struct sched *s, struct sched_pool *pools, unsigned int max);
int sched_sample(struct sched *s, const struct sched_domain *d, struct sched_vcpus *vcpus);

/*
 * Weight 1..SCHED_MAX_WEIGHT. sched_write keeps the cap by reading it first: Credit2 has no value that
 * leaves it alone, and takes 0 for "no cap".
 */
int sched_read(struct sched *s, uint32_t domid, enum sched_kind kind, struct sched_weight *weight);
int sched_write(struct sched *s, uint32_t domid, enum sched_kind kind, uint32_t weight);

/* RTDS, of which nothing is ever written: the CPUs that the budgets of a domain's vCPUs come to. */
int sched_read_rtds(struct sched *s, const struct sched_domain *d, double *ret_cpus);

/* Of a pool. What the kind does not have is left alone. */
int sched_read_params(struct sched *s, uint32_t pool, enum sched_kind kind,
		      struct sched_params *params);
int sched_write_params(struct sched *s, uint32_t pool, enum sched_kind kind,
		       const struct sched_params *params);

/* "credit2" */
const char *sched_kind_name(enum sched_kind kind);

#endif
