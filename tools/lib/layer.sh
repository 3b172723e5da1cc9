# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0
# What lies over the test system's root: the suite, installed by DKMS.
#
# Made in a chroot, at native speed, whenever the sources have changed, and kept
# apart from the root: $cache/layers/KEY/upper has only the files that the
# installation added or changed, and upper.erofs the same for a guest. Everything
# mounted for it is mounted in a mount namespace of its own and so is gone with the
# process, however that ends.

# The namespaces that work in the root goes on in: no mount and no process of
# it is left when it ends or is interrupted.
in_own_world=(unshare --mount --pid --fork --kill-child --mount-proc)

# world DIR LOWER...: called in such a world. Mounts at DIR/new the lower
# directories under a tmpfs, so that nothing is written to them.
world()
{
	local dir=$1 lower
	shift
	lower=$(IFS=:; echo "$*")

	mkdir -p "$dir/top" "$dir/new"
	mount -t tmpfs tmpfs "$dir/top" &&
		mkdir "$dir/top/upper" "$dir/top/work" &&
		mount -t overlay -o "lowerdir=$lower" \
			-o "upperdir=$dir/top/upper,workdir=$dir/top/work" \
			overlay "$dir/new" &&
		mount -t proc proc "$dir/new/proc" &&
		mount --rbind /dev "$dir/new/dev" &&
		mount -t tmpfs tmpfs "$dir/new/tmp" &&
		mount -t tmpfs tmpfs "$dir/new/run" &&
		mount -t tmpfs tmpfs "$dir/new/mnt"
}

# enter DIR COMMAND...: run in the mounted root. Nothing in there may load a
# module into this machine's kernel.
enter()
{
	local dir=$1
	shift
	setpriv --bounding-set=-sys_module --inh-caps=-sys_module \
		chroot "$dir/new" /usr/bin/env -i LANG=C.UTF-8 HOME=/root TERM=dumb \
		PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
		"$@"
}

# The tree's sources as they are now, so that what is built is what was hashed.
snapshot_sources()
{
	local to=$1 files

	mapfile -t files < <("$top/tools/install" list)
	mkdir -p "$to"
	(cd "$top" && cp -p --parents -t "$to" tools/install "${files[@]}")
}

# make_layer DIR KVER LOWER...: DIR/src has the sources; makes DIR/upper.
make_layer()
{
	local dir=$1 kver=$2
	shift 2

	world "$dir" "$@" || return
	mount --bind "$dir/src" "$dir/new/mnt" || return
	# with W=1, and each command: the scenario "build" reads DKMS's log
	enter "$dir" KBUILD_EXTRA_WARN=1 KBUILD_VERBOSE=1 \
		/mnt/tools/install -k "$kver" install || return
	cp -a "$dir/top/upper" "$dir/upper.tmp" &&
		make_image "$dir/upper.erofs" "$dir/upper.tmp" &&
		mv "$dir/upper.tmp" "$dir/upper"
}

# enter_root DIR SUITE SOURCES KVER LOWER...: run the plan in the root, with the
# sources in /mnt and the kernel's version in $KVER.
enter_root()
{
	local dir=$1 suite=$2 sources=$3 kver=$4
	shift 4

	world "$dir" "$@" || return
	mkdir -p "$dir/new/suite"
	mount --bind -o ro "$suite" "$dir/new/suite" &&
		mount --bind -o ro "$sources" "$dir/new/mnt" || return
	enter "$dir" KVER="$kver" bash /suite/tools/guest/root
}

# What the layers on top of it depend on.
system_key()
{
	local dir

	for dir in "${lowers[@]}"; do
		basename "$(dirname "$dir")"
	done
}

# Set $layer_dir to the layer with the suite as it is in the tree now.
layer_dir=
prepare_layer()
{
	local tmp key

	tmp=$(mktemp -d)
	own_dirs+=("$tmp")
	snapshot_sources "$tmp/src" || return
	key=$(cd "$tmp/src" && { system_key; hash_of .; declare -f make_layer; } |
		sha256sum | cut -c 1-16)
	layer_dir=$cache/layers/$key
	if begin_entry "$layer_dir" "Installing the suite into the test system"; then
		mv "$tmp/src" "$entry/src"
		long "Installing the suite for kernel $kernel (dkms)" \
			"$build/logs/dkms-$kernel.log" "${in_own_world[@]}" \
			"$top/tools/vm" make-layer "$entry" "$kver" \
			"${lowers[@]}" || return
		rmdir "$entry/top" "$entry/new"
		end_entry "$layer_dir" 15
	fi
	use_entry "$layer_dir"
}

