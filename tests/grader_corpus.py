"""Submissions that try to break, fool or read the grader, each built by code.

Every item changes only exercise 1 of the toy lab (or the file as a whole) and leaves
right answers in the others. `ITEMS` maps a name to an `Item`; names follow what the
submission does.
"""

import json
import textwrap
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from grader_course import RIGHT, WRONG, answered, cell_of

FULL = {"double": 4.0, "standardize": 3.0, "count": 3.0}
VICTIM = {**FULL, "double": 0.0}
NONE = dict.fromkeys(FULL, 0.0)
CELL, TOTAL = 4.0, 20.0
WRITE_MARK = "lab-hostile-write"


@dataclass(frozen=True)
class Item:
    """One submission and what must become of it.

    Attributes
    ----------
    build : function of the learner's notebook that returns what is handed in
    points : expected points per exercise; None for a rejected submission
    reason : words that a reason or note must contain
    """

    build: Callable[[Path], Any]
    points: dict[str, float] | None
    reason: str = ""


ITEMS: dict[str, Item] = {}


def code(
    name: str,
    source: str,
    points: dict[str, float] = VICTIM,
    reason: str = "",
    **others: str,
) -> None:
    """Add a submission whose first answer is `source`."""
    answers = {**RIGHT, "double": textwrap.dedent(source).strip("\n"), **others}
    ITEMS[name] = Item(lambda lab: answered(lab, answers), points, reason)


def file(
    name: str,
    points: dict[str, float] | None,
    reason: str = "",
    **answers: str,
) -> Callable[[Callable[[dict[str, Any]], Any]], None]:
    """Add a submission made by changing a notebook with right answers."""

    def add(change: Callable[[dict[str, Any]], Any]) -> None:
        def build(lab: Path) -> Any:
            book = answered(lab, {**RIGHT, **answers})
            changed = change(book)
            return book if changed is None else changed

        ITEMS[name] = Item(build, points, reason)

    return add


# --- ends, hangs, floods ----------------------------------------------------------

code("exit_top", "import os; os._exit(0)", reason="ended the Python process")
code(
    "exit_in_check",
    "import os\ndef double(x):\n    os._exit(0)",
    reason="ended the Python process",
)
code("sys_exit_top", "import sys; sys.exit(0)", reason="SystemExit")
code("sys_exit_in", "import sys\ndef double(x):\n    sys.exit(0)", reason="SystemExit")
code("exit_call", WRONG + "\nexit()", reason="SystemExit")
code(
    "segfault",
    "import ctypes; ctypes.string_at(0)",
    reason="ended the Python",
)
code("loop_top", "while True: pass", reason="endless loop")
code(
    "loop_swallow",
    """
    while True:
        try:
            while True: pass
        except BaseException: pass
    """,
    reason="endless loop",
)
code(
    "loop_in_check",
    "def double(x):\n    while True: pass",
    reason="endless loop",
)
code(
    "loop_ignores_signals",
    """
    import signal
    for number in range(1, 32):
        try: signal.signal(number, signal.SIG_IGN)
        except (OSError, ValueError): pass
    while True: pass
    """,
    reason="endless loop",
)
code(
    "slow_sum",
    "import time; time.sleep(3.4)\n" + RIGHT["double"],
    {**FULL, "count": 0.0},
    reason="the time for the whole notebook was used up",
    standardize="import time; time.sleep(3.4)\n"
    "def standardize(x):\n    time.sleep(3.4)\n    return (x - x.mean()) / x.std()",
    count="import time; time.sleep(3.4)\n"
    "def count(x):\n    time.sleep(3.4)\n    return int((x > 0).sum())",
)
code("recursion", "def double(x):\n    return double(x)", reason="RecursionError")
code(
    "huge_message",
    """
    from IPython.display import publish_display_data
    publish_display_data({"text/plain": "x" * 80_000_000})
    def double(x):
        return 3 * x
    """,
    reason="too much output",
)
code(
    "huge_reply",
    """
    get_ipython().payload_manager.write_payload(
        {"source": "page", "data": {"text/plain": "x" * 30_000_000}})
    """,
)
code("flood_big", "while True: print('x' * 100_000)", reason="too much output")
code(
    "flood_tiny",
    "import sys\nwhile True:\n    print('x', end=''); sys.stdout.flush()",
    reason="too much output",
)
code(
    "flood_in_check",
    "def double(x):\n    while True: print('x' * 100_000)",
    reason="too much output",
)
code(
    "flood_raw",
    "import os\nwhile True: os.write(1, b'x' * 100_000); os.write(2, b'x' * 100_000)",
    reason="endless loop",
)
code(
    "flood_display",
    "from IPython.display import display\nwhile True: display(1)",
    reason="too much output",
)

