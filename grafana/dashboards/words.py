"""Words for the identifiers that labels hold, as people say them."""

from __future__ import annotations

from collections.abc import Mapping

TOKEN_TYPES: Mapping[str, str] = {
    "uncached_input": "Input, not cached",
    "cache_read": "Cache read",
    "cache_write": "Cache write",
    "cache_write_5m": "Cache write, 5 minutes",
    "cache_write_1h": "Cache write, 1 hour",
    "output": "Output",
}
COST_TYPES: Mapping[str, str] = {
    "tokens": "Tokens",
    "web_search": "Web search",
    "code_execution": "Code execution",
    "session_usage": "Agents' sessions",
}
SERVICE_TIERS: Mapping[str, str] = {
    "standard": "Standard",
    "batch": "Batch",
    "priority": "Priority",
    "priority_on_demand": "Priority, on demand",
    "flex": "Flex",
    "flex_discount": "Flex, discounted",
}
INVITE_STATUS: Mapping[str, str] = {"pending": "Pending", "accepted": "Accepted", "expired": "Expired"}
PRODUCTS: Mapping[str, str] = {
    "all": "All",
    "chat": "Chat",
    "chat_cowork_unified": "Chat and Cowork",
    "claude_code": "Claude Code",
    "claude_design": "Design",
    "claude_tag": "Claude in Slack",
    "cowork": "Cowork",
    "office_agent": "Office",
    "science": "Science",
}
SEATS: Mapping[str, str] = {"assigned": "Assigned", "pending_invite": "Invited"}
GROUPS: Mapping[str, str] = {
    "batch": "Batches",
    "token_count": "Token counting",
    "files": "Files",
    "skills": "Skills",
    "web_search": "Web search",
}
LIMITERS: Mapping[str, str] = {
    "requests_per_minute": "Requests/min",
    "input_tokens_per_minute": "Input tokens/min",
    "input_tokens_per_minute_cache_aware": "Uncached input tokens/min",
    "output_tokens_per_minute": "Output tokens/min",
    "tokens_per_minute": "Tokens/min",
    "tokens_per_day": "Tokens/day",
    "fast_itpmca": "Fast: uncached input/min",
    "fast_otpm": "Fast: output tokens/min",
    "tool_uses_per_second": "Uses/second",
    "enqueued_batch_requests": "Requests in the queue",
}
SCOPES: Mapping[str, str] = {
    "organization": "Organization",
    "workspace": "Workspace",
    "usage_tier": "Anthropic's tier",
}
PERIODS: Mapping[str, str] = {"daily": "Day", "weekly": "Week", "monthly": "Month"}
MODELS: Mapping[str, str] = {"none": "Not for a model"}
ACTORS: Mapping[str, str] = {"unmapped": "Not in the map", "other": "All others", "none": "Without a name"}
ACTOR_TYPES: Mapping[str, str] = {"user": "Person", "api_key": "API key"}
CUSTOMER_TYPES: Mapping[str, str] = {"api": "API", "subscription": "Subscription"}
TOOLS: Mapping[str, str] = {
    "edit": "Edit",
    "multi_edit": "Multi edit",
    "write": "Write",
    "notebook_edit": "Notebook edit",
}
TERMINALS: Mapping[str, str] = {
    "vscode": "VS Code",
    "cursor": "Cursor",
    "iTerm.app": "iTerm",
    "Apple_Terminal": "Apple Terminal",
    "JetBrains-JediTerm": "JetBrains",
    "ghostty": "Ghostty",
    "remote": "Remote",
    "tmux": "tmux",
    "non-interactive": "Without a terminal",
    "none": "Not known",
}
ROLES: Mapping[str, str] = {
    "admin": "Admin",
    "billing": "Billing",
    "claude_code_user": "Claude Code user",
    "developer": "Developer",
    "managed": "Managed",
    "membership_admin": "Membership admin",
    "owner": "Owner",
    "primary_owner": "Primary owner",
    "user": "User",
    "none": "Not known",
}
KEY_STATUS: Mapping[str, str] = {
    "active": "Active",
    "inactive": "Inactive",
    "archived": "Archived",
    "expired": "Expired",
}
COLLECTORS: Mapping[str, str] = {
    "usage": "Usage",
    "cost": "Cost",
    "nowcast": "Nowcast",
    "claude_code": "Claude Code",
    "organization": "Organization",
    "limits": "Limits",
}
SOURCES: Mapping[str, str] = {
    "legacy": "Admin API, reports",
    "analytics": "Analytics API",
    "admin": "Admin API, lists",
}
REASONS: Mapping[str, str] = {
    "auth": "key rejected (401)",
    "forbidden": "not allowed (403, 404)",
    "request": "request refused",
    "rate_limited": "rate limit (429)",
    "timeout": "timeout",
    "network": "network",
    "server": "API's own error (5xx)",
    "schema": "answer not understood",
    "pagination": "pages do not end",
    "bug": "a bug of the exporter",
}
