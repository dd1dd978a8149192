"""What a lab's own tests may ask for, as a pytest plugin: `lab`, `box` and testinfra's `host`."""

from __future__ import annotations

import pytest
from testinfra.host import Host  # type: ignore[import-untyped]

from orchestrator.model import Box, Lab
from orchestrator.verify.backend import host as host_of

LAB = pytest.StashKey[Lab]()
"""Where pytest's configuration keeps the lab."""


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """A test that asks for `host` or `box` runs once for each box."""
    if "_box_name" in metafunc.fixturenames:
        names = [box.name for box in metafunc.config.stash[LAB].boxes]
        metafunc.parametrize("_box_name", names, ids=[f"labctl://{name}" for name in names], scope="module")


@pytest.fixture(scope="session")
def lab(request: pytest.FixtureRequest) -> Lab:
    """The lab, as resolved."""
    return request.config.stash[LAB]


@pytest.fixture(scope="module")
def box(lab: Lab, _box_name: str) -> Box:
    """The box that the test is run for."""
    return lab.box(_box_name)


@pytest.fixture(scope="module")
def host(_box_name: str) -> Host:
    """testinfra's host of that box."""
    return host_of(_box_name)
