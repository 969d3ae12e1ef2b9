"""The memory that a program of a test takes."""

from __future__ import annotations

from typing import Final

PEAK_KIB: Final = "int(next(line for line in open('/proc/self/status') if line.startswith('VmHWM:')).split()[1])"
"""An expression of Linux for the most memory that a program had, in KiB; `getrusage` counts its parent's, too."""
