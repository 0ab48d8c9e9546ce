// The page: what is in it is unpacked, checked and put together.
import { byId, calm, once, say, whole } from "./dom.js";
import { unpackDigits } from "./digits.js";
import { bytesOf, chooseKernel, loadKernel, nextTask } from "./kernel.js";
import { drawn, makePad, prepare, redraw, reread, showTestDigit } from "./draw.js";
import { makeKernels, makeLayers, showKernels } from "./layers.js";
import { forgetPictures, missedOf, showMisses } from "./misses.js";
import { judge, network, onNetwork, onVerdicts, useNetwork, verdicts } from "./network.js";
import { onColours } from "./pictures.js";
import { addressOf, readAddress, writeAddress } from "./state.js";
import { makeTraining, scoresOfPasses, setSettings, settings, start, startWorker } from "./train.js";
import { showThen } from "./then.js";
import { makeWall, markWall, repaintWall } from "./wall.js";
import { packWeights, unpackWeights, WeightsError } from "./weights.js";

const facts = JSON.parse(byId("facts").textContent);
const asked = readAddress();
const FIRST = 3; // the test digit to begin with
const PAPER = facts.literature.paper;
let digits = null, kernel = null, relaxed = false, trained = false, measured = null, turn = 0;

const state = () => ({ ...settings(), trained, testDigit: drawn.testDigit, strokes: drawn.strokes });
const trouble = (text) => { say("trouble", text); byId("trouble").hidden = false; };

function published(index = 0) {
  const { name, variant, weights, threshold, rejected_percent: rejected } = facts.networks[index];
  useNetwork(kernel, {
    variant, weights: new Float32Array(bytesOf(weights).buffer), title: `${name}, published`, activation: activationOf(variant),
    published: true, threshold, rejected, header: {},
  });
}

const activationOf = (variant) => facts.variants[variant].fields.activation;

function thresholdOf(variant) {
  const { threshold, rejected_percent: rejected } = facts.variants[variant];
  return { threshold, rejected };
}

function useTrained({ variant, seed, passes, lr, weights, pass, part = 0 }) {
  const finished = pass === passes && !part;
  useNetwork(kernel, {
    variant, weights, activation: activationOf(variant), published: false, ...thresholdOf(variant),
    title: `${variant}, seed ${seed}, ${finished ? `${passes} passes` : `in pass ${pass} of ${passes}`}`,
    header: { passes: pass, seed, lr: String(lr) },
  });
}

function makeListeners() {
  onNetwork(({ title, weights, published: isPublished }) => {
    reread();
    showKernels(weights);
    say("network-note", `Network in the page: ${title}.`);
    byId("save").disabled = false;
    byId("published").hidden = isPublished;
  });
  onVerdicts((found) => {
    markWall(found);
    showMisses(found, digits.test, choose);
    byId("missed-digit").disabled = !found.misses;
    compare();
  });
  onColours(() => {
    forgetPictures();
    repaintWall();
    redraw();
    showKernels(network.weights);
    if (verdicts) showMisses(verdicts, digits.test, choose);
  });
}

function choose(digit) {
  showTestDigit(digit);
  goTo("draw");
}

function goTo(id) {
  byId(id).scrollIntoView({ behavior: calm() ? "auto" : "smooth" });
  byId(`${id}-title`)?.focus({ preventScroll: true });
}

function compare() {
  showThen(facts.literature, {
    seconds: measured && (measured.seconds * PAPER.passes) / measured.pass,
    exact: measured?.pass === PAPER.passes,
    misses: verdicts?.misses ?? null, total: facts.digits.test, title: verdicts?.title ?? "",
    hardware: `WebAssembly, 128-bit SIMD${relaxed ? ", relaxed" : ""}, one thread${navigator.hardwareConcurrency ? ` of ${navigator.hardwareConcurrency}` : ""}`,
  });
}

async function save() {
  const { weights, variant, header, title } = network;
  const file = await packWeights(weights, { variant, data: "1989", data_sha256: facts.digits.sha256.train, settings: null, ...header });
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([file], { type: "application/octet-stream" }));
  link.download = `lecun89-${title.replaceAll(/[^a-z0-9]+/g, "-")}.safetensors`;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10000);
}

