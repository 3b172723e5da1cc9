# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0
# Commits the module's defects inside a scenario and looks for their reports.

# commit NAME: commit a defect; $scratch/report has what the kernel says of it.
commit()
{
	dmesg -C
	insmod /suite/bin/detectors.ko "defect=$1" || return
	# KCSAN's and kmemleak's tell the module's name only while it is loaded
	dmesg -t >"$scratch/report"
}

# says PATTERN FUNCTION: the report is of this kind, and about this function of
# the module
says()
{
	grep -E -- "$1" "$scratch/report" &&
		grep -E -- "(^|[^a-z_])$2(\+0x[0-9a-f/x]+)? \[detectors\]" \
			"$scratch/report" && return
	cat "$scratch/report"
	return 1
}

committed()
{
	local status

	commit "$1" || return
	says "$2" "${3:-defect_$1}"
	status=$?
	rmmod detectors
	return "$status"
}

# defect NAME PATTERN [FUNCTION]: one result: the defect is reported. FUNCTION is
# the one that the report must name, if not the defect's own.
defect()
{
	check "$1 is reported" committed "$@"
}

# The reports are what is wanted here, and their texts many. Lockdep and KASAN
# leave lockdep off, so that init must not complain of that.
begin_defects()
{
	allow_log '.'
	touch /run/detectors_spent
	[ ! -e /sys/kernel/debug/clear_warn_once ] ||
		echo 1 >/sys/kernel/debug/clear_warn_once
	modprobe dma_rmap || bail "dma_rmap does not load"
}

end_defects()
{
	modprobe -r dma_rmap
	finish
}
