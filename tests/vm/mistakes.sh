#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# A ULP's DMA mistakes, and what is said of them: the example of docs/dma-mistakes.md.
# The ULP is hunt/, its mistakes are in hunt/kping.h.
# vm: timeout=400 cpus=1
. "$(dirname "$0")/lib.sh"

params=/sys/module/kping/parameters
track=/sys/module/dma_rmap/parameters/track
defer=/sys/module/softhca/parameters/defer
tracing=/sys/kernel/tracing
size=12000			# two pages and a part
hex='0x[0-9a-f]+'
msg=32				# sizeof(struct kping_request)
# of its own request, or because the peer has met the error first and hung up
error="Input/output error|Connection reset by peer"
map="dma_rmap softhca0[.][0-9]+"
page="dma_map_single\(\) or dma_map_page\(\)"
unpage="dma_unmap_single\(\) or dma_unmap_page\(\)"
no_such="no such mapping begins there; nothing was done:"

# without backslashes, which the kernel's log would change
allow_log 'softhca0: QP [0-9]+: .* was refused: '
allow_log 'dma_rmap softhca0[.][0-9]+: (unmap of|refused to|left: |[0-9]+ mappings were left)'
allow_log 'dma_rmap softhca0[.][0-9]+: (mapped|unmapped) by '
allow_log '[]] +[A-Za-z0-9_.]+[+]0x[0-9a-f]+/0x'	# stacks
allow_log '(softhca|rmap|warn)_.*: [0-9]+ callbacks suppressed'
allow_report 'DMA-API: dma_rmap softhca0'

map_folder()
{
	echo /sys/kernel/debug/dma_rmap/softhca0.*
}

# knob NAME VALUE, in the map's folder
knob()
{
	echo "$2" >"$(map_folder)/$1"
}

# stat NAME
stat()
{
	sed -n "s/^$1: //p" /sys/kernel/debug/dma_rmap/softhca0.*/stats
}

# ping MISTAKE [COUNT]: what was logged meanwhile is then in $scratch/log, what the
# writer was told in $scratch/told
marks=0
ping()
{
	local status

	marks=$((marks + 1))
	echo "hunt: mark $marks" >/dev/kmsg
	echo "$1" >"$params/mistake"
	# not the shell's own echo, which has its process id from this shell
	bash -c "echo ${2-1} >$params/ping" 2>"$scratch/told"
	status=$?
	[ "$driver" != softhca ] || wait_until 10 as_before softhca0
	dmesg -t | sed -n "/^hunt: mark $marks\$/,\$p" >"$scratch/log"
	return "$status"
}

fails()
{
	! ping "$1" || { echo "it has not failed"; return 1; }
	cat "$scratch/told"
	grep -qE "$2" "$scratch/told"
}

# logged TIMES PATTERN...: that many lines that are it as a whole, the words joined
logged()
{
	local times=$1
	shift

	cat "$scratch/log"
	same "lines" "$(grep -cE "^$*\$" "$scratch/log")" "$times"
}

# The counters of refused accesses, in debugfs and as `rdma statistic` has them
faults()
{
	grep -hE '^faults_' /sys/kernel/debug/dma_rmap/softhca0.*/stats | sed 's/^faults_//'
}
statistic()
{
	rdma statistic show link softhca0/1 | grep -oE 'dma_fault_[a-z]+ [0-9]+' |
		sed 's/^dma_fault_//; s/ /: /'
}

# one_more REASON: of this one, and of nothing else
one_more()
{
	local wanted

	wanted=$(awk -v reason="$1:" '$1 == reason { $2++ } { print }' <<<"$before")
	same faults "$(faults)" "$wanted" && same "rdma statistic" "$(statistic)" "$wanted"
}

# The QP numbers in the explanation, and in what the ULP says of its completion
same_qp()
{
	local qp

	qp=$(sed -nE "s/.*QP ([0-9]+): $1\$/\1/p" "$scratch/log")
	cat "$scratch/log"
	[ -n "$qp" ] && grep -qE "softhca0: .*QP $qp(:|,) .* was refused" "$scratch/log"
}

