"""One number and what it means: plain, judged by a colour, or against another one."""

from __future__ import annotations

from collections.abc import Mapping

from grafana_foundation_sdk.builders.common import ReduceDataOptions, VizTextDisplayOptions
from grafana_foundation_sdk.builders.stat import Panel as Stat
from grafana_foundation_sdk.models.common import (
    BigValueColorMode,
    BigValueGraphMode,
    BigValueTextMode,
    PercentChangeColorMode,
)
from grafana_foundation_sdk.models.dashboard import DataTransformerConfig
from grafana_foundation_sdk.models.prometheus import PromQueryFormat

from grafana.dashboards.panels import NO_DATA, PLAIN, Steps, framed, in_words, instant, texts_of

SMALL = (4, 4)
# By the panel's height. By itself a number grows with the width, until with its change it is over the title.
VALUE_PIXELS = {3: 30, 4: 40, 5: 46}
# A rise is good news, bad news, or no news.
GOOD, BAD, NEITHER = (
    PercentChangeColorMode.STANDARD,
    PercentChangeColorMode.INVERTED,
    PercentChangeColorMode.SAME_AS_VALUE,
)


def stat(
    title: str,
    description: str,
    expr: str,
    *,
    unit: str,
    decimals: int | None = None,
    no_value: str = NO_DATA,
    steps: Steps = PLAIN,
    texts: Mapping[str, tuple[str, str]] | None = None,
    shown_label: str = "",
    size: tuple[int, int] = SMALL,
) -> Stat:
    """One number, or a label in its place. `steps` judge it by a colour, `texts` are words and colours for values."""
    panel = _stat(title, description, unit, decimals, no_value, size, steps, is_number=not shown_label)
    if texts:
        panel = panel.mappings([texts_of(texts)]).color_mode(BigValueColorMode.BACKGROUND)
    return panel.text_mode(BigValueTextMode.NAME if shown_label else BigValueTextMode.AUTO).with_target(
        instant(expr).legend_format(f"{{{{{shown_label}}}}}" if shown_label else "")
    )


def change(
    title: str,
    description: str,
    now: str,
    before: str,
    *,
    unit: str,
    rise: PercentChangeColorMode,
    decimals: int | None = None,
    no_value: str = NO_DATA,
    steps: Steps = PLAIN,
    size: tuple[int, int] = SMALL,
) -> Stat:
    """A number, and by how much it differs from what it was before; without the latter, the number alone."""
    # Grafana says nothing of a change from infinity; without that row it would say 0%.
    known = f"((({before}) != 0) and on () ({now})) or 0 * ({now}) + Inf"
    rows = " or ".join(f'label_replace({expr}, "row", "{n}", "", "")' for n, expr in enumerate((known, now)))
    columns = {"excludeByName": {"Time": True, "row": True}}
    return (
        _stat(title, description, unit, decimals, no_value, size, steps)
        .with_target(instant(rows, PromQueryFormat.TABLE))
        .with_transformation(DataTransformerConfig("sortBy", options={"fields": {}, "sort": [{"field": "row"}]}))
        .with_transformation(DataTransformerConfig("organize", options=columns))
        .show_percent_change(True)
        .percent_change_color_mode(rise)
    )


def states(
    title: str,
    description: str,
    found: Mapping[str, tuple[str, str, str]],
    *,
    label: str,
    words: Mapping[str, str],
    size: tuple[int, int],
) -> Stat:
    """What is the case: of each query that finds something, whose value is 1, a name, words and their colour.

    Without a name of its own it is that of the label.
    """
    parts, texts = [], {}
    for number, (expr, (name, text, color)) in enumerate(found.items(), start=1):
        part = f"{number} * ({expr})"
        parts.append(f'label_replace({part}, "{label}", "{name}", "", "")' if name else part)
        texts[str(number)] = (text, color)
    panel = _stat(title, description, "short", None, NO_DATA, size, PLAIN)
    return (
        in_words(panel, words)
        .with_target(instant(" or ".join(parts)).legend_format(f"{{{{{label}}}}}"))
        .mappings([texts_of(texts)])
        .color_mode(BigValueColorMode.BACKGROUND)
        .text_mode(BigValueTextMode.VALUE_AND_NAME)
    )


def _stat(
    title: str,
    description: str,
    unit: str,
    decimals: int | None,
    no_value: str,
    size: tuple[int, int],
    steps: Steps,
    *,
    is_number: bool = True,
) -> Stat:
    panel = framed(Stat(), title, description, unit, no_value, size, steps)
    if decimals is not None:
        panel = panel.decimals(decimals)
    if is_number and (pixels := VALUE_PIXELS.get(size[1])):
        panel = panel.text(VizTextDisplayOptions().value_size(pixels))
    return (
        panel.color_mode(BigValueColorMode.VALUE)
        .graph_mode(BigValueGraphMode.NONE)
        .reduce_options(ReduceDataOptions().calcs(["lastNotNull"]))
    )
