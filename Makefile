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
PKGS_TEST  := check git perl python3 universal-ctags iproute2 iperf3 iputils-ping ethtool jq xenstore-utils \
	procps mandoc
PKGS_XEN   := qemu-system-x86 xen-utils-4.17 xen-utils-common busybox-static cpio kmod strace \
	tcpdump bridge-utils zstd xz-utils libxdp1 libunbound8 libnuma1
PKGS_PLOT  := gnuplot-nox
PKGS_LINT  := clang clang-format clang-tidy cppcheck shellcheck

WARN := -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wvla
B    := build
G    := $(B)/gen
CPPFLAGS_ALL := -std=gnu11 -D_GNU_SOURCE -DNETBACK_VERSION='"$(VERSION)"' -I. -I$(G) $(CPPFLAGS)
COMPILE = $(CC) $(CPPFLAGS_ALL) $(WARN) $(CFLAGS) $(SAN)
Q := $(if $(V),,@)
say = $(if $(V),,@echo "  $(1)	$(2)")

# --- sources: explicit lists, in the order of the arrows ------------------------------------
COMMON_SRC  := $(addprefix netback/common/, log.c link.c conf.c)
SCHEMA_SRC  := xenstore-schemas/keyval.c $(G)/xs-keys.c
CONTROL_SRC := $(addprefix netback/control/, main.c backend.c vif.c vif-steps.c vif-state.c vif-keys.c vif-files.c policy.c vlan-spec.c \
	xenbus.c tap.c engine-link.c link-client.c engine-process.c config.c hotplug.c ctl.c metrics.c)
ENGINE_SRC  := $(addprefix netback/engine/, main.c worker.c vif.c queue.c tx.c rx.c rx-frame.c segment.c mcast.c rate.c vlan.c copy.c selfgrant.c offload.c \
	journal.c memory.c port-tap.c iobatch.c coalesce.c moderate.c sandbox.c)
ENGINE_SRC  += $(addprefix netback/engine/, ctrl.c hash.c staging.c)
HINT_SRC    := $(addprefix netback/hint/, main.c host.c hints.c journal.c law.c law-pool.c classify.c totals.c \
	pages.c sched.c store.c config.c report.c sandbox.c)
CTL_SRC     := $(addprefix tools/, netbackctl.c ctl-request.c cmd-list.c cmd-show.c cmd-stats.c \
	cmd-hint.c)
SHIM_SRC    := $(addprefix netfront-shim/, main.c shim.c cmd-tap.c cmd-generate.c cmd-sink.c \
	cmd-echo.c cmd-connect.c cmd-hostile.c hostile.c hostile-tx.c hostile-rx.c traffic.c vtap.c \
	netfront.c profile.c nfsetup.c nfctrl.c nfhash.c nfstore.c nfqueue.c nftx.c nfrx.c frame.c histogram.c fault.c)

CONTROL_LIBS := -lxenstore -levent_core -ljson-c
ENGINE_LIBS  := -lxengnttab -lxenevtchn -luring -lseccomp -lcap-ng -lpthread
HINT_LIBS    := -lxenctrl -lxenstore -ljson-c -lseccomp -lcap-ng -lm
CTL_LIBS     := -ljson-c
SHIM_LIBS    := -lxengnttab -lxenevtchn -lxenstore -lpthread

PROGRAMS := $(addprefix $(B)/, netbackd netback-engine netback-hintd netbackctl netfront-shim)

obj = $(patsubst %.c,$(B)/obj/%.o,$(patsubst $(G)/%,gen/%,$(1)))

all: $(PROGRAMS) ## build the programs

$(B)/netbackd: $(call obj,$(CONTROL_SRC) $(COMMON_SRC) $(SCHEMA_SRC))
	$(call say,LD,$@)
	$(Q)$(CC) $(CFLAGS) $(SAN) $(LDFLAGS) -o $@ $^ $(CONTROL_LIBS)

