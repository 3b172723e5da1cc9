# shellcheck shell=bash
# shellcheck disable=SC2034 # those who source this use what it sets
# SPDX-License-Identifier: GPL-2.0
# What the suite's tools share: where things are, messages, progress, locks.
#
# Sourced by the programs in tools/ and tests/. Sets $top (the source tree),
# $cache (what is costly to make and may be shared by several trees) and
# $build (what belongs to this tree).

top=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd -P)
build=$top/build
cache=${SOFTHCA_CACHE:-$build/cache}

say()
{
	printf '%s\n' "$*"
}

warn()
{
	printf '%s: %s\n' "${0##*/}" "$*" >&2
}

die()
{
	warn "$@"
	exit 1
}

# need_root WHAT: stop with a clear message unless root runs this.
need_root()
{
	[ "$(id -u)" -eq 0 ] && return
	die "$1 needs root; run this again as root, for example with sudo"
}

# The processes that must not outlive this one, and the directories to remove.
# Those of $own_worlds are unshare(1), which does not listen to SIGTERM and takes
# all below it along.
own_pids=()
own_worlds=()
own_dirs=()

forget_pid()
{
	local pid left=()

	for pid in "${own_pids[@]}"; do
		[ "$pid" = "$1" ] || left+=("$pid")
	done
	own_pids=("${left[@]}")
}

clean_up()
{
	local pid tries

	trap - EXIT INT TERM HUP
	for pid in "${own_pids[@]}"; do
		kill "$pid" 2>/dev/null
	done
	for pid in "${own_worlds[@]}"; do
		kill -KILL "$pid" 2>/dev/null
	done
	for pid in "${own_pids[@]}"; do
		for ((tries = 0; tries < 100; tries++)); do
			kill -0 "$pid" 2>/dev/null || break
			nap 0.1
		done
		kill -KILL "$pid" 2>/dev/null
		wait "$pid" 2>/dev/null
	done
	[ ${#own_dirs[@]} -eq 0 ] || rm -rf -- "${own_dirs[@]}"
}

# To be called once by each program, before it starts anything.
clean_up_at_exit()
{
	trap clean_up EXIT
	trap 'clean_up; exit 130' INT
	trap 'clean_up; exit 143' TERM HUP
}

# nap SECONDS: sleep without starting a process.
nap_fd=
nap()
{
	[ -n "$nap_fd" ] || exec {nap_fd}<> <(:)
	read -r -t "$1" -u "$nap_fd" _ || :
}

# long WHAT LOG COMMAND...: run a command that takes its time, its output in
# LOG, and say what goes on. Returns its status; shows the log's end if it fails.
long()
{
	local what=$1 log=$2 pid status=0 start=$SECONDS told=0
	shift 2

	say "$what ..."
	"$@" >"$log" 2>&1 </dev/null &
	pid=$!
	own_pids+=("$pid")
	[ "$1" != unshare ] || own_worlds=("$pid")
	while kill -0 "$pid" 2>/dev/null; do
		nap 0.2
		if [ $((SECONDS - start - told)) -ge 10 ]; then
			told=$((SECONDS - start))
			say "  $told s: $(tail -n 1 "$log" | tr -cd '[:print:]' | cut -c 1-70)"
		fi
	done
	wait "$pid" || status=$?
	forget_pid "$pid"
	own_worlds=()
	if [ "$status" -ne 0 ]; then
		tail -n 40 "$log" | sed 's/^/  | /' >&2
		warn "$what: failed (the whole log: $log)"
		return "$status"
	fi
	say "  done in $((SECONDS - start)) s"
}

# lock FILE: hold FILE's lock until this process ends or calls unlock.
lock_fd=
lock()
{
	mkdir -p "$(dirname "$1")"
	exec {lock_fd}>>"$1"
	flock -n "$lock_fd" && return
	say "waiting for another run that is at work in $(dirname "$1") ..."
	flock "$lock_fd"
}

unlock()
{
	exec {lock_fd}>&-
	lock_fd=
}

# hash_of FILE...: one hash of the names and contents of files and of all
# files under directories.
hash_of()
{
	find "$@" -type f -print0 | LC_ALL=C sort -z | xargs -0 sha256sum |
		sed "s|  $top/|  |" | sha256sum | cut -c 1-16
}

# option_of SCENARIO KEY DEFAULT: from its "# vm: key=value ..." lines.
option_of()
{
	local words word value=$3

	read -r -d '' -a words < <(sed -n 's/^# vm: *//p' "$1")
	for word in "${words[@]}"; do
		[ "${word%%=*}" != "$2" ] || value=${word#*=}
	done
	printf '%s\n' "$value"
}

# cpus_of SCENARIO...: how many processors their guest has: the most that one wants.
# In brief form that can be another number than otherwise.
cpus_of()
{
	local file cpus most=1

	for file; do
		cpus=$(option_of "$file" cpus 2)
		[ -z "${SOFTHCA_BRIEF-}" ] ||
			cpus=$(option_of "$file" brief-cpus "$cpus")
		[ "$cpus" -le "$most" ] || most=$cpus
	done
	echo "$most"
}

# An entry of the cache is a directory that has its name from when it is complete
# on. To have one: if begin_entry DIR; then (make it in $entry); end_entry DIR; fi;
# use_entry DIR.

# begin_entry DIR WHAT: does the entry have to be made? Then WHAT needs root, $entry
# is where, removed unless end_entry is called, and other runs wait.
entry=
begin_entry()
{
	local dir=${1%/*}

	[ ! -d "$1" ] || return
	need_root "$2"
	lock "$dir/.lock-${1##*/}"
	if [ -d "$1" ]; then
		unlock
		return 1
	fi
	mkdir -p "$build/logs"
	entry=$(mktemp -d "$dir/.tmp-XXXXXX")
	chmod 755 "$entry"
	own_dirs+=("$entry")
}

# end_entry DIR COUNT: it is complete; of its kind so many are kept.
end_entry()
{
	mv "$entry" "$1"
	unlock
	drop_old "${1%/*}" "$2"
}

# use_entry DIR: it is not dropped as long as this process runs.
use_entry()
{
	local fd

	touch "$1"
	exec {fd}<"$1"
	flock -s "$fd"
}

# drop_old DIR COUNT: of a cache's entries keep the newest COUNT and those that
# somebody holds by a lock; of the unfinished ones those of the last hours.
drop_old()
{
	local entry fd

	find "$1" -mindepth 1 -maxdepth 1 -name '.tmp-*' -mmin +360 \
		-exec rm -rf {} +
	# shellcheck disable=SC2012 # names are hashes
	ls -1dt "$1"/*/ 2>/dev/null | tail -n +$(($2 + 1)) |
		while read -r entry; do
			exec {fd}<"$entry" || continue
			! flock -n -x "$fd" || rm -rf -- "$entry"
			exec {fd}>&-
		done
}
