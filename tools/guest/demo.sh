#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# The guest's part of "make demo": RDMA programs and the self-checks over
# softhca, and a table of softhca beside rdma_rxe, measured here.
#
# DEMO_STANDIN=rxe runs everything over rdma_rxe instead, to work on the demo
# itself.
set -u
# shellcheck source=tools/guest/bench.sh
. /suite/tools/guest/bench.sh

standin=${DEMO_STANDIN-}
netdev=dummy0
address4=10.77.0.1
address6=fd77::1
ran=0
failures=()
look_up=

title()
{
	printf '\n== %s\n' "$*"
}

fail()
{
	failures+=("$1")
	echo "FAILED: $1"
}

# step COMMAND...: run it, shown with its output.
step()
{
	echo "\$ $*"
	"$@" 2>&1 | sed 's/^/  /'
	[ "${PIPESTATUS[0]}" -eq 0 ] || fail "$*"
}

prepare()
{
	local debian

	debian=$(cut -d . -f 1 /etc/debian_version)
	title "A Debian $debian guest with softhca $(cat /suite/VERSION) from DKMS"
	echo "  kernel $(uname -r), $(nproc) processors," \
		"$(awk '/MemTotal/ { print int($2 / 1024) }' /proc/meminfo) MiB"
	[ -n "$standin" ] || step dkms status
	step ip link add "$netdev" type dummy
	ip address add "$address4/24" dev "$netdev"
	ip address add "$address6/64" dev "$netdev" nodad
	step ip link set "$netdev" up
	if [ -n "$standin" ]; then
		step rdma link add rxe0 type rxe netdev "$netdev"
		device=rxe0
	else
		step modprobe softhca
		device=softhca0
	fi
	gid_index "$device" >/dev/null || fail "$device has no IPv4 GID"
	step rdma link
}

# program NAME LINES SERVER CLIENT: run a program against itself and show the
# lines of the client's output that matter (extended regular expression).
program()
{
	local name=$1 lines=$2

	ran=$((ran + 1))
	echo "\$ $4"
	if pair "$3" "$4"; then
		grep -E "$lines" "$pair_dir/client" | expand | sed 's/^/  /'
	else
		show_pair | sed 's/^/  /'
		fail "$name"
	fi
}

programs()
{
	local gid program size

	title "RDMA programs over $device, with themselves as the peer"
	program "rping, IPv4" 'ping data' \
		"rping -s -a $address4 -C 3" "rping -c -a $address4 -C 3 -v"
	program "rping, IPv6" 'ping data' \
		"rping -s -a $address6 -C 3" "rping -c -a $address6 -C 3 -v"
	gid=$(gid_index "$device") || return
	program "ibv_rc_pingpong" ' in ' \
		"ibv_rc_pingpong -d $device -g $gid" \
		"ibv_rc_pingpong -d $device -g $gid localhost"
	for program in ib_send_bw ib_write_bw ib_read_bw ib_send_lat; do
		size=65536
		[ "$program" != ib_send_lat ] || size=8
		set -- "$program -d $device -x $gid -F -s $size -n 1000"
		program "$program" '^ *(#bytes|[0-9]+ +[0-9])' \
			"$1" "$1 localhost"
	done
}

# The self-checks print KTAP to the kernel log: the cases indented, and totals.
self_checks()
{
	local before totals

	title "The self-checks, from inside the kernel"
	ran=$((ran + 1))
	# one of them fills a queue on purpose, some ask for what is not mapped
	allow_log 'a completion queue of .* entries overflowed'
	allow_log 'QP [0-9]+: .* was refused: '
	allow_log 'softhca_refused_[a-z]+: [0-9]+ callbacks suppressed'
	before=$(dmesg | wc -l)
	echo "\$ modprobe softhca_selftest device=$device"
	modprobe softhca_selftest device="$device" 2>&1 | sed 's/^/  /'
	[ "${PIPESTATUS[0]}" -eq 0 ] || fail "the self-checks"
	dmesg | tail -n +$((before + 1)) | sed 's/^\[[^]]*\] //' >/tmp/ktap
	grep -E '^ *not ok ' /tmp/ktap | sed 's/^/  /'
	totals=$(grep '^# Totals: ' /tmp/ktap | tail -n 1)
	echo "  ${totals:-no totals in the kernel log}"
	case $totals in
	*" pass:0 "* | "") fail "the self-checks ran no case" ;;
	*" fail:0 "*" error:0"*) ;;
	*) fail "self-checks: ${totals#"# Totals: "}" ;;
	esac
	modprobe -r softhca_selftest 2>/dev/null
}

