"""Compiles the text of a registered schema. Loads the libraries of the extra ``registry`` only when one is needed."""

from importlib import import_module

from triage_schemas.input.registry.schema import JsonSchema, KnownSchema, SchemaText, UnusableSchema

LONGEST_PROBLEM = 300


def compile_schema(schema: SchemaText) -> KnownSchema:
    """Make what values are read with; never raises for a schema that is not valid.

    Raises:
        ImportError: the extra ``registry`` is not installed.
    """
    try:
        if schema.type == "AVRO":
            from triage_schemas.input.registry.avro import AvroSchema  # noqa: PLC0415 (of an extra)

            return AvroSchema(schema)
        if schema.type == "PROTOBUF":
            from triage_schemas.input.registry.protobuf import ProtobufSchema  # noqa: PLC0415 (of an extra)

            return ProtobufSchema(schema)
        return JsonSchema()
    except ImportError:
        raise
    except Exception as error:
        return UnusableSchema("bad_schema", f"the {schema.type} schema cannot be used: {error}"[:LONGEST_PROBLEM])


def require_libraries() -> None:
    """Check that the libraries of the extra ``registry`` are installed.

    Raises:
        ImportError: one is not; its ``name`` says which.
    """
    for name in ("fastavro", "google.protobuf", "grpc_tools"):
        import_module(name)
