#!/bin/bash
# Runs the SQL tests: pgTAP files, each in a transaction that is rolled back, on a database of its own
# that easel-migrate has just made. The cluster is the one that PGHOST, PGPORT and PGUSER name; the
# user must be a superuser there, since pgTAP is an extension. EASEL_BUILD names the folder with the
# programs. The last line is the sum.

cd "$(dirname "$0")/../.." || exit 2
build=${EASEL_BUILD:-build}
database=easel_sql_$$
passed=0 failed=0
export PGOPTIONS='-c client_min_messages=warning'

finish() { dropdb --if-exists --force "$database" 2>/dev/null; }
trap finish EXIT
trap 'exit 1' INT TERM

fail() {
	echo "$1"
	failed=$((failed + 1))
}

# run_file FILE: one file of tests; what it did not come to is a failure too.
run_file() {
	local file=$1 out good bad planned
	out=$(psql -XqAt -v ON_ERROR_STOP=1 -d "$database" -f "$file" 2>&1) || fail "$file was cut short"
	good=$(grep -cE '^ok ' <<<"$out")
	bad=$(grep -cE '^not ok ' <<<"$out")
	planned=$(sed -nE 's/^1\.\.([0-9]+)$/\1/p' <<<"$out")
	[ "$planned" = $((good + bad)) ] || fail "$file: $((good + bad)) tests instead of ${planned:-a plan}"
	[ "$bad" -gt 0 ] && echo "$file:"
	grep -E '^(not ok|#|psql:)' <<<"$out"
	passed=$((passed + good))
	failed=$((failed + bad))
}

if createdb "$database" && "$build/easel-migrate" --database "dbname=$database" >/dev/null &&
	psql -Xq -d "$database" -c 'CREATE SCHEMA tap; CREATE EXTENSION pgtap SCHEMA tap'; then
	for file in test/sql/*.sql; do
		run_file "$file"
	done
else
	fail 'no database to test on'
fi
echo "$passed passed, $failed failed"
[ $failed -eq 0 ]
