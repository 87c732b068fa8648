"""The page as a real browser shows it, in every state, at every width, in light and dark."""

from __future__ import annotations

import base64
import hashlib
import html
import json
import re
import subprocess
from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.status.chart import chart
from exporter.status.document import Amount, DayCost
from exporter.status.page import CONTENT_SECURITY_POLICY, DESK, PHONE, rendered
from tests.support.endpoint import Endpoint
from tests.support.statuses import LONG_NAME, NOW, STATES, TODAY, organization, spend, status

Json = dict[str, Any]
WIDTHS = (360, 768, 1366)
LEAST_CONTRAST = 4.5  # WCAG 2, level AA
MOST_BYTES = 60_000
# Each page in a frame of its own, and what is wrong with it: the page itself has no script.
FRAMES = """<!doctype html><meta charset="utf-8">{frames}<pre id="found"></pre><script>
function luminance(color) {{
  const [r, g, b] = color.map((part) => ((part /= 255) <= 0.03928 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4));
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
}}
const parts = (text) => text.match(/[\\d.]+/g).map(Number);
function behind(element) {{
  for (let each = element; each; each = each.parentElement) {{
    const color = parts(getComputedStyle(each).backgroundColor);
    if (color.length === 3) return color;
  }}
  return [255, 255, 255];
}}
function looked(frame) {{
  const page = frame.contentDocument, root = page.documentElement, pale = [], outside = [];
  const texts = page.createTreeWalker(page.body, NodeFilter.SHOW_TEXT);
  while (texts.nextNode()) {{
    const element = texts.currentNode.parentElement, said = texts.currentNode.data.trim();
    const box = element.getBoundingClientRect();
    if (!said || !box.width || element.closest('title, details')) continue;
    if (box.right > root.clientWidth + 1 || box.left < -1) outside.push(said.slice(0, 40));
    const style = getComputedStyle(element), color = parts(element.closest('svg') ? style.fill : style.color);
    const [one, other] = [luminance(color), luminance(behind(element))].sort((a, b) => b - a);
    if ((one + 0.05) / (other + 0.05) < {contrast}) pale.push(said.slice(0, 40));
  }}
  const isShown = (element) => getComputedStyle(element).display !== 'none';
  const charts = [...page.querySelectorAll('svg[role=img]')].filter(isShown);
  const headings = [...page.querySelectorAll('h1, h2, h3')].map((heading) => Number(heading.tagName[1]));
  return {{
    state: frame.dataset.state, width: Number(frame.width), scrolls: root.scrollWidth - root.clientWidth, pale, outside,
    headings, dark: matchMedia('(prefers-color-scheme: dark)').matches,
    unnamed: [...page.querySelectorAll('svg[role=img]:not([aria-label]), th:not([scope]), a:empty')].length,
    charts: charts.length,
  }};
}}
onload = () => {{
  const found = [...document.querySelectorAll('iframe')].map(looked);
  document.getElementById('found').textContent = JSON.stringify(found);
}};
</script>"""


def browse(chromium: str, folder: Path, url: str, *flags: str) -> tuple[str, str]:
    """The page as it is once it is loaded, and what the browser logged."""
    command = [
        chromium,
        *("--headless=new", "--no-sandbox", "--disable-gpu", "--enable-logging=stderr", "--dump-dom"),
        f"--user-data-dir={folder / 'profile'}",
        *flags,
        url,
    ]
    done = subprocess.run(command, capture_output=True, check=True, timeout=300)
    return done.stdout.decode(), done.stderr.decode()


