"""Explorers in a browser: every control, every panel kind, keyboard, links, themes."""

import json
import re
from urllib.parse import quote

import explorer_gallery
import pytest
from explorer_driver import SETTLE, Driver

from conftest import ROOT, load_tool, watch

pytestmark = pytest.mark.browser
GALLERY = {make.__name__: make for make in explorer_gallery.GALLERY}


def classic_script():
    """Return the script as the book publishes it."""
    import importlib.util

    path = ROOT / "book" / "_ext" / "explorer.py"
    spec = importlib.util.spec_from_file_location("explorer", path)
    extension = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(extension)
    return extension.classic((ROOT / "nnlib" / "explore.js").read_text("utf-8"))


@pytest.fixture(scope="module")
def gallery(tmp_path_factory):
    """Return a folder with one page for each explorer of the gallery."""
    folder = tmp_path_factory.mktemp("gallery")
    (folder / "explore.js").write_text(classic_script(), "utf-8")
    style = (ROOT / "nnlib" / "explore.css").read_text("utf-8")
    for name, make in GALLERY.items():
        (folder / f"{name}.html").write_text(
            '<!doctype html><html lang="en"><meta charset="utf-8"><title>One</title>'
            '<meta name="viewport" content="width=device-width,initial-scale=1">'
            f"<style>{style} html[data-theme=dark] {{ background: #121212 }}"
            "body { max-width: 760px; margin: 12px auto; padding: 0 12px }</style>"
            '<script defer src="explore.js"></script>'
            f"<body><main>{make().html()}</main></body></html>",
            "utf-8",
        )
    return folder


@pytest.fixture
def show(browser, gallery):
    """Return a function that opens an explorer of the gallery."""
    contexts, pages = [], []

    def open_(name, *, width=1000, fragment="", **options):
        viewport = {"width": width, "height": 900}
        contexts.append(browser.new_context(viewport=viewport, **options))
        page = watch(contexts[-1].new_page())
        pages.append(page)
        page.goto((gallery / f"{name}.html").as_uri() + fragment)
        return page

    yield open_
    problems = [problem for page in pages for problem in page.problems]
    for context in contexts:
        context.close()
    assert not problems, "\n".join(problems)


def drive(page):
    """Return a driver for the only explorer of a page."""
    return Driver(page, page.query_selector("figure.nnlib-explorer"))


# ------------------------------------------------------------ the gallery


@pytest.mark.parametrize("name", GALLERY)
def test_every_control_shows_what_python_measured(name, show):
    driver = drive(show(name)).drive()
    driver.reset()
    if {p["kind"] for p in driver.spec["panels"]} & {"line", "bars", "histograms"}:
        assert driver.geometry > 10, "no curve or bar was compared with its values"


@pytest.mark.parametrize("name", GALLERY)
def test_a_phone_shows_it_without_overflow_or_overlap(name, show):
    page = show(name, width=390, is_mobile=True, device_scale_factor=2)
    driver = drive(page)
    for control, at in driver.expected.positions():
        if at[control] % 10 and driver.expected.controls[control]["kind"] == "play":
            continue
        driver.set(control, at[control])
        driver.check_layout(driver.read())
        driver.set(control, driver.expected.default[control])
    assert page.evaluate("document.documentElement.scrollWidth") <= 390


@pytest.mark.parametrize("name", GALLERY)
def test_without_javascript_the_picture_stands_with_its_alt_text(name, show):
    page = show(name, java_script_enabled=False)
    picture = page.locator("figure.nnlib-explorer img")
    assert picture.is_visible()
    assert picture.get_attribute("alt") == f"Picture of {name}."
    assert picture.bounding_box()["width"] > 100
    assert page.locator(".nx-live").count() == 0


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("name", GALLERY)
def test_text_and_curves_stand_out_in_both_themes(name, theme, show):
    page = show(name)
    page.evaluate("t => { document.documentElement.dataset.theme = t }", theme)
    drive(page)
    faint = page.evaluate(CONTRAST)
    assert not faint, faint[:5]


