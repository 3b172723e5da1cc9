# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0
# The test system's root: a Debian of its own, made once and cached.
#
# Under $cache/roots/KEY: root/ (the system), root.erofs (the same for a guest), kver
# (its kernel's version) and vmlinuz. The key covers the release, the package list and
# what make_root() does. The small initramfs that mounts the root is made apart from it.

# What another of makes another root. Kernels that we compile run in the root of
# their release's own.
root_key()
{
	{
		echo "$release $(root_suite)"
		packages guest
		declare -f make_root drop_drivers install_system make_image
	} | sha256sum | cut -c 1-16
}

# The suite that the root's own kernel comes from.
root_suite()
{
	if [ "$flavour" = stock ]; then echo "$suite"; else echo "$release"; fi
}

# The package sources for the release and for $1, a suite beside it: those that
# this machine's apt has for the Debian that runs here, with the release's name.
# Nothing if it has none, and then mmdebstrap's own defaults hold.
apt_sources()
{
	local codename

	codename=$(sed -n 's/^VERSION_CODENAME=//p' /etc/os-release)
	# shellcheck disable=SC2016 # apt replaces these, not the shell
	apt-get indextargets --format '$(REPO_URI) $(RELEASE) $(COMPONENT)' \
		'Created-By: Packages' 2>/dev/null |
		awk -v here="$codename" -v release="$release" -v suite="$1" '
			$3 != "main" || seen[$0]++ { next }
			$2 == here {
				print "deb", $1, release, "main"
				if (suite != release)
					print "deb", $1, suite, "main"
			}
			$2 == here "-updates" || $2 == here "-security" {
				sub(here, release, $2)
				print "deb", $1, $2, "main"
			}'
}

# How this machine's apt reaches its sources (proxies and the like).
apt_options()
{
	apt-config dump | grep -E \
		'^Acquire::((https?|ftp)::|Check-Valid-Until|Check-Date|Retries)'
}

# install_system DIR SUITE PACKAGE...: a Debian in DIR/root whose kernel packages
# are the suite's. Runs in mount and process namespaces of its own.
install_system()
{
	local dir=$1 from=$2 sources options=()
	shift 2

	apt_options >"$dir/apt.conf" || :
	[ ! -s "$dir/apt.conf" ] || options+=(--aptopt="$dir/apt.conf")
	apt_sources "$from" >"$dir/sources.list"
	sources=$dir/sources.list
	[ -s "$sources" ] || sources=
	if [ "$from" != "$release" ]; then
		printf 'Package: %s\nPin: release n=%s\nPin-Priority: 990\n' \
			"linux-*" "$from" >"$dir/preferences"
		# shellcheck disable=SC2016 # mmdebstrap's $1
		options+=(--setup-hook='mkdir -p "$1/etc/apt/preferences.d"'
			--setup-hook="copy-in $dir/preferences /etc/apt/preferences.d")
	fi
	mmdebstrap --variant=minbase --include="$(IFS=,; echo "$*")" \
		"${options[@]}" \
		--aptopt='APT::Install-Recommends "false"' \
		--dpkgopt='path-exclude=/usr/share/man/*' \
		--dpkgopt='path-exclude=/usr/share/locale/*' \
		"$release" "$dir/root" ${sources:+"$sources"}
}

# make_image IMAGE DIR: a file system with all that is in DIR, which a guest mounts.
# Files of this machine's, over 9p, would cost a guest some messages for each file that
# is opened, and a program that starts opens a dozen.
make_image()
{
	rm -f "$1"
	mkfs.erofs -d0 "$1" "$2" >/dev/null && chmod 644 "$1"
}

# drop_drivers ROOT KVER: those of hardware that no guest has, as far as the kernel has
# such. They are more than half of all modules, and depmod, which DKMS runs at each of
# its steps, reads every one.
drop_drivers()
{
	local modules=$1/lib/modules/$2/kernel

	(cd "$modules" && rm -rf sound drivers/{bluetooth,comedi,gpu,hid,hwmon,i2c,iio} \
		drivers/{input,leds,media,mmc,mtd,net/{phy,usb,wireless},platform} \
		drivers/{usb,video,watchdog}) &&
		chroot "$1" depmod "$2"
}

