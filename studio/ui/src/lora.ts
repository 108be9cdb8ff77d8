// A layer with an adapter beside it: the frozen weight, d and u, both passes through both.

import { ask } from "./core.js";
import { $, el, math, say, svg, unit, scroller } from "./dom.js";
import { claims, equationLinks, type Claim } from "./laws.js";
import { sig } from "./number.js";
import { panel, type Panel } from "./panel.js";
import { map } from "./ramp.js";
import { go, link, place, toScreen } from "./state.js";
import { opened, traced } from "./store.js";

interface Ranked { key: string; rank: number; limit: number; why: string; singular: number[]; kept: number }
interface Adapter { rank: number; maxRank: number; alpha: number; steps: number; maxSteps: number; frozen: number; trained: number; ranks: Ranked[]; claims: Claim[]; panels: Panel[]; losses: (number | null)[] }

let shown: { header: Adapter; numbers: Float64Array } | null = null;
const of = (key: string) => shown!.header.panels.find(p => p.key === key)!;
const numbers = (p: Panel) => shown!.numbers.subarray(p.at, p.at + p.rows * p.cols);

export async function loraScreen(main: HTMLElement): Promise<boolean> {
  const asked = () => JSON.stringify([place.state, place.alpha, place.steps]), mine = asked();
  const answer = await ask<Adapter>("adapter", { state: place.state, ...(place.alpha != null ? { alpha: place.alpha } : {}), ...(place.steps != null ? { steps: place.steps } : {}) });
  if (mine !== asked()) return true;
  shown = answer;
  if (!$("#lora", main)) frame(main);
  fill();
  return true;
}

/** sliders are turned by arrows; what they say follows. */
const slider = (id: string, label: HTMLElement | string, min: number, max: number, step: number, change: (x: number) => void) => el("span", { class: "slider" }, el("label", { for: id }, label),
  el("input", { type: "range", id, min, max, step, oninput: (e: Event) => change(Number((e.target as HTMLInputElement).value)) }), el("output", { for: id, id: id + "-at" }));

function frame(main: HTMLElement): void {
  document.title = "LoRA · pedestrian studio";
  main.replaceChildren(
    el("h1", {}, "LoRA: an adapter beside a frozen layer"),
    el("p", { class: "lead" }, "The weight of the logits does not learn. Beside it stand two thin ones, down to r features and up again, and only these learn. ", el("span", { class: "v" }, "Values"), " go down through both, ", el("span", { class: "e" }, "errors"), " come up through both."),
    el("p", { class: "eqline" }, ...equationLinks(["43", "44", "45", "46", "FC+LoRA"]).flatMap(a => [a, " "]), el("a", { class: "chip", href: toScreen("errata", "S2") }, "erratum S2"), " ", el("a", { class: "chip", href: toScreen("laws", "frozen") }, "law")),
    el("div", { class: "law-bar ui", id: "lora" },
      slider("rank", "rank r", 1, shown!.header.maxRank, 1, rank => go({ state: { ...place.state, rank } }, true)),
      slider("alpha", "multiplier α", 0, 8, .25, alpha => go({ alpha }, true)),
      slider("steps", "trained for", 0, 200, 5, steps => go({ steps }, true))),
    el("div", { class: "lora-top" }, el("div", { id: "lora-draw" }), el("div", { class: "lora-side" }, el("figure", { class: "panel", id: "lora-loss" }), el("div", { id: "lora-ranks" }))),
    el("h2", {}, "The same, in numbers"),
    el("div", { id: "lora-sums" }),
    el("h2", {}, "What holds"),
    el("div", { id: "lora-claims" }),
    el("h2", {}, "All of it"),
    el("div", { class: "panels", id: "lora-panels" }),
    el("p", { class: "foot ui" }, el("span", {}, el("kbd", {}, "←"), " ", el("kbd", {}, "→"), " turn a slider"), el("span", {}, "the sentence is that of the ", el("a", { href: link({ ...place, path: [] }) }, "block"))));
  new ResizeObserver(() => { if ($("#lora-draw")) draw(); }).observe($("#lora-draw")!);
}

