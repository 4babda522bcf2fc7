"""What the service can recognise, and by which bundles."""

from typing import Any

from triage_worker.inference.serving_bundles import ServingBundles
from triage_worker.serve.results import ResultWriter


def intents_of(bundles: ServingBundles) -> dict[str, Any]:
    """Return the answer to ``GET /v1/intents``, with the fields of `triage_schemas.http_api.answers.Intents`."""
    models = []
    descriptions: dict[str, str] = {}
    for loaded in bundles.bundles:
        assert isinstance(loaded.writer, ResultWriter)
        bundle = loaded.writer.bundle
        descriptions = dict(bundle.descriptions)  # bundles that serve together have the same labels
        models.append(
            {
                "name": bundle.name,
                "version": bundle.version,
                "threshold": bundle.threshold,
                "intent_thresholds": dict(bundle.intent_thresholds),
                "serves": list(loaded.serves),
                "languages": sorted(loaded.languages) or None,
            }
        )
    intents = [{"intent": intent, "description": text} for intent, text in descriptions.items()]
    return {"intents": intents, "models": models}
