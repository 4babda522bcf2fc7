"""Compiles the text of Protobuf schemas, with Google's own compiler (the package grpcio-tools contains it)."""

import subprocess
import sys
import tempfile
from base64 import b64decode
from binascii import Error as NotBase64
from collections.abc import Mapping
from importlib import import_module
from pathlib import Path

from google.protobuf import descriptor_pb2, descriptor_pool
from google.protobuf.descriptor import FileDescriptor
from google.protobuf.message import DecodeError

from triage_schemas.input.registry.schema import SchemaText

MAIN = "triage_main.proto"
"""The name of the schema itself, which the registry does not give."""

TIMEOUT_S = 30.0

BUILT_IN: Mapping[str, str] = {
    "confluent/meta.proto": """syntax = "proto3";
package confluent;
import "google/protobuf/descriptor.proto";
message Meta { string doc = 1; map<string, string> params = 2; repeated string tags = 3; }
extend google.protobuf.FileOptions { Meta file_meta = 1088; }
extend google.protobuf.MessageOptions { Meta message_meta = 1088; }
extend google.protobuf.FieldOptions { Meta field_meta = 1088; }
extend google.protobuf.EnumOptions { Meta enum_meta = 1088; }
extend google.protobuf.EnumValueOptions { Meta enum_value_meta = 1088; }
""",
    "confluent/type/decimal.proto": """syntax = "proto3";
package confluent.type;
message Decimal { bytes value = 1; uint32 precision = 2; int32 scale = 3; }
""",
}
"""What Confluent's serializers know without a reference."""


class CompileError(Exception):
    """A schema is not valid Protobuf; says why."""


def compile_file(schema: SchemaText) -> FileDescriptor:
    """Compile a schema, with what it refers to.

    Raises:
        CompileError: it is not valid.
    """
    serialized = {name: found for name, text in _files(schema).items() if (found := _serialized(text)) is not None}
    files = descriptor_pb2.FileDescriptorSet()
    if MAIN in serialized:  # clients in Python register what is compiled already
        files.file.extend(serialized.values())
        main = serialized[MAIN].name
    else:
        files.ParseFromString(_compiled(_files(schema)))
        main = MAIN
    return _added(files, main)


def _files(schema: SchemaText) -> dict[str, str]:
    return {**schema.references, MAIN: schema.text}


def _serialized(text: str) -> descriptor_pb2.FileDescriptorProto | None:
    """What a text contains that is a compiled schema in base64; None if it is one to be compiled."""
    try:
        return descriptor_pb2.FileDescriptorProto.FromString(b64decode(text, validate=True))
    except (NotBase64, ValueError, DecodeError):
        return None


def _compiled(files: Mapping[str, str]) -> bytes:
    """Run the compiler on files of a folder that is removed afterwards; in a process of its own, which may crash."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name).resolve()
        for file, text in {**BUILT_IN, **files}.items():
            path = (folder / file).resolve()
            if not path.is_relative_to(folder):
                raise CompileError("the name of a reference leads out of its folder")
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
        output = folder / "triage.descriptors"
        # It knows where its own copies of google/protobuf/*.proto are.
        arguments = [f"-I{folder}", "--include_imports", f"--descriptor_set_out={output}", MAIN]
        command = [sys.executable, "-m", "grpc_tools.protoc", *arguments]
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=TIMEOUT_S)
        if done.returncode != 0:
            problem = " ".join(done.stderr.replace(f"{folder}/", "").split())
            raise CompileError(problem or f"the compiler ended with {done.returncode}")
        return output.read_bytes()


def _added(files: descriptor_pb2.FileDescriptorSet, main: str) -> FileDescriptor:
    """Add files to a pool of their own, whatever their order."""
    pool = descriptor_pool.DescriptorPool()
    known = {file.name: file for file in files.file}
    done: set[str] = set()

    def add(name: str) -> None:
        if name in done:
            return
        done.add(name)
        file = known.get(name) or _well_known(name)
        for dependency in file.dependency:
            add(dependency)
        try:
            pool.Add(file)
        except TypeError as error:
            raise CompileError(str(error)) from error

    add(main)
    return pool.FindFileByName(main)


def _well_known(name: str) -> descriptor_pb2.FileDescriptorProto:
    """A file of the Protobuf library itself, such as google/protobuf/timestamp.proto."""
    file = descriptor_pb2.FileDescriptorProto()
    folder, _, base = name.rpartition("/")
    try:
        module = import_module(f"google.protobuf.{base.removesuffix('.proto')}_pb2")
    except ModuleNotFoundError:
        module = None
    if module is None or folder != "google/protobuf":
        raise CompileError(f"it imports {name}, which is not among its references")
    module.DESCRIPTOR.CopyToProto(file)
    return file
