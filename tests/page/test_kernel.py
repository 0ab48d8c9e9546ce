"""The page's kernel in a browser: its bits are those of the native engine."""

import base64
import gzip
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lecun89.analysis.evaluation import activations, examine
from lecun89.data import Digits
from lecun89.engines.parameters import flatten
from lecun89.network.architecture import planes_seen
from lecun89.network.modules import network_of
from lecun89.network.published import find_published
from lecun89.network.weights import load_weights
from lecun89.page import build
from lecun89.page.assemble import PAGE_VARIANTS, joined
from lecun89.page.digits import pack_digits
from lecun89.page.facts import gather
from tests.page.conftest import Natively

PLAIN, RELAXED = build.MODULES
SCRIPTS = Path(build.__file__).parent

_SET_UP = """async ({scripts, modules, digits, facts, worker}) => {
  const place = (text) => URL.createObjectURL(new Blob([text], {type: "text/javascript"}));
  const first = place(scripts.kernel);
  window.script = {
    ...(await import(first)),
    ...(await import(place(scripts.digits.replace("./kernel.js", first)))),
  };
  window.facts = facts;
  window.packed = digits;
  window.digits = await script.unpackDigits(digits, facts.digits);
  window.modules = modules.map(script.bytesOf);
  window.kernels = [];
  for (const bytes of window.modules)
    kernels.push(WebAssembly.validate(bytes) && await script.loadKernel(bytes, facts.variants));
  window.worker = place(worker);
}"""

_TRAIN = """({which, variant, passes}) => {
  const training = kernels[which].training({variant, seed: 1337, passes, ...digits.train});
  for (let pass = 0; pass < passes; pass++) while (!training.pass(8).finished);
  const {images, labels} = digits.test;
  const scores = [training.evaluate(), training.evaluate(images, labels)];
  const weights = Array.from(training.weights());
  training.free();
  return [scores.map(({loss, misses}) => [loss, misses]), weights];
}"""

Run = Callable[..., Any]


