#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes docs/errors.md from the sources: every error's code with its kinds, causes and remedies, one row
for each. What a helper makes of its parameters is read at each of its calls. With --check it only says
whether the page is up to date. Either way it fails where a code is named that has no row, and where an error
has no cause or no remedy."""
import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "errors.md"
HEAD = """# Error reference

Made by `tools/error_reference.py` from the sources. Every error has a stable code; `transient` ones are tried
again with back-off, `blocked` ones wait for you, `data` ones are about one row or statement, `bug` ones are ours.
A code has a row for each of its causes; `…` and NAME stand for what an error names.

| code | kind | cause | remedy |
|---|---|---|---|
"""
CODE = r'"([A-Z][A-Z0-9]*(?:_[A-Z0-9]+)*)"'
LONG_CODE = r'"([A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+)"'
STRING = r'"(?:[^"\\\n]|\\.)*"'
OPAQUE = re.compile(rf"{STRING}|'(?:[^'\\\n]|\\.)'")  # brackets and commas in it are none
KINDS = {"T": "transient", "B": "blocked", "D": "data"}
WRAPPED = re.compile(r"(?:std::move|std::string|std::string_view)\(")
# An assignment, a comparison, a helper's first argument.
NAMED = [rf"\bcode = {CODE}", rf"\bcode\(\) [=!]= {CODE}", rf"\b\w+\(\s*{LONG_CODE},"]


# --- C++ as far as it matters here ---


def pieces(text, separators, start=0, angles=False):
    """The text from `start` between separators that stand in no brackets and no literal, up to a bracket that
    closes more than was opened."""
    opening, closing = "([{" + "<" * angles, ")]}" + ">" * angles
    marks = re.compile(rf"{OPAQUE.pattern}|[{re.escape(opening + closing + separators)}]")
    out, depth, begin, end = [], 0, start, len(text)
    for mark in marks.finditer(text, start):
        word = mark.group()
        if word in closing and depth == 0:
            end = mark.start()
            break
        if word in separators and depth == 0:
            out.append(text[begin:mark.start()])
            begin = mark.end()
        depth += (word in opening) - (word in closing)
    return out + [text[begin:end]]


def inside(text, start):
    """What is in the brackets that `start` is within, from there on."""
    return pieces(text, "", start)[0]


def literals(text):
    return "".join(re.findall(r'"((?:[^"\\\n]|\\.)*)"', text)).replace('\\"', '"').replace("\\\\", "\\")


class Function:
    """A function from its name on; without a body where it is only declared or called."""

    def __init__(self, text, head):
        self.name = head.group(1)
        words = inside(text, head.end())
        found = (re.search(r"(\w+)\s*(?:=.*)?$", piece, re.S) for piece in pieces(words, ",", angles=True))
        self.parameters = [word.group(1) for word in found if word]
        body = re.compile(r"[^;{}]*\{").match(text, head.end() + len(words))
        self.begin = body.end() if body else head.end()
        self.end = self.begin + len(inside(text, self.begin)) if body else self.begin


class Source:
    """One file without its comments, and its functions."""

    def __init__(self, path):
        self.path = path
        blank = re.compile(rf"({OPAQUE.pattern})|//[^\n]*")
        self.text = blank.sub(lambda m: m.group(1) or " " * len(m.group()), path.read_text())
        heads = re.finditer(r"^(?!namespace\b|struct\b|class\b|enum\b|using\b|template\b|return\b)(?:\[\[\w+\]\] )?"
                            r"[\w:<>,*& ]*?\b(\w+)\(", self.text, re.M)
        self.functions = [Function(self.text, head) for head in heads]

    def function_at(self, offset):
        found = [f for f in self.functions if f.begin <= offset < f.end]
        return found[-1] if found else None

    def constant(self, name):
        found = re.search(rf"\b{name}(?:\[\])?\s*=\s*((?:{STRING}\s*)+);", self.text)
        return literals(found.group(1)) if found else None


class Sources:
    def __init__(self, root):
        self.files = [Source(path) for pattern in ("*.cc", "*.h") for path in sorted(root.rglob(pattern))
                      if not re.search(r"_test\.cc$|_for_test\.h$", path.name)]
        self.problems = []

    def calls(self, owner, function):
        """Source, offset and arguments of each call in the folder of a function that `owner` has; not of
        another one of this name."""
        for source in self.files:
            is_near = source.path.parent == owner.path.parent
            has_another = any(f.name == function.name and f.end > f.begin for f in source.functions)
            if not is_near or (source is not owner and has_another):
                continue
            for call in re.finditer(rf"\b{function.name}\(", source.text):
                before = re.search(r"[\w>&*:]*(?=\s*$)", source.text[:call.start()][-100:]).group()
                is_label = before.endswith(":") and not before.endswith("::")
                if before and before not in ("return", "throw", "else") and not is_label:
                    continue  # it is declared, or another class's
                arguments = pieces(source.text, ",", call.end())
                if len(arguments) <= len(function.parameters):
                    yield source, call.start(), arguments

    def environments(self, owner, function):
        """What the parameters are at each call, as text; None where that is not said there."""
        out = []
        for source, offset, arguments in self.calls(owner, function):
            scope = Scope(source, source.function_at(offset), offset, {})
            out.append({name: scope.text(argument) for name, argument in zip(function.parameters, arguments)})
        return out or [{}]


class Scope:
    """Where an expression stands, and what its function's parameters are there."""

    def __init__(self, source, function, offset, parameters):
        self.source, self.function, self.offset, self.parameters = source, function, offset, parameters

    def text(self, expression):
        """The expression as people read it; None where it is not known before it runs."""
        expression = expression.strip()
        wrapped = WRAPPED.match(expression)
        if wrapped and wrapped.end() + len(inside(expression, wrapped.end())) + 1 == len(expression):
            return self.text(inside(expression, wrapped.end()))
        if re.fullmatch(rf"(?:{STRING}\s*)+", expression):
            return literals(expression)
        choice = pieces(expression, "?")
        if len(choice) == 2:
            colon = next(mark for mark in re.finditer(rf"{OPAQUE.pattern}|::|:", choice[1]) if mark.group() == ":")
            found = [self.text(part) for part in (choice[1][:colon.start()], choice[1][colon.end():])]
            return " or ".join(part for part in found if part) or None
        terms = pieces(expression, "+")
        if len(terms) > 1:
            return self.joined(terms)
        if expression.startswith("fmt::format("):
            return self.format(pieces(expression, ",", len("fmt::format(")))
        if re.fullmatch(r"\w+", expression):
            return self.word(expression)
        return None

    def shown(self, expression):
        """As text(); what is not known as a stand-in."""
        known = self.text(expression)
        return ("NAME" if re.search(r"\bname$", expression) else "…") if known is None else known

    def joined(self, terms):
        parts = [self.shown(term) for term in terms]
        return "".join(parts) if any(self.text(term) for term in terms) else None

    def format(self, arguments):
        rest = iter(arguments[1:])
        return re.sub(r"\{[^{}]*\}", lambda _: self.shown(next(rest, "").strip()), literals(arguments[0]))

    def word(self, word):
        if word in self.parameters:
            return self.parameters[word]
        if self.function:
            body = self.source.text[self.function.begin:self.offset]
            assigned = [m.end() for m in re.finditer(rf"\b{word} = ", body)]
            if assigned:
                value = pieces(body, ";", assigned[-1])[0]
                return None if re.search(rf"\b{word}\b", value) else self.text(value)
        return self.source.constant(word)


