#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Two results, a skip, an expected kernel message, and something left running.
expect_log "unknown parameter 'softhca_said' ignored"
modprobe dummy softhca_said=1
echo "ok 1 - arguments: $*"
echo "ok 2 - second"
echo "ok 3 - third # SKIP not here"
sleep 1000 &
echo "1..3"
