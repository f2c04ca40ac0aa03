/**
 * Must run before any schema is built. Otherwise zod probes for `new Function`, which the Content-Security-Policy
 * blocks and reports.
 */
import { z } from 'zod';

z.config({ jitless: true });
