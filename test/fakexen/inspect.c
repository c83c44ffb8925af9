/* SPDX-License-Identifier: MIT */
/* fakexen: print counters, grants, ports, processes, scheduler settings. */
#include "fakexen.h"

#include "machine.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

int verb_counters(const char *dir, int argc, char **argv)
{
	struct machine_counters *c = &machine_view.m->counters;
	bool reset = argc && !strcmp(argv[0], "reset"), found = argc == 0 || reset;

	(void)dir;
#define X(name)                                                                                    \
	if (reset)                                                                                 \
		atomic_store(&c->name, 0);                                                         \
	else if (argc == 0)                                                                        \
		printf("%-16s %llu\n", #name, (unsigned long long)c->name);                        \
	else if (!strcmp(argv[0], #name)) {                                                        \
		printf("%llu\n", (unsigned long long)c->name);                                     \
		found = true;                                                                      \
	}
	MACHINE_COUNTERS(X)
#undef X
	if (!found)
		die("counters: %s: no such counter", argv[0]);
	return 0;
}

static uint32_t domain_slot(const char *number)
{
	uint32_t slot = machine_find_domain(parse_number(number));

	if (slot == MACHINE_NONE)
		die("domain %s: no such domain", number);
	return slot;
}

int verb_grants(const char *dir, int argc, char **argv)
{
	uint32_t slot = domain_slot(argv[0]);
	struct machine_domain *d = machine_domain(slot);

	(void)dir;
	(void)argc;
	for (uint32_t i = 0; i < d->nr_grefs; i++) {
		grant_entry_v1_t e = machine_grants(slot)[i];
		struct machine_active *a = &d->active[i];
		/* In this order: who is in use now was so when its guest had ended it. */
		bool ended = a->owner == MACHINE_NONE;
		unsigned int readers = a->readers, writers = a->writers;
		bool used = readers || writers;

		if (!e.flags && !used)
			continue;
		printf("ref %u to %u frame %u%s%s%s readers %u writers %u%s%s\n", i, e.domid,
		       e.frame, e.flags & GTF_readonly ? " readonly" : "",
		       e.flags & GTF_reading ? " reading" : "",
		       e.flags & GTF_writing ? " writing" : "", readers, writers,
		       used ? " mapped" : "", used && ended ? " ended" : "");
	}
	return 0;
}

int verb_ports(const char *dir, int argc, char **argv)
{
	static const char *const states[] = {"free", "unbound", "interdomain", "virq"};
	struct machine_domain *d = machine_domain(domain_slot(argv[0]));

	(void)dir;
	(void)argc;
	for (uint32_t i = 1; i < MACHINE_PORTS; i++) {
		uint64_t link = d->ports[i].link;
		uint32_t remote = port_remote(link), event = d->ports[i].event;

		if (port_state(link) == PORT_FREE)
			continue;
		if (port_state(link) == PORT_INTERDOMAIN)
			remote = machine_domain(remote)->domid;
		printf("port %u %s remote %u port %u%s%s\n", i, states[port_state(link)], remote,
		       port_remote_port(link), event & EVENT_PENDING ? " pending" : "",
		       event & EVENT_MASKED ? " masked" : "");
	}
	return 0;
}

int verb_processes(const char *dir, int argc, char **argv)
{
	struct machine *m = machine_view.m;

	(void)dir;
	(void)argc;
	(void)argv;
	for (uint32_t i = 0; i < MACHINE_PROCS; i++)
		if (m->procs[i].state == PROC_LIVE)
			printf("pid %d domain %u%s\n", m->procs[i].pid, m->procs[i].domid,
			       machine_proc_alive(proc_ref(i, m->procs[i].serial)) ? "" : " dead");
	return 0;
}

/* Scheduler settings are plain numbers in the machine: read or set by name. */
struct setting {
	const char *name;
	void *value;
	unsigned int size;
};

static void print_or_set(const struct setting *s, const char *assign)
{
	size_t len = strlen(s->name);

	if (assign && (strncmp(assign, s->name, len) || assign[len] != '='))
		return;
	if (assign) {
		unsigned long long v = strtoull(assign + len + 1, NULL, 0);

		memcpy(s->value, &v, s->size);
		return;
	}
	unsigned long long v = 0;

	memcpy(&v, s->value, s->size);
	printf("%s=%llu\n", s->name, v);
}

static struct machine_pool *find_pool(const char *number)
{
	uint32_t id = parse_number(number);

	if (id >= MACHINE_POOLS)
		die("pool %s: there are %d", number, MACHINE_POOLS);
	if (!machine_view.m->pools[id].used) {
		machine_view.m->pools[id] = machine_view.m->pools[0];
		machine_view.m->pools[id].cpus = 0;
	}
	return &machine_view.m->pools[id];
}

/* What it has used at the old rate, before a new one is set. */
static void settle_cpu_time(struct machine_sched *d)
{
	struct timespec ts;

	d->cpu_time = machine_cpu_time(d);
	clock_gettime(CLOCK_MONOTONIC, &ts);
	d->cpu_since = (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

/* DIR domain N | pool N, then KEY=VALUE to set or nothing to print all */
int verb_sched(const char *dir, int argc, char **argv)
{
	bool pool = !strcmp(argv[0], "pool");
	struct machine_sched none_d, *d = &none_d;
	struct machine_pool none_p, *p = &none_p;

	(void)dir;
	if (pool)
		p = find_pool(argv[1]);
	else if (!strcmp(argv[0], "domain"))
		d = &machine_domain(domain_slot(argv[1]))->sched;
	else
		die("sched: %s: neither domain nor pool", argv[0]);

	const struct setting of_domain[] = {
		{"credit_weight", &d->credit_weight, 2},
		{"credit_cap", &d->credit_cap, 2},
		{"credit2_weight", &d->credit2_weight, 2},
		{"credit2_cap", &d->credit2_cap, 2},
		{"rtds_period", &d->rtds[0].period, 4},
		{"rtds_budget", &d->rtds[0].budget, 4},
		{"cpupool", &d->cpupool, 4},
		{"vcpus", &d->vcpus, 4},
		{"cpu_time", &d->cpu_time, 8},
		{"cpu_rate", &d->cpu_rate, 4},
		{"blocked", &d->blocked, 4},
		{"waiting", &d->waiting, 4},
		{"uuid", &d->uuid, 4},
		{NULL, NULL, 0},
	};
	const struct setting of_pool[] = {
		{"sched_id", &p->sched_id, 4},
		{"cpus", &p->cpus, 4},
		{"tslice_ms", &p->tslice_ms, 4},
		{"ratelimit_us", &p->ratelimit_us, 4},
		{"migr_delay_us", &p->migr_delay_us, 4},
		{"credit2_ratelimit_us", &p->credit2_ratelimit_us, 4},
		{NULL, NULL, 0},
	};

	if (!pool)
		settle_cpu_time(d);
	for (const struct setting *s = pool ? of_pool : of_domain; s->name; s++) {
		if (argc == 2)
			print_or_set(s, NULL);
		for (int i = 2; i < argc; i++)
			print_or_set(s, argv[i]);
	}
	return 0;
}
