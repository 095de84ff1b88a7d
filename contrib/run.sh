#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-3.0-or-later
# `make run`: a first configuration, the indexer, the mount, and what to try next.
set -eu

here=$(cd "$(dirname "$0")/.." && pwd)
bin=$here/${O:-build}
case ${O:-build} in /*) bin=$O ;; esac

# the libraries are those of the person, also under sudo
user=${SUDO_USER:-$(id -un)}
home=$(getent passwd "$user" | cut -d: -f6)
if [ "$(id -u)" = 0 ]; then
	conf=${CONF:-/etc/mediamon/mediamon.conf}
	mount=${MOUNT:-/mnt/mediamon}
	demo=/var/lib/mediamon-demo
	state=
else
	conf=${CONF:-${XDG_CONFIG_HOME:-$home/.config}/mediamon/mediamon.conf}
	mount=${MOUNT:-$home/mediamon}
	demo=${XDG_DATA_HOME:-$home/.local/share}/mediamon-demo
	state=
fi
state=${STATE:-$state}

list() { # the folders given, else a default that exists
	local given=$1 fallback=$2
	if [ -n "$given" ]; then
		realpath -- "$given"
	elif [ -d "$fallback" ] && [ -n "$(ls -A -- "$fallback" 2>/dev/null)" ]; then
		realpath -- "$fallback"
	fi
}

quoted() { # a list for the configuration
	[ -z "$1" ] || printf '"%s"' "$(printf '%s' "$1" | sed 's/[\\"]/\\&/g')"
}

write_config() {
	local music manga links
	music=$(list "${MUSIC:-}" "$home/Music")
	manga=$(list "${MANGA:-}" "$home/Manga")
	links=$(list "${LINKS:-}" "")
	if [ -z "$music$manga$links" ]; then
		echo "no library on this machine: a small demo library is made in $demo"
		"$here/contrib/demo.py" "$demo"
		music=$demo/music manga=$demo/manga
	fi
	mkdir -p "$(dirname "$conf")"
	{
		echo "# written by \`make run\`; every option: mediamon --print-default-config"
		echo "music = { $(quoted "$music") }"
		echo "manga = { $(quoted "$manga") }"
		echo "links = { $(quoted "$links") }"
		[ -z "$state" ] || echo "state_dir = \"$state\""
	} >"$conf.new"
	mv "$conf.new" "$conf"
	echo "configuration: $conf"
}

if [ ! -e "$conf" ] || [ -n "${MUSIC:-}${MANGA:-}${LINKS:-}" ]; then
	write_config
	changed=1
fi
"$bin/mediamon" --check-config "$conf" >/dev/null
# a configuration that changed is read by the indexer that runs
[ -z "${changed:-}" ] || "$bin/mediamon" order reload config --config "$conf" >/dev/null 2>&1 || :

mkdir -p "$mount" 2>/dev/null || :
if ! mountpoint -q "$mount"; then
	"$bin/mediamon" "$conf" "$mount"
fi

# bars until the first scan has ended, for five minutes at most; degraded or failed is told, and no reason to end here
timeout --foreground 300 "$bin/mediamon" status --wait --config "$conf" || :
cat <<END

Try:
  ls $mount/music/artists
  $bin/mediamon status --watch --config $conf
  cat $mount/status/missing
  echo manga > $mount/control/rescan
  cat $mount/control/last
  cat $mount/README.txt

Unmount: fusermount3 -u $mount      End the indexer: $bin/mediamon order quit now --config $conf
END
