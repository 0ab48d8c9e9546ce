"""The whole page in a browser, opened from disk: what a visitor sees and does."""

import base64
import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from lecun89.data import Digits
from lecun89.network.modules import network_of
from lecun89.network.published import find_published
from lecun89.network.weights import Weights, load_weights, save_weights
from lecun89.page.assemble import assemble
from lecun89.page.facts import Shown
from lecun89.reading.normalise import as_mnist
from tests.conftest import PATIENCE, Result
from tests.page.conftest import Natively, Scores

SEVEN = [(0.28, 0.22), (0.5, 0.2), (0.74, 0.22), (0.62, 0.45), (0.52, 0.66), (0.45, 0.86)]
WATCH = """
  globalThis.shifted = 0;
  new PerformanceObserver((list) => {
    for (const entry of list.getEntries()) if (!entry.hadRecentInput) shifted += entry.value;
  }).observe({type: "layout-shift", buffered: true});
"""
PLAIN = "WebAssembly.validate = () => false;"  # as of a browser without relaxed SIMD

LATE = """
  globalThis.late = null;  // an array holds the worker's messages back
  const {set} = Object.getOwnPropertyDescriptor(Worker.prototype, "onmessage");
  Object.defineProperty(Worker.prototype, "onmessage", {set(hear) {
    set.call(this, (message) => late ? late.push([message, hear]) : hear(message));
  }});
"""

Open = Callable[..., Any]


@pytest.fixture(scope="module")
def record() -> Weights:
    published = find_published("record", "1989")
    assert published is not None
    return load_weights(published.path)


@pytest.fixture(scope="module")
def address(data_dir: Path, record: Weights, tmp_path_factory: pytest.TempPathFactory) -> str:
    path = tmp_path_factory.mktemp("page") / "lecun89.html"
    path.write_bytes(assemble(["base", "modern", "paper"], [Shown("record", record)], data_dir))
    return path.as_uri()


@pytest.fixture
def opened(browser: Any, address: str) -> Iterator[Open]:
    """Open the page, from disk; at the end, nothing was reported, requested or moved."""
    contexts, heard = [], []

    def open_page(
        fragment: str = "", script: str = "", width: int = 1280, height: int = 900, **how: Any
    ) -> Any:
        context = browser.new_context(viewport={"width": width, "height": height}, **how)
        context.set_default_timeout(1000 * PATIENCE)
        contexts.append(context)
        page = context.new_page()
        page.on("console", lambda message: heard.append(message.text))
        page.on("pageerror", lambda error: heard.append(str(error)))
        page.on("request", lambda request: heard.append(request.url))
        page.add_init_script(WATCH + script)
        page.goto(address + fragment)
        page.evaluate("async () => { await lecun89; }")
        page.locator("#start:enabled, #pause:enabled").first.wait_for()
        return page

    yield open_page
    for context in contexts:
        for page in context.pages:
            assert page.evaluate("shifted") <= 0.05
        context.close()
    assert [one for one in heard if not one.startswith(("file:", "blob:", "data:"))] == []


def stroke(page: Any, points: list[tuple[float, float]]) -> Iterator[tuple[float, float]]:
    """Where the points of the drawing area, from 0 to 1, lie in the window."""
    pad = page.locator("#pad")
    pad.scroll_into_view_if_needed()
    box = pad.bounding_box()
    return ((box["x"] + x * box["width"], box["y"] + y * box["height"]) for x, y in points)


def draw(page: Any, points: list[tuple[float, float]] = SEVEN) -> None:
    first, *others = stroke(page, points)
    page.mouse.move(*first)
    page.mouse.down()
    for point in others:
        page.mouse.move(*point, steps=5)
    page.mouse.up()


def answer(page: Any, expected: str) -> None:
    page.locator("#answer", has_text=re.compile(f"^{expected}$")).wait_for()


def train(page: Any) -> list[list[float]]:
    page.locator("#start").click()
    page.locator("#train-note", has_text="Done").wait_for()
    return page.evaluate("async () => (await lecun89).scoresOfPasses()")  # type: ignore[no-any-return]


def rows(passes: list[Scores]) -> list[list[float]]:
    """As the page keeps them: loss and misses of train, then of test."""
    return [[value for score in scores for value in score] for scores in passes]


def test_base_trains_as_the_sse2_kernel_does_to_the_last_bit(
    opened: Open, natively: Natively
) -> None:
    expected = rows(natively("base", 23, "sse2")[0])
    page = opened(script=PLAIN)
    assert train(page) == expected
    assert page.locator("#test-misses").inner_text() == f"{expected[-1][3]:.0f}"
    assert page.locator("#passes-table tr").count() == 23


