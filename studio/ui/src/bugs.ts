// Planted bugs: what catches each, and the same as a riddle.

import { ask } from "./core.js";
import { $, el, math, say, scroller } from "./dom.js";
import { code } from "./derive.js";
import { done, keep } from "./done.js";
import { exact, sig } from "./number.js";
import { go, link, place } from "./state.js";

interface Law { id: string; title: string }
interface Planted { id: string; title: string; where: string; case: string; rows: string[] | null; right: number; laws: Law[]; diagnosis?: string; caught: boolean }
interface Seen { name: string; math?: string; rest?: string; shape: string; off: number | null; places: number; failed: number }
interface Line { eq: string; name: string; math?: string; backward: boolean }
interface Bug { bug: number; of: number; case: string; title: string; loss: number | null; equations: number | null; signals: Seen[]; gradients: Seen[]; laws: Law[]; lines: Line[]; hints: number }
interface Asked { name: string; at: string; row: number; col: number; of: string; value: number | null; slope: number | null; is: boolean; kink?: boolean; nudged: boolean; elsewhere?: number }

const to = (path: string[], row = "") => link({ ...place, path, row, cell: [0, 0], answer: "" });
const found = new Map<string, Planted>(); // bugs that were planted since the page was opened
let listed: Planted[] | null = null, busy = false;

const catchers = (p: Planted): string => [p.rows?.length ? `${p.rows.length} of ${p.rows.length + p.right} rows of differences` : "", p.laws.length ? `identities ${p.laws.map(l => l.id).join(", ")}` : ""].filter(Boolean).join("; ") || "nothing";

/** bugsScreen plants all bugs, one after the other while the screen is open. */
export async function bugsScreen(main: HTMLElement): Promise<boolean> {
  document.title = "Planted bugs · pedestrian studio";
  listed ??= (await ask<{ bugs: Planted[] }>("bugs")).header.bugs;
  const sum = el("p", { class: "small", role: "status", id: "planted" });
  const cells = (b: Planted) => { const p = found.get(b.id); return [el("td", {}, p ? p.caught ? "✓ caught" : "≠ not caught" : ""), el("td", { class: "what" }, p ? catchers(p) : "")]; };
  const detail = (b: Planted) => {
    const p = found.get(b.id);
    return el("tr", { class: "bug-open" }, el("td", { colspan: 6 }, el("p", {}, `Replaced: ${b.where}. Planted in case ${b.case}.`), p?.diagnosis ? el("p", {}, `The numbers say: ${p.diagnosis}.`) : "",
      p?.rows?.length ? el("p", {}, "Rows that differ from differences of the loss, the first on the way back first: ", p.rows.join(", "), ".") : p ? el("p", {}, "No row differs: the pass is right, and what fails is about more than a pass.") : el("p", {}, "Its differences are taken now."),
      p?.laws.length ? el("ul", {}, ...p.laws.map(l => el("li", {}, `${l.id}: ${l.title}`))) : "", el("p", { class: "small" }, `In the terminal: pedestrian explain ${b.id}`)));
  };
  const table = el("tbody", {}, ...listed.flatMap(b => {
    const open = place.row === b.id;
    return [el("tr", { "data-id": b.id }, el("th", { scope: "row" }, el("button", { type: "button", class: "quiet", "aria-expanded": String(open), "data-k": b.id, onclick: () => { go({ row: open ? "" : b.id }, true); $(`[data-k="${b.id}"]`)?.focus(); } }, b.id)), el("td", { class: "what" }, b.title), el("td", {}, b.case), ...cells(b)), ...(open ? [detail(b)] : [])];
  }));
  main.replaceChildren(
    el("p", { class: "crumb small" }, el("a", { href: to(["check"]) }, "Every gradient, checked")), el("h1", {}, "What catches a bug"),
    el("p", { class: "lead" }, "A checker that accepts everything is worth nothing. So 48 mistakes that people make are planted, one at a time, and every check is run against each."),
    el("p", { class: "links" }, el("a", { href: to(["bug"]) }, "Find one yourself"), ", before you read on: this list says what each is."), sum,
    scroller("planted bugs", el("table", { class: "plain bugs" }, el("thead", {}, el("tr", {}, ...["bug", "the mistake", "network", "", "by"].map(h => h ? el("th", { scope: "col" }, h) : el("td")))), table)));
  const total = () => { const n = found.size, bad = [...found.values()].filter(p => !p.caught).length; sum.textContent = `${n} of ${listed!.length} planted; ${n - bad} caught${bad ? `, ${bad} not` : ""}.${n < listed!.length ? " Each needs differences of a whole network: this goes on while you read." : ""}`; sum.dataset.done = String(n === listed!.length); };
  total();
  void plant(total, b => { const tr = $(`tr[data-id="${b.id}"]`); if (!tr) return; while (tr.children.length > 3) tr.lastChild!.remove(); tr.append(...cells(b)); if (place.row === b.id && tr.nextElementSibling?.className === "bug-open") tr.nextElementSibling.replaceWith(detail(b)); });
  return true;
}