@pytest.fixture(scope="module", params=["light", "dark"])
def looked(
    request: pytest.FixtureRequest, program: Callable[[str], str], tmp_path_factory: pytest.TempPathFactory
) -> list[Json]:
    folder = tmp_path_factory.mktemp("pages")
    frames = "".join(
        f'<iframe data-state="{name}" width="{width}" height="900" srcdoc="{html.escape(rendered(each).decode())}">'
        "</iframe>"
        for name, each in STATES.items()
        for width in WIDTHS
    )
    page = folder / "pages.html"
    page.write_text(FRAMES.format(frames=frames, contrast=LEAST_CONTRAST), encoding="utf-8")
    scheme = f"--blink-settings=preferredColorScheme={int(request.param == 'light')}"
    dom, _ = browse(program("chromium"), folder, page.as_uri(), scheme)
    found: list[Json] = json.loads(html.unescape(dom.rpartition('<pre id="found">')[2].partition("</pre>")[0]))
    assert [(each["state"], each["width"]) for each in found] == [(name, width) for name in STATES for width in WIDTHS]
    assert {each["dark"] for each in found} == {request.param == "dark"}
    return found


@pytest.mark.slow
class TestInABrowser:
    def test_nothing_is_wider_than_the_page(self, looked: list[Json]) -> None:
        wrong = [
            (each["state"], each["width"], each["scrolls"], each["outside"])
            for each in looked
            if each["scrolls"] > 0 or each["outside"]
        ]
        assert wrong == []

    def test_every_text_stands_out_from_what_is_behind_it(self, looked: list[Json]) -> None:
        assert [(each["state"], each["width"], each["pale"]) for each in looked if each["pale"]] == []

    def test_headings_are_in_order_and_parts_have_names(self, looked: list[Json]) -> None:
        for each in looked:
            assert all(below <= above + 1 for above, below in pairwise([0, *each["headings"]])), each
            assert each["unnamed"] == 0

    def test_one_chart_is_seen_whatever_the_width(self, looked: list[Json]) -> None:
        assert {each["charts"] for each in looked if each["state"] == "ordinary"} == {1}


@pytest.mark.slow
def test_the_browser_finds_nothing_that_the_page_s_policy_forbids(
    program: Callable[[str], str], tmp_path: Path
) -> None:
    with Endpoint(demo=True) as endpoint:
        dom, log = browse(program("chromium"), tmp_path, endpoint.url)
    assert "these numbers are invented" in dom
    assert "Content Security Policy" not in log


# What it says


def text_of(name: str) -> str:
    return " ".join(html.unescape(re.sub(r"<style>.*?</style>|<[^>]+>", " ", rendered(STATES[name]).decode())).split())


@pytest.mark.parametrize(
    ("state", "said"),
    {
        "ordinary": ("All collectors work", "November so far $", "cost is reported through 26 Nov 00:00 UTC"),
        "spike": ("Demo: these numbers are invented", "Wed 25 Nov cost $3,600 more", "Production (+$3,600)", "+360 %"),
        "failing": (
            "Usage fails since 26 Nov 10:30 UTC (2 h)",
            "502",
            "req_011CVexample",
            "Bad gateway",
            "2 h old",
        ),
        "refused": ("Every collector fails", "there are no numbers yet", "Admin key", "401", "cost_report"),
        "sees_nothing": ("This key sees nothing", "no access to the Admin API", "What to do:", "never"),
        "starting": ("Starting: the first numbers come in a moment",),
        "late": ("Cost is late", "3 h ago"),
        "two_days_late": ("Newest reported day, Tue 24 Nov", "not reported"),
        "nothing_reported": ("not known yet", "Yesterday is not reported"),
        "without_claude_code": ("Switched off: Claude Code, Organization",),
        "organizations": ("company-3", "more-199", "Every collector fails"),
        "no_organization": ("Starting",),
        "large": ("A scrape has 34 MiB", "-promscrape.maxScrapeSize", "--web.max-series"),
    }.items(),
)
def test_it_says_what_is_the_case(state: str, said: tuple[str, ...]) -> None:
    for words in said:
        assert words in text_of(state), words


@pytest.mark.parametrize("state", ["nothing_reported", "starting", "refused", "sees_nothing"])
def test_what_is_not_known_is_no_zero(state: str) -> None:
    assert "$0" not in rendered(STATES[state]).decode()


