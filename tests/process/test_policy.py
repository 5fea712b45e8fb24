"""What the supervisor does about what happens to its workers, decided without one: by example, by table and by chance."""

from collections.abc import Iterator

import pytest

from penstock.process import events as e
from penstock.process import policy as module
from penstock.process.policy import Policy, Settings
from tests.process.world import live

SETTINGS = Settings(workers=2, startup_s=60, graceful_s=30)


def begun(settings: Settings = SETTINGS) -> Policy:
    """A policy whose workers are ready."""
    policy = Policy(settings, lambda worker: f"worker {worker}")
    policy.on(e.Started(), 0.0)
    for number in range(1, settings.workers + 1):
        policy.on(e.Ready(number), 1.0)
    assert policy.running
    return policy


def kinds(actions: list[e.Action]) -> list[str]:
    """The actions by name, without what is only said."""
    return [type(each).__name__ for each in actions if not isinstance(each, e.Say)]


def said(actions: list[e.Action]) -> str:
    return "\n".join(each.text for each in actions if isinstance(each, e.Say))


# ------------------------------------------------------------------------------------------- start


def test_all_are_started_at_once_and_announced_when_the_last_is_ready() -> None:
    policy = Policy(SETTINGS, str)
    assert kinds(policy.on(e.Started(), 0.0)) == ["Spawn", "Spawn"]
    assert kinds(policy.on(e.Ready(1), 1.0)) == []
    assert kinds(policy.on(e.Ready(2), 2.0)) == ["Announce"]


@pytest.mark.parametrize("code", [2, 4, 5])
def test_what_another_try_does_not_mend_stops_a_first_start_v02(code: int) -> None:
    policy = Policy(SETTINGS, str)
    policy.on(e.Started(), 0.0)
    actions = policy.on(e.Failed(1, code, "no such module"), 1.0)
    assert kinds(actions) == ["Retire", "Interrupt"]
    assert policy.on(e.Exited(2, -15), 1.1)
    assert policy.on(e.Exited(1, code), 1.1)[-1] == e.Exit(code, "no such module")


def test_a_first_start_that_fails_is_tried_once_more_and_then_stops_with_3_v02() -> None:
    policy = Policy(SETTINGS, lambda worker: f"worker {worker}")
    policy.on(e.Started(), 0.0)
    actions = policy.on(e.Failed(1, 3, "no database"), 1.0)
    assert "Worker 1 failed to start, and is tried once more: no database" in said(actions)
    assert kinds(actions) == ["Spawn"]
    policy.on(e.Exited(1, 3), 1.1)
    policy.on(e.Ready(2), 1.2)
    assert kinds(policy.on(e.Failed(3, 3, "no database"), 2.0)) == ["Retire"]
    policy.on(e.Exited(3, 3), 2.1)
    assert policy.on(e.Exited(2, 0), 2.2)[-1] == e.Exit(3, "no database")


def test_each_worker_has_its_second_try_v02() -> None:
    policy = Policy(SETTINGS._replace(workers=3), str)
    policy.on(e.Started(), 0.0)
    assert kinds(policy.on(e.Failed(1, 3, "too many clients"), 1.0)) == ["Spawn"]
    policy.on(e.Failed(2, 3, "too many clients"), 1.0)
    assert not policy.stopping
    policy.on(e.Tick(), 2.0)
    for number in (3, 4, 5):
        policy.on(e.Ready(number), 3.0)
    assert policy.running


def test_a_process_that_dies_while_it_starts_has_failed_to_start() -> None:
    policy = Policy(SETTINGS._replace(workers=1), str)
    policy.on(e.Started(), 0.0)
    assert kinds(policy.on(e.Exited(1, -9), 1.0)) == ["Spawn"]
    last = policy.on(e.Exited(2, -9), 2.0)
    assert last[-1] == e.Exit(3, "it was killed by SIGKILL before it was ready")


