#!/bin/bash
# Runs the tests, stage by stage: check.sh [STAGE …]; all of them when none is named. Each stage ends
# with a line "N passed, N failed[, N skipped]"; what it printed is in build/check/STAGE.log. The last
# line is the sum; the exit code is 1 when anything failed.

cd "$(dirname "$0")/.." || exit 2
shopt -s extglob
logs=build/check
mkdir -p $logs
jobs=$(nproc)
passed=0 failed=0 skipped=0
began=$SECONDS

built() { make --no-print-directory -s -j"$jobs" "$@"; }

# verdict COMMAND…: one test, that the command succeeds.
verdict() { if "$@"; then echo '1 passed, 0 failed'; else echo '0 passed, 1 failed'; fi; }

sanitized() { # BUILD SANITIZERS TARGET…
	local build=$1 sanitizers=$2
	shift 2
	built BUILD="$build" CC=clang OPT='-O1 -g' SAN="-fsanitize=$sanitizers -fno-omit-frame-pointer" "$@"
}

# One build serves the sanitizers and the fuzzers, and shows that clang has nothing to complain of.
built_sanitized() {
	sanitized build/asan address,undefined,fuzzer-no-link programs unit-programs fuzz-programs
}

# The unit tests of a build in two halves side by side, each with a database of its own.
units() { # BUILD
	local long='faults|calendar|tree_walk'
	unit_half "$1" "$long" >"$1/units.log" 2>&1 &
	unit_half "$1" "!$long"
	wait $!
	cat "$1/units.log"
}

# A half that ended without a sum has failed.
unit_half() { # BUILD NAMES
	local out
	out=$(test/lab/with_database.py test/unit.sh "$1" "$2" 2>&1)
	echo "$out"
	grep -qE '^[0-9]+ passed, [0-9]+ failed' <<<"$out" || echo '0 passed, 1 failed'
}

stage_lint() {
	built programs
	local bad=0
	test/include_directions.sh || bad=$((bad + 1))
	test/documented.sh || bad=$((bad + 1))
	clang-format --dry-run -Werror $(make -s print-SOURCES print-HEADERS) || bad=$((bad + 1))
	echo "$((3 - bad)) passed, $bad failed"
}

stage_build() { verdict built programs unit-programs; }

stage_clang() { verdict built_sanitized; }

stage_unit() {
	built programs unit-programs || { echo '0 passed, 1 failed'; return; }
	units build
}

stage_sql() {
	built programs || { echo '0 passed, 1 failed'; return; }
	test/lab/with_database.py test/sql/run.sh
}

stage_wire() {
	built programs || { echo '0 passed, 1 failed'; return; }
	python3 test/wire/run.py
}