# refused MISTAKE REASON WHOSE STATUS WHAT...: an access is refused. WHOSE is the work
# request in the explanation, WHAT the rest of that.
refused()
{
	local name=$1 reason=$2 whose=$3 status=$4
	shift 4

	before=$(faults)
	check "$name: the ULP has an error" fails "$name" "$error"
	check "$name:   from a completion, $status" same_qp "$status"
	check "$name:   and one line says why" logged 1 "softhca0: $whose: $*"
	check "$name:   it is the only one" same lines "$(grep -c refused "$scratch/log")" 1
	check "$name:   counted as $reason" one_more "$reason"
	check "$name:   nothing is left in use" released softhca0
}

# wrong_unmap MISTAKE TIMES LINE...: the ULP sees nothing, the log has it.
wrong_unmap()
{
	local name=$1 times=$2 bad
	shift 2

	bad=$(stat bad_unmaps)
	check "$name: the ULP sees nothing" ping "$name"
	check "$name:   one line says what is wrong" logged "$times" "$map: $*"
	check "$name:   counted" same bad_unmaps "$(stat bad_unmaps)" $((bad + times))
	check "$name:   nothing is left in use" released softhca0
}

# stack WHAT FUNCTION: the stack below "WHAT by" has this function of the ULP.
stack()
{
	cat "$scratch/log"
	sed -nE "/: $1 by [^ ]+\[[0-9]+\]:\$/,/^[^ ]/ { //!p }" "$scratch/log" |
		grep -qE "^ $2\+0x[0-9a-f]+/0x[0-9a-f]+ \[kping\]\$"
}

load_kping()
{
	insmod /suite/bin/kping.ko "addr=$1" "size=$size"
}

# What the other software HCA says: nothing.
on_rxe()
{
	local mistake

	netdev_up dummy1 1
	modprobe rdma_rxe
	rdma link add rxe0 type rxe netdev dummy1
	gid_index rxe0 4 >/dev/null || bail "no rdma_rxe"
	load_kping 10.77.1.1 || bail "kping does not load"
	for mistake in none early-unmap short direction unmap-twice leak; do
		driver=rxe check "rdma_rxe: mistake=$mistake runs" ping "$mistake" 10
	done
	rmmod kping
	modprobe -r rdma_rxe
	ip link delete dummy1
}

modprobe rdma_cm
on_rxe

netdev_up dummy0 0
modprobe softhca netdevs=dummy0
gid_index softhca0 4 >/dev/null || bail "no device"
check "kping is loaded" load_kping 10.77.0.1
remember softhca0
check "without a mistake it runs" ping none 50
check "  and nothing is said" same "lines" "$(grep -c softhca0 "$scratch/log")" 0
check "  and nothing is left in use" released softhca0

# Accesses that are refused

received="QP [0-9]+: receive, wr_id $hex \(kping_request_received \[kping\]\)"
request="QP [0-9]+: send, wr_id $hex \(kping_request_sent \[kping\]\)"
read_by_server="QP [0-9]+: RDMA read from QP [0-9]+,"
read_by_server+=" wr_id $hex \(kping_data_read \[kping\]\), responder"
write_by_server="QP [0-9]+: RDMA write from QP [0-9]+,"
write_by_server+=" wr_id $hex \(kping_write_failed \[kping\]\), responder"

refused early-unmap unmapped "$received" "local protection error" \
	"writing $msg bytes at ($hex) was refused: unmapped [0-9]+ [um]?s ago:" \
	"$msg bytes at \1, DMA_FROM_DEVICE, by $page"
check "early-unmap:   the sender has one, too" logged 1 \
	"kping: client: request, QP [0-9]+: remote operation error"
refused short bounds "$read_by_server" "remote access error" \
	"reading $size bytes at ($hex) was refused:" \
	"runs $((size - 8)) bytes past the end of a mapping:" \
	"8 bytes at \1, DMA_TO_DEVICE, by $page"
