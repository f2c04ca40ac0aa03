#!/usr/bin/env node
/**
 * Makes all icons from build/icon.svg: Chromium draws PNGs, and the .ico of Windows and the .icns of macOS are lists of
 * these. Run `node scripts/icons.mjs` after a change of the drawing, and commit the results.
 */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import process from 'node:process';
import { chromium } from 'playwright-core';
import { findProgram, root, say } from './setup/tools.mjs';

const BUILD = join(root, 'build');
const LINUX_SIZES = [16, 24, 32, 48, 64, 128, 256, 512];
const ICO_SIZES = [16, 24, 32, 48, 64, 128, 256];
/** Each size of the .icns has a name of four letters; sizes that occur twice are for high-density displays. */
const ICNS_TYPES = [
  ['icp4', 16],
  ['icp5', 32],
  ['ic07', 128],
  ['ic08', 256],
  ['ic09', 512],
  ['ic10', 1024],
  ['ic11', 32],
  ['ic12', 64],
  ['ic13', 256],
  ['ic14', 512],
];

async function drawPngs(svg, sizes) {
  const executablePath = process.env.CHROMIUM ?? findProgram('chromium') ?? findProgram('google-chrome');
  if (!executablePath) throw new Error('Chromium is needed to draw the icons; set CHROMIUM to its program.');
  const browser = await chromium.launch({
    executablePath,
    args: ['--disable-gpu', '--no-first-run', ...(process.getuid?.() === 0 ? ['--no-sandbox'] : [])],
  });
  try {
    const pngs = new Map();
    for (const size of sizes) {
      const page = await browser.newPage({ viewport: { width: size, height: size } });
      await page.setContent(
        `<style>*{margin:0}svg{display:block;width:${size}px;height:${size}px}</style>${svg}`,
      );
      pngs.set(size, await page.screenshot({ omitBackground: true }));
      await page.close();
    }
    return pngs;
  } finally {
    await browser.close();
  }
}

/** ICONDIR, one ICONDIRENTRY an image, then the images: PNG is allowed since Windows Vista. */
function ico(images) {
  const head = Buffer.alloc(6 + 16 * images.length);
  head.writeUInt16LE(1, 2);
  head.writeUInt16LE(images.length, 4);
  let offset = head.length;
  for (const [at, { size, png }] of images.entries()) {
    const entry = 6 + 16 * at;
    // One byte a side: 0 is 256.
    head.writeUInt8(size % 256, entry);
    head.writeUInt8(size % 256, entry + 1);
    head.writeUInt16LE(1, entry + 4);
    head.writeUInt16LE(32, entry + 6);
    head.writeUInt32LE(png.length, entry + 8);
    head.writeUInt32LE(offset, entry + 12);
    offset += png.length;
  }
  return Buffer.concat([head, ...images.map(({ png }) => png)]);
}

/** "icns", the file's length, then type, length and PNG of each image. */
function icns(images) {
  const chunk = (type, body) => {
    const head = Buffer.alloc(8);
    head.write(type, 'latin1');
    head.writeUInt32BE(body.length + 8, 4);
    return Buffer.concat([head, body]);
  };
  return chunk('icns', Buffer.concat(images.map(({ type, png }) => chunk(type, png))));
}

const sizes = [...new Set([...LINUX_SIZES, ...ICO_SIZES, ...ICNS_TYPES.map(([, size]) => size)])];
const drawing = readFileSync(join(BUILD, 'icon.svg'), 'utf8');
// The page shows the drawing itself.
writeFileSync(join(root, 'renderer/public/icon.svg'), drawing);
const pngs = await drawPngs(drawing, sizes);
mkdirSync(join(BUILD, 'icons'), { recursive: true });
for (const size of LINUX_SIZES) writeFileSync(join(BUILD, `icons/${size}x${size}.png`), pngs.get(size));
writeFileSync(join(BUILD, 'icon.png'), pngs.get(1024));
writeFileSync(join(BUILD, 'icon.ico'), ico(ICO_SIZES.map((size) => ({ size, png: pngs.get(size) }))));
writeFileSync(
  join(BUILD, 'icon.icns'),
  icns(ICNS_TYPES.map(([type, size]) => ({ type, png: pngs.get(size) }))),
);
say(`Icons of ${sizes.length} sizes are in build/.`);
