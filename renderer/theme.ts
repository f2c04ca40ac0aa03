import { createTheme, type MantineColorsTuple } from '@mantine/core';

/**
 * Only names: the values are custom properties in styles/tokens.css. Mantine would otherwise write them into a `<style>` element, which
 * the Content-Security-Policy refuses.
 */
const accent: MantineColorsTuple = [
  '#fdf4dc',
  '#fae6b3',
  '#f7d784',
  '#f4c757',
  '#f2b134',
  '#e09c19',
  '#b87c0f',
  '#8f5f0a',
  '#664306',
  '#3d2803',
];

// Only its fifth shade is read, to choose between dark and white text.
const red: MantineColorsTuple = [
  '#fbe5dc',
  '#f5c4b1',
  '#ee9d7e',
  '#e0683a',
  '#c8461b',
  '#b93c0b',
  '#983109',
  '#772706',
  '#551c05',
  '#341103',
];

export const theme = createTheme({
  primaryColor: 'accent',
  colors: { accent, red },
  fontFamily: 'var(--font)',
  fontFamilyMonospace: 'var(--font-mono)',
  defaultRadius: 'md',
  cursorType: 'pointer',
  // Dark ink on amber, white on red.
  autoContrast: true,
  luminanceThreshold: 0.4,
  primaryShade: 4,
  respectReducedMotion: true,
  focusRing: 'auto',
  components: {
    // Mantine would put a focusable element into each menu that is no item of it, which a menu may not have; without it the first item
    // has the focus.
    Menu: { defaultProps: { withInitialFocusPlaceholder: false } },
  },
});
