/* SPDX-License-Identifier: MIT */
/* script.c: commands of netback-sim */
#include "test/sim/script.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "netback/common/log.h"
#include "netback/common/util.h"
#include "test/sim/args.h"
#include "test/sim/guest.h"
#include "test/sim/hint.h"
#include "test/sim/host.h"
#include "test/sim/load.h"
#include "test/sim/netback.h"
#include "test/sim/report.h"
#include "test/sim/scheduler.h"

struct world {
	struct host host;
	struct hint hint;
	struct netback netback;
	bool has_netback, has_header;
	uint64_t seed;
	char label[64];
	FILE *out;
};

static void *allocate(size_t size)
{
	void *memory = calloc(1, size);

	if (!memory)
		die("no memory");
	return memory;
}

/* --- what a line names --- */

static struct pool *pool_named(struct world *world, struct args *args, double number)
{
	if (number >= world->host.nr_pools || number != (unsigned int)number)
		args_fail(args, "no such pool", args_word(args, 0));
	return &world->host.pool[(unsigned int)number];
}

static struct domain *domain_named(struct world *world, const struct args *args, const char *name)
{
	struct domain *dom = host_domain(&world->host, name);

	if (!dom)
		args_fail(args, "no such domain", name);
	return dom;
}

static struct guest *guest_named(struct world *world, const struct args *args, const char *name)
{
	struct domain *dom = domain_named(world, args, name);

	if (dom->ops != &guest_ops)
		args_fail(args, "not a guest", name);
	return dom->guest;
}

static unsigned int number_word(const struct args *args, unsigned int i)
{
	const char *word = args_word(args, i);
	char *end;
	unsigned long number = strtoul(word, &end, 10);

	if (end == word || *end || number > UINT16_MAX)
		args_fail(args, "not a number", word);
	return (unsigned int)number;
}

/* --- the host --- */

static void tune(struct pool *pool, struct args *args)
{
	unsigned int ratelimit_us, tslice_ms;

	pool->ops->tuned(pool, &ratelimit_us, &tslice_ms);
	ratelimit_us = (unsigned int)args_number(args, "ratelimit", ratelimit_us);
	tslice_ms = (unsigned int)args_number(args, "tslice", tslice_ms);
	if (pool->ops->tune(pool, ratelimit_us, tslice_ms))
		args_fail(args, "refused by the scheduler", pool->ops->name);
}

static void do_pool(struct world *world, struct args *args)
{
	const char *name = args_word(args, 1);
	const struct scheduler *ops = !strcmp(name, "credit")	 ? &scheduler_credit
				      : !strcmp(name, "credit2") ? &scheduler_credit2
								 : NULL;
	struct pool *pool;

	if (!ops)
		args_fail(args, "no such scheduler", name);
	pool = host_add_pool(&world->host, ops, (unsigned int)args_number(args, "pcpus", 1));
	if (!pool)
		args_fail(args, "too many pCPUs for", name);
	tune(pool, args);
}

static void do_tune(struct world *world, struct args *args)
{
	tune(pool_named(world, args, number_word(args, 1)), args);
}

static void do_cost(struct world *world, struct args *args)
{
	world->host.switch_ns = (int64_t)(args_number(args, "switch", 2) * SIM_US);
	world->host.ipi_ns = (int64_t)(args_number(args, "ipi", 1) * SIM_US);
}

static void set_weight(struct domain *dom, struct args *args, unsigned int weight, unsigned int cap)
{
	if (domain_set(dom, weight, cap))
		args_fail(args, "weight or cap refused for", dom->name);
}

static void do_dom0(struct world *world, struct args *args)
{
	struct netback *netback = &world->netback;
	struct domain *dom;

	if (world->has_netback)
		args_fail(args, "there is one already", "dom0");
	dom = domain_new(pool_named(world, args, args_number(args, "pool", 0)), "dom0",
			 &netback_ops, netback);
	netback->dom = dom;
	netback->round_ns = (int64_t)(args_number(args, "round", 8) * SIM_US);
	netback->rx_ns = (int64_t)(args_number(args, "rx", 6) * SIM_US);
	netback->tx_ns = (int64_t)(args_number(args, "tx", 6) * SIM_US);
	netback->hog = args_number(args, "hog", 0) > 0;
	netback->deliver = load_deliver;
	world->has_netback = true;
	domain_plug(dom, (unsigned int)args_number(args, "vcpus", 1));
	set_weight(dom, args, (unsigned int)args_number(args, "weight", SCHEDULER_WEIGHT), 0);
}

/* --- guests --- */

static unsigned int consent(struct args *args, unsigned int before)
{
	static const struct {
		const char *name;
		unsigned int consent;
	} words[] = {
		{"off", 0},
		{"donor", LAW_DONOR},
		{"recipient", LAW_RECIPIENT},
		{"both", LAW_DONOR | LAW_RECIPIENT},
	};
	const char *name = args_string(args, "hint", NULL);
	unsigned int i;

	if (!name)
		return before;
	for (i = 0; i < ARRAY_SIZE(words); i++) {
		if (!strcmp(words[i].name, name))
			return words[i].consent;
	}
	args_fail(args, "no such consent", name);
}

