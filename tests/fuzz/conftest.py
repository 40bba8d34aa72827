"""A real server's database, as the tests of faults prepare theirs."""

from tests.faults.conftest import prepared

__all__ = ["prepared"]
