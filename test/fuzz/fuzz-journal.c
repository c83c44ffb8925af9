/* SPDX-License-Identifier: MIT -- any journal on any ring, then a life with them */
#include "netback/engine/journal.h"

#include <stdlib.h>
#include <string.h>

/*
 * Input: struct input, then operations, a byte each. The ring is a page and the journal a share of
 * the file, each in a block of its own.
 */
struct input {
	uint32_t req_prod, rsp_prod;
	uint32_t start, count, noted;
	uint8_t ours; /* bit 0: the journal's head is right; 1: start counts from rsp_prod */
};

enum {
	TX_REF = 8,
	RX_REF = 9
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool holds)
{
	if (!holds)
		__builtin_trap();
}

static void *page_of(uint8_t byte, size_t size)
{
	void *page = aligned_alloc(64, size);

	return memset(page, byte, size);
}

/*
 * A ring X whose frontend takes all answers and makes new requests as it likes, also more than
 * there is room for; an engine that consumes, answers or dies as the bytes say.
 */
#define FUZZ(X)                                                                                    \
	static void replay_##X(const struct input *in, struct journal *journal,                    \
			       netif_##X##_sring_t *sring)                                         \
	{                                                                                          \
		netif_##X##_sring_t *before = page_of(0, RING_PAGE_BYTES);                         \
		enum journal_replay did;                                                           \
                                                                                                   \
		memcpy(before, sring, RING_PAGE_BYTES);                                            \
		did = journal_replay_##X(&journal->X, sring);                                      \
		must(journal->X.count == 0);                                                       \
		must(did != JOURNAL_FINISHED || sring->rsp_prod == in->start + in->count);         \
		must(did != JOURNAL_FINISHED || before->rsp_prod == in->start);                    \
		must(did == JOURNAL_FINISHED || !memcmp(before, sring, RING_PAGE_BYTES));          \
		must(journal_replay_##X(&journal->X, sring) == JOURNAL_CLEAN);                     \
		free(before);                                                                      \
	}                                                                                          \
                                                                                                   \
	static void live_##X(struct journal *journal, netif_##X##_sring_t *sring,                  \
			     const uint8_t *ops, size_t n)                                         \
	{                                                                                          \
		netif_##X##_back_ring_t ring;                                                      \
		RING_IDX before;                                                                   \
		int count;                                                                         \
                                                                                                   \
		if (ring_##X##_attach(&ring, sring))                                               \
			return;                                                                    \
		for (; n; n--, ops++) {                                                            \
			if (*ops & 0x80)                                                           \
				sring->req_prod += *ops & 0x7f;                                    \
			count = ring_##X##_unconsumed(&ring);                                      \
			if (count < 0)                                                             \
				return;                                                            \
			must(count + (ring.req_cons - ring.rsp_prod_pvt) <= RING_SLOTS);           \
			for (; count && !(*ops & 0x40); count--, ring.req_cons++)                  \
				note_##X(journal, *ops);                                           \
			before = sring->rsp_prod;                                                  \
			if (*ops & 0x20)                                                           \
				journal_publish_##X(&journal->X, &ring);                           \
			must(sring->rsp_prod - before <= RING_SLOTS);                              \
			must(ring.rsp_prod_pvt == sring->rsp_prod && !journal->X.count);           \
		}                                                                                  \
	}                                                                                          \
                                                                                                   \
	static void fuzz_##X(const struct input *in, const uint8_t *ops, size_t n)                 \
	{                                                                                          \
		netif_##X##_sring_t *sring = page_of(0xa5, RING_PAGE_BYTES);                       \
		struct journal *journal = page_of(0x5a, JOURNAL_QUEUE_BYTES);                      \
                                                                                                   \
		sring->req_prod = in->req_prod;                                                    \
		sring->rsp_prod = in->rsp_prod;                                                    \
		if (in->ours & 1)                                                                  \
			journal_attach(journal, TX_REF, RX_REF);                                   \
		journal->X.start = in->start;                                                      \
		journal->X.count = in->count;                                                      \
		journal->X.noted = in->noted;                                                      \
		must(journal_attach(journal, TX_REF, RX_REF) == journal);                          \
		must(journal->X.count == (in->ours & 1 ? in->count : 0) && !journal->X.noted);     \
		replay_##X(in, journal, sring);                                                    \
		journal->X.noted = in->noted;                                                      \
		live_##X(journal, sring, ops, n);                                                  \
		free(journal);                                                                     \
		free(sring);                                                                       \
	}

static void note_tx(struct journal *journal, uint8_t op)
{
	journal_note_tx(&journal->tx, op, NETIF_RSP_OKAY);
}

static void note_rx(struct journal *journal, uint8_t op)
{
	struct netif_rx_response rsp = {.id = op, .status = 60};

	journal_note_rx(&journal->rx, &rsp);
}

FUZZ(tx)
FUZZ(rx)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input in;

	if (size < sizeof(in))
		return 0;
	memcpy(&in, data, sizeof(in));
	if (in.ours & 2)
		in.start += in.rsp_prod;
	fuzz_tx(&in, data + sizeof(in), size - sizeof(in));
	fuzz_rx(&in, data + sizeof(in), size - sizeof(in));
	return 0;
}
