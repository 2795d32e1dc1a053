"""How long torch's threads wait for each other at full speed.

Torch's CPU operators are many short parallel regions, at whose ends OpenMP's threads wait for each other. GCC's OpenMP,
which torch's Linux wheels bring along, lets them spin some 300,000 times, milliseconds, before they sleep. Where
another process has one of the cores, each such wait lasts until that process is put aside. docs/usage/speed.md has
figures.
"""

from __future__ import annotations

from collections.abc import Mapping

#: Some tens of microseconds: longer than most regions are apart, far shorter than the turn of another process.
_SPINS = 1000

#: With any of these a user has said how threads wait.
_OWN = ("GOMP_SPINCOUNT", "OMP_WAIT_POLICY", "KMP_BLOCKTIME", "KMP_LIBRARY")


def wait_settings(arguments: list[str], environment: Mapping[str, str], cores: int) -> dict[str, str]:
    """Return what to add to the environment before torch is loaded, which reads it then and never again.

    Args:
        arguments: of the command line. `bench` measures torch as its users have it, so nothing is set for it.
        environment: of the process; how a user has set threads to wait stays as it is.
        cores: of the machine; with one there is nobody to wait for.
    """
    if cores < 2 or arguments[:1] == ["bench"] or any(name in environment for name in _OWN):
        return {}
    return {"GOMP_SPINCOUNT": str(_SPINS)}