CONTRAST = """() => {
  const canvas = document.createElement("canvas").getContext(
    "2d", {willReadFrequently: true});
  const rgb = color => { canvas.clearRect(0, 0, 1, 1); canvas.fillStyle = color;
    canvas.fillRect(0, 0, 1, 1); return [...canvas.getImageData(0, 0, 1, 1).data]; };
  const light = c => { const [r, g, b] = c.slice(0, 3).map(v => v / 255).map(v =>
    v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
    return 0.2126 * r + 0.7152 * g + 0.0722 * b; };
  const ground = e => { // shapes of a drawing have no background of their own
    for (e = e.closest("svg") ?? e; e; e = e.parentElement) {
    const c = rgb(getComputedStyle(e).backgroundColor);
    if (c[3] > 250) return c; } return [255, 255, 255]; };
  const ratio = (a, b) => { const [x, y] = [light(a), light(b)].sort((p, q) => q - p);
    return (x + 0.05) / (y + 0.05); };
  const out = [];
  const test = (e, color, need, what) => {
    const r = ratio(rgb(color), ground(e));
    if (r < need) out.push([what, r.toFixed(2)]); };
  for (const e of document.querySelectorAll(".nx-live *")) {
    if (!e.checkVisibility()) continue;
    const own = [...e.childNodes].some(n => n.nodeType === 3 && n.data.trim());
    const style = getComputedStyle(e);
    if (own && e.matches("svg text")) test(e, style.fill, 4.5, e.textContent);
    else if (own && !e.closest("svg")) test(e, style.color, 4.5, e.textContent);
    if (e.matches("path.series")) test(e, style.stroke, 3, "curve");
    if (e.matches("path.fill:not(.band, .stray)")) test(e, style.fill, 3, "mark");
  }
  return out;
}"""


def test_arrow_keys_move_a_slider_and_home_and_end_reach_its_ends(show):
    page = show("histograms")
    driver = drive(page)
    page.get_by_label("gain").focus()
    for key, position in (("ArrowRight", 2), ("ArrowLeft", 1), ("Home", 0), ("End", 2)):
        page.keyboard.press(key)
        page.evaluate(SETTLE)
        driver.check({**driver.expected.default, "gain": position})
    value = page.get_by_label("gain").get_attribute("aria-valuetext")
    assert value == "2"
    page.get_by_role("combobox").focus()
    page.keyboard.press("ArrowDown")
    page.evaluate(SETTLE)
    driver.check({**driver.expected.default, "gain": 2, "activation": 1})
    assert page.evaluate("document.activeElement.tagName") == "SELECT"


def test_every_control_can_be_reached_with_the_tab_key(show):
    page = show("steps")
    drive(page)
    page.keyboard.press("Tab")
    reached = []
    for _ in range(8):
        reached.append(
            page.evaluate(
                "document.activeElement.closest('[data-control]')?.dataset.control"
                " ?? document.activeElement.className"
            )
        )
        page.keyboard.press("Tab")
    assert reached[:5] == ["lr", "step", "step", "nx-reset", "nx-link"]


def test_a_link_opens_a_state_and_the_address_can_change_it(show):
    page = show("steps", fragment="#steps:lr=0.1&step=42")
    driver = drive(page)
    driver.check({"lr": 3, "step": 42})
    page.evaluate("location.hash = '#steps:lr=1&step=7'")
    page.wait_for_function(
        "document.querySelector('figure').dataset.state.includes('7')"
    )
    driver.check({"lr": 4, "step": 7})
    page.evaluate("location.hash = '#steps:lr=0.0012&step=oops&what=3'")
    page.wait_for_function(
        "document.querySelector('figure').dataset.state.includes('0.001')"
    )
    driver.check({"lr": 1, "step": 7})  # the nearest value; the rest is left alone
    page.evaluate("location.hash = '#another:lr=0.1'")
    page.evaluate("location.hash = '#%E0%A4%A'")  # not even a valid address
    page.evaluate(SETTLE)
    driver.check({"lr": 1, "step": 7})


def test_the_copied_link_leads_back_to_the_state(show):
    page = show("histograms")
    driver = drive(page)
    driver.set("activation", 1)
    driver.set("gain", 0)
    page.get_by_role("button", name="Copy link").click()
    page.wait_for_function(
        "document.querySelector('.nx-link').textContent !== 'Copy link'"
    )
    url = page.url
    assert "#histograms:activation=relu&gain=0.5&depth=10" in url
    driver.reset()
    page.goto("about:blank")
    page.goto(url)
    drive(page).check({"activation": 1, "gain": 0, "depth": 2})