def test_starting_has_a_deadline_of_its_own_which_begins_anew_when_the_import_is_done() -> None:
    policy = Policy(SETTINGS._replace(workers=1), str)
    policy.on(e.Started(), 0.0)
    assert policy.due() == 60
    policy.on(e.Loaded(1), 50.0)
    assert policy.due() == 50 + 60 + module.MARGIN_S
    assert kinds(policy.on(e.Tick(), 109.0)) == []
    kill = policy.on(e.Tick(), 115.0)[0]
    assert kill == e.Kill(1, "it did not start within 60 s")


def test_a_running_service_is_never_stopped_by_a_worker_that_fails_to_start() -> None:
    policy = begun()
    now, number = 10.0, 1
    policy.on(e.Exited(1, -9), now)
    for _ in range(20):
        number = max(policy.members)
        policy.on(e.Failed(number, 4, "no such module"), now)
        policy.on(e.Exited(number, 4), now)
        now = policy.due() or now
        policy.on(e.Tick(), now)
    assert not policy.stopping
    assert [each.id for each in policy.of_state(module.SERVING)] == [2]


# ------------------------------------------------------------------------------------------ deaths


def test_the_first_death_is_replaced_at_once_and_further_ones_later_and_later_v01() -> None:
    policy = begun(SETTINGS._replace(workers=1))
    now, waits = 100.0, []
    for number in range(1, 8):
        actions = policy.on(e.Exited(number, -11), now)
        died = now
        if "Spawn" not in kinds(actions):
            assert policy.due() is not None
            now = policy.due() or 0.0
            assert kinds(policy.on(e.Tick(), now)) == ["Spawn"]
        waits.append(now - died)
        policy.on(e.Ready(number + 1), now)
    assert waits[:2] == [0, 0]  # the first had served for long
    assert waits[2:] == [0.25, 0.5, 1.0, 2.0, 4.0]


def test_a_killer_that_strikes_each_second_delays_nothing_v01() -> None:
    policy = begun(SETTINGS._replace(workers=4))
    now = 10.0
    for _ in range(30):
        now += 1
        oldest = policy.of_state(module.SERVING)[0]
        actions = policy.on(e.Exited(oldest.id, -9), now)
        assert kinds(actions) == ["Spawn"], now
        policy.on(e.Ready(max(policy.members)), now + 0.5)


def test_a_death_is_said_with_its_cause() -> None:
    policy = begun()
    assert "Worker 1 was killed by SIGSEGV; it is replaced" in said(
        policy.on(e.Exited(1, -11), 9.0)
    )
    assert "Worker 2 ended with exit code 7; it is replaced" in said(policy.on(e.Exited(2, 7), 9.0))


def test_a_worker_that_somebody_told_to_end_is_replaced_while_it_drains() -> None:
    policy = begun()
    actions = policy.on(e.Leaving(1), 5.0)
    assert kinds(actions) == ["Spawn"]
    assert "Worker 1 was told to end; it is replaced" in said(actions)
    assert kinds(policy.on(e.Exited(1, 0), 6.0)) == []


# ------------------------------------------------------------------------------------------- hangs


def test_a_worker_that_hangs_is_explained_asked_replaced_and_killed() -> None:
    policy = begun()
    actions = policy.on(e.Late(1, 30.5), 50.0)
    why = "its event loop has not turned for 30.5 s"
    assert [each for each in actions if not isinstance(each, e.Say)] == [
        e.Explain(1, why),
        e.Interrupt(1),
        e.Spawn(3),
    ]
    assert policy.on(e.Tick(), 55.0) == [e.Kill(1, why)]
    assert kinds(policy.on(e.Exited(1, -9), 55.1)) == []


def test_one_that_turns_again_ends_gracefully() -> None:
    policy = begun()
    policy.on(e.Late(1, 30.5), 50.0)
    policy.on(e.Beating(1), 52.0)
    assert kinds(policy.on(e.Tick(), 60.0)) == []
    assert "Worker 1 ended" in said(policy.on(e.Exited(1, 0), 61.0))


