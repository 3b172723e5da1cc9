# SPDX-License-Identifier: GPL-2.0
# The suite's commands. The modules themselves are described by Kbuild.

# Beside a Kbuild file the kernel's build system does not read this one.
KDIR ?= $(shell tools/kdir 2>/dev/null)
VERSION := $(shell cat VERSION)

help:
	@echo 'softhca $(VERSION)'
	@echo
	@echo '  make demo       see it work: boots a Debian 12 guest, runs RDMA programs'
	@echo '  make check      run every test: style, user space, guests'
	@echo '  make check KERNEL=6.12   every test on one kernel of tools/kernels.list'
	@echo '  make check TESTS="rping link"   only these'
	@echo '  make check-debug   every scenario on a kernel with KASAN, lockdep, ...'
	@echo '  make suite      the tests of rdma-core on softhca and rdma_rxe, compared'
	@echo '  make datacheck  random traffic of which every byte is compared, for ten minutes'
	@echo '  make bench-rmap    measure the reverse map beside other structures, with a plot'
	@echo '  make lint       the style checks alone'
	@echo '  make modules    build the modules (KDIR=... for another kernel)'
	@echo '  make install    build and install them on this machine with DKMS'
	@echo '  make uninstall  remove them from this machine'
	@echo '  make clean      remove everything that was built, the caches too'
	@echo
	@echo 'One scenario alone: tools/vm run NAME (tests/vm/NAME.sh); a shell in'
	@echo 'a guest: tools/vm shell.'

modules:
	@test -n '$(KDIR)' || tools/kdir
	$(MAKE) -C $(KDIR) M=$(CURDIR) modules

install:
	@tools/need build
	@tools/install install

uninstall:
	@tools/install remove

demo:
	@tools/demo

check:
	@tests/run $(if $(KERNEL),--kernel $(KERNEL)) $(TESTS)

check-debug:
	@tests/run --kernel $(or $(KERNEL),6.1-debug) $(TESTS)

suite:
	@tools/suite $(if $(KERNEL),--kernel $(KERNEL)) $(MODULES)

# DATACHECK_SEED=0x... is that seed again.
DATACHECK_SECONDS ?= 600
datacheck:
	@tools/vm run $(if $(KERNEL),--kernel $(KERNEL)) \
		--timeout $$(($(DATACHECK_SECONDS) * 2 + 600)) \
		--env DATACHECK_SECONDS=$(DATACHECK_SECONDS) \
		$(if $(DATACHECK_SEED),--env DATACHECK_SEED=$(DATACHECK_SEED)) \
		$(if $(DRIVER),--env DRIVER=$(DRIVER)) datacheck

bench-rmap:
	@tools/bench-rmap

lint:
	@tools/lint

# A build directory can be root's, from a "make check" that root has run.
clean:
	@if [ -d "$(KDIR)" ]; then $(MAKE) -s -C $(KDIR) M=$(CURDIR) clean; fi
	@if [ -e tests/unit/Makefile ]; then $(MAKE) -s -C tests/unit clean; fi
	@rm -rf build || { echo 'clean: run this again as root' >&2; exit 1; }

.PHONY: help modules install uninstall demo check check-debug suite datacheck bench-rmap \
	lint clean
