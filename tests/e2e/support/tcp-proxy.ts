import { connect, createServer, type Socket } from 'node:net';

import { listen } from './listen.ts';
import type { Server } from './server.ts';

/** A proxy in front of a server whose connections can die without a word, as after sleep or a change of networks. */
export class TcpProxy {
  url = '';
  readonly #server = createServer((client) => this.#forward(client));
  readonly #sockets = new Set<Socket>();

  private constructor(private readonly target: URL) {}

  static async start(server: Server): Promise<TcpProxy> {
    const proxy = new TcpProxy(new URL(server.url));
    proxy.url = `http://127.0.0.1:${await listen(proxy.#server)}`;
    return proxy;
  }

  /** Forwards nothing more on the current connections, and does not close them. New ones work. */
  killSilently(): void {
    for (const socket of this.#sockets) {
      socket.unpipe();
      socket.removeAllListeners('close');
      socket.on('data', () => {});
    }
  }

  stop(): void {
    for (const socket of this.#sockets) socket.destroy();
    this.#server.close();
  }

  #forward(client: Socket): void {
    const upstream = connect(Number(this.target.port), this.target.hostname);
    for (const [from, to] of [
      [client, upstream],
      [upstream, client],
    ] as const) {
      this.#sockets.add(from);
      from.pipe(to);
      from.on('error', () => {});
      from.on('close', () => to.destroy());
    }
  }
}
