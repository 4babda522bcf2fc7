"""``triage bundle``: inspects and verifies bundles, and manages a store of them."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from triage_worker.cli.settings_flags import settings_flags
from triage_worker.cli.train import training_imports
from triage_worker.config.settings import Settings

if TYPE_CHECKING:
    from triage_models.bundle.manifest import Manifest

app = typer.Typer(no_args_is_help=True, help="Inspect or verify a bundle, or choose the one of a store that is served.")
Store = Annotated[Path, typer.Argument(help="The store: a folder of bundles, one of which is served")]
Folder = Annotated[Path | None, typer.Argument(help="The bundle's folder; unset: the one that would be served")]


@app.command()
@settings_flags(["bundle"])
def inspect(
    settings: Settings,
    folder: Folder = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the whole manifest")] = False,
) -> None:
    """Print a bundle's labels, thresholds, guarantee and metrics."""
    from triage_models.bundle.bundle import Bundle  # noqa: PLC0415 (keeps `triage --help` fast)

    bundle = Bundle.open(folder or settings.bundle.only, verify=False)
    if as_json:
        typer.echo(bundle.manifest.model_dump_json(indent=2))
    else:
        _print(bundle.path, bundle.manifest)


@app.command()
@settings_flags(["bundle", "device"])
def verify(settings: Settings, folder: Folder = None) -> None:
    """Check a bundle's files against their hashes, and replay its golden texts on this machine.

    Where TRIAGE_BUNDLE names a bundle for each language, all of them are checked, and that they go together.
    """
    from triage_models.bundle.language_bundles import check_together  # noqa: PLC0415
    from triage_models.serving.classifier import Classifier  # noqa: PLC0415 (ONNX Runtime is slow to import)

    bundles = []
    for path in [folder] if folder is not None else settings.bundle.by_languages.values():
        classifier = Classifier.open(path, device=settings.device)
        bundle = classifier.bundle
        bundles.append(bundle)
        typer.echo(
            f"{bundle.name} {bundle.version} is valid: {len(bundle.manifest.files)} files match their hashes, and its "
            f"golden texts give the same answers on this machine's {classifier.device.upper()}."
        )
    check_together(bundles)


@app.command("add-gpu-model")
def add_gpu_model(
    folder: Annotated[Path, typer.Argument(help="The bundle's folder")],
    output: Annotated[Path, typer.Option(help="Folder of the copy with the model for GPUs")],
) -> None:
    """Copy a bundle that has only the model for CPUs, and add the one for GPUs. Needs the [train] extra."""
    with training_imports("A model for GPUs"):
        from triage_models.training.gpu_model import add_gpu_model as add  # noqa: PLC0415 (torch is heavy, and an extra)

    typer.echo(f"{add(folder, output)} runs on GPUs as well: set TRIAGE_BUNDLE to it.")


@app.command()
@settings_flags(["device"])
def promote(
    settings: Settings,
    folder: Annotated[Path, typer.Argument(help="The bundle's folder")],
    store: Annotated[Path, typer.Option(help="The store; created if it does not exist")],
    why: Annotated[str, typer.Option(help="The reason, for the store's history")],
) -> None:
    """Verify a bundle, copy it into a store and make it current. Workers load it within seconds."""
    from triage_models.bundle.store import BundleStore  # noqa: PLC0415
    from triage_models.serving.promotion import promote_verified  # noqa: PLC0415

    promoted = promote_verified(BundleStore(store), folder, why=why, device=settings.device)
    typer.echo(f"{promoted.name} is now current in {store}.")


@app.command()
def rollback(store: Store, why: Annotated[str, typer.Option(help="The reason, for the store's history")] = "") -> None:
    """Make the bundle current that was so before the last promotion; repeated: the one before that."""
    from triage_models.bundle.store import BundleStore  # noqa: PLC0415

    target = BundleStore(store).rollback(why=why)
    typer.echo(f"{target.name} is current in {store} again.")