# --- memory, processes, files ---------------------------------------------------------

code(
    "memory_bomb",
    "hold = []\nwhile True: hold.append(bytearray(50_000_000))",
    reason="MemoryError",
)
code(
    "memory_of_children",
    """
    import os, time
    for _ in range(12):
        if not os.fork():
            hold = bytearray(b"x") * 300_000_000
            time.sleep(60)
    time.sleep(60)
    """,
    reason="memory",
)
code(
    "fork_bomb",
    """
    import os, time
    while True:
        if not os.fork():
            time.sleep(60)
    """,
    reason="BlockingIOError",
)
code(
    "fork_forever",
    """
    import os
    while True:
        try: os.fork()
        except OSError: pass
    """,
)
code(
    "thread_bomb",
    """
    import threading, time
    while True: threading.Thread(target=time.sleep, args=(60,)).start()
    """,
    reason="RuntimeError",
)
code(
    "disk_bomb",
    """
    import itertools
    for folder in (".", "/tmp", "/dev/shm"):
        try:
            for i in itertools.count():
                with open(f"{folder}/file{i}", "wb") as f:
                    for _ in range(10): f.write(b"x" * 1_000_000)
        except OSError: pass
    raise MemoryError("all full")
    """,
    reason="MemoryError",
)
code(
    "daemon",
    """
    import os, time
    if not os.fork():
        os.setsid()
        if not os.fork():
            for fd in range(64):
                try: os.close(fd)
                except OSError: pass
            time.sleep(1000)
        os._exit(0)
    def double(x):
        return x + x
    """,
    FULL,
)
code("kill_parent", "import os, signal\nos.kill(os.getppid(), 9)\n" + WRONG)
code("kill_init", "import os\nos.kill(1, 9)\n" + WRONG)
code("kill_all", "import os\nos.kill(-1, 9)\n" + WRONG)
code(
    "kill_later",
    """
    import os, threading
    threading.Timer(0.05, lambda: os._exit(1)).start()
    import time; time.sleep(1)
    """,
    reason="ended the Python process",
)

# --- reading and writing what is not theirs ------------------------------------------

READ = """
import glob, os
found = []
for path in [*PATHS, "/etc/shadow", "/etc/passwd", "/proc/1/environ",
             *glob.glob("/course/**/*.ipynb", recursive=True),
             *glob.glob("/proc/*/cmdline"), *glob.glob("/proc/*/environ"),
             *glob.glob("/tmp/**", recursive=True),
             *glob.glob("/home/**", recursive=True), *glob.glob("/root/**/*.py")]:
    try:
        with open(path, errors="replace") as f: found.append(f.read())
    except OSError: pass
text = " ".join(w for t in found for w in t.split() if "CAN" "ARY" in w)
def double(x):
    raise ValueError(text)
"""
code("read_secrets", READ)
code(
    "write_outside",
    f"""
    import os, sys
    homes = [os.path.expanduser("~"), "/root", "/home", "/etc", "/usr", "/usr/lib",
             "/", "/course", "/course/nnlib", "/course/grader", sys.prefix, "/var/tmp",
             "/opt", *PATHS, *sys.path]
    for folder in homes:
        try: open(os.path.join(folder, "{WRITE_MARK}"), "w").close()
        except OSError: pass
    startup = os.path.expanduser("~/.ipython/profile_default/startup")
    os.makedirs(startup, exist_ok=True)
    open(startup + "/0.py", "w").write("1/0")
    """
    + "\n"
    + textwrap.indent(WRONG, "    "),
)
code(
    "gradebook_write",
    """
    import os
    for folder in [".", "..", "../..", "/", *PATHS]:
        for root, dirs, files in os.walk(folder):
            if root.startswith(("/usr", "/proc", "/sys")): dirs[:] = []
            for name in files:
                if name.endswith((".json", ".csv", ".db")):
                    try: open(os.path.join(root, name), "a").write("100")
                    except OSError: pass
    """
    + "\n"
    + textwrap.indent(WRONG, "    "),
)
code(
    "network",
    """
    import socket, urllib.request
    reached = []
    for address in [("127.0.0.1", PORT), ("1.1.1.1", 53)]:
        try: reached.append(socket.create_connection(address, timeout=1))
        except OSError: pass
    try: socket.getaddrinfo("example.org", 80); reached.append("dns")
    except OSError: pass
    def double(x):
        return 2 * x if reached else 3 * x
    """,
)
code(
    "magics",
    "%%bash\ncat /etc/shadow CANARY; exit 3",
    reason="name 'double' is not defined",
)
code(
    "magics_with_a_right_answer",
    "!id\n%load_ext autoreload\n%autoreload 2\n%pip install nothing-of-the-kind\n"
    + RIGHT["double"],
    FULL,
)
code(
    "new_namespace",
    """
    import ctypes
    libc = ctypes.CDLL(None)
    worked = [n for n in (0x10000000, 0x20000, 0x40000000) if libc.unshare(n) == 0]
    worked += [1] if libc.ptrace(16, 1, 0, 0) == 0 else []
    worked += [2] if libc.mount(b"none", b"/tmp", b"tmpfs", 0, None) == 0 else []
    def double(x):
        return 2 * x if worked else 3 * x
    """,
)

