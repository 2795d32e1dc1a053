/** The answer to "which units are on exactly here?". */

import { el } from "./dom";
import { chance, matches } from "./query";
import type { Room } from "./room";
import { number, percent } from "./text";

const SHOWN = 8;

export class Marked {
  readonly element = el("section", { id: "query" });
  private round = 0;
  private waiting = 0;

  constructor(private readonly room: Room) {
    const { state } = room;
    // While the pointer still moves, only the last span is worth the work.
    state.on(["spans"], () => {
      window.clearTimeout(this.waiting);
      this.waiting = window.setTimeout(() => void this.build(), 60);
    });
    state.on(["layer", "track", "view", "language"], () => void this.build());
    void this.build();
  }

  private async build(): Promise<void> {
    const round = ++this.round;
    const { room } = this;
    const { words, state } = room;
    const { spans } = state.now;
    const grid = await room.grid();
    if (round !== this.round) return;
    if (!grid || spans.length === 0) {
      this.element.replaceChildren(el("h2", {}, words.query), el("p", { class: "note" }, words.queryNone));
      return;
    }
    const within = spans.map(([from, to]) => [Math.min(from, grid.columns - 1), Math.min(to, grid.columns - 1)] as const);
    const found = matches(grid, within).slice(0, SHOWN);
    const marked = new Set(within.flatMap(([from, to]) => Array.from({ length: to - from + 1 }, (_, k) => from + k))).size;
    const track = room.track()!;
    const rows = found.map((match) =>
      el(
        "tr",
        { class: match.unit === state.now.unit ? "chosen" : "", "data-unit": String(match.unit) },
        el("th", { scope: "row" }, el("button", { type: "button", click: () => state.set({ unit: match.unit }) }, words.unit(match.unit))),
        el("td", {}, `${track.name} ${match.sign > 0 ? words.above : words.below} ${number(match.threshold)}`),
        el("td", { class: "n" }, percent(match.precision)),
        el("td", { class: "n" }, percent(match.recall)),
        el("td", { class: "n" }, bar(match.f1), number(match.f1)),
      ),
    );
    this.element.replaceChildren(
      el("h2", {}, words.query),
      el("p", { class: "note" }, words.queryFound(marked, number(chance(within, grid.columns))), " ", el("button", { type: "button", class: "plain", click: () => state.set({ spans: [] }) }, words.clear)),
      el(
        "table",
        {},
        el("thead", {}, el("tr", {}, el("th"), el("th"), el("th", { class: "n" }, words.precision), el("th", { class: "n" }, words.recall), el("th", { class: "n" }, "F1"))),
        el("tbody", {}, ...rows),
      ),
    );
  }
}

export function bar(share: number): HTMLElement {
  const filled = el("i");
  filled.style.width = `${Math.max(0, Math.min(1, share)) * 100}%`;
  return el("span", { class: "bar", "aria-hidden": "true" }, filled);
}
