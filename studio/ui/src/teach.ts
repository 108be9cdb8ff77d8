// A lesson of 90 minutes to be held, and the path of exercises.

import { ask, type Passage } from "./core.js";
import { $, $$, el, say } from "./dom.js";
import { passage } from "./chapter.js";
import { list } from "./derive.js";
import { go, link, place } from "./state.js";

interface Item { passage?: Passage; command?: string; output?: string; id?: string; answer?: string }
interface Step { kind: string; items: Item[] }
interface Part { from: number; to: number; title: string; steps: Step[] }
interface Sheet { id: string; title: string; text?: Passage[] }
interface Plan { title: string; before: Passage[]; parts: Part[]; after: Part[]; sheets: Sheet[] }

let plan: Plan | null = null, begun = 0;
const to = (path: string[]) => link({ ...place, path, row: "", cell: [0, 0], answer: "" });

/** A Slide is a step of the plan as the class sees it; what is hidden comes one by one. */
interface Slide { part: Part; shown: Item[]; hidden: Item[][] }

function slides(p: Plan): Slide[] {
  const all: Slide[] = [];
  for (const part of p.parts) for (const s of part.steps) {
    const last = all.at(-1);
    if (s.kind === "fail" && last?.part === part) { last.hidden.push(s.items); continue; } // for the teacher: last
    const slide: Slide = { part, shown: [], hidden: [] };
    for (const i of s.items) {
      if (i.command) { slide.shown.push({ command: i.command, ...(i.id ? { id: i.id } : {}), ...(i.answer ? { answer: i.answer } : {}) }); slide.hidden.push([i]); } else if (slide.hidden.length) slide.hidden.push([i]); else slide.shown.push(i);
    }
    all.push(slide);
  }
  return all;
}

const minutes = (p: Part) => `minutes ${p.from} to ${p.to}`;
const output = (i: Item) => el("pre", { tabindex: 0, class: "scroll out" }, el("code", { class: "code" }, i.output!));
const command = (i: Item) => el("p", { class: "command" }, el("code", { class: "code" }, "$ " + i.command), i.id ? el("a", { class: "small", href: link({ ...place, path: ["derive", i.id], row: "", cell: [0, 0], answer: i.answer ?? "" }) }, "try it here") : null);
const item = (i: Item): HTMLElement[] => i.passage ? [passage(i.passage)] : [command(i), ...(i.output ? [output(i)] : [])];

export async function teachScreen(main: HTMLElement, a: string, b: string): Promise<boolean> {
  if (a === "path") { document.title = "Two hours · pedestrian studio"; await list(main, "A path of two hours", "From a dot product to a whole head, and beyond: section after section, in this order.", true); return true; }
  plan ??= (await ask<Plan>("plan")).header;
  if (a === "present") return present(main, plan, b || "1");
  if (a === "sheet") return sheet(main, b);
  if (a) return false;
  document.title = "Teach · pedestrian studio";
  main.replaceChildren(el("h1", {}, plan.title),
    el("p", { class: "links noprint" }, el("a", { class: "button", href: to(["teach", "present", "1"]) }, "Present it"), " ", el("a", { href: to(["teach", "path"]) }, "A path of two hours, alone"), " · ", ...plan.sheets.flatMap((s, i) => [i ? " · " : "", el("a", { href: to(["teach", "sheet", s.id]) }, s.id === "solutions" ? "Solutions" : `Worksheet ${s.id}`)]), " · ", el("a", { href: to(["bug"]) }, "Find the bug")),
    el("ol", { class: "plan noprint" }, ...plan.parts.map(p => el("li", {}, el("a", { href: to(["teach", "present", String(slides(plan!).findIndex(s => s.part === p) + 1)]) }, el("span", { class: "min" }, `${p.from}–${p.to}`), p.title)))),
    el("div", { class: "chapter handout" }, ...plan.before.map(p => passage(p)), ...[...plan.parts, ...plan.after].flatMap(p => [el("h2", {}, p.to ? el("span", { class: "min" }, `${p.from}–${p.to}`) : null, p.title), ...p.steps.flatMap(s => s.items.flatMap(item))])));
  return true;
}

async function sheet(main: HTMLElement, id: string): Promise<boolean> {
  if (id !== "all" && !plan!.sheets.some(s => s.id === id)) return false;
  const pages = await Promise.all(plan!.sheets.filter(s => id === "all" ? s.id !== "solutions" : s.id === id).map(s => ask<Sheet>("sheet", { id: s.id })));
  document.title = (pages.length === 1 ? pages[0]!.header.title : "Worksheets") + " · pedestrian studio";
  main.replaceChildren(el("p", { class: "crumb small noprint" }, el("a", { href: to(["teach"]) }, plan!.title)), ...(id === "all" ? [el("h1", { class: "noprint" }, "Worksheets")] : []),
    el("p", { class: "acts noprint" }, el("button", { type: "button", class: "primary", id: "print", onclick: () => print() }, "Print"), el("a", { class: "small mid", href: to(["teach", "sheet", id === "all" ? "1" : "all"]) }, id === "all" ? "one alone" : "all four")),
    ...pages.map(({ header: p }) => el("section", { class: "chapter sheet", "aria-label": p.title }, el(id === "all" ? "h2" : "h1", {}, p.title), ...p.text!.map(p => passage(p)))));
  return true;
}