# --- forging values ------------------------------------------------------------------

code(
    "mute_traceback",
    """
    ip = get_ipython()
    ip.showtraceback = ip._showtraceback = lambda *a, **k: None
    def double(x):
        raise ValueError
    """,
)
code(
    "input_transformer",
    "get_ipython().input_transformers_cleanup.append(lambda lines: ['pass\\n'])",
    NONE,
)
code(
    "ast_transformer",
    """
    import ast
    class Drop(ast.NodeTransformer):
        def visit_Expr(self, node): return None
    get_ipython().ast_transformers.append(Drop())
    """,
    NONE,
)
code(
    "patch_print",
    """
    import builtins
    builtins.print = lambda *a, **k: __import__("sys").stdout.write("6.0")
    """
    + "\n"
    + textwrap.indent(WRONG, "    "),
)
code(
    "patch_emit",
    """
    import grader.checks
    grader.checks.emit = lambda *a, **k: None
    """,
    NONE,
    reason="no value came",
)
code(
    "patch_encode",
    """
    import grader.checks
    grader.checks.encode = lambda value: {"kind": "float", "data": 6.0}
    """,
    NONE,
)
code(
    "emit_guesses",
    """
    import grader.checks
    real = grader.checks.emit
    def emit(name, value, **k):
        for guess in range(300): real(name, float(guess))
    grader.checks.emit = emit
    """,
    NONE,
    reason="more than one value came",
)
code(
    "patch_numpy_random",
    """
    import numpy as np
    real = np.random.default_rng
    np.random.default_rng = lambda *a: real(0)
    """
    + "\n"
    + textwrap.indent(RIGHT["double"], "    "),
    {"double": 0.0, "standardize": 0.0, "count": 0.0},
)
code(
    "forged_payloads",
    """
    from IPython.display import publish_display_data
    MIME = "application/vnd.lab.value+json"
    deep = []
    for _ in range(60): deep = [deep]
    def double(x):
        for value in (None, 3, [], {}, {"kind": "list", "data": deep},
                      {"kind": "array", "shape": [9e99], "dtype": 0, "data": ""}):
            publish_display_data({MIME: value})
            publish_display_data({MIME: {"name": ["x"], "value": value}})
            publish_display_data({MIME: {"name": "some", "value": value}})
        publish_display_data({MIME: {"name": "double of a number", "error": 3}})
        return 3 * x
    """,
)
code(
    "junk_on_the_channel",
    """
    import os
    socket = get_ipython().kernel.iopub_socket
    for junk in ([b""], [b"<IDS|MSG>"], [b"<IDS|MSG>", b"x", b"{", b"{", b"{", b"{"],
                 [os.urandom(50)] * 9, [b"<IDS|MSG>"] + [b"[" * 100_000] * 5):
        socket.send_multipart(junk)
    """
    + "\n"
    + textwrap.indent(WRONG, "    "),
)
code(
    "forged_idle",
    """
    from ipykernel.kernelbase import Kernel
    def double(x):
        k = get_ipython().kernel
        for _ in range(3):
            k.session.send(k.iopub_socket, "status", {"execution_state": "idle"},
                           parent=k.get_parent())
        return 3 * x
    """,
)
for kind, value in {
    "nan": "float('nan')",
    "inf": "float('inf')",
    "minus_zero": "-0.0",
    "overflow": "1e400",
    "none": "None",
    "complex": "1j",
    "deep": "deep",
    "large": "np.zeros(10**6)",
    "true": "True",
    "text": "'6.0'",
}.items():
    setup = "deep = []\nfor _ in range(99): deep = [deep]\n"
    code(f"returns_{kind}", f"{setup}def double(x):\n    return {value}")