$(B)/netback-engine: $(call obj,$(ENGINE_SRC) $(COMMON_SRC))
	$(call say,LD,$@)
	$(Q)$(CC) $(CFLAGS) $(SAN) $(LDFLAGS) -o $@ $^ $(ENGINE_LIBS)

$(B)/netback-hintd: $(call obj,$(HINT_SRC) $(COMMON_SRC) $(SCHEMA_SRC))
	$(call say,LD,$@)
	$(Q)$(CC) $(CFLAGS) $(SAN) $(LDFLAGS) -o $@ $^ $(HINT_LIBS)

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

matrix: ## make docs/MATRIX.md, which test shows what, again
	tools/matrix page > docs/MATRIX.md

man: docs/netback-xenstore.7 ## make the generated manual pages again

# --- packages -------------------------------------------------------------------------------
$(B)/deps-build: Makefile
	@tools/deps $@ $(PKGS_BUILD)
$(B)/deps-test: Makefile
	@tools/deps $@ $(PKGS_BUILD) $(PKGS_TEST)
$(B)/deps-xen: Makefile
	@tools/deps $@ $(PKGS_BUILD) $(PKGS_TEST) $(PKGS_XEN)
$(B)/deps-plot: Makefile
	@tools/deps $@ $(PKGS_BUILD) $(PKGS_TEST) $(PKGS_PLOT)
$(B)/deps-lint: Makefile
	@tools/deps $@ $(PKGS_BUILD) $(PKGS_TEST) $(PKGS_LINT)

# --- the mocked machine: the true libraries' sonames and symbol versions ----------------------
FK          := test/fakexen
# FAKE_LIBDIR and FAKE_CTRL, libxenctrl's soname. On a bare machine the library comes with the packages,
# after make has read this file; make reads a file again when a part of it was made.
-include $(if $(filter fakexen check check-asan check-tsan check-unit demo $(B)/%,$(MAKECMDGOALS)),$(B)/fake.mk)
$(B)/fake.mk: $(B)/deps-test
	@libdir=$$(pkg-config --variable=libdir xencontrol) && cd $$libdir && \
		printf 'FAKE_LIBDIR := %s\nFAKE_CTRL := %s\n' $$libdir libxenctrl.so.4.?? >$(abspath $@).new
	@mv $@.new $@
FAKE_SRC    := $(addprefix $(FK)/, machine.c grant-table.c port.c)
FAKE_LIBS   := $(addprefix $(B)/fakexen/, libxengnttab.so.1 libxenevtchn.so.1 $(FAKE_CTRL))
FAKE_PROGS  := $(addprefix $(B)/fakexen/, xenstored fakexen)
FAKE_TESTS  := $(FK)/test-store.sh $(FK)/nm-check.sh
FAKE_PIC    := $(FAKE_SRC:%.c=$(B)/pic/%.o)

fakexen: $(FAKE_LIBS) $(FAKE_PROGS) ## build the mocked Xen machine

$(B)/pic/%.o: %.c | $(B)/deps-test
	$(call say,CC,$<)
	$(Q)mkdir -p $(@D) && $(COMPILE) -fPIC -MMD -MP -c -o $@ $<

fake_lib = mkdir -p $(@D) && $(FK)/make-map.sh $(FAKE_LIBDIR)/$(@F) $^ > $(B)/pic/$(@F).map && \
	$(CC) $(SAN) -shared -Wl,-soname,$(@F) -Wl,--version-script,$(B)/pic/$(@F).map -o $@ $^ -lpthread

$(B)/fakexen/libxengnttab.so.1: $(FAKE_PIC) $(B)/pic/$(FK)/gnttab.o
	$(call say,LD,$@)
	$(Q)$(fake_lib)
$(B)/fakexen/libxenevtchn.so.1: $(FAKE_PIC) $(B)/pic/$(FK)/evtchn.o
	$(call say,LD,$@)
	$(Q)$(fake_lib)
