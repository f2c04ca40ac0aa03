/** A process with many dashboards: each a Socket.IO client in the room of one sale. Forked by the bench; says how many updates came. */
import process from 'node:process';
import { io, type Socket } from 'socket.io-client';

const { BENCH_URL: url = '', BENCH_SALE: saleId = '', BENCH_COUNT: count = '100' } = process.env;
let updates = 0;
const sockets: Socket[] = [];
const joined = Array.from({ length: Number(count) }, () => {
  const socket = io(url, { transports: ['websocket'], forceNew: true });
  sockets.push(socket);
  socket.on('sale', () => updates++);
  return new Promise<void>((resolve) => {
    socket.on('connect', () => {
      socket.emit('join', `sale:${saleId}`);
      resolve();
    });
  });
});
await Promise.all(joined);
process.on('message', () => {
  for (const socket of sockets) socket.close();
  process.send?.({ type: 'updates', updates }, () => process.exit(0));
});
process.on('disconnect', () => process.exit(0));
process.send?.({ type: 'ready', port: 1 });
