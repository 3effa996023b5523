// Explorers: figures that answer when the reader moves a control.
//
// Python (nnlib/explore.py) measures everything and describes an explorer as one
// JSON object, the spec.  This file picks the slice of the arrays that belongs to
// the state of the controls, and draws it.  It invents no number.
//
// The same file serves two hosts.  JupyterLab loads it as an ES module through
// anywidget, which calls render().  In the book, book/_ext/explorer.py publishes it
// as a classic script, with mountAll() in place of the last line.
//
//   1. numbers and words      4. frame of a plot       7. the explorer
//   2. arrays of the spec     5. panels                8. the two hosts
//   3. scales and ticks       6. controls

// ------------------------------------------------------- 1. numbers and words

const escape = (text) =>
  String(text).replace(/[&<>"']/g, (c) => `&#${c.charCodeAt(0)};`);
const minus = (text) => text.replace("-", "−");
const raised = (n) =>
  String(n).replace(/./g, (c) => (c === "-" ? "⁻" : "⁰¹²³⁴⁵⁶⁷⁸⁹"[c]));
const round = (px) => Math.round(px * 10) / 10;

/** A number for a reader: few digits, a true minus, powers of ten. */
function number(v, digits = 4) {
  if (Number.isNaN(v)) return "no value";
  if (!Number.isFinite(v)) return v > 0 ? "∞" : "−∞";
  if (v === 0) return "0";
  const [mantissa, power] = v.toExponential(digits - 1).split("e").map(Number);
  if (power >= -4 && power < 6) return minus(String(Number(`${mantissa}e${power}`)));
  const ten = `10${raised(power)}`;
  return mantissa === 1 ? ten : `${minus(String(mantissa))}×${ten}`;
}

/** A number in the format of a field, such as ".3g", ".2f", ".1%" or "d". */
function formatted(v, form) {
  if (typeof v === "string") return v;
  if (!Number.isFinite(v) || !form) return number(v);
  const kind = form.at(-1);
  const digits = Number(/\d+/.exec(form)?.[0] ?? (kind === "g" ? 4 : 6));
  if (kind === "d") return minus(v.toFixed(0));
  if (kind === "f") return minus(v.toFixed(digits));
  if (kind === "%") return `${minus((100 * v).toFixed(digits))}%`;
  return number(v, Math.max(digits, 1));
}

// ------------------------------------------------------- 2. arrays of the spec

/** Read back what pack() of nnlib/explore_pack.py wrote. */
async function unpack(packed) {
  let v;
  if (packed.map === "exact") {
    const odd = { nan: NaN, inf: Infinity, "-inf": -Infinity };
    v = Float64Array.from(packed.values, (x) => odd[x] ?? x);
  } else {
    const zipped = Uint8Array.from(atob(packed.zip), (c) => c.charCodeAt(0));
    const stream = new Blob([zipped]).stream();
    const plain = stream.pipeThrough(new DecompressionStream("deflate"));
    v = decode(new Uint8Array(await new Response(plain).arrayBuffer()), packed);
  }
  return packed.words ? Array.from(v, (code) => packed.words[code]) : v;
}

function decode(bytes, { bits, map, lo, step, delta }) {
  const n = (bytes.length * 8) / bits;
  const top = 2 ** bits - 1;
  const v = new Float64Array(n);
  const halves = new Uint32Array(v.buffer); // each double as (low, high)
  let code = 0;
  for (let i = 0; i < n; i++) {
    let read = 0; // first bytes stand before second bytes
    for (let at = i; at < bytes.length; at += n) read = read * 256 + bytes[at];
    code = delta ? (code + read) & top : read;
    if (map === "float") halves[2 * i + 1] = code << 8;
    else if (code === top) v[i] = NaN;
    else if (code === top - 1) v[i] = Infinity;
    else if (code === top - 2) v[i] = -Infinity;
    else if (map === "linear") v[i] = lo + step * code;
    else v[i] = code === top - 3 ? 0 : Math.exp(lo + step * code);
  }
  return v;
}

// -------------------------------------------------------- 3. scales and ticks

const finite = (v, log) => Number.isFinite(v) && (!log || v > 0);

/** Map [lo, hi] to pixels [from, to]; without a range, take that of the values. */
function scale({ range, log }, values, from, to) {
  let [lo, hi] = range ?? [Infinity, -Infinity];
  if (!range) {
    for (const v of values) {
      if (finite(v, log)) [lo, hi] = [Math.min(lo, v), Math.max(hi, v)];
    }
    if (lo > hi) [lo, hi] = log ? [0.1, 10] : [0, 1];
    const air = log ? (hi / lo) ** 0.04 : 0.04 * (hi - lo);
    [lo, hi] = log ? [lo / air, hi * air] : [lo - air, hi + air];
  }
  [lo, hi] = [Math.max(lo, log ? 1e-307 : -8e307), Math.min(hi, 8e307)];
  if (!(hi > lo)) {
    const air = 0.1 * Math.abs(lo) || 0.5;
    [lo, hi] = log ? [lo / 2, hi * 2] : [lo - air, hi + air];
  }
  const f = log ? Math.log : (v) => v;
  const at = (v) => from + ((f(v) - f(lo)) / (f(hi) - f(lo))) * (to - from);
  const slack = 1e-9 * Math.abs(f(hi) - f(lo));
  return {
    lo, hi, log, from, to, at,
    /** -1 below, 1 above, 0 inside, undefined when it cannot be placed at all. */
    side(v) {
      if (Number.isNaN(v) || (log && !(v > 0))) return undefined;
      return f(v) < f(lo) - slack ? -1 : f(v) > f(hi) + slack ? 1 : 0;
    },
    /** Pixel, kept near the frame so that a huge value draws a steep line. */
    pixel(v) {
      const far = 4000;
      return Math.max(Math.min(from, to) - far, Math.min(Math.max(from, to) + far, at(v)));
    },
    clamp: (v) => at(Math.max(lo, Math.min(hi, v))),
  };
}

/** The densest round ticks whose labels keep `gap(text)` pixels to each other. */
function ticks(axis, gap, whole = false) {
  const room = (list) => list.every((a, i) => {
    const b = list[i + 1];
    const need = b && (gap(a.text) + gap(b.text)) / 2;
    return !b || Math.abs(axis.at(a.v) - axis.at(b.v)) >= need;
  });
  let best = [];
  for (const values of axis.log ? logTicks(axis) : linearTicks(axis, whole)) {
    const list = values.map((v, i) => ({ v, text: tickText(v, values, axis) }));
    if (list.length > 1 && room(list)) return list;
    if (!best.length && list.length) best = [list[0]];
  }
  return best;
}

function* linearTicks({ lo, hi }, whole) {
  const span = hi - lo;
  for (let e = Math.floor(Math.log10(span)) - 1; e <= Math.log10(span) + 1; e++) {
    for (const k of [1, 2, 5]) {
      const step = k * 10 ** e;
      const first = Math.ceil(lo / step - 1e-9);
      const count = Math.floor(hi / step + 1e-9) - first + 1;
      if ((whole && step < 1) || !(count <= 40)) continue;
      yield Array.from({ length: Math.max(0, count) }, (_, i) =>
        e < 0 && e > -300 ? (first + i) / (10 ** -e / k) : (first + i) * step);
    }
  }
}

function* logTicks({ lo, hi }) {
  const [first, last] = [Math.floor(Math.log10(lo)), Math.ceil(Math.log10(hi))];
  const inside = (v) => v >= lo * (1 - 1e-9) && v <= hi * (1 + 1e-9);
  if (hi / lo < 4) yield* linearTicks({ lo, hi }, false);
  for (const digits of last - first < 5 ? [[1, 2, 5], [1, 3]] : []) {
    const values = [];
    for (let e = first; e <= last; e++) values.push(...digits.map((k) => Number(`${k}e${e}`)));
    yield values.filter(inside);
  }
  for (const stride of [1, 2, 3, 4, 5, 10, 20, 50, 100, 200]) {
    const values = [];
    for (let e = first; e <= last; e++) if (e % stride === 0) values.push(Number(`1e${e}`));
    yield values.filter(inside);
  }
}

function tickText(v, all, { log }) {
  const sizes = all.map(Math.abs).filter((a) => a > 0);
  if (log && Math.max(...sizes) / Math.min(...sizes) > 1e4) {
    const power = Math.round(Math.log10(v));
    if (Math.abs(v / 10 ** power - 1) > 1e-6) return number(v, 3);
    return power === 0 ? "1" : power === 1 ? "10" : `10${raised(power)}`;
  }
  if (log || Math.max(...sizes) >= 1e5 || Math.max(...sizes) < 1e-3) return number(v, 6);
  const step = all.length > 1 ? Math.abs(all[1] - all[0]) : Math.abs(v) || 1;
  const decimals = Math.max(0, -Math.floor(Math.log10(step) + 1e-9));
  return minus((Math.abs(v) < step * 1e-6 ? 0 : v).toFixed(Math.min(decimals, 8)));
}

// -------------------------------------------------------- 4. frame of a plot

const LETTER = 6.9; // pixels, a generous mean for 12 px system fonts
const DASHES = ["", "7 4", "2 4", "10 3 2 3", "1 4", "14 4", "5 2 1 2 1 2"];
const color = (look) => `c${look % 7}`;
const dash = (look) => `stroke-dasharray="${DASHES[look % 7]}"`;
const FONT = '12.5px system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", sans-serif';
let pen;

/** Width of a label, never too small: "momentum" is wider than its number of letters says. */
function textWidth(text) {
  if (!pen) {
    pen = document.createElement("canvas").getContext("2d");
    pen.font = FONT; // that of explore.css
  }
  return Math.max(text.length * LETTER, pen.measureText(text).width + 1);
}

/** Margins, axes and grid lines of a plot; `right` is kept free for labels. */
function frame(c, p, xs, ys, { right = 14, height, top = 30, lines = true } = {}) {
  const W = c.width;
  let H = height ?? Math.round(Math.max(230, Math.min(340, W * 0.52)));
  if (p.equal) { // one unit is as long on both axes
    const [x, y] = [scale(p.x, xs, 0, 1), scale(p.y, ys, 0, 1)];
    const ratio = (y.hi - y.lo) / (x.hi - x.lo);
    const wide = Math.min(W - right - 50, 400 / ratio);
    H = Math.round(wide * ratio) + top + 46;
    right = W - 50 - wide;
  }
  const y = scale(p.y, ys, H - 46, top);
  const yTicks = ticks(y, () => 25);
  const words = Math.max(14, ...yTicks.map((k) => textWidth(k.text)));
  const left = p.equal ? 50 : 12 + words;
  const x = scale(p.x, xs, left, Math.max(left + 60, W - right));
  const whole = xs.every((v) => Number.isInteger(v));
  const xTicks = ticks(x, (text) => textWidth(text) + 20, whole);
  const clip = `${c.uid}-clip`;
  const grid = yTicks.map(({ v, text }) => {
    const py = round(y.at(v));
    const line = `<line class="grid" x1="${left}" x2="${round(x.to)}" y1="${py}" y2="${py}"/>`;
    return (lines ? line : "") +
      `<text class="tick y" x="${left - 7}" y="${py + 4}" text-anchor="end">${text}</text>`;
  });
  const base = xTicks.map(({ v, text }) => {
    const px = round(x.at(v));
    return `<line class="axis" x1="${px}" x2="${px}" y1="${y.from}" y2="${y.from + 4}"/>` +
      `<text class="tick x" x="${px}" y="${y.from + 18}" text-anchor="middle">${text}</text>`;
  });
  const middle = round((x.from + x.to) / 2);
  const svg = grid.join("") + base.join("") +
    `<line class="axis" x1="${left}" x2="${round(x.to)}" y1="${y.from}" y2="${y.from}"/>` +
    `<text class="label" x="2" y="14">${escape(c.t(p.y.label))}</text>` +
    `<text class="label" x="${middle}" y="${H - 8}" text-anchor="middle">` +
    `${escape(c.t(p.x.label))}</text>` +
    `<clipPath id="${clip}"><rect x="${left}" y="${y.to}" width="${round(x.to - left)}" ` +
    `height="${round(y.from - y.to)}"/></clipPath>`;
  return { W, H, x, y, left, svg, clip: `clip-path="url(#${clip})"` };
}

const drawing = (c, p, W, H, body) =>
  `<svg width="${W}" height="${H}" viewBox="0 0 ${W} ${H}" role="img" ` +
  `aria-label="${escape(c.say(p.alt || p.title))}">${body}</svg>`;

/** Path through the points that can be placed; gaps elsewhere, lone points as dots. */
function trace(f, xs, ys, n = xs.length) {
  let path = "", run = 0;
  for (let i = 0; i < n; i++) {
    if (!finite(xs[i], f.x.log) || !finite(ys[i], f.y.log)) {
      if (run === 1) path += "h0.01";
      run = 0;
      continue;
    }
    path += `${run++ ? "L" : "M"}${round(f.x.pixel(xs[i]))} ${round(f.y.pixel(ys[i]))}`;
  }
  return run === 1 ? `${path}h0.01` : path;
}

/** Arrows at the edge for values outside the axes, and counts for the note. */
function strays(f, xs, ys, look, tally, n = xs.length) {
  let arrows = "", last = [-99, -99];
  for (let i = 0; i < n; i++) {
    const [sx, sy] = [f.x.side(xs[i]), f.y.side(ys[i])];
    if (sx === undefined || sy === undefined) {
      const odd = Number.isNaN(xs[i]) || Number.isNaN(ys[i]);
      tally[odd ? "missing" : "unplaced"] += 1;
    } else if (sx || sy) {
      tally.outside += 1;
      const [px, py] = [f.x.clamp(xs[i]), f.y.clamp(ys[i])];
      if (Math.hypot(px - last[0], py - last[1]) < 11) continue;
      last = [px, py];
      const turn = sy > 0 ? 0 : sy < 0 ? 180 : sx > 0 ? 90 : 270;
      arrows += `<path class="stray fill ${color(look)}" d="M0 0l5 9h-10z" ` +
        `transform="translate(${round(px)} ${round(py)}) rotate(${turn})"/>`;
    }
  }
  return arrows;
}

const newTally = () => ({ outside: 0, missing: 0, unplaced: 0 });

function tallyNotes(c, tally) {
  const say = (n, one, many) => (n ? [c.t(n === 1 ? one : many).replace("{n}", n)] : []);
  return [
    ...say(tally.outside,
      "1 value lies outside the axes: an arrow at the edge stands for it.",
      "{n} values lie outside the axes: arrows at the edge stand for them."),
    ...say(tally.missing,
      "1 place has no value: a gap.",
      "{n} places have no value: gaps."),
    ...say(tally.unplaced,
      "1 value is not positive and has no place on a logarithmic axis: a gap.",
      "{n} values are not positive and have no place on a logarithmic axis: gaps."),
  ];
}

/** Marks of different shape, so that color is never the only difference. */
function mark(kind, x, y, r) {
  const [a, b] = [round(x), round(y)];
  const at = `M${a} ${b}`;
  const shapes = [
    `${at}m-${r} 0a${r} ${r} 0 1 0 ${2 * r} 0a${r} ${r} 0 1 0 -${2 * r} 0z`,
    `${at}m-${r} -${r}h${2 * r}v${2 * r}h-${2 * r}z`,
    `${at}m0 -${r * 1.3}l${r * 1.2} ${r * 2.2}h-${r * 2.4}z`,
    `${at}m0 -${r * 1.4}l${r * 1.2} ${r * 1.4}l-${r * 1.2} ${r * 1.4}l-${r * 1.2} -${r * 1.4}z`,
    `${at}m0 ${r * 1.3}l${r * 1.2} -${r * 2.2}h-${r * 2.4}z`,
    `${at}m-${r} -${r}l${2 * r} ${2 * r}m0 -${2 * r}l-${2 * r} ${2 * r}`,
    `${at}m0 -${r * 1.3}v${r * 2.6}m-${r * 1.3} -${r * 1.3}h${r * 2.6}`,
  ];
  return shapes[kind % shapes.length];
}

function legend(c, rows) {
  const items = rows.map(({ label, swatch }) =>
    `<li><svg width="30" height="12" aria-hidden="true">${swatch}</svg>` +
    `${escape(c.t(label))}</li>`);
  return rows.length ? `<ul class="nx-legend">${items.join("")}</ul>` : "";
}

const lineSwatch = (look) =>
  `<line class="series ${color(look)}" ${dash(look)} x1="1" x2="29" y1="6" y2="6"/>`;

/** Words at the right end of curves, pushed apart so that none overlaps. */
function endLabels(c, f, ends) {
  ends.sort((a, b) => a.y - b.y);
  let floor = -Infinity;
  for (const e of ends) floor = e.at = Math.max(e.y, floor + 16);
  let ceiling = f.y.from + 4;
  for (const e of [...ends].reverse()) ceiling = (e.at = Math.min(e.at, ceiling)) - 16;
  const x = round(f.x.to);
  return ends.map(({ at, label, look }) =>
    `<line class="series ${color(look)}" ${dash(look)} x1="${x + 8}" x2="${x + 32}" ` +
    `y1="${round(at)}" y2="${round(at)}"/><text class="direct" x="${x + 37}" ` +
    `y="${round(at + 4)}">${escape(label)}</text>`).join("");
}

// Stops of viridis (Smith and van der Walt, 2015) and a blue-to-vermilion pair.
const VIRIDIS = "440154 482475 414487 355f8d 2a788e 21918c 22a884 44bf70 7ad151 bddf26 fde725";
const DIVERGING = "00456b 0072b2 6aaed3 c4dbe8 f4f4f2 f3cfb4 e59a62 d55e00 8a3d00";
const CLASSES = "0072b2 d55e00 009e73 cc79a7 e69f00 56b4e9 8a8a8a";
const rgb = (hex) => [0, 2, 4].map((i) => parseInt(hex.slice(i, i + 2), 16));

/** Color at `share` (0 to 1) of a list of stops. */
function blend(stops, share) {
  const list = stops.split(" ");
  const at = Math.max(0, Math.min(1, share)) * (list.length - 1);
  const i = Math.min(list.length - 2, Math.floor(at));
  const [a, b] = [rgb(list[i]), rgb(list[i + 1])];
  return a.map((v, k) => Math.round(v + (b[k] - v) * (at - i)));
}

/** Paint a matrix into a canvas, one pixel for each value. */
function paintPixels(canvas, width, height, pixel) {
  [canvas.width, canvas.height] = [width, height];
  const context = canvas.getContext("2d");
  const image = context.createImageData(width, height);
  for (let i = 0; i < width * height; i++) {
    image.data.set(pixel(i % width, Math.floor(i / width)), 4 * i);
  }
  context.putImageData(image, 0, 0);
}

// ------------------------------------------------------------------ 5. panels
//
// draw(p, c) gets the description of a panel and the context {width, get, say, ...}
// and returns {html, paint?, notes?, tables}.  A table is {head, rows(), values}:
// the numbers that are drawn, for readers and for tests.

const column = (values) => (i) => (values[i] === undefined ? "" : values[i]);
const table = (names, arrays, n = Math.max(0, ...arrays.map((a) => a.length))) => ({
  head: names,
  rows: () => Array.from({ length: n }, (_, i) => arrays.map((a) => column(a)(i))),
});

function drawLine(p, c) {
  const shown = p.series
    .filter((s) => !s.show || c.index(s.show) === 1)
    .map((s) => ({ ...s, label: c.t(s.label), xs: c.get(s.x), ys: c.get(s.y),
      bottom: s.low && c.get(s.low), ceil: s.high && c.get(s.high) }));
  const all = (pick) => shown.flatMap((s) => pick(s).flatMap((v) => (v ? [...v] : [])));
  const longest = Math.max(0, ...shown.map((s) => textWidth(s.label)));
  const direct = c.width >= 460 && shown.length > 1 && shown.length <= 6 &&
    longest < 0.28 * c.width;
  const ys = all((s) => [s.ys, s.bottom, s.ceil]).concat(p.levels.map((l) => l[0]));
  const f = frame(c, p, all((s) => [s.xs]), ys, { right: direct ? longest + 46 : 14 });
  const tally = newTally();
  let body = "", over = "";
  const ends = [];
  for (const [v, word] of p.levels) {
    if (f.y.side(v) !== 0) continue;
    const py = round(f.y.at(v));
    body += `<line class="level" x1="${f.left}" x2="${f.x.to}" y1="${py}" y2="${py}"/>`;
    over += `<text class="level" x="${f.left + 6}" y="${py - 5}">${escape(c.t(word))}</text>`;
  }
  for (const s of shown) {
    const ink = color(s.look);
    if (s.low) {
      const order = [...s.xs.keys()].filter((i) =>
        [s.bottom[i], s.ceil[i]].every((v) => finite(v, p.y.log)));
      const edge = (list, v) => list.map((i) =>
        `${round(f.x.pixel(s.xs[i]))} ${round(f.y.pixel(v[i]))}`);
      const ring = [...edge(order, s.ceil), ...edge([...order].reverse(), s.bottom)];
      if (ring.length) body += `<path class="band fill ${ink}" d="M${ring.join("L")}z"/>`;
    }
    if (s.line) {
      body += `<path class="series ${ink}" ${dash(s.look)} data-series="${s.y}" ` +
        `d="${trace(f, s.xs, s.ys)}"/>`;
    }
    if (s.points || !s.line) {
      const dots = [...s.xs.keys()].filter((i) =>
        f.x.side(s.xs[i]) === 0 && f.y.side(s.ys[i]) === 0);
      const path = dots.map((i) => mark(s.look, f.x.at(s.xs[i]), f.y.at(s.ys[i]), 3));
      over += `<path class="mark fill ${ink}" data-series="${s.y}" d="${path.join("")}"/>`;
    }
    over += strays(f, s.xs, s.ys, s.look, tally);
    const last = [...s.ys.keys()].reverse().find((i) => f.y.side(s.ys[i]) !== undefined);
    if (last !== undefined) {
      ends.push({ label: s.label, look: s.look, y: f.y.clamp(s.ys[last]) });
    } else {
      ends.push({ label: s.label, look: s.look, y: f.y.to });
    }
    if (p.marker && s.xs.length) {
      const here = c.value(p.marker);
      let near = 0;
      s.xs.forEach((v, i) => {
        if (Math.abs(v - here) < Math.abs(s.xs[near] - here)) near = i;
      });
      if (f.y.side(s.ys[near]) !== undefined) {
        over += `<circle class="here fill ${ink}" r="5" cx="${round(f.x.clamp(s.xs[near]))}" ` +
          `cy="${round(f.y.clamp(s.ys[near]))}"/>`;
      }
    }
  }
  if (p.marker) {
    const px = round(f.x.clamp(c.value(p.marker)));
    body += `<line class="cursor" x1="${px}" x2="${px}" y1="${f.y.to}" y2="${f.y.from}"/>`;
  }
  const alone = shown.length === 1 && shown[0].label === c.t(p.y.label);
  const rows = alone ? [] : shown.map((s) => ({ label: s.label, swatch: lineSwatch(s.look) }));
  const common = shown.every((s) => s.x === shown[0].x);
  const tables = (common ? [shown] : shown.map((s) => [s])).filter((g) => g.length)
    .map((group) => {
      const parts = group.flatMap((s) => [[s.label, s.y, s.ys],
        ...(s.low ? [[`${s.label}: ${c.t("low")}`, s.low, s.bottom],
          [`${s.label}: ${c.t("high")}`, s.high, s.ceil]] : [])]);
      parts.unshift([c.t(p.x.label), group[0].x, group[0].xs]);
      return { ...table(parts.map((q) => q[0]), parts.map((q) => q[2])),
        values: Object.fromEntries(parts.map((q) => [q[1], q[2]])) };
    });
  return {
    html: (direct ? "" : legend(c, rows)) + drawing(c, p, f.W, f.H, `${f.svg}` +
      `<g ${f.clip}>${body}</g>${over}${direct ? endLabels(c, f, ends) : ""}`),
    notes: tallyNotes(c, tally),
    tables,
  };
}

/** Line segments of equal height by marching squares. */
function contour(z, columns, rows, level, X, Y) {
  let path = "";
  const cut = (a, b) => (level - a) / (b - a);
  for (let j = 0; j + 1 < rows; j++) {
    for (let i = 0; i + 1 < columns; i++) {
      const k = j * columns + i;
      const [a, b, d, e] = [z[k], z[k + 1], z[k + columns + 1], z[k + columns]];
      const code = (a > level) + 2 * (b > level) + 4 * (d > level) + 8 * (e > level);
      if (code === 0 || code === 15 || !Number.isFinite(a + b + d + e)) continue;
      const x = (t) => round(X[i] + t * (X[i + 1] - X[i]));
      const y = (t) => round(Y[j] + t * (Y[j + 1] - Y[j]));
      const south = () => `${x(cut(a, b))} ${y(0)}`;
      const east = () => `${x(1)} ${y(cut(b, d))}`;
      const north = () => `${x(cut(e, d))} ${y(1)}`;
      const west = () => `${x(0)} ${y(cut(a, e))}`;
      const low = Math.min(code, 15 - code); // a level separates the same corners
      const pairs = {
        1: [west, south], 2: [south, east], 3: [west, east], 4: [east, north],
        5: [west, north, south, east], 6: [south, north], 7: [west, north],
      }[low];
      for (let q = 0; q < pairs.length; q += 2) path += `M${pairs[q]()}L${pairs[q + 1]()}`;
    }
  }
  return path;
}

function drawContour(p, c) {
  const [gx, gy, z] = [p.grid.x, p.grid.y, p.grid.z].map((name) => c.get(name));
  const f = frame(c, p, [...gx], [...gy], { height: Math.round(Math.min(420, Math.max(260, c.width * 0.72))), lines: false });
  const key = `${f.W}|${p.x.range}|${p.y.range}`;
  const levels = c.keep(z, key, () => {
    const [X, Y] = [Array.from(gx, f.x.at), Array.from(gy, f.y.at)];
    return p.levels.map((level, i) => {
      const strength = 0.25 + (0.55 * (i + 1)) / p.levels.length;
      return `<path class="contour" opacity="${strength.toFixed(2)}" ` +
        `d="${contour(z, gx.length, gy.length, level, X, Y)}"/>`;
    }).join("");
  });
  const tally = newTally();
  const rows = [];
  let body = "", over = "", places = "";
  const parts = [];
  for (const path of p.paths.filter((q) => !q.show || c.index(q.show) === 1)) {
    const [xs, ys] = [c.get(path.x), c.get(path.y)];
    const n = p.step ? Math.min(xs.length, c.index(p.step) + 1) : xs.length;
    const ink = color(path.look);
    body += `<path class="series ${ink}" ${dash(path.look)} data-series="${path.y}" ` +
      `d="${trace(f, xs, ys, n)}"/>`;
    const inside = (i) => f.x.side(xs[i]) === 0 && f.y.side(ys[i]) === 0;
    if (n <= 60) {
      const dots = [...Array(n).keys()].filter(inside);
      body += `<path class="mark fill ${ink}" d="` +
        `${dots.map((i) => mark(0, f.x.at(xs[i]), f.y.at(ys[i]), 2)).join("")}"/>`;
    }
    over += strays(f, xs, ys, path.look, tally, n);
    if (n && inside(0)) {
      over += `<circle class="start ${ink}" r="5" cx="${round(f.x.at(xs[0]))}" ` +
        `cy="${round(f.y.at(ys[0]))}"/>`;
    }
    if (n && inside(n - 1)) {
      over += `<path class="here fill ${ink}" d="` +
        `${mark(path.look, f.x.at(xs[n - 1]), f.y.at(ys[n - 1]), 5)}"/>`;
    }
    rows.push({ label: path.label, swatch: lineSwatch(path.look) });
    const name = c.t(path.label);
    parts.push([`${name}: ${c.t(p.x.label)}`, path.x, xs.slice(0, n)],
      [`${name}: ${c.t(p.y.label)}`, path.y, ys.slice(0, n)]);
  }
  for (const [x, y, word] of p.marks) {
    if (f.x.side(x) !== 0 || f.y.side(y) !== 0) continue;
    places += `<path class="place" d="${mark(6, f.x.at(x), f.y.at(y), 6)}"/>`;
    rows.push({ label: word, swatch: `<path class="place" d="${mark(6, 15, 6, 4)}"/>` });
  }
  const heights = p.levels.map((v) => number(v, 2)).join(", ");
  return {
    html: legend(c, rows) + drawing(c, p, f.W, f.H,
      `${f.svg}<g ${f.clip}>${levels}${places}${body}</g>${over}`),
    notes: [`${c.t("Lines of equal height at")} ${heights}.`, ...tallyNotes(c, tally)],
    tables: [{ ...table(parts.map((q) => q[0]), parts.map((q) => q[2])),
      values: Object.fromEntries(parts.map((q) => [q[1], q[2]])) }],
  };
}

function drawScatter(p, c) {
  const [xs, ys, kinds] = [p.points.x, p.points.y, p.points.classes].map(c.get);
  const height = Math.round(Math.min(400, c.width * 0.75));
  const f = frame(c, p, [...xs], [...ys], { height, lines: !p.region });
  const tally = newTally();
  let body = "", over = "";
  p.names.forEach((_, k) => {
    const mine = [...xs.keys()].filter((i) => kinds[i] === k);
    const here = mine.filter((i) => f.x.side(xs[i]) === 0 && f.y.side(ys[i]) === 0);
    const path = here.map((i) => mark(k, f.x.at(xs[i]), f.y.at(ys[i]), 3.4)).join("");
    body += `<path class="dot ${k % 7 > 4 ? "open" : "fill"} ${color(k)}" data-class="${k}" ` +
      `d="${path}"/>`;
    over += strays(f, mine.map((i) => xs[i]), mine.map((i) => ys[i]), k, tally);
  });
  const region = p.region && c.get(p.region);
  const [h, w] = region ? c.shape(p.region) : [];
  const [ex, ey] = p.extent ?? [[f.x.lo, f.x.hi], [f.y.lo, f.y.hi]];
  const box = [f.x.clamp(ex[0]), f.y.clamp(ey[1]), f.x.clamp(ex[1]), f.y.clamp(ey[0])];
  const place = `left:${box[0]}px;top:${box[1]}px;width:${box[2] - box[0]}px;` +
    `height:${box[3] - box[1]}px`;
  const rows = p.names.map((label, k) => ({ label,
    swatch: `<path class="dot ${k % 7 > 4 ? "open" : "fill"} ${color(k)}" ` +
      `d="${mark(k, 15, 6, 4)}"/>` }));
  const names = Array.from(kinds, (k) => c.t(p.names[k]));
  return {
    html: legend(c, rows) + `<div class="nx-layers">` +
      (region ? `<canvas class="nx-region" style="${place}" aria-hidden="true"></canvas>` : "") +
      `${drawing(c, p, f.W, f.H, `${f.svg}<g ${f.clip}>${body}</g>${over}`)}</div>`,
    paint(el) {
      if (!region) return;
      paintPixels(el.querySelector("canvas"), w, h, (i, j) => {
        const v = region[(h - 1 - j) * w + i];
        if (!Number.isFinite(v)) return [128, 128, 128, 255];
        return [...blend(CLASSES, v / 6), 255];
      });
    },
    notes: tallyNotes(c, tally),
    tables: [{ ...table([c.t(p.x.label), c.t(p.y.label), c.t("class")], [xs, ys, names]),
      values: { [p.points.x]: xs, [p.points.y]: ys, [p.points.classes]: kinds,
        ...(region ? { [p.region]: region } : {}) } }],
  };
}

function drawHistograms(p, c) {
  const [counts, edges] = [c.get(p.counts), c.get(p.edges)];
  const wide = c.shape(p.counts)[1];
  const bins = edges.length - 1;
  const first = p.outside ? 1 : 0;
  const bar = (row, b) => counts[row * wide + first + b];
  const rows = p.names.map((_, i) => i).filter((row) =>
    counts.slice(row * wide, (row + 1) * wide).some((v) => !Number.isNaN(v)));
  const seen = rows.flatMap((row) => Array.from({ length: bins }, (_, b) => bar(row, b)));
  const range = p.y.range ?? [0, Math.max(...seen.filter(Number.isFinite), 0) * 1.04 || 1];
  const left = 14 + textWidth(number(range[1], 2)), gap = 24;
  const columns = Math.max(1, Math.min(p.columns, rows.length || 1,
    Math.floor((c.width - left + gap) / 118)));
  const cell = (c.width - left - gap * (columns - 1) - 13) / columns;
  const text = 32 + (p.notes ? 16 : 0) + (p.outside ? 16 : 0);
  const [tall, below] = [62, 26];
  const lines = Math.ceil(rows.length / columns);
  const H = 24 + lines * (text + tall) + lines * below + 14;
  let cut = 0, missing = 0;
  const body = rows.map((row, n) => {
    const x0 = left + (n % columns) * (cell + gap);
    const y0 = 24 + Math.floor(n / columns) * (text + tall + below) + text + tall;
    const x = scale({ range: [edges[0], edges[bins]] }, [], x0, x0 + cell);
    const y = scale({ range }, [], y0, y0 - tall);
    let path = "", caps = "";
    for (let b = 0; b < bins; b++) {
      const v = bar(row, b);
      if (Number.isNaN(v)) missing++;
      if (!(v > 0)) continue;
      const [a, z] = [round(x.at(edges[b])), round(x.at(edges[b + 1]))];
      path += `M${a} ${y0}V${round(y.clamp(v))}H${z}V${y0}`;
      if (y.side(v) > 0) {
        cut++;
        caps += `<path class="stray fill c1" d="M${(a + z) / 2} ${y0 - tall - 8}l4.5 7h-9z"/>`;
      }
    }
    const [under, over] = p.outside
      ? [counts[row * wide], counts[row * wide + wide - 1]] : [0, 0];
    const share = (v) => `${number(100 * v, 2)}%`;
    const beyond = [under > 5e-4 ? `◂ ${share(under)}` : "", over > 5e-4 ? `${share(over)} ▸` : ""];
    const words = [p.notes ? c.say(p.notes, { row }) : "", beyond.join(" ").trim()];
    const xTicks = ticks(x, (t) => textWidth(t) + 10);
    const title = c.t(p.names[row]);
    const yTop = y0 - tall - text;
    return `<g data-row="${row}"><text class="cell" x="${round(x0)}" y="${yTop + 14}">` +
      `${escape(title)}</text>` +
      words.filter(Boolean).map((word, k) => `<text class="small" x="${round(x0)}" ` +
        `y="${yTop + 30 + 16 * k}">${escape(word)}</text>`).join("") +
      `<path class="bars" data-top="${y0 - tall}" data-base="${y0}" d="${path}"/>${caps}` +
      `<line class="axis" x1="${round(x0)}" x2="${round(x0 + cell)}" y1="${y0}" y2="${y0}"/>` +
      xTicks.map(({ v, text: word }) => `<text class="tick x" text-anchor="middle" ` +
        `x="${round(x.at(v))}" y="${y0 + 16}">${word}</text>`).join("") +
      (n % columns ? "" : [[range[1], y0 - tall + 4], [range[0], y0 + 4]].map(([v, py]) =>
        `<text class="tick y" x="${left - 8}" y="${py}" text-anchor="end">` +
        `${number(v, 2)}</text>`).join("")) + "</g>";
  });
  const label = `<text class="label" x="2" y="14">${escape(c.t(p.y.label))}</text>` +
    `<text class="label" x="${round((left + c.width) / 2)}" y="${H - 4}" ` +
    `text-anchor="middle">${escape(c.t(p.x.label))}</text>`;
  const say = (n, words) => (n ? [c.t(words).replace("{n}", n)] : []);
  const centers = Array.from({ length: bins }, (_, b) =>
    `${number(edges[b], 3)} … ${number(edges[b + 1], 3)}`);
  const cells = rows.map((row) => centers.map((_, b) => bar(row, b)));
  if (p.outside) {
    centers.unshift(`< ${number(edges[0], 3)}`);
    centers.push(`> ${number(edges[bins], 3)}`);
    rows.forEach((row, n) => {
      cells[n].unshift(counts[row * wide]);
      cells[n].push(counts[row * wide + wide - 1]);
    });
  }
  return {
    html: drawing(c, p, c.width, H, label + body.join("")),
    notes: [
      ...say(cut, "Bars cut at the top carry an arrow: {n}."),
      ...say(missing, "Bars without a value: {n}."),
      ...(rows.length ? [] : [c.t("Nothing to draw for this choice.")]),
    ],
    tables: [{ ...table([c.t(p.x.label), ...rows.map((r) => c.t(p.names[r]))],
      [centers, ...cells]), values: { [p.counts]: counts, [p.edges]: edges } }],
  };
}

function drawHeatmap(p, c) {
  const values = c.get(p.values);
  const [rows, columns] = c.shape(p.values);
  const top = 30, bar = 86;
  const left = 14 + Math.max(...p.y.names.map((n) => textWidth(c.t(n))));
  const width = Math.max(60, c.width - left - bar);
  const tall = Math.min(320, Math.max(90, Math.min(38, width / columns) * rows));
  const H = top + tall + 48;
  const v = scale(p.value, [...values], top + tall, top);
  const share = (x) => (v.from - v.clamp(x)) / (v.from - v.to);
  const stops = p.diverging ? DIVERGING : VIRIDIS;
  const [cw, ch] = [width / columns, tall / rows];
  const xAt = (i) => left + (i + 0.5) * cw;
  const yAt = (j) => top + (j + 0.5) * ch;
  const every = (names, room) => Math.ceil(Math.max(...names.map(room)) || 1);
  const xStep = every(p.x.names, (n) => (textWidth(c.t(n)) + 10) / cw);
  const yStep = every(p.y.names, () => 17 / ch);
  const bands = Array.from({ length: 40 }, (_, i) => `<rect x="${left + width + 18}" ` +
    `y="${round(top + (tall * (39 - i)) / 40)}" width="14" height="${round(tall / 40 + 0.6)}" ` +
    `fill="rgb(${blend(stops, (i + 0.5) / 40)})"/>`).join("");
  const keys = ticks(v, () => 20).map(({ v: k, text }) =>
    `<text class="tick y" x="${left + width + 37}" y="${round(v.at(k)) + 4}">${text}</text>`);
  const names = [
    ...p.x.names.map((n, i) => (i % xStep ? "" : `<text class="tick x" text-anchor="middle" ` +
      `x="${round(xAt(i))}" y="${top + tall + 17}">${escape(c.t(n))}</text>`)),
    ...p.y.names.map((n, j) => (j % yStep ? "" : `<text class="tick y" text-anchor="end" ` +
      `x="${left - 7}" y="${round(yAt(j)) + 4}">${escape(c.t(n))}</text>`)),
  ];
  const [mx, my] = p.mark ? p.mark.map(c.index) : [];
  const outline = p.mark ? `<rect class="cell-mark" x="${round(xAt(mx) - cw / 2)}" ` +
    `y="${round(yAt(my) - ch / 2)}" width="${round(cw)}" height="${round(ch)}"/>` : "";
  const border = `<rect class="border" x="${left}" y="${top}" width="${round(width)}" ` +
    `height="${round(tall)}"/>`;
  const odd = [...values].filter((x) => v.side(x) === undefined).length;
  const out = [...values].filter((x) => v.side(x)).length;
  const note = (n, words) => (n ? [c.t(words).replace("{n}", n)] : []);
  const place = `left:${left}px;top:${top}px;width:${width}px;height:${tall}px`;
  const matrix = Array.from({ length: columns }, (_, i) =>
    Array.from({ length: rows }, (_, j) => values[j * columns + i]));
  return {
    html: `<div class="nx-layers"><canvas class="nx-cells" style="${place}" ` +
      `aria-hidden="true"></canvas>${drawing(c, p, c.width, H, bands + keys.join("") +
      names.join("") + border + outline + `<text class="label" x="2" y="14">${escape(c.t(p.y.label))}` +
      `</text><text class="label" x="${round(c.width - 2)}" y="14" text-anchor="end">` +
      `${escape(c.t(p.value.label))}</text><text class="label" x="${round(left + width / 2)}" ` +
      `y="${H - 8}" text-anchor="middle">${escape(c.t(p.x.label))}</text>`)}</div>`,
    paint(el) {
      paintPixels(el.querySelector("canvas"), columns, rows, (i, j) => {
        const x = values[j * columns + i];
        if (v.side(x) === undefined) return [150, 150, 150, (i + j) % 2 ? 255 : 120];
        return [...blend(stops, share(x)), 255];
      });
    },
    notes: [
      ...note(out, "Cells beyond the color bar, drawn in its last color: {n}."),
      ...note(odd, "Gray cells without a value on this scale: {n}."),
    ],
    tables: [{ ...table([c.t(p.y.label), ...p.x.names.map(c.t)], [p.y.names.map(c.t), ...matrix]),
      values: { [p.values]: values } }],
  };
}

function drawImages(p, c) {
  const [values, captions] = [c.get(p.images), c.get(p.captions)];
  const [count, h, w, depth = 1] = c.shape(p.images);
  const range = p.range ? { range: p.range } : {};
  const v = scale(range, [...values], 0, 1);
  const columns = Math.max(1, Math.min(p.columns, count, Math.floor(c.width / 64)));
  const size = Math.floor(Math.min(p.size, c.width / columns - 10));
  const out = [...values].filter((x) => v.side(x)).length;
  const odd = [...values].filter(Number.isNaN).length;
  const note = (n, words) => (n ? [c.t(words).replace("{n}", n)] : []);
  const cells = Array.from({ length: count }, (_, k) =>
    `<div class="nx-image" style="width:${size}px"><canvas role="img" style="width:${size}px;` +
    `height:${Math.round((size * h) / w)}px" aria-label="${escape(c.t(captions[k]))}"></canvas>` +
    `<span aria-hidden="true">${escape(c.t(captions[k]))}</span></div>`);
  const per = h * w * depth;
  const rows = Array.from({ length: h * w * depth }, (_, i) => i);
  return {
    html: `<div class="nx-images">${cells.join("")}</div>`,
    paint(el) {
      el.querySelectorAll("canvas").forEach((canvas, k) =>
        paintPixels(canvas, w, h, (i, j) => {
          const at = k * per + (j * w + i) * depth;
          if (Number.isNaN(values[at])) return [213, 94, 0, 255];
          const level = (q) => Math.round(255 * v.clamp(values[at + (depth === 3 ? q : 0)]));
          return [level(0), level(1), level(2), 255];
        }));
    },
    notes: [
      `${c.t(p.label)}: ${c.t("black")} ${number(v.lo, 3)}, ${c.t("white")} ${number(v.hi, 3)}.`,
      ...note(out, "Values beyond black or white: {n}."),
      ...note(odd, "Pixels without a value, in vermilion: {n}."),
    ],
    tables: [{ ...table([c.t("pixel"), ...Array.from(captions, c.t)],
      [rows, ...Array.from({ length: count }, (_, k) => values.slice(k * per, (k + 1) * per))]),
      values: { [p.images]: values } }],
  };
}

function drawBars(p, c) {
  const [values, names] = [c.get(p.values), Array.from(c.get(p.names), c.t)];
  const error = p.error && c.get(p.error);
  const longest = Math.max(0, ...names.map(textWidth));
  const above = longest > 0.34 * c.width; // long names go over their bars
  const left = above ? 8 : longest + 12;
  const [row, top] = [above ? 42 : 28, p.levels.length ? 24 : 8];
  const ends = [...values].flatMap((v, i) => (error ? [v - error[i], v + error[i]] : [v]));
  const texts = Array.from(values, (v, i) => formatted(v, p.format) +
    (error ? ` ± ${formatted(error[i], p.format)}` : ""));
  const right = Math.max(20, ...texts.map(textWidth)) + 16;
  const base = top + row * values.length + 4;
  const H = base + 42;
  const x = scale(p.value, p.value.log ? ends : [...ends, 0], left, c.width - right);
  const zero = x.clamp(p.value.log ? x.lo : 0);
  const tally = newTally();
  let body = "";
  const keys = ticks(x, (text) => textWidth(text) + 22).map(({ v, text }) =>
    `<line class="grid" x1="${round(x.at(v))}" x2="${round(x.at(v))}" y1="${top}" ` +
    `y2="${base}"/><text class="tick x" x="${round(x.at(v))}" y="${base + 16}" ` +
    `text-anchor="middle">${text}</text>`);
  values.forEach((v, i) => {
    const mid = top + row * (i + 0.5) + (above ? 8 : 0);
    const side = x.side(v);
    const px = side === undefined ? zero : x.clamp(v);
    let tip = Math.max(px, zero);
    body += `<text class="direct" x="${above ? left : left - 8}" y="${above ? mid - 12 : mid + 4}" ` +
      `text-anchor="${above ? "start" : "end"}">${escape(names[i])}</text>` +
      `<rect class="bar" data-bar="${i}" x="${round(Math.min(px, zero))}" y="${mid - 8}" ` +
      `width="${round(Math.abs(px - zero))}" height="16"/>`;
    if (side === undefined) tally[Number.isNaN(v) ? "missing" : "unplaced"] += 1;
    if (side) {
      tally.outside += 1;
      body += `<path class="stray fill c1" d="M0 0l5 9h-10z" ` +
        `transform="translate(${round(px + 9 * side)} ${mid}) rotate(${90 * side})"/>`;
      tip += side > 0 ? 10 : 0;
    }
    if (error && side === 0 && Number.isFinite(error[i])) {
      const low = x.side(v - error[i]) === undefined ? x.from : x.clamp(v - error[i]);
      const high = x.clamp(v + error[i]);
      tip = Math.max(tip, high);
      body += `<path class="whisker" d="M${round(low)} ${mid - 5}v10m0 -5H${round(high)}m0 -5v10"/>`;
    }
    body += `<text class="value" x="${round(tip + 7)}" y="${mid + 4}">${texts[i]}</text>`;
  });
  const levels = p.levels.filter(([v]) => x.side(v) === 0).map(([v, word]) =>
    `<line class="level" x1="${round(x.at(v))}" x2="${round(x.at(v))}" y1="${top}" y2="${base}"/>` +
    `<text class="level" x="${round(x.at(v))}" y="16" text-anchor="middle">` +
    `${escape(c.t(word))}</text>`);
  const parts = [[c.t(p.value.label), p.values, values]];
  if (error) parts.push(["±", p.error, error]);
  return {
    html: drawing(c, p, c.width, H, keys.join("") + body +
      `<line class="axis" x1="${round(zero)}" x2="${round(zero)}" y1="${top}" y2="${base}"/>` +
      levels.join("") + `<text class="label" x="${round((x.from + x.to) / 2)}" y="${base + 34}" ` +
      `text-anchor="middle">${escape(c.t(p.value.label))}</text>`),
    notes: tallyNotes(c, tally),
    tables: [{ ...table([c.t("name"), ...parts.map((q) => q[0])], [names, ...parts.map((q) => q[2])]),
      values: Object.fromEntries(parts.map((q) => [q[1], q[2]])) }],
  };
}

function drawReadout(p, c) {
  const rows = p.items.map(([word, text]) => [c.t(word), c.say(text)]);
  const items = rows.map(([word, text]) =>
    `<div><dt>${escape(word)}</dt><dd>${escape(text)}</dd></div>`);
  return { html: `<dl class="nx-readout">${items.join("")}</dl>`, tables: [] };
}

function drawQuiz(p, c) {
  const answer = c.get(p.answer)[0];
  const options = p.options.map(c.t);
  const choices = options.map((word, i) => `<label><input type="radio" name="${c.uid}" ` +
    `value="${i}"> ${escape(word)}</label>`);
  return {
    html: `<fieldset class="nx-quiz" data-answer="${answer}"><legend>` +
      `${escape(c.say(p.question))}</legend>${choices.join("")}</fieldset>` +
      `<p class="nx-verdict" role="status"></p><details><summary>${c.t("Answer")}</summary>` +
      `<p><strong>${escape(options[answer])}.</strong> ${escape(c.say(p.explanation))}</p></details>`,
    fresh(el) {
      const verdict = el.querySelector(".nx-verdict");
      el.querySelector("fieldset").addEventListener("change", (event) => {
        const right = Number(event.target.value) === answer;
        verdict.className = `nx-verdict ${right ? "right" : "wrong"}`;
        verdict.textContent = right ? c.t("Right.") : c.t("Not quite. Think again, or unfold the answer.");
      });
    },
    tables: [],
  };
}

const PANELS = {
  line: drawLine, contour: drawContour, scatter: drawScatter, histograms: drawHistograms,
  heatmap: drawHeatmap, images: drawImages, bars: drawBars, readout: drawReadout,
  quiz: drawQuiz,
};

// ---------------------------------------------------------------- 6. controls
//
// Native elements, so that keyboard and screen readers work as everywhere.  A
// position is an index into the control's values; in a live notebook a slider with
// `fine` also has fractions in between.

function buildControl(control, uid, t, fine, changed) {
  const box = document.createElement("div");
  const id = `${uid}-${control.name}`;
  const label = `<label for="${id}">${escape(t(control.label))}</label>`;
  box.className = `nx-control nx-${control.kind}`;
  box.dataset.control = control.name;
  let input;
  if (control.kind === "select") {
    const options = control.labels.map((word, i) =>
      `<option value="${i}">${escape(t(word))}</option>`);
    box.innerHTML = `${label}<select id="${id}">${options.join("")}</select>`;
    input = box.querySelector("select");
  } else if (control.kind === "toggle") {
    box.innerHTML = `<input type="checkbox" id="${id}">${label}`;
    input = box.querySelector("input");
  } else {
    const button = control.kind === "play" ? `<button type="button" class="nx-walk"></button>` : "";
    box.innerHTML = `<div class="nx-row">${label}<span class="nx-value" aria-hidden="true">` +
      `</span></div><div class="nx-row">${button}<input type="range" id="${id}" min="0" ` +
      `max="${(control.values.length - 1) * fine}" step="1"></div>`;
    input = box.querySelector("input");
  }
  const read = () => (control.kind === "toggle" ? Number(input.checked) : Number(input.value) / fine);
  input.addEventListener(control.kind === "toggle" || control.kind === "select" ? "change" : "input",
    () => changed(control.name, read()));
  const show = (position, word) => {
    if (control.kind === "toggle") input.checked = position === 1;
    else input.value = Math.round(position * fine);
    if (input.type === "range") {
      input.setAttribute("aria-valuetext", word);
      box.querySelector(".nx-value").textContent = word;
    }
  };
  return { box, input, show, button: box.querySelector(".nx-walk") };
}

// ------------------------------------------------------------ 7. the explorer

let explorers = 0;

class Explorer {
  /** `host` is {figure, live, changed(state)}; `arrays` are unpacked. */
  constructor(spec, arrays, root, host) {
    Object.assign(this, { spec, arrays, root, host });
    this.uid = `nx${++explorers}`;
    this.t = (text) => spec.strings[text] ?? text;
    this.slices = new Map();
    this.memory = new WeakMap();
    this.computed = null;
    this.width = 0;
    this.position = Object.fromEntries(spec.controls.map((k) => [k.name, k.default]));
    this.byName = Object.fromEntries(spec.controls.map((k) => [k.name, k]));
    this.build();
  }

  build() {
    const { spec, t, root } = this;
    root.className = "nx-live";
    root.innerHTML =
      (spec.title ? `<p class="nx-title">${escape(t(spec.title))}</p>` : "") +
      `<div class="nx-controls" role="group" aria-label="${escape(t("Controls"))}"></div>` +
      `<div class="nx-head"><p class="nx-summary" aria-live="polite"></p></div>` +
      `<div class="nx-panels">` +
      spec.panels.map((p) => `<section class="nx-panel nx-${p.width}" data-kind="${p.kind}">` +
        `<p class="nx-panel-title"></p><div class="nx-drawing"></div>` +
        `<p class="nx-note"></p></section>`).join("") +
      `</div><details class="nx-numbers"><summary>${t("Numbers")}</summary><div></div></details>`;
    const area = root.querySelector(".nx-controls");
    this.controls = {};
    for (const control of spec.controls) {
      const fine = this.host.live && spec.compute ? 1 + (control.fine ?? 0) : 1;
      const built = buildControl(control, this.uid, t, fine, (name, at) => this.move(name, at));
      if (built.button) built.button.addEventListener("click", () => this.play(control));
      this.controls[control.name] = built;
      area.append(built.box);
    }
    const buttons = document.createElement("div");
    buttons.className = "nx-buttons";
    if (spec.controls.length) {
      buttons.innerHTML = `<button type="button" class="nx-reset">${t("Reset")}</button>` +
        (this.host.live ? "" : `<button type="button" class="nx-link">${t("Copy link")}</button>`);
      buttons.querySelector(".nx-reset").addEventListener("click", () => this.reset());
      buttons.querySelector(".nx-link")?.addEventListener("click", (e) => this.copyLink(e.target));
      root.querySelector(".nx-head").append(buttons);
    } else area.remove();
    this.tables = root.querySelector(".nx-numbers");
    this.tables.addEventListener("toggle", () => this.writeTables());
    new ResizeObserver(() => {
      if (this.width && root.clientWidth && root.clientWidth !== this.width) this.draw();
    }).observe(root);
  }

  // ---- state

  /** Value of a control; between grid points where a live slider allows it. */
  value(name) {
    const { values, log } = this.byName[name];
    const at = this.position[name];
    const i = Math.floor(at);
    if (i === at) return values[i];
    const [a, b, part] = [values[i], values[i + 1], at - i];
    const v = log ? a * (b / a) ** part : a + (b - a) * part;
    return Number(v.toPrecision(6));
  }

  label(name) {
    const at = this.position[name];
    const control = this.byName[name];
    if (Number.isInteger(at)) return this.t(control.labels[at]);
    return number(this.value(name)) + control.unit;
  }

  state() {
    return Object.fromEntries(this.spec.controls.map((k) => [k.name, this.value(k.name)]));
  }

  /** Take values (from a link or the kernel); unknown ones go to the nearest. */
  set(state) {
    for (const [name, value] of Object.entries(state)) {
      const control = this.byName[name];
      if (!control) continue;
      const exact = control.values.findIndex((v) => String(v) === String(value));
      if (exact >= 0) this.position[name] = exact;
      else if (typeof control.values[0] === "number" && Number.isFinite(Number(value))) {
        const far = control.values.map((v) => Math.abs(v - Number(value)));
        this.position[name] = far.indexOf(Math.min(...far));
      }
    }
    this.later();
  }

  move(name, at) {
    if (this.timer) this.stop();
    this.position[name] = at;
    this.later();
    this.host.changed(this.state());
  }

  reset() {
    this.stop();
    for (const k of this.spec.controls) this.position[k.name] = k.default;
    this.later();
    this.host.changed(this.state());
  }

  link() {
    const pairs = Object.entries(this.state()).map(([k, v]) => `${k}=${encodeURIComponent(v)}`);
    return `#${this.spec.id}:${pairs.join("&")}`;
  }

  copyLink(button) {
    const url = location.href.split("#")[0] + this.link();
    const done = (text) => {
      button.textContent = this.t(text);
      setTimeout(() => (button.textContent = this.t("Copy link")), 2500);
    };
    history.replaceState(null, "", this.link());
    const copied = navigator.clipboard?.writeText(url) ?? Promise.reject();
    copied.then(() => done("Link copied"), () => done("Link is in the address bar"));
  }

  /** Take the state from the address, if it names this explorer. */
  readLink() {
    const [id, query] = location.hash.slice(1).split(/:(.*)/s);
    if (id !== this.spec.id || query === undefined) return false;
    // Decoded only now: a value may hold "&" or "=".
    const pairs = query.split("&").map((pair) => pair.split(/=(.*)/s));
    try {
      this.set(Object.fromEntries(pairs.map(([k, v = ""]) => [k, decodeURIComponent(v)])));
    } catch {
      return false; // not a valid address
    }
    return true;
  }

  // ---- playing

  play(control) {
    const last = control.values.length - 1;
    const step = () => {
      this.position[control.name] = Math.min(last, this.position[control.name] + 1);
      this.later();
      this.host.changed(this.state());
      if (this.position[control.name] === last) this.stop();
    };
    if (this.timer) return this.stop();
    if (this.position[control.name] === last) this.position[control.name] = -1;
    if (!matchMedia("(prefers-reduced-motion: reduce)").matches) {
      this.timer = setInterval(step, 1000 / control.rate);
      this.root.querySelector(".nx-summary").setAttribute("aria-live", "off");
    }
    step();
  }

  stop() {
    clearInterval(this.timer);
    this.timer = null;
    this.root.querySelector(".nx-summary").setAttribute("aria-live", "polite");
    this.later();
  }

  // ---- data of the present state

  index = (name) => Math.max(0, Math.round(this.position[name]));

  onGrid() {
    return Object.values(this.position).every(Number.isInteger);
  }

  get = (name) => {
    const array = this.arrays[name];
    if (!this.onGrid() && this.fresh() && this.computed.arrays[name]) {
      return this.computed.arrays[name];
    }
    let at = 0;
    for (const control of array.over) {
      at = at * this.byName[control].values.length + this.index(control);
    }
    const known = this.slices.get(name);
    if (known?.at === at) return known.slice;
    const size = this.shape(name).reduce((a, b) => a * b, 1);
    const slice = array.values.slice(at * size, (at + 1) * size);
    this.slices.set(name, { at, slice });
    return slice;
  };

  shape = (name) => this.arrays[name].shape.slice(this.arrays[name].over.length);

  /** Keep what is costly to draw as long as its array and size stay the same. */
  keep = (array, key, make) => {
    const known = this.memory.get(array);
    if (known?.key === key) return known.made;
    const made = make();
    this.memory.set(array, { key, made });
    return made;
  };

  /** Fill the fields of a sentence, such as {gain} or {loss[step]:.3g}. */
  say = (text, extra = {}) =>
    this.t(text).replace(/\{([A-Za-z_]\w*)((?:\[[^\]]*\])*)(?::([^{}]*))?\}/g,
      (_, name, indices, form) => {
        if (this.byName[name]) return this.label(name);
        const shape = this.shape(name);
        let at = 0;
        [...indices.matchAll(/\[([^\]]*)\]/g)].forEach(([, step], axis) => {
          let i = extra[step] ?? (this.byName[step] ? this.index(step) : Number(step));
          if (i < 0) i += shape[axis];
          at = at * shape[axis] + i;
        });
        return this.t(formatted(this.get(name)[at], form));
      });

  fresh() {
    const { computed } = this;
    const now = this.state();
    return computed?.arrays && Object.keys(now).every((k) => computed.state[k] === now[k]);
  }

  // ---- drawing

  later() {
    this.frame ??= requestAnimationFrame(() => {
      this.frame = null;
      this.draw();
    });
  }

  draw() {
    const begin = performance.now();
    const { root, spec, t } = this;
    this.width = root.clientWidth;
    for (const k of spec.controls) {
      const { show, button } = this.controls[k.name];
      show(Math.max(0, this.position[k.name]), this.label(k.name));
      if (button) button.textContent = this.playWord(k);
    }
    root.querySelector(".nx-summary").textContent = this.say(spec.summary) + this.kernelNote();
    this.drawn = spec.panels.map((p, i) => this.drawPanel(p, i));
    this.tables.hidden = this.drawn.every((out) => out.tables.length === 0);
    this.writeTables();
    const { figure } = this.host;
    figure.dataset.state = JSON.stringify(this.state());
    figure.dataset.redraw = (performance.now() - begin).toFixed(1);
  }

  playWord(control) {
    if (this.timer) return `❚❚ ${this.t("Pause")}`;
    const calm = matchMedia("(prefers-reduced-motion: reduce)").matches;
    return calm ? this.t("Next step") : `▶ ${this.t("Play")}`;
  }

  kernelNote() {
    if (this.onGrid()) return "";
    if (this.fresh()) return ` ${this.t("Measured now by the kernel.")}`;
    if (this.computed?.error) return ` ${this.t("The kernel could not measure:")} ${this.computed.error}`;
    return ` ${this.t("The kernel is measuring; until then the nearest grid point is shown.")}`;
  }

  drawPanel(p, i) {
    const section = this.root.querySelectorAll(".nx-panel")[i];
    const el = section.querySelector(".nx-drawing");
    const context = { width: Math.max(240, el.clientWidth), uid: `${this.uid}p${i}`, t: this.t,
      get: this.get, shape: this.shape, say: this.say, keep: this.keep, index: this.index,
      value: (name) => this.value(name) };
    const out = PANELS[p.kind](p, context);
    section.querySelector(".nx-panel-title").textContent = this.say(p.title);
    if (el.dataset.made !== "1" || el.nxHtml !== out.html) {
      el.innerHTML = out.html;
      el.nxHtml = out.html;
      el.dataset.made = "1";
      out.fresh?.(el);
    }
    out.paint?.(el);
    const notes = [p.note && this.say(p.note), ...(out.notes ?? [])].filter(Boolean);
    section.querySelector(".nx-note").textContent = notes.join(" ");
    return out;
  }

  /** The numbers as tables; only while they are unfolded. */
  writeTables() {
    if (!this.tables.open || !this.drawn) return;
    const number7 = (x) => (typeof x === "string" ? x
      : Number.isFinite(x) ? Number(x.toPrecision(7)) : String(x).replace("Infinity", "inf").replace("NaN", "nan"));
    const cell = (x) => escape(typeof x === "number" ? number(x) : x);
    this.tables.lastElementChild.innerHTML = this.drawn.map((out, i) => out.tables.map((part) => {
      const title = escape(this.say(this.spec.panels[i].title));
      const values = Object.entries(part.values).map(([k, v]) => [k, Array.from(v, number7)]);
      const body = part.rows().map((row) =>
        `<tr>${row.map((x, k) => (k ? `<td>${cell(x)}</td>` : `<th scope="row">${cell(x)}</th>`)).join("")}</tr>`);
      return `<div class="nx-table" tabindex="0" role="group" aria-label="${title}">` +
        `<table data-panel="${i}" data-values="${escape(JSON.stringify(Object.fromEntries(values)))}">` +
        `<caption>${title}</caption><thead><tr>` +
        part.head.map((h) => `<th scope="col">${escape(h)}</th>`).join("") +
        `</tr></thead><tbody>${body.join("")}</tbody></table></div>`;
    }).join("")).join("");
  }
}

