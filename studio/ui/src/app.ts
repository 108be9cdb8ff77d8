// The page: it goes to the screen that the URL names, and hears the keys that all screens share.

import { $, $$, el, math, put, save, say } from "./dom.js";
import { block, blockKey } from "./block.js";
import { cellScreen, equationScreen, nodeKey, nodeScreen } from "./node.js";
import { bookKey, bookScreen } from "./book.js";
import { bugKey, bugScreen } from "./bugs.js";
import { checkScreen } from "./check.js";
import { curveKey } from "./curve.js";
import { derive } from "./derive.js";
import type * as Figures from "./figure.js";
import { errataScreen } from "./errata.js";
import { lawKey, laws } from "./laws.js";
import { loraKey, loraScreen } from "./lora.js";
import { sig } from "./number.js";
import { paramsScreen } from "./params.js";
import { onScheme } from "./ramp.js";
import { generateKey, generateScreen } from "./generate.js";
import { go, link, onPlace, parse, place, type Place } from "./state.js";
import { another, load, more, opened, traced } from "./store.js";
import { table, tableKey } from "./tables.js";
import { teachKey, teachScreen } from "./teach.js";
import { text } from "./text.js";
import { trainKey, trainScreen } from "./train.js";

const main = $("#main")!;
let screen = "", pale = 0;

/** A Screen draws itself into main, and says whether there is such a place. Of one with parts
 * each is a screen of its own, to whose top a link leads. */
interface Screen { show(a: string, b: string): boolean | Promise<boolean>; key?(e: KeyboardEvent): boolean; parts?: boolean }

const screens: Record<string, Screen> = {
  "": { show: () => (block(main), true), key: blockKey },
  table: { show: a => table(main, a), key: tableKey, parts: true },
  node: { show: a => nodeScreen(main, a), key: nodeKey },
  cell: { show: (a, b) => cellScreen(main, a, b) },
  derive: { show: a => derive(main, a || undefined), parts: true },
  laws: { show: a => laws(main, a), key: lawKey, parts: true },
  book: { show: (a, b) => bookScreen(main, a, b), key: bookKey, parts: true },
  errata: { show: a => errataScreen(main, a) },
  lora: { show: () => loraScreen(main), key: loraKey },
  params: { show: () => paramsScreen(main) },
  generate: { show: () => generateScreen(main), key: generateKey },
  train: { show: () => trainScreen(main), key: trainKey },
  check: { show: a => checkScreen(main, a), key: curveKey, parts: true },
  bug: { show: a => bugScreen(main, a), key: bugKey, parts: true },
  teach: { show: (a, b) => teachScreen(main, a, b), key: teachKey, parts: true },
  equations: { show: a => equationScreen(main, a), parts: true },
};

let menu: { of: unknown; links: [HTMLAnchorElement, string][]; more: HTMLDetailsElement; loss: HTMLElement; edits: HTMLButtonElement; models: HTMLSelectElement } | null = null;

/** made is the header; its links lead to a screen with the state that is shown. */
function made(): NonNullable<typeof menu> {
  const links: [HTMLAnchorElement, string][] = [];
  const to = (path: string, ...kids: (string | HTMLElement)[]) => { const a = el("a", {}, ...kids); links.push([a, path]); return a; };
  const loss = el("span"), edits = el("button", { type: "button", class: "quiet", onclick: reset });
  const models = el("select", { "aria-label": "model", class: "pick", onchange: () => go({ state: { model: models.value }, row: "", cell: [0, 0] }) }, ...opened.models.map(m => el("option", { value: m.name }, m.title)));
  const disclosure = (title: string, ...kids: HTMLElement[]) => { const d = el("details", { class: "more", onfocusout: (e: FocusEvent) => { if (!d.contains(e.relatedTarget as HTMLElement | null)) d.open = false; }, onkeydown: (e: KeyboardEvent) => { if (e.key === "Escape" && d.open) { e.stopPropagation(); d.open = false; $("summary", d)!.focus(); } } }, el("summary", {}, title), el("span", {}, ...kids)); return d; };
  const more = disclosure(text.more, ...text.moreScreens.map(([p, t]) => to(p, t)));
  const file = el("input", { type: "file", accept: ".json", hidden: true, onchange: async () => { const f = file.files?.[0]; file.value = ""; if (f) await reopen(f); } });
  const act = (title: string, f: () => void | Promise<void>) => el("button", { type: "button", class: "quiet", onclick: () => { keeping.open = false; $("summary", keeping)!.focus(); void f(); } }, title);
  const name = () => "studio-" + (place.path.join("-") || "block");
  const keeping: HTMLDetailsElement = disclosure(text.save,
    act(text.asSVG, async () => { const f = await figures(); save(name() + ".svg", new Blob([f.figure(f.shown()).svg], { type: "image/svg+xml" })); }),
    act(text.asPNG, async () => { const f = await figures(); save(name() + ".png", await f.png(f.shown())); }),
    act(text.asSession, () => save("studio-session.json", new Blob([written()], { type: "application/json" }))),
    act(text.openSession, () => file.click()));
  const mark = to("", text.brand[0]!, el("i", {}, text.brand[1]!));
  mark.className = "mark";
  $("#top")!.replaceChildren(mark, el("nav", { "aria-label": "screens" }, ...text.screens.map(([p, t]) => to(p, t)), more),
    el("span", { class: "state" }, keeping, file, models, loss, edits, el("button", { type: "button", class: "quiet", onclick: help }, "Keys ", el("kbd", {}, "?"))));
  return { of: opened.models, links, more, loss, edits, models };
}

