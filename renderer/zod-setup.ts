/**
 * Must run before any schema is built. zod otherwise probes for `new Function`, which the page's Content-Security-Policy refuses
 * and reports as a violation.
 */
import { z } from 'zod';

z.config({ jitless: true });