function fill(): void {
  const h = shown!.header, set = (id: string, value: number, words: string) => { const i = $<HTMLInputElement>("#" + id)!; if (id === "rank") i.max = String(h.maxRank); if (id === "steps") i.max = String(h.maxSteps); i.value = String(value); i.setAttribute("aria-valuetext", words); $("#" + id + "-at")!.textContent = words; };
  set("rank", h.rank, String(h.rank)); set("alpha", h.alpha, sig(h.alpha)); set("steps", h.steps, `${h.steps} steps`);
  draw(); losses(); ranks(); sums();
  $("#lora-claims")!.replaceChildren(claims(h.claims));
  $("#lora-panels")!.replaceChildren(...h.panels.map(p => panel(p, shown!.numbers)));
}

/** draw is the layer as one drawing: left the frozen weight, right the adapter. */
function draw(): void {
  const box = $("#lora-draw")!, W = box.clientWidth;
  if (!W) return;
  const u = unit(), h = shown!.header, H = 372 * u, f = (of("w").rows), g = of("w").cols, s = Math.min(9.5 * u, W * .36 / Math.max(f, g)), wide = W > 480;
  const cf = W * .27, ca = W * .73, top = 96 * u, bottom = 268 * u, mid = (top + bottom) / 2, off = Math.min(9 * u, s * 1.2), ya = 44 * u, yb = 322 * u, gap = 17 * u;
  const S = svg("svg", { width: W, height: H, "aria-hidden": "true" }), put = (css: Record<string, string>, ...kids: (HTMLElement | string)[]) => { const e = el("div", { class: "abs lora-lab", "aria-hidden": "true", css }, ...kids); box.append(e); return e; };
  box.replaceChildren(S);
  Object.assign(box.style, { height: H + "px" });
  const path = (d: string, cls: string, w?: number) => S.append(svg("path", w ? { d, class: cls, "stroke-width": w.toFixed(2) } : { d, class: cls }));
  const thick = (key: string) => 1 + 1.45 * Math.max(0, Math.min(3.2, Math.log10((of(key).norm || .02) / .02)));
  // the boxes: as wide as they have features
  const box4 = (cx: number, y0: number, w0: number, y1: number, w1: number, cls: string) => path(`M${cx - w0 / 2} ${y0}H${cx + w0 / 2}L${cx + w1 / 2} ${y1}H${cx - w1 / 2}Z`, cls);
  const least = Math.max(s * h.rank, 2.6 * off);
  // the rails go behind the boxes
  const xf = cf - off, xa = ca - off, ef = cf + off, ea = ca + off, start = W / 2 - gap, up = W / 2 + gap;
  path(`M${xf} ${ya}H${xa}`, "rail-v", thick("a")); path(`M${xf} ${ya}V${yb - 20 * u}`, "rail-v", thick("frozen")); path(`M${xa} ${ya}V${yb - 20 * u}`, "rail-v", of("adapter").norm ? thick("adapter") : 1); path(`M${xf} ${yb - 20 * u}H${xa}`, "rail-v", thick("y")); path(`M${start} ${yb - 20 * u}V${yb}`, "rail-v", thick("y")); path(`M${start} ${ya - 16 * u}V${ya}`, "rail-v", thick("a"));
  const y2 = ya + 18 * u, y3 = yb - 38 * u;
  path(`M${ef} ${y2}H${ea}`, "rail-e", thick("Dprev")); path(`M${ef} ${y3}V${y2}`, "rail-e", thick("Dfrozen")); path(`M${ea} ${y3}V${y2}`, "rail-e", of("Dadapter").norm ? thick("Dadapter") : 1); path(`M${ef} ${y3}H${ea}`, "rail-e", thick("D")); path(`M${up} ${yb}V${y3}`, "rail-e", thick("D")); path(`M${up} ${y2}V${ya - 16 * u}`, "rail-e", thick("Dprev"));
  box4(cf, top, s * f, bottom, s * g, "lora-frozen"); box4(ca, top, s * f, mid - 8 * u, least, "lora-live"); box4(ca, mid + 8 * u, least, bottom, s * g, "lora-live");
  const plus = (x: number, y: number, cls: string) => { S.append(svg("circle", { cx: x, cy: y, r: 8 * u, class: "node " + cls })); path(`M${x - 4} ${y}H${x + 4}M${x} ${y - 4}V${y + 4}`, cls, 1.5); };
  plus(start, yb - 20 * u, "rail-v"); plus(up, y2, "rail-e");
  S.append(svg("circle", { cx: start, cy: ya, r: 3.5 * u, class: "dot-v" }), svg("circle", { cx: up, cy: y3, r: 3.5 * u, class: "dot-e" }));
  const head = (x: number, y: number, d: number, cls: string) => path(`M${x - 5 * u} ${y - d * 4 * u}L${x} ${y + d * 4.5 * u}L${x + 5 * u} ${y - d * 4 * u}Z`, cls);
  for (const x of [xf, xa]) head(x, top - 8 * u, 1, "dot-v");
  for (const x of [ef, ea]) head(x, bottom + 8 * u, -1, "dot-e");
  head(start, yb - 2 * u, 1, "dot-v"); head(up, ya - 14 * u, -1, "dot-e");
  // names, shapes, norms
  const norm = (key: string) => el("small", {}, sig(of(key).norm)), name = (key: string, tex: string, cls: string) => math(of(key).math ?? tex, cls);
  put({ right: W - start + 8 + "px", top: ya - 34 * u + "px" }, name("a", "", "v"), " ", norm("a"));
  put({ left: up + 8 + "px", top: ya - 34 * u + "px" }, name("Dprev", "", "e"), " ", norm("Dprev"));
  put({ right: W - start + 12 + "px", top: yb - 8 * u + "px" }, name("y", "", "v"), " ", norm("y"));
  put({ left: up + 8 + "px", top: yb - 8 * u + "px" }, name("D", "", "e"), " ", norm("D"));
  const side = (x: number, y: number, ...kids: (HTMLElement | string)[]) => put({ left: x + "px", top: y + "px" }, ...kids);
  const inBox = (cx: number, y: number, key: string, words: string) => { const e = side(cx, y, math(of(key).math!, "v"), el("small", {}, ` ${of(key).rows}×${of(key).cols}`), ...(words && wide ? [el("small", { class: "block" }, words)] : [])); e.classList.add("mid"); };
  inBox(cf, mid, "w", "frozen"); inBox(ca, (top + mid) / 2 - 4 * u, "d", ""); inBox(ca, (mid + bottom) / 2 + 4 * u, "u", "");
  const right = Math.min(W - 52 * u, ca + s * Math.max(f, g) / 2 + 4 * u);
  if (wide) side(right, mid - 10 * u, el("small", {}, `α = ${sig(h.alpha)}`));
  const left = (x: number, y: number, key: string, cls: string) => { const e = put({ right: W - x + 6 + "px", top: y + "px" }, el("small", { class: cls }, sig(of(key).norm))); return e; };
  left(xf, bottom + 8 * u, "frozen", "v"); side(ea + 6, bottom + 8 * u, el("small", { class: "v" }, sig(of("adapter").norm)));
  side(ef + 6, top - 24 * u, el("small", { class: "e" }, sig(of("Dfrozen").norm))); side(ea + 6, top - 24 * u, el("small", { class: "e" }, sig(of("Dadapter").norm)));
  box.setAttribute("role", "img");
  box.setAttribute("aria-label", `Values: the input, norm ${sig(of("a").norm)}, goes through the frozen weight, which makes ${sig(of("frozen").norm)}, and through the adapter of rank ${h.rank}, which adds ${sig(of("adapter").norm)}. Errors: ${sig(of("D").norm)} comes in, ${sig(of("Dfrozen").norm)} is handed down through the frozen weight and ${sig(of("Dadapter").norm)} through the adapter, together ${sig(of("Dprev").norm)}.`);
}

