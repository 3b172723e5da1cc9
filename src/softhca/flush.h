/* SPDX-License-Identifier: GPL-2.0 */
/* The operation FLUSH of connected QPs. */
#ifndef SOFTHCA_FLUSH_H
#define SOFTHCA_FLUSH_H

#include "message.h"

enum ib_wc_status softhca_flush_check(const struct softhca_msg *msg);
struct softhca_outcome softhca_do_flush(struct softhca_msg *msg);

#endif /* SOFTHCA_FLUSH_H */
