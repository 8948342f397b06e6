"""The probe of consistency: what it looks at, and its bound by the precision of the weights."""

import math

import numpy as np
import pytest
import torch
from safetensors.torch import save

from evaluator.probes import consistency


def test_consistency_looks_at_the_worst_point_and_at_what_is_not_finite():
    answers = np.array([0.1, 0.2, np.nan])
    assert consistency.largest_difference(answers, answers) == 0
    assert consistency.largest_difference(answers, answers - np.array([0, 0.02, 0])) == pytest.approx(0.02)
    assert consistency.largest_difference(answers, np.array([0.1, 0.2, 0.3])) == 1
    assert consistency.largest_difference(np.array([np.inf]), np.array([0.5])) == 1


def test_consistency_names_the_way_of_asking_that_was_answered_otherwise():
    assert consistency.result({"one by one": 1e-4, "in rows": 0.0}).passed
    result = consistency.result({"one by one": 1e-4, "in rows": 0.3})
    assert (result.passed, result.figure) == (False, 0.3)
    assert "in rows" in result.sentence
    assert "one by one" not in result.sentence
    assert not consistency.result({"one by one": math.nan}).passed


def half(dtype):
    return save({"a": torch.zeros(3, dtype=dtype)})


def test_the_bound_of_consistency_follows_the_precision():
    answers = np.random.default_rng(0).uniform(0, 1, 100)
    rounded = torch.from_numpy(answers).bfloat16().double().numpy()
    full, bfloat16 = half(torch.float32), half(torch.bfloat16)
    assert consistency.threshold(full, answers) == consistency.THRESHOLD
    assert consistency.threshold(half(torch.float16), answers) == consistency.HALF_THRESHOLDS["F16"]
    assert consistency.threshold(bfloat16, answers) == consistency.HALF_THRESHOLDS["BF16"]
    assert consistency.half_precision(full, rounded) == "BF16"
    result = consistency.result({"in other batches": 0.03}, "BF16")
    assert result.passed
    assert "bfloat16" in result.sentence
    assert not consistency.result({"in other batches": 0.03}).passed
    assert not consistency.result({"in other batches": 0.3}, "BF16").passed
