/* SPDX-License-Identifier: MIT */
/* The mocked Xen machine: the memory that all processes of one machine share. */
#ifndef FAKEXEN_MACHINE_H
#define FAKEXEN_MACHINE_H

/*
 * How it works
 *
 * A machine is a directory on tmpfs ($FAKEXEN_DIR) with three sparse files that
 * every process maps whole when it first opens a libxen handle:
 *
 *   machine   struct machine: domains, processes, event channels, maptrack,
 *             faults, counters, scheduler settings
 *   grants    one grant table per domain slot, in Xen's grant_entry_v1_t
 *   mem       the domains' memory: MACHINE_FRAMES pages per domain slot
 *
 * Everything is opened once, before a sandboxed process loses its rights. After
 * that the packet paths (copy, notify, unmask) need no file name and no other
 * system call than futex and the read/write of the event channel's own fd.
 *
 * State that links two processes changes under machine_lock(), a robust mutex.
 * Each process holds a second robust mutex, its life, in a thread of its own
 * for as long as it lives: kill -9 included, the kernel then marks the mutex,
 * and whoever looks next gives back what the dead process held, as a kernel
 * would have done on exit.
 *
 * Errors: functions return 0 or -errno unless they say otherwise. All may be
 * called from any thread after machine_attach() has succeeded.
 */

#include <limits.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include <xen/xen.h>
#include <xen/grant_table.h>
#include <xen/event_channel.h>

enum {
	MACHINE_VERSION = 1,
	MACHINE_PAGE = 4096,
	MACHINE_DOMAINS = 128, /* slots; a slot is never used twice */
	MACHINE_GREFS = 32768, /* 64 grant frames, Xen's default limit */
	MACHINE_GREFS_FRAME = 512,
	MACHINE_FRAMES = 32768, /* 128 MiB a domain */
	MACHINE_PORTS = 4096,	/* limit of the 2-level event ABI */
	MACHINE_PROCS = 256,
	MACHINE_CHANNELS = 512, /* open libxenevtchn handles */
	MACHINE_MAPTRACK = 16384,
	MACHINE_FAULTS = 16,
	MACHINE_NONE = UINT32_MAX,
};

/* What the tools print, and what tests compare: one word each. */
/* clang-format off */
#define MACHINE_COUNTERS(X) \
	X(copy_ioctls) X(copy_hypercalls) X(copy_segments) X(copy_bytes) X(copy_failed) \
	X(maps) X(map_hypercalls) X(unmaps) X(shares) X(unshares) \
	X(binds) X(unbinds) X(notifies) X(notify_dropped) X(deliveries) \
	X(unmasks) X(reaps) X(faults) X(sched_gets) X(sched_sets)
/* clang-format on */

struct machine_counters {
#define X(name) _Atomic uint64_t name;
	MACHINE_COUNTERS(X)
#undef X
};

/* Faults: the after-next event of a kind fails with a value, count times. */
enum machine_fault_kind {
	FAULT_NONE,
	FAULT_GRANT_COPY,  /* one segment: value is its GNTST_* status */
	FAULT_MAP,	   /* one grant of a map request: the request fails */
	FAULT_SHARE,	   /* one page of a share request: value is -errno */
	FAULT_BIND,	   /* one event channel bind: value is -errno */
	FAULT_NOTIFY,	   /* one notification is lost */
	FAULT_EVENT_DELAY, /* one delivery comes value microseconds late */
	FAULT_SCHED,	   /* one libxenctrl call: value is -errno */
	FAULT_KINDS,
};

struct machine_fault {
	_Atomic uint32_t kind; /* written last when armed */
	_Atomic int32_t after; /* events still to pass, counts down */
	_Atomic int32_t count; /* events still to fail, INT32_MAX: for ever */
	int32_t value;
};

enum machine_proc_state {
	PROC_FREE,
	PROC_LIVE
};

