"""Drives explorers in a browser and compares what they show with their data.

The data on a page are decoded here a second time, by code that shares nothing with the
page's script; sentences, tables, curves and bars are then checked against them.
"""

import base64
import json
import math
import random
import re
import struct
import zlib

from nnlib.explore_text import formatted

# Everything that a test wants to know about a figure, read in one go.
READ = """figure => {
  const box = e => { const r = e.getBoundingClientRect();
    return [r.left, r.top, r.right, r.bottom]; };
  const texts = [...figure.querySelectorAll("svg text")].filter(
    e => e.textContent.trim());
  return {
    state: JSON.parse(figure.dataset.state),
    summary: figure.querySelector(".nx-summary").textContent,
    visible: figure.querySelector(".nx-live").innerText,
    tables: [...figure.querySelectorAll("table")].map(t => [
      Number(t.dataset.panel), JSON.parse(t.dataset.values)]),
    cells: [...figure.querySelectorAll("tbody tr")].length,
    controls: [...figure.querySelectorAll(".nx-control")].map(e => [
      e.dataset.control, e.querySelector(".nx-value")?.textContent ?? null]),
    panels: [...figure.querySelectorAll(".nx-panel")].map(p => ({
      kind: p.dataset.kind,
      title: p.querySelector(".nx-panel-title").textContent,
      note: p.querySelector(".nx-note").textContent,
      label: p.querySelector("svg[role=img]")?.getAttribute("aria-label") ?? null,
      ticks: [...p.querySelectorAll("svg text.tick")].map(t => [
        t.classList.contains("x") ? "x" : "y", t.textContent,
        Number(t.getAttribute("x")), Number(t.getAttribute("y"))]),
      curves: [...p.querySelectorAll("path.series[data-series]")].map(s => [
        s.dataset.series, s.getAttribute("d")]),
      bars: [...p.querySelectorAll("rect.bar")].map(b => [
        Number(b.getAttribute("x")), Number(b.getAttribute("width"))]),
      rows: [...p.querySelectorAll("g[data-row]")].map(g => {
        const path = g.querySelector("path.bars");
        return [Number(g.dataset.row), Number(path.dataset.base),
          Number(path.dataset.top), path.getAttribute("d")]; }),
      strays: p.querySelectorAll("path.stray").length,
      html: p.querySelector(".nx-drawing").innerHTML,
    })),
    boxes: texts.map(e => [e.classList[0], e.textContent, box(e)]),
    small: texts.filter(e => parseFloat(getComputedStyle(e).fontSize) < 12).length,
    figure: box(figure),
    wide: [...figure.querySelectorAll(".nx-live *")]
      .filter(e => !e.closest(".nx-table, [clip-path], clipPath"))
      .filter(e => box(e)[2] > box(figure)[2] + 1.5 ||
        (e.closest("svg") && box(e)[0] < box(e.closest("svg"))[0] - 1.5))
      .map(e => e.outerHTML.slice(0, 90)),
    pixels: [...figure.querySelectorAll("canvas")].map(c => c.toDataURL()),
    redraw: Number(figure.dataset.redraw),
  };
}"""

SETTLE = """() => new Promise(done =>
  requestAnimationFrame(() => requestAnimationFrame(() => done())))"""

SET = """([figure, name, position]) => {
  const input = figure.querySelector(`[data-control="${name}"] :is(input, select)`);
  if (input.type === "checkbox") input.checked = position === 1;
  else input.value = position;
  const kind = input.matches("select, [type=checkbox]") ? "change" : "input";
  input.dispatchEvent(new Event(kind, {bubbles: true}));
}"""


def decode(packed):
    """Return the numbers (or words) of one packed array as a flat list."""
    odd = {"nan": math.nan, "inf": math.inf, "-inf": -math.inf}
    if packed["map"] == "exact":
        values = [odd.get(v, v) if isinstance(v, str) else v for v in packed["values"]]
    else:
        raw = zlib.decompress(base64.b64decode(packed["zip"]))
        size = packed["bits"] // 8
        n = len(raw) // size
        planes = [raw[k * n : (k + 1) * n] for k in range(size)]
        values, code = [], 0
        for parts in zip(*planes, strict=True):
            read = int.from_bytes(parts, "big")
            code = (code + read) % 256**size if packed["delta"] else read
            values.append(meaning(code, packed))
    if "words" in packed:
        return [packed["words"][int(v)] for v in values]
    return list(values)


