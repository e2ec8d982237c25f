/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A program that returns at once, on both ways of an interface, as crosscut attaches its own (TCX):
 * what a program costs whatever it does. `empty INTERFACE`; says "ready", ends by a signal.
 */
#include <bpf/bpf.h>
#include <net/if.h>
#include <stdio.h>
#include <unistd.h>

/* enum bpf_attach_type since 6.6 */
#define TCX_INGRESS 46
#define TCX_EGRESS 47

int main(int argc, char **argv)
{
	const struct bpf_insn next[] = {
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0, .imm = -1 },
		{ .code = BPF_JMP | BPF_EXIT },
	};
	int fd = bpf_prog_load(BPF_PROG_TYPE_SCHED_CLS, "empty", "GPL", next, 2, NULL);
	int index = argc > 1 ? (int)if_nametoindex(argv[1]) : 0;

	if (fd < 0 || !index ||
	    bpf_link_create(fd, index, (enum bpf_attach_type)TCX_INGRESS, NULL) < 0 ||
	    bpf_link_create(fd, index, (enum bpf_attach_type)TCX_EGRESS, NULL) < 0) {
		perror("empty");
		return 1;
	}
	puts("ready");
	(void)fflush(stdout);
	(void)pause();
	return 0;
}
