"""The book as text: front matter, the list of facts, claims, and how it is built."""

import re
import shutil
import subprocess
import sys

import pytest

from conftest import ROOT, load_tool

sys.path.insert(0, str(ROOT / "book" / "_ext"))
from course_cache import ENVIRONMENT, library_key
from course_data import expand, front_matter, load_sources

CHAPTERS = sorted((ROOT / "book").glob("[0-9][0-9]_*.md"))
FACTS, ERRATA = load_sources(ROOT)
each_chapter = pytest.mark.parametrize("chapter", CHAPTERS, ids=lambda p: p.stem)


def test_the_list_of_facts_is_whole():
    assert list(FACTS) == [f"S-{n:03d}" for n in range(1, 436)]
    assert list(ERRATA) == [f"E-{n:02d}" for n in range(1, 113)]
    for fact in FACTS.values():
        assert fact["text"] and fact["topic"] and fact["kind"] and fact["chapters"]
    for erratum in ERRATA.values():
        assert erratum["said"] and erratum["true"] and erratum["source"]
        assert set(erratum["rows"]) <= set(FACTS)


def test_every_chapter_is_in_the_table_of_contents():
    pages = load_tool("book").pages_of(ROOT)
    assert [page for page in CHAPTERS if page not in pages] == []


@each_chapter
def test_front_matter_is_complete(chapter):
    matter = front_matter(chapter)
    for key in ("question", "needs", "minutes", "lab_minutes", "sources", "errata"):
        assert key in matter, key
    sources, errata = expand(matter["sources"]), expand(matter["errata"])
    assert len(sources) == len(set(sources)) and len(errata) == len(set(errata))
    assert set(sources) <= set(FACTS)
    assert set(errata) <= set(ERRATA)


@each_chapter
def test_a_chapter_covers_what_is_planned_for_it(chapter):
    matter, code = front_matter(chapter), f"C{chapter.stem[:2]}"
    facts = {i for i, fact in FACTS.items() if code in fact["chapters"]}
    errata = {i for i, erratum in ERRATA.items() if code in erratum["chapters"]}
    assert facts - set(expand(matter["sources"])) == set()
    assert errata - set(expand(matter["errata"])) == set()


@each_chapter
def test_every_misstatement_listed_has_its_box(chapter):
    text = chapter.read_text("utf-8")
    heads = re.findall(r"^:{3,}\{misstatement\}(.*)$", text, re.MULTILINE)
    boxed = [i.strip() for head in heads for i in head.split(",")]
    assert sorted(boxed) == sorted(expand(front_matter(chapter)["errata"]))


@each_chapter
def test_a_chapter_starts_like_every_other(chapter):
    cells = re.findall(
        r"```\{code-cell\}[^\n]*\n(.*?)```", chapter.read_text("utf-8"), re.S
    )
    number = int(chapter.stem[:2])
    assert "use_style()" in cells[0]
    assert f"rng = np.random.default_rng({number})" in cells[0]


def test_a_claim_has_one_place():
    places = {}
    for chapter in CHAPTERS:
        for id_ in re.findall(r"claim\(\s*[\"'](C\d\d\.[\w-]+)", chapter.read_text()):
            assert id_.startswith(f"C{chapter.stem[:2]}."), id_
            assert id_ not in places, f"{id_} in {chapter.name} and {places[id_]}"
            places[id_] = chapter.name
    assert places


