# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0
# What the scenarios of scheme stacked share: each of them is one kind of parent.

# QEMU's edu device: a PCI device that no driver of the kernel knows.
parent_device()
{
	local dir

	for dir in /sys/bus/pci/devices/*; do
		if [ "$(cat "$dir/vendor" "$dir/device")" = $'0x1234\n0x11e8' ]; then
			echo "${dir##*/}"
			return
		fi
	done
	return 1
}

# driver_of PCI-DEVICE: its name, or nothing
driver_of()
{
	basename "$(readlink "/sys/bus/pci/devices/$1/driver")" 2>/dev/null
}

# Two netdevs, with a device on each that stands on $parent.
stacked_up()
{
	local i

	overlapping_regions
	parent=$(parent_device) || bail "there is no device to be the parent"
	netdev_up dummy0 0
	netdev_up dummy1 1
	check "modprobe softhca scheme=stacked parent=$parent" \
		modprobe softhca scheme=stacked "parent=$parent" || exit 1
	dev0=$(devices_of dummy0)
	dev1=$(devices_of dummy1)
	for i in "$dev0" "$dev1"; do
		gid_index "$i" 4 >/dev/null || bail "no IPv4 GID on $i"
		gid_index "$i" 6 >/dev/null || bail "no IPv6 GID on $i"
	done
	remember "$dev0" "$dev1"
	check "the parent is softhca's" same driver "$(driver_of "$parent")" softhca
}

# Addresses of mappings of a device, and the physical ones where there is one.
mappings_of()
{
	awk 'NR > 1 && $NF ~ /^0x/ { print $1, $NF }' \
		/sys/kernel/debug/dma_rmap/"$1".*/mappings
}

# addresses_are HOW: physical, or translated?
addresses_are()
{
	local addr phys lines same=0 other=0

	lines=$(mappings_of "$dev0")
	while read -r addr phys; do
		if [ $((addr)) -eq $((phys)) ]; then
			same=$((same + 1))
		else
			other=$((other + 1))
		fi
	done <<<"$lines"
	echo "$same physical addresses, $other others"
	case $1 in
	physical) [ "$same" -gt 0 ] && [ "$other" -eq 0 ] ;;
	translated) [ "$other" -gt 0 ] && [ "$same" -eq 0 ] ;;
	mostly-translated) [ "$other" -gt 0 ] ;;
	esac
}

self_checks()
{
	modprobe softhca_selftest >"$scratch/modprobe" 2>&1
	local status=$?

	cp /sys/kernel/debug/softhca_selftest/result "$scratch/report" 2>/dev/null ||
		dmesg -t | grep -E '^ *(not ok|# )' | tail -n 40
	grep -E '^ *not ok' "$scratch/report"
	modprobe -r softhca_selftest
	return "$status"
}

# What every parent has to carry.
stacked_works()
{
	allow_log 'enabling unsafe global rkey'
	allow_log 'a completion queue of [0-9]+ entries overflowed'
	# what they ask for without having mapped it
	allow_log 'QP [0-9]+: .* was refused: '
	allow_log 'softhca_refused_[a-z]+: [0-9]+ callbacks suppressed'
	check "the self-checks pass" self_checks
	check "  and many of them ran" test \
		"$(grep -cE '^    ok [0-9]+ [^#]*$' "$scratch/report")" -ge 250
	check "rping" both "rping -s -a 10.77.0.1 -C 20" \
		"rping -c -a 10.77.0.1 -C 20 -V"
	check "rping, IPv6, 60000 bytes" \
		both "rping -s -a fd77:1::1 -C 10 -S 60000" \
		"rping -c -a fd77:1::1 -C 10 -S 60000 -V"
	for program in ib_send_bw ib_write_bw ib_read_bw ib_send_lat; do
		perftest_options "$dev0"
		check "$program" both "$program $perftest_options -n 200" \
			"$program $perftest_options -n 200 localhost"
	done
	perftest_options "$dev0"
	check "ib_send_bw -R -c UD" \
		both "ib_send_bw $perftest_options -R -c UD -s 1024 -n 200" \
		"ib_send_bw $perftest_options -R -c UD -s 1024 -n 200 10.77.0.1"
	check "ucmatose" both "ucmatose -b 10.77.0.1" "ucmatose -s 10.77.0.1" \
		'return status 0'
	check "rstream, data compared" \
		both "rstream -b 10.77.0.1 -S 65536 -C 20 -I 10 -T v" \
		"rstream -s 10.77.0.1 -S 65536 -C 20 -I 10 -T v" 'bytes +xfers'
	for device in "$dev0" "$dev1"; do
		check "$device: nothing is left in use" released "$device"
	done
}

stacked_end()
{
	check "the modules unload" unload
	check "the parent has no driver any more" \
		same driver "$(driver_of "$parent")" ""
	delete_netdevs
	finish
}