code(
    "equals_everything",
    """
    class Liar(float):
        def __eq__(self, other): return True
        __ne__ = __lt__ = __gt__ = lambda self, other: False
        __sub__ = __rsub__ = lambda self, other: 0.0
        def __abs__(self): return 0.0
        def __reduce__(self): return (print, ("CANARY-REDUCE",))
    def double(x):
        return Liar(1.0)
    """,
)
code("hardcode_public", "def double(x):\n    return {3.0: 6.0}[x]", reason="KeyError")

# --- the text of checks and of feedback ---------------------------------------------

LEAK = """
import sys
def seen():
    ip = get_ipython()
    texts = [str(ip.get_parent()), str(ip.user_ns.get("In")), str(ip.history_manager)]
    frame = sys._getframe()
    import linecache
    texts += ["".join(e[2]) for e in linecache.cache.values() if len(e) > 2 and e[2]]
    words = [w for t in texts for w in t.split()]
    return " ".join(w for w in words if "CAN" "ARY" in w or "sec" "ret" in w)
"""
code("leak_in_exception", LEAK + "def double(x):\n    raise ValueError(seen())")
code("leak_printed", LEAK + "def double(x):\n    print(seen()); return 3 * x")
code(
    "leak_in_a_later_check",
    LEAK + "kept = []\ndef double(x):\n    kept.append(seen()); return 3 * x",
    {**VICTIM, "standardize": 0.0, "count": 0.0},
    standardize="def standardize(x):\n    raise RuntimeError(' '.join(kept))",
    count="def count(x):\n    return ' '.join(kept)",
)
code(
    "leak_as_a_type",
    LEAK + "def double(x):\n    raise type(seen() or 'E', (Exception,), {})(seen())",
)
code(
    "injection",
    r"""
    def double(x):
        raise ValueError("<script>alert(1)</script> \x1b[31m =HYPERLINK(1) \u202e")
    """,
    reason="your code stopped with ValueError",
)
code(
    "injection_in_own_words",
    r"""
    # script alert x1b 31m HYPERLINK
    def double(x):
        raise ValueError("<script>alert(1)</script> \x1b[31m =HYPERLINK(1)")
    """,
)
code("input_call", "def double(x):\n    return float(input())")
code("getpass", "from getpass import getpass\ngetpass()")
code("breakpoint", "def double(x):\n    breakpoint(); return 3 * x")
code("pdb", "import pdb\ndef double(x):\n    pdb.set_trace(); return 3 * x")
code(
    "debug_prints",
    """
    import sys, warnings, logging
    print("no newline", end="")
    def double(x):
        print("no newline", end=""); print("err", file=sys.stderr, end="")
        warnings.warn("careful"); logging.error("oh")
        return x + x
    """,
    FULL,
)
code(
    "library_answer",
    "import numpy as np\ndef double(x):\n    return np.multiply(x, 2)",
    FULL,
)
code(
    "nbval_markers",
    "# NBVAL_SKIP\n# NBVAL_IGNORE_OUTPUT\n# NBVAL_RAISES_EXCEPTION\n" + WRONG,
)
code("takes_names", "begin = emit = rng = None\n" + RIGHT["double"], {**FULL})
code("lone_surrogate", "x = '\ud800'\n" + WRONG)
code("null_byte", "x = 1\0\n" + WRONG, reason="cannot be read")

# --- the file ------------------------------------------------------------------------