// ----------------------------------------------------------- 8. the two hosts

async function unpackAll(packed) {
  const entries = Object.entries(packed).map(async ([name, array]) =>
    [name, { over: array.over, shape: array.shape, values: await unpack(array) }]);
  return Object.fromEntries(await Promise.all(entries));
}

/** A figure of the book: its spec stands in a script element inside it. */
async function mount(figure) {
  const spec = JSON.parse(figure.querySelector("script").textContent);
  const arrays = await unpackAll(spec.arrays);
  const root = document.createElement("div");
  const fallback = figure.querySelector(".nx-fallback");
  fallback.after(root);
  let explorer, linked;
  try {
    explorer = new Explorer(spec, arrays, root, { figure, live: false, changed() {} });
    linked = explorer.readLink();
    explorer.draw();
  } catch (error) {
    root.remove();
    throw error;
  }
  fallback.hidden = true;
  figure.dataset.ready = "true";
  if (linked) figure.scrollIntoView();
  addEventListener("hashchange", () => explorer.readLink() && figure.scrollIntoView());
}

function mountAll() {
  for (const figure of document.querySelectorAll("figure.nnlib-explorer:not([data-ready])")) {
    mount(figure).catch((error) => {
      figure.dataset.error = error.message; // the picture stays
      console.error(`explorer ${figure.id}:`, error);
    });
  }
}

