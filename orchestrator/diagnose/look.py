"""What else a box can tell, where its devices are right and its packets still get lost: filters, queues, counters."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from msgspec import Struct

from orchestrator.connections import Connection
from orchestrator.diagnose.impairments import Impairment, Side
from orchestrator.errors import LabError

_QUESTIONS: dict[str, tuple[str, ...]] = {
    "filters": ("nft", "-j", "list", "ruleset"),
    "queues": ("tc", "qdisc", "show"),
    "rules": ("ip", "rule", "show"),
    "damaged": ("nstat", "-asz", "TcpInCsumErrors", "UdpInCsumErrors"),
}
_HOOKS: dict[str, Side] = {
    "prerouting": "in", "input": "in", "ingress": "in", "postrouting": "out", "output": "out", "egress": "out",
}  # fmt: skip
_PLAIN_QUEUES = ("noqueue", "pfifo_fast", "fq_codel", "mq", "fq")


class Sight(Struct, frozen=True):
    """Something in a box that a lab file does not ask for. `side`: which packets it meets, if that is known.

    elsewhere: it speaks of what the other boxes do.
    """

    box: str
    side: Side | None
    what: str
    command: str
    elsewhere: bool = False


def look(boxes: Sequence[str], connection: Connection) -> list[Sight]:
    """What is out of the ordinary in these boxes. What cannot be asked (no nft there) is not told."""
    with ThreadPoolExecutor(2) as pool:
        return [sight for found in pool.map(lambda box: _box(box, connection), boxes) for sight in found]


def favours(sights: Sequence[Sight], candidates: Sequence[Impairment]) -> dict[Impairment, float]:
    """Less than one observation each: what was seen decides between what is else equal."""
    return {
        candidate: max((weight(sight, candidate) for sight in sights), default=0.0) for candidate in candidates
    }  # fmt: skip


def weight(sight: Sight, candidate: Impairment) -> float:
    """How much a sight speaks for an impairment: 0 for nothing, less than 1 for what is out of the ordinary there."""
    if (sight.box == candidate.box) == sight.elsewhere:
        return 0.0
    if sight.elsewhere:  # a counter tells of the past too
        return 0.4 if (sight.side, "tcp") == (candidate.side, candidate.stage) else 0.0
    return 0.6 if sight.side == candidate.side else 0.3 if sight.side is None else 0.2


def _box(box: str, connection: Connection) -> list[Sight]:
    sights: list[Sight] = []
    for topic, argv in _QUESTIONS.items():
        try:
            result = connection.run(box, argv, timeout=10)
        except LabError:
            continue
        if result.returncode == 0:
            sights += _READERS[topic](box, " ".join(argv), result.stdout)
    return sights


def _filters(box: str, command: str, text: str) -> list[Sight]:
    """Chains with rules, by the hook that they are on (nft(8))."""
    try:
        objects: list[dict[str, Any]] = json.loads(text)["nftables"]
    except (ValueError, KeyError, TypeError):
        return []
    chains = {(c["family"], c["table"], c["name"]): c for o in objects if (c := o.get("chain"))}
    filled = {(r["family"], r["table"], r["chain"]) for o in objects if (r := o.get("rule"))}
    found = []
    for key, chain in chains.items():
        side = _HOOKS.get(chain.get("hook", ""))
        if side and (key in filled or chain.get("policy") == "drop"):
            what = f"a packet filter on what {'arrives' if side == 'in' else 'leaves'}: table {chain['table']}"
            found.append(Sight(box, side, what, command.replace(" -j", "")))
    return found


def _queues(box: str, command: str, text: str) -> list[Sight]:
    """Queueing disciplines that are not those that a device has by itself (tc(8))."""
    rows = [line.split() for line in text.splitlines() if line.startswith("qdisc ")]
    return [
        Sight(box, "out", f"{words[1]} limits {words[words.index('dev') + 1]}", command)
        for words in rows
        if words[1] not in _PLAIN_QUEUES and "dev" in words
    ]


def _rules(box: str, command: str, text: str) -> list[Sight]:
    """Routing rules besides the kernel's three (ip-rule(8))."""
    lines = [line.split(":", 1)[1].strip() for line in text.splitlines() if ":" in line]
    foreign = [line for line in lines if line not in ("from all lookup local", "from all lookup main",
                                                      "from all lookup default")]  # fmt: skip
    return [Sight(box, None, f"a routing rule: {line}", command) for line in foreign]


def _damaged(box: str, command: str, text: str) -> list[Sight]:
    """Checksums that were wrong on arrival: it is what another box sent (nstat(8))."""
    rows = [line.split() for line in text.splitlines()]
    return [
        Sight(box, "out", f"{words[1]} packets arrived with a wrong checksum ({words[0]})", command, elsewhere=True)
        for words in rows
        if len(words) > 1 and words[0].endswith("CsumErrors") and words[1].isdecimal() and int(words[1])
    ]


_READERS: Mapping[str, Any] = {"filters": _filters, "queues": _queues, "rules": _rules, "damaged": _damaged}
