/** The section with the heat maps: its tools, its panes, the strip below, and what unit is chosen. */

import type { Grid, Level } from "./blocks";
import { el, perFrame, sized } from "./dom";
import { drawHeat, drawScale } from "./draw";
import { difference } from "./derive";
import { byNumber, byValue, saturation, similarity, timescales, type Sorting } from "./order";
import { Pane, moveTo, zoom, type Shown } from "./pane";
import { matches } from "./query";
import { GUTTER, MARGIN, type Room } from "./room";
import type { Layer, View } from "./scene";
import { layerName, number, otherSteps, visible } from "./text";

const SORTINGS: readonly Sorting[] = ["number", "similarity", "saturation", "timescale", "query"];

export class Inside {
  readonly element: HTMLElement;
  readonly panes: Pane[];
  private readonly tools = el("div", { class: "tools" });
  private readonly thumbs = el("div", { class: "thumbs" });
  private readonly strip = el("canvas", { class: "strip", "aria-hidden": "true" });
  private readonly scale = el("canvas", { class: "scale", "aria-hidden": "true" });
  private readonly note = el("p", { class: "note grain" });
  private readonly orders = new Map<string, Uint32Array>();
  private current: Grid | null = null;
  private profile: { level: Level; sums: Float64Array } | null = null;
  private round = 0;

  constructor(private readonly room: Room) {
    const two = room.scene.views.length > 1;
    this.panes = [new Pane(room, 380), ...(two ? [new Pane(room, 300)] : [])];
    this.element = el("section", { id: "inside", class: "wide" });
    this.build();
    const { state } = room;
    state.on(["layer", "track", "view", "compare", "sorting"], () => void this.refresh());
    state.on(["spans"], () => {
      if (state.now.sorting === "query") void this.refresh();
    });
    // The names of what is shown stand above the panes as well.
    state.on(["language"], () => void this.refresh());
    state.on(["theme"], () => {
      this.drawScale();
      void this.drawThumbs();
    });
    state.on(["from", "to", "theme", "top", "bottom"], perFrame(() => this.below()));
    this.moveStrip();
    void this.refresh(true);
  }

  private build(): void {
    const { room, tools } = this;
    const { words, state } = room;
    const chooser = (name: "layer" | "track" | "sorting" | "compare" | "view", text: string, entries: readonly (readonly [string, string])[]): HTMLElement => {
      const select = el("select", {
        "data-choice": name,
        change: (event: Event) => {
          const { value } = event.target as HTMLSelectElement;
          state.set({ [name]: name === "layer" || name === "view" ? Number(value) : value });
        },
      });
      for (const [value, shown] of entries) select.append(el("option", { value }, shown));
      select.value = String(state.now[name]);
      return el("label", {}, el("span", {}, text), select);
    };
    const view = room.view;
    const layers = view.layers.map((layer, index) => {
      return [String(index), `${layerName(layer.name, words)} · ${layer.cell.toUpperCase()}${otherSteps(view, layer, words)}`] as const;
    });
    const tracks = (room.layer()?.tracks ?? []).map((track) => [track.name, words.tracks[track.name] ?? visible(track.name)] as const);
    const button = (text: string, title: string, press: () => void): HTMLElement =>
      el("button", { type: "button", title, "aria-label": title, click: press }, text);
    const middle = (): number => state.now.step ?? (state.now.from + state.now.to) / 2;
    tools.replaceChildren(
      ...(layers.length > 1 ? [chooser("layer", words.layer, layers)] : []),
      chooser("track", words.track, tracks),
      chooser("sorting", words.sort, SORTINGS.map((name) => [name, words.sortings[name]] as const)),
      ...(room.scene.views.length > 1
        ? [
            chooser("compare", words.compare, (["one", "both", "difference"] as const).map((name) => [name, words.compares[name]] as const)),
            chooser("view", words.textOf, room.scene.views.map((one, index) => [String(index), visible(one.name)] as const)),
          ]
        : []),
      el("div", { class: "buttons" },
        button("−", words.zoomOut, () => zoom(room, 2, middle())),
        button("+", words.zoomIn, () => zoom(room, 0.5, middle())),
        button(words.fit[view.unit === "step" ? 1 : 0], words.fit[view.unit === "step" ? 1 : 0], () => this.fit()),
      ),
    );
    this.element.replaceChildren(
      el("h2", {}, words.units),
      tools,
      this.thumbs,
      ...this.panes.map((pane) => pane.element),
      this.strip,
      el("div", { class: "below" }, this.scale, this.note),
      el("p", { class: "note hint" }, words.hint),
    );
    this.below();
    this.drawScale();
    void this.drawThumbs();
  }

