#!/usr/bin/env python3
"""Checks the links of the book that docs/build made, and lets those that leave it lead to the repository: docs/links.py BOOK [URL]."""

from __future__ import annotations

import os
import posixpath
import re
import sys
from html import unescape
from pathlib import Path
from urllib.parse import unquote, urlsplit

DOCS = Path(__file__).resolve().parent
REPOSITORY = DOCS.parent
LINK = re.compile(r'(?<=[\s"])(href|src)="([^"]*)"')
IDENTIFIER = re.compile(r'\sid="([^"]*)"')


def source(path: str) -> str | None:
    """The repository's file or folder that a link was written for: mdBook makes .html of every .md."""
    for name in (path, re.sub(r"\.html$", ".md", path)):
        if (REPOSITORY / name).exists():
            return name
    return None


class Book:
    """The pages, and what is wrong with them."""

    def __init__(self, folder: Path, url: str | None) -> None:
        self.folder, self.url = folder, url
        self.texts = {p.relative_to(folder).as_posix(): p.read_text(encoding="utf-8") for p in folder.rglob("*.html")}
        self.names = {page: {unescape(i) for i in IDENTIFIER.findall(text)} for page, text in self.texts.items()}
        self.wrong: list[str] = []
        self.links = self.outside = 0

    def link(self, page: str, link: str) -> str:
        """Checks a link; gives what is to stand for it."""
        parts = urlsplit(unescape(link))
        # A page's last words for a path that is not there.
        if parts.scheme or parts.netloc or link.startswith("/") or page == "404.html":
            return link
        self.links += 1
        path = posixpath.normpath(posixpath.join(posixpath.dirname(page), unquote(parts.path))) if parts.path else page
        if path in self.texts:
            if parts.fragment and unquote(parts.fragment) not in self.names[path]:
                self.wrong.append(f"{page}: {link}: there is no such place")
            return link
        if (self.folder / path).exists() and not path.startswith(".."):
            return link
        found = source(posixpath.normpath(posixpath.join("docs", path)))
        if found is None or found.startswith(".."):
            self.wrong.append(f"{page}: {link}: there is no such file")
            return link
        if parts.fragment and found.endswith(".md") and not has_heading(REPOSITORY / found, unquote(parts.fragment)):
            self.wrong.append(f"{page}: {link}: there is no such place")
        self.outside += 1
        base = self.url
        if base is None:
            base = Path(os.path.relpath(REPOSITORY, (self.folder / page).parent)).as_posix()
        return f"{base.rstrip('/')}/{found}" + (f"#{parts.fragment}" if parts.fragment else "")

    def check(self) -> None:
        """Goes through all pages."""
        for page, text in sorted(self.texts.items()):
            new = LINK.sub(lambda m: f'{m[1]}="{self.link(page, m[2])}"', text)
            if new != text:
                (self.folder / page).write_text(new, encoding="utf-8")


def has_heading(path: Path, fragment: str) -> bool:
    """Whether a page has such a heading, as web views name it."""
    text = path.read_text(encoding="utf-8")
    for heading in re.findall(r"^#+ +(.*)$", text, flags=re.MULTILINE):
        words = re.sub(r"\[([^]]*)\]\([^)]*\)", r"\1", heading).strip().lower()
        if re.sub(r"[^\w\- ]", "", words).replace(" ", "-") == fragment:
            return True
    return f'id="{fragment}"' in text


def main() -> int:
    """The check."""
    if len(sys.argv) not in (2, 3):
        print(__doc__, file=sys.stderr)
        return 2
    book = Book(Path(sys.argv[1]).resolve(), sys.argv[2] if len(sys.argv) == 3 else None)
    book.check()
    for line in book.wrong:
        print(line, file=sys.stderr)
    print(f"{len(book.texts)} pages, {book.links} links within the repository, {book.outside} of them out of the book: {len(book.wrong)} wrong")
    return 1 if book.wrong else 0


if __name__ == "__main__":
    sys.exit(main())
