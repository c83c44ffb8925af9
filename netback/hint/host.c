/* SPDX-License-Identifier: MIT */
/* host.c: who is there, what is known of him, and having it done */
#include "netback/hint/host.h"

#include <errno.h>
#include <string.h>
#include <time.h>

#include "netback/common/log.h"
#include "netback/common/util.h"

static struct hint_target target_of(const struct host_domain *d)
{
	struct hint_target t = {.domid = d->xen.domid, .pool = d->xen.pool, .kind = d->xen.kind};

	memcpy(t.uuid, d->xen.uuid, sizeof(t.uuid));
	return t;
}

static struct hint_target pool_target(const struct host *host, unsigned int i)
{
	return (struct hint_target){
		.is_pool = true, .pool = host->pool_id[i], .kind = host->law.pool[i].kind};
}

static bool applies(const struct host *host)
{
	return host->config.mode == HINT_APPLY;
}

/* --- samples ------------------------------------------------------------------------------------------- */

/* Idle ones need none: a vCPU that used nothing was blocked. */
static bool is_candidate(const struct host *host, unsigned int i)
{
	return host->law.domain[i].present && host->domain[i].xen.domid != 0 &&
	       host->law.domain[i].figures.cpu > 0.01;
}

void host_sample(struct host *host)
{
	unsigned int nr = host->law.nr_domains, vcpus = 0;

	for (unsigned int n = 0; n < nr && vcpus < HOST_SAMPLE_VCPUS; n++) {
		unsigned int i = host->next_sample++ % nr;
		struct host_domain *d = &host->domain[i];
		struct sched_vcpus now;

		if (!is_candidate(host, i) || sched_sample(host->sched, &d->xen, &now) < 0)
			continue;
		d->samples.online += now.online;
		d->samples.blocked += now.blocked;
		d->samples.running += now.running;
		vcpus += now.online;
	}
}

/* --- who is there ---------------------------------------------------------------------------------------- */

static int find_pool(const struct host *host, uint32_t id)
{
	for (unsigned int i = 0; i < host->law.nr_pools; i++)
		if (host->law.pool[i].present && host->pool_id[i] == id)
			return (int)i;
	return -1;
}

static int place_pool(struct host *host, const struct sched_pool *p)
{
	struct law *law = &host->law;
	unsigned int i = 0;

	while (i < law->nr_pools && law->pool[i].present)
		i++;
	if (i == SCHED_MAX_POOLS)
		return -1;
	law->nr_pools = max(law->nr_pools, i + 1);
	law->pool[i] = (struct law_pool){.present = true};
	host->pool_id[i] = p->id;
	host->pool_admin_until_ms[i] = 0;
	return (int)i;
}

static int list_pools(struct host *host)
{
	struct sched_pool pools[SCHED_MAX_POOLS];
	bool seen[SCHED_MAX_POOLS] = {0};
	int nr = sched_pools(host->sched, pools, SCHED_MAX_POOLS);

	for (int n = 0; n < nr; n++) {
		int i = find_pool(host, pools[n].id);

		if (i < 0)
			i = place_pool(host, &pools[n]);
		if (i < 0)
			continue;
		seen[i] = true;
		host->law.pool[i].kind = pools[n].kind;
		host->law.pool[i].cpus = pools[n].cpus;
	}
	for (unsigned int i = 0; nr >= 0 && i < host->law.nr_pools; i++)
		host->law.pool[i].present = seen[i];
	return min(nr, 0);
}

static int find_domain(const struct host *host, const struct sched_domain *x)
{
	for (unsigned int i = 0; i < host->law.nr_domains; i++)
		if (host->law.domain[i].present && host->domain[i].xen.domid == x->domid &&
		    memcmp(host->domain[i].xen.uuid, x->uuid, sizeof(x->uuid)) == 0)
			return (int)i;
	return -1;
}

/*
 * One that comes back with our weight gets its own. Until it runs: the toolstack makes a domain with the default weight, and sets
 * the one it has saved when all memory is read, shortly before it lets the domain run. now: as listed now, d->xen: before.
 */
static void welcome(struct host *host, struct host_domain *d, const struct sched_domain *now)
{
	struct hint_target t = target_of(d);

	if (d->xen.domid && !d->welcomed)
		hints_welcome(&host->hints, &t);
	d->welcomed = now->cpu_ns != 0;
}

static int place_domain(struct host *host, const struct sched_domain *x)
{
	struct law *law = &host->law;
	unsigned int i = 0;

	while (i < law->nr_domains && law->domain[i].present)
		i++;
	if (i == SCHED_MAX_DOMAINS)
		return -1;
	law->nr_domains = max(law->nr_domains, i + 1);
	law->domain[i] = (struct law_domain){.present = true};
	host->domain[i] = (struct host_domain){.xen = *x};
	store_name(host->store, x->domid, host->domain[i].name);
	return (int)i;
}

