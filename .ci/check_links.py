#!/usr/bin/env python3
"""Follows the links of the papers: README.md, ARCHITECTURE.md, CHANGELOG.md, everything in docs/ and
the READMEs beside the code. A relative link leads to a file or folder of the repository, an anchor to
a heading, by GitHub's rules; an http(s) address is well-formed, and is not called. Every page in docs/
can be reached from README.md. README.md and ARCHITECTURE.md stay short."""

import re
import subprocess
import sys
import unicodedata
from pathlib import Path
from urllib.parse import unquote, urlsplit

ROOT = Path(__file__).resolve().parent.parent
PAPERS = {ROOT / name for name in ("README.md", "ARCHITECTURE.md", "CHANGELOG.md")}
MOST_BYTES = {"README.md": 8_000, "ARCHITECTURE.md": 6_000}

FENCE = re.compile(r"^ {0,3}(`{3,}|~{3,})[^\n]*\n.*?^ {0,3}\1[`~]*[ \t]*$", re.DOTALL | re.MULTILINE)
CODE = re.compile(r"(?<!`)(`+)(?!`)(.+?)(?<!`)\1(?!`)", re.DOTALL)
COMMENT = re.compile(r"<!--.*?-->", re.DOTALL)
HEADING = re.compile(r"^ {0,3}#{1,6}[ \t]+(.*?)[ \t]*#*[ \t]*$", re.MULTILINE)
# Of [text](address "title") and ![text](address); the text may hold brackets once more.
INLINE = re.compile(
    r"!?\[((?:[^\[\]]|\[[^\[\]]*\])*)\]"
    r"\(\s*(<[^<>\n]*>|[^\s()<]+(?:\([^\s()]*\)[^\s()]*)*)(?:\s+(?:\"[^\"]*\"|'[^']*'))?\s*\)"
)
DEFINITION = re.compile(r"^ {0,3}\[([^\[\]]+)\]:[ \t]*(\S+)", re.MULTILINE)
REFERENCE = re.compile(r"\[([^\[\]]+)\]\[([^\[\]]*)\]")
AUTOLINK = re.compile(r"<(https?:[^<>\s]*)>")
BARE = re.compile(r"https?://[^\s<>()\[\]\"'`|]+")
ATTRIBUTE = re.compile(r"<[a-z][^<>]*?\s(?:href|src)=\"([^\"]*)\"", re.IGNORECASE)
ANCHOR = re.compile(r"<[a-z][^<>]*?\s(?:id|name)=\"([^\"]*)\"", re.IGNORECASE)
HOST = re.compile(r"[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*", re.IGNORECASE)


def prose(text):
    """The text without its code, in which nothing is a link."""
    return CODE.sub("", COMMENT.sub("", FENCE.sub("", text)))


def slug(heading):
    """The anchor that GitHub makes of a heading: in lower case, with letters, digits, hyphens and
    underscores, and with hyphens instead of spaces."""
    shown = CODE.sub(r"\2", INLINE.sub(r"\1", heading))
    # Emphasis is not shown. An underscore within a word is not emphasis.
    shown = re.sub(r"\*+|(?<!\w)_+|_+(?!\w)", "", shown)
    kept = [char for char in shown.strip().lower() if char in "-_ " or unicodedata.category(char)[0] in "LMN"]
    return "".join(kept).replace(" ", "-")


def anchors(text):
    text = COMMENT.sub("", FENCE.sub("", text))
    found = set(ANCHOR.findall(text))
    for heading in HEADING.findall(text):
        name, count = slug(heading), 0
        # The second heading of the same name ends with -1.
        numbered = name
        while numbered in found:
            count += 1
            numbered = f"{name}-{count}"
        found.add(numbered)
    return found


