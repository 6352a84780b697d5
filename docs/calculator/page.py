"""What the page asks Python: a question as JSON in, the command line's own answer out.

Each question becomes a command line, which is run as a terminal would run it: the figures, the JSON and the errors of
the page are those of `paramcalc COMMAND`. Only the pictures are added here, by the package's own picture code.
"""

from __future__ import annotations

import json
import shlex
from pathlib import Path
from typing import Any

from paramcalc import memory, read
from paramcalc.cli.embedded import run_embedded
from paramcalc.reports.pictures.components import component_map, layer_map
from paramcalc.reports.pictures.context import contexts_up_to, memory_chart
from paramcalc.reports.pictures.svg import figure

HOME = Path("/home/pyodide/model")
OPTIONS = {
    "count": ("by",), "memory": ("context", "batch", "quant", "gpu", "gpus"),
    "fit": ("context", "batch", "quant", "gpu", "gpus"), "speed": ("context", "batch", "quant", "gpu", "gpus"),
    "flops": ("context", "batch"), "train": ("context", "batch", "gpu", "gpus"), "estimate": ("context",),
    "explain": (),
}
"""The commands the page offers, in the order of its tabs, and the fields of the form that each takes."""
FLAGS = {"flops": {"context": "--seq"}, "speed": {"context": "--prompt", "batch": "--concurrency"},
         "train": {"context": "--seq", "batch": "--micro-batch", "gpus": "--dp"}}
"""Options whose name is not that of the field."""
USUAL = {"batch": "1", "by": "component", "gpus": "1"}
"""What the commands take where nothing is said."""
FIRST = USUAL | {"model": "llama-3.1-8b", "gpu": "rtx-4090"}
"""What the form begins with."""


def answer(text: str) -> str:
    """The answer to a question, both as JSON text."""
    question: dict[str, str] = json.loads(text)
    return json.dumps(start() if question["command"] == "start" else answered(question))


def start() -> dict[str, Any]:
    """The form: its commands with their fields, its choices, and what it begins with."""
    from paramcalc.catalog.accelerators import accelerators
    from paramcalc.readers.presets import presets

    formats = ("fp8", "int8", "awq", "mxfp4", "nvfp4", "nf4", "q8_0", "q6_k", "q5_k_m", "q4_k_m", "q3_k_m", "iq2_xs")
    return {"commands": OPTIONS, "first": FIRST, "presets": list(presets()), "formats": formats,
            "devices": [[key, device.name] for key, device in accelerators().items()]}


def answered(question: dict[str, str]) -> dict[str, Any]:
    """The tables, pictures and copies of one answer, or what is wrong with the question."""
    if "text" in question:
        HOME.mkdir(parents=True, exist_ok=True)
        name = "spec.yaml" if question["model"].lower().endswith((".yaml", ".yml")) else "config.json"
        (HOME / name).write_text(question["text"], "utf-8")
        model = str(HOME / name)
    else:
        name = model = question["model"] or "-"
    words = [question["command"], model, *options(question)]
    if copy := question.get("copy"):
        return {"text": command([*words, "--format", copy])[1]}
    code, body, messages = command([*words, "--format", "html"])
    errors = problems(messages, model, name)
    if not body and errors:
        return {"error": errors}
    result = json.loads(body.partition('id="figures">')[2].partition("</script>")[0])  # what --json writes
    return {
        "html": picture(question, model, result) + body_of(body),
        "summary": "; ".join(error["text"] for error in errors) or ("Does not fit" if code == 1 else "Done"),
        "cli": shlex.join(["paramcalc", question["command"], name, *options(question)]),
        "json": json.dumps(result, indent=2),
    }


def options(question: dict[str, str]) -> list[str]:
    """The form's fields as the command's options; what is as usual stays unsaid."""
    words = []
    for field in OPTIONS[question["command"]]:
        value = question.get(field, "")
        if value and value != USUAL.get(field) and not (field == "gpus" and not question.get("gpu")):
            flag = FLAGS.get(question["command"], {}).get(field, f"--{field}")
            words += [flag, value]
    return words


def command(words: list[str]) -> tuple[int, str, str]:
    """A command line's exit code and what it writes on its two streams."""
    return run_embedded(words)


def problems(messages: str, path: str, name: str) -> list[dict[str, str]]:
    """Errors with their hints, and warnings, as the command line wrote them; the pasted file under its own name."""
    rows: list[dict[str, str]] = []
    for line in messages.replace(path, name).splitlines():
        kind, _, content = line.partition(": ")
        if kind == "hint" and rows:
            rows[-1]["hint"] = content
        elif kind in ("error", "warning"):
            rows.append({"text": content, "hint": ""})
    return rows


def by_context(question: dict[str, str], model: str, result: dict[str, Any]) -> str:
    """Memory on the fullest device at doubling contexts, for one sequence and for the batch asked about."""
    spec, gpu_name = read(model), question.get("gpu") or None
    said = {"quant": question.get("quant") or None, "gpu": gpu_name,
            "gpus": (question.get("gpus") or None) if gpu_name else None}
    lines: dict[str, list[tuple[int, int]]] = {}
    for batch in dict.fromkeys(("1", question.get("batch") or "1")):
        for context in contexts_up_to(spec.max_position_embeddings):
            answer = memory(spec, context, batch=batch, **{key: value for key, value in said.items() if value})
            fullest = max(device.total for device in answer.per_device)
            lines.setdefault(f"batch {batch}", []).append((context, fullest))
    gpu = result["assumptions"].get("gpu")
    return memory_chart(result["model"]["name"], lines, (question["gpu"], gpu["usable_bytes"]) if gpu else None)


def picture(question: dict[str, str], model: str, result: dict[str, Any]) -> str:
    """The picture of an answer, or nothing."""
    if question["command"] == "count":
        return figure(layer_map(result)) if "layers" in result else by_component(model, question.get("focus", ""))
    if question["command"] == "memory":
        return figure(by_context(question, model, result))
    return ""


def by_component(model: str, focus: str) -> str:
    """The map of components, or of the one in focus with the way back; below it the formula of a tensor in focus."""
    counts = json.loads(command(["count", model, "--by", "tensor", "--json"])[1])
    back = '<button type="button" data-key="">Back to all components</button>' if focus else ""
    parts = [back, figure(component_map(counts, focus))]
    if focus in [row["name"] for row in counts["tensors"]]:
        parts.append(body_of(command(["explain", model, focus, "--format", "html"])[1]))
    return "".join(parts)


def body_of(page: str) -> str:
    """What a page of the command line holds between its header and its footer."""
    return page.partition("<main>")[2].partition("</main>")[0]
