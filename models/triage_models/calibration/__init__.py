"""Fits confidence and thresholds: of a new bundle, and to a shop's own messages. Works without torch and scipy."""

from triage_models.calibration.bundle_calibration import calibrate

__all__ = ["calibrate"]