def test_the_key_of_the_cache_follows_library_versions_and_device(
    tmp_path, monkeypatch
):
    for name in (*ENVIRONMENT, "COURSE_LIBRARY_KEY"):
        monkeypatch.delenv(name, raising=False)
    module = tmp_path / "nnlib" / "init.py"
    module.parent.mkdir()
    module.write_text("GAIN = 1\n")
    keys = [library_key(tmp_path)]
    module.write_text("GAIN = 2\n")
    keys.append(library_key(tmp_path))
    (tmp_path / "constraints.txt").write_text("numpy==2.4.6\n")
    keys.append(library_key(tmp_path))
    monkeypatch.setenv("NNLIB_DEVICE", "cuda")
    keys.append(library_key(tmp_path))
    record = tmp_path / "book" / "_data" / "recorded" / "07.json"
    record.parent.mkdir(parents=True)
    record.write_text("{}")
    keys.append(library_key(tmp_path))
    assert len(set(keys)) == len(keys)
    (tmp_path / "nnlib" / "notes.md").write_text("not code")
    assert library_key(tmp_path) == keys[-1]


# A small book of one chapter, built by the real tools ---------------------------------

CHAPTER = """\
---
jupytext:
  text_representation: {extension: .md, format_name: myst}
kernelspec: {display_name: Python 3, language: python, name: python3}
question: Does it build?
needs: [notation]
minutes: 1
lab_minutes: 1
sources: [S-001]
errata: [E-103]
---

# A chapter

Some prose, and a formula:

```{math}
:label: eq-one
1 + 1 = 2
```

By {eq}`eq-one` and {numref}`fig-one`.

```{code-cell} ipython3
from nnlib.claims import claim
from nnlib.extra import VALUE
claim("C01.value", VALUE, low=1, high=3, text="the value of the library", n=5,
      spread=0.2, sources=["S-001"])
```

```{code-cell} ipython3
---
mystnb:
  figure: {name: fig-one, caption: A line.}
  image: {alt: A straight line.}
---
import matplotlib.pyplot as plt
plt.plot([1, 2]);
```

:::{misstatement} E-103
:said: The first loss is always $\\log C$.
:true: Only while the logits are near zero.

It is larger with a large last layer.
:::
"""
TOC = """\
format: jb-book
root: book/intro
parts:
  - chapters:
      - file: book/notation
      - file: book/claims
      - file: book/misstatements
      - file: book/source_map
  - caption: A part
    numbered: 1
    chapters:
      - file: book/01_one
"""


@pytest.fixture
def small_book(tmp_path, monkeypatch):
    """Return the folder of a small book with a library of its own."""
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    for name in ("_data", "_ext", "_static"):
        shutil.copytree(ROOT / "book" / name, tmp_path / "book" / name)
    for name in ("notation", "claims", "misstatements", "source_map"):
        shutil.copy(ROOT / "book" / f"{name}.md", tmp_path / "book")
    ignore = shutil.ignore_patterns("__pycache__")
    shutil.copytree(ROOT / "nnlib", tmp_path / "nnlib", ignore=ignore)
    shutil.copy(ROOT / "_config.yml", tmp_path)
    (tmp_path / "nnlib" / "extra.py").write_text("VALUE = 1.5\n")
    (tmp_path / "book" / "intro.md").write_text("# A small book\n\nIt begins.\n")
    (tmp_path / "book" / "references.bib").write_text("")
    (tmp_path / "book" / "01_one.md").write_text(CHAPTER)
    (tmp_path / "_toc.yml").write_text(TOC)
    return tmp_path


def build(folder):
    """Run the builder on a folder; return the finished process."""
    return subprocess.run(
        [sys.executable, ROOT / "tools" / "book.py", "--root", folder],
        capture_output=True,
        text=True,
        check=False,
    )


def page(folder, name):
    """Return the text of a built page."""
    return (folder / "_build" / "html" / "book" / f"{name}.html").read_text("utf-8")


def change(path, old, new):
    """Replace text that must be there."""
    text = path.read_text("utf-8")
    assert old in text
    path.write_text(text.replace(old, new), "utf-8")


