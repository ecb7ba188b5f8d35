# SPDX-License-Identifier: ISC
"""
Links: what a page of prose points to inside the project is there, heading included.
"""
import re

from tree import files


def anchors(text):
    """Headings, spelled as the usual renderers spell them in a link."""
    for heading in re.findall(r"^#+ +(.*?)\s*#*$", text, re.M):
        yield re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


def check(root):
    found = []
    for path, name in files(root, "*.md", "docs/**/*.md", "tests/**/*.md"):
        text = re.sub(r"^```.*?^```", lambda m: re.sub(r"[^\n]", " ", m[0]), path.read_text(), flags=re.M | re.S)
        for m in re.finditer(r"\[[^\]\n]*\]\(([^)\s]+)[^)]*\)", text):
            where = f"{name}:{text.count(chr(10), 0, m.start()) + 1}: the link to {m[1]}"
            target, _, anchor = m[1].partition("#")
            if re.match(r"[a-z]+:", target):
                continue
            goal = (path.parent / target) if target else path
            if not goal.exists():
                found.append(f"{where} leads to no file")
            elif anchor and goal.suffix == ".md" and anchor not in anchors(goal.read_text()):
                found.append(f"{where} leads to no heading")
    return found
