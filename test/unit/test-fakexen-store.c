/* SPDX-License-Identifier: MIT */
/* The fake xenstored keeps the rules of the true one, seen through libxenstore. */
#include <check.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <xenstore.h>

/*
 * Needs the programs of $BUILD/fakexen. Each test makes its own machine with a
 * guest, domain 5. dom0 and guest are connections of this process.
 */

enum {
	SOON = 2000,
	NOT_SOON = 30
};

static char dir[] = "/tmp/test-store.XXXXXX";
static struct xs_handle *dom0, *guest;

static int tool(const char *arguments)
{
	const char *build = getenv("BUILD");
	char command[512];

	snprintf(command, sizeof(command), "'%s/fakexen/fakexen' %s > /dev/null",
		 build ? build : "build", arguments);
	return system(command);
}

static int on_machine(const char *verb, const char *arguments)
{
	char command[256];

	snprintf(command, sizeof(command), "%s %s/m %s", verb, dir, arguments);
	return tool(command);
}

static struct xs_handle *connect_as(int domid)
{
	char path[64];
	struct xs_handle *h;

	if (domid)
		snprintf(path, sizeof(path), "%s/m/xenstored-%d.sock", dir, domid);
	else
		snprintf(path, sizeof(path), "%s/m/xenstored.sock", dir);
	setenv("XENSTORED_PATH", path, 1);
	h = xs_open(0);
	ck_assert_msg(h != NULL, "%s: %s", path, strerror(errno));
	return h;
}

/* At exit, since a failed test runs no teardown. */
static void teardown(void)
{
	xs_close(guest);
	xs_close(dom0);
	on_machine("destroy", "");
	rmdir(dir);
}

static void setup(void)
{
	ck_assert_ptr_nonnull(mkdtemp(dir));
	atexit(teardown);
	ck_assert_int_eq(on_machine("create", ""), 0);
	ck_assert_int_eq(on_machine("domain", "5 guest"), 0);
	dom0 = connect_as(0);
	guest = connect_as(5);
}

static bool put(struct xs_handle *h, xs_transaction_t t, const char *path, const char *value)
{
	return xs_write(h, t, path, value, strlen(value));
}

/* Is the value of the key this one? NULL: there is no such key. */
static bool is(struct xs_handle *h, xs_transaction_t t, const char *path, const char *want)
{
	unsigned int len;
	char *value = xs_read(h, t, path, &len);
	bool equal = want && value ? !strcmp(value, want) : !want && !value;

	free(value);
	return equal;
}

static void expect_event(struct xs_handle *h, const char *path, const char *token)
{
	struct pollfd p = {.fd = xs_fileno(h), .events = POLLIN};
	char **event;

	ck_assert_msg(poll(&p, 1, SOON) == 1, "no event for %s", path);
	event = xs_check_watch(h);
	ck_assert_ptr_nonnull(event);
	ck_assert_str_eq(event[XS_WATCH_PATH], path);
	ck_assert_str_eq(event[XS_WATCH_TOKEN], token);
	free(event);
}

static void expect_silence(struct xs_handle *h)
{
	struct pollfd p = {.fd = xs_fileno(h), .events = POLLIN};

	ck_assert_int_eq(poll(&p, 1, NOT_SOON), 0);
}

START_TEST(values_are_binary_and_bounded)
{
	char big[4097] = "", *value;
	unsigned int len;

	ck_assert(xs_write(dom0, XBT_NULL, "/t/binary", "a\0b", 3));
	value = xs_read(dom0, XBT_NULL, "/t/binary", &len);
	ck_assert_uint_eq(len, 3);
	ck_assert_mem_eq(value, "a\0b", 3);
	free(value);
	ck_assert(is(dom0, XBT_NULL, "/t", ""));
	ck_assert(xs_write(dom0, XBT_NULL, "/t/big", big, 4096 - 7));
	ck_assert(!xs_write(dom0, XBT_NULL, "/t/big", big, 4097));
	ck_assert_int_eq(errno, E2BIG);
	ck_assert(!xs_write(guest, XBT_NULL, "data/big", big, 3000));
	ck_assert_int_eq(errno, ENOSPC);
	ck_assert(!put(dom0, XBT_NULL, "/t//x", ""));
	ck_assert_int_eq(errno, EINVAL);
	ck_assert(!put(dom0, XBT_NULL, "/t/x y", ""));
	ck_assert(!put(dom0, XBT_NULL, "/t/", ""));
}
END_TEST