# --- the rows ---


def fields(block):
    """Expressions of an error's fields, by name: of an initializer, or of assignments."""
    out = {}
    for field in re.finditer(r"\.(code|kind|cause|remedy)\s*=\s*", block):
        out.setdefault(field.group(1), pieces(block, ",;", field.end())[0])
    return out


def rows_of_initializers(sources, source):
    for match in re.finditer(r"\.code = ", source.text):
        given = fields(inside(source.text, match.start()))
        kinds = [kind.lower() for kind in re.findall(r"ErrorKind::k(\w+)", given.get("kind", ""))]
        function = source.function_at(match.start())
        mentioned = function and any(word in function.parameters
                                     for name in ("code", "cause", "remedy")
                                     for word in re.findall(r"\w+", re.sub(STRING, "", given.get(name, ""))))
        for name in ("cause", "remedy"):
            if not literals(given.get(name, "")) and not re.search(r"\w", re.sub(STRING, "", given.get(name, ""))):
                sources.problems.append(f"{source.path.relative_to(ROOT)}: {given['code']} has no {name}")
        for parameters in sources.environments(source, function) if mentioned else [{}]:
            scope = Scope(source, function, match.start(), parameters)
            code, cause, remedy = (scope.text(given.get(name, "")) for name in ("code", "cause", "remedy"))
            for one in code.split(" or ") if code else ():
                yield one, " or ".join(kinds) or "bug", cause or "", remedy or ""
            given_on = re.fullmatch(r"(?:std::move\()?(\w+)\)?", given["code"].strip())
            if not code and given_on and function and given_on[1] in function.parameters:
                sources.problems.append(f"{source.path.relative_to(ROOT)}: a call of {function.name} does not say "
                                        "the code")


def rows_of_servers(source):
    text = rf"((?:{STRING}\s*)+)"
    for match in re.finditer(rf"Known\{{\s*\d+,\s*{CODE},\s*k([TBD]),\s*{text},\s*([^}}]*)\}}", source.text):
        remedy = match.group(4).strip()
        yield (match.group(1), KINDS[match.group(2)], literals(match.group(3)),
               Scope(source, None, 0, {}).text(remedy) or "")


def rows(sources):
    """Sorted by code; of one code as they come in the sources, without a cause only where it has none."""
    found = {}
    for source in sources.files:
        for code, *row in [*rows_of_initializers(sources, source), *rows_of_servers(source)]:
            of_code = found.setdefault(code, [])
            if row not in of_code:
                of_code.append(row)
    for code in sorted(found):
        telling = [row for row in found[code] if row[1]]
        for row in telling or found[code][:1]:
            yield code, *row


def named(sources):
    """Every code that the sources speak of, with one of the files."""
    return {match.group(1): source.path for source in sources.files for pattern in NAMED
            for match in re.finditer(pattern, source.text)}


def page(listed):
    cells = [[f"`{code}`", *(text.replace("|", "\\|") for text in row)] for code, *row in listed]
    return HEAD + "".join(f"| {' | '.join(row)} |\n" for row in cells)


def main():
    sources = Sources(ROOT / "src")
    listed = list(rows(sources))
    codes = {code for code, *_ in listed}
    for code, path in sorted(named(sources).items()):
        if code not in codes:
            sources.problems.append(f"{path.relative_to(ROOT)}: names {code}, for which no row is found")
    sources.problems += [f"docs/errors.md: {code} has a row without a cause or remedy"
                         for code, _, *words in listed if not all(words)]
    for problem in sources.problems:
        print(problem, file=sys.stderr)
    if "--check" not in sys.argv:
        PAGE.write_text(page(listed))
    elif not PAGE.exists() or PAGE.read_text() != page(listed):
        print("docs/errors.md: out of date; run tools/error_reference.py", file=sys.stderr)
        return 1
    return 1 if sources.problems else 0


if __name__ == "__main__":
    sys.exit(main())
