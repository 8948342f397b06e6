"""Syntax trees in several threads."""

import ast
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from challenge.util.syntax import parse, parse_expression

SOURCE = Path(__file__).read_bytes()


def test_threads_that_parse_at_the_same_time_get_their_trees():
    with ThreadPoolExecutor(8) as pool:
        dumps = set(pool.map(lambda _: ast.dump(parse(SOURCE)), range(400)))
    assert dumps == {ast.dump(parse(SOURCE))}


def test_an_expression_and_what_is_no_source():
    assert ast.literal_eval(parse_expression(" [1, 'a']")) == [1, "a"]
    with pytest.raises(SyntaxError):
        parse("def")
