"""What people give us, well meant or not: a document, or a refusal that says where and why."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from paramcalc.errors import InputError
from paramcalc.readers.files import read_file, read_stream
from paramcalc.readers.text import yaml_text
from paramcalc.readers.text.document import load_document, read_json, read_yaml
from tests.processor import quick, within

BAD = Path(__file__).parents[1] / "data" / "bad"
FILES = sorted(path for path in BAD.iterdir() if path.suffix in {".yaml", ".json"})


def refusal(call, *arguments):
    with pytest.raises(InputError) as caught:
        call(*arguments)
    return "".join(f"{p}\n" + (f"  hint: {p.hint}\n" if p.hint else "") for p in caught.value.problems)


@pytest.mark.parametrize("loader", ["CSafeLoader", "SafeLoader"])
@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_bad_files_are_refused_in_these_words(path, loader, monkeypatch):
    monkeypatch.chdir(BAD)
    monkeypatch.setattr(yaml_text, "LOADER", getattr(yaml, loader, yaml.SafeLoader))
    assert refusal(load_document, Path(path.name)) == path.with_suffix(".expected").read_text("utf-8")


@pytest.mark.parametrize("loader", ["CSafeLoader", "SafeLoader"])
def test_what_the_parser_itself_finds_too_deep_is_refused_in_our_words(loader, monkeypatch):
    monkeypatch.setattr(yaml_text, "LOADER", getattr(yaml, loader, yaml.SafeLoader))
    assert "expected at most 32 levels of nesting, found more" in refusal(read_yaml, "a: " + "[" * 5_000, "s")


def test_values_are_those_of_yaml_1_2_core():
    text = "a: 4e9\nb: 1e-5\nc: -3\nd: ~\ne: True\nf: 1.\ng: .5\nh:\ni: +7\n"
    data = read_yaml(text, "s").data
    assert data == {"a": 4e9, "b": 1e-5, "c": -3, "d": None, "e": True, "f": 1.0, "g": 0.5, "h": None, "i": 7}
    assert [type(value) for value in data.values()] == [
        float,
        float,
        int,
        type(None),
        bool,
        float,
        float,
        type(None),
        int,
    ]


@pytest.mark.parametrize(
    "text", ["010", "1:30", "NO", "yes", "1_000", "2020-01-01", "0o17", "0x1F", "-", "1e", "NaN", "۳"]
)
def test_what_readers_disagree_about_stays_as_written(text):
    assert read_yaml(f"a: [{text!s} ]" if text != "-" else "a: '-'", "s").data["a"] in ([text], text)


def test_anchors_and_merge_keys_work_and_copies_are_independent():
    data = read_yaml("a: &a {x: [1], y: 2}\nb: *a\nc: {<<: [{y: 3}, *a], z: 4}\nd: {y: 0, <<: *a}\n", "s").data
    assert data["c"] == {"x": [1], "y": 3, "z": 4}
    assert data["d"] == {"x": [1], "y": 0}
    data["b"]["x"].append(2)
    assert data["a"]["x"] == data["c"]["x"] == [1]


@pytest.mark.parametrize("read", [read_yaml, read_json])
def test_byte_order_mark_is_accepted(read):
    assert read(b'\xef\xbb\xbf{"a": 1}', "s").data == read('\ufeff{"a": 1}', "s").data == {"a": 1}


def test_json_holds_what_json_can_say():
    text = (
        '{"limit": [0.0, {"__float__": "Infinity"}], "s": "[{,\\"' + "[" * 50 + '", "n": null, "\\ud83d\\ude00": 1e3}'
    )
    assert read_json(text, "s").data == json.loads(text)
    deepest = '{"a": ' + "[" * 31 + "]" * 31 + "}"
    assert read_json(deepest, "s").data == json.loads(deepest)
    assert read_json('{"a": -' + "9" * 30 + "}", "s").data == {"a": 1 - 10**30}


def test_the_open_interval_of_published_configs_is_read_and_nothing_else_of_the_kind():
    text = '{"a": 1, "time_step_limit": [0.0, Infinity], "b": "x"}'
    document = read_json(text, "s")
    assert document.data == {"a": 1, "time_step_limit": [0.0, None], "b": "x"}
    assert document.place(("b",)) == (1, text.index('"b"') + 1)
    for other in ('{"time_step_limit": [0.0, NaN]}', '{"time_step_limit": Infinity}', '{"limit": [0.0, Infinity]}',
                  '{"time_step_limit": [0.0, Infinity], "a": Infinity}', '{"time_step_limit": [Infinity, 0.0]}'):
        with pytest.raises(InputError, match="must be finite"):
            read_json(other, "s")
    quoted = json.dumps({"s": text})
    assert read_json(quoted, "s").data == {"s": text}


@pytest.mark.parametrize(
    ("read", "text", "places"),
    [
        (
            read_yaml,
            "a: &a {x: 1}\nb:\n  - c: 1\n  - <<: *a\n    y: 2\n",
            {(): (1, 1), ("b",): (2, 1), ("b", 0): (3, 5), ("b", 0, "c"): (3, 5), ("b", 1, "x"): (1, 8)}
            | {("b", 1, "y"): (5, 5), ("b", 9): (2, 1), ("q",): (1, 1), ("a", "x", "deeper"): (1, 8)},
        ),
        (
            read_json,
            '{"a": {"x": 1},\n "b": [{"c": 1},\n  {"y": 2}]}',
            {(): (1, 1), ("b",): (2, 2), ("b", 0): (2, 8), ("b", 0, "c"): (2, 9), ("b", 1): (3, 3)}
            | {("b", 1, "y"): (3, 4), ("b", 9): (2, 2), ("q",): (1, 1), ("a", "x", "deeper"): (1, 8)},
        ),
    ],
)
def test_places(read, text, places):
    document = read(text, "s")
    assert {path: document.place(path) for path in places} == places
    assert str(document.problem(("b", 1), "no")).startswith("s:")


def test_problems_are_many_but_not_endless():
    with pytest.raises(InputError) as caught:
        read_json("{" + ", ".join('"a": 1' for _ in range(5000)) + "}", "s")
    assert len(caught.value.problems) == 50


def test_files_that_cannot_be_read(tmp_path):
    (tmp_path / "config.json").write_text("{}")
    os.mkfifo(tmp_path / "pipe.json")
    assert refusal(load_document, tmp_path / "confg.json").endswith(
        "no such file\n  hint: did you mean 'config.json'?\n"
    )
    assert "there is no directory" in refusal(load_document, tmp_path / "x" / "config.json")
    assert "is a directory, not a file\n  hint: give the file in it: " in refusal(load_document, tmp_path)
    assert "is a pipe, not a file" in refusal(load_document, tmp_path / "pipe.json")
    assert "is a device, not a file" in refusal(load_document, Path("/dev/zero"))
    assert "not a valid file name" in refusal(load_document, Path("a\0b.json"))
    assert "cannot be read: file name too long" in refusal(load_document, tmp_path / ("x" * 5000))
    (tmp_path / "a.toml").write_text("")
    assert "unknown file type '.toml'\n  hint: use .yaml, .yml or .json" in refusal(load_document, tmp_path / "a.toml")


def test_no_permission(tmp_path, monkeypatch):
    path = tmp_path / "a.yaml"
    path.write_text("a: 1")

    def refuse(*_):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(os, "open", refuse)  # root may read everything, whatever the mode says
    assert "permission denied" in refusal(load_document, path)


def test_reads_no_more_than_the_limit(tmp_path):
    path = tmp_path / "big.yaml"
    with path.open("wb") as file:
        file.truncate(2**30)
    assert "expected at most 4 MiB, found more" in refusal(load_document, path)
    stream = io.BytesIO(b"x" * 100)
    assert "<stdin>: expected at most 10 bytes, found more" in refusal(read_stream, stream, 10)
    assert stream.tell() == 11
    path.write_bytes(b"x" * 10)
    assert read_file(path, 10) == b"x" * 10


BOMBS = {
    "brackets.yaml": '"[" * 4_000_000',
    "brackets.json": '"[" * 4_000_000',
    "braces.json": """'{"a":' * 600_000""",
    "wide.json": """'{"a": [' + "[]," * 1_000_000 + "[]]}" """,
    "quotes.json": r"""'{"a": "' + '\\"' * 2_000_000""",
    "hex.yaml": '"a: 0x" + "f" * 4_000_000',
    "digits.json": """'{"a": ' + "9" * 4_000_000 + "}" """,
    "fraction.json": """'{"a": 0.' + "9" * 4_000_000 + "}" """,
    "merge.yaml": r'"a: &a {x: 1}\n" + "".join(f"k{i}: &a {{<<: [*a, *a], k{i}: 1}}\n" for i in range(60_000))',
    "alias.yaml": r'"a: &a " + "x" * 9_000 + "\nb: [" + "*a, " * 900_000 + "]"',
    "keys.yaml": r'"".join(f"k{i}: 1\n" for i in range(300_000))',
    "dashes.yaml": '"- " * 2_000_000',
    "comments.yaml": r'"# x\n" * 1_000_000',
    "duplicates.json": """'{"a":1' + ',"a":1' * 90_000 + "}" """,
}
RUN = """
import resource, sys, time
from pathlib import Path
from paramcalc.errors import InputError
from paramcalc.readers.text.document import load_document
path = Path(sys.argv[1])
path.write_text(eval(sys.argv[2]))
resource.setrlimit(resource.RLIMIT_AS, (200 * 2**20,) * 2)
start = time.process_time()
try:
    load_document(path)
    print("accepted")
