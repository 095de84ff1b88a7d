# SPDX-License-Identifier: GPL-3.0-or-later
#
# make                 build/mediamon and build/mediamond
# sudo make run        set everything up, index, mount  [MUSIC=dir MANGA=dir LINKS=dir MOUNT=dir]
# sudo make check      everything that must hold           [T=name selects tests]
# make check-long      the same with larger numbers
# make bench           speed, against peers and the floor  [PARTS=names]
# make install         [DESTDIR=] [PREFIX=/usr]
#
# O=dir  SAN=address,undefined|thread|fuzzer,address,undefined  RELEASE=1  WERROR=1  CC=clang  V=1

MAKEFLAGS += --no-builtin-rules --no-builtin-variables
.DELETE_ON_ERROR:
.SUFFIXES:
.DEFAULT_GOAL := all

VERSION := 0.1.0
SRC := $(patsubst %/,%,$(dir $(lastword $(MAKEFILE_LIST))))
CC := $(if $(filter-out undefined default,$(origin CC)),$(CC),gcc)
AR := $(if $(filter-out undefined default,$(origin AR)),$(AR),ar)
comma := ,
SAN ?=
O ?= build$(if $(SAN),-$(subst $(comma),-,$(SAN)))$(if $(findstring clang,$(CC)),-clang)$(if $(RELEASE),-release)
PREFIX ?= /usr
Q := $(if $(V),,@)
say = $(if $(V),,@printf '[ %-4s ] %s\n' '$(1)' '$(2)')

PKGS_common := sqlite3 libconfuse libutf8proc zlib
PKGS_fs := fuse3 jansson
PKGS_indexer := libseccomp flac libxml-2.0 libxxhash jansson libcrypto libarchive liblzma libqpdf libjpeg libpng libwebp stb
# what only the unit programs compare with
PKGS_unit := id3tag cmocka
# what is loaded when it is needed: indexer/net/http_library.c
PKGS_late := libcurl
PKGS := $(PKGS_common) $(PKGS_fs) $(PKGS_indexer) $(PKGS_late)

building := $(filter-out run deps clean distclean uninstall check check-long lint bench bench-quick,$(or $(MAKECMDGOALS),all))
ifneq ($(building),)
absent := $(foreach p,$(PKGS),$(if $(shell pkg-config --exists $(p) && echo y),,$(p)))
ifneq ($(strip $(absent)),)
$(error missing libraries: $(absent). Run contrib/deps.sh as root, or install their -dev packages)
endif
endif