@pytest.mark.slow
def test_a_build_measures_once_and_again_when_the_library_changes(small_book):
    first = build(small_book)
    assert first.returncode == 0, first.stderr
    assert "executed book/01_one.md" in first.stdout
    assert first.stdout.rstrip().endswith("index.html")
    chapter = page(small_book, "01_one")
    assert "1.5 ± 0.2" in chapter and "(1.1)" in chapter and "Figure 1.1" in chapter
    assert "Does it build?" in chapter and 'id="misstatement-e-103"' in chapter
    assert "1.5 ± 0.2" in page(small_book, "claims")
    assert "01_one.html#claim-C01.value" in page(small_book, "claims")
    assert "1 of 112 are corrected" in page(small_book, "misstatements")
    assert "01_one.html#misstatement-e-103" in page(small_book, "misstatements")
    assert "1 of 435 are covered" in page(small_book, "source_map")

    change(small_book / "book" / "01_one.md", "Some prose", "Other prose")
    prose = build(small_book)
    assert prose.returncode == 0, prose.stderr
    assert "executed" not in prose.stdout
    assert "Other prose" in page(small_book, "01_one")

    change(small_book / "nnlib" / "extra.py", "1.5", "2.5")
    library = build(small_book)
    assert library.returncode == 0, library.stderr
    assert "executed book/01_one.md" in library.stdout
    assert "2.5 ± 0.2" in page(small_book, "01_one")
    assert "2.5 ± 0.2" in page(small_book, "claims")


@pytest.mark.slow
def test_a_page_that_is_written_again_keeps_its_links(small_book):
    reference = "# Claims\n\n```{eval-rst}\n.. automodule:: nnlib.claims\n```\n"
    (small_book / "book" / "reference.md").write_text(reference)
    listed = "file: book/claims\n      - file: book/reference"
    change(small_book / "_toc.yml", "file: book/claims", listed)
    link = 'class="sphinx-codeautolink-a" href="../book/reference.html#nnlib.claims'
    assert build(small_book).returncode == 0
    assert link in page(small_book, "01_one")
    built = small_book / "_build" / "html" / "book" / "01_one.html"
    before = built.stat().st_mtime_ns
    (small_book / "NEWS.md").write_text("A file that is no page: all are written.\n")
    assert build(small_book).returncode == 0
    assert built.stat().st_mtime_ns > before
    assert link in page(small_book, "01_one")


@pytest.mark.slow
def test_a_false_claim_stops_the_build(small_book):
    change(small_book / "nnlib" / "extra.py", "1.5", "9")
    result = build(small_book)
    assert result.returncode == 1
    (line,) = result.stderr.strip().splitlines()
    assert line.startswith("book: book/01_one.md: code cell 1: ClaimError: C01.value")
    assert "measured 9" in line and "claimed 1 to 3" in line
    assert not (small_book / "_build" / "html").exists()


@pytest.mark.slow
def test_mistakes_in_a_chapter_stop_the_build_each_time(small_book):
    chapter = small_book / "book" / "01_one.md"
    change(chapter, "sources: [S-001]", "sources: [S-999]")
    change(chapter, "errata: [E-103]", "errata: [E-01]")
    change(chapter, "fig-one`", "fig-none`")
    text = chapter.read_text("utf-8")
    chapter.write_text(text + "\n:::{misstatement} E-02\n:said: Something.\n:::\n")
    for _ in range(2):  # Sphinx alone reports a warning only once
        result = build(small_book)
        assert result.returncode == 1
        for message in (
            "unknown sources: S-999",
            "E-01 has no misstatement box",
            "E-103 is not listed under errata",
            "E-02: the box needs :true:",
            "fig-none",
        ):
            assert message in result.stderr, result.stderr


@pytest.mark.slow
def test_a_claim_made_twice_stops_the_build(small_book):
    other = CHAPTER.replace("eq-one", "eq-two").replace("fig-one", "fig-two")
    (small_book / "book" / "02_two.md").write_text(other)
    change(small_book / "_toc.yml", "01_one", "01_one\n      - file: book/02_two")
    result = build(small_book)
    assert result.returncode == 1
    assert "claim C01.value is already made in book/01_one" in result.stderr
