import { describe, expect, test } from 'vitest';

import { mismatchedHost } from './links';

describe('a link', () => {
  test.each([
    ['https://evil.example/', 'https://bank.example', 'evil.example'],
    ['https://evil.example/', 'bank.example/login', 'evil.example'],
    ['https://evil.example/', 'www.bank.example', 'evil.example'],
    ['https://bank.example@evil.example/', 'https://bank.example@evil.example/', 'evil.example'],
    ['https://bank.example@evil.example/', 'the bank', 'evil.example'],
    ['https://xn--bnk-7na.example/', 'https://bänk.example', 'xn--bnk-7na.example'],
    ['https://evil.example/', 'bank.example\u200b', 'evil.example'],
    ['https://bank.example:8443/', 'https://bank.example', 'bank.example:8443'],
  ])('to %s with the text %j shows the host %s', (href, text, host) => {
    expect(mismatchedHost(href, text)).toBe(host);
  });

  test.each([
    ['https://example.org/a?b=c', 'https://example.org/a?b=c'],
    ['https://example.org/', 'example.org'],
    ['http://www.example.org/', 'www.example.org'],
    ['https://example.org/', 'the sea'],
    ['https://example.org/', 'Version 2.0 of it'],
    ['mailto:someone@example.org', 'someone@example.org'],
  ])('to %s with the text %j shows no host', (href, text) => {
    expect(mismatchedHost(href, text)).toBeNull();
  });
});
