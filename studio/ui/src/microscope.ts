// What one cell is made of, with its numbers.

import type { Microscope, Ref, TermRow } from "./core.js";
import { el, math, scroller } from "./dom.js";
import { digits, scaleOf } from "./number.js";
import { place, toScreen } from "./state.js";
import { hue, look, node } from "./store.js";
import { cellName } from "./grid.js";

const row = (r: TermRow, hot: number): HTMLElement => {
  const s = scaleOf(Math.max(...r.v.map(x => Math.abs(x ?? 0)), 0) || 1), d = { ...s, power: 0, unit: "", decimals: Math.min(5, Math.max(2, s.decimals - s.power)) };
  const t = r.total;
  return el("tr", {}, el("th", { scope: "row", class: r.kind === "error" || r.kind === "gradient" ? "e" : r.kind === "value" ? "v" : "" }, math(r.label), el("span", { class: "sr" }, "term")),
    ...r.v.map((x, k) => el("td", { class: k === hot ? "hot" : "" }, x == null ? "−∞" : digits(x, d))), el("td", { class: "sum" }, t == null ? "" : t === 0 ? "0" : digits(t, d)));
};

const refs = (all: Ref[]): HTMLElement[] => {
  const seen = new Map<string, Ref[]>();
  for (const r of all) seen.set(r.id, [...(seen.get(r.id) ?? []), r]);
  return [...seen].map(([id, cells]) => {
    const n = node(id)!, r = cells[0]!;
    return el("li", {}, el("a", { href: toScreen("cell", id, `${r.i + 1},${r.j + 1}`) }, math(n.math, hue(n) === "error" ? "e" : "v"), cells.length > 1 ? ` ${cells.length} cells` : ` ${cellName(n, r.i, r.j)}`));
  });
};

/** microscope asks the core about a cell, and draws the answer into box unless another was asked for. */
export async function microscope(box: HTMLElement, id: string, i: number, j: number, full = false): Promise<Microscope | null> {
  const asked = `${id} ${i} ${j} ${JSON.stringify(place.state)}`;
  box.dataset.asked = asked;
  const found = look(box, id, i, j), m = found instanceof Promise ? await found : found;
  if (box.dataset.asked !== asked) return null;
  const n = node(id)!, cls = hue(n) === "error" ? "e" : "v";
  box.replaceChildren(
    el("h2", { class: "h3" }, `Microscope: ${cellName(n, i, j)}`),
    el("div", { class: "f " + cls, tabindex: 0, role: "group", "aria-label": "the equation of the cell" }, math(m.formula), m.numbers ? math(m.numbers) : null));
  if (m.terms) {
    const t = m.terms;
    box.append(scroller("its terms", el("table", { class: "terms-table" },
      el("thead", {}, el("tr", {}, el("td"), ...t.head.map((h, k) => el("th", { scope: "col", class: k === t.hot ? "hot" : "" }, h)), el("th", { scope: "col" }, "Σ"))),
      el("tbody", {}, ...t.rows.map(r => row(r, t.hot))))));
  }
  if (m.says) box.append(el("p", { class: "says" }, m.says));
  if (full) {
    if (m.from.length) box.append(el("h3", { class: "h3" }, "Made of"), el("ul", { class: "refs" }, ...refs(m.from)));
    if (m.feeds.length) box.append(el("h3", { class: "h3" }, "Goes into"), el("ul", { class: "refs" }, ...m.feeds.map(f => el("li", {}, el("a", { href: toScreen("node", f) }, math(node(f)!.math, hue(node(f)!) === "error" ? "e" : "v"), ` ${node(f)!.at}`)))));
  } else {
    box.append(el("p", { class: "small" }, el("a", { href: toScreen("cell", id, `${i + 1},${j + 1}`) }, "All of this cell")));
  }
  return m;
}