def test_a_link_may_hold_values_with_signs_of_its_own(show):
    page = show("signs")
    driver = drive(page)
    for position in range(3):
        driver.set("rule", position)
        page.get_by_role("button", name="Copy link").click()
        page.wait_for_function("location.hash")
        url = page.url
        page.goto("about:blank")
        page.goto(url)
        driver = drive(page)
        driver.check({"rule": position})


def test_play_walks_to_the_end_pauses_and_starts_over(show):
    page = show("contour")
    drive(page)
    button = page.locator(".nx-walk")
    step = "Number(JSON.parse(document.querySelector('figure').dataset.state).step)"
    assert page.evaluate(step) == 12
    page.wait_for_timeout(300)
    assert page.evaluate(step) == 12, "it plays by itself"
    button.click()
    page.wait_for_function(f"{step} >= 15")
    assert "Pause" in button.text_content()
    assert page.locator(".nx-summary").get_attribute("aria-live") == "off"
    button.click()
    page.evaluate(SETTLE)
    rest = page.evaluate(step)
    page.wait_for_timeout(300)
    assert page.evaluate(step) == rest
    assert page.locator(".nx-summary").get_attribute("aria-live") == "polite"
    page.get_by_label("step").press("End")
    button.click()
    page.wait_for_function(f"{step} < 12")
    button.click()


def test_with_reduced_motion_play_advances_one_step_per_press(show):
    page = show("contour", reduced_motion="reduce")
    driver = drive(page)
    button = page.locator(".nx-walk")
    assert button.text_content() == "Next step"
    button.click()
    page.evaluate(SETTLE)
    driver.check({"lr": 1, "step": 13})
    page.wait_for_timeout(300)
    driver.check({"lr": 1, "step": 13})


def test_values_outside_the_axes_are_marked_and_counted(show):
    page = show("line")
    driver = drive(page)
    driver.set("gain", 0)
    shown = driver.read()
    note = shown["panels"][0]["note"]
    spec, expected = driver.spec, driver.expected
    low, high = spec["panels"][0]["y"]["range"]
    at = {**expected.default, "gain": 0}
    outside = [
        v
        for name in ("std", "expected")
        for v in expected.slice(name, at)
        if not low <= v <= high
    ]
    assert outside, "the test needs clipped values"
    assert f"{len(outside)} values lie outside the axes" in note
    assert shown["panels"][0]["strays"] > 0
    driver.set("gain", 1)
    assert "outside" not in driver.read()["panels"][0]["note"]
    assert driver.read()["panels"][0]["strays"] == 0


@pytest.mark.parametrize(
    "data, notes",
    {
        "no value": "6 places have no value: gaps.",
        "zeros": "6 values are not positive and have no place on a logarithmic axis",
        "mixed": "2 values are not positive",
        "infinite": "2 values lie outside",
    }.items(),
)
def test_what_cannot_be_drawn_is_said(data, notes, show):
    page = show("odd")
    drive(page)
    page.get_by_label("data").select_option(data)
    page.evaluate(SETTLE)
    title = re.compile("^state, log$") if data != "infinite" else re.compile("^fixed$")
    panel = page.locator(".nx-panel").filter(
        has=page.locator(".nx-panel-title", has_text=title)
    )
    assert notes in panel.locator(".nx-note").text_content()


def test_a_toggle_hides_a_curve(show):
    page = show("line")
    driver = drive(page)
    assert len(driver.read()["panels"][0]["curves"]) == 2
    page.get_by_label("theory").uncheck()
    page.evaluate(SETTLE)
    assert [c[0] for c in driver.read()["panels"][0]["curves"]] == ["std"]


