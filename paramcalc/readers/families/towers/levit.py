"""LeViT: attention with a learned bias for each distance, and norms by batch. arXiv:2104.01136."""

from __future__ import annotations

from typing import TYPE_CHECKING

from paramcalc.components.base import Parts
from paramcalc.readers.families.towers.frame import under
from paramcalc.readers.families.towers.geometry import listed, stages
from paramcalc.readers.families.towers.nets import Net, unit
from paramcalc.readers.families.towers.parts import batchnorm, dense, vector

if TYPE_CHECKING:
    from paramcalc.readers.config.config import Config
    from paramcalc.readers.families.encoders.heads import Tops
    from paramcalc.spec.model import ModelSpec


def _normed(at: str, out: int, into: int) -> Parts:
    return {f"{at}.linear": dense(out, into, bias=False, component="ffn"), f"{at}.batch_norm": batchnorm(out)}


def _feed(width: int, ratio: int) -> Parts:
    return under("module", _normed("linear_up", ratio * width, width) | _normed("linear_down", width, ratio * width))


def _distances(side: int, stride: int = 1, queries: int = 0) -> int:
    """Pairs of distances in both directions between places of two grids."""
    one = {abs(stride * place - other) for place in range(queries or side) for other in range(side)}
    return len(one) ** 2


def levit(config: Config) -> ModelSpec:
    """LeViT, with one classifier or with one more for its teacher."""
    widths, net, channels = listed(config, "hidden_sizes"), Net(), config.integer("num_channels")
    size, step, first = config.integer("kernel_size"), config.integer("stride"), widths[0]
    for index, (out, into) in enumerate(((first // 8, channels), (first // 4, first // 8), (first // 2, first // 4),
                                         (first, first // 2)), 1):
        net.add(unit(f"patch_embeddings.embedding_layer_{index}", out, into, size,
                     words=("convolution", "batch_norm"), component="other_embedding"), step)
    depths, side = stages(config), config.integer("image_size") // config.integer("patch_size")
    if not 1 <= side <= 1024:
        raise config.error("patch_size", f"must cut an image into 1 to 1,024 patches a side, found {side:,}")
    columns = [listed(config, key, len(depths)) for key in ("hidden_sizes", "key_dim", "num_attention_heads",
                                                            "attention_ratio", "mlp_ratio")]
    downs = _downs(config, len(depths))
    for index, depth in enumerate(depths):
        width, key, heads, ratio, wide = (column[index] for column in columns)
        values, at, place = ratio * key * heads, f"encoder.stages.{index}.layers", 0
        attend = under("module", {"attention_biases": vector(heads, _distances(side), component="attention")}
                       | _normed("queries_keys_values", values + 2 * key * heads, width)
                       | _normed("projection", width, values))
        for parts in [attend, _feed(width, wide)] * depth:
            net.add(under(f"{at}.{place}", parts))
            place += 1
        if downs[index]:
            key, heads, ratio, wide, stride = downs[index]
            shrunk_side, out, values = (side - 1) // stride + 1, listed(config, "hidden_sizes", index + 2)[index + 1], (
                ratio * key * heads)
            between = _distances(side, stride, shrunk_side)
            net.add(under(f"{at}.{place}", {"attention_biases": vector(heads, between, component="attention")}
                          | _normed("keys_values", values + key * heads, width)
                          | _normed("queries", key * heads, width) | _normed("projection", out, values)), stride)
            if wide > 0:
                net.add(under(f"{at}.{place + 1}", _feed(out, wide)))
            side = shrunk_side
    return net.spec(config, "levit", widths[-1], _tops(widths[-1]))


def _downs(config: Config, count: int) -> list[list[int]]:
    """What shrinks the grid behind each stage: key width, heads, ratio of values, of the feed-forward, stride."""
    value = config.get("down_ops")
    if value is None:
        keys, widths = listed(config, "key_dim"), listed(config, "hidden_sizes")
        value = [["Subsample", keys[0], widths[index] // keys[0], 4, 2, 2] for index in range(2)]
    if not isinstance(value, list) or len(value) > 64:
        raise config.expected("down_ops", "a list of operations")
    steps: list[list[int]] = []
    for operation in value[:count]:
        numbers = operation[1:] if isinstance(operation, list) and operation[:1] == ["Subsample"] else []
        if numbers and (len(numbers) != 5 or any(type(item) is not int or not 0 <= item < 2**16 for item in numbers)):
            raise config.expected("down_ops", "Subsample and five integers")
        steps.append(numbers)
    return steps + [[]] * (count - len(steps))


def _tops(width: int) -> Tops:
    def head(config: Config) -> Parts:
        return {"classifier.batch_norm": batchnorm(width, component="lm_head"),
                "classifier.linear": dense(config.labels, width, component="lm_head", per="sequence")}

    def teacher(config: Config) -> Parts:
        return {"classifier_distill.batch_norm": batchnorm(width),
                "classifier_distill.linear": dense(config.labels, width, per="sequence")}

    return {"Model": (), "ImageClassification": (head,), "ImageClassificationWithTeacher": (head, teacher)}
