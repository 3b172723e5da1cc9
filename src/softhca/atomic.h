/* SPDX-License-Identifier: GPL-2.0 */
/* Atomic operations of connected QPs. */
#ifndef SOFTHCA_ATOMIC_H
#define SOFTHCA_ATOMIC_H

#include "message.h"

enum ib_wc_status softhca_atomic_check(const struct softhca_msg *msg);
struct softhca_outcome softhca_do_atomic(struct softhca_msg *msg);
struct softhca_outcome softhca_do_atomic_write(struct softhca_msg *msg);

#endif /* SOFTHCA_ATOMIC_H */