struct machine_proc {
	pthread_mutex_t life;	 /* held by a thread of the process */
	_Atomic uint32_t state;	 /* enum machine_proc_state */
	_Atomic uint32_t serial; /* grows with each user of the slot */
	pid_t pid;
	uint32_t domid;
	uint64_t start; /* field 22 of /proc/PID/stat, against pid reuse */
};

/* A domain's port. link and owner change under the lock, event is lock-free. */
enum machine_port_state {
	PORT_FREE,
	PORT_UNBOUND,
	PORT_INTERDOMAIN,
	PORT_VIRQ
};

enum {
	EVENT_PENDING = 1, /* raised, not yet given to the owner's fd */
	EVENT_MASKED = 2,  /* given to the fd, not yet unmasked */
};

struct machine_port {
	_Atomic uint64_t link;	/* port_link(): state, remote slot or domid, port */
	_Atomic uint32_t owner; /* index of the channel that reads it, or NONE */
	_Atomic uint32_t event; /* EVENT_* */
};

/* What an active entry of Xen's grant table knows beside the shared entry. */
struct machine_active {
	_Atomic uint32_t owner; /* proc_ref() of the granting process, or NONE */
	_Atomic uint16_t readers;
	_Atomic uint16_t writers;
	uint32_t notify_offset; /* byte to clear when the grant ends, or NONE */
	uint32_t notify_port;	/* event to send then, or NONE */
};

enum machine_domain_state {
	DOMAIN_FREE,
	DOMAIN_LIVE,
	DOMAIN_DEAD
};

enum {
	MACHINE_POOLS = 8,
	MACHINE_VCPUS = 16
};

struct machine_rtds {
	uint32_t period, budget, flags; /* microseconds */
};

/* Settings of a domain under each scheduler; the pool says which one counts. */
struct machine_sched {
	uint16_t credit_weight, credit_cap;
	uint16_t credit2_weight, credit2_cap;
	struct machine_rtds rtds[MACHINE_VCPUS];
	uint32_t cpupool, vcpus;
	_Atomic uint64_t cpu_time; /* ns, set by tests; grows by cpu_rate thousandths of a CPU */
	uint64_t cpu_since;	   /* ns, CLOCK_MONOTONIC: from when on */
	uint32_t cpu_rate;
	uint32_t blocked, waiting; /* thousandths of the looks at its vCPUs */
	_Atomic uint32_t looks;
	uint32_t uuid; /* 0: its domid */
};

struct machine_domain {
	_Atomic uint32_t state; /* enum machine_domain_state */
	uint32_t domid;
	_Atomic uint32_t nr_grefs; /* size of the grant table now */
	uint32_t gref_hint, frame_hint, port_hint, shared_pages;
	struct machine_sched sched;
	uint8_t frame_used[MACHINE_FRAMES];
	struct machine_active active[MACHINE_GREFS];
	struct machine_port ports[MACHINE_PORTS];
};

/* Ports that want a thread's attention, with a summary of the words in use. */
struct machine_port_set {
	_Atomic uint64_t words;
	_Atomic uint64_t bits[MACHINE_PORTS / 64];
};

/* An open libxenevtchn handle. */
struct machine_channel {
	_Atomic uint32_t proc;			   /* proc_ref() of the owner, NONE: free */
	_Atomic uint32_t bell;			   /* futex: changes when there is work */
	_Atomic uint32_t sleeping;		   /* the owner's thread waits on the bell */
	_Atomic uint32_t late_bell, late_sleeping; /* the same for masked ports */
	uint32_t slot;				   /* domain slot of the owner */
	uint32_t keep;				   /* opened with XENEVTCHN_NO_CLOEXEC */
	uint32_t restricted;			   /* domid, or NONE */
	int32_t back_fd;			   /* our end of the socket, valid across exec */
	uint64_t sock_ino;			   /* inode of the user's end, for fdopen */
	struct machine_port_set ready;		   /* PENDING: to be given to the fd */
	struct machine_port_set late;		   /* raised while MASKED: an unmask is due */
};

