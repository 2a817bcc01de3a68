#!/usr/bin/env python3
"""Makes pictures for the documents of what a terminal shows, and checks that they still tell the truth.

    tmux capture-pane -e -p | picture.py FILE.svg TITLE [FROM=TO]...

The text of the screen stands in the picture's <desc>. If the screen has another text now, this fails and shows the
difference; with UPDATE=1 it draws the picture anew. FROM is a regular expression for what differs from run to run; TO
takes its place, cut or filled up to its length, so that columns stay where they are.
"""
import difflib
import html
import os
import re
import sys

BASIC = "1c1f24 e06c75 98c379 e5c07b 61afef c678dd 56b6c2 c8ccd4 5c6370 ff7b86 b1e08f ffd58a 82c4ff dd92f2 76d6e2 ffffff".split()
FORE, BACK = "c8ccd4", "1c1f24"
WIDTH, HEIGHT, SIZE = 8.4, 18, 14
SGR = re.compile(r"\x1b\[([0-9;:]*)m")


def colour(parts):
    """The colour that follows 38 or 48 in a list of numbers, which loses it."""
    if parts.pop(0) == 2:
        red, green, blue = (parts.pop(0) for _ in range(3))
        return f"{red:02x}{green:02x}{blue:02x}"
    number = parts.pop(0)
    if number < 16:
        return BASIC[number]
    if number > 231:
        return f"{8 + 10 * (number - 232):02x}" * 3
    levels = (0, 95, 135, 175, 215, 255)
    number -= 16
    return "".join(f"{levels[it]:02x}" for it in (number // 36, number // 6 % 6, number % 6))


def change(style, codes):
    """Takes in one escape sequence."""
    parts = [int(it or 0) for it in re.split("[;:]", codes)]
    while parts:
        code = parts.pop(0)
        if code == 0:
            style.clear()
        elif code in (38, 48):
            style["fore" if code == 38 else "back"] = colour(parts)
        elif 30 <= code <= 37 or 40 <= code <= 47:
            style["fore" if code < 40 else "back"] = BASIC[code % 10]
        elif 90 <= code <= 97 or 100 <= code <= 107:
            style["fore" if code < 100 else "back"] = BASIC[8 + code % 10]
        elif code in (39, 49):
            style.pop("fore" if code == 39 else "back", None)
        elif code in (1, 3, 4, 7):
            style[code] = True
        elif 22 <= code <= 27:
            style.pop({22: 1, 23: 3, 24: 4, 27: 7}.get(code), None)


def runs(line, style):
    """Pieces of one look: text and style."""
    at = 0
    for found in SGR.finditer(line):
        if found.start() > at:
            yield line[at:found.start()], dict(style)
        change(style, found.group(1))
        at = found.end()
    if at < len(line):
        yield line[at:], dict(style)


def same_length(to):
    return lambda found: to[: len(found.group())].ljust(len(found.group()))


def draw(lines, text, title):
    columns = max(map(len, text))
    style, out = {}, []
    for row, line in enumerate(lines):
        column = 0
        for piece, look in runs(line, style):
            fore, back = look.get("fore", FORE), look.get("back", BACK)
            if look.get(7):
                fore, back = back, fore
            x, length = 8 + column * WIDTH, len(piece) * WIDTH
            if back != BACK:
                out.append(f'<rect x="{x:.1f}" y="{8 + row * HEIGHT}" width="{length:.1f}" height="{HEIGHT}" fill="#{back}"/>')
            if piece.strip():
                weight = ' font-weight="bold"' if look.get(1) else ""
                slant = ' font-style="italic"' if look.get(3) else ""
                line_under = ' text-decoration="underline"' if look.get(4) else ""
                # Spaces that no program that shows pictures takes together.
                shown = html.escape(piece).replace(" ", "\u00a0")
                out.append(
                    f'<text x="{x:.1f}" y="{8 + row * HEIGHT + 13}" textLength="{length:.1f}" fill="#{fore}"'
                    f"{weight}{slant}{line_under}>{shown}</text>"
                )
            column += len(piece)
    width, height = 16 + columns * WIDTH, 16 + len(lines) * HEIGHT
    plain = html.escape("\n".join(text))
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width:.0f}" height="{height}" role="img" '
        f'font-family="ui-monospace, DejaVu Sans Mono, Menlo, Consolas, monospace" font-size="{SIZE}">\n'
        f"<title>{html.escape(title)}</title>\n<desc>\n{plain}\n</desc>\n"
        f'<rect width="100%" height="100%" rx="6" fill="#{BACK}"/>\n<g>\n'
        + "\n".join(out)
        + "\n</g>\n</svg>\n"
    )


def main():
    path, title, *replacements = sys.argv[1:]
    lines = sys.stdin.read().rstrip("\n").split("\n")
    for it in replacements:
        pattern, to = it.split("=", 1)
        lines = [re.sub(pattern, same_length(to), line) for line in lines]
    text = [SGR.sub("", it).rstrip() for it in lines]
    old = ""
    if os.path.exists(path):
        with open(path, encoding="utf-8") as file:
            old = html.unescape(file.read().split("<desc>\n", 1)[1].split("\n</desc>", 1)[0])
    if os.environ.get("UPDATE") == "1":
        with open(path, "w", encoding="utf-8") as file:
            file.write(draw(lines, text, title))
    elif old.split("\n") != text:
        sys.stderr.writelines(it + "\n" for it in difflib.unified_diff(old.split("\n"), text, path, "screen", lineterm=""))
        sys.exit(f"{path} shows another screen; UPDATE=1 draws it anew")


main()
