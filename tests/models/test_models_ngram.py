"""The n-gram model against a plain one, against its own law, and in every regime."""

from __future__ import annotations

from collections import Counter
from itertools import product

import numpy as np
import pytest
from scipy import stats

from collapse_lib import models, recurse, regimes
from collapse_lib.models import (
    AbsoluteDiscounting,
    FittedNGram,
    JelinekMercer,
    KneserNey,
    NGram,
    WittenBell,
)
from collapse_lib.models.ngram import table as ngram_table
from collapse_lib.theory.ngram import expected_next_count

V = 4


def rules(order: int) -> dict[str, object]:
    weights = (0.9, 0.6, 0.3, 0.5)[:order]
    return {
        "fixed": JelinekMercer(weights),
        "absolute": AbsoluteDiscounting(0.7),
        "Kneser-Ney": KneserNey(0.7),
        "Witten-Bell": WittenBell(),
    }


RULES = list(rules(1))


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


@pytest.fixture
def text() -> np.ndarray:
    """Two chains; the first symbols are frequent, many trigrams never occur."""
    p = [0.5, 0.3, 0.15, 0.05]
    return rng(1).choice(V, p=p, size=(2, 12, 6))


# ---- a plain implementation ---------------------------------------------------------


def grams(blocks: np.ndarray, k: int) -> Counter:
    return Counter(
        tuple(block[i : i + k])
        for block in blocks.tolist()
        for i in range(len(block) - k + 1)
    )


def slow(rule: object, blocks: np.ndarray, context: tuple, w: int, top: bool) -> float:
    """Return P(w | context), one count at a time."""
    k = len(context) + 1
    counts = grams(blocks, k)
    if isinstance(rule, KneserNey) and not top:
        counts = Counter(gram[1:] for gram in grams(blocks, k + 1))
    after = {gram[-1]: c for gram, c in counts.items() if gram[:-1] == context}
    if context:
        lower = slow(rule, blocks, context[1:], w, top=False)
    else:
        lower = 1 / V
    total, types, c = sum(after.values()), len(after), after.get(w, 0)
    if total == 0:
        return lower
    if isinstance(rule, JelinekMercer):
        weight = rule.weights[k - 1]
        return weight * c / total + (1 - weight) * lower
    if isinstance(rule, WittenBell):
        return (c + types * lower) / (total + types)
    return (max(c - rule.discount, 0) + rule.discount * types * lower) / total


@pytest.mark.parametrize("order", [1, 2, 3, 4])
@pytest.mark.parametrize("name", RULES)
def test_it_equals_a_plain_implementation(
    name: str, order: int, text: np.ndarray
) -> None:
    rule = rules(order)[name]
    fit = NGram(V, order, rule).fit(text, rng())
    test = rng(2).integers(V, size=(5, 6))
    found = np.exp(fit.log_prob(test))
    for chain, b, i in product(range(2), range(5), range(6)):
        context = tuple(test[b, max(0, i - order + 1) : i].tolist())
        want = slow(rule, text[chain], context, int(test[b, i]), top=True)
        assert found[chain, b, i] == pytest.approx(want, rel=1e-12)


@pytest.mark.parametrize("length", [0, 1, 2, 5])
@pytest.mark.parametrize("name", RULES)
def test_both_ways_to_a_probability_agree_and_sum_to_one(
    name: str, length: int, text: np.ndarray
) -> None:
    fit = NGram(V, 3, rules(3)[name]).fit(text, rng())
    context = rng(3).integers(V, size=(2, 40, length))
    p = fit.conditional(context)
    np.testing.assert_allclose(p.sum(axis=-1), 1, atol=1e-12)
    assert (p > 0).all()
    for w in range(V):
        whole = np.concatenate([context, np.full((2, 40, 1), w)], axis=-1)
        by_score = np.exp(fit.log_prob(whole)[..., -1])
        np.testing.assert_allclose(p[..., w], by_score, rtol=1e-12)


def test_chains_do_not_mix(text: np.ndarray) -> None:
    both = NGram(V, 3).fit(text, rng())
    test = rng(4).integers(V, size=(7, 6))
    for chain in range(2):
        alone = NGram(V, 3).fit(text[chain : chain + 1], rng())
        np.testing.assert_array_equal(
            both.log_prob(test)[chain], alone.log_prob(test)[0]
        )
        for level in (1, 2, 3):
            assert both.types(level)[chain] == alone.types(level)[0]
            assert both.types(level)[chain] == len(grams(text[chain], level))


