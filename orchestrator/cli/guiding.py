"""`labctl guide`: explains, runs or lets the learner type, compares, goes on."""

from __future__ import annotations

import sys
from argparse import Namespace
from collections.abc import Callable

from orchestrator.cli import paper
from orchestrator.console import Console
from orchestrator.engine import Options
from orchestrator.engine.commands import Outcome
from orchestrator.engine.guiding import Session, find
from orchestrator.errors import Exit
from orchestrator.guide import Command, Exercise, Prose
from orchestrator.guide.model import Step

_HELP = """\
  Enter           runs the command that is shown
  anything else   is run in the same box, in its place; a line such as `boxB# ip link` in another box
  :hint           helps with what the checks find wrong, a little more each time
  :skip           goes on without this step
  :quit           leaves; the guide goes on from here the next time"""
_EXERCISE = """\
  Enter           checks whether it is mended
  boxB# COMMAND   runs a command in a box; or have a shell there, in another terminal: labctl ssh LAB boxB
  :hint           helps, a little more each time
  :skip           mends it, and goes on
  :quit           leaves; the guide goes on from here the next time"""


class _LeaveError(Exception):
    """The learner leaves."""


def guide(options: Namespace, console: Console) -> int:
    """labctl guide LAB"""
    wanted = Options(name=options.name, trust=options.trust)
    interactive = sys.stdin.isatty() and sys.stdout.isatty()
    if options.json or not (options.check or interactive):
        _, _, found, _ = find(options.lab, wanted)
        console.json(found) if options.json else console.data(paper.plain(found))
        return Exit.OK
    restart = options.restart or options.check
    with Session(options.lab, wanted, console.event, restart=restart) as session:
        return _Walk(session, console).through() if options.check else _Talk(session, console).through()


class _Walk:
    """Every step without asking."""

    def __init__(self, session: Session, console: Console) -> None:
        self.session, self.console = session, console
        self.paper = paper.Paper(colour=console.colour)

    def through(self) -> int:
        """Walks from the step where the session is to the end; the exit status."""
        total = len(self.session.guide.steps)
        if self.session.resumed and self.session.step < total:
            self.console.note(f"{self.session.name}: going on at step {self.session.step + 1} of {total}")
        try:
            while self.session.step < len(self.session.guide.steps):
                if not self.take(self.session.guide.steps[self.session.step]):
                    return Exit.CHECK_FAILED
                self.session.done()
        except (_LeaveError, KeyboardInterrupt):
            self.console.data(f"\nleft; labctl guide {self.session.name} goes on from here")
            return Exit.OK
        name = self.session.name
        self.console.data(f"the guide is at its end; labctl down {name} removes the lab, --restart begins anew")
        return Exit.OK

    def take(self, step: Step) -> bool:
        """One step; whether it came out as the guide says."""
        self.console.clear()
        if isinstance(step, Prose):
            self.paper.prose(step.text)
            return True
        return self.command(step) if isinstance(step, Command) else self.exercise(step)

    def command(self, step: Command) -> bool:
        """A command of the guide's."""
        self.paper.command(step.typed)
        return self.compared(step, self.session.commands.run(step, self.paper.output))

    def exercise(self, step: Exercise) -> bool:
        """Breaks, sees that the checks fail, runs the solution, and sees that they pass."""
        self.session.plant(step)
        self.console.clear()
        self.paper.exercise(step.text)
        if self.session.check().exit_code != Exit.CHECK_FAILED:
            self.console.note(f"guide.md:{step.line}: no check fails, though {step.fault} was made in {step.box}")
            return False
        if not all(self.command(command) for command in step.solution):
            return False
        if report := self.session.check().exit_code:
            self.console.note(f"guide.md:{step.line}: the solution does not mend it (verify ends with {int(report)})")
            return False
        return True

    def compared(self, step: Command, outcome: Outcome) -> bool:
        """Says where an outcome is not what the guide expects; whether it is."""
        if outcome.difference is None:
            return True
        self.paper.ended()
        expected = outcome.difference.expected or "nothing more"
        self.console.note(f"guide.md:{step.line}: not as the guide says; expected: {expected.strip()}")
        return False