def meaning(code, packed):
    """Return the value of one code."""
    if packed["map"] == "float":
        return struct.unpack(">d", code.to_bytes(3, "big") + bytes(5))[0]
    top = 2 ** packed["bits"] - 1
    special = {top: math.nan, top - 1: math.inf, top - 2: -math.inf}
    if packed["map"] == "log":
        special[top - 3] = 0.0
    if code in special:
        return special[code]
    value = packed["lo"] + packed["step"] * code
    return math.exp(value) if packed["map"] == "log" else value


class Expected:
    """What an explorer should show, from the spec in its page."""

    def __init__(self, spec):
        self.spec = spec
        self.controls = {c["name"]: c for c in spec["controls"]}
        self.arrays = {k: (a, decode(a)) for k, a in spec["arrays"].items()}
        self.default = {k: c["default"] for k, c in self.controls.items()}

    def shape(self, name):
        """Return the shape of one slice."""
        packed = self.arrays[name][0]
        return packed["shape"][len(packed["over"]) :]

    def slice(self, name, at):
        """Return the flat slice at the positions `at`."""
        packed, values = self.arrays[name]
        start = 0
        for control in packed["over"]:
            start = start * len(self.controls[control]["values"]) + at[control]
        size = math.prod(self.shape(name))
        return values[start * size : (start + 1) * size]

    def state(self, at):
        """Return the values at the positions `at`."""
        return {k: c["values"][at[k]] for k, c in self.controls.items()}

    def say(self, text, at):
        """Fill the fields of a sentence."""
        translate = self.spec["strings"]

        def field(match):
            name, indices, form = match.groups()
            if name in self.controls:
                label = self.controls[name]["labels"][at[name]]
                return translate.get(label, label)
            place = 0
            shape = self.shape(name)
            steps = re.findall(r"\[(.*?)\]", indices)
            for step, length in zip(steps, shape, strict=True):
                i = at[step] if step in at else int(step)
                place = place * length + (i + length if i < 0 else i)
            return formatted(self.slice(name, at)[place], form or "")

        return re.sub(
            r"\{(\w+)((?:\[.*?\])*)(?::(.*?))?\}", field, translate.get(text, text)
        )

    def positions(self):
        """Yield every state that one control reaches from the default state."""
        for name, control in self.controls.items():
            for i in range(len(control["values"])):
                yield name, {**self.default, name: i}


def same(shown, wanted):
    """Compare a number of a table with the one in the data."""
    if isinstance(wanted, str) or wanted is None:
        return shown == wanted
    if not math.isfinite(wanted):
        return shown == str(wanted)
    return math.isclose(float(shown), wanted, rel_tol=1e-6, abs_tol=1e-300)


def parse(text):
    """Read a number as the page writes it."""
    text = text.replace("−", "-").replace("×", "e").replace("e10", "e")
    raised = "⁻⁰¹²³⁴⁵⁶⁷⁸⁹"
    found = re.search(f"[{raised}]+", text)
    if not found:
        return float(text)
    power = "".join("-0123456789"[raised.index(c)] for c in found.group())
    mantissa = text[: found.start()].removesuffix("e")
    if mantissa == "10":
        return 10.0 ** int(power)
    return float(f"{mantissa}e{power}")


def axis(ticks, which, log):
    """Return the map from pixels to values that the tick labels promise."""
    found = [
        (parse(t), x if which == "x" else y - 4) for k, t, x, y in ticks if k == which
    ]
    if len(found) < 2:
        return None
    (v0, p0), (v1, p1) = found[0], found[-1]
    if p0 == p1:
        return None
    f, g = (math.log, math.exp) if log else (float, float)
    return lambda p: g(f(v0) + (p - p0) / (p1 - p0) * (f(v1) - f(v0))), abs(p1 - p0), f


