# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0
# What the scenarios share: results, netdevs and devices, programs that talk to
# each other, and the comparison of what is in use with what was before.
#
# With DRIVER=rxe in the environment the devices are rdma_rxe's, to see what a
# scenario says of another implementation.
set -u
# shellcheck source=tools/guest/bench.sh
. /suite/tools/guest/bench.sh

driver=${DRIVER:-softhca}
scratch=$(mktemp -d)

# Results.

results=0
failed=0
ok()
{
	results=$((results + 1))
	echo "ok $results - $*"
}

not_ok()
{
	results=$((results + 1))
	failed=$((failed + 1))
	echo "not ok $results - $*"
}

# result STATUS NAME...
result()
{
	local status=$1
	shift

	if [ "$status" -eq 0 ]; then ok "$*"; else not_ok "$*"; fi
}

# skip NAME REASON: a result, of what is not tried
skip()
{
	results=$((results + 1))
	echo "ok $results - $1 # SKIP $2"
}

# What a person needs to understand a failure.
note()
{
	printf '%s\n' "$*" | sed 's/^/# /'
}

# check NAME COMMAND...: one result; the command's output is shown if it fails.
# The command runs in this shell, so it can be a function that sets variables.
check()
{
	local name=$1 status
	shift

	"$@" >"$scratch/check" 2>&1
	status=$?
	[ "$status" -eq 0 ] || sed 's/^/# /' "$scratch/check"
	result "$status" "$name"
	return "$status"
}

# The end of a scenario.
finish()
{
	echo "1..$results"
	[ "$failed" -eq 0 ]
	exit
}

# wait_until SECONDS COMMAND...
wait_until()
{
	local end=$((${EPOCHREALTIME/[.,]/} + $1 * 1000000))
	shift

	until "$@"; do
		[ "${EPOCHREALTIME/[.,]/}" -lt "$end" ] || return 1
		sleep 0.1
	done
}

# not COMMAND...
not()
{
	! "$@"
}

# same WHAT GOT WANTED
same()
{
	[ "$2" = "$3" ] || { echo "$1: $2, not $3"; return 1; }
}

# with_detectors: does this kernel have them?
with_detectors()
{
	[[ ${SOFTHCA_KERNEL-} = *-debug ]]
}

# often NORMAL BRIEF: how often something is repeated
often()
{
	if [ -n "${SOFTHCA_BRIEF-}" ]; then echo "$2"; else echo "$1"; fi
}
# The brief form is for slow kernels, too.
pair_timeout=$(often "$pair_timeout" 240)

# Netdevs and devices.

# netdev_up NAME N: a netdev with the addresses 10.77.N.1 and fd77:N::1.
netdev_up()
{
	ip link add "$1" type dummy &&
		ip address add "10.77.$2.1/24" dev "$1" &&
		ip address add "fd77:$2::1/64" dev "$1" nodad &&
		ip link set "$1" up
}

device_exists()
{
	[ -e "/sys/class/infiniband/$1" ]
}

# The devices of a netdev, in the order of their names.
devices_of()
{
	rdma link | sed -nE "s|^link ([^/]*)/1 .* netdev $1 *\$|\1|p" | sort
}

# add_device NAME NETDEV
add_device()
{
	rdma link add "$1" type "$driver" netdev "$2"
}

# hardware_up [N]: N netdevs (one) dummy0, dummy1... and a device on each, whose
# names are then in $dev0, $dev1...; the scenario ends if that does not work.
hardware_up()
{
	local n=${1:-1} i netdev name

	overlapping_regions
	for ((i = 0; i < n; i++)); do
		netdev_up "dummy$i" "$i" || bail "no netdev dummy$i"
	done
	if [ "$driver" = softhca ]; then
		modprobe softhca || bail "softhca does not load"
	fi
	for ((i = 0; i < n; i++)); do
		netdev=dummy$i
		[ "$driver" = softhca ] || add_device "$driver$i" "$netdev"
		name=$(devices_of "$netdev")
		[ -n "$name" ] || bail "no device on $netdev"
		gid_index "$name" 4 >/dev/null || bail "no IPv4 GID on $name"
		gid_index "$name" 6 >/dev/null || bail "no IPv6 GID on $name"
		printf -v "dev$i" '%s' "$name"
	done
}

