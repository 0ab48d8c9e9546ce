// Small helpers of every section.

export const byId = (id) => document.getElementById(id);

export function make(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.append(...children);
  return element;
}

export function say(id, text) {
  const element = byId(id);
  if (element.textContent !== text) element.textContent = text;
}

const wholes = new Intl.NumberFormat("en-US", { maximumFractionDigits: 0 });
export const whole = (number) => wholes.format(number);
export const percent = (misses, total) => ((100 * misses) / total).toFixed(2);
export const calm = () => matchMedia("(prefers-reduced-motion: reduce)").matches;

/** A function that runs `work` once in the next frame, however often it is called before. */
export function once(work) {
  let waiting = false;
  return () => {
    if (waiting) return;
    waiting = true;
    requestAnimationFrame(() => { waiting = false; work(); });
  };
}
