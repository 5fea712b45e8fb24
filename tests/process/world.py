"""A world of worker processes that start, hang, die and end by chance; the policy rules it, and nothing else is real."""

import heapq
import random
from typing import Any

from penstock.process import events as e
from penstock.process.policy import Policy, Settings

STARTUP_S = 10.0
GRACEFUL_S = 30.0
# What may happen to the whole at any time.
HAPPENINGS = (
    "kill", "kill", "kill all", "hang", "hang", "reload", "reload", "wish", "wish", "more", "fewer", "leaves",
    "nothing", "nothing",
)  # fmt: skip
# How a new process fares, while the times are bad.
FATES = ("good", "good", "good", "slow", "never", "fails", "dies", "dies soon")


class Broken(AssertionError):
    """A promise was not kept."""


class World:
    """Time goes on from happening to happening. `now`: seconds."""

    def __init__(self, seed: int) -> None:
        self.chance = random.Random(seed)
        self.now = 100.0
        self.good_times = False
        self.alive: set[int] = set()
        self.serving: set[int] = set()
        self.hung: set[int] = set()
        self.generation: dict[int, int] = {}
        self.reloads = 0
        self.announced = False
        self.left = False
        self.exit: e.Exit | None = None
        self.spawned_at: list[float] = []
        self._queue: list[tuple[float, int, Any]] = []
        self._count = 0
        delay = self.chance.choice((0.0, 0.0, 3.0))
        wanted = self.chance.randint(1, 5)
        settings = Settings(wanted, STARTUP_S, GRACEFUL_S, delay)
        self.policy = Policy(settings, lambda worker: f"worker {worker}")

    # ------------------------------------------------------------------------------------- events

    def tell(self, event: e.Event) -> None:
        before = len(self.serving)
        for action in self.policy.on(event, self.now):
            getattr(self, f"on_{type(action).__name__.lower()}")(action, before)

    def later(self, delay_s: float, event: Any) -> None:
        self._count += 1
        heapq.heappush(self._queue, (self.now + delay_s, self._count, event))

    def run(self, until: float) -> None:
        """Let time go on; every tick that the policy asks for is given."""
        while self.exit is None:
            due = self.policy.due()
            at = min(self._queue[0][0] if self._queue else until, until)
            if due is not None and due < at:
                self.now = max(self.now, due)
                self.tell(e.Tick())
                if self.policy.due() == due:
                    raise Broken(f"it wants to be told of {due} over and over")
                continue
            self.now = max(self.now, at)
            if not self._queue or self._queue[0][0] > until:
                return
            self.happen(heapq.heappop(self._queue)[2])

    def happen(self, event: Any) -> None:
        worker = event.worker
        if worker not in self.alive:
            return
        if isinstance(event, e.Exited):
            self.alive.discard(worker)
            self.serving.discard(worker)
            self.hung.discard(worker)
        if isinstance(event, e.Ready):
            if self.policy.members[worker].state != "starting":
                return  # it was told to end meanwhile, and does
            self.serving.add(worker)
        self.tell(event)

    def chance_happening(self) -> None:
        """Something happens to the whole."""
        chance = self.chance
        what = chance.choice(HAPPENINGS)
        victims = sorted(self.alive)
        if what == "kill" and victims:
            self.happen(e.Exited(chance.choice(victims), chance.choice((-9, -11, 1, 0))))
        elif what == "kill all":
            for worker in victims:
                self.happen(e.Exited(worker, -9))
        elif what == "hang" and self.serving:
            worker = chance.choice(sorted(self.serving))
            self.hung.add(worker)
            self.serving.discard(worker)
            self.tell(e.Late(worker, 30.0))
            if chance.random() < 0.3:
                self.later(chance.random() * 8, e.Beating(worker))
        elif what == "leaves" and self.serving:
            worker = chance.choice(sorted(self.serving))
            self.serving.discard(worker)
            self.later(chance.choice((0.0, 5.0)), e.Exited(worker, 0))
            self.tell(e.Leaving(worker))
        elif what == "reload":
            self.reloads += 1
            self.tell(e.Reload())
        elif what == "wish" and self.serving:
            self.tell(e.Wish(chance.choice(sorted(self.serving)), "it is old"))
        elif what == "more":
            self.tell(e.More())
        elif what == "fewer":
            self.tell(e.Fewer())

    # ------------------------------------------------------------------------------------ actions

    def on_spawn(self, action: e.Spawn, _before: int) -> None:
        worker, chance = action.worker, self.chance
        if worker in self.generation:
            raise Broken("one number for two processes")
        self.alive.add(worker)
        self.generation[worker] = self.policy.generation
        self.spawned_at.append(self.now)
        fate = "good" if self.good_times else chance.choice(FATES)
        if fate in {"good", "slow", "dies soon"}:
            start_s = chance.random() * (STARTUP_S * 1.2 if fate == "slow" else 1.0)
            self.later(start_s / 2, e.Loaded(worker))
            self.later(start_s, e.Ready(worker))
            if fate == "dies soon":
                self.later(start_s + chance.random(), e.Exited(worker, -11))
        elif fate == "fails":
            start_s = chance.random()
            self.later(start_s, e.Failed(worker, chance.choice((3, 3, 3, 4)), "no database"))
            self.later(start_s + 0.01, e.Exited(worker, 3))
        elif fate == "dies":
            self.later(chance.random(), e.Exited(worker, -9))

    def on_retire(self, action: e.Retire, before: int) -> None:
        worker = action.worker
        if worker in self.serving:
            self.serving.discard(worker)
            if not self.policy.stopping and len(self.serving) < self.policy.wanted:
                raise Broken(f"{len(self.serving)} of {self.policy.wanted} serve, by its own doing")
        if worker not in self.hung and self.chance.random() < 0.9:
            self.later(self.chance.choice((0.0, 0.1, 5.0, 29.0)), e.Exited(worker, 0))

    def on_interrupt(self, action: e.Interrupt, _before: int) -> None:
        if self.chance.random() < 0.5:
            self.later(0.05, e.Exited(action.worker, -15))

    def on_cut(self, action: e.Cut, _before: int) -> None:
        if action.worker not in self.hung and self.chance.random() < 0.8:
            self.later(0.2, e.Exited(action.worker, 143))

    def on_explain(self, action: e.Explain, _before: int) -> None:
        if not action.why:
            raise Broken("explained without a reason")

    def on_kill(self, action: e.Kill, _before: int) -> None:
        if not action.why:
            raise Broken("killed without a reason")
        self.serving.discard(action.worker)
        # Now and then the kernel takes its time
        self.later(self.chance.choice((0.0, 0.0, 0.0, 7.0)), e.Exited(action.worker, -9))

    def on_say(self, action: e.Say, _before: int) -> None:
        if action.level not in {"info", "warning", "error"} or not action.text:
            raise Broken(f"not said well: {action}")

    def on_announce(self, _action: e.Announce, _before: int) -> None:
        if self.announced:
            raise Broken("announced twice")
        self.announced = True

    def on_leave(self, _action: e.Leave, _before: int) -> None:
        self.left = True

    def on_exit(self, action: e.Exit, _before: int) -> None:
        if self.alive:
            raise Broken(f"it is over while processes {self.alive} live")
        self.exit = action


