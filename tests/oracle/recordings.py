"""Record how many tokens processors make of recordings: tests/data/recordings.jsonl.

    python tests/oracle/recordings.py

Each processor's own code is run on silence of five lengths with the settings of its classes; a tokenizer is not needed
for it. Voxtral's tokens are those of mistral-common 1.13.1 (`AudioEncoder`), which its processor calls; where that is
not installed its line is kept.
"""

from __future__ import annotations

import importlib
import json
import sys
from pathlib import Path
from typing import Any

import numpy as np

DATA = Path(__file__).resolve().parent.parent / "data" / "recordings.jsonl"
RATE = 16_000
SHORT = ["1.37s", "10s", "29.995s", "45s", "75.3s"]
LONG = ["0.71s", "12.3s", "60s", "640.5s", "1300s"]
"""Beyond every bound on the length."""
WHISPER = ("whisper", "WhisperFeatureExtractor")
KWARGS = {"sampling_rate": RATE, "return_attention_mask": True, "return_tensors": "pt"}


class Words:
    """Stands in for a tokenizer and its words."""

    def __getattr__(self, name: str) -> str:
        """Any token is a letter."""
        return "a"


def class_of(module: str, kind: str, name: str) -> Any:
    """A class of the library."""
    return getattr(importlib.import_module(f"transformers.models.{module}.{kind}_{module}"), name)


def without_tokenizer(module: str, name: str, extractor: Any, **own: Any) -> Any:
    """A processor that has all but a tokenizer, with the defaults of its own arguments."""
    cls = class_of(module, "processing", name)
    instance = object.__new__(cls)
    for key in ("audio_token", "audio_bos_token", "audio_eos_token"):
        setattr(instance, key, "a")
    instance.feature_extractor = extractor
    instance.tokenizer = Words()
    for key, value in own.items():
        setattr(instance, key, value)
    return instance


def silence(text: str) -> np.ndarray:
    """So many seconds of it."""
    return np.zeros(int(float(text[:-1]) * RATE), dtype=np.float32)


def processed(module: str, name: str, extractor: tuple[str, str], durations: list[str], settings: dict[str, Any],
              **own: Any) -> list[int]:
    """By `_process_audio`, which gives the text each recording is replaced with: one letter a token."""
    reader = class_of(extractor[0], "feature_extraction", extractor[1])(**settings)
    owner = without_tokenizer(module, name, reader, **own)
    owner.feature_extractor.fetch_audio = lambda audio: audio
    kwargs = dict(getattr(type(owner), "audio_kwargs", {})) | KWARGS
    return [len(owner._process_audio([silence(text)], **kwargs)[1][0]) for text in durations]


def granite(durations: list[str]) -> list[int]:
    """Granite Speech's extractor asks for torchaudio, which counting does not."""
    extractor = object.__new__(class_of("granite_speech", "feature_extraction", "GraniteSpeechFeatureExtractor"))
    extractor.melspec_kwargs = {"hop_length": 160}
    extractor.projector_window_size, extractor.projector_downsample_rate = 15, 5
    return extractor._get_num_audio_features([silence(text).size for text in durations])


def gemma(module: str, name: str, extractor: str, durations: list[str], length: int) -> list[int]:
    """By what a runtime asks for: Gemma 3n's has one answer, Gemma 4's counts samples."""
    reader = class_of(module, "feature_extraction", extractor)()
    instance = without_tokenizer(module, name, reader, audio_seq_length=length)
    if module == "gemma3n":
        return instance._get_num_multimodal_tokens(audio_lengths=[silence(text).size for text in durations])[
            "num_audio_tokens"]
    return [instance._compute_audio_num_tokens(silence(text), RATE) for text in durations]


def phi(durations: list[str]) -> list[int]:
    """By the feature extractor."""
    extractor = class_of("phi4_multimodal", "feature_extraction", "Phi4MultimodalFeatureExtractor")()
    return [int(extractor(silence(text), sampling_rate=RATE)["audio_embed_sizes"][0]) for text in durations]


def voxtral(durations: list[str]) -> list[int]:
    """By mistral-common, with its settings for Voxtral: padded to windows of 30 seconds, 12.5 tokens a second."""
    from mistral_common.audio import Audio
    from mistral_common.protocol.instruct.chunk import AudioChunk
    from mistral_common.tokens.tokenizers.audio import (
        AudioConfig,
        AudioEncoder,
        AudioSpectrogramConfig,
        SpecialAudioIDs,
    )

    spectrogram = AudioSpectrogramConfig(num_mel_bins=128, hop_length=160, window_size=400)
    config = AudioConfig(sampling_rate=RATE, frame_rate=12.5, encoding_config=spectrogram, chunk_length_s=30.0)
    encoder = AudioEncoder(config, SpecialAudioIDs(audio=1, begin_audio=2, streaming_pad=None, text_to_audio=None,
                                                   audio_to_text=None))
    chunks = [AudioChunk.from_audio(Audio(silence(text), RATE, "wav")) for text in durations]
    return [len(encoder(chunk).tokens) for chunk in chunks]


