/* SPDX-License-Identifier: MIT */
/* test-vif-state.c: the xenbus machine of a backend, every state against every frontend */
#include "netback/control/vif-state.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>
#include <xen/io/xenbus.h>

#include "netback/common/util.h"

enum {
	LONGEST_WALK = 16 /* what vif_update allows */
};

/* Where a step leads when the engine answers at once. */
static enum vif_state after(enum vif_state state, enum vif_action action)
{
	switch (action) {
	case VIF_OFFER:
		return VIF_WAIT;
	case VIF_ADOPT:
		return VIF_CONNECTED;
	case VIF_RESUME:
		return VIF_CLOSING;
	case VIF_ATTACH:
		return VIF_ATTACHED;
	case VIF_PUBLISH:
		return VIF_CONNECTED;
	case VIF_DETACH:
	case VIF_FAIL:
		return VIF_DETACHED;
	case VIF_CLOSE:
		return VIF_CLOSING;
	case VIF_RECONFIGURED:
		return VIF_CONNECTED;
	case VIF_FINISH:
		return VIF_CLOSED;
	case VIF_DESTROY:
		return VIF_OVER;
	default:
		return state;
	}
}

static const char signs[VIF_ACTION_COUNT] = {
	[VIF_NOTHING] = '.', [VIF_OFFER] = '2',	       [VIF_ADOPT] = 'a',  [VIF_RESUME] = 'r',
	[VIF_ATTACH] = 'm',  [VIF_PUBLISH] = '4',      [VIF_DETACH] = 'd', [VIF_CLOSE] = '5',
	[VIF_FINISH] = '6',  [VIF_DESTROY] = 'x',      [VIF_FAIL] = 'f',   [VIF_RESET] = '.',
	[VIF_UNPLUG] = 'u',  [VIF_RECONFIGURED] = '8',
};

/* What the store says of us then. */
static unsigned int published(unsigned int before, enum vif_action action)
{
	switch (action) {
	case VIF_OFFER:
		return XenbusStateInitWait;
	case VIF_PUBLISH:
		return XenbusStateConnected;
	case VIF_RECONFIGURED:
		return XenbusStateReconfigured;
	case VIF_CLOSE:
		return XenbusStateClosing;
	case VIF_FINISH:
		return XenbusStateClosed;
	default:
		return before;
	}
}

/* What a walk does, a sign each: "562" is Closing, Closed, InitWait; m and d map and unmap the rings. */
static const char *walk(enum vif_state state, struct vif_facts facts, enum vif_state *end)
{
	static char seen[LONGEST_WALK + 1];
	enum vif_action action;
	size_t n;

	for (n = 0; n < LONGEST_WALK; n++) {
		action = vif_state_next(state, &facts);
		if (action == VIF_NOTHING || action == VIF_RESET)
			break;
		seen[n] = signs[action];
		facts.failed = facts.failed || action == VIF_FAIL;
		facts.unplug = facts.unplug && action != VIF_UNPLUG;
		state = after(state, action);
		facts.backend = published(facts.backend, action);
	}
	if (n == LONGEST_WALK)
		ck_abort_msg("%.*s goes on for ever", LONGEST_WALK, seen);
	seen[n] = '\0';
	if (end)
		*end = state;
	return seen;
}

static struct vif_facts online(unsigned int frontend)
{
	return (struct vif_facts){
		.backend = XenbusStateInitWait,
		.frontend = frontend,
		.online = true,
		.plugged = true,
	};
}

