"""Accounts and their rights."""

from dataclasses import dataclass
from enum import StrEnum


class Role(StrEnum):
    """The roles, from the fewest rights to the most.

    `VIEWER` sees live pictures, incidents and figures; `OPERATOR` also reviews incidents and exports; `ADMIN` also sees
    the settings and the audit log.
    """

    VIEWER = "viewer"
    OPERATOR = "operator"
    ADMIN = "admin"

    @property
    def rank(self) -> int:
        """The position in the order of rights; 0 for the fewest."""
        return list(Role).index(self)


@dataclass(frozen=True, slots=True)
class Account:
    """A person, or a script with a token; `cameras` None means all of them."""

    name: str
    role: Role
    cameras: frozenset[str] | None = None

    def may(self, role: Role) -> bool:
        """Return whether the account has at least the rights of a role."""
        return self.role.rank >= role.rank

    def sees(self, camera: str) -> bool:
        """Return whether the account may see this camera."""
        return self.cameras is None or camera in self.cameras
