/** A training run as it goes: asks the process that trains, on this machine, and draws what it says. */

import uPlot from "uplot";
import { WHOLE, el } from "./dom";
import type { Room } from "./room";
import { layerName, number, visible } from "./text";
import type { Words } from "./words";

/** Of a plot, in pixels. */
const HEIGHT = 220;

/** What the training process answers. */
interface Heard {
  readonly running: boolean;
  readonly said: readonly string[];
  readonly warnings: readonly string[];
  /** One curve per measure: its name, whether it is over steps or epochs, and its points. */
  readonly curves: readonly { readonly name: string; readonly log: boolean; readonly x: readonly number[]; readonly y: readonly (number | null)[] }[];
}

export class LiveView {
  readonly element = el("section", { id: "live", class: "wide" });
  private readonly status = el("p", { class: "lead", role: "status" });
  private readonly said = el("p", { class: "note" });
  private readonly warnings = el("ul", { class: "warnings" });
  private readonly panels = el("div", { class: "panels" });
  private readonly plots = new Map<string, { plot: uPlot; now: HTMLElement }>();
  private heard: Heard | null = null;
  private running = true;

  constructor(
    private readonly room: Room,
    private readonly address: string,
    private readonly every: number,
  ) {
    this.element.append(this.status, this.said, this.warnings, this.panels);
    room.state.on(["language", "theme"], () => this.redraw());
    this.redraw();
    void this.follow();
  }

  private async follow(): Promise<void> {
    let missed = 0;
    while (this.running) {
      try {
        const answer = await fetch(this.address, { cache: "no-store" });
        if (!answer.ok) throw new Error(answer.statusText);
        this.heard = (await answer.json()) as Heard;
        this.running = this.heard.running;
        missed = 0;
      } catch {
        missed++;
        if (missed >= 3) this.running = false;
      }
      this.draw();
      if (this.running) await new Promise((resolve) => setTimeout(resolve, this.every));
    }
  }

  private redraw(): void {
    for (const { plot } of this.plots.values()) plot.destroy();
    this.plots.clear();
    this.panels.replaceChildren();
    this.draw();
  }

  private draw(): void {
    const { words } = this.room;
    this.status.textContent = this.running ? words.liveOn : words.liveOff;
    this.element.dataset["running"] = String(this.running);
    const { heard } = this;
    this.said.textContent = heard ? visible(heard.said.at(-1) ?? "") : words.waiting;
    this.warnings.replaceChildren(...(heard?.warnings ?? []).map((one) => el("li", {}, visible(one))));
    for (const curve of heard?.curves ?? []) {
      const data: uPlot.AlignedData = [[...curve.x], curve.y.map((value) => (value === null || (curve.log && value <= 0) ? null : value))];
      const known = this.plots.get(curve.name);
      const last = curve.y.at(-1);
      if (known) {
        known.plot.setData(data);
        known.now.textContent = last == null ? "" : number(last);
      } else {
        this.plots.set(curve.name, this.panel(curve.name, curve.log, data, last ?? null));
      }
    }
  }

  private panel(name: string, log: boolean, data: uPlot.AlignedData, last: number | null): { plot: uPlot; now: HTMLElement } {
    const { room } = this;
    const now = el("b", {}, last === null ? "" : number(last));
    const box = el("div", { class: "plot" });
    this.panels.append(el("figure", { class: "panel" }, el("figcaption", {}, `${visible(curveName(name, room.words))} `, now), box));
    const font = `12px ${getComputedStyle(document.body).fontFamily}`;
    const axis = { stroke: room.colour("--muted"), font, grid: { stroke: room.colour("--line"), width: 1 }, ticks: { show: false } };
    const plot = new uPlot(
      {
        width: box.clientWidth || 360,
        height: HEIGHT,
        legend: { show: false },
        cursor: { drag: { x: false, y: false } },
        scales: { x: { time: false }, y: log ? { distr: 3 } : { range: (_, low, high) => reach(low, high) } },
        axes: [{ ...axis, label: room.words.update, labelFont: font, labelSize: 22, size: 30, incrs: WHOLE }, { ...axis, size: 58 }],
        series: [{}, { stroke: room.colour(`--c${(this.plots.size % 6) + 1}`), width: 2, points: { show: (data[0]?.length ?? 0) < 30, size: 5 } }],
      },
      data,
      box,
    );
    // More curves come, and the columns of those that are there get narrower.
    new ResizeObserver(() => {
      if (box.clientWidth && box.clientWidth !== plot.width) plot.setSize({ width: box.clientWidth, height: HEIGHT });
    }).observe(box);
    return { plot, now };
  }
}

/** What an axis reaches: a score that stays where it is stands on the whole scale of scores. */
function reach(low: number, high: number): [number, number] {
  if (low === high && low >= 0 && low <= 1) return [0, 1];
  const [from, to] = uPlot.rangeNum(low, high, 0.1, true);
  return [from ?? low, to ?? high];
}

/** "layer 1, forward: what", "validation score" and the other names of curves, in the reader's language. */
function curveName(name: string, words: Words): string {
  const at = name.indexOf(": ");
  if (at > 0) return `${layerName(name.slice(0, at), words)}: ${words.curves[name.slice(at + 2)] ?? name.slice(at + 2)}`;
  const [first, ...rest] = name.split(" ");
  return words.curves[name] ?? [words.curves[first!] ?? first, ...rest].join(" ");
}
