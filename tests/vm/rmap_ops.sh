#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# The DMA API on a map's device, and the map's own API, from inside the kernel.
# vm: timeout=300 cpus=2 on=all
. "$(dirname "$0")/lib.sh"

# What the module does on purpose
for map in rmap_ops rmap_ops_phys; do
	expect_log "dma_rmap $map: unmap of .*no such mapping begins there"
	expect_log "dma_rmap $map: unmap of .*it was mapped with 100 bytes"
done
expect_log 'dma_rmap rmap_ops_gone: 2 mappings were left'
expect_log 'dma_rmap rmap_ops_gone: unmap of .*the device is gone'
expect_log 'dma_rmap rmap_ops_range: 1 mappings were left'
allow_log 'dma_rmap rmap_ops(_[a-z]+)?: (unmap of|left:)'

if with_detectors; then
	overlapping_regions	# the same page mapped twice, on purpose
	driver='DMA-API: dma_rmap rmap_ops(_phys)?: device driver'
	expect_report "$driver tries to free DMA memory it has not allocated"
	expect_report "$driver frees DMA memory with wrong function"
	expect_report "$driver frees DMA memory with different direction"
fi

kept=300000
dir=/sys/kernel/debug/dma_rmap/rmap_ops

# is LINE FILE: the file has this line
is()
{
	grep -qx "$1" "$2" || { cat "$2"; false; }
}

# Each mapping once, though they are read in many pieces
mappings_complete()
{
	local count

	count=$(grep -c '^0x20.* 4096  read  *page ' "$dir/mappings")
	echo "$count mappings listed"
	[ "$count" -eq $kept ] &&
		[ "$(cut -d' ' -f1 "$dir/mappings" | sort -u | wc -l)" -eq \
			$((kept + 1)) ]
}

# Those of scheme "phys" that stay: see phys_list_init()
phys_listed()
{
	local page wanted

	page=$(cat /sys/module/rmap_ops/parameters/listed)
	wanted=$(
		printf '%#018x %d %s page %#x\n' \
			$((page + 100)) 30 write $((page + 100)) \
			$((page + 100)) 50 read $((page + 100)) \
			$((page + 100)) 50 read $((page + 100)) \
			$((page + 4090)) 12 read-write $((page + 4090))
	)
	same mappings "$(tail -n +2 "${dir}_phys/mappings" | tr -s ' ' | sort)" "$wanted"
}

faults_listed()
{
	local file=$dir/faults

	grep -q ' read  *unmapped$' "$file" || { cat "$file"; false; }
}

check "dma_rmap is loaded" modprobe dma_rmap
insmod /suite/bin/rmap_ops.ko keep=$kept
status=$?
# One line for each of the module's tests
while read -r line; do
	line=${line#*] }
	case $line in
	"not ok "*) line=${line#not ok }; not_ok "${line#* }" ;;
	"ok "*) line=${line#ok }; ok "${line#* }" ;;
	*) note "${line#\# }" ;;
	esac
done < <(dmesg | grep -E '\] (not ok|ok|#) ')
result "$status" "the module's tests pass"
check "debugfs counts the mappings" is "live: $kept" "$dir/stats"
check "debugfs counts their bytes" is "live_bytes: $((kept * 4096))" "$dir/stats"
check "debugfs lists every mapping" mappings_complete
check "debugfs lists mappings of scheme phys, equal ones too" phys_listed
check "debugfs lists refused accesses" faults_listed
check "it is unloaded" rmmod rmap_ops
check "its map is gone" test ! -e "$dir"
check "dma_rmap is unloaded" rmmod dma_rmap
