/* SPDX-License-Identifier: MIT */
/* load.c: arrivals and clients */
#include "test/sim/load.h"

#include "netback/common/util.h"
#include "test/sim/guest.h"

/* --- open --- */

static void set_arrival(struct load *load)
{
	double rate = load->pps / max(load->burst, 1u);

	if (rate > 0 && !load->off)
		timer_set(load->clock, &load->arrival,
			  load->clock->now + random_exp(&load->random, (double)SIM_S / rate));
}

static void arrive(struct timer *timer)
{
	struct load *load = container_of(timer, struct load, arrival);
	unsigned int i;

	for (i = 0; i < max(load->burst, 1u); i++)
		vif_receive(&load->guest->vif,
			    (struct packet){.kind = PACKET_DATA, .size = load->size},
			    load->clock->now);
	set_arrival(load);
}

static void phase_ends(struct timer *timer)
{
	struct load *load = container_of(timer, struct load, phase);

	load->off = !load->off;
	timer_set(load->clock, timer, load->clock->now + (load->off ? load->off_ns : load->on_ns));
	if (load->off)
		timer_stop(load->clock, &load->arrival);
	else
		set_arrival(load);
}

/* --- closed --- */

static void request(struct timer *timer)
{
	struct client *client = container_of(timer, struct client, timer);
	struct load *load = client->load;
	struct packet packet = {.kind = PACKET_REQUEST, .size = load->size, .client = client};

	if (!client->sent)
		client->sent = load->clock->now - load->wire_ns;
	if (!vif_receive(&load->guest->vif, packet, load->clock->now))
		timer_set(load->clock, timer, load->clock->now + LOAD_RETRY_NS);
}

void load_deliver(struct packet packet, int64_t now)
{
	struct client *client = packet.client;
	struct load *load;
	int64_t pause;

	if (!client || !client->sent) /* of a load that has changed since */
		return;
	load = client->load;
	if (packet.kind != PACKET_ANSWER) {
		timer_set(load->clock, &client->timer, now + LOAD_RETRY_NS);
		return;
	}
	load->answers++;
	histogram_add(&load->answer, (uint64_t)(now + load->wire_ns - client->sent));
	client->sent = 0;
	pause = load->think_ns ? random_exp(&load->random, (double)load->think_ns) : 0;
	timer_set(load->clock, &client->timer, now + pause + 2 * load->wire_ns);
}

/* --- both --- */

void load_stop(struct load *load)
{
	unsigned int i;

	timer_stop(load->clock, &load->arrival);
	timer_stop(load->clock, &load->phase);
	for (i = 0; i < LOAD_CLIENTS; i++) {
		timer_stop(load->clock, &load->client[i].timer);
		load->client[i].sent = 0;
	}
}

void load_start(struct load *load)
{
	unsigned int i;

	load_stop(load);
	load->off = false;
	load->arrival.fire = arrive;
	load->phase.fire = phase_ends;
	set_arrival(load);
	if (load->on_ns)
		timer_set(load->clock, &load->phase, load->clock->now + load->on_ns);
	for (i = 0; i < load->nr_clients; i++) {
		struct client *client = &load->client[i];

		client->load = load;
		client->timer.fire = request;
		timer_set(load->clock, &client->timer,
			  load->clock->now + random_exp(&load->random, (double)SIM_MS));
	}
}
