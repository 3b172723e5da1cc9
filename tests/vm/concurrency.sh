#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Much at once: many pairs of programs in both directions, objects that come and
# go while others work, devices and addresses likewise.
# vm: timeout=400
. "$(dirname "$0")/lib.sh"

# all_succeed NAME...: what was started ends with status 0
all_succeed()
{
	local name status

	for name; do
		ended 100 "$name" || return
		status=status_$name
		if ! ended_well "${!status}" "$scratch/$name"; then
			echo "$name: status ${!status}"
			cat "$scratch/$name"
			return 1
		fi
	done
}

# perftest_pair NAME SERVER-DEVICE CLIENT-DEVICE PROGRAM OPTIONS...: starts both
names=()
perftest_pair()
{
	local name=$1 server=$2 client=$3 program=$4
	shift 4

	perftest_port=$((perftest_port + 1))
	start "${name}_server" "$program -d $server -x ${gid[$server]} -F -p $perftest_port $*"
	wait_until 20 listens "$perftest_port" || { echo "$name: no server"; return 1; }
	start "${name}_client" \
		"$program -d $client -x ${gid[$client]} -F -p $perftest_port $* localhost"
	names+=("${name}_server" "${name}_client")
}

rping_pair()
{
	start "$1_server" "rping -s -a $2 -p $3 -C 200 -S 20000"
	wait_until 20 listens "$3" || { echo "$1: no server"; return 1; }
	start "$1_client" "rping -c -a $2 -p $3 -C 200 -S 20000 -V"
	names+=("$1_server" "$1_client")
}

many_pairs()
{
	local n

	n=$(often 3000 500)
	names=()
	perftest_pair a "$dev0" "$dev0" ib_write_bw -n "$n" -b &&
		perftest_pair b "$dev0" "$dev1" ib_send_bw -n "$n" -q 4 &&
		perftest_pair c "$dev1" "$dev0" ib_read_bw -n "$n" -q 2 &&
		perftest_pair d "$dev1" "$dev1" ib_send_bw -n "$n" -b &&
		perftest_pair e "$dev0" "$dev1" ib_send_bw -n "$n" -e &&
		perftest_pair f "$dev1" "$dev0" ib_write_lat -s 64 -n 500 &&
		perftest_pair g "$dev0" "$dev0" ib_read_lat -s 64 -n 500 -e &&
		rping_pair h 10.77.0.1 7201 &&
		rping_pair i 10.77.1.1 7202 &&
		rping_pair j fd77:0::1 7203 &&
		rping_pair k 10.77.0.1 7204 || return
	all_succeed "${names[@]}"
}

four_churns()
{
	local i

	for i in 1 2 3 4; do
		start "churn$i" "churn 10 2 $((seed + 100 * i)) $dev0 $dev1"
	done
	all_succeed churn1 churn2 churn3 churn4
}

rounds=$(often 10 5)
# Does a loop of COMMAND go well, and the traffic beside it?
beside_traffic()
{
	local status=0 i began=$SECONDS

	run_for_long run "$dev0" ib_write_bw -b -q 2 || return
	for ((i = 0; i < rounds && SECONDS - began < 12; i++)); do
		"$@" || { echo "round $i"; status=1; break; }
	done
	moves "$dev0" || { echo "the traffic has stopped"; status=1; }
	stop run_client run_server
	return "$status"
}

one_rping()
{
	both "rping -s -a 10.77.1.1 -C 3" "rping -c -a 10.77.1.1 -C 3 -V"
}

another_device()
{
	rdma link add other0 type softhca netdev dummy0 &&
		timeout 30 ibv_devinfo -d other0 >/dev/null &&
		rdma link delete other0
}

another_netdev()
{
	ip link add dummy9 type dummy && ip link set dummy9 up &&
		ip link delete dummy9
}

# With the device of another netdev, whose traffic it is not.
link_flaps()
{
	ip link set dummy1 down && sleep 0.05 && ip link set dummy1 up
}

addresses()
{
	ip address add 10.78.0.1/24 dev dummy0 && sleep 0.05 &&
		ip address delete 10.78.0.1/24 dev dummy0
}

# A program is killed while another one works.
killed_peer()
{
	start victim "churn 10 3 $RANDOM $dev0 $dev1"
	sleep 0.7
	stop victim
}

hardware_up 2
remember "$dev0" "$dev1"
declare -A gid
gid[$dev0]=$(gid_index "$dev0")
gid[$dev1]=$(gid_index "$dev1")
seed=${SEED:-$RANDOM}

check "eleven pairs of programs at once, over two devices" many_pairs
echo "# seed $seed (SEED=$seed in the environment gives the same numbers)"
check "objects come and go in one process" timeout 60 churn 10 6 "$seed" "$dev0" "$dev1"
check "objects come and go in four processes" four_churns
check "rping again and again beside traffic" beside_traffic one_rping
check "devices come and go beside traffic" beside_traffic another_device
check "netdevs come and go beside traffic" beside_traffic another_netdev
check "another netdev goes down and up beside traffic" beside_traffic link_flaps
check "addresses come and go beside traffic" beside_traffic addresses
check "processes are killed beside traffic" beside_traffic killed_peer
all_released
finish
