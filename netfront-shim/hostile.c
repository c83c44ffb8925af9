/* SPDX-License-Identifier: MIT -- ways for a guest to misbehave, by name */
#include "hostile.h"

enum {
	NO_GREF = 0x7ffffff0,
	BLANK = NETTXF_csum_blank | NETTXF_data_validated
};

#define SINGLE(offset, size)   ((offset) << 16 | (size))
#define GSO(flags, type, size) ((flags) << 24 | (type) << 16 | (size))

const struct hostile_way hostile_ways[] = {
	{"tx-gref-bad", hostile_tx_gref, NO_GREF, "a reference beyond the grant table"},
	{"tx-gref-zero", hostile_tx_gref, 0, "reference 0"},
	{"tx-gref-stale", hostile_tx_stale_gref, 0, "a grant taken back before the push"},
	{"tx-crosses-page", hostile_tx_single, SINGLE(4000, 200), "data over the page's end"},
	{"tx-offset-huge", hostile_tx_single, SINGLE(0x7fff, 60), "data outside the page"},
	{"tx-size-0", hostile_tx_single, SINGLE(0, 0), "an empty packet"},
	{"tx-size-13", hostile_tx_single, SINGLE(0, 13), "less than an Ethernet header"},
	{"tx-size-65535", hostile_tx_single, SINGLE(0, 65535), "64 KiB in one slot"},
	{"tx-flags-unknown", hostile_tx_flags, 0xfff0, "flags nobody has defined"},
	{"tx-id-huge", hostile_tx_id, 0xffff, "an id larger than the ring, twice"},
	{"tx-slots-18", hostile_tx_slots, 18, "the most slots a backend must take"},
	{"tx-slots-19", hostile_tx_slots, 19, "one more: Linux still takes it"},
	{"tx-slots-20", hostile_tx_slots, 20, "two more: Linux drops the packet"},
	{"tx-slots-21", hostile_tx_slots, 21, "three more: Linux drops the packet"},
	{"tx-slots-22", hostile_tx_slots, 22, "four more: Linux ends the vif"},
	{"tx-slots-40", hostile_tx_slots, 40, "forty"},
	{"tx-slot-empty", hostile_tx_zero_slot, 0, "a fragment of no bytes (XSA-448)"},
	{"tx-first-crosses-page", hostile_tx_first_crosses, 0,
	 "total minus fragments does not fit the first page"},
	{"tx-fragment-too-big", hostile_tx_fragment_too_big, 0, "fragments larger than the total"},
	{"tx-more-data-alone", hostile_tx_more_data_alone, 0, "more_data, then nothing"},
	{"tx-extra-missing", hostile_tx_extra_missing, 0, "extra_info, then nothing"},
	{"tx-gso-size-0", hostile_tx_gso, GSO(BLANK, 1, 0), "GSO of segments of no bytes"},
	{"tx-gso-type-0", hostile_tx_gso, GSO(BLANK, 0, 1448), "GSO of no type"},
	{"tx-gso-type-9", hostile_tx_gso, GSO(BLANK, 9, 1448), "GSO of an unknown type"},
	{"tx-gso-v6-on-v4", hostile_tx_gso, GSO(BLANK, 2, 1448), "GSO of the wrong IP"},
	{"tx-gso-not-blank", hostile_tx_gso, GSO(0, 1, 1448), "GSO without csum_blank"},
	{"tx-gso-size-1", hostile_tx_gso, GSO(BLANK, 1, 1), "segments of one byte"},
	{"tx-extra-type-0", hostile_tx_extra_type, 0, "extra of type 0"},
	{"tx-extra-type-5", hostile_tx_extra_type, 5, "extra of the first free type"},
	{"tx-extra-type-255", hostile_tx_extra_type, 255, "extra of type 255"},
	{"tx-extra-chain-8", hostile_tx_extra_chain, 8, "GSO extra eight times"},
	{"tx-extra-chain-250", hostile_tx_extra_chain, 250, "a ring full of extras"},
	{"tx-blank-unknown", hostile_tx_blank_unknown, 0, "csum_blank on what is not IP"},
	{"tx-ip-too-long", hostile_tx_headers_lie, 0, "IP length beyond the frame"},
	{"tx-ip-header-60", hostile_tx_headers_lie, 1, "IP header beyond the frame"},
	{"tx-tcp-header-60", hostile_tx_headers_lie, 2, "TCP header beyond the frame"},
	{"tx-req-prod-jump", hostile_tx_index, 1000, "producer beyond the ring"},
	{"tx-req-prod-257", hostile_tx_index, 257, "producer one beyond the ring"},
	{"tx-req-prod-back", hostile_tx_index, -8, "producer moved back"},
	{"tx-rsp-prod", hostile_tx_rsp_prod, 100, "the backend's index rewritten"},
	{"tx-page-changes", hostile_tx_page_changes, 0, "headers change under the reader"},
	{"tx-ring-changes", hostile_tx_ring_changes, 0, "requests change under the reader"},
	{"rx-gref-bad", hostile_rx_gref, NO_GREF, "buffers without a grant"},
	{"rx-gref-readonly", hostile_rx_readonly, 0, "buffers that may not be written"},
	{"rx-req-prod-jump", hostile_rx_index, 1000, "producer beyond the ring"},
	{"rx-req-prod-back", hostile_rx_index, -300, "producer moved back"},
	{"rx-rsp-prod", hostile_rx_rsp_prod, 100, "the backend's index rewritten"},
	{"rx-no-buffers", hostile_rx_starve, 0, "buffers are never given again"},
	{"rx-one-buffer", hostile_rx_starve, 1, "always one buffer (XSA-392)"},
	{"notify-storm-tx", hostile_notify_storm, 0, "events without work"},
	{"notify-storm-rx", hostile_notify_storm, 1, "events without work"},
	{"ports-gone", hostile_ports_gone, 0, "ports closed while connected"},
	{"state-flood", hostile_state_flood, 0, "states at full speed"},
	{"state-number", hostile_state_text, 0, "a state of 99"},
	{"state-word", hostile_state_text, 1, "a state that is no number"},
	{"state-nul", hostile_state_text, 2, "a state with a NUL in it"},
	{"state-long", hostile_state_text, 3, "a state of two thousand digits"},
	{"key-flood", hostile_key_flood, 0, "a key rewritten at full speed"},
};

const unsigned int hostile_nr_ways = sizeof(hostile_ways) / sizeof(hostile_ways[0]);

void hostile_linger(struct hostile *h)
{
	for (int i = 0; i < 10; i++)
		shim_poll(h->s, NULL, 0, 10);
}
