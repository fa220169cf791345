// A Socket.IO client that a test controls: node client.mjs URL TRANSPORTS COOKIE
//
// Reads lines of ["event", data] from stdin and emits them. Prints each event that it receives, each acknowledgement
// and each change of the connection as a line of JSON.
import { createInterface } from 'node:readline';

import { io } from 'socket.io-client';

const [url, transports, cookie] = process.argv.slice(2);
const report = (...entry) => process.stdout.write(`${JSON.stringify(entry)}\n`);

const socket = io(url, { transports: transports.split(','), extraHeaders: { cookie } });
socket.io.on('open', () => socket.io.engine.on('upgrade', ({ name }) => report('upgrade', name)));
socket.io.on('ping', () => report('ping'));
socket.on('connect', () => report('connect'));
socket.on('disconnect', () => report('disconnect'));
socket.onAny((event, data) => report(event, data));

for await (const line of createInterface({ input: process.stdin })) {
  const [event, data] = JSON.parse(line);
  socket.emit(event, data, (...answer) => report('acknowledged', event, answer));
}
socket.close();
