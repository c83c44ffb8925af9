/* SPDX-License-Identifier: MIT */
/* report.c: a window as JSON */
#include "netback/hint/report.h"

#include <errno.h>
#include <fcntl.h>
#include <json-c/json.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static void add_text(struct json_object *out, const char *name, const char *text)
{
	json_object_object_add(out, name, json_object_new_string(text));
}

static void add_number(struct json_object *out, const char *name, uint64_t n)
{
	json_object_object_add(out, name, json_object_new_int64((int64_t)n));
}

/* Four digits are plenty, and keep the file small. */
static void add_real(struct json_object *out, const char *name, double n)
{
	char text[32];

	snprintf(text, sizeof(text), "%.4g", n);
	json_object_object_add(out, name, json_object_new_double_s(n, text));
}

static void add_array(struct json_object *out, const char *name, struct json_object **ret_array)
{
	*ret_array = json_object_new_array();
	json_object_object_add(out, name, *ret_array);
}

static struct json_object *append(struct json_object *array)
{
	struct json_object *element = json_object_new_object();

	json_object_array_add(array, element);
	return element;
}

/* What is not known is not there. */
static void add_figures(struct json_object *out, const struct figures *f)
{
	add_real(out, "cpu", f->cpu);
	add_number(out, "vcpus", f->vcpus);
	if (figures_know(f, FIGURES_VCPUS)) {
		add_real(out, "blocked", f->blocked);
		add_real(out, "waiting", f->waiting);
	}
	if (figures_know(f, FIGURES_TRAFFIC)) {
		add_real(out, "rx_packets", f->rx_packets);
		add_real(out, "tx_packets", f->tx_packets);
		add_real(out, "bytes", f->bytes);
		add_real(out, "gso", f->gso);
		add_real(out, "drops", f->drops);
	}
	if (figures_know(f, FIGURES_SIZES)) {
		add_real(out, "small", f->small);
		add_real(out, "large", f->large);
	}
	if (figures_know(f, FIGURES_STARVED))
		add_real(out, "starved", f->starved);
	if (figures_know(f, FIGURES_KICK)) {
		add_real(out, "kick_p50_us", f->kick_p50);
		add_real(out, "kick_p99_us", f->kick_p99);
	}
	if (figures_know(f, FIGURES_OCCUPANCY))
		add_real(out, "occupancy", f->occupancy);
	if (figures_know(f, FIGURES_NETBACK))
		add_real(out, "netback_cpu", f->netback);
}

static void add_domain(struct json_object *out, const struct host *host, unsigned int i)
{
	const struct law_domain *l = &host->law.domain[i];
	const struct host_domain *d = &host->domain[i];
	struct json_object *figures = json_object_new_object();

	add_number(out, "domid", d->xen.domid);
	add_text(out, "name", d->name);
	add_number(out, "pool", d->xen.pool);
	add_text(out, "scheduler", sched_kind_name(d->xen.kind));
	add_text(out, "class", classify_name(l->class));
	add_number(out, "class_windows", d->classify.since);
	add_text(out, "consent", hint_consent_name(l->consent));
	add_text(out, "reason", law_reason_name(l->reason));
	add_text(out, "text", law_reason_text(l->reason));
	add_number(out, "base", l->base);
	add_number(out, "current", l->current);
	add_number(out, "wanted", l->fixed >= WHY_DOM0 ? l->base : l->weight);
	add_number(out, "changed", d->changed_s);
	add_real(out, "factor", l->factor);
	add_real(out, "share", l->share);
	add_number(out, "active", l->active);
	add_figures(figures, &l->figures);
	json_object_object_add(out, "figures", figures);
}

static void add_params(struct json_object *out, const char *prefix, const struct sched_params *p)
{
	char name[48];

	snprintf(name, sizeof(name), "%s_ratelimit_us", prefix);
	add_number(out, name, p->ratelimit_us);
	snprintf(name, sizeof(name), "%s_tslice_ms", prefix);
	add_number(out, name, p->tslice_ms);
}

static void add_pool(struct json_object *out, const struct host *host, unsigned int i)
{
	const struct law_pool *p = &host->law.pool[i];

	add_number(out, "pool", host->pool_id[i]);
	add_text(out, "scheduler", sched_kind_name(p->kind));
	add_number(out, "cpus", p->cpus);
	add_real(out, "idle", p->idle);
	add_params(out, "base", &p->base);
	add_params(out, "wanted", &p->params);
}

static struct json_object *describe(const struct host *host)
{
	struct json_object *out = json_object_new_object(), *array;
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	add_text(out, "mode", hint_mode_name(host->config.mode));
	add_number(out, "pid", (uint64_t)getpid());
	add_number(out, "time_ms", (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000);
	add_number(out, "interval_ms", host->config.interval_ms);
	add_array(out, "pools", &array);
	for (unsigned int i = 0; i < host->law.nr_pools; i++)
		if (host->law.pool[i].present)
			add_pool(append(array), host, i);
	add_array(out, "domains", &array);
	for (unsigned int i = 0; i < host->law.nr_domains; i++)
		if (host->law.domain[i].present)
			add_domain(append(array), host, i);
	return out;
}

static int make_path(const struct host *host, const char *name, char path[PATH_MAX])
{
	return snprintf(path, PATH_MAX, "%s/%s", host->config.run_dir, name) < PATH_MAX
		       ? 0
		       : -ENAMETOOLONG;
}

static int write_all(const char *path, const char *text)
{
	size_t len = strlen(text), done = 0;
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0640);
	ssize_t n = 0;

	if (fd < 0)
		return -errno;
	while (done < len && (n = write(fd, text + done, len - done)) > 0)
		done += (size_t)n;
	close(fd);
	return done == len ? 0 : n < 0 ? -errno : -EIO;
}

int report_write(const struct host *host)
{
	char path[PATH_MAX], fresh[PATH_MAX];
	struct json_object *out;
	int ret = make_path(host, "hint.json", path);

	if (ret == 0)
		ret = make_path(host, "hint.json.new", fresh);
	if (ret < 0)
		return ret;
	out = describe(host);
	ret = write_all(fresh, json_object_to_json_string_ext(out, JSON_C_TO_STRING_PLAIN));
	json_object_put(out);
	if (ret == 0 && rename(fresh, path) < 0)
		ret = -errno;
	return ret;
}

void report_remove(const struct host *host)
{
	char path[PATH_MAX];

	if (make_path(host, "hint.json", path) == 0)
		unlink(path);
}
