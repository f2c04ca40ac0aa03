/** The URLs in a text that names the nodes of one cluster, separated by commas: the one place that takes it apart. */
export function urlList(text: string): string[] {
  return text.split(',').map((url) => url.trim());
}
