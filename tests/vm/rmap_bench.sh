#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# The guest's part of "make bench-rmap": what dma_rmap's table costs, beside the
# kernel's structures and an IOMMU. Its lines that begin with "data" are for
# tools/bench-rmap, which makes tables of them; those of the modules are described
# in rmap_bench/bench.c, dma.c, request.c and fill.c. From here:
#
#	data guest KERNEL, and its memory in MiB
#	data memory KIND SIZE COUNT, and bytes: of the table and of all with COUNT
#		mappings of SIZE, less what there was before; of the table and of all
#		when they are gone, less what there was before
#
# BENCH_MOST and BENCH_SECONDS in the environment: entries, and time for the
# structures, at most.
# vm: timeout=1800 machine=iommu append=intel_iommu=on on=request
. "$(dirname "$0")/lib.sh"

bench=/sys/module/rmap_bench_dma/parameters
stats=/sys/kernel/debug/dma_rmap/rmap_bench/stats

table_bytes()
{
	sed -n 's/^table_bytes: //p' "$stats"
}

# What the guest has free, in bytes; caches count as free.
free_bytes()
{
	echo 1 >/proc/sys/vm/drop_caches
	awk '/^MemAvailable:/ { printf "%.0f\n", $2 * 1024 }' /proc/meminfo
}

table_has()
{
	[ "$(table_bytes)" -eq "$1" ]
}

# Resizing is over when it has done nothing for a second.
table_settles()
{
	local last=

	until [ "$last" = "$(table_bytes)" ]; do
		last=$(table_bytes)
		sleep 1
	done
}

# memory_of KIND SIZE COUNT
memory_of()
{
	local table free table_full free_full gone=0

	table=$(table_bytes)
	free=$(free_bytes)
	echo "$*" >$bench/fill || return
	table_settles
	table_full=$(table_bytes)
	free_full=$(free_bytes)
	echo none >$bench/fill || return
	wait_until 60 table_has "$table" || gone=1
	sleep 1
	echo "data memory $* $((table_full - table)) $((free - free_full))" \
		"$(($(table_bytes) - table)) $((free - $(free_bytes)))"
	return "$gone"
}

beside_iommu()
{
	modprobe dma_rmap && insmod /suite/bin/rmap_bench_dma.ko
}

echo "data guest $(uname -r) $(awk '/^MemTotal/ { print int($2 / 1024) }' /proc/meminfo)"
dmesg -W | sed -un 's/.*rmap_bench: /data /p' &
follower=$!
check "a map beside an IOMMU" beside_iommu
sleep 1
if [ -e "$bench/fill" ]; then
	wait_until 60 table_has 16384	# what it had in the beginning
	# the first one is for what the kernel allocates once
	memory_of pages 4096 100000 >/dev/null
	memory_of pages 4096 1000000
	result $? "memory of 1,000,000 mappings of a page, that comes back"
	memory_of pages 65536 1000000
	result $? "memory of 1,000,000 mappings of 64 KiB, that comes back"
	memory_of pages 1048576 1000000
	result $? "memory of 1,000,000 mappings of 1 MiB, that comes back"
	memory_of sg 64 100000
	result $? "memory of 100,000 mappings of 64 scattered pages, that comes back"
	memory_of sg 256 25000
	result $? "memory of 25,000 mappings of 256 scattered pages, that comes back"
	rmmod rmap_bench_dma
	modprobe -r dma_rmap
fi
check "no structure loses an entry" insmod /suite/bin/rmap_bench.ko \
	"most=${BENCH_MOST:-10000000}" "seconds=${BENCH_SECONDS:-900}" \
	"rounds=${BENCH_ROUNDS:-30}"
sleep 1
kill "$follower"
pkill -x dmesg
finish
