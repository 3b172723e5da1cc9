# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0
# Kernels that we compile ourselves, from Debian's sources and with the options
# of tools/kernel/FLAVOUR.config, for what Debian's own do not have: the kernel's
# detectors of defects.
#
# Under $cache/kernels/KEY: upper/ (its modules, and what modules are compiled
# with), kver and vmlinuz. It runs in the root of its release.

kernel_key()
{
	{
		echo "$release $suite $flavour"
		packages kernel
		declare -f make_kernel install_system
		cd "$top/tools/kernel" && hash_of build base.config "$flavour.config"
	} | sha256sum | cut -c 1-16
}

# make_kernel DIR RELEASE SUITE FLAVOUR: in a root that is made for it and goes
# with it.
make_kernel()
{
	local dir=$1 names
	release=$2

	read -r -d '' -a names < <(packages kernel)
	install_system "$dir" "$3" "${names[@]}" || return
	mkdir -p "$dir/root/mnt/out" "$dir/root/mnt/kernel" &&
		cp "$top"/tools/kernel/* "$dir/root/mnt/kernel/" &&
		mount -t proc proc "$dir/root/proc" &&
		mount --rbind /dev "$dir/root/dev" || return
	setpriv --bounding-set=-sys_module --inh-caps=-sys_module \
		chroot "$dir/root" /usr/bin/env -i LANG=C.UTF-8 HOME=/root \
		PATH=/usr/sbin:/usr/bin:/sbin:/bin \
		bash /mnt/kernel/build "$4" /mnt/out || return
	mv "$dir/root/mnt/out"/{upper,vmlinuz,kver} "$dir/" || return
	chmod 644 "$dir/vmlinuz"
	umount -l "$dir/root/dev" "$dir/root/proc" && rm -rf "$dir/root"
}

# Is the chosen kernel one that is compiled, and is it in the cache?
kernel_is_cached()
{
	[ -e "$cache/kernels/$(kernel_key)/kver" ]
}

# Set $kernel_dir to the cached kernel, made now if need be, or to nothing for
# one of Debian's own. After prepare_root, whose $kver and $vmlinuz it replaces.
kernel_dir=
prepare_kernel()
{
	local key fd

	[ "$flavour" != stock ] || return 0
	key=$(kernel_key)
	kernel_dir=$cache/kernels/$key
	if [ ! -e "$kernel_dir/kver" ]; then
		need_root "Compiling a kernel"
		lock "$cache/kernels/.lock-$key"
	fi
	if [ ! -e "$kernel_dir/kver" ]; then
		drop_old "$cache/kernels" 3
		new_entry "$cache/kernels"
		long "Compiling the kernel $kernel (cached)" \
			"$build/logs/kernel-$kernel.log" \
			"${in_own_world[@]}" "$top/tools/vm" make-kernel \
			"$entry" "$release" "$suite" "$flavour" || return
		mv "$entry" "$kernel_dir"
	fi
	[ -z "$lock_fd" ] || unlock
	exec {fd}<"$kernel_dir"
	flock -s "$fd"
	touch "$kernel_dir"
	kver=$(cat "$kernel_dir/kver")
	vmlinuz=$kernel_dir/vmlinuz
	lowers=("$kernel_dir/upper" "${lowers[@]}")
}

# What the kernel's command line says of its detectors.
kernel_parameters()
{
	local parameters=$top/tools/kernel/$flavour.cmdline

	[ ! -e "$parameters" ] || grep -v '^#' "$parameters" | tr '\n' ' '
}