async function open(file) {
  try {
    const found = await unpackWeights(await file.arrayBuffer(), Object.keys(facts.variants));
    const variant = found.variant ?? settings().variant;
    trained = false;
    useNetwork(kernel, {
      variant, weights: found.weights, title: `${variant}, from ${file.name}`, activation: activationOf(variant), published: false,
      ...thresholdOf(variant), header: {},
    });
    await judge(digits.test);
    note(`${file.name} is in the page${found.variant ? "" : `; it does not say its variant, so it is read as ${variant}`}.`);
  } catch (error) {
    if (!(error instanceof WeightsError)) throw error;
    note(`${file.name} was refused: ${error.message}. The network in the page stays.`, true);
  }
}

function note(text, refused = false) {
  say("weights-note", text);
  byId("weights-note").classList.toggle("refused", refused);
}

function wireButtons() {
  byId("any-digit").addEventListener("click", () => showTestDigit(Math.floor(Math.random() * facts.digits.test)));
  byId("missed-digit").addEventListener("click", () => {
    const missed = missedOf(verdicts, digits.test.labels);
    showTestDigit(missed[turn++ % missed.length]);
  });
  byId("save").addEventListener("click", save);
  byId("published").addEventListener("click", () => { trained = false; published(); judge(digits.test); });
  byId("open").addEventListener("change", (event) => {
    if (event.target.files[0]) open(event.target.files[0]);
    event.target.value = "";
  });
  byId("link").addEventListener("click", async () => {
    const address = new URL(addressOf(state()), location.href).href;
    writeAddress(state(), 0);
    await nextTask();
    try {
      await navigator.clipboard.writeText(address);
      say("link-note", "Copied");
    } catch {
      say("link-note", "Copy it from the address bar");
    }
  });
  for (const link of document.querySelectorAll("nav a")) {
    link.addEventListener("click", (event) => { event.preventDefault(); goTo(link.hash.slice(1)); });
  }
}

function wireDrop() {
  const holdsFile = (event) => event.dataTransfer?.types.includes("Files");
  addEventListener("dragover", (event) => {
    if (!holdsFile(event)) return;
    event.preventDefault();
    byId("drop").hidden = false;
  });
  addEventListener("dragleave", (event) => { if (!event.relatedTarget) byId("drop").hidden = true; });
  addEventListener("drop", (event) => {
    if (!holdsFile(event)) return;
    event.preventDefault();
    byId("drop").hidden = true;
    if (network) open(event.dataTransfer.files[0]);
  });
}

function makeTrainer() {
  let newest = null;
  const live = once(() => newest && useTrained(newest));
  makeTraining(facts, {
    settings: () => { trained = false; writeAddress(state()); },
    ready: () => { if (!digits.checked) say("train-note", "This address gives the page no way to check the digits: open it from disk."); if (asked.trained) start(); },
    weights: (of) => { newest = of; live(); },
    pass: (of) => {
      newest = null;
      measured = of;
      useTrained(of);
      judge(digits.test);
    },
    done: () => { trained = true; writeAddress(state()); },
    reset: () => { newest = null; trained = false; published(); judge(digits.test); writeAddress(state()); },
    trouble,
  });
}

async function begin() {
  makeTrainer();
  setSettings(asked);
  makeKernels();
  compare();
  byId("published").textContent = `Back to ${facts.networks[0].name}`;
  say("about", `lecun89 ${facts.version}. The digits are ${whole(facts.digits.train)} and ${whole(facts.digits.test)} of MNIST, chosen as the blog chose them.`);
  await nextTask();
  const chosen = chooseKernel(document);
  relaxed = chosen.relaxed;
  kernel = await loadKernel(chosen.bytes, facts.variants);
  makeLayers(kernel.connections);
  await nextTask();
  digits = await unpackDigits(byId("digits").textContent, facts.digits);
  makeListeners();
  makeWall(digits.test, choose);
  makePad(digits.test, () => writeAddress(state()), PAPER.rejected_percent);
  wireButtons();
  wireDrop();
  drawn.strokes.push(...(asked.strokes ?? []));
  if (asked.testDigit < facts.digits.test) drawn.testDigit = asked.testDigit;
  else if (!drawn.strokes.length && !asked.blank) drawn.testDigit = FIRST;
  redraw();
  published();
  const of = ({ images, labels }) => ({ images, labels });
  startWorker(byId("worker").textContent, {
    type: "load", kernel: chosen.bytes, variants: facts.variants, digits: { train: of(digits.train), test: of(digits.test) },
  });
  await judge(digits.test);
  return { facts, digits, prepare, read: (image) => network.net.layers(image), relaxed, scoresOfPasses };
}

/** For the console, and for tests: resolves to the parts of the page when it is ready. */
globalThis.lecun89 = begin();
globalThis.lecun89.catch((error) => trouble(`The page cannot start: ${error.message}`));
