/* SPDX-License-Identifier: Apache-2.0 */
#include "probe/probe.h"

#include "tls.skel.h"

static const struct xc_program programs[] = {
	{ .name = "tls_handshake" }, { .name = "tls_handshake_done" },
	{ .name = "tls_read" },	     { .name = "tls_read_done" },
	{ .name = "tls_read_ex" },   { .name = "tls_read_ex_done" },
	{ .name = "tls_write" },     { .name = "tls_write_done" },
	{ .name = "tls_write_ex" },  { .name = "tls_write_ex_done" },
	{ .name = "tls_free" },	     { .name = NULL },
};

const struct xc_probe xc_probe_tls = {
	.name = "tls",
	.text = "plaintext that processes give to OpenSSL and get from it; only with --tls-uprobes",
	.needs = "uprobes (CONFIG_UPROBE_EVENTS), libssl as a shared library; CAP_BPF, CAP_PERFMON",
	.without = "requests inside TLS are not seen",
	.serves = XC_FOR_PLAINTEXT,
	.elf = tls_bpf__elf_bytes,
	.programs = programs,
};