# User space registers the same page twice as it likes: two buffers in one page do.
# To dma-debug of 6.1 that is an overlap.
overlapping_regions()
{
	allow_report 'DMA-API: dma_rmap .*cacheline tracking EEXIST, overlapping mappings'
}

# The scenario cannot go on.
bail()
{
	not_ok "$*"
	dmesg | tail -n 20 | sed 's/^/# /'
	exit 1
}

# Modules and netdevs are left to the next scenario in the guest: leave none.
unload()
{
	local module

	for module in softhca_selftest softhca dma_rmap; do
		[ ! -e "/sys/module/$module" ] || modprobe -r "$module" || return
	done
	[ "$driver" = softhca ] || modprobe -r "rdma_$driver"
}

# Only ones of the kinds that scenarios make.
delete_netdevs()
{
	local path kind

	for path in /sys/class/net/*; do
		kind=$(ip -d link show "${path##*/}" 2>/dev/null | sed -n \
			's/^ *\(dummy\|veth\|vlan\|bond\|bridge\) .*/\1/p')
		[ -z "$kind" ] || ip link delete "${path##*/}" 2>/dev/null
	done
}

hardware_down()
{
	unload
	local status=$?
	delete_netdevs
	return "$status"
}

# The last checks of a scenario that has used $dev0...: nothing is in use.
all_released()
{
	local name

	for name in ${!in_use_before[*]}; do
		check "$name: nothing is left in use" released "$name"
	done
	check "the modules unload" unload
	delete_netdevs
}

# Has the probe for UC made up its mind?
uc_probed()
{
	# shellcheck disable=SC2154 # set by start
	listens 19999 || ! kill -0 "$pid_uc_probe" 2>/dev/null
}

# offers DEVICE FEATURE: does it say that it has it? Only UC is found out by trying.
offers()
{
	local info

	info=$(ibv_devinfo -v -d "$1")
	case $2 in
	rc) ;;	# each has
	srq) grep -qE 'max_srq:[[:space:]]*[1-9]' <<<"$info" ;;
	atomic) ! grep -q ATOMIC_NONE <<<"$info" ;;
	mw) grep -qE 'max_mw:[[:space:]]*[1-9]' <<<"$info" ;;
	multicast) grep -qE 'max_mcast_grp:[[:space:]]*[1-9]' <<<"$info" ;;
	odp) grep -qw ODP_SUPPORT <<<"$info" ;;
	implicit_odp) grep -qw ODP_SUPPORT_IMPLICIT <<<"$info" ;;
	uc)
		# it listens when it has made its QP
		start uc_probe "ibv_uc_pingpong -d $1 -g 0 -p 19999"
		wait_until 30 uc_probed
		listens 19999
		info=$?
		stop uc_probe >/dev/null
		return "$info"
		;;
	esac
}

# with_feature FEATURE NAME COMMAND...: as check, where $dev0 offers that; asked once
declare -A offered
with_feature()
{
	local feature=$1 name=$2
	shift 2

	if [ -z "${offered[$feature]-}" ]; then
		offered[$feature]=no
		! offers "$dev0" "$feature" || offered[$feature]=yes
	fi
	if [ "${offered[$feature]}" = yes ]; then
		check "$name" "$@"
	else
		skip "$name" "the device has no $feature"
	fi
}

# What is in use.

# hca_counter DEVICE NAME
hca_counter()
{
	cat "/sys/class/infiniband/$1/ports/1/hw_counters/$2"
}

# The objects of a device, and how many mappings are live.
in_use()
{
	rdma resource show "$1" | sed 's/^[0-9]*: //'
	grep -hE '^(live|live_bytes):' /sys/kernel/debug/dma_rmap/"$1".*/stats \
		2>/dev/null
}

declare -A in_use_before
remember()
{
	local name

	for name; do
		in_use_before[$name]=$(in_use "$name")
	done
}

as_before()
{
	[ "$(in_use "$1")" = "${in_use_before[$1]}" ]
}

# released DEVICE: is what is in use what it was, within a few seconds? The
# connection manager takes a moment to forget.
released()
{
	wait_until 10 as_before "$1" && return
	echo "before:"
	echo "${in_use_before[$1]}"
	echo "now:"
	in_use "$1"
	rdma resource show qp link "$1"
	rdma resource show cm_id link "$1"
	rdma resource show mr dev "$1"
	return 1
}