def test_base_trains_with_relaxed_simd_as_the_fused_kernel_does(
    opened: Open, natively: Natively
) -> None:
    page = opened()
    if not page.evaluate("async () => (await lecun89).relaxed"):
        pytest.skip("this browser has no relaxed SIMD")
    found, expected = np.array(train(page)), np.array(rows(natively("base", 23, None)[0]))
    assert np.abs(found - expected)[:, [0, 2]].max() < 1e-4
    assert np.abs(found - expected)[:, [1, 3]].max() <= 2


def test_it_pauses_goes_on_and_is_reset(opened: Open) -> None:
    page = opened("#variant=modern&seed=5&passes=80&lr=0.0003")
    assert page.locator("[name=variant]:checked").get_attribute("value") == "modern"
    page.locator("#start").click()
    page.locator("#passes-table tr").first.wait_for(state="attached")
    page.locator("#pause").click()
    page.locator("#pause", has_text="Go on").wait_for()
    paused = page.locator("#passes-table tr").count()
    page.locator("#pause").click()
    page.locator(f"#passes-table tr:nth-child({paused + 2})").wait_for(state="attached")
    page.locator("#reset").click()
    page.locator("#network-note", has_text="record, published").wait_for()
    assert page.locator("#passes-table tr").count() == 0
    page.locator("#misses-count", has_text=re.compile("^14$")).wait_for()


def test_nothing_is_shown_of_a_training_that_another_replaced(
    opened: Open, natively: Natively
) -> None:
    page = opened("#variant=base&seed=5&passes=1&lr=0.03", script=PLAIN + LATE)
    page.evaluate("late = []")
    page.locator("#start").click()
    page.evaluate(
        """async () => {
          while (!late.some(([{data}]) => data.type === "done"))
            await new Promise((resolve) => setTimeout(resolve, 20));
        }"""
    )
    page.evaluate(
        """() => {
          const click = (id) => document.getElementById(id).click();
          click("reset");
          document.getElementById("seed").value = 1337;
          click("start");
          const messages = late;
          late = null;
          for (const [message, hear] of messages) hear(message);
        }"""
    )
    page.locator("#train-note", has_text="Done").wait_for()
    assert page.evaluate("async () => (await lecun89).scoresOfPasses()") == rows(
        natively("base", 1, "sse2")[0]
    )


def test_outputs_of_a_digit_are_the_packages(
    opened: Open, record: Weights, splits: dict[str, Digits]
) -> None:
    found = opened().evaluate(
        """async () => {
          const {digits, read} = await lecun89;
          return Array.from(read(digits.test.images.subarray(0, 256)).out);
        }"""
    )
    with torch.no_grad():
        right = network_of(record).eval()(torch.from_numpy(splits["test"].images[:1, None]))
    assert np.abs(np.array(found) - right[0].numpy()).max() <= 1e-5


def test_a_digit_drawn_with_the_mouse_is_read(opened: Open) -> None:
    page = opened()
    draw(page)
    answer(page, "7")
    page.locator("#light[data-state=accepted]").wait_for()
    assert page.locator("#out .first span").inner_text() == "7"
    page.locator("#said", has_text="Read as 7, accepted").wait_for(state="attached")
    page.locator("#undo").click()
    answer(page, "–")
    draw(page)
    page.locator("#clear").click()
    answer(page, "–")


def test_a_digit_drawn_with_the_finger_is_read_and_the_page_stays(opened: Open) -> None:
    page = opened(width=360, height=740, has_touch=True, is_mobile=True)
    first, *others = stroke(page, [(0.5, 0.15), (0.51, 0.4), (0.5, 0.65), (0.5, 0.88)])
    before = page.evaluate("scrollY")
    touch = page.context.new_cdp_session(page)

    def send(kind: str, *points: tuple[float, float]) -> None:
        where = [{"x": x, "y": y} for x, y in points]
        touch.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": where})

    send("touchStart", first)
    for point in others:
        send("touchMove", point)
    send("touchEnd")
    answer(page, "1")
    assert page.evaluate("scrollY") == before


