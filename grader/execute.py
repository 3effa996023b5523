"""Run one cell in a kernel and read what it showed."""

from typing import Any

from grader.kernel import Kernel
from grader.values import VALUE

SHOWN = ("stream", "display_data", "execute_result", "error")


def execute(kernel: Kernel, source: str, timeout: float) -> list[dict[str, Any]]:
    """Return the outputs of a cell as they stand in a notebook.

    Raises
    ------
    KernelLostError
        If the kernel is lost.
    """
    kernel.await_reply(kernel.execute_cell_input(source), timeout)
    outputs: list[dict[str, Any]] = []
    for message in kernel.messages:
        kind, content = message["msg_type"], message["content"]
        if kind not in SHOWN:
            continue
        name, last = content.get("name"), outputs[-1] if outputs else {}
        if kind == "stream" and last.get("name") == name:
            last["text"] = str(last.get("text")) + str(content.get("text"))
        else:
            outputs.append({"output_type": kind, **content})
        outputs[-1].pop("transient", None)
    return outputs


def error_of(outputs: list[Any]) -> dict[str, Any] | None:
    """Return the exception that ended a cell, as type and text."""
    for output in outputs:
        if output.get("output_type") == "error":
            kind, text = output.get("ename"), output.get("evalue")
            return {"type": str(kind)[:80], "text": str(text)[:500]}
    return None


def emissions(outputs: list[Any]) -> list[dict[str, Any]]:
    """Return what `emit` handed over, leaving out whatever has not its form.

    Each is ``{"name", "value" or "error", "spec"}``; only "name" is a checked type.
    """
    found = []
    for output in outputs:
        data = output.get("data")
        payload = data.get(VALUE) if isinstance(data, dict) else None
        if isinstance(payload, dict) and isinstance(payload.get("name"), str):
            found.append(payload)
    return found
