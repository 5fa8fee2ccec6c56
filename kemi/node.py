"""What each of Kamailio's processes has of its own: settings, the rating core's connection.

All of it is made at first use, never before the processes are forked.
"""

import os
from functools import lru_cache

from kemi.settings import EdgeSettings, Neighbours, edge_settings, host_and_port, neighbours
from rating.core import RatingCore
from rating.settings import Settings, load_settings


@lru_cache(maxsize=1)
def settings() -> Settings:
    return load_settings()


@lru_cache(maxsize=1)
def edge() -> EdgeSettings:
    return edge_settings(settings())


@lru_cache(maxsize=1)
def near() -> Neighbours:
    return neighbours(settings())


@lru_cache(maxsize=1)
def media_server_addresses() -> frozenset[tuple[str, int]]:
    return frozenset(map(host_and_port, near().media_servers))


def core() -> RatingCore:
    """The rating core of this process."""
    return _core_of(os.getpid())


@lru_cache(maxsize=1)
def _core_of(_pid: int) -> RatingCore:
    return RatingCore.from_settings(settings())
