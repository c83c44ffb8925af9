/* SPDX-License-Identifier: MIT */
/* Event channels: Xen's port states and the Linux driver's mask, lock-free. */
#include "machine.h"

#include <errno.h>
#include <linux/futex.h>
#include <sys/syscall.h>
#include <unistd.h>

/*
 * The life of an event, as a word per port:
 *
 *     0 --raise--> PENDING --take--> MASKED --unmask--> 0
 *                     ^                | raise
 *                     |                v
 *                     |        MASKED|PENDING --unmask--> MASKED, taken again
 *
 * Raising a port that is PENDING changes nothing: events coalesce. The step
 * from 0 to PENDING rings the bell of the owner's channel, the step from MASKED
 * its late bell: only then has anybody to look for the user's unmask.
 */

static struct machine_port *find_port(uint32_t slot, uint32_t port)
{
	if (port == 0 || port >= MACHINE_PORTS)
		return NULL;
	return &machine_domain(slot)->ports[port];
}

static int alloc_port(uint32_t slot)
{
	struct machine_domain *d = machine_domain(slot);
	uint32_t i;

	/* Round robin: an unmask still on its way must not meet the next owner. */
	for (i = 0; i < MACHINE_PORTS; i++) {
		uint32_t port = (d->port_hint + i) % MACHINE_PORTS;

		if (port && port_state(d->ports[port].link) == PORT_FREE) {
			d->port_hint = port + 1;
			return port;
		}
	}
	return -ENOSPC;
}

static void ring(_Atomic uint32_t *bell, _Atomic uint32_t *sleeping)
{
	/* Pairs with the owner's store to sleeping before its last look. */
	atomic_fetch_add(bell, 1);
	if (atomic_load(sleeping))
		syscall(SYS_futex, bell, FUTEX_WAKE, 1, NULL, NULL, 0);
}

static void add_port(struct machine_port_set *set, uint32_t port)
{
	atomic_fetch_or(&set->bits[port / 64], UINT64_C(1) << port % 64);
	atomic_fetch_or(&set->words, UINT64_C(1) << port / 64);
}

void port_raise(struct machine_port *p, uint32_t port)
{
	uint32_t owner = atomic_load(&p->owner);
	uint32_t before = atomic_fetch_or(&p->event, EVENT_PENDING);
	struct machine_channel *c;

	if (owner >= MACHINE_CHANNELS || before & EVENT_PENDING)
		return;
	c = &machine_view.m->channels[owner];
	if (before & EVENT_MASKED) {
		add_port(&c->late, port);
		ring(&c->late_bell, &c->late_sleeping);
	} else {
		add_port(&c->ready, port);
		ring(&c->bell, &c->sleeping);
	}
}

void port_raise_virq(uint32_t slot, uint32_t virq)
{
	struct machine_domain *d = machine_domain(slot);

	for (uint32_t i = 1; i < MACHINE_PORTS; i++) {
		uint64_t link = atomic_load(&d->ports[i].link);

		if (port_state(link) == PORT_VIRQ && port_remote_port(link) == virq)
			port_raise(&d->ports[i], i);
	}
}

int port_send(uint32_t slot, uint32_t port)
{
	struct machine_port *p = find_port(slot, port);
	uint64_t link;

	if (!p)
		return -EINVAL;
	link = atomic_load(&p->link);
	switch (port_state(link)) {
	case PORT_INTERDOMAIN:
		machine_count(notifies, 1);
		if (machine_fault(FAULT_NOTIFY))
			return 0;
		port_raise(&machine_domain(port_remote(link))->ports[port_remote_port(link)],
			   port_remote_port(link));
		return 0;
	case PORT_UNBOUND:
		machine_count(notify_dropped, 1);
		return 0;
	default:
		return -EINVAL;
	}
}

unsigned int port_take(struct machine_channel *c, uint32_t *ports, unsigned int max)
{
	uint64_t words = atomic_exchange(&c->ready.words, 0);
	unsigned int n = 0;

	while (words && n < max) {
		uint32_t w = __builtin_ctzll(words);
		uint64_t bits = atomic_exchange(&c->ready.bits[w], 0);

		while (bits && n < max) {
			uint32_t port = w * 64 + __builtin_ctzll(bits);
			uint32_t pending = EVENT_PENDING;

			bits &= bits - 1;
			/* Fails if the port was closed in between. */
			if (atomic_compare_exchange_strong(
				    &machine_domain(c->slot)->ports[port].event, &pending,
				    EVENT_MASKED))
				ports[n++] = port;
		}
		if (bits)
			atomic_fetch_or(&c->ready.bits[w], bits);
		else
			words &= words - 1;
	}
	if (words)
		atomic_fetch_or(&c->ready.words, words);
	return n;
}

bool port_is_late(struct machine_channel *c)
{
	uint64_t words = atomic_exchange(&c->late.words, 0);
	bool late = false;

	for (; words; words &= words - 1) {
		uint32_t w = __builtin_ctzll(words);
		uint64_t bits = atomic_exchange(&c->late.bits[w], 0);

		for (; bits; bits &= bits - 1) {
			uint32_t port = w * 64 + __builtin_ctzll(bits);

			if (atomic_load(&machine_domain(c->slot)->ports[port].event) !=
			    (EVENT_MASKED | EVENT_PENDING))
				continue;
			add_port(&c->late, port);
			late = true;
		}
	}
	return late;
}

