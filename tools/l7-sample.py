# SPDX-License-Identifier: Apache-2.0
r"""Write a sample of a conversation for fuzz_l7.c.

tools/l7-sample.py [--datagram] OUT '>GET / HTTP/1.1\r\n\r\n' '<HTTP/1.1 200 OK\r\n\r\n' '>x:00ff' '?<100'
A piece begins with > (client) or < (server); \r \n \xNN are read as in C; ">x:" is followed by hex digits; "?<100": 100 bytes of
the server are lost.
"""
import argparse
import pathlib


def piece(text):
    if text[0] == "?":
        return b"?" + text[1].encode() + int(text[2:]).to_bytes(2, "big")
    if text[1:3] == "x:":
        data = bytes.fromhex(text[3:])
    else:
        data = text[1:].encode("latin-1", "backslashreplace").decode("unicode_escape").encode("latin-1")
    return text[0].encode() + len(data).to_bytes(2, "big") + data


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--datagram", action="store_true")
    parser.add_argument("out", type=pathlib.Path)
    parser.add_argument("pieces", nargs="+")
    args = parser.parse_args()
    args.out.parent.mkdir(parents=True, exist_ok=True)
    args.out.write_bytes((b"d" if args.datagram else b"") + b"".join(piece(p) for p in args.pieces))


if __name__ == "__main__":
    main()
