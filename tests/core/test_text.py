"""Lists of names as text."""

from __future__ import annotations

from soundbench.core.text import shortened_list, sorted_list, spoken_list


def test_sorted_list_holds_each_value_once() -> None:
    assert sorted_list(["b", "a", "b"]) == "a, b"
    assert sorted_list([10, 9, 10]) == "9, 10"
    assert sorted_list([]) == ""


def test_spoken_list_ends_with_and() -> None:
    assert [spoken_list(names) for names in ([], ["a"], ["a", "b"], ["b", "c", "a"])] == [
        "",
        "a",
        "a and b",
        "b, c and a",
    ]


def test_shortened_list_counts_the_rest() -> None:
    assert shortened_list(["a", "b"], 2) == "a, b"
    assert shortened_list(["a", "b", "c", "d"], 2) == "a, b and 2 more"
