"""Config: checked values that do not change, and where each came from."""

import pytest

from penstock.config import Address, Bind, Config, FdAddress, TcpAddress, UnixAddress
from penstock.config.config import DEFAULT, ENVIRONMENT, FILE, GIVEN, Setting, Source
from penstock.config.options import BY_NAME, OPTIONS
from penstock.errors import UsageError


def at(*addresses: Address) -> tuple[Bind, ...]:
    return tuple(map(Bind, addresses))


def setting(name: str, raw: object, rank: int, place: str = "somewhere") -> Setting:
    return Setting(BY_NAME[name], raw, Source(rank, place))


def test_every_option_is_an_attribute_with_its_default() -> None:
    config = Config()
    for option in OPTIONS:
        assert getattr(config, option.name) == option.parse(option.default)
        assert config.sources[option.name] == Source(DEFAULT, "default")


def test_numbers_and_text_mean_the_same() -> None:
    assert Config(timeout_keep_alive="75s", ws_max_size="1MiB").timeout_keep_alive == 75.0
    config = Config(timeout_keep_alive=75, port="1")
    assert (config.timeout_keep_alive, config.port) == (75.0, 1)
    assert isinstance(config.timeout_keep_alive, float)


def test_an_application_may_be_an_object() -> None:
    app = object()
    assert Config(app).app is app


def test_a_config_cannot_be_changed() -> None:
    config = Config(port=1)
    with pytest.raises(AttributeError, match=r"config\.replace\(port=2\)"):
        config.port = 2
    with pytest.raises(AttributeError, match="port stays"):
        del config.port
    with pytest.raises(TypeError):
        config.sources["port"] = Source(GIVEN, "x")  # type: ignore[index]
    with pytest.raises(AttributeError):
        config.prot = 3  # type: ignore[attr-defined]


def test_replace_keeps_the_rest_and_where_it_came_from() -> None:
    config = Config("a:b", port=1, header=["x: y"]).replace(port=2)
    assert (config.app, config.port, config.header) == ("a:b", 2, ((b"x", b"y"),))
    assert config.sources["header"].place == "header="
    assert config.sources["host"].rank == DEFAULT
    with pytest.raises(UsageError, match="port="):
        config.replace(port=-1)


def test_an_unknown_keyword_names_the_nearest_option() -> None:
    with pytest.raises(UsageError) as seen:
        Config(timeout_keepalive=3)  # type: ignore[call-arg]
    assert str(seen.value) == "there is no option 'timeout_keepalive'"
    assert seen.value.hint == "did you mean timeout_keep_alive?"


def test_a_wrong_value_names_where_it_was_written() -> None:
    with pytest.raises(UsageError, match=r"port=: 'x' is no whole number"):
        Config(port="x")


def test_the_higher_source_wins_whatever_the_order() -> None:
    ranks = [setting("port", rank + 1, rank) for rank in (GIVEN, FILE, ENVIRONMENT)]
    config = Config.of(ranks)
    assert config.port == GIVEN + 1
    assert config.sources["port"].rank == GIVEN


def test_among_equals_the_last_one_counts() -> None:
    assert Config.of([setting("port", 1, FILE), setting("port", 2, FILE)]).port == 2


def test_the_representation_shows_what_was_set() -> None:
    assert repr(Config("a:b", port=1)) == "Config(app='a:b', port=1)"


# --------------------------------------------------------------------------- what depends on other values


def test_a_port_of_the_platform_opens_the_server_to_the_platform() -> None:
    config = Config.of([setting("port", "80", ENVIRONMENT, "$PORT")])
    assert config.listeners == at(TcpAddress("0.0.0.0", 80))


@pytest.mark.parametrize("place", ["$PENSTOCK_PORT", "--port"])
def test_a_port_that_the_user_chose_stays_on_this_machine(place: str) -> None:
    assert Config.of([setting("port", "80", ENVIRONMENT, place)]).host == "127.0.0.1"


@pytest.mark.parametrize("rank", [FILE, ENVIRONMENT, GIVEN])
def test_a_host_that_is_given_stays_as_it_is_beside_the_platforms_port(rank: int) -> None:
    config = Config.of(
        [setting("port", "80", ENVIRONMENT, "$PORT"), setting("host", "127.0.0.1", rank)]
    )
    assert config.listeners == at(TcpAddress("127.0.0.1", 80))