def test_a_drawn_digit_is_normalised_as_the_package_does_it(opened: Open) -> None:
    """Pillow's order of the two directions depends on its version, hence the tolerance."""
    page = opened()
    found = page.evaluate(
        """async (lines) => {
          const {prepare} = await lecun89;
          return lines.map(([width, ...points]) => {
            const canvas = new OffscreenCanvas(256, 256), context = canvas.getContext("2d");
            context.lineWidth = width;
            context.lineCap = "round";
            context.moveTo(...points[0]);
            for (const point of points.slice(1)) context.lineTo(...point);
            context.stroke();
            const ink = context.getImageData(0, 0, 256, 256);
            const {image, input} = prepare(ink);
            const opacity = ink.data.filter((_, at) => at % 4 === 3);
            return [Array.from(opacity, (byte) => byte.toString(16).padStart(2, "0")).join(""),
              Array.from(image), Array.from(input)];
          });
        }""",
        [
            [19, [60, 40], [200, 50], [120, 230]],
            [19, [128, 20], [130, 240]],
            [8, [20, 100], [240, 110]],
            [30, [100, 100], [110, 118]],
            [3, [10, 10], [250, 250], [10, 250]],
            [19, [5, 5], [5, 5]],
        ],
    )
    for ink, image, _ in found:
        own = as_mnist(np.frombuffer(bytes.fromhex(ink), np.uint8).reshape(256, 256)).astype(int)
        difference = np.abs(np.array(image).reshape(28, 28) - own)
        assert difference.mean() < 0.5
        assert difference.max() <= 24
    assert all(-1 <= value <= 1 for _, _, seen in found for value in seen)


def test_digits_of_other_sizes_at_other_places_lose_at_most_2_points(opened: Open) -> None:
    exact, moved = opened().evaluate(
        """async () => {
          const {digits: {test}, prepare, read} = await lecun89;
          const right = (input, label) => {
            const {out} = read(input);
            return Number(out.indexOf(Math.max(...out)) === label);
          };
          const small = new OffscreenCanvas(28, 28), area = new OffscreenCanvas(256, 256);
          const context = area.getContext("2d", {willReadFrequently: true});
          const sums = [0, 0];
          for (let n = 0; n < 200; n++) {
            const digit = 10 * n, bytes = new ImageData(28, 28);
            for (let at = 0; at < 784; at++) {
              bytes.data[4 * at + 3] = test.originals[784 * digit + at];
            }
            small.getContext("2d").putImageData(bytes, 0, 0);
            const size = 90 + (37 * n) % 167, room = 257 - size;
            context.clearRect(0, 0, 256, 256);
            context.drawImage(small, (53 * n) % room, (71 * n) % room, size, size);
            const {input} = prepare(context.getImageData(0, 0, 256, 256));
            const label = test.labels[digit], seen = test.images.subarray(256 * digit);
            sums[0] += right(seen.subarray(0, 256), label);
            sums[1] += right(input, label);
          }
          return sums;
        }"""
    )
    assert exact >= 196
    assert moved >= exact - 4


def test_a_touched_plane_of_h2_shows_the_planes_of_h1_that_it_sees(opened: Open) -> None:
    page = opened()
    page.locator("#clear").click()
    answer(page, "–")
    page.locator("#any-digit").click()
    page.locator("#pad-note", has_text="MNIST has already").wait_for()
    page.locator("#H2 button").nth(9).focus()
    page.keyboard.press("Enter")
    seen = page.locator("#H1 canvas").evaluate_all(
        "(all) => all.map((one) => Number(one.classList.contains('seen-by')))"
    )
    assert seen == [1, 1, 1, 1, 0, 0, 0, 0, 1, 1, 1, 1]
    assert page.locator("#sees").inner_text().endswith("sees planes 1 to 4 and 9 to 12 of H1.")


def test_a_missed_digit_is_shown_and_still_missed(opened: Open) -> None:
    page = opened()
    assert page.locator("#gallery button").count() == 14
    label = page.locator("#gallery button").nth(3).get_attribute("aria-label")
    digit, real, read = re.findall(r"\d+", label)
    page.locator("#gallery button").nth(3).press("Enter")
    answer(page, read)
    page.locator("#pad-note", has_text=f"Test digit {digit}, a {real}.").wait_for()
    page.locator("#missed-digit").click()
    page.locator("#pad-note:not(:empty)", has_text="Test digit").wait_for()


def test_a_link_shows_the_same(opened: Open) -> None:
    page = opened("#variant=paper&seed=7&passes=2&lr=0.0005")
    draw(page)
    answer(page, "7")
    train(page)
    page.locator("#link").click()
    page.locator("#link-note:not(:empty)").wait_for()
    fragment = page.evaluate("location.hash")
    other = opened(fragment)
    other.locator("#train-note", has_text="Done").wait_for()
    assert other.locator("[name=variant]:checked").get_attribute("value") == "paper"
    for name in ("test-misses", "train-misses", "answer", "margin", "network-note"):
        assert other.locator(f"#{name}").inner_text() == page.locator(f"#{name}").inner_text()


@pytest.mark.parametrize(
    "fragment",
    ["#digit=%%%", "#digit=AAAA", "#digit=test.9999", "#seed=-1&passes=1e9&lr=x&variant=nobody"],
)
def test_a_damaged_link_opens_the_page_all_the_same(fragment: str, opened: Open) -> None:
    page = opened(fragment)
    assert page.locator("#trouble").is_hidden()
    assert page.locator("#seed").input_value() == "1337"
    page.locator("#pad-note", has_text="Test digit 3").wait_for()


