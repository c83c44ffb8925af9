/* SPDX-License-Identifier: MIT */
/* stats.h: the layout of the stats pages, written by an engine, mapped read-only by everybody else */
#ifndef NETBACK_COMMON_STATS_H
#define NETBACK_COMMON_STATS_H

#include <stdint.h>

/*
 * Control creates the files (they outlive an engine), the engine maps them read-write and is
 * the only writer; netbackctl and hintd map them read-only.
 *
 *   RUN_DIR/vifD.N.stats     struct stats_vif     one a vif, D = frontend domain, N = handle
 *   RUN_DIR/engine-K.stats   struct stats_engine  one an engine, K = its key (engine-link.h)
 *
 * Every counter only grows while the vif exists, over reconnects and engine restarts alike, and
 * has one writing thread. Readers may see counters of a packet apart from each other, never half
 * a number. magic is written last: a page without it is not ready. A reader checks version and
 * size, and treats a larger nr_queues or nr_workers than fits as a broken page.
 *
 * The lists below are the only place where counters are named: the struct, `netbackctl stats`,
 * its JSON and the metrics are all made from them.
 */
#define STATS_MAGIC	  0x6e62737461747331ull /* "nbstats1" */
#define STATS_VERSION	  3
#define STATS_MAX_QUEUES  8
#define STATS_MAX_WORKERS 16

/* C(name, what it counts) */
#define STATS_QUEUE_COUNTERS(C)                                                                    \
	C(tx_packets, "packets from the guest written to the port")                                \
	C(tx_bytes, "their bytes")                                                                 \
	C(tx_slots, "tx requests consumed, extra infos included")                                  \
	C(tx_small, "of tx_packets: at most 128 bytes")                                            \
	C(tx_large, "of tx_packets: at least 1024 bytes")                                          \
	C(tx_gso_packets, "of tx_packets: TCP segmentation offload frames")                        \
	C(tx_csum_blank, "of tx_packets: checksum left to us or to the receiver")                  \
	C(tx_looks, "rounds that found requests on the tx ring")                                   \
	C(tx_depth, "sum over tx_looks of the requests not answered yet")                          \
	C(tx_held, "times that small packets were to gather first, because they come fast")        \
	C(tx_notified, "event channel notifications sent for tx responses")                        \
	C(tx_limited, "times that the guest had to wait because of the rate it may send at")       \
	C(rx_limited, "times that the port had to wait because of the rate the guest gets")        \
	C(mcast_changes, "requests of the guest to change its list of multicast addresses")        \
	C(mcast_refused, "of these: refused, the list is full")                                    \
	C(rx_packets, "packets read from the port and put into guest buffers")                     \
	C(rx_bytes, "their bytes")                                                                 \
	C(rx_slots, "rx responses produced, extra infos included")                                 \
	C(rx_small, "of rx_packets: at most 128 bytes")                                            \
	C(rx_large, "of rx_packets: at least 1024 bytes")                                          \
	C(rx_gso_packets, "of rx_packets: TCP segmentation offload frames")                        \
	C(rx_segments, "of rx_packets: cut from larger ones that the guest cannot take")           \
	C(rx_csum_blank, "of rx_packets: checksum left to the guest")                              \
	C(rx_csum_completed, "checksums we computed because the guest cannot")                     \
	C(rx_hashed, "of rx_packets: with the hash that the guest has asked for")                  \
	C(rx_steered, "of rx_packets: read from another queue's port, as the guest's hash has it") \
	C(rx_notified, "event channel notifications sent for rx responses")                        \
	C(rx_full, "times the port had to wait because the guest had posted too few buffers")      \
	C(rx_starved_ns, "time in which frames waited for buffers of the guest, ns")               \
	C(rx_held, "times that small frames were to gather first, because they come fast")         \
	C(events, "event channel notifications received")                                          \
	C(events_idle, "of events: nothing was found on any ring")                                 \
	C(events_delayed, "of events: unmasked late because the guest sends too many idle ones")   \
	C(copy_segments, "grant copy segments")                                                    \
	C(copy_ioctls, "grant copy system calls")                                                  \
	C(copy_hypercalls, "grant copy hypercalls: ceil(n/16) for a call of n page-bound copies")  \
	C(copy_selfgrant, "of copy_segments: small, and our side of them is a grant as well")      \
	C(copy_staged, "copies that staging grants made a memcpy")                                 \
	C(ctrl_requests, "control ring requests answered, all with the first queue")               \
	C(port_ops, "packet reads and writes of the port, many a system call")                     \
	C(journal_replays, "open journal entries finished after an engine's death")

