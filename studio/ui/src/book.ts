// The book: the chapters of the derivation, each equation beside what it is here and now.

import { ask, type Node, type Passage, type Span } from "./core.js";
import { $, el, math, say } from "./dom.js";
import { spokenSymbol } from "./grid.js";
import { passage } from "./chapter.js";
import { equations } from "./node.js";
import { map } from "./ramp.js";
import { go, link, place, toScreen } from "./state.js";
import { here, hiddenIn, hue, largest, opened, values } from "./store.js";

interface BookEquation { number: string; title: string; anchor: string }
interface Chapter { file: string; title: string; equations: BookEquation[] }
interface Hit { file: string; title: string; anchor: string; before: string; found: string; after: string }

let chapters: Chapter[] | null = null;
const read = new Map<string, Promise<Passage[]>>();
const to = (file: string, anchor = "") => link({ ...place, path: anchor ? ["book", file, anchor] : ["book", file], row: "", cell: [0, 0], answer: "" });

export async function bookScreen(main: HTMLElement, file: string, anchor: string): Promise<boolean> {
  chapters ??= (await ask<{ chapters: Chapter[] }>("book")).header.chapters;
  if (!file) { index(main); return true; }
  const c = chapters.find(x => x.file === file);
  if (!c) return false;
  if (!read.has(file)) read.set(file, ask<{ passages: Passage[] }>("chapter", { id: file }).then(a => a.header.passages));
  const passages = await read.get(file)!;
  if (place.path[1] !== file) return true;
  if ($("#book", main)?.dataset.file !== file) draw(main, c, passages);
  live(main, c);
  const at = anchor ? document.getElementById("at-" + anchor) : null;
  if (anchor && !at) return false;
  if (at && main.dataset.at !== `${file} ${anchor}`) requestAnimationFrame(() => { at.scrollIntoView({ block: "start" }); at.focus({ preventScroll: true }); });
  main.dataset.at = `${file} ${anchor}`;
  return true;
}

function index(main: HTMLElement): void {
  document.title = "Book · pedestrian studio";
  delete main.dataset.at;
  if ($("#chapters", main)) return;
  const hits = el("ol", { class: "hits" }), said = el("p", { class: "small", role: "status", id: "found" });
  let timer = 0;
  const look = async (text: string) => {
    hits.replaceChildren(); said.textContent = "";
    if (text.trim().length < 2) return;
    const { header } = await ask<{ hits: Hit[] }>("search", { answer: text });
    if (text !== input.value) return;
    said.textContent = header.hits.length === 40 ? "The first 40 places:" : `${header.hits.length || "No"} ${header.hits.length === 1 ? "place" : "places"}`;
    hits.replaceChildren(...header.hits.map(h => el("li", {}, el("a", { href: to(h.file, h.anchor) }, h.title), el("span", { class: "small" }, h.before, el("mark", {}, h.found), h.after))));
  };
  const input = el("input", { type: "search", id: "search", maxlength: 60, value: place.answer, oninput: () => { clearTimeout(timer); timer = window.setTimeout(() => { go({ answer: input.value.trim() }, true); void look(input.value); }, 150); } });
  main.replaceChildren(
    el("h1", {}, "The book"),
    el("p", { class: "lead" }, `How every gradient comes about, from the dot product to the whole network. Read it from the first chapter to the last; each of the ${chapters!.reduce((n, c) => n + c.equations.length, 0)} equations stands at its place, beside the numbers that it makes on this page.`),
    el("div", { class: "law-bar ui", role: "search" }, el("label", { for: "search" }, "Find"), input), said, hits,
    el("ol", { class: "chapters", id: "chapters" }, ...chapters!.map(c => el("li", {}, el("h2", {}, el("a", { href: to(c.file) }, c.title)),
      el("ol", { class: "places" }, ...c.equations.map(e => el("li", {}, el("a", { href: to(c.file, e.anchor), "data-eq": e.number }, el("span", { class: "chip" }, `(${e.number})`), ` ${e.title}`))))))));
  if (place.answer) void look(place.answer);
}

