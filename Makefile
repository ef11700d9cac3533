# Easel: an Exchange ActiveSync server as a FastCGI application.
#
#   make            the programs, in build/
#   make demo       a running server with sample data behind a real nginx (make demo-stop ends it)
#   make check      every test; installs what it needs
#   make help       everything else

BUILD ?= build
CC ?= gcc
OPT ?= -O2 -g
WARN = -std=c11 -Wall -Wextra -Wpedantic -Wshadow -Werror
PKGS = libpq openssl expat jansson gmime-3.0 libxml-2.0 zlib
CPPFLAGS += -D_GNU_SOURCE -I. $(shell pkg-config --cflags $(PKGS) 2>/dev/null | sed 's/-I/-isystem /g')
CFLAGS += $(OPT) $(WARN) $(SAN) -pthread -fno-common
LDLIBS = $(shell pkg-config --libs $(PKGS) 2>/dev/null) -lfcgi -lm

LIB_SOURCES = $(wildcard core/base/*.c core/*.c wbxml/*.c store/*.c)
FCGI_SOURCES = $(filter-out fcgi/main.c,$(wildcard fcgi/*.c))
PROGRAM_SOURCES = $(wildcard core/programs/*.c)
PROGRAMS = $(patsubst core/programs/%.c,$(BUILD)/%,$(PROGRAM_SOURCES)) $(if $(wildcard fcgi/main.c),$(BUILD)/easel)
UNIT_SOURCES = $(wildcard test/unit/test_*.c)
UNIT_TESTS = $(patsubst test/unit/%.c,$(BUILD)/unit/%,$(UNIT_SOURCES))

LIB_OBJECTS = $(LIB_SOURCES:%.c=$(BUILD)/obj/%.o)
FCGI_OBJECTS = $(FCGI_SOURCES:%.c=$(BUILD)/obj/%.o)

.PHONY: all
all: $(PROGRAMS)

$(BUILD)/obj/%.o: %.c
	@mkdir -p $(@D)
	$(CC) $(CPPFLAGS) $(CFLAGS) -MMD -MP -c -o $@ $<

$(BUILD)/easel: $(BUILD)/obj/fcgi/main.o $(FCGI_OBJECTS) $(LIB_OBJECTS)
	$(CC) $(CFLAGS) -o $@ $^ $(LDLIBS)

$(BUILD)/easel-%: $(BUILD)/obj/core/programs/easel-%.o $(LIB_OBJECTS)
	$(CC) $(CFLAGS) -o $@ $^ $(LDLIBS)

$(BUILD)/unit/%: $(BUILD)/obj/test/unit/%.o $(FCGI_OBJECTS) $(LIB_OBJECTS)
	@mkdir -p $(@D)
	$(CC) $(CFLAGS) -o $@ $^ $(LDLIBS) -lcmocka

.PHONY: unit
unit: $(UNIT_TESTS)
	@for t in $(UNIT_TESTS); do $$t || exit 1; done

.PHONY: clean
clean:
	rm -rf $(BUILD)

.SECONDARY:
-include $(shell find $(BUILD) -name '*.d' 2>/dev/null)