def check_curves(expected, panel, drawn, at):
    """Compare the pixels of each curve with the values, through the tick labels."""
    y_axis = axis(drawn["ticks"], "y", panel["y"]["log"])
    x_axis = axis(drawn["ticks"], "x", panel["x"]["log"])
    if not y_axis or not x_axis:
        return 0
    rows = {s["y"]: s for s in panel["series"]}
    count = 0
    for name, path in drawn["curves"]:
        xs, ys = (expected.slice(rows[name][k], at) for k in "xy")
        points = [
            tuple(map(float, p)) for p in re.findall(r"[ML](\S+) ([^MLh]+)", path)
        ]
        usable = [
            (x, y)
            for x, y in zip(xs, ys, strict=True)
            if math.isfinite(x)
            and math.isfinite(y)
            and (x > 0 or not panel["x"]["log"])
            and (y > 0 or not panel["y"]["log"])
        ]
        assert len(points) == len(usable), (name, "points drawn")
        for (px, py), (x, y) in zip(points, usable, strict=True):
            for (read, span, f), pixel, value, ticks in (
                (x_axis, px, x, "x"),
                (y_axis, py, y, "y"),
            ):
                if not -3000 < pixel < 4000 or not math.isfinite(value):
                    continue
                ends = [f(parse(t)) for k, t, *_ in drawn["ticks"] if k == ticks]
                scale = abs(ends[-1] - ends[0])
                off = abs(f(read(pixel)) - f(value)) / scale * span
                far = abs(f(value) - ends[0]) / scale
                assert off < 0.6 + 0.03 * far * 3, (name, x, y, read(pixel), value)
                count += 1
    return count


def check_bars(expected, panel, drawn, at):
    """Compare the length of each bar with its value."""
    x_axis = axis(drawn["ticks"], "x", panel["value"]["log"])
    if not x_axis:
        return 0
    read, span, f = x_axis
    limit = panel["value"]["range"]
    values = expected.slice(panel["values"], at)
    ends = [parse(t) for k, t, *_ in drawn["ticks"] if k == "x"]
    unit = abs(f(ends[-1]) - f(ends[0])) / span  # one pixel
    count = 0
    for (x, width), value in zip(drawn["bars"], values, strict=True):
        if not math.isfinite(value) or (panel["value"]["log"] and value <= 0):
            continue
        if limit and not limit[0] <= value <= limit[1]:
            assert drawn["strays"], "a value beyond the axis has no arrow"
            continue
        tip = x if value < 0 and not panel["value"]["log"] else x + width
        assert abs(f(read(tip)) - f(value)) <= 1.5 * unit, (value, read(tip))
        count += 1
    return count


