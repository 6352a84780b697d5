"""Values of keys that mostly change no count: refused where no class can take them, noted where one can but hardly
means them.

A file with such a value loads nowhere or computes nonsense, so an answer that passes over it is worth nothing either.
Whether a class of the library refuses a word was read off its release (`library_version`); classes of their own code
may know more words, so there an unknown one is a note.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any, NamedTuple

from paramcalc.catalog.same_types import library_type
from paramcalc.errors import Problem, SpecError
from paramcalc.readers.config.depth import LETTERS
from paramcalc.readers.config.strange import ROTARY_SETTINGS
from paramcalc.readers.families import family_of
from paramcalc.readers.text.validation import closest
from paramcalc.readers.text.values import expected
from paramcalc.sanitize import quote

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from paramcalc.readers.config.config import Config

    Rotary = Sequence[tuple[tuple[str, ...], dict[str, Any]]]
    """Settings of rotary positions with their paths."""

USUAL: dict[str, object] = {
    "rope_theta": 10_000.0, "dtype": "float32", "torch_dtype": "float32", "use_cache": True, "is_decoder": False,
    "is_encoder_decoder": False, "initializer_range": 0.02, "chunk_size_feed_forward": 0,
}
"""Keys of every file that the library's classes take elsewhere, at values of the type they have."""

FUNCTIONS = frozenset([
    "gelu", "gelu_10", "gelu_accurate", "gelu_fast", "gelu_new", "gelu_python", "gelu_python_tanh", "gelu_pytorch_tanh",
    "hardswish", "laplace", "leaky_relu", "linear", "mish", "prelu", "quick_gelu", "relu", "relu2", "relu6", "sigmoid",
    "silu", "sqrtsoftplus", "swish", "tanh", "xielu",
])
"""Activation functions of the library (transformers activations.py, ACT2CLS, release 5.24)."""
OWN_FUNCTIONS = frozenset(["situ", "sqrelu", "swiglu"])
"""Those that published classes of their own code have beside them (Kimi-K3, RWKV-7, nomic-bert)."""
ROTARY = frozenset([
    "default", "linear", "dynamic", "yarn", "longrope", "llama3", "proportional", "axial", "ntk_alpha", "xdrope",
    "su", "mrope", "ntk", "gptj", "mllama4", "deepseek_yarn", "deepseek_llama_scaling", "openpangu", "telechat3-yarn",
    "fope",
])
"""Ways to turn positions: those of the library (modeling_rope_utils.py and its classes), of files older than them, and
of runtimes (vLLM, get_rope)."""
DTYPES = frozenset([
    "auto", "float64", "double", "float32", "float", "float16", "half", "bfloat16", "float8_e4m3fn", "float8_e5m2",
    "float8_e4m3fnuz", "float8_e5m2fnuz", "float8_e8m0fnu", "float4_e2m1fn_x2", "int8", "uint8", "int16", "int32",
    "int64", "int4", "uint4",
])
"""Types of torch that weights may have, by their names there."""
SHORT_DTYPES = {"bf16": "bfloat16", "fp16": "float16", "fp32": "float32", "fp64": "float64", "f16": "float16",
                "f32": "float32", "fp8": "float8_e4m3fn"}
"""Names people know them by, which torch has not."""
TASKS = frozenset(["regression", "single_label_classification", "multi_label_classification"])
"""Values of `problem_type` (configuration_utils.py, release 5.24)."""
SCORES = frozenset(["softmax", "sigmoid", "sqrtsoftplus"])
"""How a router turns scores into weights."""
CHOICES = frozenset(["greedy", "gready", "group_limited_greedy", "noaux_tc", "noaux_tc_group"])
"""How it chooses experts; the second is DeepSeek-V2's own spelling."""
NOTED = {"scoring_func": SCORES, "topk_method": CHOICES,
         "summary_type": frozenset(["last", "first", "mean", "cls_index", "attn"])}
"""Words of which classes know a few, and of which no class of the library makes sure."""

SCALED = {"linear": ("factor",), "dynamic": ("factor",), "yarn": ("factor",), "llama3": ("factor",),
          "longrope": ("short_factor", "long_factor")}
"""What ways to turn positions cannot do without (modeling_rope_utils.py)."""
INSTEAD = {"factor": "alpha"}
"""What settings may have in its place (Hunyuan's `dynamic`)."""
NONE = -1
"""What whole numbers say for none or for all."""


class Limit(NamedTuple):
    """What numbers a key can have."""

    what: str
    least: float
    at_zero: str = ""
    """What a zero does, where it is allowed but hardly meant."""


