"""The built pages: in a browser, from the disk, in both themes, on a phone."""

import re
from html.parser import HTMLParser
from urllib.parse import unquote, urlsplit

import pytest

from conftest import ROOT, load_tool

PAGES = [
    page.relative_to(ROOT).with_suffix("").as_posix()
    for page in load_tool("book").pages_of(ROOT)
]
EXTRA = ["search", "genindex"]
THEMES = ["light", "dark"]


class Anchors(HTMLParser):
    """Collects ids, links, and what a page loads."""

    def __init__(self, text):
        super().__init__()
        self.ids, self.links, self.loads, self.images = set(), [], [], []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        """Note one element."""
        attrs = dict(attrs)
        if "id" in attrs:
            self.ids.add(attrs["id"])
        if tag == "a" and attrs.get("href"):
            self.links.append(attrs["href"])
        if tag in ("script", "img", "iframe", "source") and attrs.get("src"):
            self.loads.append(attrs["src"])
        if tag == "link" and attrs.get("href"):
            self.loads.append(attrs["href"])
        if tag == "img":
            self.images.append(attrs)


@pytest.fixture(scope="module")
def parsed(built_book):
    """Return every built page, parsed."""
    return {
        path.relative_to(built_book).as_posix(): Anchors(path.read_text("utf-8"))
        for path in built_book.rglob("*.html")
        if "_static" not in path.parts
    }


def test_exactly_the_pages_of_the_table_of_contents_are_built(parsed):
    assert set(parsed) == {f"{name}.html" for name in [*PAGES, *EXTRA, "index"]}


@pytest.mark.parametrize("name", [*PAGES, *EXTRA])
def test_every_link_inside_the_book_leads_somewhere(name, parsed, built_book):
    here = parsed[f"{name}.html"]
    broken = []
    for link in here.links:
        url = urlsplit(link)
        if url.scheme:
            continue
        folder = (built_book / f"{name}.html").parent
        target = (folder / unquote(url.path)).resolve() if url.path else None
        if target is not None and not target.is_file():
            broken.append(link)
            continue
        key = target.relative_to(built_book).as_posix() if target else f"{name}.html"
        ids = parsed[key].ids if key in parsed else {unquote(url.fragment)}
        if url.fragment and unquote(url.fragment) not in ids:
            broken.append(link)
    assert not broken


@pytest.mark.parametrize("name", [n for n in PAGES if re.match(r"book/\d\d_", n)])
def test_the_code_of_a_chapter_leads_to_the_reference(name, built_book):
    text = (built_book / f"{name}.html").read_text("utf-8")
    links = re.findall(r'class="sphinx-codeautolink-a" href="([^"#]+)#([^"]+)"', text)
    assert {page.rpartition("/")[0] for page, _ in links} == {"../book/api"}
    assert {"nnlib.claims.claim", "nnlib.plotting.use_style"} <= {a for _, a in links}


def test_names_in_the_text_of_a_chapter_lead_to_the_reference(parsed):
    links = parsed["book/21_ensembles.html"].links
    assert "api/judging.html#nnlib.ensemble.majority_vote" in links


@pytest.mark.parametrize("name", [*PAGES, *EXTRA])
def test_a_page_loads_nothing_from_elsewhere_and_names_every_picture(name, parsed):
    remote = [load for load in parsed[f"{name}.html"].loads if re.match(r"\w+:", load)]
    assert not [load for load in remote if not load.startswith("data:")]
    nameless = [
        image for image in parsed[f"{name}.html"].images if not image.get("alt")
    ]
    assert not nameless


def test_every_claim_in_a_chapter_is_in_the_table(parsed, built_book):
    table = (built_book / "book" / "claims.html").read_text("utf-8")
    for chapter in sorted((ROOT / "book").glob("[0-9][0-9]_*.md")):
        text = chapter.read_text("utf-8")
        for id_ in re.findall(r"claim\(\s*[\"'](C\d\d\.[\w-]+)", text):
            anchor = f"book/{chapter.stem}.html"
            assert f"{chapter.stem}.html#claim-{id_}" in table, id_
            assert f"claim-{id_}" in parsed[anchor].ids