static void set_guest(struct world *world, struct guest *guest, struct args *args)
{
	const char *peer = args_string(args, "peer", NULL);
	double junk = args_number(args, "junk", -1);

	guest->cost_ns =
		(int64_t)(args_number(args, "cost", (double)guest->cost_ns / SIM_US) * SIM_US);
	guest->irq_ns =
		(int64_t)(args_number(args, "irq", (double)guest->irq_ns / SIM_US) * SIM_US);
	guest->hog = args_number(args, "hog", guest->hog) > 0;
	if (junk >= 0)
		guest->junk_ns = junk > 0 ? (int64_t)((double)SIM_S / junk) : 0;
	if (peer)
		guest->peer = guest_named(world, args, peer);
	guest->consent = consent(args, guest->consent);
}

static void do_guest(struct world *world, struct args *args)
{
	const char *name = args_word(args, 1);
	struct domain *dom = host_domain(&world->host, name);
	struct guest *guest = allocate(sizeof(*guest));

	if (dom)
		args_fail(args, "there is one already", name);
	dom = domain_new(pool_named(world, args, args_number(args, "pool", 0)), name, &guest_ops,
			 guest);
	guest->dom = dom;
	guest->cost_ns = 50 * SIM_US;
	guest->irq_ns = 5 * SIM_US;
	if (args_number(args, "vif", 1) > 0 && world->has_netback) {
		guest->netback = &world->netback;
		netback_add(guest->netback, &guest->vif, guest);
	}
	set_guest(world, guest, args);
	domain_plug(dom, (unsigned int)args_number(args, "vcpus", 1));
	set_weight(dom, args, (unsigned int)args_number(args, "weight", SCHEDULER_WEIGHT),
		   (unsigned int)args_number(args, "cap", 0));
}

static void do_set(struct world *world, struct args *args)
{
	struct guest *guest = guest_named(world, args, args_word(args, 1));
	unsigned int i;

	set_guest(world, guest, args);
	for (i = 0; i < guest->dom->nr_vcpus; i++)
		vcpu_kick(guest->dom->vcpu[i]); /* it may have become a hog */
}

static void do_weight(struct world *world, struct args *args)
{
	struct domain *dom = domain_named(world, args, args_word(args, 1));

	set_weight(dom, args, number_word(args, 2),
		   (unsigned int)args_number(args, "cap", dom->cap));
}

static void do_vcpus(struct world *world, struct args *args)
{
	unsigned int nr = number_word(args, 2);

	if (!nr || nr > HOST_VCPUS)
		args_fail(args, "not so many vCPUs", args_word(args, 2));
	domain_plug(domain_named(world, args, args_word(args, 1)), nr);
}

static void do_move(struct world *world, struct args *args)
{
	domain_move(domain_named(world, args, args_word(args, 1)),
		    pool_named(world, args, number_word(args, 2)));
}

static void destroy(struct world *world, struct guest *guest)
{
	if (guest->load) {
		load_stop(guest->load);
		free(guest->load);
	}
	if (guest->netback)
		netback_remove(&world->netback, &guest->vif);
	domain_free(guest->dom);
	free(guest);
}

static void do_destroy(struct world *world, struct args *args)
{
	destroy(world, guest_named(world, args, args_word(args, 1)));
}

static void do_load(struct world *world, struct args *args)
{
	struct guest *guest = guest_named(world, args, args_word(args, 1));
	struct load *load = guest->load;

	if (!guest->netback)
		args_fail(args, "has no vif", guest->dom->name);
	if (!load) {
		load = guest->load = allocate(sizeof(*load));
		load->clock = &world->host.clock;
		load->guest = guest;
		load->random.state = world->seed + guest->dom->domid;
		load->size = 64;
		load->wire_ns = 50 * SIM_US;
	}
	load->pps = args_number(args, "pps", load->pps);
	load->burst = (unsigned int)args_number(args, "burst", load->burst);
	load->size = (unsigned int)args_number(args, "size", load->size);
	load->on_ns = (int64_t)(args_number(args, "on", (double)load->on_ns / SIM_MS) * SIM_MS);
	load->off_ns = (int64_t)(args_number(args, "off", (double)load->off_ns / SIM_MS) * SIM_MS);
	load->nr_clients = (unsigned int)args_number(args, "clients", load->nr_clients);
	load->think_ns =
		(int64_t)(args_number(args, "think", (double)load->think_ns / SIM_US) * SIM_US);
	load->wire_ns =
		(int64_t)(args_number(args, "wire", (double)load->wire_ns / SIM_US) * SIM_US);
	if (load->nr_clients > LOAD_CLIENTS)
		args_fail(args, "too many clients", guest->dom->name);
	load_start(load);
}

/* --- the hint --- */

