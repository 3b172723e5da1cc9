# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0
# Starts and ends a guest, and talks to it.
#
# A guest belongs to a run directory: suite/ (what it sees as /suite), out.log
# (what the scenarios print), kmsg.log (its kernel log) and console.log.

qemu="qemu-system-x86_64"
vm_memory=${SOFTHCA_VM_MEM-}
vm_cpus=${SOFTHCA_VM_CPUS-}
# more devices: "parent" is a PCI device without a driver, "iommu" one behind an
# IOMMU
vm_machine=
vm_append=
# for one who looks on: gdb's port, and whether traces are recorded
vm_gdb=
vm_trace=

# TCG emulates "rep movsb" byte by byte: without these two flags the guest
# kernel's memcpy does not use it.
tcg=(-accel "tcg,thread=multi" -cpu "max,-erms,-fsrm")
kvm=(-accel kvm -cpu host)

# A /dev/kvm that opens proves nothing: there are some on which no kernel ever
# boots. So try it, once for each boot of this machine.
accel=()
choose_accel()
{
	local known pid seconds=0 console

	case ${SOFTHCA_ACCEL:-auto} in
	tcg) accel=("${tcg[@]}"); return ;;
	kvm) accel=("${kvm[@]}"); return ;;
	esac
	accel=("${tcg[@]}")
	[ -w /dev/kvm ] || return 0
	known=$cache/accel-$(tr -d - </proc/sys/kernel/random/boot_id)
	if [ ! -e "$known" ]; then
		say "Trying whether KVM works here ..."
		console=$(mktemp)
		own_dirs+=("$console")
		# in a shell of its own, whose words on a crash nobody needs
		(
			setpriv --pdeathsig KILL -- "$qemu" "${kvm[@]}" \
				-nodefaults -no-user-config -display none \
				-no-reboot -m 512 -kernel "$vmlinuz" \
				-initrd "$initramfs" -serial "file:$console" \
				-append "console=ttyS0 panic=-1 vm_probe"
			:
		) </dev/null >/dev/null 2>&1 &
		pid=$!
		own_pids+=("$pid")
		while ((seconds++ < 150)) && kill -0 "$pid" 2>/dev/null; do
			! grep -q "softhca-vm: probe ok" "$console" || break
			nap 0.1
		done
		rm -f "$cache"/accel-*
		if grep -q "softhca-vm: probe ok" "$console"; then
			echo kvm >"$known.$$"
		else
			echo tcg >"$known.$$"
		fi
		mv "$known.$$" "$known"
		{
			kill -KILL "$pid"
			wait "$pid"
		} 2>/dev/null
		forget_pid "$pid"
		case $(cat "$known") in
		kvm) say "  it does" ;;
		*) say "  it does not: QEMU emulates the processor" ;;
		esac
	fi
	[ "$(cat "$known")" != kvm ] || accel=("${kvm[@]}")
}

# add_disk NAME IMAGE: to $options, one whose serial number is NAME
add_disk()
{
	options+=(-drive "file=$2,format=raw,readonly=on,if=none,id=$1"
		-device "virtio-blk-pci,drive=$1,serial=$1")
}