function present(main: HTMLElement, p: Plan, at: string): boolean {
  const all = slides(p), k = Number(at);
  if (!/^\d{1,3}$/.test(at) || k < 1 || k > all.length) return false;
  const s = all[k - 1]!, row = Math.min(Number(/^\d{1,3}$/.test(place.row) ? place.row : 0), s.hidden.length), before = all[k - 2];
  begun ||= Date.now();
  document.title = `${s.part.title} · pedestrian studio`;
  const hidden = s.hidden.map((items, i) => { // the output of a command stands under its command
    const box = el("div", { class: "reveal", "data-k": String(i), hidden: i >= row }, ...items.flatMap(x => x.command ? x.output ? [output(x)] : [] : item(x)));
    return box;
  });
  const shown: HTMLElement[] = [];
  let next = 0;
  for (const i of s.shown) { shown.push(...item(i)); if (i.command) shown.push(hidden[next++]!); }
  shown.push(...hidden.slice(next));
  const move = (d: number, text: string) => el("a", { href: to(["teach", "present", String(k + d)]), "aria-disabled": all[k - 1 + d] ? null : "true" }, text);
  main.replaceChildren(el("section", { class: "slide-page", id: "slide", "aria-label": s.part.title },
    el("p", { class: "small" }, minutes(s.part), before?.part === s.part ? "" : el("b", {}, " · begins here")), el("h1", {}, s.part.title), el("div", { class: "chapter" }, ...shown),
    row < s.hidden.length ? el("p", { class: "acts" }, el("button", { type: "button", class: "primary", id: "reveal", onclick: () => reveal(1) }, "Reveal"), el("span", { class: "small mid" }, "predict first; ", el("kbd", {}, "Space"), " reveals")) : el("p", { class: "small" }, s.hidden.length ? "All is shown." : "")),
    el("nav", { class: "foot ui", "aria-label": "slides" }, k > 1 ? move(-1, "Back") : el("span", {}, "Back"), el("span", {}, `${k} of ${all.length}`), k < all.length ? move(1, "Next") : el("span", {}, "The end"), el("span", { id: "clock" }, clock()), el("span", {}, el("kbd", {}, "Space"), " reveal"), el("span", {}, el("kbd", {}, "n"), " ", el("kbd", {}, "p"), " slides"), el("span", {}, el("kbd", {}, "Home"), " clock to 0"), el("a", { href: to(["teach"]) }, "Leave ", el("kbd", {}, "Esc"))));
  return true;
}

const clock = () => `minute ${Math.floor((Date.now() - begun) / 60000)}`;
setInterval(() => { const c = $("#clock"); if (c && c.textContent !== clock()) c.textContent = clock(); }, 5000);

function reveal(d: number): boolean {
  const n = $$(".reveal").length, row = Math.min(Number(place.row) || 0, n) + d;
  if (row < 0 || row > n) return false;
  go({ row: row ? String(row) : "" }, true);
  const now = $(`.reveal[data-k="${row - 1}"]`);
  if (d > 0 && now) { say(now.textContent!.slice(0, 300)); now.scrollIntoView({ block: "nearest" }); }
  return true;
}

/** teachKey steps through the slides: Space and n reveal what is hidden before they go on. */
export function teachKey(e: KeyboardEvent): boolean {
  if (place.path[0] !== "teach" || place.path[1] !== "present" || !plan) return false;
  if (e.key === " " && (e.target as HTMLElement).matches("button, a, summary")) return false;
  const k = Number(place.path[2] || 1), n = slides(plan).length;
  const slide = (to: number) => { if (to >= 1 && to <= n) go({ path: ["teach", "present", String(to)], row: "" }); return true; };
  switch (e.key) {
    case " ": return reveal(1) || slide(k + 1);
    case "n": case "PageDown": case "ArrowRight": return slide(k + 1);
    case "p": case "PageUp": case "ArrowLeft": return slide(k - 1);
    case "Backspace": return reveal(-1) || slide(k - 1);
    case "Home": begun = Date.now(); $("#clock")!.textContent = clock(); return true;
    case "Escape": go({ path: ["teach"], row: "" }); return true;
  }
  return false;
}
