/** What Python found out and this page only tells: units that follow a property, and the rest of the diagnosis. */

import { el } from "./dom";
import { bar } from "./marked";
import type { Room } from "./room";
import { layerName, number, percent, visible } from "./text";

export class Found {
  readonly element = el("div", { class: "pair" });

  constructor(private readonly room: Room) {
    room.state.on(["view", "language"], () => this.build());
    this.build();
  }

  private build(): void {
    const { view } = this.room;
    this.element.replaceChildren(...(view.flags.length ? [this.flags()] : []), ...(view.diagnosis.length ? [this.diagnosis()] : []));
  }

  private flags(): HTMLElement {
    const { room } = this;
    const { words, state, view } = room;
    const choose = (layer: string, unit: number, track: string): void => {
      const index = view.layers.findIndex((one) => one.name === layer);
      state.set({ layer: Math.max(0, index), unit, track });
      document.getElementById("inside")?.scrollIntoView({ behavior: "auto" });
    };
    const rows = view.flags.map((flag) =>
      el(
        "tr",
        {},
        el("th", { scope: "row" }, words.properties[flag.property] ?? visible(flag.property)),
        el("td", {}, el("button", { type: "button", click: () => choose(flag.layer, flag.unit, flag.state) }, `${layerName(flag.layer, words)} · ${flag.state} ${flag.unit}`)),
        el("td", { class: "n" }, percent(flag.precision)),
        el("td", { class: "n" }, percent(flag.recall)),
        el("td", { class: "n" }, bar(flag.f1), number(flag.f1)),
        el("td", { class: "n" }, flag.chance === null ? "" : number(flag.chance)),
      ),
    );
    const head = [words.property, words.unitHead, words.precision, words.recall, "F1", words.chance];
    return el(
      "section",
      { id: "flags" },
      el("h2", {}, words.flags),
      el("p", { class: "note" }, words.flagsNote(view.searched)),
      view.flags.some((flag) => flag.f1 > 0.5 && flag.f1 > 1.5 * (flag.chance ?? 0)) ? null : el("p", {}, words.noFlag),
      el("div", { class: "scroll" }, el("table", {}, el("thead", {}, el("tr", {}, ...head.map((text, k) => el("th", { class: k > 1 ? "n" : "" }, text)))), el("tbody", {}, ...rows))),
    );
  }

  private diagnosis(): HTMLElement {
    const { words, view, state } = this.room;
    const entries = view.diagnosis.map((one) =>
      el(
        "li",
        { class: one.grave ? "grave" : "" },
        el("p", {}, visible(one[state.now.language].what)),
        one[state.now.language].try ? el("p", { class: "advice" }, visible(one[state.now.language].try)) : null,
        el("p", { class: "note" }, visible(one[state.now.language].numbers)),
      ),
    );
    return el("section", { id: "diagnosis" }, el("h2", {}, words.more), el("ul", { class: "diagnosis" }, ...entries));
  }
}
