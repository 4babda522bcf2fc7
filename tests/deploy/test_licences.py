"""The check of licences: what is allowed, what is refused, and that nothing unknown passes."""

from typing import Any

import pytest

from deploy.image.licences import allowed, licences, refused


def component(name: str, *entries: dict[str, Any]) -> dict[str, Any]:
    return {"name": name, "version": "1.0", "licenses": list(entries)}


@pytest.mark.parametrize(
    ("expression", "verdict"),
    [
        ("MIT", True),
        ("MPL-2.0 AND (Apache-2.0 OR MIT)", True),
        ("BSD-3-Clause AND GPL-3.0-only", False),
        ("AGPL-3.0-or-later", False),
        ("Proprietary", False),
        ("", False),
        ("AND", False),
    ],
)
def test_which_expressions_are_allowed(expression: str, verdict: bool) -> None:
    assert allowed(expression) is verdict


def test_words_of_packages_are_understood() -> None:
    entries: list[dict[str, Any]] = [
        {"license": {"name": "Apache License, Version 2.0"}},
        {"license": {"id": "MIT"}},
        {"expression": "ISC OR MIT"},
    ]
    assert licences(component("any", *entries)) == ["Apache-2.0", "MIT", "ISC OR MIT"]


def test_what_is_unknown_or_not_allowed_is_named() -> None:
    sbom = {
        "components": [
            component("good", {"license": {"id": "MIT"}}),
            component("silent"),
            component("copyleft", {"license": {"id": "GPL-3.0-only"}}),
            component("IMAPClient"),
        ]
    }
    assert refused(sbom) == ["silent 1.0: no licence named", "copyleft 1.0: GPL-3.0-only"]
