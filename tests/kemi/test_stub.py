"""The stub and the fake are what the installed server offers."""

from kemi import stubgen
from tests.edge.world import edge_world
from tests.kemi.fake_ksr import signatures


def test_the_stub_and_so_the_fake_agree_with_the_running_server() -> None:
    with edge_world(udp_workers=1, async_workers=1) as world:
        functions = stubgen.functions_of(world.rpc("app_python.api_list"))
        assert stubgen.main(["--check", "--rpc", str(world.directory / "kamailio" / "rpc.sock")]) == 0
    assert stubgen.stub_text(functions) == stubgen.STUB.read_text()
    names = {f"{function.module}.{function.name}".lstrip("."): function.parameters for function in functions}
    assert signatures() == names
