# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0
# Reads what a scenario has left and says what passed and what failed.

# Kernel messages that are a failure at any level, in any scenario.
trouble='WARNING: |BUG: |Oops|Call Trace:|cut here|blocked for more than'
trouble+='|rcu.*(detected stalls|self-detected stall)|soft lockup|hard LOCKUP'
trouble+='|general protection fault|unable to handle|Kernel panic|KASAN|UBSAN'
trouble+='|refcount_t: |list_(add|del) corruption|DMA-API|ODEBUG|kmemleak'
trouble+='|possible (recursive locking|circular locking|deadlock)'
trouble+='|scheduling while atomic|sleeping function called|bad unlock balance'
trouble+='|inconsistent lock state|suspicious RCU usage|locking correctness validator'
trouble+='|KCSAN|held lock freed|nested lock was not taken|Invalid wait context'
# ... and at level warning or above.
ours='softhca|dma_rmap|infiniband|restrack|ib_core|ib_uverbs|ib_cm|rdma_cm|iw_cm'
# Said of every module that is not the distribution's.
always_allowed='loading out-of-tree module taints kernel'
always_allowed+='|module verification failed: signature and/or required key missing'
# Said by the core of every kernel user of the global R_Key, as SRP is one.
always_allowed+='|enabling unsafe global rkey'

# said_to KMSG WORD: what the scenario has said with it, one a line
said_to()
{
	sed -nE "s/^[0-9]+,[^;]*;softhca-vm: ($2) //p" "$1"
}

# without_reports KMSG: the log without the reports of detectors that the scenario
# allows. A report begins with "cut here" and ends with "end trace"; dma-debug's
# goes on with where the memory was mapped. Those of several tasks can be mixed: a
# kernel with detectors says of each line whose it is. A report with more than one
# warning in it has another one in it, and stays.
without_reports()
{
	local regex allowed=

	while IFS= read -r regex; do
		allowed+="${allowed:+|}$regex"
	done < <(said_to "$1" "expect_report|allow_report")
	[ -n "$allowed" ] || { cat "$1"; return; }
	# not by -v, which would take the backslashes away
	allowed=$allowed awk '
		function flush(c,	i, known, warnings)
		{
			for (i = 1; i <= n[c]; i++) {
				known = known || held[c, i] ~ ENVIRON["allowed"]
				warnings += held[c, i] ~ /;(WARNING|BUG): /
			}
			for (i = 1; i <= n[c]; i++)
				if (!known || warnings > 1)
					print held[c, i]
			n[c] = inside[c] = after[c] = 0
		}
		{
			c = substr($0, 1, index($0, ";"))
			sub(/.*caller=/, "", c)
			if (c ~ /,/)
				c = ""
		}
		/;-+\[ cut here \]/ { flush(c); inside[c] = 1 }
		after[c] && !/Mapped at:/ && !/; [^ ]+\+0x/ { flush(c) }
		inside[c] { held[c, ++n[c]] = $0 }
		inside[c] && /;---\[ end trace/ { after[c] = 1 }
		!inside[c] { print }
		END {
			for (c in n)
				flush(c)
		}' "$1"
}

# our_modules: their names, those of the tests included, as a regular expression
our_modules()
{
	cat "$top"/src/*/Kbuild "$top"/tests/vm/*/Kbuild | sed -n 's/^obj-m.*=//p' |
		grep -oE '[a-z_]+' | grep -vx o | sort -u | paste -sd '|'
}

# without_others_races: of KCSAN's reports those in which one of the two accesses is
# ours, or of a function that we call right then; the rest of the log as it is. The
# kernel around us has races that it lives with. A report begins and ends with a line
# of "=".
without_others_races()
{
	awk -v modules="[[]($(our_modules))[]]" '
		function flush(	i)
		{
			for (i = 1; i <= n; i++)
				if (mine || !race)
					print held[i]
			n = mine = race = 0
		}
		/;=+$/ {
			held[++n] = $0
			if (n > 1)
				flush()
			next
		}
		!n { print; next }
		{ held[++n] = $0 }
		n == 2 { race = /BUG: KCSAN: /; if (!race) flush() }
		/;(read|write).* (to|of) .* (by|on) / { frames = 0 }
		/; [^ ]+\+0x/ && ++frames <= 3 && $0 ~ modules { mine = 1 }
		END { flush() }'
}

# log_trouble KMSG: prints the lines that fail the scenario; status 0 if any.
log_trouble()
{
	local kmsg=$1 allowed regex found=1

	allowed=$always_allowed
	while IFS= read -r regex; do
		allowed+="|$regex"
	done < <(said_to "$kmsg" "expect|allow")

	# level = priority modulo 8; facility 0 is the kernel's own
	without_reports "$kmsg" | without_others_races |
		awk -F '[,;]' '/^[0-9]+,[0-9]+,/ && $1 < 8 {
			printf "%d [%6d.%06d] %s\n", $1, int($3 / 1000000),
				$3 % 1000000, substr($0, index($0, ";") + 1)
		}' |
		grep -E "^. .*($trouble)|^[0-4] .*($ours)" |
		grep -vE "$allowed" | cut -c 3- && found=0

	while IFS= read -r regex; do
		# not grep -q: it would leave the first grep with a broken pipe
		if ! grep -E '^[0-7],' "$kmsg" | grep -E -- "$regex" >/dev/null; then
			echo "expected, but not in the log: $regex"
			found=0
		fi
	done < <(said_to "$kmsg" "expect|expect_report")
	return "$found"
}

