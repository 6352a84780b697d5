"""Why a model type of the library is refused: what its models do, of which model it is a part, or that none is there.

By what transformers' `modeling_auto.py` and the class's own documentation say. Only refusals come here.
"""

from __future__ import annotations

from paramcalc.readers.config.defaults import holders, library_version, model_types
from paramcalc.readers.families import counted_types, family_of

KINDS: dict[str, str] = {
    "models that detect or segment objects":
        "conditional_detr d_fine dab-detr deformable_detr deimv2 detr edgetam edgetam_video eomt eomt_dinov3 "
        "lw_detr mask2former maskformer oneformer pp_doclayout_v2 pp_doclayout_v3 pp_doclayout_v4 rf_detr "
        "rt_detr rt_detr_v2 sam2 sam2_video sam3_lite_text sam3_tracker sam3_tracker_video sam3_video sam_hq seggpt "
        "table-transformer upernet videomt",
    "models that estimate depth, poses or matching points, or restore pictures":
        "chmv2 depth_anything depth_pro dpt efficientloftr glpn lightglue prompt_depth_anything sapiens2 superglue "
        "superpoint swin2sr tipsv2_dpt uvdoc vitmatte vitpose zoedepth",
    "models of time series or decisions":
        "autoformer decision_transformer informer patchtsmixer patchtst time_series_transformer timesfm timesfm2_5",
    "codecs and vocoders of sound":
        "dac encodec fastspeech2_conformer_hifigan higgs_audio_v2_tokenizer mimi neucodec speecht5_hifigan univnet "
        "wavtokenizer xcodec xcodec2",
    "models that speak":
        "bark clvp csm fastspeech2_conformer fastspeech2_conformer_with_hifigan gradium_phonon_tts higgs_audio_v2 "
        "pocket_tts vits",
    "models that transcribe or classify sound":
        "kyutai_speech_to_text moonshine_streaming nemotron3_5_asr "
        "nemotron3_diarization",
    "models that read characters, formulas or tables off pictures":
        "mgp-str pp_lcnet_v3 pp_lcnet_v4 pp_ocrv5_mobile_det pp_ocrv5_mobile_rec pp_ocrv5_server_det "
        "pp_ocrv5_server_rec pp_ocrv6_medium_det pp_ocrv6_small_det pp_ocrv6_small_rec pp_ocrv6_tiny_rec slanet "
        "slanext",
    "models of video": "tvp",
}
"""What the models of some types do, in the plural."""


def reason(model_type: str) -> str:
    """Why a type is refused though its class is known, from the library or from a repository of its own; empty for
    types of no known class."""
    family = family_of(model_type)
    if family.data is None:
        return ""
    version = f"transformers {library_version()} has it"
    if family.published is not None:
        version = f"its class is published with its own code ({family.published.source})"
        if family.composite_builder is not None:
            return f"{version}, and this config has no text model under {family.published.text_key}"
    kind = next((kind for kind, types in KINDS.items() if model_type in types.split()), "")
    if kind:
        return f"{version}, but {kind} are not described here"
    if outer := composite_of(model_type):
        return f"{version} as a part of {outer}" + (", whose config can be counted" if can_be_counted(outer) else "")
    return f"{version}, but its class is not described here"


def can_be_counted(model_type: str) -> bool:
    """Whether a config of this type is no refusal."""
    family = family_of(model_type)
    return family.builder is not None or family.composite_builder is not None


def composite_of(model_type: str) -> str:
    """The model a type is a part of: one whose class holds it, or holds what does, the first that can be counted; else
    the longest type its own begins with; '' where there is none."""
    holding = list(holders(model_type))
    for name in holding:  # which grows by what holds those that cannot be counted
        if not can_be_counted(name):
            holding += [outer for outer in holders(name) if outer not in holding]
    if holding:
        return min(holding, key=lambda name: (not can_be_counted(name), holding.index(name)))
    return max((name for name in (*counted_types(), *model_types()) if model_type.startswith(f"{name}_")),
               key=len, default="")
