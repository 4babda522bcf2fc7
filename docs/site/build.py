"""Builds the documentation as a site: ``python docs/site/build.py [--serve]``.

The site is docs/, the pages named in ``PAGES`` that lie elsewhere in the repository, and a page for each notebook. They
are assembled in build/docs, with links that point to the right page of the site, and built there by Zensical. A broken
link, a missing heading or a name that the API reference does not find fails the build.
"""

import argparse
import json
import posixpath
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
ASSEMBLED = ROOT / "build" / "docs"
"""The ``docs_dir`` of mkdocs.yml."""

PAGES = {
    "ARCHITECTURE.md": "architecture.md",
    "CHANGELOG.md": "changelog.md",
    "CONTRIBUTING.md": "contributing.md",
    "SECURITY.md": "security-policy.md",
    "schemas/README.md": "reference/schemas.md",
    "models/bundles/ecommerce/README.md": "model-card.md",
    "models/corpus/README.md": "corpus.md",
}
"""Files of the repository that are pages of the site, and their names there."""

ON_SITE = {**PAGES, "README.md": "index.md"}
LINK = re.compile(r"(!?)\[((?:[^\[\]]|\[[^\]]*\])*)\]\(([^)\s]+)\)")
CODE = re.compile(r"(^```.*?^```$|`[^`\n]+`)", re.MULTILINE | re.DOTALL)


def assemble(target: Path) -> None:
    """Write all pages of the site to a folder, which is emptied first."""
    shutil.rmtree(target, ignore_errors=True)
    shutil.copytree(DOCS, target, ignore=shutil.ignore_patterns("*.py", "__pycache__"))
    for origin, page in PAGES.items():
        (target / page).write_text(without_front_matter((ROOT / origin).read_text("utf-8")), "utf-8")
    for path in target.rglob("*.ipynb"):
        path.with_suffix(".md").write_text(notebook(path), "utf-8")
    origins = {page: origin for origin, page in PAGES.items()}
    texts = {path.relative_to(target).as_posix(): path.read_text("utf-8") for path in target.rglob("*.md")}
    titles = {page: match[1] for page, text in texts.items() if (match := re.search(r"^# (.+)$", text, re.MULTILINE))}
    for page, text in texts.items():
        linked = with_links(text, page, origins.get(page, f"docs/{page}"), titles)
        (target / page).write_text(linked, "utf-8")


def without_front_matter(markdown: str) -> str:
    """The text of a model card without the metadata that Hugging Face reads."""
    return re.sub(r"\A---\n.*?\n---\n", "", markdown, flags=re.DOTALL)


def notebook(path: Path) -> str:
    """A Jupyter notebook as Markdown: code cells as blocks, with what they print below them."""
    parts = []
    for cell in json.loads(path.read_text("utf-8"))["cells"]:
        source = "".join(cell["source"])
        if cell["cell_type"] == "markdown":
            parts.append(source)
            continue
        parts.append(f"```python\n{source}\n```")
        printed = "".join(line for output in cell["outputs"] for line in output.get("text", []))
        if printed:
            parts.append(f"```text\n{printed.rstrip()}\n```")
    parts.insert(1, f"[Download this page as a notebook]({path.name})")
    return "\n\n".join(parts) + "\n"


def with_links(markdown: str, page: str, origin: str, titles: Mapping[str, str]) -> str:
    """Point each link to where its target is on the site. Links to other files of the repository become text.

    Args:
        markdown: the page's text.
        page: its name on the site.
        origin: the file that it comes from; links are relative to it.
        titles: of all pages. A link whose text is a file's name gets the title of that page as its text.
    """

    def moved(link: re.Match[str]) -> str:
        image, text, target = link.groups()
        path, mark, anchor = target.partition("#")
        if not path or re.match(r"[a-z]+:", path):
            return link[0]
        full = posixpath.normpath(posixpath.join(posixpath.dirname(origin), path))
        on_site = ON_SITE.get(full) or (full.removeprefix("docs/") if full.startswith("docs/") else None)
        if on_site and on_site.removesuffix(".ipynb") != page.removesuffix(".md"):
            on_site = re.sub(r"\.ipynb$", ".md", on_site)  # a notebook's own page links to the file, for download
        if on_site:
            if text in (full, full.rpartition("/")[2]) and not image:
                text = titles.get(on_site, text)
            return f"{image}[{text}]({posixpath.relpath(on_site, posixpath.dirname(page) or '.')}{mark}{anchor})"
        return text if full.rpartition("/")[2] in text else f"{text} (`{full}`)"

    # A link's text may hold code, so that code is set aside while links are found.
    code = CODE.findall(markdown)
    masked = CODE.sub("\0", markdown)
    return re.sub("\0", lambda _: code.pop(0), LINK.sub(moved, masked))


def main() -> int:
    """Assemble and build the site; returns Zensical's exit code."""
    parser = argparse.ArgumentParser(description="Build the documentation as a site, in site/.")
    parser.add_argument("--serve", action="store_true", help="show the site on localhost:8000 instead")
    serve = parser.parse_args().serve
    assemble(ASSEMBLED)
    command = ["serve"] if serve else ["build", "--strict", "--clean"]
    code = subprocess.run([sys.executable, "-m", "zensical", *command], cwd=ROOT, check=False).returncode
    if code == 0 and not serve:  # its links are to folders, so a browser cannot follow them from file to file
        print("The site is in site/, for a web server. To read it here: make docs DOCS_ARGS=--serve")  # noqa: T201
    return code


if __name__ == "__main__":
    sys.exit(main())
