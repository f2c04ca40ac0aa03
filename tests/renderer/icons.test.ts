/** Every icon of the packages is build/icon.svg, drawn at its size: one that was forgotten after a change of the drawing is found. */
import { readFileSync, readdirSync } from 'node:fs';
import { join, resolve } from 'node:path';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { launchChromium } from '../../scripts/chromium.mjs';

const ROOT = resolve(import.meta.dirname, '../..');
const BUILD = join(ROOT, 'build');
const svg = readFileSync(join(BUILD, 'icon.svg'), 'utf8');
/** Mean difference of a channel, of 255: another version of Chromium draws its edges a little differently. */
const TOLERANCE = 3;

interface Picture {
  readonly name: string;
  /** As its container says. */
  readonly size: number;
  readonly png: Buffer;
}

/** ICONDIR: the count at 4, then an entry of 16 bytes for each image. */
function readIco(file: Buffer): Picture[] {
  return Array.from({ length: file.readUInt16LE(4) }, (_, at) => {
    const entry = 6 + 16 * at;
    const from = file.readUInt32LE(entry + 12);
    const size = file.readUInt8(entry) || 256;
    return { name: `icon.ico ${size}`, size, png: file.subarray(from, from + file.readUInt32LE(entry + 8)) };
  });
}

const ICNS_SIZES: Readonly<Record<string, number>> = {
  icp4: 16,
  icp5: 32,
  ic07: 128,
  ic08: 256,
  ic09: 512,
  ic10: 1024,
  ic11: 32,
  ic12: 64,
  ic13: 256,
  ic14: 512,
};

/** "icns" and the length of all, then type, length and PNG of each image. */
function readIcns(file: Buffer): Picture[] {
  expect([file.toString('latin1', 0, 4), file.readUInt32BE(4)]).toEqual(['icns', file.length]);
  const pictures: Picture[] = [];
  for (let at = 8; at < file.length; at += file.readUInt32BE(at + 4)) {
    const type = file.toString('latin1', at, at + 4);
    const png = file.subarray(at + 8, at + file.readUInt32BE(at + 4));
    pictures.push({ name: `icon.icns ${type}`, size: ICNS_SIZES[type] ?? 0, png });
  }
  return pictures;
}

const ico = readIco(readFileSync(join(BUILD, 'icon.ico')));
const icns = readIcns(readFileSync(join(BUILD, 'icon.icns')));
const loose = readdirSync(join(BUILD, 'icons')).map((name) => ({
  name,
  size: Number(/^(\d+)x\1\.png$/.exec(name)?.[1]),
  png: readFileSync(join(BUILD, 'icons', name)),
}));
const large = { name: 'icon.png', size: 1024, png: readFileSync(join(BUILD, 'icon.png')) };

/** In the page: how large the picture really is, and how far it is from the drawing. */
const COMPARE = `async ({ png, svg, size }) => {
  const pixelsOf = async (url, size) => {
    const image = new Image();
    image.src = url;
    await image.decode();
    const canvas = new OffscreenCanvas(size, size);
    const context = canvas.getContext('2d');
    context.drawImage(image, 0, 0, size, size);
    return { data: context.getImageData(0, 0, size, size).data, width: image.naturalWidth, height: image.naturalHeight };
  };
  const drawn = await pixelsOf('data:image/png;base64,' + png, size);
  const wanted = await pixelsOf('data:image/svg+xml;base64,' + btoa(svg), size);
  // Where a pixel is not seen, its colour counts for nothing.
  let difference = 0;
  for (let at = 0; at < drawn.data.length; at++) {
    const alpha = at - at % 4 + 3;
    const seen = (pixels) => at === alpha ? pixels[at] : pixels[at] * pixels[alpha] / 255;
    difference += Math.abs(seen(drawn.data) - seen(wanted.data));
  }
  return { width: drawn.width, height: drawn.height, difference: difference / drawn.data.length };
}`;

let browser: Browser;
let page: Page;

beforeAll(async () => {
  browser = await launchChromium();
  page = await browser.newPage();
});
afterAll(() => browser.close());

const compare = async ({ png, size }: Picture, drawing = svg): Promise<unknown> =>
  await page.evaluate(`(${COMPARE})(${JSON.stringify({ png: png.toString('base64'), svg: drawing, size })})`);

describe('the icons', () => {
  it('are there in every size that the systems ask for', () => {
    const sizes = (pictures: readonly Picture[]) => pictures.map(({ size }) => size).sort((a, b) => a - b);
    expect(sizes(ico)).toEqual([16, 24, 32, 48, 64, 128, 256]);
    expect(sizes(icns)).toEqual([16, 32, 32, 64, 128, 256, 256, 512, 512, 1024]);
    expect(sizes(loose)).toEqual([16, 24, 32, 48, 64, 128, 256, 512]);
  });

  it('are the drawing, each of them, and so is the picture that the page shows', async () => {
    for (const picture of [...ico, ...icns, ...loose, large]) {
      const { name, size } = picture;
      expect({ name, ...Object(await compare(picture)) }).toEqual({
        name,
        width: size,
        height: size,
        difference: expect.toSatisfy((value: number) => value <= TOLERANCE) as unknown,
      });
    }
    expect(readFileSync(join(ROOT, 'renderer/public/icon.svg'), 'utf8')).toBe(svg);
  });

  it('are found out when the drawing has changed', async () => {
    const changed = svg.replace('</svg>', '<rect width="40%" height="40%" fill="#00f"/></svg>');
    expect(changed).not.toBe(svg);
    expect(await compare(large, changed)).toEqual(
      expect.objectContaining({
        difference: expect.toSatisfy((value: number) => value > TOLERANCE) as unknown,
      }),
    );
  });
});
