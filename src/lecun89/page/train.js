// Train in a worker, and show how it goes.
import { byId, calm, make, once, percent, say, whole } from "./dom.js";
import { drawChart } from "./chart.js";
import { duration, errorOf } from "./then.js";

const LABELS = { idle: "Train", running: "Train", paused: "Train", done: "Train again" };
let worker = null, known = null, tell = {}, phase = "loading", scored = [], planned = null, ready = false, spent = 0;
let number = 0; // of the training that is heard; what others still send is ignored

/** `heard`: {weights, pass, done, reset, trouble, settings}, functions that are told what happens. */
export function makeTraining(facts, heard) {
  known = facts;
  tell = heard;
  for (const name of known.trains) {
    const input = make("input", { type: "radio", name: "variant", value: name });
    input.addEventListener("change", () => { chooseVariant(name); tell.settings(); });
    byId("variants").append(make("label", {}, input, make("span", {}, name)));
  }
  for (const id of ["seed", "passes", "lr"]) byId(id).addEventListener("input", () => tell.settings());
  byId("settings").addEventListener("submit", (event) => { event.preventDefault(); start(); });
  byId("pause").addEventListener("click", () => {
    worker.postMessage({ type: phase === "paused" ? "resume" : "pause" });
    enter(phase === "paused" ? "running" : "paused");
  });
  byId("reset").addEventListener("click", () => {
    number++;
    worker.postMessage({ type: "reset" });
    clearReadings();
    enter("idle");
    tell.reset();
  });
  new ResizeObserver(once(redrawChart)).observe(byId("chart"));
}

export function setSettings({ variant, seed, passes, lr }) {
  const name = known.trains.includes(variant) ? variant : known.trains[0];
  document.querySelector(`[name=variant][value="${name}"]`).checked = true;
  chooseVariant(name);
  byId("seed").value = seed ?? 1337;
  if (passes) byId("passes").value = passes;
  if (lr) byId("lr").value = lr;
}

/** Of each pass: loss and misses of train, then of test. */
export const scoresOfPasses = () => scored.map(({ scores }) => scores);

export const settings = () => ({
  variant: document.querySelector("[name=variant]:checked").value,
  seed: byId("seed").valueAsNumber, passes: byId("passes").valueAsNumber, lr: byId("lr").valueAsNumber,
});

function chooseVariant(name) {
  const { passes, fields } = known.variants[name];
  byId("passes").value = passes;
  byId("lr").value = fields.lr;
  say("variant-note", described(fields));
  redrawChart();
}

const WORDS = {
  tanh: "Tanh", scaled_tanh: "Scaled tanh", relu: "ReLU", gelu: "GELU",
  mse: "mean squared error", half_mse: "half the squared error", cross_entropy: "cross-entropy",
  sgd: "stochastic gradient descent", adamw: "AdamW", sdlm: "the optimizer of 1989",
};

function described({ activation, loss, optimizer, shift, dropout }) {
  const parts = [activation, loss, optimizer].map((word) => WORDS[word] ?? word);
  if (shift) parts.push("digits moved by up to a pixel");
  if (dropout) parts.push(`dropout ${dropout}`);
  return `${parts.join(", ")}.`;
}

/** Give the worker what it needs; `message` is its "load". */
export function startWorker(text, message) {
  const address = URL.createObjectURL(new Blob([text], { type: "text/javascript" }));
  worker = new Worker(address);
  URL.revokeObjectURL(address);
  worker.onmessage = ({ data }) => {
    if (data.number === undefined || data.number === number) hear[data.type](data);
  };
  worker.onerror = (event) => hear.error({ message: event.message });
  worker.postMessage(message);
}

export function start() {
  if (!ready || !byId("settings").reportValidity()) return;
  planned = settings();
  clearReadings();
  worker.postMessage({ type: "train", number: ++number, ...planned });
  enter("running");
  say("train-note", `Training ${planned.variant}, seed ${planned.seed}`);
}

const hear = {
  ready() {
    ready = true;
    enter("idle");
    say("train-note", "Digits checked: their SHA-256 is that of the package.");
    tell.ready();
  },
  progress({ pass, step, steps, microseconds, weights }) {
    if (phase !== "running") return;
    say("pass", `${pass} of ${planned.passes}`);
    say("step-time", stepTime(microseconds));
    say("seconds", timeOf(spent + (step * microseconds) / 1e6));
    if (!calm()) tell.weights({ ...planned, weights, pass, part: step / steps });
  },
  pass({ pass, train, test, microseconds, seconds, weights }) {
    spent = seconds;
    const { train: trained, test: tested } = known.digits, { paper, blog } = known.literature;
    scored.push({
      pass, train: (100 * train.misses) / trained, test: (100 * test.misses) / tested,
      scores: [train.loss, train.misses, test.loss, test.misses],
    });
    say("pass", `${pass} of ${planned.passes}`);
    say("step-time", stepTime(microseconds));
    say("seconds", timeOf(seconds));
    say("train-misses", whole(train.misses));
    say("test-misses", whole(test.misses));
    say("train-error", `${percent(train.misses, trained)}%`);
    say("test-error", `${percent(test.misses, tested)}%`);
    addRow(pass, train, test, tested);
    redrawChart();
    byId("chart").setAttribute("aria-label", `After pass ${pass}: test error ${percent(test.misses, tested)}%, train error ${percent(train.misses, trained)}%. The paper's is ${errorOf(paper)}, the blog's ${errorOf(blog)}.`);
    tell.pass({ ...planned, pass, weights, seconds, microseconds });
  },
  done() {
    enter("done");
    say("train-note", `Done: ${byId("test-misses").textContent} test digits missed after ${planned.passes} passes.`);
    tell.done();
  },
  error({ message }) {
    enter(ready ? "idle" : "broken");
    say("train-note", "");
    tell.trouble(message);
  },
};

const stepTime = (microseconds) => `${microseconds.toFixed(1)} µs`;
const timeOf = (seconds) => (seconds < 10 ? `${seconds.toFixed(1)} s` : seconds < 600 ? `${seconds.toFixed(0)} s` : duration(seconds));

function enter(next) {
  phase = next;
  const busy = phase === "running" || phase === "paused";
  for (const field of byId("settings").querySelectorAll("input")) field.disabled = busy;
  byId("start").disabled = busy || !ready;
  say("start", LABELS[phase] ?? "Train");
  byId("pause").disabled = !busy;
  say("pause", phase === "paused" ? "Go on" : "Pause");
  byId("reset").disabled = phase !== "done" && !busy;
  if (phase === "paused") say("train-note", "Paused");
  if (phase === "idle" && ready) say("train-note", "");
}

function clearReadings() {
  scored = [];
  spent = 0;
  for (const id of ["pass", "step-time", "train-misses", "test-misses", "train-error", "test-error"]) say(id, "–");
  say("seconds", "seconds");
  byId("passes-table").replaceChildren();
  byId("chart").setAttribute("aria-label", "No pass is trained yet");
  redrawChart();
}

function addRow(pass, train, test, total) {
  const cells = [train.loss.toExponential(3), whole(train.misses), test.loss.toExponential(3), whole(test.misses), `${percent(test.misses, total)}%`];
  byId("passes-table").append(make("tr", {}, make("th", { scope: "row" }, String(pass)), ...cells.map((text) => make("td", {}, text))));
}

function redrawChart() {
  const { paper, blog } = known.literature;
  const passes = planned && scored.length ? planned.passes : byId("passes").valueAsNumber || 23;
  drawChart(scored, passes, [{ name: "paper", error: paper.error }, { name: "blog", error: blog.error }]);
}
