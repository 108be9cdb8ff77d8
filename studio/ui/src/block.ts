// The block of section 7 as one drawing: values down the left, errors up the right, each error
// at the height of its value.

import type { Check } from "./core.js";
import { $, $$, el, math, put as text1, say, svg, unit, factList } from "./dom.js";
import { fixed, sig } from "./number.js";
import { map, type MapOptions } from "./ramp.js";
import { go, place, toScreen } from "./state.js";
import { changeOf, checked, here, largest, node, norm, normBefore, opened, traced, values, wantChecks, word } from "./store.js";
import { text } from "./text.js";

const about = ["ids", "input of the block", "output of the first layer norm", "the heads side by side", "output of FC attProj", "sum of the skip and FC attProj", "output of the second layer norm", "output of FC expand", "output of the activation", "output of FC contract", "output of the block", "output of the final layer norm", "logits"];
const from: Record<number, string> = { 12: "y_pred − y_gt", 10: "handed on to Δ₉ and, by the skip, to Δ₅", 9: "the skip copies: Δ₉ = Δ₁₀", 5: "Δ₁₀ by the skip, plus what the layer norm hands back", 4: "the skip copies: Δ₄ = Δ₅", 1: "Δ₅ by the skip, plus what the layer norm hands back" };
const layers = (heads: number, g: string): [string, string, string][] => [["token + position", "(2) · (3)", "w_tok"], ["LayerNorm", "(38) · (40)", "b0.w_1"], [`${heads} heads`, "table 1 · (34) (35)", ""], ["FC attProj", "(FC)", "b0.w_3"], ["skip", "", ""], ["LayerNorm", "(38) · (40)", "b0.w_5"], ["FC expand", "(FC)", "b0.w_6"], [g, "g, g′", ""], ["FC contract", "(FC)", "b0.w_8"], ["skip", "", ""], ["final LayerNorm", "(38) · (40)", "w_10"], ["FC logits", "(FC)", "w_11"], ["softmax, loss", "y_pred − y_gt", ""]];

const stationID = (i: number, side: "a" | "D") => here((i === 0 || i > 10 ? "" : "b{b}.") + side + "_" + i);
const order = [...Array.from({ length: 12 }, (_, i) => "a" + (i + 1)), ...Array.from({ length: 12 }, (_, i) => "D" + (12 - i))];
let selected = "D5";

export function block(main: HTMLElement): void {
  if (order.includes(place.row)) selected = place.row;
  document.title = text.blockTitle + " · pedestrian studio";
  const words = $("#sentence");
  if (!words) {
    main.replaceChildren(
      el("h1", {}, text.blockTitle),
      el("p", { class: "lead" }, "Down the left, ", el("span", { class: "v" }, "values"), ": what the network computes. Up the right, ", el("span", { class: "e" }, "errors"), ": how the loss would answer to each number. An error has the shape of its value."),
      el("p", { class: "bar-top ui", id: "blocks" }),
      el("div", { class: "sentence", id: "sentence", role: "group", "aria-label": "the sentence; every word can be changed" }),
      el("div", { class: "over" },
        el("section", { "aria-label": "the block" }, el("div", { class: "draw", id: "draw", role: "listbox", "aria-label": "stations of both passes" })),
        el("aside", { class: "side" },
          el("div", { class: "sidehead" }, el("h2", { class: "h3" }, "Loss per token"), el("span", { class: "seg", role: "group", "aria-label": "the loss is" },
            ...["sum", "mean"].map(w => el("button", { "data-red": w, type: "button", onclick: () => go({ state: { ...place.state, mean: w === "mean" } }) }, w)))),
          el("div", { class: "scroll" }, el("table", { class: "plain", id: "loss" })),
          el("div", { class: "detail", id: "detail" }))),
      el("p", { class: "foot ui" }, el("span", {}, "Rows of a map: tokens; columns: features"), el("span", {}, "Line thickness: norm, logarithmic"), el("span", {}, "✓ agrees with finite differences"), ...[["n", "p"], ["N", "P"], ["↑", "↓", "←", "→"], ["Enter"]].map((k, i) => el("span", {}, ...k.flatMap(x => [el("kbd", {}, x), " "]), ["step along both passes", "along the backward pass", "stations", "open one"][i]!))));
    new ResizeObserver(() => { if ($("#draw")) draw(true); }).observe($("#draw")!.parentElement!);
  }
  const n = opened.model.config.blocks;
  $("#blocks")!.hidden = n < 2;
  $("#blocks")!.replaceChildren(blockPicker(), " ", el("span", { class: "small" }, text.otherBlocks(n)));
  sentence(); losses(); draw(); detail();
  wantChecks(order.filter(n => n[0] === "D").map(n => stationID(+n.slice(1), "D")), tick);
}

