/* SPDX-License-Identifier: MIT */
/* The fake libxenctrl validates as Xen's schedulers do. */
#include <xenctrl.h> /* first: it asks the other Xen headers for the tools' view */

#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "test/unit/test-machine.h"

static xc_interface *xc;

/* At exit, since a failed test runs no teardown. */
static void teardown(void)
{
	xc_interface_close(xc);
	test_machine_remove();
}

static void setup(void)
{
	test_machine_create();
	atexit(teardown);
	ck_assert_int_eq(machine_add_domain(7), 0);
	ck_assert_int_eq(machine_add_domain(3), 0);
	machine_domain(1)->sched.vcpus = 2;
	xc = xc_interface_open(NULL, NULL, 0);
	ck_assert_ptr_nonnull(xc);
}

START_TEST(credit2_weight_and_cap)
{
	struct xen_domctl_sched_credit2 s = {.weight = 512, .cap = 150}, got;

	ck_assert_int_eq(xc_sched_credit2_domain_set(xc, 7, &s), 0);
	s.weight = 0; /* unchanged */
	ck_assert_int_eq(xc_sched_credit2_domain_set(xc, 7, &s), 0);
	ck_assert_int_eq(xc_sched_credit2_domain_get(xc, 7, &got), 0);
	ck_assert_uint_eq(got.weight, 512);
	ck_assert_uint_eq(got.cap, 150);

	s.weight = 300;
	s.cap = 201; /* two vCPUs: the weight is set before the cap is refused */
	ck_assert_int_eq(xc_sched_credit2_domain_set(xc, 7, &s), -1);
	ck_assert_int_eq(errno, EINVAL);
	ck_assert_int_eq(xc_sched_credit2_domain_get(xc, 7, &got), 0);
	ck_assert_uint_eq(got.weight, 300);
	ck_assert_uint_eq(got.cap, 150);

	s.cap = 0; /* no cap any more */
	ck_assert_int_eq(xc_sched_credit2_domain_set(xc, 7, &s), 0);
	ck_assert_int_eq(xc_sched_credit2_domain_get(xc, 7, &got), 0);
	ck_assert_uint_eq(got.cap, 0);
	ck_assert_int_eq(xc_sched_credit2_domain_get(xc, 99, &got), -1);
	ck_assert_int_eq(errno, ESRCH);
}
END_TEST

START_TEST(another_scheduler_is_refused)
{
	struct xen_domctl_sched_credit s = {.weight = 100, .cap = UINT16_MAX}, got;
	struct xen_sysctl_credit_schedule p = {.tslice_ms = 5, .ratelimit_us = 1000};
	int id;

	ck_assert_int_eq(xc_sched_id(xc, &id), 0);
	ck_assert_int_eq(id, XEN_SCHEDULER_CREDIT2);
	ck_assert_int_eq(xc_sched_credit_domain_set(xc, 7, &s), -1);
	ck_assert_int_eq(errno, EINVAL);
	ck_assert_int_eq(xc_sched_credit_params_get(xc, 0, &p), -1);
	ck_assert_int_eq(errno, EINVAL);

	machine_view.m->pools[0].sched_id = XEN_SCHEDULER_CREDIT;
	ck_assert_int_eq(xc_sched_credit_domain_set(xc, 7, &s), 0);
	ck_assert_int_eq(xc_sched_credit_domain_get(xc, 7, &got), 0);
	ck_assert_uint_eq(got.weight, 100);
	ck_assert_uint_eq(got.cap, 0);
	ck_assert_int_eq(xc_sched_credit_params_set(xc, 0, &p), 0);
	p.ratelimit_us = 6000; /* longer than the slice */
	ck_assert_int_eq(xc_sched_credit_params_set(xc, 0, &p), -1);
	ck_assert_int_eq(errno, EINVAL);
	ck_assert_int_eq(xc_sched_credit_params_set(xc, 4, &p), -1);
	ck_assert_int_eq(errno, ESRCH);
}
END_TEST

START_TEST(ratelimit_has_bounds)
{
	struct xen_sysctl_credit2_schedule p = {.ratelimit_us = 0};
	const uint32_t bad[] = {1, 99, 500001};

	ck_assert_int_eq(xc_sched_credit2_params_set(xc, 0, &p), 0);
	for (int i = 0; i < 3; i++) {
		p.ratelimit_us = bad[i];
		ck_assert_int_eq(xc_sched_credit2_params_set(xc, 0, &p), -1);
		ck_assert_int_eq(errno, EINVAL);
	}
	ck_assert_int_eq(xc_sched_credit2_params_get(xc, 0, &p), 0);
	ck_assert_uint_eq(p.ratelimit_us, 0);
}
END_TEST

START_TEST(domains_are_listed_in_order)
{
	xc_domaininfo_t info[4];
	xc_dominfo_t old;
	xc_cpupoolinfo_t *pool;

	machine_domain(1)->sched.cpu_time = 12345;
	ck_assert_int_eq(xc_domain_getinfolist(xc, 0, 4, info), 3);
	ck_assert_uint_eq(info[0].domain, 0);
	ck_assert_uint_eq(info[1].domain, 3);
	ck_assert_uint_eq(info[2].domain, 7);
	ck_assert_uint_eq(info[2].cpu_time, 12345);
	ck_assert_uint_eq(info[2].max_vcpu_id, 1);
	ck_assert_int_eq(xc_domain_getinfo(xc, 4, 1, &old), 1);
	ck_assert_uint_eq(old.domid, 7);
	machine_kill_domain(7, false);
	ck_assert_int_eq(xc_domain_getinfolist(xc, 4, 4, info), 0);

	pool = xc_cpupool_getinfo(xc, 0);
	ck_assert_uint_eq(pool->n_dom, 2);
	ck_assert_uint_eq(pool->cpumap[0], 3);
	xc_cpupool_infofree(xc, pool);
	ck_assert_ptr_null(xc_cpupool_getinfo(xc, 1));
}
END_TEST

START_TEST(faults_and_rights)
{
	struct xen_domctl_sched_credit2 s;

	machine_arm_fault(FAULT_SCHED, 2, -EBUSY, 1);
	ck_assert_int_eq(xc_sched_credit2_domain_get(xc, 7, &s), 0);
	ck_assert_int_eq(xc_sched_credit2_domain_get(xc, 7, &s), -1);
	ck_assert_int_eq(errno, EBUSY);
	machine_view.domid = 7; /* as if we were the guest */
	ck_assert_int_eq(xc_sched_credit2_domain_get(xc, 7, &s), -1);
	ck_assert_int_eq(errno, EPERM);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("fakexen-ctrl");
	TCase *c = tcase_create("ctrl");
	SRunner *r;
	int failed;

	tcase_add_checked_fixture(c, setup, NULL);
	tcase_add_test(c, credit2_weight_and_cap);
	tcase_add_test(c, another_scheduler_is_refused);
	tcase_add_test(c, ratelimit_has_bounds);
	tcase_add_test(c, domains_are_listed_in_order);
	tcase_add_test(c, faults_and_rights);
	suite_add_tcase(s, c);
	r = srunner_create(s);
	srunner_run_all(r, CK_ENV);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed ? 1 : 0;
}
