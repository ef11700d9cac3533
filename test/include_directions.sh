#!/bin/bash
# Checks who may include whom: fcgi -> core -> store, wbxml; core/base serves all and knows none of
# them; each library is used only where it belongs. Prints what is wrong; exit code 1 then.

cd "$(dirname "$0")/.." || exit 2
bad=0

# forbid WHAT PATTERN FILE…: none of the files may include what the pattern matches.
forbid() {
	local what=$1 pattern=$2
	shift 2
	local hits
	hits=$(grep -nE "^#include [<\"]($pattern)" /dev/null "$@") || return
	echo "$what:"
	sed 's/^/    /' <<<"$hits"
	bad=1
}

shopt -s nullglob extglob
base=(core/base/*.[ch])
core=(core/*.[ch] core/programs/*.[ch])
store=(store/*.[ch])
wbxml=(wbxml/*.[ch])
fcgi=(fcgi/*.[ch])

forbid 'core/base knows nothing of the rest' 'fcgi|store|wbxml|core/[a-z_]*\.' "${base[@]}"
forbid 'wbxml knows only core/base' 'fcgi|store|core/[a-z_]*\.' "${wbxml[@]}"
forbid 'store knows only core/base' 'fcgi|wbxml|core/[a-z_]*\.' "${store[@]}"
forbid 'core does not know fcgi' 'fcgi/' "${core[@]}"
forbid 'libfcgi belongs to fcgi' 'fcgiapp|fcgi_stdio|fcgi_config' "${base[@]}" "${wbxml[@]}" "${store[@]}" "${core[@]}"
forbid 'libpq belongs to store/pg*' 'libpq-fe|postgresql/' "${base[@]}" "${wbxml[@]}" "${core[@]}" "${fcgi[@]}" store/!(pg*).[ch]
forbid 'libldap belongs to store/ldap' 'ldap\.h>' "${base[@]}" "${wbxml[@]}" "${core[@]}" "${fcgi[@]}" store/!(ldap).[ch]
forbid 'libcurl belongs to store/smtp and core/probe_http' 'curl/' "${base[@]}" "${wbxml[@]}" "${fcgi[@]}" core/!(probe_http).[ch] core/programs/*.[ch] store/!(smtp).[ch]
forbid 'expat belongs to autodiscover' 'expat\.h' "${base[@]}" "${wbxml[@]}" "${store[@]}" "${fcgi[@]}" core/!(autodiscover).[ch]
forbid 'OpenSSL belongs to core/base/digest, store/password, sealed, certificate* and imap*' 'openssl/' "${wbxml[@]}" "${core[@]}" "${fcgi[@]}" core/base/!(digest).[ch] store/!(password|sealed|certificate*|imap*).[ch]

exit $bad
