/* SPDX-License-Identifier: MIT */
/* guest.c: NAPI, services, hogs */
#include "test/sim/guest.h"

#include "test/sim/netback.h"

static const int64_t HOG_NS = SIM_S;

static int64_t now_of(const struct guest *guest)
{
	return guest->dom->host->clock.now;
}

static int64_t take(struct guest *guest)
{
	struct vif *vif = &guest->vif;
	int64_t cost = guest->cost_ns;

	if (!vif->rx.count)
		return 0;
	if (vif->kicked_ns) {
		vif_time(vif, offsetof(struct vif_stats, kick), now_of(guest) - vif->kicked_ns);
		vif->kicked_ns = 0;
		cost += guest->irq_ns;
	}
	guest->in_hand = fifo_pop(&vif->rx);
	return cost;
}

static int64_t next(struct vcpu *vcpu)
{
	struct guest *guest = vcpu->dom->guest;
	int64_t cost = 0;

	if (!vcpu->id && guest->netback) {
		cost = take(guest);
		if (!cost)
			guest->vif.rx_armed = true;
	}
	if (cost || !guest->hog)
		return cost;
	vcpu->background = true;
	if (guest->hog_left[vcpu->id])
		return guest->hog_left[vcpu->id];
	return guest->junk_ns ? guest->junk_ns : HOG_NS;
}

static void transmit(struct guest *guest, struct packet packet)
{
	struct vif *vif = &guest->vif;

	if (vif->tx.count == VIF_RING) {
		vif_add(vif, tx_dropped, 1);
		vif->tx_full = true;
		return;
	}
	fifo_push(&vif->tx, packet);
	vcpu_kick(vif->worker);
}

/* What the service does with a packet, at the end of its work on it. */
static void serve(struct guest *guest, struct packet packet)
{
	switch (packet.kind) {
	case PACKET_REQUEST:
		packet.kind = guest->peer ? PACKET_FORWARD : PACKET_ANSWER;
		packet.via = guest;
		break;
	case PACKET_FORWARD:
		packet.kind = PACKET_RETURN;
		break;
	case PACKET_RETURN:
		packet.kind = PACKET_ANSWER;
		break;
	default:
		return;
	}
	transmit(guest, packet);
}

static void post_buffers(struct guest *guest)
{
	struct vif *vif = &guest->vif;

	vif->rx_free += vif->rx_spent;
	vif->rx_spent = guest->polled = 0;
	vif_note_starved(vif, now_of(guest));
	if (vif->tap.count)
		vcpu_kick(vif->worker);
}

static void done(struct vcpu *vcpu)
{
	struct guest *guest = vcpu->dom->guest;
	struct vif *vif = &guest->vif;

	if (vcpu->background) {
		guest->hog_left[vcpu->id] = 0;
		if (guest->junk_ns)
			transmit(guest, (struct packet){.kind = PACKET_JUNK, .size = 64});
		return;
	}
	vif_time(vif, offsetof(struct vif_stats, sojourn), now_of(guest) - guest->in_hand.came);
	vif->rx_spent++;
	serve(guest, guest->in_hand);
	if (++guest->polled == GUEST_BUDGET || !vif->rx.count)
		post_buffers(guest);
}

static void cut(struct vcpu *vcpu, int64_t left)
{
	struct guest *guest = vcpu->dom->guest;

	guest->hog_left[vcpu->id] = left;
}

const struct guest_ops guest_ops = {.next = next, .done = done, .cut = cut};
