#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Installation with DKMS: what it has installed, kernels that cannot have the suite,
# removal; a kernel's update, a source that does not compile and an upgrade, with
# versions of the suite that compile in no time.
# vm: mode=root timeout=900 on=all
. "$(dirname "$0")/lib.sh"

version=$(cat /mnt/VERSION)
updates=/lib/modules/$KVER/updates/dkms
modules="dma_rmap softhca softhca_selftest"

# installed VERSION: every module of it, and nothing else
installed()
{
	local module

	for module in $modules; do
		same "$module" "$(modinfo -k "$KVER" -F version "$module")" "$1" ||
			return
	done
	# Debian 13 compresses them
	same "files" "$(find "$updates" -type f -printf '%f\n' | sed 's/\.xz$//' |
		sort)" "${modules// /$'.ko\n'}.ko" &&
		same "status" "$(dkms status -m softhca -k "$KVER" | sed 's/.*: //')" \
			installed
}

# softhca after the map; what the core and rdma-core look for
dependencies()
{
	local aliases

	same "depends" "$(modinfo -k "$KVER" -F depends softhca |
		tr , '\n' | grep -c '^dma_rmap$')" 1 || return
	aliases=$(modinfo -k "$KVER" -F alias softhca)
	same "alias" "$(grep -c '^rdma-link-softhca$' <<<"$aliases")" 1
}

# no tests, no tools, no products of a build
only_sources()
{
	local list

	list=$(cd "/usr/src/softhca-$version" && find . -type f | sed 's|^\./||' |
		LC_ALL=C sort)
	same "files" "$list" "$(/mnt/tools/install list | LC_ALL=C sort)" &&
		not grep -E '^(tests|tools|build)/|\.k?o$' <<<"$list"
}

gone()
{
	local module

	for module in $modules; do
		not modinfo -k "$KVER" "$module" || return
	done
	not ls -d /usr/src/softhca-* && not ls -d /var/lib/dkms/softhca/*
}

# small VERSION: its tree, in /tmp/VERSION, with modules that have nothing in them
small()
{
	local dir module tree=/tmp/$1

	cp -r /mnt "$tree" && echo "$1" >"$tree/VERSION" || return
	for dir in dma_rmap softhca selftest; do
		module=$(sed -n 's/^obj-m := \(.*\)\.o$/\1/p' "/mnt/src/$dir/Kbuild")
		rm -r "$tree/src/$dir" && mkdir "$tree/src/$dir" || return
		printf '#include <linux/module.h>\nMODULE_%s("%s");\nMODULE_%s("%s");\n' \
			LICENSE GPL VERSION "$1" >"$tree/src/$dir/$module.c"
		echo "obj-m := $module.o" >"$tree/src/$dir/Kbuild"
	done
}

# install_small VERSION: as a user of that version would
install_small()
{
	small "$1" && "/tmp/$1/tools/install" -k "$KVER" install && installed "$1"
}

# upgrade VERSION
upgrade()
{
	install_small "$1" &&
		same "versions" "$(dkms status -m softhca | cut -d , -f 1)" "softhca/$1"
}

# kernel_update VERSION: DKMS builds for a new kernel by itself: by what Debian runs
# when it installs or updates a kernel's package
kernel_update()
{
	dkms uninstall "softhca/$1" -k "$KVER" &&
		dkms unbuild "softhca/$1" -k "$KVER" &&
		not ls "$updates" || return
	/etc/kernel/postinst.d/dkms "$KVER" && installed "$1"
}

# a kernel whose configuration lacks what the arguments name
kernel_without()
{
	local dir=/lib/modules/9.9.9-test/build

	mkdir -p "$dir" && touch "$dir/Makefile" &&
		grep -vE "^$1=" "/lib/modules/$KVER/build/.config" >"$dir/.config"
}

# refused KERNEL REASON: by us and by DKMS, and what is there stays
refused()
{
	local said

	said=$(/mnt/tools/install -k "$1" install 2>&1) && return 1
	grep -qF "$2" <<<"$said" || { echo "$said"; return 1; }
	said=$(dkms build "softhca/$version" -k "$1" 2>&1) && return 1
	grep -qF "$2" <<<"$said" || { echo "$said"; return 1; }
	installed "$version"
}

lacks()
{
	kernel_without "$1" &&
		refused 9.9.9-test "kernel 9.9.9-test was built without $1;"
}

too_old()
{
	local kernel dir

	for kernel in 5.10.0-44-amd64 6.0.19 4.19; do
		dir=/lib/modules/$kernel/build
		mkdir -p "$dir" && touch "$dir/Makefile" &&
			cp "/lib/modules/$KVER/build/.config" "$dir/" &&
			refused "$kernel" "kernel $kernel is too old;" || return
	done
}

no_headers()
{
	local said

	said=$(/mnt/tools/install -k 9.9.9-none install 2>&1) && return 1
	grep -q "no headers for kernel 9.9.9-none" <<<"$said" && installed "$version"
}

# broken VERSION BEFORE: what was there before is still in place
broken()
{
	local said

	small "$1" && echo "#error on purpose" >>"/tmp/$1/src/softhca/softhca.c" || return
	said=$("/tmp/$1/tools/install" -k "$KVER" install 2>&1) && return 1
	grep -q "on purpose" <<<"$said" || { echo "$said"; return 1; }
	installed "$2" && not ls -d "/usr/src/softhca-$1"
}

check "the suite is installed" installed "$version"
check "its dependencies and aliases" dependencies
check "DKMS has the sources and nothing else" only_sources
check "a kernel without InfiniBand is refused" lacks CONFIG_INFINIBAND
check "a kernel without the verbs is refused" lacks CONFIG_INFINIBAND_USER_ACCESS
check "a kernel before 6.1 is refused" too_old
check "a kernel without headers is refused" no_headers
check "removal leaves nothing" eval "/mnt/tools/install remove && gone"
check "removal of what is not there" /mnt/tools/install remove
check "an older version" install_small 0.0.1
check "it is built when a kernel's package is installed" kernel_update 0.0.1
check "an upgrade that does not compile leaves it, and shows why" broken 0.0.2 0.0.1
check "an upgrade replaces it" upgrade 0.0.3
finish
