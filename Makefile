# Easel: an Exchange ActiveSync server as a FastCGI application. `make help` lists what there is.

BUILD ?= build
CC = gcc
OPT ?= -O2 -g
SAN ?=
WARN = -std=c11 -Wall -Wextra -Wpedantic -Wshadow -Werror
PKGS = libpq libssl libcrypto expat jansson gmime-3.0 libcurl zlib libical ldap lber
PKG_CFLAGS := $(shell pkg-config --cflags $(PKGS) 2>/dev/null | sed 's/-I/-isystem /g')
PKG_LIBS := $(shell pkg-config --libs $(PKGS) 2>/dev/null)
CPPFLAGS += -D_GNU_SOURCE -I. $(PKG_CFLAGS)
CFLAGS += $(OPT) $(WARN) $(SAN) -pthread -fno-common
LDLIBS = $(PKG_LIBS) -lfcgi -lm
PREFIX ?= /usr/local
Q = $(if $(V),,@)# make V=1 shows the commands

LIB_SOURCES := $(wildcard core/base/*.c core/*.c wbxml/*.c store/*.c)
FCGI_SOURCES := $(filter-out fcgi/main.c,$(wildcard fcgi/*.c))
PROGRAMS := $(BUILD)/easel $(patsubst core/programs/%.c,$(BUILD)/%,$(wildcard core/programs/*.c))
UNIT_TESTS := $(patsubst test/unit/%.c,$(BUILD)/unit/%,$(wildcard test/unit/test_*.c))
FUZZERS := $(patsubst test/fuzz/%.c,%,$(wildcard test/fuzz/fuzz_*.c))

LIBRARY = $(BUILD)/libeasel.a
FCGI_OBJECTS = $(FCGI_SOURCES:%.c=$(BUILD)/obj/%.o)
SOURCES := $(LIB_SOURCES) $(wildcard fcgi/*.c core/programs/*.c test/unit/*.c test/fuzz/*.c test/bench/*.c)
HEADERS := $(wildcard core/base/*.h core/*.h wbxml/*.h store/*.h fcgi/*.h test/unit/*.h test/faults/*.h test/bench/*.h)

.PHONY: all help install clean demo demo-stop deps deps-imap check-deps check check-all unit sql wire bench faults \
	faults-proof asan tsan clang fuzz lint format

all: deps
	@$(MAKE) --no-print-directory programs

programs: $(PROGRAMS)

help:
	@echo 'make             the programs, in build/'
	@echo 'make demo        a running server with sample data (MAIL=path for your own mail)'
	@echo 'make demo BACKEND=imap  the same in front of a Dovecot of its own'
	@echo 'make demo-stop   ends it'
	@echo 'make check       every test; installs what it needs'
	@echo 'make check-all   the same in every protocol version, behind Apache, on Dovecot and Cyrus: takes longer'
	@echo 'make faults      the model test of Sync with new seeds, on a Dovecot that is killed, too (SECONDS=60,'
	@echo '                 or TOTAL= steps of each class; CLASS= STEPS= of a seed, SEED=)'
	@echo 'make faults-proof  shows that it finds each rule of the sync ledger when that is broken: half an hour'
	@echo 'make bench       what it costs, beside a bare FastCGI program in the same run'
	@echo 'make install     programs and migrations under PREFIX (/usr/local)'
	@echo 'Parts of check:  unit sql wire clang asan tsan lint; fuzz (SECONDS=60 for each target)'

# ---- Building ----

$(BUILD)/obj/%.o: %.c
	@mkdir -p $(@D)
	@echo '  cc $<'
	$(Q)$(CC) $(CPPFLAGS) $(CFLAGS) -MMD -MP -c -o $@ $<

$(LIBRARY): $(LIB_SOURCES:%.c=$(BUILD)/obj/%.o)
	@rm -f $@
	$(Q)ar rcs $@ $^

# Statements register themselves in a section of their own, so the library is linked whole.
WHOLE = -Wl,--whole-archive $(LIBRARY) -Wl,--no-whole-archive

$(BUILD)/easel: $(BUILD)/obj/fcgi/main.o $(FCGI_OBJECTS) $(LIBRARY)
	@echo '  ld $@'
	$(Q)$(CC) $(CFLAGS) -o $@ $(filter %.o,$^) $(WHOLE) $(LDLIBS)

# A program gets only what it uses: loading every library would take longer than a delivery.
$(BUILD)/easel-%: $(BUILD)/obj/core/programs/easel-%.o $(LIBRARY)
	@echo '  ld $@'
	$(Q)$(CC) $(CFLAGS) -Wl,--as-needed -o $@ $(filter %.o,$^) $(LIBRARY) $(LDLIBS)

# The tests validate against schemas.
$(BUILD)/obj/test/%.o: CPPFLAGS += $(shell pkg-config --cflags libxml-2.0 2>/dev/null | sed 's/-I/-isystem /g')
$(BUILD)/unit/%: LDLIBS += -lcmocka $(shell pkg-config --libs libxml-2.0 2>/dev/null)

$(BUILD)/unit/%: $(BUILD)/obj/test/unit/%.o $(FCGI_OBJECTS) $(LIBRARY)
	@mkdir -p $(@D)
	@echo '  ld $@'
	$(Q)$(CC) $(CFLAGS) -o $@ $(filter %.o,$^) $(WHOLE) $(LDLIBS)

$(BUILD)/fuzz/%: $(BUILD)/obj/test/fuzz/%.o $(FCGI_OBJECTS) $(LIBRARY)
	@mkdir -p $(@D)
	@echo '  ld $@'
	$(Q)$(CC) $(CFLAGS) -fsanitize=fuzzer -o $@ $(filter %.o,$^) $(WHOLE) $(LDLIBS)

install: all
	install -d $(DESTDIR)$(PREFIX)/bin $(DESTDIR)$(PREFIX)/share/easel/migrations/admin
	install $(PROGRAMS) $(DESTDIR)$(PREFIX)/bin
	install -m 644 migrations/*.sql $(DESTDIR)$(PREFIX)/share/easel/migrations
	install -m 644 migrations/admin/*.sql $(DESTDIR)$(PREFIX)/share/easel/migrations/admin

clean:
	rm -rf build

deps:
	@test/install.sh run

check-deps:
	@test/install.sh test

# ---- Showing ----

demo: all $(if $(filter imap,$(BACKEND)),deps-imap)
	@BACKEND=$(or $(BACKEND),pg) python3 test/lab/demo.py start

deps-imap:
	@test/install.sh imap

demo-stop:
	@python3 test/lab/demo.py stop

# ---- Testing ----

check: check-deps
	@test/check.sh

check-all: check-deps
	@EASEL_MATRIX=whole test/check.sh

unit-programs: $(UNIT_TESTS)

fuzz-programs: $(FUZZERS:%=$(BUILD)/fuzz/%)

unit sql wire clang asan tsan lint: check-deps
	@test/check.sh $@

fuzz: check-deps
	@test/check.sh fuzz

FAULTS = $(if $(TOTAL),--total $(TOTAL),--seconds $(or $(SECONDS),60)) $(if $(CLASS),--class $(CLASS)) \
	$(if $(STEPS),--steps $(STEPS)) $(if $(SEED),--seed $(SEED))

faults: check-deps
	@$(MAKE) --no-print-directory programs $(BUILD)/unit/test_faults
	@$(BUILD)/unit/test_faults $(FAULTS)
	@test/lab/with_database.py $(BUILD)/unit/test_faults $(FAULTS)
	@test/lab/with_database.py --dovecot $(BUILD)/unit/test_faults $(FAULTS) --class Email

faults-proof: check-deps
	@test/faults/proof.py $(RULES)

bench: check-deps
	@$(MAKE) --no-print-directory programs
	@python3 test/bench/run.py $(BENCH)

format:
	clang-format -i $(SOURCES) $(HEADERS)

print-%:
	@echo $($*)

.SECONDARY:
-include $(shell find $(BUILD)/obj -name '*.d' 2>/dev/null)
-include test/bench/build.mk