def live(seed: int) -> World:
    """One whole life: bad times, good times in which all has to come right, and a stop that ends."""
    world = World(seed)
    chance = world.chance
    world.tell(e.Started())
    for _ in range(chance.randint(3, 25)):
        world.run(world.now + chance.choice((0.01, 0.3, 1.0, 4.0, 20.0)))
        if world.exit is not None:
            if world.announced or not world.exit.reason:
                raise Broken(f"a running service ended by itself: {world.exit}")
            return world
        world.chance_happening()
    world.good_times = True
    world.hung.clear()
    world.run(world.now + 150.0)
    if world.exit is not None:
        if world.announced or not world.exit.reason:
            raise Broken(f"a running service ended by itself: {world.exit}")
        return world
    policy = world.policy
    if len(world.serving) != policy.wanted or len(world.alive) != policy.wanted:
        raise Broken(f"{len(world.serving)} serve and {len(world.alive)} live of {policy.wanted}")
    if len({member.generation for member in policy.members.values()}) != 1:
        raise Broken("two generations")
    if any(member.tired for member in policy.members.values()):
        raise Broken("one is still to be replaced")
    stop(world)
    return world


def stop(world: World) -> None:
    """Ask once, or twice, or three times, and see it end."""
    began = world.now
    times = world.chance.choice((1, 1, 2, 3))
    for _ in range(times):
        world.tell(e.Stop("SIGTERM", 143))
        world.run(world.now + world.chance.choice((0.0, 0.5, 2.0)))
        if world.exit is not None:
            break
    world.run(began + 60.0)
    if world.exit is None:
        raise Broken(
            f"a stop that was asked for {times} times does not end: {world.policy.members}"
        )
