#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-3.0-or-later
# Installs the Debian packages that a task needs and that are missing: deps.sh build run check bench
set -eu

packages_build="gcc make pkg-config libc6-dev libfuse3-dev libsqlite3-dev libconfuse-dev libutf8proc-dev
	libflac-dev libxml2-dev zlib1g-dev libxxhash-dev libjansson-dev libcurl4-openssl-dev libssl-dev libarchive-dev liblzma-dev
	libqpdf-dev libseccomp-dev"
packages_run="fuse3 python3 util-linux procps"
packages_check="clang libclang-rt-14-dev libcmocka-dev libid3tag0-dev python3 python3-pytest python3-jsonschema python3-mutagen python3-pytest-xdist ffmpeg musepack-tools
	sqlite3 jq rsync universal-ctags strace bindfs e2fsprogs qbittorrent-nox amule-daemon amule-utils man-db groff-base rclone p7zip-full"
packages_bench="mpd mpc beets ffmpeg libtag1-dev libtagc0-dev python3-mutagen strace util-linux"

# parsers of what is exported, and a person's desktop
packages_check="$packages_check libxml2-utils thunar tumbler librsvg2-common xvfb xdotool dbus"

absent=
for group in "$@"; do
	list=packages_$group
	for package in ${!list}; do
		dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q 'ok installed' || absent="$absent $package"
	done
done
[ -n "$absent" ] || exit 0
if [ "$(id -u)" != 0 ]; then
	echo "missing Debian packages:$absent" >&2
	echo "install them as root: apt-get install$absent" >&2
	exit 1
fi
echo "installing:$absent"
export DEBIAN_FRONTEND=noninteractive
apt-get update -qq
# shellcheck disable=SC2086
apt-get install -y -qq --no-install-recommends $absent >/dev/null
