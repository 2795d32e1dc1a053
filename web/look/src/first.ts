/** The first screen: one sentence of diagnosis, the text, and which of its words are remembered where. */

import type { Grid } from "./blocks";
import { css, rampOf, wantsDarkInk } from "./colours";
import { el } from "./dom";
import type { Room } from "./room";
import type { Saliency, View } from "./scene";
import { label, number, percent, visible } from "./text";

/** Tokens that are laid out as running text; the heat map has all of them. */
const SHOWN = 1500;
/** Lines of a series that are drawn at most, one for each colour of the page. */
const LINES = 6;

export class First {
  readonly element = el("section", { id: "first", class: "first" });
  private readonly lead = el("p", { class: "note shade-lead" });
  private readonly texts = el("div", { class: "texts" });
  private memories: (Grid | null)[] = [];
  /** By view and method, where there is a row for each step. */
  private decided: (Grid | null)[][] = [];
  private spans: HTMLElement[][] = [];
  private series: { canvas: HTMLCanvasElement; view: View }[] = [];

  constructor(private readonly room: Room) {
    const { state } = room;
    void this.load();
    state.on(["language", "shade", "method", "view", "compare"], () => this.build());
    state.on(["focus", "theme"], () => this.shade());
  }

  private async load(): Promise<void> {
    const { room } = this;
    this.memories = await Promise.all(room.scene.views.map((view) => (view.memory ? room.blocks.grid(view.memory.block) : null)));
    this.decided = await Promise.all(
      room.scene.views.map((view) => Promise.all(view.saliency.map((one) => (one.rows ? room.blocks.grid(one.rows) : null)))),
    );
    this.build();
  }

  private build(): void {
    const { room } = this;
    const { words, state, scene } = room;
    const view = room.view;
    const grave = view.diagnosis[0]?.grave ?? false;
    const diagnosis = view.diagnosis[0]?.[state.now.language];
    const shown = state.now.compare === "one" ? [view] : [view, room.other];
    const several = shown.length > 1;
    const called = (one: View): string => (several ? `${label(one.name, 20)}: ` : "");
    const answers = shown.filter((one) => one.answer).map((one) => el("p", { class: "answer" }, `${words.answer}: `, el("bdi", {}, called(one)), el("bdi", {}, visible(one.answer))));
    const decisions = shown.map((one) => [one, this.decision(one)] as const).filter(([, said]) => said).map(([one, said]) => called(one) + said);
    // The first of these that there is leads; of two texts each has its own.
    const sentences = [...decisions, ...[this.summary(view), this.learning(view)].filter((one) => one).map((said) => called(view) + said)];
    const leading = Math.max(1, decisions.length);
    this.spans = [];
    this.series = [];
    const choices = [
      ...(view.memory ? (["memory"] as const) : []),
      ...(view.saliency.length ? (["saliency"] as const) : []),
    ];
    if (choices.length && !choices.includes(state.now.shade)) state.now.shade = choices[0]!;
    const tabs = el("div", { class: "tabs", role: "group" });
    for (const name of choices) {
      tabs.append(
        el(
          "button",
          { type: "button", "aria-pressed": String(state.now.shade === name), "data-shade": name, click: () => state.set({ shade: name }) },
          name === "memory" ? words.remembers : words.decides,
        ),
      );
    }
    this.texts.replaceChildren(...shown.map((one) => this.text(one, several)));
    this.element.replaceChildren(
      ...answers,
      ...sentences.map((one, index) => el("p", { class: index < leading ? "lead" : "summary" }, one)),
      ...(grave && diagnosis?.try ? [el("p", { class: "advice" }, visible(diagnosis.try))] : []),
      ...scene.notes.map((note) => el("p", { class: "note" }, visible(note))),
      el("div", { class: "choices" }, choices.length > 1 ? tabs : null, state.now.shade === "saliency" ? this.methods(view) : null),
      this.lead,
      this.texts,
      this.ask(view, choices.length > 0),
    );
    this.shade();
  }

  /** What else can be asked of the text. */
  private ask(view: View, shaded: boolean): HTMLElement | string {
    const { words, state } = this.room;
    const memory = state.now.shade === "memory";
    if (!shaded || (!memory && !this.saliency(view)?.rows)) return "";
    return el("p", { class: "note" }, memory ? (view.unit === "step" ? words.memoryAskSteps : words.memoryAsk) : words.saliencyAsk);
  }

