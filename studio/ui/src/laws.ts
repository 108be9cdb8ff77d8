// Laws: what both passes obey, with a number to turn and a way to break it.

import { ask } from "./core.js";
import { $, el, math, say, scroller, keys } from "./dom.js";
import { equations } from "./node.js";
import { sig } from "./number.js";
import { panel, type Panel } from "./panel.js";
import { go, link, place, toScreen } from "./state.js";
import { opened } from "./store.js";

export interface Claim { what: string; value: number | string; limit: number | string; above?: boolean; ok: boolean }
interface Knob { label: string; min: number; max: number; step: number; start: number }
interface Law { id: string; title: string; says: string; eqs: string[]; identities: string[]; erratum?: string; head: boolean; knob: Knob; break: string; broken: string }
interface Shown extends Law { at: number; reading?: string; claims: Claim[] | null; holds: boolean; panels: Panel[] }
interface Identity { id: string; title: string; eqs: string; claims?: Claim[]; reason?: string; ok: boolean; case?: string }

let all: { laws: Law[]; identities: Identity[] } | null = null;
const done = new Map<string, Identity>(); // what does not depend on the sentence is evaluated once

export const number = (x: number | string) => typeof x === "number" ? sig(x, 2) : x;

/** claims are a table of what was claimed and what is. */
export const claims = (cs: Claim[]) => scroller("claims", el("table", { class: "plain claims" },
  el("thead", {}, el("tr", {}, el("th", { scope: "col" }, "claim"), el("th", { scope: "col", class: "r" }, "is"), el("th", { scope: "col", class: "r" }, "limit"), el("th", { scope: "col" }, "verdict"))),
  el("tbody", {}, ...cs.map(c => el("tr", { class: c.ok ? "" : "broken" }, el("td", { class: "what" }, c.what), el("td", { class: "r" }, number(c.value)), el("td", { class: "r" }, c.limit === 0 && !c.above ? "exactly 0" : `${c.above ? "≥" : "≤"} ${number(c.limit)}`), el("td", {}, c.ok ? "✓ holds" : "≠ does not hold"))))));

/** equationLinks are chips that lead to equations. */
export const equationLinks = (eqs: string[]) => eqs.map(e => el("a", { class: "chip", href: toScreen("equations", e) }, `(${e})`));

export async function laws(main: HTMLElement, id: string): Promise<boolean> {
  all ??= (await ask<{ laws: Law[]; identities: Identity[] }>("laws")).header;
  if (!id) { list(main); return true; }
  const law = all.laws.find(l => l.id === id);
  if (!law) return false;
  const head = Math.min(place.head, opened.model.config.heads - 1), block = Math.min(place.block, opened.model.config.blocks - 1);
  const asked = JSON.stringify([place.state, place.knob, place.broken, head, block]);
  const { header: h, numbers } = await ask<Shown>("law", { state: place.state, id, broken: place.broken, head, block, ...(place.knob != null ? { knob: place.knob } : {}) });
  if (asked !== JSON.stringify([place.state, place.knob, place.broken, head, block])) return true;
  if (!$("#law", main) || $("#law", main)!.dataset.id !== id) frame(main, h);
  fill(h, numbers, head);
  return true;
}

/** frame is what stays while the knob turns. */
function frame(main: HTMLElement, h: Shown): void {
  document.title = h.title + " · pedestrian studio";
  const at = all!.laws.findIndex(l => l.id === h.id), to = (k: number, words: string) => { const l = all!.laws[at + k]; return l ? el("a", { href: link({ ...place, path: ["laws", l.id], knob: null, broken: false }) }, `${words}${l.title}`) : ""; };
  const knob = el("input", { type: "range", id: "knob", min: h.knob.min, max: h.knob.max, step: h.knob.step, oninput: (e: Event) => go({ knob: Number((e.target as HTMLInputElement).value) }, true) });
  main.replaceChildren(
    el("p", { class: "small crumb" }, el("a", { href: link({ ...place, path: ["laws"] }) }, "Laws"), ` ${at + 1} of ${all!.laws.length}`),
    el("h1", {}, h.title),
    el("p", { class: "lead" }, h.says),
    el("p", { class: "eqline" }, ...equationLinks(h.eqs).flatMap(a => [a, " "]), ...h.identities.flatMap(i => [el("span", { class: "chip" }, i), " "]), h.erratum ? el("a", { class: "chip", href: toScreen("errata", h.erratum) }, `erratum ${h.erratum}`) : ""),
    el("div", { class: "bigmath scroll", tabindex: 0, role: "group", "aria-label": "equation", id: "law-eq" }),
    el("section", { id: "law", "data-id": h.id, "aria-label": "demonstration" },
      el("div", { class: "law-bar ui" },
        el("span", { id: "law-heads" }),
        el("label", { for: "knob" }, h.knob.label), knob, el("output", { for: "knob", id: "knob-at" }),
        el("button", { type: "button", id: "break", onclick: () => go({ broken: !place.broken }, true) })),
      el("p", { class: "small", id: "reading" }),
      el("div", { id: "law-verdict", role: "status" }),
      el("div", { id: "law-claims" }),
      el("div", { class: "panels", id: "panels" })),
    el("p", { class: "small links" }, to(-1, "← "), at > 0 && at + 1 < all!.laws.length ? " · " : "", to(1, "→ ")),
    el("p", { class: "foot ui" }, ...keys([["← →", "turn the knob"], ["b", "break it, and mend it"], ["n p", "next, previous law"]])));
  void equations().then(es => { const e = es.get(h.eqs[0]!), box = $("#law-eq"); if (e && box) box.replaceChildren(math(e.math)); });
}

