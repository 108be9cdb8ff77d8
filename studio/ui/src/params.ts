// The ledger: every parameter counted, term by term, of this network or of any other sizes.

import { ask } from "./core.js";
import { $, el, math, say, scroller } from "./dom.js";
import { sig } from "./number.js";
import { go, link, place, toScreen } from "./state.js";
import { node, norm, opened } from "./store.js";

interface Sizes { vocab: number; context: number; width: number; heads: number; blocks: number; tied: boolean; noBias: boolean; rank: number; targets: string[] }
interface Term { name: string; formula: string; count: number; times: number; total: number }
interface Counted { sizes: Sizes; paper: Sizes; layers: string[]; ledger: Term[]; total: number; figures: { name: string; count: number; share?: number }[]; adapter?: Term[]; trained: number; inMemory: number }

const fields = [["vocab", "vocabulary, V"], ["context", "context, n"], ["width", "width, d"], ["heads", "heads, h"], ["blocks", "blocks"]] as const;
const grouped = (n: number) => String(n).replace(/\B(?=(\d{3})+$)/g, " ");
const percent = (x: number) => `${sig(100 * x, x >= .9995 ? 3 : 2)} %`;

/** sizes reads "50257,1024,768,12,12,tied,nobias,r16,qkv,logits"; null where it is of another form. */
export function sizes(text: string): Sizes | null {
  const parts = text.split(",");
  if (!/^\d{1,9}(,\d{1,9}){4}(,[A-Za-z]+\d{0,7}){0,14}$/.test(text)) return null;
  const [vocab, context, width, heads, blocks] = parts.map(Number), rest = parts.slice(5), rank = rest.find(p => /^r\d+$/.test(p));
  return { vocab: vocab!, context: context!, width: width!, heads: heads!, blocks: blocks!, tied: rest.includes("tied"), noBias: rest.includes("nobias"), rank: rank ? Number(rank.slice(1)) : 0, targets: rest.filter(p => !/^r\d+$|^tied$|^nobias$/.test(p)) };
}
const written = (s: Sizes) => [s.vocab, s.context, s.width, s.heads, s.blocks, ...(s.tied ? ["tied"] : []), ...(s.noBias ? ["nobias"] : []), ...(s.rank ? ["r" + s.rank, ...s.targets] : [])].join(",");

export async function paramsScreen(main: HTMLElement): Promise<boolean> {
  const net = place.net, wanted = net ? sizes(net) : null;
  document.title = "Parameters · pedestrian studio";
  if (!$("#ledger", main)) frame(main);
  let h: Counted;
  try {
    h = (await ask<Counted>("params", { state: place.state, ...(wanted ? { sizes: wanted } : {}) })).header;
  } catch (e) { // sizes that no network has: what was counted stays
    const m = (e as Error).message;
    $("#params-error")!.textContent = m[0]!.toUpperCase() + m.slice(1) + ".";
    $("#ledger")!.classList.add("pale");
    return true;
  }
  if (net !== place.net) return true;
  $("#params-error")!.textContent = net && !wanted ? "These are no sizes: they are five numbers with commas between." : "";
  $("#ledger")!.classList.remove("pale");
  fill(h, !wanted);
  return true;
}

function frame(main: HTMLElement): void {
  main.replaceChildren(
    el("h1", {}, "Parameters"),
    el("p", { class: "lead" }, "Every number that training may change, term by term, as section 7 of the paper counts them. Change a size, and the terms follow."),
    el("div", { class: "seg ui", role: "group", "aria-label": "network", id: "networks" }),
    el("form", { class: "sizes ui", id: "sizes", "aria-label": "sizes", onsubmit: (e: Event) => { e.preventDefault(); read(); } }),
    el("p", { class: "small note", role: "alert", id: "params-error" }),
    el("div", { id: "ledger" }));
}

/** read takes what stands in the fields into the address. */
function read(): void {
  const v = (id: string) => Math.max(0, Math.round(Number($<HTMLInputElement>("#size-" + id)!.value) || 0)), on = (id: string) => $<HTMLInputElement>("#size-" + id)!.checked;
  const targets = [...document.querySelectorAll<HTMLInputElement>("#sizes input[name=target]:checked")].map(i => i.value);
  go({ net: written({ vocab: v("vocab"), context: v("context"), width: v("width"), heads: v("heads"), blocks: v("blocks"), tied: on("tied"), noBias: on("nobias"), rank: v("rank"), targets }) }, true);
}

