// The gradient laboratory: every error and every gradient beside differences of the loss.

import type { Check } from "./core.js";
import { $, el, math, say, scroller } from "./dom.js";
import { bugsScreen } from "./bugs.js";
import { curveScreen } from "./curve.js";
import { sig } from "./number.js";
import { link, place, toScreen } from "./state.js";
import { checked, hue, node, opened, wantChecks } from "./store.js";
import { checkText } from "./node.js";

export async function checkScreen(main: HTMLElement, a: string): Promise<boolean> {
  if (a === "bugs") return bugsScreen(main);
  if (a) return curveScreen(main, a);
  coverage(main);
  return true;
}

function coverage(main: HTMLElement): void {
  document.title = "Check · pedestrian studio";
  const all = opened.nodes.filter(n => n.kind === "error" || n.kind === "gradient");
  const row = (id: string) => { const n = node(id)!, c = checked(id); return el("tr", { "data-id": id }, el("td", { class: hue(n) === "error" ? "e" : "v" }, el("a", { href: toScreen("check", id) }, math(n.math), el("span", { class: "sr" }, n.symbol))), el("td", {}, n.at), el("td", { class: "r" }, n.eq ? `(${n.eq})` : ""), el("td", { class: "r" }, `${n.rows}×${n.cols}`), ...verdict(c)); };
  const verdict = (c: Check | undefined) => [el("td", { class: "r" }, c ? String(c.cells) : ""), el("td", { class: "r" }, c && c.cells ? sig(c.worst, 2) : ""), el("td", {}, !c ? "" : c.ok ? "✓ agrees" : "≠ " + (c.why ?? ""))];
  const sum = el("p", { class: "small", role: "status", id: "sum" });
  const to = (path: string[], text: string) => el("a", { href: link({ ...place, path, row: "", cell: [0, 0], answer: "" }) }, text);
  main.replaceChildren(el("h1", {}, "Every gradient, checked"),
    el("p", { class: "lead" }, "Nudge a number by a little, run the forward pass again, and see what the loss does. Four runs for every cell; the backward pass must say the same. Open one to see what the size of the nudge does."),
    el("p", { class: "links" }, to(["check", "bugs"], "48 planted bugs, and what catches each"), " · ", to(["bug"], "Find the bug"), " · ", to(["check", "b0.h1.D_causal"], "The V of a difference")), sum,
    scroller("checks", el("table", { class: "plain checks" }, el("thead", {}, el("tr", {}, ...["", "where", "equation", "shape", "cells", "worst", ""].map((h, i) => h ? el("th", { scope: "col", class: i > 1 ? "r" : "" }, h) : el("td")))), el("tbody", {}, ...all.map(n => row(n.id))))));
  const total = () => {
    const of = (kind: string, what: string) => { const k = all.filter(n => n.kind === kind); return `${k.filter(n => checked(n.id)).length} of ${k.length} ${what}`; };
    const cs = all.map(n => checked(n.id)).filter((c): c is Check => !!c), cells = cs.reduce((s, c) => s + c.cells, 0), bad = cs.filter(c => !c.ok).length;
    sum.textContent = `${of("error", "error signals")}, ${of("gradient", "gradients")}, ${cells} cells: ${bad ? `${bad} ${bad === 1 ? "differs" : "differ"} from` : "all agree with"} differences of the loss, to a relative deviation of 10⁻⁶.`;
    sum.dataset.done = String(cs.length === all.length);
  };
  total();
  wantChecks(all.map(n => n.id), (id, c) => {
    const tr = $(`tr[data-id="${CSS.escape(id)}"]`);
    if (tr) { while (tr.children.length > 4) tr.lastChild!.remove(); tr.append(...verdict(c)); }
    if ($("#sum")) total();
    if (!c.ok) say(`${id}: ${checkText(c)}`);
  });
}
