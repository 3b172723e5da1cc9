# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0
# The test system's root: a Debian of its own, made once and cached.
#
# Under $cache/roots/KEY: root/ (the system), kver (its kernel's version) and
# vmlinuz. The key covers the release, the package list and make_root(). The
# small initramfs that mounts the root is made apart from it.

release=${SOFTHCA_RELEASE:-bookworm}

# What another of makes another root.
root_key()
{
	{
		echo "$release"
		packages guest
		declare -f make_root
	} | sha256sum | cut -c 1-16
}

# The package sources that this machine's apt has for the release, one-line
# style; nothing if it has none, and then mmdebstrap's own defaults hold.
apt_sources()
{
	# shellcheck disable=SC2016 # apt replaces these, not the shell
	apt-get indextargets --format '$(REPO_URI) $(RELEASE) $(COMPONENT)' \
		'Created-By: Packages' 2>/dev/null |
		awk -v release="$release" '
			$2 == release || index($2, release "-") == 1 {
				if (!seen[$0]++ && $3 == "main")
					print "deb", $1, $2, $3
			}'
}

# How this machine's apt reaches its sources (proxies and the like).
apt_options()
{
	apt-config dump | grep -E \
		'^Acquire::((https?|ftp)::|Check-Valid-Until|Check-Date|Retries)'
}

# make_root DIR: runs in mount and process namespaces of its own.
make_root()
{
	local dir=$1 sources options=() include

	include=$(packages guest | paste -sd ,)
	apt_options >"$dir/apt.conf" || :
	[ ! -s "$dir/apt.conf" ] || options+=(--aptopt="$dir/apt.conf")
	apt_sources >"$dir/sources.list"
	sources=$dir/sources.list
	[ -s "$sources" ] || sources=

	mmdebstrap --variant=minbase --include="$include" "${options[@]}" \
		--aptopt='APT::Install-Recommends "false"' \
		--dpkgopt='path-exclude=/usr/share/man/*' \
		--dpkgopt='path-exclude=/usr/share/locale/*' \
		"$release" "$dir/root" ${sources:+"$sources"} || return

	ls "$dir/root/lib/modules" >"$dir/kver"
	[ "$(wc -l <"$dir/kver")" -eq 1 ] || {
		echo "one kernel expected, got: $(tr '\n' ' ' <"$dir/kver")"
		return 1
	}
	# readable for those who boot it, whoever made it
	cp "$dir/root/boot/vmlinuz-$(cat "$dir/kver")" "$dir/vmlinuz" &&
		chmod 644 "$dir/vmlinuz"
}

# Set $root_dir to the cached root, made now if need be, and hold it in use.
root_dir=
kver=
prepare_root()
{
	local key tmp fd

	key=$(root_key)
	root_dir=$cache/roots/$key
	if [ ! -e "$root_dir/kver" ]; then
		need_root "Making the test system"
		lock "$cache/roots/.lock"
	fi
	if [ ! -e "$root_dir/kver" ]; then
		drop_old "$cache/roots" 1
		tmp=$(mktemp -d "$cache/roots/.tmp-XXXXXX")
		chmod 755 "$tmp"
		own_dirs+=("$tmp")
		mkdir -p "$build/logs"
		long "Making the test system (Debian $release, cached)" \
			"$build/logs/root.log" \
			unshare --mount --pid --fork --kill-child --mount-proc \
			"$top/tools/vm" make-root "$tmp" || return
		mv "$tmp" "$root_dir"
	fi
	[ -z "$lock_fd" ] || unlock
	exec {fd}<"$root_dir"
	flock -s "$fd"
	kver=$(cat "$root_dir/kver")
}

# make_initramfs FILE: what mounts the root; needs no privileges.
make_initramfs()
{
	local file=$1 tree modules=$root_dir/root/lib/modules/$kver name

	tree=$(mktemp -d)
	own_dirs+=("$tree")
	mkdir -p "$tree"/{bin,dev,proc,sys,mnt,modules}
	cp "$root_dir/root/bin/busybox" "$tree/bin/busybox"
	cp "$top/tools/guest/initramfs" "$tree/init"
	chmod 755 "$tree/init" "$tree/bin/busybox"
	# every module after those that it needs, numbered in that order
	awk -F: '
		{ needs[$1] = $2; n = split($1, part, "/"); path[part[n]] = $1 }
		function load(file,	list, i, n) {
			if (done[file]++)
				return
			n = split(needs[file], list, " ")
			for (i = n; i > 0; i--)
				load(list[i])
			print file
		}
		END {
			load(path["virtio_pci.ko"]); load(path["9pnet_virtio.ko"])
			load(path["9p.ko"]); load(path["overlay.ko"])
		}' "$modules/modules.dep" >"$tree/order"
	local n=100
	while read -r name; do
		[ -n "$name" ] || continue
		cp "$modules/$name" "$tree/modules/$((n++))-$(basename "$name")"
	done <"$tree/order"
	(cd "$tree" && find . -print | ./bin/busybox cpio -o -H newc) \
		>"$file.$$" 2>/dev/null && mv "$file.$$" "$file"
}

# Set $initramfs to the cached initramfs of this root.
initramfs=
prepare_initramfs()
{
	initramfs=$root_dir/initramfs-$(sha256sum <"$top/tools/guest/initramfs" |
		cut -c 1-16)
	[ -e "$initramfs" ] && return
	if [ ! -w "$root_dir" ]; then
		initramfs=$(mktemp)
		own_dirs+=("$initramfs")
	fi
	make_initramfs "$initramfs"
}
