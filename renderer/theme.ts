import { colorsTuple, createTheme } from '@mantine/core';

export const theme = createTheme({
  primaryColor: 'accent',
  // Only the shade that decides between dark and light text is read. The real values are custom properties in
  // styles/tokens.css: Mantine would write its own into a `<style>` element, which the Content-Security-Policy blocks.
  colors: { accent: colorsTuple('#f2b134'), red: colorsTuple('#c8461b') },
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
    ActionIcon: { defaultProps: { variant: 'subtle', color: 'gray' } },
    Modal: {
      defaultProps: { centered: true, lockScroll: false, closeButtonProps: { 'aria-label': 'Close' } },
    },
    // Mantine's own gray has too little contrast on white.
    Notification: { styles: { description: { color: 'var(--muted)' } } },
    // Mantine would add a focusable element that is no menu item, which breaks a rule of accessibility.
    Menu: { defaultProps: { withInitialFocusPlaceholder: false } },
  },
});
