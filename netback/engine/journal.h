/* SPDX-License-Identifier: MIT */
/* journal.h: what a queue is about to answer, in memory that outlives the engine */
#ifndef NETBACK_ENGINE_JOURNAL_H
#define NETBACK_ENGINE_JOURNAL_H

#include <stdbool.h>
#include <stdint.h>
#include <xen/io/netif.h>

#include "netback/common/link.h"
#include "netback/engine/ring.h"

/*
 * Responses overlay requests. An engine that is killed after it wrote responses into ring slots
 * and before it moved rsp_prod would leave requests behind that nobody made: a successor, which
 * starts at rsp_prod, would take an id and a status for a grant reference. So all responses go
 * through this journal, a page range of a file that control owns: they are noted there first, and
 * the next engine finishes what it finds open before it looks at a ring.
 *
 * A running queue (its own thread only; nothing here blocks, allocates or fails):
 *
 *   journal_note_tx(&journal->tx, id, status)   once for each consumed request, in ring order
 *   journal_publish_tx(&journal->tx, &ring)     all noted ones at once: ring slots, rsp_prod_pvt,
 *                                               rsp_prod. true: notify the frontend
 *
 * A queue that connects, before ring_X_attach:
 *
 *   journal = journal_attach(bytes, tx_ref, rx_ref);
 *   journal_replay_tx(&journal->tx, tx_sring);
 *   journal_replay_rx(&journal->rx, rx_sring);
 *
 * and then it notifies the frontend once, whatever was returned: an engine that died after it
 * moved rsp_prod may not have done so.
 *
 * Notes that were not published are forgotten with the engine: their requests are still on the
 * ring and are done again (a frame may be sent twice, never a request forged). Control zeroes the
 * file when a frontend connects anew and keeps it when an engine is replaced; the two grant
 * references of the rings are a second line behind that: other references mean another ring. It is
 * only a file, so everything in it is checked before it is used.
 */
enum {
	JOURNAL_QUEUE_BYTES = LINK_QUEUE_BYTES,
	JOURNAL_VERSION = 1,
};

#define JOURNAL_MAGIC 0x6e626a6f75726e6cull /* "nbjournl" */

/* An rx slot holds a response or, behind one with NETRXF_extra_info, an extra info. */
union journal_rx_slot {
	struct netif_rx_response rsp;
	struct netif_extra_info extra;
};

_Static_assert(sizeof(union journal_rx_slot) == sizeof(union netif_rx_sring_entry), "rx slot");

/* count is 0: nothing is open; else slots start..start+count-1 of the ring are being answered. */
#define JOURNAL_ENTRY(slot)                                                                        \
	{                                                                                          \
		uint32_t start; /* rsp_prod before the first one */                                \
		uint32_t count;                                                                    \
		uint32_t noted; /* the running engine's own, nothing to a successor */             \
		uint32_t reserved;                                                                 \
		slot rsp[RING_SLOTS];                                                              \
	}

struct journal_tx JOURNAL_ENTRY(struct netif_tx_response);
struct journal_rx JOURNAL_ENTRY(union journal_rx_slot);

struct journal {
	uint64_t magic; /* written last */
	uint32_t version;
	uint32_t tx_ref; /* grant references of the rings it belongs to */
	uint32_t rx_ref;
	uint32_t reserved[11]; /* zero */
	struct journal_tx tx;
	struct journal_rx rx;
};

_Static_assert(sizeof(struct journal) <= JOURNAL_QUEUE_BYTES, "a queue's share of the file");

enum journal_replay {
	JOURNAL_CLEAN,	  /* nothing was open */
	JOURNAL_FINISHED, /* responses written, rsp_prod moved */
	JOURNAL_MOVED,	  /* rsp_prod had been moved already, entry closed */
	JOURNAL_DROPPED,  /* not this ring's entry, or nonsense: closed, the ring left alone */
};

/*
 * bytes: JOURNAL_QUEUE_BYTES of the mapped file, aligned to 8; they stay the caller's. Makes an
 * empty journal of anything that is not one for these two rings and forgets unpublished notes.
 */
struct journal *journal_attach(void *bytes, uint32_t tx_ref, uint32_t rx_ref);

/* Safe to be killed in, like everything here: the next replay goes on. */
enum journal_replay journal_replay_tx(struct journal_tx *entry, netif_tx_sring_t *sring);
enum journal_replay journal_replay_rx(struct journal_rx *entry, netif_rx_sring_t *sring);

bool journal_publish_tx(struct journal_tx *entry, netif_tx_back_ring_t *ring);
bool journal_publish_rx(struct journal_rx *entry, netif_rx_back_ring_t *ring);

/* One more note than requests were consumed overwrites an older note, never other memory. */
static inline void journal_note_tx(struct journal_tx *entry, uint16_t id, int16_t status)
{
	entry->rsp[entry->noted++ % RING_SLOTS] =
		(struct netif_tx_response){.id = id, .status = status};
}

static inline void journal_note_rx(struct journal_rx *entry, const struct netif_rx_response *rsp)
{
	entry->rsp[entry->noted++ % RING_SLOTS].rsp = *rsp;
}

static inline void journal_note_extra(struct journal_rx *entry,
				      const struct netif_extra_info *extra)
{
	entry->rsp[entry->noted++ % RING_SLOTS].extra = *extra;
}

#endif