$(B)/fakexen/$(FAKE_CTRL): $(FAKE_PIC) $(B)/pic/$(FK)/ctrl.o
	$(call say,LD,$@)
	$(Q)$(fake_lib)
$(B)/fakexen/xenstored: $(call obj,$(FAKE_SRC) $(addprefix $(FK)/, xenstored.c request.c store.c))
	$(call say,LD,$@)
	$(Q)mkdir -p $(@D) && $(CC) $(CFLAGS) $(SAN) -o $@ $^ -lpthread
$(B)/fakexen/fakexen: $(call obj,$(FAKE_SRC) $(addprefix $(FK)/, fakexen.c toolstack.c inspect.c))
	$(call say,LD,$@)
	$(Q)mkdir -p $(@D) && $(CC) $(CFLAGS) $(SAN) -o $@ $^ -lxenstore -lpthread

# --- unit tests: what each links is what its module needs, and nothing else -------------------
FAKE_STATIC := $(FAKE_SRC) $(addprefix $(FK)/, gnttab.c evtchn.c ctrl.c)
E := netback/engine
link-test-keyval       := $(SCHEMA_SRC)
link-test-keyval-types := $(SCHEMA_SRC)
link-test-ring         :=
link-test-journal      :=
link-test-memory       := $(E)/memory.c
link-test-ctrl         := $(addprefix $(E)/, ctrl.c hash.c staging.c copy.c memory.c) $(FAKE_STATIC)
link-test-ctrl-killed  := $(addprefix $(E)/, hash.c copy.c memory.c) $(FAKE_STATIC)
link-test-hash         := $(E)/hash.c
link-test-staging      := $(addprefix $(E)/, staging.c copy.c) $(FAKE_STATIC)
link-test-offload      := $(E)/offload.c
link-test-offload-rx   := $(E)/offload.c
link-test-offload-tap  := $(E)/offload.c
link-test-mcast        := $(E)/mcast.c
link-test-vlan         := $(E)/vlan.c
link-test-rate         := $(E)/rate.c
link-test-segment      := $(E)/segment.c $(E)/offload.c
link-test-moderate     := $(E)/moderate.c
link-test-coalesce     := $(E)/coalesce.c
link-test-copy         := $(E)/copy.c $(FAKE_STATIC)
link-test-selfgrant    := $(addprefix $(E)/, selfgrant.c copy.c) $(FAKE_STATIC)
link-test-iobatch      := $(E)/iobatch.c
link-test-iobatch-stream := $(E)/iobatch.c
link-test-sandbox      := $(E)/sandbox.c netback/common/log.c
link-test-link         := netback/common/link.c
QUEUE_SRC := test/unit/engine-harness.c $(addprefix $(E)/, tx.c rx.c rx-frame.c segment.c mcast.c rate.c vlan.c copy.c offload.c journal.c \
	port-tap.c iobatch.c coalesce.c) $(FAKE_STATIC)
QUEUE_SRC += $(addprefix $(E)/, ctrl.c hash.c staging.c selfgrant.c)
link-test-tx           := $(QUEUE_SRC)
link-test-tx-refused   := $(QUEUE_SRC)
link-test-queue        := $(addprefix $(E)/, queue.c worker.c moderate.c selfgrant.c tx.c rx.c rx-frame.c segment.c mcast.c rate.c vlan.c copy.c offload.c \
	journal.c port-tap.c iobatch.c coalesce.c) $(FAKE_STATIC)