static void farewell(struct host *host, unsigned int i)
{
	struct hint_target t = target_of(&host->domain[i]);

	hints_forget(&host->hints, &t);
	if (host->domain[i].watched)
		store_unwatch(host->store, t.domid);
	host->law.domain[i].present = false;
}

static void look_at_cpu(struct host *host, unsigned int i, const struct sched_domain *x,
			double seconds)
{
	struct host_domain *d = &host->domain[i];
	struct figures *f = &host->law.domain[i].figures;
	const struct sched_vcpus *s = &d->samples;

	*f = (struct figures){.vcpus = x->vcpus};
	if (seconds > 0 && x->cpu_ns >= d->xen.cpu_ns)
		f->cpu = (double)(x->cpu_ns - d->xen.cpu_ns) / 1e9 / seconds;
	if (s->online) {
		f->known |= FIGURES_VCPUS;
		f->blocked = (double)s->blocked / s->online;
		f->waiting = 1 - f->blocked - (double)s->running / s->online;
	}
	d->samples = (struct sched_vcpus){0};
	d->xen = *x;
}

static int list_domains(struct host *host, double seconds)
{
	static struct sched_domain domains[SCHED_MAX_DOMAINS];
	int nr = sched_domains(host->sched, domains, SCHED_MAX_DOMAINS);

	if (nr < 0)
		return nr;
	for (unsigned int i = 0; i < host->law.nr_domains; i++)
		host->domain[i].seen = false;
	for (int n = 0; n < nr; n++) {
		int i = find_domain(host, &domains[n]);

		if (i >= 0)
			host->domain[i].seen = true;
	}
	/* First those that went: one of them may be among those that came, with another number. */
	for (unsigned int i = 0; i < host->law.nr_domains; i++)
		if (host->law.domain[i].present && !host->domain[i].seen)
			farewell(host, i);
	for (int n = 0; n < nr; n++) {
		int i = find_domain(host, &domains[n]);

		if (i < 0)
			i = place_domain(host, &domains[n]);
		if (i < 0)
			continue;
		welcome(host, &host->domain[i], &domains[n]);
		look_at_cpu(host, (unsigned int)i, &domains[n], seconds);
	}
	return 0;
}

/* --- what is known of them ------------------------------------------------------------------------------ */

static void look_at_traffic(struct host *host, unsigned int i, double seconds, uint64_t now_ms)
{
	struct host_domain *d = &host->domain[i];
	struct totals now;
	bool alive = pages_read(&host->pages, d->xen.domid, &now);

	d->has_vif = !alive || now.nr_vifs;
	if (alive)
		d->alive_ms = now_ms;
	if (alive && d->totals.nr_vifs)
		totals_figures(&d->totals, &now, seconds, &host->law.domain[i].figures);
	d->totals = now;
}

static unsigned int consent_of(struct host *host, const struct host_domain *d)
{
	unsigned int consent = host->config.consent;
	char word[STORE_WORD];

	store_hint(host->store, d->xen.domid, word);
	if (*word && !hint_parse_consent(word, &consent))
		consent = 0;
	/* Without a vif there is no traffic to raise it for, and nobody to tell when it ends. */
	if (d->has_vif)
		return consent;
	return consent & ~(unsigned int)LAW_RECIPIENT;
}

static bool has_uuid(const struct host_domain *d)
{
	static const uint8_t none[16];

	return memcmp(d->xen.uuid, none, sizeof(none)) != 0;
}

/* Who is not to be touched, whatever he needs. WHY_CONTENT: nobody of those. */
static enum law_reason fix(struct host *host, const struct host_domain *d, uint64_t now_ms)
{
	if (d->xen.domid == 0)
		return WHY_DOM0;
	if (d->driver)
		return WHY_DRIVER;
	if (d->xen.kind == SCHED_RTDS)
		return WHY_RTDS;
	if (d->xen.kind == SCHED_NONE || find_pool(host, d->xen.pool) < 0)
		return WHY_SCHEDULER;
	if (!has_uuid(d))
		return WHY_REFUSED;
	if (d->xen.leaving || now_ms < d->leaving_until_ms)
		return WHY_LEAVING;
	if (now_ms < d->admin_until_ms)
		return WHY_ADMINISTRATOR;
	if (now_ms - d->alive_ms > HOST_LEASE_MS)
		return WHY_STALE;
	return WHY_CONTENT;
}

static void complain(struct host_domain *d, int error)
{
	if (!d->complained) {
		errno = error;
		warn_perror("domain %u: its weight cannot be read or set", d->xen.domid);
	}
	d->complained = true;
}

