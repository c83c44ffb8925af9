/* SPDX-License-Identifier: MIT */
/* The journal of hints: whatever happens, the administrator's value comes back, and no other of his is lost. */
#include <xenctrl.h> /* first: it asks the other Xen headers for the tools' view */

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "netback/common/log.h"
#include "netback/hint/hints.h"
#include "test/unit/test-machine.h"

static struct sched *sched;
static struct hints hints;

/* At exit, since a failed test runs no teardown. */
static void teardown(void)
{
	char path[64];

	snprintf(path, sizeof(path), "%s/hint.journal", test_machine_dir);
	unlink(path);
	test_machine_remove();
}

static void open_hints(void)
{
	ck_assert_int_eq(hints_open(&hints, sched, test_machine_dir), 0);
}

static void setup(void)
{
	struct sched_pool pools[SCHED_MAX_POOLS];

	log_init("test-hints", LOG_LEVEL_ERR);
	test_machine_create();
	atexit(teardown);
	ck_assert_int_eq(machine_add_domain(7), 0);
	ck_assert_int_eq(machine_add_domain(9), 0);
	ck_assert_int_eq(sched_open(&sched), 0);
	ck_assert_int_eq(sched_pools(sched, pools, SCHED_MAX_POOLS), 1);
	open_hints();
}

static struct machine_sched *settings(uint32_t domid)
{
	return &machine_domain(machine_find_domain(domid))->sched;
}

static struct hint_target target(uint32_t domid)
{
	struct hint_target t = {.domid = domid, .kind = SCHED_CREDIT2};

	t.uuid[15] = (uint8_t)(settings(domid)->uuid ? settings(domid)->uuid : domid);
	return t;
}

static int set(uint32_t domid, uint32_t weight)
{
	const struct hint_target t = target(domid);

	return hints_set(&hints, &t, (uint32_t[2]){weight, 0});
}

/* As if the process had been killed here and another one begun. */
static int restart(void)
{
	hints_close(&hints);
	memset(&hints, 0, sizeof(hints));
	open_hints();
	return hints_recover(&hints);
}

static uint32_t weight(uint32_t domid)
{
	return settings(domid)->credit2_weight;
}

START_TEST(test_set_and_drop)
{
	const struct hint_target t = target(7);
	uint32_t base[2], now[2];

	settings(7)->credit2_cap = 50;
	ck_assert_int_eq(set(7, 300), HINTS_OK);
	ck_assert_int_eq(set(7, 400), HINTS_OK);
	ck_assert_uint_eq(weight(7), 400);
	ck_assert_int_eq(hints_look(&hints, &t, base, now), HINTS_OK);
	ck_assert_uint_eq(base[0], 256);
	ck_assert_uint_eq(now[0], 400);
	ck_assert_int_eq(hints_drop(&hints, &t), HINTS_OK);
	ck_assert_uint_eq(weight(7), 256);
	ck_assert_uint_eq(settings(7)->credit2_cap, 50);
	ck_assert_uint_eq(hints_drop_all(&hints), 0);
	ck_assert_int_eq(restart(), 0);
}
END_TEST

START_TEST(test_recovery)
{
	ck_assert_int_eq(set(7, 300), HINTS_OK);
	ck_assert_int_eq(set(9, 200), HINTS_OK);
	ck_assert_int_eq(restart(), 2);
	ck_assert_uint_eq(weight(7), 256);
	ck_assert_uint_eq(weight(9), 256);
	ck_assert_int_eq(restart(), 0);
}
END_TEST

/* Noted and not done, or done and noted again: both of the last two values are ours. */
START_TEST(test_recovery_between_note_and_write)
{
	ck_assert_int_eq(set(7, 300), HINTS_OK);
	ck_assert_int_eq(set(7, 400), HINTS_OK);
	settings(7)->credit2_weight = 300;
	ck_assert_int_eq(restart(), 1);
	ck_assert_uint_eq(weight(7), 256);
}
END_TEST

START_TEST(test_somebody_else_wins)
{
	const struct hint_target t = target(7);
	uint32_t base[2], now[2];

	ck_assert_int_eq(set(7, 300), HINTS_OK);
	settings(7)->credit2_weight = 77;
	ck_assert_int_eq(set(7, 400), HINTS_CHANGED);
	ck_assert_uint_eq(weight(7), 77);
	ck_assert_int_eq(hints_look(&hints, &t, base, now), HINTS_OK);
	ck_assert_uint_eq(base[0], 77);
	ck_assert_uint_eq(hints_drop_all(&hints), 0);
	ck_assert_uint_eq(weight(7), 77);

	ck_assert_int_eq(set(7, 100), HINTS_OK);
	settings(7)->credit2_weight = 78;
	ck_assert_int_eq(restart(), 0);
	ck_assert_uint_eq(weight(7), 78);
}
END_TEST