function draw(main: HTMLElement, c: Chapter, passages: Passage[]): void {
  document.title = c.title + " · pedestrian studio";
  const k = chapters!.indexOf(c), leads = (s: Span) => chapters!.some(x => x.file === (s.book || c.file)) ? to(s.book || c.file, s.anchor) : s.book === "errata" ? link({ ...place, path: s.anchor && /^[a-z]\d+$/.test(s.anchor) ? ["errata", s.anchor.toUpperCase()] : ["errata"], row: "", cell: [0, 0] }) : s.to ? toScreen("equations", s.to) : "";
  const turn = () => el("nav", { class: "turn ui", "aria-label": "chapters" }, ...[[k - 1, "← "], [k + 1, "→ "]].map(([i, a]) => { const x = chapters![i as number]; return x ? el("a", { href: to(x.file) }, `${a}${x.title}`) : el("span"); }));
  const parts: HTMLElement[] = []; // from one equation to the next, with its margin
  let column = el("div", { class: "column" });
  parts.push(el("div", { class: "part" }, column));
  for (const [i, p] of passages.entries()) {
    const eqs = c.equations.filter(e => p.anchors?.includes(e.anchor));
    if (eqs.length) {
      column = el("div", { class: "column" });
      parts.push(el("div", { class: "part" }, column, el("aside", { class: "live", "aria-label": `here: ${eqs.map(e => `(${e.number})`).join(", ")}`, "data-eqs": eqs.map(e => e.number).join(" ") })));
    }
    column.append(...(p.anchors ?? []).map(a => el("span", { class: "anchor", id: "at-" + a, tabindex: -1 })), i === 0 && p.kind === "h" ? el("h1", {}, c.title) : passage(p, leads, "h2"));
  }
  main.replaceChildren(
    el("p", { class: "small crumb" }, el("a", { href: link({ ...place, path: ["book"], row: "", cell: [0, 0], answer: "" }) }, "The book"), ` ${k + 1} of ${chapters!.length}`),
    el("article", { class: "chapter book", id: "book", "data-file": c.file }, ...parts), turn(),
    el("p", { class: "foot ui" }, el("span", {}, el("kbd", {}, "n"), " ", el("kbd", {}, "p"), " next, previous chapter"), el("span", {}, "beside the text: the same tensors in this network")));
}

/** live fills the margin: what the equations make here. */
function live(main: HTMLElement, c: Chapter): void {
  const at = `b${Math.min(place.block, opened.model.config.blocks - 1)}.`, head = here("b{b}.h{h}.");
  const mine = (n: Node) => !/^b\d+\./.test(n.id) || (/^b\d+\.h\d+\./.test(n.id) ? n.id.startsWith(head) : n.id.startsWith(at));
  const key = JSON.stringify([place.state, at, head]);
  for (const box of main.querySelectorAll<HTMLElement>(".live")) {
    const numbers = box.dataset.eqs!.split(" ");
    const found = opened.nodes.filter(n => n.eq && numbers.includes(n.eq) && mine(n) && n.rows * n.cols <= 4096).slice(0, 4);
    box.replaceChildren(
      el("p", { class: "eqline" }, ...numbers.flatMap(n => [el("a", { class: "chip", href: toScreen("equations", n), title: c.equations.find(e => e.number === n)!.title }, `(${n})`), " "]), el("span", { class: "do" })),
      ...found.map(n => {
        const px = Math.max(1.5, Math.min(7, Math.floor(120 / n.cols), Math.floor(90 / n.rows))), hidden = hiddenIn(n), back = hue(n) === "error";
        return el("a", { class: "livemap " + (back ? "e" : "v"), href: toScreen("node", n.id), "aria-label": `${spokenSymbol(n)}, ${n.at}: its numbers` }, map(values(n.id), n.rows, n.cols, px, hue(n), { max: largest(n.id), theorem: back, ...(hidden ? { hidden } : {}) }), math(n.math));
      }));
  }
  void equations().then(all => {
    for (const box of main.querySelectorAll<HTMLElement>(".live")) {
      const xs = box.dataset.eqs!.split(" ").flatMap(n => all.get(n)?.exercises ?? []).slice(0, 1);
      $(".do", box)?.replaceChildren(...xs.map(x => el("a", { class: "small", href: link({ ...place, path: ["derive", x], row: "", cell: [0, 0], answer: "" }) }, "derive it")));
    }
  });
  main.dataset.live = key;
}

/** bookKey turns to the next or the previous chapter. */
export function bookKey(e: KeyboardEvent): boolean {
  if (e.key !== "n" && e.key !== "p" || !chapters) return false;
  const k = chapters.findIndex(c => c.file === place.path[1]) + (e.key === "n" ? 1 : -1), c = chapters[k];
  if (!c) return false;
  go({ path: ["book", c.file], row: "", cell: [0, 0], answer: "" });
  say(c.title);
  return true;
}
