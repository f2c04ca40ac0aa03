/** The last thing that a browser shows; an Electron window closes before it is read. */
export function QuitScreen() {
  return (
    <main className="boot">
      <p className="boot-name">FlashGrid</p>
      <h1>FlashGrid has ended.</h1>
      <p>Start it again with npm start, then open the address it prints. This tab can be closed.</p>
    </main>
  );
}
