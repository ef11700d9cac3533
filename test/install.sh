#!/bin/bash
# Installs what is needed from Debian's packages, as root or through sudo: install.sh run|imap|test.
# Does nothing, and needs no network, when all of it is there. What is wished for only, a browser, may
# be missing: then the tests that need it are skipped.

set -eu

run="gcc make pkg-config libfcgi-dev libpq-dev libssl-dev libexpat1-dev libjansson-dev
     libgmime-3.0-dev libcurl4-openssl-dev libical-dev libldap-dev tzdata zlib1g-dev postgresql nginx openssl python3 ca-certificates"
imap="$run dovecot-imapd dovecot-lmtpd"
test="$imap dovecot-sieve libcmocka-dev slapd ldap-utils postgresql-15-pgtap apache2 libxml2-dev libxml2-utils clang clang-format"

wished=
case ${1:-} in
run) wanted=$run ;;
imap) wanted=$imap ;;
test) wanted=$test wished="chromium chromium-driver" ;;
*) echo "usage: install.sh run|imap|test" >&2; exit 64 ;;
esac

# missing PACKAGE…: those that are not installed.
missing() {
	local package
	for package in "$@"; do
		dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null | grep -qx installed ||
			echo "$package"
	done
}
# shellcheck disable=SC2086
needed=$(missing $wanted) extra=$(missing $wished)
[ -z "$needed$extra" ] && exit 0

as_root=
if [ "$(id -u)" -ne 0 ]; then
	if ! command -v sudo >/dev/null; then
		[ -z "$needed" ] && exit 0
		echo "install.sh: needs root or sudo for: ${needed//$'\n'/ }" >&2
		exit 77
	fi
	as_root=sudo
fi
all="$needed $extra"
echo "Installing: ${all//$'\n'/ }"

# Debian's packages would start a cluster and a web server of their own; ours are private.
policy=/usr/sbin/policy-rc.d
made=
if [ ! -e $policy ]; then
	printf '#!/bin/sh\nexit 101\n' | $as_root tee $policy >/dev/null
	$as_root chmod 755 $policy
	made=yes
fi
trap '[ -z "$made" ] || $as_root rm -f $policy' EXIT
export DEBIAN_FRONTEND=noninteractive
install() { $as_root apt-get install -y -qq --no-install-recommends "$@" >/dev/null; }
# shellcheck disable=SC2086
install_all() { install $1 2>/dev/null || { $as_root apt-get update -qq && install $1; }; }
[ -z "$needed" ] || install_all "$needed"
[ -z "$extra" ] || install_all "$extra" || echo "install.sh: goes on without: ${extra//$'\n'/ }" >&2
