"""The largest micro-batch and the longest sequence that still fit, solved on the same sums, not sampled."""

from __future__ import annotations

from typing import TYPE_CHECKING

from paramcalc.estimates.fit import largest as bisect

if TYPE_CHECKING:
    from paramcalc.activations.fold import Tokens
    from paramcalc.activations.policy import Policy
    from paramcalc.estimates.training import Trainer
    from paramcalc.estimates.training_layout import Layout

MAX_MICRO_BATCH = 2**14
MAX_SEQ = 2**24


def largest(trainer: Trainer, layout: Layout, load: Tokens, policy: Policy, capacity: int) -> dict[str, int]:
    """The largest micro-batch at this sequence and the longest sequence at this micro-batch, tokens of pictures and
    recordings among it; 0 where not even one fits.

    Bytes grow with both, so that bisecting whole numbers is exact.
    """

    def fits(micro_batch: int, seq: int) -> bool:
        here = load._replace(batch=micro_batch, seq=seq, source=seq)
        devices = trainer.devices(layout, here, policy._replace(batch=micro_batch))
        return max(device.total for device in devices) <= capacity

    longest = layout.cp * bisect(lambda size: fits(load.batch, size * layout.cp), MAX_SEQ // layout.cp)
    return {"micro_batch": bisect(lambda size: fits(size, load.seq), MAX_MICRO_BATCH),
            "seq": longest if longest > load.media.tokens else 0}
