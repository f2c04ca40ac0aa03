/**
 * Prints the HTML report: as PDF, or each chart as PNG. A browser does it, over the DevTools protocol: the window's own
 * process, or the machine's Chromium (chromium.ts). No script runs in the page, and nothing is loaded.
 */
import { z } from 'zod';
import { FailureError } from '../../../contract/failure.ts';
import { errorText } from '../../../services/shared/error-text.ts';
import { ReleaseStack } from '../../../services/shared/release-stack.ts';
import { withLimit } from '../../../services/shared/time-limit.ts';
import { zipOf } from './zip.ts';

/** An empty page of a browser. */
export interface Tab {
  /** A command of the DevTools protocol. */
  send(method: string, params?: Readonly<Record<string, unknown>>): Promise<unknown>;
  close(): Promise<void> | void;
}
export type OpenTab = () => Promise<Tab>;

const LIMIT_MS = 60_000;
/** CSS pixels of the page whose charts are drawn. */
const WIDTH = 1240;
const HEIGHT = 900;
/** Dots of a picture for each CSS pixel. */
const SCALE = 2;

const bytesSchema = z.object({ data: z.string() });
const treeSchema = z.object({ frameTree: z.object({ frame: z.object({ id: z.string() }) }) });
const rootSchema = z.object({ root: z.object({ nodeId: z.number() }) });
const nodesSchema = z.object({ nodeIds: z.array(z.number()) });
const attributesSchema = z.object({ attributes: z.array(z.string()) });
/** Corners, clockwise from the left upper one: x, y, x, y … */
const boxSchema = z.object({ model: z.object({ border: z.array(z.number()).length(8) }) });

/** The report as PDF. */
export const printPdf = (page: string, openTab: OpenTab): Promise<Buffer> =>
  withPage(page, openTab, async (tab) => {
    const options = { printBackground: true, preferCSSPageSize: true, generateTaggedPDF: true };
    return bytesOf(await tab.send('Page.printToPDF', options));
  });

/** Every chart of the report as PNG, in one ZIP file. */
export const printCharts = (page: string, openTab: OpenTab): Promise<Buffer> =>
  withPage(page, openTab, async (tab) => {
    const { root } = rootSchema.parse(await tab.send('DOM.getDocument'));
    const charts = { nodeId: root.nodeId, selector: 'figure.chart' };
    const { nodeIds } = nodesSchema.parse(await tab.send('DOM.querySelectorAll', charts));
    const pictures: { name: string; bytes: Buffer }[] = [];
    for (const nodeId of nodeIds) {
      const { attributes } = attributesSchema.parse(await tab.send('DOM.getAttributes', { nodeId }));
      const { model } = boxSchema.parse(await tab.send('DOM.getBoxModel', { nodeId }));
      const [x = 0, y = 0, , , right = 0, bottom = 0] = model.border;
      const clip = { x, y, width: right - x, height: bottom - y, scale: SCALE };
      const shot = await tab.send('Page.captureScreenshot', { clip, captureBeyondViewport: true });
      pictures.push({ name: `${attributes[attributes.indexOf('id') + 1]}.png`, bytes: bytesOf(shot) });
    }
    return zipOf(pictures);
  });

const bytesOf = (answer: unknown) => Buffer.from(bytesSchema.parse(answer).data, 'base64');

/** @throws FailureError `export.noBrowser`, `export.notPrinted` */
async function withPage(
  page: string,
  openTab: OpenTab,
  print: (tab: Tab) => Promise<Buffer>,
): Promise<Buffer> {
  const undo = new ReleaseStack();
  try {
    const work = async (): Promise<Buffer> => {
      const tab = await openTab();
      undo.add('browser', () => tab.close());
      await tab.send('Emulation.setScriptExecutionDisabled', { value: true });
      const size = { width: WIDTH, height: HEIGHT, deviceScaleFactor: 1, mobile: false };
      await tab.send('Emulation.setDeviceMetricsOverride', size);
      const features = [{ name: 'prefers-color-scheme', value: 'light' }];
      await tab.send('Emulation.setEmulatedMedia', { features });
      const { frameTree } = treeSchema.parse(await tab.send('Page.getFrameTree'));
      await tab.send('Page.setDocumentContent', { frameId: frameTree.frame.id, html: page });
      return await print(tab);
    };
    return await withLimit(work(), LIMIT_MS, `the browser took more than ${LIMIT_MS / 1_000} s`);
  } catch (error) {
    if (error instanceof FailureError) throw error;
    throw new FailureError(
      {
        code: 'export.notPrinted',
        message: `The report could not be printed: ${errorText(error)}.`,
        fix: 'Try it again, or export it as HTML and print that with any browser.',
      },
      { cause: error },
    );
  } finally {
    await undo.release();
  }
}
