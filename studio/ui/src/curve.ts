// The V of a difference over its step: one cell of an error or a gradient.

import { ask } from "./core.js";
import { $, el, math, svg, unit, keys } from "./dom.js";
import { cellName, grid, spokenSymbol } from "./grid.js";
import { checkText } from "./node.js";
import { exact, sig, superscript } from "./number.js";
import { go, place, toScreen } from "./state.js";
import { checked, hue, node, opened, values, wantChecks } from "./store.js";

interface Curve { id: string; i: number; j: number; value: number | null; steps: number; default: number; best: number; cells: number; tolerance: number; ok: boolean; why?: string }
const columns = 6; // of a step: h, two, how far off, four, how far off, largest

const power = (k: number) => k ? "2⁻" + superscript(k) : "1";
const least = 1e-16, most = 10;

let curve: Curve | null = null, numbers = new Float64Array(), key = "";

/** curveScreen shows one tensor beside differences of the loss. A value or a parameter leads to what it is checked by. */
export async function curveScreen(main: HTMLElement, id: string): Promise<boolean> {
  let n = node(id);
  if (n && n.kind !== "error" && n.kind !== "gradient") n = n.partner ? node(n.partner) : undefined;
  if (!n) return false;
  const me = n, p = n.partner ? node(n.partner) : undefined, i = Math.min(place.cell[0], n.rows - 1), j = Math.min(place.cell[1], n.cols - 1);
  document.title = `Check of ${n.symbol} · pedestrian studio`;
  const was = document.activeElement as HTMLElement | null, had = was?.dataset.ij !== undefined ? 'td[tabindex="0"]' : was?.id === "step" ? "#step" : "";
  const asked = JSON.stringify([n.id, i, j, place.state]);
  if (asked !== key) {
    const a = await ask<Curve>("curve", { state: place.state, id: n.id, i, j });
    [curve, numbers, key] = [a.header, a.numbers as Float64Array<ArrayBuffer>, asked];
    if (place.path[1] !== id) return true;
  }
  const c = curve!, g = grid(n.id, { cell: [i, j], choose: (r, s) => { go({ cell: [r, s] }, true); $(`td[data-ij="${r},${s}"]`, main)?.focus({ preventScroll: true }); } });
  const from = /^\d+$/.test(place.row) && Number(place.row) < c.steps ? Number(place.row) : c.default;
  const box = el("div", { class: "vcurve", id: "vcurve" }), out = el("div", { role: "status" });
  const slide = el("input", { id: "step", type: "range", min: 0, max: c.steps - 1, step: 1, value: c.steps - 1 - from });
  const at = () => c.steps - 1 - Number(slide.value);
  const show = () => {
    const k = at(), v = numbers.subarray(columns * k, columns * (k + 1));
    slide.setAttribute("aria-valuetext", `two to the minus ${k}`);
    const off = (x: number) => Number.isNaN(x) ? "crosses a kink of ReLU" : x === 0 ? "0" : sig(x, 2);
    out.replaceChildren(el("table", { class: "plain steps" }, el("caption", { class: "sr" }, "the cell in three ways"), el("thead", {}, el("tr", {}, el("td"), el("th", { scope: "col", class: "r" }, "slope"), el("th", { scope: "col", class: "r" }, "off by"))),
      el("tbody", {}, ...([["backward pass", c.value, null], [`two runs, h = ${power(k)}`, v[1], v[2]], [`four runs, h = ${power(k)}`, v[3], v[4]]] as [string, number | null, number | null][]).map(([t, x, e]) => el("tr", {}, el("th", { scope: "row" }, t), el("td", { class: "r e" }, exact(x)), el("td", { class: "r" }, e == null ? "" : off(e)))))));
    draw(box, c, k);
  };
  slide.addEventListener("input", () => { go({ row: at() === c.default ? "" : String(at()) }, true); });
  main.replaceChildren(
    el("p", { class: "crumb small" }, el("a", { href: toScreen("check") }, "Every gradient, checked")),
    el("h1", {}, math(n.math, "e"), el("span", { class: "sr" }, spokenSymbol(n)), " and differences of the loss", el("span", { class: "small block" }, n.at)),
    el("p", { class: "lead" }, `Nudge ${p ? "one number" : "it"} by h and by −h, and divide what the loss does by 2h. With h too large, the curve of the loss shows; with h too small, the digits of the loss run out. In between lies the truth, and the backward pass must be there.`),
    el("div", { class: "nodegrid" },
      el("div", { class: "main-col" }, el("section", { "aria-label": "deviation over the step" }, box, el("p", { class: "says", id: "v-says" }, says(c, n.id)), el("div", { class: "slide" }, el("label", { for: "step" }, "h"), slide, el("span", { class: "small" }, "small ← → large")), out)),
      el("aside", { class: "side-col" }, el("dl", { class: "facts" }, ...([["cell", cellName(n, i, j)], ["nudged", p ? `${spokenSymbol(p)}, ${p.at}` : ""], ["tensor", el("span", { id: "check-text" }, checkText(checked(n.id)))]] as [string, string | HTMLElement][]).filter(x => x[1]).flatMap(([k, v]) => [el("dt", {}, k), el("dd", {}, v)])),
        el("p", { class: "links small" }, el("a", { href: toScreen("node", n.id) }, "All of ", math(n.math, "e")), " · ", el("a", { href: toScreen("cell", n.id, `${i + 1},${j + 1}`) }, "what the cell is made of")))),
    el("div", { class: "pair" }, g),
    el("p", { class: "foot ui" }, ...keys([["← ↑ ↓ →", "cells"], ["n p", "next, previous tensor that is checked"], ["e", "edit"]])));
  show();
  new ResizeObserver(() => { if (box.isConnected) draw(box, c, at()); }).observe(box);
  if (had) $(had, main)?.focus({ preventScroll: true });
  wantChecks([me.id], (of, x) => { if (of !== me.id) return; const t = $("#check-text"); if (t) t.textContent = checkText(x); });
  return true;
}