def whisper() -> list[int]:
    """Positions of WhisperEncoder's second convolution over what the feature extractor gives."""
    extractor = class_of("whisper", "feature_extraction", "WhisperFeatureExtractor")()
    return [(extractor(silence(text), sampling_rate=RATE)["input_features"].shape[-1] - 1) // 2 + 1 for text in SHORT]


def convolved(module: str, config: str, owner: str, durations: list[str]) -> list[int]:
    """By the model's own count of samples."""
    import torch

    instance = object.__new__(class_of(module, "modeling", owner))
    instance.__dict__["config"] = class_of(module, "configuration", config)()
    return [int(instance._get_feat_extract_output_lengths(torch.tensor(silence(text).size))) for text in durations]


def omniasr(durations: list[str]) -> list[int]:
    """By the processor's own count of samples, with the convolutions of its defaults."""
    import torch

    cls = class_of("omniasr", "processing", "OmniASRProcessor")
    instance, config = object.__new__(cls), class_of("omniasr", "configuration", "OmniASRConfig")().audio_config
    instance.conv_kernel, instance.conv_stride = config.conv_kernel, config.conv_stride
    return [int(instance._get_num_audio_tokens(torch.tensor(silence(text).size))) for text in durations]


def filtered(durations: list[str]) -> list[int]:
    """By the model's own count of the frames its feature extractor gives."""
    import torch

    instance = object.__new__(class_of("speech_to_text", "modeling", "Speech2TextPreTrainedModel"))
    instance.__dict__["config"] = class_of("speech_to_text", "configuration", "Speech2TextConfig")()
    extractor = class_of("speech_to_text", "feature_extraction", "Speech2TextFeatureExtractor")()
    frames = [extractor(silence(text), sampling_rate=RATE)["input_features"][0].shape[0] for text in durations]
    return [int(instance._get_feat_extract_output_lengths(torch.tensor(count))) for count in frames]


def vibevoice(module: str, name: str, durations: list[str]) -> list[int]:
    """By the processor: one letter a token of what a recording of 24,000 samples a second is replaced with."""
    extractor = class_of("vibevoice_acoustic_tokenizer", "feature_extraction",
                         "VibeVoiceAcousticTokenizerFeatureExtractor")()
    instance = without_tokenizer(module, name, extractor)
    kwargs = {"sampling_rate": 24_000, "pad_to_multiple_of": 3200, "return_attention_mask": True,
              "return_tensors": "pt", "padding": True}
    sounds = [np.zeros(int(float(text[:-1]) * 24_000), dtype=np.float32) for text in durations]
    return [len(instance._process_audio([sound], **kwargs)[1][0]) for sound in sounds]


def parakeet() -> list[int]:
    """Positions its convolutions leave of frames around every hop, by running them."""
    import torch

    config = class_of("parakeet", "configuration", "ParakeetEncoderConfig")(num_hidden_layers=1, hidden_size=16,
                                                                        subsampling_conv_channels=4)
    convolutions = class_of("parakeet", "modeling", "ParakeetEncoderSubsamplingConv2D")(config)
    frames = [torch.stft(torch.zeros(silence(text).size), 512, 160, 400, torch.ones(400), return_complex=True,
                         pad_mode="constant").shape[-1] for text in SHORT]
    return [convolutions(torch.zeros((1, count, config.num_mel_bins))).shape[1] for count in frames]


def cases() -> list[tuple[str, dict[str, Any], dict[str, Any], list[str], Any]]:
    """Processor, config, files beside it by name, lengths, and what counts."""
    omni = {"feature_extractor": {"chunk_length": 300}}
    return [
        ("Qwen2AudioProcessor", {"model_type": "qwen2_audio"}, {}, SHORT,
         lambda: processed("qwen2_audio", "Qwen2AudioProcessor", WHISPER, SHORT, {})),
        ("Qwen2_5OmniProcessor", {"model_type": "qwen2_5_omni"}, {}, SHORT,
         lambda: processed("qwen2_5_omni", "Qwen2_5OmniProcessor", WHISPER, SHORT, {})),
        ("Qwen2_5OmniProcessor", {"model_type": "qwen2_5_omni_thinker"}, {"processor_config.json": omni}, LONG,
         lambda: processed("qwen2_5_omni", "Qwen2_5OmniProcessor", WHISPER, LONG, {"chunk_length": 300})),
        ("Qwen3OmniMoeProcessor", {"model_type": "qwen3_omni_moe"}, {}, LONG,
         lambda: processed("qwen3_omni_moe", "Qwen3OmniMoeProcessor", WHISPER, LONG, {})),
        ("Qwen3ASRProcessor", {"model_type": "qwen3_asr"}, {}, SHORT,
         lambda: processed("qwen3_asr", "Qwen3ASRProcessor", ("qwen3_asr", "Qwen3ASRFeatureExtractor"), SHORT, {})),
        ("AudioFlamingo3Processor", {"model_type": "audioflamingo3"}, {}, LONG,
         lambda: processed("audioflamingo3", "AudioFlamingo3Processor", WHISPER, LONG, {}, max_audio_len=600)),
        ("MusicFlamingoProcessor", {"model_type": "musicflamingo"}, {}, LONG,
         lambda: processed("musicflamingo", "MusicFlamingoProcessor", WHISPER, LONG, {}, max_audio_len=1200)),
        ("GlmAsrProcessor", {"model_type": "glmasr"}, {}, LONG,
         lambda: processed("glmasr", "GlmAsrProcessor", WHISPER, LONG, {}, max_audio_len=655)),
        ("MossTranscribeDiarizeProcessor", {"model_type": "moss_transcribe_diarize"}, {}, SHORT,
         lambda: processed("moss_transcribe_diarize", "MossTranscribeDiarizeProcessor",
                           ("moss_transcribe_diarize", "MossTranscribeDiarizeFeatureExtractor"), SHORT, {},
                           audio_merge_size=4, audio_tokens_per_second=12.5, time_marker_every_seconds=0,
                           audio_chunk_size=480_000)),
        ("GraniteSpeechFeatureExtractor", {"model_type": "granite_speech"}, {}, SHORT, lambda: granite(SHORT)),
        ("Gemma3nProcessor", {"model_type": "gemma3n"}, {}, SHORT,
         lambda: gemma("gemma3n", "Gemma3nProcessor", "Gemma3nAudioFeatureExtractor", SHORT, 188)),
        ("Gemma4Processor", {"model_type": "gemma4", "audio_config": {}}, {}, SHORT,
         lambda: gemma("gemma4", "Gemma4Processor", "Gemma4AudioFeatureExtractor", SHORT, 750)),
        ("Phi4MultimodalFeatureExtractor", {"model_type": "phi4_multimodal"}, {}, SHORT, lambda: phi(SHORT)),
        ("WhisperFeatureExtractor", {"model_type": "whisper"}, {}, SHORT, whisper),
        ("Wav2Vec2PreTrainedModel", {"model_type": "wav2vec2"}, {}, LONG,
         lambda: convolved("wav2vec2", "Wav2Vec2Config", "Wav2Vec2PreTrainedModel", LONG)),
        ("MoonshinePreTrainedModel", {"model_type": "moonshine"}, {}, SHORT,
         lambda: convolved("moonshine", "MoonshineConfig", "MoonshinePreTrainedModel", SHORT)),
        ("SpeechT5SpeechEncoderPrenet", {"model_type": "speecht5"}, {}, SHORT,
         lambda: convolved("speecht5", "SpeechT5Config", "SpeechT5SpeechEncoderPrenet", SHORT)),
        ("OmniASRProcessor", {"model_type": "omniasr"}, {}, SHORT, lambda: omniasr(SHORT)),
        ("Speech2TextFeatureExtractor", {"model_type": "speech_to_text"}, {}, SHORT, lambda: filtered(SHORT)),
        ("VibeVoiceProcessor", {"model_type": "vibevoice"}, {}, SHORT,
         lambda: vibevoice("vibevoice", "VibeVoiceProcessor", SHORT)),
        ("VibeVoiceAsrProcessor", {"model_type": "vibevoice_asr"}, {}, SHORT,
         lambda: vibevoice("vibevoice_asr", "VibeVoiceAsrProcessor", SHORT)),
        *(("ParakeetEncoder", {"model_type": name}, {}, SHORT, parakeet) for name in (
            "parakeet_ctc", "parakeet_encoder", "parakeet_rnnt", "parakeet_tdt", "canary")),
        ("VoxtralProcessor", {"model_type": "voxtral"}, {}, SHORT, lambda: voxtral(SHORT)),
    ]


def main() -> None:
    """Write one line a case; a case whose libraries are missing keeps the line it has."""
    old = [json.loads(line) for line in DATA.read_text("utf-8").splitlines()] if DATA.exists() else []
    lines = []
    for processor, config, files, durations, count in cases():
        head = {"processor": processor, "config": config, "files": files, "durations": durations}
        try:
            tokens = [int(number) for number in count()]
        except ImportError as error:
            sys.stderr.write(f"{processor}: {error}\n")
            lines += [json.dumps(line) for line in old if line | {"tokens": 0} == head | {"tokens": 0}]
            continue
        lines.append(json.dumps(head | {"tokens": tokens}))
    DATA.write_text("\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
