import config from './playwright.config.ts';

/** Measures the page: `make bench`. */
export default {
  ...config,
  testMatch: 'bench.ts',
  timeout: 600_000,
  reporter: [['line']],
  // Playwright's own record of the page would be measured with it.
  use: { ...config.use, trace: 'off' as const },
};
