// What a link holds: variant, seed, passes, learning rate, whether it was trained, and a digit.

const SIZE = 256; // the drawing area: a coordinate is one byte

export function readAddress() {
  const given = new URLSearchParams(location.hash.slice(1));
  const state = { trained: given.has("trained") };
  if (given.has("variant")) state.variant = given.get("variant");
  for (const [name, low, high] of [["seed", 0, 2 ** 32 - 1], ["passes", 1, 500]]) {
    const number = Number(given.get(name) ?? NaN);
    if (Number.isInteger(number) && number >= low && number <= high) state[name] = number;
  }
  const lr = Number(given.get("lr") ?? NaN);
  if (lr > 0 && lr <= 1) state.lr = lr;
  const digit = given.get("digit") ?? "";
  state.blank = digit === "none";
  if (/^test\.\d{1,4}$/.test(digit)) state.testDigit = Number(digit.slice(5));
  else state.strokes = unpackStrokes(digit);
  return state;
}

export function addressOf({ variant, seed, passes, lr, trained, testDigit, strokes }) {
  const parts = [`variant=${encodeURIComponent(variant)}`, `seed=${seed}`, `passes=${passes}`, `lr=${lr}`];
  if (trained) parts.push("trained");
  if (testDigit !== null) parts.push(`digit=test.${testDigit}`);
  else parts.push(`digit=${strokes.length ? packStrokes(strokes) : "none"}`);
  return `#${parts.join("&")}`;
}

let waiting = 0;

/** Put the state into the address, a moment after the last change or at once. */
export function writeAddress(state, delay = 250) {
  clearTimeout(waiting);
  waiting = setTimeout(() => history.replaceState(null, "", addressOf(state)), delay);
}

/** Strokes are arrays of points [x, y] of whole numbers below 256. */
function packStrokes(strokes) {
  const bytes = [];
  for (const points of strokes) bytes.push(points.length & 255, points.length >> 8, ...points.flat());
  let text = "";
  for (const byte of bytes) text += String.fromCharCode(byte);
  return btoa(text).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
}

function unpackStrokes(text) {
  if (text.length > 40000) return [];
  let bytes;
  try {
    bytes = Uint8Array.from(atob(text.replaceAll("-", "+").replaceAll("_", "/")), (c) => c.charCodeAt(0));
  } catch {
    return [];
  }
  const strokes = [];
  for (let at = 0; at + 2 <= bytes.length;) {
    const length = bytes[at] + 256 * bytes[at + 1];
    at += 2;
    if (length === 0 || at + 2 * length > bytes.length) return [];
    strokes.push(Array.from({ length }, (_, n) => [bytes[at + 2 * n], bytes[at + 2 * n + 1]]));
    at += 2 * length;
  }
  return strokes;
}

export const padSize = SIZE;
