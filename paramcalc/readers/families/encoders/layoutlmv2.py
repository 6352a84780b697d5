"""LayoutLM 2: a page's words and its picture, which a ResNeXt with a feature pyramid of detectron2 reads.

arXiv:2012.14740; names and sizes of the net by facebookresearch/detectron2@02b5c4e295e9:detectron2/modeling/backbone
(resnet.py, fpn.py) and detectron2/config/defaults.py.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from paramcalc.components.attention import QKVO, Attention
from paramcalc.components.base import Parts
from paramcalc.components.linear import Linear, Parameter
from paramcalc.components.norm import Norm
from paramcalc.readers.families.encoder import Encoder, heads
from paramcalc.readers.families.encoders.documents import boxes, distances
from paramcalc.readers.families.encoders.heads import TAGGED, Dense, Tops
from paramcalc.readers.families.towers.frame import tower
from paramcalc.readers.families.towers.parts import convolve
from paramcalc.spec.caveats import Caveat

if TYPE_CHECKING:
    from paramcalc.readers.config.config import Config
    from paramcalc.spec.model import ModelSpec

KEY = "detectron2_config_args"
USUAL = {"MODEL.BACKBONE.NAME": "build_resnet_fpn_backbone", "MODEL.FPN.IN_FEATURES": ["res2", "res3", "res4", "res5"],
         "MODEL.RESNETS.DEPTH": 101, "MODEL.RESNETS.OUT_FEATURES": ["res2", "res3", "res4", "res5"],
         "MODEL.RESNETS.NUM_GROUPS": 32, "MODEL.RESNETS.WIDTH_PER_GROUP": 8, "MODEL.RESNETS.STRIDE_IN_1X1": False}
"""What transformers' config class says where a file says nothing."""
DEPTHS = {50: (3, 4, 6, 3), 101: (3, 4, 23, 3), 152: (3, 8, 36, 3)}
"""Blocks of each stage."""
OWN = {"NUM_GROUPS": 1, "WIDTH_PER_GROUP": 64, "RES2_OUT_CHANNELS": 256, "STEM_OUT_CHANNELS": 64}
"""detectron2's own widths."""
ALLOWED: dict[str, tuple[object, ...]] = {
    "MODEL.META_ARCHITECTURE": ("GeneralizedRCNN",), "MODEL.BACKBONE.NAME": ("build_resnet_fpn_backbone",),
    "MODEL.RESNETS.DEPTH": tuple(DEPTHS), "MODEL.RESNETS.NORM": ("FrozenBN",), "MODEL.FPN.NORM": ("",),
    "MODEL.RESNETS.DEFORM_ON_PER_STAGE": ([False] * 4,),
    "MODEL.FPN.IN_FEATURES": (USUAL["MODEL.FPN.IN_FEATURES"],),
}
"""Settings that could change what the net is made of, and the values described here."""
APART = Caveat(figure="flops", known="bound", reason=(
    "the convolutional net that reads the page's picture (visual.backbone) is in no FLOPs and no activations"))


def _settings(config: Config) -> dict[str, Any]:
    """What the net's config says. Raises SpecError for a net that is not described here."""
    values = config.get(KEY)
    if values is None:
        return dict(USUAL)
    if not isinstance(values, dict):
        raise config.expected(KEY, "a mapping")
    needed = {"MODEL.FPN.IN_FEATURES": [], "MODEL.RESNETS.DEPTH": 50, "MODEL.BACKBONE.NAME": "build_resnet_backbone"}
    settings: dict[str, Any] = needed | values
    for key, values in ALLOWED.items():
        if key in settings and settings[key] not in values:
            raise config.error(KEY, f"{key}: a net of detectron2 with {str(settings[key])[:60]} is not described")
    for key in (f"MODEL.RESNETS.{name}" for name in OWN):
        if key in settings and (type(settings[key]) is not int or settings[key] < 1):
            raise config.error(KEY, f"{key} must be a positive integer")
    return settings


def _unit(at: str, out: int, into: int, size: int, groups: int = 1) -> Parts:
    """A convolution without bias; scale, shift and statistics of its norm are frozen buffers."""
    frozen: Parts = {f"{at}.norm.{name}": Parameter(shape=(out,), component="norm", buffer=True)
                     for name in ("weight", "bias", "running_mean", "running_var")}
    return {at: convolve(out, into, size, size, bias=False, groups=groups), **frozen}


