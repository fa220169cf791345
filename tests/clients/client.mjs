// A client of Socket.IO in a test's hands: node client.mjs URL TRANSPORTS COOKIE
//
// Each line of its input, ["event", data], is emitted. What happens to it is told line by line.
import { createInterface } from 'node:readline';

import { io } from 'socket.io-client';

const [url, transports, cookie] = process.argv.slice(2);
const tell = (...happening) => process.stdout.write(`${JSON.stringify(happening)}\n`);

const socket = io(url, { transports: transports.split(','), extraHeaders: { cookie } });
socket.io.on('open', () => socket.io.engine.on('upgrade', ({ name }) => tell('upgrade', name)));
socket.io.on('ping', () => tell('ping'));
socket.on('connect', () => tell('connect'));
socket.on('disconnect', () => tell('disconnect'));
socket.onAny((event, data) => tell(event, data));

for await (const line of createInterface({ input: process.stdin })) {
  const [event, data] = JSON.parse(line);
  socket.emit(event, data, (...answer) => tell('acknowledged', event, answer));
}
socket.close();
