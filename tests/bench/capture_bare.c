/* SPDX-License-Identifier: Apache-2.0 */
/* The least a reader of captures can do: libpcap's loop, and the length of each packet. capture_bare CAPTURE */
#include <inttypes.h>
#include <pcap/pcap.h>
#include <stdio.h>

int main(int argc, char **argv)
{
	char error[PCAP_ERRBUF_SIZE];
	pcap_t *p = argc > 1 ? pcap_open_offline(argv[1], error) : NULL;
	uint64_t n = 0, bytes = 0;
	struct pcap_pkthdr *h;
	const u_char *data;

	if (!p)
		return 1;
	while (pcap_next_ex(p, &h, &data) == 1) {
		n++;
		bytes += h->len;
	}
	(void)printf("%" PRIu64 " packets, %" PRIu64 " bytes\n", n, bytes);
	pcap_close(p);
	return 0;
}
