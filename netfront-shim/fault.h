/* SPDX-License-Identifier: MIT -- what a backend can do wrong, by name, counted and said aloud */
#ifndef SHIM_FAULT_H
#define SHIM_FAULT_H

#include <stdbool.h>
#include <stdint.h>

/*
 * A fault is a breach of the netif protocol, or of what a frontend in the field
 * relies on, committed by the backend. It is never silent: the first ones of
 * each kind go to standard error as "FAULT name: details", all are counted, and
 * a program that has seen one exits with status 4.
 *
 * A backend that answers NETIF_RSP_ERROR or NETIF_RSP_DROPPED commits none.
 */
#define NF_FAULTS(F)                                                                               \
	F(TX_PROD_BACKWARDS, "tx-producer-backwards")                                              \
	F(TX_PROD_OVERRUN, "tx-more-responses-than-requests")                                      \
	F(TX_PARTIAL, "tx-packet-answered-in-parts")                                               \
	F(TX_ID, "tx-response-id-out-of-order")                                                    \
	F(TX_NOT_NULL, "tx-extra-not-answered-null")                                               \
	F(TX_NULL, "tx-data-answered-null")                                                        \
	F(TX_STATUS, "tx-unknown-status")                                                          \
	F(TX_MIXED, "tx-slots-of-one-packet-differ-in-status")                                     \
	F(RX_PROD_BACKWARDS, "rx-producer-backwards")                                              \
	F(RX_PROD_OVERRUN, "rx-more-responses-than-requests")                                      \
	F(RX_PARTIAL, "rx-packet-published-in-parts")                                              \
	F(RX_ID, "rx-response-id-not-of-position")                                                 \
	F(RX_EXTENT, "rx-data-outside-page")                                                       \
	F(RX_EMPTY, "rx-empty-slot")                                                               \
	F(RX_FLAGS, "rx-unknown-flags")                                                            \
	F(RX_LATE_FLAGS, "rx-flags-on-later-slot")                                                 \
	F(RX_SLOTS, "rx-too-many-slots")                                                           \
	F(RX_SG, "rx-several-slots-without-feature-sg")                                            \
	F(RX_BLANK, "rx-csum-blank-without-data-validated")                                        \
	F(RX_BLANK_REFUSED, "rx-csum-blank-not-negotiated")                                        \
	F(RX_BLANK_UNPARSED, "rx-csum-blank-on-other-than-tcp-udp")                                \
	F(RX_EXTRA_TYPE, "rx-extra-not-negotiated")                                                \
	F(RX_EXTRA_TWICE, "rx-extra-twice")                                                        \
	F(RX_EXTRA_FLAGS, "rx-extra-unknown-flags")                                                \
	F(RX_GSO_BLANK, "rx-gso-without-csum-flags")                                               \
	F(RX_GSO_TYPE, "rx-gso-type-not-negotiated")                                               \
	F(RX_GSO_SIZE, "rx-gso-size-zero")                                                         \
	F(RX_OUTSIDE, "rx-bytes-written-outside-the-data")                                         \
	F(RX_OVERSIZE, "rx-frame-larger-than-mtu")                                                 \
	F(RX_STATUS, "rx-status-aborts-frontend")                                                  \
	F(TX_UNANSWERED, "tx-unanswered-at-close")                                                 \
	F(RX_HASH, "rx-hash-wrong")                                                                \
	F(RX_HASH_QUEUE, "rx-queue-not-of-hash")                                                   \
	F(RX_HEADROOM, "rx-headroom-wrong")                                                        \
	F(RX_MCAST, "rx-multicast-not-asked-for")                                                  \
	F(CTRL_PROD, "ctrl-producer-wrong")                                                        \
	F(CTRL_ID, "ctrl-response-of-another-id")                                                  \
	F(CTRL_TYPE, "ctrl-response-of-another-type")                                              \
	F(CTRL_STATUS, "ctrl-unknown-status")                                                      \
	F(CTRL_SILENT, "ctrl-not-answered")                                                        \
	F(CTRL_UNSTAGE, "ctrl-staged-grant-not-given-back")                                        \
	F(GRANT_IN_USE, "grant-in-use-after-response")                                             \
	F(STATE, "backend-state-unexpected")                                                       \
	F(KEYS, "backend-keys-broken")

enum nf_fault {
#define F(name, text) NF_FAULT_##name,
	NF_FAULTS(F)
#undef F
	NF_FAULT_COUNT
};

struct nf_faults {
	uint64_t count[NF_FAULT_COUNT];
	bool quiet; /* count only: for tests that provoke faults */
};

/* Counts one fault; the first three of a kind are printed. Any thread of the
 * owner of *f, one at a time. */
void fault_raise(struct nf_faults *f, enum nf_fault kind, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

uint64_t fault_total(const struct nf_faults *f);
const char *fault_name(enum nf_fault kind);

#endif
