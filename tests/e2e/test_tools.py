# SPDX-License-Identifier: Apache-2.0
"""The checks themselves: each finds what it is there to find, and nothing else."""
import importlib.util
import pathlib
import subprocess
import sys

import pytest

TOOLS = pathlib.Path(__file__).resolve().parents[2] / "tools"


def load(name):
    spec = importlib.util.spec_from_file_location(name.replace("-", "_"), TOOLS / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def check(name, root):
    """Exit status and output of one check on a tree."""
    done = subprocess.run([sys.executable, str(TOOLS / f"{name}.py"), str(root)], capture_output=True, text=True,
                          check=False, timeout=30)
    return done.returncode, done.stdout


def put(root, path, text):
    (root / path).parent.mkdir(parents=True, exist_ok=True)
    (root / path).write_text(text)


@pytest.mark.parametrize("path, include, is_right", [
    ("src/diag/x.c", "model/case.h", True),
    ("src/diag/x.c", "base/buf.h", True),
    ("src/diag/x.c", "abi/event.h", False),
    ("src/diag/x.c", "conn/conn.h", False),
    ("src/base/x.c", "model/net.h", False),
    ("src/model/x.h", "abi/event.h", True),
    ("src/meta/x.c", "source/source.h", False),
    ("src/sink/x.c", "diag/pattern.h", True),
    ("src/sink/x.c", "probe/probe.h", False),
    ("src/source/x.c", "probe/probe.h", True),
    ("src/probe/x.c", "source/source.h", False),
    ("src/core/x.c", "source/source.h", True),
    ("src/core/x.c", "cmd/cmd.h", False),
    ("src/cmd/x.c", "abi/event.h", False),
    ("src/attic/x.c", "base/buf.h", False),
])
def test_layers(tmp_path, path, include, is_right):
    put(tmp_path, path, f'#include "{include}"\n#include <stdio.h>\n#include "drop.skel.h"\n')
    status, text = check("check-layers", tmp_path)
    assert (status == 0) == is_right, text


BODY = "int f({params})\n{{\n{body}\n}}\n"


@pytest.mark.parametrize("body, params, is_right", [
    ("\treturn 0;", "void", True),
    ("\tg();\n" * 76, "void", True),
    ("\tg();\n" * 77, "void", False),
    ("\treturn 0;", "int a, int (*b)(int, int), int c, int d, int e", True),
    ("\treturn 0;", "int a, int b, int c, int d, int e, int f", False),
    ("\treturn 0;", "int a, int b, int c, int d, const char *e, ...", True),
    ("\tfor (;;)\n\t\tif (a)\n\t\t\twhile (b)\n\t\t\t\tc();", "int a", True),
    ("\tfor (;;)\n\t\tif (a)\n\t\t\twhile (b)\n\t\t\t\tif (c)\n\t\t\t\t\td();", "int a", False),
    ("\tif (a)\n\t\tb();\n\telse if (c)\n\t\td();\n\telse if (e)\n\t\tf();\n\telse if (g)\n\t\th();", "int a", True),
    ("\tfor (;;) {\n\t\tif (a) {\n\t\t\tif (b)\n\t\t\t\t*g = (struct s){ .a = 1 };\n\t\t}\n\t}", "int a", True),
    ("\tforeach(a, b) {\n\t\tif (a)\n\t\t\tswitch (b) {\n\t\t\tcase 1:\n\t\t\t\tif (c)\n\t\t\t\t\td();\n\t\t\t}\n\t}",
     "int a", False),
    ("\t/* size-ok: a table */\n" + "\tg();\n" * 90, "void", True),
])
def test_sizes(tmp_path, body, params, is_right):
    put(tmp_path, "src/base/x.c", BODY.format(params=params, body=body))
    status, text = check("check-sizes", tmp_path)
    assert (status == 0) == is_right, text


def test_sizes_of_files_and_of_python(tmp_path):
    put(tmp_path, "src/base/x.c", "/* x */\n" * 801)
    put(tmp_path, "tools/y.py", "def f():\n" + "    g()\n" * 80)
    status, text = check("check-sizes", tmp_path)
    assert status == 1
    assert "src/base/x.c: 801 lines" in text and "tools/y.py:1: f() has 81 lines" in text


@pytest.mark.parametrize("path, text, is_right", [
    ("src/x.c", "/* SPDX-License-Identifier: Apache-2.0 */\n", True),
    ("src/x.c", "int a;\n", False),
    ("tools/x.py", "#!/usr/bin/python3\n# SPDX-License-Identifier: Apache-2.0\n", True),
    ("README.md", "plain\n", True),
    ("README.md", "TO" "DO\n", False),
    ("README.md", "cd /" "root/x\n", False),
    ("README.md", "cd framework/x, build/" "work/y\n", True),
    ("README.md", "mkstemp XXXXXX\n", True),
    ("build/x.c", "int a;\n", True),
])
def test_tree(tmp_path, path, text, is_right):
    put(tmp_path, path, text)
    status, output = check("check-tree", tmp_path)
    assert (status == 0) == is_right, output


def test_format_keeps_the_columns_of_comments():
    tool = load("format")
    kept = "struct a {\n\tint b;\t\t/* the first */\n\tint cc;\t\t/* the second */\n};\n"
    root = TOOLS.parent
    if not tool.shutil.which(tool.CLANG_FORMAT):
        pytest.skip(f"{tool.CLANG_FORMAT} is not installed")
    assert tool.formatted(kept, root) == kept
    assert tool.formatted("int f(void)\n{\n  return 0;\n}\n", root) == "int f(void)\n{\n\treturn 0;\n}\n"