def test_a_day_that_is_not_reported_is_a_gap_and_no_zero() -> None:
    page = rendered(STATES["two_days_late"]).decode()
    assert "Wed 25 Nov</th><td>not reported</td>" in page
    assert page.count('<rect class="gap"') == 2 * 2 + 1  # two days, two charts, and the legend
    assert "Thu 26 Nov: not reported" in page


def test_the_policy_allows_the_page_s_own_style_alone() -> None:
    (style,) = re.findall(r"<style>(.*?)</style>", rendered(STATES["ordinary"]).decode(), re.DOTALL)
    assert base64.b64encode(hashlib.sha256(style.encode()).digest()).decode() in CONTENT_SECURITY_POLICY
    assert "default-src 'none'" in CONTENT_SECURITY_POLICY


def test_it_asks_nobody_for_anything() -> None:
    for each in STATES.values():
        page = rendered(each).decode()
        assert not re.search(
            r"<script|<link(?! rel=\"icon\" href=\"data:,\")|@import|url\((?!#)|\ssrc=|\sstyle=|\son\w+=", page
        )


def test_its_size_is_bounded() -> None:
    many = tuple(Amount(f"workspace {number}", Decimal(1), Decimal(2)) for number in range(5))
    assert len(rendered(status(NOW, organization(spend=replace(spend(), moved_workspaces=many))))) < MOST_BYTES
    assert len(rendered(STATES["odd_names"])) < MOST_BYTES
    assert len(rendered(STATES["organizations"])) < 6 * MOST_BYTES


@given(name=st.text(min_size=1) | st.just(LONG_NAME))
def test_a_name_is_text_and_nothing_else(name: str) -> None:
    odd = replace(spend(), workspaces=(name,) * 6, moved_workspaces=(Amount(name, Decimal(9), None),))
    page = rendered(status(NOW, organization(name, spend=odd))).decode(errors="strict")
    tags = re.findall(r"<[a-z/!][^>]*>", page)
    plain = rendered(
        status(
            NOW,
            organization(
                "x", spend=replace(odd, workspaces=("x",) * 6, moved_workspaces=(Amount("x", Decimal(9), None),))
            ),
        )
    )
    assert [re.sub(r'title="[^"]*"', "", tag) for tag in tags] == [
        re.sub(r'title="[^"]*"', "", tag) for tag in re.findall(r"<[a-z/!][^>]*>", plain.decode())
    ]


# The geometry of the bars

amounts = st.decimals(min_value=-1_000, max_value=10**9, places=4)
some_days = st.lists(
    st.lists(amounts, min_size=3, max_size=3).map(
        lambda sums: DayCost(TODAY, sum(sums, Decimal(0)), False, tuple(sums))
    )
    | st.just(DayCost(TODAY, None, False)),
    max_size=31,
)


@given(days=some_days, size=st.sampled_from([DESK, PHONE]))
def test_bars_are_as_high_as_their_days_cost_and_within_the_picture(
    days: list[DayCost], size: tuple[int, int, int]
) -> None:
    drawn = chart(days, *size)
    most = max((sum(part for part in day.workspaces_usd if part > 0) for day in days), default=Decimal(0))
    (zero, *_, top) = drawn.ticks
    assert zero.usd == 0
    assert top.usd > 0
    per_dollar = (zero.y - top.y) / float(top.usd)
    assert len(drawn.ticks) <= 6
    for bar, day in zip(drawn.bars, days, strict=True):
        assert bar.x >= 0
        assert bar.x + bar.width <= drawn.plot_width
        for part in bar.parts:
            assert part.height == pytest.approx(float(day.workspaces_usd[part.place]) * per_dollar)
            assert 0 <= part.y <= drawn.plot_height
        whole = float(sum(part for part in day.workspaces_usd if part > 0)) * per_dollar
        assert sum(part.height for part in bar.parts) == pytest.approx(whole)
        assert whole <= drawn.plot_height
    if most >= Decimal("0.04"):
        assert max(sum(part.height for part in bar.parts) for bar in drawn.bars) > drawn.plot_height / 3