sources = $(patsubst $(SRC)/%,%,$(wildcard $(addprefix $(SRC)/,$(1))))
COMMON_C := $(call sources,common/*.c)
FS_C := $(call sources,fs/*.c)
INDEXER_C := $(call sources,indexer/*.c indexer/*/*.c)
UNIT_C := $(call sources,tests/unit/*.c)
# what a test lets a program load into itself
PRELOAD_C := $(call sources,tests/lib/poison.c tests/lib/late.c)
TOOL_C := $(filter-out $(PRELOAD_C),$(call sources,tests/lib/*.c))
FUZZ_C := $(call sources,tests/fuzz/*.c)
objects = $(patsubst %.c,$(O)/%.o,$(1))

WARN := -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wwrite-strings -Wvla \
	-Wpointer-arith -Wundef -Wformat=2 -Wno-format-nonliteral
ifneq ($(findstring clang,$(CC)),)
WARN += -Wmissing-variable-declarations -Wno-gnu-statement-expression
endif
OPT := $(if $(SAN),-O1 -g -fno-omit-frame-pointer,$(if $(RELEASE),-O2 -g -DNDEBUG,-O2 -g))
# hidden: a library must never call a function of ours that has the name of one of its own
HARD := -fstack-protector-strong -fPIE -fvisibility=hidden $(if $(SAN),,-D_FORTIFY_SOURCE=2)
CPPFLAGS_ := -I$(SRC) -I$(O) -D_GNU_SOURCE -DMEDIAMON_VERSION='"$(VERSION)"' -DFUSE_USE_VERSION=314 $(CPPFLAGS)
CFLAGS_ := -std=gnu17 -pthread $(OPT) $(WARN) $(HARD) $(if $(WERROR),-Werror) \
	$(if $(SAN),-fsanitize=$(SAN) -fno-sanitize-recover=all) \
	$(shell pkg-config --cflags $(PKGS) 2>/dev/null) $(CFLAGS)
LDFLAGS_ := -pthread -pie -Wl,-z,relro,-z,now -Wl,--as-needed $(if $(SAN),-fsanitize=$(SAN)) $(LDFLAGS)
LIBS_mediamon := $(shell pkg-config --libs $(PKGS_common) $(PKGS_fs) 2>/dev/null) -lm
LIBS_mediamond := $(shell pkg-config --libs $(PKGS_common) $(PKGS_indexer) 2>/dev/null) -lm
LIBS_unit := $(shell pkg-config --libs $(filter-out $(PKGS_late),$(PKGS)) $(PKGS_unit) 2>/dev/null) -lm

MAINS := fs/main.c indexer/main.c
LIB_C := $(filter-out $(MAINS),$(COMMON_C) $(FS_C) $(INDEXER_C))
UNITS := $(patsubst tests/unit/%.c,$(O)/unit/%,$(UNIT_C))
TOOLS := $(patsubst tests/lib/%.c,$(O)/lib/%,$(TOOL_C)) $(patsubst tests/lib/%.c,$(O)/lib/%.so,$(PRELOAD_C))
FUZZERS := $(patsubst tests/fuzz/%.c,$(O)/fuzz/%,$(filter-out %/driver.c,$(FUZZ_C)))

.PHONY: all unit fuzz tools run deps check check-long lint bench bench-quick clean install uninstall FORCE

all: $(O)/mediamon $(O)/mediamond $(O)/compile_commands.json

unit: $(UNITS)

fuzz: $(FUZZERS)

tools: $(TOOLS)

# Rebuild when the flags change, and only then.
$(O)/flags: FORCE
	@mkdir -p $(@D)
	@echo '$(subst ','\'',$(CC) $(CPPFLAGS_) $(CFLAGS_) $(LDFLAGS_))' | cmp -s - $@ || \
		echo '$(subst ','\'',$(CC) $(CPPFLAGS_) $(CFLAGS_) $(LDFLAGS_))' > $@

$(O)/%.o: $(SRC)/%.c $(O)/flags
	$(call say,CC,$*.c)
	@mkdir -p $(@D)
	$(Q)$(CC) $(CPPFLAGS_) $(CFLAGS_) -MMD -MP -c $< -o $@

# a text as a string of C, without what only indents it: what dashboard.html is made of
$(O)/%.inc: $(SRC)/% $(SRC)/Makefile
	$(call say,INC,$*)
	@mkdir -p $(@D)
	$(Q)sed 's/^\t*//; s/[\\"]/\\&/g; s/.*/"&\\n"/' $< > $@

$(O)/fs/dashboard.o: $(O)/fs/dashboard.css.inc $(O)/fs/dashboard.js.inc

$(O)/mediamon: $(call objects,$(COMMON_C) $(FS_C))
	$(call say,LD,$@)
	$(Q)$(CC) $(LDFLAGS_) $^ $(LIBS_mediamon) -o $@

$(O)/mediamond: $(call objects,$(COMMON_C) $(INDEXER_C))
	$(call say,LD,$@)
	$(Q)$(CC) $(LDFLAGS_) $^ $(LIBS_mediamond) -o $@

$(O)/all.a: $(call objects,$(LIB_C))
	$(call say,AR,$@)
	$(Q)rm -f $@ && $(AR) rcs $@ $^

$(O)/unit/%: $(O)/tests/unit/%.o $(O)/all.a
	$(call say,LD,$@)
	@mkdir -p $(@D)
	$(Q)$(CC) $(LDFLAGS_) $^ $(LIBS_unit) -o $@

# those that need the program's own code
$(O)/bench/%: $(O)/tests/bench/%.o $(O)/all.a
	$(call say,LD,$@)
	@mkdir -p $(@D)
	$(Q)$(CC) $(LDFLAGS_) $^ $(LIBS_unit) -o $@

# libFuzzer (SAN=fuzzer,… CC=clang) brings a main() of its own
$(O)/fuzz/%: $(O)/tests/fuzz/%.o $(if $(findstring fuzzer,$(SAN)),,$(O)/tests/fuzz/driver.o) $(O)/all.a
	$(call say,LD,$@)
	@mkdir -p $(@D)
	$(Q)$(CC) $(LDFLAGS_) $^ $(LIBS_unit) -o $@

$(O)/lib/%.so: $(SRC)/tests/lib/%.c $(O)/flags
	$(call say,LD,$@)
	@mkdir -p $(@D)
	$(Q)$(CC) -std=gnu17 -D_GNU_SOURCE -O1 -g $(WARN) $(if $(WERROR),-Werror) -fPIC -shared $< -o $@

$(O)/lib/%: $(O)/tests/lib/%.o
	$(call say,LD,$@)
	@mkdir -p $(@D)
	$(Q)$(CC) $(LDFLAGS_) $^ $(shell pkg-config --libs fuse3 zlib 2>/dev/null) -o $@

$(O)/compile_commands.json: $(O)/flags
	@{ echo '['; sep=; for f in $(COMMON_C) $(FS_C) $(INDEXER_C) $(UNIT_C) $(FUZZ_C); do \
		printf '%s{"directory": "%s", "file": "%s", "arguments": ["%s"]}' "$$sep" "$(CURDIR)" "$(SRC)/$$f" \
		"$$(echo '$(subst ','\'',$(CC) $(subst ",\\\",$(CPPFLAGS_)) $(CFLAGS_))' -c $(SRC)/$$f | sed 's/  */", "/g')"; \
		sep=',\n'; printf '\n'; done; echo ']'; } > $@

# --- what people type ---

deps:
	$(Q)$(SRC)/contrib/deps.sh run

run:
	$(Q)$(SRC)/contrib/deps.sh build run
	$(Q)$(MAKE) -f $(SRC)/Makefile all
	$(Q)O='$(O)' MUSIC='$(MUSIC)' MANGA='$(MANGA)' LINKS='$(LINKS)' MOUNT='$(MOUNT)' $(SRC)/contrib/run.sh

check:
	$(Q)$(SRC)/contrib/deps.sh build run check
	$(Q)T='$(T)' $(SRC)/tests/run

check-long:
	$(Q)$(SRC)/contrib/deps.sh build run check
	$(Q)LONG=1 T='$(T)' $(SRC)/tests/run

lint:
	$(Q)$(SRC)/tests/lint/run

bench bench-quick:
	$(Q)$(SRC)/contrib/deps.sh build run check bench
	$(Q)$(MAKE) -f $(SRC)/Makefile RELEASE=1 all
	$(Q)O='$(O)-release' $(SRC)/tests/bench/run $(if $(filter bench-quick,$@),quick) $(PARTS)

clean:
	rm -rf build build-*

# below contrib/, for share/mediamon/
SHARED_FILES := $(addprefix prometheus/,README.md alerts.yml alerts_test.yml alerts_days_test.yml) grafana/mediamon.json

install: all
	install -D -m 755 $(O)/mediamon $(DESTDIR)$(PREFIX)/bin/mediamon
	install -D -m 755 $(O)/mediamond $(DESTDIR)$(PREFIX)/sbin/mediamond
	install -D -m 644 $(SRC)/docs/mediamon.8 $(DESTDIR)$(PREFIX)/share/man/man8/mediamon.8
	install -D -m 644 $(SRC)/fstab.example $(DESTDIR)$(PREFIX)/share/doc/mediamon/fstab.example
	install -D -m 644 $(SRC)/README.md $(DESTDIR)$(PREFIX)/share/doc/mediamon/README.md
	install -D -m 644 $(SRC)/contrib/python/mediamon_metrics.py $(DESTDIR)$(PREFIX)/share/mediamon/python/mediamon_metrics.py
	install -D -m 644 $(SRC)/contrib/mediamond.service $(DESTDIR)$(PREFIX)/lib/systemd/system/mediamond.service
	install -D -m 644 $(SRC)/contrib/mediamon.sysusers $(DESTDIR)$(PREFIX)/lib/sysusers.d/mediamon.conf
	for f in $(SHARED_FILES); do install -D -m 644 $(SRC)/contrib/$$f $(DESTDIR)$(PREFIX)/share/mediamon/$$f || exit; done

uninstall:
	rm -f $(DESTDIR)$(PREFIX)/bin/mediamon $(DESTDIR)$(PREFIX)/sbin/mediamond \
		$(DESTDIR)$(PREFIX)/share/man/man8/mediamon.8 \
		$(DESTDIR)$(PREFIX)/lib/systemd/system/mediamond.service \
		$(DESTDIR)$(PREFIX)/lib/sysusers.d/mediamon.conf
	rm -rf $(DESTDIR)$(PREFIX)/share/doc/mediamon $(DESTDIR)$(PREFIX)/share/mediamon

FORCE:

-include $(patsubst %.o,%.d,$(call objects,$(COMMON_C) $(FS_C) $(INDEXER_C) $(UNIT_C) $(TOOL_C) $(FUZZ_C)))
