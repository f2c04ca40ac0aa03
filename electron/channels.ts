/** The four lines between the window and the main process. Nothing else is listened to. */
export const CALL_CHANNEL = 'flashgrid:call';
export const SAVE_CHANNEL = 'flashgrid:saveFile';
export const EVENTS_CHANNEL = 'flashgrid:events';
/** The window has taken the last batch of events, or has just been loaded: it is ready for the next. */
export const TAKEN_CHANNEL = 'flashgrid:taken';
