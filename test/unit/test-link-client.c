/* SPDX-License-Identifier: MIT */
/* test-link-client.c: orders and answers of one vif, with the test as its engine */
#include "netback/control/link-client.h"

#include <check.h>
#include <errno.h>
#include <event2/event.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "netback/common/util.h"

static struct event_base *base;
static int pair[2];
static struct link_client client;
static unsigned int attached, policed, carriers, failures;

static void on_timer(evutil_socket_t fd, short what, void *arg)
{
	(void)fd, (void)what, (void)arg;
}

static void on_attached(void *arg, int error, const char *text)
{
	(void)arg, (void)text;
	ck_assert_int_eq(error, 0);
	attached++;
}

static void on_detached(void *arg)
{
	(void)arg;
	ck_abort_msg("told by engine-link.c");
}

static void on_failed(void *arg, const char *text)
{
	(void)arg, (void)text;
	failures++;
}

static void on_carrier(void *arg, bool on)
{
	(void)arg, (void)on;
	carriers++;
}

static void on_policed(void *arg)
{
	(void)arg;
	policed++;
}

static const struct link_ops ops = {
	.attached = on_attached,
	.detached = on_detached,
	.failed = on_failed,
	.carrier = on_carrier,
	.policed = on_policed,
};

static void set_up(void)
{
	base = event_base_new();
	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK, 0, pair), 0);
	client = (struct link_client){.state = LINK_QUEUED, .ops = &ops};
	client.timer = event_new(base, -1, 0, on_timer, NULL);
	attached = policed = carriers = failures = 0;
}

static void tear_down(void)
{
	event_free(client.timer);
	event_base_free(base);
	close(pair[0]);
	close(pair[1]);
}

/* Serve, and see that this was sent; 0: nothing. The mtu tells which policy it carried. */
static void sends(enum link_type type, uint32_t mtu)
{
	struct link_msg msg;
	int fds[LINK_MAX_FDS];
	unsigned int nr;

	ck_assert_int_eq(link_client_serve(&client, pair[0]), 0);
	if (!type) {
		ck_assert_int_eq(link_recv(pair[1], &msg, fds, &nr), -EAGAIN);
		return;
	}
	ck_assert_int_eq(link_recv(pair[1], &msg, fds, &nr), 1);
	ck_assert_uint_eq(msg.type, type);
	if (type != LINK_DETACH)
		ck_assert_uint_eq(type == LINK_ATTACH ? msg.u.attach.policy.mtu : msg.u.policy.mtu,
				  mtu);
	ck_assert(evtimer_pending(client.timer, NULL));
}

static enum link_client_verdict takes(enum link_type type, int error)
{
	struct link_msg msg = {.magic = LINK_MAGIC, .type = type};

	msg.u.answer.error = error;
	return link_client_take(&client, &msg);
}

static void run(void)
{
	sends(LINK_ATTACH, client.attach.policy.mtu);
	ck_assert_int_eq(takes(LINK_ATTACHED, 0), LINK_CLIENT_STAYS);
	ck_assert_int_eq(client.state, LINK_RUNNING);
	ck_assert(!evtimer_pending(client.timer, NULL));
}

static bool police(uint32_t mtu)
{
	client.attach.policy.mtu = mtu;
	return link_client_police(&client);
}

START_TEST(attach_and_detach)
{
	ck_assert_int_eq(takes(LINK_ATTACHED, 0), LINK_CLIENT_NONSENSE);
	run();
	ck_assert_uint_eq(attached, 1);
	sends(0, 0);
	ck_assert_int_eq(takes(LINK_CARRIER, 0), LINK_CLIENT_STAYS);
	ck_assert_int_eq(takes(LINK_FAILED, 0), LINK_CLIENT_STAYS);
	ck_assert_uint_eq(carriers + failures, 2);

	client.state = LINK_DETACHING;
	client.unsent = true;
	ck_assert_int_eq(takes(LINK_DETACHED, 0), LINK_CLIENT_NONSENSE);
	sends(LINK_DETACH, 0);
	sends(0, 0);
	ck_assert_int_eq(takes(LINK_CARRIER, 0), LINK_CLIENT_STAYS);
	ck_assert_int_eq(takes(LINK_FAILED, 0), LINK_CLIENT_STAYS);
	ck_assert_uint_eq(carriers + failures, 2);
	ck_assert_int_eq(takes(LINK_DETACHED, 0), LINK_CLIENT_DETACHED);
}
END_TEST

