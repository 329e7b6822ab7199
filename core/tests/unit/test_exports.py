"""What the package shows, and nothing else."""

from __future__ import annotations

import subprocess
import sys
import types

import crmwire


def test_all_is_sorted_and_complete() -> None:
    names = [name for name in crmwire.__all__ if name != "open"]
    assert names == sorted(names)
    public = {
        name
        for name, value in vars(crmwire).items()
        if not name.startswith("_") and not isinstance(value, types.ModuleType)
    }
    assert public - set(crmwire.__all__) <= {"annotations", "TYPE_CHECKING", "Any"}


def test_importing_the_package_imports_nothing_heavy() -> None:
    code = "import crmwire, sys; print(*sorted({'httpx', 'sqlite_utils'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == ""
