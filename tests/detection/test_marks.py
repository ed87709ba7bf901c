"""Marks: what is written, what is read, and what chance alone gives."""

import math

import numpy as np
import pytest

from collapse_lib import detection, models, recurse, regimes
from collapse_lib.detection.keyed import add, hashed, uniform
from collapse_lib.detection.marks import first
from collapse_lib.theory import watermarks

V = 60
MARKS = {
    "green list": detection.GreenList(n_symbols=V),
    "tournament": detection.Tournament(n_symbols=V, layers=8),
    "Gumbel": detection.Gumbel(n_symbols=V, context=2),
}
PEAKED = np.array([0.5, 0.2, 0.1, 0.1, 0.05, 0.05])


def rng(seed=0):
    return np.random.default_rng(seed)


def written(mark, n, length, p=None, seed=0):
    """Return texts of a model without memory."""
    p = np.full(mark.n_symbols, 1 / mark.n_symbols) if p is None else p
    text, generator = np.zeros((n, 0), int), rng(seed)
    for _ in range(length):
        new = mark.draw(np.tile(p, (n, 1)), text, generator)
        text = np.column_stack([text, new])
    return text


def over_keys(kind, p, n, **options):
    """Return the laws of one token under many keys, their bits, and the mark."""
    mark = kind(n_symbols=len(p), **options)
    contexts = hashed(5, np.arange(n)[:, None])  # another context is as another key
    bits = add(contexts[:, None], np.arange(len(p)))
    return mark._law(np.tile(p, (n, 1)), bits), bits, mark


def close(values, expected, se=4.0):
    """Compare a mean over independent values with what it should be."""
    error = np.std(values, axis=0, ddof=1) / math.sqrt(len(values))
    assert np.all(np.abs(np.mean(values, axis=0) - expected) <= se * error + 1e-12)


def test_the_hash_is_uniform_and_pairs_are_independent():
    grid = np.stack(np.meshgrid(np.arange(400), np.arange(400)), -1)
    u = uniform(detection.hashed(3, grid))
    assert abs(u.mean() - 0.5) < 4 * u.std() / 400
    assert abs(u.var() - 1 / 12) < 4 * np.sqrt(1 / 180 / u.size)
    for other in (u[:, 1:], u[1:], uniform(detection.hashed(4, grid))):
        own = u[: len(other), : other.shape[1]]
        found = np.corrcoef(own.ravel(), other.ravel())[0, 1]
        assert abs(found) < 4 / math.sqrt(own.size)
    assert len(np.unique(u)) == u.size and 0 < u.min() and u.max() < 1


def test_order_and_key_matter_and_equal_grams_agree():
    bits = detection.hashed(1, [[1, 2], [2, 1], [1, 2]])
    assert bits[0] == bits[2] != bits[1]
    assert detection.hashed(2, [[1, 2]])[0] != bits[0]
    assert detection.hashed(1, [[0, 1, 2]])[0] != bits[0]


@pytest.mark.parametrize("name", MARKS)
def test_marked_text_is_found_and_only_with_the_key(name):
    mark = MARKS[name]
    text = written(mark, 40, 200)
    assert mark.z(text).min() > 4
    other = type(mark)(n_symbols=V, context=mark.context, key=18)
    assert np.abs(other.z(text)).max() < 5
    assert mark.scores(text).shape == (40, 200 - mark.context)


@pytest.mark.parametrize("name", MARKS)
def test_unmarked_text_has_a_standard_normal_score(name):
    z = MARKS[name].z(rng(1).integers(V, size=(3000, 40)))
    assert abs(z.mean()) < 4 / math.sqrt(3000)
    assert abs(z.std() - 1) < 4 * math.sqrt(1 / 3000)  # generous: kurtosis is above 3


def test_repeats_widen_the_null_as_the_formula_says():
    text = rng(2).geometric(0.3, size=300) - 1
    text = np.minimum(text, V - 1)
    z, once = [], []
    for key in range(2000):
        mark = detection.GreenList(n_symbols=V, key=key)
        z.append(float(mark.z(text, repeats=True)))
        once.append(float(mark.z(text)))
    pairs = np.lib.stride_tricks.sliding_window_view(text, 2)
    spread = float(detection.null_deviation(pairs[None], 0.25, deduplicate=False)[0])
    assert spread > 2
    assert np.std(z) == pytest.approx(spread, rel=4 / math.sqrt(2 * 2000))
    assert np.std(once) == pytest.approx(1, rel=4 / math.sqrt(2 * 2000))


