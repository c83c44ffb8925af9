/* SPDX-License-Identifier: MIT */
/* tx.c: packets from the guest's tx ring to the port */
#include "tx.h"

#include <endian.h>
#include <errno.h>
#include <net/ethernet.h>
#include <string.h>
#include <sys/mman.h>

#include "netback/engine/clock.h"
#include "netback/engine/queue.h"
#include "netback/engine/worker.h"

int tx_init(struct tx *tx, uint16_t domid)
{
	tx->pages = mmap(NULL, RING_SLOTS * COPY_PAGE_SIZE, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
	if (tx->pages == MAP_FAILED) {
		tx->pages = NULL;
		return -ENOMEM;
	}
	copy_init(&tx->copy, domid);
	return 0;
}

void tx_release(struct tx *tx)
{
	if (tx->pages)
		munmap(tx->pages, RING_SLOTS * COPY_PAGE_SIZE);
	tx->pages = NULL;
}

void tx_police(struct queue *q)
{
	rate_set(&q->tx.rate, &q->policy.tx_rate, &q->memory->tx_rate, clock_ns());
}

static struct tx_slot *slot_at(struct tx *tx, RING_IDX idx)
{
	return &tx->slot[idx % RING_SLOTS];
}

/* Where a slot's data lies here: at the page offset it has in the guest, unless it is small. */
static uint8_t *data_at(struct tx *tx, RING_IDX idx)
{
	const struct tx_slot *slot = slot_at(tx, idx);

	if (slot->small)
		return slot->small;
	return tx->pages + (idx % RING_SLOTS) * COPY_PAGE_SIZE + slot->offset;
}

/* The guest changes its list; the request it comes with is no packet. */
static void change_mcast(struct queue *q, struct tx_packet *p, const struct netif_extra_info *info)
{
	struct mcast *mcast = &q->memory->mcast;

	p->no_data = true;
	stats_inc(&q->stats->mcast_changes);
	if (info->type == XEN_NETIF_EXTRA_TYPE_MCAST_DEL) {
		mcast_del(mcast, info->u.mcast.addr);
	} else if (!mcast_add(mcast, info->u.mcast.addr)) {
		stats_inc(&q->stats->mcast_refused);
		p->status = NETIF_RSP_ERROR;
	}
}

static int note_extra(struct queue *q, struct tx_packet *p, const struct netif_extra_info *info)
{
	switch (info->type) {
	case XEN_NETIF_EXTRA_TYPE_GSO:
		if (!offload_gso_valid(info))
			return -EPROTO;
		p->gso_size = info->u.gso.size;
		p->gso_type = info->u.gso.type;
		return 0;
	case XEN_NETIF_EXTRA_TYPE_HASH:
		return 0; /* a hint only, and the port picks its own queues */
	case XEN_NETIF_EXTRA_TYPE_MCAST_ADD:
	case XEN_NETIF_EXTRA_TYPE_MCAST_DEL:
		change_mcast(q, p, info);
		return 0;
	default:
		return -EPROTO;
	}
}

/* Extra infos follow the first request, each in a request's place. Returns how many, or -EPROTO. */
static int take_extras(struct queue *q, RING_IDX idx, unsigned int avail, struct tx_packet *p,
		       const char **ret_why)
{
	union {
		netif_tx_request_t req;
		struct netif_extra_info info;
	} u;
	unsigned int n = 0;

	do {
		if (n == avail) {
			*ret_why = "tx ring: an extra info is missing";
			return -EPROTO;
		}
		ring_tx_copy(&q->tx_ring, idx + n, &u.req);
		*slot_at(&q->tx, idx + n) = (struct tx_slot){.extra = true};
		n++;
		if (note_extra(q, p, &u.info) < 0) {
			*ret_why = "tx ring: an invalid extra info";
			return -EPROTO;
		}
	} while (u.info.flags & XEN_NETIF_EXTRA_FLAG_MORE);
	return (int)n;
}

static uint16_t take_slot(struct queue *q, RING_IDX idx, struct tx_slot **ret_slot)
{
	netif_tx_request_t req;

	ring_tx_copy(&q->tx_ring, idx, &req);
	*ret_slot = slot_at(&q->tx, idx);
	**ret_slot = (struct tx_slot){
		.ref = req.gref,
		.id = req.id,
		.offset = req.offset,
		.size = req.size,
	};
	return req.flags;
}

/*
 * The requests that go on with the data of the one at `first`. They are walked to the end even if the
 * packet turns out wrong, because each wants its response. Afterwards the first slot's size is what
 * that request itself holds. Returns how many there are, or -EPROTO.
 */
static int take_fragments(struct queue *q, struct tx_packet *p, RING_IDX idx, unsigned int avail,
			  const char **ret_why)
{
	struct tx_slot *first = slot_at(&q->tx, p->first), *slot;
	bool more = p->flags & NETTXF_more_data;
	unsigned int n = 0;

	while (more) {
		if (n == avail) {
			*ret_why = "tx ring: a packet's last request is missing";
			return -EPROTO;
		}
		if (n == TX_FATAL_SLOTS) {
			*ret_why = "tx ring: a packet of too many slots";
			return -EPROTO;
		}
		more = take_slot(q, idx + n, &slot) & NETTXF_more_data;
		if (slot->offset + slot->size > COPY_PAGE_SIZE) {
			*ret_why = "tx ring: a request crosses its page";
			return -EPROTO;
		}
		/* Old guests send frames at the 64 KiB edge, whose total has wrapped. */
		if (slot->size > first->size)
			p->bad_length = true;
		if (n >= TX_MAX_SLOTS)
			p->too_many_slots = true;
		first->size -= slot->size;
		n++;
	}
	return (int)n;
}

/* True if the packet may go on; else it is none, or has its counter and answers ERROR. */
static bool check_packet(struct queue *q, struct tx_packet *p)
{
	struct stats_queue *stats = q->stats;

	if (p->no_data)
		return false;
	if (p->too_many_slots)
		goto drop_tx_too_many_slots;
	if (p->bad_length)
		goto drop_tx_bad_length;
	if (slot_at(&q->tx, p->first)->size < ETHER_HDR_LEN)
		goto drop_tx_runt;
	return true;

drop_tx_too_many_slots:
	stats_inc(&stats->drop_tx_too_many_slots);
	goto drop;
drop_tx_bad_length:
	stats_inc(&stats->drop_tx_bad_length);
	goto drop;
drop_tx_runt:
	stats_inc(&stats->drop_tx_runt);
drop:
	p->status = NETIF_RSP_ERROR;
	return false;
}

/* Empty slots have nothing to copy (XSA-448). */
static void add_copies(struct queue *q, struct tx_packet *p)
{
	struct tx *tx = &q->tx;

	p->first_segment = tx->copy.nr;
	for (RING_IDX idx = p->first; idx != p->first + p->nr_slots; idx++) {
		struct tx_slot *slot = slot_at(tx, idx);

		if (slot->extra || slot->size == 0)
			continue;
		slot->small = selfgrant_take(tx->copy.selfgrant, PORT_HEADER_BYTES, slot->size);
		copy_from_guest(&tx->copy, slot->ref, slot->offset, data_at(tx, idx), slot->size);
	}
	p->nr_segments = tx->copy.nr - p->first_segment;
}

/* One packet off the ring. Returns its number of requests, or -EPROTO. */
static int take_packet(struct queue *q, unsigned int avail, const char **ret_why)
{
	struct tx_packet *p = &q->tx.packet[q->tx.nr_packets];
	struct tx_slot *first;
	unsigned int n = 1;
	int ret;

	*p = (struct tx_packet){.first = q->tx_ring.req_cons, .status = NETIF_RSP_OKAY};
	p->flags = take_slot(q, p->first, &first);
	p->size = first->size;

	if (p->flags & NETTXF_extra_info) {
		ret = take_extras(q, p->first + n, avail - n, p, ret_why);
		if (ret < 0)
			return ret;
		n += (unsigned int)ret;
	}
	if (!p->no_data) {
		ret = take_fragments(q, p, p->first + n, avail - n, ret_why);
		if (ret < 0)
			return ret;
		n += (unsigned int)ret;
	}
	p->nr_slots = (uint16_t)n;

	if (check_packet(q, p)) {
		if (first->offset + first->size > COPY_PAGE_SIZE) {
			*ret_why = "tx ring: a request crosses its page";
			return -EPROTO;
		}
		add_copies(q, p);
	}
	return (int)n;
}

/* May another packet go? What goes is charged whatever becomes of it, like Linux does. */
static bool has_credit(struct queue *q, uint64_t now)
{
	struct tx *tx = &q->tx;
	uint64_t until = rate_wait(&tx->rate, now);

	stats_add(&q->stats->tx_limited, until && !tx->wait_until);
	tx->wait_until = until;
	return !until;
}

static int take_all(struct queue *q, const char **ret_why)
{
	struct tx *tx = &q->tx;
	uint64_t now = rate_limits(&tx->rate) ? clock_ns() : 0;
	int avail, n;

	tx->deficit = min(tx->deficit + TX_QUANTUM, TX_QUANTUM);
	avail = ring_tx_unconsumed(&q->tx_ring);
	if (avail < 0)
		*ret_why = "tx ring: the producer index makes no sense";
	if (avail <= 0)
		tx->wait_until = 0; /* the guest may take back what waits */
	if (avail > 0) {
		stats_inc(&q->stats->tx_looks);
		stats_add(&q->stats->tx_depth, (uint64_t)avail + tx->nr_held);
	}

	while (avail > 0 && tx->deficit > 0 && has_credit(q, now)) {
		n = take_packet(q, (unsigned int)avail, ret_why);
		if (n < 0)
			return n;
		rate_charge(&tx->rate, now, tx->packet[tx->nr_packets].size);
		q->tx_ring.req_cons += (RING_IDX)n;
		tx->nr_packets++;
		tx->deficit -= n;
		avail -= n;
		stats_add(&q->stats->tx_slots, (uint64_t)n);
	}
	return min(avail, 0);
}

static void add_iov(struct tx *tx, void *base, size_t len)
{
	tx->iov[tx->nr_iov++] = (struct iovec){base, len};
}

/* The packet's first bytes, put together in p->header (XSA-423). */
static void gather_head(struct tx *tx, struct tx_packet *p, struct tx_head *head)
{
	uint8_t *to = p->header + VLAN_TAG_BYTES;
	size_t want = min((size_t)p->size, (size_t)OFFLOAD_HEADER_BYTES), have = 0;

	for (RING_IDX idx = p->first; have < want; idx++) {
		size_t n = min((size_t)slot_at(tx, idx)->size, want - have);

		memcpy(to + have, data_at(tx, idx), n);
		have += n;
	}
	*head = (struct tx_head){to, (uint32_t)want, (uint32_t)want};
}

/* The same where they are, if that is in one slot. */
static void find_head(struct tx *tx, struct tx_packet *p, struct tx_head *head)
{
	struct tx_slot *slot = slot_at(tx, p->first);

	if (slot->size < min((uint32_t)p->size, (uint32_t)OFFLOAD_HEADER_BYTES))
		gather_head(tx, p, head);
	else
		*head = (struct tx_head){data_at(tx, p->first), slot->size, 0};
}

/* False: not a VLAN it may send to. */
static bool set_vlan(struct queue *q, struct tx_packet *p, struct tx_head *head)
{
	uint16_t tci;

	switch (vlan_from_guest(&q->policy.vlan, head->bytes, head->len, &tci)) {
	case VLAN_DROP:
		return false;
	case VLAN_RETAG:
		vlan_set(head->bytes, tci);
		return true;
	case VLAN_TAG:
		if (!head->stands_for)
			gather_head(&q->tx, p, head);
		head->bytes = vlan_push(head->bytes, tci);
		head->len += VLAN_TAG_BYTES;
		p->length += VLAN_TAG_BYTES;
		return true;
	default:
		return true;
	}
}

static int set_offload(struct tx_packet *p, const struct tx_head *head)
{
	struct offload_tx in = {
		.frame = head->bytes,
		.linear = head->len,
		.len = p->length,
		.csum_blank = p->flags & NETTXF_csum_blank,
		.data_validated = p->flags & NETTXF_data_validated,
		.gso_size = p->gso_size,
		.gso_type = p->gso_type,
	};

	return offload_from_guest(&in, &p->hdr);
}

/* Segments count, not what they are cut from. */
static bool fits_mtu(const struct queue *q, const struct tx_packet *p, const struct tx_head *head)
{
	uint32_t length = p->length;

	if (!q->policy.mtu)
		return true;
	if (p->hdr.gso_type != VIRTIO_NET_HDR_GSO_NONE)
		length = le16toh(p->hdr.hdr_len) + le16toh(p->hdr.gso_size);
	return vlan_payload(head->bytes, head->len, length) <= q->policy.mtu;
}

/* Most packets are handed on without a look inside. */
static bool wants_look(const struct queue *q, const struct tx_packet *p)
{
	return p->flags & NETTXF_csum_blank || p->gso_size || q->policy.vlan.filter ||
	       (q->policy.mtu && p->size > ETHER_HDR_LEN + q->policy.mtu);
}

/*
 * A packet in one slot goes as one piece, with its header right before it in the slot's page: the kernel is spared
 * a list to look at. False: the guest's data begins too early in its page, or is not alone.
 */
static bool join_header(struct tx *tx, struct tx_packet *p, const struct tx_head *head)
{
	const struct tx_slot *slot = slot_at(tx, p->first);
	uint8_t *to = data_at(tx, p->first) - PORT_HEADER_BYTES;

	if (head->stands_for || slot->size != p->size ||
	    (!slot->small && slot->offset < PORT_HEADER_BYTES))
		return false;
	memcpy(to, &p->hdr, PORT_HEADER_BYTES);
	add_iov(tx, to, PORT_HEADER_BYTES + (size_t)slot->size);
	return true;
}

static void list_pieces(struct tx *tx, struct tx_packet *p, const struct tx_head *head)
{
	size_t skip = head->stands_for;

	add_iov(tx, &p->hdr, PORT_HEADER_BYTES);
	if (skip)
		add_iov(tx, head->bytes, head->len);
	for (RING_IDX idx = p->first; idx != p->first + p->nr_slots; idx++) {
		size_t size = slot_at(tx, idx)->size, cut = min(size, skip);

		skip -= cut;
		if (size > cut)
			add_iov(tx, data_at(tx, idx) + cut, size - cut);
	}
}

static void write_packet(struct queue *q, struct tx_packet *p, const struct tx_head *head)
{
	struct tx *tx = &q->tx;
	unsigned int first_iov = tx->nr_iov;

	if (!join_header(tx, p, head))
		list_pieces(tx, p, head);
	port_write(&q->port, &q->worker->io, &tx->iov[first_iov], tx->nr_iov - first_iov,
		   &p->written);
	p->queued = true;
	stats_inc(&q->stats->port_ops);
}

/* Hand one packet to the port. */
static void send_packet(struct queue *q, struct tx_packet *p)
{
	struct tx_head head = {0};
	bool look = wants_look(q, p);

	p->length = p->size;
	if (!copy_ok(&q->tx.copy, p->first_segment, p->nr_segments))
		goto drop_tx_copy_failed;
	if (look)
		find_head(&q->tx, p, &head);
	if (look && !set_vlan(q, p, &head))
		goto drop_tx_vlan;
	if (set_offload(p, &head) < 0)
		goto drop_tx_bad_offload;
	if (look && !fits_mtu(q, p, &head))
		goto drop_tx_over_mtu;
	write_packet(q, p, &head);
	return;

drop_tx_copy_failed:
	stats_inc(&q->stats->drop_tx_copy_failed);
	goto drop;
drop_tx_vlan:
	stats_inc(&q->stats->drop_tx_vlan);
	goto drop;
drop_tx_bad_offload:
	stats_inc(&q->stats->drop_tx_bad_offload);
	goto drop;
drop_tx_over_mtu:
	stats_inc(&q->stats->drop_tx_over_mtu);
drop:
	p->status = NETIF_RSP_ERROR;
}

int tx_begin(struct queue *q, const char **ret_why)
{
	struct tx *tx = &q->tx;
	int ret, queued = 0;

	tx->nr_packets = 0;
	tx->nr_iov = 0;
	copy_reset(&tx->copy);
	/* As in rx_begin: this round publishes what there is, and then the thread goes to sleep. */
	if (tx->hold_ns && !tx->passed) {
		tx->passed = true;
		return 0;
	}
	tx->hold_ns = 0;
	tx->passed = false;

	ret = take_all(q, ret_why);
	if (ret < 0)
		return ret;

	copy_flush(&tx->copy, q->worker->gnttab);
	for (unsigned int i = 0; i < tx->nr_packets; i++) {
		struct tx_packet *p = &tx->packet[i];

		if (p->no_data || p->status != NETIF_RSP_OKAY)
			continue;
		send_packet(q, p);
		queued += p->queued;
	}
	return queued;
}

/* What became of a packet that the port was given. */
static void settle(struct queue *q, struct tx_packet *p)
{
	struct stats_queue *stats = q->stats;

	switch (port_result(p->written)) {
	case PORT_DONE:
		break;
	case PORT_AGAIN:
		goto drop_tx_port_busy;
	case PORT_DOWN:
		goto drop_tx_port_down;
	case PORT_REFUSED:
		goto drop_tx_port_refused;
	}
	stats_inc(&stats->tx_packets);
	stats_add(&stats->tx_bytes, p->size);
	stats_add(&stats->tx_small, p->size <= STATS_SMALL_BYTES);
	stats_add(&stats->tx_large, p->size >= STATS_LARGE_BYTES);
	stats_add(&stats->tx_gso_packets, p->gso_size != 0);
	stats_add(&stats->tx_csum_blank, p->hdr.flags == VIRTIO_NET_HDR_F_NEEDS_CSUM);
	return;

	/* The guest did nothing wrong: for it the packet is sent, and lost as on any wire. */
drop_tx_port_busy:
	stats_inc(&stats->drop_tx_port_busy);
	return;
drop_tx_port_down:
	stats_inc(&stats->drop_tx_port_down);
	return;
drop_tx_port_refused:
	stats_inc(&stats->drop_tx_port_refused);
}

bool tx_publish(struct queue *q)
{
	if (q->tx.nr_held == 0)
		return false;
	q->tx.nr_held = 0;
	return journal_publish_tx(&q->journal->tx, &q->tx_ring);
}

int tx_idle(struct queue *q, uint64_t *deadline)
{
	struct tx *tx = &q->tx;

	tx->hold_ns = max(tx->hold_ns, coalesce_rest(&tx->coalesce));
	if (tx->wait_until) {
		tx->hold_ns = 0;
		*deadline = min(*deadline, tx->wait_until);
		return 0;
	}
	return tx->hold_ns ? min(ring_tx_unconsumed(&q->tx_ring), 0) : ring_tx_arm(&q->tx_ring, 1);
}

/* Whether to let packets gather before the next round. */
static void adapt(struct tx *tx)
{
	/* In debt there are requests that wait for us already. */
	bool full = tx->deficit <= 0 || tx->nr_packets >= TX_FULL_PACKETS;
	uint64_t bytes = 0;

	for (unsigned int i = 0; i < tx->nr_packets; i++)
		bytes += tx->packet[i].size;
	tx->hold_ns = coalesce_frames(&tx->coalesce, tx->nr_packets, bytes, full);
}

bool tx_end(struct queue *q)
{
	struct tx *tx = &q->tx;

	if (tx->nr_packets)
		adapt(tx);

	for (unsigned int i = 0; i < tx->nr_packets; i++) {
		struct tx_packet *p = &tx->packet[i];

		tx->nr_held += p->nr_slots;
		if (p->queued)
			settle(q, p);
		for (RING_IDX idx = p->first; idx != p->first + p->nr_slots; idx++) {
			const struct tx_slot *slot = slot_at(tx, idx);

			journal_note_tx(&q->journal->tx, slot->id,
					slot->extra ? NETIF_RSP_NULL : p->status);
		}
	}
	if (tx->nr_packets && tx->nr_held < TX_HOLD_SLOTS)
		return false;
	return tx_publish(q);
}
