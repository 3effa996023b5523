"""Tables made at every build: claims, misstatements, sources, paths, modules."""

import math
from importlib import import_module
from pathlib import Path

from course_api import reading_order
from course_data import chapter_number, expand, front_matter, load_sources
from docutils import nodes
from myst_nb.core.render import load_mime_renders
from sphinx.util import logging
from sphinx.util.docutils import SphinxDirective

from nnlib.claims import MIME, Claim

logger = logging.getLogger(__name__)


class ClaimOutput:
    """Takes the data of a claim out of a cell's output; its badge is drawn as HTML."""

    mime_priority_overrides = ()

    @staticmethod
    def handle_mime(renderer, data, inline):
        """Note the claim for the table; nothing is drawn for this MIME type."""
        if data.mime_type != MIME:
            return None
        env = renderer.renderer.sphinx_env
        claims = claims_of(env).setdefault(env.docname, [])
        if data.content not in claims:
            claims.append(data.content)
        return []


def claims_of(env):
    """Return the claims noted so far, by page."""
    if not hasattr(env, "course_claims"):
        env.course_claims = {}
    return env.course_claims


class TablePlaceholder(nodes.General, nodes.Element):
    """Stands for a table until every page has been read."""


class CourseTable(SphinxDirective):
    """``{course-table} claims``, or another key of `TABLES`."""

    required_arguments = 1

    def run(self):
        """Put a placeholder; `fill_tables` replaces it."""
        if self.arguments[0] not in TABLES:
            raise self.error(f"choose one of {', '.join(TABLES)}")
        if not hasattr(self.env, "course_table_pages"):
            self.env.course_table_pages = set()
        self.env.course_table_pages.add(self.env.docname)
        return [TablePlaceholder(table=self.arguments[0])]


def chapters(env):
    """Return the docnames of the chapters, in order of their numbers."""
    found = [name for name in env.found_docs if chapter_number(name) is not None]
    return sorted(found, key=chapter_number)


def page_link(app, source, docname, anchor="", text=""):
    """Return a link from one page to another."""
    title = text or app.env.titles[docname].astext()
    number = chapter_number(docname)
    uri = app.builder.get_relative_uri(source, docname)
    label = title if text or number is None else f"{number}. {title}"
    return nodes.reference(
        "", label, refuri=uri + (f"#{anchor}" if anchor else ""), internal=True
    )


def listing(nodes_, comma=", "):
    """Join nodes with commas."""
    result = []
    for index, node in enumerate(nodes_):
        if index:
            result.append(nodes.Text(comma))
        result.append(node)
    return result


def make_table(name, headings, widths, rows):
    """Return a table; every cell is a list of inline nodes."""
    table = nodes.table(classes=["course-table", f"course-table-{name}"])
    group = nodes.tgroup(cols=len(headings))
    table += group
    group += [nodes.colspec(colwidth=width) for width in widths]
    head = nodes.row()
    head += [nodes.entry("", nodes.paragraph("", text)) for text in headings]
    group += nodes.thead("", head)
    body = nodes.tbody()
    group += body
    for cells in rows:
        row = nodes.row()
        for cell in cells:
            row += nodes.entry("", nodes.paragraph("", "", *cell))
        body += row
    return table


def anchor_of(source_id):
    """Return the anchor of a fact in the source map."""
    return f"source-{source_id.lower()}"


def claim_table(app, docname):
    """One row for every claim that a chapter measured."""
    rows, count = [], 0
    for page in chapters(app.env):
        for record in claims_of(app.env).get(page, []):
            ends = {
                "low": -math.inf if record["low"] is None else record["low"],
                "high": math.inf if record["high"] is None else record["high"],
            }
            claim = Claim({**record, **ends})
            seeds = f" ({record['n']} seeds)" if record["n"] else ""
            facts = [
                page_link(app, docname, "book/source_map", anchor_of(i), i)
                for i in expand(record["sources"])
            ]
            anchor = f"claim-{record['id']}"
            rows.append(
                [
                    [nodes.Text(record["text"])],
                    [nodes.strong("", claim.measured()), nodes.Text(seeds)],
                    [nodes.Text(claim.claimed())],
                    [page_link(app, docname, page, anchor, record["id"])],
                    listing(facts) or [nodes.Text("–")],
                ]
            )
            count += 1
    noun = "claim" if count == 1 else "claims"
    summary = nodes.paragraph("", f"{count} {noun} measured in this build.")
    if not rows:
        return [summary]
    head = ["Claim", "Measured", "Claimed range", "Where", "Facts"]
    return [summary, make_table("claims", head, [34, 16, 16, 20, 14], rows)]


def misstatement_table(app, docname):
    """One row for every misstatement that a chapter corrects."""
    errata = load_sources(Path(app.srcdir))[1]
    boxes = getattr(app.env, "course_boxes", {})
    rows, corrected = [], set()
    for page in chapters(app.env):
        for box in boxes.get(page, []):
            corrected.update(box["ids"])
            sources = dict.fromkeys(errata[i]["source"] for i in box["ids"])
            rows.append(
                [
                    [node.deepcopy() for node in box["said"]],
                    [node.deepcopy() for node in box["true"]],
                    [nodes.Text("; ".join(sources))],
                    [
                        page_link(
                            app, docname, page, box["target"], ", ".join(box["ids"])
                        )
                    ],
                ]
            )
    summary = nodes.paragraph("", f"{len(corrected)} of {len(errata)} are corrected.")
    if not rows:
        return [summary]
    head = ["Often said", "What is true", "Source", "Box"]
    return [summary, make_table("misstatements", head, [28, 36, 24, 12], rows)]


