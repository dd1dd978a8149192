"""Asks the boxes: few programs a box, several boxes at once, and every answer kept for the checks that need it."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor, wait
from typing import NamedTuple

from orchestrator.errors import LabError
from orchestrator.model import Box, Lab, Overlay
from orchestrator.verify import links, targets
from orchestrator.verify.backend import Channel, host
from orchestrator.verify.questions import (
    EMPTY,
    PATIENCE,
    PYTHON,
    Key,
    commands,
    ends,
    probe_text,
    sending,
    serving,
    shown,
    taught,
    unanswered,
    whole,
)  # fmt: skip
from orchestrator.verify.results import Evidence
from orchestrator.verify.script import CannotRunError, Patient, Record, Stage, compose, parse
from orchestrator.verify.targets import Edge

AT_ONCE = 4
"""Boxes asked at once. Two cores are full with two; the others are those that wait for what does not answer."""

LAST = 5.0
"""Seconds that a box's commands may take beyond their own deadlines before they are killed."""


EMPTYINGS = 5
"""How often boxes are emptied at most, until nothing is found in them."""


class Answer(NamedTuple):
    """What a probe reported about one thing: ok, failed or error, in its words, and the evidence."""

    status: str
    words: str
    evidence: Evidence


class Survey:
    """The answers of one lab's boxes. Asking begins at once, in threads; whoever wants an answer waits for that one."""

    def __init__(self, lab: Lab, channel: Channel, deadline: float) -> None:
        self.lab, self._channel = lab, channel
        self._deadline, self._lost = deadline, 0.0
        self._hosts = {box.name: host(box.name) for box in lab.boxes}
        self._boxes = ThreadPoolExecutor(AT_ONCE)
        self._probes = ThreadPoolExecutor(targets.ALL_PAIRS_UP_TO + 1)
        self._conductor = ThreadPoolExecutor(1)
        self._asked = {box.name: self._boxes.submit(self._ask, box) for box in lab.boxes}
        self._records = {box.name: self._probes.submit(self._ask_again, box) for box in lab.boxes}
        self._edges = self._conductor.submit(self._probe)

    def record(self, box: str, *key: str) -> Record:
        """What a command printed in a box. Raises CannotRunError where it could not be run."""
        record = self._records[box].result()[key]
        if record.returncode in (126, 127):
            raise CannotRunError(f"{record.argv[0]} cannot be run in {box}", (record.evidence,))
        return record

    def answer(self, edge: Edge, what: str) -> Answer:
        """What the probe reported about an edge: `flooded`, `sent` and `tcp` by its client, `frames` by its server."""
        answer = self._edges.result()[edge][what]
        if isinstance(answer, CannotRunError):
            raise answer
        return answer

    def _patience(self, least: float = PATIENCE) -> float:
        """What of the deadline has not been lost in waiting for what does not answer, and some seconds always.

        Work is not counted: in a large lab, or on a busy host, the last box is heard as long as the first.
        """
        return min(max(self._deadline - self._lost, least), self._deadline)

    def _ask(self, box: Box) -> dict[Key, Record]:
        """Everything, with little patience: a healthy lab needs no more."""
        patience = min(PATIENCE, self._deadline)
        return self._records_of(box, commands(self.lab, box, patience), patience)

    def _ask_again(self, box: Box) -> dict[Key, Record]:
        """With what has not been answered until the deadline, unless a device at either end is seen to be dead."""
        records = self._asked[box.name].result()
        if self._deadline <= PATIENCE or not unanswered(records):
            return records
        wait(self._asked.values())
        again = {key: Patient(records[key].argv) for key in unanswered(records) if self._may_answer(box, key)}
        if not again:
            return records
        patience, started = max(self._patience() - PATIENCE, PATIENCE), time.monotonic()
        stages: list[Stage[Key]] = [again, *taught(self.lab, box)]
        records = records | self._records_of(box, stages, patience)
        if unanswered(records):
            self._lost += time.monotonic() - started
        return records

    def _records_of(self, box: Box, stages: list[Stage[Key]], patience: float) -> dict[Key, Record]:
        script = compose(stages, whole(patience))
        return parse(stages, self._run(box.name, script, timeout=patience + PATIENCE + LAST).output)

    def _may_answer(self, box: Box, key: Key) -> bool:
        return all(self._living(name, address) for name, address in ends(self.lab, box, key))

    def _living(self, box: str, address: str) -> bool:
        """Whether a box's devices let an address of its own answer; where nothing is known of them, they may."""
        try:
            return address in links.living(links.parse(self._asked[box].result()["links",]), self.lab, box)
        except CannotRunError:
            return True

    def _run(self, box: str, command: str, *words: str, name: str = "sh", **keywords: object) -> Evidence:
        """Runs a command by testinfra. What it printed is not bounded here."""
        try:
            result = self._hosts[box].run(command, *words, keep=False, **keywords)
        except LabError as error:
            raise CannotRunError(f"no way into {box}: {error.what}") from error
        said = Evidence(name, result.rc, result.stdout + result.stderr)
        if result.rc != 0:
            raise CannotRunError(f"the commands in {box} ended with status {result.rc}", (said,))
        return said

    def _probe(self) -> dict[Edge, dict[str, Answer | CannotRunError]]:
        wait(self._records.values())  # a box that still pings would keep its neighbours waiting
        edges: dict[Edge, dict[str, Answer | CannotRunError]] = {}
        for overlay in self.lab.overlays:
            for arc in targets.arcs(overlay):
                edges.update(self._probe_arc(overlay, arc))
        return edges

    def _probe_arc(self, overlay: Overlay, arc: tuple[Edge, ...]) -> dict[Edge, dict[str, Answer | CannotRunError]]:
        short, long = min(PATIENCE, self._deadline), self._patience(LAST)
        deadlines = {edge: long if self._pinged(edge) else short for edge in arc}
        token = os.urandom(8).hex()
        serves, sends = {edge.server: edge for edge in arc}, {edge.client: edge for edge in arc}
        said = {
            box: self._probes.submit(self._probe_box, box, [
                *(serving(overlay, serves[box], deadlines[serves[box]], token) if box in serves else ()),
                *(sending(self.lab, overlay, sends[box], deadlines[sends[box]], token) if box in sends else ()),
            ], max(deadlines.values()))
            for box in dict.fromkeys((*sends, *serves))
        }  # fmt: skip
        ours, theirs = ("flooded", "sent", "tcp"), ("frames",)
        return {edge: _of(said[edge.client], *ours) | _of(said[edge.server], *theirs) for edge in arc}

    def _pinged(self, edge: Edge) -> bool:
        try:
            return self.record(edge.client, "ping", edge.overlay, edge.server).returncode == 0
        except CannotRunError:
            return False

    def _probe_box(self, box: str, words: list[str], deadline: float) -> Evidence:
        text = PYTHON.replace("%s", " ".join(["%s"] * len(words)))
        return self._run(box, text, *words, *words, stdin=probe_text(), timeout=deadline + LAST, name=shown(words))

    def join(self) -> None:
        """Waits for all answers and ends the threads, because a fork takes none of them along."""
        self._conductor.shutdown()
        self._probes.shutdown()
        self._boxes.shutdown()

    def _empty_all(self) -> Iterator[str]:
        """Empties each box's neighbour table and its overlays' learned FDB entries; a sentence where that failed.

        All again where anything was found: a last packet may still be on its way, and teach a box that is empty.
        """
        full: list[str] = []
        with ThreadPoolExecutor(AT_ONCE) as pool:
            for _ in range(EMPTYINGS):
                futures = {box.name: pool.submit(self._empty, box) for box in self.lab.boxes}
                lost = {name: why for name, future in futures.items() if (why := future.exception())}
                if lost:
                    yield from (f"What the checks taught {name} could not be emptied: {lost[name]}" for name in lost)
                    return
                full = [name for name, future in futures.items() if future.result()]
                if not full:
                    return
        for name in full:
            yield f"{name} was taught anew each time that it was emptied of what the checks had taught it"

    def _empty(self, box: Box) -> bool:
        """Empties one box; whether there was anything."""
        devices = [overlay.name for overlay, _ in self.lab.vteps(box.name)]
        script = EMPTY.replace("%s", " ".join(["%s"] * len(devices)))
        return bool(self._run(box.name, script, *devices, timeout=LAST).output.strip())

    @contextlib.contextmanager
    def surely_emptied(self, note: Callable[[str], None]) -> Iterator[None]:
        """Whatever happens within, an interrupt too: what is under way is ended, and then everything emptied."""
        try:
            yield
        finally:
            self._channel.stop()
            self._conductor.shutdown(cancel_futures=True)
            self._probes.shutdown(cancel_futures=True)
            self._boxes.shutdown(cancel_futures=True)
            self._channel.closed.clear()
            for sentence in self._empty_all():
                note(sentence)


def _of(future: Future[Evidence], *names: str) -> dict[str, Answer | CannotRunError]:
    """The probe's report about these things; where there is none, why, for each of them."""
    try:
        evidence = future.result()
    except CannotRunError as error:
        return dict.fromkeys(names, error)
    found: dict[str, Answer | CannotRunError] = {
        name: CannotRunError(f"the probe said nothing about {name}", (evidence,)) for name in names
    }
    for line in evidence.output.splitlines():
        name, _, rest = line.partition("\t")
        status, _, words = rest.partition("\t")
        if name in found:
            found[name] = Answer(status, words, evidence)
    return found
