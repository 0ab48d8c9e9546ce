// The digits: unpacked, and reduced to 16x16 as lecun89/data/reduction.py does it, bit for bit.

import { bytesOf, nextTask } from "./kernel.js";

export const SIDE = 28; // of an image of MNIST
const REDUCED = 16;
const BUSY_MS = 8; // so long a task may take
const CHARACTERS = 1 << 18; // of base64 at a time; a multiple of 4

const GRAY = Float64Array.from({ length: 256 }, (_, byte) =>
  Math.fround(Math.fround(byte / 127.5) - 1),
);
// Output i lies at 1.75 i + 0.375 of the input, between two of its pixels.
const POSITIONS = Array.from({ length: REDUCED }, (_, i) => 1.75 * i + 0.375);

/** A digit of 28x28 bytes, 0 for paper, as 16x16 floats from -1 to 1. */
export function reduceImage(bytes, to = new Float32Array(REDUCED * REDUCED)) {
  let place = 0;
  for (const y of POSITIONS) {
    const top = Math.floor(y);
    const low = y - top;
    for (const x of POSITIONS) {
      const left = Math.floor(x);
      const right = x - left;
      const corner = SIDE * top + left;
      // One rounding after each addition is what a fused multiply-add does, in PyTorch's order.
      let sum = Math.fround(GRAY[bytes[corner + 1]] * ((1 - low) * right));
      sum = Math.fround(sum + GRAY[bytes[corner]] * ((1 - low) * (1 - right)));
      sum = Math.fround(sum + GRAY[bytes[corner + SIDE]] * (low * (1 - right)));
      to[place++] = Math.fround(sum + GRAY[bytes[corner + SIDE + 1]] * (low * right));
    }
  }
  return to;
}

/**
 * The digits of the page, without holding it up.
 *
 * @param text base64 of the deflated bytes: images of train and test, then labels of both.
 * @param expected {train, test, sha256: {train, test}}: how many, and their digests.
 * @returns {train, test, checked}: of each {images, labels, originals}; checked is false where the
 *   browser has no digests to offer, as for a page that comes over plain HTTP.
 */
export async function unpackDigits(text, expected) {
  const bytes = await inflate(text);
  const totals = [expected.train, expected.test];
  const size = SIDE * SIDE;
  if (bytes.length !== (size + 1) * (totals[0] + totals[1]))
    throw new Error("the digits in this page are incomplete");
  const digits = { checked: Boolean(globalThis.crypto?.subtle) };
  let image = 0;
  let label = size * (totals[0] + totals[1]);
  for (const split of ["train", "test"]) {
    const originals = bytes.subarray(image, (image += size * expected[split]));
    const labels = bytes.slice(label, (label += expected[split]));
    const images = await reduceAll(originals, expected[split]);
    if (digits.checked && (await sha256([images, labels])) !== expected.sha256[split])
      throw new Error(`the ${split} digits in this page are not those of lecun89`);
    digits[split] = { images, labels, originals };
  }
  return digits;
}

async function inflate(text) {
  const parts = [];
  for (let start = 0; start < text.length; start += CHARACTERS) {
    parts.push(bytesOf(text.slice(start, start + CHARACTERS)));
    await nextTask();
  }
  const plain = new Blob(parts).stream().pipeThrough(new DecompressionStream("deflate"));
  return new Uint8Array(await new Response(plain).arrayBuffer());
}

async function reduceAll(originals, total) {
  const pixels = REDUCED * REDUCED;
  const images = new Float32Array(pixels * total);
  let end = performance.now() + BUSY_MS;
  for (let i = 0; i < total; i++) {
    const from = originals.subarray(SIDE * SIDE * i, SIDE * SIDE * (i + 1));
    reduceImage(from, images.subarray(pixels * i, pixels * (i + 1)));
    if (performance.now() < end) continue;
    await nextTask();
    end = performance.now() + BUSY_MS;
  }
  return images;
}

/** Of parts of a file, as hexadecimal digits. */
export async function sha256(parts) {
  const all = await new Blob(parts).arrayBuffer();
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", all));
  return Array.from(digest, (byte) => byte.toString(16).padStart(2, "0")).join("");
}