# Programs. For one server and one client see pair in bench.sh.

# both SERVER CLIENT [PATTERN]: a pair that succeeds, and the client's output has
# the pattern.
both()
{
	if ! pair "$1" "$2"; then
		echo "$1"
		show_pair
		return 1
	fi
	if [ -n "${3-}" ] && ! grep -qE -- "$3" "$pair_dir/client"; then
		echo "no '$3' in what the client said"
		show_pair
		return 1
	fi
}

# listens PORT: over TCP or over RDMA?
listens()
{
	[ -n "$(ss -Hltn "sport = :$1")" ] ||
		rdma resource show cm_id | grep -qE "LISTEN.*:$1 "
}

# start NAME COMMAND: in the background; its pid in $pid_NAME, its output in
# $scratch/NAME.
start()
{
	local name=$1
	shift

	timeout -k 2 "${start_timeout:-90}" bash -c "exec $*" \
		>"$scratch/$name" 2>&1 &
	printf -v "pid_$name" '%s' "$!"
}

# The process that timeout has started.
child_of()
{
	pgrep -P "$1"
}

# ended SECONDS NAME...: have they all ended by then? Sets $status_NAME.
ended()
{
	local seconds=$1 name pid status
	shift

	for name; do
		pid=pid_$name
		if ! wait_until "$seconds" not kill -0 "${!pid}" 2>/dev/null; then
			echo "$name has not ended after $seconds s"
			return 1
		fi
		wait "${!pid}" 2>/dev/null
		status=$?
		printf -v "status_$name" '%s' "$status"
	done
}

# messages_sent DEVICE: by all of its QPs, so far
messages_sent()
{
	local counter=tx_messages

	[ ! -e "/sys/class/infiniband/$1/ports/1/hw_counters/sent_pkts" ] ||
		counter=sent_pkts	# rdma_rxe
	hca_counter "$1" "$counter"
}

# A device carries traffic: its counter goes up.
moves()
{
	local before

	before=$(messages_sent "$1") || return
	sleep 0.2
	[ "$(messages_sent "$1")" -gt "$before" ]
}

# has_sent DEVICE COUNT: more than that
has_sent()
{
	[ "$(messages_sent "$1")" -gt "$2" ]
}

# start_traffic NAME DEVICE SERVER CLIENT PORT: both ends in the background, as
# NAME_server and NAME_client; returns when data moves, and not only what perftest's
# ends tell each other first (with -R).
start_traffic()
{
	local before

	before=$(messages_sent "$2") || return
	start "$1_server" "$3"
	if ! wait_until 20 listens "$5"; then
		echo "no server"
		cat "$scratch/$1_server"
		stop "$1_server"
		return 1
	fi
	start "$1_client" "$4"
	if ! wait_until 20 has_sent "$2" $((before + 64)); then
		echo "no traffic"
		cat "$scratch/$1_server" "$scratch/$1_client"
		stop "$1_server" "$1_client"
		return 1
	fi
}

# stop NAME...: kill what was started so.
stop()
{
	local name pid

	for name; do
		pid=pid_$name
		# shellcheck disable=SC2046 # a pid or none
		kill -9 $(child_of "${!pid}") 2>/dev/null
	done
	ended 5 "$@"
}

# perftest_options DEVICE [FAMILY]: for both ends over one device, a new port.
perftest_options()
{
	perftest_port=$((perftest_port + 1))
	perftest_options="-d $1 -x $(gid_index "$1" "${2:-4}") -F -p $perftest_port"
}

# run_for_long NAME DEVICE PROGRAM [OPTIONS]: endless perftest traffic. With
# events (-e) the options say how many messages that takes: -n N.
run_for_long()
{
	local name=$1 device=$2 program=$3 address=127.0.0.1
	shift 3

	[[ " $* " != *" -R "* ]] || address=10.77.0.1
	perftest_options "$device"
	[[ " $* " = *" -n "* ]] || set -- -D "$(often 80 400)" "$@"
	set -- "$program $perftest_options $*"
	start_traffic "$name" "$device" "$1" "$1 $address" "$perftest_port"
}
