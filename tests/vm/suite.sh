#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# rdma-core's own tests, as Debian ships them with python3-pyverbs, on softhca: each
# test passes, or is skipped for a reason that suite/skips names. With
# SUITE_BESIDE=rxe in the environment on rdma_rxe as well, module by module, whose
# results are shown and not counted: "make suite" compares them. SUITE_MODULES names
# modules (test_mr ...), or is "all"; without it all but those for other vendors.
# vm: timeout=900 cpus=1
. "$(dirname "$0")/lib.sh"

# A test that has not ended by then hangs.
test_seconds=${SUITE_SECONDS:-60}

# The package has the larger files compressed, which Python does not read. Its
# __init__.py would load all of the modules in each process.
unpack()
{
	cp -r /usr/share/doc/rdma-core/tests "$scratch/" &&
		find "$scratch/tests" -name '*.gz' -exec gunzip {} + &&
		: >"$scratch/tests/__init__.py"
}

# The modules whose tests are not for one vendor's devices.
usual_modules()
{
	find "$scratch/tests" -name 'test_*.py' -printf '%f\n' | sed 's/\.py$//' |
		grep -vE '^test_(mlx5|efa|cuda)' | LC_ALL=C sort
}

# may_skip REASON: does suite/skips know it?
may_skip()
{
	local regex

	while IFS=$'\t' read -r regex _; do
		case $regex in
		"" | "#"*) continue ;;
		esac
		[[ ! $1 =~ $regex ]] || return 0
	done <"$(dirname "$0")/suite/skips"
	return 1
}

# take_result DEVICE MODULE NAME RESULT SECONDS REASON: those of the device that is
# tested count.
take_result()
{
	local name="$2 $3"

	[ "$1" = "$dev0" ] || return
	case $4 in
	passed) ok "$name" ;;
	skipped)
		if may_skip "${6-}"; then
			skip "$name" "${6-}"
		else
			not_ok "$name is skipped, and suite/skips does not know why: ${6-}"
		fi
		;;
	crashed)
		# from 56.1 on these do on a device without raw packets
		if [ "$2" = test_flow ]; then
			skip "$name" "rdma-core's flow tests crash the interpreter"
		else
			not_ok "$name: the interpreter crashed, ${6-}"
		fi
		;;
	*) not_ok "$name: $4${6:+, $6}" ;;
	esac
}

run_tests()
{
	local line field=() status='' modules=${SUITE_MODULES-}

	case $modules in
	"") modules=$(usual_modules) ;;
	all) modules= ;;
	esac
	while IFS= read -r line; do
		case $line in
		test$'\t'*)
			echo "$line"
			IFS=$'\t' read -r -a field <<<"$line"
			take_result "${field[@]:1}"
			;;
		"status "*) status=${line#status } ;;
		*) echo "$line" ;;
		esac
	done < <(
		# shellcheck disable=SC2086 # words
		python3 /suite/tests/vm/suite/runner.py "$scratch" \
			"$test_seconds" "$dev0${beside:+,$beside}" \
			$modules 2>&1
		echo "status $?"
	)
	check "the tests have run to their end" same status "$status" 0
}

# beside_up DRIVER: another driver's device on a netdev of its own, in $beside
beside=
beside_up()
{
	netdev_up dummy1 1 || return
	# no device of the one that is tested on it
	[ -z "$(devices_of dummy1)" ] ||
		rdma link delete "$(devices_of dummy1)" || return
	driver=$1 add_device "beside_$1" dummy1 || return
	beside=beside_$1
}

check "the package has the tests" unpack || finish
# some tests want them
echo 64 >/proc/sys/vm/nr_hugepages
hardware_up 1
[ -z "${SUITE_BESIDE-}" ] || beside_up "$SUITE_BESIDE" ||
	bail "no device of $SUITE_BESIDE"
remember "$dev0"
note "rdma-core $(dpkg-query -W -f '${Version}' python3-pyverbs)"
run_tests
[ -z "$beside" ] || rdma link delete "$beside"
[ -z "$beside" ] || modprobe -r "rdma_$SUITE_BESIDE"
all_released
finish
