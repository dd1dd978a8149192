"""Programs that labctl runs."""

from __future__ import annotations

import contextlib

from orchestrator import command

TIDY = """trap 'sleep 0.2; echo tidying; echo tidied; exit 7' INT; echo begun; sleep 20 >/dev/null & wait"""


def test_a_long_program_that_is_left_early_may_tidy_up() -> None:
    lines = command.Lines(["sh", "-c", TIDY])
    with contextlib.suppress(KeyboardInterrupt), lines:
        assert next(iter(lines)) == "begun"
        raise KeyboardInterrupt
    assert lines.status == 7
