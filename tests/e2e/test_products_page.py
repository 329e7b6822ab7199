"""The page of the products' behaviours names tests that are there."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "reference" / "products.md"
ROW = re.compile(r"^\| (?!what it does|---)(.+?) \| (.+) \|$", re.MULTILINE)
NAMED = re.compile(r"^`([\w/.]+\.py)::(test_\w+)`$")


def test_every_line_names_a_test_that_is_there() -> None:
    files = [
        path
        for folder in ("core/tests", "plugins", "tests")
        for path in (ROOT / folder).rglob("test_*.py")
    ]
    rows = ROW.findall(PAGE.read_text("utf-8"))
    assert len(rows) > 60
    missing = []
    for told, where in rows:
        found = NAMED.match(where)
        assert found, f"{told}: {where} names no test"
        file, name = found.groups()
        texts = [path.read_text("utf-8") for path in files if path.as_posix().endswith(f"/{file}")]
        if not any(re.search(rf"def {name}\(", text) for text in texts):
            missing.append(f"{told}: {file}::{name}")
    assert not missing, "\n".join(missing)


def test_the_readme_leads_to_the_page() -> None:
    assert "docs/reference/products.md" in (ROOT / "README.md").read_text("utf-8")
