"""The import graph has no cycle, and stays small."""

import pytest

from tests.import_graph import PACKAGES, import_graph


@pytest.mark.parametrize("root", PACKAGES)
def test_no_cycle_between_folders_at_any_depth(root: str) -> None:
    graph = import_graph(root)
    assert graph.cycle() == []
    assert graph.merged(1).cycle() == []


def test_the_worker_is_small_enough_to_be_kept_in_mind() -> None:
    """Folders directly in the package, triage_models and triage_schemas."""
    graph = import_graph("worker").merged(1)
    assert len(graph.nodes) <= 27
    assert len(graph.layers()) <= 10
    assert graph.edge_count <= 135, "python -m tests.import_graph worker 1"


def test_nested_folders_add_little() -> None:
    assert len(import_graph("worker").nodes) <= 39