def test_pixels_of_heat_maps_and_images_are_those_of_the_values(show):
    page = show("images")
    driver = drive(page)
    waves = driver.expected.slice("waves", {"angle": 0})
    low, high = driver.spec["panels"][0]["range"]
    drawn = page.evaluate(
        "() => [...document.querySelector('canvas').getContext('2d')"
        ".getImageData(0, 0, 8, 8).data]"
    )
    for k in range(64):
        gray = 255 * (waves[k] - low) / (high - low)
        assert all(abs(v - gray) <= 1 for v in drawn[4 * k : 4 * k + 3])
    page = show("heatmap")
    drive(page)
    pixel = page.evaluate(
        "() => [...document.querySelector('canvas').getContext('2d')"
        ".getImageData(4, 3, 1, 1).data]"
    )
    assert pixel[:3] == [150, 150, 150]  # the cell without a value


def test_a_quiz_answers_in_words_and_follows_the_controls(show):
    page = show("words")
    driver = drive(page)
    page.get_by_label("Over-fitting").check()
    assert page.locator(".nx-verdict").text_content().startswith("Not quite")
    page.get_by_label("A good fit").check()
    assert page.locator(".nx-verdict").text_content() == "Right."
    driver.set("curve", 1)
    assert page.locator(".nx-verdict").text_content() == ""
    page.get_by_label("Over-fitting").check()
    assert page.locator(".nx-verdict").text_content() == "Right."
    page.locator(".nx-panel details summary").click()
    folded = page.locator(".nx-panel details p")
    assert folded.text_content() == "Over-fitting. The gap is wide."