# The table. What is compared is measured in turn, several times over, and the
# median counts: a guest shares its processors with other programs.
rounds=3
declare -A figures

# measure COLUMN DEVICE PROGRAM SIZE ITERATIONS
measure()
{
	local how=bandwidth value

	[ "$3" != ib_send_lat ] || how=latency
	if value=$($how "$3" "$2" "$4" -n "$5"); then
		figures[$1/$3]+=" $value"
	else
		printf '%s\n' "$value" | sed 's/^/  /'
		fail "$3 over $1"
	fi
}

median()
{
	# shellcheck disable=SC2086 # words
	printf '%s\n' ${figures[$1]-} | sort -n |
		awk '{ v[NR] = $1 } END { if (NR) print v[int((NR + 1) / 2)] }'
}

# make_devices: two more beside softhca0; sets fresh, virt and rxe, the devices of the columns.
make_devices()
{
	if [ -n "$standin" ]; then
		fresh=rxe0
		virt=rxe0
		rxe=rxe0
		return
	fi
	title "Two more devices on the same netdev: softhca with virt, and rdma_rxe"
	fresh=softhca0
	virt=virt0
	rxe=rxe0
	echo virt >/sys/module/softhca/parameters/scheme || fail "scheme=virt"
	step rdma link add virt0 type softhca netdev "$netdev"
	step rdma link add rxe0 type rxe netdev "$netdev"
}

measure_all()
{
	local program size round many few

	title "softhca beside rdma_rxe"
	for program in ib_send_bw ib_write_bw ib_read_bw ib_send_lat; do
		echo "  measuring $program"
		size=65536
		few=1000
		many=8000
		if [ "$program" = ib_send_lat ]; then
			size=8
			few=2000
			many=5000
		fi
		[ -z "$standin" ] || many=$few
		for ((round = 0; round < rounds; round++)); do
			measure fresh "$fresh" "$program" "$size" "$many"
			measure virt "$virt" "$program" "$size" "$many"
			[ "$round" -gt 0 ] ||
				measure rxe "$rxe" "$program" "$size" "$few"
		done
	done
}

# row PROGRAM LABEL
row()
{
	awk -v label="$2" -v fresh="$(median "fresh/$1")" \
		-v virt="$(median "virt/$1")" -v rxe="$(median "rxe/$1")" '
		function ratio(a, b) {
			if (a == "" || b == "" || b == 0)
				return "-"
			return sprintf("%.2f", a / b)
		}
		BEGIN {
			printf "%-26s %9s %9s %9s %10s %9s %11s\n", label,
				fresh, virt, rxe, ratio(fresh, rxe),
				ratio(virt, rxe), ratio(fresh, virt)
		}'
}

# How long a look-up takes: the reverse map's table with a million mappings,
# and an xarray with a tenth of them. What it says counts, not whether it is
# content (it does not load when the table is slower).
look_up()
{
	echo "  measuring the reverse map's look-up"
	insmod /suite/bin/rmap_bench.ko brief=1 rounds=10 2>/dev/null &&
		rmmod rmap_bench
	look_up=$(dmesg | sed -n 's/.*\(table at 1,000,000: .*\)/\1/p' | tail -n 1)
	[ -n "$look_up" ] || fail "the look-up benchmark"
}

table()
{
	printf '%-26s %9s %9s %9s %10s %9s %11s\n' "" softhca softhca rdma_rxe \
		"" "" ""
	printf '%-26s %9s %9s %9s %10s %9s %11s\n' "" fresh virt "" \
		fresh/rxe virt/rxe fresh/virt
	row ib_send_bw "ib_send_bw   64 KiB, MB/s"
	row ib_write_bw "ib_write_bw  64 KiB, MB/s"
	row ib_read_bw "ib_read_bw   64 KiB, MB/s"
	row ib_send_lat "ib_send_lat  8 bytes, us"
	[ -n "$standin" ] || echo "look-up of an address in the $look_up"
	echo "(softhca: median of $rounds runs; what counts are the ratios, the" \
		"guest's processors are shared or emulated)"
}

prepare
programs
make_devices
[ -n "$standin" ] || self_checks
measure_all
[ -n "$standin" ] || look_up

title "Summary"
table
echo
if [ ${#failures[@]} -gt 0 ]; then
	printf 'FAILED: %s\n' "${failures[@]}"
	exit 1
fi
echo "All $ran programs ran over $device${standin:+, standing in for softhca}," \
	"and everything that was measured."
