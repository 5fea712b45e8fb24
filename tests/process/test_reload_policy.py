"""What --reload does about changes and about its child, by example and by chance."""

import random

import pytest

from penstock.process import events as e
from penstock.process.reload_policy import (
    BROKEN,
    ENDING,
    FORCED_S,
    SERVING,
    STARTING,
    STOP_S,
    STOPPING,
    Changed,
    Hide,
    ReloadPolicy,
    Show,
    shown,
)

CHANGE = Changed(("main.py",))
TERM = e.Stop("SIGTERM", 143)


def kinds(actions: list[object]) -> list[str]:
    """The actions by name, without what is only said."""
    return [type(each).__name__ for each in actions if not isinstance(each, e.Say)]


def said(actions: list[object]) -> str:
    return "\n".join(each.text for each in actions if isinstance(each, e.Say))


def serving() -> ReloadPolicy:
    policy = ReloadPolicy()
    assert kinds(policy.on(e.Started(), 0.0)) == ["Spawn"]
    assert policy.state == STARTING
    assert kinds(policy.on(e.Ready(1), 1.0)) == ["Announce"]
    assert policy.state == SERVING
    return policy


def broken() -> ReloadPolicy:
    policy = serving()
    policy.on(e.Exited(1, -9), 2.0)
    assert policy.state == BROKEN
    return policy


def test_a_change_ends_the_child_and_then_starts_another() -> None:
    policy = serving()
    actions = policy.on(CHANGE, 5.0)
    assert kinds(actions) == ["Retire"]
    assert "main.py changed" in said(actions)
    assert policy.state == STOPPING
    assert policy.on(CHANGE, 5.1) == []
    assert policy.on(e.Exited(1, 0), 5.4) == [e.Spawn(2)]
    assert policy.due() is None
    actions = policy.on(e.Ready(2), 6.0)
    assert kinds(actions) == []
    assert said(actions) == "Serving again after 1.0 s"


def test_a_change_while_it_starts_interrupts_the_import() -> None:
    policy = ReloadPolicy()
    policy.on(e.Started(), 0.0)
    assert kinds(policy.on(CHANGE, 0.1)) == ["Interrupt"]
    assert policy.on(e.Ready(1), 0.2) == []
    assert policy.on(e.Exited(1, -15), 0.3) == [e.Spawn(2)]


def test_a_start_that_fails_is_shown_until_a_file_changes() -> None:
    policy = ReloadPolicy()
    policy.on(e.Started(), 0.0)
    assert policy.on(e.Failed(1, 4, "no module"), 0.1) == []
    assert policy.due() == 0.1 + STOP_S
    assert kinds(policy.on(e.Exited(1, 4), 0.2)) == ["Show"]
    assert policy.due() is None
    assert kinds(policy.on(CHANGE, 1.0)) == ["Hide", "Spawn"]
    assert kinds(policy.on(e.Ready(2), 1.0)) == ["Announce"]


@pytest.mark.parametrize(
    "status, text",
    [(-9, "by SIGKILL"), (-11, "by SIGSEGV"), (0, "with status 0"), (-250, "by signal 250")],
)
@pytest.mark.parametrize("ready", [False, True])
def test_a_child_that_dies_is_told_and_started_at_the_next_change(
    status: int, text: str, ready: bool
) -> None:
    policy = ReloadPolicy()
    policy.on(e.Started(), 0.0)
    if ready:
        policy.on(e.Ready(1), 0.1)
    actions = policy.on(e.Exited(1, status), 1.0)
    (show,) = (each for each in actions if isinstance(each, Show))
    assert show.reason.endswith(text)
    assert "started again when a file changes" in said(actions)
    assert kinds(policy.on(CHANGE, 2.0)) == ["Hide", "Spawn"]


def test_a_child_that_does_not_end_is_killed() -> None:
    policy = serving()
    policy.on(CHANGE, 5.0)
    due = policy.due()
    assert due == 5.0 + STOP_S
    assert policy.on(e.Tick(), due - 0.1) == []
    assert kinds(policy.on(e.Tick(), due)) == ["Kill"]
    assert policy.due() == due + FORCED_S
    assert policy.on(e.Exited(1, -9), due + 0.1) == [e.Spawn(2)]


def test_a_hang_up_starts_it_anew_too() -> None:
    assert kinds(serving().on(e.Reload(), 5.0)) == ["Retire"]
    assert kinds(broken().on(e.Reload(), 5.0)) == ["Hide", "Spawn"]