/** losses are a line over the steps. */
function losses(): void {
  const h = shown!.header, l = h.losses, top = Math.max(...l.map(x => x ?? 0)) || 1, u = unit(), W = 272 * u, H = 84 * u, X = (i: number) => l.length < 2 ? 0 : i * (W - 4) / (l.length - 1), Y = (x: number | null) => H - (x ?? 0) / top * (H - 4);
  const s = svg("svg", { width: W, height: H + 1, role: "img", "aria-label": `the loss over ${h.steps} steps, from ${sig(l[0])} to ${sig(l.at(-1))}` });
  s.append(svg("path", { d: `M0 ${H}H${W}`, class: "axis" }), svg("path", { d: "M" + l.map((x, i) => `${X(i).toFixed(1)} ${Y(x).toFixed(1)}`).join("L"), class: "rail-v", "stroke-width": 1.75 }), svg("circle", { cx: X(l.length - 1), cy: Y(l.at(-1)!), r: 3, class: "dot-v" }));
  $("#lora-loss")!.replaceChildren(el("figcaption", { class: "small" }, h.steps ? `Adam on d and u alone, on “${traced.tokens.map(t => opened.model.words[t]).join(" ")}”: loss ${sig(l[0])} → ${sig(l.at(-1))}` : "Before the first step u is zero: the adapter adds nothing, and no error passes to d."), s,
    el("p", { class: "small" }, `${h.trained} numbers learn, ${h.frozen} of this weight stay.`));
}