/** The widget of JupyterLab, called by anywidget. */
async function render({ model, el }) {
  const spec = model.get("spec");
  const figure = document.createElement("figure");
  figure.className = "nnlib-explorer";
  figure.addEventListener("focusin", (event) => // arrow keys move sliders, not cells
    event.target.setAttribute("data-lm-suppress-shortcuts", ""));
  const root = document.createElement("div");
  figure.append(root);
  el.append(figure);
  const explorer = new Explorer(spec, await unpackAll(spec.arrays), root, {
    figure,
    live: true,
    changed(state) {
      model.set("state", state);
      model.save_changes();
    },
  });
  const follow = () => {
    const state = model.get("state");
    if (JSON.stringify(state) !== JSON.stringify(explorer.state())) explorer.set(state);
  };
  const take = async () => {
    const { state, arrays = {}, error } = model.get("computed");
    const unpacked = await unpackAll(arrays);
    const values = Object.entries(unpacked).map(([name, a]) => [name, a.values]);
    explorer.computed = { state, error, arrays: error ? null : Object.fromEntries(values) };
    explorer.later();
  };
  model.on("change:state", follow);
  model.on("change:computed", take);
  explorer.set(model.get("state"));
  explorer.draw();
  figure.dataset.ready = "true";
  return () => {
    explorer.stop();
    model.off("change:state", follow);
    model.off("change:computed", take);
  };
}

export default { render };
