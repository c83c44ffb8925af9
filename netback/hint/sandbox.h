/* SPDX-License-Identifier: MIT */
/* sandbox.h: what netback-hintd gives up once everything is open */
#ifndef NETBACK_HINT_SANDBOX_H
#define NETBACK_HINT_SANDBOX_H

/*
 * The right that matters cannot be given up: hypercalls of the control domain go through a file descriptor that
 * is open (/dev/xen/privcmd), and the kernel does not look at them. Whoever takes this process over has the
 * host. So it takes in nothing that a guest writes but numbers in pages that an engine filled and a few words of
 * xenstore, and what is not needed for its work goes:
 *
 *   capabilities  all of them; no_new_privs; no core dumps
 *   files         still there: /proc, /sys and the run directory are read in each window
 *   system calls  those that would open other ways: exec, new sockets, ptrace, mounts, namespaces, modules, bpf,
 *                 keys; they fail with EPERM. A list of what is forbidden and not of what is allowed, because
 *                 libxenctrl is another one with each release of Xen
 *
 * Both die if they cannot. Main thread; capabilities belong to threads, so they go before any library starts its
 * own, and root's files need none; the filter is for all, and comes when nothing is left to open.
 */
void sandbox_privileges(void);
void sandbox_syscalls(void);

#endif
