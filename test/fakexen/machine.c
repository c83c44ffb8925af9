/* SPDX-License-Identifier: MIT */
/* Make, map and enter a fake machine; who is alive; faults. */
#include "machine.h"

#include <errno.h>
#include <fcntl.h>
#include <semaphore.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum {
	MAGIC = 0x6e65786b,
	LIFE_STACK = 256 << 10
};

struct machine_view machine_view = {.mem_fd = -1, .proc = MACHINE_NONE};

static pthread_mutex_t attach_lock = PTHREAD_MUTEX_INITIALIZER;

static const size_t grants_size =
	(size_t)MACHINE_DOMAINS * MACHINE_GREFS * sizeof(grant_entry_v1_t);
static const size_t mem_size = (size_t)MACHINE_DOMAINS * MACHINE_FRAMES * MACHINE_PAGE;

static void init_robust(pthread_mutex_t *mutex)
{
	pthread_mutexattr_t attr;

	pthread_mutexattr_init(&attr);
	pthread_mutexattr_setpshared(&attr, PTHREAD_PROCESS_SHARED);
	pthread_mutexattr_setrobust(&attr, PTHREAD_MUTEX_ROBUST);
	pthread_mutex_init(mutex, &attr);
	pthread_mutexattr_destroy(&attr);
}

void machine_lock(void)
{
	struct machine *m = machine_view.m;

	if (pthread_mutex_lock(&m->lock) != EOWNERDEAD)
		return;

	/* The holder was killed half way: make links and counts agree again. */
	grant_repair();
	port_repair();
	pthread_mutex_consistent(&m->lock);
}

void machine_unlock(void)
{
	pthread_mutex_unlock(&machine_view.m->lock);
}

/* Start time of a live process in clock ticks: tells it from a later one with its id. */
static uint64_t start_time(pid_t pid)
{
	char path[32], buf[1024], *p, state;
	unsigned long long start = 0;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	f = fopen(path, "re");
	if (!f)
		return 0;
	p = fgets(buf, sizeof(buf), f) ? strrchr(buf, ')') : NULL;
	if (!p ||
	    sscanf(p, ") %c%*d%*d%*d%*d%*d%*u%*u%*u%*u%*u%*u%*u%*d%*d%*d%*d%*d%*d%llu", &state,
		   &start) != 2 ||
	    state == 'Z' || state == 'X')
		start = 0;
	fclose(f);
	return start;
}

static int map_file(int dir, const char *name, size_t size, bool create, void **map, int *keep)
{
	int fd = openat(dir, name, O_RDWR | O_CLOEXEC | (create ? O_CREAT | O_EXCL : 0), 0666);
	struct stat st;
	int rc = 0;

	if (fd < 0)
		return -errno;
	/* Processes of the machine may run as different users, whatever the umask. */
	if (create && (fchmod(fd, 0666) || ftruncate(fd, size)))
		rc = -errno;
	if (!rc && (fstat(fd, &st) || (size_t)st.st_size != size))
		rc = -EPROTO;
	if (!rc) {
		*map = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_NORESERVE, fd, 0);
		if (*map == MAP_FAILED)
			rc = -errno;
		else
			madvise(*map, size, MADV_DONTDUMP);
	}
	if (rc || !keep)
		close(fd);
	else
		*keep = fd;
	return rc;
}

static int map_machine(const char *path, bool create)
{
	struct machine_view *v = &machine_view;
	void *m, *grants, *mem;
	int dir, rc;

	dir = open(path, O_DIRECTORY | O_RDONLY | O_CLOEXEC);
	if (dir < 0)
		return -errno;
	rc = map_file(dir, "machine", sizeof(struct machine), create, &m, NULL);
	if (rc)
		goto err_dir;
	rc = map_file(dir, "grants", grants_size, create, &grants, NULL);
	if (rc)
		goto err_machine;
	rc = map_file(dir, "mem", mem_size, create, &mem, &v->mem_fd);
	if (rc)
		goto err_grants;
	close(dir);
	v->m = m;
	v->grants = grants;
	v->mem = mem;
	return 0;

err_grants:
	munmap(grants, grants_size);
err_machine:
	munmap(m, sizeof(struct machine));
err_dir:
	close(dir);
	return rc;
}

int machine_create(const char *dir)
{
	struct machine *m;
	uint32_t i;
	int rc;

	rc = map_machine(dir, true);
	if (rc)
		return rc;

	m = machine_view.m;
	init_robust(&m->lock);
	m->version = MACHINE_VERSION;
	m->nr_cpus = 2;
	m->gntalloc_limit = MACHINE_GREFS - GNTTAB_NR_RESERVED_ENTRIES;
	for (i = 0; i < MACHINE_CHANNELS; i++)
		m->channels[i].proc = MACHINE_NONE;
	for (i = 0; i < MACHINE_MAPTRACK; i++)
		m->maptrack[i].proc = MACHINE_NONE;
	m->pools[0] = (struct machine_pool){
		.used = 1,
		.sched_id = 6 /* XEN_SCHEDULER_CREDIT2 */,
		.cpus = 2,
		.tslice_ms = 30,
		.ratelimit_us = 1000,
		.credit2_ratelimit_us = 1000,
	};
	rc = machine_add_domain(0);
	atomic_thread_fence(memory_order_release);
	m->magic = MAGIC;
	return rc;
}

