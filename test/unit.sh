#!/bin/bash
# Runs the unit tests of a build folder and counts: unit.sh BUILD [NAMES | !NAMES]; NAMES is an
# extended regular expression, ! means those that it does not match. The last line is the sum.

cd "$(dirname "$0")/.." || exit 2
passed=0 failed=0 skipped=0
export CMOCKA_MESSAGE_OUTPUT=TAP

wanted() {
	case $2 in
	'') true ;;
	!*) [[ ! $1 =~ ^test_(${2#!})$ ]] ;;
	*) [[ $1 =~ ^test_($2)$ ]] ;;
	esac
}

for program in "$1"/unit/test_*; do
	[ -x "$program" ] || continue
	wanted "$(basename "$program")" "${2:-}" || continue
	out=$("$program" 2>&1)
	code=$?
	good=$(grep -cE '^ok ' <<<"$out")
	bad=$(grep -cE '^not ok ' <<<"$out")
	skip=$(grep -cE '^ok .*# SKIP' <<<"$out")
	# A program that died has no line for what it died in.
	[ $code -ne 0 ] && [ "$bad" -eq 0 ] && bad=1
	if [ "$bad" -gt 0 ]; then
		echo "$(basename "$program"): exit code $code"
		tail -n 40 <<<"$out"
	fi
	grep -E '^ok .*# SKIP' <<<"$out" | sed "s|^ok [0-9]* - |skipped: $(basename "$program") |; s/ # SKIP//"
	passed=$((passed + good - skip))
	failed=$((failed + bad))
	skipped=$((skipped + skip))
done
echo "$passed passed, $failed failed, $skipped skipped"
[ $failed -eq 0 ]
