"""Decoding: the cache changes nothing, draws follow the law, beams find the same."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from scipy import stats
from torch import Tensor

from collapse_lib.models.language import beam_search
from collapse_lib.models.language import cache as reading
from collapse_lib.models.language import network as networks
from collapse_lib.models.language import sampling as loops
from collapse_lib.models.language.decoding import Ancestral, Beam, Decoder, Greedy
from collapse_lib.models.pretrained import opt as opt_weights
from collapse_lib.models.weights import pack, unpack

SIZES = networks.Architecture(
    vocabulary=23, context=20, width=16, layers=2, heads=4, hidden=32
)
END = 2


@pytest.fixture(scope="module")
def network() -> networks.Network:
    return lively(networks.random(SIZES, seed=0))


def lively(network: networks.Network) -> networks.Network:
    """Make the weights large, so that tokens differ in probability."""
    generator = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for weight in network.parameters():
            weight.add_(0.3 * torch.randn(weight.shape, generator=generator))
    return network.eval()


def prompts(n: int = 5, length: int = 6, seed: int = 0) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randint(3, SIZES.vocabulary, (n, length), generator=generator)


def generate(
    decoder: Decoder,
    network: networks.Network,
    tokens: Tensor,
    n_new: int = 8,
    end: int | None = END,
    seed: int = 0,
) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return decoder.generate(network, tokens, n_new, generator=generator, end=end)


# ---- the cache ----------------------------------------------------------------------


@pytest.mark.parametrize("alternatives", [1, 5])
@pytest.mark.parametrize("n_first", [1, 3, 8])
def test_logits_of_what_was_read_equal_the_full_pass(
    n_first: int,
    alternatives: int,
    network: networks.Network,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(reading.TOKENS_AT_ONCE, "cpu", 16)  # two prompts, then two
    tokens = prompts(4, 9)
    with torch.no_grad():
        reader = reading.Reader(network, 4, 9, alternatives)  # both layouts of keys
        parts = [reader.start(tokens[:, :n_first])]
        for place in range(n_first, 9):
            parts.append(reader.read(tokens[:, place, None], place))
        memory = torch.empty(4, network.sizes.vocabulary)
        found = [reader.logits(part, memory).clone() for part in parts]
        expected = network(tokens)[:, n_first - 1 :]
    found = torch.stack(found, 1)
    torch.testing.assert_close(found, expected, atol=1e-5, rtol=1e-5)


def full_pass(network: networks.Network, tokens: Tensor) -> Tensor:
    """Log probabilities of the next token, without a cache."""
    with torch.no_grad():
        return network(tokens)[:, -1].log_softmax(-1)


def test_greedy_takes_the_most_probable_token(network: networks.Network) -> None:
    tokens = prompts()
    for token in generate(Greedy(), network, tokens, 8).T:
        scores = full_pass(network, tokens)
        scores[:, END] = -torch.inf
        assert (token == scores.argmax(-1)).all()
        tokens = torch.cat([tokens, token[:, None]], 1)


# ---- drawing ------------------------------------------------------------------------


def goodness_of_fit(drawn: Tensor, log_p: Tensor) -> float:
    """Return the p value of a chi-square test; rare outcomes are put together."""
    expected = log_p.exp().double().numpy() * len(drawn)
    counts = np.bincount(drawn.numpy(), minlength=len(expected))
    assert counts[expected == 0].sum() == 0
    common = expected >= 10
    pooled = [np.append(a[common], a[~common].sum()) for a in (counts, expected)]
    keep = pooled[1] > 0
    return stats.chisquare(pooled[0][keep], pooled[1][keep], sum_check=False).pvalue


def test_single_draws_follow_the_softmax() -> None:
    logits = 2 * torch.randn(400, generator=torch.Generator().manual_seed(3))
    drawn = loops.draw(logits.expand(100_000, -1), torch.Generator().manual_seed(4))
    assert goodness_of_fit(drawn, logits.log_softmax(-1)) > 1e-3
    # The same test sees a temperature of 1.05.
    assert goodness_of_fit(drawn, (1.05 * logits).log_softmax(-1)) < 1e-3


def test_drawing_from_a_vocabulary_of_any_length() -> None:
    for n in (64, 96, 97):  # one run of 64 tokens, runs of 32, and single tokens
        logits = torch.randn(n, generator=torch.Generator().manual_seed(n))
        logits[n // 2 :] -= 5
        logits[-1] = -torch.inf
        drawn = loops.draw(logits.expand(50_000, -1), torch.Generator().manual_seed(0))
        assert goodness_of_fit(drawn, logits.log_softmax(-1)) > 1e-3


def test_a_draw_at_the_edge_of_the_unit_interval_exists(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    logits = torch.tensor([[-torch.inf, 0.0, 1.0, -torch.inf]])
    for u, expected in ((0.0, 1), (1 - 2**-53, 2)):
        edge = torch.tensor([[u]], dtype=torch.float64)
        monkeypatch.setattr(torch, "rand", lambda *_, edge=edge, **__: edge)
        assert loops.draw(logits, torch.Generator()).item() == expected


def test_pairs_of_tokens_follow_the_models_own_law(network: networks.Network) -> None:
    n, size = 60_000, SIZES.vocabulary
    drawn = generate(Ancestral(), network, prompts(1).expand(n, -1), 2, end=None)
    first = full_pass(network, prompts(1))[0]
    after = torch.stack(
        [
            full_pass(network, torch.cat([prompts(1), torch.tensor([[token]])], 1))[0]
            for token in range(size)
        ]
    )
    law = (first[:, None] + after).flatten()
    assert goodness_of_fit(drawn[:, 0] * size + drawn[:, 1], law) > 1e-3


LOG_P = torch.tensor([0.4, 0.3, 0.15, 0.1, 0.05]).log()
LIMITS = {
    "none": (Ancestral(), [0.4, 0.3, 0.15, 0.1, 0.05]),
    "top_k": (Ancestral(top_k=2), [4 / 7, 3 / 7, 0, 0, 0]),
    "top_k of all": (Ancestral(top_k=99), [0.4, 0.3, 0.15, 0.1, 0.05]),
    # 0.4 + 0.3 is not yet 0.8, so the third is kept too.
    "top_p": (Ancestral(top_p=0.8), [40 / 85, 30 / 85, 15 / 85, 0, 0]),
    "top_p keeps one": (Ancestral(top_p=0.01), [1.0, 0, 0, 0, 0]),
    "temperature": (
        Ancestral(temperature=0.5),
        [0.16 / 0.285, 0.09 / 0.285, 0.0225 / 0.285, 0.01 / 0.285, 0.0025 / 0.285],
    ),
}


@pytest.mark.parametrize("name", LIMITS)
def test_limits(name: str) -> None:
    decoder, expected = LIMITS[name]
    order = torch.tensor([3, 0, 4, 1, 2])  # not sorted, as real ones are not
    limited = loops.limit(
        LOG_P[None, order], decoder.temperature, decoder.top_k, decoder.top_p
    )
    found = limited.softmax(-1)[0]
    torch.testing.assert_close(found, torch.tensor(expected)[order])


def test_drawing_depends_on_the_seed_only(network: networks.Network) -> None:
    once, again, other = (
        generate(Ancestral(), network, prompts(), seed=seed) for seed in (0, 0, 1)
    )
    assert (once == again).all() and (once != other).any()


# ---- beams --------------------------------------------------------------------------


def test_the_best_sums_are_those_of_a_full_sort() -> None:
    generator = torch.Generator().manual_seed(0)
    for n_tokens in (23, 64, 256):  # single tokens, one run, and four
        for beams in (1, 5):
            before = torch.randn(7, beams, generator=generator)
            scores = torch.randn(7, beams, n_tokens, generator=generator)
            found = beam_search.best_of(before, scores, 5)
            sums, place = (before[:, :, None] + scores).flatten(1).topk(5)
            assert torch.equal(found[0], sums)
            assert torch.equal(found[1] * n_tokens + found[2], place)


def test_with_enough_beams_the_search_is_exhaustive(network: networks.Network) -> None:
    size, n_new = SIZES.vocabulary, 2
    found = generate(Beam(size), network, prompts(3), n_new, end=None)
    every = torch.tensor(list(itertools.product(range(size), repeat=n_new)))
    for prompt, best in zip(prompts(3), found, strict=True):
        tokens = torch.cat([prompt.expand(len(every), -1), every], 1)
        with torch.no_grad():
            scores = network(tokens)[:, len(prompt) - 1 : -1].log_softmax(-1)
        total = scores.gather(2, every[:, :, None]).sum((1, 2))
        assert (best == every[total.argmax()]).all()


def test_more_beams_find_more_probable_texts(network: networks.Network) -> None:
    tokens = prompts(40)
    totals = []
    for decoder in (Greedy(), Beam(1), Beam(5)):
        new = generate(decoder, network, tokens, 10)
        with torch.no_grad():
            scores = network(torch.cat([tokens, new], 1)[:, :-1])[:, 5:].log_softmax(-1)
        totals.append(scores.gather(2, new[:, :, None]).sum((1, 2)))
    assert (totals[0] == totals[1]).all()
    assert totals[2].mean() > totals[0].mean() + 0.05


def test_a_row_does_not_depend_on_the_others(network: networks.Network) -> None:
    for decoder in (Greedy(1.5), Beam(4), Beam(4, 2.0)):
        together = generate(decoder, network, prompts(6))
        alone = [generate(decoder, network, row[None])[0] for row in prompts(6)]
        assert (together == torch.stack(alone)).all()


@pytest.mark.parametrize("decoder", [Ancestral(), Greedy(), Beam(3)])
def test_the_end_token_is_never_written(
    decoder: Decoder, network: networks.Network
) -> None:
    eager = unpack(networks.empty(SIZES), pack(network)).eval()
    with torch.no_grad():  # now it wants to end every text at once
        eager.norm.bias.copy_(5 * eager.tokens.weight[END])
    assert (generate(decoder, eager, prompts(), 4, end=None) == END).any()
    assert (generate(decoder, eager, prompts(), 4) != END).all()


def test_a_penalty_lowers_each_token_seen_once_whatever_its_sign() -> None:
    scores = torch.tensor([[-1.0, 2.0, -3.0], [-1.0, 2.0, -3.0]])
    seen = torch.tensor([[0, 1, 0], [2, 2, 2]])
    expected = torch.tensor([[-2.0, 1.0, -3.0], [-1.0, 2.0, -6.0]])
    assert torch.equal(loops.penalise(scores, seen, 2.0), expected)


def test_a_penalty_keeps_words_from_coming_back(network: networks.Network) -> None:
    def different(decoder: Decoder) -> float:
        new = generate(decoder, network, prompts(30), 10)
        return float(np.mean([len(set(row)) for row in new.tolist()]))

    assert different(Beam(5, 3.0)) > 2 * different(Beam(5))


def test_one_beam_divides_scores_and_several_multiply_log_probabilities(
    network: networks.Network,
) -> None:
    # Whatever was read, token 5 has score 5, token 7 has score 3, and all others 0.
    same = unpack(networks.empty(SIZES), pack(network)).eval()
    with torch.no_grad():
        same.norm.weight.zero_()
        same.norm.bias.copy_(torch.eye(SIZES.width)[0])
        same.tokens.weight[:, 0] = 0
        same.tokens.weight[[5, 7], 0] = torch.tensor([5.0, 3.0])
    seen = torch.tensor([[5]])
    # Score 5 halved is below 3, so 7 comes; then 5, at 2.5, is above 3 halved.
    for decoder in (Greedy(2.0), Beam(1, 2.0)):
        assert generate(decoder, same, seen, 4).tolist() == [[7, 5, 5, 5]]
    # The log probabilities are -0.24 and -2.24: twice the first is still the larger.
    assert generate(Beam(2, 2.0), same, seen, 4).tolist() == [[5, 5, 5, 5]]


# ---- the same as the library everybody uses -----------------------------------------

DECODERS = [
    Greedy(),
    Greedy(2.0),
    Beam(1),
    Beam(1, 1.3),
    Beam(1, 3.0),
    Beam(3),
    Beam(5),
    Beam(5, 1.3),
    Beam(5, 2.0),
    Beam(5, 3.0),
]


@pytest.fixture(scope="module")
def theirs(
    network: networks.Network,
) -> Callable[[Tensor, Decoder, int | None], Tensor]:
    """The same weights in Hugging Face's implementation of OPT."""
    transformers = pytest.importorskip("transformers")
    special = {"bos_token_id": END, "eos_token_id": END, "pad_token_id": 1}
    config = transformers.OPTConfig.from_dict(
        {**opt_weights.config_of(SIZES), **special}
    )
    model = transformers.OPTForCausalLM(config).eval()
    missing, unknown = model.load_state_dict(opt_weights.to_opt(network), strict=False)
    assert missing == ["lm_head.weight"] and not unknown
    model.tie_weights()

    def generate(tokens: Tensor, decoder: Decoder, end: int | None) -> Tensor:
        settings = {"min_new_tokens": 8} if end is not None else {}
        new = model.generate(
            tokens,
            attention_mask=torch.ones_like(tokens),
            max_new_tokens=8,
            eos_token_id=end,
            **settings,
            **decoder.settings(),
        )
        return new[:, tokens.shape[1] :]

    generate.logits = lambda tokens: model(tokens).logits  # type: ignore[attr-defined]
    return generate


