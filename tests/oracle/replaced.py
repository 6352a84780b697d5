"""Which matrices libraries quantize under settings people write: tests/data/replaced.jsonl.

A loader's own code is run over small models on the meta device: transformers' quantizers (pre-quantized files), and
compressed_tensors' apply_quantization_config. A record has the library, the config with its settings, and the weights
in matrices that were replaced, by bits where the library says them. `python tests/oracle/replaced.py` writes the
records of the installed version of transformers and leaves those of others; what the installed libraries cannot
build is left out.
"""

from __future__ import annotations

import json
from itertools import product
from pathlib import Path

import compressed_tensors
import torch
import transformers
from compressed_tensors.quantization import QuantizationConfig, apply_quantization_config
from transformers import AutoConfig, AutoModelForCausalLM
from transformers.quantizers.auto import AutoHfQuantizer, AutoQuantizationConfig

PATH = Path(__file__).parent.parent / "data" / "replaced.jsonl"
LLAMA = {"architectures": ["LlamaForCausalLM"], "model_type": "llama", "hidden_size": 256, "intermediate_size": 512,
         "num_hidden_layers": 12, "num_attention_heads": 8, "num_key_value_heads": 4, "vocab_size": 512,
         "tie_word_embeddings": False}
GPT2 = {"architectures": ["GPT2LMHeadModel"], "model_type": "gpt2", "n_embd": 256, "n_layer": 2, "n_head": 4,
        "vocab_size": 512}
PHI3 = {"architectures": ["Phi3ForCausalLM"], "model_type": "phi3", "hidden_size": 256, "intermediate_size": 512,
        "num_hidden_layers": 2, "num_attention_heads": 4, "vocab_size": 512, "tie_word_embeddings": False,
        "pad_token_id": 0}
DEEPSEEK = {"architectures": ["DeepseekV3ForCausalLM"], "model_type": "deepseek_v3", "hidden_size": 256,
            "intermediate_size": 512, "moe_intermediate_size": 128, "n_routed_experts": 8, "n_shared_experts": 1,
            "num_experts_per_tok": 2, "n_group": 2, "topk_group": 1, "num_hidden_layers": 3, "first_k_dense_replace": 1,
            "num_attention_heads": 4, "q_lora_rank": 128, "kv_lora_rank": 128, "qk_rope_head_dim": 32,
            "qk_nope_head_dim": 32, "v_head_dim": 32, "vocab_size": 512, "tie_word_embeddings": False}
MODELS = (LLAMA, LLAMA | {"tie_word_embeddings": True}, GPT2, PHI3, DEEPSEEK)
METHODS = (({"quant_method": "bitsandbytes", "load_in_4bit": True}, "llm_int8_skip_modules"),
           ({"quant_method": "quanto", "weights": "int8"}, "modules_to_not_convert"),
           ({"quant_method": "torchao", "quant_type": {"default": {
               "_type": "Int8WeightOnlyConfig", "_version": 2, "_data": {}}}}, "modules_to_not_convert"))
LISTS = (None, ["lm_head"], ["q_proj"], ["proj"], ["self_attn"], ["layers.1"], ["model.layers.1"],
         ["model.layers.1.mlp.down"], ["model.layers.*.mlp"], ["gate", "lm_head"], ["o_proj", "model.layers.10"],
         [r"model\.layers\.\d+\.self_attn"])