function header(): void {
  const at = place.path.slice(0, place.path[0] === "table" ? 2 : 1).join("/"), edits = (place.state.edits?.length ?? 0) + (place.state.held?.length ?? 0);
  if (opened && menu?.of !== opened.models) menu = made();
  if (menu) {
    const { links, more, loss, edits: undo, models } = menu;
    for (const [a, path] of links) {
      a.href = link({ ...place, path: path.split("/").filter(Boolean), row: "", cell: [0, 0], answer: "" });
      if (a.className !== "mark" && path === at) a.setAttribute("aria-current", "page"); else a.removeAttribute("aria-current");
    }
    more.classList.toggle("here", text.moreScreens.some(([p]) => p === at));
    models.value = opened.model.name;
    put(loss, traced ? `L ${traced.loss == null ? "?" : traced.loss.toFixed(3)}` : "");
    undo.hidden = !edits;
    put(undo, `${edits} changed · reset`);
  }
  notice([place.unknown.length ? text.unknown(place.unknown) : "", typesets() ? "" : text.noMathML].filter(Boolean).join(" "));
}

/** notice says something below the menu; "" takes it away. */
function notice(words: string): void {
  let note = $("#note");
  if (words && !note) { note = el("p", { id: "note", class: "small note", role: "status" }); $("#top")!.after(note); }
  if (note) { note.textContent = words; note.hidden = !words; }
}

let showing: Promise<void> = Promise.resolve();
async function show(): Promise<void> {
  const [name = "", a = "", b = ""] = place.path;
  const mine = location.hash, to = Object.hasOwn(screens, name) ? screens[name]! : null, key = name + (to?.parts ? a : "");
  const moved = key !== screen;
  if (moved) another();
  document.documentElement.classList.toggle("presenting", name === "teach" && a === "present");
  clearTimeout(pale);
  pale = window.setTimeout(() => main.classList.add("stale"), 60); // what is shown is of an older revision
  try {
    const fresh = await load();
    if (place.path.join("/") !== [name, a, b].filter(Boolean).join("/")) return;
    header();
    if (moved) { if (menu) menu.more.open = false; main.replaceChildren(); delete main.dataset.exercise; delete main.dataset.bug; }
    const draw = async () => to ? to.show(a, b) : false;
    let found = await draw();
    if (await more()) found = await draw(); // with numbers that were not here
    if (mine !== location.hash) return; // a newer place is on its way
    if (!moved) relink();
    linked = stateOf(place);
    if (!found) missing();
    if (moved && screen) { scrollTo(0, 0); main.focus({ preventScroll: true }); }
    screen = key;
    document.documentElement.dataset.ready = location.hash || "#/";
    if (fresh && !moved && (place.state.edits?.length ?? 0)) say(`loss ${sig(traced.loss)}`);
  } catch (e) {
    failed(e instanceof Error ? e.message : String(e));
  } finally {
    if (mine === location.hash) {
      clearTimeout(pale);
      main.classList.remove("stale");
    }
  }
}

/** typesets says whether the browser knows MathML: a space that is asked for takes room. */
const typesets = () => mathML ??= probed();
let mathML: boolean | null = null;
function probed(): boolean {
  const probe = el("span", { class: "sr" }, math('<math><mspace width="20px" height="20px"/></math>'));
  document.body.append(probe);
  const ok = probe.querySelector("mspace")!.getBoundingClientRect().width > 10;
  probe.remove();
  return ok;
}

