"""The decoder skeleton: what Llama is, and the row that says how a family differs from it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from paramcalc.components.layout import roll
from paramcalc.components.linear import Linear
from paramcalc.errors import LAYERS
from paramcalc.readers.config.config import Flag
from paramcalc.readers.config.patterns import ATTENTION, mixers, spelled
from paramcalc.readers.config.type_facts import TEXT_HEADS, UNBIASED_TAGGERS
from paramcalc.spec.model import ModelSpec

if TYPE_CHECKING:
    from paramcalc.components.base import Component
    from paramcalc.readers.config.config import Config

Pattern = Callable[["Config"], list[str]]
MODULES = ("embed_tokens", "embed_positions", "embedding_norm", "layers", "norm")
"""What stands below the base model's name in a class with a head."""


@dataclass(frozen=True, slots=True)
class Experts:
    """How a family's mixture of experts differs from Mixtral's; strings are config keys."""

    count: str = "num_local_experts"
    top_k: str = "num_experts_per_tok"
    size: str | Callable[[Config], int] = "moe_intermediate_size"
    shared: Callable[[Config], int | None] | None = None
    """Intermediate size of what every token visits; None where the class builds nothing for it."""
    shared_gate: bool = False
    bias: Flag = False
    router_bias: Flag = False
    shared_bias: Flag = False
    correction_bias: str = "none"
    layers: Pattern | None = None
    """`moe` or `dense` for each layer; all `moe` when not given."""
    more: Mapping[str, Any] | Callable[[Config], Mapping[str, Any]] = field(default_factory=dict)
    """Further fields of the component, as they are."""