def test_logits_equal_those_of_hugging_face(network: networks.Network, theirs) -> None:
    with torch.no_grad():
        expected = theirs.logits(prompts(8, 15))
        torch.testing.assert_close(
            network(prompts(8, 15)), expected, atol=2e-5, rtol=1e-4
        )


def test_a_configuration_tells_the_sizes() -> None:
    assert opt_weights.sizes_of(opt_weights.config_of(SIZES)) == SIZES


@pytest.mark.parametrize("end", [END, None])
@pytest.mark.parametrize("decoder", DECODERS, ids=str)
def test_hugging_face_writes_the_same(
    decoder: Decoder, end: int | None, network: networks.Network, theirs
) -> None:
    tokens = prompts(20, seed=5)
    expected = theirs(tokens, decoder, end)
    assert (generate(decoder, network, tokens, end=end) == expected).all()


@pytest.mark.parametrize(
    "decoder", [Ancestral(temperature=0.7, top_k=9), Ancestral(top_p=0.6)], ids=str
)
def test_hugging_face_draws_from_the_same_law(
    decoder: Ancestral, network: networks.Network, theirs
) -> None:
    n = 3_000
    tokens = prompts(1).expand(n, -1)
    torch.manual_seed(0)
    both = [theirs(tokens, decoder, None), generate(decoder, network, tokens, end=None)]
    counts = np.stack(
        [np.bincount(new[:, 1].numpy(), minlength=SIZES.vocabulary) for new in both]
    )
    counts = counts[:, counts.sum(0) > 20]
    assert stats.chi2_contingency(counts).pvalue > 1e-3