/** blockPicker chooses the block, where there are several. */
export const blockPicker = (): HTMLElement => el("span", { class: "seg", role: "group", "aria-label": "block" }, ...Array.from({ length: opened.model.config.blocks }, (_, b) =>
  el("button", { type: "button", "aria-pressed": String(b === Math.min(place.block, opened.model.config.blocks - 1)), "data-k": "block" + b, onclick: () => { go({ block: b }); $(`[data-k="block${b}"]`)?.focus(); } }, `Block ${b}`)));

function tick(id: string, c: Check): void {
  const mark = $(`.nrm[data-check="${CSS.escape(id)}"]`);
  if (mark) mark.textContent = mark.textContent!.replace(/ [✓≠]$/, "") + (c.ok ? " ✓" : " ≠");
  if (stationID(+selected.slice(1), "D") === id) detail();
}

function sentence(): void {
  const box = $("#sentence")!, base = opened.model.tokens, words = opened.model.words, long = words.length > 128; // too many to list beside every word
  const labels = $$("label", box);
  if (named !== words || labels.length !== traced.tokens.length) {
    named = words;
    box.replaceChildren(...traced.tokens.map((_, i) => {
      const q: HTMLSelectElement | HTMLInputElement = el(long ? "input" : "select", { ...(long ? { list: "words", size: 6 } : {}), "aria-label": `token ${i + 1}`, onchange: () => {
        const tokens = [...traced.tokens], was = traced.loss, now = long ? words.indexOf(q.value) : Number(q.value);
        if (now < 0) { say(text.noToken(q.value)); q.value = words[tokens[i]!]!; return; }
        tokens[i] = now;
        const same = tokens.length === base.length && tokens.every((x, k) => x === base[k]);
        go({ state: { ...place.state, tokens: same ? undefined : tokens } });
        announce = () => say(`token ${i + 1} is ${words[tokens[i]!]}; loss ${sig(traced.loss)}, before ${sig(was)}`);
      } }, ...(long ? [] : words.map((w, j) => el("option", { value: j }, w))));
      return el("label", {}, q, el("span", { class: "n", "aria-hidden": "true" }, String(i + 1)));
    }));
    if (long) box.append(el("datalist", { id: "words" }, ...words.map(w => el("option", { value: w }))));
  }
  $$("label", box).forEach((l, i) => {
    const t = traced.tokens[i]!;
    l.className = base[i] !== t ? "changed" : "";
    $<HTMLSelectElement>("select, input", l)!.value = long ? words[t]! : String(t);
  });
  box.classList.toggle("many", traced.tokens.length > 8);
  announce?.(); announce = null;
}
let named: string[] | null = null; // of the vocabulary that stands in the lists
let announce: (() => void) | null = null;

function losses(): void {
  for (const b of $$("[data-red]")) b.setAttribute("aria-pressed", String((b.dataset.red === "mean") === !!place.state.mean));
  const top = Math.max(3, ...traced.losses.map(x => x ?? 0)), old = traced.beforeLosses;
  $("#loss")!.replaceChildren(
    el("thead", {}, el("tr", {}, ...["", "token", "target", "p", "loss ℓ", ""].map((h, i) => h ? el("th", { scope: "col", class: i > 2 ? "r" : "" }, h) : el("td")))),
    el("tbody", {}, ...traced.losses.map((l, i) => {
      const bar = el("span", { class: "bar" }), box = el("span", { class: "barbox", "aria-hidden": "true" }, bar), was = old?.[i];
      bar.style.width = Math.min(100, 100 * (l ?? 0) / top) + "%";
      if (was != null && was !== l) { const tickMark = el("i"); tickMark.style.left = 100 * was / top + "%"; box.append(tickMark); }
      const y = traced.targets[i]!;
      return el("tr", {}, el("td", {}, String(i + 1)), el("td", { class: "w" }, word(i)), el("td", { class: "w" }, y < 0 ? "–" : opened.model.words[y]!), el("td", { class: "r" }, traced.p[i] == null ? "" : fixed(traced.p[i]!, 2)), el("td", { class: "r" }, l == null ? "" : l.toFixed(2)), el("td", { class: "bars" }, box));
    })),
    el("tfoot", {}, el("tr", {}, el("td", { colspan: 4 }, `L, the ${place.state.mean ? "mean" : "sum"} over tokens`), el("td", { class: "r" }, traced.loss == null ? "?" : traced.loss.toFixed(2)), el("td", { class: "small" }, traced.beforeLoss != null && traced.beforeLoss !== traced.loss ? "was " + traced.beforeLoss.toFixed(2) : ""))));
}