# judge DIR [tap|status]: judges a scenario from its results. Writes DIR/verdict
# ("passed failed skipped") and DIR/failures, lines that say what failed. With
# "status" the scenario's exit status is its one result.
judge()
{
	local dir=$1 kind=${2:-tap} name status lines passed failed skipped plan came

	name=$(basename "$dir")
	status=$(cat "$dir/status")
	lines=$dir/tap
	tr -d '\r' <"$dir/out.log" | grep -E '^(ok|not ok)( |$)' >"$lines"
	failed=$(grep -c '^not ok' "$lines")
	skipped=$(grep -ciE '^ok.*# *skip' "$lines")
	passed=$(($(grep -c '^ok' "$lines") - skipped))
	grep '^not ok' "$lines" | sed "s/^/$name: /" >"$dir/failures"
	if [ "$kind" = status ]; then
		passed=0
		skipped=0
		failed=0
		: >"$dir/failures"
		[ "$status" != 0 ] || passed=1
	fi

	one_more()
	{
		failed=$((failed + 1))
		echo "$name: $*" >>"$dir/failures"
	}

	case $status in
	0) ;;
	timeout)
		one_more "no end after $(cat "$dir/seconds") s"
		;;
	died)
		one_more "the guest died"
		;;
	*)
		[ "$failed" -gt 0 ] || one_more "exit status $status"
		;;
	esac
	if [ "$kind" = tap ] && [ "$status" = 0 ]; then
		[ -s "$lines" ] || one_more "no result"
		plan=$(sed -n 's/^1\.\.\([0-9][0-9]*\).*/\1/p' "$dir/out.log" |
			tail -n 1)
		# those without a number are the guest's own
		came=$(grep -cvE '^not ok -' "$lines")
		[ -z "$plan" ] || [ "$plan" -eq "$came" ] ||
			one_more "$plan results planned, $came came"
	fi
	if log_trouble "$dir/kmsg.log" >"$dir/trouble"; then
		one_more "kernel log: $(wc -l <"$dir/trouble") bad lines"
		head -n 20 "$dir/trouble" | sed 's/^/    /' >>"$dir/failures"
	fi
	if [ "$status" = died ]; then
		cat "$dir/qemu.log" "$dir/console.log" |
			grep -aE "$trouble|softhca-vm: |qemu" |
			head -n 5 | sed 's/^/    console: /' >>"$dir/failures"
	fi
	echo "$passed $failed $skipped" >"$dir/verdict"
	[ "$failed" -eq 0 ]
}
