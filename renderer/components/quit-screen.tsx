/** What a browser shows after FlashGrid has ended, and a window while everything stops. */
export function QuitScreen() {
  const isWindow = window.flashgrid !== undefined;
  return (
    <main className="boot">
      <p className="boot-name">FlashGrid</p>
      <h1>{isWindow ? 'FlashGrid is closing…' : 'FlashGrid has ended.'}</h1>
      <p>
        {isWindow
          ? 'Gateways and workers finish what is in flight. The window closes by itself.'
          : 'Start it again with npm start and open the address that it prints. You can close this tab.'}
      </p>
    </main>
  );
}