function fill(h: Shown, numbers: Float64Array, head: number): void {
  const knob = $<HTMLInputElement>("#knob")!, button = $("#break")!, heads = opened.model.config.heads;
  knob.max = String(h.knob.max);
  knob.value = String(h.at);
  $("#knob-at")!.textContent = sig(h.at);
  knob.setAttribute("aria-valuetext", h.reading ?? sig(h.at));
  $("#reading")!.textContent = h.reading ?? "";
  $("#law-heads")!.replaceChildren(...(h.head && heads > 1 ? [el("span", { class: "seg", role: "group", "aria-label": "head" }, ...Array.from({ length: heads }, (_, k) => el("button", { type: "button", "aria-pressed": String(k === head), onclick: () => go({ head: k }) }, `Head ${k}`)))] : []));
  button.textContent = place.broken ? "Mend it" : h.break;
  button.setAttribute("aria-pressed", String(place.broken));
  const v = $("#law-verdict")!, words = h.holds ? "It holds." : place.broken ? "It is broken." : "It does not hold here.";
  v.className = "verdict " + (h.holds ? "right" : "wrong");
  v.replaceChildren(el("h2", {}, words), el("p", {}, place.broken ? h.broken : h.holds ? "Turn the knob: the numbers change, and what is claimed stays." : "Numbers that were edited by hand do not follow from the others."));
  $("#law-claims")!.replaceChildren(claims(h.claims ?? []));
  $("#panels")!.replaceChildren(...h.panels.map(p => panel(p, numbers)));
}

function list(main: HTMLElement): void {
  document.title = "Laws · pedestrian studio";
  const sum = el("p", { class: "small", role: "status", id: "sum" });
  const cells = (i: Identity | undefined) => !i ? [el("td"), el("td", { class: "r" }), el("td")] : i.claims?.length ? [el("td", {}, i.case ?? ""), el("td", { class: "r" }, String(i.claims.length)), el("td", {}, i.ok ? "✓ holds" : "≠ does not hold")] : [el("td"), el("td"), el("td", {}, i.reason ?? "")];
  main.replaceChildren(
    el("h1", {}, "Laws"),
    el("p", { class: "lead" }, "What both passes obey, whatever the numbers are. Turn a knob, and it still holds; press a button, and see it break. All of it is computed now, on this sentence."),
    el("ol", { class: "laws" }, ...all!.laws.map(l => el("li", {}, el("a", { href: link({ ...place, path: ["laws", l.id], knob: null, broken: false }) }, l.title), el("span", { class: "small" }, l.says), el("span", { class: "eqline" }, ...equationLinks(l.eqs).flatMap(a => [a, " "]))))),
    el("h2", {}, `All ${all!.identities.length} identities`),
    el("p", {}, "The same that ", el("code", { class: "code" }, "pedestrian verify"), " evaluates, each at the first of its networks that has the parts: R and X are the paper's, Y those of the Llama family."), sum,
    scroller("identities", el("table", { class: "plain identities" },
      el("thead", {}, el("tr", {}, ...["", "it says", "equations", "network", "claims", "verdict"].map((t, k) => t ? el("th", { scope: "col", class: k === 4 ? "r" : "" }, t) : el("td")))),
      el("tbody", {}, ...all!.identities.map(i => el("tr", { "data-id": i.id }, el("th", { scope: "row" }, i.id), el("td", { class: "what" }, i.title), el("td", {}, i.eqs), ...cells(done.get(i.id))))))));
  const total = () => { const e = [...done.values()], n = e.filter(i => i.claims?.length); if (sum.isConnected) sum.textContent = `${e.length} of ${all!.identities.length} evaluated, ${n.reduce((s, i) => s + i.claims!.length, 0)} claims: ${n.every(i => i.ok) ? "all hold" : n.filter(i => !i.ok).map(i => i.id).join(", ") + " do not hold"}.`; };
  total();
  void (async () => {
    await new Promise(r => setTimeout(r, 300)); // the page comes first
    for (const i of all!.identities) {
      if (!sum.isConnected) return;
      if (done.has(i.id)) continue;
      const { header } = await ask<Identity>("identity", { id: i.id });
      done.set(i.id, header);
      const tr = $(`tr[data-id="${i.id}"]`);
      if (!sum.isConnected || !tr) return;
      while (tr.children.length > 3) tr.lastChild!.remove();
      tr.append(...cells(header));
      total();
    }
  })();
}

/** lawKey handles a key of the screen. */
export function lawKey(e: KeyboardEvent): boolean {
  if (place.path[0] !== "laws" || !all) return false;
  const at = all.laws.findIndex(l => l.id === place.path[1]);
  if (e.key === "b" && at >= 0) { $<HTMLButtonElement>("#break")?.click(); say(place.broken ? "broken" : "mended"); return true; }
  if (e.key !== "n" && e.key !== "p") return false;
  const l = all.laws[Math.max(0, at + (e.key === "n" ? 1 : -1))];
  if (l) go({ path: ["laws", l.id], knob: null, broken: false });
  return true;
}