# The files that have nothing to do with the web server, or choose one themselves, are left out.
stage_apache() {
	built programs || { echo '0 passed, 1 failed'; return; }
	local files
	files=$(cd test/wire && ls test_[0-9]*.py | grep -vE '^test_(01|16|18)_|_check')
	# shellcheck disable=SC2086  # a list of names
	EASEL_WEB=apache python3 test/wire/run.py ${files//.py/}
}

# The files that are about mail.
mail_tests="05_ 06_ 07_ 08_ 09_ 10_ 12_ 20_ 21_ 23_search 28_drafts"

# Mail on Debian's Dovecot; then on one that hides CONDSTORE and what goes with it.
stage_dovecot() {
	built programs || { echo '0 passed, 1 failed'; return; }
	export EASEL_BACKEND=dovecot
	# shellcheck disable=SC2086
	python3 test/wire/run.py $mail_tests
	EASEL_DOVECOT='imap_capability = IMAP4rev1 SASL-IR LITERAL+ ID IDLE NAMESPACE UIDPLUS SPECIAL-USE' \
		python3 test/wire/run.py 06_ 08_ 21_
}

# Mail on Debian's Cyrus, which is unpacked and not installed.
stage_cyrus() {
	built programs || { echo '0 passed, 1 failed'; return; }
	local why
	if ! why=$(test/cyrus.sh build/cyrus); then
		echo "skipped: mail on Cyrus: $why"
		echo '0 passed, 0 failed, 1 skipped'
		return
	fi
	# shellcheck disable=SC2086
	EASEL_BACKEND=cyrus python3 test/wire/run.py $mail_tests
}

stage_asan() {
	built_sanitized || { echo '0 passed, 1 failed'; return; }
	export ASAN_OPTIONS=detect_leaks=1:halt_on_error=1 UBSAN_OPTIONS=halt_on_error=1:print_stacktrace=1
	export EASEL_BUILD=build/asan EASEL_TEST_SHORT=1
	units build/asan
	python3 test/wire/run.py 02 14 ${EASEL_MATRIX:+04 05 06 08 17}
}

stage_tsan() {
	sanitized build/tsan thread programs unit-programs || { echo '0 passed, 1 failed'; return; }
	export TSAN_OPTIONS=halt_on_error=1 EASEL_BUILD=build/tsan EASEL_TEST_SHORT=1
	units build/tsan
	python3 test/wire/run.py ping
}

# One target for its time, with its own sum.
fuzz_one() { # PROGRAM
	local name
	name=$(basename "$1")
	if "$1" -max_total_time="${SECONDS_EACH:-5}" -timeout=10 -rss_limit_mb=2048 \
		-artifact_prefix="$logs/$name-" >"$logs/$name.log" 2>&1; then
		echo '1 passed, 0 failed'
	else
		echo "$name:"
		tail -n 30 "$logs/$name.log"
		echo '0 passed, 1 failed'
	fi
}

stage_fuzz() {
	built_sanitized || { echo '0 passed, 1 failed'; return; }
	export -f fuzz_one
	export logs SECONDS_EACH
	printf '%s\0' build/asan/fuzz/* | xargs -0 -n 1 -P "$jobs" bash -c 'fuzz_one "$1"' fuzz_one
}

# That the bench works; every part of it with the whole matrix.
stage_bench() {
	local parts=()
	[ -n "${EASEL_MATRIX:-}" ] || parts=(--only nochange --only park --only wake)
	verdict python3 test/bench/run.py --quick "${parts[@]}"
}

# Adds up every line of the stage that has the form of a sum.
count() {
	local line
	while read -r line; do
		[[ $line =~ ^([0-9]+)\ passed,\ ([0-9]+)\ failed(,\ ([0-9]+)\ skipped)?$ ]] || continue
		passed=$((passed + BASH_REMATCH[1]))
		failed=$((failed + BASH_REMATCH[2]))
		skipped=$((skipped + ${BASH_REMATCH[4]:-0}))
	done <"$1"
}

run() {
	local stage=$1 log=$logs/$1.log from=$SECONDS
	echo "== $stage"
	(set -o pipefail; "stage_$stage") >"$log" 2>&1
	local code=$? before=$failed
	count "$log"
	# A stage that ended without a sum has failed, whatever it printed.
	if ! grep -qE '^[0-9]+ passed, [0-9]+ failed' "$log"; then
		failed=$((failed + 1))
		echo "   ended with $code and no result"
	fi
	[ "$failed" -gt "$before" ] && tail -n 60 "$log"
	grep -E '^skipped: ' "$log" | sed 's/^/   /'
	grep -E '^[0-9]+ passed, [0-9]+ failed' "$log" | sed 's/^/   /'
	echo "   $((SECONDS - from)) s"
}

[ $# -gt 0 ] || set -- build lint unit sql wire clang asan tsan fuzz bench ${EASEL_MATRIX:+apache dovecot cyrus}
for stage; do
	declare -F "stage_$stage" >/dev/null || { echo "check.sh: no stage '$stage'" >&2; exit 64; }
	run "$stage"
done
echo "$((SECONDS - began)) s in all, $skipped skipped"
echo "$passed passed, $failed failed"
[ $failed -eq 0 ]
