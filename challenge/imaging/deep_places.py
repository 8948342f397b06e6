"""Places with structure far below float64, for the explorer: centres in decimal digits.

How they were found: spiral and star by Newton's method as points whose orbits fall into a cycle (preperiod
24, period 2; preperiod 4, period 1), which look alike at every depth; the minibrot as a nucleus (period 936)
that lies 2^-60 from the spiral.
"""

from typing import Final

from challenge.scoring.places import NamedCentre


class DeepPlace(NamedCentre[str]):
    """A named centre in decimal digits."""


DEEP_PLACES: Final[tuple[DeepPlace, ...]] = (
    DeepPlace(
        "deep-spiral",
        "Deep spiral",
        "A spiral that goes on, with two arms, at every octave down to 300.",
        (
            "-0.7756837680090537974694835039347410457282465046158003947949520014006660172228195898948831593687822550282523",
            "0.1364673682946901247332744096178487651977721115924676964078001954008356659748155008754486112441786566257068",
        ),
        range(2, 301),
    ),
    DeepPlace(
        "deep-star",
        "Deep star",
        "Three arms that meet at a point, at every octave down to 300.",
        (
            "-0.1010963638456221610257854457386225654638054428262534838769311776607808407404705842748212198105167790334045",
            "0.9562865108091415007710960577299774358098333365105291700343143215005246590657167325269784107873398072043445",
        ),
        range(2, 301),
    ),
    DeepPlace(
        "deep-minibrot",
        "Deep minibrot",
        "A copy of the whole set in the arms of the deep spiral, 2^130 times smaller.",
        (
            "-0.7756837680090537960639056633677861365608429838853721864938444893834209566230333237520153475778323724091332",
            "0.1364673682946901246134748360857409612970995246842737032075215307117738226296081795912653439757477440571972",
        ),
        range(2, 134),
    ),
)
