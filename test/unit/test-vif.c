/* SPDX-License-Identifier: MIT -- what control hears of a vif's queues */
#include "netback/engine/vif.h"

#include <check.h>
#include <sys/socket.h>
#include <unistd.h>

static struct vif vif;
static int control;

static void setup(void)
{
	int fds[2];

	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK, 0, fds), 0);
	vif.link = fds[0];
	vif.nr_expected = 2;
	control = fds[1];
}

static void teardown(void)
{
	close(vif.link);
	close(control);
}

static void expect_nothing(void)
{
	struct link_msg msg;

	ck_assert_int_lt(recv(control, &msg, sizeof(msg), 0), 0);
}

static void expect_carrier(bool on)
{
	struct link_msg msg;

	ck_assert_int_gt(recv(control, &msg, sizeof(msg), 0), 0);
	ck_assert_uint_eq(msg.type, LINK_CARRIER);
	ck_assert_uint_eq(msg.u.carrier.on, on);
	expect_nothing();
}

START_TEST(test_on_while_all_are_ready)
{
	vif_ready(&vif, true);
	expect_nothing();
	vif_ready(&vif, true);
	expect_carrier(true);
	vif_ready(&vif, false);
	expect_carrier(false);
	vif_ready(&vif, false);
	expect_nothing();
	vif_ready(&vif, true);
	expect_nothing();
	vif_ready(&vif, true);
	expect_carrier(true);
}
END_TEST

/* Control may have the carrier on since an engine before: it hears of queues that were never ready for this one. */
START_TEST(test_stalled_from_the_start)
{
	vif_ready(&vif, true);
	vif_stalled(&vif);
	expect_carrier(false);
	vif_ready(&vif, true);
	expect_carrier(true);
	vif_ready(&vif, false);
	expect_carrier(false);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("vif");
	TCase *tcase = tcase_create("vif");
	SRunner *runner = srunner_create(suite);
	int failed;

	suite_add_tcase(suite, tcase);
	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_add_test(tcase, test_on_while_all_are_ready);
	tcase_add_test(tcase, test_stalled_from_the_start);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? 1 : 0;
}
