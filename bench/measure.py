"""Interleaved rounds, medians, ratios, and the verdict on each figure."""

import os
import statistics
import time
from dataclasses import dataclass


class Contender:
    """One thing to measure. `prepare` and `check` are not timed, `action` is.

    An action may return a list of seconds that it measured itself, one for each of
    many short calls.
    """

    label = ""
    ours = False

    def prepare(self, turn):
        pass

    def action(self):
        raise NotImplementedError

    def check(self):
        pass

    def close(self):
        """After the last round."""


@dataclass
class Figure:
    """A ratio of the issue's table: ours against the slower of `against`."""

    text: str
    limit: float
    ours: str
    against: list


@dataclass
class Row:
    """One line of the result."""

    group: str
    text: str
    ours: str
    against: str
    value: float
    unit: str
    limit: float
    note: str = ""

    @property
    def verdict(self):
        if self.limit is None:
            return "-"
        return "OK" if round(self.value, 4) <= self.limit else "MISSED"


def interleave(contenders, rounds, random_source, tell):
    """Seconds of each contender by label; the order is drawn anew for each round.

    One round more than asked for is run first and forgotten.
    """
    seconds = {contender.label: [] for contender in contenders}
    for turn in range(rounds + 1):
        order = random_source.sample(contenders, len(contenders))
        for contender in order:
            took = one_turn(contender, turn)
            if turn > 0:
                seconds[contender.label].extend(took)
        tell(f"  round {turn} of {rounds}", end="\r")
    for contender in contenders:
        contender.close()
    return seconds


def one_turn(contender, turn):
    contender.prepare(turn)
    os.sync()
    began = time.perf_counter()
    own = contender.action()
    took = time.perf_counter() - began
    contender.check()
    return [took] if own is None else own


def rows(group, figures, seconds):
    """A row for each figure whose contenders all were measured."""
    return [
        row(group, figure, seconds)
        for figure in figures
        if all(seconds.get(label) for label in [figure.ours, *figure.against])
    ]


def row(group, figure, seconds):
    ours = statistics.median(seconds[figure.ours])
    slower = max(figure.against, key=lambda label: statistics.median(seconds[label]))
    against = statistics.median(seconds[slower])
    return Row(
        group,
        figure.text,
        f"{figure.ours} {in_words(ours)}",
        f"{slower} {in_words(against)}",
        ours / against,
        "x",
        figure.limit,
        spread(seconds[figure.ours], seconds[slower]),
    )


def spread(ours, against):
    """The middle half of the ratios of the single rounds: how far to trust the median."""
    if len(ours) != len(against):
        return ""
    ratios = sorted(a / b for a, b in zip(ours, against))
    return f"rounds {ratios[len(ratios) // 4]:.2f}-{ratios[-1 - len(ratios) // 4]:.2f}x"


def in_words(seconds):
    return f"{seconds * 1000:.1f} ms" if seconds < 1 else f"{seconds:.2f} s"
