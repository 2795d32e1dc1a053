/** What the reader has chosen; parts of the page listen for what they show. */

import type { Sorting } from "./order";
import type { Span } from "./query";

export interface Choice {
  theme: "light" | "dark";
  language: "en" | "ko";
  /** Which view the first screen and the tracks are about. */
  view: number;
  /** What the heat maps show: the chosen view, both under each other, or their difference. */
  compare: "one" | "both" | "difference";
  layer: number;
  track: string;
  sorting: Sorting;
  unit: number;
  /** The step that the pointer or the keys are at; null for none. */
  step: number | null;
  /** The step that the first screen asks the memory at. */
  focus: number;
  shade: "memory" | "saliency";
  /** Which method of saliency. */
  method: number;
  /** The steps that are shown, as a half-open range of real numbers. */
  from: number;
  to: number;
  /** Rows of the heat map that are shown, likewise. */
  top: number;
  bottom: number;
  spans: readonly Span[];
}

type Key = keyof Choice;

export class State {
  private readonly listeners: { keys: readonly Key[]; work: () => void }[] = [];
  private changed = new Set<Key>();

  constructor(readonly now: Choice) {}

  set(changes: Partial<Choice>): void {
    for (const key of Object.keys(changes) as Key[]) {
      if (this.now[key] !== changes[key]) this.changed.add(key);
    }
    Object.assign(this.now, changes);
    const told = this.changed;
    this.changed = new Set();
    if (told.size === 0) return;
    for (const { keys, work } of this.listeners) if (keys.some((key) => told.has(key))) work();
  }

  on(keys: readonly Key[], work: () => void): void {
    this.listeners.push({ keys, work });
  }
}