@file("stored_output_lie", VICTIM, double=WRONG)
def _(book: dict[str, Any]) -> None:
    check = cell_of(book, "double-check")
    text = {"name": "double of a number", "value": {"kind": "float", "data": 6.0}}
    data = {"application/vnd.lab.value+json": text, "text/plain": "✓"}
    output = {"output_type": "display_data", "metadata": {}, "data": data}
    check |= {"outputs": [output], "execution_count": None}


@file("tags", VICTIM, double=WRONG)
def _(book: dict[str, Any]) -> None:
    for cell in book["cells"]:
        cell["metadata"]["tags"] = ["raises-exception", "nbval-skip"]


@file("edited_checks", VICTIM, double=WRONG)
def _(book: dict[str, Any]) -> None:
    for cell in book["cells"]:
        if cell["id"].endswith("-check"):
            cell["source"] = "emit('double of 3', 6.0)"


@file("removed_checks", VICTIM, double=WRONG)
def _(book: dict[str, Any]) -> None:
    book["cells"] = [c for c in book["cells"] if not c["id"].endswith("-check")]


@file("reordered", FULL)
def _(book: dict[str, Any]) -> None:
    book["cells"].reverse()


@file("second_check_with_the_same_id", VICTIM, double=WRONG)
def _(book: dict[str, Any]) -> None:
    fake = {**cell_of(book, "double-check"), "source": "emit('double of 3', 6.0)"}
    book["cells"].append(fake)


@file("duplicate_answer", VICTIM, reason="2 answer cells with this name")
def _(book: dict[str, Any]) -> None:
    book["cells"].append(dict(cell_of(book, "double")))


@file("retyped_markdown", VICTIM, reason="no code cell any more")
def _(book: dict[str, Any]) -> None:
    cell_of(book, "double")["cell_type"] = "markdown"


@file("retyped_raw", VICTIM, reason="no code cell any more")
def _(book: dict[str, Any]) -> None:
    cell_of(book, "double")["cell_type"] = "raw"


@file("missing_answer", VICTIM, reason="the answer cell is missing")
def _(book: dict[str, Any]) -> None:
    book["cells"].remove(cell_of(book, "double"))


@file("evil_kernelspec", FULL)
def _(book: dict[str, Any]) -> None:
    book["metadata"]["kernelspec"] = {"name": "evil", "language": "bash"}
    book["metadata"]["language_info"] = {"name": "../../evil"}


@file("wild_metadata", VICTIM, double=WRONG)
def _(book: dict[str, Any]) -> None:
    book["metadata"] = 3
    for cell in book["cells"]:
        if cell["id"] not in RIGHT:
            cell |= {"metadata": [], "source": {"a": 1}, "id": 7}
    book["cells"] += [None, 3, "x", [], {}]


@file("honest", FULL)
def _(book: dict[str, Any]) -> None:
    pass


@file("empty", NONE, **dict.fromkeys(FULL, ""))
def _(book: dict[str, Any]) -> None:
    pass


ITEMS["untouched"] = Item(lambda lab: answered(lab, {}), NONE, "unanswered")
ITEMS["wrong"] = Item(lambda lab: answered(lab, {**RIGHT, "double": WRONG}), VICTIM)

for name, raw, reason in [
    ("bad_json", b"{'cells': }", "not JSON"),
    ("empty_file", b" \n", "empty"),
    ("not_utf8", b'{"cells": "\xff\xfe"}', "not UTF-8"),
    ("list_root", b"[1, 2]", "not a notebook"),
    ("number_root", b"1e999", "not a notebook"),
    ("deep_nesting", b"[" * 200_000, "not JSON"),
    ("deep_objects", b'{"a":' * 100_000, "not JSON"),
    ("huge_number", b'{"cells": [' + b"9" * 200_000 + b"]}", "not JSON"),
    ("huge_file", b" " * (21 << 20), "larger than 20 MB"),
    ("many_cells", json.dumps({"cells": [{}] * 6000}).encode(), "6000 cells"),
    ("old_format", b'{"worksheets": [], "nbformat": 3}', "version 4"),
    ("another_lab", b'{"cells": [], "nbformat": 4}', "another lab"),
]:
    ITEMS[name] = Item(lambda lab, raw=raw: raw, None, reason)
