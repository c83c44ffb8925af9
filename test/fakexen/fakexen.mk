# SPDX-License-Identifier: MIT
# test/fakexen: the mocked Xen machine. Works alone (make -f test/fakexen/fakexen.mk)
# and included by the Makefile.
B    ?= build
CC   ?= gcc
CFLAGS ?= -O2 -g
WARN ?= -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wvla

FK := test/fakexen
FO := $(B)/obj/test/fakexen
FAKE_COMPILE = $(CC) -std=gnu11 -D_GNU_SOURCE -I. $(CPPFLAGS) $(WARN) $(CFLAGS) $(SAN) -MMD -MP
FAKE_LIBDIR := $(shell pkg-config --variable=libdir xencontrol)
FAKE_CTRL := $(notdir $(firstword $(wildcard $(FAKE_LIBDIR)/libxenctrl.so.4.??)))

FAKE_MACHINE := $(addprefix $(FK)/, machine.c grant-table.c port.c)
# Sources for programs that link the fake instead of loading it (sanitizers, unit tests).
FAKE_SRC := $(FAKE_MACHINE) $(FK)/gnttab.c $(FK)/evtchn.c
FAKE_OBJ := $(FAKE_SRC:%.c=$(B)/obj/%.o)
FAKE_LIBS := $(addprefix $(B)/fakexen/, libxengnttab.so.1 libxenevtchn.so.1)

fakexen: $(FAKE_LIBS) $(B)/fakexen/xenstored $(B)/fakexen/fakexen ## build the mocked Xen machine

$(FO)/pic/%.o: $(FK)/%.c
	@mkdir -p $(@D)
	$(FAKE_COMPILE) -fPIC -c -o $@ $<

# A fake has the true library's soname and symbol versions, read from it.
fake_lib = @mkdir -p $(@D) && $(FK)/make-map.sh $(FAKE_LIBDIR)/$(@F) $^ > $(FO)/pic/$(@F).map && \
	$(CC) $(SAN) -shared -Wl,-soname,$(@F) -Wl,--version-script,$(FO)/pic/$(@F).map -o $@ $^ -lpthread

FAKE_PIC := $(FAKE_MACHINE:$(FK)/%.c=$(FO)/pic/%.o)
$(B)/fakexen/libxengnttab.so.1: $(FAKE_PIC) $(FO)/pic/gnttab.o
	$(fake_lib)
$(B)/fakexen/libxenevtchn.so.1: $(FAKE_PIC) $(FO)/pic/evtchn.o
	$(fake_lib)

$(B)/fakexen/xenstored: $(addprefix $(FO)/, xenstored.o store.o machine.o grant-table.o port.o)
	@mkdir -p $(@D)
	$(CC) $(CFLAGS) $(SAN) -o $@ $^ -lpthread

$(B)/fakexen/fakexen: $(addprefix $(FO)/, fakexen.o toolstack.o inspect.o machine.o grant-table.o port.o)
	@mkdir -p $(@D)
	$(CC) $(CFLAGS) $(SAN) -o $@ $^ -lxenstore -lpthread

ifndef COMPILE
$(B)/obj/test/%.o: test/%.c
	@mkdir -p $(@D)
	$(FAKE_COMPILE) -c -o $@ $<
endif

$(B)/test/test-fakexen: $(B)/obj/test/unit/test-fakexen.o $(FAKE_OBJ)
	@mkdir -p $(@D)
	$(CC) $(CFLAGS) $(SAN) -o $@ $^ -lcheck -lsubunit -lm -lrt -lpthread

-include $(wildcard $(FO)/*.d $(FO)/pic/*.d)
.PHONY: fakexen
