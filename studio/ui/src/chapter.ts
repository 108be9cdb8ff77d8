// A place of a chapter, as the core took it apart.

import { ask, type Passage, type Span } from "./core.js";
import { el, math, scroller } from "./dom.js";
import { toScreen } from "./state.js";

/** Leads says where a link of a chapter goes; "" where it leads to nothing that is here. */
type Leads = (s: Span) => string;
const equation: Leads = s => s.to ? toScreen("equations", s.to) : "";

const inline = (s: Span, leads: Leads): HTMLElement | string => s.kind === "math" ? math(s.text) : s.kind === "code" ? el("code", { class: "code" }, s.text) : s.kind === "strong" ? el("strong", {}, s.text) : s.kind === "em" ? el("em", {}, s.text)
  : s.kind === "link" && leads(s) ? el("a", { href: leads(s) }, s.text) : s.text;

/** passage is a part of a chapter; its headings are of a level. */
export function passage(p: Passage, leads = equation, heading: "h2" | "h3" = "h3"): HTMLElement {
  const line = (s: Span[] | undefined) => (s ?? []).map(x => inline(x, leads));
  switch (p.kind) {
    case "h": return el(heading, {}, ...line(p.spans));
    case "math": return scroller("formula", math(p.text!));
    case "drawing": return el("figure", { class: "drawing" }, el("img", { src: p.image!, alt: p.text! }));
    case "code": return el("pre", { tabindex: 0, class: "scroll" }, el("code", { class: "code" }, p.text!));
    case "list": return el(p.start ? "ol" : "ul", p.start ? { start: p.start } : {}, ...p.rows!.map(r => el("li", {}, ...line(r[0]))));
    case "table": return scroller("table", el("table", { class: "plain" }, el("tbody", {}, ...p.rows!.map((r, i) => el("tr", {}, ...r.map(c => el(i || (c ?? []).every(x => x.kind === "math" || !x.text.trim()) ? "td" : "th", {}, ...line(c))))))));
  }
  return el("p", {}, ...line(p.spans));
}

/** derivation fills box with how an equation is derived. */
export async function derivation(box: HTMLElement, number: string): Promise<void> {
  const { header } = await ask<{ passages: Passage[] | null }>("derivation", { id: number });
  if (box.isConnected) box.replaceChildren(el("h2", {}, "Derivation"), ...(header.passages ?? []).map(p => passage(p)));
}
