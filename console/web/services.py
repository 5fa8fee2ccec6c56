"""What the routes share, made once a process: the rating core, accounts, the trail, texts, limits, jobs."""

from dataclasses import dataclass, field
from typing import cast

from argon2 import PasswordHasher
from starlette.requests import Request

from console.web.accounts import Accounts
from console.web.imports import Imports
from console.web.limits import RateLimit
from console.web.live import Live
from console.web.settings import WebSettings
from console.web.texts import Texts
from console.web.traffic import Traffic
from console.web.trail import Trail
from rating.core import RatingCore
from rating.database import Database
from rating.settings import Settings


@dataclass(slots=True)
class Services:
    """``logins`` counts by address, ``provider_calls`` by webhook provider, ``token_calls`` by token."""

    settings: Settings
    web: WebSettings
    core: RatingCore
    accounts: Accounts
    trail: Trail
    texts: Texts
    live: Live
    imports: Imports
    traffic: Traffic
    logins: RateLimit
    token_calls: RateLimit = field(default_factory=lambda: RateLimit(50.0, 200))
    provider_calls: RateLimit = field(default_factory=lambda: RateLimit(20.0, 100))

    @classmethod
    def of(cls, settings: Settings, web: WebSettings, hasher: PasswordHasher | None = None) -> "Services":
        """Connects when first used. ``hasher``: of passwords, for tests."""
        database = Database(settings.database)
        core = RatingCore.from_settings(settings)
        return cls(
            settings=settings,
            web=web,
            core=core,
            accounts=Accounts(database, hasher=hasher),
            trail=Trail(database),
            texts=Texts.load(),
            live=Live(core),
            imports=Imports(core, web.work_dir),
            traffic=Traffic(Database(settings.database, read_timeout_s=30.0), core),
            logins=RateLimit(web.logins_per_min / 60, web.logins_per_min),
        )


def services_of(request: Request) -> Services:
    """The services of the application that the request came to."""
    return cast(Services, request.app.state.services)


def address_of(request: Request) -> str:
    """Whom the request came from."""
    return request.client.host[:45] if request.client else ""
