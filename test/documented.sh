#!/bin/bash
# Checks that README.md names every option that a program's --help shows. (That every object of the
# schema has a COMMENT is tested in test/sql.)

cd "$(dirname "$0")/.." || exit 2
bad=0
for program in build/easel build/easel-*; do
	[ -x "$program" ] || continue
	for option in $("$program" --help | grep -oE -- '--[a-z][a-z-]+' | grep -vxE -- "--(help|version)" | sort -u); do
		grep -q -- "$option" README.md && continue
		echo "README.md does not mention $option of $(basename "$program")"
		bad=1
	done
done
exit $bad
