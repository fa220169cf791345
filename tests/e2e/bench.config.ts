import config from './playwright.config.ts';

/** The benchmarks of the page: `make bench`. */
export default {
  ...config,
  testDir: './bench',
  testMatch: 'page.ts',
  timeout: 600_000,
  reporter: [['line']],
  // Playwright's trace would distort the measurement.
  use: { ...config.use, trace: 'off' as const },
};