@pytest.fixture(scope="module")
def run(browser: Any, data_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> Run:
    """Evaluate an expression in a page that has the scripts, both kernels, and the digits."""
    blank = tmp_path_factory.mktemp("page") / "blank.html"
    blank.write_text("<!doctype html><title>kernel</title>")
    page = browser.new_page()
    page.goto(blank.as_uri())
    facts = gather(PAGE_VARIANTS, [], data_dir)
    page.evaluate(
        _SET_UP,
        {
            "scripts": {
                name: (SCRIPTS / f"{name}.js").read_text("utf-8") for name in ("kernel", "digits")
            },
            "modules": [
                base64.b64encode((SCRIPTS / name).read_bytes()).decode() for name in build.MODULES
            ],
            "digits": base64.b64encode(pack_digits(data_dir)).decode(),
            "facts": facts,
            "worker": joined("worker.js"),
        },
    )
    return page.evaluate  # type: ignore[no-any-return]


@pytest.mark.parametrize("name", build.MODULES)
def test_a_module_takes_at_most_120_kilobytes_compressed(name: str) -> None:
    assert len(gzip.compress((SCRIPTS / name).read_bytes())) <= 120_000


def test_base_is_the_sse2_kernels_to_the_last_bit(run: Run, natively: Natively) -> None:
    scores, weights = run(_TRAIN, {"which": 0, "variant": "base", "passes": 23})
    (*_, expected), expected_weights = natively("base", 23, "sse2")
    assert [tuple(one) for one in scores] == expected
    assert np.array_equal(np.float32(weights), expected_weights)


@pytest.mark.parametrize("variant", [name for name in PAGE_VARIANTS if name != "longer"])
def test_every_variant_is_the_sse2_kernels(variant: str, run: Run, natively: Natively) -> None:
    scores, weights = run(_TRAIN, {"which": 0, "variant": variant, "passes": 2})
    (_, expected), expected_weights = natively(variant, 2, "sse2")
    # AdamW's pow and cross-entropy's exp and log are of another C library.
    assert np.allclose(np.float32(weights), expected_weights, rtol=1e-4, atol=1e-6)
    for (loss, misses), (expected_loss, expected_misses) in zip(scores, expected, strict=True):
        assert misses == expected_misses
        assert math.isclose(loss, expected_loss, rel_tol=1e-6)


def test_base_with_relaxed_simd_is_within_1e4_of_the_fused_kernels(
    run: Run, natively: Natively
) -> None:
    if not run("() => Boolean(kernels[1])"):
        pytest.skip("this browser has no relaxed SIMD")
    scores, _ = run(_TRAIN, {"which": 1, "variant": "base", "passes": 23})
    (*_, expected), _ = natively("base", 23, None)
    for (loss, misses), (expected_loss, expected_misses) in zip(scores, expected, strict=True):
        assert abs(loss - expected_loss) < 1e-4
        assert abs(misses - expected_misses) <= 2


def test_the_module_is_chosen_by_what_the_browser_has(run: Run) -> None:
    chosen, has = run(
        """() => {
          const [kernel, relaxed] = modules;
          return [
            script.chooseKernel({kernel, "kernel-relaxed": relaxed}).relaxed,
            WebAssembly.validate(relaxed),
          ];
        }"""
    )
    assert chosen == has
    old = run("""() => {
      const {bytes, relaxed} = script.chooseKernel({
        kernel: modules[0], "kernel-relaxed": new Uint8Array(8)
      });
      return [relaxed, bytes === modules[0]];
    }""")
    assert old == [False, True]


@pytest.mark.parametrize("which", [0, 1])
def test_layers_and_misses_of_published_weights_are_the_packages(
    which: int, run: Run, splits: dict[str, Digits]
) -> None:
    if not run("(which) => Boolean(kernels[which])", which):
        pytest.skip("this browser has no relaxed SIMD")
    published = find_published("record", "1989")
    assert published is not None
    weights = load_weights(published.path)
    network = network_of(weights).eval()
    layers, evaluation = run(
        """([which, weights, digit]) => {
          const network = kernels[which].network("record", new Float32Array(weights));
          const {images, labels} = digits.test;
          const layers = network.layers(images.subarray(256 * digit, 256 * (digit + 1)));
          const {loss, misses, predictions, margins} = network.evaluate(images, labels);
          const list = (arrays) => arrays.map((array) => Array.from(array));
          return [list(Object.values(layers)), [loss, misses, ...list([predictions, margins])]];
        }""",
        [which, flatten(weights.arrays).tolist(), 5],
    )
    expected = activations(network, splits["test"].images[5])
    for made, own in zip(layers, expected.values(), strict=True):
        assert np.abs(np.float32(made) - own.ravel()).max() < 1e-5
    found = examine(network, splits["test"])
    loss, misses, predictions, margins = evaluation
    assert misses == found.score.misses == published.misses
    assert math.isclose(loss, found.score.loss, rel_tol=1e-4)
    assert np.array_equal(predictions, found.outputs.argmax(axis=1))
    ranked = np.sort(found.outputs, axis=1)
    assert np.abs(np.float32(margins) - (ranked[:, -1] - ranked[:, -2])).max() < 1e-4


def test_connections_are_the_tables(run: Run) -> None:
    assert run("() => kernels[0].connections") == [[*planes] for planes in planes_seen("thirds")]


def test_it_offers_what_it_can_train(run: Run) -> None:
    assert sorted(run("() => kernels[0].variants")) == sorted(PAGE_VARIANTS)


@pytest.mark.parametrize(
    ("work", "said"),
    [
        ('network("base", new Float32Array(9760).fill(NaN))', "9760 weights"),
        ('network("base", new Float32Array(9759))', "9760 weights"),
        ('network("bose", new Float32Array(9760))', "does not know bose"),
        ('network("base", new Float32Array(9760)).layers(new Float32Array(255))', "256 pixels"),
        ('training({variant: "record", seed: 1, ...digits.train})', "cannot train record"),
        ('training({variant: "base", seed: 2 ** 32, ...digits.train})', "the seed must be"),
        ('training({variant: "base", seed: 1, lr: 0, ...digits.train})', "learning rate"),
        ('training({variant: "base", seed: 1, passes: 0, ...digits.train})', "1 pass or more"),
        (
            'network("base", new Float32Array(9760)).evaluate(new Float32Array(256), '
            "Uint8Array.of(10))",
            "a label from 0 to 9",
        ),
    ],
)
def test_what_is_wrong_is_refused_in_words(work: str, said: str, run: Run) -> None:
    error = run(
        f"() => {{ try {{ kernels[0].{work}; }} catch (error) {{ return error.message; }} }}"
    )
    assert said in error


def test_digits_are_reduced_to_the_last_bit_and_checked(
    run: Run, splits: dict[str, Digits]
) -> None:
    assert run("() => digits.checked")
    made = run("() => Array.from(script.reduceImage(digits.test.originals.subarray(0, 784)))")
    assert np.array_equal(np.float32(made), splits["test"].images[0].ravel())
    unpack = """(change) => {
      const {sha256, ...totals} = facts.digits;
      return script.unpackDigits(packed, {...totals, sha256: {...sha256, ...change}}).then(
        () => "", (error) => error.message);
    }"""
    assert run(unpack, {}) == ""
    assert "test digits" in run(unpack, {"test": "0" * 64})


_WORK = """(orders) => new Promise((resolve, reject) => {
  const worker = new Worker(window.worker);
  const passes = [];
  let told = false;
  worker.onerror = (event) => reject(event.message);
  worker.onmessage = ({data}) => {
    if (data.type === "ready") worker.postMessage({type: "train", seed: 1337, ...orders.shift()});
    if (data.type === "progress" && !told) {
      told = true;
      for (const type of ["pause", "resume", "pause", "resume"]) worker.postMessage({type});
    }
    if (data.type === "pass") passes.push([data.train.loss, data.test.misses, data.weights.length]);
    if (data.type === "error") passes.push(data.message);
    if ((data.type === "done" || data.type === "error") && orders.length === 0) {
      worker.terminate();
      resolve(passes);
    } else if (data.type === "done" || data.type === "error") {
      worker.postMessage({type: "train", seed: 1337, ...orders.shift()});
    }
  };
  const {variants} = facts;
  worker.postMessage({type: "load", kernel: modules[0], variants, digits});
})"""


def test_the_worker_trains_and_a_pause_changes_nothing(run: Run, natively: Natively) -> None:
    base = {"variant": "base", "passes": 2}
    found = run(_WORK, [base, {"variant": "base", "passes": 2, "lr": 1e38}, base])
    assert len(found) == 5
    assert found[:2] == found[3:]
    assert "non-finite in pass 1: try a smaller learning rate" in found[2]
    (_, (train, test)), _ = natively("base", 2, "sse2")
    assert found[1] == [train[0], test[1], 9760]


def test_a_paused_worker_waits_and_a_reset_one_begins_anew(run: Run) -> None:
    paused, passes = run(
        """async () => {
          const worker = new Worker(window.worker);
          const order = {type: "train", variant: "base", seed: 3};
          const load = {type: "load", kernel: modules[0], variants: facts.variants, digits};
          const heard = [];
          let until = () => {};
          worker.onmessage = ({data}) => {
            heard.push(data);
            until(data.type);
          };
          const hear = (type) =>
            new Promise((resolve) => (until = (heard) => heard === type && resolve()));
          const tell = (message, type) => {
            worker.postMessage(message);
            return hear(type);
          };
          await tell(load, "ready");
          await tell({...order, passes: 99}, "progress");
          worker.postMessage({type: "pause"});
          await tell(load, "ready");  // by then it has heard of the pause
          heard.length = 0;
          await new Promise((resolve) => setTimeout(resolve, 500));
          const paused = heard.map(({type}) => type);
          worker.postMessage({type: "reset"});
          await tell({...order, passes: 1}, "done");
          worker.terminate();
          return [paused, heard.filter(({type}) => type === "pass").map(({pass}) => pass)];
        }"""
    )
    assert paused == []
    assert passes == [1]


@pytest.mark.slow
def test_the_modules_are_what_the_source_compiles_to(tmp_path: Path) -> None:
    pytest.importorskip("ziglang", reason='needs pip install "lecun89[page-build]"')
    for path in build.build(tmp_path):
        assert path.read_bytes() == (SCRIPTS / path.name).read_bytes(), (
            f"{path.name} is of other source: python -m lecun89.page.build"
        )