@pytest.mark.parametrize("dense", [0, 10**6])
def test_arrays_and_searches_find_the_same(
    dense: int, text: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain = NGram(V, 3).fit(text, rng())
    test = rng(5).integers(V, size=(9, 6))
    want = plain.log_prob(test), plain.conditional(test), plain.sample(50, rng())
    monkeypatch.setattr(ngram_table, "DENSE", dense)
    other = NGram(V, 3).fit(text, rng())
    got = other.log_prob(test), other.conditional(test), other.sample(50, rng())
    for a, b in zip(want, got, strict=True):
        np.testing.assert_array_equal(a, b)


def test_counts_by_hand() -> None:
    fit = NGram(3, 2, AbsoluteDiscounting(0.5)).fit(np.array([[[0, 1, 0, 2]]]), rng())
    assert fit.counts.tolist() == [[2, 1, 1]]
    assert fit.types(1).tolist() == [3] and fit.types(2).tolist() == [3]
    assert fit.predecessors.tolist() == [[1, 1, 1]]
    # (2 - 0.5) / 4 + 3 * 0.5 / 4 / 3 for symbol 0, and so on.
    np.testing.assert_allclose(fit.fallback, [[0.5, 0.25, 0.25]])
    np.testing.assert_allclose(fit.conditional([[[0]]])[0, 0], [0.25, 0.375, 0.375])


# ---- sampling -----------------------------------------------------------------------


def law_of_blocks(fit: FittedNGram, length: int) -> np.ndarray:
    """Return the probability of every block, shape (chains, V ** length)."""
    every = np.array(list(product(range(V), repeat=length)))
    return np.exp(fit.log_prob(every).sum(axis=-1))


def chi_square(fit: FittedNGram, blocks: np.ndarray) -> list[float]:
    length = blocks.shape[-1]
    places = V ** np.arange(length)[::-1]
    p = law_of_blocks(fit, length)
    np.testing.assert_allclose(p.sum(axis=1), 1, atol=1e-12)
    values = []
    for row, chain in zip(p, blocks, strict=True):
        found = np.bincount(chain @ places, minlength=len(row))
        common = row * len(chain) > 5
        f = np.append(found[common], found[~common].sum())
        e = np.append(row[common], row[~common].sum()) * len(chain)
        values.append(stats.chisquare(f[e > 0], e[e > 0]).pvalue)
    return values


@pytest.mark.parametrize("order", [1, 2, 3])
@pytest.mark.parametrize("name", RULES)
def test_samples_follow_the_models_own_law(
    name: str, order: int, text: np.ndarray
) -> None:
    fit = NGram(V, order, rules(order)[name]).fit(text[..., :3], rng())
    assert min(chi_square(fit, fit.sample(40_000, rng(6)))) > 1e-3


def test_the_law_would_be_noticed_if_it_were_another(text: np.ndarray) -> None:
    fit = NGram(V, 3, KneserNey(0.7)).fit(text[..., :3], rng())
    other = NGram(V, 3, KneserNey(0.6)).fit(text[..., :3], rng())
    assert max(chi_square(fit, other.sample(40_000, rng(6)))) < 1e-6


def test_writing_on_follows_the_conditional_law(text: np.ndarray) -> None:
    fit = NGram(V, 3, KneserNey(0.7)).fit(text, rng())
    prompt = np.array([2, 0, 1])
    p = fit.conditional(prompt[None])[:, 0]
    start = np.broadcast_to(prompt, (2, 30_000, 3))
    new = fit.continue_from(start, 2, rng(7))
    assert new.shape == (2, 30_000, 2)
    for chain in range(2):
        found = np.bincount(new[chain, :, 0], minlength=V)
        assert stats.chisquare(found, p[chain] * 30_000).pvalue > 1e-3


@pytest.mark.parametrize("temperature", [0.5, 1.0, 2.0])
def test_a_tempered_model_samples_the_powered_law(
    temperature: float, text: np.ndarray
) -> None:
    fit = NGram(V, 2).fit(text, rng())
    first = fit.conditional(np.empty((1, 0), int))[:, 0] ** (1 / temperature)
    after = fit.conditional([[w] for w in range(V)]) ** (1 / temperature)
    joint = (first / first.sum(axis=-1, keepdims=True))[..., None] * (
        after / after.sum(axis=-1, keepdims=True)
    )
    blocks = fit.temper(temperature).sample(30_000, rng(8))
    for chain in range(2):
        found = np.bincount(blocks[chain, :, :2] @ [V, 1], minlength=V * V)
        expected = joint[chain].ravel() * 30_000
        assert stats.chisquare(found, expected).pvalue > 1e-3


@pytest.mark.parametrize(
    ("top_k", "top_p"), [(2, None), (None, 0.6), (3, 0.7), (99, 1)]
)
def test_a_cut_model_writes_the_most_probable_symbols_alone(
    top_k: int | None, top_p: float | None, text: np.ndarray
) -> None:
    fit = NGram(V, 2).fit(text, rng())

    def cut(p: np.ndarray) -> np.ndarray:
        kept = np.zeros_like(p)
        order = np.argsort(-p, kind="stable")[:top_k]
        mass = np.cumsum(p[order]) / p[order].sum()
        n = 1 if top_p == 0 else int(np.searchsorted(mass, (top_p or 1) - 1e-12)) + 1
        kept[order[:n]] = p[order[:n]]
        return kept / kept.sum()

    after = fit.conditional([[w] for w in range(V)])
    first = fit.conditional(np.empty((1, 0), int))[:, 0]
    blocks = fit.cut(top_k, top_p).sample(30_000, rng(8))
    for chain in range(2):
        joint = np.stack([cut(p) for p in after[chain]]) * cut(first[chain])[:, None]
        found = np.bincount(blocks[chain, :, :2] @ [V, 1], minlength=V * V)
        expected = joint.ravel() * 30_000
        assert (found[expected == 0] == 0).all()
        some = expected > 0
        assert stats.chisquare(found[some], expected[some]).pvalue > 1e-3


def test_temperature_comes_before_the_cut(text: np.ndarray) -> None:
    fit = NGram(V, 2).fit(text, rng())
    both = fit.temper(0.5).cut(top_p=0.6)
    weights = both._weights(np.arange(V), 2)
    p = fit.conditional([[w] for w in range(V)])[0] ** 2
    p /= p.sum(axis=1, keepdims=True)
    for found, row in zip(weights, p, strict=True):
        n = np.searchsorted(np.cumsum(np.sort(row)[::-1]), 0.6) + 1
        assert (found > 0).sum() == n
    chained = regimes.Chain((regimes.Temperature(0.5), regimes.TopP(0.6)))(fit)
    assert chained == both
    for options, message in (
        ((0, None), "top_k is 0; it must be an integer"),
        ((None, 0), "top_p is 0; it must be a number above 0, up to 1"),
    ):
        with pytest.raises(ValueError, match=message):
            fit.cut(*options)


def test_at_temperature_0_one_block_is_written(text: np.ndarray) -> None:
    cold = NGram(V, 3).fit(text, rng()).temper(0).sample(20, rng())
    assert (cold == cold[:, :1]).all()


def test_many_contexts_are_tempered_in_parts(text: np.ndarray) -> None:
    wide = rng(9).integers(40, size=(1, 400, 4))
    fit = NGram(40, 3).fit(wide, rng())
    tempered, plain = fit.temper(1).sample(3_000, rng()), fit.sample(3_000, rng(1))
    pair = [np.bincount(x[0, :, 3], minlength=40) for x in (tempered, plain)]
    assert stats.chi2_contingency(pair).pvalue > 1e-3


def test_a_seed_gives_the_same_text_and_chains_differ(text: np.ndarray) -> None:
    fit = NGram(V, 3).fit(np.stack([text[0], text[0]]), rng())
    one, two = fit.sample(30, rng(1)), fit.sample(30, rng(1))
    np.testing.assert_array_equal(one, two)
    assert (one[0] != one[1]).any()


# ---- what a generation does to a word -----------------------------------------------


@pytest.mark.parametrize("name", ["absolute", "Kneser-Ney"])
def test_the_expected_count_is_the_sum_over_real_contexts(name: str) -> None:
    text = rng(10).zipf(1.5, size=(1, 300, 5)) % 30
    rule = rules(2)[name]
    fit = NGram(30, 2, rule).fit(text, rng())
    # Every place that follows another word, with its real context.
    summed = fit.conditional(text[:, :, :-1].reshape(1, -1, 1)).sum(axis=1)[0]
    found = expected_next_count(
        np.bincount(text[..., 1:].ravel(), minlength=30),
        fit.predecessors[0],
        fit.fallback[0],
        n_pairs=int(fit.types(2)[0]),
        discount=rule.discount,
    )
    np.testing.assert_allclose(found, summed, rtol=1e-10)


def test_fixed_weights_keep_frequencies_on_average() -> None:
    text = rng(11).zipf(1.5, size=(1, 500, 20)) % 50
    fit = NGram(50, 3, JelinekMercer((0.9999, 0.6, 0.3))).fit(text, rng())
    texts = [fit.sample(500, rng(seed)) for seed in range(40)]
    counts = np.array([np.bincount(t.ravel(), minlength=50) for t in texts])
    mean, se = counts.mean(axis=0), counts.std(axis=0, ddof=1) / np.sqrt(40)
    # The ends of blocks disturb a few per mille of the frequencies.
    z = (mean - fit.counts[0]) / np.hypot(se, 0.005 * mean)
    assert np.abs(z).max() < 4


# ---- the loop -----------------------------------------------------------------------

REGIMES = {
    "Replace": regimes.Replace(),
    "Replace, tempered": regimes.Replace(bias=regimes.Temperature(0.5)),
    "Accumulate": regimes.Accumulate(),
    "AccumulateSubsample": regimes.AccumulateSubsample(),
    "Augment": regimes.Augment(),
    "Mix": regimes.Mix(0.5, 0.25, 0.25),
    "Fresh": regimes.Fresh(n_real=3),
}


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("name", REGIMES)
def test_every_regime(name: str, rule: str, text: np.ndarray) -> None:
    model = NGram(V, 2, rules(2)[rule])
    source = model.fit(text[:1], rng())
    history = recurse(
        model,
        source if name == "Fresh" else text[0],
        regime=REGIMES[name],
        n_samples=12,
        n_generations=3,
        chains=2,
        rng=rng(),
        measure={"words": lambda fit: fit.types(1)},
    )
    words = history.array("words")
    assert words.shape == (4, 2)
    assert (words >= 1).all() and (words <= V).all()


def test_the_longer_pool_of_accumulate_is_what_is_fitted(text: np.ndarray) -> None:
    sizes = recurse(
        NGram(V, 2),
        text[0],
        regime=regimes.Accumulate(),
        n_samples=12,
        n_generations=3,
        rng=rng(),
        measure={"n": lambda fit: fit.counts.sum(axis=1)},
    ).array("n")
    assert sizes[:, 0].tolist() == [72, 144, 216, 288]


# ---- refusals -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda: NGram(0), "n_symbols is 0; it must be an integer >= 1"),
        (lambda: NGram(5, 0), "order is 0; it must be an integer >= 1"),
        (lambda: NGram(5, 2, "KN"), "smoothing is 'KN'; it must be JelinekMercer"),
        (lambda: NGram(5, 3, JelinekMercer((0.9, 0.5))), "2 weights, order is 3"),
        (
            lambda: JelinekMercer((0.9, 1.0)),
            "weights hold 1.0; each must be in",
        ),
        (lambda: JelinekMercer(0.9), r"weights has shape \(\); needed is one for each"),
        (lambda: JelinekMercer((0.9, np.nan)), "weights holds 1 values that are NaN"),
        (lambda: JelinekMercer("abc"), "weights is 'abc'; numbers are needed"),
        (lambda: AbsoluteDiscounting(0), "discount is 0; it must be a number above 0,"),
        (
            lambda: KneserNey(1.5),
            "discount is 1.5; it must be a number above 0, up to 1",
        ),
        (
            lambda: NGram(5, 2, KneserNey),
            "smoothing is the class KneserNey, not an obj",
        ),
    ],
)
def test_options_that_make_no_sense_are_refused(make, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        make()


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (np.zeros((1, 2, 3)), "data holds float64 values; symbols must be integers"),
        (np.full((1, 2, 3), V), "data holds symbols from 4 to 4; allowed: 0 to 3"),
        (np.full((1, 2, 3), -1), "data holds symbols from -1 to -1; allowed: 0 to 3"),
        (np.zeros((2, 3), int), r"shape \(2, 3\); this model needs \(chains, n, ...\)"),
        (np.zeros((1, 0, 3), int), "data is empty"),
        (models.Counts(1, np.ones((1, V), int)), "cannot be fitted to Counts"),
    ],
)
def test_data_that_do_not_fit_are_refused(data, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        NGram(V).fit(data, rng())


def test_codes_that_would_overflow_are_refused() -> None:
    with pytest.raises(ValueError, match="1 chains with 100000 symbols and order 4"):
        NGram(100_000, 4).fit(np.zeros((1, 1, 5), int), rng())


@pytest.mark.parametrize("name", RULES)
def test_an_order_above_the_block_is_refused(name: str, text: np.ndarray) -> None:
    model = NGram(V, 4, rules(4)[name])
    with pytest.raises(
        ValueError, match="order is 4, but a block of the data has 3 sy"
    ):
        model.fit(text[..., :3], rng())
    assert model.fit(text[..., :4], rng()).sample(2, rng()).shape == (2, 2, 4)


@pytest.mark.parametrize("dtype", [np.uint8, np.int8, np.uint16, np.int32, np.uint64])
def test_symbols_of_every_integer_type_are_the_same(
    dtype: type[np.integer], text: np.ndarray
) -> None:
    plain, other = (
        NGram(V, 3).fit(blocks, rng()) for blocks in (text, text.astype(dtype))
    )
    for name in ("keys", "ends"):
        for ours, theirs in zip(plain.tables, other.tables, strict=True):
            np.testing.assert_array_equal(getattr(ours, name), getattr(theirs, name))
    for fit in (plain, other):
        found = fit.log_prob(text.astype(dtype))
        np.testing.assert_array_equal(found, plain.log_prob(text))
        found = fit.continue_from(text[..., :2].astype(dtype), 4, rng())
        np.testing.assert_array_equal(
            found, plain.continue_from(text[..., :2], 4, rng())
        )


def test_sizes_of_small_integer_types_do_not_overflow() -> None:
    data = rng(3).integers(100, size=(1, 50, 6))
    small, plain = NGram(np.int8(100), np.uint8(3)), NGram(100, 3)
    assert repr(small) == repr(plain)
    test = rng(4).integers(100, size=(9, 6))
    np.testing.assert_array_equal(
        small.fit(data, rng()).log_prob(test), plain.fit(data, rng()).log_prob(test)
    )


def test_a_tempered_model_is_made_of_a_fitted_one(text: np.ndarray) -> None:
    fit = NGram(V, 2).fit(text, rng())
    for temperature in (-1, np.nan, None, "hot"):
        with pytest.raises(ValueError, match="temperature is .* a number >= 0"):
            fit.temper(temperature)
    with pytest.raises(ValueError, match="fitted is a NGram; it must be a fitted n-gr"):
        models.TemperedNGram(NGram(V, 2), 1.0)
    assert (fit.temper(1e-320).sample(2, rng()) < V).all()


def test_questions_that_do_not_fit_are_refused(text: np.ndarray) -> None:
    fit = NGram(V, 2).fit(text, rng())
    with pytest.raises(ValueError, match=r"data has shape \(3, 1, 6\); needed is"):
        fit.log_prob(np.zeros((3, 1, 6), int))
    with pytest.raises(
        ValueError, match="context holds symbols from 0 to 9; allowed: 0 to 3"
    ):
        fit.conditional([[0, 9]])
    with pytest.raises(
        ValueError, match="level is 3; it must be an integer from 1 to 2"
    ):
        fit.types(3)
    with pytest.raises(ValueError, match="predecessors are counted from order 2 on"):
        NGram(V, 1).fit(text, rng()).predecessors  # noqa: B018
    with pytest.raises(ValueError, match="n_symbols is 0; it must be an integer >= 1"):
        fit.continue_from(np.zeros((2, 1, 1), int), 0, rng())


@pytest.mark.parametrize(
    ("numbers", "options", "says"),
    [
        ((1, 2, 0.1), {"n_pairs": 5, "discount": 0.5}, "count must be at least predec"),
        ((2, 1, 1.5), {"n_pairs": 5, "discount": 0.5}, "fallback is 1.5; allowed"),
        ((2, 1, 0.5), {"n_pairs": 0, "discount": 0.5}, "n_pairs is 0"),
        ((2, 1, 0.5), {"n_pairs": 5, "discount": 2.0}, "discount is 2.0"),
    ],
)
def test_impossible_counts_are_refused(numbers, options, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        expected_next_count(*numbers, **options)
