"""Which dimension of a layer's matrices transformers divides among devices: tests/data/tp_plans.json.

`base_model_tp_plan` of each model type whose classes are recorded, where it says colwise (rows of the weight are
divided) or rowwise (its columns), of the modules that files name so too. `python tests/oracle/tp_plans.py`
"""

from __future__ import annotations

import json
from pathlib import Path

from transformers.models.auto.configuration_auto import CONFIG_MAPPING

DATA = Path(__file__).parent.parent / "data"
SPLITS = ("colwise", "rowwise")


def main():
    plans = {}
    for path in sorted((DATA / "oracle").glob("*.jsonl")):
        if path.stem in CONFIG_MAPPING:
            plan = getattr(CONFIG_MAPPING[path.stem], "base_model_tp_plan", None) or {}
            record = json.loads(path.read_text("utf-8").splitlines()[0])
            files = [name for name, *_ in record.get("checkpoint_tensors") or record["tensors"]]
            rules = {name: how for name, how in plan.items() if how in SPLITS and ".experts." not in name
                     and any(file_name.endswith(f".{name}.weight") for file_name in files)}
            if rules:
                plans[path.stem] = rules
    lines = ",\n".join(f"{json.dumps(kind)}: {json.dumps(plan)}" for kind, plan in plans.items())
    (DATA / "tp_plans.json").write_text("{\n" + lines + "\n}\n", encoding="utf-8")


if __name__ == "__main__":
    main()