def test_a_redraw_takes_at_most_20_ms_in_the_median(show):
    for name in ("histograms", "steps", "contour"):
        page = show(name)
        driver = drive(page)
        driver.figure.eval_on_selector("details.nx-numbers", "d => { d.open = false; }")
        times = []
        for control, at in driver.expected.positions():
            driver.set(control, at[control])
            times.append(float(driver.figure.get_attribute("data-redraw")))
        times.sort()
        print(name, "redraw median", times[len(times) // 2], "ms, most", times[-1])
        assert times[len(times) // 2] <= 20, (name, times)


def test_printing_shows_the_drawing_on_white(show):
    page = show("line")
    drive(page)
    page.evaluate("document.documentElement.dataset.theme = 'dark'")
    page.emulate_media(media="print")
    assert page.locator(".nx-drawing svg").first.is_visible()
    assert not page.locator(".nx-reset").is_visible()
    ink = page.evaluate("getComputedStyle(document.querySelector('.nx-summary')).color")
    assert ink == "rgb(31, 35, 40)"


def test_a_broken_spec_leaves_the_picture(browser, gallery):
    page = browser.new_page()
    text = (gallery / "line.html").read_text("utf-8")
    broken = gallery / "broken.html"
    broken.write_text(text.replace('"kind": "line"', '"kind": "lime"'), "utf-8")
    page.goto(broken.as_uri())
    page.wait_for_selector("figure[data-error]")
    assert page.locator("figure img").is_visible()
    page.close()


# ------------------------------------------------------- the live widget


def test_the_es_module_draws_and_talks_to_its_model(browser, gallery, tmp_path):
    """Load explore.js as anywidget does, with a model that records what it gets."""
    explorer = explorer_gallery.steps()
    spec = {**explorer.spec, "compute": True}
    spec["controls"][0]["fine"] = 3
    module = (ROOT / "nnlib" / "explore.js").read_text("utf-8")
    page = watch(browser.new_page())
    page.set_content('<html lang="en"><title>live</title><div id="out"></div></html>')
    page.evaluate(
        """async ([text, spec, state]) => {
        const url = URL.createObjectURL(new Blob([text], {type: "text/javascript"}));
        const widget = (await import(url)).default;
        const values = {spec, state, computed: {}}, heard = {};
        window.saved = [];
        window.model = {
          get: k => values[k],
          set: (k, v) => { values[k] = v; },
          save_changes: () => window.saved.push({...values.state}),
          on: (k, f) => { heard[k] = f; },
          off: k => { delete heard[k]; },
          kernel: (k, v) => { values[k] = v; return heard["change:" + k]?.(); },
        };
        window.stop = await widget.render(
          {model: window.model, el: document.querySelector("#out")});
        }""",
        [module, spec, explorer.state],
    )
    figure = page.query_selector("figure[data-ready]")
    state = "JSON.parse(document.querySelector('figure').dataset.state)"
    assert page.evaluate(state) == {"lr": 0.01, "step": 20}
    # the reader moves a slider; the kernel hears of it
    page.evaluate(
        "f => { const i = f.querySelector('input'); i.value = 12;"
        " i.dispatchEvent(new Event('input', {bubbles: true})); }",
        figure,
    )
    page.evaluate(SETTLE)
    assert page.evaluate("saved.at(-1)") == {"lr": 0.1, "step": 20}
    # the kernel moves it
    page.evaluate("model.kernel('state', {lr: 1, step: 3})")
    page.evaluate(SETTLE)
    assert page.evaluate(state) == {"lr": 1, "step": 3}
    # between grid points: asks, shows the nearest, then what the kernel measured
    page.evaluate(
        "f => { const i = f.querySelector('input'); i.value = 10;"
        " i.dispatchEvent(new Event('input', {bubbles: true})); }",
        figure,
    )
    page.evaluate(SETTLE)
    between = page.evaluate("saved.at(-1)")
    assert between["lr"] == pytest.approx(10**-1.5, rel=1e-5)
    summary = page.locator(".nx-summary")
    assert "The kernel is measuring" in summary.text_content()
    arrays = {
        "loss": {"over": [], "shape": [101], "map": "exact", "values": [0.25] * 101}
    }
    page.evaluate(
        "([s, a]) => model.kernel('computed', {state: s, arrays: a})", [between, arrays]
    )
    page.wait_for_function(
        "document.querySelector('.nx-summary').textContent.includes('Measured now')"
    )
    assert "the loss is 0.250" in summary.text_content()
    page.evaluate(
        "s => model.kernel('computed', {state: s, error: 'too large'})", between
    )
    page.wait_for_function(
        "document.querySelector('.nx-summary').textContent.includes('too large')"
    )
    assert page.locator(".nx-link").count() == 0
    # JupyterLab takes arrow keys from elements without this mark
    page.locator("input").first.focus()
    marked = page.evaluate("document.activeElement.dataset.lmSuppressShortcuts")
    assert marked is not None
    page.evaluate("stop()")
    assert not page.problems
    page.close()


# ----------------------------------------------------------------- the book


def chapters():
    """Return the names of all pages of the book."""
    pages = load_tool("book").pages_of(ROOT)
    return [p.relative_to(ROOT).with_suffix("").as_posix() for p in pages]


def explorers(page):
    """Return drivers for the explorers of an open page."""
    return [Driver(page, f) for f in page.query_selector_all("figure.nnlib-explorer")]


@pytest.mark.slow
@pytest.mark.parametrize("name", chapters())
def test_every_explorer_of_the_book_shows_its_data(name, open_page, built_book):
    text = (built_book / f"{name}.html").read_text("utf-8")
    figures = re.findall(r'<figure class="nnlib-explorer" id="([^"]+)"', text)
    assert len(set(figures)) == len(figures), "two explorers of a page share an id"
    if not figures:
        return
    page = open_page(name)
    drivers = explorers(page)
    assert [d.spec["id"] for d in drivers] == figures
    for driver in drivers:
        driver.drive()
        driver.reset()
    phone = open_page(name, width=390)
    for driver in explorers(phone):
        driver.check(driver.expected.default)
        right = phone.evaluate("f => f.getBoundingClientRect().right", driver.figure)
        assert right <= 390
    plain = open_page(name, java_script_enabled=False)
    for figure in figures:
        picture = plain.locator(f"#{figure} .nx-fallback img")
        assert picture.is_visible()
        assert len(picture.get_attribute("alt")) > 20
    for theme in ("light", "dark"):
        page.evaluate("t => { document.documentElement.dataset.theme = t }", theme)
        faint = page.evaluate(CONTRAST)
        assert not faint, (theme, faint[:5])
    for driver in drivers:
        at = {k: len(c["values"]) - 1 for k, c in driver.expected.controls.items()}
        pairs = "&".join(
            f"{k}={quote(v if isinstance(v, str) else json.dumps(v), safe='')}"
            for k, v in driver.expected.state(at).items()
        )
        linked = open_page(f"{name}#{driver.spec['id']}:{pairs}")
        found = linked.query_selector(f"#{driver.spec['id']}")
        Driver(linked, found).check(at)