const normText = (id: string) => { const b = place.diff ? normBefore(id) : null; return (b != null && b !== norm(id) ? sig(b) + "→" : "") + sig(norm(id)); };

// What shows numbers in the drawing sets them anew without the drawing being made anew.
let numbers: (() => void)[] = [], drawn: unknown[] = [];
const live = (f: () => void) => { f(); numbers.push(f); };

function draw(resized = false): void {
  const box = $("#draw")!, n = traced.tokens.length, diff = place.diff, of = [box, opened, place.block, diff, n];
  if (!resized && of.every((x, i) => x === drawn[i])) { for (const f of numbers) f(); return; }
  const W = box.clientWidth;
  if (!W) return;
  numbers = []; drawn = of;
  const wide = W > 640, u = unit(), P = (wide ? 58 : 54) * u, y0 = (wide ? 58 : 50) * u, H = y0 + 12.95 * P, cx = W / 2;
  const bw = wide ? Math.min(224 * u, W * .27) : 112, lane = wide ? 34 * u : 15, lab = wide ? 68 * u : 33, inner = bw / 2 + lane + lab;
  const hidden = node(stationID(7, "a"))!.cols;
  const small = Math.max(.25, Math.min(wide ? 7 * u : 4, Math.floor((cx - inner - 2) / hidden * 4) / 4)), px8 = Math.min(wide ? Math.round(8 * u) : 6, Math.max(.5, Math.floor((cx - inner - 2) / node(stationID(1, "a"))!.cols * 4) / 4));
  const xl = cx - bw / 2 + (wide ? 26 : 12), xr = cx + bw / 2 - (wide ? 26 : 12), Y = (i: number) => y0 + i * P;
  const hadFocus = box.contains(document.activeElement);
  box.style.height = H + "px";
  box.replaceChildren();
  const s = svg("svg", { width: W, height: H, "aria-hidden": "true" });
  box.append(s);
  const th = (i: number, side: "a" | "D") => 1 + 1.45 * Math.max(0, Math.min(3.2, Math.log10((norm(stationID(i, side)) || .02) / .02)));
  const path = (cls: string, d: () => string, w?: () => number) => { const p = svg("path", { class: cls }); s.append(p); live(() => { p.setAttribute("d", d()); if (w) p.setAttribute("stroke-width", w().toFixed(2)); }); };
  const line = (x: number, a: number, b: number, cls: string, w: () => number) => path(cls, () => `M${x} ${a}V${b}`, w);
  for (let i = 0; i < 12; i++) {
    line(xl, Y(i), Y(i + 1), "rail-v", () => i ? (th(i, "a") + th(i + 1, "a")) / 2 : th(1, "a"));
    if (i) line(xr, Y(i), Y(i + 1), "rail-e", () => (th(i, "D") + th(i + 1, "D")) / 2);
  }
  line(xl, Y(12), Y(12.5), "rail-v", () => th(12, "a")); line(xr, Y(12), Y(12.5), "rail-e", () => th(12, "D")); line(xr, Y(.5), Y(1), "rail-e", () => th(1, "D"));
  const arc = (i: number, dir: number, b: number, cls: string, of: number) => {
    const x = dir < 0 ? xl : xr, a = Y(i), X = (dir < 0 ? cx - bw / 2 : cx + bw / 2) + dir * lane * .62, r = wide ? 12 : 7;
    path(cls, () => `M${x} ${a}H${X - dir * r}Q${X} ${a} ${X} ${a + r}V${b - r}Q${X} ${b} ${X - dir * r} ${b}H${x}`, () => th(of, dir < 0 ? "a" : "D"));
  };
  arc(1, -1, Y(4.5), "rail-v", 1); arc(5, -1, Y(9.5), "rail-v", 5); arc(1, 1, Y(5), "rail-e", 5); arc(5, 1, Y(10), "rail-e", 10);
  const put = (e: HTMLElement, css: Record<string, string>) => { e.classList.add("abs"); Object.assign(e.style, css); e.setAttribute("aria-hidden", "true"); box.append(e); };
  const plus = (x: number, y: number, cls: string) => { s.append(svg("circle", { cx: x, cy: y, r: wide ? 8 * u : 6, class: "node " + cls })); path(cls, () => `M${x - 4} ${y}H${x + 4}M${x} ${y - 4}V${y + 4}`, () => 1.5); };
  layers(opened.model.config.heads, opened.model.config.activation === "relu" ? "ReLU" : "GELU").forEach(([name, eq], i) => {
    const y = Y(i + .5), h = wide ? 36 * u : 30;
    if (name === "skip") {
      plus(xl, y, "rail-v");
      if (wide) put(el("div", { class: "layer" }, el("small", {}, math(node(stationID(i + 1, "a"))!.math), " = ", math(node(stationID(i === 4 ? 1 : 5, "a"))!.math), " + ", math(node(stationID(i, "a"))!.math))), { left: cx + "px", top: y + "px" });
      return;
    }
    s.append(svg("rect", { x: cx - bw / 2, y: y - h / 2, width: bw, height: h, rx: 2, class: "box" }));
    put(el("div", { class: "layer" }, name, wide && eq ? el("small", {}, el("br"), eq) : null), { left: cx + "px", top: y + "px" });
  });
  const head = (x: number, y: number, d: number, cls: string, w: () => number) => path(cls, () => `M${x - w()} ${y - d * 4}L${x} ${y + d * 4.5}L${x + w()} ${y - d * 4}Z`);
  for (let i = 1; i <= 12; i++) {
    head(xl, Y(i) - 6, 1, "dot-v", () => 4 + th(i, "a") / 2);
    if (i !== 1 && i !== 5) head(xr, Y(i) + 6, -1, "dot-e", () => 3.5 + th(i, "D") / 2);
  }
  for (const i of [1, 5]) { plus(xr, Y(i), "rail-e"); s.append(svg("circle", { cx: xl, cy: Y(i), r: 3.5, class: "dot-v" })); }
  s.append(svg("circle", { cx: xr, cy: Y(10), r: 3.5, class: "dot-e" }));
  for (let i = 0; i <= 12; i++) for (const side of ["a", "D"] as const) {
    if (side === "D" && !i) continue;
    const id = stationID(i, side), at = node(id)!, left = side === "a", p = at.cols === hidden ? small : at.cols > 8 ? Math.min(px8, small * 2) : px8, q = p * n;
    const xe = left ? cx - bw / 2 - lane : cx + bw / 2 + lane, xm = left ? cx - inner : cx + inner, edge = left ? "right" : "left", off = (left ? W - xe + 4 : xe + 4) + "px";
    put(math(at.math, "lab " + (left ? "v" : "e")), { top: Y(i) - (wide && i ? 17 * u : 9 * u) + "px", [edge]: off });
    if (!i) { if (wide && n <= 8) { const e = el("div", { class: "nrm" }); put(e, { top: Y(0) - 8 + "px", right: W - xm + "px" }); live(() => text1(e, "ids  " + traced.tokens.join("  "))); } continue; }
    if (wide) {
      const e = el("div", { class: "nrm", "data-check": left ? null : id });
      put(e, { top: Y(i) + 4 * u + "px", [edge]: off });
      live(() => { const c = left ? undefined : checked(id); text1(e, normText(id) + (c ? c.ok ? " ✓" : " ≠" : "")); });
    }
    const shown = (): [Float64Array, MapOptions] => [values(id, diff), { max: largest(id, diff), theorem: !left && !diff }], c = map(shown()[0], at.rows, at.cols, p, left ? "value" : "error", shown()[1]);
    live(() => c.set(...shown()));
    put(c, { top: Y(i) - q / 2 + "px", left: (left ? xm - at.cols * p : xm) + "px" });
    const key = side + i, x0 = left ? xm - at.cols * p - 6 : xe - 2, x1 = left ? xe + 2 : xm + at.cols * p + 6;
    const hit = el("div", { class: "abs hit", role: "option", id: "s-" + key, tabindex: key === selected ? 0 : -1, "aria-selected": String(key === selected), "data-n": key, onclick: () => pick(key), onfocus: () => pick(key, true), ondblclick: () => go({ path: ["node", id] }) });
    Object.assign(hit.style, { left: Math.max(0, x0) + "px", width: Math.min(W, x1) - Math.max(0, x0) + "px", top: Y(i) - Math.max(q, 36) / 2 - 4 + "px", height: Math.max(q, 36) + 8 + "px" });
    live(() => hit.setAttribute("aria-label", `${left ? "a" : "delta"} ${i}, ${left ? "" : "error on the "}${about[i]!.replace(/^the /, "")}, ${at.rows} by ${at.cols}, norm ${sig(norm(id))}${diff ? changeOf(id) === 0 ? ", unchanged" : ", changed" : ""}`));
    box.append(hit);
  }
  put(el("div", { class: "hd v" }, "values, forward ↓"), { top: "0", right: W - cx + (wide ? 18 : 10) + "px" });
  put(el("div", { class: "hd e" }, "↑ errors, backward"), { top: "0", left: cx + (wide ? 18 : 10) + "px" });
  if (wide) put(el("div", { class: "nrm" }, "ids are names, not numbers: no Δ"), { top: Y(0) - 8 + "px", left: cx + bw / 2 + lane + 4 + "px" });
  if (hadFocus) $(`[data-n="${selected}"]`)?.focus({ preventScroll: true });
}

