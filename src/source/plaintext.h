/* SPDX-License-Identifier: Apache-2.0 */
/* Where the uprobes of the tls probe go: every libssl that a process, or any process, has mapped. */
#pragma once

#include "base/scope.h"

#include <stdint.h>

struct xc_attached;
struct xc_plaintext;

/**
 * @whom: a process id, or "all"
 * @tls: the probe; borrowed until xc_plaintext_close()
 * Return: 0 or -errno (logged): -EINVAL = neither.
 */
int xc_plaintext_open(const char *whom, struct xc_attached *tls, struct xc_plaintext **ret);

/** Look for libraries that are new, when it is time to. */
void xc_plaintext_look(struct xc_plaintext *p, uint64_t now_ns);

/** Accepts NULL. The uprobes go with the probe. */
void xc_plaintext_close(struct xc_plaintext *p);