/* Another domain with the number of the old one has nothing to do with it. */
START_TEST(test_number_used_again)
{
	ck_assert_int_eq(set(7, 300), HINTS_OK);
	settings(7)->uuid = 70;
	settings(7)->credit2_weight = 300;
	ck_assert_int_eq(restart(), 0);
	ck_assert_uint_eq(weight(7), 300);
}
END_TEST

/* Domain 7 is saved with that weight, and restored as 8. */
static struct hint_target move_to_8(const struct hint_target *old, uint16_t weight)
{
	machine_kill_domain(7, false);
	hints_forget(&hints, old);
	ck_assert_int_eq(machine_add_domain(8), 0);
	settings(8)->uuid = 7;
	settings(8)->credit2_weight = weight;
	return target(8);
}

START_TEST(test_back_from_a_save)
{
	struct hint_target old = target(7);
	struct hint_target t;

	ck_assert_int_eq(set(7, 300), HINTS_OK);
	ck_assert_int_eq(set(7, 400), HINTS_OK);
	ck_assert_int_eq(hints_drop(&hints, &old), HINTS_OK); /* it is suspended */
	t = move_to_8(&old, 300);
	ck_assert_int_eq(hints_welcome(&hints, &t), 1);
	ck_assert_uint_eq(weight(8), 256);
	/* Only once: from now on 300 would be a decision. */
	settings(8)->credit2_weight = 300;
	ck_assert_int_eq(hints_welcome(&hints, &t), 0);
	ck_assert_int_eq(restart(), 0);
	ck_assert_uint_eq(weight(8), 300);
}
END_TEST

/* Saved with our weight while somebody decided otherwise: his is the one to come back with. */
START_TEST(test_back_after_a_decision)
{
	struct hint_target old = target(7), t;
	uint32_t base[2], now[2];

	ck_assert_int_eq(set(7, 300), HINTS_OK);
	settings(7)->credit2_weight = 77;
	if (_i)
		ck_assert_int_eq(restart(), 0); /* while nobody was there */
	else
		ck_assert_int_eq(hints_look(&hints, &old, base, now), HINTS_CHANGED);
	t = move_to_8(&old, 300);
	ck_assert_int_eq(hints_welcome(&hints, &t), 1);
	ck_assert_uint_eq(weight(8), 77);
}
END_TEST

/* As it migrates to its own host: two domains of one UUID, each with its own weight. */
START_TEST(test_there_twice)
{
	struct hint_target old = target(7), new;

	ck_assert_int_eq(set(7, 300), HINTS_OK);
	ck_assert_int_eq(machine_add_domain(8), 0);
	settings(8)->uuid = 7;
	settings(8)->credit2_weight = 300;
	new = target(8);
	ck_assert_int_eq(hints_welcome(&hints, &new), 1);
	ck_assert_uint_eq(weight(8), 256);
	ck_assert_uint_eq(weight(7), 300);
	ck_assert_int_eq(set(8, 500), HINTS_OK);
	ck_assert_int_eq(hints_drop(&hints, &old), HINTS_OK);
	ck_assert_uint_eq(weight(7), 256);
	ck_assert_uint_eq(weight(8), 500);
	ck_assert_int_eq(set(7, 310), HINTS_OK);
	ck_assert_int_eq(restart(), 2);
	ck_assert_uint_eq(weight(7), 256);
	ck_assert_uint_eq(weight(8), 256);
}
END_TEST

START_TEST(test_moved_to_another_pool)
{
	struct hint_target t;
	uint32_t base[2], now[2];

	ck_assert_int_eq(set(7, 300), HINTS_OK);
	machine_view.m->pools[1] = machine_view.m->pools[0];
	settings(7)->cpupool = 1; /* Xen gives the default weight; let it be the one we wrote */
	t = target(7);
	t.pool = 1;
	ck_assert_int_eq(hints_look(&hints, &t, base, now), HINTS_CHANGED);
	ck_assert_uint_eq(base[0], 300);
	ck_assert_uint_eq(hints_drop_all(&hints), 0);
	ck_assert_uint_eq(weight(7), 300);
}
END_TEST

START_TEST(test_pool_settings)
{
	const struct hint_target pool = {.is_pool = true, .kind = SCHED_CREDIT2};
	const uint32_t value[2] = {100, 0};

	ck_assert_int_eq(hints_set(&hints, &pool, value), HINTS_OK);
	ck_assert_uint_eq(machine_view.m->pools[0].credit2_ratelimit_us, 100);
	ck_assert_int_eq(restart(), 1);
	ck_assert_uint_eq(machine_view.m->pools[0].credit2_ratelimit_us, 1000);
}
END_TEST

