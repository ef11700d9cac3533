#!/bin/bash
# Unpacks Debian's Cyrus into a folder: cyrus.sh FOLDER. Its packages can't be installed beside
# Dovecot's, and nothing of it is meant for the system. Does nothing when it is there. What keeps it
# from being there is printed, with exit code 77: no network, another system.

set -u

folder=${1:?usage: cyrus.sh FOLDER}
imapd=$folder/usr/lib/cyrus/bin/imapd
packages="cyrus-common cyrus-imapd sasl2-bin libxapian30 libwrap0 libsqlite3-0 libpcre3 libicu72 libzephyr4"

if [ ! -x "$imapd" ]; then
	command -v apt-get dpkg >/dev/null || { echo "needs Debian's apt-get"; exit 77; }
	fresh=$(mktemp -d "$folder.XXXXXX") || exit 77
	trap 'rm -rf "$fresh"' EXIT
	chmod 755 "$fresh"
	# shellcheck disable=SC2086
	(cd "$fresh" && apt-get download -qq $packages) >/dev/null 2>&1 ||
		{ echo "apt-get can't download $packages"; exit 77; }
	for deb in "$fresh"/*.deb; do
		dpkg -x "$deb" "$fresh" || exit 77
		rm "$deb"
	done
	rm -rf "$folder" && mv "$fresh" "$folder" || exit 77
fi
lacking=$(LD_LIBRARY_PATH=$(echo "$folder"/usr/lib/*-linux-gnu*) ldd "$imapd" | grep 'not found')
[ -z "$lacking" ] || { echo "lacks ${lacking//$'\n'/,}"; exit 77; }
