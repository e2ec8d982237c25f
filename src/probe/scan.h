/* SPDX-License-Identifier: Apache-2.0 */
/* Walks over sockets, on demand: the one probe that is asked instead of waiting for events. */
#pragma once

struct xc_attached;

/** Who holds which socket: sends listeners and UDP sockets, remembers owners of the rest. 0 or -errno. */
int xc_scan_files(const struct xc_attached *scan);

/** TCP sockets of the calling thread's network namespace that are stuck. 0 or -errno. */
int xc_scan_tcp(const struct xc_attached *scan);
