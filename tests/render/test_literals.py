"""Every language reads of a literal what was put into it."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from orchestrator.render import literals

HARD = [
    "", "'", "\\", "\\'", "\\\\'", "#{exit}", "#$0 #@a", '"', "`id`", "%x(id) %q(a) %w[b]", "{{ 7*7 }} {% x %} {# y #}",
    "<%= 1 %>", "a\nb", "a\r\nb", "\r", "\0", "\x04", "\x1a", "\n__END__\n", "\n=begin\n", "=end", "\u2028", "\x85",
    "\u202e", "\ufeff", "é ü ß", "日本", "\U0001f600", "\x7f", "\\u{41}", "?a", "a' 'b", "\t", " ", "nil", "$(reboot)",
]  # fmt: skip
TEXT = st.one_of(
    st.text(st.characters(codec="utf-8")), st.text(st.sampled_from("'\\#{}\"\n\r\0 ab%")), st.sampled_from(HARD)
)


def by_ruby(texts: list[str], folder: Path) -> list[str]:
    """What Ruby makes of the texts' literals, in a locale that knows ASCII alone."""
    script = folder / "texts.rb"
    items = ",\n".join(map(literals.ruby, texts))
    script.write_bytes(f"require 'json'\nputs JSON.generate([\n{items}\n])\n".encode())
    answer = subprocess.run(
        ["ruby", str(script)], capture_output=True, check=True, env={"PATH": "/usr/bin", "LANG": "C"}
    )
    read: list[str] = json.loads(answer.stdout)
    return read


def test_ruby_reads_hard_texts(tmp_path: Path) -> None:
    assert by_ruby(HARD, tmp_path) == HARD


@settings(max_examples=15, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(texts=st.lists(TEXT, min_size=20, max_size=60))
def test_ruby_reads_any_text(tmp_path: Path, texts: list[str]) -> None:
    assert by_ruby(texts, tmp_path) == texts


@pytest.mark.parametrize(("value", "literal"), [(None, "nil"), (384, "384"), ("boxA", "'boxA'"), ("#{1}", "'#{1}'")])
def test_ruby_literals(value: object, literal: str) -> None:
    assert literals.ruby(value) == literal


@pytest.mark.parametrize("value", [True, 1.5, b"x", ["x"]])
def test_ruby_takes_nothing_else(value: object) -> None:
    with pytest.raises(TypeError):
        literals.ruby(value)


def test_ruby_refuses_what_is_no_text() -> None:
    with pytest.raises(UnicodeEncodeError):
        literals.ruby("\ud800")


@pytest.mark.parametrize(
    "value", [text for text in HARD if "{" not in text] + [{"a": ["1", 1, None, True, "yes", "02:00", {}]}], ids=repr
)
def test_yaml_reads_it_back(value: object) -> None:
    assert yaml.safe_load(literals.yaml(value)) == value
    assert yaml.safe_load(f"x:\n  y:\n{literals.yaml(value, 4)}\n") == {"x": {"y": value}}


def test_yaml_has_no_aliases() -> None:
    same = ["x"]
    assert "*" not in literals.yaml([same, same])


@pytest.mark.parametrize("value", ["{{ 1 }}", ["{% x %}"], {"a": {"b": "{"}}, {"{{a}}": 1}])
def test_yaml_holds_nothing_that_ansible_would_take_for_a_template(value: object) -> None:
    with pytest.raises(ValueError, match="template"):
        literals.yaml(value)


@pytest.mark.parametrize("text", [*(text for text in HARD if text.isprintable()), "<b>x</b>", "[a](b)", "a|b", "&lt;"])
def test_markdown_shows_the_text_itself(text: str) -> None:
    (heading, inline, _) = MarkdownIt().parse(f"# {literals.markdown(f'x {text} x')}")
    assert heading.tag == "h1"
    assert "".join(child.content for child in inline.children or ()) == f"x {text} x"


def test_markdown_stays_in_its_line() -> None:
    assert "\n" not in literals.markdown("a\nb\r\x85")


@pytest.mark.parametrize(("device", "slot"), [("enp0s8", "0x08"), ("enp0s10", "0x0a"), ("enp0s19", "0x13")])
def test_slots(device: str, slot: str) -> None:
    assert literals.slot(device) == slot


@pytest.mark.parametrize("device", ["eth1", "enp1s8", "enp0s8f1", "enp0s8 "])
def test_no_slot(device: str) -> None:
    with pytest.raises(ValueError, match="no adapter"):
        literals.slot(device)
