// A drawn digit as MNIST has them: the steps of lecun89/reading/normalise.py.
import { SIDE } from "./digits.js";

const BOX = 20, FAINT = 32;
const BITS = 22; // of Pillow's coefficients

/**
 * The digit scaled into 20x20 and moved until its centre of mass is that of 28x28.
 * `ink` has `width` * `height` bytes, 0 for the background. Null where nothing is drawn.
 */
export function asMnist(ink, width, height) {
  const box = boundingBox(ink, width, height);
  if (!box) return null;
  const cut = cutOut(ink, width, box);
  const scale = BOX / Math.max(box.width, box.height);
  const to = [box.width, box.height].map((size) => Math.max(1, roundEven(size * scale)));
  const small = resize(cut, box.width, box.height, ...to);
  const mass = centreOfMass(small, ...to);
  const [x, y] = [0, 1].map((axis) => {
    const start = roundEven(SIDE / 2 - mass[axis]);
    return Math.min(Math.max(start, 0), SIDE - to[axis]);
  });
  const image = new Uint8Array(SIDE * SIDE);
  for (let row = 0; row < to[1]; row++) {
    image.set(small.subarray(row * to[0], (row + 1) * to[0]), (y + row) * SIDE + x);
  }
  return {
    box, image, small: { pixels: small, width: to[0], height: to[1] },
    placed: { x, y, width: to[0], height: to[1] },
    centre: [x + mass[0], y + mass[1]],
  };
}

/** What is fainter than `faint`, or as faint, is background. */
export function boundingBox(ink, width, height, faint = FAINT) {
  let left = width, right = -1, top = height, bottom = -1;
  for (let y = 0, at = 0; y < height; y++) {
    for (let x = 0; x < width; x++, at++) {
      if (ink[at] <= faint) continue;
      if (x < left) left = x;
      if (x > right) right = x;
      if (y < top) top = y;
      bottom = y;
    }
  }
  return right < 0 ? null : { x: left, y: top, width: right - left + 1, height: bottom - top + 1 };
}

export function cutOut(ink, width, box) {
  const cut = new Uint8Array(box.width * box.height);
  for (let y = 0; y < box.height; y++) {
    const from = (box.y + y) * width + box.x;
    cut.set(ink.subarray(from, from + box.width), y * box.width);
  }
  return cut;
}

export function centreOfMass(image, width, height) {
  let total = 0, x = 0, y = 0;
  for (let row = 0, at = 0; row < height; row++) {
    for (let column = 0; column < width; column++, at++) {
      total += image[at];
      x += image[at] * column;
      y += image[at] * row;
    }
  }
  return [x / total, y / total];
}

/** As Python rounds: halves to the even neighbour. */
function roundEven(value) {
  const down = Math.floor(value);
  if (value - down !== 0.5) return Math.round(value);
  return down % 2 === 0 ? down : down + 1;
}

/** Pillow's resize with LANCZOS: columns first, as up to Pillow 12, each direction rounded to bytes. */
function resize(image, width, height, toWidth, toHeight) {
  let rows = image;
  if (toWidth !== width) {
    rows = new Uint8Array(toWidth * height);
    for (const [x, [first, weights]] of coefficients(width, toWidth).entries()) {
      for (let y = 0; y < height; y++) {
        rows[y * toWidth + x] = weighted(image, y * width + first, 1, weights);
      }
    }
  }
  if (toHeight === height) return rows;
  const made = new Uint8Array(toWidth * toHeight);
  for (const [y, [first, weights]] of coefficients(height, toHeight).entries()) {
    for (let x = 0; x < toWidth; x++) {
      made[y * toWidth + x] = weighted(rows, first * toWidth + x, toWidth, weights);
    }
  }
  return made;
}

function weighted(values, start, stride, weights) {
  let sum = 2 ** (BITS - 1);
  for (let at = 0, from = start; at < weights.length; at++, from += stride) {
    sum += values[from] * weights[at];
  }
  return Math.min(Math.max(Math.floor(sum / 2 ** BITS), 0), 255);
}

function coefficients(from, to) {
  const scale = from / to, spread = Math.max(scale, 1), support = 3 * spread;
  return Array.from({ length: to }, (_, at) => {
    const centre = (at + 0.5) * scale;
    const first = Math.max(Math.trunc(centre - support + 0.5), 0);
    const last = Math.min(Math.trunc(centre + support + 0.5), from);
    const raw = [];
    for (let x = first; x < last; x++) raw.push(lanczos((x - centre + 0.5) / spread));
    const total = raw.reduce((sum, value) => sum + value, 0);
    const fixed = raw.map((value) => {
      const share = (value / total) * 2 ** BITS;
      return Math.trunc(share + (share < 0 ? -0.5 : 0.5));
    });
    return [first, fixed];
  });
}

function lanczos(x) {
  return Math.abs(x) < 3 ? sinc(x) * sinc(x / 3) : 0;
}

function sinc(x) {
  return x === 0 ? 1 : Math.sin(x * Math.PI) / (x * Math.PI);
}