/* clang-format off */
static const struct {
	enum vif_state from;
	unsigned int frontend;
	const char *published;
	enum vif_state to;
} walks[] = {
	/* an ordinary life, and frontends that are ahead of us */
	{VIF_NEW,       XenbusStateInitialising, "2",     VIF_WAIT},
	{VIF_NEW,       XenbusStateConnected,    "2m4",   VIF_CONNECTED},
	{VIF_WAIT,      XenbusStateInitialising, "",      VIF_WAIT},
	{VIF_WAIT,      XenbusStateInitialised,  "m4",    VIF_CONNECTED},
	{VIF_WAIT,      XenbusStateConnected,    "m4",    VIF_CONNECTED},
	{VIF_CONNECTED, XenbusStateConnected,    "",      VIF_CONNECTED},
	{VIF_CONNECTED, XenbusStateClosing,      "d5",    VIF_CLOSING},
	{VIF_CLOSING,   XenbusStateClosing,      "",      VIF_CLOSING},
	{VIF_CLOSING,   XenbusStateClosed,       "6",     VIF_CLOSED},
	{VIF_CLOSED,    XenbusStateClosed,       "",      VIF_CLOSED},
	{VIF_CLOSED,    XenbusStateInitialising, "2",     VIF_WAIT},
	{VIF_CLOSED,    XenbusStateConnected,    "2m4",   VIF_CONNECTED},
	{VIF_CLOSED,    XenbusStateClosing,      "5",     VIF_CLOSING},
	/* frontends that skip states */
	{VIF_CONNECTED, XenbusStateInitialising, "d562",  VIF_WAIT},
	{VIF_CONNECTED, XenbusStateClosed,       "d56",   VIF_CLOSED},
	{VIF_ATTACHED,  XenbusStateInitialising, "d562",  VIF_WAIT},
	{VIF_ATTACHING, XenbusStateClosed,       "d56",   VIF_CLOSED},
	{VIF_WAIT,      XenbusStateClosing,      "5",     VIF_CLOSING},
	{VIF_WAIT,      XenbusStateClosed,       "56",    VIF_CLOSED},
	{VIF_CLOSING,   XenbusStateConnected,    "62m4",  VIF_CONNECTED},
	/* the guest is gone: so is the device, online or not */
	{VIF_CONNECTED, XenbusStateUnknown,      "d56x",  VIF_OVER},
	{VIF_WAIT,      XenbusStateUnknown,      "56x",   VIF_OVER},
	{VIF_CLOSED,    XenbusStateUnknown,      "x",     VIF_OVER},
	{VIF_NEW,       XenbusStateUnknown,      "6x",    VIF_OVER},
	/* states that no frontend has */
	{VIF_WAIT,      XenbusStateInitWait,     "f5",    VIF_CLOSING},
	{VIF_CONNECTED, XenbusStateReconfiguring,"",      VIF_CONNECTED},
	{VIF_WAIT,      XenbusStateReconfiguring,"m4",    VIF_CONNECTED},
	{VIF_CONNECTED, XenbusStateReconfigured, "f5",    VIF_CLOSING},
	{VIF_CONNECTED, 9,                       "f5",    VIF_CLOSING},
	{VIF_CONNECTED, ~0u,                     "f5",    VIF_CLOSING},
	{VIF_CLOSED,    XenbusStateReconfigured, "",      VIF_CLOSED},
	/* the engine has the word */
	{VIF_DETACHING, XenbusStateInitialising, "",      VIF_DETACHING},
	{VIF_DETACHED,  XenbusStateInitialising, "562",   VIF_WAIT},
	{VIF_OVER,      XenbusStateConnected,    "",      VIF_OVER},
};
/* clang-format on */

START_TEST(frontend_is_followed)
{
	enum vif_state end;
	const char *published = walk(walks[_i].from, online(walks[_i].frontend), &end);

	ck_assert_str_eq(published, walks[_i].published);
	ck_assert_int_eq(end, walks[_i].to);
}
END_TEST

/* Linux' XDP: 7 is answered by 8 when the engine has done it, and the 4 that follows by 4. */
START_TEST(reconfiguring_is_answered_when_it_is_done)
{
	struct vif_facts facts = online(XenbusStateReconfiguring);

	facts.backend = XenbusStateConnected;
	ck_assert_str_eq(walk(VIF_CONNECTED, facts, NULL), "");
	facts.policed = true;
	ck_assert_str_eq(walk(VIF_CONNECTED, facts, NULL), "8");
	ck_assert_str_eq(walk(VIF_WAIT, facts, NULL), "m48");
	facts.backend = XenbusStateReconfigured;
	ck_assert_str_eq(walk(VIF_CONNECTED, facts, NULL), "");
	facts.frontend = XenbusStateConnected;
	ck_assert_str_eq(walk(VIF_CONNECTED, facts, NULL), "4");

	/* The toolstack has begun to detach: its 5 stands. */
	facts.frontend = XenbusStateReconfiguring;
	facts.backend = XenbusStateClosing;
	ck_assert_str_eq(walk(VIF_CONNECTED, facts, NULL), "");
}
END_TEST

