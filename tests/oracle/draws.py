"""Draw random small configurations whose numbers are mutually distinct.

Widths, counts and ranks are varied by the names of the fields, switches are flipped, per-layer lists are shuffled.
Distinct numbers make sure that a formula which uses the wrong one cannot come out right by chance. A draw need not
build: the caller tries the next one.
"""

from __future__ import annotations

import random
import re
from collections.abc import Sequence
from dataclasses import fields
from typing import TYPE_CHECKING, Any

import building
import special
from transformers.configuration_utils import PreTrainedConfig

if TYPE_CHECKING:
    from _typeshed import SupportsLenAndGetItem

HIDDEN = re.compile(r"^(hidden_size|d_model|n_embd|emb_dim|embedding_dim|dim)$")
HEADS = re.compile(
    r"^(num_|swa_num_|encoder_|decoder_|num_encoder_|num_decoder_)?attention_heads$|^n_heads?$|^num_heads$"
)
KV_HEADS = re.compile(r"^(swa_)?num_(key_value|kv)_heads$")
HEAD_DIM = re.compile(r"^(head_dim|d_kv|d_head|dim_head|attention_head_size|kv_channels)$")
LAYERS = re.compile(
    r"^num_hidden_layers$|^n_layers?$|^(encoder|decoder)_layers$|^num(_encoder|_decoder)?_layers$|^num_blocks$"
)
WIDTH = re.compile(
    r"intermediate_size(_mlp)?$|ffn_dim$|^(d_ff|dff|n_inner|dim_ff|hidden_dim|feed_forward_size|d_inner|lru_width"
    r"|router_hidden_size|moe_latent_size|output_embedding_size|prediction_head_size)$|ffn_hidden_size$"
)
VOCAB = re.compile(r"^(?!shape|pron|type|task).*vocab_size(_per_layer_input)?$")
SMALL_TABLE = re.compile(r"(type|shape|pronunciation)_vocab_size$|^n_langs$")
POSITIONS = re.compile(
    r"position_embeddings$|^sliding_window_size$|^max_relative_positions$|^n_positions$|^n_ctx$"
    r"|^max_(source|target)_positions$|^max_seq_len$"
)
RANK = re.compile(
    r"_rank$|_lora_rank$|^embedding_size$|_embed_dim$|^hidden_size_per_layer_input$|input_embedding_size$"
)
ROPE_DIM = re.compile(r"^(qk_rope_head_dim|rotary_dim)$")
SIDE_DIM = re.compile(r"^(qk_nope|v|index|swa|linear|linear_key|linear_value|mamba)_head_dim$|^mamba_d_head$")
KERNEL = re.compile(r"conv_kernel(_size|_dim)?$|_d_conv$|^conv1d_width$|^conv_L_cache$|^cca_time\d$")
STATE = re.compile(r"state_size$|_d_state$")
EXPERTS = re.compile(r"^(num_experts|n_routed_experts|num_local_experts|moe_num_experts)$")
TOP_K = re.compile(r"^(num_experts_per_tok|moe_topk|moe_k|top_k_experts)$")
SHARED = re.compile(r"^(n_shared_experts|num_shared_experts|moe_num_shared_experts)$")
DENSE_FIRST = re.compile(r"^(first_k_dense_replace|num_dense_layers|moe_layer_start_index)$")
SIDE_COUNT = re.compile(
    r"^(index_n_heads|linear_num_(key_|value_)?heads|zero_expert_num|num_mem_blocks|altup_num_inputs|hc_mult|d_rel"
    r"|relative_attention_num_buckets|mamba_n_groups|n_groups|num_codebooks|ngram|num_buckets|prompt_(length|types)"
    r"|segment_types|position_bias_num_buckets|o_groups|inner_group_num|num_hidden_groups|adapter_reduction_factor"
    r"|intermediate_multiple_size|conv_window|head_ratio|num_groups|expansion_ratio|rel_extent)$"
)
PERIOD = re.compile(r"^(decoder_sparse_step|moe_layer_interval|expert_layer_period|attn_layer_period"
                    r"|interleave_moe_layer_step|layer_group_size|sliding_window_pattern"
                    r"|global_attn_every_n_layers)$")  # fmt: skip
