import { type ChildProcess, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { createInterface } from 'node:readline';

const ROOT = resolve(import.meta.dirname, '../../..');
const TARGET = process.env['CARGO_TARGET_DIR'] ?? join(ROOT, 'target');
const BINARY = process.env['WEBCHAT_BIN'] ?? join(TARGET, 'debug/webchat');
const READY = /^Webchat is ready: (http:\/\/\S+)/;

/** The model that a server talks to. */
export interface Upstream {
  url: string;
  name: string;
  maxTokens: string;
}

/** Environment variables that override the defaults of the tests. */
export type Settings = Record<string, string>;

/** The small real model that `make test` runs. */
export function realModel(): Upstream {
  return {
    url: required('TEST_MODEL_URL'),
    name: required('TEST_MODEL'),
    maxTokens: required('TEST_MODEL_MAX_TOKENS'),
  };
}

/** A new database of MongoDB and the server of Redis, for several instances. */
export function sharedStores(): Settings {
  const uri = new URL(required('TEST_MONGODB_URI'));
  uri.pathname = `/webchat_e2e_${randomBytes(8).toString('hex')}`;
  return {
    MONGODB_URI: uri.href,
    REDIS_URL: required('TEST_REDIS_URL'),
    SECRET_KEY: randomBytes(32).toString('hex'),
  };
}

/** The passwords of users who can sign in, by name; with a role if they are not ordinary users. */
export type Users = Record<string, string | { password: string; role: 'auditor' | 'admin' }>;

/** The server binary, run as a separate process with its own data directory. */
export class Server {
  url = '';
  #process: ChildProcess | null = null;

  private constructor(
    private readonly upstream: Upstream,
    private readonly dataDir: string,
    private readonly settings: Settings,
  ) {}

  static async start(upstream: Upstream, settings: Settings = {}, users: Users = {}): Promise<Server> {
    const dataDir = await mkdtemp(join(tmpdir(), 'webchat-e2e-'));
    const server = new Server(upstream, dataDir, settings);
    for (const [name, user] of Object.entries(users)) {
      const { password, role } = typeof user === 'string' ? { password: user, role: null } : user;
      await server.run(['user', 'add', name, '--password-stdin'], `${password}\n`);
      if (role !== null) await server.run(['user', 'role', name, role]);
    }
    await server.restart();
    return server;
  }

  /** Starts the server on the same data and, after the first start, on the same port. */
  async restart(): Promise<void> {
    const child = spawn(BINARY, ['serve'], {
      env: {
        HOST: '127.0.0.1',
        PORT: new URL(this.url || 'http://127.0.0.1:0').port || '0',
        DATA_DIR: this.dataDir,
        AZURE_API_URL: this.upstream.url,
        MODEL: this.upstream.name,
        MAX_TOKENS: this.upstream.maxTokens,
        REPLY_TOKENS: '800',
        // Without generated titles, the title is the beginning of the question, so tests can predict it.
        AUTO_TITLES: 'off',
        LOG_LEVEL: 'warn',
        SHUTDOWN_GRACE_S: '1',
        // All browsers of the tests share one address.
        NEW_USERS_PER_MINUTE_PER_ADDRESS: '0',
        REQUESTS_PER_SECOND_PER_ADDRESS: '0',
        // Serves another build of the page than the one in the binary.
        ...(process.env['WEB_DIR'] && { WEB_DIR: process.env['WEB_DIR'] }),
        ...this.settings,
      },
      // Outside the repository, because a developer's .env must not affect the tests.
      cwd: this.dataDir,
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    this.#process = child;
    const failed = once(child, 'error').then(([error]) => Promise.reject(error));
    const exitedEarly = once(child, 'exit').then(([code]) =>
      Promise.reject(new Error(`${BINARY} exited with status ${code} before it was ready`)),
    );
    this.url = await Promise.race([readyUrl(child), failed, exitedEarly]);
    failed.catch(() => {});
    exitedEarly.catch(() => {});
  }

  /** Runs a command on the data of the server. Returns its output. */
  async run(args: string[], input = ''): Promise<string> {
    const { MONGODB_URI, REDIS_URL } = this.settings;
    const env = { DATA_DIR: this.dataDir, ...(MONGODB_URI && { MONGODB_URI }), ...(REDIS_URL && { REDIS_URL }) };
    const child = spawn(BINARY, args, { env, cwd: this.dataDir, stdio: ['pipe', 'pipe', 'inherit'] });
    child.stdin.end(input);
    const exited = once(child, 'exit');
    let output = '';
    for await (const chunk of child.stdout) output += chunk;
    const [status] = (await exited) as [number];
    if (status !== 0) throw new Error(`webchat ${args.join(' ')} failed: exit status ${status}`);
    return output;
  }

  /** Kills the server, as with `kill -9`. */
  async kill(): Promise<void> {
    await this.#signal('SIGKILL');
  }

  /** Shuts the server down gracefully, so that it notifies its clients. */
  async terminate(): Promise<void> {
    await this.#signal('SIGTERM');
  }

  /** Shuts the server down and deletes its data. */
  async stop(): Promise<void> {
    await this.terminate();
    await rm(this.dataDir, { recursive: true, force: true });
  }

  async #signal(signal: NodeJS.Signals): Promise<void> {
    const child = this.#process;
    if (!child || child.exitCode !== null || child.signalCode !== null) return;
    const exited = once(child, 'exit');
    child.kill(signal);
    await exited;
  }
}

async function readyUrl(child: ChildProcess): Promise<string> {
  if (!child.stdout) throw new Error('the server has no output');
  for await (const line of createInterface({ input: child.stdout })) {
    const url = READY.exec(line)?.[1];
    if (url) {
      child.stdout.resume();
      return url;
    }
  }
  throw new Error('the server exited without output');
}

function required(name: string): string {
  const value = process.env[name];
  if (!value) throw new Error(`${name} is not set: run these tests with \`make test\``);
  return value;
}
