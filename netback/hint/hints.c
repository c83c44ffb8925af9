/* SPDX-License-Identifier: MIT */
/* hints.c: look, note, write, look again */
#include "netback/hint/hints.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "netback/common/log.h"

/* "domain 3" */
static const char *name(const struct hint_target *t)
{
	static char text[32];

	snprintf(text, sizeof(text), "%s %u", t->is_pool ? "pool" : "domain",
		 t->is_pool ? t->pool : t->domid);
	return text;
}

static bool same(const uint32_t a[2], const uint32_t b[2])
{
	return a[0] == b[0] && a[1] == b[1];
}

static struct hint_target target_of(const struct journal_entry *e)
{
	struct hint_target t = {.is_pool = journal_is_pool(e),
				.domid = e->domid,
				.pool = e->pool,
				.kind = (enum sched_kind)e->kind};

	memcpy(t.uuid, e->uuid, sizeof(t.uuid));
	return t;
}

/* In the journal no UUID means a pool: a domain without one, as dom0, is only looked at. */
static bool can_be_noted(const struct hint_target *t)
{
	static const uint8_t none[16];

	return t->is_pool == (memcmp(t->uuid, none, sizeof(none)) == 0);
}

/* --- values -------------------------------------------------------------------------------------------- */

static int read_value(struct hints *h, const struct hint_target *t, uint32_t value[2])
{
	struct sched_params params = {0};
	struct sched_weight weight = {0};
	int ret;

	if (t->is_pool) {
		ret = sched_read_params(h->sched, t->pool, t->kind, &params);
		value[0] = params.ratelimit_us;
		value[1] = params.tslice_ms;
		return ret;
	}
	ret = sched_read(h->sched, t->domid, t->kind, &weight);
	value[0] = weight.weight;
	value[1] = 0;
	return ret;
}

static int write_value(struct hints *h, const struct hint_target *t, const uint32_t value[2])
{
	const struct sched_params params = {.ratelimit_us = value[0], .tslice_ms = value[1]};

	return t->is_pool ? sched_write_params(h->sched, t->pool, t->kind, &params)
			  : sched_write(h->sched, t->domid, t->kind, value[0]);
}

/* --- entries ------------------------------------------------------------------------------------------- */

/* UINT32_MAX: whatever the domain's number. */
static struct journal_entry *find(struct hints *h, const struct hint_target *t, uint32_t domid)
{
	return can_be_noted(t) ? journal_find(&h->journal, t->uuid, domid, t->pool) : NULL;
}

static struct journal_entry *find_open(struct hints *h, const struct hint_target *t)
{
	struct journal_entry *e = find(h, t, t->domid);

	return e && e->state == JOURNAL_OPEN ? e : NULL;
}

/* The target's entry, ready for a change from base. */
static struct journal_entry *begin(struct hints *h, const struct hint_target *t,
				   const uint32_t base[2])
{
	struct journal_entry *e = find(h, t, t->domid);

	if (e && e->state == JOURNAL_OPEN)
		return e;
	if (!e)
		e = find(h, t, UINT32_MAX);
	/* While it migrates to its own host a domain is there twice. */
	if (e && e->state == JOURNAL_OPEN)
		e = NULL;
	if (!e)
		e = journal_make(&h->journal);
	if (!e)
		return NULL;
	/* What it wrote for another base would be misread as ours if it came back. */
	if (!same(e->base, base))
		memset(e->wrote, 0, sizeof(e->wrote));
	memcpy(e->uuid, t->uuid, sizeof(e->uuid));
	memcpy(e->base, base, sizeof(e->base));
	e->domid = t->domid;
	e->pool = t->pool;
	e->kind = (uint16_t)t->kind;
	e->state = JOURNAL_OPEN;
	journal_note(e, base[0], base[1]);
	return e;
}

static void end(struct hints *h, struct journal_entry *e)
{
	e->state = JOURNAL_PAST;
	if (journal_write(&h->journal, e) < 0)
		err_perror("hint.journal: cannot be written");
}

int hints_open(struct hints *h, struct sched *sched, const char *run_dir)
{
	h->sched = sched;
	return journal_open(&h->journal, run_dir);
}

void hints_close(struct hints *h)
{
	journal_close(&h->journal);
}

/* --- changes ------------------------------------------------------------------------------------------- */

int hints_look(struct hints *h, const struct hint_target *t, uint32_t base[2], uint32_t now[2])
{
	struct journal_entry *e = find_open(h, t);
	int ret = read_value(h, t, now);

	memcpy(base, now, 2 * sizeof(*base));
	if (ret < 0 || !e)
		return ret < 0 ? ret : HINTS_OK;
	/* A domain that is moved to another pool starts there with Xen's default. */
	if (e->pool == t->pool && same(now, e->wrote[0])) {
		memcpy(base, e->base, sizeof(e->base));
		return HINTS_OK;
	}
	info("%s: %u is not what we wrote (%u): somebody has decided otherwise", name(t), now[0],
	     e->wrote[0][0]);
	if (e->pool == t->pool) /* and it is what a saved one gets back */
		memcpy(e->base, now, sizeof(e->base));
	end(h, e);
	return HINTS_CHANGED;
}

/* The note was too early, or wrong: Xen has what it had before. */
static int take_back(struct journal_entry *e, const uint32_t before[2], int ret)
{
	journal_note(e, before[0], before[1]);
	return ret;
}