/** ranks are bars of singular values. */
function ranks(): void {
  const h = shown!.header, names: Record<string, string> = { product: "α d u", dw: "the gradient of w", w: "w, frozen" };
  $("#lora-ranks")!.replaceChildren(el("h2", { class: "h3" }, "Singular values"), ...h.ranks.map(r => {
    const most = r.singular[0] || 1;
    return el("div", { class: "spectrum" }, el("p", { class: "small" }, el("b", {}, names[r.key]!), `: rank ${r.rank}, at most ${r.limit}: ${r.why}. `, r.key === "w" || !r.singular[0] ? "" : `The first ${h.rank} hold ${sig(100 * r.kept, 3)} % of its squares.`),
      el("div", { class: "bars-row", role: "img", "aria-label": `singular values ${r.singular.map(x => sig(x, 2)).join(", ")}` }, ...r.singular.map((x, i) => el("span", { class: i < h.rank && r.key !== "w" ? "in" : "", css: { height: `${Math.max(1, 34 * x / most)}px` } }))));
  }));
}

/** sums are the equations, with a map for every matrix in its shape. */
function sums(): void {
  const px = 9 * unit(), one = (key: string, t = false) => { const p = of(key), v = numbers(p), side = p.kind === "error" || p.kind === "gradient" ? "error" as const : "value" as const, max = v.reduce((m, x) => Math.max(m, Math.abs(x)), 0);
    const turned = t ? Float64Array.from(v, (_, k) => v[k % p.rows * p.cols + Math.floor(k / p.rows)]!) : v, [rows, cols] = t ? [p.cols, p.rows] : [p.rows, p.cols];
    const symbol = p.math ? math(p.math, side === "error" ? "e" : "v") : el("span", { class: side === "error" ? "e" : "v" }, ({ ad: "a d", product: "α d u", merged: "w + α d u", frozen: "a w + b", adapter: "α a d u", Dfrozen: "Δ wᵗ", Dadapter: "α Δ (d u)ᵗ" } as Record<string, string>)[key] ?? "");
    return el("span", { class: "term" + (key === "w" ? " frozen" : "") }, map(turned, rows, cols, px, side, { max, theorem: side === "error" }), el("span", { class: "term-name" }, symbol, t ? el("sup", {}, "t") : "", el("small", {}, `${rows}×${cols}`))); };
  const op = (s: string) => el("span", { class: "op" }, s), alpha = () => op(`+ ${sig(shown!.header.alpha)} ·`);
  const line = (label: string, words: string, ...kids: HTMLElement[]) => el("div", { class: "sum" }, el("h3", { class: "h3" }, label), scroller(words, el("div", { class: "sum-row" }, ...kids)));
  $("#lora-sums")!.replaceChildren(
    line("Values: the bias, and two products", "logits are input times frozen weight, plus alpha times input times down times up", one("y"), op("= b̃ +"), one("a"), one("w"), alpha(), one("a"), one("d"), one("u")),
    line("Errors: back through both", "the error handed down is the error times the frozen weight transposed, plus alpha times error times up transposed times down transposed", one("Dprev"), op("="), one("D"), one("w", true), alpha(), one("D"), one("u", true), one("d", true)),
    line("Gradients: what learns is small", "the gradient of down is alpha times input transposed times error times up transposed; that of up is alpha times down transposed times input transposed times error", one("dd"), op(`= ${sig(shown!.header.alpha)} ·`), one("a", true), one("D"), one("u", true), op(","), one("du"), op(`= ${sig(shown!.header.alpha)} ·`), one("d", true), one("a", true), one("D")),
    line("Merged: one weight that does the same", "the merged weight is the frozen weight plus alpha times down times up", one("merged"), op("="), one("w"), alpha(), one("d"), one("u")));
}

/** loraKey turns the rank. */
export function loraKey(e: KeyboardEvent): boolean {
  if (place.path[0] !== "lora" || !shown || e.key !== "n" && e.key !== "p") return false;
  const rank = Math.max(1, Math.min(shown.header.maxRank, shown.header.rank + (e.key === "n" ? 1 : -1)));
  go({ state: { ...place.state, rank } }, true);
  say(`rank ${rank}`);
  return true;
}