/* One mapping of one grant. */
struct machine_maptrack {
	uint32_t proc; /* proc_ref() of the mapper, NONE: free */
	uint32_t slot;
	uint32_t ref;
	uint32_t write;
	uint32_t notify_slot, notify_port; /* event on unmap, or NONE */
	uint32_t notify_offset;		   /* byte to clear, or NONE */
};

struct machine_pool {
	uint32_t used, sched_id, cpus;
	uint32_t tslice_ms, ratelimit_us, migr_delay_us; /* credit */
	uint32_t credit2_ratelimit_us;
};

struct machine {
	uint32_t magic, version;
	pthread_mutex_t lock;
	_Atomic uint32_t dying;		 /* set by destroy: handles do not open */
	_Atomic uint32_t faults_armed;	 /* number of armed faults */
	_Atomic uint32_t gntalloc_limit; /* pages a domain may share */
	uint32_t nr_domains;		 /* slots used so far */
	uint32_t maptrack_hint;
	uint32_t nr_cpus;
	struct machine_counters counters;
	struct machine_fault faults[MACHINE_FAULTS];
	struct machine_pool pools[MACHINE_POOLS];
	struct machine_proc procs[MACHINE_PROCS];
	struct machine_channel channels[MACHINE_CHANNELS];
	struct machine_maptrack maptrack[MACHINE_MAPTRACK];
	struct machine_domain domains[MACHINE_DOMAINS];
};

/* This process's view. Set once by machine_attach(), then constant. */
struct machine_view {
	struct machine *m;
	grant_entry_v1_t *grants;
	uint8_t *mem;
	int mem_fd;
	uint32_t slot;	/* of our domain */
	uint32_t domid; /* $FAKEXEN_DOMID */
	uint32_t proc;	/* our proc_ref() */
};

extern struct machine_view machine_view;

#define machine_count(name, n)                                                                     \
	atomic_fetch_add_explicit(&machine_view.m->counters.name, (n), memory_order_relaxed)

/* Make the files of a new machine with domain 0 in an existing directory. */
int machine_create(const char *dir);

/* CPU time of a domain now, ns. */
uint64_t machine_cpu_time(const struct machine_sched *s);

/* Map the machine without being one of its processes (tools, xenstored). */
int machine_open(const char *dir);

/*
 * Map the machine of $FAKEXEN_DIR and enter its process table as domain
 * $FAKEXEN_DOMID. Idempotent; enters anew in a child after fork. -ENOENT when
 * there is no machine (as on a host without Xen) or no such domain.
 */
int machine_attach(void);

/* Start a thread that no signal of the program reaches. */
int machine_thread(void *(*run)(void *), void *arg, pthread_t *thread);

void machine_lock(void);
void machine_unlock(void);

/* Slot of a live domain, or NONE. */
uint32_t machine_find_domain(uint32_t domid);

/* Add a domain (hold the lock). Returns 0, -EEXIST, -ENOSPC. */
int machine_add_domain(uint32_t domid);

/*
 * The domain is destroyed: grants vanish for everybody, ports close, and its
 * processes are killed if asked to. Takes the lock. -ESRCH: no such domain.
 */
int machine_kill_domain(uint32_t domid, bool kill_processes);

static inline uint32_t proc_ref(uint32_t index, uint32_t serial)
{
	return (serial & 0xffffff) << 8 | index;
}

/* Is the process with this reference still there? Lock-free, no system call. */
bool machine_proc_alive(uint32_t ref);

/*
 * Give back what dead processes held. Hold the lock. machine_reap_all() looks
 * at every process, machine_reap() at one.
 */
void machine_reap(uint32_t index);
void machine_reap_all(void);

/* 0, or the value with which this event has to fail. Lock-free. */
int32_t machine_fault_slow(enum machine_fault_kind kind);

static inline int32_t machine_fault(enum machine_fault_kind kind)
{
	if (!atomic_load_explicit(&machine_view.m->faults_armed, memory_order_relaxed))
		return 0;
	return machine_fault_slow(kind);
}

