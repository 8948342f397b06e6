"""Evidence to look at: fits of known data that are as good or as bad as a report says."""

import numpy as np

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

SIDE = 64


def plain(values):
    return tuple(float(v) for v in np.asarray(values, dtype=float).round(4).ravel())


def curve(quality, seed=0):
    """A smooth piece, a step and a kink; a poor fit is their moving average."""
    random = np.random.default_rng(seed)

    def height(x):
        smooth = 0.5 + 0.35 * np.sin(4.4 * x + 0.6)
        stepped = np.where(x < 0.28, 0.15, 0.72)
        return np.where(x < -0.2, smooth, np.where(x < 0.62, stepped, 0.9 - 1.6 * np.abs(x - 0.8)))

    known = random.uniform(-1, 1, 400)
    grid = np.linspace(-1, 1, 241)
    width = max(0.01, 0.7 * (1 - quality))
    fit = np.array([height(np.clip(x + width * np.linspace(-1, 1, 81), -1, 1)).mean() for x in grid])
    return CurveFit(plain(known), plain(height(known)), plain(grid), plain(fit))


def photograph(channels, quality, seed=0):
    """One of the photographs that scikit-learn ships, blurred as much as the fit is poor."""
    from scipy.ndimage import gaussian_filter
    from sklearn.datasets import load_sample_image

    random = np.random.default_rng(seed)
    whole = load_sample_image("flower.jpg" if channels == 3 else "china.jpg")
    square = whole[40 : 40 + 6 * SIDE, 130 : 130 + 6 * SIDE].reshape(SIDE, 6, SIDE, 6, 3).mean((1, 3))
    if channels == 1:
        square = square.mean(axis=2, keepdims=True)
    blur = gaussian_filter(square, (0.7 + 12 * (1 - quality),) * 2 + (0,))
    known = np.where(random.random((SIDE, SIDE, 1)) < 0.32, -1, np.rint(square))
    return PictureFit(
        SIDE, SIDE, channels, tuple(map(int, known.ravel())), tuple(map(int, np.rint(blur).ravel()))
    )


def shell(quality, seed=0):
    """A spiral shell; a poor fit forgets the tube."""
    random = np.random.default_rng(seed)

    def place(u, v, tube):
        angle = np.pi * 2.2 * (u + 1)
        size = np.exp(0.16 * angle)
        out = size * (1 + tube * np.cos(np.pi * v))
        return np.stack(
            [out * np.cos(angle), out * np.sin(angle), size * (1.1 + tube * np.sin(np.pi * v))], axis=-1
        )

    u, v = random.uniform(-1, 1, (2, 900))
    known = place(u, v, 0.45)
    low, span = known.min(axis=0), np.ptp(known, axis=0).max()
    u, v = np.meshgrid(np.linspace(-1, 1, 56), np.linspace(-1, 1, 22), indexing="ij")
    fit = place(u, v, 0.45 * quality**2)
    return SurfaceFit(
        tuple(plain(p) for p in (known - low) / span),
        *u.shape,
        tuple(plain(p) for p in ((fit - low) / span).reshape(-1, 3)),
    )


def digits(quality, seed=0):
    """A linear classifier on scikit-learn's digits, some of whose answers are replaced by chance."""
    from sklearn.datasets import load_digits
    from sklearn.linear_model import RidgeClassifier

    random = np.random.default_rng(seed)
    data = load_digits()
    held = random.permutation(len(data.target))[:800]
    known = np.setdiff1d(np.arange(len(data.target)), held)
    guess = RidgeClassifier().fit(data.data[known], data.target[known]).predict(data.data[held])
    guess = np.where(random.random(800) < quality, guess, random.integers(0, 10, 800))
    counts = np.zeros((10, 10), dtype=int)
    np.add.at(counts, (data.target[held], guess), 1)
    return Confusion(tuple("0123456789"), tuple(tuple(map(int, row)) for row in counts))


def scatter(quality, seed=0):
    """Friedman's first function; a poor fit regresses to the mean."""
    random = np.random.default_rng(seed)
    x = random.random((400, 5))
    true = 10 * np.sin(np.pi * x[:, 0] * x[:, 1]) + 20 * (x[:, 2] - 0.5) ** 2 + 10 * x[:, 3] + 5 * x[:, 4]
    true /= 30
    guess = true.mean() + (true - true.mean()) * quality + random.normal(0, 0.12 * np.sqrt(1 - quality), 400)
    return Scatter(plain(true), plain(guess))


def control(result, seed):
    """Evidence of the kind that a control of that family has."""
    quality = min(max(result["skill"] / max(result["reference"], 0.01), 0.0), 1.0)
    match result["in_features"], result["out_features"], result["task"]:
        case _, _, "classification":
            return digits(quality, seed)
        case 1, _, _:
            return curve(quality, seed)
        case 2, channels, _ if result["family"] != "surface":
            return photograph(channels, quality, seed)
        case 2, 3, _:
            return shell(quality, seed)
    return scatter(quality, seed)


def plots(octaves, *, formula=False):
    """The plots of the probes in a report, and one of a probe that decides nothing."""
    random = np.random.default_rng(3)
    resolved = np.arange(2, max(4, int(octaves)))
    level = 0.8 if formula else 0.09
    shuffled = [
        Series(
            f"seed {k}", plain(resolved), plain(np.clip(level + random.normal(0, 0.04, len(resolved)), 0, 1))
        )
        for k in range(5)
    ]
    mixed = np.logspace(-6, 0, 25)
    sizes = 2.0 ** np.arange(12, 29)
    return (
        PlotData(
            "scramble",
            "octave",
            "r² with the truth, weights shuffled",
            tuple(shuffled),
            (("rejected above", 0.55), ("looked at above", 0.45)),
        ),
        PlotData(
            "consistency",
            "asked again",
            "largest difference",
            (Series("this submission", (0, 1, 2, 3), (0.0, 1.2e-6, 3e-6, 8e-7)),),
            (("rejected above", 5e-3),),
            categories=("permuted", "one by one", "in sevens", "a second sandbox"),
        ),
        PlotData(
            "capacity",
            "bytes of sources and weights",
            "octaves",
            (
                Series("this submission", (270_000.0,), (octaves,)),
                Series(
                    "looked at by a person above", plain(sizes), plain(9.8 + 0.375 * np.log2(sizes / 65536))
                ),
            ),
            log_x=True,
        ),
        PlotData(
            "dose",
            "share of shuffled weights",
            "octaves left",
            (Series("", plain(mixed), plain(octaves / (1 + (mixed / 0.02) ** 1.4))),),
            log_x=True,
        ),
    )


def film(count=16, side=96):
    """Frames of a model that learns the set: sharper and sharper."""
    from scipy.ndimage import gaussian_filter

    from challenge.imaging.pictures import model_image, png_bytes, truth_values
    from challenge.scoring.places import find_place

    truth = truth_values(find_place("base-window"), 0, side)
    grid = truth.reshape(side, side)
    return {
        f"frames/{k:04d}.png": png_bytes(
            model_image(truth, gaussian_filter(grid, 12 * (1 - k / count) ** 2).ravel()), 64
        )
        for k in range(count)
    }


def evidence(report, *, formula=False):
    """Evidence for every control of a report, in its order, and plots for its probes."""
    controls = report["universality"]["controls"]
    return ResultVisuals(
        tuple(control(one, seed) for seed, one in enumerate(controls)),
        plots(report["octaves"], formula=formula),
    )