static void do_hint(struct world *world, struct args *args)
{
	static const char *const modes[] = {"off", "observe", "apply"};
	struct law_config *config = &world->hint.law.config;
	unsigned int i, mode;

	config->beta = args_number(args, "beta", config->beta);
	config->rho = args_number(args, "rho", config->rho);
	config->f_max = args_number(args, "fmax", config->f_max);
	config->target_us = args_number(args, "target", config->target_us);
	config->packet_us = args_number(args, "packet", config->packet_us);
	config->pool_tuning = args_number(args, "tuning", config->pool_tuning) > 0;
	config->ratelimit_off = args_number(args, "ratelimit_off", config->ratelimit_off) > 0;
	for (i = 1; i < args->nr_words; i++) {
		for (mode = 0; mode < ARRAY_SIZE(modes); mode++) {
			if (!strcmp(modes[mode], args->word[i]))
				break;
		}
		if (mode < ARRAY_SIZE(modes))
			hint_mode(&world->hint, mode);
		else if (!strcmp(args->word[i], "kill"))
			hint_kill(&world->hint);
		else if (!strcmp(args->word[i], "start"))
			hint_start(&world->hint);
		else
			args_fail(args, "no such mode", args->word[i]);
	}
}

static void do_trace(struct world *world, struct args *args)
{
	const char *name = args_word(args, 1);

	if (world->hint.trace)
		fclose(world->hint.trace);
	world->hint.trace = fopen(name, "w");
	if (!world->hint.trace)
		die_perror("%s", name);
	fputs("time\tdomain\tclass\treason\tbase\tweight\tshare\tcpu\tpackets\tdrop\tstarved\tkick99\t"
	      "ratelimit\ttslice\n",
	      world->hint.trace);
}

/* --- time and results --- */

static void do_seed(struct world *world, struct args *args)
{
	world->seed = 1000ull * number_word(args, 1);
}

static void do_run(struct world *world, struct args *args)
{
	const char *word = args_word(args, 1);
	char *end;
	double seconds = strtod(word, &end);

	if (end == word || *end || !(seconds >= 0 && seconds < 1e6))
		args_fail(args, "not a time", word);
	clock_run(&world->host.clock, world->host.clock.now + (int64_t)(seconds * SIM_S));
	host_count(&world->host);
}

static void do_reset(struct world *world, struct args *args)
{
	(void)args;
	report_begin(&world->host, &world->hint);
}

static void do_label(struct world *world, struct args *args)
{
	snprintf(world->label, sizeof(world->label), "%s", args_word(args, 1));
}

static void do_report(struct world *world, struct args *args)
{
	struct domain *dom;
	unsigned int i;

	if (!world->has_header)
		report_header(world->out);
	world->has_header = true;
	for (i = 1; i < args->nr_words; i++)
		report_domain(world->out, world->label, domain_named(world, args, args->word[i]),
			      &world->hint);
	if (i > 1)
		return;
	LIST_FOREACH (dom, &world->host.domains, link)
		report_domain(world->out, world->label, dom, &world->hint);
}

static const struct {
	const char *name;
	void (*run)(struct world *world, struct args *args);
} commands[] = {
	{"pool", do_pool},   {"tune", do_tune},	    {"cost", do_cost}, {"dom0", do_dom0},
	{"guest", do_guest}, {"set", do_set},	    {"load", do_load}, {"weight", do_weight},
	{"vcpus", do_vcpus}, {"move", do_move},	    {"hint", do_hint}, {"destroy", do_destroy},
	{"trace", do_trace}, {"seed", do_seed},	    {"run", do_run},   {"reset", do_reset},
	{"label", do_label}, {"report", do_report},
};

static void run_line(struct world *world, struct args *args)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(commands); i++) {
		if (strcmp(commands[i].name, args->word[0]))
			continue;
		commands[i].run(world, args);
		args_end(args);
		return;
	}
	args_fail(args, "no such command", args->word[0]);
}

static void end(struct world *world)
{
	struct domain *dom, *after;

	hint_kill(&world->hint);
	for (dom = LIST_FIRST(&world->host.domains); dom; dom = after) {
		after = LIST_NEXT(dom, link);
		if (dom->ops == &guest_ops)
			destroy(world, dom->guest);
	}
	host_free(&world->host);
	if (world->hint.trace)
		fclose(world->hint.trace);
}

int script_run(FILE *in, const char *name, FILE *out)
{
	struct world *world = allocate(sizeof(*world));
	struct args args = {.file = name};
	char *line = NULL;
	size_t size = 0;
	int status;

	world->out = out;
	world->seed = 1000;
	snprintf(world->label, sizeof(world->label), "-");
	host_init(&world->host);
	hint_init(&world->hint, &world->host);
	while (getline(&line, &size, in) >= 0) {
		args.line++;
		args_parse(&args, line);
		if (args.nr_words)
			run_line(world, &args);
		else if (args.nr_settings)
			args_fail(&args, "no such command", args.key[0]);
	}
	free(line);
	end(world);
	free(world);
	status = fflush(out) || ferror(out) ? -1 : 0;
	return status;
}
