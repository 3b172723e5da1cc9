# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0
# Runs the client and the server of an RDMA program in this one guest, and reads
# perftest's figures. Sourced by the demo and by scenarios; prints no results
# of its own.

# A scenario may run with "set -u".
client_status=
server_status=

# gid_index DEVICE [4|6]: an index of a GID made from an address of that
# family (default 4); waits for it a while. With 6, not the link-local one.
gid_index()
{
	local dir=/sys/class/infiniband/$1/ports/1 family=${2:-4} tries file
	local gid type

	for ((tries = 0; tries < 50; tries++)); do
		for file in "$dir"/gids/*; do
			read -r gid 2>/dev/null <"$file" || continue
			case $gid in
			0000:0000:0000:0000:0000:0000:* | fe80:*) continue ;;
			0000:0000:0000:0000:0000:ffff:*) [ "$family" = 4 ] || continue ;;
			*) [ "$family" = 6 ] || continue ;;
			esac
			read -r type 2>/dev/null \
				<"$dir/gid_attrs/types/${file##*/}" || continue
			[ "$type" = "RoCE v2" ] || continue
			echo "${file##*/}"
			return 0
		done
		sleep 0.1
	done
	echo "no IPv$family GID on $1" >&2
	return 1
}

# pair SERVER CLIENT: run two commands (strings), the client when the server has
# had time to listen. Their outputs are in $pair_dir/server and client, their
# statuses in $server_status and $client_status. Status 0 if both succeeded.
# $pair_timeout is the limit in seconds.
pair_timeout=60
pair_dir=$(mktemp -d)
pair()
{
	local server tcp cm

	tcp=$(tcp_listeners)
	cm=$(cm_listeners)
	timeout -k 2 "$pair_timeout" bash -c "exec $1" >"$pair_dir/server" 2>&1 &
	server=$!
	wait_listening "$server" "$tcp" "$cm"
	timeout -k 2 "$pair_timeout" bash -c "exec $2" >"$pair_dir/client" 2>&1
	client_status=$?
	! ended_well "$client_status" "$pair_dir/client" || client_status=0
	# a server whose client has failed would wait for ever
	[ "$client_status" -eq 0 ] || kill "$server" 2>/dev/null
	wait "$server"
	server_status=$?
	! ended_well "$server_status" "$pair_dir/server" || server_status=0
	[ "$client_status" -eq 0 ] && [ "$server_status" -eq 0 ]
}

# ended_well STATUS OUTPUT: has one end succeeded? rping's, when all is done, closes its
# event channel under its own thread: if that looks for the next event just then it
# ends the program with an error. When not all is done its client says what it waits
# for; its server waits for one more ping than there are, and so says that always.
ended_well()
{
	[ "$1" -ne 0 ] || return 0
	[ "$1" -eq 255 ] || return
	grep -q 'rdma_get_cm_event: Bad file descriptor' "$2" || return
	grep -q 'server DISCONNECT EVENT' "$2" ||
		{ grep -q 'client DISCONNECT EVENT' "$2" && ! grep -q 'wait for' "$2"; }
}

# How many TCP ports and how many RDMA ids are listened on.
tcp_listeners()
{
	awk '$4 == "0A" { n++ } END { print n + 0 }' /proc/net/tcp /proc/net/tcp6
}

cm_listeners()
{
	rdma resource show cm_id 2>/dev/null | grep -c LISTEN
}

# A server listens on a TCP port or, with the connection manager, on an RDMA id;
# when it does neither within a while the client is tried all the same.
wait_listening()
{
	local tries

	for ((tries = 0; tries < 300; tries++)); do
		kill -0 "$1" 2>/dev/null || return
		[ "$(tcp_listeners)" -le "$2" ] || return
		[ "$(cm_listeners)" -le "$3" ] || return
		sleep 0.05
	done
}

# What both ends printed, for a failure's report.
show_pair()
{
	echo "server: status $server_status"
	sed 's/^/  server: /' "$pair_dir/server"
	echo "client: status $client_status"
	sed 's/^/  client: /' "$pair_dir/client"
}

# perftest PROGRAM DEVICE OPTIONS...: run it against itself over one device.
# Each run has a port of its own.
perftest_port=18515
perftest()
{
	local program=$1 device=$2 gid options
	shift 2

	gid=$(gid_index "$device") || return
	perftest_port=$((perftest_port + 1))
	options="-d $device -x $gid -F -p $perftest_port $*"
	pair "$program $options" "$program $options ${perftest_host:-127.0.0.1}"
}

# perftest_column N: a column of the client's (last) line of figures.
perftest_column()
{
	awk -v column="$1" '/^ *[0-9]+ +[0-9]+ +[-0-9a-z.]+/ { value = $column }
		END { if (value == "") exit 1; print value }' "$pair_dir/client"
}

# measured COLUMN PROGRAM DEVICE OPTIONS...: that figure of a run. perftest takes
# the time by the processor's clock, whose rate it finds out first; where that
# fails (a busy host of an emulated processor) its figures are "inf" or "nan",
# and the run says nothing: try again.
measured()
{
	local column=$1 value tries
	shift

	for ((tries = 0; tries < 5; tries++)); do
		perftest "$@" || break
		value=$(perftest_column "$column") || break
		case $value in
		*inf* | *nan*) ;;
		*)
			echo "$value"
			return
			;;
		esac
	done
	show_pair
	return 1
}

# bandwidth PROGRAM DEVICE SIZE [OPTIONS...]: average MB/s. Status 1 and what the
# programs printed if it fails.
bandwidth()
{
	local program=$1 device=$2 size=$3
	shift 3

	measured 4 "$program" "$device" -s "$size" "$@"
}

# latency PROGRAM DEVICE SIZE [OPTIONS...]: typical microseconds, likewise.
latency()
{
	local program=$1 device=$2 size=$3
	shift 3

	measured 5 "$program" "$device" -s "$size" "$@"
}
