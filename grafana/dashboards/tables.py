"""Tables: a row for each label set, a column for each number."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from grafana_foundation_sdk.builders.common import TableFooterOptions, TableSortByFieldState
from grafana_foundation_sdk.builders.table import Panel as Table
from grafana_foundation_sdk.models.dashboard import DataTransformerConfig, DynamicConfigValue
from grafana_foundation_sdk.models.prometheus import PromQueryFormat

from grafana.dashboards.panels import FULL, PLAIN, Steps, framed, instant, ref, steps_of, texts_of

BLANK = "–"  # noqa: RUF001  a dash
WIDTH_PIXELS = 120


@dataclass(frozen=True)
class Label:
    """A column that shows a label, with words for its values, coloured where they have a colour."""

    title: str
    width_pixels: int | None = None  # what is left
    words: Mapping[str, str] | None = None
    colors: Mapping[str, str] | None = None
    blank: str = BLANK


@dataclass(frozen=True)
class Number:
    """A column that shows the numbers of an instant query; `blank` is the word where there is none.

    `steps` colour the text; with `most` the cell is a gauge that is full there. `texts` are words and colours.
    """

    expr: str
    unit: str = "short"
    decimals: int | None = None
    width_pixels: int = WIDTH_PIXELS
    blank: str = BLANK
    steps: Steps | None = None
    most: float | None = None
    texts: Mapping[str, tuple[str, str]] | None = None


def table(
    title: str,
    description: str,
    labels: Mapping[str, Label],
    numbers: Mapping[str, Number],
    *,
    no_value: str,
    sort: str,
    ascending: bool = False,
    size: tuple[int, int] = FULL,
    total: bool = False,
    filterable: bool = True,
    last: Collection[str] = (),
) -> Table:
    """A row for each label set of the queries, whose other labels (but job, organization, IDs) must not differ.

    The organization is shown where it has a name; the labels `last` are, which have less to say than the numbers.
    """
    # Grafana numbers the values only where there are several.
    values = [f"Value #{ref(number)}" for number in range(len(numbers))] if len(numbers) > 1 else ["Value"]
    titles = dict(zip(values, numbers, strict=True))
    first = [name for name in labels if name not in last]
    organize = {
        "excludeByName": {"Time": True, "job": True, "workspace_id": "workspace" in labels},
        "indexByName": {name: place for place, name in enumerate(["organization", *first, *titles, *last])},
        "renameByName": {
            "organization": "Organization",
            **{name: label.title for name, label in labels.items()},
            **titles,
        },
    }
    panel = framed(Table(), title, description, "short", no_value, size, PLAIN)
    for number, column in enumerate(numbers.values()):
        panel = panel.with_target(instant(column.expr, PromQueryFormat.TABLE).ref_id(ref(number)))
    for label in labels.values():
        panel = panel.override_by_name(label.title, _of_label(label))
    for name, column in numbers.items():
        panel = panel.override_by_name(name, _of_number(column))
    return (
        panel.with_transformation(DataTransformerConfig("merge", options={}))
        .with_transformation(DataTransformerConfig("organize", options=organize))
        .filterable(filterable)
        .footer(TableFooterOptions().show(total).reducer(["sum"]))
        .sort_by([TableSortByFieldState().display_name(sort).desc(not ascending)])
    )


def _of_label(label: Label) -> list[DynamicConfigValue]:
    words, colors = label.words or {}, label.colors or {}
    texts = {value: (words.get(value, value), colors.get(value, "text")) for value in {**words, **colors}}
    properties = [DynamicConfigValue("noValue", label.blank)]
    if label.width_pixels:
        properties.append(_width(label.width_pixels))
    if texts:
        properties.append(DynamicConfigValue("mappings", [texts_of(texts)]))
    if colors:
        properties.append(_cells("color-text"))
    return properties


def _of_number(column: Number) -> list[DynamicConfigValue]:
    # Without a word of its own, a blank cell would say that the whole table has no data.
    properties = [
        DynamicConfigValue("unit", column.unit),
        DynamicConfigValue("noValue", column.blank),
        _width(column.width_pixels),
    ]
    if column.decimals is not None:
        properties.append(DynamicConfigValue("decimals", column.decimals))
    if column.texts:
        properties.append(DynamicConfigValue("mappings", [texts_of(column.texts)]))
    if column.steps:
        properties.append(DynamicConfigValue("thresholds", steps_of(column.steps).build()))
    if column.most is not None:
        properties += [DynamicConfigValue("min", 0), DynamicConfigValue("max", column.most), _gauge()]
    elif column.steps or column.texts:
        properties.append(_cells("color-text"))
    return properties


def _width(pixels: int) -> DynamicConfigValue:
    return DynamicConfigValue("custom.width", pixels)


def _cells(kind: str) -> DynamicConfigValue:
    return DynamicConfigValue("custom.cellOptions", {"type": kind})


def _gauge() -> DynamicConfigValue:
    return DynamicConfigValue("custom.cellOptions", {"type": "gauge", "mode": "basic", "valueDisplayMode": "color"})