  private methods(view: View): HTMLElement | null {
    const { words, state } = this.room;
    if (view.saliency.length < 2) return null;
    const select = el("select", { "data-choice": "method", change: (event: Event) => state.set({ method: Number((event.target as HTMLSelectElement).value) }) });
    view.saliency.forEach((one, index) => select.append(el("option", { value: String(index) }, words.methods[one.name] ?? visible(one.name))));
    select.value = String(Math.min(state.now.method, view.saliency.length - 1));
    return el("label", {}, el("span", {}, `${words.method} `), select);
  }

  private saliency(view: View): Saliency | undefined {
    return view.saliency[Math.min(this.room.state.now.method, view.saliency.length - 1)];
  }

  /** The first finding of the diagnosis, and what it means for someone who does not know the words. */
  private learning(view: View): string {
    const { words, state } = this.room;
    const found = view.diagnosis[0];
    return found ? [visible(found[state.now.language].what), words.means[found.kind]].filter((part) => part).join(" ") : "";
  }

  /** The words that counted most for the one answer, in a sentence. */
  private decision(view: View): string {
    const { words } = this.room;
    const best = view.saliency.find((one) => one.name === "integrated gradients") ?? view.saliency[0];
    if (!best || view.unit !== "word" || view.decides !== "answer" || !view.answer || view.saliency.some((one) => one.rows)) return "";
    const most = best.values.reduce<number>((a, b) => Math.max(a, b ?? 0), 0);
    const found = [...best.values.keys()]
      .filter((t) => (best.values[t] ?? 0) > 0.35 * most && /[\p{L}\p{N}]/u.test(view.tokens[t]!))
      .sort((a, b) => best.values[b]! - best.values[a]!);
    const named = [...new Set(found.map((t) => `“${label(view.tokens[t]!, 24)}”`))].slice(0, 3);
    return named.length ? words.sumDecided(named) : "";
  }

  /** The memory at the end in one sentence: how near it reaches, and what of the rest stands out. */
  private summary(view: View): string {
    const { words, scene } = this.room;
    const memory = this.memories[scene.views.indexOf(view)];
    if (!memory || !view.memory || view.layers.some((layer) => layer.direction < 0)) return "";
    const row = memory.row(nearest(view.memory.at, view.tokens.length - 1));
    const whole = row.reduce((a, b) => a + b, 0);
    let near = 0;
    for (let sum = 0; sum < whole / 2 && near < row.length; near++) sum += row[row.length - 1 - near]!;
    // Of what is further back, the steps that stick out from their neighbours, not just the nearest ones.
    const most = row.reduce((a, b) => Math.max(a, b), 0);
    const beside = (t: number): number => {
      const around = row.subarray(Math.max(0, t - 3), Math.min(row.length - near, t + 4));
      return (around.reduce((a, b) => a + b, 0) - row[t]!) / Math.max(1, around.length - 1);
    };
    const before = [...row.keys()]
      .slice(0, row.length - near)
      .filter((t) => row[t]! > 0.02 * most && row[t]! > 1.25 * beside(t))
      .sort((a, b) => row[b]! / beside(b) - row[a]! / beside(a));
    const known = [...new Set(before.map((t) => label(view.tokens[t]!, 24)).filter((word) => /[\p{L}\p{N}]/u.test(word)))].slice(0, 2);
    const far = view.unit === "word" && known.length ? words.sumUpFar(known.map((word) => `“${word}”`).join(words.and)) : "";
    return words.sumUp(near, row.length, words.parts[view.unit]) + far;
  }

