/* SPDX-License-Identifier: MIT */
/* vif-state.c: the xenbus state machine of a backend, as two tables */
#include "vif-state.h"

#include <stddef.h>

#include <xen/io/xenbus.h>

#include "netback/common/util.h"

/*
 * How it works: the frontend's state names a goal (goals[]), and from where we are one step leads
 * towards it (steps[]). The caller takes the step and asks again, so that a frontend which jumps from
 * Connected to Initialising sees 5, 6 and 2 in turn, as xen-netback shows them.
 *
 * Kept from xen-netback, because frontends rely on it: connect whenever the frontend is connected,
 * even straight from our state 2 or 6 (Mini-OS, OpenBSD and Unikraft write 4 at once); state 3 connects
 * too (FreeBSD's backend); a frontend that closes keeps its device while the device is online.
 *
 * Ours: a device that goes offline is followed through the guest's own closing, but not for ever, and
 * not at all where nothing is connected. libxl waits ten seconds for state 6 and xen-netback lets it.
 */
enum goal {
	GOAL_WAIT,
	GOAL_CONNECT,
	GOAL_CLOSING,
	GOAL_CLOSED,
	GOAL_FAIL,
	GOAL_COUNT,
};

/* clang-format off */
static const enum goal goals[] = {
	[XenbusStateUnknown] = GOAL_CLOSED,	/* the guest is gone */
	[XenbusStateInitialising] = GOAL_WAIT,	/* also a new driver after an old one: kexec, iPXE */
	[XenbusStateInitWait] = GOAL_FAIL,	/* a backend's state */
	[XenbusStateInitialised] = GOAL_CONNECT,
	[XenbusStateConnected] = GOAL_CONNECT,
	[XenbusStateClosing] = GOAL_CLOSING,
	[XenbusStateClosed] = GOAL_CLOSED,
	[XenbusStateReconfiguring] = GOAL_CONNECT, /* connected, with a wish: see reconfigure() */
	[XenbusStateReconfigured] = GOAL_FAIL,
};

static const enum vif_action steps[VIF_STATE_COUNT][GOAL_COUNT] = {
/*                     WAIT         CONNECT      CLOSING      CLOSED       FAIL */
[VIF_NEW]          = { VIF_OFFER,   VIF_OFFER,   VIF_OFFER,   VIF_FINISH,  VIF_OFFER   },
[VIF_WAIT]         = { VIF_NOTHING, VIF_ATTACH,  VIF_CLOSE,   VIF_CLOSE,   VIF_FAIL    },
[VIF_ATTACHING]    = { VIF_DETACH,  VIF_NOTHING, VIF_DETACH,  VIF_DETACH,  VIF_FAIL    },
[VIF_ATTACHED]     = { VIF_DETACH,  VIF_NOTHING, VIF_DETACH,  VIF_DETACH,  VIF_FAIL    },
[VIF_CONNECTED]    = { VIF_DETACH,  VIF_NOTHING, VIF_DETACH,  VIF_DETACH,  VIF_FAIL    },
[VIF_DETACHING]    = { VIF_NOTHING, VIF_NOTHING, VIF_NOTHING, VIF_NOTHING, VIF_NOTHING },
[VIF_DETACHED]     = { VIF_CLOSE,   VIF_CLOSE,   VIF_CLOSE,   VIF_CLOSE,   VIF_CLOSE   },
[VIF_CLOSING]      = { VIF_FINISH,  VIF_FINISH,  VIF_NOTHING, VIF_FINISH,  VIF_NOTHING },
[VIF_CLOSED]       = { VIF_OFFER,   VIF_OFFER,   VIF_CLOSE,   VIF_NOTHING, VIF_NOTHING },
[VIF_OVER]         = { VIF_NOTHING, VIF_NOTHING, VIF_NOTHING, VIF_NOTHING, VIF_NOTHING },
};
/* clang-format on */

