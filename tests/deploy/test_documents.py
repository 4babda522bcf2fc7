"""AsyncAPI's own parser accepts the AsyncAPI document."""

from tests.deploy.tools import DEPLOY, ROOT, call, folder


def test_the_asyncapi_parser_accepts_the_document() -> None:
    script, document = DEPLOY / "check" / "asyncapi" / "parse.mjs", ROOT / "docs" / "asyncapi.yaml"
    assert "11 channels" in call("node", script, document, cwd=folder("asyncapi/node_modules").parent)
