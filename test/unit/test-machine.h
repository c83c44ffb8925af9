/* SPDX-License-Identifier: MIT */
/* test-machine.h: a fake machine in a folder of the test's own, as whose domain 0 it runs */
#ifndef TEST_MACHINE_H
#define TEST_MACHINE_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "netback/common/util.h"
#include "test/fakexen/machine.h"

static char test_machine_dir[] = "/dev/shm/netback-test.XXXXXX";

/* Before a test forks: an unchecked fixture of Check. Ends the program if there can be none. */
static inline void test_machine_create(void)
{
	strcpy(test_machine_dir + sizeof(test_machine_dir) - 7, "XXXXXX");
	unsetenv("FAKEXEN_DOMID");
	if (!mkdtemp(test_machine_dir) || setenv("FAKEXEN_DIR", test_machine_dir, 1) < 0 ||
	    machine_create(test_machine_dir) < 0) {
		perror(test_machine_dir);
		exit(1);
	}
}

/* A file of the test's own in the folder is removed by the test, before this. */
static inline void test_machine_remove(void)
{
	static const char *const files[] = {"machine", "grants", "mem"};
	char path[64];

	for (size_t i = 0; i < ARRAY_SIZE(files); i++) {
		snprintf(path, sizeof(path), "%s/%s", test_machine_dir, files[i]);
		unlink(path);
	}
	rmdir(test_machine_dir);
}

#endif
