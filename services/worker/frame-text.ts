/** Checks a frame's body before any of it reaches Redis or Postgres. */
import { FrameError, decodeEntries } from '../shared/frame.ts';
import type { Frame, FrameEntry } from '../shared/frame.ts';
import type { UndecidedFrame } from '../shared/sale-store.ts';

const TAB = 0x09;
/** Anything but LF and the characters of user ids (ids.ts). */
const FOREIGN_CHARACTER = /[^A-Za-z0-9._:@+=~\n-]/;
const EMPTY_LINE = /^\n|\n\n/;
/** Anchored to a line's start: else each character of a line would begin a try of its own, a tenth of a worker's time. */
const LONG_LINE = /^[^\n]{65}/m;

/**
 * Makes a frame ready for the decision script.
 * @throws FrameError when a line of the body is not a reservation
 */
export function undecidedFrame(frame: Frame): UndecidedFrame {
  const { id, saleId, generation, count } = frame;
  const body = frame.body.toString('latin1');
  const digests: string[] = [];
  if (frame.body.includes(TAB)) {
    for (const { digest } of decodeEntries(frame.body)) if (digest !== undefined) digests.push(digest);
  } else if (FOREIGN_CHARACTER.test(body) || EMPTY_LINE.test(body) || LONG_LINE.test(body)) {
    // Three scans of the text take a tenth of the time of splitting it into lines, which most frames never
    // need.
    throw new FrameError('the body has a line that is not a user id');
  }
  return { id, saleId, generation, count, body, digests };
}

/** The entries of a frame that `undecidedFrame` has checked. */
export function entriesOf(frame: UndecidedFrame): readonly FrameEntry[] {
  return decodeEntries(Buffer.from(frame.body, 'latin1'));
}
