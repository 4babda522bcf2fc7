"""Makes the fast bundle of the shipped one: ``python -m triage_models.training.ecommerce_fast`` (``make train-fast``).

It is the same network, from which texts leave where an early layer is sure of them.
"""

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from triage_models.data.two_wishes import fitting_rows
from triage_models.errors import ModelError
from triage_models.paths import DEFAULT_BUNDLE, FAST_BUNDLE
from triage_models.progress import progress_display
from triage_models.training import ecommerce
from triage_models.training.exits_of_bundle import add_exits_to_bundle
from triage_models.training.two_wishes import fit_two_wishes


def main(
    public: Annotated[
        Path, typer.Option("--data", envvar="TRIAGE_DATA", help="folder of the public data sets")
    ] = ecommerce.PUBLIC,
    bundle: Annotated[Path, typer.Option(help="folder of the bundle whose network it gets")] = DEFAULT_BUNDLE,
    output: Annotated[Path, typer.Option(help="folder of the fast bundle")] = FAST_BUNDLE,
) -> None:
    """Make the fast bundle."""
    csv_file = Path("runs") / "ecommerce.csv"
    try:
        ecommerce.assemble(public, csv_file)
        with progress_display(Console(stderr=True)) as progress:
            add_exits_to_bundle(
                bundle,
                csv_file,
                output,
                generated=public / ecommerce.GENERATED,
                progress=progress,
            )
        fit_two_wishes(output, fitting_rows())
    except ModelError as error:
        raise SystemExit(f"train-fast: {error}") from error


if __name__ == "__main__":
    typer.run(main)
