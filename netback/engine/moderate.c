/* SPDX-License-Identifier: MIT */
/* moderate.c: a budget of idle events, then delays that double */
#include "netback/engine/moderate.h"

#include "netback/common/util.h"

/* Time gives back budget and, once that is whole, halves the delay for each budget's worth more. */
static void refill(struct moderate *port, uint64_t now_ns)
{
	uint64_t back;

	if (!port->refilled_ns)
		port->refilled_ns = now_ns;
	if (now_ns <= port->refilled_ns)
		return;

	back = (now_ns - port->refilled_ns) / MODERATE_REFILL_NS;
	port->refilled_ns += back * MODERATE_REFILL_NS;
	if (back < port->spent) {
		port->spent -= back;
		return;
	}

	back = (back - port->spent) / MODERATE_BUDGET;
	port->spent = 0;
	port->delay_ns = back < 32 ? port->delay_ns >> back : 0;
}

static void lengthen(struct moderate *port)
{
	if (port->delay_ns < MODERATE_FIRST_NS / 2)
		port->delay_ns = MODERATE_FIRST_NS;
	else
		port->delay_ns = min(port->delay_ns * 2, (uint32_t)MODERATE_MAX_NS);
}

uint32_t moderate_event(struct moderate *port, uint64_t now_ns, bool had_work)
{
	refill(port, now_ns);

	if (had_work) {
		moderate_work(port);
		return 0;
	}
	if (port->spent < MODERATE_BUDGET) {
		port->spent++;
		return 0;
	}

	lengthen(port);
	/* Silence that we impose earns the guest nothing. */
	port->refilled_ns = now_ns + port->delay_ns;
	return port->delay_ns;
}
