# SPDX-License-Identifier: Apache-2.0
"""SYNs from spoofed addresses that never finish their handshake."""
import impair
import loads
import peers

TRUTH = dict(label=4, where="server", signal="half_open_connections >= 64 or syn_to_synack_ratio > 10",
             view=["server"], levels={"light": {"per_second": 70}, "heavy": {"per_second": 250},
                                      "without-cookies": {"cookies": 0}})


def run(lab, per_second=120, cookies=1, backlog=16):
    target = lab.flow()
    # A host under attack gives up on unanswered SYN-ACKs soon.
    lab.server.sysctl(ipv4__tcp_syncookies=cookies, ipv4__tcp_synack_retries=1)
    lab.router.sh("ip route add blackhole 198.18.0.0/15")
    lab.server.start(loads.serve_with, target, peers.echo, backlog=backlog)
    lab.client.start(loads.chats, target, 4, 0.1)
    impair.background(lab)
    yield [target]
    told = impair.counted(lab.server, "TcpExt", "TCPReqQFullDoCookies" if cookies else "TCPReqQFullDrop",
                          "SYNs met a full request queue")
    flooder = lab.client.start(loads.flood, target, per_second, f"198.{18 + lab.rng.randrange(2)}")
    yield
    flooder.stop()
    return told()
