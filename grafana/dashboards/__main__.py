"""`make dashboards`: writes the JSON of every dashboard beside its code."""

from __future__ import annotations

from pathlib import Path

from grafana_foundation_sdk.cog.encoder import JSONEncoder

from grafana.dashboards import claude_code, cost, health, limits, organization, usage

FOLDER = Path(__file__).parent


def dashboards() -> dict[str, str]:
    """The JSON of each dashboard, by file name."""
    encoder = JSONEncoder(sort_keys=True, indent=2)
    built = [module.build() for module in (cost, usage, claude_code, limits, organization, health)]
    return {f"{one.uid}.json": encoder.encode(one) + "\n" for one in built}


def main() -> None:
    for name, text in dashboards().items():
        (FOLDER / name).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
