# SPDX-License-Identifier: Apache-2.0
"""The cases of llhttp (Node.js), beside what crosscut reads from the same bytes. TAP.

    llhttp.py REQUESTS [CASE...]

A case is a text in Markdown: bytes, and the callbacks llhttp makes. Messages are compared by method and path, or by
status. Where crosscut reads on and llhttp refuses, or the other way round,
llhttp-differences.tsv has a row with the reason. A difference without a row fails, and so does a row without one.
"""
import csv
import os
import pathlib
import re
import subprocess
import sys
import tempfile

import frames

HERE = pathlib.Path(__file__).resolve().parent
SHARED = pathlib.Path(os.environ.get("CROSSCUT_L7") or HERE.parents[2] / "shared" / "data" / "l7") / "llhttp-tests"
LIMIT_S = 60
PIPELINED = 8  # requests before a server speaks: more than any case answers
ESCAPES = {"r": "\r", "n": "\n", "t": "\t", "f": "\f"}


def wire(text):
    """The bytes of a case: lines end in CRLF, escapes stand for what they say."""
    text = re.sub(r"\\\n", "", text.removesuffix("\n")).replace("\n", "\r\n")
    text = re.sub(r"\\([rntf])", lambda m: ESCAPES[m[1]], text)
    text = re.sub(r"\\x([0-9a-fA-F]{2})", lambda m: chr(int(m[1], 16)), text)
    return bytes(ord(c) & 0xff for c in text)  # what Node.js makes of characters beyond Latin-1


def path_of(url):
    """What crosscut keeps of a target: its path."""
    match = re.match(r"[A-Za-z]+://[^/?#]*(.*)", url)
    path = (match[1] if match else url).split("?")[0]
    return path or ("/" if match else "")


def spans(log, name):
    return "".join(re.findall(rf'span\[{name}\]="(.*)"', log))


def expected(log, is_request):
    """[method and path, or status] of messages whose head was accepted."""
    found = []
    for message in re.split(r"^off=\d+ message begin$", log, flags=re.M)[1:]:
        head = re.search(r"headers complete (?:method=\d+ |status=(\d+) )", message)
        if not head:
            continue
        what = f"{spans(message, 'method')} {path_of(spans(message, 'url'))}" if is_request else head[1]
        found.append(what)
    return found


def capture(data, is_request):
    talk = frames.Talk().open()
    if not is_request:
        talk.send(0, frames.PSH | frames.ACK, b"".join(b"GET /%d HTTP/1.1\r\n\r\n" % n for n in range(PIPELINED)))
    talk.send(0 if is_request else 1, frames.PSH | frames.ACK, data).close()
    return frames.pcap([(ns, frames.ethernet(packet)) for ns, packet in talk.packets])


def read(program, data, is_request):
    """The same of crosscut."""
    with tempfile.NamedTemporaryFile() as file:
        file.write(capture(data, is_request))
        file.flush()
        done = subprocess.run([program, file.name], capture_output=True, timeout=LIMIT_S, check=True)
    rows = [line.split("\t") for line in done.stdout.decode("utf-8", "replace").splitlines()]
    if is_request:
        return [f"{row[6]} {row[7]}" for row in rows if row[4] == "http"]
    return [row[8] for row in rows if row[4] == "http" and row[8] != "-"]


def compare(program, case):
    is_request = case["type"].startswith("request")
    theirs = expected(case["log"], is_request)
    ours = read(program, wire(case["input"]), is_request)
    return ("; ".join(ours) or "none", "; ".join(theirs) or "none")


def sections(path):
    """(title, kind or None, {language: text of the block}) of each heading of a file."""
    for part in re.split(r"^#+ ", "\n" + path.read_text(encoding="utf-8"), flags=re.M):
        title, _, text = part.partition("\n")
        meta = re.search(r'"type": ?"([^"]*)"', text)
        blocks = text.split("```")[1::2]
        yield title, meta and meta[1], {block.partition("\n")[0]: block.partition("\n")[2] for block in blocks}


def cases():
    """{name: case}"""
    found = {}
    for path in sorted(SHARED.glob("re*/*.md")):
        part = path.relative_to(SHARED).with_suffix("")
        for title, kind, blocks in sections(path):
            if not {"http", "log"} <= set(blocks):
                continue
            name = f"{part}: {title}".replace("#", "")  # a directive in TAP
            while name in found:
                name += "'"
            found[name] = {"type": kind or part.parts[0], "input": blocks["http"], "log": blocks["log"]}
    return found


def listed():
    with open(HERE / "llhttp-differences.tsv", encoding="utf-8", newline="") as file:
        return {row["case"]: row for row in csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE)}


def check(program, name, case, row):
    """What is wrong, or None."""
    ours, theirs = compare(program, case)
    if ours == theirs:
        return f"listed as a difference, but it is none: {ours}" if row else None
    if row and (row["ours"], row["llhttp"]) == (ours, theirs):
        return None
    return f"crosscut: {ours} | llhttp: {theirs}"


def main():
    program, *names = sys.argv[1:]
    if not SHARED.exists():
        print("1..0 # SKIP the shared captures are not here")
        return 0
    rows, todo = listed(), cases()
    todo = {name: case for name, case in todo.items() if not names or name in names}
    print(f"1..{len(todo)}")
    failed = 0
    for number, (name, case) in enumerate(todo.items(), 1):
        wrong = check(os.path.abspath(program), name, case, rows.get(name))
        failed += bool(wrong)
        print(f"{'not ok' if wrong else 'ok'} {number} - {name}", flush=True)
        if wrong:
            print(f"# {wrong}")
    return int(bool(failed))


if __name__ == "__main__":
    sys.exit(main())
