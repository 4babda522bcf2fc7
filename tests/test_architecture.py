"""The project's rules that no linter checks: where imports point, how long a file may grow, what is never committed."""

import ast
import importlib.util
import re
import subprocess
import sys
from pathlib import Path

import pytest
from importlinter.api import read_configuration

ROOT = Path(__file__).parent.parent
MODELS = ROOT / "models" / "triage_models"
TRAINING_MODULES = [*(MODELS / "training").glob("*.py"), MODELS / "feedback" / "learn.py"]
PLAIN_LOOP = ROOT / "worker" / "triage_worker" / "bench" / "plain_loop.py"
"""The loop that the benchmark compares the worker with; only that measurement imports it."""

HEAVY = {"torch", "transformers", "sklearn", "onnxconverter_common"}

LONGEST = 300
"""Lines. 250 is the aim; past this a file has more than one reason to exist."""

MACHINES_OWN = re.compile(r"/(?:home|Users|root)/\w|/work/(?:main|shared)\b")
"""Absolute paths of somebody's machine."""

NOT_TEXT = {".onnx", ".csv", ".png", ".jsonl"}
CLIENT_COMPAT = ROOT / "worker" / "triage_worker" / "kafka" / "client_compat"
PUBLIC_CLIENT_MODULES = {
    "aiokafka",
    "aiokafka.abc",
    "aiokafka.admin",
    "aiokafka.errors",
    "aiokafka.helpers",
    "aiokafka.structs",
    "faust",
    "faust.types",
}
"""The modules of aiokafka and Faust that their documentation describes; the others may change in any release."""

PUBLIC_UNDERSCORES = {"_asdict", "_replace", "_fields", "_make", "_exit"}
"""Documented names that begin with an underscore: those of named tuples, and ``os._exit``."""

WORKER = sorted((ROOT / "worker").rglob("*.py"))
SOURCES = [path for name in ("worker", "models", "schemas") for path in sorted((ROOT / name).rglob("*.py"))]


def test_the_arrows_between_the_packages_hold() -> None:
    assert read_configuration(str(ROOT / "pyproject.toml"))["contracts_options"]
    # In a process of its own: it sets up logging anew, which disables the loggers of all that was imported before.
    linter: list[str | Path] = [Path(sys.executable).with_name("lint-imports"), "--no-cache"]
    done = subprocess.run(linter, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_only_client_compat_imports_internal_modules_of_the_client_libraries() -> None:
    sources = [path for path in WORKER if CLIENT_COMPAT not in path.parents]
    assert sources != WORKER
    found = {short(path): client_modules(path) - PUBLIC_CLIENT_MODULES for path in sources}
    assert {name: modules for name, modules in found.items() if modules} == {}


def test_only_client_compat_uses_private_names_of_other_objects() -> None:
    found = [name for path in WORKER if CLIENT_COMPAT not in path.parents for name in private_names(path)]
    assert found == []
    assert any(private_names(path) for path in CLIENT_COMPAT.glob("*.py")), "this test would find nothing"


def test_only_training_modules_import_heavy_libraries() -> None:
    assert SOURCES
    serving = [path for path in SOURCES if path not in TRAINING_MODULES and path != PLAIN_LOOP]
    found = {short(path): HEAVY & imported(path) for path in serving}
    assert {name: modules for name, modules in found.items() if modules} == {}


def test_no_file_has_outgrown_its_reason_to_exist() -> None:
    lengths = {short(path): len(path.read_text(encoding="utf-8").splitlines()) for path in SOURCES}
    assert {name: lines for name, lines in lengths.items() if lines > LONGEST} == {}


@pytest.mark.skipif(not (ROOT / ".git").exists(), reason="not a git clone: what is committed is unknown")
def test_nothing_of_one_machine_is_committed() -> None:
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True, text=True).stdout
    paths = [ROOT / name for name in listed.split("\0") if name]
    texts = [path for path in paths if path.is_file() and path.suffix not in NOT_TEXT and path != Path(__file__)]
    assert texts
    assert [short(path) for path in texts if MACHINES_OWN.search(path.read_text("utf-8", errors="ignore"))] == []


def imported(path: Path) -> set[str]:
    """Top-level names of all modules that a file imports, at its top or within a function."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names.add(node.module.split(".")[0])
    return names


def client_modules(path: Path) -> set[str]:
    """Modules of aiokafka, Faust and mode that a file imports, also those imported as names from a package."""
    modules: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            modules |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names = {f"{node.module}.{alias.name}" for alias in node.names}
            modules |= {node.module, *(name for name in names if is_module(name))}
    return {name for name in modules if name.split(".")[0] in {"aiokafka", "faust", "mode"}}


def is_module(name: str) -> bool:
    """Whether a dotted name is a module of aiokafka, Faust or mode, and not something within one."""
    if name.split(".", maxsplit=1)[0] not in {"aiokafka", "faust", "mode"}:
        return False
    try:
        return importlib.util.find_spec(name) is not None
    except ModuleNotFoundError:
        return False


def private_names(path: Path) -> list[str]:
    """Accesses to a private attribute of an object that is not of a class in the same file."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    accesses = [node for node in ast.walk(tree) if isinstance(node, ast.Attribute) and is_private(node.attr)]
    others = [node for node in accesses if not (isinstance(node.value, ast.Name) and node.value.id in {"self", "cls"})]
    own = defined_names(tree) | PUBLIC_UNDERSCORES
    by_text = [
        node
        for node in ast.walk(tree)
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Name)
        and node.func.id in {"getattr", "setattr", "hasattr", "delattr"}
        and isinstance(node.args[1], ast.Constant)
        and is_private(str(node.args[1].value))
    ]
    return [
        f"{short(path)}:{node.lineno}: {ast.unparse(node)}"
        for node in [*(node for node in others if node.attr not in own), *by_text]
    ]


def defined_names(tree: ast.Module) -> set[str]:
    """Names that classes of a file define: in their bodies, and by assignments to ``self``."""
    bodies = [node for parent in ast.walk(tree) if isinstance(parent, ast.ClassDef) for node in parent.body]
    names = {node.name for node in bodies if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)}
    names |= {
        node.target.id for node in bodies if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name)
    }
    names |= {
        node.attr
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute)
        and isinstance(node.ctx, ast.Store)
        and isinstance(node.value, ast.Name)
        and node.value.id == "self"
    }
    return names


def is_private(name: str) -> bool:
    """Whether a name begins with one underscore; two at both ends are Python's own."""
    return name.startswith("_") and not name.endswith("__")


def short(path: Path) -> str:
    return str(path.relative_to(ROOT))