START_TEST(a_script_of_ours_ends_before_the_device)
{
	struct vif_facts facts = online(XenbusStateClosed);

	facts.unplug = true;
	ck_assert_str_eq(walk(VIF_CONNECTED, facts, NULL), "d56");
	facts.online = false;
	ck_assert_str_eq(walk(VIF_CONNECTED, facts, NULL), "d56ux");
	facts.busy = true;
	ck_assert_str_eq(walk(VIF_CLOSED, facts, NULL), "u");
	facts.unplug = false;
	ck_assert_str_eq(walk(VIF_CLOSED, facts, NULL), "");

	/* The directory is gone, or another one has come in its place. */
	facts.vanished = true;
	ck_assert_str_eq(walk(VIF_CLOSED, facts, NULL), "");
	facts.busy = false;
	ck_assert_str_eq(walk(VIF_CLOSED, facts, NULL), "x");
	facts.unplug = true;
	ck_assert_str_eq(walk(VIF_WAIT, facts, NULL), "ux");
}
END_TEST

/* Between the tap and state 2 a directory can go, too. */
START_TEST(new_device_that_vanishes_leaves_no_tap)
{
	struct vif_facts facts = {.vanished = true};

	ck_assert_int_eq(vif_state_next(VIF_NEW, &facts), VIF_RESET);
	facts.held = true;
	ck_assert_str_eq(walk(VIF_NEW, facts, NULL), "x");
}
END_TEST

START_TEST(hotplug_holds_state_4_back_and_nothing_else)
{
	struct vif_facts facts = online(XenbusStateConnected);

	facts.plugged = false;
	ck_assert_int_eq(vif_state_next(VIF_WAIT, &facts), VIF_ATTACH);
	ck_assert_int_eq(vif_state_next(VIF_ATTACHED, &facts), VIF_NOTHING);
	ck_assert_int_eq(vif_state_next(VIF_CONNECTED, &facts), VIF_NOTHING);
	facts.plugged = true;
	ck_assert_int_eq(vif_state_next(VIF_ATTACHED, &facts), VIF_PUBLISH);
	ck_assert_int_eq(vif_state_next(VIF_ATTACHING, &facts), VIF_NOTHING);
}
END_TEST

START_TEST(offline_goes_at_once_or_after_its_grace)
{
	struct vif_facts facts = online(XenbusStateInitialising);
	enum vif_state end;

	facts.online = false;
	ck_assert_str_eq(walk(VIF_WAIT, facts, &end), "56x");
	ck_assert_int_eq(end, VIF_OVER);
	ck_assert_str_eq(walk(VIF_NEW, facts, NULL), "6x");
	ck_assert_str_eq(walk(VIF_CLOSED, facts, NULL), "x");

	facts.frontend = XenbusStateConnected;
	ck_assert_str_eq(walk(VIF_CONNECTED, facts, NULL), "");
	facts.frontend = XenbusStateClosing;
	ck_assert_str_eq(walk(VIF_CONNECTED, facts, NULL), "d56x");
	facts.frontend = XenbusStateConnected;
	facts.out_of_grace = true;
	ck_assert_str_eq(walk(VIF_CONNECTED, facts, &end), "d56x");
	ck_assert_int_eq(end, VIF_OVER);
}
END_TEST

START_TEST(failed_vif_stays_closed_until_its_frontend_moves)
{
	struct vif_facts facts = online(XenbusStateConnected);
	enum vif_state end;

	facts.failed = true;
	ck_assert_str_eq(walk(VIF_DETACHED, facts, &end), "5");
	ck_assert_int_eq(end, VIF_CLOSING);
	facts.frontend = XenbusStateClosed;
	ck_assert_str_eq(walk(VIF_CLOSING, facts, NULL), "6");
	facts.online = false;
	ck_assert_str_eq(walk(VIF_CLOSING, facts, NULL), "6x");
}
END_TEST

START_TEST(what_an_earlier_netbackd_left_is_taken_over)
{
	struct vif_facts facts = online(XenbusStateConnected);

	facts.backend = XenbusStateConnected;
	ck_assert_int_eq(vif_state_next(VIF_NEW, &facts), VIF_ADOPT);
	facts.frontend = XenbusStateClosing;
	ck_assert_int_eq(vif_state_next(VIF_NEW, &facts), VIF_CLOSE);
	facts.frontend = XenbusStateUnknown;
	ck_assert_int_eq(vif_state_next(VIF_NEW, &facts), VIF_CLOSE);
	facts.backend = XenbusStateClosing;
	ck_assert_int_eq(vif_state_next(VIF_NEW, &facts), VIF_RESUME);
	facts.backend = XenbusStateClosed;
	ck_assert_int_eq(vif_state_next(VIF_NEW, &facts), VIF_RESUME);
	facts.backend = XenbusStateInitialising;
	facts.frontend = XenbusStateInitialising;
	ck_assert_int_eq(vif_state_next(VIF_NEW, &facts), VIF_OFFER);
	facts.backend = XenbusStateReconfigured;
	ck_assert_int_eq(vif_state_next(VIF_NEW, &facts), VIF_CLOSE);
	facts.frontend = XenbusStateConnected;
	ck_assert_int_eq(vif_state_next(VIF_NEW, &facts), VIF_ADOPT);
	facts.frontend = XenbusStateReconfiguring;
	ck_assert_int_eq(vif_state_next(VIF_NEW, &facts), VIF_ADOPT);
}
END_TEST

