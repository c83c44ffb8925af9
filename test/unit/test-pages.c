/* SPDX-License-Identifier: MIT */
/* Statistics pages in a directory: which are believed, whose engines live, and whose work it is. */
#include <check.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "netback/hint/pages.h"

static char dir[] = "/tmp/test-pages.XXXXXX";
static struct pages pages;
static struct totals t;

/* At exit, since a failed test runs no teardown. */
static void teardown(void)
{
	char command[64];

	snprintf(command, sizeof(command), "rm -rf %s", dir);
	if (system(command) != 0)
		perror(dir);
}

static void setup(void)
{
	ck_assert_ptr_nonnull(mkdtemp(dir));
	atexit(teardown);
	snprintf(pages.run_dir, sizeof(pages.run_dir), "%s", dir);
}

static void write_page(const char *name, uint32_t version, pid_t pid, size_t size)
{
	static struct stats_vif page;
	char path[128];
	FILE *file;

	page = (struct stats_vif){
		.magic = STATS_MAGIC,
		.version = version,
		.size = sizeof(page),
		.nr_queues = 1,
		.engine_pid = (uint32_t)pid,
		.queue[0].rx_packets = 5,
	};
	snprintf(path, sizeof(path), "%s/%s", dir, name);
	file = fopen(path, "w");
	ck_assert_ptr_nonnull(file);
	ck_assert_uint_eq(fwrite(&page, 1, size, file), size);
	fclose(file);
}

static void write_good(const char *name, pid_t pid)
{
	write_page(name, STATS_VERSION, pid, sizeof(struct stats_vif));
}

START_TEST(test_sums)
{
	write_good("vif3.0.stats", getpid());
	write_good("vif3.1.stats", getpid());
	write_good("vif30.0.stats", getppid());
	ck_assert_int_eq(pages_scan(&pages), 0);
	ck_assert(pages_read(&pages, 3, &t));
	ck_assert_uint_eq(t.nr_vifs, 2);
	ck_assert_uint_eq(t.rx_packets, 10);
	ck_assert(pages_read(&pages, 30, &t));
	ck_assert_uint_eq(t.rx_packets, 5);
	/* Nothing of ours is no reason to be stale. */
	ck_assert(pages_read(&pages, 4, &t));
	ck_assert_uint_eq(t.nr_vifs, 0);
}
END_TEST

START_TEST(test_what_is_not_believed)
{
	write_page("vif1.0.stats", STATS_VERSION + 1, getpid(), sizeof(struct stats_vif));
	write_page("vif2.0.stats", STATS_VERSION, getpid(), 100);
	write_good("vif3.0.journal", getpid());
	write_good("vif4.0.stats.new", getpid());
	write_good("vif5.stats", getpid());
	ck_assert_int_eq(
		symlink("/etc/passwd", strcat(strcpy((char[64]){0}, dir), "/vif6.0.stats")), 0);
	ck_assert_int_eq(pages_scan(&pages), 0);
	ck_assert(!pages_read(&pages, 1, &t));
	for (uint32_t domid = 2; domid <= 6; domid++) {
		ck_assert(pages_read(&pages, domid, &t));
		ck_assert_uint_eq(t.nr_vifs, 0);
	}
}
END_TEST

START_TEST(test_dead_engine)
{
	pid_t pid = fork();

	if (pid == 0) {
		pause();
		_exit(0);
	}
	write_good("vif3.0.stats", pid);
	ck_assert_int_eq(pages_scan(&pages), 0);
	ck_assert(pages_read(&pages, 3, &t));
	kill(pid, SIGKILL);
	/* A zombie serves nobody. */
	ck_assert_int_eq(waitid(P_PID, (id_t)pid, &(siginfo_t){0}, WEXITED | WNOWAIT), 0);
	ck_assert_int_eq(pages_scan(&pages), 0);
	ck_assert(!pages_read(&pages, 3, &t));
	waitpid(pid, NULL, 0);
	ck_assert_int_eq(pages_scan(&pages), 0);
	ck_assert(!pages_read(&pages, 3, &t));
	write_good("vif3.1.stats", getpid());
	ck_assert_int_eq(pages_scan(&pages), 0);
	ck_assert(pages_read(&pages, 3, &t));
	ck_assert_uint_eq(t.nr_vifs, 1);
}
END_TEST

static void burn(void)
{
	for (volatile unsigned int i = 0; i < 200000000; i++)
		;
}

START_TEST(test_cpu_time)
{
	write_good("vif3.0.stats", getpid());
	write_good("vif3.1.stats", getpid());
	burn();
	ck_assert_int_eq(pages_scan(&pages), 0);
	ck_assert(pages_read(&pages, 3, &t));
	/* Once, though it serves two vifs; in ticks. */
	ck_assert_uint_ge(t.cpu_ns, 10000000);
	ck_assert_uint_le(t.cpu_ns, (uint64_t)clock() * 1000 + 20000000);
	/* Shared with another domain, it is nobody's. */
	write_good("vif4.0.stats", getpid());
	ck_assert_int_eq(pages_scan(&pages), 0);
	ck_assert(pages_read(&pages, 3, &t));
	ck_assert_uint_eq(t.cpu_ns, 0);
}
END_TEST

START_TEST(test_pages_come_and_go)
{
	char path[64];

	write_good("vif3.0.stats", getpid());
	ck_assert_int_eq(pages_scan(&pages), 0);
	snprintf(path, sizeof(path), "%s/vif3.0.stats", dir);
	ck_assert_int_eq(unlink(path), 0);
	ck_assert_int_eq(pages_scan(&pages), 0);
	ck_assert(pages_read(&pages, 3, &t));
	ck_assert_uint_eq(t.nr_vifs, 0);
	write_good("vif7.0.stats", getpid());
	ck_assert_int_eq(pages_scan(&pages), 0);
	ck_assert_uint_eq(pages.nr, 1); /* its place is used again */
	snprintf(pages.run_dir, sizeof(pages.run_dir), "/nowhere");
	ck_assert_int_lt(pages_scan(&pages), 0);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("pages");
	TCase *tcase = tcase_create("pages");
	SRunner *runner = srunner_create(suite);
	int failed;

	suite_add_tcase(suite, tcase);
	tcase_add_checked_fixture(tcase, setup, NULL);
	tcase_set_timeout(tcase, 60);
	tcase_add_test(tcase, test_sums);
	tcase_add_test(tcase, test_what_is_not_believed);
	tcase_add_test(tcase, test_dead_engine);
	tcase_add_test(tcase, test_cpu_time);
	tcase_add_test(tcase, test_pages_come_and_go);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? 1 : 0;
}
