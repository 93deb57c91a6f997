"""The documentation: every page is in the site, every link leads somewhere, and the Python API is there. (`make docs`
builds it.)
"""

from __future__ import annotations

import ast
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

import talking_head
from scripts.imports import file_of

ROOT = Path(__file__).resolve().parent.parent
DOCS = ROOT / "docs"
PAGES = sorted(DOCS.glob("*.md"))
LINK = re.compile(r"\]\(([^)#:]+)(?:#[^)]*)?\)")


def named_pages(content: Any) -> list[str]:
    if isinstance(content, str):
        return [content]
    parts = content.values() if isinstance(content, dict) else content
    return [page for part in parts for page in named_pages(part)]


def test_every_page_is_in_the_site_once() -> None:
    site = yaml.safe_load((ROOT / "mkdocs.yml").read_text(encoding="utf-8"))
    assert sorted(named_pages(site["nav"])) == [page.name for page in PAGES]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_links_of_a_page_stay_in_the_site_and_lead_somewhere(page: Path) -> None:
    text = re.sub(r"```.*?```|`[^`\n]*`", "", page.read_text(encoding="utf-8"), flags=re.DOTALL)
    for link in LINK.findall(text):
        goal = (page.parent / link).resolve()
        assert goal.is_file() and goal.is_relative_to(DOCS), link


def test_what_the_api_page_names_is_there_and_nothing_public_is_missing() -> None:
    named = re.findall(r"^::: (\S+)$", (DOCS / "api.md").read_text(encoding="utf-8"), re.MULTILINE)
    for name in named:
        module, _, what = name.rpartition(".")
        path = file_of(module)
        assert path is not None, name
        tops = ast.parse(path.read_text(encoding="utf-8")).body
        assert what in {getattr(node, "name", "") for node in tops}, name
    public = {getattr(talking_head, name).__name__ for name in talking_head.__all__}
    assert public <= {name.rpartition(".")[2] for name in named}
