# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0
# Runs test programs of this folder inside a scenario: their results become the
# scenario's. A program prints "ok N - name" and "not ok N - name"; the numbers
# are given anew.

# program NAME ARGS...: status 1 stands for failed results; another one, or 1
# without such, is one failed result more. $program_as is a command that it is run by,
# as another user for example.
program_as=()
program()
{
	local line status failed_before=$failed

	while IFS= read -r line; do
		case $line in
		"ok "* | "not ok "*) program_result "$line" ;;
		"status "*) status=${line#status } ;;
		*) echo "$line" ;;
		esac
	done < <(
		timeout -k 5 "${program_timeout:-100}" \
			"${program_as[@]}" "$@" 2>&1
		echo "status $?"
	)
	case $status in
	0) return ;;
	1) [ "$failed" -eq "$failed_before" ] || return ;;
	esac
	not_ok "$1 ended with status $status"
}

program_result()
{
	local name=${1#* - }

	case $1 in
	"ok "*) ok "$name" ;;
	*) not_ok "$name" ;;
	esac
}
