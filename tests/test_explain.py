"""The explanation: nothing is left unexplained, and what it tells a person to type works when it is typed."""

from __future__ import annotations

import re
import shlex
import subprocess
from dataclasses import dataclass
from ipaddress import IPv4Address

import msgspec
import pytest

from orchestrator import explain, iproute
from orchestrator.errors import Exit, LabError
from orchestrator.explain.reasons import multicast_mac, reasons
from orchestrator.model import Lab, Route
from orchestrator.plan import desired, sysctls
from tests import sample_labs as samples


def variants() -> dict[str, Lab]:
    """The sample labs, and lab10 with one setting after the other made unusual."""
    labs = {name: samples.EVERY[name]() for name in ("lab9", "lab10", "two", "routed", "long")}
    settings: list[dict[str, object]] = [
        {"port": 8472}, {"ttl": None}, {"mtu": 1400}, {"learning": False}, {"bridge": "br0"}, {"vni": 0},
    ]  # fmt: skip
    for setting in settings:
        overlay = msgspec.structs.replace(labs["lab10"].overlays[0], **setting)
        ((key, value),) = setting.items()
        labs[f"{key}={value}"] = msgspec.structs.replace(labs["lab10"], overlays=(overlay,))
    return labs


LABS = variants()
every = pytest.mark.parametrize("lab", LABS.values(), ids=LABS.keys())


@pytest.mark.parametrize("name", ["lab9", "lab10"])
def test_explanation_is_as_agreed(name: str) -> None:
    samples.golden(f"{name}.explain.txt", explain.text(explain.explain(LABS[name])) + "\n")


@every
def test_every_word_of_every_command_has_its_sentence(lab: Lab) -> None:
    steps = [step for box in explain.explain(lab).boxes for step in box.steps]
    assert steps
    for step in steps:
        assert [word for argument in step.arguments for word in argument.argument.split(" ")] == shlex.split(
            step.command
        )
        assert all(re.fullmatch(r"[A-Z0-9a-z].{11,}\.", argument.why, re.DOTALL) for argument in step.arguments)


@pytest.mark.parametrize(
    "command",
    [
        "ip link add name vxlan0 type vxlan id 100 proxy dev enp0s8",
        "ip link set dev vxlan0 promisc on",
        "ip link add name vxlan0 type macvlan",
        "ip tunnel add vxlan0",
        "sysctl -w net.ipv4.tcp_ecn=1",
    ],
)
def test_a_word_without_a_sentence_is_a_mistake_of_ours(command: str) -> None:
    lab = LABS["lab10"]
    with pytest.raises(LookupError):
        list(reasons(lab, lab.boxes[0], tuple(command.split())))


@every
def test_explanation_survives_json(lab: Lab) -> None:
    explanation = explain.explain(lab)
    assert msgspec.json.decode(msgspec.json.encode(explanation), type=explain.Explanation) == explanation


def test_one_box_is_explained_alone_with_what_it_should_see() -> None:
    explanation = explain.explain(LABS["lab10"], "boxB")
    assert [box.box for box in explanation.boxes] == ["boxB"]
    assert [overlay.box for overlay in explanation.overlays] == ["boxB"]


def test_a_box_that_is_no_member_is_told_nothing_of_the_overlay() -> None:
    assert explain.explain(LABS["routed"], "router").overlays == ()


def test_an_unknown_box_is_an_error_that_names_the_boxes() -> None:
    with pytest.raises(LabError, match="lab10 has no box boxZ") as caught:
        explain.explain(LABS["lab10"], "boxZ")
    assert caught.value.hint == "its boxes are boxA, boxB, boxC"
    assert caught.value.code == Exit.USAGE


@pytest.mark.parametrize(
    ("group", "mac"),
    [("239.255.0.1", "01:00:5e:7f:00:01"), ("224.0.0.1", "01:00:5e:00:00:01"), ("239.128.1.2", "01:00:5e:00:01:02")],
)
def test_ethernet_address_of_a_group(group: str, mac: str) -> None:
    assert multicast_mac(IPv4Address(group)) == mac


@every
@pytest.mark.parametrize("width", [60, 88, 140])
def test_text_keeps_its_width(lab: Lab, width: int) -> None:
    page = explain.text(explain.explain(lab), width=width)
    commands = ("    ip -", "    labctl ")
    lines = [line for line in page.splitlines() if not line.startswith(commands) and len(line.split()) > 1]
    assert max(map(len, lines)) <= width


@every
def test_text_in_colour_says_the_same(lab: Lab) -> None:
    explanation = explain.explain(lab)
    coloured = explain.text(explanation, colour=True)
    assert "\033[" in coloured
    assert re.sub(r"\033\[\d*m", "", coloured) == explain.text(explanation)


@every
def test_text_says_no_reason_twice(lab: Lab) -> None:
    explanation = explain.explain(lab)
    page = " ".join(explain.text(explanation).split())
    whys = {argument.why for box in explanation.boxes for step in box.steps for argument in step.arguments}
    assert {why: page.count(why) for why in whys if page.count(why) != 1} == {}


START = [f"echo {value} > /proc/sys/{path}" for path, value in explain.KERNEL.items()]
"""IPv4 settings of a new namespace are those of its host, whatever they are there."""


@dataclass(frozen=True)
class Typed:
    """What a box shows after somebody typed the explained commands: sh's status and complaint, and the observation."""

    status: int
    stderr: str
    observed: str


def type_by_hand(lab: Lab, box: str) -> Typed:
    """Types what the page says for one box into a shell in a network namespace with the box's adapters."""
    item = lab.box(box)
    page = explain.text(explain.explain(lab, box))
    typed = re.findall(r"^ {4}((?:ip|bridge|sysctl) (?:.*\\\n)*.*)$", page.split("What to look at")[0], re.MULTILINE)
    prepare = [
        line
        for number, adapter in enumerate(item.interfaces)
        for line in (
            f"ip link add {adapter.name} address {adapter.mac} mtu {adapter.mtu} type veth peer name far{number}",
            f"ip link set far{number} mtu {adapter.mtu} up",
        )
    ]
    look = shlex.join(iproute.observe(sysctls(lab, item)))
    script = "\n".join(["set -e", *START, *prepare, *(f"{line} > /dev/null" for line in typed), look])
    done = subprocess.run(["unshare", "-rn", "sh", "-c", script], capture_output=True, text=True, timeout=30)
    return Typed(done.returncode, done.stderr, done.stdout)


@pytest.mark.parametrize(
    ("name", "box"),
    [("lab9", "boxA"), ("lab10", "boxC"), ("two", "boxB"), ("routed", "boxA"), ("routed", "router"), ("long", "")],
)
def test_typed_by_hand_it_is_what_the_reconciler_wants(name: str, box: str) -> None:
    lab = LABS[name]
    box = box or lab.boxes[0].name
    typed = type_by_hand(lab, box)
    assert (typed.status, typed.stderr) == (0, "")
    changes = iproute.reconcile(desired(lab, lab.box(box)), iproute.parse(typed.observed))
    assert [command.argv for command in changes.commands] == []
    assert not changes.conflicts


def test_a_command_left_out_is_noticed() -> None:
    lab = LABS["lab10"]
    box = msgspec.structs.replace(
        lab.boxes[0], routes=(Route(to=lab.networks[0].subnet.supernet(), via=IPv4Address("192.168.50.9")),)
    )
    typed = type_by_hand(lab, "boxA")
    changes = iproute.reconcile(desired(lab, box), iproute.parse(typed.observed))
    assert len(changes.commands) == 1
