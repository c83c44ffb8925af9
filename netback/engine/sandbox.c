/* SPDX-License-Identifier: MIT */
/* sandbox.c: capabilities, namespaces, file system and system calls go, in this order */
#include "sandbox.h"

#include <cap-ng.h>
#include <errno.h>
#include <sched.h>
#include <seccomp.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "netback/common/log.h"
#include "netback/common/util.h"

/* Each with the file that needs it. libxen's calls are ioctl, mmap, munmap, read and write. */
static const int allowed[] = {
	/* worker.c, iobatch.c: packets, events, sleep */
	SCMP_SYS(io_uring_enter),
	SCMP_SYS(read),
	SCMP_SYS(readv),
	SCMP_SYS(write),
	SCMP_SYS(writev),
	SCMP_SYS(ppoll),
	SCMP_SYS(poll),
	SCMP_SYS(clock_gettime),
	SCMP_SYS(clock_nanosleep),
	/* copy.c, queue.c: grants, event channels; libxengnttab retries a map after usleep */
	SCMP_SYS(ioctl),
	SCMP_SYS(mmap),
	SCMP_SYS(munmap),
	SCMP_SYS(nanosleep),
	/* main.c, vif.c: the link, files that come by it, memory for a vif */
	SCMP_SYS(recvmsg),
	SCMP_SYS(sendmsg),
	SCMP_SYS(close),
	SCMP_SYS(fcntl),
	SCMP_SYS(brk),
	SCMP_SYS(mremap),
	SCMP_SYS(mprotect),
	SCMP_SYS(madvise),
	SCMP_SYS(getpid),
	/* libc: threads, locks, their end */
	SCMP_SYS(futex),
	SCMP_SYS(sched_yield),
	SCMP_SYS(rt_sigprocmask),
	SCMP_SYS(rt_sigreturn),
	SCMP_SYS(sigaltstack),
	SCMP_SYS(restart_syscall),
	SCMP_SYS(exit),
	SCMP_SYS(exit_group),
	SCMP_SYS(gettid),
	SCMP_SYS(tgkill),
	SCMP_SYS(rseq),
	SCMP_SYS(set_robust_list),
};

void sandbox_begin(void)
{
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		die_perror("cannot set no_new_privs");
	/* A core would hold packets of a guest. */
	if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0)
		die_perror("cannot forbid core dumps");
}

/*
 * An empty, read-only directory becomes the root, for us alone. Moved and not pivoted, because a dom0
 * may run from its initramfs, which cannot be; the way back needs a capability that goes next.
 */
static void leave_files(void)
{
	if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
	    mount("none", "/tmp", "tmpfs", MS_NODEV | MS_NOEXEC | MS_NOSUID | MS_RDONLY,
		  "size=4k,nr_inodes=2,mode=0555") < 0)
		die_perror("cannot mount an empty root");
	if (chdir("/tmp") < 0 || mount(".", "/", NULL, MS_MOVE, NULL) < 0 || chroot(".") < 0 ||
	    chdir("/") < 0)
		die_perror("cannot leave the file system");
}

static void drop_capabilities(void)
{
	capng_clear(CAPNG_SELECT_BOTH);
	if (capng_apply(CAPNG_SELECT_BOTH) != 0)
		die("cannot drop capabilities");
}

static void forbid_syscalls(void)
{
	scmp_filter_ctx ctx = seccomp_init(SCMP_ACT_KILL_PROCESS);
	int ret = ctx ? 0 : -ENOMEM;

	/* All threads, which run already. */
	if (ret == 0)
		ret = seccomp_attr_set(ctx, SCMP_FLTATR_CTL_TSYNC, 1);
	for (size_t i = 0; ret == 0 && i < ARRAY_SIZE(allowed); i++)
		ret = seccomp_rule_add(ctx, SCMP_ACT_ALLOW, allowed[i], 0);
	if (ret == 0)
		ret = seccomp_load(ctx);
	seccomp_release(ctx);
	if (ret < 0)
		die("cannot install the system call filter: %s", strerror(-ret));
}

void sandbox_privileges(enum sandbox_level level)
{
	if (level == SANDBOX_FULL && geteuid() == 0) {
		if (unshare(CLONE_NEWNET | CLONE_NEWNS | CLONE_NEWIPC | CLONE_NEWUTS) < 0)
			die_perror("cannot leave the host's namespaces");
		leave_files();
	}
	drop_capabilities();
}

void sandbox_syscalls(enum sandbox_level level)
{
	if (level == SANDBOX_FULL)
		forbid_syscalls();
}