/* Dom0: it is no pool, and shares nothing with one, not even while the pool has a hint. */
START_TEST(test_domain_without_uuid)
{
	const struct hint_target dom0 = target(0);
	const struct hint_target pool = {.is_pool = true, .kind = SCHED_CREDIT2};
	uint32_t base[2], now[2];

	settings(0)->credit2_weight = 512;
	ck_assert_int_eq(hints_set(&hints, &pool, (uint32_t[2]){100, 0}), HINTS_OK);
	ck_assert_int_eq(hints_look(&hints, &dom0, base, now), HINTS_OK);
	ck_assert_uint_eq(base[0], 512);
	ck_assert_uint_eq(now[0], 512);
	ck_assert_int_eq(set(0, 300), -EINVAL);
	hints_forget(&hints, &dom0);
	ck_assert_int_eq(hints_welcome(&hints, &dom0), 0);
	ck_assert_int_eq(hints_look(&hints, &pool, base, now), HINTS_OK);
	ck_assert_uint_eq(base[0], 1000);
	ck_assert_uint_eq(now[0], 100);
}
END_TEST

START_TEST(test_xen_refuses)
{
	const struct hint_target t = target(7);
	uint32_t base[2], now[2];

	/* the look, the read before the write, the write, the look at what it did */
	for (int nth = 1; nth <= 4; nth++) {
		machine_arm_fault(FAULT_SCHED, nth, -EBUSY, 1);
		ck_assert_int_eq(set(7, 300), -EBUSY);
		ck_assert_uint_eq(weight(7), nth < 4 ? 256 : 300);
		machine_arm_fault(FAULT_NONE, 0, 0, 0);
		ck_assert_int_eq(hints_look(&hints, &t, base, now), HINTS_OK);
		ck_assert_uint_eq(base[0], 256);
	}
	ck_assert_uint_eq(hints_drop_all(&hints), 0);
	ck_assert_uint_eq(weight(7), 256);
	for (int nth = 1; nth <= 4; nth++) { /* the way back */
		ck_assert_int_eq(set(7, 300), HINTS_OK);
		machine_arm_fault(FAULT_SCHED, nth, -EBUSY, 1);
		ck_assert_int_eq(set(7, 256), -EBUSY);
		machine_arm_fault(FAULT_NONE, 0, 0, 0);
		ck_assert_uint_eq(hints_drop_all(&hints), 0);
		ck_assert_uint_eq(weight(7), 256);
		ck_assert_int_eq(restart(), 0);
	}
	ck_assert_int_eq(set(99 - 92, 0), -ERANGE);
}
END_TEST

/* No change without a note; but the way back is never barred. */
START_TEST(test_disk_refuses)
{
	const struct hint_target t = target(7);
	int fd = hints.journal.fd, null = open("/dev/full", O_RDWR | O_CLOEXEC);
	uint32_t base[2], now[2];

	ck_assert_int_ge(null, 0);
	hints.journal.fd = null;
	ck_assert_int_lt(set(7, 300), 0);
	ck_assert_uint_eq(weight(7), 256);
	hints.journal.fd = fd;
	ck_assert_int_eq(set(7, 300), HINTS_OK);
	hints.journal.fd = null;
	ck_assert_int_lt(set(7, 400), 0);
	ck_assert_uint_eq(weight(7), 300);
	ck_assert_int_eq(hints_look(&hints, &t, base, now), HINTS_OK);
	ck_assert_uint_eq(base[0], 256);
	ck_assert_int_eq(hints_drop(&hints, &t), HINTS_OK);
	ck_assert_uint_eq(weight(7), 256);
	hints.journal.fd = fd;
	close(null);
	ck_assert_int_eq(restart(), 0);
	ck_assert_uint_eq(weight(7), 256);
}
END_TEST

START_TEST(test_domain_dies)
{
	ck_assert_int_eq(set(7, 300), HINTS_OK);
	machine_kill_domain(7, false);
	ck_assert_uint_eq(hints_drop_all(&hints), 0);
	ck_assert_int_eq(restart(), 0);
}
END_TEST

START_TEST(test_damaged_entries)
{
	char path[64];
	FILE *file;

	ck_assert_int_eq(set(7, 300), HINTS_OK);
	ck_assert_int_eq(set(9, 300), HINTS_OK);
	snprintf(path, sizeof(path), "%s/hint.journal", test_machine_dir);
	file = fopen(path, "r+");
	fseek(file, offsetof(struct journal_entry, base), SEEK_SET);
	fputc('x', file);
	fclose(file);
	ck_assert_int_eq(restart(), 1);
	ck_assert_uint_eq(weight(7), 300); /* nobody knows what it was */
	ck_assert_uint_eq(weight(9), 256);
}
END_TEST