def test_a_shorter_shutdown_shortens_its_parts() -> None:
    config = Config(timeout_graceful_shutdown=3)
    assert (config.timeout_disconnect_grace, config.timeout_lifespan_shutdown) == (1.0, 0.5)
    longer = Config(timeout_graceful_shutdown=300)
    assert (longer.timeout_disconnect_grace, longer.timeout_lifespan_shutdown) == (10.0, 5.0)


@pytest.mark.parametrize("name", ["timeout_disconnect_grace", "timeout_lifespan_shutdown"])
def test_a_part_of_the_shutdown_cannot_exceed_the_whole(name: str) -> None:
    assert getattr(Config(**{name: 30}), name) == 30.0  # type: ignore[arg-type]
    with pytest.raises(UsageError, match=f"{name}=: 31 s is more than the whole"):
        Config(**{name: 31})  # type: ignore[arg-type]


def test_a_header_that_the_user_writes_is_not_sent_twice() -> None:
    config = Config(header=["Server: mine", "date: never"])
    assert (config.server_header, config.date_header) == (False, False)


def test_no_proxy_headers_is_forwarded_headers_none() -> None:
    """The switch of uvicorn, and the choice of headers: a higher source wins, one source says it once."""
    usual = ("x-forwarded-for", "x-forwarded-proto")
    assert Config().forwarded_headers == usual
    assert Config(proxy_headers=False).forwarded_headers == ()
    assert Config(proxy_headers=False, forwarded_headers="none").forwarded_headers == ()
    assert Config(proxy_headers=True, forwarded_headers="none").forwarded_headers == ()
    off = setting("proxy_headers", False, ENVIRONMENT)
    assert Config.of([off, setting("forwarded_headers", "forwarded", GIVEN)]).forwarded_headers == (
        "forwarded",
    )
    off = setting("proxy_headers", False, GIVEN)
    found = Config.of([off, setting("forwarded_headers", "forwarded", ENVIRONMENT)])
    assert found.forwarded_headers == ()
    with pytest.raises(UsageError, match="proxy_headers= and forwarded_headers= contradict"):
        Config(proxy_headers=False, forwarded_headers="forwarded")


# -------------------------------------------------------------------------------------------- listeners


def test_without_a_word_it_listens_on_this_machine_only() -> None:
    assert Config().listeners == at(TcpAddress("127.0.0.1", 8000))


def test_every_kind_of_address_may_be_listened_on_at_once() -> None:
    config = Config(bind=["127.0.0.1:1", "/a"], uds="/b", fd=0)
    assert config.listeners == at(
        TcpAddress("127.0.0.1", 1),
        UnixAddress("/a"),
        UnixAddress("/b"),
        FdAddress(0),
    )


@pytest.mark.parametrize("name, raw", [("port", 1), ("host", "0.0.0.0")])
@pytest.mark.parametrize("place, value", [("bind", ":9"), ("uds", "/x"), ("fd", 3)])
def test_one_source_says_in_one_way_where_to_listen(
    name: str, raw: object, place: str, value: object
) -> None:
    with pytest.raises(UsageError, match=f"{name}= and {place}= both say where to listen"):
        Config(**{name: raw, place: value})  # type: ignore[arg-type]


def test_an_address_of_a_higher_source_replaces_those_of_lower_ones() -> None:
    port = setting("port", 1, ENVIRONMENT, "$PORT")
    assert Config.of([port, setting("bind", ":9", GIVEN)]).listeners == at(TcpAddress("0.0.0.0", 9))
    bind = setting("bind", ":9", FILE)
    assert Config.of([bind, port]).listeners == at(TcpAddress("0.0.0.0", 1))
    assert Config.of([bind, setting("port", 7, GIVEN)]).listeners == at(TcpAddress("127.0.0.1", 7))


def test_an_address_given_twice_is_refused_unless_the_system_chooses_the_port() -> None:
    with pytest.raises(UsageError, match=r"0\.0\.0\.0:9 is given twice"):
        Config(bind=[":9", "0.0.0.0:9"])
    with pytest.raises(UsageError, match="fd://0 is given twice"):
        Config(bind=["fd://0"], fd=0)
    assert len(Config(bind=["127.0.0.1:0", "127.0.0.1:0"]).listeners) == 2