TINY = 5e-324
"""The smallest number above 0."""
POSITIVE = Limit("a number above 0", TINY)
LIMITS: dict[str, Limit] = {
    **dict.fromkeys(("rope_theta", "rotary_emb_base", "rotary_embedding_base", "rope_local_base_freq", "beta_fast",
                     "beta_slow", "low_freq_factor", "high_freq_factor", "original_max_position_embeddings"), POSITIVE),
    **dict.fromkeys(("norm_eps", "norm_epsilon"), Limit(
        "a number of at least 0", 0, "a norm then divides by zero where all values are zero")),
    **dict.fromkeys(("_eps", "_epsilon"), Limit("a number of at least 0", 0)),
    **dict.fromkeys(("initializer_range", "init_std"), Limit(
        "a number of at least 0", 0, "every weight drawn by it then starts at zero")),
    "sliding_window": Limit("a number of tokens, or -1 for none", NONE),
}
"""Numbers by how keys end, the most special first."""
WITHIN = {"factor": POSITIVE}
"""More of them within settings of rotary positions, where the word alone is enough."""


def vet(config: Config) -> list[str]:
    """What the class takes though it is hardly meant, each as a sentence: zeros, negative numbers, words that its own
    code may know, one fact said twice and not alike.

    Raises SpecError for values of the wrong type, numbers out of their range and words the class does not know, with
    all of them, located: the library's class refuses such a file too or computes nothing sensible with it, whoever
    reads the key."""
    values = _own_values(config)
    rotary = [*_rotary_settings(config)] if not values.keys().isdisjoint(ROTARY_SETTINGS) else []
    problems = [*_wrong_values(config, values), *_no_words_of_torch(config, values)]
    doubts = [*_unknown_functions(config, values)]
    if rotary:
        problems += _wrong_rotary_numbers(rotary)
        doubts += _unknown_rotary(rotary)
    if doubts and _closed(config):
        problems, doubts = problems + doubts, []
    if problems:
        raise SpecError(*problems)
    notes = [f"{problem.dotted()}: {problem.message}" for problem in doubts]
    notes += [*_odd_numbers(config, values), *_odd_words(config, values), *_odd_labels(config)]
    return [*notes, *_odd_spellings(config)] if config.family.attributes else notes


def _closed(config: Config) -> bool:
    """Whether the class is the library's own, which knows no words but its own."""
    around = config.outer or config.data
    return "auto_map" not in config.data and "auto_map" not in around and all(
        family_of(name).published is None and library_type(name) == name
        for name in {config.model_type, str(around.get("model_type", ""))})


def _own_values(config: Config) -> dict[str, Any]:
    """Those of a file that its class does not have by default: what a class has itself it can take."""
    usual = config.family.defaults
    return {key: value for key, value in config.data.items() if value is not None and value != usual.get(key)}


def _wrong_values(config: Config, values: Mapping[str, Any]) -> Iterator[Problem]:
    """Text where the class has a number or a flag, and the like, and numbers that no class can have under a key."""
    usual = config.family.defaults
    for key, value in values.items():
        due = usual[key] if key in usual else USUAL.get(key)
        if type(value) is not type(due) and key not in LETTERS and (what := _type_due(value, due)):
            yield Problem(expected(what, value), (*config.path, key))
        elif type(value) not in (str, bool) and (limit := _limit(key)) is not None and not _allows(limit, value):
            yield Problem(expected(limit.what, value), (*config.path, key))


def _type_due(value: object, usual: object) -> str:
    """What should stand where a class has the default `usual`; empty where a value can be meant."""
    if type(usual) is str:
        return "" if type(value) is str or usual == "auto" else "a string"
    if type(usual) is bool:
        return "" if type(value) is bool or value in (0, 1) else "true or false"
    if type(usual) not in (int, float) or type(value) in (int, float):
        return ""
    numbers = type(value) is list and bool(value) and {int, float}.issuperset(map(type, value))
    infinite = type(value) is dict and value.keys() == {"__float__"}  # as the library writes what JSON lacks
    return "" if numbers or infinite else "a number"


@cache
def _limit(key: str) -> Limit | None:
    """What numbers a key can have."""
    return next((limit for ending, limit in LIMITS.items() if key.endswith(ending)), None)


def _wrong_rotary_numbers(rotary: Rotary) -> Iterator[Problem]:
    """Numbers that settings of rotary positions cannot have, and what is no number there."""
    for path, settings in rotary:
        for key, value in settings.items():
            limit = WITHIN.get(key) or _limit(key)
            if limit is None or value is None or isinstance(value, dict):
                continue
            if type(value) not in (int, float, list) or not _allows(limit, value):
                yield Problem(expected(limit.what, value), (*path, key))


def _allows(limit: Limit, value: object) -> bool:
    """Whether a number, or each of a list, is within a limit: in lists zero stands for layers that have none. What is
    no number is not for it to refuse."""
    if isinstance(value, list):
        return all(number >= limit.least for number in value if isinstance(number, int | float) and number != 0)
    return not isinstance(value, int | float) or value >= limit.least


