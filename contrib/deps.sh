#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-3.0-or-later
# Installs the Debian packages that a task needs and that are missing: deps.sh build run check bench
set -eu

packages_build="gcc make pkg-config libc6-dev libfuse3-dev libsqlite3-dev libconfuse-dev libutf8proc-dev
	libflac-dev libxml2-dev zlib1g-dev libxxhash-dev libjansson-dev libcurl4-openssl-dev libssl-dev libarchive-dev liblzma-dev
	libqpdf-dev libseccomp-dev libjpeg62-turbo-dev libpng-dev libwebp-dev libstb-dev"
packages_run="fuse3 python3 util-linux procps"
packages_check="clang libclang-rt-14-dev libcmocka-dev libid3tag0-dev python3 python3-pytest python3-jsonschema python3-mutagen python3-pytest-xdist python3-pytest-timeout ffmpeg musepack-tools
	sqlite3 jq rsync universal-ctags strace bindfs e2fsprogs qbittorrent-nox amule-daemon amule-utils man-db groff-base rclone p7zip-full
	prometheus prometheus-node-exporter chromium fonts-dejavu-core libxml2-utils librsvg2-bin"
packages_bench="mpd mpc beets ffmpeg libtag1-dev libtagc0-dev python3-mutagen strace util-linux"

# parsers of what is exported, and a person's desktop
packages_check="$packages_check thunar tumbler librsvg2-common xvfb xdotool dbus"

# What judges whether everybody can use a page comes from npm: into a cache outside of the tree, checked.
axe=axe-core-4.14.1
axe_sha512=1477dafa598d8d065f273d6af302aa203c02e83131707b7fa648cd41bd3d6b734f8c22a0dab86ee6a6f64b8afbe804b214d36db85a2826965edfb3a0b9d546b5
cache=${XDG_CACHE_HOME:-${HOME:-/root}/.cache}/mediamon-check

needs_axe() {
	case " $groups " in *" check "*) [ ! -e "$cache/$axe.js" ] ;; *) return 1 ;; esac
}

get_axe() {
	local folder
	needs_axe || return 0
	folder=$(mktemp -d)
	if mkdir -p "$cache" && cd "$folder" && npm pack --silent "${axe%-*}@${axe##*-}" >/dev/null 2>&1 &&
		echo "$axe_sha512  $axe.tgz" | sha512sum --check --quiet && tar -xzf "$axe.tgz" package/axe.min.js; then
		mv package/axe.min.js "$cache/$axe.js"
	else
		echo "$axe could not be fetched from npm: tests that need it are skipped" >&2
	fi
	rm -rf "$folder"
}

groups=$*

absent=
for group in "$@"; do
	list=packages_$group
	for package in ${!list}; do
		dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q 'ok installed' || absent="$absent $package"
	done
done
! needs_axe || command -v npm >/dev/null || absent="$absent npm"
if [ -z "$absent" ]; then
	get_axe
	exit 0
fi
if [ "$(id -u)" != 0 ]; then
	echo "missing Debian packages:$absent" >&2
	echo "install them as root: apt-get install$absent" >&2
	exit 1
fi
echo "installing:$absent"
export DEBIAN_FRONTEND=noninteractive

# Some packages bring a service (Prometheus and its node_exporter): a test starts the programs itself, on ports of its own.
# Nothing starts while packages are installed, and a service that was not here before stays switched off at the next boot, too.
policy=/usr/sbin/policy-rc.d
if [ ! -e "$policy" ]; then
	trap 'rm -f "$policy"' EXIT
	printf '#!/bin/sh\nexit 101\n' >"$policy"
	chmod 755 "$policy"
fi
apt-get update -qq
# shellcheck disable=SC2086
apt-get install -y -qq --no-install-recommends $absent >/dev/null
for package in $absent; do
	for service in $(dpkg-query -L "$package" 2>/dev/null | sed -n 's|^\(/usr\)\{0,1\}/lib/systemd/system/\([^/@]*\.\(service\|timer\|socket\)\)$|\2|p'); do
		! command -v systemctl >/dev/null || systemctl --quiet disable "$service" 2>/dev/null || true
	done
	for service in $(dpkg-query -L "$package" 2>/dev/null | sed -n 's|^/etc/init\.d/\([^/]*\)$|\1|p'); do
		! command -v update-rc.d >/dev/null || update-rc.d "$service" disable >/dev/null 2>&1 || true
	done
done
get_axe