  private text(view: View, named: boolean): HTMLElement {
    const { room } = this;
    const { words, state } = room;
    const body = el("p", { class: `sentence ${view.unit}`, tabindex: "0", "aria-label": words.sentenceLabel });
    const spans: HTMLElement[] = [];
    if (view.unit === "step") return this.figure(view, named);
    const start = view.tokens.length > SHOWN ? Math.max(0, Math.min(view.tokens.length - SHOWN, state.now.focus - SHOWN / 2)) : 0;
    const end = Math.min(view.tokens.length, Math.floor(start) + SHOWN);
    for (let t = Math.floor(start); t < end; t++) {
      const gap = view.gaps?.[t] ?? "";
      if (gap && t > 0) body.append(gap.includes("\n") ? el("br") : " ");
      const whole = view.tokens[t]!;
      const cut = whole.length > 200 ? `${whole.slice(0, 200)}…` : whole;
      const span = el("bdi", { class: "token", "data-step": String(t) }, visible(cut === "\n" ? "⏎" : cut));
      if (cut === "\n") span.append(el("br"));
      spans[t] = span;
      const tag = view.tags?.[t];
      body.append(tag === undefined ? span : el("ruby", {}, span, el("rt", {}, visible(tag))));
    }
    const at = (event: Event): number | null => {
      const step = (event.target as HTMLElement).closest<HTMLElement>("[data-step]")?.dataset["step"];
      return step === undefined ? null : Number(step);
    };
    body.addEventListener("pointerover", (event) => {
      const step = at(event);
      if (step !== null) state.set({ focus: step, step });
    });
    body.addEventListener("click", (event) => {
      const step = at(event);
      if (step !== null) state.set({ focus: step, step });
    });
    body.addEventListener("pointerleave", () => state.set({ focus: room.steps() - 1, step: null }));
    this.spans.push(spans);
    return el(
      "div",
      { class: "reading" },
      named ? el("h3", {}, visible(view.name)) : null,
      body,
      end < view.tokens.length ? el("p", { class: "note" }, words.cut(view.tokens.length - end)) : null,
    );
  }

  /** A series has no words: the strip of what is held stands under its line in the heat map's section. */
  private figure(view: View, named: boolean): HTMLElement {
    const canvas = el("canvas", { class: "series" });
    this.spans.push([]);
    this.series.push({ canvas, view });
    const keys = el("div", { class: "keys" });
    void this.nameSeries(keys, view);
    const box = el("div", { class: "reading" }, named ? el("h3", {}, visible(view.name)) : null, canvas, keys);
    const at = (event: PointerEvent): number =>
      Math.max(0, Math.min(view.tokens.length - 1, Math.floor((event.offsetX / canvas.clientWidth) * view.tokens.length)));
    canvas.addEventListener("pointermove", (event) => this.room.state.set({ focus: at(event), step: at(event) }));
    canvas.addEventListener("pointerleave", () => this.room.state.set({ focus: this.room.steps() - 1, step: null }));
    new ResizeObserver(() => void this.drawSeries(canvas, view)).observe(box);
    return box;
  }

  /** Which line is which, and from where to where each goes: every line has the whole height for itself. */
  private async nameSeries(keys: HTMLElement, view: View): Promise<void> {
    const { room } = this;
    if (!view.series) return;
    const grid = await room.blocks.grid(view.series.block);
    const found = Array.from({ length: Math.min(LINES, grid.rows) }, (_, r) => {
      const swatch = el("i", {});
      swatch.style.background = `var(${lineColour(r)})`;
      const [low, high] = extent(grid.row(r));
      return el("span", { class: "key" }, swatch, room.words.line(r + 1, number(low), number(high)));
    });
    keys.replaceChildren(...found);
  }

  private async drawSeries(canvas: HTMLCanvasElement, view: View): Promise<void> {
    const { room } = this;
    const width = canvas.parentElement?.clientWidth ?? 0;
    if (!width || !view.series) return;
    const grid = await room.blocks.grid(view.series.block);
    const height = 170;
    const ratio = window.devicePixelRatio || 1;
    canvas.width = width * ratio;
    canvas.height = height * ratio;
    canvas.style.height = `${height}px`;
    const context = canvas.getContext("2d")!;
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    const shares = this.shares(view);
    const ramp = rampOf(room.palette, shares?.signed ? "signed" : "amount");
    const wide = width / grid.columns;
    if (shares) {
      for (let t = 0; t < grid.columns; t++) {
        const share = shares.values[t] ?? 0;
        context.fillStyle = css(ramp, shares.signed ? (share + 1) / 2 : share);
        context.fillRect(t * wide, 0, wide + 0.5, height);
      }
    }
    for (let r = 0; r < Math.min(LINES, grid.rows); r++) {
      const row = grid.row(r);
      const [low, high] = extent(row);
      for (const [line, colour] of [[4.5, room.colour("--paper")], [2, room.colour(lineColour(r))]] as const) {
        context.strokeStyle = colour;
        context.lineWidth = line;
        context.lineJoin = "round";
        context.beginPath();
        for (let t = 0; t < grid.columns; t++) {
          const y = height - 12 - ((row[t]! - low) / (high - low || 1)) * (height - 24);
          if (t) context.lineTo((t + 0.5) * wide, y);
          else context.moveTo((t + 0.5) * wide, y);
        }
        context.stroke();
      }
    }
    context.strokeStyle = room.colour("--ink");
    context.lineWidth = 1.5;
    const x = (room.state.now.focus + 0.5) * wide;
    context.beginPath();
    context.moveTo(x, 0);
    context.lineTo(x, height);
    context.stroke();
  }

