"""What C does with less ado: writing past the loop, calling with a dict, keeping memory; in both forms."""

import socket
from types import ModuleType
from typing import Any

import pytest

from tests.twins import forms

each_form = pytest.mark.parametrize("form", forms("penstock.transport.direct"))


@each_form
def test_what_the_kernel_takes_is_counted(form: ModuleType) -> None:
    """All of it, a part of it, and none where its buffer is full or the socket is broken."""
    ours, theirs = socket.socketpair()
    with ours, theirs:
        ours.setblocking(False)
        assert form.write_now(ours.fileno(), b"hello") == 5
        assert form.write_now(ours.fileno(), b"") == 0
        sent = 5
        while piece := form.write_now(ours.fileno(), b"x" * 65536):
            sent += piece
        assert form.write_now(ours.fileno(), b"more") == 0
        received = 0
        while received < sent:
            received += len(theirs.recv(65536))
        assert form.write_now(ours.fileno(), b"again") == 5
        theirs.close()
        form.write_now(ours.fileno(), b"lost")
        assert form.write_now(ours.fileno(), b"lost") == 0
    assert form.write_now(-1, b"x") == 0


@each_form
def test_options_are_handed_over(form: ModuleType) -> None:
    def callee(first: Any, *, second: Any, third: int = 3) -> Any:
        return first, second, third

    options = {"second": 2}
    assert form.call_with(callee, 1, options) == (1, 2, 3)
    assert options == {"second": 2}
    with pytest.raises(TypeError):
        form.call_with(callee, 1, {"other": 2})


@each_form
def test_memory_can_be_kept(form: ModuleType) -> None:
    """The benchmark of uploads shows what it is good for."""
    assert form.keep_memory() is None
