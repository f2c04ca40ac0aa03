/** The last thing that a browser shows, and what a window shows while everything stops. */
export function QuitScreen() {
  const isWindow = window.flashgrid !== undefined;
  return (
    <main className="boot">
      <p className="boot-name">FlashGrid</p>
      <h1>{isWindow ? 'FlashGrid is closing…' : 'FlashGrid has ended.'}</h1>
      <p>
        {isWindow
          ? 'Gateways and workers finish what they hold. The window closes by itself.'
          : 'Start it again with npm start, then open the address it prints. This tab can be closed.'}
      </p>
    </main>
  );
}
