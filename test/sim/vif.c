/* SPDX-License-Identifier: MIT */
/* vif.c: queues of packets */
#include "test/sim/vif.h"

#include <stddef.h>

void fifo_push(struct fifo *fifo, struct packet packet)
{
	fifo->slot[(fifo->head + fifo->count++) % VIF_TAP] = packet;
}

struct packet fifo_pop(struct fifo *fifo)
{
	struct packet packet = fifo->slot[fifo->head];

	fifo->head = (fifo->head + 1) % VIF_TAP;
	fifo->count--;
	return packet;
}

void vif_init(struct vif *vif, struct guest *guest, struct vcpu *worker)
{
	vif->guest = guest;
	vif->worker = worker;
	vif->rx_free = VIF_RING;
	vif->rx_armed = true;
}

void vif_note_starved(struct vif *vif, int64_t now)
{
	bool starved = vif->tap.count && !vif->rx_free;

	if (vif->starved_since)
		vif_add(vif, starved_ns, now - vif->starved_since);
	vif->starved_since = starved ? now : 0;
}

bool vif_receive(struct vif *vif, struct packet packet, int64_t now)
{
	vif_add(vif, offered, 1);
	if (vif->tap.count == VIF_TAP) {
		vif_add(vif, dropped, 1);
		return false;
	}
	packet.came = now;
	fifo_push(&vif->tap, packet);
	vif_note_starved(vif, now);
	if (vif->rx_free)
		vcpu_kick(vif->worker);
	return true;
}
