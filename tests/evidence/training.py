"""Peaks of training runs, ours and theirs: `python -m tests.evidence.training` prints the table."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from functools import cache, cached_property

from paramcalc.activations.fold import Tokens
from paramcalc.activations.policy import Policy
from paramcalc.build import build
from paramcalc.estimates.training import Recipe, Trainer
from paramcalc.estimates.training_layout import Layout
from paramcalc.measures.parameters import placed
from paramcalc.spec.model import ModelSpec
from paramcalc.transforms.formats import in_formats
from paramcalc.transforms.lora import Lora, adapt
from tests.evidence.records import DATA
from tests.evidence.records import model as named
from tests.yaml_files import read_yaml

GIB = 2**30
CHUNKS = 8


@dataclass(frozen=True)
class Peak:
    """One run; ours is computed when it is asked for."""

    id: str
    printed: float
    why: str
    outside: bool
    """More than a tenth off, for the reason said."""
    run: dict
    """The record."""

    @cached_property
    def ours(self) -> float:
        """Ours, in GiB."""
        return float(_ours(self.run)) / GIB

    @property
    def devices(self) -> int:
        """Among which the run was shared."""
        return Layout(**self.run.get("layout", {})).devices

    @property
    def holds(self) -> bool:
        """Within a tenth."""
        return not self.outside

    @property
    def difference(self) -> float:
        """Of theirs: negative where ours is less."""
        return self.ours / self.printed - 1


@cache
def peaks():
    """All of them, in the order of the file."""
    rows = read_yaml(DATA / "training.yaml")
    return tuple(Peak(row["id"], row["printed"], row["why"], row.get("outside", False), row) for row in rows)


def _ours(row):
    model = build(ModelSpec.model_validate(row["spec"])) if "spec" in row else named(row["model"])
    if "lora" in row:
        plan = {"dora": False, "dtype": None} | row["lora"]
        model = adapt(in_formats(model, row.get("quant", "none")), Lora(**plan | {"targets": tuple(plan["targets"])}))
    batch = row.get("batch", 1)
    policy = Policy(**({"attention": "flash", "dtype": "bf16", "batch": batch} | row.get("policy", {})))
    layout = Layout(**row.get("layout", {}))
    trainer = Trainer(model, Recipe(**row["recipe"]))
    tokens = Tokens(batch, row["seq"], row["seq"])
    moments = [moment for stage in range(layout.pp) for moment in trainer.moments(layout, stage, tokens, policy)]
    reserved = row.get("reserved", False)
    most = max(moment.total + reserved * moment.idle for moment in (_as_run(row, model, one) for one in moments))
    return most * (layout.reserved if reserved else 1) + row.get("device", False) * layout.communicators(policy.library)


def _as_run(row, model, moment):
    """What a run's own tricks leave of a moment: states elsewhere, a loss in pieces, gradients used as they come."""
    parts = dict.fromkeys(row.get("offload", ()), 0)
    if row.get("loss") == "chunked" and moment.logits:
        logits = moment.logits // 2
        parts |= {"logits": logits, "working": logits // CHUNKS}
    parts |= {name: getattr(moment, name) // 2 for name in row.get("halves", ())}
    if row.get("largest"):
        parts["gradients"] = max(2 * item.tensor.numel for item in placed(model.tree))
    return moment._replace(**parts)


def text():
    """The table."""
    lines = [f"{'run':44}{'printed':>9}{'ours':>9}{'off':>8}  what the difference is made of"]
    return "\n".join(lines + [f"{p.id:44}{p.printed:9.2f}{p.ours:9.2f}{p.difference:8.1%}  {p.why}" for p in peaks()])


if __name__ == "__main__":
    sys.stdout.write(text() + "\n")
