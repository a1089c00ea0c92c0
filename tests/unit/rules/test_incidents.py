import pytest

from monitor.config.rules import RulesSettings
from monitor.rules.incidents import IncidentRule, Transition
from tests.fakes import INCORRECT, UNKNOWN, WITH, WITHOUT

CHARACTERS = {"m": WITH, "x": WITHOUT, "i": INCORRECT, "?": UNKNOWN}
SIGNS = {Transition.NONE: ".", Transition.OPENED: "O", Transition.CORRECTED: "C"}


def play(states, first_seen_s=0.0, **rules):
    """One character for each half second; give what each changed."""
    rule = IncidentRule(RulesSettings(**{"dwell_s": 1, "grace_s": 0, "cooldown_s": 3} | rules), first_seen_s)
    return "".join(SIGNS[rule.update(CHARACTERS[c], n / 2)] for n, c in enumerate(states))


@pytest.mark.parametrize(
    ("states", "told"),
    [
        ("x", "."),
        ("xx", ".."),
        ("xxx", "..O"),
        ("xxxxxx", "..O..."),
        ("iii", "..O"),
        ("xix", "..O"),  # still violating
        ("mmm", "..."),
        ("???", "..."),
    ],
)
def test_a_violation_opens_an_incident_once_it_has_held(states, told):
    assert play(states) == told


@pytest.mark.parametrize(("states", "told"), [("xxmxxx", ".....O"), ("xx?xxx", ".....O"), ("x?x?x?x?x", ".........")])
def test_whatever_interrupts_a_dwell_starts_it_anew(states, told):
    assert play(states) == told


def test_a_mask_put_right_closes_it():
    assert play("xxxxm") == "..O.C"


def test_unknown_does_not_close_it():
    assert play("xxx????xx?m") == "..O.......C"


def test_another_violation_does_not_close_it_or_open_a_second():
    assert play("xxxiiixxx") == "..O......"


def test_no_dwell_opens_at_once():
    assert play("x", dwell_s=0) == "O"


@pytest.mark.parametrize(("grace_s", "told"), [(0, "..O......"), (2, "....O...."), (3.5, ".......O.")])
def test_within_the_grace_nothing_opens(grace_s, told):
    assert play("xxxxxxxxx", grace_s=grace_s) == told


def test_a_mask_put_on_within_the_grace_opens_nothing():
    assert play("xxxxmmmm", grace_s=3) == "........"


def test_the_grace_counts_from_the_first_sight_not_from_the_violation():
    assert play("mmmmmmxxx", grace_s=2) == "........O"


def test_the_grace_counts_from_this_persons_first_sight():
    rule = IncidentRule(RulesSettings(dwell_s=0, grace_s=2), first_seen_s=100)
    assert rule.update(WITHOUT, 101.9) is Transition.NONE
    assert rule.update(WITHOUT, 102.0) is Transition.OPENED


def test_after_a_correction_no_other_opens_during_the_cool_down():
    #      0    .5    1     1.5   2 ...
    assert play("xxxm" + "x" * 8) == "..OC" + ".....O.."


def test_a_second_incident_after_the_cool_down_needs_its_dwell():
    assert play("xxxm" + "m" * 8 + "xxx") == "..OC" + "........" + "..O"


def test_without_cool_down_the_dwell_alone_decides():
    assert play("xxxmxxxmxxx", cooldown_s=0) == "..OC..OC..O"


def test_the_first_incident_needs_no_cool_down():
    assert play("xxx", cooldown_s=3600) == "..O"


def test_what_an_open_incident_says_of_itself():
    rule = IncidentRule(RulesSettings(dwell_s=1), first_seen_s=0)
    for time_s in (3.0, 3.5, 4.0):
        assert not rule.is_open
        rule.update(WITHOUT, time_s)
    assert rule.is_open
    assert (rule.opened_s, rule.violating_since_s) == (4.0, 3.0)
    rule.update(WITH, 5.0)
    assert not rule.is_open
    assert rule.opened_s is None
