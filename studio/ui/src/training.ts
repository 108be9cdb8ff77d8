// What happened in a training, as far as the page has asked for it. The core trains while it is
// asked, and not else: a page that is closed or elsewhere trains nothing.

import { ask } from "./core.js";
import type { Rate, State } from "./state.js";

export interface Evaluation { step: number; loss: number | null }
interface Trained {
  from: number; count: number; layers: string[]; evaluations: Evaluation[]; snapshots: number; most: number; rates: Rate[]; ended?: string;
  uniform: number; unigram: number; bigram: number; floor: number;
}
/** A Training is the updates of a seed and its learning rates, from the first on. */
export interface Training { about: Trained; loss: number[]; norm: number[]; layers: number[][]; evaluations: Map<number, number | null>; ended: string }

const trainings = new Map<string, Training>();
const keyOf = (s: State) => JSON.stringify([s.seed ?? 0, s.rates ?? []]);

/** training is what is known of the training of a state. */
export const training = (s: State): Training | undefined => trainings.get(keyOf(s));

/** trainOn asks for n more updates than are known, at least one. */
export async function trainOn(s: State, n: number): Promise<Training> {
  const key = keyOf(s), from = trainings.get(key)?.loss.length ?? 0;
  const { header: h, numbers } = await ask<Trained>("train", { state: { model: "story", ...(s.seed ? { seed: s.seed } : {}), ...(s.rates ? { rates: s.rates } : {}), step: from }, next: Math.max(1, Math.min(25, n)) });
  let t = trainings.get(key);
  if (!t) {
    t = { about: h, loss: [], norm: [], layers: h.layers.map(() => []), evaluations: new Map(), ended: "" };
    if (trainings.size > 8) trainings.clear();
    trainings.set(key, t);
  }
  if (t.loss.length !== from) return t; // another request told it already
  const width = 2 + h.layers.length;
  for (let i = 0; i < h.count; i++) {
    t.loss.push(numbers[i * width]!);
    t.norm.push(numbers[i * width + 1]!);
    t.layers.forEach((l, k) => l.push(numbers[i * width + 2 + k]!));
  }
  for (const e of h.evaluations) t.evaluations.set(e.step, e.loss);
  t.ended = h.ended ?? (t.loss.length >= h.most ? `${h.most} steps are all that a training has here` : "");
  return t;
}

/** reach trains up to the step of a state, in requests of a few steps. */
export async function reach(s: State): Promise<void> {
  if (s.model !== "story" || !s.step) return;
  let t = training(s);
  while (!t || t.loss.length < s.step && !t.ended) t = await trainOn(s, s.step - (t?.loss.length ?? 0));
}