# make_programs DIR KVER LOWER...: compile in the root what tests/vm has for the
# guest: programs, and modules that test the suite's interfaces in the kernel.
# DIR/src has the sources, with those of the suite if it is installed.
make_programs()
{
	local dir=$1 kver=$2 file name out=/mnt/src/tests/vm headers
	shift 2

	world "$dir" "$@" || return
	mount --bind "$dir" "$dir/new/mnt" || return
	mkdir -p "$dir/out"
	for file in "$dir"/src/tests/vm/progs/*.c; do
		[ -e "$file" ] || continue
		name=$(basename "$file" .c)
		echo "$name"
		enter "$dir" gcc -std=gnu11 -O2 -g -Wall -Wextra -Werror \
			-pthread -o "/mnt/out/$name" "$out/progs/$name.c" \
			-lrdmacm -libverbs || return
	done
	if [ -d "$dir/src/src" ]; then
		headers=/lib/modules/$kver/build
		# for the versions of its symbols
		enter "$dir" make -C "$headers" -j2 \
			M=/mnt/src/src/dma_rmap modules || return
		for file in "$dir"/src/tests/vm/*/Kbuild; do
			name=$(basename "$(dirname "$file")")
			enter "$dir" make -C "$headers" M="$out/$name" W=1 \
				KBUILD_EXTRA_SYMBOLS=/mnt/src/src/dma_rmap/Module.symvers \
				modules || return
			mv "$dir/src/tests/vm/$name"/*.ko "$dir/out/" || return
		done
	fi
	mv "$dir/out" "$dir/bin"
}

# Set $programs_dirs to the caches of what make_programs makes: one of the programs,
# and one of the modules, which the programs' changes do not concern.
programs_dirs=()
prepare_programs()
{
	local tmp dir file

	tmp=$(mktemp -d)
	own_dirs+=("$tmp")
	if [ -d "$scenarios/progs" ]; then
		mkdir -p "$tmp/progs/tests/vm"
		cp -r "$scenarios/progs" "$tmp/progs/tests/vm/"
		# what they share with a module
		for file in "$scenarios"/*/*.h; do
			dir=$tmp/progs/tests/vm/$(basename "$(dirname "$file")")
			[ ! -e "$file" ] || { mkdir -p "$dir" && cp "$file" "$dir/"; }
		done
		prepare_compiled "programs" "$tmp/progs" "${lowers[@]}" || return
	fi
	[ -n "$layer_dir" ] || return 0
	for dir in "$scenarios"/*/; do
		[ -e "$dir/Kbuild" ] || continue
		mkdir -p "$tmp/modules/tests/vm"
		cp -r "$dir" "$tmp/modules/tests/vm/"
	done
	[ -d "$tmp/modules" ] || return 0
	cp -r "$layer_dir/src/." "$tmp/modules"
	prepare_compiled "modules" "$tmp/modules" "$layer_dir/upper" "${lowers[@]}"
}

# prepare_compiled WHAT SOURCES LOWER...
prepare_compiled()
{
	local what=$1 sources=$2 key dir
	shift 2

	key=$(cd "$sources" && { system_key; hash_of .; } | sha256sum |
		cut -c 1-16)
	dir=$cache/programs/$key
	if begin_entry "$dir" "Compiling the test $what"; then
		mv "$sources" "$entry/src"
		long "Compiling the test $what for kernel $kernel" \
			"$build/logs/$what-$kernel.log" \
			"${in_own_world[@]}" "$top/tools/vm" make-programs \
			"$entry" "$kver" "$@" || return
		rmdir "$entry/top" "$entry/new"
		end_entry "$dir" 30
	fi
	use_entry "$dir"
	programs_dirs+=("$dir")
}

# start_root RUN: instead of a guest, the test system's root on this machine's
# kernel, at native speed: for what needs no kernel of its own, such as building
# and installing. Its process takes the guest's place.
start_root()
{
	local run=$1

	need_root "Running scenarios in the test system's root"
	: >"$run/out.log"
	: >"$run/console.log"
	: >"$run/qemu.log"
	setpriv --pdeathsig KILL -- "${in_own_world[@]}" \
		"$top/tools/vm" enter-root "$run/world" "$run/suite" \
		"$layer_dir/src" "$kver" "$layer_dir/upper" "${lowers[@]}" \
		</dev/null >"$run/out.log" 2>&1 &
	vm_pid=$!
	own_pids+=("$vm_pid")
	own_worlds=("$vm_pid")
}
