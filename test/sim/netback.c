/* SPDX-License-Identifier: MIT */
/* netback.c: rounds over vifs */
#include "test/sim/netback.h"

#include <string.h>

#include "netback/common/log.h"
#include "netback/common/util.h"
#include "test/sim/guest.h"

static const int64_t HOG_NS = SIM_S;

static struct netback_worker *worker_of(const struct vcpu *vcpu)
{
	struct netback *netback = vcpu->dom->guest;

	return &netback->worker[vcpu->id];
}

static int64_t take(const struct netback *netback, struct netback_worker *worker, struct vif *vif)
{
	unsigned int movable = min(vif->tap.count, vif->rx_free);
	int64_t cost;

	worker->nr_tx = min(vif->tx.count, (unsigned int)NETBACK_TX_BATCH);
	worker->nr_rx = min(movable, (unsigned int)NETBACK_RX_BATCH);
	if (!worker->nr_tx && !worker->nr_rx)
		return 0;
	worker->in_hand = vif;
	cost = netback->round_ns + worker->nr_tx * netback->tx_ns + worker->nr_rx * netback->rx_ns;
	vif_add(vif, netback_ns, cost);
	return cost;
}

static int64_t next(struct vcpu *vcpu)
{
	struct netback *netback = vcpu->dom->guest;
	struct netback_worker *worker = worker_of(vcpu);
	unsigned int i;

	for (i = 0; i < netback->nr_vifs; i++) {
		struct vif *vif = netback->vif[worker->turn++ % netback->nr_vifs];
		int64_t cost = vif->worker == vcpu ? take(netback, worker, vif) : 0;

		if (cost)
			return cost;
	}
	if (!netback->hog)
		return 0;
	vcpu->background = true;
	return worker->hog_left ? worker->hog_left : HOG_NS;
}

static void send(struct netback *netback, struct packet packet, int64_t now)
{
	struct guest *to = NULL;

	if (packet.kind == PACKET_FORWARD)
		to = packet.via->peer;
	else if (packet.kind == PACKET_RETURN)
		to = packet.via;
	if (!to || !vif_receive(&to->vif, packet, now))
		netback->deliver(packet, now);
}

static void do_tx(struct netback *netback, struct vif *vif, unsigned int nr, int64_t now)
{
	while (nr--) {
		struct packet packet = fifo_pop(&vif->tx);

		vif_add(vif, tx_packets, 1);
		vif_add(vif, bytes, packet.size);
		vif_add(vif, small, packet.size <= 128);
		vif_add(vif, large, packet.size >= 1024);
		send(netback, packet, now);
	}
	if (vif->tx_full) {
		vif->tx_full = false;
		vcpu_kick(vif->guest->dom->vcpu[0]);
	}
}

static void do_rx(struct vif *vif, unsigned int nr, int64_t now)
{
	vif->rx_free -= nr;
	while (nr--) {
		struct packet packet = fifo_pop(&vif->tap);

		vif_add(vif, rx_packets, 1);
		vif_add(vif, bytes, packet.size);
		vif_add(vif, small, packet.size <= 128);
		vif_add(vif, large, packet.size >= 1024);
		fifo_push(&vif->rx, packet);
	}
	vif_note_starved(vif, now);
	if (vif->rx_armed) {
		vif->rx_armed = false;
		vif->kicked_ns = now;
		vif_add(vif, events, 1);
		vcpu_kick(vif->guest->dom->vcpu[0]);
	}
}

static void done(struct vcpu *vcpu)
{
	struct netback *netback = vcpu->dom->guest;
	struct netback_worker *worker = worker_of(vcpu);
	struct vif *vif = worker->in_hand;
	int64_t now = vcpu->dom->host->clock.now;

	if (vcpu->background) {
		worker->hog_left = 0;
		return;
	}
	if (!vif)
		return; /* it went while we were at it */
	worker->in_hand = NULL;
	if (worker->nr_tx)
		do_tx(netback, vif, worker->nr_tx, now);
	if (worker->nr_rx)
		do_rx(vif, worker->nr_rx, now);
}

static void cut(struct vcpu *vcpu, int64_t left)
{
	worker_of(vcpu)->hog_left = left;
}

const struct guest_ops netback_ops = {.next = next, .done = done, .cut = cut};

static unsigned int served_by(const struct netback *netback, const struct vcpu *vcpu)
{
	unsigned int i, n = 0;

	for (i = 0; i < netback->nr_vifs; i++)
		n += netback->vif[i]->worker == vcpu;
	return n;
}

void netback_add(struct netback *netback, struct vif *vif, struct guest *guest)
{
	struct vcpu *least = netback->dom->vcpu[0];
	unsigned int i;

	if (netback->nr_vifs == NETBACK_VIFS)
		die("more than %d vifs", NETBACK_VIFS);
	for (i = 1; i < netback->dom->nr_vcpus; i++) {
		if (served_by(netback, netback->dom->vcpu[i]) < served_by(netback, least))
			least = netback->dom->vcpu[i];
	}
	vif_init(vif, guest, least);
	netback->vif[netback->nr_vifs++] = vif;
}

void netback_remove(struct netback *netback, struct vif *vif)
{
	unsigned int i;

	for (i = 0; i < HOST_VCPUS; i++) {
		if (netback->worker[i].in_hand == vif)
			netback->worker[i].in_hand = NULL;
	}
	for (i = 0; i < netback->nr_vifs; i++) {
		if (netback->vif[i] == vif)
			break;
	}
	if (i < netback->nr_vifs)
		netback->vif[i] = netback->vif[--netback->nr_vifs];
}
