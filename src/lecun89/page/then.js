// The blog's reflections, with the numbers of this page beside them.
import { byId, make, whole, percent } from "./dom.js";

const DAY = 86400;
const HEAD = ["1989, the paper", "2022, the blog", "This tab", "2022 / 1989", "Tab / 1989"];
const times = (factor) => (factor >= 10 ? `${whole(rounded(factor))}×` : `${factor.toFixed(1)}×`);

/** To two figures, as the blog's factors are about. */
function rounded(value) {
  const unit = 10 ** (Math.floor(Math.log10(value)) - 1);
  return Math.round(value / unit) * unit;
}

export function duration(seconds) {
  if (seconds >= 2 * DAY) return `${(seconds / DAY).toFixed(0)} days`;
  if (seconds >= 10) return `${seconds.toFixed(0)} s`;
  if (seconds >= 0.1) return `${seconds.toFixed(1)} s`;
  if (seconds >= 1e-4) return `${(seconds * 1000).toPrecision(2)} ms`;
  return `${(seconds * 1e6).toPrecision(2)} µs`;
}

/**
 * `measured`: {seconds, exact, misses, total, title, hardware}: seconds for 23 passes of the
 * training split in this tab, or null; misses of the network in the page, or null.
 */
export function showThen({ paper, blog }, measured) {
  const seconds = measured.seconds;
  const tabTime = seconds === null ? "train to measure" : `${measured.exact ? "" : "about "}${duration(seconds)}`;
  const rows = [
    ["Training images", whole(paper.digits), `about ${whole(blog.images)}`, whole(paper.digits), blog.images / 1e4, 1],
    ["Values in an image", "16×16", blog.image.join("×"), "16×16", blog.image.reduce((a, b) => a * b) / 256, 1],
    ["Parameters", whole(paper.parameters), "a few billion", whole(paper.parameters), blog.parameters_factor, 1],
    ["Multiply-accumulates", whole(paper.macs), `about ${whole(blog.macs)}`, whole(paper.macs), blog.macs_factor, 1],
    ["Activations", whole(paper.activations), "–", whole(paper.activations), null, 1],
    ["Hardware", paper.hardware, blog.hardware, measured.hardware, null, null],
    [`Training, ${paper.passes} passes`, duration(paper.seconds), duration(blog.seconds), tabTime, paper.seconds / blog.seconds, seconds && paper.seconds / seconds],
    ["Test error", `${errorOf(paper)} (${whole(paper.misses)} missed)`, result(blog.misses, paper.total),
      measured.misses === null ? "–" : `${result(measured.misses, measured.total)}, ${measured.title}`, null, null],
  ];
  const part = (role, tag, attributes, ...children) => make(tag, { role, ...attributes }, ...children);
  // Roles are given, because narrow screens show the cells as blocks.
  byId("comparison").replaceChildren(
    make("caption", { class: "hidden" }, "1989, 2022 and this tab"),
    part("rowgroup", "thead", {}, part("row", "tr", {}, part("cell", "td", {}),
      ...HEAD.map((text) => part("columnheader", "th", { scope: "col" }, text)))),
    part("rowgroup", "tbody", {}, ...rows.map(([name, ...cells]) => part(
      "row", "tr", {}, part("rowheader", "th", { scope: "row" }, name),
      ...cells.map((value, column) => part(
        "cell", "td", { "data-of": HEAD[column] }, column < 3 ? value : value ? factorText(name, value) : "–",
      )),
    ))),
  );
  showProjection(paper, blog, measured);
}

/** As the source prints it: 5.0% and 4.09%. */
export const errorOf = ({ error }) => `${error.toFixed(Number.isInteger(error) ? 1 : 2)}%`;

const result = (misses, total) => `${percent(misses, total)}% (${whole(misses)} missed)`;
const factorText = (name, factor) => (factor === 1 ? "1×" : name.startsWith("Training,") ? `${times(factor)} as fast` : `about ${times(factor)}`);

function showProjection(paper, blog, { seconds, misses, total, title }) {
  const year = new Date().getFullYear();
  const yearly = seconds && (paper.seconds / seconds) ** (1 / (year - 1989));
  const items = [
    ["The same networks, only bigger.", `After ${year - 1989} years this one still reads familiar: layers, back-propagation, gradient descent. It has not grown; it has ${whole(paper.parameters)} weights.`],
    [`Data and models ${whole(blog.larger_2055)} times as large.`, `${whole(paper.digits)} training digits are ${(paper.digits * 256 / 1e6).toFixed(1)} MB of bytes here. Times ${whole(blog.larger_2055)}, that is ${whole(rounded(paper.digits * 256 * blog.larger_2055 / 1e12))} TB.`],
    ["The best model of 2022 trains in about a minute at home.", seconds
      ? `The one of 1989 took ${duration(seconds)} in this tab: ${times(paper.seconds / seconds)} as fast in ${year - 1989} years, or ${yearly.toFixed(2)}× a year. At that pace it would take ${duration(seconds / yearly ** (2055 - year))} in 2055.`
      : "Train here, and this line compares your time with the three days."],
    ["Details of model, loss and optimizer halve the error.", misses === null ? "–"
      : `The paper missed ${paper.misses}, the blog ${blog.misses}, and ${blog.best_misses} once modernised. The network in the page, ${title}, misses ${whole(misses)} of ${whole(total)}.`],
    ["More data alone helps a little.", `With ${whole(blog.more_digits)} training digits the blog's error fell from ${blog.error}% to ${blog.more_digits_error}%. This page keeps to ${whole(paper.digits)}.`],
    ["Beyond that, a bigger computer.", seconds
      ? `Or a faster program: ${times(blog.seconds / seconds)} the speed of the blog's ${duration(blog.seconds)}, in a browser tab.`
      : "Or a faster program: train here to see how much of one."],
  ];
  byId("projection").replaceChildren(
    make("h3", {}, "2055, as the blog imagines it, and what is measured here"),
    make("ul", {}, ...items.map(([claim, here]) => make("li", {}, make("b", {}, claim), here))),
  );
}
