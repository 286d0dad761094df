"""Which hosts are near: this machine, or one of a private network (DESIGN ruling 5)."""

from __future__ import annotations

_NAMES = (".local", ".lan", ".home", ".internal", ".home.arpa", ".localhost")
_DOTS = str.maketrans("\u3002\uff0e\uff61", "...")


def dotted(host: str) -> str:
    """Return *host* with a plain dot for those of other scripts, which whoever calls it takes for one."""
    return host.translate(_DOTS)


def is_near(host: str) -> bool:
    """Say whether a host is this machine or a private one, by its number or its name; none is looked up."""
    from ipaddress import ip_address  # a millisecond, and not on every run

    host = dotted(host)
    try:
        number = ip_address(host)
    except ValueError:
        name = host.lower().rstrip(".")
        single = "." not in name and not name.isdigit() and name[:2] != "0x"  # 134744072, 0x08080808: 8.8.8.8
        return single or name.endswith(_NAMES)
    number = getattr(number, "ipv4_mapped", None) or number
    return number.is_loopback or number.is_private or number.is_link_local