async function plant(total: () => void, tell: (b: Planted) => void): Promise<void> {
  if (busy) return;
  busy = true;
  const here = () => place.path[0] === "check" && place.path[1] === "bugs";
  try {
    for (;;) {
      const left = listed!.filter(b => !found.has(b.id)), next = left.find(b => b.id === place.row) ?? left[0];
      if (!next || !here()) break;
      const { header } = await ask<Planted>("planted", { id: next.id.slice(1) });
      found.set(next.id, header);
      if (here()) { tell(header); total(); }
    }
  } finally { busy = false; }
}

/** bugScreen is the list of bugs that are to be found, or one of them. */
export async function bugScreen(main: HTMLElement, number: string): Promise<boolean> {
  if (!number) { list(main); return true; }
  if (!/^\d{1,2}$/.test(number)) return false;
  if (main.dataset.bug === number && $("#hunt")) return true;
  if (!$("#hunt")) main.replaceChildren(el("h1", {}, `Bug ${number}`), el("p", { class: "lead" }, "It is planted, and differences of the whole network are taken. This takes a moment."));
  const { header: b } = await ask<Bug>("bug", { id: number });
  if (place.path[0] !== "bug" || place.path[1] !== number) return true;
  main.dataset.bug = number;
  hunt(main, b);
  return true;
}

function list(main: HTMLElement): void {
  document.title = "Find the bug · pedestrian studio";
  const d = done(), n = 48, next = Array.from({ length: n }, (_, i) => i + 1).find(i => !d.has("bug " + i)) ?? 1;
  main.replaceChildren(el("h1", {}, "Find the bug"),
    el("p", { class: "lead" }, "One line of a network computes something else than its equation says. You see which gradients are wrong, ask for single numbers, and name the line."),
    el("p", { class: "small" }, `${Array.from({ length: n }, (_, i) => i + 1).filter(i => d.has("bug " + i)).length} of ${n} found, on this machine. The same in the terminal: pedestrian derive bug.`),
    el("ol", { class: "bug-list" }, ...Array.from({ length: n }, (_, i) => el("li", { class: d.has("bug " + (i + 1)) ? "done" : "" }, el("a", { href: to(["bug", String(i + 1)]), "aria-label": `bug ${i + 1}${d.has("bug " + (i + 1)) ? ", found" : ""}` }, String(i + 1))))),
    el("p", { class: "acts" }, el("a", { class: "button", href: to(["bug", String(next)]) }, `Bug ${next}`)));
}