  /** What each token is shaded by: from 0 to 1, or from -1 to 1 where a sign matters; and what is said about it. */
  private shares(view: View): { values: Float64Array; raw: Float64Array; signed: boolean } | null {
    const { state, scene } = this.room;
    if (state.now.shade === "saliency") {
      const saliency = this.saliency(view);
      const rows = this.decided[scene.views.indexOf(view)]?.[saliency ? view.saliency.indexOf(saliency) : 0];
      if (rows) return scaled(rows.row(Math.min(state.now.focus, view.tokens.length - 1)));
      return saliency ? scaled(Float64Array.from(saliency.values, (value) => value ?? NaN)) : null;
    }
    const memory = this.memories[scene.views.indexOf(view)];
    if (!memory || !view.memory) return null;
    const raw = memory.row(nearest(view.memory.at, Math.min(state.now.focus, view.tokens.length - 1)));
    const most = raw.reduce((a, b) => (b > a ? b : a), 0) || 1;
    return { values: raw.map((value) => Math.max(0, value) / most), raw, signed: false };
  }

  private shade(): void {
    const { room, spans } = this;
    const { words, state } = room;
    const shown = state.now.compare === "one" ? [room.view] : [room.view, room.other];
    shown.forEach((view, index) => {
      const shares = this.shares(view);
      const signed = shares?.signed ?? false;
      const ramp = rampOf(room.palette, signed ? "signed" : "amount");
      const focus = Math.min(state.now.focus, view.tokens.length - 1);
      spans[index]?.forEach((span, t) => {
        const value = shares?.values[t];
        const known = value !== undefined && Number.isFinite(value);
        const share = !known ? 0 : signed ? (value + 1) / 2 : value;
        span.style.backgroundColor = known ? css(ramp, share) : "transparent";
        span.style.color = known ? (wantsDarkInk(ramp, share) ? "#14181c" : "#f6f7f8") : "";
        span.classList.toggle("focus", t === focus && (state.now.shade === "memory" || this.saliency(view)?.rows != null));
        span.title = known ? (signed ? number(shares!.raw[t]!) : state.now.shade === "memory" ? words.held(percent(shares!.raw[t]!)) : number(shares!.raw[t]!)) : "";
      });
    });
    for (const { canvas, view } of this.series) void this.drawSeries(canvas, view);
    const view = room.view;
    const saliency = this.saliency(view);
    if (state.now.shade === "saliency" && saliency) {
      const word = label(view.tokens[Math.min(state.now.focus, view.tokens.length - 1)] ?? "", 30);
      this.lead.textContent = saliency.rows ? words.saliencyLeadStep(word) : words.saliencyLead[view.decides];
    } else if (view.memory) {
      const focus = Math.min(state.now.focus, view.tokens.length - 1);
      const word = label(view.tokens[focus] ?? "", 30);
      if (view.unit === "step") this.lead.textContent = words.memoryLeadSteps(word === String(focus) ? words.step(focus) : word);
      else this.lead.textContent = focus === view.tokens.length - 1 ? words.memoryLeadLast : words.memoryLead(word);
    } else {
      this.lead.textContent = view.images.length ? "" : words.memoryNone;
    }
  }
}

/** The colour of a line of a series: blue is for what is held. */
function lineColour(line: number): string {
  return `--c${((line + 1) % LINES) + 1}`;
}

function extent(row: Float64Array): readonly [number, number] {
  return [row.reduce((a, b) => (b < a ? b : a), Infinity), row.reduce((a, b) => (b > a ? b : a), -Infinity)];
}

/** From -1 to 1 by the largest; saliency has a sign even where all of one sign came out. */
function scaled(raw: Float64Array): { values: Float64Array; raw: Float64Array; signed: boolean } {
  const most = raw.reduce((a, b) => Math.max(a, Number.isNaN(b) ? 0 : Math.abs(b)), 0) || 1;
  return { values: raw.map((value) => value / most), raw, signed: true };
}

/** The row whose step is nearest. */
export function nearest(at: readonly number[], step: number): number {
  let best = 0;
  at.forEach((one, index) => {
    if (Math.abs(one - step) < Math.abs(at[best]! - step)) best = index;
  });
  return best;
}
