#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Memory regions of all kinds: on demand, reregistered, of files and shared
# memory, of dma-bufs; and what takes their memory away while it is used.
# With ONLY="odp rereg" in the environment only those programs run; the
# argument is a pattern for the names of their cases.
# vm: timeout=240 on=all cpus=1
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/progs/tap.sh"

has_device()
{
	[ -n "$(devices_of "$1")" ]
}

hardware_up 2
remember "$dev0" "$dev1"

for name in ${ONLY:-odp rereg kinds traffic}; do
	[ "$name" != dmabuf ] || continue
	program "mr_$name" "$dev0" "$dev1" "$@"
done

# A dma-buf needs device addresses to be mapped to.
if [[ " ${ONLY:-dmabuf} " == *" dmabuf "* ]]; then
	insmod /suite/bin/mr_exporter.ko || bail "the exporter does not load"
	modprobe -q udmabuf
	program mr_dmabuf "$dev0" "$dev1" "$@"
	echo virt >/sys/module/softhca/parameters/scheme
	netdev_up dummy2 2
	wait_until 10 has_device dummy2
	virt=$(devices_of dummy2)
	gid_index "$virt" 4 >/dev/null || bail "no GID on $virt"
	program mr_dmabuf "$virt" "$virt" "*" virt
	# what needs no device addresses
	for name in odp rereg; do
		program "mr_$name" "$virt"
	done
	rmmod mr_exporter
fi
all_released
finish
