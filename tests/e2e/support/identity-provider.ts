import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { resolve } from 'node:path';
import { createInterface } from 'node:readline';

import type { Page } from '@playwright/test';

import type { Settings } from './server.ts';

const SCRIPT = resolve(import.meta.dirname, '../../clients/identity-provider.mjs');

/** A certified OpenID provider in a separate process. Its users sign in with a name and any password. */
export class IdentityProvider {
  private constructor(
    private readonly process: ChildProcess,
    readonly url: string,
    /** The settings of the server that uses the provider. */
    readonly settings: Settings,
  ) {}

  static async start(): Promise<IdentityProvider> {
    const port = await freePort();
    const server = `http://127.0.0.1:${port}/`;
    const child = spawn('node', [SCRIPT, server], { stdio: ['pipe', 'pipe', 'ignore'] });
    const [url] = (await once(createInterface({ input: child.stdout }), 'line')) as [string];
    return new IdentityProvider(child, url, {
      PORT: String(port),
      PUBLIC_URL: server,
      OIDC_ISSUER: url,
      OIDC_CLIENT_ID: 'webchat',
      OIDC_CLIENT_SECRET: 'client-secret-of-the-certified-provider',
      OIDC_NAME: 'Example',
    });
  }

  /** Signs in on the page of the provider, and agrees, which the provider asks for once. */
  async signIn(page: Page, name: string): Promise<void> {
    await page.locator('input[name="login"]').fill(name);
    await page.locator('input[name="password"]').fill('x');
    await page.locator('button[type="submit"]').click();
    const agree = page.getByRole('button', { name: 'Continue', exact: true });
    await agree.or(page.getByRole('banner')).first().waitFor();
    if (await agree.isVisible()) await agree.click();
  }

  stop(): void {
    this.process.kill();
  }
}

export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  if (address === null || typeof address === 'string') throw new Error('no port');
  return address.port;
}
