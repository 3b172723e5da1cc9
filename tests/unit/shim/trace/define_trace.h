/* SPDX-License-Identifier: GPL-2.0 */
/* Nothing: tracepoints of the unit tests have no bodies. */
