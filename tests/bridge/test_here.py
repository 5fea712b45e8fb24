"""What travels in a context, and what counts of it."""

import threading
from contextvars import ContextVar, copy_context

from penstock.bridge.here import arrive, current, own_lineage, take_back

VARIABLE: ContextVar[str] = ContextVar("variable", default="unset")


def test_it_counts_only_on_the_thread_it_was_made_for() -> None:
    def check() -> None:
        arrive("lineage", None, True)
        here = current()
        assert here is not None
        assert (here.lineage, here.frame, here.single) == ("lineage", None, True)
        inherited = copy_context()
        found = [object()]
        thread = threading.Thread(target=lambda: found.append(inherited.run(current)))
        thread.start()
        thread.join()
        assert found[1] is None

    copy_context().run(check)


def test_a_lineage_is_made_once_and_keeps_the_rest() -> None:
    def check() -> None:
        arrive(None, "frame", True)
        lineage = own_lineage()
        here = current()
        assert here is not None
        assert (own_lineage(), here.lineage) == (lineage, lineage)
        assert (here.frame, here.single) == ("frame", True)

    copy_context().run(check)


def test_sync_13_what_was_set_in_a_copy_is_taken_back_but_not_where_it_stood() -> None:
    def check() -> None:
        before = VARIABLE.get()
        copy = copy_context()
        copy.run(VARIABLE.set, "set")
        copy.run(arrive, "lineage", "frame", True)
        take_back(copy)
        here = current()
        assert here is not None
        assert (before, VARIABLE.get()) == ("unset", "set")
        assert (here.lineage, here.frame, here.single) == ("lineage", None, False)

    copy_context().run(check)