def drop(page: Any, name: str, content: bytes) -> None:
    page.evaluate(
        """([name, text]) => {
          const bytes = Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
          const dataTransfer = new DataTransfer();
          dataTransfer.items.add(new File([bytes], name));
          for (const kind of ["dragover", "drop"]) {
            document.body.dispatchEvent(
              new DragEvent(kind, {dataTransfer, bubbles: true, cancelable: true}));
          }
        }""",
        [name, base64.b64encode(content).decode()],
    )


def test_saved_weights_are_read_by_eval_and_by_the_page(
    opened: Open, cli: Callable[..., Result], tmp_path: Path
) -> None:
    page = opened("#passes=1")
    train(page)
    misses = page.locator("#test-misses").inner_text()
    with page.expect_download() as download:
        page.locator("#save").click()
    path = tmp_path / download.value.suggested_filename
    download.value.save_as(path)
    assert path.name == "lecun89-base-seed-1337-1-passes.safetensors"
    result = cli("eval", str(path), "--json")
    assert result.exit_code == 0, result.stderr
    assert str(result.document["splits"]["test"]["misses"]) == misses
    page.locator("#published").click()
    page.locator("#misses-count", has_text=re.compile("^14$")).wait_for()
    drop(page, path.name, path.read_bytes())
    page.locator("#misses-count", has_text=re.compile(f"^{misses}$")).wait_for()
    assert "is in the page" in page.locator("#weights-note").inner_text()


def test_weights_of_the_package_are_opened(opened: Open, record: Weights, tmp_path: Path) -> None:
    path = tmp_path / "modern é.safetensors"
    settings = {"lr": 1e-05, "name": "é\n", "none": None, "list": [1.5, True, {}]}
    arrays = {name: array * 1 for name, array in record.arrays.items()}
    save_weights(path, Weights(arrays, "modern", "1989", None, settings))
    page = opened()
    page.locator("#open").set_input_files(path)
    page.locator("#weights-note", has_text="is in the page").wait_for()
    assert page.locator("#network-note").inner_text().startswith("Network in the page: modern")


def test_damaged_weights_are_refused_and_the_network_stays(
    opened: Open, record: Weights, tmp_path: Path
) -> None:
    save_weights(tmp_path / "w.safetensors", record)
    whole = (tmp_path / "w.safetensors").read_bytes()
    flipped = bytearray(whole)
    flipped[-1000] ^= 1
    said = bytearray(whole)
    said[whole.index(b"record")] ^= 1
    damaged = {
        "empty": (b"", "not a safetensors file"),
        "page": (b"<!doctype html><title>404</title>" * 9, "not a safetensors file"),
        "short": (whole[:-100], "is cut short"),
        "flipped": (bytes(flipped), "digest"),
        "header": (bytes(said), "digest"),
        "broken header": (whole[:9] + b"}" + whole[10:], "header is damaged"),
        "foreign": (whole.replace(b'{"lecun89"', b'{"lecun98"', 1), "header is damaged"),
        "renamed": (whole.replace(b'"H1w"', b'"H0w"', 1), "H1w is missing"),
        "large": (bytes(1 << 21), "larger than 1 MB"),
    }
    page = opened()
    for name, (content, reason) in damaged.items():
        drop(page, f"{name}.safetensors", content)
        page.locator("#weights-note.refused", has_text=f"{name}.safetensors was refused").wait_for()
        text = page.locator("#weights-note").inner_text()
        assert reason in text
        assert "\n" not in text
        assert (
            page.locator("#network-note").inner_text() == "Network in the page: record, published."
        )
        assert page.locator("#misses-count").inner_text() == "14"


def test_the_keyboard_trains_and_jumps(opened: Open) -> None:
    page = opened("#passes=1")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    page.locator("#start").focus()
    page.keyboard.press("Enter")
    page.locator("#train-note", has_text="Done").wait_for()
    page.locator("nav a").nth(2).press("Enter")
    assert page.evaluate("document.activeElement.id") == "misses-title"
    assert "passes=1" in page.evaluate("location.hash")


@pytest.mark.parametrize(("scheme", "width"), [("light", 1440), ("dark", 360)])
def test_axe_finds_nothing_serious(scheme: str, width: int, opened: Open) -> None:
    axe = pytest.importorskip(
        "axe_playwright_python.sync_playwright", reason='no axe: pip install "lecun89[page-test]"'
    )
    page = opened("#passes=1", width=width, color_scheme=scheme)
    draw(page)
    train(page)
    page.locator("summary").click()
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    found = axe.Axe().run(page).response["violations"]
    serious = [one for one in found if one["impact"] in ("serious", "critical")]
    assert serious == [], json.dumps(serious, indent=1)[:3000]