link-test-queue        += $(addprefix $(E)/, ctrl.c hash.c staging.c)
link-test-worker       := $(link-test-queue)
link-test-queue-ctrl   := $(link-test-queue) $(E)/memory.c
link-test-vif          := $(link-test-queue) $(addprefix $(E)/, vif.c memory.c) $(addprefix netback/common/, link.c log.c)
link-test-rx           := $(QUEUE_SRC)
link-test-tx-policy    := $(QUEUE_SRC) $(addprefix $(E)/, queue.c worker.c moderate.c)
link-test-rx-segment   := $(QUEUE_SRC) $(addprefix $(E)/, queue.c worker.c moderate.c)
link-test-rx-rate      := $(QUEUE_SRC) $(addprefix $(E)/, queue.c worker.c moderate.c)
link-test-rx-policy    := $(QUEUE_SRC) $(addprefix $(E)/, queue.c worker.c moderate.c)
link-test-rx-starved   := $(QUEUE_SRC)
link-test-steer        := $(QUEUE_SRC)
link-test-hold         := $(QUEUE_SRC) $(addprefix $(E)/, queue.c worker.c moderate.c)
link-test-responses    := $(link-test-hold)
link-test-load         := $(QUEUE_SRC)
H := netback/hint
link-test-classify     := $(H)/classify.c
link-test-law          := $(addprefix $(H)/, law.c law-pool.c classify.c)
link-test-law-pool     := $(link-test-law)
link-test-totals       := $(H)/totals.c
link-test-pages        := $(addprefix $(H)/, pages.c totals.c)
link-test-hint-config  := $(addprefix $(H)/, config.c law.c law-pool.c) $(addprefix netback/common/, conf.c log.c)
link-test-hints        := $(addprefix $(H)/, hints.c journal.c sched.c) netback/common/log.c $(FAKE_STATIC)
link-test-vif-state    := netback/control/vif-state.c
link-test-vlan-spec    := netback/control/vlan-spec.c
link-test-policy       := netback/control/policy.c
link-test-hotplug      := netback/control/hotplug.c netback/common/log.c
link-test-link-client  := netback/control/link-client.c netback/common/link.c
link-test-config       := netback/control/config.c $(addprefix netback/common/, log.c conf.c)
link-test-nfqueue      := $(addprefix netfront-shim/, nftx.c nfrx.c fault.c)
link-test-frame        := $(addprefix netfront-shim/, frame.c histogram.c)
link-test-profile      := $(addprefix netfront-shim/, profile.c nftx.c nfrx.c fault.c)
link-test-nfctrl       := $(addprefix netfront-shim/, nfctrl.c nfrx.c fault.c)
link-test-nfhash       := $(addprefix netfront-shim/, nfhash.c frame.c fault.c)
link-test-fakexen-gnttab := $(FAKE_STATIC)
link-test-fakexen-evtchn := $(FAKE_STATIC)
link-test-fakexen-ctrl := $(FAKE_STATIC)
SIM_CORE := $(addprefix test/sim/, clock.c host.c credit.c credit-acct.c credit2.c credit2-budget.c) \
	netback/common/log.c
link-test-sim-clock    := test/sim/clock.c netback/common/log.c
link-test-sim-credit   := $(filter-out test/sim/credit2%,$(SIM_CORE))
link-test-sim-credit2  := $(filter-out test/sim/credit.c test/sim/credit-%,$(SIM_CORE))
libs-test-link-client := -levent_core
libs-test-hotplug := -levent_core
link-test-sim-net      := $(SIM_CORE) $(addprefix test/sim/, vif.c netback.c guest.c load.c) \
	netfront-shim/histogram.c
libs-test-sandbox := -lseccomp -lcap-ng
libs-test-iobatch := -luring
libs-test-iobatch-stream := -luring
libs-test-tx := -luring
libs-test-tx-refused := -luring
libs-test-queue := -luring
libs-test-queue-ctrl := -luring
libs-test-worker := -luring
libs-test-rx := -luring
libs-test-vif := -luring
libs-test-steer := -luring
libs-test-tx-policy := -luring
libs-test-rx-segment := -luring
libs-test-rx-rate := -luring
libs-test-rx-policy := -luring
libs-test-hold := -luring
libs-test-responses := -luring
libs-test-load := -luring
libs-test-rx-starved := -luring
libs-test-fakexen-store := -lxenstore
$(B)/test/test-fakexen-store: | $(FAKE_PROGS)

UNIT_TESTS := $(patsubst test/unit/%.c,$(B)/test/%,$(wildcard test/unit/test-*.c))
BEHAVIOUR_TESTS := $(wildcard test/behaviour/test-*.sh)

