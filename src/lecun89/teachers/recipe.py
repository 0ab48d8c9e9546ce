"""How the teachers of each data set are trained; chosen on the validation split."""

from dataclasses import dataclass

from lecun89.data import get_data


@dataclass(frozen=True)
class Recipe:
    """An ensemble of teachers.

    Attributes:
        members: networks; their seeds are 1 and on.
        width: channels of the first layers.
        passes: over the training split.
        variations: distortions of each digit that are labelled.
    """

    members: int
    width: int
    passes: int
    variations: int


RECIPES = {
    "1989": Recipe(members=3, width=24, passes=100, variations=60),
    "full": Recipe(members=1, width=32, passes=36, variations=60),
    "usps": Recipe(members=3, width=24, passes=100, variations=60),
}
"""By data set; those to tune on have their data set's."""

DISTORTIONS = "adamw+rotation=15+scaling=0.15+shear=0.25+translation=1.2+elastic=0.7+stroke=0.4"
"""The variant whose distortions teachers are trained with: stronger than their student's."""

LABELLED_SEED = 99
"""Of the distortions that are labelled."""


def get_recipe(data: str) -> Recipe:
    """The recipe for a data set.

    Raises:
        UsageError: there is no such data set.
    """
    return RECIPES[get_data(data).base]