def violations(page):
    """Return what axe-core finds serious or critical, one line each."""
    from axe_playwright_python.sync_playwright import Axe

    # The drawing inside a formula is hidden from screen readers, and huge; the
    # reference repeats one pattern some hundred times: its first entries stand for it.
    page.evaluate(
        "() => [...document.querySelectorAll('dl.py')].slice(12)"
        ".forEach(e => e.remove())"
    )
    found = Axe().run(
        page,
        context={"exclude": [["mjx-container > svg"], ["mjx-assistive-mml"]]},
        options={"preload": False, "resultTypes": ["violations"]},
    )
    return [
        f"{one['id']} ({one['impact']}): {one['help']}: "
        + "; ".join(node["html"][:160] for node in one["nodes"][:3])
        for one in found.response["violations"]
        if one["impact"] in ("serious", "critical")
    ]


def settle(page):
    """Wait until the page has answered to a new size."""
    page.evaluate(
        "async () => { for (let i = 0; i < 4; i++)"
        " await new Promise(requestAnimationFrame) }"
    )


@pytest.mark.browser
@pytest.mark.parametrize("name", [*PAGES, *EXTRA])
def test_a_page_is_whole_accessible_and_fits_a_phone(name, open_page):
    # One load for all of it: chapters are heavy, and there are many.
    page = open_page(name, color_scheme="light")
    assert page.locator("main h1:visible").count() == 1
    if page.locator(".math").count():
        page.wait_for_function("window.MathJax?.startup?.promise")
        page.evaluate("MathJax.startup.promise")
        assert page.locator("mjx-container").count()
        assert page.locator("merror, mjx-merror").count() == 0
    for width in (768, 390):
        page.set_viewport_size({"width": width, "height": 900})
        settle(page)
        page.mouse.wheel(500, 0)
        size = "document.scrollingElement"
        assert page.evaluate(f"{size}.scrollWidth") <= width
        assert page.evaluate(f"{size}.scrollLeft") == 0
    page.set_viewport_size({"width": 1280, "height": 900})
    settle(page)
    for theme in THEMES:
        page.emulate_media(color_scheme=theme, reduced_motion="reduce")
        page.wait_for_selector(f"html[data-theme={theme}]", state="attached")
        assert violations(page) == [], theme


@pytest.mark.browser
@pytest.mark.parametrize("name", PAGES)
def test_without_javascript_the_content_is_there(name, open_page):
    page = open_page(name, java_script_enabled=False)
    article = page.locator("article.bd-article")
    assert article.locator("h1").is_visible()
    assert len(article.inner_text()) > 200
    pictures = article.locator("img")
    for index in range(pictures.count()):
        picture = pictures.nth(index)
        picture.scroll_into_view_if_needed()
        box = picture.bounding_box()
        assert picture.is_visible() and box["width"] > 20 and box["height"] > 20


@pytest.mark.browser
def test_the_theme_switch_works_and_is_kept(open_page):
    page = open_page("book/intro", color_scheme="light")
    button = page.locator(".theme-switch-button:visible").first
    seen = set()
    for _ in range(3):
        button.click()
        seen.add(page.locator("html").get_attribute("data-theme"))
    assert seen == {"light", "dark"}


@pytest.mark.browser
def test_search_finds_a_page_from_the_disk(open_page):
    page = open_page("search")
    page.goto(page.url + "?q=notation")
    page.wait_for_selector("#search-results li a")
    assert page.locator("#search-results li a").count() >= 1


@pytest.mark.browser
def test_print_shows_the_text_without_the_sidebars(open_page):
    page = open_page("book/intro")
    page.emulate_media(media="print")
    assert page.locator("h1:visible").count() == 1
    assert page.locator("article.bd-article p").first.is_visible()
    assert not page.locator("#pst-primary-sidebar").is_visible()


@pytest.mark.browser
def test_motion_stops_where_the_reader_wants_none(open_page):
    page = open_page("book/intro", reduced_motion="reduce")
    moving = page.evaluate(
        """() => [...document.querySelectorAll('*')].filter(e => {
            const s = getComputedStyle(e);
            return s.transitionDuration !== '0s' || s.animationName !== 'none';
        }).length"""
    )
    assert moving == 0