function pick(n: string, quiet = false): void {
  selected = n;
  for (const b of $$("#draw .hit")) { const on = b.dataset.n === n; b.setAttribute("aria-selected", String(on)); b.tabIndex = on ? 0 : -1; }
  detail();
  if (!quiet) $(`[data-n="${n}"]`)?.focus();
}

function detail(): void {
  const i = +selected.slice(1), side = selected[0] as "a" | "D", id = stationID(i, side), other = stationID(i, side === "a" ? "D" : "a"), n = node(id)!, c = checked(stationID(i, "D"));
  const was = normBefore(id), facts: [string, Node | string][] = [["shape", `${n.rows} × ${n.cols}, tokens × features`], ["norm", sig(norm(id), 4) + (was != null && was !== norm(id) ? ` (was ${sig(was, 4)})` : "")]];
  if (side === "D" && from[i]) facts.push(["from", from[i]!]);
  if (side === "D") facts.push(["check", !c ? "…" : c.why && !c.ok ? c.why : `${c.ok ? "✓" : "≠"} ${c.cells} of ${c.cells + (c.refused ?? 0)} cells, worst ${sig(c.worst, 2)}`]);
  facts.push(["partner", el("span", {}, math(node(other)!.math, side === "a" ? "e" : "v"), ` norm ${sig(norm(other), 4)}`)]);
  $("#detail")!.replaceChildren(
    el("div", { class: "sym" }, math(n.math, side === "a" ? "v" : "e")),
    el("p", {}, side === "D" ? `Error on the ${about[i]!.replace(/^the /, "")}: how the loss answers to each cell of it.` : about[i]![0]!.toUpperCase() + about[i]!.slice(1) + "."),
    factList(facts),
    el("p", { class: "small links" }, el("a", { href: toScreen("node", id) }, "Every cell of it"), ...(i === 2 || i === 3 ? [" · ", el("a", { href: toScreen("table", "1") }, "the heads: table 1")] : [])));
}

/** blockKey handles a key of the screen. */
export function blockKey(e: KeyboardEvent): boolean {
  const k = order.indexOf(selected), to = (j: number) => { pick(order[Math.max(0, Math.min(order.length - 1, j))]!); return true; };
  if (e.key === "n") return to(k + 1);
  if (e.key === "p") return to(k - 1);
  if (e.key === "N" || e.key === "P") { const i = +selected.slice(1); pick("D" + (selected[0] === "a" ? i : Math.max(1, Math.min(12, i + (e.key === "N" ? -1 : 1))))); return true; } // along the backward pass alone
  if (!(e.target as Element).matches(".hit")) return false;
  const i = +selected.slice(1), side = selected[0]!;
  if (e.key === "ArrowDown" && i < 12) { pick(side + (i + 1)); return true; }
  if (e.key === "ArrowUp" && i > 1) { pick(side + (i - 1)); return true; }
  if (e.key === "ArrowRight" && side === "a") { pick("D" + i); return true; }
  if (e.key === "ArrowLeft" && side === "D") { pick("a" + i); return true; }
  if (e.key === "Enter") { go({ path: ["node", stationID(i, side as "a" | "D")] }); return true; }
  return false;
}
