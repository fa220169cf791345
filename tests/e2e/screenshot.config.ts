import config from './playwright.config.ts';

/** Takes the README's picture: `make screenshot`. */
export default { ...config, testMatch: 'screenshot.ts' };