  /** Every layer and direction at a glance, to choose from. */
  private async drawThumbs(): Promise<void> {
    const { room } = this;
    const { state, words, view } = room;
    this.thumbs.hidden = view.layers.length < 2;
    if (view.layers.length < 2) return;
    const wide = Math.max(90, Math.min(330, this.element.clientWidth / Math.min(view.layers.length, 6) - 40));
    const made = await Promise.all(
      view.layers.map(async (layer, index) => {
        const track = layer.tracks.find((one) => one.name === state.now.track) ?? layer.tracks[0]!;
        const grid = await room.blocks.grid(track.block);
        const canvas = el("canvas", { "aria-hidden": "true" });
        const window = { from: 0, to: grid.columns, top: 0, bottom: grid.rows };
        drawHeat(sized(canvas, wide, 52), { x: 0, y: 0, width: wide, height: 52 }, grid, track.kind, byNumber(grid.rows), window, room.palette);
        const chosen = String(Math.min(state.now.layer, view.layers.length - 1) === index);
        const way = layer.direction > 0 ? words.forward : words.backward;
        return el("button", { type: "button", class: "thumb", "aria-pressed": chosen, title: way, click: () => state.set({ layer: index }) }, layerName(layer.name, words) + otherSteps(view, layer, words), canvas);
      }),
    );
    this.thumbs.replaceChildren(...made);
  }

  fit(): void {
    this.room.state.set({ from: 0, to: this.room.span, top: 0, bottom: this.current?.rows ?? 1 });
  }

  /** Load what is chosen now and show it; a later call overtakes this one. */
  async refresh(first = false): Promise<void> {
    const round = ++this.round;
    const { room } = this;
    const { state, scene } = room;
    const grid = await room.grid();
    if (!grid || round !== this.round) return;
    const other = scene.views.length > 1 ? await room.grid(room.other) : null;
    if (round !== this.round) return;
    const track = room.track()!;
    if (track.name !== state.now.track) state.set({ track: track.name });
    if (first || !this.current || this.current.rows !== grid.rows) {
      state.set({ top: 0, bottom: grid.rows, unit: Math.min(state.now.unit, grid.rows - 1) });
    }
    this.current = grid;
    const order = this.order(room.view, grid);
    const unlike = differing(scene.views);
    const showing = (view: View, which: Grid, how: Uint32Array): Shown => ({ view: readBy(view, room.layer(view)!), grid: which, kind: room.track(view)!.kind, order: how, unlike });
    const [one, two] = this.panes;
    const both = state.now.compare !== "one" && other !== null;
    one!.caption.hidden = scene.views.length < 2;
    const captioned = (view: View): string => {
      const shown = room.track(view)?.name ?? "";
      return `${visible(view.name)} · ${room.words.tracks[shown] ?? visible(shown)}`;
    };
    one!.caption.textContent = captioned(room.view);
    one!.show(showing(room.view, grid, order));
    if (two) {
      two.element.hidden = !both;
      if (both) {
        const changed = state.now.compare === "difference" ? difference(grid, other) : null;
        const same = other.rows === grid.rows;
        if (state.now.compare === "difference" && changed) {
          two.caption.textContent = `${visible(room.view.name)} − ${visible(room.other.name)}`;
          two.show({ view: room.view, grid: changed, kind: "signed", order, unlike });
        } else {
          two.caption.textContent = state.now.compare === "difference" ? room.words.unlike : captioned(room.other);
          two.show(showing(room.other, other, same ? order : this.order(room.other, other)));
        }
      }
    }
    this.build();
  }

  /** The order of the units of a view; slow ones are kept. */
  private order(view: View, grid: Grid): Uint32Array {
    const { state, scene } = this.room;
    const { sorting, spans } = state.now;
    if (sorting === "number" || (sorting === "query" && spans.length === 0)) return numbered(grid.rows);
    if (sorting === "query") {
      const found = matches(grid, spans).map((match) => match.unit);
      const rest = [...byNumber(grid.rows)].filter((unit) => !found.includes(unit));
      return Uint32Array.from([...found, ...rest]);
    }
    const key = `${scene.views.indexOf(view)} ${state.now.layer} ${state.now.track} ${sorting}`;
    let order = this.orders.get(key);
    if (!order) {
      const layer = this.room.layer(view)!;
      if (sorting === "similarity") order = similarity(grid);
      else if (sorting === "saturation") order = byValue(saturation(grid, this.room.track(view)!.kind === "share"));
      else order = byValue(timescales(layer, grid));
      this.orders.set(key, order);
    }
    return order;
  }