.SECONDEXPANSION:
$(B)/test/test-%: $$(call obj,test/unit/test-$$*.c $$(link-test-$$*)) | $(B)/deps-test
	$(call say,LD,$@)
	$(Q)mkdir -p $(@D) && $(CC) $(CFLAGS) $(SAN) -o $@ $^ $(libs-test-$*) \
		-lcheck -lsubunit -lm -lrt -lpthread

# --- the simulator: Xen's schedulers in simulated time, under the hint's own law -------------------
SIM_SRC := $(SIM_CORE) $(addprefix test/sim/, main.c script.c args.c report.c hint.c vif.c netback.c \
	guest.c load.c) $(addprefix netback/hint/, classify.c law.c law-pool.c) netfront-shim/histogram.c

$(B)/netback-sim: $(call obj,$(SIM_SRC))
	$(call say,LD,$@)
	$(Q)$(CC) $(CFLAGS) $(SAN) $(LDFLAGS) -o $@ $^ -lm

SIM_EXPERIMENTS := $(wildcard test/sim/experiments/e*.sh)
SIM_CHECKS := $(filter-out $(addprefix test/sim/experiments/, e02% e03% e11%),$(SIM_EXPERIMENTS))

sim: $(B)/deps-plot $(B)/netback-sim ## the hint in simulated time: tables and plots in build/sim
	@status=0; for experiment in $(SIM_EXPERIMENTS); do \
		BUILD=$(abspath $(B)) PLOT=1 $$experiment || status=1; done; exit $$status

# what behaviour tests run beside the programs
TEST_PROGS := $(B)/test/figures $(B)/test/rogue-engine
link-rogue-engine := netback/common/link.c
$(TEST_PROGS): $(B)/test/%: $$(call obj,test/behaviour/$$*.c $$(link-$$*)) | $(B)/deps-test
	$(call say,LD,$@)
	$(Q)mkdir -p $(@D) && $(CC) $(CFLAGS) $(SAN) -o $@ $^

check-unit: $(UNIT_TESTS) ## only the unit tests
	@LOGS=$(B)/test/logs-unit test/run $^

check: $(B)/deps-test all fakexen $(B)/netback-sim $(UNIT_TESTS) $(TEST_PROGS) ## all tests that need no Xen
	@BUILD=$(abspath $(B)) LOGS=$(B)/test/logs test/run $(UNIT_TESTS) $(FAKE_TESTS) $(BEHAVIOUR_TESTS) \
		$(SIM_CHECKS)

demo: $(B)/deps-test all fakexen ## two guests on the mocked machine, iperf3, and a kill -9 in the middle
	@BUILD=$(abspath $(B)) tools/demo

check-asan: ## the same under AddressSanitizer and UBSan
	@$(MAKE) --no-print-directory check B=build/asan CFLAGS='-O1 -g -fno-omit-frame-pointer' \
		SAN='-fsanitize=address,undefined -fno-sanitize-recover=undefined'

# Each process would sleep a second at its end, for threads that are still about to race; a unit test is one.
check-tsan: ## the same under ThreadSanitizer
	@TSAN_OPTIONS="atexit_sleep_ms=0 $$TSAN_OPTIONS" $(MAKE) --no-print-directory check B=build/tsan CFLAGS='-O1 -g' SAN='-fsanitize=thread -Wno-tsan'

# --- fuzz: a target a file, SECONDS each; the corpus it finds stays in build/fuzz -----------------
SECONDS := 20
FUZZ_TARGETS := $(patsubst test/fuzz/%.c,$(B)/fuzz/%,$(wildcard test/fuzz/fuzz-*.c))
FUZZ_COMPILE := $(subst $(CC) ,clang ,$(COMPILE)) -fsanitize=fuzzer-no-link,address,undefined \
	-fno-sanitize-recover=undefined
