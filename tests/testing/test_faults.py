"""Faults as texts."""

from penstock.testing.faults import ContractBroken, Fault, serious, shown

FAULT = Fault("MSG-01", "must", "application", "a message is a dict", "b'x'")


def test_a_fault_names_its_rule_and_where_it_is() -> None:
    assert str(FAULT) == "MSG-01 (must, application): a message is a dict\n    in b'x'"
    assert str(ContractBroken([FAULT, FAULT._replace(message="")])).count("\n") == 2


def test_notes_are_not_serious() -> None:
    assert serious([FAULT, FAULT._replace(level="note")]) == [FAULT]


def test_what_is_shown_is_cut_and_never_raises() -> None:
    class Odd:
        def __repr__(self) -> str:
            raise LookupError

    assert shown("x" * 1000).endswith("… (1002 characters)")
    assert shown(Odd()) == "<Odd, whose repr raises LookupError>"
