// A Socket.IO client that a test controls: node client.mjs URL TRANSPORTS COOKIE
//
// It emits each line of its input, ["event", data], and prints one line for everything that it receives.
import { createInterface } from 'node:readline';

import { io } from 'socket.io-client';

const [url, transports, cookie] = process.argv.slice(2);
const print = (...notification) => process.stdout.write(`${JSON.stringify(notification)}\n`);

const socket = io(url, { transports: transports.split(','), extraHeaders: { cookie } });
socket.io.on('open', () => socket.io.engine.on('upgrade', ({ name }) => print('upgrade', name)));
socket.io.on('ping', () => print('ping'));
socket.on('connect', () => print('connect'));
socket.on('disconnect', () => print('disconnect'));
socket.onAny((event, data) => print(event, data));

for await (const line of createInterface({ input: process.stdin })) {
  const [event, data] = JSON.parse(line);
  socket.emit(event, data, (...answer) => print('acknowledged', event, answer));
}
socket.close();