def _rotary_settings(config: Config) -> Iterator[tuple[tuple[str, ...], dict[str, Any]]]:
    """Settings of rotary positions with their paths: of all layers, or of each kind of them."""
    for key in ROTARY_SETTINGS:
        settings = config.data.get(key)
        if not isinstance(settings, dict):
            continue
        kinds = [((*config.path, key, name), kind) for name, kind in settings.items() if isinstance(kind, dict)]
        yield from kinds or [((*config.path, key), settings)]


def _unknown_functions(config: Config, values: Mapping[str, Any]) -> Iterator[Problem]:
    """Functions that the library does not know, where the class has one by default: `conv_act` and `pooler_hidden_act`
    as well as `hidden_act`."""
    usual = config.family.defaults
    for key, value in values.items():
        if type(value) is not str or "act" not in key or value in FUNCTIONS or usual.get(key) not in FUNCTIONS:
            continue
        if value not in OWN_FUNCTIONS or _closed(config):
            yield _unknown(config.path, key, value, FUNCTIONS, "activation function")


def _unknown_rotary(rotary: Rotary) -> Iterator[Problem]:
    """Kinds of rotary positions that nobody knows, and settings without what their kind needs."""
    for path, settings in rotary:
        for key in ("rope_type", "type"):
            word = settings.get(key)
            if type(word) is str and word not in ROTARY:
                yield _unknown(path, key, word, ROTARY, "kind of rotary positions")
        kind = settings.get("rope_type", settings.get("type"))
        for key in SCALED.get(kind, ()) if type(kind) is str else ():
            if settings.get(key) is None and settings.get(INSTEAD.get(key, key)) is None:
                yield Problem(f"required key is missing for positions of the kind {kind}", (*path, key))


def _no_words_of_torch(config: Config, values: Mapping[str, Any]) -> Iterator[Problem]:
    """Types and tasks that are none, whatever the class."""
    for key in ("dtype", "torch_dtype"):
        word = values.get(key)
        if type(word) is str and (name := word.removeprefix("torch.")) not in DTYPES:
            hint = f"write {SHORT_DTYPES[name]}" if name in SHORT_DTYPES else ""
            problem = _unknown(config.path, key, word, DTYPES, "type of torch")
            yield problem._replace(hint=hint or problem.hint)
    task = values.get("problem_type")
    if type(task) is str and task not in TASKS:
        yield _unknown(config.path, "problem_type", task, TASKS, "value")


def _unknown(path: tuple[str, ...], key: str, word: str, words: frozenset[str], what: str) -> Problem:
    """A refusal of a word, with the nearest that is known, else all of them."""
    near = closest(word, sorted(words))
    hint = f"did you mean {quote(near)}?" if near else f"known: {', '.join(sorted(words))}"
    return Problem(f"unknown {what} {quote(word)}", (*path, key), hint)


def _dotted(config: Config, key: str) -> str:
    return ".".join((*config.path, key))


def _odd_numbers(config: Config, values: Mapping[str, Any]) -> Iterator[str]:
    """Zeros that make a model useless, and numbers below zero where the class has none."""
    usual = config.family.defaults
    for key, value in values.items():
        if type(value) not in (int, float) or value > 0:
            continue
        limit, due = _limit(key), usual.get(key)
        if limit is not None:
            if value == 0 != due and limit.at_zero:
                yield f"{_dotted(config, key)} is 0: {limit.at_zero}"
        elif isinstance(due, int | float) and value < 0 <= due and (isinstance(due, float) or value < NONE):
            yield f"{_dotted(config, key)} is negative ({quote(value)}); its class has {quote(due)}"


def _odd_words(config: Config, values: Mapping[str, Any]) -> Iterator[str]:
    """Words of which no class knows, where no class of the library makes sure."""
    for key, words in NOTED.items() if not values.keys().isdisjoint(NOTED) else ():
        word = values.get(key)
        if type(word) is str and word not in words:
            yield f"{_dotted(config, key)}: unknown value {quote(word)}; known are {', '.join(sorted(words))}"


def _odd_labels(config: Config) -> Iterator[str]:
    """A number of labels that is not how many are named, where a classifier was asked for."""
    names, number = config.data.get("id2label"), config.data.get("num_labels")
    if "id2label" in config.read and isinstance(names, dict) and type(number) is int and number != len(names):
        yield f"num_labels is {number:,} but id2label names {len(names):,}: id2label is used, as in the library"


def _odd_spellings(config: Config) -> Iterator[str]:
    """Sizes that a file says twice, by two spellings of its class, and not alike."""
    for own, others in config.family.attributes.items():
        names = [name for name in (own, *others) if config.data.get(name) is not None]
        if len(names) > 1 and not config.sizes.keys().isdisjoint(names):
            names.sort(key=[*config.data].index)
            values = [config.data[name] for name in names]
            if not all(type(value) is type(values[0]) and value == values[0] for value in values):
                pairs = " and ".join(f"{name} is {quote(value)}" for name, value in zip(names, values, strict=True))
                yield f"{pairs}, two spellings of one size: {config.spelled(own)} is taken, as the library does"
