"""Prints the oldest versions that pyproject.toml allows, as constraints for pip."""

from __future__ import annotations

import sys
import tomllib
from pathlib import Path

project = tomllib.loads((Path(__file__).parent.parent / "pyproject.toml").read_text(encoding="utf-8"))["project"]
groups = [project["dependencies"], *project["optional-dependencies"].values()]
bounds = [need for group in groups for need in group if not need.startswith(project["name"])]
if unbounded := [need for need in bounds if ">=" not in need]:
    sys.exit(f"no lower bound: {', '.join(unbounded)}")
sys.stdout.write("".join(f"{bound.replace('>=', '==')}\n" for bound in bounds))