refused direction direction "$write_by_server" "remote access error" \
	"writing $size bytes at ($hex) was refused:" \
	"a write, but mapped for the other direction:" \
	"$size bytes at \1, DMA_TO_DEVICE, by $page"
refused pointer unmapped "$request" "local protection error" \
	"reading $msg bytes at 0xff[0-9a-f]+ was refused: never mapped:" \
	"it is a kernel pointer, not what mapping it has returned"
refused stack unmapped "$request" "local protection error" \
	"reading $msg bytes at 0xff[0-9a-f]+ was refused: never mapped:" \
	"it is a pointer to vmalloc memory or a stack, not what mapping has returned"
refused physical unmapped "$write_by_server" "remote access error" \
	"writing $size bytes at $hex was refused: never mapped:" \
	"it is a physical address of memory, not what mapping it has returned"
refused unset unmapped "$read_by_server" "remote access error" \
	"reading $size bytes at 0x0 was refused: never mapped:" \
	"0 is no address; is it set at all\?"
refused next unmapped "$write_by_server" "remote access error" \
	"writing $size bytes at $hex was refused:" \
	"begins just past the end of a mapping:" \
	"$size bytes at $hex, DMA_FROM_DEVICE, by $page"
# Another than the post can come to execute it, as seen on a busy machine; then it is
# found.
not_found()
{
	local i

	for ((i = 0; i < 5; i++)); do
		! ping send-unmap 10 || return 0
		found+=" read unmapped"
	done
	return 1
}
found=
check "send-unmap: is not found where the post executes the request" not_found
check "  defer=1" eval "echo 1 >$defer"
refused send-unmap unmapped "$request" "local protection error" \
	"reading $msg bytes at ($hex) was refused: unmapped [0-9]+ [um]?s ago:" \
	"$msg bytes at \1, DMA_TO_DEVICE, by $page"
check "  without a mistake it runs with that, too" ping none 50
check "  defer=0" eval "echo 0 >$defer"
wanted="write unmapped read bounds write direction read unmapped read unmapped"
wanted+=" write unmapped read unmapped write unmapped$found read unmapped"
check "debugfs lists what was refused" same faults \
	"$(awk 'NR > 1 { print $4, $5 }' "$(map_folder)/faults" | xargs)" "$wanted"

# Wrong unmaps

wrong_unmap unmap-size 1 \
	"unmap of $hex, $((size / 2)) bytes, DMA_TO_DEVICE, by $unpage, has the wrong size:" \
	"it was mapped with $size bytes, DMA_TO_DEVICE, by $page; all of it is unmapped now"
wrong_unmap unmap-direction 1 \
	"unmap of $hex, $size bytes, DMA_TO_DEVICE, by $unpage, has the wrong direction:" \
	"it was mapped with $size bytes, DMA_FROM_DEVICE, by $page; all of it is unmapped now"
wrong_unmap unmap-twice 1 \
	"unmap of ($hex), $size bytes, DMA_TO_DEVICE: $no_such" \
	"unmapped [0-9]+ [um]?s ago: $size bytes at \1, DMA_TO_DEVICE, by $page"
wrong_unmap unmap-sg-as-pages 2 \
	"unmap of $hex, $size bytes, DMA_(FROM|TO)_DEVICE, by $unpage, has the wrong function:" \
	"it was mapped with $size bytes, DMA_(FROM|TO)_DEVICE, by dma_map_sg\(\);" \
	"all of it is unmapped now"

