/* SPDX-License-Identifier: MIT */
/* test-hotplug.c: what a script is given, and each way it can end */
#include "netback/control/hotplug.h"

#include <check.h>
#include <errno.h>
#include <event2/event.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static struct event_base *base;
static char dir[] = "/tmp/test-hotplug-XXXXXX", script[64], output[64];
static char last[HOTPLUG_WHY_SIZE];
static unsigned int nr_done;
static struct hotplug hotplug;

static void on_done(void *arg, const char *why)
{
	ck_assert_ptr_eq(arg, &hotplug);
	snprintf(last, sizeof(last), "%s", why);
	nr_done++;
	event_base_loopbreak(base);
}

static void set_up(void)
{
	strcpy(dir, "/tmp/test-hotplug-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(dir));
	snprintf(script, sizeof(script), "%s/script", dir);
	snprintf(output, sizeof(output), "%s/output", dir);
	setenv("OUTPUT", output, 1);
	base = event_base_new();
	hotplug_init(base);
	hotplug = (struct hotplug){.done = on_done, .arg = &hotplug};
	nr_done = 0;
}

static void tear_down(void)
{
	hotplug_forget(&hotplug);
	hotplug_stop();
	event_base_free(base);
	unlink(script);
	unlink(output);
	rmdir(dir);
}

static void write_script(const char *text)
{
	FILE *file = fopen(script, "we");

	ck_assert_ptr_nonnull(file);
	fprintf(file, "#!/bin/sh\n%s\n", text);
	fclose(file);
	ck_assert_int_eq(chmod(script, 0755), 0);
}

static int run(const char *verb)
{
	struct hotplug_job job = {
		.script = script,
		.verb = verb,
		.path = "backend/vif/3/0",
		.vif = "vif3.0",
		.gatewaydev = "eth9",
	};

	return hotplug_run(&hotplug, &job);
}

/* Until done was called so often, for some seconds at most. */
static void wait_done(unsigned int nr)
{
	for (int n = 0; n < 1000 && nr_done < nr; n++) {
		event_base_loopexit(base, &(struct timeval){.tv_usec = 10000});
		event_base_dispatch(base);
	}
	ck_assert_uint_eq(nr_done, nr);
}

static const char *read_output(void)
{
	static char text[512];
	FILE *file = fopen(output, "re");
	size_t n = 0;

	if (file) {
		n = fread(text, 1, sizeof(text) - 1, file);
		fclose(file);
	}
	text[n] = '\0';
	return text;
}

START_TEST(arguments_and_environment_are_libxls)
{
	setenv("vif", "another", 1);
	setenv("KEPT", "kept", 1);
	write_script(
		"echo \"$#|$0|$1|$2|$script|$XENBUS_TYPE|$XENBUS_PATH|$XENBUS_BASE_PATH|$netdev|"
		"$vif|$KEPT|$(env | grep -c '^vif=')\" | sed \"s:$script:SCRIPT:g\" > $OUTPUT");
	ck_assert_int_eq(run("online"), 0);
	wait_done(1);
	ck_assert_str_eq(last, "");
	ck_assert_str_eq(read_output(),
			 "2|SCRIPT|online|type_if=vif|SCRIPT|vif|backend/vif/3/0|backend|"
			 "eth9|vif3.0|kept|1\n");
}
END_TEST

/* A shell that was born with SIGPIPE ignored cannot tell; an inherited descriptor it can. */
START_TEST(it_inherits_nothing_else)
{
	int fd = fcntl(STDERR_FILENO, F_DUPFD, 200); /* not close-on-exec */

	signal(SIGPIPE, SIG_IGN);
	write_script("{ cat; ls /proc/$$/fd | grep '^2..'; "
		     "ignored=0x$(sed -n 's/^SigIgn:.//p' /proc/$$/status); "
		     "[ $((ignored & 1 << 12)) = 0 ] && echo pipe; "
		     "[ $(cut -d' ' -f5 /proc/$$/stat) = $$ ] && echo leader; } > $OUTPUT");
	ck_assert_int_eq(run("offline"), 0);
	wait_done(1);
	close(fd);
	ck_assert_str_eq(read_output(), "pipe\nleader\n");
}
END_TEST

START_TEST(failure_is_told)
{
	write_script("exit 3");
	ck_assert_int_eq(run("online"), 0);
	wait_done(1);
	ck_assert_str_eq(last, "the script ended with status 3");

	write_script("kill -TERM $$");
	ck_assert_int_eq(run("online"), 0);
	wait_done(2);
	ck_assert_str_eq(last, "the script was killed by signal 15 (Terminated)");

	unlink(script);
	ck_assert_int_eq(run("online"), 0);
	wait_done(3);
	ck_assert_str_eq(last, "the script cannot be executed");
}
END_TEST

/* Everything of its group ends: a child that lived on would hold the lock of the vif scripts. */
START_TEST(it_has_limited_time)
{
	pid_t child;

	hotplug.seconds = 1;
	write_script("sleep 77 & echo $! > $OUTPUT; wait");
	ck_assert_int_eq(run("online"), 0);
	wait_done(1);
	ck_assert_str_eq(last, "the script took longer than 1 seconds");

	child = (pid_t)strtol(read_output(), NULL, 10);
	ck_assert_int_gt(child, 1);
	for (int n = 0; n < 200 && kill(child, 0) == 0; n++)
		usleep(10000);
	/* An orphan that nobody reaps is dead all the same. */
	if (kill(child, 0) == 0) {
		char path[64], state = 0;
		FILE *file;

		snprintf(path, sizeof(path), "/proc/%d/stat", child);
		file = fopen(path, "re");
		ck_assert_ptr_nonnull(file);
		ck_assert_int_eq(fscanf(file, "%*d %*s %c", &state), 1);
		fclose(file);
		ck_assert_int_eq(state, 'Z');
	}
}
END_TEST

START_TEST(one_at_a_time)
{
	write_script("sleep 77");
	ck_assert_int_eq(run("online"), 0);
	ck_assert_int_eq(run("offline"), -EBUSY);
	hotplug_kill(&hotplug);
	ck_assert_int_eq(run("offline"), -EBUSY);
	wait_done(1);
	ck_assert_str_eq(last, "the script was killed by signal 9 (Killed)");
	hotplug_kill(&hotplug);

	write_script("exit 0");
	ck_assert_int_eq(run("offline"), 0);
	wait_done(2);
	ck_assert_str_eq(last, "");
}
END_TEST

START_TEST(forgotten_while_it_runs)
{
	write_script("sleep 77");
	ck_assert_int_eq(run("online"), 0);
	hotplug_forget(&hotplug);
	ck_assert_int_eq(hotplug.pid, 0);
	event_base_loop(base, EVLOOP_NONBLOCK);
	ck_assert_uint_eq(nr_done, 0);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("hotplug");
	TCase *tcase = tcase_create("all");
	SRunner *runner;
	int failed;

	tcase_set_timeout(tcase, 60);
	tcase_add_checked_fixture(tcase, set_up, tear_down);
	tcase_add_test(tcase, arguments_and_environment_are_libxls);
	tcase_add_test(tcase, it_inherits_nothing_else);
	tcase_add_test(tcase, failure_is_told);
	tcase_add_test(tcase, it_has_limited_time);
	tcase_add_test(tcase, one_at_a_time);
	tcase_add_test(tcase, forgotten_while_it_runs);
	suite_add_tcase(suite, tcase);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? 1 : 0;
}