# ---- wrong settings -----------------------------------------------------------------


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda: Ancestral(temperature=0), "temperature is 0; it must be a number > 0"),
        (lambda: Ancestral(top_k=0), "top_k is 0; it must be an integer >= 1"),
        (
            lambda: Ancestral(top_p=1.5),
            "top_p is 1.5; it must be a number above 0, up to 1",
        ),
        (lambda: Greedy(repetition_penalty=-1), "repetition_penalty is -1"),
        (lambda: Ancestral(temperature="hot"), "temperature is 'hot'; it must be a nu"),
        (
            lambda: Ancestral(temperature=1e-300),
            r"temperature is 1e-300; .* use Greedy",
        ),
        (lambda: Ancestral(top_p="x"), "top_p is 'x'; it must be a number"),
        (lambda: Ancestral().temper(0), "temperature is 0; it must be a number > 0"),
        (lambda: Beam(beams=0), "beams is 0; it must be an integer >= 1"),
        (lambda: Beam(repetition_penalty=float("nan")), "repetition_penalty is nan"),
    ],
)
def test_wrong_settings_are_named(make: Callable[[], Decoder], says: str) -> None:
    with pytest.raises(ValueError, match=says):
        make()


@pytest.mark.parametrize("decoder", [Ancestral(), Greedy(), Beam(3)])
def test_texts_longer_than_the_context_are_refused(
    decoder: Decoder, network: networks.Network
) -> None:
    assert generate(decoder, network, prompts(1, 11), 10).shape == (1, 10)
    with pytest.raises(ValueError, match="11 given and 11 new tokens.*context is 20"):
        generate(decoder, network, prompts(1, 11), 11)