  get unitOrder(): Uint32Array {
    return this.current ? this.order(this.room.view, this.current) : new Uint32Array();
  }

  private below(): void {
    const { grain } = this.panes[0]!;
    const { words } = this.room;
    const error = this.current ? words.exact(number(this.current.error)) : "";
    this.note.textContent = grain.units > 1 || grain.steps > 1 ? words.averages(grain.units, grain.steps) : error;
    this.drawStrip();
  }

  private drawScale(): void {
    if (!this.current) return;
    const context = sized(this.scale, 220, 30);
    drawScale(context, 220, this.room.track()!.kind, this.current, this.room.palette, {
      text: this.room.colour("--ink"),
      muted: this.room.colour("--muted"),
      line: this.room.colour("--line"),
      accent: this.room.colour("--accent"),
      font: getComputedStyle(document.body).fontFamily,
    });
  }

  /** The whole text as a strip, with the part that is shown: how far the units are from rest at each step. */
  private drawStrip(): void {
    const width = this.element.clientWidth - 2 * parseFloat(getComputedStyle(this.element).paddingLeft || "0");
    const { current, room } = this;
    const { now } = room.state;
    const whole = now.from <= 0 && now.to >= room.span;
    this.strip.hidden = whole || !current;
    if (whole || !current || width <= 0) return;
    const height = 34;
    const context = sized(this.strip, width, height);
    const inner = width - GUTTER - MARGIN;
    const scale = inner / room.span;
    context.clearRect(0, 0, width, height);
    context.fillStyle = room.colour("--soft");
    context.fillRect(GUTTER, 2, inner, height - 4);
    const level = current.level(room.span / inner);
    if (this.profile?.level !== level) this.profile = { level, sums: profileOf(current, level) };
    const { sums } = this.profile;
    const most = sums.reduce((a, b) => Math.max(a, b), 1e-9);
    context.fillStyle = room.colour("--muted");
    context.globalAlpha = 0.45;
    context.beginPath();
    context.moveTo(GUTTER, height - 4);
    for (let t = 0; t < level.columns; t++) {
      const y = height - 4 - (sums[t]! / most) * (height - 10);
      context.lineTo(GUTTER + t * level.step * scale, y);
      context.lineTo(GUTTER + Math.min(room.span, (t + 1) * level.step) * scale, y);
    }
    context.lineTo(GUTTER + Math.min(room.span, level.columns * level.step) * scale, height - 4);
    context.fill();
    context.globalAlpha = 1;
    context.strokeStyle = room.colour("--accent");
    context.lineWidth = 2;
    context.strokeRect(GUTTER + now.from * scale, 2, Math.max(6, (now.to - now.from) * scale), height - 4);
  }

  private moveStrip(): void {
    const go = (event: PointerEvent): void => {
      if (event.buttons !== 1) return;
      const { room } = this;
      const { now } = room.state;
      const inner = this.strip.clientWidth - GUTTER - MARGIN;
      const step = ((event.offsetX - GUTTER) / inner) * room.span;
      moveTo(room, step - (now.to - now.from) / 2, now.top, this.current?.rows ?? 1);
    };
    this.strip.addEventListener("pointerdown", (event) => {
      this.strip.setPointerCapture(event.pointerId);
      go(event);
    });
    this.strip.addEventListener("pointermove", go);
  }
}

const plain = new Map<number, Uint32Array>();

/** The order by number; always the same object, by which a picture is known. */
function numbered(units: number): Uint32Array {
  const known = plain.get(units) ?? byNumber(units);
  plain.set(units, known);
  return known;
}

/** How far the units are from zero at each step, summed over some of them. */
function profileOf(grid: Grid, level: Level): Float64Array {
  const sums = new Float64Array(level.columns);
  const every = Math.max(1, Math.floor(grid.rows / 128));
  for (let u = 0; u < grid.rows; u += every) {
    for (let t = 0; t < level.columns; t++) sums[t]! += Math.abs(grid.value(level.codes[u * level.columns + t]! || 1));
  }
  return sums;
}

/** A view as a layer sees it that has steps of its own. */
function readBy(view: View, layer: Layer): View {
  return layer.tokens ? { ...view, tokens: layer.tokens, gaps: null, series: null } : view;
}

/** Steps at which two texts differ. */
function differing(views: readonly View[]): Set<number> {
  const found = new Set<number>();
  const [a, b] = views;
  if (!a || !b || a.unit === "step") return found;
  for (let t = 0; t < Math.max(a.tokens.length, b.tokens.length); t++) if (a.tokens[t] !== b.tokens[t]) found.add(t);
  return found;
}
