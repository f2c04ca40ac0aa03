/**
 * How a service's process is started: flags of V8 and settings of glibc that keep its memory near what it uses. Measured in docs/speed.md.
 * Whoever starts a gateway or a worker hands them on; a service runs without them too, in more memory.
 */

/**
 * Flags for Node. Ten thousand connections leave garbage that V8 would let grow to several times the live heap before it looks: now
 * it looks when the heap has grown by a fifth. No limit is set on the heap, so a live heap that is large still fits.
 */
export const SERVICE_NODE_FLAGS: readonly string[] = ['--heap-growing-percent=20', '--max-semi-space-size=4'];

/** Environment for glibc's allocator: one arena, and what is free at the end goes back to the system. Other C libraries ignore it. */
export const SERVICE_ALLOCATOR_ENV: Readonly<Record<string, string>> = {
  MALLOC_ARENA_MAX: '1',
  MALLOC_TRIM_THRESHOLD_: '131072',
  MALLOC_MMAP_THRESHOLD_: '131072',
};
