from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.reliability.telemetry.listener import Listener


@pytest.fixture(scope="package")
def installed() -> Iterator[Listener]:
    """The one listener of the process; providers can be set only once."""
    listener = Listener()
    listener.install()
    yield listener
    listener.shut_down()


@pytest.fixture
def listener(installed: Listener) -> Listener:
    installed.forget()
    return installed
