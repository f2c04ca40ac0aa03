/** The four IPC channels between the window and the main process. No other is handled. */
export const CALL_CHANNEL = 'flashgrid:call';
export const SAVE_CHANNEL = 'flashgrid:saveFile';
export const EVENTS_CHANNEL = 'flashgrid:events';
/** The window has handled the last batch of events, or was just loaded: it is ready for the next. */
export const TAKEN_CHANNEL = 'flashgrid:taken';
