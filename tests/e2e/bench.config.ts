import config from './playwright.config.ts';

/** Measures the page: `make bench`. */
export default { ...config, testMatch: 'bench.ts', timeout: 600_000, reporter: [['line']] };