static bool is_one_of(enum vif_action action, unsigned int actions)
{
	return actions >> action & 1;
}

#define ONE(action) (1u << VIF_##action)

/* The first rule that an action breaks, or NULL. */
static const char *broken(enum vif_state state, const struct vif_facts *facts,
			  enum vif_action action)
{
	if (facts->vanished && !is_one_of(action, ONE(NOTHING) | ONE(DETACH) | ONE(UNPLUG) |
							  ONE(DESTROY) | ONE(RESET)))
		return "nobody writes into a directory that is not ours";
	if (vif_state_has_rings(state) &&
	    !is_one_of(action,
		       ONE(NOTHING) | ONE(DETACH) | ONE(PUBLISH) | ONE(RECONFIGURED) | ONE(FAIL)))
		return "rings are unmapped before anything else is said";
	if (action == VIF_PUBLISH && state != VIF_CONNECTED &&
	    !(facts->plugged && state == VIF_ATTACHED))
		return "4 is said of rings that run on an interface that is plugged";
	if (action == VIF_PUBLISH && state == VIF_CONNECTED &&
	    facts->backend != XenbusStateReconfigured)
		return "4 follows 8";
	if (action == VIF_RECONFIGURED &&
	    !(facts->policed && facts->backend == XenbusStateConnected &&
	      facts->frontend == XenbusStateReconfiguring))
		return "8 follows 4 and is said of what is done";
	if (action == VIF_DESTROY && (facts->busy || facts->unplug))
		return "the tap stays while a script works on it, and the script hears of the end";
	if (action == VIF_RESET && state != VIF_OVER && facts->held)
		return "what we hold is let go before another device takes the name";
	if (action == VIF_DESTROY && !facts->vanished && state != VIF_CLOSED)
		return "state 6 is seen before the device goes";
	if (action == VIF_ATTACH && (facts->failed || !facts->online))
		return "only who is wanted and has not failed is attached";
	return NULL;
}

/* All states, all frontends, all combinations of facts. */
START_TEST(rules_that_hold_everywhere)
{
	enum vif_state state = (enum vif_state)_i;
	const char *rule;

	for (unsigned int bits = 0; bits < 512 * 10 * 10; bits++) {
		struct vif_facts facts = {
			.online = bits & 1,
			.vanished = bits & 2,
			.plugged = bits & 4,
			.failed = bits & 8,
			.out_of_grace = bits & 16,
			.policed = bits & 32,
			.unplug = bits & 64,
			.busy = bits & 128,
			.held = bits & 256,
			.frontend = bits / 512 % 10,
			.backend = bits / 5120,
		};

		rule = broken(state, &facts, vif_state_next(state, &facts));
		if (rule)
			ck_abort_msg("%s, facts %#x: %s", vif_state_name(state), bits, rule);
		walk(state, facts, NULL); /* ends */
	}
}
END_TEST

START_TEST(every_state_has_a_name)
{
	for (int i = 0; i < VIF_STATE_COUNT; i++)
		ck_assert_int_gt(strlen(vif_state_name((enum vif_state)i)), 2);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("vif-state");
	TCase *tcase = tcase_create("all");
	SRunner *runner;
	int failed;

	tcase_add_loop_test(tcase, frontend_is_followed, 0, (int)ARRAY_SIZE(walks));
	tcase_add_test(tcase, reconfiguring_is_answered_when_it_is_done);
	tcase_add_test(tcase, a_script_of_ours_ends_before_the_device);
	tcase_add_test(tcase, new_device_that_vanishes_leaves_no_tap);
	tcase_add_test(tcase, hotplug_holds_state_4_back_and_nothing_else);
	tcase_add_test(tcase, offline_goes_at_once_or_after_its_grace);
	tcase_add_test(tcase, failed_vif_stays_closed_until_its_frontend_moves);
	tcase_add_test(tcase, what_an_earlier_netbackd_left_is_taken_over);
	tcase_add_loop_test(tcase, rules_that_hold_everywhere, 0, VIF_STATE_COUNT);
	tcase_add_test(tcase, every_state_has_a_name);
	suite_add_tcase(suite, tcase);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? 1 : 0;
}
