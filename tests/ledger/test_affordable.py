"""The longest call and its cost, in SQL as in rating/rate.py."""

from collections.abc import Iterator

import pymysql
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pymysql.cursors import Cursor

from console.stack.mariadb import PrivateMariaDb
from rating.rate import Rate, affordable, call_cost, max_duration_s, shortest_charged_s
from tests.rating.rates import rates
from tests.support.mariadb import fresh_ledger


@pytest.fixture(scope="module")
def sql(server: PrivateMariaDb) -> Iterator[Cursor]:
    with fresh_ledger(server) as ledger:
        connection = pymysql.connect(
            unix_socket=ledger.unix_socket, user=ledger.user, password=ledger.password, database=ledger.name
        )
        with connection, connection.cursor() as cursor:
            yield cursor


@given(rates(), st.integers(0, 50_000_000) | st.integers(0, 10**12), st.integers(1, 100_000))
@settings(max_examples=500, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_the_procedure_agrees_with_the_rating_core(sql: Cursor, rate: Rate, available: int, longest: int) -> None:
    sql.execute("CALL affordable(%s, %s, %s, @limit_s, @cost)", (rate.pack(), available, longest))
    sql.execute("SELECT @limit_s, @cost")
    found = sql.fetchone()
    if call_cost(rate, shortest_charged_s(rate)) > available:
        assert found == (0, 0)
    else:
        limit_s = max_duration_s(rate, available, longest)
        assert found == affordable(rate, available, longest) == (limit_s, call_cost(rate, limit_s))
