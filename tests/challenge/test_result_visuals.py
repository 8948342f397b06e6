import json
import math

import pytest

from challenge.results.result_visuals import (
    Confusion,
    CurveFit,
    PictureFit,
    PlotData,
    ResultVisuals,
    Scatter,
    Series,
    SurfaceFit,
)

EVIDENCE = ResultVisuals(
    controls=(
        CurveFit((0.0, 1.0), (0.2, 0.3), (-1.0, 1.0), (0.1, 0.4)),
        PictureFit(2, 1, 3, (-1, -1, -1, 255, 0, 7), (1, 2, 3, 4, 5, 6)),
        SurfaceFit(((0.0, 0.5, 1.0),), 1, 2, ((0.0, 0.0, 0.0), (1.0, 1.0, 1.0))),
        Confusion(("0", "1"), ((5, 1), (0, 6))),
        Scatter((0.1,), (0.2,)),
    ),
    plots=(
        PlotData(
            "scramble", "octave", "r^2", (Series("seed 1", (2.0,), (0.1,)),), (("rejected above", 0.6),)
        ),
    ),
)


def test_evidence_survives_json():
    assert ResultVisuals.from_json(EVIDENCE.to_json()) == EVIDENCE


def test_nan_does_not_get_into_json():
    with pytest.raises(ValueError, match="JSON compliant"):
        ResultVisuals(controls=(Scatter((math.nan,), (0.0,)),)).to_json()


@pytest.mark.parametrize(
    "spoil",
    [
        lambda v: v | {"version": 2},
        lambda v: {"version": 1},
        lambda v: v | {"controls": [{"kind": "Cube"}]},
        lambda v: v | {"controls": [{"kind": "Scatter", "true": []}]},
        lambda v: v | {"plots": ["scramble"]},
        lambda v: [v],
    ],
)
def test_other_things_are_refused(spoil):
    with pytest.raises(ValueError, match="evidence"):
        ResultVisuals.from_json(json.dumps(spoil(json.loads(EVIDENCE.to_json()))))
