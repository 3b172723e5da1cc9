#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Module parameters: what they choose, and what is refused with a message.
# vm: timeout=120
. "$(dirname "$0")/lib.sh"

overlapping_regions

# with PARAMETERS: the netdevs that have a device when the module is loaded so
with()
{
	modprobe softhca "$@" || return
	rdma link | sed -nE 's/.* netdev ([^ ]+) *$/\1/p' | sort | tr '\n' ' '
	modprobe -r softhca
}

# gives PARAMETERS NETDEVS
gives()
{
	same "netdevs with a device" "$(with "$1")" "$2"
}

# not_loaded ERROR PARAMETERS...
not_loaded()
{
	local error=$1
	shift

	if modprobe softhca "$@" 2>"$scratch/error"; then
		modprobe -r softhca
		return 1
	fi
	cat "$scratch/error"
	grep -q "$error" "$scratch/error" && [ ! -e /sys/module/softhca ]
}

# The last line of the kernel log that softhca has written.
says()
{
	dmesg | grep 'softhca: ' | tail -n 1 >"$scratch/says"
	cat "$scratch/says"
	grep -qE "$1" "$scratch/says"
}

# has_map DEVICE: is there a reverse map behind it?
has_map()
{
	compgen -G "/sys/kernel/debug/dma_rmap/$1.*" >/dev/null
}

write_scheme()
{
	echo "$1" >/sys/module/softhca/parameters/scheme
}

scheme_is()
{
	same "scheme" "$(cat /sys/module/softhca/parameters/scheme)" "$1"
}

for i in 0 1 2; do
	netdev_up "dummy$i" "$i"
done

check "netdevs=all" gives netdevs=all "dummy0 dummy1 dummy2 "
check "netdevs=none" gives netdevs=none ""
check "netdevs=dummy1" gives netdevs=dummy1 "dummy1 "
check "netdevs=dummy2,dummy0" gives netdevs=dummy2,dummy0 "dummy0 dummy2 "

# A name in the list that is a part of another's is not the other.
ip link add dummy10 type dummy
check "netdevs=dummy1 is not dummy10" gives netdevs=dummy1 "dummy1 "
check "netdevs=dummy10 is not dummy1" gives netdevs=dummy10 "dummy10 "
ip link delete dummy10

expect_log "softhca: netdevs: no Ethernet netdev 'nonesuch'; possible are all, none,"
allow_log "softhca: netdevs: no Ethernet netdev"
check "netdevs=nonesuch is refused" not_loaded "No such device" netdevs=nonesuch
check "  with a message that lists what is possible" \
	says "'nonesuch'.*all, none.*dummy0, dummy1, dummy2"
check "netdevs=dummy0,nonesuch is refused" \
	not_loaded "No such device" netdevs=dummy0,nonesuch
check "  with a message that names the wrong one" says "'nonesuch'"
check "netdevs=lo is refused" not_loaded "No such device" netdevs=lo
check "netdevs= (empty) is refused" not_loaded "No such device" netdevs=
check "netdevs=dummy is refused" not_loaded "No such device" netdevs=dummy
check "netdevs=,,, is refused" not_loaded "No such device" netdevs=,,,
long=$(printf 'x%.0s' {1..900})
check "netdevs= with 900 letters is refused" not_loaded "No such device" "netdevs=$long"

expect_log "softhca: no scheme 'nonesuch': it is fresh, stacked, phys or virt"
allow_log "softhca: no scheme"
# the kernel's own line
allow_log "softhca: .* invalid for parameter .scheme"
check "scheme=nonesuch is refused" not_loaded "Invalid argument" scheme=nonesuch
check "  with a message that lists what is possible" \
	eval "dmesg | grep -q \"no scheme 'nonesuch': it is fresh, stacked, phys or virt\""
check "scheme= (empty) is refused" not_loaded "Invalid argument" scheme=

check "modprobe softhca netdevs=dummy0" modprobe softhca netdevs=dummy0
check "the scheme is fresh if nothing is said" scheme_is fresh
check "  and the device has a reverse map" has_map softhca0
check "scheme=virt is accepted while loaded" write_scheme virt
check "  and is for devices made from then on" \
	eval "rdma link add virt0 type softhca netdev dummy0 && ! has_map virt0 &&
		has_map softhca0"
check "scheme=nonesuch is refused while loaded" not write_scheme nonesuch
check "  and changes nothing" scheme_is virt
check "netdevs cannot be written" not eval \
	"echo all >/sys/module/softhca/parameters/netdevs"
modprobe -r softhca

for checked in N Y; do
	check "modprobe softhca scheme=phys phys_checked=$checked netdevs=dummy0" \
		modprobe softhca scheme=phys "phys_checked=$checked" netdevs=dummy0
	gid_index softhca0 >/dev/null
	check "  gives a device that carries rping" \
		both "rping -s -a 10.77.0.1 -C 10" "rping -c -a 10.77.0.1 -C 10 -V"
	check "  and remembers what is mapped: $checked" same mappings \
		"$(if grep -q '^live: 0$' /sys/kernel/debug/dma_rmap/softhca0.*/stats
			then echo N; else echo Y; fi)" "$checked"
	modprobe -r softhca
done

check "modprobe softhca scheme=virt netdevs=dummy0" \
	modprobe softhca scheme=virt netdevs=dummy0
check "  gives a device without a reverse map" not has_map softhca0
gid_index softhca0 >/dev/null
check "  that carries rping" both "rping -s -a 10.77.0.1 -C 10" \
	"rping -c -a 10.77.0.1 -C 10 -V"
check "a netdev that appears later and is not in netdevs gets no device" eval \
	"ip link add dummy5 type dummy; sleep 0.5; [ -z \"\$(devices_of dummy5)\" ]"
check "the modules unload" unload
delete_netdevs
finish
