/* SPDX-License-Identifier: MIT */
/* test-sandbox.c: what an engine can still do under its filter, and what is its end */
#include "netback/engine/sandbox.h"

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
#include <xen/xen.h> /* whose types the next two take for granted */
#include <xen/sys/evtchn.h>
#include <xen/sys/gntdev.h>

#include "netback/common/util.h"

enum {
	SELF = -1000, /* the process that makes the call */
	PARENT = -1001,
};

/* Descriptors are bad and signals are 0: a call that passes does nothing. */
static const struct {
	const char *what;
	long call;
	long args[3];
	bool passes;
} calls[] = {
	{"a signal to itself", SYS_tgkill, {SELF, SELF, 0}, true},
	{"a signal to another process", SYS_tgkill, {PARENT, PARENT, 0}, false},
	{"a signal by pid", SYS_kill, {SELF, 0}, false},
	{"F_GETFL", SYS_fcntl, {-1, F_GETFL}, true},
	{"F_SETFL", SYS_fcntl, {-1, F_SETFL, O_NONBLOCK}, true},
	{"F_SETOWN", SYS_fcntl, {-1, F_SETOWN, PARENT}, false},
	{"F_DUPFD", SYS_fcntl, {-1, F_DUPFD}, false},
	{"a tap's header size", SYS_ioctl, {-1, TUNGETVNETHDRSZ}, true},
	{"the same, sign-extended", SYS_ioctl, {-1, (int)TUNGETVNETHDRSZ}, true},
	{"another tap", SYS_ioctl, {-1, TUNSETIFF}, false},
	{"keys of a terminal", SYS_ioctl, {-1, TIOCSTI}, false},
	{"map", SYS_ioctl, {-1, IOCTL_GNTDEV_MAP_GRANT_REF}, true},
	{"unmap, which", SYS_ioctl, {-1, IOCTL_GNTDEV_GET_OFFSET_FOR_VADDR}, true},
	{"unmap", SYS_ioctl, {-1, IOCTL_GNTDEV_UNMAP_GRANT_REF}, true},
	{"copy", SYS_ioctl, {-1, IOCTL_GNTDEV_GRANT_COPY}, true},
	{"a grant as a dma-buf", SYS_ioctl, {-1, IOCTL_GNTDEV_DMABUF_EXP_FROM_REFS}, false},
	{"bind", SYS_ioctl, {-1, IOCTL_EVTCHN_BIND_INTERDOMAIN}, true},
	{"unbind", SYS_ioctl, {-1, IOCTL_EVTCHN_UNBIND}, true},
	{"notify", SYS_ioctl, {-1, IOCTL_EVTCHN_NOTIFY}, true},
	{"a port for anybody", SYS_ioctl, {-1, IOCTL_EVTCHN_BIND_UNBOUND_PORT}, false},
	{"a virtual interrupt", SYS_ioctl, {-1, IOCTL_EVTCHN_BIND_VIRQ}, false},
	{"a file", SYS_openat, {AT_FDCWD, 0, O_RDONLY}, false},
	{"a socket", SYS_socket, {AF_INET, SOCK_STREAM, 0}, false},
	{"another ring", SYS_io_uring_setup, {1, 0}, false},
	{"a change of a ring", SYS_io_uring_register, {-1, 0, 0}, false},
};

static long resolve(long arg, pid_t parent)
{
	return arg == SELF ? getpid() : arg == PARENT ? parent : arg;
}

static void make_call(int i, pid_t parent)
{
	const long *args = calls[i].args;

	sandbox_begin();
	sandbox_syscalls(SANDBOX_FULL);
	syscall(calls[i].call, resolve(args[0], parent), resolve(args[1], parent),
		resolve(args[2], parent));
	_exit(0);
}

START_TEST(test_calls)
{
	pid_t self = getpid(), pid = fork();
	int status;

	ck_assert_int_ge(pid, 0);
	if (pid == 0)
		make_call(_i, self);
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	if (calls[_i].passes)
		ck_assert_msg(status == 0, "%s: status %#x", calls[_i].what, status);
	else
		ck_assert_msg(WIFSIGNALED(status) && WTERMSIG(status) == SIGSYS, "%s: status %#x",
			      calls[_i].what, status);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("sandbox");
	TCase *tcase = tcase_create("sandbox");
	SRunner *runner = srunner_create(suite);
	int failed;

	suite_add_tcase(suite, tcase);
	tcase_add_loop_test(tcase, test_calls, 0, ARRAY_SIZE(calls));
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? 1 : 0;
}
