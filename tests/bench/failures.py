# SPDX-License-Identifier: Apache-2.0
"""Fail many connections of the caller's namespace, each a flow of its own: `failures.py refused|dropped COUNT PORT`.

refused: nobody listens on the port. dropped: a filter drops the SYN; the attempts stay pending, up to PENDING.
"""
import collections
import errno
import json
import socket
import sys
import time

PENDING = 8192  # below the usual limit of descriptors
HOSTS = 250     # of 127.0.0.0/8: with ephemeral ports, every flow is a new one


def attempt(host, port):
    """Start one connection without waiting. (socket, errno)"""
    sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
    return sock, sock.connect_ex((f"127.0.0.{host}", port))


def main():
    what, count, port = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    keep = PENDING if what == "dropped" else 0
    pending, began, results = collections.deque(), time.monotonic(), collections.Counter()
    for i in range(count):
        sock, error = attempt(2 + i % HOSTS, port)
        if error == errno.EINPROGRESS and what == "refused":
            error = sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)  # on loopback the RST is already here
        results[errno.errorcode.get(error, str(error))] += 1
        pending.append(sock)
        if len(pending) > keep:
            pending.popleft().close()
    print(json.dumps({"seconds": time.monotonic() - began, "results": results}))


if __name__ == "__main__":
    main()
