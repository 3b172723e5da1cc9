#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Scheme stacked on a PCI device behind an IOMMU (system 3 of the README's table):
# everything works with the IOMMU's addresses; scattered pages become one region;
# parents that cannot be had, or go away.
# vm: timeout=400 machine=iommu append=intel_iommu=on alone=1
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/stacked/lib.sh"

# passed CASE DEVICE: has this self-check run and passed?
passed()
{
	sed -n "/# Subtest: $2/,/^ok\|^not ok/p" "$scratch/report" |
		grep -qE "^    ok [0-9]+ $1\$"
}

not_loaded()
{
	local error=$1
	shift

	modprobe softhca "$@" 2>"$scratch/error" && { modprobe -r softhca; return 1; }
	cat "$scratch/error"
	grep -q "$error" "$scratch/error" && [ ! -e /sys/module/softhca ]
}

refused_parents()
{
	local claimed

	claimed=$(basename "$(dirname "$(realpath \
		/sys/bus/pci/drivers/virtio-pci/0000:*/vendor | head -n 1)")")
	expect_log 'softhca: scheme stacked needs a parent: '
	check "scheme=stacked without a parent is refused" \
		not_loaded "Invalid argument" scheme=stacked
	expect_log 'softhca: parent=0000:77:00.0: there is no such PCI device'
	check "a parent that is not there is refused" \
		not_loaded "No such device" scheme=stacked parent=0000:77:00.0
	expect_log "softhca: parent=$claimed: it has a driver, virtio-pci"
	check "a parent that a driver has is refused" \
		not_loaded "Device or resource busy" scheme=stacked "parent=$claimed"
	check "  and still has it" same driver "$(driver_of "$claimed")" virtio-pci
	expect_log 'softhca: parent: longer than a PCI address'
	allow_log 'softhca: .* invalid for parameter .parent'
	check "a name that is too long is refused" not_loaded "Invalid argument" \
		scheme=stacked parent=0000:00:05.0-and-many-more-letters-than-fit
}

parameters()
{
	local dir=/sys/module/softhca/parameters

	echo stacked >"$dir/scheme" && echo "$parent" >"$dir/parent" &&
		rdma link add late0 type softhca netdev dummy0 || return
	same driver "$(driver_of "$parent")" softhca &&
		compgen -G "/sys/kernel/debug/dma_rmap/late0.*" >/dev/null
}

# loses_parent COMMAND: which takes the parent away, in full traffic
loses_parent()
{
	run_for_long run late0 ib_write_bw || return
	eval "$1" || return
	ended 30 run_client || return
	stop run_server
	[ "$status_run_client" -ne 0 ] || { echo "the client succeeded"; return 1; }
	wait_until 5 not device_exists late0 || { rdma link; return 1; }
}

parent_is_free()
{
	same driver "$(driver_of "$parent")" ""
}

going()
{
	local pci=/sys/bus/pci

	check "a link made later, by parameters that were written" parameters
	allow_log 'softhca: late0 ends: its parent goes away'
	check "the parent is unbound in full traffic: the device ends" \
		loses_parent "echo $parent >$pci/drivers/softhca/unbind"
	check "  softhca's other device works" both "rping -s -a 10.77.1.1 -C 5" \
		"rping -c -a 10.77.1.1 -C 5 -V"
	check "  and the parent can be used again" parameters
	check "the parent is removed in full traffic: the device ends" \
		loses_parent "echo 1 >$pci/devices/$parent/remove"
	expect_log "softhca: parent=$parent: there is no such PCI device"
	check "  it cannot be used then" not eval \
		"rdma link add late0 type softhca netdev dummy0 2>/dev/null"
	check "  it comes back" eval "echo 1 >$pci/rescan && [ -e $pci/devices/$parent ]"
	check "  and can be used again" parameters
	check "the last link goes: the parent is free" \
		eval "rdma link delete late0 && wait_until 5 parent_is_free"
}

# Devices of all schemes, with traffic from each to itself and to the next one.
side_by_side()
{
	local a b options devices="s0 f0 p0 c0 v0" dir=/sys/module/softhca/parameters
	declare -A scheme=([s0]=stacked [f0]=fresh [p0]=phys [c0]=phys [v0]=virt)
	declare -A next=([s0]=f0 [f0]=p0 [p0]=c0 [c0]=v0 [v0]=s0)

	for a in $devices; do
		if [ "$a" = c0 ]; then echo Y; else echo N; fi >"$dir/phys_checked"
		echo "${scheme[$a]}" >"$dir/scheme" &&
			rdma link add "$a" type softhca netdev dummy0 &&
			gid_index "$a" >/dev/null || return
	done
	for a in $devices; do
		for b in "$a" "${next[$a]}"; do
			perftest_port=$((perftest_port + 1))
			options="-F -p $perftest_port -n 50"
			both "ib_write_bw -d $a -x $(gid_index "$a") $options" \
				"ib_write_bw -d $b -x $(gid_index "$b") $options localhost" ||
				{ echo "$a and $b"; return 1; }
		done
	done
	for a in $devices; do
		rdma link delete "$a" || return
	done
}

parent=$(parent_device) || bail "there is no device to be the parent"
refused_parents
stacked_up
check "the addresses are the IOMMU's" addresses_are translated
stacked_works
check "scattered pages are one region, and data goes to the right ones" \
	passed dma_sg_merged "$dev0"
check "the modules unload" unload
check "modprobe softhca netdevs=dummy1" modprobe softhca netdevs=dummy1
gid_index softhca0 >/dev/null
going
check "devices of all schemes side by side" side_by_side
stacked_end
