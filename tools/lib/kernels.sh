# shellcheck shell=bash
# shellcheck disable=SC2034 # those who source this use what it sets
# SPDX-License-Identifier: GPL-2.0
# Which kernel a guest runs, from tools/kernels.list: $kernel is its name there.
# The rest of the tools knows kernels by these names only.

kernel_names()
{
	awk '!/^#/ && NF == 4 { print $1 }' "$top/tools/kernels.list"
}

# choose_kernel NAME: sets $kernel, $release, $suite and $flavour.
kernel=
release=
suite=
flavour=
choose_kernel()
{
	read -r kernel release suite flavour < <(awk -v name="$1" \
		'!/^#/ && NF == 4 && $1 == name { print $1, $2, $3, $4 }' \
		"$top/tools/kernels.list")
	[ -n "$kernel" ] ||
		die "no such kernel: $1; there are: $(kernel_names | tr '\n' ' ')"
}

default_kernel()
{
	kernel_names | head -n 1
}

# stock_kernels: the ones that are Debian's own
stock_kernels()
{
	local name

	for name in $(kernel_names); do
		choose_kernel "$name"
		[ "$flavour" != stock ] || echo "$name"
	done
}