SWITCH = re.compile(
    r"bias|qk_?(layer)?norm|tie_word_embeddings|parallel_(attn|residual)|new_decoder_architecture|multi_query"
    r"|^alibi$|^norm_elementwise|elementwise_affine|use_(sandwich|post)_norm|attention_gate|gating|use_double_wide_mlp"
    r"|add_cross_attention|relative_attention|add_out_norm|mamba_rms_norm|attention_adapter|use_lang_emb|use_task_id"
    r"|enable_(shape|pronunciation|moe_block)|concat_input|trigram_input|use_bottleneck|shared_bottleneck|is_moe"
    r"|attention_k_eq_v|rotary_value|adapter_layer_norm|adapter_reuse|use_prompt|do_layer_norm"
    r"|router_bias|qkv|k_eq|learned_pos_emb|no_bias|gated|position_biased_input|pre_norm|altup_correct_scale|use_mem_rope"
    r"|^legacy$|classifier_activation|remove_final_layer_norm|share_encoder_decoder_embeddings"
)
NEVER_SWITCHED = re.compile(r"bidirectional|use_cache|unbiased|sinusoidal")
TOKEN = re.compile(r"(_token_id|_token_index|_index)s?$|^lang_id$")


DRAWS = 3
# Up to this attempt the draws of a class are kept unlike each other; later ones are left to chance.
EARNEST = 30


class Spread(random.Random):
    """A generator whose choices differ between the draws of a class, each call having its own order."""

    def __init__(self, seed: str, turn: int) -> None:
        super().__init__(f"{seed}/{turn}")
        self.seed_text = seed
        self.turn = turn
        self.calls = 0

    def choice(self, seq: SupportsLenAndGetItem[Any]) -> Any:
        """Return the element that this draw has for this call."""
        self.calls += 1
        order = random.Random(f"{self.seed_text}/{self.calls}").sample(range(len(seq)), len(seq))
        return seq[order[self.turn % len(order)]]