/* The order to detach waits behind one that is not answered: that one is still what the engine is blamed for. */
START_TEST(detach_behind_another_order)
{
	uint64_t order;

	if (_i)
		run();
	if (_i)
		ck_assert(police(1));
	sends(_i ? LINK_POLICY : LINK_ATTACH, _i);
	order = client.order;
	link_client_detach(&client);
	sends(LINK_DETACH, 0);
	ck_assert_uint_eq(client.order, order);
	ck_assert_str_eq(link_client_awaits(&client), _i ? "a new policy" : "attach");

	ck_assert_int_eq(takes(_i ? LINK_POLICED : LINK_ATTACHED, 0), LINK_CLIENT_STAYS);
	ck_assert(evtimer_pending(client.timer, NULL));
	ck_assert_uint_gt(client.order, order);
	ck_assert_str_eq(link_client_awaits(&client), "detach");
	ck_assert_int_eq(takes(LINK_DETACHED, 0), LINK_CLIENT_DETACHED);
}
END_TEST

/* It was answered before the order to detach is out: nothing is owed meanwhile. */
START_TEST(detach_after_the_answer)
{
	sends(LINK_ATTACH, 0);
	link_client_detach(&client);
	ck_assert(evtimer_pending(client.timer, NULL));
	ck_assert_int_eq(takes(LINK_ATTACHED, 0), LINK_CLIENT_STAYS);
	ck_assert(!evtimer_pending(client.timer, NULL));
	sends(LINK_DETACH, 0);
	ck_assert_str_eq(link_client_awaits(&client), "detach");
}
END_TEST

/* An engine that says again what it has said gets no more time for it. */
START_TEST(answers_repeated_while_detaching)
{
	struct timeval before, after;

	sends(LINK_ATTACH, 0);
	link_client_detach(&client);
	sends(LINK_DETACH, 0);
	ck_assert_int_eq(takes(LINK_ATTACHED, 0), LINK_CLIENT_STAYS);
	ck_assert(event_pending(client.timer, EV_TIMEOUT, &before));
	usleep(50000);
	ck_assert_int_eq(takes(LINK_ATTACHED, 0), LINK_CLIENT_STAYS);
	ck_assert_int_eq(takes(LINK_POLICED, 0), LINK_CLIENT_STAYS);
	ck_assert(event_pending(client.timer, EV_TIMEOUT, &after));
	evutil_timersub(&after, &before, &after);
	ck_assert_int_eq(after.tv_sec, 0);
	ck_assert_int_lt(after.tv_usec, 40000); /* what the clock's conversion may add */
}
END_TEST

/* Who was first is known although all wait for the same moment. */
START_TEST(orders_are_counted)
{
	uint64_t before;

	run();
	before = client.order;
	ck_assert(police(1));
	sends(LINK_POLICY, 1);
	ck_assert_uint_gt(client.order, before);
	before = client.order;
	sends(0, 0);
	ck_assert_uint_eq(client.order, before);
}
END_TEST

START_TEST(refused)
{
	sends(LINK_ATTACH, 0);
	ck_assert_int_eq(takes(LINK_ATTACHED, 5), LINK_CLIENT_NONSENSE);
	ck_assert_int_eq(takes(LINK_ATTACHED, -ENOMEM), LINK_CLIENT_REFUSED);
	ck_assert_uint_eq(attached, 0);
}
END_TEST

START_TEST(policy_while_running)
{
	run();
	ck_assert_int_eq(takes(LINK_POLICED, 0), LINK_CLIENT_NONSENSE);
	ck_assert(police(1));
	sends(LINK_POLICY, 1);
	sends(0, 0);
	ck_assert_uint_eq(policed, 0);
	ck_assert_int_eq(takes(LINK_POLICED, 0), LINK_CLIENT_STAYS);
	ck_assert_uint_eq(policed, 1);
	ck_assert(!evtimer_pending(client.timer, NULL));
	ck_assert_int_eq(takes(LINK_POLICED, 0), LINK_CLIENT_NONSENSE);
}
END_TEST

START_TEST(policy_that_changes_before_the_answer)
{
	run();
	ck_assert(police(1));
	sends(LINK_POLICY, 1);
	ck_assert(police(2));
	ck_assert(police(3));
	sends(0, 0);
	ck_assert_int_eq(takes(LINK_POLICED, 0), LINK_CLIENT_OWES);
	ck_assert_uint_eq(policed, 0);
	sends(LINK_POLICY, 3);
	ck_assert_int_eq(takes(LINK_POLICED, 0), LINK_CLIENT_STAYS);
	ck_assert_uint_eq(policed, 1);
}
END_TEST

