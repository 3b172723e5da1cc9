#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# The five older systems of the README's table, each as results by its name: the
# self-checks that are about it, on devices of the schemes that it is about. With
# an IOMMU, so that there is something to stack on.
# vm: timeout=300 machine=iommu append=intel_iommu=on alone=1 cpus=1 on=all
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/stacked/lib.sh"

parameters=/sys/module/softhca/parameters
result_file=/sys/kernel/debug/softhca_selftest/result

# add NAME SCHEME: a device on dummy0
add()
{
	echo "$2" >"$parameters/scheme" &&
		rdma link add "$1" type softhca netdev dummy0 &&
		gid_index "$1" >/dev/null
}

# have_run CASE...: each of these has passed, and has not been skipped
have_run()
{
	local name

	for name; do
		grep -qE "^    ok [0-9]+ $name\$" "$result_file" && continue
		grep -E " $name( |\$)" "$result_file" || echo "$name: it did not run"
		return 1
	done
}

# passes DEVICE CASE...
passes()
{
	local device=$1 names
	shift

	names=$*
	modprobe softhca_selftest "device=$device" "cases=${names// /,}" || {
		dmesg -t | tail -n 20
		return 1
	}
	have_run "$@"
	local status=$?

	modprobe -r softhca_selftest
	return "$status"
}

# system WHAT DEVICES CASE...
system()
{
	local what=$1 devices=$2 device
	shift 2

	for device in $devices; do
		check "$what: $device" passes "$device" "$@"
	done
}

# live DEVICE: how many mappings its map has
live()
{
	sed -n 's/^live: //p' /sys/kernel/debug/dma_rmap/"$1".*/stats
}

up()
{
	parent=$(parent_device) || bail "there is no device to be the parent"
	netdev_up dummy0 0
	modprobe softhca netdevs=none || bail "softhca does not load"
	echo "$parent" >"$parameters/parent"
	for scheme in fresh phys stacked virt; do
		add "${scheme}0" "$scheme" || bail "no device of scheme $scheme"
	done
	echo Y >"$parameters/phys_checked"
	add checked0 phys || bail "no device of scheme phys, checked"
	ulp_devices="fresh0 stacked0 phys0 checked0 virt0"
	# Later rdma_rxe's completion handlers must not poll, which the cases do.
	if [[ $(uname -r) = 6.1.* ]]; then
		modprobe rdma_rxe
		rdma link add rxe0 type rxe netdev dummy0
		gid_index rxe0 >/dev/null || bail "no GID on rxe0"
		ulp_devices+=" rxe0"
	fi
}

allow_log 'enabling unsafe global rkey'
# to dma-debug of 6.1 a mapping and the parent's for the same memory overlap
overlapping_regions
allow_log 'QP [0-9]+: .* was refused: '
up
before=$(live fresh0)
system "system 1, bus_to_virt: addresses give their memory back" \
	"fresh0 stacked0 checked0" dma_single dma_page dma_sg dma_sg_chained \
	dma_coherent dma_pool dma_interior rdma_sg_descriptors
check "system 1, bus_to_virt: nothing is remembered of what is unmapped" \
	same live "$(live fresh0)" "$before"
system "system 2, mapping as the device's operation: each lands in its own" \
	"fresh0 checked0" dma_offset_kept dma_bidirectional dma_mapped_twice \
	dma_limits dma_resource_refused dma_counted
system "system 3, stacked operations: an IOMMU's region of scattered pages" \
	stacked0 dma_sg_merged dma_sg dma_coherent_sgtable fr_sg_offset
system "system 4, SGE builders: one ULP source" "$ulp_devices" \
	sge_single sge_bvecs sge_sg sge_refused
system "system 5, two-step mapping: pages linked into reserved addresses" \
	"fresh0 stacked0 phys0 checked0" range_send range_receive range_replace \
	range_refused
[[ $ulp_devices != *rxe0 ]] || {
	rdma link delete rxe0
	modprobe -r rdma_rxe
}
check "the modules unload" unload
delete_netdevs
finish
