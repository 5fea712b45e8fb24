"""The word that was meant."""

from penstock.config.nearest import nearest


def test_a_slip_of_the_finger_finds_its_word() -> None:
    assert nearest("prot", ["host", "port"]) == "port"


def test_case_and_separators_make_no_difference() -> None:
    assert nearest("TIMEOUT-KEEP_ALIVE", ["timeout_keep_alive"]) == "timeout_keep_alive"


def test_what_is_like_nothing_finds_nothing() -> None:
    assert nearest("zebra", ["host", "port"]) == ""
