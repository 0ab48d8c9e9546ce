// Weights files of lecun89: safetensors with a header and a digest over header and arrays.
import { sha256 } from "./digits.js";

const SHAPES = {
  H1w: [12, 1, 5, 5], H1b: [12, 8, 8], H2w: [12, 8, 5, 5], H2b: [12, 4, 4],
  H3w: [192, 30], H3b: [30], outw: [30, 10], outb: [10],
};
const NAMES = Object.keys(SHAPES);
const SIZES = NAMES.map((name) => SHAPES[name].reduce((product, length) => product * length, 1));
const TOTAL = SIZES.reduce((sum, size) => sum + size, 0);
const MOST_BYTES = 1 << 20, MOST_HEADER = 128 << 10;

export class WeightsError extends Error {}

/** A file's bytes. `header` holds strings, whole numbers and null; `weights` is in the order of NAMES. */
export async function packWeights(weights, header) {
  const said = { kind: "weights", format_version: 1, ...header };
  said.digest = await digestOf(canonical(JSON.stringify(said)), arraysOf(weights));
  const entries = { __metadata__: { lecun89: JSON.stringify(said) } };
  let offset = 0;
  for (const [index, name] of NAMES.entries()) {
    const end = offset + 4 * SIZES[index];
    entries[name] = { dtype: "F32", shape: SHAPES[name], data_offsets: [offset, end] };
    offset = end;
  }
  let text = new TextEncoder().encode(JSON.stringify(entries));
  const padded = new Uint8Array(Math.ceil(text.length / 8) * 8).fill(32);
  padded.set(text);
  const file = new Uint8Array(8 + padded.length + offset);
  new DataView(file.buffer).setBigUint64(0, BigInt(padded.length), true);
  file.set(padded, 8);
  file.set(new Uint8Array(weights.buffer, weights.byteOffset, offset), 8 + padded.length);
  return file;
}

/**
 * What a file holds: {weights, variant, data, passes, seed}; variant is null where it does not say.
 * Throws a WeightsError that says in one line what is wrong.
 */
export async function unpackWeights(buffer, variants) {
  if (buffer.byteLength > MOST_BYTES) throw new WeightsError("it is larger than 1 MB, and weights take 40 kB");
  const { entries, body } = split(buffer);
  const arrays = NAMES.map((name, index) => arrayOf(name, index, entries[name], body));
  const other = Object.keys(entries).find((name) => !SHAPES[name] && name !== "__metadata__");
  if (other) throw new WeightsError(`${shortened(other)} is not a parameter of the network of 1989`);
  const weights = new Float32Array(TOTAL);
  let offset = 0;
  for (const [index, bytes] of arrays.entries()) {
    weights.set(new Float32Array(bytes.slice().buffer), offset);
    offset += SIZES[index];
  }
  const said = entries.__metadata__ ?? {};
  // A changed byte can spoil our key or what lies under it, not both.
  const ours = "lecun89" in said || Object.values(said).some((text) => String(text).includes('"format_version"'));
  const found = ours ? await checked(said.lecun89, arrays, variants) : {};
  if (!weights.every(Number.isFinite)) throw new WeightsError("a weight is not finite");
  return { weights, variant: null, data: null, ...found };
}

function split(buffer) {
  const damaged = "it is not a safetensors file, or it is cut short";
  if (buffer.byteLength < 8) throw new WeightsError(damaged);
  const size = Number(new DataView(buffer).getBigUint64(0, true));
  if (size > Math.min(MOST_HEADER, buffer.byteLength - 8)) throw new WeightsError(damaged);
  try {
    const entries = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(new Uint8Array(buffer, 8, size)));
    if (entries && typeof entries === "object" && typeof (entries.__metadata__ ?? {}) === "object") return { entries, body: new Uint8Array(buffer, 8 + size) };
  } catch {
    // said below
  }
  throw new WeightsError("its header is damaged");
}

function arrayOf(name, index, entry, body) {
  if (!entry) throw new WeightsError(`${name} is missing`);
  const [start, end] = entry.data_offsets ?? [];
  const sound = entry.dtype === "F32" && String(entry.shape) === String(SHAPES[name]);
  if (!sound) throw new WeightsError(`${name} is ${shortened(`${entry.dtype} (${entry.shape})`)}, not F32 (${SHAPES[name]})`);
  const inside = Number.isInteger(start) && start >= 0 && end <= body.length && end - start === 4 * SIZES[index];
  if (!inside) throw new WeightsError(`${name} is cut short`);
  return body.subarray(start, end);
}

async function checked(text, arrays, variants) {
  let said, sorted;
  try {
    said = JSON.parse(text); // of undefined, too, is damage
    sorted = canonical(text, "digest");
  } catch {
    throw new WeightsError("its header is damaged");
  }
  if (said?.kind !== "weights") throw new WeightsError(`it holds ${shortened(String(said?.kind))}, not weights`);
  if (said.digest !== (await digestOf(sorted, arrays))) {
    throw new WeightsError("its digest does not match its content, so it is damaged");
  }
  if (!variants.includes(said.variant)) {
    throw new WeightsError(`it is of the variant ${shortened(String(said.variant))}; this page has ${variants.join(", ")}`);
  }
  return said;
}

const arraysOf = (weights) => {
  const arrays = [];
  for (let index = 0, offset = 0; index < NAMES.length; offset += SIZES[index++]) {
    arrays.push(new Uint8Array(weights.buffer, weights.byteOffset + 4 * offset, 4 * SIZES[index]));
  }
  return arrays;
};

/** As storage/tensorfile.py makes it: the header with sorted keys, then the arrays by name. */
async function digestOf(header, arrays) {
  const encoder = new TextEncoder();
  const parts = [encoder.encode(header)];
  const byCode = (a, b) => (a < b ? -1 : 1);
  for (const name of [...NAMES].sort(byCode)) {
    const shape = SHAPES[name].join(", ") + (SHAPES[name].length === 1 ? "," : "");
    parts.push(encoder.encode(`${name} <f4 (${shape})\n`), arrays[NAMES.indexOf(name)]);
  }
  return sha256(parts);
}

const shortened = (text) => (text.length > 60 ? `${text.slice(0, 57)}...` : text);

/**
 * JSON as Python's json.dumps(..., sort_keys=True) writes it. Numbers and strings stay as they
 * are in the text, because the two languages write some of them differently.
 */
function canonical(text, without) {
  const tokens = text.match(/"(?:[^"\\]|\\.)*"|[{}[\]:,]|[^\s{}[\]:,"]+/g);
  let at = 0;
  const value = (top) => {
    const token = tokens[at++];
    if (token === "[") {
      const items = [];
      while (tokens[at] !== "]") {
        items.push(value());
        if (tokens[at] === ",") at++;
      }
      at++;
      return `[${items.join(", ")}]`;
    }
    if (token !== "{") return token;
    const items = [];
    while (tokens[at] !== "}") {
      const key = tokens[at];
      at += 2;
      const held = value();
      if (!(top && JSON.parse(key) === without)) items.push([JSON.parse(key), `${key}: ${held}`]);
      if (tokens[at] === ",") at++;
    }
    at++;
    items.sort(([a], [b]) => (a < b ? -1 : 1));
    return `{${items.map(([, item]) => item).join(", ")}}`;
  };
  return value(true);
}
