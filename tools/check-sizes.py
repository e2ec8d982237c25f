# SPDX-License-Identifier: Apache-2.0
"""Fail when a function or file is over the size budget (STYLE §9).

C: function 80 lines, 5 parameters, nesting 3 (4 in BPF programs); file 800 lines.
Python: function 80 lines, file 800 lines.
A comment "size-ok: reason" in the function, or in the comment before it, waives the function.
"""
import ast
import pathlib
import re
import statistics
import sys

LINES, PARAMS, NESTING, NESTING_BPF, FILE_LINES = 80, 5, 3, 4, 800
CONTROL = {"if", "for", "while", "do", "switch"}
TOKEN = re.compile(r"[A-Za-z_]\w*|[(){};:,]|[^\sA-Za-z_(){};:,]")
NOISE = re.compile(r"//[^\n]*|/\*.*?\*/|\"(?:\\.|[^\"\\\n])*\"|'(?:\\.|[^'\\\n])*'", re.S)
PREPROCESSOR = re.compile(r"^[ \t]*#(?:[^\n\\]|\\\n|\\.)*", re.M)


def blanked(match):
    """White space of the same shape, so that line numbers stay."""
    return re.sub(r"[^\n]", " ", match[0])


class Nesting:
    """How deep the control statements of one function body are nested. A small statement parser."""

    def __init__(self, tokens):
        self.tokens, self.at, self.deepest = tokens, 0, 0

    def peek(self):
        return self.tokens[self.at] if self.at < len(self.tokens) else None

    def skip_pair(self, opening, closing):
        """Skip "( ... )" or "{ ... }"; self.at is at the opening."""
        depth = 0
        while self.at < len(self.tokens):
            depth += (self.tokens[self.at] == opening) - (self.tokens[self.at] == closing)
            self.at += 1
            if not depth:
                return

    def block(self, depth):
        self.at += 1
        while self.peek() not in ("}", None):
            self.statement(depth)
        self.at += 1

    def body(self, depth):
        self.deepest = max(self.deepest, depth)
        self.statement(depth)

    def control(self, depth):
        word = self.tokens[self.at]
        self.at += 1
        if self.peek() == "(":
            self.skip_pair("(", ")")
        self.body(depth + 1)
        if word == "do":
            self.expression()
        if word == "if" and self.peek() == "else":
            self.at += 1
            if self.peek() == "if":  # else if: the same level
                self.control(depth)
            else:
                self.body(depth + 1)

    def expression(self):
        """Up to ';' or a label's ':'; True when a block follows "name(...)": a foreach macro."""
        questions, start = 0, self.at
        while self.peek() not in (None, ";", "}"):
            token = self.peek()
            if token == "(":
                is_call = self.at == start + 1 and self.tokens[start].isidentifier()
                self.skip_pair("(", ")")
                if is_call and self.peek() == "{":
                    return True
                continue
            if token == "{":
                self.skip_pair("{", "}")
                continue
            questions += (token == "?") - (token == ":")
            self.at += 1
            if questions < 0:
                return False
        if self.peek() == ";":
            self.at += 1
        return False

    def statement(self, depth):
        token = self.peek()
        if token == "{":
            self.block(depth)
        elif token in CONTROL:
            self.control(depth)
        elif self.expression():
            self.body(depth + 1)


def count_params(head):
    """Parameters of the last "(...)" of a function's head, as text."""
    depth, start = 0, None
    for at in range(len(head) - 1, -1, -1):
        depth += (head[at] == ")") - (head[at] == "(")
        if head[at] == "(" and depth == 0:
            start = at
            break
    inside = head[start + 1:head.rindex(")")] if start is not None else ""
    while re.search(r"\([^()]*\)", inside):
        inside = re.sub(r"\([^()]*\)", "", inside)
    params = [] if inside.strip() in ("", "void") else inside.split(",")
    return sum(p.strip() != "..." for p in params)


def c_functions(text):
    """(name, head, first line, last line, body) of each function; kernel style: braces in column 0."""
    plain = PREPROCESSOR.sub(blanked, NOISE.sub(blanked, text))
    for match in re.finditer(r"^([A-Za-z_][^;{}=]*\))\s*\n\{\n(.*?)^\}", plain, re.M | re.S):
        head = match[1][match[1].rfind("\n\n") + 1:]
        first = plain.count("\n", 0, match.end(1) - len(head.lstrip())) + 1
        last = plain.count("\n", 0, match.end()) + 1
        words = re.findall(r"(\w+)\s*\(", head)
        # BPF_PROG(name, args...): the name is an argument, and the macro's
        is_bpf = bool(re.search(r"\bBPF_(PROG|KPROBE)\b", head))
        name = re.search(r"BPF_\w+\((\w+)", head)[1] if is_bpf else (words[0] if words else "?")
        yield name, count_params(head) - is_bpf, first, last, match[2]


def c_offences(name, text, sizes):
    lines = text.splitlines()
    limit = NESTING_BPF if ".bpf." in name else NESTING
    for function, params, first, last, body in c_functions(text):
        sizes.append(last - first + 1)
        around = "\n".join(lines[max(0, first - 8):last])
        if re.search(r"size-ok: \w+", around[around.rfind("\n}\n", 0, len(around) - 2) + 1:]):
            continue
        nesting = Nesting(TOKEN.findall("{" + body + "}"))
        nesting.statement(0)
        for what, value, most in (("lines", last - first + 1, LINES), ("parameters", params, PARAMS),
                                  ("levels of nesting", nesting.deepest, limit)):
            if value > most:
                yield f"{name}:{first}: {function}() has {value} {what}, the limit is {most}"


def python_offences(name, text):
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            length = node.end_lineno - node.lineno + 1
            if length > LINES:
                yield f"{name}:{node.lineno}: {node.name}() has {length} lines, the limit is {LINES}"


def offences(root, sizes):
    for top in ("src", "tests", "lab", "tools"):
        for path in sorted((root / top).rglob("*")):
            if path.suffix not in (".c", ".h", ".py") or not path.is_file():
                continue
            name, text = str(path.relative_to(root)), path.read_text()
            n = text.count("\n")
            if n > FILE_LINES:
                yield f"{name}: {n} lines, the limit is {FILE_LINES}; split it"
            yield from python_offences(name, text) if path.suffix == ".py" else c_offences(name, text, sizes)


def main():
    sizes = []
    bad = list(offences(pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else ".").resolve(), sizes))
    print("\n".join(bad))
    if sizes:
        print(f"{len(sizes)} C functions, median {statistics.median(sizes):.0f} lines, "
              f"p90 {sorted(sizes)[len(sizes) * 9 // 10]}, longest {max(sizes)}")
    return bool(bad)


if __name__ == "__main__":
    sys.exit(main())