/* Arm a fault; -ENOSPC when too many are armed. kind NONE disarms all. */
int machine_arm_fault(enum machine_fault_kind kind, int32_t after, int32_t value, int32_t count);

static inline struct machine_domain *machine_domain(uint32_t slot)
{
	return &machine_view.m->domains[slot];
}

static inline grant_entry_v1_t *machine_grants(uint32_t slot)
{
	return machine_view.grants + (size_t)slot * MACHINE_GREFS;
}

static inline off_t machine_frame_offset(uint32_t slot, uint32_t frame)
{
	return ((off_t)slot * MACHINE_FRAMES + frame) * MACHINE_PAGE;
}

static inline uint8_t *machine_frame(uint32_t slot, uint32_t frame)
{
	return machine_view.mem + machine_frame_offset(slot, frame);
}

/* grant-table.c: all with the lock held. */

/* Grant one new zeroed page of our domain: 0 and *ref, *frame, or -errno. */
int grant_share(uint32_t to_domid, bool readonly, uint32_t *ref, uint32_t *frame);
/* End a grant: at once, or as soon as nobody maps it any more. */
void grant_end(uint32_t slot, uint32_t ref);
/* Map one grant: returns its maptrack handle, or a negative GNTST_* status. */
int grant_map(uint32_t domid, uint32_t ref, bool write, uint32_t *slot, uint32_t *frame);
void grant_unmap(uint32_t track);
void grant_reap(uint32_t proc);
void grant_kill(uint32_t slot);
/* After a death inside the lock: rebuild the pin counts from the maptrack. */
void grant_repair(void);

/*
 * Look a reference up for a copy, lock-free: GNTST_okay and *page, or the
 * status Xen would give. *seen caches the last granter found alive.
 */
int16_t grant_access(uint32_t domid, uint32_t ref, bool write, uint32_t *seen, uint8_t **page);

/* port.c: event channels. port_send and port_unmask are lock-free. */

static inline uint64_t port_link(enum machine_port_state state, uint32_t remote, uint32_t port)
{
	return (uint64_t)state << 56 | (uint64_t)(remote & 0xffffff) << 32 | port;
}

static inline enum machine_port_state port_state(uint64_t link)
{
	return link >> 56;
}

/* A slot while the port is bound, a domid while it is unbound. */
static inline uint32_t port_remote(uint64_t link)
{
	return link >> 32 & 0xffffff;
}

static inline uint32_t port_remote_port(uint64_t link)
{
	return (uint32_t)link;
}

/* With the lock held: a port number, or -errno. */
int port_alloc_unbound(uint32_t slot, uint32_t channel, uint32_t domid);
int port_bind_interdomain(uint32_t slot, uint32_t channel, uint32_t domid, uint32_t port);
int port_bind_virq(uint32_t slot, uint32_t channel, uint32_t virq);
void port_end(uint32_t slot, uint32_t port);
void port_close_channel(uint32_t channel);
/* Has the process channels that are to outlive an exec? */
bool port_has_kept(uint32_t proc);
/* exec: the process lives on; true if it has channels that were to be kept. */
bool port_reap(uint32_t proc, bool exec);
void port_kill(uint32_t slot);
void port_repair(void);

/* Raise the peer's port. 0, or -EINVAL for a port that cannot send. */
int port_send(uint32_t slot, uint32_t port);
/* Make one port pending for its owner and wake it. */
void port_raise(struct machine_port *p, uint32_t port);
/* Raise a virtual interrupt in a domain, if it is bound there. */
void port_raise_virq(uint32_t slot, uint32_t virq);
/*
 * Take up to max ports that are ready to be given to the channel's fd, each of
 * which becomes masked. Only the channel's owner calls it.
 */
unsigned int port_take(struct machine_channel *c, uint32_t *ports, unsigned int max);
/* Was a port raised that is still masked? Only the channel's owner calls it. */
bool port_is_late(struct machine_channel *c);
/* Unmask; true: raised meanwhile, so it has to be delivered (stays masked). */
bool port_unmask(struct machine_channel *c, uint32_t port);

#endif
