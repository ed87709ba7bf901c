"""The core needs numpy alone, so that it also runs in a reader's browser."""

import subprocess
import sys

import pytest

BLOCKED = """
import sys

class Blocked:
    names = {"pandas", "scipy", "torch", "matplotlib", "seaborn", "tqdm", "PIL",
             "yaml", "pooch", "safetensors"}

    @classmethod
    def find_spec(cls, name, path=None, target=None):
        if name.partition(".")[0] in cls.names:
            raise ImportError(f"blocked: {name}")

sys.meta_path.insert(0, Blocked)
import numpy as np
import collapse_lib
from collapse_lib import generations, metrics, models, parallel, recurse, regimes
from collapse_lib import theory
rng = np.random.default_rng(0)
"""
PARTS = {
    "the loop": """
import tempfile
options = dict(n_samples=20, n_generations=3, chains=2, rng=rng)
real = models.FittedGaussian.standard()
for regime in (regimes.Replace(), regimes.Accumulate(), regimes.AccumulateSubsample(),
               regimes.Augment(), regimes.Fresh(), regimes.Mix(0.5, 0.3, 0.2),
               regimes.Web(0.1), regimes.Edit(0.5), regimes.Edit(0.5, same=True),
               regimes.Replace(bias=regimes.Temperature(0.9))):
    history = recurse(models.Gaussian(), real, regime=regime,
                      measure={"sigma": lambda fit: fit.sigma}, **options)
    assert history.array("sigma").shape == (4, 2), history
    assert history.at([1]).equals(history.at([1])) and len(history) == 8
for fitted in generations(models.Gaussian(), real, regime=regimes.Replace(), **options):
    pass
with tempfile.TemporaryDirectory() as folder:
    for kept in ({"store": folder}, {"checkpoint": folder + "/run.npz"}):
        recurse(models.Gaussian(), real, regime=regimes.Replace(), n_samples=20,
                n_generations=2, measure=lambda generation: {"mu": [0.0]},
                rng=np.random.default_rng(1), **kept)
def experiment(chains, rng):
    return recurse(models.Gaussian(), real, regime=regimes.Replace(), n_samples=20,
                   n_generations=regimes.GrowingSamples(1, 1)(0), chains=chains,
                   measure={"mu": lambda fit: fit.mu}, rng=rng)
parallel.replicate(experiment, chains=5, seed=1, block=2)
""",
    "every bias": """
normal, die = models.FittedGaussian.standard(), models.FittedCategorical.of([0.5, 0.5])
blobs = models.FittedGaussianMixture.of([1.0], [[0.0]], [[[1.0]]])
bias = regimes.Lambda(0.9).then(regimes.Corrected(normal, 0.5))
bias = bias.then(regimes.Best(np.abs)).then(regimes.Verified(lambda x: x < 3))
bias.then(regimes.Grounded([1.0], 0.5))(normal).sample(10, rng)
assert regimes.Best(np.abs, 3)(regimes.TopP(0.9)(die)).p.shape == (1, 2)
regimes.Lambda(0.9)(blobs).sample(10, rng)
assert theory.bias.variance_with_real(0.8, 0.1) < 1
""",
    "the loop with every exact model": """
vectors = models.FittedMultivariateGaussian.standard(2, "exact")
die = models.FittedCategorical.of([0.5, 0.3, 0.2])
grid = models.RidgeDensity(-5, 5, n_points=21)
text = rng.integers(4, size=(2, 9, 6))
normal = models.FittedGaussian.standard("exact")
for model, real in ((models.Gaussian(law="exact"), normal),
                    (models.MultivariateGaussian(law="exact"), vectors),
                    (models.Categorical(3), die),
                    (grid, rng.normal(size=(2, 9))),
                    (models.NGram(4, order=2), text)):
    recurse(model, real, regime=regimes.Replace(), n_samples=20, n_generations=2,
            chains=2, measure=lambda generation: {"t": [generation.t] * 2}, rng=rng)
""",
    "Gaussian": """
for law in ("literal", "exact"):
    fit = models.Gaussian(law=law).fit(rng.normal(size=(2, 9)), rng)
    fit = models.Gaussian(law=law).fit(fit.sample(20, rng), rng)
    fit.expand(2).temper(0.5).sample(5, rng)
""",
    "KDE": """
for model in (models.KDE("silverman"), models.KDE(0.3, shrink=True)):
    fit = model.fit(model.fit(rng.normal(size=(2, 9)), rng).sample(20, rng), rng)
    fit.expand(2).log_density([0.0]), fit.mean, fit.variance
""",
    "KnownWidth": """
for law in ("literal", "exact"):
    fit = models.KnownWidth(2.0, law).fit(rng.normal(size=(2, 9)), rng)
    fit = models.KnownWidth(2.0, law).fit(fit.sample(20, rng), rng)
    fit.expand(2).temper(0.5).sample(5, rng)
""",
    "LogisticRegression": """
model = models.LogisticRegression(ridge=0.1)
fit = models.FittedLogisticRegression.of([0.5, 1], [[-1], [0], [1]])
fit = model.fit(fit.expand(2).sample(20, rng), rng)
fit.temper(0.5).sample(5, rng)
""",
    "LinearRegression": """
for law in ("literal", "exact"):
    model = models.LinearRegression(0.1, law=law)
    fit = model.fit(model.fit(rng.normal(size=(2, 9, 3)), rng).sample(20, rng), rng)
    fit.expand(2).temper(0.5).sample(5, rng)
theory.regression.edit_at(rng.normal(size=(9, 2)), 3, 4)
theory.scaling.learning_curve([10, 100], 1.5, cut=9)
""",
    "Categorical": """
for law in ("literal", "exact"):
    fit = models.Categorical(3, law).fit(rng.integers(3, size=(2, 9)), rng)
    fit = models.Categorical(3, law).fit(fit.sample(20, rng), rng)
    fit.expand(2).temper(0.5).sample(5, rng)
""",
    "MultivariateGaussian": """
for law in ("literal", "exact"):
    model = models.MultivariateGaussian(law=law)
    fit = model.fit(model.fit(rng.normal(size=(2, 9, 3)), rng).sample(20, rng), rng)
    fit.expand(2).temper(0.5).sample(5, rng)
for error in (models.IndependentNoise(0.1), models.MedianForMean()):
    models.Perturbed(models.MultivariateGaussian(), error).fit(
        rng.normal(size=(2, 9, 3)), rng)
""",
    "RidgeDensity": """
for law in ("literal", "exact", "expected"):
    model = models.RidgeDensity(-5, 5, n_points=21, law=law)
    fit = model.fit(model.fit(rng.normal(size=(2, 9)), rng).sample(20, rng), rng)
    fit.expand(2).temper(0.5).sample(5, rng)
""",
    "GridMixture": """
from collapse_lib.models.grid_mixture import GridMixture
from collapse_lib.models.line_mixture import LineMixture
for law in ("exact", "expected"):
    for steps in (None, 3):
        model = GridMixture(LineMixture.of([1], [0], [1]), steps=steps, law=law)
        truth = LineMixture.of([0.75, 0.25], [-1, 3], [1, 1])
        fit = model.fit(model.source(truth).expand(2).sample(100, rng), rng)
        fit.kl_from(truth)
""",
    "NGram": """
model = models.NGram(4, order=2)
fit = model.fit(rng.integers(4, size=(2, 9, 6)), rng)
fit = model.fit(fit.sample(20, rng), rng)
fit.temper(0.5).sample(5, rng)
metrics.corpus_perplexity(fit.log_prob(rng.integers(4, size=(3, 6))))
""",
    "marks": """
from collapse_lib import detection
text = rng.integers(4, size=(1, 9, 12))
fit = models.NGram(4, order=2).fit(text, rng)
for mark in (detection.GreenList(n_symbols=4), detection.Tournament(n_symbols=4),
             detection.Gumbel(n_symbols=4, context=2)):
    mark.z(regimes.Watermarked(mark)(fit).sample(5, rng))
detection.Gumbel(n_symbols=4).log_p(text)
theory.watermarks.gumbel_score([0.5, 0.5])
pairs = np.lib.stride_tricks.sliding_window_view(text[0], 2, axis=-1)
green = detection.GreenList(n_symbols=4).scores(text[0])
detection.trace(green, pairs, share=0.25).log10_p, detection.null_deviation(pairs, 0.25)
score = detection.two_model_ratio(fit, fit, text)[0]
detection.curvature(fit, text, lambda x, rng: rng.integers(4, size=x.shape), rng)
detection.conditional_curvature(fit, text), detection.auroc(score, score + 1)
detection.tpr_at(score, score, 0.1), detection.curve(score, score)
detection.best_auroc(0.1), theory.filtering.worth_of_a_point(0.1, 0.9)
""",
    "metrics": """
p = np.array([0.5, 0.5])
metrics.kl_categorical(p, p), metrics.total_variation(p, p), metrics.entropy(p)
metrics.heterozygosity(p), metrics.support_size(p), metrics.first_below(p[:, None], 1)
metrics.tail_mass_gaussian(p, p), metrics.kl_gaussian(p, p)
metrics.w2_squared_gaussian(p, p), metrics.w2_squared_samples(p, p)
metrics.w2_squared_gaussians(p, np.eye(2), p, np.eye(2))
metrics.first_alarm(p[:, None], metrics.Band.of(p)), metrics.false_alarm_rate(9)
from collapse_lib.metrics import factorial
factorial.joint_effects({name: [1.0, 2.0] for name in factorial.combinations("SEP")})
metrics.distinct_n([[0, 1, 0]], 2), metrics.rep_n([[0, 1, 0]], 2)
metrics.types([[0, 1, 0]], 2), metrics.self_bleu([[0, 1, 0], [0, 1, 1]], 2)
metrics.compression_ratio("abc"), metrics.vendi_score(np.eye(2))
x = rng.normal(size=(9, 2))
metrics.vendi_of_features(x), metrics.energy_distance(x, x), metrics.mmd2(x, x)
metrics.density(x, x), metrics.classifier_accuracy(x, x, rng)
""",
    "theory": """
g, d, m = theory.gaussian, theory.discrete, theory.multivariate
g.mean_abs_error_of_mean(10), g.sd_sigma_factor(10), g.log_sigma2_drift(10)
g.w2_risk(10, [1, 2]), g.log_det_drift(10, 3), g.accumulate_variance_limit(10)
g.marginal_sample(10, 3, 5, rng), g.mean_sigma_factor([10])
g.w2_risk_arxiv([10]), g.w2_risk_nature([10]), g.w2_risk_variance([10])
g.w2_risk_variance_arxiv([10])
theory.gaussian_moments.w2_moments([10])
theory.gaussian_moments.accumulate_moments(5, 2)
theory.gaussian_moments.subsample_moments(5, 2)
d.loss_probability(0.1, 10), d.collapse_time([0.5, 0.5], 10)
d.collapse_time_diffusion([0.5, 0.5], 50)
d.absorption_time(0.5, 10), d.absorption_time_diffusion(0.5, 50)
d.survival_probability([1.0], 3), d.heterozygosity_with_real(10, 1)
d.heterozygosity_after(0.5, 10, np.arange(3))
m.mean_error(10, 3), m.eigenvalue_drifts(10, 3), m.resting_place_sf(1.0, 2)
m.resting_distance_median(2, "mle"), m.variance_of_median(11)
m.noisy_lower_bound(1.0, [10])
theory.many_fits.variance_cdf(0.5, 10, 3), theory.many_fits.w2_risk(10, [1, 2], 2)
theory.linear_vae.training_variances([1.0], 0.1, 3)
theory.number_line.accumulate([1, np.inf], 2), theory.number_line.web([1, 9], 0.1)
theory.number_line.accumulate_subsample([1, 9], 5)
theory.bias.half_life(0.8), theory.bias.most_synthetic(0.8, 100)
theory.bias.fresh([1, np.inf], 0.8, 5, 5), theory.bias.overtaking(0.8, 0.1)
k = theory.kde
k.replace([1, np.inf], 0.3, 9), k.accumulate([1, np.inf], 0.3, 9), k.augment(3, 0.3)
k.with_real(3, 0.3, 0.1, 9), k.rule_of_thumb(3, 9), k.copies_accumulated(3)
theory.ngram.expected_next_count(1, 1, 0.1, n_pairs=10, discount=0.5)
""",
}


@pytest.mark.parametrize("part", PARTS)
def test_numpy_is_enough(part: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", BLOCKED + PARTS[part]], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr


def test_what_is_blocked_cannot_be_imported() -> None:
    done = subprocess.run(
        [sys.executable, "-c", BLOCKED + "import pandas"], capture_output=True
    )
    assert done.returncode
