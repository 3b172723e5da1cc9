# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0
# Kernels that we compile ourselves, from Debian's sources and with the options
# of tools/kernel/FLAVOUR.config, for what Debian's own do not have: the kernel's
# detectors of defects.
#
# Under $cache/kernels/KEY: upper/ (its modules, and what modules are compiled
# with), upper.erofs (the same for a guest), kver and vmlinuz. It runs in the root of
# its release.

kernel_key()
{
	{
		echo "$release $suite $flavour"
		packages kernel
		declare -f make_kernel install_system make_image
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
	install_system "$dir" "$3" "${names[@]}" &&
		world "$dir" "$dir/root" &&
		cp -r "$top/tools/kernel" "$dir/out" &&
		mount --bind "$dir/out" "$dir/new/mnt" || return
	enter "$dir" bash /mnt/build "$4" /mnt || return
	mv "$dir/out"/{upper,vmlinuz,kver} "$dir/" &&
		chmod 644 "$dir/vmlinuz" &&
		make_image "$dir/upper.erofs" "$dir/upper"
}

# Is the chosen kernel one that is compiled, and is it in the cache?
kernel_is_cached()
{
	[ -d "$cache/kernels/$(kernel_key)" ]
}

# Set $kernel_dir to the cached kernel, made now if need be, or to nothing for
# one of Debian's own. After prepare_root, whose $kver and $vmlinuz it replaces.
kernel_dir=
prepare_kernel()
{
	[ "$flavour" != stock ] || return 0
	kernel_dir=$cache/kernels/$(kernel_key)
	if begin_entry "$kernel_dir" "Compiling a kernel"; then
		long "Compiling the kernel $kernel (cached)" \
			"$build/logs/kernel-$kernel.log" \
			"${in_own_world[@]}" "$top/tools/vm" make-kernel \
			"$entry" "$release" "$suite" "$flavour" || return
		rm -rf "$entry"/{root,out,top,new}
		end_entry "$kernel_dir" 3
	fi
	use_entry "$kernel_dir"
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
