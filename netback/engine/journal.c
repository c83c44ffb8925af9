/* SPDX-License-Identifier: MIT */
/* journal.c: the order of stores that lets a queue be killed anywhere */
#include "netback/engine/journal.h"

#include <string.h>

/*
 * The adversary is SIGKILL between any two instructions. The successor runs on the same machine,
 * so it sees every store the dead process made, in the order the compiler gave them: no fence of
 * the CPU is needed towards it, and the fences below that are only for it stop the compiler alone.
 * Publishing is
 *
 *   0. slots noted                  entry closed: whatever is in it means nothing
 *   1. start = rsp_prod
 *   2. count = n                    one aligned store; from here on the entry is open
 *   3. responses -> ring slots      any order, torn or not
 *   4. rsp_prod = start + n
 *   5. count = 0                    closed
 *
 * Killed before 2, no slot has been touched: the requests are intact and are done again. Between 2
 * and 4 the shared rsp_prod is still start: the successor repeats 3 (same values), then 4 and 5,
 * and may be killed in that itself. Between 4 and 5 rsp_prod is start + n already: only 5 is left.
 * So when replay returns, no slot from rsp_prod on has ever been written by us since the guest put
 * a request there, and each noted response is behind rsp_prod once.
 *
 * STEP() stands behind each store; a test puts a crash there.
 */
#ifndef STEP
#define STEP()
#endif

#define compiler_barrier() __atomic_signal_fence(__ATOMIC_SEQ_CST)

static void set_count(uint32_t *count, uint32_t n)
{
	compiler_barrier();
	WRITE_ONCE(*count, n);
	compiler_barrier();
	STEP();
}

/* It is this ring's if rsp_prod is at its start or its end and the guest made the requests. */
static enum journal_replay judge(uint32_t start, uint32_t count, RING_IDX rsp_prod,
				 RING_IDX req_prod)
{
	if (!count)
		return JOURNAL_CLEAN;
	if (count > RING_SLOTS)
		return JOURNAL_DROPPED;
	if (rsp_prod == start + count)
		return JOURNAL_MOVED;
	if (rsp_prod != start || req_prod - start < count || req_prod - start > RING_SLOTS)
		return JOURNAL_DROPPED;

	return JOURNAL_FINISHED;
}

#define JOURNAL_PAIR(X)                                                                            \
	static void write_##X(const struct journal_##X *entry, netif_##X##_sring_t *sring,         \
			      uint32_t start, uint32_t count)                                      \
	{                                                                                          \
		uint32_t i;                                                                        \
                                                                                                   \
		for (i = 0; i < count; i++) {                                                      \
			memcpy(&sring->ring[(start + i) % RING_SLOTS], &entry->rsp[i],             \
			       sizeof(entry->rsp[i]));                                             \
			STEP();                                                                    \
		}                                                                                  \
	}                                                                                          \
                                                                                                   \
	bool journal_publish_##X(struct journal_##X *entry, netif_##X##_back_ring_t *ring)         \
	{                                                                                          \
		uint32_t start = ring->rsp_prod_pvt;                                               \
		uint32_t count = min(entry->noted, ring->req_cons - start);                        \
		bool notify;                                                                       \
                                                                                                   \
		entry->noted = 0;                                                                  \
		STEP();                                                                            \
		if (!count)                                                                        \
			return false;                                                              \
                                                                                                   \
		entry->start = start;                                                              \
		STEP();                                                                            \
		set_count(&entry->count, count);                                                   \
		write_##X(entry, ring->sring, start, count);                                       \
		ring->rsp_prod_pvt = start + count;                                                \
		notify = ring_##X##_push(ring);                                                    \
		STEP();                                                                            \
		set_count(&entry->count, 0);                                                       \
		return notify;                                                                     \
	}                                                                                          \
                                                                                                   \
	enum journal_replay journal_replay_##X(struct journal_##X *entry,                          \
					       netif_##X##_sring_t *sring)                         \
	{                                                                                          \
		uint32_t start = READ_ONCE(entry->start);                                          \
		uint32_t count = READ_ONCE(entry->count);                                          \
		enum journal_replay did = judge(start, count, READ_ONCE(sring->rsp_prod),          \
						READ_ONCE(sring->req_prod));                       \
                                                                                                   \
		if (did == JOURNAL_FINISHED) {                                                     \
			write_##X(entry, sring, start, count);                                     \
			/* responses before the index: [publish] of ring.h */                      \
			xen_wmb();                                                                 \
			WRITE_ONCE(sring->rsp_prod, start + count);                                \
			STEP();                                                                    \
		}                                                                                  \
		if (did != JOURNAL_CLEAN)                                                          \
			set_count(&entry->count, 0);                                               \
		return did;                                                                        \
	}

JOURNAL_PAIR(tx)
JOURNAL_PAIR(rx)

static bool is_ours(const struct journal *journal, uint32_t tx_ref, uint32_t rx_ref)
{
	return journal->magic == JOURNAL_MAGIC && journal->version == JOURNAL_VERSION &&
	       journal->tx_ref == tx_ref && journal->rx_ref == rx_ref;
}

struct journal *journal_attach(void *bytes, uint32_t tx_ref, uint32_t rx_ref)
{
	struct journal *journal = bytes;

	if (!is_ours(journal, tx_ref, rx_ref)) {
		WRITE_ONCE(journal->magic, 0);
		STEP();
		compiler_barrier();
		memset((char *)journal + sizeof(journal->magic), 0,
		       JOURNAL_QUEUE_BYTES - sizeof(journal->magic));
		STEP();
		journal->version = JOURNAL_VERSION;
		journal->tx_ref = tx_ref;
		journal->rx_ref = rx_ref;
		compiler_barrier();
		STEP();
		WRITE_ONCE(journal->magic, JOURNAL_MAGIC);
		STEP();
	}

	journal->tx.noted = 0;
	journal->rx.noted = 0;
	return journal;
}