except InputError as error:
    print(max(len(str(problem)) for problem in error.problems) < 300, time.process_time() - start)
"""


@pytest.mark.parametrize("name", BOMBS)
def test_bombs_cost_neither_time_nor_memory(name, tmp_path):
    assert quick(1, lambda: refused(tmp_path / name, BOMBS[name]))


def refused(path, text):
    """Processor seconds of reading what is refused; the one large file that is right is accepted, in any time."""
    result = subprocess.run([sys.executable, "-c", RUN, path, text], capture_output=True, text=True, timeout=120,
                            check=False)
    if path.name == "fraction.json":
        assert result.stdout == "accepted\n", result.stderr
        return 0
    short, seconds = result.stdout.split() or (result.stderr, "9")
    assert short == "True"
    return float(seconds)


WORDS = (
    "a|b|: |\n|  |- |{|}|[|]|, |&a |*a|<<: |!x |---\n|\"|'|\\|1|\t|\0|\u202e|NaN|1e999|#|>|%|\ufeff|é|null|\r|\u2028"
)
PIECES = st.sampled_from([*WORDS.split("|"), chr(0xD800), "|", "? "])
TEXTS = st.one_of(st.text(max_size=60), st.lists(PIECES, max_size=40).map("".join))


@given(TEXTS | st.binary(max_size=60), st.sampled_from([read_yaml, read_json]))
@pytest.mark.fuzz
def test_any_text_gives_a_document_or_a_refusal(text, read):
    try:
        document = within(10, read, text, "s")
    except InputError as error:
        assert error.problems  # noqa: PT017 - either outcome is right
    else:
        assert isinstance(document.data, dict)
        assert document.place(tuple(document.data)[:1]) > (0, 0)


GOOD = json.dumps({"a": [1, 2.5, {"b": None}], "c": {"d": "e", "f": True}, "g": "h"}, indent=1)


@given(st.integers(0, len(GOOD)), st.integers(0, 3), TEXTS | st.sampled_from(['"c":1,', ",", "NaN", "01", '"a":']))
@pytest.mark.fuzz
def test_json_means_what_the_standard_library_says_or_is_refused(at, drop, insert):
    text = GOOD[:at] + insert + GOOD[at + drop :]
    try:
        data = within(10, read_json, text, "s").data
    except InputError:
        return
    assert data == json.loads(text.removeprefix("\ufeff"))