/* Somebody else has decided: his value is the base now, and is left alone for a while. */
static void note_admin(struct host_domain *d, uint64_t now_ms)
{
	d->admin_until_ms = now_ms + HOST_ADMIN_MS;
}

/* Nothing is set under RTDS, but there may be something to tell. */
static enum law_reason advise(struct host *host, unsigned int i)
{
	double cpus;

	if (sched_read_rtds(host->sched, &host->domain[i].xen, &cpus) < 0)
		return WHY_RTDS;
	return law_advise(&host->config.law, &host->law.domain[i].figures, cpus);
}

static void look_at_weight(struct host *host, unsigned int i, uint64_t now_ms)
{
	struct law_domain *l = &host->law.domain[i];
	struct host_domain *d = &host->domain[i];
	struct hint_target t = target_of(d);
	uint32_t base[2] = {0}, now[2] = {0};
	int ret = -EOPNOTSUPP;

	if (t.kind == SCHED_CREDIT || t.kind == SCHED_CREDIT2)
		ret = hints_look(&host->hints, &t, base, now);
	l->base = base[0];
	l->current = now[0];
	if (ret == HINTS_CHANGED)
		note_admin(d, now_ms);
	if (ret < 0 && ret != -EOPNOTSUPP && ret != -ESRCH)
		complain(d, -ret);
	l->fixed = fix(host, d, now_ms);
	if (l->fixed == WHY_RTDS)
		l->fixed = advise(host, i);
	if (l->fixed == WHY_CONTENT && ret < 0)
		l->fixed = WHY_REFUSED;
	if (l->fixed == WHY_CONTENT && l->base <= LAW_TINY_WEIGHT)
		l->fixed = WHY_TINY;
}

static void look_at_domain(struct host *host, unsigned int i, double seconds, uint64_t now_ms)
{
	struct law_domain *l = &host->law.domain[i];
	struct host_domain *d = &host->domain[i];
	int pool = find_pool(host, d->xen.pool);

	look_at_traffic(host, i, seconds, now_ms);
	if ((d->watched || now_ms < d->leaving_until_ms) &&
	    store_is_leaving(host->store, d->xen.domid))
		d->leaving_until_ms = now_ms + HOST_LEAVING_MS;
	l->pool = pool < 0 ? 0 : (uint32_t)pool;
	l->consent = consent_of(host, d);
	/* It may become one at any time, which matters only if it could be touched. */
	if (l->consent && d->xen.domid && !d->driver)
		d->driver = store_is_driver(host->store, d->xen.domid);
	l->class = classify_step(&d->classify, &l->figures);
	look_at_weight(host, i, now_ms);
}

static void look_at_pool(struct host *host, unsigned int i, uint64_t now_ms)
{
	struct hint_target t = pool_target(host, i);
	struct law_pool *p = &host->law.pool[i];
	uint32_t base[2], now[2];
	int ret = -EOPNOTSUPP;

	if (t.kind == SCHED_CREDIT || t.kind == SCHED_CREDIT2)
		ret = hints_look(&host->hints, &t, base, now);
	host->pool_known[i] = ret >= 0;
	if (ret < 0)
		return;
	if (ret == HINTS_CHANGED)
		host->pool_admin_until_ms[i] = now_ms + HOST_ADMIN_MS;
	p->base = (struct sched_params){.ratelimit_us = base[0], .tslice_ms = base[1]};
	if (now_ms < host->pool_admin_until_ms[i])
		p->level = 0;
}

/* --- having it done --------------------------------------------------------------------------------------- */

static void set_weight(struct host *host, unsigned int i, uint32_t weight, uint64_t now_ms)
{
	struct law_domain *l = &host->law.domain[i];
	struct host_domain *d = &host->domain[i];
	const uint32_t value[2] = {weight, 0};
	struct hint_target t = target_of(d);
	struct timespec now;
	int ret;

	if (!d->watched && l->fixed == WHY_CONTENT) {
		store_watch(host->store, t.domid);
		d->watched = true;
		if (store_is_leaving(host->store, t.domid))
			return; /* the next window sees it */
	}
	ret = hints_set(&host->hints, &t, value);
	if (ret == HINTS_CHANGED)
		note_admin(d, now_ms);
	else if (ret < 0)
		complain(d, -ret);
	if (ret != HINTS_OK)
		return;
	clock_gettime(CLOCK_REALTIME, &now);
	d->changed_s = (uint64_t)now.tv_sec;
	info("domain %u (%s): weight %u -> %u: %s", t.domid, d->name, l->current, weight,
	     law_reason_text(l->reason));
	l->current = weight;
}

static void drop_fixed(struct host *host, unsigned int i, uint64_t now_ms)
{
	struct law_domain *l = &host->law.domain[i];

	if (l->fixed >= WHY_DOM0 && l->base && l->current != l->base)
		set_weight(host, i, l->base, now_ms);
}