def source_table(app, docname):
    """One row for every fact that a chapter covers, grouped by topic."""
    facts = load_sources(Path(app.srcdir))[0]
    where = {}
    for page in chapters(app.env):
        matter = front_matter(Path(app.env.doc2path(page)))
        for fact in expand(matter.get("sources", [])):
            where.setdefault(fact, []).append(page)
    summary = nodes.paragraph("", f"{len(where)} of {len(facts)} are covered.")
    topics = {}
    for fact in sorted(where):
        topics.setdefault(facts[fact]["topic"], []).append(fact)
    result = [summary]
    for topic, ids in topics.items():
        rows = []
        for fact in ids:
            links = [page_link(app, docname, page) for page in where[fact]]
            name = nodes.inline("", fact, ids=[anchor_of(fact)])
            rows.append(
                [
                    [name],
                    [nodes.Text(facts[fact]["text"])],
                    [nodes.Text(facts[fact]["kind"])],
                    listing(links),
                ]
            )
        head = ["Fact", topic[0].upper() + topic[1:], "Kind", "Chapter"]
        result.append(make_table("sources", head, [10, 54, 16, 20], rows))
    return result


def path_table(app, docname):
    """One row for every chapter: the question it asks."""
    rows = []
    for page in chapters(app.env):
        matter = front_matter(Path(app.env.doc2path(page)))
        if "question" in matter:
            question = [nodes.Text(matter["question"])]
            rows.append([question, [page_link(app, docname, page)]])
    if not rows:
        return [nodes.paragraph("", "The first chapter is being written.")]
    return [make_table("paths", ["Your question", "Chapter"], [64, 36], rows)]


def module_table(app, docname):
    """One row for every module of the library, one table for each of its pages."""
    found = app.env.get_domain("py").modules
    pages = {}
    for name in reading_order():
        entry = found[f"nnlib.{name}"]
        uri = app.builder.get_relative_uri(docname, entry.docname)
        link = nodes.reference("", "", refuri=f"{uri}#{entry.node_id}", internal=True)
        link += nodes.literal("", name)
        summary = (
            import_module(f"nnlib.{name}").__doc__.split("\n\n")[0].replace("`", "")
        )
        row = [[link], [nodes.Text(" ".join(summary.split()))]]
        pages.setdefault(entry.docname, []).append(row)
    result = []
    for page, rows in pages.items():
        title = app.env.titles[page].astext()
        result.append(make_table("modules", ["Module", title], [28, 72], rows))
    return result


TABLES = {
    "claims": claim_table,
    "misstatements": misstatement_table,
    "sources": source_table,
    "paths": path_table,
    "modules": module_table,
}


def fill_tables(app, doctree, docname):
    """Replace every placeholder by its table."""
    for placeholder in list(doctree.findall(TablePlaceholder)):
        placeholder.replace_self(TABLES[placeholder["table"]](app, docname))


def check_course(app, env):
    """Check ids across pages, and have the pages with tables written anew."""
    facts, errata = load_sources(Path(app.srcdir))
    owners = {}
    for page in chapters(env):
        for record in claims_of(env).get(page, []):
            if record["id"] in owners:
                logger.warning(
                    "claim %s is already made in %s",
                    record["id"],
                    owners[record["id"]],
                    location=page,
                )
            owners[record["id"]] = page
            unknown = [i for i in expand(record["sources"]) if i not in facts]
            if unknown:
                logger.warning(
                    "claim %s names unknown facts: %s",
                    record["id"],
                    ", ".join(unknown),
                    location=page,
                )
        matter = front_matter(Path(env.doc2path(page)))
        for key, known in (("sources", facts), ("errata", errata)):
            unknown = [i for i in expand(matter.get(key, [])) if i not in known]
            if unknown:
                logger.warning(
                    "front matter lists unknown %s: %s",
                    key,
                    ", ".join(unknown),
                    location=page,
                )
        boxed = {
            i
            for box in getattr(env, "course_boxes", {}).get(page, [])
            for i in box["ids"]
        }
        listed = set(expand(matter.get("errata", [])))
        for missing in sorted(listed - boxed):
            logger.warning("%s has no misstatement box", missing, location=page)
        for extra in sorted(boxed - listed):
            logger.warning("%s is not listed under errata", extra, location=page)
    pages = sorted(getattr(env, "course_table_pages", set()) & env.found_docs)
    for page in pages:  # what a table quotes may hold formulas
        env.get_domain("math").data["has_equations"][page] = True
    return pages


def forget_page(app, env, docname):
    """Drop what a page noted before it is read again."""
    claims_of(env).pop(docname, None)
    getattr(env, "course_table_pages", set()).discard(docname)


def setup(app):
    """Register directive and hooks with Sphinx."""
    renders = load_mime_renders()  # the list MyST-NB asks, kept for the process
    if ClaimOutput not in renders:
        renders.append(ClaimOutput)
    app.add_node(TablePlaceholder)
    app.add_directive("course-table", CourseTable)
    app.connect("env-purge-doc", forget_page)
    app.connect("env-updated", check_course)
    app.connect("doctree-resolved", fill_tables)
    return {"parallel_read_safe": False, "parallel_write_safe": True}
