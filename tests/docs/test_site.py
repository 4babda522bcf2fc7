"""The documentation as a site: it builds strictly, holds every page, and loads nothing from other servers."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("zensical", reason="needs the [docs] extra")

ROOT = Path(__file__).parents[2]
NAVIGATION = (ROOT / "mkdocs.yml").read_text(encoding="utf-8").partition("\nnav:\n")[2]
LOADED = re.compile(r"""<(?:script|link|img|iframe)\b[^>]*?\b(?:src|href)=["']?(https?://[^"'\s>]+)""")


@pytest.fixture(scope="module")
def site() -> Path:
    """The built site."""
    done = subprocess.run([sys.executable, ROOT / "docs/site/build.py"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.endswith("To read it here: make docs DOCS_ARGS=--serve\n")
    return ROOT / "site"


def test_every_page_of_docs_is_in_the_navigation() -> None:
    pages = [path for pattern in ("**/*.md", "**/*.ipynb") for path in sorted((ROOT / "docs").glob(pattern))]
    assert len(pages) > 15
    names = [path.relative_to(ROOT / "docs").with_suffix(".md").as_posix() for path in pages]
    assert [name for name in names if not re.search(rf"(?:^|\s){re.escape(name)}$", NAVIGATION, re.MULTILINE)] == []


def test_every_page_of_the_navigation_is_on_the_site(site: Path) -> None:
    for name in re.findall(r"\S+\.md$", NAVIGATION, re.MULTILINE):
        page = site / "index.html" if name == "index.md" else site / name.removesuffix(".md") / "index.html"
        page = page if page.exists() else page.parents[1] / "index.html"  # folder/index.md
        assert page.is_file(), name


def test_the_site_loads_nothing_from_other_servers(site: Path) -> None:
    pages = sorted(site.rglob("*.html"))
    assert len(pages) > 15
    loaded = {str(page.relative_to(site)): LOADED.findall(page.read_text(encoding="utf-8")) for page in pages}
    assert {page: links for page, links in loaded.items() if links} == {}
    for style in site.rglob("*.css"):
        assert not re.search(r"url\([\"']?https?:", style.read_text(encoding="utf-8")), style


def test_no_link_of_the_site_leads_nowhere(site: Path) -> None:
    """Zensical checks links between pages. This checks what it made of them, files for download among them."""
    for page in site.rglob("*.html"):
        if page.name == "404.html":
            continue  # it is shown at any address, so that its links depend on the server
        text = page.read_text(encoding="utf-8")
        for link in re.findall(r"""<(?:a|img|link|script)\b[^>]*?\b(?:href|src)=["']?([^"'\s>]+)""", text):
            path = link.partition("#")[0].partition("?")[0]
            if path and not re.match(r"[a-z]+:", path):
                target = (page.parent / path).resolve()
                assert target.exists(), (page.relative_to(site), link)
