#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Checks what the compiler does not: the order of the layers and the rules of the house.

Prints FILE:LINE: MESSAGE for each violation and exits 1. --self-test proves that every rule fires
on a tree that breaks it and is silent on one that does not.
"""
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

SPDX = "SPDX-License-Identifier: Apache-2.0"
CODE = {".h", ".cc", ".c", ".py", ".sh", ".ts", ".tsx", ".css", ".cmake"}
NEEDS_SPDX = {".h", ".cc", ".c", ".py", ".sh", ".cmake"}
MAX_LINES = 600
# Folders under src whose code runs per row or per event.
HOT = ("base", "model", "endpoint", "translate", "connectors", "store", "pipeline")

# The brackets keep these patterns from matching this file.
UNFINISHED = re.compile(r"\b(?:TOD[O]|FIXM[E]|XX[X])\b")
FORBIDDEN = [
    (re.compile(r"(?:pypi\.or[g]|pythonhosted\.or[g]|npmjs\.(?:or[g]|co[m])|maven\.or[g]|"
                r"mvnrepository\.co[m]|deb\.debian\.or[g]|proxy\.golang\.or[g]|crates\.i[o])"),
     "names a package registry's host"),
    (re.compile(r"(?<![\w.])/(?:wor[k]/|tmp/[g]s\b|tmp/[b]-|roo[t]/|home/[a-z])"),
     "holds a path of one machine"),
]
INCLUDE = re.compile(r'^\s*#\s*include\s+"([^"]+)"')
LIBRARY = re.compile(r"godwit_library\(\s*(\w+)([^)]*)\)")


class Tree:
    """The files of one checkout, read once."""

    def __init__(self, root):
        self.root = pathlib.Path(root)
        self.texts = {}
        for name in self._names():
            try:
                self.texts[name] = (self.root / name).read_text(encoding="utf-8")
            except (UnicodeDecodeError, FileNotFoundError, IsADirectoryError):
                continue  # binary test data, or deleted and not yet committed

    def _names(self):
        if (self.root / ".git").exists():
            out = subprocess.run(["git", "ls-files", "-co", "--exclude-standard", "-z"],
                                 cwd=self.root, check=True, capture_output=True).stdout
            return sorted(set(out.decode().split("\0")) - {""})
        return sorted(str(p.relative_to(self.root)) for p in self.root.rglob("*") if p.is_file())


def is_code(name):
    path = pathlib.PurePosixPath(name)
    return path.suffix in CODE or path.name == "CMakeLists.txt" or name in ("dev", ".ci/run")


def needs_spdx(name):
    path = pathlib.PurePosixPath(name)
    return (path.suffix in NEEDS_SPDX or path.name == "CMakeLists.txt"
            or name in ("dev", ".ci/run"))


def libraries(tree):
    """Folder under src -> (library name, its declared dependencies, line)."""
    found = {}
    for name, text in tree.texts.items():
        if not (name.startswith("src/") and name.endswith("/CMakeLists.txt")):
            continue
        for match in LIBRARY.finditer(text):
            words = match.group(2).split()
            deps = []
            if "DEPS" in words:
                for word in words[words.index("DEPS") + 1:]:
                    if word == "LIBS":
                        break
                    deps.append(word)
            line = text.count("\n", 0, match.start()) + 1
            found[name[len("src/"):-len("/CMakeLists.txt")]] = (match.group(1), deps, line)
    return found


def reachable(library, deps_of):
    """What a library may include: itself and what it depends on; None if it is in a circle."""
    seen, todo = set(), list(deps_of.get(library, ()))
    while todo:
        dep = todo.pop()
        if dep == library:
            return None
        if dep not in seen:
            seen.add(dep)
            todo.extend(deps_of.get(dep, ()))
    return seen | {library}


def check_layers(tree):
    found = libraries(tree)
    folder_of = {library: folder for folder, (library, _, _) in found.items()}
    deps_of = {library: deps for library, deps, _ in found.values()}
    folders = {str(pathlib.PurePosixPath(n).parent)[len("src/"):]
               for n in tree.texts if n.startswith("src/") and n.endswith((".h", ".cc"))}
    known = sorted(folders | set(found), key=len, reverse=True)
    allowed = {}
    for folder, (library, deps, line) in found.items():
        cmake = f"src/{folder}/CMakeLists.txt"
        for dep in deps:
            if dep not in deps_of:
                yield cmake, line, f"DEPS names {dep}, which is no library here"
        names = reachable(library, deps_of)
        if names is None:
            yield cmake, line, f"{library} depends on itself"
            names = {library}
        allowed[folder] = {folder_of[n] for n in names if n in folder_of}
    for name, text in tree.texts.items():
        if not (name.startswith("src/") and name.endswith((".h", ".cc"))):
            continue
        folder = str(pathlib.PurePosixPath(name).parent)[len("src/"):]
        if folder == "main":  # names every connector and the top of the house
            continue
        if folder not in allowed:
            yield name, 1, f"src/{folder} declares no godwit_library"
            continue
        for number, line in enumerate(text.splitlines(), 1):
            match = INCLUDE.match(line)
            if not match:
                continue
            target = next((f for f in known if match.group(1).startswith(f + "/")), None)
            if target is None:
                yield name, number, f'"{match.group(1)}" is no header under src'
            elif target not in allowed[folder]:
                yield name, number, (f"{folder} must not include {target}: it is not among the "
                                     f"DEPS in src/{folder}/CMakeLists.txt")


def check_files(tree):
    for name, text in tree.texts.items():
        lines = text.splitlines()
        if needs_spdx(name) and not any(SPDX in line for line in lines[:2]):
            yield name, 1, f"the first line (or that after #!) must hold {SPDX}"
        if is_code(name) and len(lines) > MAX_LINES:
            yield name, MAX_LINES + 1, f"{len(lines)} lines; {MAX_LINES} at most"
        if name.endswith(".h") and "#pragma once" not in lines[:3]:
            yield name, 1, "a header begins with #pragma once"


def check_lines(tree):
    for name, text in tree.texts.items():
        hot = name.startswith("src/") and name.split("/")[1] in HOT
        in_src = name.startswith("src/")
        for number, line in enumerate(text.splitlines(), 1):
            if is_code(name) and UNFINISHED.search(line):
                yield name, number, "unfinished work is not left as a note in the code"
            for pattern, what in FORBIDDEN:
                if pattern.search(line):
                    yield name, number, what
            if in_src and ("std::regex" in line or "#include <regex>" in line):
                yield name, number, "std::regex is slow and recursive; use RE2 or a small parser"
            if hot and "#include <iostream>" in line and not name.endswith("_test.cc"):
                yield name, number, "no streams where rows pass; use fmt"


def check_format(tree):
    if not (tree.root / ".clang-format").exists():
        return
    tool = shutil.which("clang-format-19")
    if tool is None:
        yield ".clang-format", 1, "clang-format-19 is not installed; ./dev lint installs it"
        return
    files = [n for n in tree.texts if n.endswith((".h", ".cc"))]
    if not files:
        return
    out = subprocess.run([tool, "--dry-run", "--ferror-limit=1", *files], cwd=tree.root,
                         capture_output=True, text=True).stderr
    seen = set()
    for match in re.finditer(r"^([^:\n]+):(\d+):\d+: \w+: code should be clang-formatted", out,
                             re.MULTILINE):
        if match.group(1) not in seen:
            seen.add(match.group(1))
            yield match.group(1), int(match.group(2)), "not formatted: run ./dev format"


def lint(root):
    tree = Tree(root)
    found = []
    for check in (check_layers, check_files, check_lines, check_format):
        found.extend(check(tree))
    return sorted(set(found))


def clean_tree():
    head = f"// {SPDX}\n"
    return {
        "src/base/CMakeLists.txt": f"# {SPDX}\ngodwit_library(base LIBS fmt::fmt)\n",
        "src/model/CMakeLists.txt": f"# {SPDX}\ngodwit_library(model DEPS base)\n",
        "src/connectors/toy/CMakeLists.txt": f"# {SPDX}\ngodwit_library(toy DEPS model)\n",
        "src/base/a.h": head + "#pragma once\n",
        "src/model/b.h": head + '#pragma once\n\n#include "base/a.h"\n',
        "src/connectors/toy/c.cc": head + '#include "base/a.h"\n#include "model/b.h"\n',
        "dev": f"#!/bin/sh\n# {SPDX}\n",
    }


def self_test():
    """Each case: one change to the clean tree, and a piece of the message it must cause."""
    head = f"// {SPDX}\n"
    slash = "/"
    cases = [
        ("src/base/a.h", head + '#pragma once\n#include "model/b.h"\n', "base must not include"),
        ("src/model/b.h", head + '#pragma once\n#include "connectors/toy/c.h"\n',
         "model must not include connectors/toy"),
        ("src/model/b.h", head + '#pragma once\n#include "nowhere/c.h"\n', "no header under src"),
        ("src/stray/a.cc", head, "declares no godwit_library"),
        ("src/base/CMakeLists.txt", f"# {SPDX}\ngodwit_library(base DEPS model)\n",
         "depends on itself"),
        ("src/model/CMakeLists.txt", f"# {SPDX}\ngodwit_library(model DEPS bass)\n",
         "no library here"),
        ("src/base/a.h", "#pragma once\n", "SPDX"),
        ("src/base/CMakeLists.txt", "godwit_library(base)\n", "SPDX"),
        ("dev", "#!/bin/sh\n", "SPDX"),
        ("tools/x.py", "print(1)\n", "SPDX"),
        ("src/base/long.cc", head + "\n" * MAX_LINES, "601 lines"),
        ("src/base/a.h", head + "int x;\n", "#pragma once"),
        ("src/base/x.cc", head + "// TO" + "DO later\n", "unfinished"),
        ("src/base/x.cc", head + "// FIX" + "ME\n", "unfinished"),
        ("src/base/x.cc", head + "#include <iostream>\n", "no streams"),
        ("src/connectors/toy/x.cc", head + "std::" + "regex r;\n", "std::regex"),
        ("README.md", "see " + slash + "work/x\n", "path of one machine"),
        ("README.md", "in " + slash + "tmp/gs-me\n", "path of one machine"),
        ("README.md", "from pypi" + ".org\n", "registry"),
        ("README.md", "registry.npmjs" + ".org\n", "registry"),
    ]
    failed = [f"the clean tree: {m}" for m in run_on(clean_tree())]
    style = {".clang-format": "BasedOnStyle: Google\n"}
    if messages := run_on({**clean_tree(), **style}):
        failed.append(f"the clean tree, formatted: {messages}")
    cases.append(("src/base/x.cc", head + "int  x;\n", "not formatted"))
    for name, text, wanted in cases:
        messages = run_on({**clean_tree(), **style, name: text})
        if not any(m.startswith(name + ":") and wanted in m for m in messages):
            failed.append(f"{name} with '{wanted}' was not found; got {messages}")
    for message in failed:
        print(f"lint self-test: {message}")
    return 1 if failed else 0


def run_on(files):
    with tempfile.TemporaryDirectory() as root:
        for name, text in files.items():
            path = pathlib.Path(root, name)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        return [f"{n}:{line}: {message}" for n, line, message in lint(root)]


def main():
    if sys.argv[1:] == ["--self-test"]:
        return self_test()
    if sys.argv[1:]:
        print("usage: tools/lint.py [--self-test]", file=sys.stderr)
        return 2
    found = lint(pathlib.Path(__file__).resolve().parent.parent)
    for name, line, message in found:
        print(f"{name}:{line}: {message}")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
