"""What is mutated, and which tests are asked: those near it, and not those that take long."""

from __future__ import annotations

from pathlib import Path

ROOT = Path(__file__).parents[1]
_SOURCE = ROOT / "core" / "src"
_UNIT = "core/tests/unit"
_INTEGRATION = "core/tests/integration"

VAULT = ("crmwire/vault.py", "crmwire/keys.py", "crmwire/rotating.py")
DEDUP = ("crmwire/dedup.py",)

TESTS = {
    "vault": (
        f"{_UNIT}/test_key_files.py",
        f"{_INTEGRATION}/test_vault.py",
        f"{_INTEGRATION}/test_keys.py",
        f"{_INTEGRATION}/test_rotating.py",
    ),
    "dedup": (f"{_UNIT}/test_dedup.py",),
    "store": (
        f"{_INTEGRATION}/store",
        *(
            f"{_INTEGRATION}/test_{name}.py"
            for name in (
                "store_accepting",
                "store_work",
                "alerts_told",
                "audit",
                "backups",
                "joined_moves",
                "polling",
                "privacy",
                "questions",
                "review_doubts",
                "review_subjects",
                "rotating",
                "timekeeping",
                "upgrades",
                "vault",
            )
        ),
        f"{_INTEGRATION}/logins/test_login_kinds.py",
        f"{_INTEGRATION}/logins/test_login_refresh.py",
        f"{_INTEGRATION}/logins/test_login_teams.py",
    ),
}


def files(area: str) -> list[Path]:
    """The modules of an area; those that only make the schema are left to the upgrade tests."""
    if area == "store":
        return sorted(
            path
            for path in (_SOURCE / "crmwire" / "store").rglob("*.py")
            if "migrations" not in path.relative_to(_SOURCE).as_posix()
        )
    return [_SOURCE / name for name in (VAULT if area == "vault" else DEDUP)]


def module_of(path: Path) -> str:
    """The name that a file is imported by."""
    parts = path.relative_to(_SOURCE).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


PYTEST = (
    "-q",
    *("-p", "no:cacheprovider"),
    *("-m", "not alone"),
    *("-W", "ignore::pytest.PytestAssertRewriteWarning"),  # plugins were imported before
    f"--rootdir={ROOT}",
)
"""What pytest is always told."""
