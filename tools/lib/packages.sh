# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0
# The Debian packages that the tools need, from tools/packages.list.

# packages WHERE...: the names of the packages listed for these places.
packages()
{
	awk -v where=" $* " \
		'!/^#/ && NF == 2 && index(where, " " $1 " ") { print $2 }' \
		"$top/tools/packages.list" | sort -u
}

# need_packages WHERE...: install what is missing on this machine.
need_packages()
{
	local missing=() name

	command -v dpkg-query >/dev/null ||
		die "this is not a Debian system; install these by hand:" \
		    "$(packages "$@" | tr '\n' ' ')"
	for name in $(packages "$@"); do
		case $(dpkg-query -W -f='${Status}' "$name" 2>/dev/null) in
		*" installed") ;;
		*) missing+=("$name") ;;
		esac
	done
	[ ${#missing[@]} -gt 0 ] || return 0

	say "Debian packages that are missing: ${missing[*]}"
	[ "$(id -u)" -eq 0 ] ||
		die "installing them needs root; run this again as root, or:" \
		    "sudo apt-get install --no-install-recommends ${missing[*]}"
	mkdir -p "$build/logs"
	long "Updating the package lists" "$build/logs/apt-update.log" \
		apt-get -q update || return
	long "Installing ${missing[*]}" "$build/logs/apt-install.log" \
		env DEBIAN_FRONTEND=noninteractive apt-get -q -y \
		install --no-install-recommends "${missing[@]}"
}
