"""Names of small files that stand beside a config.json and say what it does not."""

QUANTIZATION = "hf_quant_config.json"
"""What ModelOpt writes beside a config.json."""
PROCESSORS = ("preprocessor_config.json", "video_preprocessor_config.json", "processor_config.json")
"""What older and newer releases of transformers write beside it of how pictures, videos and recordings are cut."""
