"""Unfit texts are found by a glance at the JSON and a walk: the glance must miss none."""

from hypothesis import example, given, settings
from hypothesis import strategies as st

from passes.face_rules import text_fault, text_faults

CHARACTERS = st.characters() | st.sampled_from('\0\x07\b\f\n\r\t\x1f\x7f\\"nubf\ud800')


@settings(max_examples=300, deadline=None)
@given(st.text(CHARACTERS, max_size=20))
@example("\\u0000")
@example("\\\0")
@example("\\\\b")
@example("x" * 4_000)
@example("é" * 4_001)
def test_a_text_is_found_where_it_is_unfit_and_only_then(text: str) -> None:
    document = {"one": "two", "list": [1, {"field": text}]}

    found = list(text_faults(document))

    fault = text_fault(text)
    assert found == ([("list[1].field", fault)] if fault else [])
