# SPDX-License-Identifier: Apache-2.0
"""The columns of requests, live: at least 95 % of the windows of plaintext HTTP, DNS and gRPC carry them."""
import pytest

import features
import rows
import scenes

BAR = 0.95

# scenario -> protocol it speaks, what its rows must say
CARRIED = {
    "healthy-requests": ("tcp", {"l7_protocol_detected": "http", "http_status_code": "200", "http_method": "GET",
                                 "http_url": "/item"}),
    "healthy-dns": ("udp", {"l7_protocol_detected": "dns", "dns_query_name": "www.lab.example", "dns_num_answers": "1"}),
    "healthy-grpc": ("tcp", {"l7_protocol_detected": "grpc", "grpc_method": "/lab.Shop/Buy", "l7_protocol": "4"}),
}


def carries(row, wanted):
    return all(row[column] == value for column, value in wanted.items())


@pytest.mark.root
@pytest.mark.parametrize("name", CARRIED)
def test_windows_carry_their_requests(crosscut, name):
    if name == "healthy-grpc":
        pytest.importorskip("grpc")
    proto, wanted = CARRIED[name]
    run = features.run_once(name, scenes.load(name), features.Plan(duration_s=5), crosscut)
    target = [t for t in run["targets"] if t[2] == proto][:1]
    seen = [row for row in run["rows"] if rows.is_target(row, target)]
    good = sum(carries(row, wanted) for row in seen)
    print(f"{name}: {good} of {len(seen)} windows")
    assert len(seen) >= 30
    assert good >= BAR * len(seen), [row for row in seen if not carries(row, wanted)][:2]
    latency = "dns_query_latency_ms" if proto == "udp" else "http_latency_ms"
    if name != "healthy-grpc":
        assert all(0 < float(row[latency]) < 1000 for row in seen if carries(row, wanted))