int hints_set(struct hints *h, const struct hint_target *t, const uint32_t value[2])
{
	uint32_t base[2], before[2], now[2];
	struct journal_entry *e;
	int ret = hints_look(h, t, base, before);

	if (ret != HINTS_OK || same(before, value))
		return ret;
	if (!can_be_noted(t))
		return -EINVAL;
	e = begin(h, t, base);
	if (!e)
		return -ENOSPC;
	journal_note(e, value[0], value[1]);
	ret = journal_write(&h->journal, e);
	/* The base needs no note on disk: whoever comes after us finds it in Xen. */
	if (ret < 0 && !same(value, e->base))
		return take_back(e, before, ret);

	ret = write_value(h, t, value);
	if (ret < 0)
		return take_back(e, before, ret);
	ret = read_value(h, t, now);
	if (ret < 0)
		return ret; /* Xen has taken it: the note is right, and the next look compares */
	if (same(value, e->base))
		end(h, e);
	return same(now, value) ? HINTS_OK : HINTS_CHANGED;
}

int hints_drop(struct hints *h, const struct hint_target *t)
{
	const struct journal_entry *e = find_open(h, t);
	uint32_t base[2], now[2];
	int ret;

	if (!e)
		return HINTS_OK;
	ret = hints_look(h, t, base, now);
	if (ret != HINTS_OK)
		return ret;
	ret = hints_set(h, t, base);
	if (ret == HINTS_OK && e->state == JOURNAL_OPEN) /* it had the base already */
		end(h, (struct journal_entry *)e);
	return ret;
}

void hints_forget(struct hints *h, const struct hint_target *t)
{
	struct journal_entry *e = find_open(h, t);

	if (e)
		end(h, e);
}

unsigned int hints_drop_all(struct hints *h)
{
	unsigned int failed = 0;

	for (unsigned int i = 0; i < JOURNAL_MAX; i++) {
		struct journal_entry *e = &h->journal.entry[i];
		struct hint_target t = target_of(e);
		int ret;

		if (e->state != JOURNAL_OPEN)
			continue;
		ret = hints_drop(h, &t);
		if (ret == -ESRCH ||
		    ret == -EINVAL) { /* gone, or its pool has another scheduler now */
			end(h, e);
		} else if (ret < 0) {
			errno = -ret;
			err_perror("%s: %u cannot be put back", name(&t), e->base[0]);
			failed++;
		}
	}
	return failed;
}

/* --- what others left ----------------------------------------------------------------------------------- */

static const struct sched_domain *find_domain(const struct sched_domain *d, int nr,
					      const struct journal_entry *e)
{
	for (int i = 0; i < nr; i++)
		if (d[i].domid == e->domid && memcmp(d[i].uuid, e->uuid, sizeof(e->uuid)) == 0)
			return &d[i];
	return NULL;
}

/* Put back the base if Xen has one of the two values that the dead one may have left. */
static int recover_one(struct hints *h, struct journal_entry *e)
{
	struct hint_target t = target_of(e);
	uint32_t now[2];
	int ret = read_value(h, &t, now);

	if (ret < 0 || same(now, e->base))
		return ret;
	if (!same(now, e->wrote[0]) && !same(now, e->wrote[1])) {
		info("%s: %u was set by somebody else meanwhile, and stays", name(&t), now[0]);
		memcpy(e->base, now, sizeof(e->base));
		return 0;
	}
	ret = write_value(h, &t, e->base);
	if (ret < 0)
		return ret;
	info("%s: %u put back, which an earlier netback-hintd had made %u", name(&t), e->base[0],
	     now[0]);
	return 1;
}

int hints_welcome(struct hints *h, const struct hint_target *t)
{
	struct journal_entry *e = find(h, t, UINT32_MAX);
	uint32_t now[2];
	int ret;

	/* With its old number it is one that never went away. */
	if (!e || e->domid == t->domid)
		return 0;
	ret = read_value(h, t, now);
	if (ret < 0 || same(now, e->base))
		return ret;
	for (unsigned int i = 0; i < JOURNAL_WROTE; i++) {
		if (!now[0] || !same(now, e->wrote[i]))
			continue;
		info("%s: it was saved or migrated with our weight %u: %u put back", name(t),
		     now[0], e->base[0]);
		ret = write_value(h, t, e->base);
		if (ret < 0 || e->state == JOURNAL_OPEN) /* its first self is still there */
			return ret < 0 ? ret : 1;
		e->domid = t->domid;
		e->pool = t->pool;
		e->kind = (uint16_t)t->kind;
		ret = journal_write(&h->journal, e);
		return ret < 0 ? ret : 1;
	}
	return 0;
}

int hints_recover(struct hints *h)
{
	static struct sched_domain domains[SCHED_MAX_DOMAINS];
	int nr = sched_domains(h->sched, domains, SCHED_MAX_DOMAINS), restored = 0;

	if (nr < 0)
		return nr;
	for (unsigned int i = 0; i < JOURNAL_MAX; i++) {
		struct journal_entry *e = &h->journal.entry[i];
		const struct sched_domain *d;
		int ret = 0;

		if (e->state != JOURNAL_OPEN)
			continue;
		d = find_domain(domains, nr, e);
		if (journal_is_pool(e) || (d && d->pool == e->pool))
			ret = recover_one(h, e);
		if (ret < 0 && ret != -ESRCH && ret != -EINVAL)
			return ret;
		restored += ret > 0;
		end(h, e);
	}
	for (int i = 0; i < nr; i++) {
		struct hint_target t = {.domid = domains[i].domid,
					.pool = domains[i].pool,
					.kind = domains[i].kind};

		memcpy(t.uuid, domains[i].uuid, sizeof(t.uuid));
		restored += hints_welcome(h, &t) > 0;
	}
	return restored;
}
