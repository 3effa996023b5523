"""What every chapter shows: its head, its number, its misstatement boxes."""

from pathlib import Path
from typing import ClassVar

from course_data import chapter_number, front_matter, load_sources
from docutils import nodes
from docutils.parsers.rst import directives
from sphinx import addnodes
from sphinx.transforms import SphinxTransform
from sphinx.util.docutils import SphinxDirective
from sphinx_external_toc.collectors import TocTreeCollectorWithStyles


class ChapterHead(SphinxTransform):
    """Opens a chapter with its question, what it needs, and how long it takes.

    All of it stands in the front matter: ``question``, ``needs`` (pages or phrases),
    ``minutes`` and ``lab_minutes``. The lab is the notebook of the same name.
    """

    default_priority = 400

    def apply(self, **kwargs):
        """Insert the head below the title."""
        page = Path(self.env.doc2path(self.env.docname))
        matter = front_matter(page)
        title = next(iter(self.document.findall(nodes.title)), None)
        if "question" not in matter or title is None:
            return
        head = nodes.container(classes=["chapter-head"])
        head += nodes.paragraph("", matter["question"], classes=["chapter-question"])
        facts = nodes.bullet_list(classes=["chapter-facts"])
        if matter.get("needs"):
            facts += self._fact("You need", self._needs(matter["needs"]))
        if matter.get("minutes"):
            facts += self._fact("Reading", [nodes.Text(f"{matter['minutes']} min")])
        lab = page.parent.parent / "labs" / f"{page.stem}.ipynb"
        if lab.is_file():
            link = addnodes.download_reference(
                "",
                "",
                nodes.Text(lab.name),
                refdoc=self.env.docname,
                reftarget=f"../labs/{lab.name}",
                refexplicit=True,
            )
            minutes = matter.get("lab_minutes")
            after = [nodes.Text(f", {minutes} min")] if minutes else []
            facts += self._fact("Lab", [link, *after])
        if facts.children:
            head += facts
        title.parent.insert(title.parent.index(title) + 1, head)

    def _needs(self, needs):
        """Turn what the reader needs into links where it names a page."""
        result = []
        for index, need in enumerate([needs] if isinstance(needs, str) else needs):
            if index:
                result.append(nodes.Text(", "))
            if Path(self.env.srcdir, "book", f"{need}.md").is_file():
                result.append(
                    addnodes.pending_xref(
                        "",
                        nodes.inline("", need),
                        refdomain="std",
                        reftype="doc",
                        refdoc=self.env.docname,
                        reftarget=f"/book/{need}",
                        refexplicit=False,
                        refwarn=True,
                    )
                )
            else:
                result.append(nodes.Text(need))
        return result

    @staticmethod
    def _fact(label, content):
        paragraph = nodes.paragraph()
        paragraph += nodes.strong("", label)
        paragraph += nodes.Text(" ")
        paragraph += content
        return nodes.list_item("", paragraph)


class Misstatement(SphinxDirective):
    """A box that corrects something often said.

    The argument names what is corrected (``E-16``, or several with commas), ``:said:``
    is the sentence as one meets it, ``:true:`` the correction in one sentence, the
    body the evidence.
    """

    required_arguments = 1
    final_argument_whitespace = True
    has_content = True
    option_spec: ClassVar = {
        "said": directives.unchanged_required,
        "true": directives.unchanged_required,
    }

    def run(self):
        """Return the box, and note it for the table of all boxes."""
        ids = [word.strip() for word in self.arguments[0].split(",")]
        unknown = [i for i in ids if i not in load_sources(Path(self.env.srcdir))[1]]
        if unknown:
            raise self.error(f"no misstatement is called {', '.join(unknown)}")
        missing = [name for name in ("said", "true") if name not in self.options]
        if missing:
            raise self.error(f"{ids[0]}: the box needs :{missing[0]}:")
        target = "misstatement-" + "-".join(i.lower() for i in ids)
        box = nodes.container(classes=["misstatement"], ids=[target])
        label = nodes.paragraph(classes=["misstatement-label"])
        label += nodes.Text("Misstatement ")
        label += nodes.inline("", ", ".join(ids), classes=["misstatement-id"])
        box += label
        lines = {}
        for name, words in (("said", "Often said"), ("true", "What is true")):
            paragraph = nodes.paragraph(classes=[f"misstatement-{name}"])
            paragraph += nodes.strong("", f"{words} ")
            text, messages = self.state.inline_text(self.options[name], self.lineno)
            paragraph += text
            box += [paragraph, *messages]
            lines[name] = [node.deepcopy() for node in text]
        body = nodes.container(classes=["misstatement-body"])
        self.state.nested_parse(self.content, self.content_offset, body)
        box += body
        self.set_source_info(box)
        if not hasattr(self.env, "course_boxes"):
            self.env.course_boxes = {}
        self.env.course_boxes.setdefault(self.env.docname, []).append(
            {"ids": ids, "target": target, **lines}
        )
        return [box]


def forget_boxes(app, env, docname):
    """Drop what a page noted before it is read again."""
    getattr(env, "course_boxes", {}).pop(docname, None)


def chapter_numbers(assign):
    """Wrap the numbering of _toc.yml: a chapter has the number in its file name."""

    def assign_section_numbers(self, env):
        before = dict(env.toc_secnumbers)
        assign(self, env)
        for docname, numbers in env.toc_secnumbers.items():
            chapter = chapter_number(docname)
            if chapter is None:
                continue
            for anchor, number in numbers.items():
                numbers[anchor] = (chapter, *number[1:]) if number else number
            for node in [env.titles[docname], *env.tocs[docname].findall()]:
                if isinstance(node, nodes.Element) and node.get("secnumber"):
                    node["secnumber"] = [chapter, *node["secnumber"][1:]]
        after = env.toc_secnumbers
        return [name for name in after if after[name] != before.get(name)]

    assign_section_numbers.of_course = True
    return assign_section_numbers


def setup(app):
    """Register directive, transform and hooks with Sphinx."""
    app.add_transform(ChapterHead)
    app.add_directive("misstatement", Misstatement)
    app.connect("env-purge-doc", forget_boxes)
    assign = TocTreeCollectorWithStyles.assign_section_numbers
    if not hasattr(assign, "of_course"):
        TocTreeCollectorWithStyles.assign_section_numbers = chapter_numbers(assign)
    return {"parallel_read_safe": False, "parallel_write_safe": True}
