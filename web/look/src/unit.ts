/** One unit through time: its states and its gates as lines under the heat map, on the same axis. */

import uPlot from "uplot";
import type { Grid } from "./blocks";
import { crowded, drawColumns } from "./columns";
import { el, perFrame, WHOLE } from "./dom";
import { timescaleOf, saturationOf } from "./order";
import { GUTTER, MARGIN, type Room } from "./room";
import type { Track } from "./scene";
import { number, percent, visible } from "./text";

const COLOURS = ["--c1", "--c2", "--c3", "--c4", "--c5", "--c6"];
/** c, h and each gate keep their colour whatever else is there. */
const FIXED: Readonly<Record<string, number>> = { c: 0, h: 1, f: 2, z: 2, i: 3, r: 3, o: 4, g: 5, n: 5 };

const LINES = uPlot.paths.linear!();

interface Row {
  readonly plot: uPlot;
  readonly keys: HTMLElement[];
  readonly grids: readonly Grid[];
  readonly box: HTMLElement;
}

export class UnitTracks {
  readonly element = el("section", { id: "unit", class: "wide" });
  private rows: Row[] = [];
  private round = 0;
  private readonly window = perFrame(() => this.rescale());

  constructor(private readonly room: Room) {
    const { state } = room;
    state.on(["unit", "layer", "view", "compare", "theme", "language"], () => void this.build());
    state.on(["from", "to"], () => this.window());
    state.on(["step"], () => this.point());
    new ResizeObserver(() => this.resize()).observe(this.element);
    void this.build();
  }

  private async build(): Promise<void> {
    const round = ++this.round;
    const { room } = this;
    const { words, state } = room;
    const views = state.now.compare === "one" ? [room.view] : [room.view, room.other];
    // The heat map comes first: it needs one track, this needs all of them.
    await room.grid();
    await new Promise((resolve) => setTimeout(resolve, 30));
    if (round !== this.round) return;
    const made: { name: string; tracks: readonly Track[]; grids: Grid[] }[] = [];
    for (const view of views) {
      const tracks = room.layer(view)?.tracks ?? [];
      for (const part of [tracks.filter((track) => track.kind !== "share"), tracks.filter((track) => track.kind === "share")]) {
        if (part.length) made.push({ name: view.name, tracks: part, grids: await Promise.all(part.map((track) => room.blocks.grid(track.block))) });
      }
    }
    if (round !== this.round) return;
    for (const row of this.rows) row.plot.destroy();
    this.rows = [];
    const { unit } = state.now;
    const main = await room.grid();
    const layer = room.layer();
    const about =
      main && layer && unit < main.rows
        ? words.about(steps(timescaleOf(layer, main, unit)), percent(saturationOf(main, room.track()!.kind === "share", unit)))
        : "";
    const body = el("div", { class: "tracks" });
    this.element.replaceChildren(
      el("h2", {}, words.chosenUnit(unit)),
      el("p", { class: "note" }, about),
      body,
      el("p", { class: "note hint" }, words.pickUnit),
    );
    for (const { name, tracks, grids } of made) body.append(this.row(views.length > 1 ? name : "", tracks, grids, unit));
    this.rescale();
  }

  private row(name: string, tracks: readonly Track[], grids: readonly Grid[], unit: number): HTMLElement {
    const { room } = this;
    const { words } = room;
    const share = tracks[0]!.kind === "share";
    const steps = Math.max(...grids.map((grid) => grid.columns));
    const data = [
      Float64Array.from({ length: steps }, (_, t) => t + 0.5),
      ...grids.map((grid) => (unit < grid.rows ? grid.row(unit) : new Float64Array(steps).fill(NaN))),
    ] as uPlot.AlignedData;
    const colour = (track: Track): string => room.colour(COLOURS[FIXED[track.name] ?? tracks.indexOf(track) % 6]!);
    const keys = tracks.map((track) => {
      const swatch = el("i", {});
      swatch.style.background = colour(track);
      return el("span", { class: "key" }, swatch, `${words.tracks[track.name] ?? visible(track.name)} `, el("b", {}));
    });
    const box = el("div", { class: "plot" });
    const holder = el("div", {}, el("div", { class: "keys" }, name ? el("b", {}, visible(name)) : null, ...keys), box);
    const grid = { stroke: room.colour("--line"), width: 1 };
    const axis = { stroke: room.colour("--muted"), font: `12px ${getComputedStyle(document.body).fontFamily}`, grid, ticks: { show: false } };
    const most = Math.max(1e-6, ...data.slice(1).map((row) => (row as Float64Array).reduce((a, b) => Math.max(a, Math.abs(b) || 0), 0)));
    const plot = new uPlot(
      {
        width: Math.max(200, this.inner),
        height: 150,
        padding: [8, MARGIN, 0, 0],
        legend: { show: false },
        cursor: { drag: { x: false, y: false }, points: { size: 7 }, y: false },
        scales: {
          x: { time: false, auto: false, range: () => [room.state.now.from, room.state.now.to] },
          y: { auto: false, range: share ? [0, 1] : [-1.05 * most, 1.05 * most] },
        },
        axes: [
          { ...axis, size: 26, incrs: WHOLE },
          { ...axis, size: GUTTER, values: (_, ticks) => ticks.map(number) },
        ],
        series: [
          {},
          ...tracks.map((track) => ({
            stroke: colour(track),
            width: 1.8,
            points: { show: steps < 3 },
            paths: (self: uPlot, index: number, from: number, to: number) => (crowded(self) ? null : LINES(self, index, from, to)),
          })),
        ],
        hooks: {
          drawSeries: [(self: uPlot, index: number) => void (index > 0 && crowded(self) && drawColumns(self, index))],
          setCursor: [
            (self: uPlot) => {
              if (!self.over.matches(":hover")) return;
              const left = self.cursor.left ?? -1;
              room.state.set({ step: left < 0 ? null : Math.max(0, Math.min(steps - 1, Math.floor(self.posToVal(left, "x")))) });
            },
          ],
        },
      },
      data,
      box,
    );
    this.rows.push({ plot, keys, grids, box });
    return holder;
  }

  private get inner(): number {
    const style = getComputedStyle(this.element);
    return this.element.clientWidth - parseFloat(style.paddingLeft || "0") - parseFloat(style.paddingRight || "0");
  }

  private resize(): void {
    const width = Math.max(200, this.inner);
    for (const { plot } of this.rows) if (plot.width !== width) plot.setSize({ width, height: 150 });
  }

  private rescale(): void {
    const { from, to } = this.room.state.now;
    for (const { plot } of this.rows) plot.setScale("x", { min: from, max: to });
  }

  private point(): void {
    const { step, unit } = this.room.state.now;
    for (const { plot, keys, grids } of this.rows) {
      keys.forEach((key, index) => {
        const grid = grids[index]!;
        key.querySelector("b")!.textContent = step === null || step >= grid.columns || unit >= grid.rows ? "" : number(grid.at(unit, step));
      });
      if (!plot.over.matches(":hover")) plot.setCursor({ left: step === null ? -10 : plot.valToPos(step + 0.5, "x"), top: 10 }, false);
    }
  }
}

function steps(count: number): string {
  return Number.isFinite(count) ? (count >= 10 ? String(Math.round(count)) : number(count)) : "∞";
}