@pytest.mark.parametrize("end", [END, None])
def test_as_many_beginnings_are_kept_as_there_are_tokens(
    end: int | None, network: networks.Network
) -> None:
    most = SIZES.vocabulary
    new = generate(Beam(most), network, prompts(2), 3, end=end)
    assert new.shape == (2, 3) and (end is None or END not in new)
    with pytest.raises(ValueError, match="beams is 24, and the model knows 23 tokens"):
        generate(Beam(most + 1), network, prompts(2), 3, end=end)


def test_the_coldest_draws_are_the_most_probable_tokens(
    network: networks.Network,
) -> None:
    for temperature in (1e-30, 1e-9):
        cold = generate(Ancestral(temperature), network, prompts())
        assert torch.equal(cold, generate(Greedy(), network, prompts()))


@pytest.mark.parametrize("dtype", [torch.uint8, torch.int32, np.uint64, list])
def test_prompts_of_every_integer_type_are_the_same(
    dtype: Any, network: networks.Network
) -> None:
    plain = prompts()
    kinds = {list: plain.tolist(), np.uint64: plain.numpy().astype(np.uint64)}
    given = kinds[dtype] if dtype in kinds else plain.to(dtype)
    for decoder in (Ancestral(), Greedy(1.5), Beam(3)):
        new = generate(decoder, network, given)
        assert torch.equal(new, generate(decoder, network, plain))


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"network": torch.nn.Linear(1, 1)}, "network is a Linear; it must be a netw"),
        ({"prompts": None}, "prompts is None; numbers are needed"),
        ({"prompts": ["a text"]}, r"prompts is \['a text'\]; numbers are needed"),
        ({"prompts": torch.zeros(2, 3)}, "prompts holds float32 values"),
        ({"prompts": torch.zeros(3, dtype=torch.long)}, r"prompts has shape \(3,\)"),
        ({"prompts": [[23]]}, "prompts holds symbols from 23 to 23; allowed: 0 to 22"),
        ({"prompts": [[-1]]}, "prompts holds symbols from -1 to -1"),
        ({"prompts": [[]]}, r"prompts is empty: its shape is \(1, 0\)"),
        ({"n_new": 0}, "n_new is 0"),
        ({"n_new": 2.0}, "n_new is 2.0; it must be an integer"),
        ({"generator": np.random.default_rng(0)}, r"pass torch\.Generator\(\)"),
        ({"end": 23}, "end is 23; it must be an integer from 0 to 22"),
    ],
)
@pytest.mark.parametrize("decoder", [Ancestral(), Greedy(), Beam(2)], ids=str)
def test_wrong_arguments_are_named(
    wrong: dict[str, Any], says: str, decoder: Decoder, network: networks.Network
) -> None:
    usual = {"network": network, "prompts": prompts(), "n_new": 2}
    arguments = {**usual, "generator": torch.Generator(), **wrong}
    with pytest.raises(ValueError, match=says):
        decoder.generate(**arguments)