# Not more than ten lines in five seconds
bounded()
{
	local bad lines begin=$SECONDS most

	bad=$(stat bad_unmaps)
	ping unmap-twice 500 || return
	lines=$(grep -c 'unmap of' "$scratch/log")
	most=$((10 * (1 + (SECONDS - begin + 5) / 5)))
	echo "$lines lines in $((SECONDS - begin)) s"
	same bad_unmaps "$(stat bad_unmaps)" $((bad + 500)) &&
		[ "$lines" -gt 0 ] && [ "$lines" -le "$most" ] && [ "$most" -lt 400 ]
}
sleep 5
check "500 wrong unmaps are counted, and few are told" bounded
flood()
{
	local i lines begin=$SECONDS most count

	count=$(stat faults_direction)
	ping none || return
	echo direction >"$params/mistake"
	for ((i = 0; i < 60; i++)); do
		! echo 1 >"$params/ping" || return
	done 2>/dev/null
	dmesg -t | sed -n "/^hunt: mark $marks\$/,\$p" >"$scratch/log"
	lines=$(grep -c 'was refused' "$scratch/log")
	most=$((10 * (1 + (SECONDS - begin + 5) / 5)))
	echo "$lines lines in $((SECONDS - begin)) s"
	same faults "$(stat faults_direction)" $((count + 60)) &&
		[ "$lines" -gt 0 ] && [ "$lines" -le "$most" ] && [ "$lines" -lt 60 ]
}
check "60 refused accesses are counted, and fewer are told" flood
sleep 5

# Who made and undid a mapping

check "track=1" eval "echo 1 >$track"
check "early-unmap: is refused" fails early-unmap "$error"
check "  the stack of who mapped names kping_post_recv()" stack mapped kping_post_recv
check "  that of who unmapped kping_received()" stack unmapped kping_received
check "direction: is refused" fails direction "$error"
check "  the stack of who mapped names kping_map_data()" stack mapped kping_map_data
check "unmap-twice: runs" ping unmap-twice
check "  the stack of who mapped names kping_map_data()" stack mapped kping_map_data
check "  that of who unmapped kping_unmap_data()" stack unmapped kping_unmap_data
check "unmap-sg-as-pages: runs" ping unmap-sg-as-pages
check "  the stack of who mapped names kping_map_pages()" stack mapped kping_map_pages
check "  that of who unmapped kping_unmap_pages()" stack unmapped kping_unmap_pages
check "track=0" eval "echo 0 >$track"

# Mappings that fail

injected()
{
	local count=$injected

	injected=$(stat injected)
	echo "$((injected - count)) failed"
	[ "$injected" -gt "$count" ]
}
injected=$(stat injected)
knob fail_above 8192
check "fail_above: larger ones fail" fails none "Cannot allocate memory"
check "  and are counted" injected
echo 8192 >"$params/size"
check "  others do not" ping none 10
echo "$size" >"$params/size"
check "  nothing is left in use" released softhca0

mapping_error="it is DMA_MAPPING_ERROR, of a mapping that failed"
# as_pid COMMAND: in a process that the knobs mean
as_pid()
{
	bash -c "echo \$\$ >$(map_folder)/fail_pid; $1" \
		2>"$scratch/told"
	local status=$?

	cat "$scratch/told"
	wait_until 10 as_before softhca0
	return "$status"
}
unchecked_found()
{
	echo "hunt: unchecked" >/dev/kmsg
	echo unchecked >"$params/mistake"
	! as_pid "echo 1 >$params/ping" &&
		dmesg -t | sed -n '/^hunt: unchecked$/,$p' >"$scratch/log" &&
		logged 1 "softhca0: $read_by_server: reading $size bytes at 0xf{16}" \
			"was refused: never mapped: $mapping_error"
}
check "unchecked: that a mapping failed is found where it is used" unchecked_found
check "unchecked:   and where it is unmapped" logged 2 \
	"$map: unmap of 0xf{16}, $size bytes, .*: never mapped: $mapping_error"
check "unchecked:   nothing is left in use" released softhca0
check "fail_pid: another process's do not fail" ping none
knob fail_above 0
injected=$(stat injected)
knob fail_every 1
check "fail_every=1: every one of a process fails" not as_pid "echo 1 >$params/ping"
check "  and is counted" injected
check "  nothing is left in use" released softhca0
check "  another process's do not fail" ping none 10