def test_first_by_hand():
    bits = np.array([[7, 8, 7, 7], [1, 2, 3, 1]], np.uint64)
    assert first(bits).tolist() == [[True, True, False, False], [True] * 3 + [False]]


@pytest.mark.parametrize("leaves", [2, 3])
def test_a_tournament_is_what_its_rule_says(leaves):
    mark = detection.Tournament(n_symbols=6, leaves=leaves, layers=1)
    before, generator = np.array([[3]]), rng(leaves)
    law = mark.law(PEAKED[None], before)[0]
    bits = add(hashed(mark.key, before)[:, None], np.arange(6))[0]
    points = (bits & np.uint64(1)).astype(int)
    candidates = generator.choice(6, p=PEAKED, size=(100_000, leaves))
    chance = points[candidates] + generator.random(candidates.shape) / 2
    won = candidates[np.arange(len(candidates)), chance.argmax(axis=1)]
    found = np.bincount(won, minlength=6) / len(won)
    error = np.sqrt(law * (1 - law) / len(won))
    assert np.all(np.abs(found - law) <= 4 * error)


def test_two_leaves_keep_the_law_and_three_do_not():
    two, *_ = over_keys(detection.Tournament, PEAKED, 40_000, layers=1)
    close(two, PEAKED)
    three, *_ = over_keys(detection.Tournament, PEAKED, 40_000, layers=1, leaves=3)
    error = three.std(axis=0) / 200
    assert np.abs(three.mean(axis=0) - PEAKED).max() > 4 * error.max()


@pytest.mark.parametrize("p", [PEAKED, np.full(6, 1 / 6), np.array([0.9, 0.1])])
@pytest.mark.parametrize("leaves", [2, 3])
def test_mean_points_have_their_closed_form(p, leaves):
    laws, bits, mark = over_keys(
        detection.Tournament, p, 40_000, layers=1, leaves=leaves
    )
    close((laws * mark._of(bits)).sum(axis=1), watermarks.tournament_points(p, leaves))
    # An independent exact computation: all points that the tokens can have.
    every = (np.arange(2 ** len(p))[:, None] >> np.arange(len(p))) & 1
    exact = (1 - (1 - every @ p) ** leaves).mean()
    assert watermarks.tournament_points(p, leaves) == pytest.approx(exact, abs=1e-12)


@pytest.mark.parametrize("p", [PEAKED, np.full(6, 1 / 6), np.array([0.9, 0.1])])
def test_gumbel_keeps_the_law_and_scores_as_predicted(p):
    laws, bits, mark = over_keys(detection.Gumbel, p, 60_000)
    close(laws, p)
    scores = (laws * mark._of(bits)).sum(axis=1)
    close(scores, watermarks.gumbel_score(p))
    assert watermarks.gumbel_score(p) >= watermarks.gumbel_bound(p)


def test_gumbel_score_by_quadrature():
    u = (np.arange(2_000_000) + 0.5) / 2_000_000
    exact = sum(p * np.mean(-np.log1p(-(u**p))) for p in PEAKED)
    assert watermarks.gumbel_score(PEAKED) == pytest.approx(exact, rel=1e-5)


@pytest.mark.parametrize("p", [PEAKED, np.full(6, 1 / 6), np.array([0.9, 0.1])])
def test_green_share_is_above_its_bound(p):
    laws, bits, mark = over_keys(detection.GreenList, p, 40_000)
    share = (laws * mark._of(bits)).sum(axis=1)
    every = (np.arange(2 ** len(p))[:, None] >> np.arange(len(p))) & 1
    chance = np.prod(np.where(every, 0.25, 0.75), axis=1)
    green = every @ p
    exact = (chance * green * math.exp(2) / (1 + (math.exp(2) - 1) * green)).sum()
    close(share, exact)
    assert exact >= watermarks.green_bound(p, 0.25, 2)


def test_flat_share_and_z_of_the_readme():
    share = watermarks.green_flat(0.25, 2)
    assert share == pytest.approx(0.711, abs=5e-4)
    z = (share - 0.25) * 10 / math.sqrt(0.25 * 0.75)
    assert z == pytest.approx(10.65, abs=0.01)


def test_gumbel_p_values_are_uniform():
    mark = detection.Gumbel(n_symbols=500)
    p = np.exp(mark.log_p(rng(3).integers(500, size=(4000, 30))))
    share = [np.mean(p < level) for level in (0.01, 0.1, 0.5, 0.9)]
    for found, level in zip(share, (0.01, 0.1, 0.5, 0.9), strict=True):
        assert abs(found - level) < 4 * math.sqrt(level * (1 - level) / 4000)


