"""What is wrong with the proxy that a download goes through, in one sentence."""

import os
from urllib.parse import urlsplit

from requests.utils import get_environ_proxies, select_proxy

AS_URL = "write it as http://HOST:PORT"
SIGNS = {
    "407": ("asks for a name and a password (407)", "write it as http://NAME:PASSWORD@HOST:PORT"),
    "missing dependencies for socks": (
        "speaks SOCKS, for which a package is missing",
        'install it with pip install "requests[socks]"',
    ),
    "tunnel connection failed": ("does not let downloads through", "ask those who run it"),
    "unsupported scheme": ("is no address of a proxy", AS_URL),
    "malformed": ("is no address of a proxy", AS_URL),
    "failed to parse": ("is no address of a proxy", AS_URL),
    "only use http and not https": ("speaks HTTP, not HTTPS", AS_URL),
    "refused": ("refuses connections", ""),
    "resolve": ("has a name that cannot be looked up", ""),
    "not known": ("has a name that cannot be looked up", ""),
    "timed out": ("does not answer in time", ""),
    "timeout": ("does not answer in time", ""),
    "proxyerror": ("cannot be used", ""),
}
"""What a proxy does, and what to do then, by what is in the error of requests; the first that is there."""


def failing_proxy(url: str, error: Exception) -> str | None:
    """Says which proxy is at fault for this error of requests, who names it, and what to do.

    Returns None if requests takes no proxy for the address, or the error is of what lies behind it.
    """
    given = select_proxy(url, get_environ_proxies(url))
    text = f"{type(error).__name__} {error}".lower()
    sign = next((sign for sign in SIGNS if sign in text), None)
    if not given or sign is None:
        return None
    names = (f"{urlsplit(url).scheme}_proxy", "all_proxy")
    variables = [each for name in names for each in (name.upper(), name) if os.environ.get(each) == given]
    variable = (*variables, "the system's setting")[0]
    does, way_out = SIGNS[sign]
    address = given.rpartition("@")[2]  # without a password; not parsed, since it may be no address
    return f"The proxy {address} that {variable} names {does}: {way_out or f'correct or unset {variable}'}."
