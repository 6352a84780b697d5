"""How a whole model's processor cuts recordings: by its model type, from its config and the files beside it.

What the feature extractor's file says goes first, then what the config says of the tower, then the default of the
class.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from paramcalc.readers.families.towers.composite import nested
from paramcalc.readers.families.towers.processors import NOTHING, Beside, Processed
from paramcalc.spec.audio import AudioRule, Chunks, Convolved, Queried, Steps, Subsampled, Undescribed, Windows

if TYPE_CHECKING:
    from collections.abc import Callable

    from paramcalc.readers.config.config import Config
    from paramcalc.spec.tower import Stream

READ = ("canary", "parakeet_rnnt", "parakeet_tdt")
"""Types whose decoder reads what Parakeet's encoder gives."""
SECONDS = 30
"""Of the longest recording WhisperFeatureExtractor, Gemma3nAudioFeatureExtractor and Gemma4AudioFeatureExtractor read
unless told otherwise."""


def qwen2_audio(heard: Processed) -> AudioRule:
    """One window, whose end is dropped; positions in pairs. Source: Qwen2AudioProcessor."""
    window = heard.sound("chunk_length", SECONDS)
    return Windows(rate=heard.rate, hop=heard.hop, window=window, most=window)


def flamingo(heard: Processed) -> AudioRule:
    """Windows up to a longest recording. Source: AudioFlamingo3Processor; MusicFlamingoProcessor has a token on each
    side."""
    window, longest = heard.sound("chunk_length", SECONDS), 600
    if heard.config.model_type == "musicflamingo":
        longest = 1200
    most = heard.own("max_audio_len", longest) // window * window
    return Windows(rate=heard.rate, hop=heard.hop, window=window, most=most or None,
                   around=2 if heard.config.model_type == "musicflamingo" else 0)


def glm(heard: Processed) -> AudioRule:
    """Windows up to a longest recording, four positions a token. Source: GlmAsrProcessor."""
    window = heard.sound("chunk_length", SECONDS)
    most = heard.own("max_audio_len", 655) // window * window
    return Windows(rate=heard.rate, hop=heard.hop, window=window, most=most or None, merge=4)


def moss(heard: Processed) -> AudioRule:
    """Windows, each rounded up by itself. Source: MossTranscribeDiarizeProcessor, without markers of time."""
    return Windows(rate=heard.rate, hop=heard.hop, window=heard.sound("chunk_length", SECONDS), count="each",
                   merge=heard.own("audio_merge_size", heard.config.integer("audio_merge_size", 4)))