def _net(config: Config) -> Parts:
    """The ResNet or ResNeXt below, and the pyramid on each of its four stages."""
    settings = _settings(config)
    groups, each, out, into = (settings.get(f"MODEL.RESNETS.{key}", usual) for key, usual in OWN.items())
    pyramid = settings.get("MODEL.FPN.OUT_CHANNELS", 256)
    pool = config.listed("image_feature_pool_shape", int) or []
    if type(pyramid) is not int or (len(pool) > 2 and pool[2] != pyramid):
        raise config.error("image_feature_pool_shape", f"the pyramid gives {str(pyramid)[:20]} channels")
    inner, below = groups * each, "bottom_up"
    lateral: Parts = {}
    parts = _unit(f"{below}.stem.conv1", into, 3, 7)
    for stage, depth in enumerate(DEPTHS[settings["MODEL.RESNETS.DEPTH"]], start=2):
        lateral |= {f"fpn_lateral{stage}": convolve(pyramid, out, 1, 1),
                    f"fpn_output{stage}": convolve(pyramid, pyramid, 3, 3)}
        for block in range(depth):
            at = f"{below}.res{stage}.{block}"
            if block == 0 and into != out:
                parts |= _unit(f"{at}.shortcut", out, into, 1)
            parts |= (_unit(f"{at}.conv1", inner, into, 1) | _unit(f"{at}.conv2", inner, inner, 3, groups)
                      | _unit(f"{at}.conv3", out, inner, 1))
            into = out
        out, inner = 2 * out, 2 * inner
    return lateral | parts


def _tables(config: Config) -> Parts:
    """Tables of boxes, what leads from the net to the layers, and the biases by distance that all layers share."""
    width, pool = config.integer("hidden_size"), config.listed("image_feature_pool_shape", int) or []
    parts = boxes(config) | {"visual_proj": Linear(in_features=pool[2] if len(pool) > 2 else 256, bias=True,
                                                   component="other"),
                             "visual_LayerNorm": Norm(kind="layernorm")}
    if config.flag("has_visual_segment_embedding"):
        parts["visual_segment_embedding"] = Parameter(shape=(width,), component="other_embedding", added=True)
    return parts | distances(config)


def _mixer(config: Config, word: str, cross: bool) -> Parts:
    """One matrix for queries, keys and values, with two biases beside it."""
    count, width = heads(config), config.integer("hidden_size")
    if not config.flag("fast_qkv", default=True):
        names = {"q_proj": "self.query", "k_proj": "self.key", "v_proj": "self.value", "o_proj": "output.dense"}
        return {"attention": Attention(num_heads=count, bias=QKVO, causal=False, names=names)}
    bias = Parameter(shape=(1, 1, width), component="attention", added=True)
    return {"attention": Attention(num_heads=count, bias=("o",), causal=False, fused="qkv",
                                   names={"qkv_proj": "self.qkv_linear", "o_proj": "output.dense"}),
            "attention.self.q_bias": bias, "attention.self.v_bias": bias}


def _classified(config: Config) -> Parts:
    """Of the first token, the picture before the layers and the picture after them."""
    return {"classifier": Linear(out_features=config.labels, in_features=3 * config.integer("hidden_size"), bias=True,
                                 component="lm_head", per="sequence")}


TOPS: Tops = {"Model": ("pooler",), "SequenceClassification": ("pooler", _classified),
              "TokenClassification": ("pooler", TAGGED),
              "QuestionAnswering": ("pooler", Dense("qa_outputs", "labels", per="token"))}
ROW = Encoder("layoutlmv2", tops=TOPS, tables=_tables, mixer=_mixer)


def layoutlmv2(config: Config) -> ModelSpec:
    """The encoder, and beside it the net that reads the page."""
    config.read.add("convert_sync_batchnorm")
    spec = ROW(config)
    front = next(iter(spec.modules or {})).removesuffix("embeddings.word_embeddings")
    net = tower("vision", 256, _net(config), at=f"{front}visual.backbone")
    return spec.model_copy(update={"towers": {"visual": net}, "caveats": (*spec.caveats, APART)})


ROWS = {"layoutlmv2": layoutlmv2}