# make_root DIR RELEASE SUITE
make_root()
{
	local dir=$1 names
	release=$2

	read -r -d '' -a names < <(packages guest)
	install_system "$dir" "$3" "${names[@]}" || return
	ls "$dir/root/lib/modules" >"$dir/kver"
	[ "$(wc -l <"$dir/kver")" -eq 1 ] || {
		echo "one kernel expected, got: $(tr '\n' ' ' <"$dir/kver")"
		return 1
	}
	drop_drivers "$dir/root" "$(cat "$dir/kver")" || return
	# readable for those who boot it, whoever made it
	cp "$dir/root/boot/vmlinuz-$(cat "$dir/kver")" "$dir/vmlinuz" &&
		chmod 644 "$dir/vmlinuz" &&
		make_image "$dir/root.erofs" "$dir/root"
}

# Set $root_dir to the cached root, made now if need be, and hold it in use.
# $lowers are the directories whose overlay is the guest's system, $kver and
# $vmlinuz its kernel; those of a compiled kernel come on top (kernel.sh).
root_dir=
kver=
vmlinuz=
lowers=()
prepare_root()
{
	root_dir=$cache/roots/$(root_key)
	if begin_entry "$root_dir" "Making the test system"; then
		long "Making the test system (Debian $release, kernel from $(root_suite))" \
			"$build/logs/root-$release-$(root_suite).log" \
			"${in_own_world[@]}" "$top/tools/vm" make-root \
			"$entry" "$release" "$(root_suite)" || return
		end_entry "$root_dir" 6
	fi
	use_entry "$root_dir"
	kver=$(cat "$root_dir/kver")
	vmlinuz=$root_dir/vmlinuz
	lowers=("$root_dir/root")
}

# make_initramfs FILE: what mounts the root; needs no privileges.
make_initramfs()
{
	local file=$1 tree modules=${lowers[0]}/usr/lib/modules/$kver name

	tree=$(mktemp -d)
	own_dirs+=("$tree")
	mkdir -p "$tree"/{bin,dev,proc,sys,mnt,modules}
	cp "$root_dir/root/bin/busybox" "$tree/bin/busybox"
	cp "$top/tools/guest/initramfs" "$tree/init"
	chmod 755 "$tree/init" "$tree/bin/busybox"
	# every module after those that it needs, numbered in that order; that libcrc32c
	# needs crc32c_generic is not said there
	awk -F: '
		{
			needs[$1] = $2
			n = split($1, part, "/")
			name = part[n]
			sub(/\.xz$/, "", name)	# from Debian 13 on
			path[name] = $1
		}
		function load(file,	list, i, n) {
			if (done[file]++)
				return
			n = split(needs[file], list, " ")
			for (i = n; i > 0; i--)
				load(list[i])
			print file
		}
		END {
			n = split("virtio_pci virtio_blk crc32c_generic erofs overlay", want,
				" ")
			for (i = 1; i <= n; i++)
				if (want[i] ".ko" in path)
					load(path[want[i] ".ko"])
		}' "$modules/modules.dep" >"$tree/order"
	local n=100 to
	while read -r name; do
		[ -n "$name" ] || continue
		to=$tree/modules/$n-$(basename "$name" .xz)
		n=$((n + 1))
		case $name in
		*.xz) xz -dc "$modules/$name" >"$to" ;;
		*) cp "$modules/$name" "$to" ;;
		esac
	done <"$tree/order"
	(cd "$tree" && find . -print | ./bin/busybox cpio -o -H newc) \
		>"$file.$$" 2>/dev/null && mv "$file.$$" "$file"
}

# Set $initramfs to the cached initramfs of this kernel: beside its vmlinuz.
initramfs=
prepare_initramfs()
{
	local dir=${vmlinuz%/*}

	initramfs=$dir/initramfs-$(cat "$top/tools/guest/initramfs" \
		"$top/tools/lib/root.sh" | sha256sum | cut -c 1-16)
	[ -e "$initramfs" ] && return
	if [ ! -w "$dir" ]; then
		initramfs=$(mktemp)
		own_dirs+=("$initramfs")
	fi
	make_initramfs "$initramfs"
}
