// The missed test digits, the surest first.
import { byId, make, say, whole } from "./dom.js";
import { paint } from "./pictures.js";

const MOST = 120;
const made = new Map();

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
  const items = missed.slice(0, MOST).map((digit) => itemOf(digit, verdicts.predictions[digit], test, choose));
  if (missed.length > MOST) items.push(make("li", { class: "note" }, `and ${whole(missed.length - MOST)} more`));
  if (!missed.length) items.push(make("li", { class: "note" }, "None."));
  byId("gallery").replaceChildren(...items);
}

/** The same element each time, because its picture stays. */
function itemOf(digit, read, test, choose) {
  const label = test.labels[digit];
  if (!made.has(digit)) {
    const canvas = make("canvas", { width: 28, height: 28 });
    paint(canvas, test.originals.subarray(784 * digit, 784 * (digit + 1)), 0, 255);
    const button = make("button", { type: "button" }, canvas, make("span"));
    button.addEventListener("click", () => choose(digit));
    made.set(digit, make("li", {}, button));
  }
  const button = made.get(digit).firstChild;
  button.setAttribute("aria-label", `Test digit ${digit}: a ${label}, read as ${read}`);
  button.lastChild.textContent = `${label} read as ${read}`;
  return made.get(digit);
}

/** Their pictures are made again, in the colours of now. */
export const forgetPictures = () => made.clear();