START_TEST(transactions_conflict_only_on_what_they_touched)
{
	xs_transaction_t a, b;

	put(dom0, XBT_NULL, "/t/a", "0");
	put(dom0, XBT_NULL, "/t/b", "0");
	a = xs_transaction_start(dom0);
	b = xs_transaction_start(dom0);
	ck_assert(is(dom0, a, "/t/a", "0"));
	put(dom0, a, "/t/a", "1");
	ck_assert(is(dom0, a, "/t/a", "1"));
	ck_assert(is(dom0, XBT_NULL, "/t/a", "0"));
	put(dom0, b, "/t/b", "2");
	ck_assert(xs_transaction_end(dom0, a, false));
	ck_assert(xs_transaction_end(dom0, b, false));
	ck_assert(is(dom0, XBT_NULL, "/t/a", "1"));
	ck_assert(is(dom0, XBT_NULL, "/t/b", "2"));

	/* what it has read changes: EAGAIN, and nothing is written */
	a = xs_transaction_start(dom0);
	ck_assert(is(dom0, a, "/t/a", "1"));
	put(dom0, a, "/t/new", "x");
	put(guest, XBT_NULL, "data/unrelated", "x");
	put(dom0, XBT_NULL, "/t/a", "other");
	ck_assert(is(dom0, a, "/t/a", "1"));
	ck_assert(!xs_transaction_end(dom0, a, false));
	ck_assert_int_eq(errno, EAGAIN);
	ck_assert(is(dom0, XBT_NULL, "/t/new", NULL));

	/* a key it found missing appears */
	a = xs_transaction_start(dom0);
	ck_assert(is(dom0, a, "/t/missing", NULL));
	put(dom0, a, "/t/b", "3");
	put(dom0, XBT_NULL, "/t/missing", "here");
	ck_assert(!xs_transaction_end(dom0, a, false));
	ck_assert_int_eq(errno, EAGAIN);

	/* aborted */
	a = xs_transaction_start(dom0);
	ck_assert(xs_rm(dom0, a, "/t"));
	ck_assert(is(dom0, a, "/t/b", NULL));
	ck_assert(xs_transaction_end(dom0, a, true));
	ck_assert(is(dom0, XBT_NULL, "/t/b", "2"));
	ck_assert(!xs_transaction_end(dom0, a, false));
	ck_assert_int_eq(errno, ENOENT);
}
END_TEST

START_TEST(transaction_replaces_a_directory_at_once)
{
	xs_transaction_t t;
	unsigned int n;

	put(dom0, XBT_NULL, "/t/d/old", "1");
	xs_watch(dom0, "/t/d", "w");
	expect_event(dom0, "/t/d", "w");
	t = xs_transaction_start(dom0);
	ck_assert(xs_rm(dom0, t, "/t/d"));
	ck_assert(put(dom0, t, "/t/d/new", "2"));
	expect_silence(dom0);
	ck_assert(xs_transaction_end(dom0, t, false));
	expect_event(dom0, "/t/d", "w");
	expect_event(dom0, "/t/d/new", "w");
	expect_silence(dom0);
	ck_assert(is(dom0, XBT_NULL, "/t/d/old", NULL));
	ck_assert(is(dom0, XBT_NULL, "/t/d/new", "2"));
	free(xs_directory(dom0, XBT_NULL, "/t/d", &n));
	ck_assert_uint_eq(n, 1);
}
END_TEST

