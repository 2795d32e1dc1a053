/** What every part of the page is given. */

import type { Blocks, Grid } from "./blocks";
import { palette, type Palette } from "./colours";
import type { Layer, Scene, Track, View } from "./scene";
import type { State } from "./state";
import { WORDS, type Words } from "./words";

/** Left and right of everything that has the steps as its axis, so that steps stand under each other. */
export const GUTTER = 64;
export const MARGIN = 14;

export class Room {
  private readonly palettes = { light: palette(false), dark: palette(true) };

  constructor(
    readonly scene: Scene,
    readonly blocks: Blocks,
    readonly state: State,
  ) {}

  get words(): Words {
    return WORDS[this.state.now.language];
  }

  get palette(): Palette {
    return this.palettes[this.state.now.theme];
  }

  get view(): View {
    return this.scene.views[this.state.now.view]!;
  }

  /** The other one of two views, or the same. */
  get other(): View {
    return this.scene.views[this.scene.views.length - 1 - this.state.now.view]!;
  }

  layer(view: View = this.view): Layer | undefined {
    return view.layers[Math.min(this.state.now.layer, view.layers.length - 1)];
  }

  track(view: View = this.view): Track | undefined {
    const layer = this.layer(view);
    return layer?.tracks.find((track) => track.name === this.state.now.track) ?? layer?.tracks[0];
  }

  async grid(view: View = this.view): Promise<Grid | null> {
    const track = this.track(view);
    return track ? this.blocks.grid(track.block) : null;
  }

  steps(view: View = this.view): number {
    return view.tokens.length;
  }

  /** The longest of what is shown: the common axis. */
  get span(): number {
    return Math.max(1, ...this.scene.views.flatMap((view) => [view.tokens.length, ...view.layers.map((layer) => layer.tokens?.length ?? 0)]));
  }

  /** A colour of the style sheet. */
  colour(name: string): string {
    return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  }
}
