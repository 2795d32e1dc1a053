/** Puts the page together from the scene that stands in it. */

import { Blocks } from "./blocks";
import { el } from "./dom";
import { First } from "./first";
import { Found } from "./found";
import { Inside } from "./inside";
import { keyHelp, listenToKeys } from "./keys";
import { Lags } from "./lags";
import { LiveView } from "./live";
import { Marked } from "./marked";
import { Matrices } from "./matrices";
import { Room } from "./room";
import type { Scene } from "./scene";
import { State, type Choice } from "./state";
import { visible } from "./text";
import { UnitTracks } from "./unit";

function begin(): void {
  const scene = JSON.parse(document.getElementById("scene")!.textContent!) as Scene;
  const view = scene.views[0];
  const track = view?.layers[0]?.tracks.some((one) => one.name === "c") ? "c" : (view?.layers[0]?.tracks[0]?.name ?? "h");
  const dark = window.matchMedia("(prefers-color-scheme: dark)");
  const choice: Choice = {
    theme: dark.matches ? "dark" : "light",
    language: scene.language ?? (navigator.language.startsWith("ko") ? "ko" : "en"),
    view: 0,
    compare: scene.views.length > 1 ? "both" : "one",
    layer: 0,
    track,
    sorting: "number",
    unit: 0,
    step: null,
    focus: (view?.tokens.length ?? 1) - 1,
    shade: "memory",
    method: 0,
    from: 0,
    to: 1,
    top: 0,
    bottom: 1,
    spans: [],
  };
  const state = new State(choice);
  const room = new Room(scene, new Blocks(), state);
  choice.to = room.span;
  const dress = (): void => {
    document.documentElement.dataset["theme"] = state.now.theme;
    document.documentElement.lang = state.now.language;
  };
  dress();
  // First in line: what follows reads the colours of the new theme.
  state.on(["theme", "language"], dress);
  dark.addEventListener("change", () => state.set({ theme: dark.matches ? "dark" : "light" }));

  const main = document.querySelector("main")!;
  const help = keyHelp(room);
  main.replaceChildren(head(room, help));
  let inside: Inside | null = null;
  if (scene.live) main.append(new LiveView(room, scene.live.address, scene.live.every).element);
  if (view) {
    main.append(new First(room).element);
    if (view.layers.length) {
      inside = new Inside(room);
      main.append(inside.element, new UnitTracks(room).element);
    }
    const learning = el("div", { class: "pair" }, ...(inside ? [new Marked(room).element] : []), new Lags(room).element);
    main.append(learning, new Matrices(room).element, new Found(room).element);
  }
  document.body.append(help);
  listenToKeys(room, inside, help);
  // What tests, and the console, may ask.
  Object.assign(window, { unroll: { room, inside } });
}

function head(room: Room, help: HTMLDialogElement): HTMLElement {
  const { scene, state } = room;
  const made = el("header");
  const build = (): void => {
    const { words } = room;
    const button = (id: string, text: string, title: string, press: () => void): HTMLElement =>
      el("button", { type: "button", id, title, "aria-label": title, click: press }, text);
    made.replaceChildren(
      el("div", {}, el("h1", {}, el("bdi", {}, visible(scene.title))), el("p", { class: "note" }, el("bdi", {}, visible(scene.subtitle)))),
      el("div", { class: "buttons" },
        button("language", words.language, words.language, () => state.set({ language: state.now.language === "en" ? "ko" : "en" })),
        button("theme", state.now.theme === "dark" ? "☀" : "☾", words.theme, () => state.set({ theme: state.now.theme === "dark" ? "light" : "dark" })),
        button("help", "?", words.keys, () => help.showModal()),
      ),
    );
  };
  build();
  state.on(["language", "theme"], build);
  return made;
}

begin();