@app.command()
def history(store: Store) -> None:
    """Print which bundle was current when, and why."""
    from triage_models.bundle.store import BundleStore  # noqa: PLC0415

    opened = BundleStore(store)
    entries, current = opened.history(), opened.current()
    table = Table(box=None, pad_edge=False)
    for column in ("when (UTC)", "action", "from", "to"):
        table.add_column(column, no_wrap=True)
    table.add_column("why")
    for entry in entries:
        table.add_row(f"{entry.when:%Y-%m-%d %H:%M:%S}", entry.action, entry.before, entry.to, Text(entry.why))
    Console(highlight=False).print(table)
    typer.echo(f"Current is {current.name}." if current else f"No bundle was ever promoted to {store}.")


def _print(path: Path, manifest: "Manifest") -> None:
    console = Console(highlight=False)
    facts = {
        "bundle": f"{manifest.name} {manifest.version}, created {manifest.created_at}",
        "folder": str(path),
        "longest text": f"{manifest.max_length} tokens",
        **_promises(manifest),
        **_languages(manifest),
        "calibrated on": manifest.calibration.fitted_on,
        "out of scope": manifest.out_of_scope_label or "no label of its own",
    }
    if calibrated := manifest.training.get("calibrated"):
        facts["calibrated from"] = f"{calibrated['from']['name']} {calibrated['from']['version']}"
    if unjudged := manifest.metrics.get("labels_not_judged"):
        facts["not judged"] = f"{len(unjudged)} labels, of which no row was left to judge: {', '.join(unjudged)}"
    facts |= {name: f"{value:.4f}" for name, value in manifest.metrics.items() if isinstance(value, float)}
    for title, rows in (("", facts), ("labels", manifest.descriptions)):
        table = Table(title=title or None, show_header=False, box=None, pad_edge=False, title_justify="left")
        for name, value in rows.items():
            table.add_row(Text(name, style="bold"), Text(str(value)))
        console.print(table)


def _languages(manifest: "Manifest") -> dict[str, str]:
    """Name the languages that are answered, and from which confidence on where one has a stricter threshold."""
    if manifest.languages is None:
        return {}
    needed = {code: one.confidence or 0.0 for code, one in (manifest.by_language or {}).items()}
    least = manifest.thresholds.confidence
    return {
        "languages": ", ".join(
            f"{code} from {needed[code]:.3f}" if needed.get(code, 0.0) > least else code for code in manifest.languages
        )
    }


def _promises(manifest: "Manifest") -> dict[str, str]:
    """Say from which confidence on a bundle accepts and suggests, and what is promised of that."""
    from triage_models.bundle.manifest import show_rate  # noqa: PLC0415 (keeps `triage --help` fast)

    thresholds, guarantee = manifest.thresholds, manifest.thresholds.guarantee
    facts = {
        "accepts from": f"confidence {thresholds.confidence:.3f}, familiarity {thresholds.familiarity:.3f}",
        "guarantee" if guarantee.certified else "aim, not certified": (
            f"at most {show_rate(guarantee.risk)} of accepted events are wrong, at {guarantee.confidence:.0%} "
            f"confidence, for traffic like the {guarantee.calibration_rows} calibration rows; {guarantee.coverage:.0%} "
            "are accepted"
        ),
        "method": guarantee.method,
    }
    for label, own in (thresholds.by_intent or {}).items():
        kind = "at most" if own.guarantee.certified else "aim, not certified: at most"
        rate = show_rate(own.guarantee.risk)
        facts[label] = f"from confidence {own.confidence:.3f}; {kind} {rate} of its accepted events are wrong"
    if (suggestion := manifest.suggestion) and suggestion.confidence < thresholds.confidence:
        kind = "at most" if suggestion.guarantee.certified else "aim, not certified: at most"
        rate = show_rate(suggestion.guarantee.risk)
        facts["suggests from"] = f"confidence {suggestion.confidence:.3f}; {kind} {rate} of all from there on are wrong"
    return facts
