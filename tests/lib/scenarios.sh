# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0
# Which scenarios run on which kernel. The caller has $one_kernel, the kernel that
# it was asked for (or nothing), and $want, the names it was asked for (or none).

# wanted NAME: was it asked for?
wanted()
{
	[ ${#want[@]} -eq 0 ] || [[ " ${want[*]} " = *" $1 "* ]]
}

# The next three are about the kernel that choose_kernel has chosen.

# only_some: does it get only what says on=all?
only_some()
{
	[ -z "$one_kernel" ] && [ "$kernel" != "$(default_kernel)" ]
}

# brief: do scenarios repeat things less often on it? The detectors see as much
# in a few rounds, and take their time.
brief()
{
	[ "$flavour" != stock ] || only_some
}

# guest_cpus NAME...: the processors of a guest that they share. Root ones run on
# this machine.
guest_cpus()
{
	local name files=()

	for name; do
		files+=("$top/tests/vm/$name.sh")
	done
	if [ "$(option_of "${files[0]}" mode guest)" = root ]; then
		echo 1
	elif brief; then
		SOFTHCA_BRIEF=1 cpus_of "${files[@]}"
	else
		cpus_of "${files[@]}"
	fi
}

# is_for_it FILE: does the scenario run on it?
is_for_it()
{
	case $(option_of "$1" on one):$flavour in
	debug:stock | request:*) return 1 ;;
	one:stock) ! only_some ;;
	*:stock) return 0 ;;
	# what runs without a guest has no use for another kernel
	*) [ "$(option_of "$1" mode guest)" = guest ] ;;
	esac
}

# Scenarios that do not say alone=1 share guests, as each boot takes its time: so many
# at most on stock kernels. Those that we compile take long to boot: there a guest for
# each two lanes has to do.
scenarios_in_guest=4

# scenarios_on KERNEL: all scenarios for it, one line for each guest, those with more
# processors first: of the others one fits beside each of them.
scenarios_on()
{
	local file name group

	choose_kernel "$1"
	for file in "$top"/tests/vm/*.sh; do
		name=$(basename "$file" .sh)
		# what scenarios share is none itself
		[ "$name" != lib ] || continue
		wanted "$name" || continue
		is_for_it "$file" || continue
		group=$name
		[ -n "$(option_of "$file" alone "")" ] ||
			[ "$(option_of "$file" mode guest)" = root ] ||
			group="~$(guest_cpus "$name")"
		echo "$group $name $(option_of "$file" timeout 120)"
	done | share_guests |
		awk '$1 != last { if (line) print line; line = ""; last = $1 }
			{ line = line (line ? " " : "") $2 }
			END { if (line) print line }'
}

# share_guests: deals those of group "~1", and of "~2", out to guests, the longest first
share_guests()
{
	local at_most=$scenarios_in_guest

	[ "$flavour" = stock ] || at_most=
	sort -k3,3nr | awk -v lanes="$lanes" -v at_most="$at_most" '
		$1 !~ /^~/ { print $1, $2; next }
		{ class[++n] = $1; name[n] = $2; seconds[n] = $3; count[$1]++ }
		END {
			for (i = 1; i <= n; i++) {
				guests = lanes / 2
				if (at_most)
					guests = (count[class[i]] - 1) / at_most + 1
				least = 1
				for (k = 2; k <= guests; k++)
					if (load[class[i], k] < load[class[i], least])
						least = k
				load[class[i], least] += seconds[i]
				print class[i] "." least, name[i]
			}
		}' | LC_ALL=C sort -k1,1r -k2,2
}
