"""Models of two towers, one for text and one for images, whose vectors are compared: CLIP, SigLIP and their kin."""

from __future__ import annotations

from typing import TYPE_CHECKING

from paramcalc.components.base import Parts
from paramcalc.components.linear import Linear
from paramcalc.readers.config.config import Config
from paramcalc.readers.families.towers import bert
from paramcalc.readers.families.towers.alone import model, opened
from paramcalc.readers.families.towers.composite import builder, nested
from paramcalc.readers.families.towers.frame import Layer, layers, tower, under
from paramcalc.readers.families.towers.parts import dense, norm, table, vector
from paramcalc.readers.families.towers.segmenting import mask_decoder
from paramcalc.spec.model import ModelSpec

if TYPE_CHECKING:
    from paramcalc.spec.tower import Tower

LAYER = Layer()
CAUSAL = Layer(causal=True)


def text(config: Config) -> ModelSpec:
    """A text encoder: CLIP's sees what came before, SigLIP's everything, and projects the last token."""
    width, sig, tips = config.integer("hidden_size"), "siglip" in config.model_type, "tips" in config.model_type
    modules: Parts = {"embeddings.token_embedding": table(config.integer("vocab_size"), width, "token_embedding")}
    if not tips:
        modules["embeddings.position_embedding"] = table(config.integer("max_position_embeddings"), width)
    modules |= {"encoder.layers": layers(config.layers), "final_layer_norm": norm(width)}
    if sig:
        out = config.integer("projection_size", width)
        modules["head"] = Linear(out_features=out, in_features=width, bias=True, component="other", per="sequence")
    block = (LAYER if sig or tips else CAUSAL).of(config)
    return model(width, modules, {"layer": block}, words=config.integer("vocab_size"))


def _image(config: Config, at: str) -> Tower:
    make = builder(config.model_type)
    if make is None:
        raise config.error("model_type", f"unknown value {config.model_type[:60]!r}")
    return make(config, at)


def _pair(words: ModelSpec, images: Tower, between: Parts, eyes: Parts) -> ModelSpec:
    """Both towers; `between` counts as what it is, `eyes` with the vision tower."""
    modules = {**between, **{f"text_model.{key}": part for key, part in (words.modules or {}).items()}}
    towers = {"vision": images}
    if eyes:
        towers["projection"] = tower("vision", images.hidden_size, eyes, stream="image_tokens")
    return words.model_copy(update={"modules": modules, "towers": towers})


def _classifier(config: Config, images: Tower) -> ModelSpec:
    head = Linear(out_features=config.labels, bias=True, component="lm_head", per="sequence")
    return ModelSpec(hidden_size=images.hidden_size, modules={"classifier": head}, towers={"vision": images})


def _parts(config: Config) -> tuple[Config, Tower]:
    words = nested(config, "text_config", f"{config.model_type}_text_model")
    return words, _image(nested(config, "vision_config", f"{config.model_type}_vision_model"), "vision_model")


def _projections(config: Config, words: ModelSpec, images: Tower) -> tuple[Parts, Parts]:
    out = config.integer("projection_dim")
    return ({"text_projection": dense(out, words.hidden_size, bias=False, per="sequence"), "logit_scale": vector()},
            {"visual_projection": dense(out, images.hidden_size, bias=False, per="sequence")})


def clip(config: Config) -> ModelSpec:
    """CLIP: both vectors are projected to one width. arXiv:2103.00020."""
    words, images = _parts(config)
    if config.architecture.endswith("ForImageClassification"):
        return _classifier(config, images)
    segments = config.model_type == "clipseg" and config.architecture.endswith("ForImageSegmentation")
    if config.architecture and not (segments or config.architecture.endswith("Model")):
        raise config.unknown_class()
    spec = text(words)
    pair = _pair(spec, images, *_projections(config, spec, images))
    return _segmented(config, pair) if segments else pair


def _segmented(config: Config, pair: ModelSpec) -> ModelSpec:
    """CLIP and what draws the place of a text in an image. arXiv:2112.10003."""
    eyes = nested(config, "vision_config", f"{config.model_type}_vision_model")
    towers = {name: part.model_copy(update={"modules": under("clip", dict(part.modules))})
              for name, part in pair.towers.items()}
    modules = under("clip", dict(pair.modules or {}))
    return pair.model_copy(update={"modules": modules, "towers": {**towers, "decoder": mask_decoder(config, eyes)}})


def siglip(config: Config) -> ModelSpec:
    """SigLIP: nothing is projected but the text's last token. arXiv:2303.15343."""
    words, images = _parts(config)
    if config.architecture.endswith("ForImageClassification"):
        return _classifier(config, images)
    return _pair(text(words), images, {"logit_scale": vector(1), "logit_bias": vector(1)}, {})


def text_alone(config: Config) -> ModelSpec:
    """The text encoder as a model of its own, as diffusion pipelines use it."""
    spec, width = text(config), config.integer("hidden_size")
    if not config.architecture.endswith("WithProjection"):
        return spec
    projection = {"text_projection": dense(config.integer("projection_dim"), width, bias=False, per="sequence")}
    moved = {f"text_model.{key}": part for key, part in (spec.modules or {}).items()}
    return spec.model_copy(update={"modules": moved | projection})


def image_alone(config: Config) -> ModelSpec:
    """The image tower with the projection it is compared through, as diffusion pipelines use it."""
    width, images = config.integer("hidden_size"), _image(config, "vision_model")
    projection: Parts = {"visual_projection": dense(config.integer("projection_dim"), width, bias=False,
                                                    per="sequence")}
    return ModelSpec(hidden_size=width, modules={}, towers={
        "vision": images, "projection": tower("vision", width, projection, stream="image_tokens")})


def tips(config: Config) -> ModelSpec:
    """TIPS 2: nothing is projected, positions of words are sinusoids. arXiv:2410.16512."""
    if config.architecture.endswith("Backbone"):  # of a pair, the images' tower alone
        config.read |= {"text_config", "temperature_init_value"}
        return opened(_image(nested(config, "vision_config", "tipsv2_vision_model"), ""))
    words, images = _parts(config)
    return _pair(text(words), images, {"temperature": vector()}, {})


def align(config: Config) -> ModelSpec:
    """ALIGN: a BERT whose first token is projected to the width of a convolutional net. arXiv:2102.05918."""
    words, images = _parts(config)
    spec = bert.words(words, pooler=True)
    between: Parts = {"temperature": vector(), "text_projection": dense(config.integer("projection_dim"),
                                                                        spec.hidden_size, per="sequence")}
    return _pair(spec, images, between, {})


def chinese_clip(config: Config) -> ModelSpec:
    """CLIP with a BERT for text. arXiv:2211.01335."""
    words, images = _parts(config)
    spec = bert.words(words)
    return _pair(spec, images, *_projections(config, spec, images))


def altclip_text(config: Config) -> ModelSpec:
    """An XLM-R, whose width is transformed at the end."""
    body = bert.words(config)
    inner: Parts = {f"roberta.{key}": part for key, part in (body.modules or {}).items()}
    inner |= {"transformation": dense(config.integer("project_dim"), body.hidden_size),
              "pre_LN": norm(body.hidden_size)}
    return body.model_copy(update={"modules": inner})


def altclip(config: Config) -> ModelSpec:
    """CLIP with that text encoder. arXiv:2211.06679."""
    words, images = _parts(config)
    spec, out = altclip_text(words), words.integer("project_dim")
    between, eyes = _projections(config, spec.model_copy(update={"hidden_size": out}), images)
    return _pair(spec, images, between, eyes)