START_TEST(attach_carries_the_policy_of_its_moment)
{
	ck_assert(police(1));
	sends(LINK_ATTACH, 1);
	ck_assert_int_eq(takes(LINK_ATTACHED, 0), LINK_CLIENT_STAYS);
	ck_assert_uint_eq(policed, 1);
	sends(0, 0);
}
END_TEST

START_TEST(policy_that_changes_while_attaching)
{
	sends(LINK_ATTACH, 0);
	ck_assert(police(1));
	sends(0, 0);
	ck_assert_int_eq(takes(LINK_ATTACHED, 0), LINK_CLIENT_OWES);
	ck_assert_uint_eq(attached, 1);
	ck_assert_uint_eq(policed, 0);
	sends(LINK_POLICY, 1);
	ck_assert_int_eq(takes(LINK_POLICED, 0), LINK_CLIENT_STAYS);
	ck_assert_uint_eq(policed, 1);
}
END_TEST

START_TEST(engine_that_dies_before_the_answer)
{
	run();
	ck_assert(police(1));
	sends(LINK_POLICY, 1);
	link_client_requeue(&client);
	ck_assert(!evtimer_pending(client.timer, NULL));
	ck_assert_int_eq(takes(LINK_POLICED, 0), LINK_CLIENT_NONSENSE);
	sends(LINK_ATTACH, 1);
	ck_assert_int_eq(takes(LINK_ATTACHED, 0), LINK_CLIENT_STAYS);
	ck_assert_uint_eq(policed, 1);
}
END_TEST

START_TEST(nobody_to_tell)
{
	client.state = LINK_IDLE;
	ck_assert(!police(1));
	client.state = LINK_DETACHING;
	ck_assert(!police(2));
	ck_assert_int_eq(takes(LINK_POLICED, 0), LINK_CLIENT_STAYS);
	ck_assert_uint_eq(policed, 0);
}
END_TEST

START_TEST(messages_no_engine_sends)
{
	static const enum link_type types[] = {LINK_START, LINK_ATTACH, LINK_DETACH, LINK_POLICY,
					       (enum link_type)99};

	run();
	for (size_t i = 0; i < ARRAY_SIZE(types); i++)
		ck_assert_int_eq(takes(types[i], 0), LINK_CLIENT_NONSENSE);
	ck_assert_int_eq(takes(LINK_DETACHED, 0), LINK_CLIENT_NONSENSE);
	client.state = LINK_DETACHING;
	for (size_t i = 0; i < ARRAY_SIZE(types); i++)
		ck_assert_int_eq(takes(types[i], 0), LINK_CLIENT_NONSENSE);
}
END_TEST

START_TEST(socket_that_is_full)
{
	run();
	while (police(1) && link_client_serve(&client, pair[0]) == 0)
		client.police = LINK_POLICE_DONE;
	ck_assert_int_eq(link_client_serve(&client, pair[0]), -EAGAIN);
	ck_assert_int_eq(client.police, LINK_POLICE_OWED);
	client.state = LINK_DETACHING;
	client.unsent = true;
	ck_assert_int_eq(link_client_serve(&client, pair[0]), -EAGAIN);
	ck_assert(client.unsent);
	link_client_requeue(&client);
	ck_assert_int_eq(link_client_serve(&client, pair[0]), -EAGAIN);
	ck_assert_int_eq(client.state, LINK_QUEUED);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("link-client");
	TCase *tcase = tcase_create("all");
	SRunner *runner;
	int failed;

	tcase_add_checked_fixture(tcase, set_up, tear_down);
	tcase_add_test(tcase, attach_and_detach);
	tcase_add_loop_test(tcase, detach_behind_another_order, 0, 2);
	tcase_add_test(tcase, detach_after_the_answer);
	tcase_add_test(tcase, answers_repeated_while_detaching);
	tcase_add_test(tcase, orders_are_counted);
	tcase_add_test(tcase, refused);
	tcase_add_test(tcase, policy_while_running);
	tcase_add_test(tcase, policy_that_changes_before_the_answer);
	tcase_add_test(tcase, attach_carries_the_policy_of_its_moment);
	tcase_add_test(tcase, policy_that_changes_while_attaching);
	tcase_add_test(tcase, engine_that_dies_before_the_answer);
	tcase_add_test(tcase, nobody_to_tell);
	tcase_add_test(tcase, messages_no_engine_sends);
	tcase_add_test(tcase, socket_that_is_full);
	suite_add_tcase(suite, tcase);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? 1 : 0;
}
