// Exercises: type a gradient, and it is understood.

import { ask } from "./core.js";
import { $, el, math, say } from "./dom.js";
import { done, keep } from "./done.js";
import { go, link, place } from "./state.js";
import { lines } from "./lines.js";
import { equations } from "./node.js";

interface Title { id: string; title: string; section: string; level: string }
interface Given { name: string; math: string; meaning: string; shape: string; kind: string }
interface Exercise extends Title { ask: string; wanted: string; target?: string; names: Given[] | null; template?: string; choices?: string[]; hints: number; eq?: string; next?: string }
interface Looked { shape?: string; math?: string; message?: string; column?: number }
interface Graded { status: "right" | "wrong" | "refused"; id: string; message: string; column?: number; end?: number; echo?: string; shape?: string; repair?: string; math?: string; eq?: string; shows?: string[] }

let path: Title[] | null = null;
export async function derive(main: HTMLElement, id: string | undefined): Promise<boolean> {
  path ??= (await ask<{ exercises: Title[] }>("exercises")).header.exercises;
  if (!id) { document.title = "Derive · pedestrian studio"; await list(main, "Derive", "Type a gradient as a formula. It is compared with differences of the loss, so every right form counts; a wrong one is taken apart."); return true; }
  if (id === "check") return lines(main);
  if (!path.some(x => x.id === id)) return false;
  if (main.dataset.exercise === id && $("#exercise")) return true;
  const { header: x } = await ask<Exercise>("exercise", { id });
  show(main, x);
  main.dataset.exercise = id;
  return true;
}

/** list is the whole path; with course it says in each section what is done, and what comes next. */
export async function list(main: HTMLElement, heading: string, lead: string, course = false): Promise<void> {
  path ??= (await ask<{ exercises: Title[] }>("exercises")).header.exercises;
  const d = done(), sections = [...new Set(path.map(x => x.section))], next = path.find(x => !d.has(x.id)), of = (all: Title[]) => `${all.filter(x => d.has(x.id)).length} of ${all.length}`;
  main.replaceChildren(el("h1", {}, heading), el("p", { class: "lead" }, lead),
    el("p", { class: "small", id: "path-done" }, `${of(path)} done, on this machine.`),
    course ? el("p", { class: "acts" }, next ? el("a", { class: "button", href: link({ path: ["derive", next.id] }) }, `${d.size ? "Go on" : "Begin"}: ${next.title}`) : "All is done.", el("a", { class: "mid small", href: link({ path: ["bug"] }) }, "then: find the bug")) : "",
    course ? "" : el("p", { class: "links" }, el("a", { href: link({ path: ["derive", "check"] }) }, "Check a derivation, line by line")),
    el("div", { class: "sections" }, ...sections.map(s => { const all = path!.filter(x => x.section === s); return el("section", {}, el("h2", { class: "h3" }, s, course ? `, ${of(all)}` : ""), el("ol", { class: "path" }, ...all.map(x => el("li", { class: d.has(x.id) ? "done" : "" }, el("a", { href: link({ path: ["derive", x.id] }) }, x.title), d.has(x.id) ? el("span", { class: "sr" }, "done") : null)))); })));
}

function show(main: HTMLElement, x: Exercise): void {
  document.title = x.title + " · pedestrian studio";
  const d = done(), verdict = el("div", { id: "verdict", role: "status" });
  const near = path!.filter(y => y.section === x.section);
  const hints = el("ol", { class: "hints" });
  let shownHints = 0;
  const hintButton = el("button", { type: "button", onclick: async () => {
    const { header } = await ask<{ hint: string }>("hint", { id: x.id, hint: shownHints++ });
    hints.insertBefore(el("li", {}, el("b", {}, String(shownHints)), el("span", {}, header.hint)), hints.lastChild);
    say(header.hint);
    if (shownHints >= x.hints) hintButton.parentElement!.remove();
  } }, "Next hint");
  if (x.hints) hints.append(el("li", {}, el("b", {}, "?"), hintButton));
  main.replaceChildren(el("div", { class: "derive", id: "exercise" },
    el("nav", { class: "left", "aria-label": "exercises" }, el("h2", { class: "h3 first" }, x.section), el("ol", { class: "path" }, ...near.map(y => el("li", { class: d.has(y.id) ? "done" : "", "aria-current": y.id === x.id ? "step" : null }, el("a", { href: link({ path: ["derive", y.id] }) }, y.title)))), el("p", { class: "small" }, el("a", { href: link({ path: ["derive"] }) }, "The whole path"))),
    el("section", { class: "ask" }, el("h1", {}, x.title[0]!.toUpperCase() + x.title.slice(1)), el("p", { class: "lead" }, ...code(x.ask)), x.choices ? choices(x, verdict) : formula(x, verdict), verdict),
    el("aside", {}, ...(x.names ? given(x) : []), x.hints ? el("h2", { class: "h3" }, "Hints") : null, hints)));
}

