"""Our marks beside those of Hugging Face's transformers, from the same lists.

Where transformers is not installed (``pip install .[pretrained]``) this is skipped.
"""

from types import SimpleNamespace

import numpy as np
import pytest

from collapse_lib import detection
from collapse_lib.detection.tournament import match

transformers = pytest.importorskip(
    "transformers",
    reason="the referee is not installed: pip install '.[pretrained]' brings it",
)
torch = pytest.importorskip("torch")

V, T = 80, 150


def config():
    """Return what a detector asks of a model."""
    return SimpleNamespace(bos_token_id=-1, is_encoder_decoder=False, vocab_size=V)


class TheirLists(detection.GreenList):
    """A green list whose bits are 0 for their green tokens, and large for others."""

    def bits(self, text):
        grams = np.lib.stride_tricks.sliding_window_view(text, 2, axis=-1)
        red = ~self.table()[grams[..., 0], grams[..., 1]]
        # Different n-grams have different bits, and red ones are large.
        bits = (grams[..., 0] * V + grams[..., 1]).astype(np.uint64)
        return bits + red.astype(np.uint64) * np.uint64(2**63)

    def table(self):
        theirs = processor()
        lists = np.zeros((V, V), bool)
        for token in range(V):
            lists[token, theirs._get_greenlist_ids(torch.tensor([token])).numpy()] = 1
        return lists


def processor(**options):
    """Return what marks logits there."""
    settings = transformers.WatermarkingConfig(bias=2.0, **options).to_dict()
    return transformers.WatermarkLogitsProcessor(V, "cpu", **settings)


def text():
    """Return texts with repeats."""
    rng = np.random.default_rng(0)
    return np.minimum(rng.geometric(0.1, size=(6, T)) - 1, V - 1)


@pytest.mark.parametrize("repeats", [True, False])
def test_z_is_theirs_with_repeats_and_without(repeats):
    detector = transformers.WatermarkDetector(
        config(),
        "cpu",
        transformers.WatermarkingConfig(bias=2.0),
        ignore_repeated_ngrams=not repeats,
    )
    theirs = detector(torch.tensor(text()), return_dict=True).z_score
    ours = TheirLists(n_symbols=V).z(text(), repeats=repeats)
    assert ours == pytest.approx(theirs, abs=1e-12)


def test_the_marked_law_is_theirs():
    mark = TheirLists(n_symbols=V)
    logits = torch.randn(5, V, generator=torch.Generator().manual_seed(0)).double()
    context = torch.arange(5)[:, None]
    theirs = processor()(context, logits).softmax(-1).numpy()
    red = ~mark.table()[:5]
    ours = mark._law(logits.softmax(-1).numpy(), red.astype(np.uint64) << np.uint64(63))
    assert ours == pytest.approx(theirs, abs=1e-12)


def test_their_wider_context_does_not_change_the_list():
    """With their default scheme the list depends on the last token, whatever the width.

    Repeated n-grams are then no measure of repeated decisions; ours go by the bits.
    """
    wide = processor(context_width=3)
    one = wide._get_greenlist_ids(torch.tensor([1, 2, 3]))
    other = wide._get_greenlist_ids(torch.tensor([7, 5, 3]))
    assert (one == other).all()
    mark = detection.GreenList(n_symbols=V, context=3)
    bits = mark.bits([[1, 2, 3, 4], [7, 5, 3, 4]])
    assert bits[0] != bits[1]


def test_a_layer_of_two_leaves_is_theirs():
    theirs = transformers.SynthIDTextWatermarkLogitsProcessor(
        ngram_len=3,
        keys=[1, 2],
        sampling_table_size=2**8,
        sampling_table_seed=0,
        context_history_size=4,
        device=torch.device("cpu"),
    )
    rng = np.random.default_rng(1)
    p = rng.dirichlet(np.full(V, 0.3), size=4)
    points = rng.integers(2, size=(2, 4, V)).astype(float)
    ours = match(match(p, points[0], 2), points[1], 2)
    scores = torch.log(torch.tensor(p))
    g = torch.tensor(np.moveaxis(points, 0, -1))
    found = theirs.update_scores(scores, g).exp().numpy()
    assert ours == pytest.approx(found, abs=1e-9)


def test_their_expected_points_are_ours():
    from collapse_lib.theory.watermarks import tournament_points

    theirs = transformers.SynthIDTextWatermarkLogitsProcessor(
        2, [1], 8, 0, 4, torch.device("cpu")
    )
    flat = np.full(15, 1 / 15)
    expected = theirs.expected_mean_g_value(vocab_size=15)
    assert tournament_points(flat, 2) == pytest.approx(float(expected))
