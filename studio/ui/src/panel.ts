// A tensor that is shown to be read, and not to be edited: its digits, or a map where they are many.

import type { Kind } from "./core.js";
import { el, math, unit, scroller } from "./dom.js";
import { digits, minus, scaleOf, spoken } from "./number.js";
import { colour, map } from "./ramp.js";
import { toScreen } from "./state.js";
import { node } from "./store.js";
import { text } from "./text.js";

export interface Panel {
  title: string; math?: string; kind: Kind; rows: number; cols: number;
  key?: string; norm: number | null; rowHeads?: string[]; colHeads?: string[]; at: number; node?: string;
}

/** panel draws one; max is the largest number of a scale that several share. */
export function panel(p: Panel, numbers: Float64Array, max?: number): HTMLElement {
  const v = numbers.subarray(p.at, p.at + p.rows * p.cols), side = p.kind === "error" || p.kind === "gradient" ? "error" as const : "value" as const;
  const own = v.reduce((m, x) => Number.isFinite(x) ? Math.max(m, Math.abs(x)) : m, 0), s = scaleOf(max ?? own), theorem = side === "error";
  const shape = `${p.rows} × ${p.cols}${s.unit ? ", " + s.unit : ""}`, symbol = p.math ? math(p.math, side === "error" ? "e" : "v") : null;
  const name = p.node && node(p.node) ? el("a", { href: toScreen("node", p.node), "aria-label": `${p.title}: all of it` }, symbol ?? p.title) : symbol;
  const caption = el("figcaption", { class: "cap" }, name, el("span", { class: "panel-title" }, p.title), el("small", {}, shape));
  if (p.cols > 16 || p.rows > 16) {
    const px = Math.max(2, Math.min(14, Math.floor(560 / p.cols), Math.floor(360 / p.rows))) * unit();
    return el("figure", { class: "panel" }, caption, scroller(p.title, map(v, p.rows, p.cols, px, side, { max: s.max, theorem, label: `${p.title}: a map of ${p.rows} rows and ${p.cols} columns, largest entry ${spoken(own)}` })));
  }
  const head = (k: number, heads?: string[]) => heads?.[k] ?? String(k + 1);
  return el("figure", { class: "panel" }, caption, el("div", { class: "scroll", tabindex: 0, role: "group", "aria-label": p.title },
    el("table", { class: "grid still" }, el("caption", { class: "sr" }, p.title),
      el("thead", {}, el("tr", {}, el("td", { class: "corner" }), ...Array.from({ length: p.cols }, (_, j) => el("th", { scope: "col" }, head(j, p.colHeads))))),
      el("tbody", {}, ...Array.from({ length: p.rows }, (_, i) => el("tr", {}, el("th", { scope: "row" }, p.rows === 1 && !p.rowHeads ? text.only : head(i, p.rowHeads)), ...Array.from({ length: p.cols }, (_, j) => {
        const x = v[i * p.cols + j]!, hidden = x === -Infinity, zero = x === 0 && theorem;
        return el("td", { class: hidden ? "mask" : zero ? "null" : "", "data-v": String(x), title: Number.isFinite(x) ? minus(String(x)) : null, css: hidden || zero ? {} : { background: colour(x, s.max, side) } },
          hidden || zero ? el("span", { class: "sr" }, hidden ? text.masked : "0") : Number.isFinite(x) ? digits(x, s) : text.nan);
      })))))));
}
