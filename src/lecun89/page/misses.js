// The missed test digits, the surest first.
import { byId, make, say, whole } from "./dom.js";
import { paint } from "./pictures.js";

const MOST = 120;

/** Indices of the missed digits by falling margin. */
export function missedOf({ predictions, margins }, labels) {
  const missed = [];
  for (let digit = 0; digit < labels.length; digit++) {
    if (predictions[digit] !== labels[digit]) missed.push(digit);
  }
  return missed.sort((a, b) => margins[b] - margins[a]);
}

export function showMisses(verdicts, test, choose) {
  const missed = missedOf(verdicts, test.labels);
  say("misses-count", whole(missed.length));
  const items = missed.slice(0, MOST).map((digit) => {
    const label = test.labels[digit], read = verdicts.predictions[digit];
    const canvas = make("canvas", { width: 28, height: 28 });
    paint(canvas, test.originals.subarray(784 * digit, 784 * (digit + 1)), 0, 255);
    const button = make(
      "button", { type: "button", "aria-label": `Test digit ${digit}: a ${label}, read as ${read}` },
      canvas, make("span", {}, `${label} read as ${read}`),
    );
    button.addEventListener("click", () => choose(digit));
    return make("li", {}, button);
  });
  if (missed.length > MOST) items.push(make("li", { class: "note" }, `and ${whole(missed.length - MOST)} more`));
  if (!missed.length) items.push(make("li", { class: "note" }, "None."));
  byId("gallery").replaceChildren(...items);
}
