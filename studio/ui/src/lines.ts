// A derivation, line by line: each line is an equation, and is evaluated at random points.

import { ask } from "./core.js";
import { $, el, say } from "./dom.js";
import { code } from "./derive.js";
import { sig } from "./number.js";
import { go, link, place } from "./state.js";

interface Title { eq: string; also?: string[]; title: string }
interface Line { line: number; text: string; status: "right" | "wrong" | "refused"; message?: string; column?: number; end?: number; residue?: number; repair?: string; why?: string }
interface Checked { title?: string; eq?: string; text: string; lines: Line[]; true: number }

const first = "25"; // that is shown at first
const verdicts = { right: "✓ true", wrong: "≠ false", refused: "cannot be read" };
let ours: Title[] | null = null;

export async function lines(main: HTMLElement): Promise<boolean> {
  ours ??= (await ask<{ derivations: Title[] }>("derivations")).header.derivations;
  const eq = place.answer ? "" : place.row || first;
  if (eq && !ours.some(d => d.eq === eq)) return false;
  if (!$("#lines", main)) frame(main);
  $<HTMLSelectElement>("#ours")!.value = eq;
  const box = $<HTMLTextAreaElement>("#lines")!;
  if (place.answer) { if (box.value !== place.answer) box.value = place.answer; }
  await check(eq, place.answer);
  return true;
}

function frame(main: HTMLElement): void {
  document.title = "Check a derivation · pedestrian studio";
  const box = el("textarea", { id: "lines", rows: 8, spellcheck: "false", autocomplete: "off", autocapitalize: "off", maxlength: 20000, "aria-describedby": "lines-how" });
  const typed = () => { if (box.value.trim()) go({ answer: box.value, row: "" }, true); };
  box.addEventListener("keydown", e => { if (e.key === "Enter" && (e.ctrlKey || e.metaKey)) { e.preventDefault(); typed(); } });
  main.replaceChildren(
    el("p", { class: "crumb small" }, el("a", { href: link({ path: ["derive"] }) }, "Derive")), el("h1", {}, "Check a derivation"),
    el("p", { class: "lead" }, "Each line is an equation with differentials. It is evaluated at five random points: a line that is false there is false, and its place is looked for."),
    el("div", { class: "lines-form" },
      el("label", { class: "ui small" }, "begin with ", el("select", { id: "ours", class: "pick", onchange: (e: Event) => { const v = (e.target as HTMLSelectElement).value; if (v) go({ row: v, answer: "" }, true); } }, el("option", { value: "" }, "your own"), ...ours!.map(d => el("option", { value: d.eq }, `(${d.eq}) ${d.title}`)))),
      el("label", { class: "sr", for: "lines" }, "your derivation"), box,
      el("p", { class: "small", id: "lines-how" }, ...code("The first line says what it is about, `world head`; `hold a_prev` keeps a name fixed. `d(x)` is the differential of x, `frob(A, B)` the sum of the products entry by entry. A line that begins with `==` goes on from the one above; `g := D * ~w` gives a name.")),
      el("div", { class: "acts" }, el("button", { type: "button", class: "primary", id: "check", onclick: typed }, "Check"), el("span", { class: "small mid" }, el("kbd", {}, "Ctrl"), " ", el("kbd", {}, "Enter")))),
    el("div", { id: "lines-said", role: "status" }), el("ol", { class: "checked-lines", id: "checked" }),
    el("p", { class: "small" }, "The same in the terminal: ", el("code", { class: "code" }, "pedestrian derive check FILE"), "."));
}

/** check has one of ours checked, or what was typed. */
async function check(eq: string, answer: string, repair = false): Promise<void> {
  const asked = location.hash, said = $("#lines-said")!, list = $("#checked")!;
  let h: Checked;
  try {
    h = (await ask<Checked>("lines", answer ? { answer, repair } : { id: eq, repair })).header;
  } catch (e) {
    list.replaceChildren();
    said.replaceChildren(el("p", { class: "note small" }, String((e as Error).message)));
    return;
  }
  if (asked !== location.hash || !said.isConnected) return;
  if (!answer) $<HTMLTextAreaElement>("#lines")!.value = h.text;
  const n = h.lines.length, words = h.true === n ? `${n === 1 ? "The line is" : `All ${n} lines are`} true.` : `${h.true} of ${n} lines are true.`;
  said.replaceChildren(el("p", {}, words, h.eq ? el("span", {}, " They end in ", el("a", { href: link({ ...place, path: ["equations", h.eq], row: "", answer: "" }) }, `(${h.eq})`), ".") : ""));
  say(words);
  list.replaceChildren(...h.lines.map(l => {
    const a = [...l.text], place = l.column && l.end ? [a.slice(0, l.column - 1).join(""), el("u", {}, a.slice(l.column - 1, l.end - 1).join("") || " "), a.slice(l.end - 1).join("")] : [l.text];
    const more = [l.message, l.status === "wrong" && l.residue ? `The sides differ by ${sig(l.residue, 2)}, relative to their terms.` : "", l.repair ? `A right form: ${l.repair}` : "", l.why].filter(Boolean) as string[];
    return el("li", { class: l.status }, el("code", {}, ...place), el("span", { class: "small" }, verdicts[l.status]), ...more.map(m => el("p", { class: "said small" }, ...code(m))));
  }));
  if (answer && !repair && h.lines.some(l => l.status === "wrong")) list.append(el("li", { class: "noline" }, el("button", { type: "button", onclick: () => void check(eq, answer, true) }, "Show repairs")));
}
