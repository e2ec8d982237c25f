/* SPDX-License-Identifier: Apache-2.0 */
/* What features says of columns instead of writing rows: --list, --check, and its reference page. */
#pragma once

#include "base/buf.h"
#include "core/config.h"

/** --list: the columns to stdout, those of --columns when it was given. Returns enum xc_exit. */
int xc_columns_print(const struct xc_config *cfg);

/** --check FILE. Returns enum xc_exit: XC_EXIT_FINDINGS when something is wrong with the file. */
int xc_columns_check(const struct xc_config *cfg);

/** Append the page `features` of the reference as Markdown. */
void xc_columns_markdown(struct xc_buf *out);

struct xc_feature;

/** Append the range of a column: "0..1", ">= 0", "a|b"; nothing when all is allowed. */
void xc_columns_put_range(const struct xc_feature *f, struct xc_buf *out);
