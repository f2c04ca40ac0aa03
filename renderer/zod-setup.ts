/**
 * Must be the first import of main.tsx. zod otherwise probes for `new Function`, which the page's Content-Security-Policy refuses
 * and reports as a violation.
 */
import { z } from 'zod';

z.config({ jitless: true });