def test_one_that_does_not_end_is_killed_with_a_reason() -> None:
    policy = begun()
    policy.on(e.Wish(1, "it is old"), 5.0)
    policy.on(e.Ready(3), 6.0)
    [kill] = policy.on(e.Tick(), 6.0 + 30 + module.MARGIN_S)
    assert isinstance(kill, e.Kill)
    assert "it is old" in kill.why


# ----------------------------------------------------------------------------- reload and recycling


def test_a_reload_replaces_one_at_a_time_the_new_one_first_v04() -> None:
    policy = begun()
    actions = policy.on(e.Reload(), 10.0)
    assert kinds(actions) == ["Spawn"]
    assert "Reloading: 2 workers, one at a time" in said(actions)
    assert policy.on(e.Ready(3), 11.0) == [e.Retire(1, True), e.Spawn(4)]
    assert policy.on(e.Ready(4), 12.0) == [e.Retire(2, True)]
    policy.on(e.Exited(1, 0), 13.0)
    policy.on(e.Exited(2, 0), 13.0)
    assert {member.generation for member in policy.members.values()} == {2}


def test_if_the_new_one_fails_the_old_stay_and_the_reason_is_said_v04() -> None:
    policy = begun()
    policy.on(e.Reload(), 10.0)
    actions = policy.on(e.Failed(3, 4, "no module 'new'"), 11.0)
    assert kinds(actions) == []
    assert "the old workers stay" in said(actions)
    assert "no module 'new'" in said(actions)
    assert kinds(policy.on(e.Exited(3, 4), 11.1)) == []
    assert kinds(policy.on(e.Tick(), 100.0)) == []
    assert [member.id for member in policy.of_state(module.SERVING)] == [1, 2]


def test_a_reload_that_began_well_goes_on_after_a_failure() -> None:
    policy = begun()
    policy.on(e.Reload(), 10.0)
    policy.on(e.Ready(3), 11.0)
    policy.on(e.Failed(4, 3, "too many clients"), 12.0)
    policy.on(e.Exited(4, 3), 12.1)
    [number] = [each.id for each in policy.of_state(module.STARTING)]
    assert policy.on(e.Ready(number), 14.0) == [e.Retire(2, True)]


def test_a_reload_in_the_midst_of_another_starts_over_with_the_newest_code() -> None:
    policy = begun()
    policy.on(e.Reload(), 10.0)
    actions = policy.on(e.Reload(), 10.5)
    assert [each for each in actions if not isinstance(each, e.Say)] == [
        e.Retire(3, True),
        e.Interrupt(3),
        e.Spawn(4),
    ]


def test_workers_that_are_to_be_recycled_go_one_at_a_time_replacement_first() -> None:
    policy = begun()
    actions = policy.on(e.Wish(2, "it has served 500 requests"), 10.0)
    assert kinds(actions) == ["Spawn"]
    assert "Worker 2 is replaced: it has served 500 requests" in said(actions)
    assert kinds(policy.on(e.Wish(1, "it has served 500 requests"), 10.1)) == []
    assert policy.on(e.Ready(3), 11.0) == [e.Retire(1, True), e.Spawn(4)]
    assert policy.on(e.Ready(4), 12.0) == [e.Retire(2, True)]


def test_reloading_waits_while_too_many_old_workers_still_drain() -> None:
    policy = begun(SETTINGS._replace(workers=1))
    now, spawned = 10.0, 0
    for _ in range(50):
        now += 0.1
        spawned += kinds(policy.on(e.Reload(), now)).count("Spawn")
        for member in policy.of_state(module.STARTING):
            spawned += kinds(policy.on(e.Ready(member.id), now)).count("Spawn")
    assert len(policy.members) <= 2 + module.DRAINING_MAX + 1
    assert len(policy.of_state(module.SERVING)) == 1


# --------------------------------------------------------------------------------- number and stop


def test_one_more_and_one_fewer() -> None:
    policy = begun()
    assert kinds(policy.on(e.More(), 2.0)) == ["Spawn"]
    policy.on(e.Ready(3), 3.0)
    assert policy.on(e.Fewer(), 4.0)[-1] == e.Retire(1, True)
    policy.on(e.Fewer(), 5.0)
    policy.on(e.Fewer(), 6.0)
    assert policy.wanted == 1
    assert len(policy.of_state(module.SERVING)) == 1