def links(text):
    text = prose(text)
    targets = [address.strip("<>") for _, address in INLINE.findall(text)]
    # If a picture is a link, it stands in the link's text.
    targets += [address.strip("<>") for shown, _ in INLINE.findall(text) for _, address in INLINE.findall(shown)]
    definitions = {name.lower(): address.strip("<>") for name, address in DEFINITION.findall(text)}
    targets += definitions.values()
    spoiled = re.findall(r"\]\([^\n]{0,40}", INLINE.sub("", INLINE.sub(r"\1", text)))
    problems = [f"{rest} is no link: an address has no spaces" for rest in spoiled]
    problems += [
        f"[{shown}][{name}] leads nowhere: there is no line [{name or shown}]: …"
        for shown, name in REFERENCE.findall(text)
        if (name or shown).lower() not in definitions
    ]
    targets += AUTOLINK.findall(text) + ATTRIBUTE.findall(text) + [url.rstrip(".,;:!?") for url in BARE.findall(text)]
    return list(dict.fromkeys(targets)), problems


def wrong_address(address):
    """What is wrong with an http(s) address, if anything is."""
    try:
        url = urlsplit(address)
        host, _ = url.hostname or "", url.port
    except ValueError as error:
        return str(error)
    if url.scheme not in ("http", "https"):
        return f"the scheme {url.scheme} is not http or https"
    if not HOST.fullmatch(host):
        return f"{host!r} is no host"
    if re.search(r"[\s\\{}^`|<>]", address) or re.search(r"%(?![0-9a-fA-F]{2})", address):
        return "a character of it must be percent-encoded"
    return None


def tracked():
    """The files that a clone has, with those that are about to be added, and their folders."""
    listed = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    names = subprocess.run(listed, cwd=ROOT, check=True, capture_output=True, text=True).stdout.split("\0")
    files = {ROOT / name for name in names if name and (ROOT / name).exists()}
    return files | {folder for file in files for folder in file.parents}


def follow(page, target, known, headings):
    """Where a relative link leads, and what is wrong with it."""
    path, _, anchor = target.partition("#")
    if path.startswith("/"):
        return None, "is absolute; GitHub and an editor would look in different places"
    place = (page.parent / unquote(path)).resolve() if path else page
    if not place.is_relative_to(ROOT):
        return None, "leads out of the repository"
    if place not in known:
        return None, "leads to no file"
    if path.endswith("/") and not place.is_dir():
        return None, "is no folder"
    if anchor:
        if place.suffix != ".md":
            return place, "has an anchor, and leads to no page"
        if place not in headings:
            headings[place] = anchors(place.read_text())
        if unquote(anchor) not in headings[place]:
            return place, f"names no heading of {place.relative_to(ROOT)}"
    return place, None


def is_doc(page):
    return page.suffix == ".md" and page.is_relative_to(ROOT / "docs")


def main():
    known = tracked()
    pages = sorted(page for page in known if page in PAPERS or page.name == "README.md" or is_doc(page))
    headings, leads, problems, count = {}, {}, [], 0
    for page in pages:
        name = page.relative_to(ROOT)
        targets, unresolved = links(page.read_text())
        problems += [f"{name}: {problem}" for problem in unresolved]
        leads[page] = set()
        for target in targets:
            count += 1
            if re.match(r"[a-z][a-z0-9+.-]*:", target, re.IGNORECASE):
                problem = wrong_address(target)
            else:
                place, problem = follow(page, target, known, headings)
                leads[page].add(place)
            if problem:
                problems.append(f"{name}: {target}: {problem}")

    reached, ahead = set(), [ROOT / "README.md"]
    while ahead:
        page = ahead.pop()
        if page not in reached:
            reached.add(page)
            ahead += leads.get(page, ())
    alone = [page.relative_to(ROOT) for page in pages if is_doc(page) and page not in reached]
    problems += [f"{name}: no link leads here from README.md" for name in alone]
    for name, most in MOST_BYTES.items():
        size = (ROOT / name).stat().st_size
        if size > most:
            problems.append(f"{name}: has {size} bytes; {most} are the most")

    for problem in problems:
        print(f"docs: {problem}", file=sys.stderr)
    if not problems:
        print(f"docs: {count} links of {len(pages)} pages lead somewhere")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
