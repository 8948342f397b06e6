"""Names that look like somebody else's: refused when a bundle is submitted."""

from sqlalchemy import select
from sqlalchemy.orm import Session

from challenge.bundle.manifest import Manifest
from challenge.bundle.names import skeleton
from leaderboard.errors import Refused
from leaderboard.models import Submission, User


def refuse_look_alikes(session: Session, owner: User, manifest: Manifest) -> None:
    """Refuse an author's or an entry's name that only looks like one of another person.

    The same name, letter by letter, is no look-alike: people share names.

    Args:
        session: reads the names that are taken.
        owner: who submits; their own names are theirs to vary.
        manifest: of the bundle.

    Raises:
        Refused: 422, names the field and what it looks like.
    """
    for field, column in (("author", Submission.author), ("name", Submission.name)):
        wanted = getattr(manifest, field)
        key = skeleton(wanted)
        taken = session.scalars(
            select(column).where(Submission.user_id != owner.id, column != wanted).distinct()
        )
        for other in taken:
            if skeleton(other) == key:
                raise Refused(
                    422,
                    "manifest_invalid",
                    f"submission.toml is not as it should be. {field} looks like {other!r}, which is another "
                    "person's.",
                    f"Choose another {field}. (rule manifest.look-alike)",
                )