int machine_open(const char *dir)
{
	int rc;

	if (machine_view.m)
		return 0;
	rc = map_machine(dir, false);
	if (rc)
		return rc;
	if (machine_view.m->magic != MAGIC || machine_view.m->version != MACHINE_VERSION)
		return -EPROTO;
	machine_view.domid = 0;
	machine_view.slot = 0;
	return 0;
}

bool machine_proc_alive(uint32_t ref)
{
	struct machine_proc *p = &machine_view.m->procs[ref % MACHINE_PROCS];
	int rc;

	if (ref == MACHINE_NONE || proc_ref(ref % MACHINE_PROCS, p->serial) != ref ||
	    p->state != PROC_LIVE)
		return false;
	rc = pthread_mutex_trylock(&p->life);
	if (rc == EBUSY)
		return true;
	/* Unlocking without pthread_mutex_consistent() lets it stay dead for all. */
	if (rc == 0 || rc == EOWNERDEAD)
		pthread_mutex_unlock(&p->life);
	return false;
}

/* An exec'ed process has lost its threads, but not the fds it meant to keep. */
static bool same_process(const struct machine_proc *p)
{
	return p->start && start_time(p->pid) == p->start;
}

void machine_reap(uint32_t index)
{
	struct machine_proc *p = &machine_view.m->procs[index];
	uint32_t ref = proc_ref(index, p->serial);

	grant_reap(ref);
	/* Files are opened only if need be: we may be in somebody's sandbox. */
	if (port_reap(ref, port_has_kept(ref) && same_process(p)))
		return;
	atomic_store(&p->state, PROC_FREE);
	machine_count(reaps, 1);
}

void machine_reap_all(void)
{
	struct machine *m = machine_view.m;
	uint32_t i;

	for (i = 0; i < MACHINE_PROCS; i++)
		if (m->procs[i].state == PROC_LIVE &&
		    !machine_proc_alive(proc_ref(i, m->procs[i].serial)))
			machine_reap(i);
}

struct life {
	struct machine_proc *proc;
	sem_t held;
};

/* Never returns: the kernel releases the mutex when the process is gone. */
static void *live(void *arg)
{
	struct life *life = arg;

	pthread_mutex_lock(&life->proc->life);
	sem_post(&life->held);
	for (;;)
		pause();
	return NULL;
}

int machine_thread(void *(*run)(void *), void *arg, pthread_t *thread)
{
	sigset_t all, old;
	pthread_attr_t attr;
	int rc;

	/* The program's signals are not for our threads. */
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, LIFE_STACK);
	rc = pthread_create(thread, &attr, run, arg);
	pthread_attr_destroy(&attr);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	return -rc;
}

static int enter_proc(uint32_t domid)
{
	struct machine *m = machine_view.m;
	struct machine_proc *p = NULL;
	struct life life;
	pthread_t thread;
	uint32_t i;
	int rc;

	machine_reap_all();
	for (i = 0; i < MACHINE_PROCS && m->procs[i].state != PROC_FREE; i++)
		;
	if (i == MACHINE_PROCS)
		return -EMFILE;

	p = &m->procs[i];
	init_robust(&p->life);
	p->serial++;
	p->pid = getpid();
	p->start = start_time(p->pid);
	p->domid = domid;
	life.proc = p;
	sem_init(&life.held, 0, 0);
	rc = machine_thread(live, &life, &thread);
	if (!rc) {
		pthread_detach(thread);
		while (sem_wait(&life.held) && errno == EINTR)
			;
		machine_view.proc = proc_ref(i, p->serial);
		atomic_store(&p->state, PROC_LIVE);
	}
	sem_destroy(&life.held);
	return rc;
}

static void forget_parent(void)
{
	machine_view.proc = MACHINE_NONE;
	pthread_mutex_init(&attach_lock, NULL);
}

static int attach(void)
{
	const char *dir = getenv("FAKEXEN_DIR"), *id = getenv("FAKEXEN_DOMID");
	static bool hooked;
	uint32_t domid = id ? strtoul(id, NULL, 10) : 0, slot;
	int rc;

	if (machine_view.proc != MACHINE_NONE)
		return 0;
	if (!dir)
		return -ENOENT;
	rc = machine_open(dir);
	if (rc)
		return rc;
	if (!hooked)
		pthread_atfork(NULL, NULL, forget_parent);
	hooked = true;

	machine_lock();
	slot = machine_find_domain(domid);
	rc = slot == MACHINE_NONE || machine_view.m->dying ? -ENOENT : 0;
	if (!rc) {
		machine_view.slot = slot;
		machine_view.domid = domid;
		rc = enter_proc(domid);
	}
	machine_unlock();
	return rc;
}