fuzz_obj = $(patsubst %.c,$(B)/fuzz/obj/%.o,$(1))
link-fuzz-offload := $(E)/offload.c $(E)/segment.c
link-fuzz-journal := $(E)/journal.c
link-fuzz-tx      := $(QUEUE_SRC)
link-fuzz-ctrl    := $(addprefix $(E)/, ctrl.c hash.c staging.c copy.c memory.c) $(FAKE_STATIC)

$(B)/fuzz/obj/%.o: %.c | $(B)/deps-lint
	$(call say,CC,$<)
	$(Q)mkdir -p $(@D) && $(FUZZ_COMPILE) -MMD -MP -c -o $@ $<

$(FUZZ_TARGETS): $(B)/fuzz/%: $$(call fuzz_obj,test/fuzz/$$*.c $$(link-$$*))
	$(call say,LD,$@)
	$(Q)clang -fsanitize=fuzzer,address,undefined -o $@ $^ -luring -lpthread

fuzz: $(FUZZ_TARGETS) ## what a guest may write, by chance: make fuzz SECONDS=n for each target
	@for target in $^; do \
		mkdir -p $$target.corpus && $$target -max_total_time=$(SECONDS) -max_len=4096 -verbosity=0 \
			-print_final_stats=1 -artifact_prefix=$$target. $$target.corpus || exit 1; \
	done

check-xen: $(B)/deps-xen all ## the tests on a real Xen, in QEMU: the smoke, or GROUP=all
	test/xen/check netbackd $(GROUP)

bench-xen: $(B)/deps-xen all ## ours against the kernel's backend on a real Xen, in one boot
	test/xen/bench

lint: $(B)/deps-lint $(G)/xs-keys.h ## style and static analysis
	@tools/lint

format: ## let clang-format lay out the sources
	clang-format -i $(shell git ls-files '*.c' '*.h')

# --- install --------------------------------------------------------------------------------
MANDIR  := $(DESTDIR)$(PREFIX)/share/man
DATADIR := $(DESTDIR)$(PREFIX)/share/netback
MAN     := $(wildcard docs/*.[1-8])

install: all ## put it below DESTDIR and PREFIX (default /usr)
	install -d $(DESTDIR)$(PREFIX)/sbin $(DESTDIR)$(PREFIX)/bin $(DESTDIR)$(PREFIX)/libexec/netback \
		$(DESTDIR)/etc/xen $(DESTDIR)$(PREFIX)/lib/systemd/system $(DATADIR)
	install -m 755 $(B)/netbackd $(B)/netback-hintd $(B)/netbackctl tools/xs-check tools/hint-plot \
		$(DESTDIR)$(PREFIX)/sbin
	install -m 755 $(B)/netback-engine $(DESTDIR)$(PREFIX)/libexec/netback
	install -m 755 $(B)/netfront-shim $(DESTDIR)$(PREFIX)/bin
	test -e $(DESTDIR)/etc/xen/netbackd.conf || \
		install -m 644 tools/netbackd.conf $(DESTDIR)/etc/xen/netbackd.conf
	for unit in netbackd netback-hintd; do \
		sed 's|/usr/sbin|$(PREFIX)/sbin|' tools/$$unit.service \
			>$(DESTDIR)$(PREFIX)/lib/systemd/system/$$unit.service; \
	done
	install -m 644 tools/xs-check.awk xenstore-schemas/schema.awk $(KEYS) $(DATADIR)
	for page in $(MAN); do \
		install -D -m 644 $$page $(MANDIR)/man$${page##*.}/$${page##*/}; \
	done

clean: ## remove everything that was built
	rm -rf $(B)

help: ## this list
	@sed -n 's/^\([a-z][a-z-]*\):.*## /\1	/p' Makefile | expand -t 16

.PHONY: all bench-xen check check-asan check-tsan check-unit check-xen clean demo fakexen format fuzz \
	help install lint man matrix sim
-include $(shell find $(B)/obj $(B)/pic -name '*.d' 2>/dev/null)
.SECONDARY:
