"""JSON Schemas of what the commands write with `--json`. A key may be added; a changed one is a new schema number."""

from __future__ import annotations

from typing import Any

from paramcalc.measures.parameters import COMPONENTS

Schema = dict[str, Any]
DIALECT = "https://json-schema.org/draft/2020-12/schema"
INTEGER: Schema = {"type": "integer"}
COUNT: Schema = {"type": "integer", "minimum": 0}
TEXT: Schema = {"type": "string"}
FLAG: Schema = {"type": "boolean"}
COMPONENT: Schema = {"enum": list(COMPONENTS)}


def record(required: dict[str, Schema], optional: dict[str, Schema] | None = None) -> Schema:
    """An object with these keys; more may come."""
    return {"type": "object", "required": list(required), "properties": required | (optional or {})}


def many(items: Schema) -> Schema:
    """A list of one kind of thing."""
    return {"type": "array", "items": items}


def answer(command: str, required: dict[str, Schema], optional: dict[str, Schema] | None = None) -> Schema:
    """What every answer about a MODEL starts with, and the command's own keys."""
    head = {"schema": {"const": f"paramcalc/{command}/1"},
            "model": record({"name": TEXT, "source": TEXT, "family": {"type": ["string", "null"]}}),
            "warnings": many(TEXT), "assumptions": {"type": "object"}}
    return record(head | required, optional)


PROBLEM = record({"message": TEXT, "path": TEXT, "line": COUNT, "column": COUNT, "source": TEXT, "hint": TEXT})
ERROR = record({"model": record({"name": TEXT}), "error": record({"problems": many(PROBLEM)})})
PARAMETERS = record(dict.fromkeys(("total", "active", "embedding", "non_embedding"), COUNT))
BYTES = record({"bytes": COUNT})

ESTIMATE_KEYS = {
    "parameters": PARAMETERS,
    "weights": many(record({"format": TEXT, "bytes": COUNT})),
    "cache": record({"bytes": COUNT, "bytes_per_token": COUNT, "kv_bytes": COUNT, "state_bytes": COUNT}),
    "flops": record({"forward_per_token": COUNT}),
    "training": record({"approximation_6nd_per_token": COUNT}),
}
FORMULA = record({"path": TEXT, "formula": TEXT, "values": TEXT, "copies": COUNT, "parameters": COUNT,
                  "component": COMPONENT, "source": TEXT})
STAGE = record(dict.fromkeys(("stage", "weights", "gradients", "optimizer", "master_weights", "activations", "logits",
                              "total"), COUNT),
               {"communication": COUNT, "working": COUNT, "other_models": COUNT, "peak": COUNT, "moment": TEXT})
SPAN = {"type": ["object", "null"], "required": ["low", "expected", "high"],
        "properties": {name: {"type": "number"} for name in ("low", "expected", "high")}}
RUN = record(dict.fromkeys(("mfu", "step_seconds", "tokens_per_second", "days", "gpu_hours", "energy_kwh", "co2_kg",
                            "cost_usd"), SPAN))
TRAIN_KEYS = {"per_device": many(STAGE), "max_device_bytes": COUNT}
TRAIN_MORE = {"fits": FLAG, "capacity": BYTES, "headroom": record({"bytes": INTEGER}), "why": TEXT, "devices": COUNT,
              "heaviest_stage": COUNT, "largest": {"type": ["object", "null"]},
              "remedies": many(record({"option": TEXT, "needed": COUNT})), "known": {"type": "object"},
              "rollout": record({"weights": COUNT, "cache_per_sequence": COUNT}),
              "layouts": many({"type": "object"}), "run": RUN}
FLOPS_KEYS: dict[str, Schema] = dict.fromkeys(
    ("forward", "backward", "training_step", "prefill", "decode_token", "approximation_6nd"), COUNT) | {
        "per_token": record({"forward": COUNT, "training": COUNT}),
        "components": many(record({"component": COMPONENT, "forward": COUNT}, {"backward": COUNT}))}
GROWTH = record({"component": COMPONENT, "before": COUNT, "after": COUNT})
RESULT = record({"path": TEXT, "rule": TEXT, "severity": TEXT, "line": COUNT, "column": COUNT, "message": TEXT,
                 "hint": TEXT, "expected": {}, "actual": {}})

ONE_MODEL: dict[str, Schema] = {
    "train": answer("train", {"trainable": COUNT}, TRAIN_KEYS | TRAIN_MORE) | {
        "anyOf": [{"required": list(TRAIN_KEYS)}, {"required": ["layouts"]}]},
    "flops": answer("flops", FLOPS_KEYS, {"approximation_palm": COUNT}),
    "convert": answer("convert", {"spec": {"type": "object"}}),
    "estimate": answer("estimate", ESTIMATE_KEYS),
    "explain": answer("explain", {}, {"formulas": many(FORMULA), "what_if": record({
        "set": {"type": "object"}, "total": record({"before": COUNT, "after": COUNT}), "components": many(GROWTH)})}),
}
"""By command: one object a MODEL."""
CHANGE = record({"name": TEXT, "old": COUNT, "new": COUNT, "change": INTEGER, "share": {"type": ["number", "null"]}})
DIFF = answer("diff", {"old": {"type": "object"}, "new": {"type": "object"}, "same": FLAG, "figures": many(CHANGE),
                       "components": many(CHANGE), "tensors": many(record({
                           "name": TEXT, "shape": many(COUNT), "old": COUNT, "new": COUNT, "component": COMPONENT}))})
OTHERS: dict[str, Schema] = {
    "list": record({"schema": {"const": "paramcalc/list/1"}, "what": TEXT, "items": many({"type": "object"})}),
    "diff": DIFF,
    "check": record({"schema": {"const": "paramcalc/check/1"}, "checked": COUNT, "failed": COUNT,
                     "results": many(RESULT),
                     "files": many(record({"path": TEXT, "state": {"enum": ["checked", "skipped"]}, "why": TEXT})),
                     "others": COUNT, "unsearched": many(TEXT)}),
}
"""By command: one object a run."""


def command_schema(command: str) -> Schema:
    """An object, or for several MODELs an array in which one that failed is an object with `error`. KeyError."""
    title = {"$schema": DIALECT, "title": f"paramcalc {command} --json"}
    from paramcalc.answers.registry import answer_schema

    if command in OTHERS:
        return title | OTHERS[command]
    one = {"$ref": "#/$defs/answer"}
    return title | {"anyOf": [one, many({"anyOf": [one, {"$ref": "#/$defs/error"}]})],
                    "$defs": {"answer": ONE_MODEL[command] if command in ONE_MODEL else answer_schema(command),
                      "error": ERROR}}


def known() -> tuple[str, ...]:
    """Everything `paramcalc schema` can print."""
    from paramcalc.answers.registry import ANSWERS

    return ("spec", *ANSWERS, *ONE_MODEL, *OTHERS)