/* D(name, why the packet was dropped); the label in tx.c or rx.c is drop_<name> */
#define STATS_DROP_REASONS(D)                                                                      \
	D(tx_runt, "first size below an Ethernet header")                                          \
	D(tx_too_many_slots,                                                                       \
	  "more than 18 slots after the first one (netif.h: XEN_NETIF_NR_SLOTS_MIN)")              \
	D(tx_bad_length, "fragments longer than the whole packet")                                 \
	D(tx_copy_failed, "the hypervisor refused a grant copy")                                   \
	D(tx_bad_offload, "checksum or segmentation asked for a packet we cannot parse")           \
	D(tx_vlan, "a VLAN that is not the guest's")                                               \
	D(tx_over_mtu, "longer than the vif's MTU, or its segments are")                           \
	D(tx_port_busy, "the port had no room")                                                    \
	D(tx_port_refused, "the port does not take this packet")                                   \
	D(tx_port_down, "the port is down or gone")                                                \
	D(rx_too_long, "larger than the guest's buffers allow")                                    \
	D(rx_vlan, "a VLAN that is not the guest's, or none")                                      \
	D(rx_over_mtu, "longer than the vif's MTU, or its segments are")                           \
	D(rx_mcast, "multicast that the guest has not asked for")                                  \
	D(rx_copy_failed, "the hypervisor refused a grant copy")                                   \
	D(rx_bad_offload, "checksum or segmentation the guest cannot take and we cannot undo")     \
	D(rx_expired, "waited too long for guest buffers")                                         \
	D(rx_queue_full, "the queue that the guest's hash has chosen lacks buffers")

#define STATS_WORKER_COUNTERS(C)                                                                   \
	C(io_calls, "system calls for packet reads and writes, event reads and unmasks, waits")    \
	C(sleeps, "of io_calls: those that were ready to wait")                                    \
	C(rounds, "rounds over the queues")                                                        \
	C(event_reads, "reads of the event channel device")                                        \
	C(event_ports, "ports they returned")                                                      \
	C(event_unmasks, "writes to the event channel device")

#define STATS_COUNT_(name, what)      +1
#define STATS_FIELD_(name, what)      uint64_t name;
#define STATS_DROP_FIELD_(name, what) uint64_t drop_##name;

enum {
	STATS_NR_QUEUE_COUNTERS = 0 STATS_QUEUE_COUNTERS(STATS_COUNT_),
	STATS_NR_DROP_REASONS = 0 STATS_DROP_REASONS(STATS_COUNT_),
	STATS_NR_WORKER_COUNTERS = 0 STATS_WORKER_COUNTERS(STATS_COUNT_),
};

/* The shared and private ring indices as the engine last saw them, for people who debug. */
struct stats_ring {
	uint32_t req_prod; /* shared, written by the frontend */
	uint32_t req_cons; /* ours */
	uint32_t rsp_prod; /* shared, written by us */
	uint32_t event;	   /* req_event as we last armed it */
};

/*
 * Kick latency (engine/kick.h): how many samples took less than 2^(bucket + STATS_KICK_SHIFT) us, and
 * not less than half of that; the last bucket has the longer ones, too.
 */
enum {
	STATS_KICK_BUCKETS = 16,
	STATS_KICK_SHIFT = 4,
};

static inline unsigned int stats_kick_bucket(uint64_t ns)
{
	uint64_t n = (ns / 1000) >> STATS_KICK_SHIFT;
	unsigned int bucket = n ? 64u - (unsigned int)__builtin_clzll(n) : 0;

	return bucket < STATS_KICK_BUCKETS ? bucket : STATS_KICK_BUCKETS - 1;
}

/* Frame sizes by which traffic is told apart. */
enum {
	STATS_SMALL_BYTES = 128,
	STATS_LARGE_BYTES = 1024,
};

struct stats_queue {
	STATS_QUEUE_COUNTERS(STATS_FIELD_)
	STATS_DROP_REASONS(STATS_DROP_FIELD_)
	uint64_t kick[STATS_KICK_BUCKETS];
	struct stats_ring tx, rx;
} __attribute__((aligned(64)));

struct stats_vif {
	uint64_t magic;
	uint32_t version;
	uint32_t size; /* sizeof(struct stats_vif) of the writer */
	uint32_t domid;
	uint32_t handle;
	uint32_t nr_queues; /* connected ones; queues beyond keep what they counted */
	uint32_t connects;  /* rings mapped so often */
	uint32_t engine_pid;
	uint32_t reserved;
	struct stats_queue queue[STATS_MAX_QUEUES];
};

struct stats_worker {
	STATS_WORKER_COUNTERS(STATS_FIELD_)
} __attribute__((aligned(64)));

struct stats_engine {
	uint64_t magic;
	uint32_t version;
	uint32_t size;
	uint32_t pid;
	uint32_t nr_workers;
	struct stats_worker worker[STATS_MAX_WORKERS];
};

/* The writing thread's only ways to change a counter: readers never see half a number. */
static inline void stats_add(uint64_t *counter, uint64_t n)
{
	__atomic_store_n(counter, __atomic_load_n(counter, __ATOMIC_RELAXED) + n, __ATOMIC_RELAXED);
}

static inline void stats_set(uint64_t *counter, uint64_t value)
{
	__atomic_store_n(counter, value, __ATOMIC_RELAXED);
}

static inline void stats_inc(uint64_t *counter)
{
	stats_add(counter, 1);
}

static inline uint64_t stats_read(const uint64_t *counter)
{
	return __atomic_load_n(counter, __ATOMIC_RELAXED);
}

#endif