def check_histograms(expected, panel, drawn, at):
    """Compare the heights of the bars of each small histogram with its counts."""
    counts = expected.slice(panel["counts"], at)
    wide = expected.shape(panel["counts"])[1]
    skip = 1 if panel["outside"] else 0
    filled = [
        r
        for r in range(len(counts) // wide)
        if not all(math.isnan(v) for v in counts[r * wide : (r + 1) * wide])
    ]
    assert [r[0] for r in drawn["rows"]] == filled
    if not filled:
        return 0
    labels = [parse(t) for k, t, *_ in drawn["ticks"] if k == "y"]
    limit = panel["y"]["range"]
    seen = [
        v
        for r in filled
        for v in counts[r * wide + skip : (r + 1) * wide - skip]
        if math.isfinite(v)
    ]
    top = limit[1] if limit else (max(seen, default=0) * 1.04 or 1)
    bottom = limit[0] if limit else 0
    assert math.isclose(labels[0], top, rel_tol=0.06)
    for row, base, peak, path in drawn["rows"]:
        heights = [float(v) for v in re.findall(r"V([\d.-]+)H", path)]
        bars = counts[row * wide + skip : (row + 1) * wide - skip]
        wanted = [v for v in bars if v > 0]
        assert len(heights) == len(wanted)
        for pixel, value in zip(heights, wanted, strict=True):
            share = (min(max(value, bottom), top) - bottom) / (top - bottom)
            assert abs((base - pixel) - share * (base - peak)) < 0.2, (row, value)
    return len(seen)


GEOMETRY = {
    "line": check_curves,
    "bars": check_bars,
    "histograms": check_histograms,
}


def overlaps(boxes):
    """Return pairs of texts in drawings that cover each other."""
    found = []
    for i, (kind, text, a) in enumerate(boxes):
        for other_kind, other, b in boxes[i + 1 :]:
            if "level" in (kind, other_kind):  # words on a line may touch others
                continue
            x = min(a[2], b[2]) - max(a[0], b[0])
            y = min(a[3], b[3]) - max(a[1], b[1])
            if x > 1 and y > 3:  # boxes of text hold empty rows above and below
                found.append((text, other))
    return found


class Driver:
    """One explorer on an open page."""

    def __init__(self, page, figure):
        self.page, self.figure = page, figure
        figure.wait_for_element_state("visible")
        page.wait_for_function(
            "f => f.dataset.ready || f.dataset.error", arg=figure, timeout=10_000
        )
        assert figure.get_attribute("data-error") is None
        text = figure.query_selector("script").text_content()
        self.spec = json.loads(text)
        self.expected = Expected(self.spec)
        figure.eval_on_selector("details.nx-numbers", "d => { d.open = true; }")
        page.evaluate(SETTLE)
        self.redraws = []
        self.geometry = 0

    def read(self):
        """Return what the figure shows."""
        return self.page.evaluate(READ, self.figure)

    def set(self, name, position):
        """Move one control as a reader's hand would."""
        self.page.evaluate(SET, [self.figure, name, position])
        self.page.evaluate(SETTLE)

    def check(self, at):
        """Compare what is shown with what the data say for the positions `at`."""
        expected, shown = self.expected, self.read()
        assert shown["state"] == expected.state(at)
        summary = expected.say(self.spec["summary"], at)
        assert shown["summary"] == summary
        for word in ("NaN", "undefined", "null", "Infinity", "[object"):
            assert word not in shown["visible"], word
        for name, label in shown["controls"]:
            if label is not None:
                assert label == expected.controls[name]["labels"][at[name]]
        for panel, drawn in zip(self.spec["panels"], shown["panels"], strict=True):
            assert drawn["kind"] == panel["kind"]
            assert drawn["title"] == expected.say(panel["title"], at)
            if panel["kind"] not in ("images", "readout", "quiz"):
                assert drawn["label"], "a drawing without alt text"
            compare = GEOMETRY.get(panel["kind"])
            if compare:
                self.geometry += compare(expected, panel, drawn, at)
        for index, values in shown["tables"]:
            panel = self.spec["panels"][index]
            for name, numbers in values.items():
                wanted = expected.slice(name, at)
                if panel["kind"] == "contour" and panel["step"]:
                    wanted = wanted[: at[panel["step"]] + 1]
                assert len(numbers) == len(wanted), name
                wrong = [
                    (a, b)
                    for a, b in zip(numbers, wanted, strict=True)
                    if not same(a, b)
                ]
                assert not wrong, (name, wrong[:3])
        self.check_layout(shown)
        self.redraws.append(shown["redraw"])
        return shown

    def check_layout(self, shown):
        """No text covers another, is too small, or leaves the figure."""
        assert shown["small"] == 0, "text below 12 px"
        assert not shown["wide"], shown["wide"][:3]
        assert not overlaps(shown["boxes"]), overlaps(shown["boxes"])[:3]

    def drive(self):
        """Step every control over its range, then some states off these lines."""
        seen = {}
        for name, at in self.expected.positions():
            self.set(name, at[name])
            shown = self.check(at)
            looks = json.dumps([shown["summary"], shown["pixels"], shown["tables"]])
            looks += "".join(p["html"] + p["title"] for p in shown["panels"])
            seen.setdefault(name, set()).add(looks)
            if at[name] == len(self.expected.controls[name]["values"]) - 1:
                self.set(name, self.expected.default[name])
        dead = [name for name, looks in seen.items() if len(looks) < 2]
        assert not dead, f"these controls change nothing: {dead}"
        self.check(self.expected.default)
        chance = random.Random(7)
        for _ in range(8 if len(self.expected.controls) > 1 else 0):
            at = {
                k: chance.randrange(len(c["values"]))
                for k, c in self.expected.controls.items()
            }
            for name, position in at.items():
                self.set(name, position)
            self.check(at)
        return self

    def reset(self):
        """Press the reset button and expect the default state."""
        self.figure.query_selector(".nx-reset").click()
        self.page.evaluate(SETTLE)
        self.check(self.expected.default)
