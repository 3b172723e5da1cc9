#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Takes the guest down.
echo "ok 1 - before the crash"
echo c >/proc/sysrq-trigger
sleep 1000
