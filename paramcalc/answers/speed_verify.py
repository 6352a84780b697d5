"""The command that measures the same point as `speed` predicts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from paramcalc.estimates.serving import published_name
from paramcalc.numbers import many

if TYPE_CHECKING:
    from paramcalc.estimates.speed import Speed
    from paramcalc.estimates.speed_settings import SpeedSettings
    from paramcalc.readers.models import Loaded


ALL_LAYERS = 99


def verify(loaded: Loaded, settings: SpeedSettings, speed: Speed) -> str:
    """The benchmark command of the runtime, with the requests asked for."""
    split = speed.served.split
    name = published_name(loaded.spec) or "MODEL"
    most = max(settings.concurrency)
    prompt, answer = settings.prompt, settings.output_tokens
    requests = max(10, 4 * most)
    if settings.runtime == "llama.cpp":
        layers = int(speed.served.widths.layers * (1 - speed.host.share)) if speed.host else ALL_LAYERS
        return f"llama-bench -m {loaded.spec.name or 'MODEL'}.gguf -p {prompt} -n {answer} -d {prompt} -ngl {layers}"
    if settings.runtime == "sglang":
        return ("python -m sglang.bench_serving --backend sglang --dataset-name random "
                f"--random-input-len {prompt} --random-output-len {answer} --random-range-ratio 1 "
                f"--max-concurrency {most} --num-prompts {requests}")
    if settings.runtime == "tensorrt-llm":
        return (f"trtllm-bench --model {name} throughput --tp {split.tp} --pp {split.pp} --ep {split.ep} "
                f"--concurrency {most} --num_requests {requests} --dataset random-{prompt}-{answer}.json")
    if settings.runtime == "transformers":
        return f"transformers serve --continuous-batching; then a client with {many(most, 'request')} in flight"
    return (f"vllm bench serve --model {name} --dataset-name random --random-input-len {prompt} "
            f"--random-output-len {answer} --ignore-eos --max-concurrency {most} --num-prompts {requests}")
