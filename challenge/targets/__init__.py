"""The samples track's secret targets (docs/spec.md, section 6): drawn from a season, learned from samples.

draws           the season's targets, one of each kind
target          unit point -> warp -> plane -> fractal -> recolouring
maps            escape-time fractals of any map, exact
kernels         the compiled loops of maps and warps
warp            secret smooth diffeomorphisms of the window
roughness       detail of the warp that no sample shows
recolouring     random monotone maps of [0, 1]
practice_cache  samples and views of the practice season, on disk
sets            samples to learn from, and views to be judged on
"""

from challenge.scoring.tracks import SAMPLES
from challenge.targets.draws import KINDS, draw_target
from challenge.targets.sets import SIZE, Samples, target_views, training_samples
from challenge.targets.target import Target

__all__ = ["KINDS", "SAMPLES", "SIZE", "Samples", "Target", "draw_target", "target_views", "training_samples"]
