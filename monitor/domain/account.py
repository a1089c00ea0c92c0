"""Who may see and do what."""

from dataclasses import dataclass
from enum import StrEnum


class Role(StrEnum):
    """From the least to the most.

    `VIEWER` looks at live pictures, incidents and figures; `OPERATOR` also judges incidents and exports; `ADMIN` also
    sees the settings and the audit log.
    """

    VIEWER = "viewer"
    OPERATOR = "operator"
    ADMIN = "admin"

    @property
    def rank(self) -> int:
        """0 for the least."""
        return list(Role).index(self)


@dataclass(frozen=True, slots=True)
class Account:
    """Somebody, or a script with a token; `cameras` None means all of them."""

    name: str
    role: Role
    cameras: frozenset[str] | None = None

    def may(self, role: Role) -> bool:
        """Return whether the account can do what needs this role."""
        return self.role.rank >= role.rank

    def sees(self, camera: str) -> bool:
        """Return whether the account may know anything of this camera."""
        return self.cameras is None or camera in self.cameras