# Count by the trace what that process has mapped.
every_seventh()
{
	local made failed

	injected=$(stat injected)
	echo 1 >"$tracing/events/dma_rmap/rmap_map/enable"
	as_pid "echo common_pid == \$\$ >$tracing/events/dma_rmap/rmap_map/filter
		for i in {1..30}; do echo 2 >$params/ping; done; true"
	echo 0 >"$tracing/events/dma_rmap/rmap_map/enable"
	echo 0 >"$tracing/events/dma_rmap/rmap_map/filter"
	made=$(grep -c rmap_map: "$tracing/trace")
	failed=$(($(stat injected) - injected))
	echo "$made mappings, $failed failed"
	[ "$failed" -ge 10 ] && [ $((failed * 7)) -gt $((made + failed - 7)) ] &&
		[ $((failed * 7)) -lt $((made + failed + 7)) ]
}
knob fail_every 7
check "fail_every=7: every seventh fails" every_seventh
knob fail_every 0
knob fail_pid 0
check "  nothing is left in use" released softhca0
check "without the knobs it runs" ping none 10

# Tracing

traced()
{
	local addr

	echo >"$tracing/trace"
	echo 1 >"$tracing/events/dma_rmap/enable"
	ping direction
	echo 0 >"$tracing/events/dma_rmap/enable"
	grep -E 'rmap_(map|unmap|resolve|fault):' "$tracing/trace" | tail -n 40
	addr=$(grep -oE 'rmap_fault: .* access=write: direction' "$tracing/trace" |
		grep -oE 'addr=[0-9a-fx]+')
	[ -n "$addr" ] && [ "$(grep -oE "rmap_[a-z]+: .*$addr len=$size .*" "$tracing/trace" |
		cut -d: -f1 | xargs)" = "rmap_map rmap_fault rmap_unmap" ] &&
		grep -qE "rmap_map: .*$addr .* phys=$hex dir=read kind=page" "$tracing/trace" &&
		grep -qE "rmap_unmap: .*$addr .* dir=read kind=page: undone" "$tracing/trace" &&
		grep -qE "rmap_resolve: .* access=read" "$tracing/trace"
}
check "the events of a mapping: made, refused, undone; and of others, resolved" traced

# What is left when the device goes away

remember softhca0
echo 1 >"$track"
check "leak: the ULP sees nothing" ping leak 3
check "unmap-pointer: the ULP sees nothing" ping unmap-pointer 2
check "  one line for each says what is wrong" logged 2 \
	"$map: unmap of 0xff[0-9a-f]+, $size bytes, DMA_TO_DEVICE: $no_such never mapped:" \
	"it is a kernel pointer, not what mapping it has returned"
echo 0 >"$track"
marks=$((marks + 1))
echo "hunt: mark $marks" >/dev/kmsg
check "the device goes away" rdma link delete softhca0
dmesg -t | sed -n "/^hunt: mark $marks\$/,\$p" >"$scratch/log"
check "  5 mappings were left" logged 1 \
	"$map: 5 mappings were left when the map went away; they are undone now"
check "  the first four are told" logged 4 \
	"$map: left: $hex, $size bytes, DMA_(TO|FROM)_DEVICE, by $page"
check "  all of them by owner" logged 1 "$map: left: 3 mappings, $((3 * size)) bytes"
check "  and the other owner" logged 1 "$map: left: 2 mappings, $((2 * size)) bytes"
check "  whose stack names kping_map_data()" stack mapped kping_map_data

# All mappings, the connection manager's as well: with whatever result
rdma link add softhca0 type softhca netdev dummy0
gid_index softhca0 4 >/dev/null || bail "no device"
remember softhca0
knob fail_every 11
for i in 1 2 3; do ping none 5; done
knob fail_every 0
check "kping is unloaded, after mappings of everybody have failed" rmmod kping
in_use_before[softhca0]=${in_use_before[softhca0]/cm_id 1/cm_id 0}
all_released
finish