function hunt(main: HTMLElement, b: Bug): void {
  document.title = `Bug ${b.bug} · pedestrian studio`;
  const id = String(b.bug), verdict = el("div", { id: "verdict", role: "status" }), asked = el("ul", { class: "asked", id: "asked" }), hints = el("ol", { class: "hints" });
  const input = el("input", { id: "answer", spellcheck: "false", autocomplete: "off", autocapitalize: "off", maxlength: 200, value: place.answer, "aria-describedby": "how" });
  const judge = async () => {
    if (!input.value.trim()) return;
    go({ answer: input.value }, true);
    const { header: j } = await ask<{ status: string; message: string; line?: string }>("judge", { id, answer: input.value });
    verdict.className = "verdict " + j.status;
    verdict.replaceChildren(el("h2", {}, { right: "Right.", wrong: "Not this line.", refused: "That names no line." }[j.status] ?? ""), el("p", {}, ...code(j.message)));
    if (j.status === "right") { keep("bug " + id); verdict.append(el("p", { class: "acts" }, b.bug < b.of ? el("a", { class: "button", id: "next", href: to(["bug", String(b.bug + 1)]) }, "Next bug") : "That was the last one.")); }
  };
  input.addEventListener("keydown", e => { if (e.key === "Enter") { e.preventDefault(); void judge(); } });
  const name = el("input", { id: "cell-name", list: "lines", autocomplete: "off", spellcheck: "false", placeholder: "D_raw", maxlength: 60 }), at = el("input", { id: "cell-at", placeholder: "head.1", autocomplete: "off", maxlength: 60, "aria-label": "place, if it has several" });
  const row = el("input", { id: "cell-row", type: "number", min: 1, value: 1 }), col = el("input", { id: "cell-col", type: "number", min: 1, value: 1 });
  const number = async (e: Event) => {
    e.preventDefault();
    let text: string;
    try {
      const { header: c } = await ask<Asked>("number", { id, name: name.value.trim(), at: at.value.trim(), i: Number(row.value), j: Number(col.value) });
      text = `${c.name} [${c.row}, ${c.col}] at ${c.at}: ${exact(c.value)}. ` + (c.kink ? "A nudge crosses a kink of ReLU: differences say nothing here." : c.is ? `Differences, nudging ${c.of}: ${exact(c.slope)}.` : c.nudged ? `The loss changes by ${exact(c.slope)} for each unit of it.` : "It is no error signal: differences have nothing to compare with.") + (c.elsewhere ? ` It is in ${c.elsewhere} more places: give one, such as block.0.` : "");
    } catch (err) { text = `No number: ${err instanceof Error ? err.message : err}.`; }
    asked.prepend(el("li", {}, text));
    say(text);
  };
  let shown = 0;
  const hint = el("button", { type: "button", onclick: async () => {
    const { header } = await ask<{ hint: string }>("clue", { id, hint: shown++ });
    hints.insertBefore(el("li", {}, el("b", {}, String(shown)), el("span", {}, header.hint)), hints.lastChild);
    say(header.hint);
    if (shown >= b.hints) hint.parentElement!.replaceWith(el("li", {}, el("b", {}, "="), solution));
  } }, "Next hint");
  const solution = el("button", { type: "button", id: "solution", onclick: async () => { const { header } = await ask<{ solution: string }>("solution", { id }); solution.replaceWith(el("span", {}, header.solution)); say(header.solution); } }, "Show the line");
  hints.append(el("li", {}, el("b", {}, "?"), hint));
  const rows = (all: Seen[], title: string) => el("section", {}, el("h2", { class: "h3" }, title), scroller(title, el("table", { class: "plain" }, el("thead", {}, el("tr", {}, ...["", "shape", "off by", ""].map((h, i) => h ? el("th", { scope: "col", class: i < 3 ? "r" : "" }, h) : el("td")))),
    el("tbody", {}, ...all.map(r => el("tr", { class: r.failed ? "fails" : "holds" }, el("th", { scope: "row" }, ...(r.math ? [math(r.math), el("span", { class: "sr" }, r.name), r.rest ? " " + r.rest : ""] : [r.name])), el("td", { class: "r" }, r.shape), el("td", { class: "r" }, sig(r.off, 2)), el("td", {}, r.failed ? "≠ " + (r.places > 1 ? `${r.failed} of ${r.places} places` : "fails") : "agrees")))))));
  const failing = [...b.signals, ...b.gradients].filter(r => r.failed).length, every = b.signals.length + b.gradients.length;
  const both = el("div", { class: "two few", id: "rows" }, rows(b.signals, "Error signals, in the order of the backward pass"), rows(b.gradients, "Gradients, from the bottom of table 3 up"));
  const more = el("button", { type: "button", id: "all-rows", "aria-pressed": "false", onclick: () => { const few = both.classList.toggle("few"); more.setAttribute("aria-pressed", String(!few)); } }, "Show the rows that agree");
  const lines = (backward: boolean) => el("section", {}, el("h3", { class: "h3" }, backward ? "Backward" : "Forward"), el("ul", { class: "refs" }, ...b.lines.filter(l => l.backward === backward).map(l => el("li", {}, el("button", { type: "button", class: "quiet line", onclick: () => { input.value = `${l.eq} ${l.name}`.trim(); name.value = l.name; input.focus(); } }, l.eq ? `(${l.eq}) ` : "", l.math ? math(l.math, backward ? "e" : "v") : null, el("span", { class: "sr" }, l.name))))));
  main.replaceChildren(el("p", { class: "crumb small" }, el("a", { href: to(["bug"]) }, "Find the bug")), el("div", { id: "hunt", class: "cellgrid hunt" },
    el("section", { class: "cellside" }, el("h1", {}, `Bug ${b.bug}`, el("span", { class: "small block" }, `case ${b.case}: ${b.title}`)),
      el("p", {}, `The loss is ${sig(b.loss, 9)}, and ${b.loss === b.equations ? "the equations give the same: the forward pass is not what differs" : `the equations give ${sig(b.equations, 9)}`}. ${failing} of ${every} rows differ from differences of the loss.`),
      b.laws.length ? el("p", {}, "Identities that do not hold: ", ...b.laws.flatMap((l, i) => [i ? "; " : "", `${l.id}, ${l.title}`]), ".") : "", el("p", { class: "acts" }, more), both),
    el("section", { class: "cellside" }, el("h2", { class: "h3 first" }, "Which line has the bug?"), el("div", { class: "field" }, el("label", { class: "sr", for: "answer" }, "the line"), input),
      el("p", { class: "small", id: "how" }, "The number of its equation, what it computes, or both: 28, D_raw, T2 D_5."), el("div", { class: "acts" }, el("button", { class: "primary", type: "button", id: "check", onclick: () => void judge() }, "Check")), verdict, hints,
      el("h2", { class: "h3 gap" }, "Ask for a number"), el("form", { class: "ask-number", onsubmit: (e: Event) => void number(e) }, el("label", {}, "of ", name), el("label", {}, "row ", row), el("label", {}, "column ", col), el("label", {}, "at ", at), el("datalist", { id: "lines" }, ...[...new Set(b.lines.map(l => l.name))].map(l => el("option", { value: l }))), el("button", { type: "submit", id: "ask" }, "Ask")), asked,
      el("details", {}, el("summary", { class: "h3" }, "All lines that can be named"), lines(false), lines(true)))));
  if (place.answer) void judge();
}

/** bugKey goes to the next or the previous bug. */
export function bugKey(e: KeyboardEvent): boolean {
  if (place.path[0] !== "bug" || !place.path[1] || e.key !== "n" && e.key !== "p") return false;
  const k = Number(place.path[1]) + (e.key === "n" ? 1 : -1);
  if (k >= 1 && k <= 48) go({ path: ["bug", String(k)], answer: "", row: "" });
  return true;
}
