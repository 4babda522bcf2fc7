"""The AsyncAPI document, by AsyncAPI's own parser."""

from tests.deploy.tools import DEPLOY, ROOT, call, folder


def test_asyncapi_parses_by_its_own_parser() -> None:
    script, document = DEPLOY / "check" / "asyncapi" / "parse.mjs", ROOT / "docs" / "asyncapi.yaml"
    assert "8 channels" in call("node", script, document, cwd=folder("asyncapi/node_modules").parent)
