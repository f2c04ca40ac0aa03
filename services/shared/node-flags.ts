/**
 * Flags of V8 and settings of glibc that keep a service's memory near what it uses (measured in
 * docs/speed.md). Whatever starts a gateway or a worker passes them on. A service runs without them too, but
 * needs more memory.
 */

/**
 * Flags for Node. By default V8 lets the garbage of ten thousand connections grow to several times the live
 * heap. With these it collects when the heap has grown by a fifth. They do not limit the heap: a large live
 * heap still fits. A worker has the frames of hundreds of sales in hand at once, which a small space for new objects
 * would move about all the time: with 16 MB the same sales cost it half of the CPU.
 */
export const SERVICE_NODE_FLAGS: Readonly<Record<'gateway' | 'worker', readonly string[]>> = {
  gateway: ['--heap-growing-percent=20', '--max-semi-space-size=4'],
  worker: ['--heap-growing-percent=20', '--max-semi-space-size=16'],
};

/**
 * For glibc's allocator: one arena, and free memory at its end goes back to the system. Other C libraries
 * ignore it.
 */
export const SERVICE_ALLOCATOR_ENV: Readonly<Record<string, string>> = {
  MALLOC_ARENA_MAX: '1',
  MALLOC_TRIM_THRESHOLD_: '131072',
  MALLOC_MMAP_THRESHOLD_: '131072',
};
