"""YAML 1.2 core values through PyYAML's parser but not its constructor, which converts what was not meant."""

from __future__ import annotations

import re
from typing import Any

import yaml

from paramcalc.readers.text.limits import MAX_DEPTH, Findings, Mark, line_column, not_a_mapping
from paramcalc.readers.text.yaml_build import Builder
from paramcalc.sanitize import visible

LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
"""libyaml's parser where PyYAML was built with it: ten times faster, the same events."""

# What YAML forbids everywhere; PyYAML's two parsers report it differently, so it is looked for first.
_FORBIDDEN = re.compile("[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_BREAK = re.compile("\r\n|[\n\r\x85\u2028\u2029]")
_TAB = re.compile(" *\t")
_HINTS = {
    "mapping values are not allowed": "quote a value that holds a colon; check the indentation",
    "could not find expected ':'": "write `key: value`, with a space after the colon",
    "did not find expected key": "check the indentation",
    "undefined tag handle": "remove the tag",
}


def parse(text: str, source: str) -> tuple[dict[str, Any], Mark]:
    """Return the mapping that `text` holds and where its keys stand. Raises InputError with every problem found."""
    findings = Findings(source)
    for bad in _FORBIDDEN.finditer(text):
        findings.add(f"expected printable text, "
                     f"found the character {visible(bad.group())}", line_column(text, bad.start()))
    findings.refuse()
    builder = Builder(findings)
    try:
        for event in yaml.parse(text, Loader=LOADER):
            builder.take(event)
    except yaml.YAMLError as error:
        _syntax(error, text, findings)
    findings.refuse()
    root = builder.root
    if root is None or not isinstance(root.value, dict):
        at = (1, 1) if root is None else (root.line, root.column)
        empty = root is None or (root.value is None and not root.text)
        findings.add(not_a_mapping(root.value if root else None, empty=empty), at)
        findings.refuse()
    assert root is not None  # noqa: S101 - refused just above
    return root.value, Mark(root.line, root.column, root.children)


def _syntax(error: yaml.YAMLError, text: str, findings: Findings) -> None:
    mark = getattr(error, "problem_mark", None)
    what = getattr(error, "problem", None) or "the text ends too early"
    if mark is None:
        findings.add(f"not valid YAML: {visible(str(what), 200)}", (0, 0))
        return
    lines = _BREAK.split(text)
    tab = _TAB.match(lines[mark.line]) if mark.line < len(lines) else None
    if tab:
        findings.add("expected spaces in the indentation, "
                     "found a tab", (mark.line + 1, tab.end()), (), "indent with spaces")
        return
    if "nesting depth" in what:  # libyaml's own bound of 1,000 from 0.2.6 on, which it meets before we see the events
        findings.add(f"expected at most {MAX_DEPTH} levels of nesting, found more", (mark.line + 1, mark.column + 1))
        return
    hint = next((hint for part, hint in _HINTS.items() if part in what), "")
    findings.add(f"not valid YAML: {visible(what, 200)}", (mark.line + 1, mark.column + 1), (), hint)
