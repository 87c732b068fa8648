"""For an exporter under test: a request that is no HTTP is a line in its log, so that a test can fill that."""

import os

import structlog

import exporter.lines
from exporter.web.protocol import BoundedProtocol

exporter.lines.MOST_LINES = int(os.environ.get("TEST_MOST_LINES", exporter.lines.MOST_LINES))
_send_400_response = BoundedProtocol.send_400_response


def _told(self: BoundedProtocol, msg: str) -> None:
    structlog.get_logger().warning(msg)
    _send_400_response(self, msg)


BoundedProtocol.send_400_response = _told  # type: ignore[method-assign]  # that is the purpose