def test_the_best_of_many_messages():
    assert math.exp(detection.log_any(math.log(0.00134467), 5)) == pytest.approx(
        0.0067053, rel=1e-4
    )
    assert detection.log_any([-35.999, -36.001], 7) == pytest.approx(
        [-35.999 + math.log(7), -36.001 + math.log(7)]
    )
    assert detection.log_any(0.0, 3) == 0


@pytest.mark.parametrize("context", [1, 2])
def test_edits_shrink_the_score_as_predicted(context):
    mark = detection.GreenList(n_symbols=2000, context=context)
    text, generator = written(mark, 60, 150), rng(4)
    for share in (0.1, 0.3):
        new = np.where(
            generator.random(text.shape) < share,
            generator.integers(2000, size=text.shape),
            text,
        )
        ratio = mark.z(new) / mark.z(text).mean()
        close(ratio, watermarks.after_edits(share, context))


BLOCKS = rng(5).integers(V, size=(1, 60, 40))
FITTED = models.NGram(V, order=2).fit(BLOCKS, rng())


@pytest.mark.parametrize("name", MARKS)
def test_an_n_gram_model_writes_marked_text(name):
    mark = MARKS[name]
    text = regimes.Watermarked(mark)(FITTED).sample(30, rng())
    assert text.shape == (1, 30, 40)
    assert mark.z(text).mean() > 2 > np.abs(mark.z(FITTED.sample(30, rng()))).mean()


def test_a_marked_n_gram_model_draws_from_the_marked_law():
    mark = MARKS["green list"]
    short = models.NGram(V, order=2).fit(BLOCKS[..., :3], rng())
    text = short.watermark(mark).sample(20_000, rng())[0]
    starts = text[text[:, 0] == text[0, 0]]
    before = starts[:1, :1]
    law = mark.law(short.conditional(before)[0], before)[0]
    found = np.bincount(starts[:, 1], minlength=V) / len(starts)
    error = np.sqrt(law * (1 - law) / len(starts))
    seen = law * len(starts) > 5
    assert seen.sum() > 10
    assert np.all(np.abs(found - law)[seen] <= 4.5 * error[seen])


def test_a_mark_of_no_strength_changes_nothing():
    mark = detection.GreenList(n_symbols=V, delta=0)
    p = FITTED.conditional([[3], [4]])[0]
    assert np.allclose(mark.law(p, [[3], [4]]), p)


def test_marks_come_after_temperature_and_cuts():
    mark = MARKS["green list"]
    bias = regimes.TopP(0.5).then(regimes.Watermarked(mark))
    text = bias(FITTED).sample(20, rng())
    cold = FITTED.cut(top_p=0.5)
    assert cold.watermark(mark).top_p == 0.5 and mark.z(text).mean() > 1


def test_a_recursion_can_write_marked_text():
    mark = MARKS["green list"]
    history = recurse(
        models.NGram(V, order=2),
        BLOCKS[0],
        regime=regimes.Replace(bias=regimes.Watermarked(mark)),
        n_samples=40,
        n_generations=2,
        measure={"z": lambda fitted: mark.z(fitted.sample(5, rng())).mean(axis=1)},
        rng=rng(),
    )
    z = history.array("z")[:, 0]
    assert z[0] < 2 < z[1] < z[2]


def test_a_transformer_writes_marked_text():
    mark = MARKS["green list"]
    recipe = models.Transformer(
        vocabulary=V,
        context=40,
        width=8,
        layers=1,
        heads=1,
        epochs=1,
        batch=16,
        start=0,
    )
    fitted = recipe.fit(BLOCKS, rng())
    text = regimes.Watermarked(mark)(fitted).sample(20, rng())
    assert mark.z(text).mean() > 3 > np.abs(mark.z(fitted.sample(20, rng()))).mean()
    again = fitted.watermark(mark).sample(20, rng())
    assert (again == text).all()
    with pytest.raises(ValueError, match="models of|model of Hugging"):
        models.Watermarked(mark).settings()


def test_what_cannot_be_marked_is_refused():
    mark = MARKS["green list"]
    with pytest.raises(ValueError, match="only text can be marked"):
        regimes.Watermarked(mark)(models.FittedGaussian.standard())
    with pytest.raises(ValueError, match="the model knows 60"):
        FITTED.watermark(detection.GreenList(n_symbols=5))
    with pytest.raises(ValueError, match="give a longer text"):
        mark.z([3])
    with pytest.raises(ValueError, match="sum to 1"):
        mark.law(np.full((1, V), 0.5), [[1]])
    with pytest.raises(ValueError, match="gamma is 1"):
        detection.GreenList(n_symbols=5, gamma=1)
