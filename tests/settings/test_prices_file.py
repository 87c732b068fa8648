from __future__ import annotations

from pathlib import Path

import pytest

from exporter.nowcast.list_prices import LIST, ListPrices, priced
from exporter.settings.model import SettingsError, load
from exporter.settings.prices_file import read_prices

KEY = {"ANTHROPIC_ADMIN_API_KEY": "sk-ant-admin01-x"}
GOOD = "claude-next-1: {uncached_input: 3, output: 15, cache_read: 0.30}\n"
PRICES = "uncached_input, cache_read, cache_write_5m, cache_write_1h, output"


def test_a_model_of_tomorrow_is_welcome(tmp_path: Path) -> None:
    file = tmp_path / "prices.yml"
    file.write_text(GOOD + "claude-opus-5-5: {uncached_input: 1, output: 2, cache_read: 0, cache_write_1h: 7}\n")
    load([f"--cost.prices-file={file}"], KEY)
    prices = ListPrices(read_prices(file))
    assert prices.of("claude-next-1") == prices.of("claude-next-1-20270101") == priced(3, 15, 0.3)
    opus = prices.of("claude-opus-5-5")
    assert opus
    assert (opus.uncached_input, opus.cache_write_5m, opus.cache_write_1h) == (1, 1.25, 7)
    assert prices.of("claude-haiku-4-5") == LIST["claude-haiku-4-5"]


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        ("claude-x: {uncached_input: 3, output: 15}", "claude-x: lacks cache_read"),
        ("claude-x: {}", "claude-x: lacks uncached_input, output, cache_read"),
        ("claude-x: {input: 3}", f"claude-x.input: no such price; they are {PRICES}"),
        ("claude-x: {output: -1}", "claude-x.output: must be US dollars per million tokens, 0 to 10000"),
        ("claude-x: {output: .nan}", "claude-x.output: must be US dollars per million tokens, 0 to 10000"),
        ("claude-x: {output: 1e9}", "claude-x.output: must be US dollars per million tokens, 0 to 10000"),
        ("claude-x: {output: cheap}", "claude-x.output: must be US dollars per million tokens, 0 to 10000"),
        ("claude-x: {output: [1]}", "claude-x.output: must be US dollars per million tokens, 0 to 10000"),
        ("claude-x: 3", "claude-x: must be a mapping of settings"),
        ("claude-x: {output: 1, output: 2}", "claude-x.output: given twice, on lines 1 and 1"),
    ],
)
def test_what_is_wrong_is_refused_by_name(tmp_path: Path, content: str, problem: str) -> None:
    file = tmp_path / "prices.yml"
    file.write_text(content)
    with pytest.raises(SettingsError) as refused:
        load([f"--cost.prices-file={file}"], KEY)
    assert refused.value.problems == [f"--cost.prices-file: {file}: {problem}"]


def test_a_file_that_is_not_there_or_no_yaml_is_refused(tmp_path: Path) -> None:
    for content, problem in ((None, "No such file"), ("{", "not valid YAML"), ("- a", "must be a mapping")):
        file = tmp_path / "prices.yml"
        if content:
            file.write_text(content)
        with pytest.raises(SettingsError, match=problem):
            load([f"--cost.prices-file={file}"], KEY)


def test_the_documentation_has_an_example_that_works(tmp_path: Path) -> None:
    page = (Path(__file__).parents[2] / "docs" / "settings.md").read_text(encoding="utf-8")
    file = tmp_path / "prices.yml"
    file.write_text(page.partition("## List prices")[2].partition("```yaml\n")[2].partition("```")[0])
    assert list(read_prices(file)) == ["claude-next-1"]