bool port_unmask(struct machine_channel *c, uint32_t port)
{
	struct machine_port *p = find_port(c->slot, port);
	uint32_t event;

	if (!p || atomic_load(&p->owner) != c - machine_view.m->channels)
		return false;
	machine_count(unmasks, 1);
	event = atomic_load(&p->event);
	for (;;) {
		bool again = event == (EVENT_MASKED | EVENT_PENDING);

		if (!(event & EVENT_MASKED))
			return false;
		if (atomic_compare_exchange_strong(&p->event, &event, again ? EVENT_MASKED : 0))
			return again;
	}
}

static int take_port(uint32_t slot, uint32_t channel, uint64_t link)
{
	int32_t fault = machine_fault(FAULT_BIND);
	int port = fault ? fault : alloc_port(slot);
	struct machine_port *p;

	if (port < 0)
		return port;
	p = &machine_domain(slot)->ports[port];
	atomic_store(&p->event, 0);
	atomic_store(&p->owner, channel);
	atomic_store(&p->link, link);
	machine_count(binds, 1);
	return port;
}

int port_alloc_unbound(uint32_t slot, uint32_t channel, uint32_t domid)
{
	return take_port(slot, channel, port_link(PORT_UNBOUND, domid, 0));
}

int port_bind_interdomain(uint32_t slot, uint32_t channel, uint32_t domid, uint32_t remote)
{
	uint32_t rslot = machine_find_domain(domid);
	struct machine_port *rp;
	int port;

	if (rslot == MACHINE_NONE)
		return -ESRCH;
	rp = find_port(rslot, remote);
	if (!rp)
		return -EINVAL;
	/* Whoever had bound it may have died without a word. */
	if (port_state(rp->link) == PORT_INTERDOMAIN)
		machine_reap_all();
	if (rp->link != port_link(PORT_UNBOUND, machine_domain(slot)->domid, 0))
		return -EINVAL;

	port = take_port(slot, channel, port_link(PORT_INTERDOMAIN, rslot, remote));
	if (port < 0)
		return port;
	atomic_store(&rp->link, port_link(PORT_INTERDOMAIN, slot, port));
	/* Notifications sent to the unbound port were lost: look at the ring once. */
	port_raise(&machine_domain(slot)->ports[port], port);
	return port;
}

int port_bind_virq(uint32_t slot, uint32_t channel, uint32_t virq)
{
	struct machine_domain *d = machine_domain(slot);

	if (virq >= NR_VIRQS)
		return -EINVAL;
	for (uint32_t i = 1; i < MACHINE_PORTS; i++)
		if (d->ports[i].link == port_link(PORT_VIRQ, 0, virq))
			return -EEXIST;
	return take_port(slot, channel, port_link(PORT_VIRQ, 0, virq));
}

void port_end(uint32_t slot, uint32_t port)
{
	struct machine_port *p = find_port(slot, port);
	uint64_t link;

	if (!p)
		return;
	link = atomic_load(&p->link);
	atomic_store(&p->link, 0);
	atomic_store(&p->owner, MACHINE_NONE);
	atomic_store(&p->event, 0);
	if (port_state(link) == PORT_INTERDOMAIN) {
		struct machine_port *rp =
			&machine_domain(port_remote(link))->ports[port_remote_port(link)];

		atomic_store(&rp->link, port_link(PORT_UNBOUND, machine_domain(slot)->domid, 0));
	}
	machine_count(unbinds, 1);
}

void port_close_channel(uint32_t channel)
{
	struct machine_channel *c = &machine_view.m->channels[channel];
	struct machine_domain *d = machine_domain(c->slot);

	for (uint32_t i = 1; i < MACHINE_PORTS; i++)
		if (d->ports[i].owner == channel)
			port_end(c->slot, i);
	for (uint32_t i = 0; i < MACHINE_PORTS / 64; i++)
		c->ready.bits[i] = c->late.bits[i] = 0;
	c->ready.words = c->late.words = 0;
	atomic_store(&c->proc, MACHINE_NONE);
}

bool port_has_kept(uint32_t proc)
{
	struct machine *m = machine_view.m;

	for (uint32_t i = 0; i < MACHINE_CHANNELS; i++)
		if (m->channels[i].proc == proc && m->channels[i].keep)
			return true;
	return false;
}

bool port_reap(uint32_t proc, bool exec)
{
	struct machine *m = machine_view.m;
	bool kept = false;

	for (uint32_t i = 0; i < MACHINE_CHANNELS; i++) {
		if (m->channels[i].proc != proc)
			continue;
		if (exec && m->channels[i].keep)
			kept = true;
		else
			port_close_channel(i);
	}
	return kept;
}

void port_kill(uint32_t slot)
{
	struct machine_domain *d = machine_domain(slot);

	for (uint32_t i = 1; i < MACHINE_PORTS; i++)
		if (port_state(d->ports[i].link) != PORT_FREE)
			port_end(slot, i);
}

void port_repair(void)
{
	struct machine *m = machine_view.m;

	for (uint32_t s = 0; s < m->nr_domains; s++)
		for (uint32_t i = 1; i < MACHINE_PORTS; i++) {
			struct machine_port *p = &m->domains[s].ports[i];
			uint64_t link = p->link;
			struct machine_domain *rd =
				&m->domains[port_remote(link) % MACHINE_DOMAINS];

			if (port_state(link) == PORT_INTERDOMAIN &&
			    rd->ports[port_remote_port(link)].link !=
				    port_link(PORT_INTERDOMAIN, s, i))
				p->link = port_link(PORT_UNBOUND, rd->domid, 0);
			else if (port_state(link) == PORT_FREE)
				p->owner = MACHINE_NONE;
		}
}