def test_a_stop_asks_all_and_ends_with_the_last_v03() -> None:
    policy = begun()
    assert kinds(policy.on(e.Stop("SIGTERM", 143), 10.0)) == ["Retire", "Retire"]
    assert kinds(policy.on(e.Exited(1, 0), 11.0)) == []
    assert policy.on(e.Exited(2, 0), 12.0)[-1] == e.Exit(0, "")


def test_a_second_stop_cuts_and_a_third_kills_v03() -> None:
    policy = begun()
    policy.on(e.Stop("SIGINT", 130), 10.0)
    assert kinds(policy.on(e.Stop("SIGINT", 130), 11.0)) == ["Cut", "Cut"]
    assert kinds(policy.on(e.Stop("SIGINT", 130), 11.5)) == ["Kill", "Kill"]
    policy.on(e.Exited(1, -9), 11.6)
    assert policy.on(e.Exited(2, -9), 11.6)[-1] == e.Exit(130, "")


def test_a_second_stop_kills_what_does_not_hear_it_v03() -> None:
    policy = begun()
    policy.on(e.Stop("SIGINT", 130), 10.0)
    policy.on(e.Stop("SIGINT", 130), 11.0)
    assert kinds(policy.on(e.Tick(), 11.0 + module.FORCED_S)) == ["Kill", "Kill"]


def test_a_stop_that_had_to_kill_says_so_in_its_exit_code() -> None:
    policy = begun(SETTINGS._replace(workers=1))
    policy.on(e.Stop("SIGTERM", 143), 10.0)
    policy.on(e.Tick(), 10.0 + 30 + module.MARGIN_S)
    assert policy.on(e.Exited(1, -9), 46.0)[-1] == e.Exit(module.STUCK, "")


def test_readiness_ends_first_and_requests_are_served_for_the_delay() -> None:
    policy = begun(SETTINGS._replace(drain_delay_s=5))
    assert kinds(policy.on(e.Stop("SIGTERM", 143), 10.0)) == ["Leave"]
    assert policy.due() == 15
    assert kinds(policy.on(e.Tick(), 15.0)) == ["Retire", "Retire"]


def test_nothing_waits_for_the_delay_when_asked_again() -> None:
    policy = begun(SETTINGS._replace(drain_delay_s=5))
    policy.on(e.Stop("SIGTERM", 143), 10.0)
    assert kinds(policy.on(e.Stop("SIGTERM", 143), 11.0)) == ["Retire", "Retire"]
    assert kinds(policy.on(e.Stop("SIGTERM", 143), 12.0)) == ["Cut", "Cut"]


def test_a_successor_lets_the_workers_leave_the_queue_to_it() -> None:
    policy = begun()
    assert policy.on(e.Succeeded(), 10.0) == [e.Retire(1, True), e.Retire(2, True)]


# ------------------------------------------------------------------------------ table and chance


def test_every_row_of_the_table_leads_to_a_state_and_an_effect_that_exist() -> None:
    states = {module.STARTING, module.SERVING, module.DRAINING, module.HUNG, module.KILLED}
    for (state, _), (following, effect) in module.TABLE.items():
        assert {state, following} <= states
        assert callable(getattr(Policy, f"_do_{effect}"))
    # Whatever state it is in, it gets out of it by its deadline or by what it waits for
    assert {state for state, what in module.TABLE if what == module.DEADLINE} == states - {
        module.SERVING
    }


def lives(first: int, count: int) -> Iterator[bool]:
    for seed in range(first, first + count):
        try:
            yield live(seed).announced
        except Exception as error:
            raise AssertionError(f"seed {seed}: {error!r}") from error


def test_whatever_happens_its_promises_are_kept() -> None:
    assert sum(lives(0, 300)) > 100


@pytest.mark.slow
@pytest.mark.timeout(240)
def test_whatever_happens_in_20_000_lives_its_promises_are_kept() -> None:
    assert sum(lives(1000, 20_000)) > 5000