def test_a_signal_ends_it_when_the_child_has_ended() -> None:
    policy = serving()
    assert kinds(policy.on(TERM, 5.0)) == ["Retire"]
    assert policy.on(CHANGE, 5.1) == []
    assert policy.on(e.Exited(1, 0), 5.2) == [e.Exit(0, "")]


def test_a_signal_while_there_is_no_child_ends_it_at_once() -> None:
    assert kinds(broken().on(TERM, 5.0)) == ["Exit"]


def test_a_signal_during_a_restart_starts_nothing_more() -> None:
    policy = serving()
    policy.on(CHANGE, 5.0)
    assert kinds(policy.on(TERM, 5.1)) == []
    assert policy.state == ENDING
    assert policy.on(e.Exited(1, 0), 5.2) == [e.Exit(0, "")]


def test_the_second_signal_cuts_and_the_third_kills_with_the_signals_status() -> None:
    policy = serving()
    policy.on(TERM, 5.0)
    assert kinds(policy.on(TERM, 5.1)) == ["Cut"]
    assert policy.due() == 5.1 + FORCED_S
    assert kinds(policy.on(TERM, 5.2)) == ["Kill"]
    assert policy.on(e.Exited(1, -9), 5.3) == [e.Exit(143, "")]


def test_children_of_before_change_nothing() -> None:
    policy = broken()
    policy.on(CHANGE, 3.0)
    assert policy.on(e.Exited(1, 0), 3.1) == []
    assert policy.on(e.Ready(1), 3.1) == []
    assert policy.on(e.Failed(1, 4, "x"), 3.1) == []
    assert policy.state == STARTING


def test_many_files_are_counted_and_no_name_forges_a_line() -> None:
    names = tuple(f"f{number}.py" for number in range(9))
    assert "f0.py, f1.py, f2.py and 6 more changed" in said(serving().on(Changed(names), 2.0))
    assert shown("/a/b/x.py", "/a") == "b/x.py"
    assert shown("/ab/x.py", "/a") == "/ab/x.py"
    assert shown("/a/x\n.py", "/a") == "x\\n.py"


class World:
    """A child that does what chance says, and a clock."""

    def __init__(self, seed: int) -> None:
        self.chance = random.Random(seed)
        self.policy = ReloadPolicy()
        self.now = 0.0
        self.alive: set[int] = set()
        self.dying: list[int] = []
        self.stale = False  # a file changed after the last start
        self.over = False

    def tell(self, event: object) -> None:
        for action in self.policy.on(event, self.now):
            if isinstance(action, e.Spawn):
                assert not self.alive
                self.alive.add(action.worker)
                self.stale = False
            elif isinstance(action, e.Kill) and self.chance.random() < 0.9:
                self.dying.append(action.worker)
            elif isinstance(action, e.Exit):
                assert not self.alive
                self.over = True

    def bury(self) -> None:
        while self.dying and not self.over:
            number = self.dying.pop()
            if number in self.alive:
                self.alive.discard(number)
                self.tell(e.Exited(number, -9))

    def happen(self) -> None:
        """One thing that may happen."""
        kind = self.chance.randrange(5)
        if kind == 0:
            self.stale = True
            self.tell(CHANGE)
        elif self.alive:
            (number,) = self.alive
            if kind == 1:
                self.tell(e.Ready(number))
            elif kind == 2:
                self.tell(e.Failed(number, 4, "x"))
            elif kind == 3:
                self.alive.clear()
                self.tell(e.Exited(number, self.chance.choice((0, -9))))


@pytest.mark.parametrize("seed", range(0, 400, 100))
def test_whatever_happens_there_is_one_child_of_the_newest_code_and_a_stop_ends(seed: int) -> None:
    for number in range(seed, seed + 100):
        world = World(number)
        world.tell(e.Started())
        for step in range(60):
            world.now += world.chance.choice((0.01, 0.3, 2.0, 5.0))
            world.bury()
            if world.over:
                break
            due = world.policy.due()
            if due is not None and world.now >= due:
                world.tell(e.Tick())
            elif step >= 45 or world.chance.random() < 0.05:
                world.tell(TERM)
            else:
                world.happen()
            assert not world.stale or world.policy.state in {STOPPING, ENDING}
        while not world.over:
            world.now += 5.0
            world.tell(TERM if world.policy.due() is None else e.Tick())
            world.bury()


def test_a_page_is_shown_before_it_is_hidden() -> None:
    policy = broken()
    assert [type(each) for each in policy.on(CHANGE, 3.0)][1:] == [Hide, e.Spawn]
