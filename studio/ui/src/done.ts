// What was solved in this browser: ids of exercises, and "bug 7".

const store = "pedestrian.studio.done";

export const done = (): Set<string> => { try { return new Set(JSON.parse(localStorage.getItem(store) ?? "[]") as string[]); } catch { return new Set(); } };
export const keep = (id: string): void => { try { localStorage.setItem(store, JSON.stringify([...done().add(id)])); } catch { /* a browser that keeps nothing */ } };