@dataclass(frozen=True, slots=True)
class Row:
    """How a family differs from Llama. Strings in flags are config keys."""

    qkv_bias: Flag = False
    o_bias: Flag = False
    mlp_bias: Flag = False
    head_bias: Flag = False
    gated: bool = True
    norm: str = "rmsnorm"
    norm_bias: Flag | None = None
    placement: str | Callable[[Config], str] = "pre"
    qk_norm: str | Callable[[Config], str] = "none"
    uneven_heads: bool = False
    """The class rounds hidden_size / num_attention_heads down where it is no integer."""
    position: str | Callable[[Config], str] = "rotary"
    position_offset: int = 0
    size: str | Callable[[Config], int] = "intermediate_size"
    pattern: Pattern | None = None
    """`full`, `sliding` … for each layer, where `layer_types` is not given."""
    kinds: tuple[str, ...] = ()
    """The words there are, where they are not those of `pattern` and any attention."""
    window: str = "sliding_window"
    """The key that says how far a sliding layer sees."""
    mixers: Pattern | None = None
    """A word for each layer whatever `layer_types` says, for families in which it decides nothing that counts."""
    mixer: Callable[[Config, str], Component | None] | None = None
    """What mixes tokens in a layer of a given word, where it is not attention; None for attention after all."""
    experts: Experts | None = None
    block: Callable[[Config, str, str], Mapping[str, Any]] | None = None
    """Further fields of a layer, by the words for its mixer and its feed-forward."""
    mtp: Callable[[Config, ModelSpec], dict[str, Component]] | None = None
    """Parts of the multi-token prediction that files hold and a forward pass leaves out; empty where there are none."""
    more: Mapping[str, Any] | Callable[[Config], Mapping[str, Any]] = field(default_factory=dict)
    """Further fields of the specification, as they are."""
    names: Mapping[str, str] | Callable[[Config], Mapping[str, str]] = field(default_factory=dict)
    classifier: str = "score"
    """Where the class for sequence classification keeps its outputs."""
    tagger: str = "score"
    """Where the class for token classification keeps them."""
    answers: str = "transformer"
    """What the class for question answering calls the base model, where `names` do not say it."""
    chooses: bool = False
    """A class of the family has a second head, which chooses among continuations."""
    older: Mapping[str, str] = field(default_factory=dict)
    """Spellings the class still takes for a key: `hidden_size` to `n_embed`."""
    adjust: Callable[[Config, dict[str, Any]], None] | None = None
    """A last word on the fields, for what the rest cannot say."""

    def __call__(self, config: Config) -> ModelSpec:
        """The specification of one config."""
        if self.older:
            config.older = self.older
        kinds = list(zip(self._mixers(config), self._feed_forwards(config), strict=True))
        blocks = {kind: self._block(config, *kind) for kind in dict.fromkeys(kinds)}
        fields = self._common(config)
        if not all("mixer" in block for block in blocks.values()):
            fields |= _heads(config, uneven=self.uneven_heads)
        if len(blocks) == 1:
            fields |= next(iter(blocks.values())) | {"num_layers": config.layers}
        else:
            called = _called(blocks)
            fields["blocks"] = {called[kind]: block for kind, block in blocks.items()}
            fields["layers"] = tuple(roll([called[kind] for kind in kinds]))
        if self.adjust is not None:
            self.adjust(config, fields)
        spec = ModelSpec.model_validate(fields)
        parts = self.mtp(config, spec) if self.mtp is not None else None
        return spec.model_copy(update={"apart": {"mtp": parts}}) if parts else spec

    def _common(self, config: Config) -> dict[str, Any]:
        position = _resolved(config, self.position)
        fields: dict[str, Any] = {
            "vocab_size": config.integer("vocab_size"), "hidden_size": config.integer("hidden_size"),
            "position": position, "tie_embeddings": config.tied,
        }
        if position == "learned":
            fields["max_position_embeddings"] = config.integer("max_position_embeddings")
            if self.position_offset:
                fields["position_offset"] = self.position_offset
        for key, flag in (("qkv_bias", self.qkv_bias), ("o_bias", self.o_bias), ("mlp_bias", self.mlp_bias),
                          ("head_bias", self.head_bias)):
            if flag and config.holds(flag):
                fields[key] = True
        for key, value, usual in (("gated", self.gated, True), ("norm", self.norm, "rmsnorm"),
                                  ("qk_norm", _resolved(config, self.qk_norm), "none"),
                                  ("norm_placement", _resolved(config, self.placement), "pre")):
            if value != usual:
                fields[key] = value
        if self.norm_bias is not None:
            fields["norm_bias"] = config.holds(self.norm_bias)
        more = self.more(config) if callable(self.more) else self.more
        names = self.names(config) if callable(self.names) else self.names
        if self.chooses and config.architecture.endswith("DoubleHeadsModel"):
            return fields | dict(more) | {"names": dict(names), "outputs": _choices(config)}
        return fields | dict(more) | topped(config, dict(names) | self._classifier(config, names))

    def _classifier(self, config: Config, names: Mapping[str, str]) -> dict[str, str]:
        if config.task == "answers":
            return {key: f"{self.answers}.{key}" for key in ("embed_tokens", "layers", "norm") if key not in names}
        if config.task != "classification":
            return {}
        return {"lm_head": self.tagger if config.per_token else self.classifier}

    def _mixers(self, config: Config) -> list[str]:
        if self.mixers is not None:
            if "layer_types" in config.family.spellings:
                config.listed("layer_types", str, config.layers)  # the class refuses another length
            return self.mixers(config)
        usual = self.pattern(config) if self.pattern else ()
        words = mixers(config, usual)
        supported = self.kinds or {*ATTENTION, *usual}
        for index, word in enumerate(words):
            if word not in supported:
                kind = (config.get("layer_types") or words)[index]
                raise config.error("layer_types", f"unknown layer kind {kind!r}",
                                   f"known: {', '.join(spelled(sorted(supported)))}", index, LAYERS)
        return words

    def _feed_forwards(self, config: Config) -> list[str]:
        if self.experts is None:
            return ["dense"] * config.layers
        return self.experts.layers(config) if self.experts.layers else ["moe"] * config.layers

    def _block(self, config: Config, mixer: str, ffn: str) -> dict[str, Any]:
        own = {} if self.block is None else dict(self.block(config, mixer, ffn))
        fields: dict[str, Any] = {}
        part = self.mixer(config, mixer) if self.mixer is not None else None
        if part is not None:
            fields["mixer"] = part
        elif mixer == "sliding":
            fields["window"] = config.optional(self.window, least=0) or None
        elif mixer == "chunked":
            fields["chunk"] = config.integer("attention_chunk_size")
        if ffn == "moe" and self.experts is not None:
            fields["moe"] = mixture(config, self.experts, gated=self.gated)
        elif ffn == "none":
            fields["ffn"] = "none"
        elif ffn == "dense" and "intermediate_size" not in own:
            fields["intermediate_size"] = self.size(config) if callable(self.size) else config.integer(self.size)
        return fields | own


