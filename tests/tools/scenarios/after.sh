#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Comes after those that end their guests; nothing of them is left.
[ ! -e /tmp/mark ] && ! pgrep -x sleep && echo "ok 1 - a guest of its own"
