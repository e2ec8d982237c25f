/* SPDX-License-Identifier: Apache-2.0 */
/* Walks over sockets, on demand: the one probe that is asked instead of waiting for events. */
#pragma once

/** Who holds which socket: sends listeners and UDP sockets, remembers owners of the rest. @scan: from open(). 0 or -errno. */
int xc_scan_files(void *scan);

/** TCP sockets of the calling thread's network namespace that are stuck. 0 or -errno. */
int xc_scan_tcp(void *scan);
