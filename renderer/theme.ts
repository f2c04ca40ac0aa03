import { createTheme, type MantineColorsTuple } from '@mantine/core';

/**
 * Only the shade that decides between dark and light text is read. The real values are custom properties in
 * styles/tokens.css: Mantine would write its own into a `<style>` element, which the Content-Security-Policy blocks.
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
    // Mantine would add a focusable element that is no menu item, which breaks a rule of accessibility.
    Menu: { defaultProps: { withInitialFocusPlaceholder: false } },
  },
});
