/** The page by keyboard. */

import { el } from "./dom";
import type { Inside } from "./inside";
import { moveTo, zoom } from "./pane";
import type { Room } from "./room";
import type { Sorting } from "./order";

const SORTINGS: readonly Sorting[] = ["number", "similarity", "saturation", "timescale", "query"];

export function keyHelp(room: Room): HTMLDialogElement {
  const dialog = el("dialog", { id: "keys" });
  const build = (): void => {
    const { words } = room;
    dialog.replaceChildren(
      el("h2", {}, words.keys),
      el("dl", { class: "facts" }, ...words.keyList.flatMap(([key, what]) => [el("dt", {}, el("kbd", {}, key!)), el("dd", {}, what!)])),
      el("form", { method: "dialog" }, el("button", {}, words.close)),
    );
  };
  build();
  room.state.on(["language"], build);
  return dialog;
}

export function listenToKeys(room: Room, inside: Inside | null, help: HTMLDialogElement): void {
  const { state } = room;
  let anchor: number | null = null;

  const move = (by: number, mark: boolean): void => {
    const { now } = state;
    const last = room.steps() - 1;
    const from = now.step ?? (by > 0 ? -1 : last + 1);
    const step = Math.max(0, Math.min(last, from + by));
    if (mark) {
      anchor ??= Math.max(0, Math.min(last, from < 0 ? 0 : from));
      state.set({ spans: [[Math.min(anchor, step), Math.max(anchor, step)]] });
    } else {
      anchor = null;
    }
    state.set({ step, focus: step });
    const width = now.to - now.from;
    if (step < now.from || step >= now.to) moveTo(room, step - width / 2, now.top, now.bottom);
  };

  const next = (by: number): void => {
    const order = inside?.unitOrder ?? new Uint32Array();
    const at = order.indexOf(state.now.unit) + by;
    const unit = order[Math.max(0, Math.min(order.length - 1, at))];
    if (unit !== undefined) state.set({ unit });
  };

  const turn = <T>(all: readonly T[], now: T, by = 1): T => all[(all.indexOf(now) + by + all.length) % all.length] ?? now;

  document.addEventListener("keydown", (event) => {
    const target = event.target as HTMLElement;
    if (event.ctrlKey || event.metaKey || event.altKey || help.open) return;
    if (["INPUT", "SELECT", "TEXTAREA"].includes(target.tagName)) return;
    if (room.scene.views.length === 0 && !["d", "l", "?"].includes(event.key)) return;
    const { now } = state;
    const middle = now.step ?? (now.from + now.to) / 2;
    const layers = (room.scene.views[now.view]?.layers ?? []).map((_, index) => index);
    const does: Readonly<Record<string, () => void>> = {
      ArrowLeft: () => move(-1, event.shiftKey),
      ArrowRight: () => move(1, event.shiftKey),
      ArrowUp: () => next(-1),
      ArrowDown: () => next(1),
      "+": () => zoom(room, 0.5, middle),
      "=": () => zoom(room, 0.5, middle),
      "-": () => zoom(room, 2, middle),
      "0": () => inside?.fit(),
      "[": () => state.set({ layer: turn(layers, now.layer, -1) }),
      "]": () => state.set({ layer: turn(layers, now.layer) }),
      t: () => state.set({ track: turn((room.layer()?.tracks ?? []).map((track) => track.name), now.track) }),
      s: () => state.set({ sorting: turn(SORTINGS, now.sorting) }),
      c: () => {
        if (room.scene.views.length > 1) state.set({ compare: turn(["one", "both", "difference"] as const, now.compare) });
      },
      m: () => {
        if (room.view.memory && room.view.saliency.length) state.set({ shade: now.shade === "memory" ? "saliency" : "memory" });
      },
      d: () => state.set({ theme: now.theme === "dark" ? "light" : "dark" }),
      l: () => state.set({ language: now.language === "en" ? "ko" : "en" }),
      Escape: () => {
        anchor = null;
        state.set({ spans: [], step: null });
      },
      "?": () => help.showModal(),
    };
    const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
    // On a button, arrows and letters still steer the page; what presses the button stays with it.
    const work = does[key];
    if (!work) return;
    event.preventDefault();
    work();
  });
}
