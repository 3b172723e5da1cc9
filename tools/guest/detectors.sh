# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0
# The kernel's detectors of defects, before and after each scenario: on stock
# kernels there are none and this does nothing. Most of them report to the kernel
# log by themselves; here are those that must be asked.

kmemleak=/sys/kernel/debug/kmemleak
dma_debug=/sys/kernel/debug/dma-api
kcsan=/sys/kernel/debug/kcsan

detectors_begin()
{
	# it sleeps while the kernel boots, which would take it too long
	[ ! -e "$kcsan" ] || echo on >"$kcsan"
	# else it reports its first finding only
	[ ! -e "$dma_debug" ] || echo 1 >"$dma_debug/all_errors"
	if [ -e "$kmemleak" ]; then
		echo clear >"$kmemleak"
		# its own scans, now and then, tell of what is just changing hands
		echo scan=off >"$kmemleak"
	fi
	rm -f "$leaks_allowed"
}

# allow_leak PATTERN: in a scenario: it is the kernel that loses what is allocated
# by a function of this name.
leaks_allowed=/run/leaks_allowed
allow_leak()
{
	echo "$1" >>"$leaks_allowed"
}

# unexpected_leaks: what kmemleak has found but for those
unexpected_leaks()
{
	awk -v allowed="$(paste -sd '|' "$leaks_allowed" 2>/dev/null)" '
		function report() {
			if (text != "" && (allowed == "" || text !~ allowed))
				printf "%s", text
		}
		/^unreferenced/ { report(); text = "" }
		{ text = text $0 "\n" }
		END { report() }' "$kmemleak"
}

# detectors_end: prints a failed result for each thing found.
detectors_end()
{
	local leaks

	# a scenario that has provoked them on purpose
	[ ! -e /run/detectors_spent ] || return
	# without memory it does, and a scenario can have taken that away
	if [ -e "$dma_debug" ] && [ ! -e /run/dma_debug_spent ] &&
			[ "$(cat "$dma_debug/disabled")" != N ]; then
		echo "not ok - DMA_API_DEBUG has switched itself off"
	fi
	if [ -e /proc/lockdep_stats ] &&
			! grep -qE '^ debug_locks: +1$' /proc/lockdep_stats; then
		echo "not ok - lockdep has switched itself off"
	fi
	[ -e "$kmemleak" ] || return
	# It believes what two scans have found, and nothing younger than 5 s.
	sleep 5
	echo scan >"$kmemleak"
	echo scan >"$kmemleak"
	leaks=$(unexpected_leaks)
	[ -n "$leaks" ] || return
	head -n 200 <<<"$leaks" | sed 's/^/# /'
	echo "not ok - kmemleak: $(grep -c '^unreferenced' <<<"$leaks")" \
		"objects have leaked"
}
