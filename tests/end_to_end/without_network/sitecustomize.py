"""Put first on PYTHONPATH: a process in which no connection can be made and no name looked up. Whoever tries ends with an error."""

import socket
from typing import Any, NoReturn


def refuse(*_: Any, **__: Any) -> NoReturn:
    raise OSError("there is no network here")


socket.socket.connect = refuse  # type: ignore[method-assign]
socket.socket.connect_ex = refuse  # type: ignore[method-assign]
socket.getaddrinfo = refuse
socket.create_connection = refuse
