/* SPDX-License-Identifier: MIT */
/* sandbox.c: capabilities, namespaces, file system and system calls go, in this order */
#include "sandbox.h"

#include <cap-ng.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <sched.h>
#include <seccomp.h>
#include <stdint.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>
#include <xen/xen.h> /* whose types the next two take for granted */
#include <xen/sys/evtchn.h>
#include <xen/sys/gntalloc.h>
#include <xen/sys/gntdev.h>

#include "netback/common/log.h"
#include "netback/common/util.h"

/* Each with the file that needs it. libxen's calls are mmap, munmap, read, write and the ioctls below. */
static const int allowed[] = {
	/* worker.c, iobatch.c: packets, events, sleep */
	SCMP_SYS(io_uring_enter),
	SCMP_SYS(read),
	SCMP_SYS(write),
	SCMP_SYS(writev),
	SCMP_SYS(ppoll),
	SCMP_SYS(poll),
	SCMP_SYS(clock_gettime),
	SCMP_SYS(clock_nanosleep),
	/* copy.c, queue.c, selfgrant.c, staging.c: grants; libxengnttab retries a map after usleep */
	SCMP_SYS(mmap),
	SCMP_SYS(munmap),
	SCMP_SYS(nanosleep),
	/* main.c, vif.c: the link, files that come by it, memory for a vif */
	SCMP_SYS(recvmsg),
	SCMP_SYS(sendmsg),
	SCMP_SYS(close),
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
	SCMP_SYS(rseq),
	SCMP_SYS(set_robust_list),
};

/*
 * Calls that can do much else: an argument says what. An engine is root without capabilities, which may
 * still signal any process of root's: by tgkill, by a descriptor's owner (F_SETOWN), by a terminal's keys
 * (TIOCSTI). Requests are those of libxen's calls that we make, as its Linux drivers have them.
 */
static const struct {
	int call;
	unsigned int arg; /* counted from 0 */
	uint32_t value;
} allowed_values[] = {
	/* port-tap.c, worker.c */
	{SCMP_SYS(fcntl), 1, F_GETFL},
	{SCMP_SYS(fcntl), 1, F_SETFL},
	{SCMP_SYS(ioctl), 1, TUNGETVNETHDRSZ},
	/* copy.c, queue.c, staging.c */
	{SCMP_SYS(ioctl), 1, IOCTL_GNTDEV_MAP_GRANT_REF},
	{SCMP_SYS(ioctl), 1, IOCTL_GNTDEV_GET_OFFSET_FOR_VADDR},
	{SCMP_SYS(ioctl), 1, IOCTL_GNTDEV_UNMAP_GRANT_REF},
	{SCMP_SYS(ioctl), 1, IOCTL_GNTDEV_GRANT_COPY},
	/* selfgrant.c */
	{SCMP_SYS(ioctl), 1, IOCTL_GNTALLOC_ALLOC_GREF},
	{SCMP_SYS(ioctl), 1, IOCTL_GNTALLOC_DEALLOC_GREF},
	/* queue.c */
	{SCMP_SYS(ioctl), 1, IOCTL_EVTCHN_BIND_INTERDOMAIN},
	{SCMP_SYS(ioctl), 1, IOCTL_EVTCHN_UNBIND},
	{SCMP_SYS(ioctl), 1, IOCTL_EVTCHN_NOTIFY},
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

/* The argument is an int in the kernel, whatever stands in the register's upper half. */
static int allow_value(scmp_filter_ctx ctx, int call, unsigned int arg, uint32_t value)
{
	return seccomp_rule_add(ctx, SCMP_ACT_ALLOW, call, 1,
				SCMP_CMP(arg, SCMP_CMP_MASKED_EQ, UINT32_MAX, value));
}

static int add_rules(scmp_filter_ctx ctx)
{
	/* abort() and whatever else libc sends itself. */
	int ret = allow_value(ctx, SCMP_SYS(tgkill), 0, (uint32_t)getpid());

	for (size_t i = 0; ret == 0 && i < ARRAY_SIZE(allowed); i++)
		ret = seccomp_rule_add(ctx, SCMP_ACT_ALLOW, allowed[i], 0);
	for (size_t i = 0; ret == 0 && i < ARRAY_SIZE(allowed_values); i++)
		ret = allow_value(ctx, allowed_values[i].call, allowed_values[i].arg,
				  allowed_values[i].value);
	return ret;
}

static void forbid_syscalls(void)
{
	scmp_filter_ctx ctx = seccomp_init(SCMP_ACT_KILL_PROCESS);
	int ret = ctx ? 0 : -ENOMEM;

	/* All threads, which run already. */
	if (ret == 0)
		ret = seccomp_attr_set(ctx, SCMP_FLTATR_CTL_TSYNC, 1);
	if (ret == 0)
		ret = add_rules(ctx);
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
