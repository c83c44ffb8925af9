/* SPDX-License-Identifier: MIT */
/* sandbox.h: how an engine gives up its rights, in stages */
#ifndef NETBACK_ENGINE_SANDBOX_H
#define NETBACK_ENGINE_SANDBOX_H

/*
 * An engine reads what guests write. Whoever takes it over must find nothing to work with: no
 * file, no network, no privilege, few system calls; only its guests' grants and event channels
 * and its taps' queues, which it needs to do its work.
 *
 *   stage        when                         should                    mustn't afterwards
 *   begin        first thing in main          keep fds 0-2, the link    gain rights by exec, dump
 *                                                                       a guest's packets in a core
 *   privileges   Xen's devices are open,     start threads             open files, reach the
 *                there is one thread                                    network, use a capability
 *   syscalls     the workers run              serve, get fds by the     make a system call not
 *                                             link                      listed in sandbox.c
 *
 * Capabilities and namespaces belong to a thread, hence the order; the filter reaches all threads.
 *
 * level SANDBOX_CAPS stops before the file system and the system calls: for hosts where the
 * libraries need files at run time (the fake machine of the tests does), and for debugging.
 *
 * die()s if a right cannot be given up: a sandbox that is half there is worse than a message.
 */
enum sandbox_level {
	SANDBOX_CAPS,
	SANDBOX_FULL
};

void sandbox_begin(void);
void sandbox_privileges(enum sandbox_level level);
void sandbox_syscalls(enum sandbox_level level);

#endif
