"""The result as a table for the terminal, Markdown, and JSON."""

import json

HEADINGS = ["figure", "measured", "against", "result", "at most", "", "note"]


def cells(row):
    limit = "" if row.limit is None else f"{row.limit:g} {row.unit}".replace(" x", "x")
    value = f"{row.value:.2f} {row.unit}".replace(" x", "x")
    return [row.text, row.ours, row.against, value, limit, row.verdict, row.note]


def plain_table(rows):
    lines = [HEADINGS, *map(cells, rows)]
    widths = [max(len(line[i]) for line in lines) for i in range(len(HEADINGS))]
    padded = ["  ".join(c.ljust(w) for c, w in zip(line, widths)).rstrip() for line in lines]
    return "\n".join(padded)


def medians_table(medians):
    """Every contender's median, rivals without a figure of ours beside them included."""
    lines = [["group", "contender", "median", "runs"], *medians]
    widths = [max(len(line[i]) for line in lines) for i in range(4)]
    return "\n".join("  ".join(c.ljust(w) for c, w in zip(line, widths)).rstrip() for line in lines)


def markdown(machine, seed, rows, medians):
    text = ["| | |", "| --- | --- |", *(f"| {name} | {fact} |" for name, fact in machine.items())]
    text += [f"| seed | {seed} |", ""]
    text += markdown_table(HEADINGS, map(cells, rows)) + [""]
    text += markdown_table(["group", "contender", "median", "runs"], medians)
    return "\n".join(text) + "\n"


def markdown_table(headings, lines):
    return [
        f"| {' | '.join(headings)} |",
        f"|{' --- |' * len(headings)}",
        *(f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in line)} |" for line in lines),
    ]


def as_json(machine, seed, rows, seconds):
    figures = [{**vars(row), "verdict": row.verdict} for row in rows]
    return json.dumps(
        {"machine": machine, "seed": seed, "figures": figures, "seconds": seconds}, indent=1
    )