class _Talk(_Walk):
    """With a learner at a terminal."""

    def command(self, step: Command) -> bool:
        """Shows a command; the learner runs it, or another one."""
        self.paper.command(step.typed)
        while True:
            line = self._ask(f"{step.box}# " if step.box else "$ ", _HELP)
            if line == ":skip":
                return True
            if not line or line == step.text:
                outcome = self._until_stopped(lambda: self.session.commands.run(step, self.paper.output))
                if outcome and self.compared(step, outcome):
                    self.paper.praise("as the guide says" if step.expected else "")
                    if step.beside:
                        self.console.data("  capturing; what it sees comes with the next command")
                    return True
                self.console.data("  Enter runs it again, :hint helps, :skip goes on")
            elif self._own(step, line):
                return True

    def exercise(self, step: Exercise) -> bool:
        """Breaks something, and waits until it is mended."""
        self.session.plant(step)
        self.console.clear()
        self.paper.exercise(step.text)
        while True:
            line = self._ask("exercise> ", _EXERCISE)
            if line == ":skip":
                for command in step.solution:
                    self.paper.command(command.typed)
                self.session.give_up()
                return True
            if line:
                self._other(line)
                continue
            report = self.session.check()
            if report.exit_code == Exit.OK:
                self.paper.praise(f"mended: all {len(report.results)} checks pass")
                return True
            self.console.data(f"  not yet: {report.count('failed')} of {len(report.results)} checks fail; :hint helps")

    def _own(self, step: Command, line: str) -> bool:
        """Runs what the learner typed instead; whether it does what the guide's command does."""
        if not step.box or "# " in line:
            self._other(line)
            return False
        outcome = self._until_stopped(lambda: self.session.commands.typed(step.box, line, self.paper.output))
        if outcome is None:
            return False
        alike = bool(step.expected) or line.split()[:2] == step.text.split()[:2]
        from orchestrator.guide import difference

        if alike and outcome.status == step.status and difference(step.expected, outcome.output) is None:
            if step.expected:
                self.paper.praise("as the guide says")
            else:
                self.console.data("  your way; what comes will show whether it does the same")
            return True
        self.console.data("  Enter runs the guide's command, :skip goes on without it")
        return False

    def _other(self, line: str) -> None:
        """A line such as `boxB# ip link`."""
        box, mark, text = line.partition("# ")
        if not mark or box not in self.session.boxes:
            self.console.data(f"  type for example: {self.session.boxes[0]}# ip -br link  (? tells more)")
        else:
            self._until_stopped(lambda: self.session.commands.typed(box, text, self.paper.output))

    def _until_stopped(self, run: Callable[[], Outcome]) -> Outcome | None:
        """What came of a command; None where Ctrl-C ended it."""
        try:
            return run()
        except KeyboardInterrupt:
            self.paper.ended()
            self.console.data("  stopped")
            return None

    def _ask(self, prompt: str, words: str) -> str:
        """What the learner types; hints and help are given here."""
        import readline  # noqa: F401 - gives input() its history and its keys

        while True:
            self.console.clear()
            try:
                line = input(prompt).strip()
            except EOFError:
                raise _LeaveError from None
            if line in ("?", ":help"):
                self.console.data(words)
            elif line == ":hint":
                self._hint()
            elif line in (":quit", ":q"):
                raise _LeaveError
            elif line.startswith(":") and line != ":skip":
                self.console.data("  ? tells what can be typed here")
            else:
                return line

    def _hint(self) -> None:
        from orchestrator.cli import hinting
        from orchestrator.engine.hinting import hint

        found, report = hint(self.session.name, deadline=3.0, emit=self.console.event)
        self.console.data(self.console.typed("\n".join(hinting.text(found, hinting.passed(report)))))
