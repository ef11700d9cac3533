# The programs of `make bench`: hello and query of one file each, phones of all the others. They
# need the base and the codec, and nothing of the server.

BENCH_PROGRAMS = $(BUILD)/bench/hello $(BUILD)/bench/query $(BUILD)/bench/phones
BENCH_PARTS = $(filter-out test/bench/hello.c test/bench/query.c test/bench/phones.c,\
	$(wildcard test/bench/*.c))
BENCH_BASE = $(wildcard core/base/*.c wbxml/*.c)

.PHONY: bench-programs
bench-programs: $(BENCH_PROGRAMS)

$(BUILD)/bench/phones: $(BENCH_PARTS:%.c=$(BUILD)/obj/%.o)

$(BUILD)/bench/%: $(BUILD)/obj/test/bench/%.o $(BENCH_BASE:%.c=$(BUILD)/obj/%.o)
	@mkdir -p $(@D)
	$(CC) $(CFLAGS) -o $@ $^ -lssl $(LDLIBS)