static void set_pool(struct host *host, unsigned int i, uint64_t now_ms)
{
	struct law_pool *p = &host->law.pool[i];
	struct hint_target t = pool_target(host, i);
	uint32_t value[2] = {p->params.ratelimit_us, p->params.tslice_ms}, base[2], now[2];
	int ret;

	if (!host->pool_known[i] || now_ms < host->pool_admin_until_ms[i])
		return;
	ret = hints_look(&host->hints, &t, base, now);
	if (ret == HINTS_OK && now[0] == value[0] && now[1] == value[1])
		return;
	if (ret == HINTS_OK)
		ret = hints_set(&host->hints, &t, value);
	if (ret == HINTS_CHANGED)
		host->pool_admin_until_ms[i] = now_ms + HOST_ADMIN_MS;
	if (ret == HINTS_OK)
		info("pool %u: rate limit %u -> %u us, time slice %u -> %u ms", t.pool, now[0],
		     value[0], now[1], value[1]);
}

static void act(struct host *host, uint64_t now_ms)
{
	static unsigned int due[SCHED_MAX_DOMAINS];
	unsigned int nr;

	for (unsigned int i = 0; i < host->law.nr_domains; i++)
		if (host->law.domain[i].present)
			drop_fixed(host, i, now_ms);
	nr = law_writes(&host->law, now_ms, due, SCHED_MAX_DOMAINS);
	for (unsigned int n = 0; n < nr; n++)
		set_weight(host, due[n], host->law.domain[due[n]].weight, now_ms);
	for (unsigned int i = 0; i < host->law.nr_pools; i++)
		if (host->law.pool[i].present)
			set_pool(host, i, now_ms);
}

/* Say what would be done; a change of that only. */
static void observe(struct host *host)
{
	for (unsigned int i = 0; i < host->law.nr_domains; i++) {
		struct law_domain *l = &host->law.domain[i];
		struct host_domain *d = &host->domain[i];
		uint32_t told = d->told ? d->told : l->base;

		if (!l->present || l->fixed >= WHY_DOM0 || l->weight == told)
			continue;
		info("domain %u (%s): weight would go %u -> %u: %s", d->xen.domid, d->name, told,
		     l->weight, law_reason_text(l->reason));
		d->told = l->weight;
	}
}

int host_window(struct host *host, uint64_t now_ms)
{
	double seconds = host->window_ms ? (double)(now_ms - host->window_ms) / 1e3 : 0;
	int ret = list_pools(host);

	if (ret == 0)
		ret = list_domains(host, seconds);
	if (ret < 0)
		return ret;
	pages_scan(&host->pages);
	for (unsigned int i = 0; i < host->law.nr_domains; i++)
		if (host->law.domain[i].present)
			look_at_domain(host, i, seconds, now_ms);
	for (unsigned int i = 0; i < host->law.nr_pools; i++)
		if (host->law.pool[i].present)
			look_at_pool(host, i, now_ms);
	host->law.config = host->config.law;
	host->window_ms = now_ms;
	if (seconds > 0) {
		law_step(&host->law);
		if (applies(host))
			act(host, now_ms);
		else
			observe(host);
	}
	return 0;
}

static void note_event(struct host *host, uint32_t domid, bool asked)
{
	for (unsigned int i = 0; i < host->law.nr_domains; i++) {
		struct host_domain *d = &host->domain[i];

		if (!host->law.domain[i].present || d->xen.domid != domid)
			continue;
		d->stirred = true;
		d->asked |= asked;
	}
}

static void look_at_stirred(struct host *host, unsigned int i, uint64_t now_ms)
{
	struct host_domain *d = &host->domain[i];
	bool leaving = d->asked || store_is_leaving(host->store, d->xen.domid);

	d->stirred = d->asked = false;
	if (!leaving)
		return;
	d->leaving_until_ms = now_ms + HOST_LEAVING_MS;
	host->law.domain[i].fixed = WHY_LEAVING;
	host->law.domain[i].reason = WHY_LEAVING;
	if (applies(host))
		drop_fixed(host, i, now_ms);
}

/*
 * A guest may cause events without end, by writing below its control/shutdown: so taking one asks xenstored nothing,
 * and a domain is looked at once however many there were.
 */
void host_events(struct host *host, uint64_t now_ms)
{
	uint32_t domid;
	bool asked;

	for (unsigned int n = 0; n < HOST_EVENTS && store_event(host->store, &domid, &asked); n++)
		note_event(host, domid, asked);
	for (unsigned int i = 0; i < host->law.nr_domains; i++)
		if (host->law.domain[i].present && host->domain[i].stirred)
			look_at_stirred(host, i, now_ms);
}