START_TEST(watches_fire_for_what_is_below_and_what_goes)
{
	xs_watch(dom0, "/t/w/x", "deep");
	expect_event(dom0, "/t/w/x", "deep");
	ck_assert(!xs_watch(dom0, "/t/w/x", "deep"));
	ck_assert_int_eq(errno, EEXIST);
	put(dom0, XBT_NULL, "/t/w/x/y", "1");
	expect_event(dom0, "/t/w/x/y", "deep");
	put(dom0, XBT_NULL, "/t/w/xy", "1");
	expect_silence(dom0);
	ck_assert(xs_rm(dom0, XBT_NULL, "/t/w"));
	expect_event(dom0, "/t/w/x", "deep");
	expect_silence(dom0);
	ck_assert(xs_unwatch(dom0, "/t/w/x", "deep"));
	put(dom0, XBT_NULL, "/t/w/x", "1");
	expect_silence(dom0);
	ck_assert(!xs_unwatch(dom0, "/t/w/x", "deep"));
	ck_assert_int_eq(errno, ENOENT);
}
END_TEST

START_TEST(guest_sees_what_it_may_and_relative)
{
	struct xs_permissions p[2] = {{.id = 0, .perms = XS_PERM_NONE},
				      {.id = 5, .perms = XS_PERM_READ}};

	put(dom0, XBT_NULL, "/t/secret", "1");
	ck_assert(!is(guest, XBT_NULL, "/t/secret", "1"));
	ck_assert_int_eq(errno, EACCES);
	ck_assert(is(guest, XBT_NULL, "/t/none", NULL));
	ck_assert_int_eq(errno, EACCES); /* not even that it is missing */
	ck_assert(is(guest, XBT_NULL, "data/none", NULL));
	ck_assert_int_eq(errno, ENOENT);

	xs_watch(guest, "/t", "t");
	expect_event(guest, "/t", "t");
	put(dom0, XBT_NULL, "/t/secret", "2");
	expect_silence(guest);
	ck_assert(xs_set_permissions(dom0, XBT_NULL, "/t/secret", p, 2));
	expect_event(guest, "/t/secret", "t");
	ck_assert(is(guest, XBT_NULL, "/t/secret", "2"));
	ck_assert(!put(guest, XBT_NULL, "/t/secret", "3"));
	ck_assert_int_eq(errno, EACCES);

	xs_watch(guest, "data", "rel");
	expect_event(guest, "data", "rel");
	put(dom0, XBT_NULL, "/local/domain/5/data/x", "1");
	expect_event(guest, "data/x", "rel");
	ck_assert(!xs_introduce_domain(guest, 9, 1, 1));
}
END_TEST

START_TEST(guest_owns_what_it_makes)
{
	struct xs_permissions *p,
		give[2] = {{.id = 5, .perms = XS_PERM_NONE}, {.id = 0, .perms = XS_PERM_READ}};
	unsigned int n;

	ck_assert(put(guest, XBT_NULL, "data/a/b", "1"));
	p = xs_get_permissions(dom0, XBT_NULL, "/local/domain/5/data/a", &n);
	ck_assert_uint_eq(n, 1);
	ck_assert_uint_eq(p[0].id, 5);
	free(p);
	ck_assert(xs_set_permissions(guest, XBT_NULL, "data/a", give, 2));
	give[0].id = 0;
	ck_assert(!xs_set_permissions(guest, XBT_NULL, "data/a", give, 2));
	ck_assert_int_eq(errno, EPERM);
	ck_assert(xs_rm(guest, XBT_NULL, "data/a"));
	ck_assert(xs_rm(guest, XBT_NULL, "data/a")); /* removing what is gone */
	ck_assert(!xs_rm(guest, XBT_NULL, "name"));
}
END_TEST

START_TEST(domains_come_and_go_with_special_watches)
{
	xs_watch(dom0, "@introduceDomain", "in");
	xs_watch(dom0, "@releaseDomain", "out");
	xs_watch(guest, "@releaseDomain", "out");
	expect_event(guest, "@releaseDomain", "out"); /* when it is set, and never again */
	expect_event(dom0, "@introduceDomain", "in");
	expect_event(dom0, "@releaseDomain", "out");
	ck_assert(!xs_is_domain_introduced(dom0, 6));
	ck_assert_int_eq(on_machine("domain", "6"), 0);
	expect_event(dom0, "@introduceDomain", "in");
	ck_assert(xs_is_domain_introduced(dom0, 6));
	ck_assert_int_eq(on_machine("kill-domain", "6"), 0);
	expect_event(dom0, "@releaseDomain", "out");
	ck_assert(!xs_is_domain_introduced(dom0, 6));
	expect_silence(dom0);
	expect_silence(guest);
	ck_assert(!xs_is_domain_introduced(guest, 0));
	ck_assert_int_eq(errno, EACCES);
}
END_TEST