# guest_options RUN: sets $options, all but its serial line; makes the image of what
# the guest sees as /suite.
options=()
guest_options()
{
	local run=$1 append memory=4096

	make_image "$run/suite.erofs" "$run/suite" || die "no image of $run/suite"
	# kmemleak reads all of it
	[ -z "$kernel_dir" ] || memory=3072
	append="console=ttyS0 loglevel=5 panic=-1 oops=panic log_buf_len=16M"
	append+=" printk.devkmsg=on sysrq_always_enabled random.trust_cpu=on"
	# Code at an address where it has not been before is translated anew by TCG:
	# with a program's addresses left to chance, starting one takes three times
	# as long.
	append+=" norandmaps"
	# Else it takes the HPET, each reading of which QEMU has to emulate.
	append+=" tsc=reliable"
	options=("${accel[@]}" -smp "${vm_cpus:-2}" -m "${vm_memory:-$memory}"
		-nodefaults -no-user-config -display none -no-reboot
		-kernel "$vmlinuz" -initrd "$initramfs"
		-device virtio-rng-pci -device virtio-serial-pci
		-chardev "file,id=out,path=$run/out.log"
		-device "virtserialport,chardev=out,name=softhca.out"
		-chardev "file,id=kmsg,path=$run/kmsg.log"
		-device "virtserialport,chardev=kmsg,name=softhca.kmsg")
	if [ -n "$vm_trace" ]; then
		options+=(-chardev "file,id=trace,path=$run/trace.log"
			-device "virtserialport,chardev=trace,name=softhca.trace")
	fi
	if [ -n "$vm_gdb" ]; then
		options+=(-gdb "tcp:127.0.0.1:$vm_gdb" -S)
		# breakpoints need addresses that do not change
		append+=" nokaslr"
	fi
	case $vm_machine in
	parent) options+=(-machine q35 -device edu) ;;
	iommu)
		options+=(-machine q35 -device intel-iommu -device edu)
		# On a machine that is busy the kernel gives up in the middle of its
		# boot: the timer's interrupts come too late for it.
		append+=" no_timer_check"
		;;
	esac
	add_disk root "$root_dir/root.erofs"
	if [ -n "$kernel_dir" ]; then
		# the ACPI of the default machine takes an interpreter with
		# KASAN in it longer than its own limit
		[ -n "$vm_machine" ] || options+=(-machine q35)
		add_disk kernel "$kernel_dir/upper.erofs"
		append+=" vm_kernel $(kernel_parameters)"
	fi
	add_disk suite "$run/suite.erofs"
	if [ -n "$layer_dir" ]; then
		add_disk layer "$layer_dir/upper.erofs"
		append+=" vm_layer"
	fi
	options+=(-append "$append $vm_append")
}

# start_guest RUN: sets vm_pid and vm_console, a descriptor for its serial line.
# It is told to end with this process, however that ends.
vm_pid=
vm_console=
start_guest()
{
	local run=$1

	guest_options "$run"
	: >"$run/out.log"
	: >"$run/kmsg.log"
	rm -f "$run/console.in"
	mkfifo "$run/console.in"
	exec {vm_console}<>"$run/console.in"
	setpriv --pdeathsig KILL -- "$qemu" "${options[@]}" \
		-chardev stdio,id=console,mux=on,signal=off \
		-serial chardev:console -mon chardev=console,mode=readline \
		<"$run/console.in" >"$run/console.log" 2>"$run/qemu.log" &
	vm_pid=$!
	own_pids+=("$vm_pid")
}

# guest_on_terminal RUN: a guest with its serial line here, until it ends.
guest_on_terminal()
{
	guest_options "$1"
	setpriv --pdeathsig KILL -- "$qemu" "${options[@]}" -serial mon:stdio
}

guest_runs()
{
	kill -0 "$vm_pid" 2>/dev/null
}

stop_guest()
{
	[ -n "$vm_pid" ] || return 0
	{
		kill -KILL "$vm_pid"
		wait "$vm_pid"
	} 2>/dev/null
	forget_pid "$vm_pid"
	own_worlds=()
	vm_pid=
	[ -z "$vm_console" ] || exec {vm_console}>&-
	vm_console=
}

# sysrq KEY: a break on the serial line and the key. Control-A B is QEMU's
# spelling of the break.
sysrq()
{
	printf '\001b%s' "$1" >&"$vm_console"
}

# ask_qemu COMMAND: of its monitor, whose answer comes on the serial line. Control-A C
# changes between them.
ask_qemu()
{
	printf '\001c%s\n' "$1" >&"$vm_console"
	nap 1
	printf '\001c' >&"$vm_console"
}

# What a guest that hangs is doing: where its processors are, which tasks are
# blocked, and every task, into its logs. The processors are QEMU's to tell, also where
# the kernel does not listen yet.
dump_guest()
{
	local key

	guest_runs && [ -n "$vm_console" ] || return 0
	for key in "registers -a" "lapic 0" "lapic 1"; do
		ask_qemu "info $key"
	done
	for key in 9 l w t; do
		sysrq "$key"
		nap 2
	done
}