def _choices(config: Config) -> dict[str, Component]:
    """What sums a sequence up beside the head that predicts words: one value, or a vector where the config says so."""
    if not config.flag("summary_use_proj", default=True):
        return {}
    out = 1 if config.flag("summary_proj_to_labels", default=True) else config.integer("hidden_size")
    return {"multiple_choice_head.summary": Linear(out_features=out, bias=True, component="other", per="sequence")}


def topped(config: Config, names: dict[str, str]) -> dict[str, Any]:
    """What stands on top, by the class: a head, none (names then lose their `model.`), or a classifier."""
    if config.bare:
        bare = {key: key for key in MODULES}
        spelled = bare | {key: config.rooted(value) if key in bare else value for key, value in names.items()}
        return {"names": spelled, "head": False, "head_bias": False, "tie_embeddings": False}
    if config.task == "classification":
        return {"names": {"lm_head": "score", **names}, "head_rows": config.labels, "tie_embeddings": False,
                "head_bias": config.per_token and not _unbiased(config)}
    if config.task == "answers":
        return {"names": {**names, "lm_head": "qa_outputs"}, "head_rows": 2, "tie_embeddings": False, "head_bias": True}
    if config.task == "other" and (config.outer is None or not _generates(config.architecture)):
        raise config.unknown_class()
    return {"names": names} if names else {}


def _unbiased(config: Config) -> bool:
    """Whether a composite class scores tokens without a shift."""
    return config.outer is not None and config.outer.get("model_type") in UNBIASED_TAGGERS


def _generates(architecture: str) -> bool:
    """Whether a composite class of an unusual name has a language model's head: one that is not for something else."""
    return "For" not in architecture or architecture in TEXT_HEADS


def mixture(config: Config, row: Experts, *, gated: bool = True) -> dict[str, Any]:
    """The fields of a mixture of experts."""
    experts = config.integer(row.count)
    top_k = config.optional(row.top_k)
    if top_k is None:
        config.note(f"{row.top_k} is not given: every expert counts as active")
    fields: dict[str, Any] = {"experts": experts, "top_k": top_k or experts,
                             "intermediate_size": row.size(config) if callable(row.size) else config.integer(row.size)}
    flags = {"bias": row.bias, "router_bias": row.router_bias, "shared_bias": row.shared_bias}
    fields |= {key: True for key, flag in flags.items() if config.holds(flag)}
    if not gated:
        fields["gated"] = False
    size = None if row.shared is None else row.shared(config)
    if size or (size == 0 and "shared_bias" in fields):
        fields["shared_size"] = size
        if size and row.shared_gate:
            fields["shared_gate"] = True
    if row.correction_bias != "none":
        fields["correction_bias"] = row.correction_bias
    return fields | dict(row.more(config) if callable(row.more) else row.more)


def _heads(config: Config, *, uneven: bool) -> dict[str, Any]:
    heads = config.integer("num_attention_heads")
    rounded = config.integer("hidden_size") // heads if uneven and config.optional("head_dim") is None else None
    return {"num_heads": heads, "num_kv_heads": config.kv_heads, "head_dim": rounded or config.head_dim}


def _resolved(config: Config, value: str | Callable[[Config], str]) -> str:
    return value(config) if callable(value) else value


def _called(kinds: Mapping[tuple[str, str], object]) -> dict[tuple[str, str], str]:
    """Block names: the word that tells the kinds apart, both where neither alone does."""
    for place in (0, 1):
        if len({kind[place] for kind in kinds}) == len(kinds):
            return {kind: kind[place] for kind in kinds}
    return {kind: "_".join(kind) for kind in kinds}
