"""What all submissions of a run have in common, computed once and kept in a file."""

import hashlib
import json
import os
import secrets
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from grader import reference, result, scratch
from grader.lab import Cell, Exercise, Lab, read
from grader.limits import Limits
from grader.reference import Reference
from grader.sandbox import Sandbox, sources


@dataclass(frozen=True)
class Context:
    """The lab, what is right, and where and how far a submission may run."""

    lab: Lab
    reference: Reference
    limits: Limits
    sandbox: Sandbox

    def save(self, path: Path) -> None:
        """Write it for the workers; it holds solutions, so nobody else may read it."""
        result.write(path, {"format": result.FORMAT, **asdict(self)})

    @classmethod
    def load(cls, path: str | Path) -> "Context":
        """Read what `save` wrote."""
        data: Any = json.loads(Path(path).read_text(encoding="utf-8"))
        lab, box = data["lab"], data["sandbox"]
        lab["cells"] = tuple(Cell(**c) for c in lab["cells"])
        for e in lab["exercises"]:
            e["flag"] = tuple(e["flag"])
        lab["exercises"] = tuple(Exercise(**e) for e in lab["exercises"])
        box["packages"] = tuple(box["packages"])
        ref = Reference.from_dict(data["reference"])
        return cls(Lab(**lab), ref, Limits(**data["limits"]), Sandbox(**box))


def code_hash(box: Sandbox) -> str:
    """Hash the packages that a lab imports: with another library, other values."""
    digest = hashlib.sha256()
    for name, folder in sorted(sources(box.packages).items()):
        for path in sorted(folder.rglob("*.py")) if name != "grader" else []:
            digest.update(path.relative_to(folder).as_posix().encode() + b"\0")
            digest.update(path.read_bytes())
    return digest.hexdigest()


def prepare(
    source: Path, out: Path, seed: int | None, limits: Limits, box: Sandbox
) -> tuple[Lab, int, Path]:
    """Return the lab, the seed of the run, and the file for the workers.

    Without a seed it is the one that the folder was graded with before, or a new one.
    """
    lab = read(source)
    whole = hashlib.sha256((lab.hash + code_hash(box)).encode()).hexdigest()
    lab = Lab(lab.name, lab.title, lab.cells, lab.exercises, whole)
    state = out / ".state"
    if seed is None:
        seed = (result.read(state / "run.json") or {}).get("seed")
    if seed is None:
        seed = secrets.randbelow(10**9)
    name = result.key("", lab.hash, seed, limits, box.kind)[:16]
    path = (state / f"context-{name}.json").resolve()
    try:
        Context.load(path)
    except (OSError, ValueError, TypeError, KeyError):
        ref = reference.compute(lab, seed, box, limits, scratch.folder())
        Context(lab, ref, limits, box).save(path)
        os.chmod(state, 0o700)
    result.write(state / "run.json", {"format": result.FORMAT, "seed": seed})
    return lab, seed, path