function fill(h: Counted, here: boolean): void {
  const s = h.sizes, same = (a: Sizes) => written({ ...a, rank: 0 }) === written({ ...s, rank: 0 }), released = { ...h.paper, tied: true, targets: ["qkv", "attProj", "expand", "contract"] };
  $("#networks")!.replaceChildren(...([["This network", here, ""], ["The paper’s", !here && same(h.paper), written(h.paper)], ["GPT-2 as released", !here && same(released), written(released)]] as [string, boolean, string][]).map(([t, on, net]) =>
    el("button", { type: "button", "aria-pressed": String(on), onclick: () => { go({ net }); say(t); } }, t)));
  const form = $("#sizes")!, focus = document.activeElement instanceof HTMLInputElement && form.contains(document.activeElement) ? document.activeElement.id : "";
  const number = (id: string, label: string, value: number) => el("label", {}, label, el("input", { type: "number", id: "size-" + id, min: id === "rank" ? 0 : 1, max: 10000000, step: 1, value, onchange: read }));
  const box = (id: string, label: string, on: boolean, value = id, name = "") => el("label", { class: "check" }, el("input", { type: "checkbox", id: "size-" + id, checked: on, value, name: name || null, onchange: read }), label);
  form.replaceChildren(
    el("div", { class: "fields" }, ...fields.map(([k, label]) => number(k, label, s[k])), box("tied", "tied logits", s.tied), box("nobias", "no biases", s.noBias)),
    el("fieldset", { class: "fields" }, el("legend", {}, "adapter (LoRA) beside"), number("rank", "rank, r", s.rank), ...h.layers.flatMap(t => t === "q" ? ["q", "k", "v", "qkv"] : ["k", "v"].includes(t) ? [] : [t]).map(t => box("t-" + t, t, s.targets.includes(t), t, "target"))));
  if (focus) $(`#${focus}`)?.focus();
  const most = Math.max(...h.ledger.map(t => t.total), ...(h.adapter ?? []).map(t => t.total));
  const table = (terms: Term[], total: number, label: string) => scroller(label, el("table", { class: "plain ledger" },
    el("caption", { class: "sr" }, label),
    el("thead", {}, el("tr", {}, ...["layer", "formula", "each", "times", "in all", "share"].map((t, i) => el("th", { scope: "col", class: i > 1 && i < 5 ? "r" : "" }, t)), el("td"))),
    el("tbody", {}, ...terms.map(t => el("tr", {}, el("th", { scope: "row" }, t.name), el("td", {}, t.formula), el("td", { class: "r" }, grouped(t.count)), el("td", { class: "r" }, t.times > 1 ? `× ${t.times}` : ""), el("td", { class: "r", "data-total": t.total }, grouped(t.total)), el("td", {}, percent(t.total / h.total)),
      el("td", { class: "portion" }, el("span", { "aria-hidden": "true", css: { width: `${100 * t.total / most}%` } }))))),
    el("tfoot", {}, el("tr", {}, el("th", { scope: "row" }, "in all"), el("td"), el("td"), el("td"), el("td", { class: "r", "data-sum": total }, grouped(total)), el("td", {}, percent(total / h.total)), el("td")))));
  $("#ledger")!.replaceChildren(
    el("p", { class: "total" }, el("b", { id: "total" }, grouped(h.total)), " parameters", h.inMemory ? el("span", { class: "small" }, h.inMemory === h.total ? ` the same as the ${grouped(h.inMemory)} numbers that this page holds ✓` : ` but this page holds ${grouped(h.inMemory)} numbers ≠`) : ""),
    table(h.ledger, h.total, "the network"),
    el("h2", {}, "What the paper asks of them"),
    el("table", { class: "plain figures" }, el("tbody", {}, ...h.figures.map(f => el("tr", {}, el("th", { scope: "row" }, f.name), el("td", { class: "r" }, grouped(f.count)), el("td", {}, f.share ? percent(f.share) : ""))))),
    ...(h.adapter ? [el("h2", {}, "The adapter"), el("p", {}, `Of rank ${s.rank}, beside ${s.targets.join(", ")}: it trains ${grouped(h.trained)} numbers, ${percent(h.trained / h.total)} of the network, which stays frozen.`), table(h.adapter, h.trained, "the adapter")] : []),
    ...(here ? [el("h2", {}, "Every one of them, here"), el("p", {}, "Each leads to its numbers and its gradient."), parameters()] : [el("p", { class: "small links" }, el("a", { href: link({ ...place, net: "" }) }, "The parameters of this page's own network"))]));
}

/** parameters are the tensors of this page's network. */
const parameters = () => scroller("tensors", el("table", { class: "plain tensors" },
  el("thead", {}, el("tr", {}, el("td"), ...["where", "what", "shape", "numbers", "norm", "norm of its gradient"].map((t, i) => el("th", { scope: "col", class: i > 1 ? "r" : "" }, t)))),
  el("tbody", {}, ...opened.nodes.filter(n => n.kind === "parameter").map(n => el("tr", {}, el("td", { class: "v" }, el("a", { href: toScreen("node", n.id) }, math(n.math), el("span", { class: "sr" }, n.symbol))), el("td", {}, n.at), el("td", {}, n.title ?? ""), el("td", { class: "r" }, `${n.rows}×${n.cols}`), el("td", { class: "r" }, String(n.rows * n.cols)), el("td", { class: "r" }, sig(norm(n.id))), el("td", { class: "r e" }, n.partner && node(n.partner) ? sig(norm(n.partner)) : ""))))));
