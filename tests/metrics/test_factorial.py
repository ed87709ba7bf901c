"""What errors cost alone and together: bookkeeping that must balance."""

import numpy as np
import pytest

from collapse_lib.metrics.factorial import combinations, joint_effects

RNG = np.random.default_rng(11)


def test_every_combination_occurs_once_and_parts_come_first():
    names = combinations("SEP")
    assert names == ["", "S", "E", "P", "SE", "SP", "EP", "SEP"]


def test_effects_sum_up_to_the_total():
    losses = {name: RNG.normal(size=9) for name in combinations("ABCD")}
    effects = joint_effects(losses)
    assert sum(effect.value for effect in effects.values()) == pytest.approx(
        losses["ABCD"].mean()
    )


def test_losses_that_add_up_have_no_joint_effects():
    alone = {"S": 2.0, "E": 3.0, "P": 5.0}
    losses = {n: 1 + sum(alone[one] for one in n) for n in combinations("SEP")}
    effects = {name: effect.value for name, effect in joint_effects(losses).items()}
    assert effects == {"": 1, **alone, "SE": 0, "SP": 0, "EP": 0, "SEP": 0}


def test_losses_that_multiply_compound():
    losses = {name: 2.0 ** len(name) for name in combinations("SEP")}
    # The product (1 + 1)(1 + 1)(1 + 1), multiplied out, has eight terms of 1.
    effects = joint_effects(losses)
    assert len(effects) == 8 and all(e.value == 1 for e in effects.values())


def test_standard_errors_are_those_of_repeated_experiments():
    def once():
        losses = {"": 0.0, "A": RNG.normal(1, 1, 20), "B": RNG.normal(2, 3, 30)}
        return joint_effects(losses | {"AB": RNG.normal(3, 2, 40)})["AB"]

    repeats = [once() for _ in range(2_000)]
    spread = np.std([row.value for row in repeats])
    claimed = np.sqrt(np.mean([row.se**2 for row in repeats]))
    assert claimed == pytest.approx(spread, rel=4 / np.sqrt(2 * len(repeats)))


def test_a_loss_known_exactly_adds_no_error():
    effects = joint_effects({"": 0, "A": [1.0, 3.0], "B": 2, "AB": 4})
    assert [effect.se for effect in effects.values()] == [0, 1, 0, 1]


@pytest.mark.parametrize(
    ("losses", "message"),
    [
        ({"": 0, "A": 1, "AB": 2}, r"given for \['', 'A', 'AB'\]; needed are exactly"),
        ({"": 0, "A": 1, "C": 2, "AB": 2}, "needed are exactly"),
        ({"": 0, "A": [1.0, np.nan]}, "1 values that are NaN"),
        ({"": 0, "A": []}, r"is empty"),
        ({"": 0, "A": [[1.0], [2.0]]}, r"shape \(2, 1\)"),
    ],
)
def test_unusable_losses_are_refused(losses, message):
    with pytest.raises(ValueError, match=message):
        joint_effects(losses)


@pytest.mark.parametrize("factors", ["", "AA"])
def test_factors_are_different_letters(factors):
    with pytest.raises(ValueError, match="different single letters"):
        combinations(factors)
