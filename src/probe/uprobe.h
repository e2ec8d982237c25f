/* SPDX-License-Identifier: Apache-2.0 */
/* Uprobes as the kernel offers them since 6.6: a link to a place in a file, without a perf event. */
#pragma once

#include "probe/probe.h"

#include <bpf/libbpf.h>

/** Has this kernel links to uprobes? Then programs are made for them before they are loaded. */
bool xc_uprobe_has_links(const struct xc_kernel *kernel);

/** Before load: @prog, a uprobe or uretprobe, is going to be attached by xc_uprobe_link(). */
void xc_uprobe_prepare(struct bpf_program *prog);

/** Was it? */
bool xc_uprobe_is_prepared(const struct bpf_program *prog);

/** Attach @prog_fd. Return: the descriptor of the link, -ENOENT (no such function in the file) or another -errno. */
int xc_uprobe_link(int prog_fd, const struct xc_uprobe_at *at, bool is_return);
