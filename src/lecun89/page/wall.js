// All test digits as one picture; those that the network misses are marked.
import { byId, say, percent, whole } from "./dom.js";
import { SIDE } from "./digits.js";
import { pixels } from "./pictures.js";

const wide = matchMedia("(min-width: 48rem)");
let shown = null; // which digits are drawn as marked
let wallDigits = null, columns = 90;

export function makeWall(digits, choose) {
  wallDigits = digits;
  const canvas = byId("wall");
  layOut();
  wide.addEventListener("change", () => { layOut(); });
  canvas.addEventListener("click", (event) => {
    const column = Math.floor((event.offsetX / canvas.clientWidth) * columns);
    const row = Math.floor((event.offsetY / canvas.clientHeight) * rows());
    const digit = row * columns + column;
    if (digit >= 0 && digit < wallDigits.labels.length) choose(digit);
  });
}

const rows = () => (columns === 90 ? 23 : 51);

function layOut() {
  columns = wide.matches ? 90 : 40;
  const canvas = byId("wall"), marked = shown;
  canvas.width = columns * SIDE;
  canvas.height = rows() * SIDE;
  shown = null;
  showWall(marked ?? new Uint8Array(wallDigits.labels.length));
}

/** Draw again in the colours of now. */
export function repaintWall() {
  const marked = shown;
  shown = null;
  if (marked) showWall(marked);
}

/** `marked` has a 1 for each digit that is missed. */
function showWall(marked) {
  const context = byId("wall").getContext("2d");
  for (let digit = 0; digit < marked.length; digit++) {
    if (shown && shown[digit] === marked[digit]) continue;
    const image = wallDigits.originals.subarray(SIDE * SIDE * digit, SIDE * SIDE * (digit + 1));
    context.putImageData(
      pixels(image, SIDE, SIDE, 0, 255, marked[digit] ? "marked" : "quiet"),
      (digit % columns) * SIDE, Math.floor(digit / columns) * SIDE,
    );
  }
  shown = marked;
}

export function markWall({ predictions, misses, total }) {
  showWall(predictions.map((prediction, digit) => Number(prediction !== wallDigits.labels[digit])));
  const text = `${whole(misses)} missed, ${percent(misses, total)}%`;
  say("wall-note", text);
  byId("wall").setAttribute("aria-label", `The ${whole(total)} test digits: ${text}`);
}