function says(c: Curve, id: string): string {
  const d = numbers[columns * c.default + 4]!, b = c.best < 0 ? NaN : numbers[columns * c.best + 4]!;
  if (c.why) return `Not a check: ${c.why}.`;
  return `Every check steps by h = ${power(c.default)}: there this cell is off by ${d === 0 ? "0" : sig(d, 2)}, and a check allows ${sig(c.tolerance, 1)}. ${c.best === c.default || b === d ? "No step is better." : `The best step of this cell, ${power(c.best)}, has ${b === 0 ? "0" : sig(b, 2)}.`} Right of the valley the error is h² with two runs and h⁴ with four; left of it, rounding divided by h.${values(id).every(x => x === 0) ? " The gradient is zero: what the curve shows is rounding alone." : ""}`;
}

/** draw is the curve, log over log; a gap is where a kink is crossed. */
function draw(box: HTMLElement, c: Curve, k0: number): void {
  const W = box.clientWidth, u = unit(), H = Math.min(320 * u, Math.max(240, W * .5)), l = 46 * u, b = 44 * u, t = 12 * u, r = 8 * u;
  if (!W) return;
  const X = (k: number) => W - r - (W - l - r) * k / (c.steps - 1);
  const Y = (e: number) => t + (H - t - b) * (Math.log10(most) - Math.log10(Math.max(least, Math.min(most, e)))) / Math.log10(most / least);
  const s = svg("svg", { width: W, height: H, role: "img", "aria-label": `deviation of the cell over the step h, from ${power(c.steps - 1)} to 1; ${says(c, c.id)}` });
  const line = (x1: number, y1: number, x2: number, y2: number, cls: string) => s.append(svg("path", { d: `M${x1} ${y1}L${x2} ${y2}`, class: cls }));
  const label = (x: number, y: number, text: string, anchor: string, cls = "axis") => { const e = svg("text", { x, y, class: cls, "text-anchor": anchor }); e.textContent = text; s.append(e); };
  for (let e = 0; e >= -16; e -= 4) { line(l, Y(10 ** e), W - r, Y(10 ** e), "gridline"); label(l - 6, Y(10 ** e) + 4, e ? "10⁻" + superscript(-e) : "1", "end"); }
  for (let k = 0; k < c.steps; k += W < 520 ? 20 : 10) label(X(k), H - b + 18 * u, power(k), k ? "middle" : "end");
  label((l + W) / 2, H - 6, "h, the step", "middle");
  line(X(c.default), t, X(c.default), H - b, "rule"); label(X(c.default) + (W < 520 ? -5 : 5), t + 10 * u, "the step of every check", W < 520 ? "end" : "start");
  line(l, Y(c.tolerance), W - r, Y(c.tolerance), "allowed"); label(l + 4, Y(c.tolerance) - 5, "a check allows this", "start");
  const path = (column: number, cls: string) => {
    let d = "", up = true;
    for (let k = 0; k < c.steps; k++) { const e = numbers[columns * k + column]!; if (Number.isNaN(e)) { up = true; continue; } d += `${up ? "M" : "L"}${X(k).toFixed(1)} ${Y(e).toFixed(1)}`; up = false; }
    if (d) s.append(svg("path", { d, class: cls }));
  };
  if (c.cells > 1) path(5, "all");
  path(2, "two"); path(4, "four");
  for (const [column, cls] of [[2, "two"], [4, "four"]] as const) { const e = numbers[columns * k0 + column]!; if (!Number.isNaN(e)) s.append(svg("circle", { cx: X(k0), cy: Y(e), r: 4 * u, class: cls })); }
  const named: [string, string][] = [["four", "four runs"], ["two", "two runs"], ...(c.cells > 1 ? [["all", `largest of ${c.cells} cells, four runs`] as [string, string]] : [])];
  const key = el("p", { class: "legend small", "aria-hidden": "true" }, ...named.map(([cls, text]) => { const q = svg("svg", { width: 26, height: 8 }); q.append(svg("path", { d: "M0 4H26", class: cls })); const e = el("span", {}); e.append(q, text); return e; }));
  box.replaceChildren(s, key);
}

/** curveKey goes to the next or the previous tensor that is checked. */
export function curveKey(e: KeyboardEvent): boolean {
  if (e.key !== "n" && e.key !== "p" || place.path[0] !== "check" || !place.path[1] || place.path[1] === "bugs") return false;
  const all = opened.nodes.filter(n => hue(n) === "error"), to = all[all.findIndex(n => n.id === place.path[1]) + (e.key === "n" ? 1 : -1)];
  if (to) go({ path: ["check", to.id], cell: [0, 0], row: "" });
  return true;
}
