"""Templates look like C: nothing in C is mistaken for a hole, and a missing value is an error."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import jinja2
import pytest
from jinja2 import meta

from mcu_slm import resources, templating
from mcu_slm.compile.meaning import AnswerText, ChannelText, CountsText
from mcu_slm.compile.texts import LayerText, ModelText, TensorText

pytestmark = pytest.mark.unit


@dataclasses.dataclass(frozen=True)
class Values:
    name: str
    items: tuple[int, ...]


@pytest.fixture
def make_template(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    templating.environment.cache_clear()
    monkeypatch.setattr(resources, "folder", lambda _name: tmp_path)
    yield lambda text: (tmp_path / "t.j2").write_text(text, encoding="utf-8")
    templating.environment.cache_clear()


def test_c_initialisers_and_operators_are_left_alone(make_template) -> None:
    text = "int a[] = {{1}, {2}};\nint b = 7 % 3;\n#define X(a) #a\n"
    make_template(text)
    assert templating.render("t.j2", Values("n", ())) == text


def test_statements_comments_and_holes(make_template) -> None:
    make_template("int [[ name ]]; %# not shown\n%% for i in items\n[[ i ]],\n%% endfor\nend\n")
    assert templating.render("t.j2", Values("x", (1, 2))) == "int x;\n1,\n2,\nend\n"


def test_blank_lines_are_kept_after_statements(make_template) -> None:
    make_template("a\n\n%% if name\n\nb\n%% endif\n\n\nc\n\n")
    assert templating.render("t.j2", Values("x", ())) == "a\n\n\nb\n\n\nc\n\n"


def test_a_missing_value_is_an_error(make_template) -> None:
    make_template("LENGTH = [[ missing ]];\n")
    with pytest.raises(jinja2.UndefinedError, match="missing"):
        templating.render("t.j2", Values("x", ()))


def test_values_are_not_rendered_again(make_template) -> None:
    make_template("[[ name ]]\n")
    assert (
        templating.render("t.j2", Values("[[ items ]] {{ 1 }} <&>", ()))
        == "[[ items ]] {{ 1 }} <&>\n"
    )


def test_model_templates_use_all_fields_and_no_others() -> None:
    environment = templating.environment()
    folder = resources.folder("firmware_templates") / "model"
    present = {path.name for path in folder.glob("*.j2")}
    names = ["meaning.c.j2", "model.c.j2", "model.h.j2", "model_layers.h.j2"]
    around_an_interpreter = {"tflm_adapter.cc.j2", "tflm_adapter.h.j2", "tflm_model.c.j2"}
    assert present == {*names, *around_an_interpreter}
    texts = [(folder / name).read_text(encoding="utf-8") for name in names]
    used = set().union(*(meta.find_undeclared_variables(environment.parse(t)) for t in texts))
    assert used == {field.name for field in dataclasses.fields(ModelText)}
    for prefix, kind in (
        ("tensor.", TensorText),
        ("layer.", LayerText),
        ("answer.", AnswerText),
        ("counts.", CountsText),
        ("channel.", ChannelText),
    ):
        for field in dataclasses.fields(kind):
            assert any(prefix + field.name in text for text in texts), field.name
