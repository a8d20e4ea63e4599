"""What each command can be told: one class per command, one flag and one `STALL_TRAINING_` name per field."""

from training.settings.learning import AblateSettings, CompareSettings, ContestSettings, FitSettings
from training.settings.making import ContactSheetSettings, PrepareSettings, ProbeSettings, SynthesizeSettings
from training.settings.measuring import CalibrateSettings, EvaluateSettings, PredictSettings
from training.settings.shared import ClipsSettings, SelectionSettings, VideosSettings

__all__ = [
    "AblateSettings",
    "CalibrateSettings",
    "ClipsSettings",
    "CompareSettings",
    "ContactSheetSettings",
    "ContestSettings",
    "EvaluateSettings",
    "FitSettings",
    "PredictSettings",
    "PrepareSettings",
    "ProbeSettings",
    "SelectionSettings",
    "SynthesizeSettings",
    "VideosSettings",
]