class Draw:
    """One random configuration of a class, as keyword arguments."""

    def __init__(self, base: PreTrainedConfig, owner: str, turn: int, attempt: int) -> None:
        self.base = base
        self.owner = owner
        self.turn = turn
        self.attempt = attempt
        self.rng = random.Random(f"{base.model_type}/{owner}/{turn}/{attempt}")
        self.used: set[int] = set()
        self.names = {field.name for field in fields(base)} - {field.name for field in fields(PreTrainedConfig)}
        self.names |= {"is_decoder", "tie_word_embeddings"} & set(vars(base))
        self.heads = self.among("heads", (4, 6, 8))
        self.kv_heads = self.among("kv heads", (1, 2, self.heads // 2))
        both = any("coder_attention_heads" in name for name in self.names)
        widths = [self.heads * factor for factor in (6, 8, 10, 12, 14)]
        widths = [48, 72, 96, 120, 144] if both else [width for width in widths if width != 48 or self.heads == 6]
        self.hidden = self.fresh("hidden", widths)
        self.layers = self.among("layers", (3, 4, 5, 6, 7))
        self.used.add(self.layers)
        self.experts = self.among("experts", (8, 12, 16))
        self.values: dict[str, Any] = {}

    def order(self, name: str, options: Sequence[int]) -> list[int]:
        """Return the options in the order in which this draw prefers them: the first differs between the draws."""
        if self.attempt > EARNEST:
            return self.rng.sample(options, len(options))
        mixed = random.Random(f"{self.base.model_type}/{self.owner}/{name}").sample(options, len(options))
        turn = self.turn % len(mixed)
        return mixed[turn:] + mixed[:turn]

    def fresh(self, name: str, options: Sequence[int]) -> int:
        """Pick a number that this draw has not used yet, if there is one, and mark it."""
        ordered = self.order(name, options)[::DRAWS] if len(options) > 2 * DRAWS else self.order(name, options)
        picked = next((option for option in ordered if option not in self.used), ordered[0])
        self.used.add(picked)
        return picked

    def among(self, name: str, options: Sequence[int]) -> int:
        """Pick a small count, which may well equal another one."""
        return self.order(name, options)[0]

    def later_choices(self) -> random.Random:
        """Return the generator for what a family adjusts on its own."""
        if self.attempt > EARNEST:
            return self.rng
        return Spread(f"{self.base.model_type}/{self.owner}/{self.attempt}", self.turn)

    def flips(self, name: str) -> bool:
        """Tell whether a switch is turned in this draw.

        Of the three draws of a class, one turns it, one leaves it and one tosses a coin, so that both sides are
        seen; when such draws do not build, fewer and fewer switches are turned.
        """
        order = random.Random(f"{self.base.model_type}/{self.owner}/{name}").sample([1.0, 0.0, 0.5], 3)
        chance = order[self.turn % 3]
        if self.attempt > EARNEST:
            chance = 0.5 if self.attempt < 5 * EARNEST else 0.1
        return self.rng.random() < chance

    def needed(self, name: str) -> bool:
        """Tell whether a class cannot do without a field although its default is None."""
        return bool(TOP_K.search(name)) or name in building.REPAIRS.get(self.base.model_type, {})

    def optional(self, name: str) -> bool:
        """Tell whether a field may be None by its annotation."""
        return any("None" in str(field.type) for field in fields(self.base) if field.name == name)

    def default(self, name: str) -> Any:
        """Return the value a field has by default, as the class resolves it where it does."""
        declared = next((field.default for field in fields(self.base) if field.name == name), None)
        try:
            return getattr(self.base, name, None)
        except (AttributeError, RuntimeError):  # differs from layer to layer
            return declared

    def number(self, name: str) -> int | None:
        """Return a new value for a count or a width, or None when the field is none of these."""
        table: tuple[tuple[re.Pattern[str], Any], ...] = (
            (HIDDEN, lambda: self.hidden),
            (HEADS, lambda: self.among(name, (4, 6, 8)) if "_num_" in name or "coder" in name else self.heads),
            (KV_HEADS, lambda: self.kv_heads),
            (HEAD_DIM, lambda: self.fresh(name, (10, 12, 14, 18, 20, 22))),
            (LAYERS, lambda: self.layers if name.startswith("num_hidden") else self.fresh(name, (2, 3, 4, 5, 6, 7))),
            (WIDTH, lambda: self.fresh(name, range(72, 200, 8))),
            (VOCAB, lambda: self.fresh(name, range(211, 400, 2))),
            (SMALL_TABLE, lambda: self.fresh(name, range(3, 30))),
            (POSITIONS, lambda: self.fresh(name, range(65, 130, 2))),
            (RANK, lambda: self.fresh(name, range(16, 64, 2))),
            (ROPE_DIM, lambda: self.among(name, (4, 6, 8))),
            (SIDE_DIM, lambda: self.fresh(name, (10, 12, 14, 16, 18, 20, 24, 26))),
            (KERNEL, lambda: self.among(name, (2, 3, 4, 5))),
            (STATE, lambda: self.fresh(name, range(5, 27))),
            (EXPERTS, lambda: self.experts),
            (TOP_K, lambda: self.among(name, (2, 3))),
            (SHARED, lambda: self.among(name, (1, 2, 3))),
            (DENSE_FIRST, lambda: self.among(name, (0, 1, 2))),
            (SIDE_COUNT, lambda: self.among(name, (2, 3, 4, 5, 6))),
            (PERIOD, lambda: self.among(name, (1, 2, 3))),
        )
        for pattern, make in table:
            if pattern.search(name):
                value: int = make()
                return value
        return None

    def listed(self, name: str, value: list[Any]) -> list[Any] | None:
        """Return a new per-layer list, or None to let the class derive its own."""
        per_layer = len(value) == getattr(self.base, "num_hidden_layers", -1)
        if not per_layer or not all(isinstance(item, str) for item in value):
            return None
        if not self.flips(name):
            return None
        layers = self.values.get("num_hidden_layers", self.layers)
        kinds = sorted(set(value))
        picked = [self.rng.choice(kinds) for _ in range(layers)]
        for index, kind in enumerate(kinds[:layers]):
            picked[index] = kind
        self.rng.shuffle(picked)
        if name in {"layer_types", "block_types"} and "full_attention" in kinds:
            picked[-1] = "full_attention"
        return picked

    def assign(self, name: str) -> None:
        """Set one field, if it is one that is varied."""
        default = self.default(name)
        declared = next((field.default for field in fields(self.base) if field.name == name), default)
        if TOKEN.search(name):
            if isinstance(default, int):
                self.values[name] = min(max(default, 0), 3)
        elif isinstance(default, bool):
            if SWITCH.search(name) and not NEVER_SWITCHED.search(name) and self.flips(name):
                self.values[name] = not default
                if name == "add_cross_attention" and "is_decoder" in self.names:
                    self.values["is_decoder"] = True
        elif isinstance(default, int) or default is None:
            keep_silent = declared is None and not self.needed(name) and not self.flips(name)
            if not keep_silent and (number := self.number(name)) is not None:
                self.values[name] = number
        elif isinstance(default, list) and (items := self.listed(name, default)) is not None:
            self.values[name] = items

    def result(self) -> dict[str, Any]:
        """Return the keyword arguments of the configuration."""
        for name in sorted(self.names, key=lambda item: (not LAYERS.search(item), item)):
            self.assign(name)
        self._align()
        special.adjust(self.base.model_type, self.values, self.later_choices(), self.names)
        return self.values

    def _align(self) -> None:
        """Keep numbers apart that must differ, and together that must divide each other."""
        values, rng = self.values, self.rng
        if "num_key_value_heads" in values and rng.random() < 0.2 and "kv_lora_rank" not in self.names:
            values["num_key_value_heads"] = self.heads
        if "kv_lora_rank" in self.names and "num_key_value_heads" in values:
            values["num_key_value_heads"] = self.heads
        if self.optional("q_lora_rank") and self.default("q_lora_rank") and self.flips("q_lora_rank"):
            values["q_lora_rank"] = None
        if "n_group" in self.names:
            values["n_group"], values["topk_group"] = rng.choice(((1, 1), (2, 1), (4, 2)))
