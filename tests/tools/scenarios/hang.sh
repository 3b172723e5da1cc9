#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Does not end.
# vm: timeout=4
echo "ok 1 - before it hangs"
echo -n "a line without an end"
sleep 1000
