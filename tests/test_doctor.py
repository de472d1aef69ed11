"""What doctor says of a full installation; `test_lean` has what it says of a plain one."""

from __future__ import annotations

from facekit.base import plugins
from facekit.commands import doctor


def test_every_extra_that_is_installed_has_a_version() -> None:
    checks = {check.name: check for check in doctor._extras()}
    assert checks.keys() == plugins.EXTRAS.keys() - {"tensorflow"}
    for name, check in checks.items():
        assert check.ok == plugins.installed(name)
        assert bool(check.found) == check.ok
        assert bool(check.mend) != check.ok
    assert checks["dlib"].ok, "its distribution is called otherwise"


def test_without_other_packages_there_is_nothing_to_say_of_their_commands() -> None:
    assert doctor._commands() == []