START_TEST(test_one_at_a_time)
{
	static struct hints other;

	ck_assert_int_eq(hints_open(&other, sched, test_machine_dir), -EWOULDBLOCK);
}
END_TEST

/* The oldest past entry makes room; an open one never does. */
START_TEST(test_full_journal)
{
	struct journal *j = &hints.journal;

	ck_assert_int_eq(set(7, 300), HINTS_OK);
	for (unsigned int i = 1; i < JOURNAL_MAX; i++)
		j->entry[i] =
			(struct journal_entry){.state = i == 500 ? JOURNAL_PAST : JOURNAL_OPEN,
					       .uuid = {1},
					       .domid = 1000 + i};
	ck_assert_ptr_eq(journal_make(j), &j->entry[500]);
	j->entry[500].state = JOURNAL_OPEN;
	ck_assert_ptr_null(journal_make(j));
	ck_assert_int_eq(set(9, 300), -ENOSPC);
	ck_assert_uint_eq(weight(9), 256);
}
END_TEST

/* --- a thousand deaths ------------------------------------------------------------------------------------ */

static void change_for_ever(void)
{
	srand((unsigned int)getpid());
	for (;;) {
		uint32_t domid = rand() % 2 ? 7 : 9;

		if (rand() % 8 == 0)
			hints_drop_all(&hints);
		else
			set(domid, 200 + (uint32_t)rand() % 400);
	}
}

/* Returns when it is about to change the first weight, however busy the machine is. */
static pid_t start_child(void)
{
	int ready[2];
	pid_t pid;
	char byte;

	ck_assert_int_eq(pipe(ready), 0);
	pid = fork();
	if (pid == 0) {
		memset(&hints, 0, sizeof(hints));
		if (hints_open(&hints, sched, test_machine_dir) == 0 && write(ready[1], "", 1) == 1)
			change_for_ever();
		_exit(1);
	}
	ck_assert_int_eq(read(ready[0], &byte, 1), 1);
	close(ready[0]);
	close(ready[1]);
	return pid;
}

START_TEST(test_a_thousand_deaths)
{
	unsigned int left = 0;

	srand(20260103);
	for (int round = 0; round < 1000; round++) {
		uint32_t decided = round % 5 ? 256 : 1000 + (uint32_t)round;
		struct timespec ts = {.tv_nsec = rand() % 2000000};
		pid_t pid;
		int status;

		hints_close(&hints);
		pid = start_child();
		nanosleep(&ts, NULL);
		kill(pid, SIGKILL);
		waitpid(pid, &status, 0);
		ck_assert(WIFSIGNALED(status));
		left += weight(7) != 256;

		if (decided != 256) /* while nobody is there */
			settings(7)->credit2_weight = (uint16_t)decided;
		memset(&hints, 0, sizeof(hints));
		open_hints();
		ck_assert_int_ge(hints_recover(&hints), 0);
		ck_assert_uint_eq(weight(7), decided);
		ck_assert_uint_eq(weight(9), 256);
		settings(7)->credit2_weight = 256;
	}
	ck_assert_uint_gt(left, 100); /* else it was never in the middle of anything */
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("hints");
	TCase *tcase = tcase_create("hints");
	SRunner *runner = srunner_create(suite);
	int failed;

	suite_add_tcase(suite, tcase);
	tcase_add_checked_fixture(tcase, setup, NULL);
	tcase_set_timeout(tcase, 100);
	tcase_add_test(tcase, test_set_and_drop);
	tcase_add_test(tcase, test_recovery);
	tcase_add_test(tcase, test_recovery_between_note_and_write);
	tcase_add_test(tcase, test_somebody_else_wins);
	tcase_add_test(tcase, test_number_used_again);
	tcase_add_test(tcase, test_back_from_a_save);
	tcase_add_loop_test(tcase, test_back_after_a_decision, 0, 2);
	tcase_add_test(tcase, test_there_twice);
	tcase_add_test(tcase, test_moved_to_another_pool);
	tcase_add_test(tcase, test_pool_settings);
	tcase_add_test(tcase, test_domain_without_uuid);
	tcase_add_test(tcase, test_xen_refuses);
	tcase_add_test(tcase, test_disk_refuses);
	tcase_add_test(tcase, test_domain_dies);
	tcase_add_test(tcase, test_damaged_entries);
	tcase_add_test(tcase, test_one_at_a_time);
	tcase_add_test(tcase, test_full_journal);
	tcase_add_test(tcase, test_a_thousand_deaths);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? 1 : 0;
}
