// The errata of the paper, with the counter-examples that run.

import { ask, type Passage, type Span } from "./core.js";
import { $, $$, el } from "./dom.js";
import { passage } from "./chapter.js";
import { claims, type Claim } from "./laws.js";
import { link, place, toScreen } from "./state.js";

let page: Passage[] | null = null;
const done = new Map<string, Claim[]>();

export async function errataScreen(main: HTMLElement, code: string): Promise<boolean> {
  page ??= (await ask<{ passages: Passage[] }>("chapter", { id: "errata" })).header.passages;
  if (place.path[0] !== "errata") return true;
  if (!$("#errata", main)) draw(main);
  const at = code ? document.getElementById("at-" + code.toLowerCase()) ?? $$("#errata li, #errata p").find(e => e.textContent!.startsWith(code.toUpperCase() + ".")) : null;
  if (code && !at) return false;
  if (at && main.dataset.at !== "errata " + code) requestAnimationFrame(() => at.scrollIntoView({ block: "start" }));
  main.dataset.at = "errata " + code;
  return true;
}

function draw(main: HTMLElement): void {
  document.title = "Errata · pedestrian studio";
  const leads = (s: Span) => s.book === "" || s.book == null ? s.to ? toScreen("equations", s.to) : s.anchor ? toScreen("errata", s.anchor) : "" : /^\d\d-/.test(s.book) ? link({ ...place, path: s.anchor ? ["book", s.book, s.anchor] : ["book", s.book], row: "" }) : "";
  const parts: HTMLElement[] = [], boxes: [string, HTMLElement][] = [];
  for (const [i, p] of page!.entries()) {
    parts.push(...(p.anchors ?? []).map(a => el("span", { class: "anchor", id: "at-" + a, tabindex: -1 })), i === 0 && p.kind === "h" ? el("h1", {}, "Errata") : passage(p, leads, "h2"));
    const s = p.kind === "h" ? p.anchors?.find(a => /^s\d+$/.test(a)) : undefined;
    if (s) {
      const box = el("div", { class: "counter", "data-code": s.toUpperCase() }, el("p", { class: "small" }, "Counter-example: …"));
      parts.push(box); boxes.push([s.toUpperCase(), box]);
    }
  }
  main.replaceChildren(el("article", { class: "chapter", id: "errata" }, ...parts));
  void (async () => {
    for (const [code, box] of boxes) {
      if (!box.isConnected) return;
      if (!done.has(code)) done.set(code, (await ask<{ claims: Claim[] }>("counterexample", { id: code })).header.claims);
      box.replaceChildren(el("p", { class: "small" }, "The counter-example, computed now:"), claims(done.get(code)!));
    }
  })();
}