static const char *const state_names[] = {
	[VIF_NEW] = "new",	     [VIF_WAIT] = "waiting",	    [VIF_ATTACHING] = "attaching",
	[VIF_ATTACHED] = "attached", [VIF_CONNECTED] = "connected", [VIF_DETACHING] = "detaching",
	[VIF_DETACHED] = "detached", [VIF_CLOSING] = "closing",	    [VIF_CLOSED] = "closed",
	[VIF_OVER] = "over",
};
_Static_assert(ARRAY_SIZE(state_names) == VIF_STATE_COUNT, "one name a state");

const char *vif_state_name(enum vif_state state)
{
	return state_names[state];
}

bool vif_state_has_rings(enum vif_state state)
{
	return state >= VIF_ATTACHING && state <= VIF_DETACHING;
}

static enum goal frontend_goal(const struct vif_facts *facts)
{
	return facts->frontend < ARRAY_SIZE(goals) ? goals[facts->frontend] : GOAL_FAIL;
}

static enum goal find_goal(enum vif_state state, const struct vif_facts *facts)
{
	enum goal goal = frontend_goal(facts);

	if (!facts->online && (!vif_state_has_rings(state) || facts->out_of_grace))
		return GOAL_CLOSED;
	if (facts->failed && goal != GOAL_CLOSED)
		return GOAL_CLOSING;
	return goal;
}

/* A script that runs needs the tap, and one at a time is enough. */
static enum vif_action take_away(const struct vif_facts *facts)
{
	if (facts->unplug)
		return VIF_UNPLUG;
	return facts->busy ? VIF_NOTHING : VIF_DESTROY;
}

/* Nothing is written any more: the directory is not ours. */
static enum vif_action leave(enum vif_state state, const struct vif_facts *facts)
{
	if (state == VIF_DETACHING)
		return VIF_NOTHING;
	if (vif_state_has_rings(state))
		return VIF_DETACH;
	/* A new one has a tap before it has said so. */
	if (state == VIF_OVER || (state == VIF_NEW && !facts->held))
		return VIF_RESET;
	return take_away(facts);
}

/*
 * Linux' netfront writes 7, waits for our 8, and writes 4. xen-netback stays at 8 then, so that the next such wait
 * ends before anything was done; we follow to 4, which netfront takes as well. What others have written instead
 * of our 4, a detach, is not overwritten.
 */
static enum vif_action reconfigure(const struct vif_facts *facts)
{
	if (facts->frontend == XenbusStateReconfiguring)
		return facts->backend == XenbusStateConnected && facts->policed ? VIF_RECONFIGURED
										: VIF_NOTHING;
	return facts->backend == XenbusStateReconfigured ? VIF_PUBLISH : VIF_NOTHING;
}

/* The first look at a vif that a netbackd before us has worked on: no rings are mapped now. */
static enum vif_action take_over(const struct vif_facts *facts)
{
	switch (facts->backend) {
	case XenbusStateConnected:
	case XenbusStateReconfigured:
		return frontend_goal(facts) == GOAL_CONNECT ? VIF_ADOPT : VIF_CLOSE;
	case XenbusStateClosing:
	case XenbusStateClosed:
		return VIF_RESUME;
	default:
		return VIF_NOTHING;
	}
}

enum vif_action vif_state_next(enum vif_state state, const struct vif_facts *facts)
{
	enum vif_action action = VIF_NOTHING;
	enum goal goal;

	if (facts->vanished)
		return leave(state, facts);

	if (state == VIF_NEW)
		action = take_over(facts);
	if (action != VIF_NOTHING)
		return action;

	goal = find_goal(state, facts);
	if (state == VIF_CLOSED && goal == GOAL_CLOSED && (!facts->online || !facts->frontend))
		return take_away(facts);
	if (state == VIF_ATTACHED && goal == GOAL_CONNECT && facts->plugged)
		return VIF_PUBLISH;
	if (state == VIF_CONNECTED && goal == GOAL_CONNECT)
		return reconfigure(facts);
	return steps[state][goal];
}