int machine_attach(void)
{
	int rc;

	pthread_mutex_lock(&attach_lock);
	rc = attach();
	pthread_mutex_unlock(&attach_lock);
	return rc;
}

uint32_t machine_find_domain(uint32_t domid)
{
	struct machine *m = machine_view.m;
	uint32_t i;

	for (i = 0; i < m->nr_domains; i++)
		if (m->domains[i].domid == domid && m->domains[i].state == DOMAIN_LIVE)
			return i;
	return MACHINE_NONE;
}

int machine_add_domain(uint32_t domid)
{
	struct machine *m = machine_view.m;
	struct machine_domain *d;

	if (domid >= DOMID_FIRST_RESERVED)
		return -EINVAL;
	if (machine_find_domain(domid) != MACHINE_NONE)
		return -EEXIST;
	if (m->nr_domains == MACHINE_DOMAINS)
		return -ENOSPC;

	d = &m->domains[m->nr_domains];
	d->domid = domid;
	d->nr_grefs = MACHINE_GREFS_FRAME;
	d->gref_hint = GNTTAB_NR_RESERVED_ENTRIES;
	d->frame_hint = 1;
	d->sched = (struct machine_sched){
		.credit_weight = 256,
		.credit2_weight = 256,
		.vcpus = 1,
	};
	for (uint32_t i = 0; i < MACHINE_VCPUS; i++)
		d->sched.rtds[i] = (struct machine_rtds){10000, 4000, 1 /* extra time */};
	for (uint32_t i = 0; i < MACHINE_GREFS; i++)
		d->active[i].owner = MACHINE_NONE;
	for (uint32_t i = 0; i < MACHINE_PORTS; i++)
		d->ports[i].owner = MACHINE_NONE;
	atomic_store(&d->state, DOMAIN_LIVE);
	m->nr_domains++;
	return 0;
}

static void kill_processes_of(uint32_t domid)
{
	struct machine *m = machine_view.m;
	uint32_t i;

	for (i = 0; i < MACHINE_PROCS; i++) {
		struct machine_proc *p = &m->procs[i];

		if (p->state == PROC_LIVE && p->domid == domid &&
		    machine_proc_alive(proc_ref(i, p->serial)) && same_process(p))
			kill(p->pid, SIGKILL);
	}
}

int machine_kill_domain(uint32_t domid, bool kill_processes)
{
	uint32_t slot;

	machine_lock();
	slot = machine_find_domain(domid);
	if (slot == MACHINE_NONE) {
		machine_unlock();
		return -ESRCH;
	}
	if (kill_processes)
		kill_processes_of(domid);
	atomic_store(&machine_domain(slot)->state, DOMAIN_DEAD);
	grant_kill(slot);
	port_kill(slot);
	port_raise_virq(0, VIRQ_DOM_EXC);
	machine_unlock();
	return 0;
}

int32_t machine_fault_slow(enum machine_fault_kind kind)
{
	struct machine *m = machine_view.m;
	struct machine_fault *f;

	for (f = m->faults; f < m->faults + MACHINE_FAULTS; f++) {
		int32_t count, value;

		if (f->kind != kind || atomic_fetch_sub(&f->after, 1) > 1)
			continue;
		value = f->value;
		count = atomic_load(&f->count);
		if (count != INT32_MAX)
			count = atomic_fetch_sub(&f->count, 1);
		if (count <= 0)
			continue;
		if (count == 1) {
			atomic_store(&f->kind, FAULT_NONE);
			atomic_fetch_sub(&m->faults_armed, 1);
		}
		machine_count(faults, 1);
		return value;
	}
	return 0;
}

static void disarm_all(void)
{
	struct machine *m = machine_view.m;

	for (uint32_t i = 0; i < MACHINE_FAULTS; i++)
		if (atomic_exchange(&m->faults[i].kind, FAULT_NONE) != FAULT_NONE)
			atomic_fetch_sub(&m->faults_armed, 1);
}

int machine_arm_fault(enum machine_fault_kind kind, int32_t after, int32_t value, int32_t count)
{
	struct machine *m = machine_view.m;
	struct machine_fault *f = m->faults;
	int rc = -ENOSPC;

	machine_lock();
	if (kind == FAULT_NONE) {
		disarm_all();
		machine_unlock();
		return 0;
	}
	while (f < m->faults + MACHINE_FAULTS && f->kind != FAULT_NONE)
		f++;
	if (f < m->faults + MACHINE_FAULTS) {
		f->after = after;
		f->count = count;
		f->value = value;
		atomic_store(&f->kind, kind);
		atomic_fetch_add(&m->faults_armed, 1);
		rc = 0;
	}
	machine_unlock();
	return rc;
}

uint64_t machine_cpu_time(const struct machine_sched *s)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return s->cpu_time +
	       ((uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec - s->cpu_since) / 1000 *
		       s->cpu_rate;
}