INT4 = {"num_bits": 4, "type": "int", "symmetric": True, "strategy": "group", "group_size": 128}
BYTE = {"num_bits": 8, "type": "float", "symmetric": True, "strategy": "channel"}
GROUPS = (
    ([(["Linear"], INT4)], ["lm_head"]), ([(["Linear"], INT4)], []), ([(["Linear"], INT4)], ["Linear"]),
    ([(["Linear"], INT4)], ["re:model.layers.1"]), ([(["Linear"], INT4)], ["re:lm_head", "down_proj"]),
    ([(["Linear"], INT4), (["re:.*down_proj"], BYTE)], ["lm_head"]),
    ([(["re:.*down_proj"], INT4), (["model.layers.0.mlp.down_proj"], BYTE)], ["lm_head"]),
    ([(["re:.*self_attn.*"], INT4), (["re:.*q_proj"], BYTE)], ["lm_head"]),
    ([(["re:.*q_proj"], BYTE), (["re:.*self_attn.*"], INT4)], ["lm_head"]),
    ([(["Linear"], INT4), (["re:.*o_proj"], None)], ["lm_head"]), ([(["Linear", "Embedding"], INT4)], ["lm_head"]),
    ([(["re:.*embed_tokens"], BYTE), (["re:.*(gate|up)_proj"], INT4)], []),
)


def meta(config):
    """The model of a config, without values."""
    settings = AutoConfig.for_model(config["model_type"], **{key: value for key, value in config.items() if key not in
                                                             ("model_type", "quantization_config")})
    with torch.device("meta"):
        return AutoModelForCausalLM.from_config(settings, dtype=torch.bfloat16)


def sizes(model):
    """Weights of each matrix by its module's name; a tied one once."""
    return {name.removesuffix(".weight"): parameter.numel() for name, parameter in model.named_parameters()}


def replaced(config, settings):
    """Weights in modules that transformers' own loader replaces."""
    model = meta(config)
    weights = sizes(model)
    before = {name: type(module) for name, module in model.named_modules()}
    quantizer = AutoHfQuantizer.from_config(AutoQuantizationConfig.from_dict(dict(settings)), pre_quantized=True)
    quantizer._process_model_before_weight_loading(model, checkpoint_files=None, device_map={"": "cpu"})
    if settings["quant_method"] == "torchao":
        names = [name.removesuffix(".weight") for name, _ in model.named_parameters()
                 if quantizer.param_needs_quantization(model, name)]
    else:
        names = [name for name, module in model.named_modules() if before.get(name, type(module)) is not type(module)]
    return {"quantized": sum(weights.get(name, 0) for name in names)}


def compressed(config, settings):
    """Weights by bits that compressed_tensors gives a scheme."""
    model = meta(config)
    weights, bits = sizes(model), {}
    apply_quantization_config(model, QuantizationConfig.model_validate(settings))
    for name, module in model.named_modules():
        scheme = getattr(module, "quantization_scheme", None)
        if scheme is not None and scheme.weights is not None:
            width = str(scheme.weights.num_bits)
            bits[width] = bits.get(width, 0) + weights.get(name, 0)
    return {"bits": bits}


def groups(schemes, ignore):
    """Settings of compressed-tensors."""
    return {"quant_method": "compressed-tensors", "format": "mixed-precision", "ignore": ignore, "config_groups": {
        f"group_{number}": {"targets": targets, "weights": weights, "format": "float-quantized" if weights is BYTE else
                            "pack-quantized"} for number, (targets, weights) in enumerate(schemes)}}


def records():
    """All that can be made here."""
    version = transformers.__version__
    cases = [(config, settings if names is None else settings | {key: names})
             for config, (settings, key), names in product(MODELS, METHODS, LISTS)]
    for config, settings in cases:
        written = config | {"transformers_version": version, "quantization_config": settings}
        yield {"library": f"transformers {version}", "config": written} | replaced(config, settings)
    for config, (schemes, ignore) in product(MODELS[:2], GROUPS):
        settings = groups(schemes, ignore)
        library = f"compressed-tensors {compressed_tensors.__version__}"
        yield {"library": library, "config": config | {"quantization_config": settings}} | compressed(config, settings)


def main():
    """Write the records of the installed versions beside those of others."""
    lines = list(records())
    libraries = {record["library"] for record in lines}
    old = [json.loads(line) for line in PATH.read_text("utf-8").splitlines()] if PATH.exists() else []
    rows = [record for record in old if record["library"] not in libraries] + lines
    PATH.write_text("".join(json.dumps(row, separators=(",", ":")) + "\n" for row in rows), encoding="utf-8")


if __name__ == "__main__":
    main()