#define BE "/local/domain/0/backend/vif/5/0"
#define FE "/local/domain/5/device/vif/0"

/* What netbackd would do, so that the toolstack's part can be seen. */
static pid_t start_backend(int first, int last)
{
	pid_t pid = fork();
	char state[2] = {'0' + first, 0};

	if (pid)
		return pid;
	dom0 = connect_as(0);
	xs_watch(dom0, BE "/state", "s");
	while (!is(dom0, XBT_NULL, BE "/state", first == 2 ? "1" : "5"))
		free(xs_read_watch(dom0, &(unsigned int){0}));
	put(dom0, XBT_NULL, BE "/state", state);
	_exit(last);
}

START_TEST(vif_is_added_as_libxl_does)
{
	struct xs_permissions *p;
	unsigned int n;
	pid_t backend = start_backend(2, 0);

	ck_assert_int_eq(on_machine("vif-add", "5 0 mac=00:16:3e:01:02:03 rate=1000,50000"), 0);
	waitpid(backend, NULL, 0);
	ck_assert(is(dom0, XBT_NULL, BE "/frontend", FE));
	ck_assert(is(dom0, XBT_NULL, BE "/mac", "00:16:3e:01:02:03"));
	ck_assert(is(dom0, XBT_NULL, BE "/rate", "1000,50000"));
	ck_assert(is(dom0, XBT_NULL, BE "/online", "1"));
	ck_assert(is(dom0, XBT_NULL, BE "/hotplug-status", "connected"));
	ck_assert(is(guest, XBT_NULL, FE "/backend", BE));
	ck_assert(is(guest, XBT_NULL, FE "/state", "1"));
	p = xs_get_permissions(dom0, XBT_NULL, FE "/state", &n);
	ck_assert_uint_eq(n, 2);
	ck_assert_uint_eq(p[0].id, 5);
	ck_assert_int_eq(p[1].perms, XS_PERM_READ);
	free(p);
	p = xs_get_permissions(dom0, XBT_NULL, BE "/state", &n);
	ck_assert_uint_eq(p[0].id, 0);
	ck_assert_uint_eq(p[1].id, 5);
	free(p);
	ck_assert(!put(guest, XBT_NULL, BE "/state", "4"));
	ck_assert(is(dom0, XBT_NULL, "/libxl/5/device/vif/0/backend", BE));

	backend = start_backend(6, 0);
	ck_assert_int_eq(on_machine("vif-remove", "5 0"), 0);
	waitpid(backend, NULL, 0);
	ck_assert(is(dom0, XBT_NULL, BE, NULL));
	ck_assert(is(dom0, XBT_NULL, FE, NULL));
	ck_assert(is(dom0, XBT_NULL, "/libxl/5/device/vif/0", NULL));
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("fakexen-store");
	TCase *c = tcase_create("store");

	tcase_add_checked_fixture(c, setup, NULL);
	tcase_add_test(c, values_are_binary_and_bounded);
	tcase_add_test(c, transactions_conflict_only_on_what_they_touched);
	tcase_add_test(c, transaction_replaces_a_directory_at_once);
	tcase_add_test(c, watches_fire_for_what_is_below_and_what_goes);
	tcase_add_test(c, guest_sees_what_it_may_and_relative);
	tcase_add_test(c, guest_owns_what_it_makes);
	tcase_add_test(c, domains_come_and_go_with_special_watches);
	tcase_add_test(c, vif_is_added_as_libxl_does);
	suite_add_tcase(s, c);
	return s;
}

int main(void)
{
	SRunner *r = srunner_create(suite());
	int failed;

	srunner_run_all(r, CK_ENV);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed ? 1 : 0;
}
