/* SPDX-License-Identifier: MIT */
/* moderate.h: how long an event channel stays masked, against storms of idle events */
#ifndef NETBACK_ENGINE_MODERATE_H
#define NETBACK_ENGINE_MODERATE_H

#include <stdbool.h>
#include <stdint.h>

/*
 * A guest may notify us as fast as it can without putting anything on a ring, and each event costs
 * the host an interrupt and a wake-up (XSA-332). A kernel backend tells the event channel core
 * that an event was spurious, and the core delays the next one; from user space an unmask cannot
 * say so. A port that was not unmasked is silent, though, so we wait before we unmask.
 *
 * A few idle events are normal: we found the work already while polling, or two queues share a
 * port. So each port has a budget of idle events, which refills with time and with every event
 * that brought work. Beyond it the delay starts at MODERATE_FIRST_NS and doubles with each further
 * idle event up to MODERATE_MAX_NS; an event with work halves it, so that a guest which mixes one
 * packet into its storm does not get off, and silence lets it decay as well.
 *
 * While a port stays masked its events are not lost: the channel stays pending and fires when it
 * is unmasked. Guests in order are never delayed. Pure: the caller's thread, the caller's clock
 * (CLOCK_MONOTONIC, ns). Zero-initialised memory is a new port.
 */
enum {
	MODERATE_BUDGET = 64,		  /* idle events in a row that cost nothing */
	MODERATE_REFILL_NS = 1000 * 1000, /* one comes back so often: 1000 idle events a second */
	MODERATE_FIRST_NS = 1000 * 1000,
	MODERATE_MAX_NS = 1000 * 1000 * 1000,
};

struct moderate {
	uint64_t refilled_ns; /* the budget is counted up to here; 0: never used */
	uint32_t spent;	      /* of the budget */
	uint32_t delay_ns;    /* last delay, 0: none */
};

/*
 * One event of the port was handled; had_work: it, or the look at the rings it caused, found
 * something to do. Returns 0: unmask now, or the ns for which the port is to stay masked
 * (count events_delayed; look at the rings when the time is over and unmask then).
 */
uint32_t moderate_event(struct moderate *port, uint64_t now_ns, bool had_work);

/*
 * The same for an event with work, for who does not want to read the clock: it earns its one event
 * of budget at any rate, and the time that passed is credited by the next moderate_event().
 */
static inline void moderate_work(struct moderate *port)
{
	port->spent -= port->spent != 0;
	port->delay_ns /= 2;
}

#endif
