"""Settings of the bundle, and of inference."""

from typing import Annotated, Literal

from pydantic import BaseModel, Field, NonNegativeInt, PositiveInt
from triage_models import DEFAULT_BUNDLE

from triage_worker.config.bundle_paths import BundlePaths, Bundles, OneBundle
from triage_worker.config.types import Lower


class ModelSettings(BaseModel):
    """Which bundle serves, and on what."""

    bundle: Bundles = Field(
        BundlePaths(DEFAULT_BUNDLE),
        description="folder of the bundle to serve, or of a store, whose current one is served; "
        "or one for each language: en=FOLDER,*=FOLDER",
    )
    bundle_poll_s: float = Field(
        2.0,
        ge=0,
        le=86_400,
        description="time between two checks for a new bundle; 0: only on SIGHUP",
    )
    shadow_bundle: OneBundle | None = Field(
        None, description="a second bundle that also classifies live messages, for comparison; unset: none"
    )
    shadow_share: float = Field(1.0, ge=0, le=1, description="share of the messages that the shadow bundle classifies")
    device: Annotated[Literal["auto", "cpu", "cuda"], Lower] = Field(
        "auto", description="device that inference runs on"
    )
    threads: NonNegativeInt = Field(0, description="batches that run at once; 0: one for each usable core")
    remembered_texts: int = Field(
        10_000,
        ge=0,
        le=10_000_000,
        description="texts whose decision is remembered, about 1 kB each: a text that comes again costs no inference; "
        "0: none",
    )
    batch_tokens: PositiveInt = Field(2_048, description="padded tokens in one batch")
