# SPDX-License-Identifier: Apache-2.0
"""Big files through a path that loses packets: the heavy-traffic script, step by step."""
import contextlib
import sys

import impair
import loads

TRUTH = dict(label=2, where="router", signal="retransmission_rate > 0.05, consecutive_retrans > 0", view=["client"],
             levels={"loss-50": {"PACKET_LOSS": 50}, "file-100M": {"FILE_SIZE": "100M"},
                     "delay-200ms": {"DELAY_MS": 200}}, lasts="TEST_DURATION", window_s=5)
UNITS = {"K": 1 << 10, "M": 1 << 20, "G": 1 << 30}


def step(number, text):
    print(f"[{number}/4] {text}", file=sys.stderr, flush=True)


def size_of(text):
    return int(text[:-1]) * UNITS[text[-1]] if text[-1] in UNITS else int(text)


@contextlib.contextmanager
def impaired(lab, flow, percent, delay_ms):
    """Loss, and delay if any; gone at the end of the block, whatever happens in it."""
    with contextlib.ExitStack() as stack:
        stack.enter_context(impair.lossy(lab, flow, percent))
        if delay_ms:
            stack.enter_context(impair.delayed(lab, flow, [(delay_ms, 1)]))
        try:
            yield
        finally:
            step(4, f"taking away the loss{' and the delay' if delay_ms else ''}")


def run(lab, PACKET_LOSS=25, TEST_DURATION=30, FILE_SIZE="10M", FILES=4, DELAY_MS=0):
    target = lab.flow()
    lab.server.start(loads.swallow, target)
    device = lab.client.sh(f"ip -o route get {target.server}").split(" dev ")[1].split()[0]
    step(1, f"found the server {target.server}:{target.port} ({lab.server.netns}), reached through {device}")
    impair.background(lab)
    yield [target]
    told = impair.counted(lab.client, "Tcp", "RetransSegs", "segments sent again")
    step(2, f"losing {PACKET_LOSS} % of the packets" + (f", delaying them by {DELAY_MS} ms" if DELAY_MS else ""))
    with impaired(lab, target, PACKET_LOSS, DELAY_MS):
        step(3, f"sending {FILES} files of {FILE_SIZE} at a time for {TEST_DURATION} s")
        lab.client.start(loads.files, target, FILES, size_of(FILE_SIZE))
        yield
        proof = told()
    return proof
