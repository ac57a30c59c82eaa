#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes docs/errors.md from the sources: every error's code, kind, cause and remedy. With --check it
only says whether the page is up to date."""
import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "errors.md"
TEXT = r'((?:"(?:[^"\\]|\\.)*"\s*)+)'
HEAD = """# Error reference

Made by `tools/error_reference.py` from the sources. Every error has a stable code; `transient` ones are tried
again with back-off, `blocked` ones wait for you, `data` ones are about one row or statement, `bug` ones are ours.

| code | kind | cause | remedy |
|---|---|---|---|
"""


def joined(literals):
    text = "".join(re.findall(r'"((?:[^"\\]|\\.)*)"', literals))
    return text.replace('\\"', '"').replace("|", "\\|")


def initializer(source, start):
    """The rest of the braces that `start` is within."""
    depth = 0
    for token in re.finditer(r'"(?:[^"\\]|\\.)*"|[{}]', source[start:]):
        depth += {"{": 1, "}": -1}.get(token.group(), 0)
        if depth < 0:
            return source[start:start + token.start()]
    raise ValueError(f"no end after {source[start:start + 80]!r}")


def field(block, name):
    found = re.search(rf"\.{name} =\s*{TEXT}", block)
    return joined(found.group(1)) if found else ""


def errors():
    found = {}

    def add(code, kind, cause, remedy):
        known = found.get(code)
        if known is None or len(cause) + len(remedy) > len(known[1]) + len(known[2]):
            found[code] = (kind, cause, remedy)

    for path in sorted((ROOT / "src").rglob("*.cc")):
        if path.name.endswith("_test.cc"):
            continue
        source = path.read_text()
        for match in re.finditer(r'\.code = "([A-Z0-9_]+)"', source):
            block = initializer(source, match.start())
            kind = re.search(r"ErrorKind::k(\w+)", block)
            add(match.group(1), kind.group(1).lower() if kind else "bug", field(block, "cause"),
                field(block, "remedy"))
        for match in re.finditer(rf'Known\{{\s*\d+,\s*"([A-Z_]+)",\s*k([TBD]),\s*{TEXT},\s*([^}}]*)\}}', source):
            kind = {"T": "transient", "B": "blocked", "D": "data"}[match.group(2)]
            remedy = match.group(4).strip()
            constant = re.search(rf"{re.escape(remedy)} =\s*{TEXT};", source) if remedy[:1] == "k" else None
            add(match.group(1), kind, joined(match.group(3)),
                joined(constant.group(1) if constant else remedy))
    return found


def page():
    rows = [f"| `{code}` | {kind} | {cause} | {remedy} |"
            for code, (kind, cause, remedy) in sorted(errors().items())]
    return HEAD + "\n".join(rows) + "\n"


def main():
    if "--check" in sys.argv:
        if not PAGE.exists() or PAGE.read_text() != page():
            print("docs/errors.md: out of date; run tools/error_reference.py", file=sys.stderr)
            return 1
        return 0
    PAGE.write_text(page())
    return 0


if __name__ == "__main__":
    sys.exit(main())
