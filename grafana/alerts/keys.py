"""API keys: those that end, and those that never do."""

from __future__ import annotations

from grafana.alerts.days import KEY_NAME
from grafana.alerts.promql import ORGANIZATION, inside, threshold
from grafana.alerts.rules import Alert

BY_KEY = f"{ORGANIZATION}, api_key_id"
KEY = (
    "API key {{ $labels.api_key }} of workspace {{ $labels.workspace }}"
    "{{ with $labels.organization }}, {{ . }},{{ end }}"
)


def _of_active_keys(*seconds: str) -> str:
    names = f"* on ({BY_KEY}) group_left (api_key, workspace_id, workspace)"
    return "\n".join((inside("", *seconds), names, f'{KEY_NAME}{{status="active"}}'))


API_KEY_ALERTS = (
    Alert(
        "AnthropicApiKeyExpiring",
        "warning",
        _of_active_keys(
            f"max by ({BY_KEY}) (anthropic_api_key_expires_timestamp_seconds) - time()",
            f"< {threshold('api_key_expiry_seconds')}",
        ),
        "1h",
        "30m",
        "An API key that is in use expires soon.",
        f"{KEY} expires in {{{{ $value | humanizeDuration }}}}: what uses it will get 401. Replace it before.",
    ),
    Alert(
        "AnthropicApiKeyNotRotated",
        "info",
        _of_active_keys(
            f"time() - max by ({BY_KEY}) (anthropic_api_key_created_timestamp_seconds)",
            f"> {threshold('api_key_age_seconds')}",
        ),
        "1h",
        "30m",
        "An API key is old and has not been replaced.",
        f"{KEY} was created {{{{ $value | humanizeDuration }}}} ago and is still active. Replace it, and disable "
        "the old one.",
    ),
)
