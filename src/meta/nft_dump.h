/* SPDX-License-Identifier: Apache-2.0 */
/* Asking the kernel for its nftables ruleset, in the network namespace of the calling thread. */
#pragma once

#include <stdint.h>

/* Which ruleset this is: as long as both stay equal, so do the rules. */
struct xc_nft_state {
	uint64_t cookie;	/* of the namespace, never used twice; 0 = kernel before 5.14 */
	uint32_t generation;	/* counts changes; counters and sets filled by packets do not */
};

/**
 * Cheap look at the state; also tells whether libnftables may be called at all, which
 * ends the process when it cannot open its socket.
 * @ret: its cookie is valid also when nftables itself cannot be asked
 * Return: 0, -EPERM (wants CAP_NET_ADMIN), -EOPNOTSUPP (no nftables here), -errno
 */
int xc_nft_state(struct xc_nft_state *ret);

/**
 * Run one command through libnftables.
 * @flags: NFT_CTX_OUTPUT_*
 * @ret_out: its output, to be freed
 * Return: 0, -EPERM, -ENOMEM, -EFBIG, -EIO
 */
int xc_nft_command(const char *command, unsigned int flags, char **ret_out);
