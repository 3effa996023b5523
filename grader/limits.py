"""What one submission may use."""

import re
from dataclasses import asdict, dataclass
from typing import Any

from grader.errors import UserError


@dataclass(frozen=True)
class Limits:
    """Limits of one submission; times in seconds, sizes in bytes.

    Times do not count the waiting for a free core (see `Kernel.waited`).
    """

    cell: float = 20.0
    total: float = 120.0
    memory: int = 4 << 30
    processes: int = 96
    files: int = 64 << 20  # one file, and each private folder
    output: int = 4 << 20  # per cell
    messages: int = 500  # per cell

    def as_dict(self) -> dict[str, Any]:
        """Return the limits as they stand in a result."""
        return asdict(self)


def parse_size(text: str) -> int:
    """Read "4G", "512M" or a number of bytes.

    Examples
    --------
    >>> parse_size("4G") == 4 * 2**30
    True
    """
    hit = re.fullmatch(r"(\d+)\s*([kKmMgG]?)i?[bB]?", text.strip())
    if not hit or not int(hit[1]):
        raise UserError(f"{text!r} is not a size; write for example 4G or 512M")
    return int(hit[1]) << {"": 0, "k": 10, "m": 20, "g": 30}[hit[2].lower()]
