"""A shop's store of bundles and its rules, for tests in a browser and for the pictures in the documentation."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from triage_models import DEFAULT_BUNDLE
from triage_models.bundle.bundle import Bundle
from triage_models.bundle.store import BundleStore
from triage_models.bundle.verdicts import CANDIDATES, append_run
from triage_worker.config.bundle_paths import BundlePaths
from triage_worker.routing.routes_file import DEFAULT_ROUTES

from tests.browser.sample import SHIPPED
from tests.models.fake_bundles import variant

SERVED = ("2026.11.10-7c01aa52", SHIPPED.version)
"""Before and now; what serves now is what has decided the messages of the sample."""

BETTER, WORSE = "2026.12.07-5b8e90d1", "2026.12.04-e4d2c3b1"
ACCURACY = {SERVED[0]: 0.931, SERVED[1]: 0.947, BETTER: 0.962, WORSE: 0.949}
NOT_BETTER = (
    "On 412 held-out answers by people it makes 21 errors instead of 22, which may be chance: its loss changes by "
    "-0.011 to +0.004, and that whole interval would have to be below 0.",
    "WISMO lost 3.1 points on the test set (14 rows broken, 2 fixed).",
)


def shop_settings(folder: Path) -> dict[str, Any]:
    """Make a store, with a candidate that is better and one that is not, and a file of rules; returns the settings."""
    routes = folder / "routes.yaml"
    routes.write_text(DEFAULT_ROUTES.read_text(encoding="utf-8"), encoding="utf-8")
    store = BundleStore(folder / "bundles")
    for version, why in zip(SERVED, ("the first one", "learnt: 21 errors instead of 34 on 388 answers"), strict=True):
        store.promote(_bundle(folder / "made" / version, version), why=why)
    for version, better in ((WORSE, False), (BETTER, True)):
        _bundle(store.root / CANDIDATES / version, version)
        append_run(store.root, datetime.now(UTC) - timedelta(hours=3), promoted=False, report=_report(version, better))
    return {"bundle": BundlePaths(store.root), "routes": routes, "device": "cpu"}


def _bundle(folder: Path, version: str) -> Path:
    shipped = Bundle.open(DEFAULT_BUNDLE, verify=False).manifest
    measured = {"accuracy_in_scope": ACCURACY[version], "measured_on": "2245 rows held out"}
    learnt = {"learnt_from": {"bundle": SERVED[0], "human": 904, "llm": 380}} if version != SERVED[0] else {}
    return variant(
        folder,
        version,
        created_at=f"{version[:10].replace('.', '-')}T04:20:00+00:00",
        metrics=shipped.metrics | measured,
        training={name: value for name, value in shipped.training.items() if name != "row_sketch"} | learnt,
    )


def _report(version: str, better: bool) -> dict[str, Any]:
    errors = [22, 12] if better else [22, 21]
    why = ["On 412 held-out answers by people it makes 12 errors instead of 22 (loss -0.062 to -0.018)."]
    test = {"errors": [61, 59], "accuracy": [0.9728, 0.9737], "accepted": [0.881, 0.884], "rows": 2_245}
    held = {"errors": errors, "accuracy": [0.9466, 1 - errors[1] / 412], "accepted": [0.78, 0.84], "rows": 412}
    known = {"candidate": version, "serving": SERVED[1], "better": better, "calibrate_again": None}
    return known | {"why": why if better else list(NOT_BETTER), "held_out": held, "test": test}


async def trial(page: Any, url: str) -> None:
    """Change rules in a browser, as a lead does, and check them."""
    await page.goto(f"{url}/routes/edit")
    text = await page.get_by_label("The rules, in YAML").input_value()
    changed = text.replace("queue: returns, priority: normal", "queue: warehouse, priority: normal").replace(
        "{queue: sales, priority: normal, sla: 4h", "{queue: sales, priority: normal, sla: 2h"
    )
    await page.get_by_label("The rules, in YAML").fill(changed)
    await page.get_by_role("button", name="Check").click()
    await page.get_by_role("heading", name="What would change").wait_for()