def voxtral(heard: Processed) -> AudioRule:
    """Whole windows, as many positions a token as the projector joins, and a token before them. Source:
    VoxtralProcessor; mistral-common's AudioEncoder."""
    tower = heard.ears("voxtral_encoder")
    return Windows(rate=heard.rate, hop=heard.hop, window=heard.sound("chunk_length", SECONDS),
                   count="windows", around=1,
                   merge=max(1, tower.integer("intermediate_size") // tower.integer("hidden_size")))


def omni2(heard: Processed) -> AudioRule:
    """Chunks of two seconds, positions in pairs; what is longer than the extractor's window is dropped. Source:
    Qwen2_5OmniProcessor."""
    tower = heard.ears("qwen2_5_omni_audio_encoder")
    return Chunks(rate=heard.rate, hop=heard.hop, chunk=2 * tower.integer("n_window"), merge=2,
                  most=heard.sound("chunk_length", SECONDS))


def omni3(heard: Processed) -> AudioRule:
    """Chunks of a second, each halved three times; attention over several. Source: Qwen3OmniMoeProcessor."""
    tower = heard.ears("qwen3_omni_moe_audio_encoder")
    return Chunks(rate=heard.rate, hop=heard.hop, halvings=3, chunk=2 * tower.integer("n_window"),
                  together=_together(tower))


def qwen3_asr(heard: Processed) -> AudioRule:
    """The same, of at least half a second. Source: Qwen3ASRFeatureExtractor and Qwen3ASRProcessor."""
    tower = heard.ears("qwen3_asr_encoder")
    return Chunks(rate=heard.rate, hop=heard.hop, halvings=3, together=_together(tower),
                  chunk=2 * heard.sound("n_window", tower.integer("n_window")),
                  least=heard.sound("min_length", 8000))


def _together(tower: Config) -> int:
    """Chunks whose positions attend to each other."""
    return max(1, tower.integer("n_window_infer") // (2 * tower.integer("n_window")))


def granite(heard: Processed) -> AudioRule:
    """Windows of positions, each read by a few queries. Source: GraniteSpeechFeatureExtractor."""
    window = heard.sound("projector_window_size", heard.config.integer("window_size"))
    rate = heard.sound("projector_downsample_rate", heard.config.integer("downsample_rate"))
    return Queried(rate=heard.rate, hop=heard.hop, window=window, queries=max(1, window // rate))


def gemma3n(heard: Processed) -> AudioRule:
    """As many tokens whatever the recording. Source: Gemma3nAudioFeatureExtractor and Gemma3nProcessor."""
    return Subsampled(rate=heard.rate, hop=_samples(heard, "hop_length", 10), most=SECONDS, padded=128,
                      frame=_samples(heard, "frame_length", 32) + 1,
                      fixed=heard.own("audio_seq_length", heard.config.integer("audio_soft_tokens_per_image")))


def gemma4(heard: Processed) -> AudioRule:
    """A bound on the tokens. Source: Gemma4AudioFeatureExtractor and Gemma4Processor."""
    window = _samples(heard, "frame_length", 20)
    return Subsampled(rate=heard.rate, hop=_samples(heard, "hop_length", 10), frame=window + 1, lead=window // 2,
                      most=SECONDS, padded=128, limit=heard.own("audio_seq_length", 750))


def whisper(heard: Processed) -> AudioRule:
    """One window, padding included, which the encoder runs over and the decoder attends to. Source:
    WhisperFeatureExtractor, WhisperEncoder."""
    window = heard.sound("chunk_length", SECONDS)
    return Windows(rate=heard.rate, hop=heard.hop, window=window, most=window, count="windows", merge=1, attended=True)


def convolved(heard: Processed) -> AudioRule:
    """The samples themselves. Source: Wav2Vec2FeatureExtractor, Wav2Vec2Model."""
    config = heard.config
    kernels, strides = config.listed("conv_kernel", int) or [], config.listed("conv_stride", int) or []
    return Convolved.model_validate({"rate": heard.rate, "main": True, "kernels": kernels, "strides": strides})


def parakeet(heard: Processed) -> AudioRule:
    """Frames around every hop, halved by convolutions. Source: ParakeetFeatureExtractor, ParakeetEncoder."""
    alone = heard.config.model_type == "parakeet_encoder"
    inner = heard.config if alone else nested(heard.config, "encoder_config", "parakeet_encoder")
    read = heard.config.model_type in READ
    return Subsampled(rate=heard.rate, hop=heard.hop, frame=heard.hop, lead=heard.hop, main=not read, attended=read,
                      halvings=max(1, inner.integer("subsampling_factor").bit_length() - 1))


def moonshine(heard: Processed) -> AudioRule:
    """Three convolutions whose sizes are those of the class. Source: MoonshineEncoder."""
    return Convolved(rate=heard.rate, attended=True, kernels=(127, 7, 3), strides=(64, 3, 2))


def filtered(heard: Processed) -> AudioRule:
    """Frames of 25 milliseconds every 10, halved by convolutions. Source: Speech2TextFeatureExtractor,
    Speech2TextEncoder."""
    return Subsampled(rate=heard.rate, hop=heard.rate // 100, frame=heard.rate // 40, attended=True,
                      halvings=heard.config.integer("num_conv_layers"))


def encoded(heard: Processed) -> AudioRule:
    """The samples themselves, in the encoder's input. Source: SpeechT5SpeechEncoderPrenet."""
    return convolved(heard).model_copy(update={"main": False, "attended": True})


def omniasr(heard: Processed) -> AudioRule:
    """The samples themselves, through the tower. Source: OmniASRProcessor."""
    inner = nested(heard.config, "audio_config", "omniasr_audio")
    return convolved(heard.within(inner)).model_copy(update={"main": False})


def vibevoice(heard: Processed) -> AudioRule:
    """So many samples a token. Source: VibeVoiceProcessor, VibeVoiceAcousticTokenizerFeatureExtractor."""
    return Steps(rate=heard.sound("sampling_rate", 24_000), step=heard.sound("pad_to_multiple_of", 3200))


def _samples(heard: Processed, key: str, milliseconds: int) -> int:
    """A length that a file says in samples or in milliseconds. Frames are a sample longer than their window, for the
    difference of neighbours."""
    usual = round(heard.rate * heard.audio.number(f"{key}_ms", milliseconds) / 1000)
    return heard.sound(key, max(1, usual))


def phi4(heard: Processed) -> AudioRule:
    """Frames halved until a compression is reached. Source: Phi4MultimodalFeatureExtractor."""
    times = heard.sound("audio_compression_rate", 8).bit_length() - 1
    return Subsampled(rate=heard.rate, hop=heard.hop, frame=heard.sound("win_length", 400), halvings=max(1, times),
                      merge=heard.sound("audio_downsample_rate", 1))


ALONE: dict[str, tuple[Callable[[Processed], AudioRule], str]] = {
    "whisper": (whisper, "WhisperFeatureExtractor"),
    **dict.fromkeys(("parakeet_ctc", "parakeet_encoder", "canary"), (parakeet, "ParakeetFeatureExtractor")),
    "moonshine": (moonshine, ""),
    "speech_to_text": (filtered, ""),
    "speecht5": (encoded, ""),
    **dict.fromkeys(("wav2vec2", "hubert", "wavlm", "unispeech", "unispeech-sat", "data2vec-audio",
                     "wav2vec2-conformer"), (convolved, "")),
}
"""Encoders by themselves, and those whose decoder attends to them."""

RULES: dict[str, tuple[Callable[[Processed], AudioRule], str]] = {
    "qwen2_audio": (qwen2_audio, "WhisperFeatureExtractor"),
    **dict.fromkeys(("audioflamingo3", "musicflamingo"), (flamingo, "WhisperFeatureExtractor")),
    "glmasr": (glm, "WhisperFeatureExtractor"),
    "moss_transcribe_diarize": (moss, "MossTranscribeDiarizeFeatureExtractor"),
    "voxtral": (voxtral, "WhisperFeatureExtractor"),
    **dict.fromkeys(("qwen2_5_omni", "qwen2_5_omni_thinker"), (omni2, "WhisperFeatureExtractor")),
    **dict.fromkeys(("qwen3_omni_moe", "qwen3_omni_moe_thinker"), (omni3, "WhisperFeatureExtractor")),
    "qwen3_asr": (qwen3_asr, "Qwen3ASRFeatureExtractor"),
    **dict.fromkeys(("granite_speech", "granite_speech_plus"), (granite, "GraniteSpeechFeatureExtractor")),
    "gemma3n": (gemma3n, "Gemma3nAudioFeatureExtractor"),
    "gemma4": (gemma4, "Gemma4AudioFeatureExtractor"),
    "phi4_multimodal": (phi4, "Phi4MultimodalFeatureExtractor"),
    **dict.fromkeys(("parakeet_rnnt", "parakeet_tdt"), (parakeet, "ParakeetFeatureExtractor")),
    "omniasr": (omniasr, ""),
    **dict.fromkeys(("vibevoice", "vibevoice_asr"), (vibevoice, "VibeVoiceAcousticTokenizerFeatureExtractor")),
    **ALONE,
}
"""By model type: the rule, and the class whose settings it rests on."""


def audio_rule(config: Config, beside: Beside = NOTHING) -> AudioRule | None:
    """The rule of a composite config; None where nobody wrote its processor's, or it has no audio tower."""
    if config.model_type not in RULES or (config.model_type == "gemma4" and config.get("audio_config") is None):
        return None
    make, extractor = RULES[config.model_type]
    rule = make(Processed(config, beside))
    return rule.model_copy(update={"processor": extractor, "defaults": bool(extractor) and not beside.audio})


def described(config: Config, beside: Beside, streams: set[Stream]) -> AudioRule | None:
    """The rule for recordings; one that names the processor where the model has a tower for them and nobody wrote
    it."""
    if "audio" not in streams and config.model_type not in ALONE:
        return None
    rule = audio_rule(config, beside)
    if rule is None and "audio" in streams:
        return Undescribed(what=f"the processor of {config.model_type[:100]}")
    return rule