/** code sets `…` and names with an underscore as code. */
export const code = (s: string) => s.split(/(`[^`]+`|\bdL\/d\w+|\b\w+_\w+\b'?)/).map((p, i) => i % 2 ? el("code", { class: "code" }, p.replaceAll("`", "")) : p);

const given = (x: Exercise) => [el("h2", { class: "h3 first" }, "Given"),
  el("table", { class: "plain given" }, el("tbody", {}, ...x.names!.map(g => el("tr", { title: g.meaning }, el("td", { class: g.kind === "error" ? "e" : "v" }, math(g.math)), el("td", {}, el("code", {}, g.name), el("span", { class: "sr" }, g.meaning)), el("td", { class: "r" }, g.shape.replace(/_rho/g, "_ρ")))))),
  el("p", { class: "small lang" }, ...code("`'` transposes, `@` multiplies matrices, `*` entry by entry, `~` repeats a vector; `sum_tokens(x)`, `rowdot(x, y)`."))];

function choices(x: Exercise, verdict: HTMLElement): HTMLElement {
  return el("div", { class: "choices", role: "group", "aria-label": "what is right?" }, ...x.choices!.map((c, i) => el("button", { type: "button", onclick: () => void grade(x, String(i + 1), verdict) }, el("b", {}, String(i + 1)), el("span", {}, ...code(c)))));
}

function formula(x: Exercise, verdict: HTMLElement): HTMLElement {
  const input = el("input", { id: "answer", spellcheck: "false", autocomplete: "off", autocapitalize: "off", maxlength: 4000, value: place.answer, "aria-describedby": "shape" });
  const caret = el("span", { hidden: true }, "▴"), echo = el("div", { class: "terms", id: "echo" }), shape = el("div", { class: "shape", id: "shape", role: "status" }), button = el("button", { class: "primary", type: "button", id: "check" }, "Check");
  let asked = 0;
  const look = async () => {
    const mine = ++asked, answer = input.value;
    verdict.replaceChildren(); verdict.className = "";
    if (!answer.trim()) { echo.replaceChildren(); caret.hidden = true; button.disabled = true; shape.textContent = "Type with the names that are given; Enter checks."; return; }
    const { header: l } = await ask<Looked>("shape", { id: x.id, answer });
    if (mine !== asked) return;
    if (l.math) echo.replaceChildren(math(l.math)); // else the last one that could be read stays, pale
    echo.classList.toggle("pale", !l.math);
    caret.hidden = !l.column;
    if (l.column) caret.style.marginLeft = `${l.column - 1}ch`;
    button.disabled = !!l.message;
    shape.textContent = l.message ? `column ${l.column}: ${l.message}` : `shape ${l.shape}${l.shape === x.wanted ? " ✓" : `; wanted is ${x.wanted}`}`;
  };
  const check = () => { if (input.value.trim()) { go({ answer: input.value }, true); void grade(x, input.value, verdict); } };
  input.addEventListener("input", () => void look());
  input.addEventListener("keydown", e => { if (e.key === "Enter") { e.preventDefault(); check(); } });
  button.addEventListener("click", check);
  void look().then(() => { if (place.answer) void grade(x, place.answer, verdict); });
  return el("div", {},
    el("p", { class: "task" }, x.target ? ["What is "] [0]! : "", x.target ? math(x.target, "e") : "", x.target ? " ?" : ""),
    x.template ? el("p", {}, el("code", { class: "code" }, x.template)) : null,
    el("div", { class: "field" }, el("label", { class: "sr", for: "answer" }, "your formula"), input, el("div", { class: "caretline", "aria-hidden": "true" }, caret), el("div", { class: "echo", tabindex: 0, role: "group", "aria-label": "your formula, typeset" }, echo, shape)),
    el("div", { class: "acts" }, button, el("span", { class: "small mid" }, el("kbd", {}, "Enter"), " checks; what you answer stays on this machine")));
}

async function grade(x: Exercise, answer: string, verdict: HTMLElement, repair = false): Promise<void> {
  const { header: g } = await ask<Graded>("grade", { id: x.id, answer, repair });
  const input = $<HTMLInputElement>("#answer");
  if (input && input.value !== answer) return;
  verdict.className = "verdict " + g.status;
  const head = { right: "Right.", wrong: g.column ? "Not yet: one place is wrong." : "Not yet.", refused: "It cannot be read." }[g.status];
  const message = g.message.replace(/^Right[.,]?\s*/, "");
  verdict.replaceChildren(el("h2", {}, head), message ? el("p", {}, ...code(/^[a-z]+ /.test(message) && !/^\w+ (belongs|is missing|is one too many)/.test(message) ? message[0]!.toUpperCase() + message.slice(1) : message)) : "");
  if (g.column && g.end && input) {
    const a = [...answer];
    verdict.append(el("p", { class: "placeline" }, el("code", {}, a.slice(0, g.column - 1).join(""), el("u", {}, a.slice(g.column - 1, g.end - 1).join("") || " "), a.slice(g.end - 1).join(""))));
  }
  if (g.status === "right") {
    keep(x.id);
    for (const s of g.shows ?? []) verdict.append(el("p", {}, el("code", { class: "code" }, s)));
    if (g.eq) void equations().then(all => { const e = all.get(g.eq!); if (e) verdict.append(el("p", { class: "small" }, `This is (${e.number}), ${e.title}.`), el("div", { class: "scroll" }, math(e.math, "e"))); verdict.append(next(x)); }); else verdict.append(next(x));
  } else if (g.repair) verdict.append(el("p", {}, "A right form: ", el("code", { class: "code" }, g.repair)));
  else if (!repair && g.status === "wrong" && !x.choices) verdict.append(el("div", { class: "acts" }, el("button", { type: "button", onclick: () => void grade(x, answer, verdict, true) }, "Show a repair"), el("button", { type: "button", onclick: () => input?.focus() }, "Try again")));
}

const next = (x: Exercise) => x.next ? el("p", { class: "acts" }, el("a", { class: "button", id: "next", href: link({ path: ["derive", x.next] }) }, "Next exercise")) : el("p", {}, "That was the last one.");
