"""The import graph of a package, with folders as nodes.

    python -m tests.import_graph [worker|models|schemas] [DEPTH]

It prints the nodes, the layers from top to bottom, the edges, and a cycle if there is one. With DEPTH 1, the folders
directly in the package are the nodes; by default, every folder at any depth is one. A package of another source root is
one node.

All imports count, also those within functions and under ``TYPE_CHECKING``. Only what the package's own ``__init__``
imports does not: it re-exports the public names of the folders below it.
"""

import ast
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

ROOT = Path(__file__).parents[1]
PACKAGES = {"worker": "triage_worker", "models": "triage_models", "schemas": "triage_schemas"}
"""Source root: the package in it."""

Edges = Mapping[str, frozenset[str]]
"""Node: the nodes that it imports."""


@dataclass(frozen=True)
class Graph:
    """Folders of one package, the packages of the other roots, and who imports whom."""

    edges: Edges

    @property
    def nodes(self) -> list[str]:
        return sorted(self.edges)

    @property
    def edge_count(self) -> int:
        return sum(map(len, self.edges.values()))

    def merged(self, depth: int) -> "Graph":
        """The graph in which a folder deeper than ``depth`` belongs to the folder above it."""

        def name(node: str) -> str:
            return ".".join(node.split(".")[: depth + 1])

        edges: dict[str, set[str]] = {}
        for node, targets in self.edges.items():
            edges.setdefault(name(node), set()).update(name(target) for target in targets)
        return Graph({node: frozenset(targets - {node}) for node, targets in edges.items()})

    def cycle(self) -> list[str]:
        """Nodes of one cycle, the first repeated at the end; empty if there is none."""
        try:
            TopologicalSorter(self.edges).prepare()
        except CycleError as error:
            return list(reversed(error.args[1]))
        return []

    def layers(self) -> list[list[str]]:
        """Nodes from top to bottom. A node is one layer above the highest node that it imports.

        Raises ``graphlib.CycleError`` if the graph has a cycle.
        """
        sorter = TopologicalSorter(self.edges)
        sorter.prepare()
        layers: list[list[str]] = []
        while sorter.is_active():
            ready = sorted(sorter.get_ready())
            layers.append(ready)
            sorter.done(*ready)
        return layers[::-1]


def import_graph(root: str) -> Graph:
    """The graph of the package under a source root: ``worker``, ``models`` or ``schemas``."""
    package = PACKAGES[root]
    source = ROOT / root
    edges: dict[str, set[str]] = {}
    for path in sorted((source / package).rglob("*.py")):
        node = _node(_module(path.relative_to(source)), package)
        targets = edges.setdefault(node, set())
        for imported in [] if path == source / package / "__init__.py" else _imported(path):
            target = _node_of_import(imported, package)
            if target and target != node:
                targets.add(target)
                edges.setdefault(target, set())
    empty = {package} if _is_empty(source / package / "__init__.py") and not edges.get(package) else set()
    return Graph({node: frozenset(targets - empty) for node, targets in edges.items() if node not in empty})


def _module(path: Path) -> str:
    return ".".join(path.with_suffix("").parts).removesuffix(".__init__")


def _node(module: str, package: str) -> str:
    """The folder that a module of the package lies in, as a dotted name."""
    path = ROOT / _root_of(package) / module.replace(".", "/")
    return module if path.is_dir() else module.rpartition(".")[0]


def _node_of_import(name: str, package: str) -> str | None:
    """The node that an imported name belongs to; None for other people's packages."""
    top = name.partition(".")[0]
    if top not in PACKAGES.values():
        return None
    if top != package:
        return top
    path = ROOT / _root_of(package) / name.replace(".", "/")
    while not path.is_dir():  # a name within a module, or a module within a folder
        name, path = name.rpartition(".")[0], path.parent
    return name


def _root_of(package: str) -> str:
    return next(root for root, name in PACKAGES.items() if name == package)


def _imported(path: Path) -> Iterator[str]:
    """Full names of all that a file imports; the repository has no relative imports, and ruff refuses them."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.module, f"{path} has a relative import"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def _is_empty(path: Path) -> bool:
    return all(isinstance(node, ast.Expr) for node in ast.parse(path.read_text(encoding="utf-8")).body)


def main(root: str, depth: int) -> None:
    """Print a graph."""
    graph = import_graph(root).merged(depth)
    cycle = graph.cycle()
    layers = [] if cycle else graph.layers()
    print(f"{root}: {len(graph.nodes)} nodes, {len(layers)} layers, {graph.edge_count} edges")
    for number, layer in enumerate(layers, 1):
        print(f"\nlayer {number}")
        for node in layer:
            print(f"  {node} -> {', '.join(sorted(graph.edges[node])) or '-'}")
    if cycle:
        for node in graph.nodes:
            print(f"  {node} -> {', '.join(sorted(graph.edges[node])) or '-'}")
    print(f"\ncycle: {' -> '.join(cycle) or 'none'}")


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else "worker", int(sys.argv[2]) if len(sys.argv) > 2 else 99)
