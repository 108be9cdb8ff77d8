// The gradient laboratory: every error and every gradient beside differences of the loss.

import type { Check } from "./core.js";
import { $, el, math, say } from "./dom.js";
import { sig } from "./number.js";
import { link, place } from "./state.js";
import { checked, hue, node, opened, wantChecks } from "./store.js";
import { checkText } from "./node.js";

export function checkScreen(main: HTMLElement): void {
  document.title = "Check · pedestrian studio";
  const all = opened.nodes.filter(n => n.kind === "error" || n.kind === "gradient");
  const row = (id: string) => { const n = node(id)!, c = checked(id); return el("tr", { "data-id": id }, el("td", { class: hue(n) === "error" ? "e" : "v" }, el("a", { href: link({ ...place, path: ["node", id], row: "" }) }, math(n.math), el("span", { class: "sr" }, n.symbol))), el("td", {}, n.at), el("td", { class: "r" }, n.eq ? `(${n.eq})` : ""), el("td", { class: "r" }, `${n.rows}×${n.cols}`), ...verdict(c)); };
  const verdict = (c: Check | undefined) => [el("td", { class: "r" }, c ? String(c.cells) : ""), el("td", { class: "r" }, c && c.cells ? sig(c.worst, 2) : ""), el("td", {}, !c ? "" : c.ok ? "✓ agrees" : "≠ " + (c.why ?? ""))];
  const sum = el("p", { class: "small", role: "status", id: "sum" });
  main.replaceChildren(el("h1", {}, "Every gradient, checked"),
    el("p", { class: "lead" }, "Nudge a number by a little, run the forward pass again, and see what the loss does. Four runs for every cell; the backward pass must say the same."), sum,
    el("div", { class: "scroll", tabindex: 0, role: "group", "aria-label": "checks" }, el("table", { class: "plain checks" }, el("thead", {}, el("tr", {}, ...["", "where", "equation", "shape", "cells", "worst", ""].map((h, i) => h ? el("th", { scope: "col", class: i > 1 ? "r" : "" }, h) : el("td")))), el("tbody", {}, ...all.map(n => row(n.id))))));
  const total = () => {
    const cs = all.map(n => checked(n.id)).filter((c): c is Check => !!c), cells = cs.reduce((s, c) => s + c.cells, 0), bad = cs.filter(c => !c.ok).length;
    sum.textContent = `${cs.length} of ${all.length} tensors, ${cells} cells: ${bad ? `${bad} ${bad === 1 ? "differs" : "differ"}` : "all agree"} with differences of the loss, to a relative deviation of 10⁻⁶.`;
  };
  total();
  wantChecks(all.map(n => n.id), (id, c) => {
    const tr = $(`tr[data-id="${CSS.escape(id)}"]`);
    if (tr) { while (tr.children.length > 4) tr.lastChild!.remove(); tr.append(...verdict(c)); }
    if ($("#sum")) total();
    if (!c.ok) say(`${id}: ${checkText(c)}`);
  });
}