/** relink has the links of what stayed on the page lead to places with the state that is shown. */
function relink(): void {
  if (linked === stateOf(place)) return;
  for (const a of $$<HTMLAnchorElement>('a[href^="#/"]', main)) {
    const to = parse(a.hash);
    if (stateOf(to) === linked) a.href = link({ ...to, state: place.state });
  }
}
let linked = "";
const stateOf = (p: Place) => link({ path: [], state: p.state });

function missing(): void {
  document.title = "Not found · pedestrian studio";
  main.replaceChildren(el("h1", {}, "There is nothing here"), el("p", { class: "lead" }, `The studio has no screen or tensor “${place.path.join("/").slice(0, 60)}”.`), el("p", {}, el("a", { href: link({ path: [] }) }, "To the block")));
}
function failed(message: string): void {
  document.title = "Error · pedestrian studio";
  screen = "?";
  document.documentElement.dataset.ready = location.hash || "#/";
  main.replaceChildren(el("h1", {}, "This cannot be computed"), el("p", { class: "lead" }, message[0]!.toUpperCase() + message.slice(1) + "."), el("p", {}, el("a", { href: link({ path: [] }) }, "Begin anew")));
}

/** figures draws what is on the screen; it is loaded when it is needed. */
const figures = () => loading ??= new Promise<typeof Figures>((done, fail) => document.head.append(el("script", { src: "figure.js", onload: () => done((window as unknown as { figures: typeof Figures }).figures), onerror: () => { loading = null; notice(text.noFigures); fail(new Error(text.noFigures)); } })));
let loading: Promise<typeof Figures> | null = null;

/** written is a session: its address has all of it, and the rest is for other programs. */
const written = () => JSON.stringify({ format: "pedestrian studio session", version: 1, address: link(place), state: place.state, loss: traced.loss }, null, 2) + "\n";

/** reopen goes to where a session was, and says whether it is the same network there. */
async function reopen(file: Blob): Promise<void> {
  let s: { format?: unknown; version?: unknown; address?: unknown; loss?: unknown } | null = null;
  try { s = JSON.parse(await file.text()); } catch { /* said below */ }
  if (s?.format !== "pedestrian studio session" || s.version !== 1 || typeof s.address !== "string" || !s.address.startsWith("#/")) { notice(text.noSession); return; }
  go(parse(s.address));
  await showing;
  const same = traced.loss === s.loss || typeof s.loss === "number" && Math.abs((traced.loss ?? NaN) - s.loss) <= 1e-9 * Math.abs(s.loss);
  notice(same ? "" : text.otherNetwork(sig(s.loss as number, 6), sig(traced.loss, 6)));
  if (same) say(text.reopened(sig(traced.loss)));
}

function reset(): void { go({ state: { ...place.state, edits: [], held: [] } }); say("all changes are undone"); }

function help(): void {
  let d = $<HTMLDialogElement>("dialog");
  if (!d) {
    d = el("dialog", { "aria-labelledby": "keys" }, el("h2", { id: "keys" }, "Keys"), el("dl", { class: "facts" }, ...text.help.flatMap(([k, v]) => [el("dt", {}, ...k.split(", ").flatMap((x, i) => [i ? " " : "", el("kbd", {}, x)])), el("dd", {}, v)])), el("form", { method: "dialog" }, el("button", { class: "primary", onclick: (e: Event) => { e.preventDefault(); $<HTMLDialogElement>("dialog")!.close(); } }, "Close")));
    document.body.append(d);
  }
  d.showModal();
}

addEventListener("keydown", e => {
  const t = e.target as HTMLElement;
  if (e.ctrlKey || e.metaKey || e.altKey || t.matches("input, select, textarea") || $("dialog[open]")) return;
  const name = place.path[0] ?? "";
  const done = Object.hasOwn(screens, name) && screens[name]!.key?.(e);
  if (done) { e.preventDefault(); return; }
  switch (e.key) {
    case "?": help(); break;
    case "d": go({ diff: !place.diff }); break;
    case "r": reset(); break;
    case "u": history.back(); break;
    case "c": go({ path: name === "node" || name === "cell" ? ["check", place.path[1]!] : ["check"], row: "" }); break;
    case "Escape": if (name === "cell" || name === "node") history.back(); break;
    default: return;
  }
  e.preventDefault();
});

$(".skip")?.addEventListener("click", e => { e.preventDefault(); main.focus(); });
onPlace(() => { showing = show(); });
onScheme(() => void show());
void show();
