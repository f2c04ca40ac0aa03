/** The saved place and size of the window, fitted to the present displays. */
import { z } from 'zod';
import { writeFileAtomic } from '../control/lib/atomic-file.ts';
import { readJson } from '../control/lib/read-json.ts';

const boundsSchema = z.object({
  x: z.number().int(),
  y: z.number().int(),
  width: z.number().int().positive(),
  height: z.number().int().positive(),
});
export type Bounds = z.infer<typeof boundsSchema>;

const windowStateSchema = z.object({
  bounds: boundsSchema,
  isMaximized: z.boolean(),
  isFullScreen: z.boolean(),
});
export type WindowState = z.infer<typeof windowStateSchema>;

export const MIN_SIZE = { width: 720, height: 540 } as const;
const DEFAULT_SIZE = { width: 1_360, height: 900 } as const;
/** Pixels of the title bar that must be on a display, so that the window can be moved. */
const MIN_GRIP = 80;

/** The saved state; undefined if there is none or it is damaged: the window then opens at the default place. */
export const readWindowState = (path: string): WindowState | undefined => readJson(path, windowStateSchema);

/** Saves the state for the next start. */
export function writeWindowState(path: string, state: WindowState): void {
  writeFileAtomic(path, JSON.stringify(state));
}

/**
 * Bounds for the window: the saved ones if a display still shows them, else the middle of the first display.
 * @param workAreas of all displays, the primary one first
 */
export function fitBounds(kept: Bounds | undefined, workAreas: readonly Bounds[]): Bounds {
  const home = kept && workAreas.find((area) => showsTitleBar(area, kept));
  const area = home ?? workAreas[0];
  if (!area) return { x: 0, y: 0, ...DEFAULT_SIZE };
  const wanted = kept ?? DEFAULT_SIZE;
  const width = Math.min(Math.max(wanted.width, MIN_SIZE.width), area.width);
  const height = Math.min(Math.max(wanted.height, MIN_SIZE.height), area.height);
  if (kept && home) return { x: kept.x, y: kept.y, width, height };
  return {
    x: area.x + Math.round((area.width - width) / 2),
    y: area.y + Math.round((area.height - height) / 2),
    width,
    height,
  };
}

function showsTitleBar(area: Bounds, { x, y, width }: Bounds): boolean {
  const shown = Math.min(x + width, area.x + area.width) - Math.max(x, area.x);
  return shown >= MIN_GRIP && y >= area.y && y <= area.y + area.height - MIN_GRIP;
}
