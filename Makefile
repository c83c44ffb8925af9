# SPDX-License-Identifier: MIT
# netback: a user-space network backend for Xen. `make help` lists the words.

PREFIX  ?= /usr
DESTDIR ?=
CC      ?= gcc
CFLAGS  ?= -O2 -g
VERSION := 0.1

# The only list of Debian packages: what is not here is not needed.
PKGS_BUILD := gcc make pkg-config libc6-dev libxen-dev libevent-dev libseccomp-dev libcap-ng-dev \
	libjson-c-dev liburing-dev
PKGS_TEST  := check iproute2 iperf3 iputils-ping ethtool xenstore-utils procps mandoc
PKGS_XEN   := qemu-system-x86 xen-utils-4.17 xen-utils-common busybox-static cpio kmod strace \
	tcpdump bridge-utils zstd xz-utils
PKGS_LINT  := clang clang-format clang-tidy cppcheck shellcheck universal-ctags

WARN := -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wvla
B    := build
G    := $(B)/gen
CPPFLAGS_ALL := -std=gnu11 -D_GNU_SOURCE -DNETBACK_VERSION='"$(VERSION)"' -I. -I$(G) $(CPPFLAGS)
COMPILE = $(CC) $(CPPFLAGS_ALL) $(WARN) $(CFLAGS) $(SAN)
Q := $(if $(V),,@)
say = $(if $(V),,@echo "  $(1)	$(2)")

# --- sources: explicit lists, in the order of the arrows ------------------------------------
COMMON_SRC  := $(addprefix netback/common/, log.c link.c)
SCHEMA_SRC  := xenstore-schemas/keyval.c $(G)/xs-keys.c
CONTROL_SRC := $(addprefix netback/control/, main.c backend.c vif.c xenbus.c tap.c engine-link.c \
	config.c ctl.c metrics.c)
ENGINE_SRC  := $(addprefix netback/engine/, main.c worker.c vif.c queue.c tx.c rx.c copy.c offload.c \
	journal.c port-tap.c iobatch.c moderate.c sandbox.c)
CTL_SRC     := tools/netbackctl.c
SHIM_SRC    := $(wildcard netfront-shim/*.c)

CONTROL_LIBS := -lxenstore -levent_core -ljson-c
ENGINE_LIBS  := -lxengnttab -lxenevtchn -luring -lseccomp -lcap-ng -lpthread
CTL_LIBS     := -ljson-c
SHIM_LIBS    := -lxengnttab -lxenevtchn -lxenstore -lpthread

PROGRAMS := $(addprefix $(B)/, netbackd netback-engine netbackctl netfront-shim)

obj = $(patsubst %.c,$(B)/obj/%.o,$(patsubst $(G)/%,gen/%,$(1)))

all: $(PROGRAMS) ## build the programs

$(B)/netbackd: $(call obj,$(CONTROL_SRC) $(COMMON_SRC) $(SCHEMA_SRC))
	$(call say,LD,$@)
	$(Q)$(CC) $(CFLAGS) $(SAN) $(LDFLAGS) -o $@ $^ $(CONTROL_LIBS)

$(B)/netback-engine: $(call obj,$(ENGINE_SRC) $(COMMON_SRC))
	$(call say,LD,$@)
	$(Q)$(CC) $(CFLAGS) $(SAN) $(LDFLAGS) -o $@ $^ $(ENGINE_LIBS)

$(B)/netbackctl: $(call obj,$(CTL_SRC))
	$(call say,LD,$@)
	$(Q)$(CC) $(CFLAGS) $(SAN) $(LDFLAGS) -o $@ $^ $(CTL_LIBS)

# netfront-shim
$(B)/netfront-shim: $(call obj,$(SHIM_SRC) $(SCHEMA_SRC))
	$(call say,LD,$@)
	$(Q)$(CC) $(CFLAGS) $(SAN) $(LDFLAGS) -o $@ $^ $(SHIM_LIBS)

$(B)/obj/gen/%.o: $(G)/%.c
	$(call say,CC,$<)
	$(Q)mkdir -p $(@D) && $(COMPILE) -MMD -MP -c -o $@ $<

$(B)/obj/%.o: %.c $(G)/xs-keys.h | $(B)/deps-build
	$(call say,CC,$<)
	$(Q)mkdir -p $(@D) && $(COMPILE) -MMD -MP -c -o $@ $<

# xenstore-schemas
KEYS := $(addprefix xenstore-schemas/vif-, domain.keys backend.keys frontend.keys queue.keys)

# To a new file first: a failed run must not leave half a file behind.
schema = awk -v out=$(1) -f xenstore-schemas/schema.awk $(KEYS) > $@.new && mv $@.new $@

$(G)/xs-keys.h: xenstore-schemas/schema.awk $(KEYS)
	$(call say,GEN,$@)
	$(Q)mkdir -p $(@D) && $(call schema,h)

$(G)/xs-keys.c: xenstore-schemas/schema.awk $(KEYS)
	$(call say,GEN,$@)
	$(Q)mkdir -p $(@D) && $(call schema,c)

docs/netback-xenstore.7: xenstore-schemas/schema.awk $(KEYS)
	$(call say,GEN,$@)
	$(Q)$(call schema,man)

man: docs/netback-xenstore.7 ## make the generated manual pages again

# --- packages -------------------------------------------------------------------------------
$(B)/deps-build: Makefile
	@tools/deps $@ $(PKGS_BUILD)
$(B)/deps-test: Makefile
	@tools/deps $@ $(PKGS_BUILD) $(PKGS_TEST)
$(B)/deps-xen: Makefile
	@tools/deps $@ $(PKGS_BUILD) $(PKGS_TEST) $(PKGS_XEN)
$(B)/deps-lint: Makefile
	@tools/deps $@ $(PKGS_BUILD) $(PKGS_TEST) $(PKGS_LINT)

clean: ## remove everything that was built
	rm -rf $(B)

help: ## this list
	@sed -n 's/^\([a-z][a-z-]*\):.*## /\1	/p' Makefile | expand -t 16

.PHONY: all clean help man
-include $(shell find $(B)/obj -name '*.d' 2>/dev/null)
